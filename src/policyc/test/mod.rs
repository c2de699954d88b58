//! `policyc test`: the tests in policy files, run.
//!
//! The tests run in [`examine::test`](crate::examine::test); here they are chosen and what became of them is shown: each format
//! is a file that turns an [`Outcome`] into text.

mod coverage;
mod generated;
mod github;
mod json;
mod junit;
mod mutation;
mod outcome;
mod pretty;
mod tap;

use super::{
    Config, Exit, Io,
    replace::replace,
    set,
    style::{Style, cause, counted, failed},
    watch::{self, Watch},
};
use crate::{
    engine::Engine,
    examine::{
        self,
        test::{self, TestReport},
    },
};
use clap::ValueEnum;
use coverage::Covered;
use indicatif::{ProgressBar, ProgressStyle};
use mutation::Mutated;
use outcome::Outcome;
use regex::Regex;
use std::path::PathBuf;

/// From how many tests on a person is shown how far they are.
const MANY: usize = 500;

/// Run the tests in policy files.
///
/// Tests run in parallel; each has its own clock and its own limits, and needs no network. What became of them is shown in
/// the order of the files.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 all passed; 1 usage, or a file cannot be read or written; 2 a test failed, `--fail-on-empty` and there \
was none, or a set is below a threshold; 3 the policy set is not valid; \
4 of a mistake it was not found out whether there is anything to notice.

A rule counts as covered where it has a say in a decision: it allows or denies, its limit is charged, its duty comes with \
the decision. A condition counts, as true, false and unknown, where its rule hangs on it. What no request can show is \
not asked for. A mistake counts as noticed where a test fails on it; one that changes no decision does not count. \
Without `--threshold`, `coverage_threshold` of `.policyc.toml` counts.

Example:
  policyc test policies
  policyc test policies --run 'quota|limit' -v
  policyc test policies --format junit -o target/junit.xml
  policyc test policies --mutate
  policyc test policies --generate > policies/bounds_test.policy
  policyc test policies --coverage --threshold 95 --html target/coverage.html")]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only the tests whose names this matches
    #[arg(short, long, env = "POLICYC_TEST_RUN", value_name = "REGEX")]
    run: Option<Regex>,
    /// Show every test and every case
    #[arg(short, long, env = "POLICYC_TEST_VERBOSE")]
    verbose: bool,
    /// How it is shown what became of the tests
    #[arg(long, env = "POLICYC_TEST_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Write that to a file; a summary for people goes to standard error
    #[arg(short, long, env = "POLICYC_TEST_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_TEST_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Show which rules and conditions the tests decide
    #[arg(long, env = "POLICYC_TEST_COVERAGE")]
    coverage: bool,
    /// Exit with 2 if the tests of a set show less than so many percent
    #[arg(long, env = "POLICYC_TEST_THRESHOLD", value_name = "PERCENT", value_parser = percent, requires = "coverage")]
    threshold: Option<f64>,
    /// Write the coverage to a file, as LCOV
    #[arg(long, env = "POLICYC_TEST_LCOV", value_name = "FILE", requires = "coverage")]
    lcov: Option<PathBuf>,
    /// Write the coverage to a file, as a page of HTML
    #[arg(long, env = "POLICYC_TEST_HTML", value_name = "FILE", requires = "coverage")]
    html: Option<PathBuf>,
    /// Make small mistakes in the policies, and show those that no test notices
    #[arg(long, env = "POLICYC_TEST_MUTATE", conflicts_with = "coverage")]
    mutate: bool,
    /// Exit with 2 if the tests of a set notice less than so many percent of the mistakes
    #[arg(long, env = "POLICYC_TEST_MUTATION_THRESHOLD", value_name = "PERCENT", value_parser = percent, requires = "mutate")]
    mutation_threshold: Option<f64>,
    /// Print cases at the bounds of a policy set, as a test file to read and keep
    #[arg(long, env = "POLICYC_TEST_GENERATE", conflicts_with_all = ["coverage", "mutate", "run", "verbose", "watch", "fail_on_empty"])]
    generate: bool,
    /// Exit with 2 if there is no test to run
    #[arg(long, env = "POLICYC_TEST_FAIL_ON_EMPTY")]
    fail_on_empty: bool,
    /// Run again whenever a file changes
    #[arg(long, env = "POLICYC_TEST_WATCH")]
    watch: bool,
}

/// A number from 0 to 100.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
    number.filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON document
    Json,
    /// JUnit XML, which CI systems read
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// Workflow commands, which GitHub shows beside the changed lines
    Github,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    if args.watch {
        let watch = Watch { paths: &args.paths, catalogs: &args.catalog };
        return watch::watch(watch, io, config, |io, config| tests(args, io, config));
    }
    tests(args, io, config)
}

