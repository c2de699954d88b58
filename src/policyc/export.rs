//! `policyc export`: policies to documents of other systems, where those can express them.

use super::{
    Config, Exit, Io, set,
    style::{Style, counted},
};
use std::path::PathBuf;

/// Turn policies into documents of other systems
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 written; 1 usage, or reading failed; 2 the policies say something that the documents cannot express; \
3 the policy set is not valid.

Example:
  policyc export acl policies/qwen3.policy > qwen3.json")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Access-control lists of models: one JSON document, or an array of them where there are several models
    #[command(after_help = "\
Exit codes: 0 written; 1 usage, or reading failed; 2 the policies say something that the documents cannot express, which \
is listed with its place; 3 the policy set is not valid.

Example:
  policyc export acl policies/qwen3.policy > qwen3.json")]
    Acl {
        /// Policy files and folders; `-` is standard input
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    let What::Acl { paths } = &args.what;
    Exit::Failed
}
