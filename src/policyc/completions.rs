//! `policyc completions`.

use super::{Config, Exit, Io};
use std::path::PathBuf;

/// Decide requests.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
}

pub(super) fn run(_: &Args, _: &mut Io<'_>, _: &Config) -> Exit {
    Exit::Failed
}