fn tests(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    if args.generate {
        return generated::run(args, io, config);
    }
    let sets = match set::sets(&args.paths, &args.catalog, io, config) {
        Ok(sets) => sets,
        Err(exit) => return exit,
    };
    let mut exit = Exit::Fine;
    let mut outcome = Outcome::default();
    for set in &sets {
        match set::load(set.builder(), io) {
            Ok(engine) => {
                outcome.add(&set.name, &engine, run_set(args, &engine, io));
                if args.mutate {
                    match mutation::try_all(args, &engine, io) {
                        Ok(found) => outcome.mutated.push(Mutated::new(&set.name, &engine, found)),
                        Err(failure) => exit = exit.max(failure),
                    }
                }
                if args.coverage {
                    match examine::coverage::coverage(&engine, |name| args.chooses(name)) {
                        Ok(found) => outcome.covered.push(Covered::new(&set.name, &engine, found)),
                        Err(error) => exit = exit.max(set::not_loaded(error, io)),
                    }
                }
            }
            Err(failure) => exit = exit.max(failure),
        }
    }
    if outcome.sets.is_empty() {
        return exit;
    }
    if outcome.failed() > 0 {
        exit = exit.max(Exit::Negative);
    }
    if outcome.cases() == 0 && args.fail_on_empty {
        exit = exit.max(Exit::Negative);
    }
    exit = exit.max(show(args, &outcome, io));
    if args.mutate {
        exit = exit.max(mutation::enough(args.mutation_threshold, &outcome.mutated, io));
    }
    if args.coverage {
        exit = exit.max(coverage::write(args, &outcome.covered, io));
        exit = exit.max(coverage::enough(args.threshold.or(config.coverage_threshold()), &outcome.covered, io));
    }
    exit
}

impl Args {
    /// Whether a test is to run.
    fn chooses(&self, name: &str) -> bool {
        self.run.as_ref().is_none_or(|regex| regex.is_match(name))
    }
}

/// Runs the tests of one policy set.
fn run_set(args: &Args, engine: &Engine, io: &Io<'_>) -> Vec<TestReport> {
    let chosen = |name: &str| args.chooses(name);
    let count = engine.ir().tests.iter().filter(|test| chosen(&test.name)).count();
    let progress = if io.interactive && count >= MANY { progress(count) } else { ProgressBar::hidden() };
    let reports = test::run(engine, chosen, |_| progress.inc(1));
    progress.finish_and_clear();
    reports
}

fn progress(count: usize) -> ProgressBar {
    let progress = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    styled(progress, "tests")
}

/// A bar for something that takes long; how much there is turns out.
fn progress_of(what: &str, io: &Io<'_>) -> ProgressBar {
    if io.interactive { styled(ProgressBar::new(0), what) } else { ProgressBar::hidden() }
}

fn styled(progress: ProgressBar, what: &str) -> ProgressBar {
    match ProgressStyle::with_template(&format!("{{bar:40}} {{pos}} of {{len}} {what}")) {
        Ok(style) => progress.with_style(style),
        Err(_) => progress,
    }
}

/// Shows what became of the tests, or writes it to a file.
fn show(args: &Args, outcome: &Outcome, io: &mut Io<'_>) -> Exit {
    let pretty = |color, width| {
        let style = Style::new(color);
        let mut text = pretty::render(outcome, args.verbose, style, width);
        if !outcome.covered.is_empty() {
            text.push_str(&format!("\n{}", coverage::table::render(&outcome.covered, style)));
        }
        if !outcome.mutated.is_empty() {
            text.push_str(&format!("\n{}", mutation::text(&outcome.mutated, style)));
        }
        text
    };
    let text = match args.format {
        Format::Pretty => Ok(pretty(io.color_out && args.output.is_none(), io.width)),
        Format::Json => json::render(outcome).map_err(|error| error.to_string()),
        Format::Junit => junit::render(outcome).map_err(|error| error.to_string()),
        Format::Tap => Ok(tap::render(outcome)),
        Format::Github => Ok(github::render(outcome)),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return failed(io, &format!("cannot show the outcome: {error}"), None),
    };
    let mut exit = Exit::Fine;
    if let Some(file) = &args.output {
        let _ = io.err.write_all(pretty(io.color_err, io.width).as_bytes());
        if let Err(error) = replace(file, text.as_bytes()) {
            exit = failed(io, &format!("cannot write `{}`: {}", file.display(), cause(&error)), None);
        }
    } else {
        let _ = io.out.write_all(text.as_bytes());
        let _ = io.out.flush();
    }
    if outcome.cases() == 0 {
        let what = args.run.as_ref().map(|regex| format!(" whose name matches `{regex}`")).unwrap_or_default();
        let style = Style::new(io.color_err);
        let _ = writeln!(io.err, "{} there is no test{what}", style.warning("warning:"));
    }
    exit
}

/// `63 tests in 5 files`, and `264 passed, 0 failed`.
fn summary(outcome: &Outcome) -> (String, String) {
    let counts = format!("{} passed, {} failed", outcome.passed(), outcome.failed());
    let tests = counted(outcome.tests(), "test");
    let files = counted(outcome.files(), "file");
    (format!("{tests} in {files}"), counts)
}
