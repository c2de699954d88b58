//! What the tests decide, shown: as a table, as JSON, as LCOV and as a page of HTML.
//!
//! What counts is said in [`examine::coverage`](crate::examine::coverage). Each format is a file that turns [`Covered`] sets
//! into text.

mod html;
pub(super) mod json;
mod lcov;
pub(super) mod table;

use super::{
    super::{
        Exit, Io,
        replace::replace,
        style::{cause, complain, failed},
    },
    Args,
};
use crate::{
    engine::Engine,
    examine::coverage::{Coverage, RuleCoverage, Share},
    source::{FileId, Source, Span},
};
use std::{collections::BTreeMap, path::Path};

/// What the tests of a policy set decide, file by file.
#[derive(Debug)]
pub(super) struct Covered {
    /// Its folder, where it is one of several; else empty.
    name: String,
    /// Its files that have rules, in source order.
    files: Vec<File>,
}

/// What tests decide by the rules of a file.
#[derive(Debug)]
struct File {
    source: Source,
    rules: Vec<RuleCoverage>,
}

/// Something that tests should show and do not.
struct Missing<'a> {
    /// Where it stands.
    at: Span,
    line: usize,
    /// The rule's name.
    rule: &'a str,
    /// The word it begins with.
    word: &'static str,
    /// What is missing: `the rule never decides`, `never false or unknown`.
    what: String,
    /// Whether it is the rule itself, else one of its conditions.
    is_rule: bool,
}

impl Covered {
    pub(super) fn new(name: &str, engine: &Engine, coverage: Coverage) -> Self {
        let mut files: BTreeMap<FileId, File> = BTreeMap::new();
        for rule in coverage.rules {
            let Some(source) = engine.sources().get(rule.at.file) else { continue };
            let file = files.entry(rule.at.file).or_insert_with(|| File { source: source.clone(), rules: Vec::new() });
            file.rules.push(rule);
        }
        Self { name: name.to_owned(), files: files.into_values().collect() }
    }

    fn share(&self) -> Share {
        self.files.iter().map(File::share).fold(Share::default(), Share::and)
    }

    /// The path of a file, below the set's folder where that is known.
    fn path_of<'a>(&self, file: &'a File) -> &'a str {
        let name = file.source.name();
        let below = name.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix('/'));
        below.filter(|_| !self.name.is_empty()).unwrap_or(name)
    }
}

impl File {
    fn deciding(&self) -> Share {
        Coverage::rules(&self.rules)
    }

    fn conditions(&self) -> Share {
        Coverage::conditions(&self.rules)
    }

    fn share(&self) -> Share {
        self.deciding().and(self.conditions())
    }

    /// What is missing, in source order.
    fn missing(&self) -> Vec<Missing<'_>> {
        let mut missing = Vec::new();
        for rule in &self.rules {
            for (at, values) in rule.missing() {
                let is_rule = values == ["decides"];
                let what = if is_rule { never_decides(rule.word).to_owned() } else { never(&values) };
                let line = self.source.line(at.start);
                missing.push(Missing { at, line, rule: &rule.name, word: rule.word, what, is_rule });
            }
        }
        missing
    }
}

/// What a rule does not do that no test shows deciding.
fn never_decides(word: &str) -> &'static str {
    match word {
        "limit" => "never charged",
        "oblige" => "never comes with a decision",
        _ => "never decides",
    }
}

/// `never true`, `never true, false or unknown`.
fn never(values: &[&str]) -> String {
    match values {
        [others @ .., last] if !others.is_empty() => format!("never {} or {last}", others.join(", ")),
        _ => format!("never {}", values.concat()),
    }
}

/// `97.3 %`. Rounded down, so that 100 is all.
fn percent(share: Share) -> String {
    format!("{:.1} %", (share.percent() * 10.0).floor() / 10.0)
}

/// Writes the files that were asked for.
pub(super) fn write(args: &Args, covered: &[Covered], io: &mut Io<'_>) -> Exit {
    let mut exit = Exit::Fine;
    let mut write = |file: Option<&Path>, text: &dyn Fn() -> String| {
        let Some(file) = file else { return };
        if let Err(error) = replace(file, text().as_bytes()) {
            exit = failed(io, &format!("cannot write `{}`: {}", file.display(), cause(&error)), None);
        }
    };
    write(args.lcov.as_deref(), &|| lcov::render(covered));
    write(args.html.as_deref(), &|| html::render(covered));
    exit
}

/// Whether the tests of each set show enough.
pub(super) fn enough(threshold: Option<f64>, covered: &[Covered], io: &mut Io<'_>) -> Exit {
    let Some(threshold) = threshold else { return Exit::Fine };
    let mut exit = Exit::Fine;
    for set in covered {
        let share = set.share();
        if share.percent() < threshold {
            let of = if set.name.is_empty() { String::new() } else { format!(" of `{}`", set.name) };
            let message = format!("the coverage{of} is {}, below {threshold} %", percent(share));
            complain(io, &message, Some("write tests for what is listed as missing"));
            exit = Exit::Negative;
        }
    }
    exit
}
