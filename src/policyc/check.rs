//! `policyc check`: is the policy set valid, are its claims true, and is there anything to warn of.

use super::{
    Config, Exit, Io, claims,
    levels::{self, Denied, Levels},
    markdown, set,
    style::{Style, counted, failed, warn_of_no_files},
    watch::{self, Watch},
};
use crate::{
    engine::{Engine, LoadError},
    query::{Budget, findings, idle, idle_findings},
    report::{self, Code, Diagnostic, github, json, sarif, terminal},
    source::{FileId, Sources, Span},
};
use clap::ValueEnum;
use std::path::PathBuf;

/// Check policy sets: parse, resolve names, check types, warn, prove the claims.
///
/// Findings are shown with the source they speak of, on standard error; the other formats go to standard output, also when
/// the set is not valid.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 valid, and all claims hold; 1 usage, or a file cannot be read; 2 a claim is refuted; 3 not valid, or there is \
a warning that `--deny` names; 4 a claim is neither proved nor refuted within the budget.

Example:
  policyc check policies --deny warnings
  policyc check --explain P0204")]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How findings are shown
    #[arg(long, env = "POLICYC_CHECK_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Take warnings of this kind, or all `warnings`, for errors
    #[arg(long, env = "POLICYC_CHECK_DENY", value_name = "CODE|warnings", value_parser = levels::denied, value_delimiter = ',')]
    deny: Vec<Denied>,
    /// Do not show warnings of this kind
    #[arg(long, env = "POLICYC_CHECK_ALLOW", value_name = "CODE", value_parser = levels::allowed, value_delimiter = ',')]
    allow: Vec<Code>,
    /// Print the page about a kind of finding and do nothing else
    #[arg(long, env = "POLICYC_CHECK_EXPLAIN", value_name = "CODE", value_parser = levels::known)]
    explain: Option<Code>,
    /// How many steps each claim may cost
    #[arg(long, env = "POLICYC_CHECK_BUDGET", value_name = "N", default_value_t = Budget::USUAL.left())]
    budget: u64,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_CHECK_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Check again whenever a file changes
    #[arg(long, env = "POLICYC_CHECK_WATCH")]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with the source
    Pretty,
    /// One JSON document
    Json,
    /// Workflow commands, which GitHub shows beside the changed lines
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    if let Some(code) = args.explain {
        let page = if io.color_out { markdown::render(code.page(), io.width) } else { code.page().to_owned() };
        let _ = io.out.write_all(page.as_bytes());
        return Exit::Fine;
    }
    let mut levels = Levels::default();
    args.deny.iter().for_each(|denied| levels.deny(*denied));
    args.allow.iter().for_each(|code| levels.allow(*code));
    if let Err(error) = levels.consistent() {
        return failed(io, &error, None);
    }
    if args.watch {
        let watch = Watch { paths: &args.paths, catalogs: &args.catalog };
        return watch::watch(watch, io, config, |io, config| check(args, &levels, io, config));
    }
    check(args, &levels, io, config)
}

fn check(args: &Args, levels: &Levels, io: &mut Io<'_>, config: &Config) -> Exit {
    let sets = match set::sets(&args.paths, &args.catalog, io, config) {
        Ok(sets) => sets,
        Err(exit) => return exit,
    };
    let mut whole = Whole::default();
    for set in &sets {
        let levels = levels.over(&set.levels);
        let part = match set.builder().load() {
            Err(LoadError::Unreadable(files)) => {
                whole.exit = whole.exit.max(set::unreadable(&files, io));
                continue;
            }
            Err(error @ (LoadError::TooLarge(_) | LoadError::Bundle(_))) => {
                whole.exit = whole.exit.max(set::not_loaded(error, io));
                continue;
            }
            Err(LoadError::Invalid(invalid)) => {
                Part::new(&set.name, None, levels.apply(invalid.diagnostics), &invalid.sources)
            }
            Ok(engine) => {
                let wanted: Vec<_> = engine.ir().claims.iter().collect();
                let proofs = claims::prove(&engine, &wanted, Budget::new(args.budget), io);
                let mut warnings = engine.warnings().to_vec();
                if engine.ir().rules.len() <= MOST_RULES {
                    warnings.extend(idle_findings(engine.ir(), &idle(engine.ir()), &warnings));
                }
                let mut found = levels.apply(warnings);
                found.extend(findings(engine.ir(), &proofs));
                report::sort(&mut found);
                Part::new(&set.name, Some(&engine), found, engine.sources())
            }
        };
        whole.add(part);
    }
    let (found, sources) = (&whole.diagnostics, &whole.sources);
    let (stream, text) = match args.format {
        Format::Pretty => (&mut io.err, terminal::render(found, sources, io.color_err, io.width)),
        Format::Json => (&mut io.out, json::render(found, sources)),
        Format::Github => (&mut io.out, github::render(found, sources)),
        Format::Sarif => (&mut io.out, sarif::render(found, sources)),
    };
    let _ = stream.write_all(text.as_bytes());
    let _ = io.out.flush();
    whole.summary(io);
    whole.exit
}

