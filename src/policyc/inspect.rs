//! `policyc inspect`: what a bundle is.

use super::{
    Exit, Io,
    set::{self, key_text},
    style::{Style, failed},
};
use crate::{
    engine::{About, inspect},
    load::bundle::is_bundle,
};
use clap::ValueEnum;
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

/// Show what a bundle is
///
/// Its set's revision, which release of it it is, its rules, who signed it, and what its bytes are. It is looked through as when it is opened, so one
/// that is shown is whole; whether its signature is right is for `policyc verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 shown; 1 usage, or reading failed; 3 the bundle is damaged or was built with other time-zone rules.

Example:
  policyc inspect policies.bundle")]
pub(super) struct Args {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How it is shown
    #[arg(long, env = "POLICYC_INSPECT_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON object
    Json,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Exit {
    if args.file.is_file() && !is_bundle(&args.file) {
        let message = format!("`{}` is not a bundle", args.file.display());
        return failed(io, &message, Some("`policyc build PATH… -o FILE` makes one"));
    }
    match inspect(&args.file) {
        Err(error) => set::not_loaded(error, io),
        Ok(about) => {
            let text = match args.format {
                Format::Pretty => pretty(&about, Style::new(io.color_out)),
                Format::Json => json(&about),
            };
            let _ = io.out.write_all(text.as_bytes());
            Exit::Fine
        }
    }
}

/// The width of the longest bar.
const BAR: u64 = 32;

fn pretty(about: &About, style: Style) -> String {
    let mut out = String::new();
    let key = about.key.map_or_else(|| "by nobody".to_owned(), |key| format!("by {}", key_text(&key)));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}  {}", style.bold("revision"), about.revision);
    let _ = writeln!(out, "{}   {}", style.bold("counter"), about.counter);
    let _ = writeln!(out, "{}     {}", style.bold("rules"), about.rules);
    let _ = writeln!(out, "{}    {key}\n", style.bold("signed"));
    let whole = about.sections.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    let most = about.sections.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default().max(1);
    for (name, bytes) in about.sections.iter().chain([&("whole", whole)]) {
        let length = if *name == "whole" { 0 } else { bytes.saturating_mul(BAR).checked_div(most).unwrap_or_default() };
        let bar = "█".repeat(usize::try_from(length).unwrap_or_default());
        let line = format!("{:<14}{bytes:>12} bytes  {}", name, style.hint(&bar));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

#[derive(Serialize)]
struct Shown<'a> {
    revision: &'a str,
    counter: u64,
    rules: usize,
    key: Option<String>,
    bytes: BTreeMap<&'a str, u64>,
}

fn json(about: &About) -> String {
    let shown = Shown {
        revision: &about.revision,
        counter: about.counter,
        rules: about.rules,
        key: about.key.map(|key| key_text(&key)),
        bytes: about.sections.iter().copied().collect(),
    };
    serde_json::to_string_pretty(&shown).unwrap_or_default() + "\n"
}
