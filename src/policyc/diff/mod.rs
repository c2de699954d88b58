//! `policyc diff`: who may do more or less with one policy set than with another.

mod pretty;
mod side;

use super::{Config, Exit, Io, claims::bar, style::failed};
use crate::{
    examine::diff::{Compared, json, markdown},
    query::{Budget, ChangeKind, Progress},
};
use clap::ValueEnum;
use std::path::PathBuf;

/// Compare the access that two policy sets give
///
/// Every difference is found, also where no rule's text has changed, and each is shown by a request that both sets have
/// decided. Where nothing is found there is nothing: sets that say the same in other words are proved to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 no change; 1 usage, or a file cannot be read; 2 access changed; 3 a policy set is not valid; 4 no change was \
found, and not all could be excluded within the budget.

Example:
  policyc diff main:policies policies
  policyc diff old.bundle new.bundle --only gained
  policyc diff origin/main:policies HEAD:policies --format markdown")]
pub(super) struct Args {
    /// The policies before: a file, a folder, a bundle, or `REV:PATH` of a git repository
    #[arg(value_name = "OLD")]
    old: String,
    /// The policies after
    #[arg(value_name = "NEW")]
    new: String,
    /// Look only for access that is gained or lost
    #[arg(long, env = "POLICYC_DIFF_ONLY", value_enum)]
    only: Option<Only>,
    /// How many steps the question about each rule may cost
    #[arg(long, env = "POLICYC_DIFF_BUDGET", value_name = "N", default_value_t = Budget::USUAL.left())]
    budget: u64,
    /// How the changes are shown
    #[arg(long, env = "POLICYC_DIFF_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Resources and principals with their attributes, for both: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_DIFF_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// What was denied is allowed
    Gained,
    /// What was allowed is denied
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON document
    Json,
    /// For a pull request
    Markdown,
}

/// How the command ends that found this.
const fn exit(compared: &Compared) -> Exit {
    if compared.is_same() {
        Exit::Fine
    } else if compared.found().changes.is_empty() {
        Exit::Inconclusive
    } else {
        Exit::Negative
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, _: &Config) -> Exit {
    if args.old == "-" && args.new == "-" {
        return failed(io, "standard input can be read only once", Some("give only one `-`"));
    }
    let (old, new) = match (side::load(&args.old, &args.catalog, io), side::load(&args.new, &args.catalog, io)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(one), Err(other)) => return one.max(other),
        (Err(exit), Ok(_)) | (Ok(_), Err(exit)) => return exit,
    };
    let kinds = match args.only {
        None => ChangeKind::ALL.to_vec(),
        Some(Only::Gained) => vec![ChangeKind::Gained],
        Some(Only::Lost) => vec![ChangeKind::Lost],
    };
    let bar = bar("comparing", io);
    let compared = Compared::new(old, new, &kinds, Budget::new(args.budget), |Progress { done, all }| {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        bar.set_length(count(all));
        bar.set_position(count(done));
    });
    bar.finish_and_clear();
    let text = match args.format {
        Format::Pretty => pretty::render(&compared, io.color_out),
        Format::Json => json::render(&compared),
        Format::Markdown => markdown::render(&compared),
    };
    let _ = io.out.write_all(text.as_bytes());
    exit(&compared)
}