/// Of larger sets nobody asks which rules change nothing: that would take longer than all else.
pub(super) const MOST_RULES: usize = 20_000;

/// How many of what a policy set has.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    files: usize,
    rules: usize,
    claims: usize,
    tests: usize,
}

/// What became of one policy set.
struct Part {
    name: String,
    counts: Counts,
    diagnostics: Vec<Diagnostic>,
    sources: Sources,
    errors: usize,
}

impl Part {
    fn new(name: &str, engine: Option<&Engine>, diagnostics: Vec<Diagnostic>, sources: &Sources) -> Self {
        let ir = engine.map(Engine::ir);
        let counts = Counts {
            files: sources.len(),
            rules: ir.map_or(0, |ir| ir.rules.len()),
            claims: ir.map_or(0, |ir| ir.claims.len()),
            tests: ir.map_or(0, |ir| ir.tests.len()),
        };
        let errors = diagnostics.iter().filter(|found| found.is_error()).count();
        Self { name: name.to_owned(), counts, diagnostics, sources: sources.clone(), errors }
    }

    fn warnings(&self) -> usize {
        self.diagnostics.len().saturating_sub(self.errors)
    }
}

/// What became of all policy sets.
struct Whole {
    exit: Exit,
    counts: Counts,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    warnings: usize,
    /// A line about each set, where there are several.
    lines: Vec<(bool, String)>,
}

impl Default for Whole {
    fn default() -> Self {
        Self {
            exit: Exit::Fine,
            counts: Counts::default(),
            sources: Sources::default(),
            diagnostics: Vec::new(),
            warnings: 0,
            lines: Vec::new(),
        }
    }
}

impl Whole {
    fn add(&mut self, part: Part) {
        let valid = part.errors == 0;
        let warnings = part.warnings();
        if !part.name.is_empty() {
            let outcome = if valid { tally(part.counts, warnings) } else { terminal::summary(part.errors, warnings) };
            self.lines.push((valid, format!("{}: {outcome}", part.name)));
        }
        self.exit = part.diagnostics.iter().map(claims::exit_of).fold(self.exit, Exit::max);
        self.warnings = self.warnings.saturating_add(warnings);
        for (sum, add) in [
            (&mut self.counts.files, part.counts.files),
            (&mut self.counts.rules, part.counts.rules),
            (&mut self.counts.claims, part.counts.claims),
            (&mut self.counts.tests, part.counts.tests),
        ] {
            *sum = sum.saturating_add(add);
        }
        let before = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        for (_, source) in part.sources.iter() {
            self.sources.push(source.clone());
        }
        self.diagnostics.extend(part.diagnostics.iter().map(|found| moved(found, before)));
    }

    fn summary(&self, io: &mut Io<'_>) {
        let style = Style::new(io.color_err);
        for (valid, line) in &self.lines {
            let mark = if *valid { style.good("✓") } else { style.bad("✗") };
            let _ = writeln!(io.err, "{mark} {line}");
        }
        if self.exit != Exit::Fine {
            return;
        }
        if self.counts.files == 0 {
            warn_of_no_files(io);
        }
        let sets = match self.lines.len() {
            0 => String::new(),
            count => format!("{}, ", counted(count, "policy set")),
        };
        let _ = writeln!(io.err, "checked {sets}{}", tally(self.counts, self.warnings));
        if self.counts.claims > 0 {
            let hold = if self.counts.claims == 1 { "holds" } else { "hold" };
            let _ = writeln!(io.err, "{} {hold} for all requests", counted(self.counts.claims, "claim"));
        }
    }
}

/// `12 files: 57 rules, 14 claims, 33 tests; no warnings`
fn tally(counts: Counts, warnings: usize) -> String {
    let warnings = if warnings == 0 { "no warnings".to_owned() } else { counted(warnings, "warning") };
    format!(
        "{}: {}, {}, {}; {warnings}",
        counted(counts.files, "file"),
        counted(counts.rules, "rule"),
        counted(counts.claims, "claim"),
        counted(counts.tests, "test"),
    )
}

/// The finding in a list of files that has `before` others in front.
fn moved(found: &Diagnostic, before: u32) -> Diagnostic {
    let span = |span: Span| Span { file: FileId(span.file.0.saturating_add(before)), ..span };
    let copy = Diagnostic::new(found.code(), span(found.span()), found.message().to_owned())
        .label(found.primary_label().to_owned())
        .with_severity(found.severity())
        .maybe_help(found.help_text().map(str::to_owned));
    found.labels().iter().fold(copy, |copy, (at, text)| copy.also(span(*at), text.clone()))
}
