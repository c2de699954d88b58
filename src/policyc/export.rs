//! `policyc export`: policies to documents of other systems, where those can express them.

use super::{
    Config, Exit, Io, set,
    style::{Style, counted},
};
use crate::{
    ast::Item,
    report::terminal,
    source::Sources,
    wire::acl::{self, Inexpressible},
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
    match acl(paths, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn acl(paths: &[PathBuf], io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let set = set::one(paths, &[], io, config)?;
    let trees = set.loader().parse().map_err(|files| set::unreadable(&files, io))?;
    let items: Vec<Item> = trees.files.iter().flat_map(|(ast, _)| ast.items.clone()).collect();
    let set = trees.check();
    if set.ir.is_none() {
        let text = terminal::render(&set.diagnostics, &set.sources, io.color_err, io.width);
        let _ = io.err.write_all(text.as_bytes());
        return Err(Exit::Invalid);
    }
    match acl::export(&items) {
        Ok(documents) => {
            let text = match documents.as_slice() {
                [only] => only.to_json(),
                several => serde_json::to_string_pretty(several).unwrap_or_default(),
            };
            let _ = writeln!(io.out, "{text}");
            Ok(Exit::Fine)
        }
        Err(faults) => Ok(inexpressible(faults, &set.sources, io)),
    }
}

/// Lists what an access-control list cannot say.
fn inexpressible(mut faults: Vec<Inexpressible>, sources: &Sources, io: &mut Io<'_>) -> Exit {
    let style = Style::new(io.color_err);
    faults.sort_by_key(|fault| (fault.span.file, fault.span.start));
    for fault in &faults {
        let place = sources.place(fault.span);
        let _ =
            writeln!(io.err, "{place}: {} an access-control list cannot express {}", style.error("error:"), fault.what);
    }
    let _ = writeln!(io.err, "{}; nothing was written", counted(faults.len(), "error"));
    Exit::Negative
}
