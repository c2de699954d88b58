//! The corpus: `tests/corpus/<stage>/{ok,warn,err}/**/*.policy`, one case a file, with what must come out beside it.
//!
//! A stage is a function from a case to what it prints; to add one, write that function and a test that calls [`run`].
//! `INSTA_UPDATE=always cargo test --test corpus` writes the expectations anew; read the difference before committing it.
//!
//! A case may be a set of several files: a line `// file: models/chat.policy` begins another one. What does not end in
//! `.policy` is a catalog.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed, as it should"
)]

#[path = "corpus/files.rs"]
mod files;
#[path = "corpus/load/mod.rs"]
mod load;

use files::Set;
use policyc::{
    Engine, ast,
    check::ir::{StepKind, Test},
    clock::ManualClock,
    examine::{
        test::{TestReport, run_one},
        text::one_line,
    },
    query::{Budget, Finding, findings, prove},
    report::{Diagnostic, Severity, terminal},
    request::{Input, Request},
    source::{Source, Sources},
    store::limits::MemoryLimits,
    wire::decision,
};
use std::{
    ffi::OsStr,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How many columns diagnostics are drawn for.
const WIDTH: usize = 120;

/// One file of the corpus.
struct Case {
    /// Its path under the stage's folder, as it is called in messages: `err/missing_brace.policy`.
    name: String,
    /// Its text.
    text: String,
}

/// What a stage makes of a case: what it prints, and the folder that such cases belong in.
struct Outcome {
    printed: String,
    folder: &'static str,
}

#[test]
fn ast() {
    run("ast", |case| {
        let mut sources = Sources::default();
        let file = sources.push(Source::new(&case.name, &case.name, &case.text));
        let source = sources.get(file).unwrap();
        let (tree, diagnostics) = ast::parse(file, source);
        let mut printed = listing(&sources, &diagnostics);
        for item in &tree.items {
            for line in &item.docs {
                writeln!(printed, "/// {}", line.text).unwrap();
            }
            writeln!(printed, "{}", folded(&format!("{:#?}", item.kind))).unwrap();
        }
        for comment in &tree.comments.0 {
            let place = if comment.trailing { "trailing comment" } else { "comment" };
            writeln!(printed, "{place} {:?}", comment.text).unwrap();
        }
        Outcome { printed, folder: if diagnostics.iter().any(Diagnostic::is_error) { "err" } else { "ok" } }
    });
}

#[test]
fn check() {
    run("check", |case| {
        let set = Set::of(&case.name, &case.text).load();
        let folder = match set.diagnostics.iter().map(Diagnostic::severity).max() {
            None => "ok",
            Some(Severity::Warning) => "warn",
            Some(Severity::Error) => "err",
        };
        Outcome { printed: terminal::render(&set.diagnostics, &set.sources, false, WIDTH), folder }
    });
}

#[test]
fn eval() {
    run("eval", |case| {
        let engine = Set::of(&case.name, &case.text).engine();
        let engine = match engine {
            Ok(engine) => engine,
            Err(error) => return Outcome { printed: error.to_string(), folder: "invalid" },
        };
        let mut printed = terminal::render(engine.warnings(), engine.sources(), false, WIDTH);
        let mut folder = "ok";
        for test in engine.ir().tests.iter() {
            writeln!(printed, "{}", test.name).unwrap();
            decisions(&engine, test, &mut printed);
            let report = run_one(&engine, test);
            if !report.passed() {
                failures(&engine, &report, &mut printed);
                folder = "err";
            }
        }
        Outcome { printed, folder }
    });
}

#[test]
fn query() {
    run("query", |case| {
        let engine = match Set::of(&case.name, &case.text).engine() {
            Ok(engine) => engine,
            Err(error) => return Outcome { printed: error.to_string(), folder: "invalid" },
        };
        let proofs = prove(engine.ir(), Budget::USUAL);
        let mut printed = String::new();
        for proof in proofs.iter().filter(|proof| matches!(proof.finding, Finding::Holds)) {
            writeln!(printed, "holds: {}", one_line(engine.sources().slice(proof.at))).unwrap();
        }
        let found = findings(engine.ir(), &proofs);
        printed.push_str(&terminal::render(&found, engine.sources(), false, WIDTH));
        Outcome { printed, folder: if found.is_empty() { "ok" } else { "err" } }
    });
}

/// The decisions of a test's cases, each after its line; of a `repeat` the last.
fn decisions(engine: &Engine, test: &Test, out: &mut String) {
    let engine = engine.with_state(Arc::new(ManualClock::new(test.start)), Arc::new(MemoryLimits::default()));
    let mut now = test.start;
    let dated = |request: &Request, now: chrono::DateTime<chrono::Utc>, follows: bool| {
        let mut request = request.clone();
        if follows {
            request.context.insert("time".to_owned(), Input::from(now));
        }
        request
    };
    for step in &test.steps {
        writeln!(out, "  {}", one_line(engine.sources().slice(step.at))).unwrap();
        match &step.kind {
            StepKind::Release { count, request } => {
                engine.release(&dated(request, now, test.time_given), *count, now).unwrap();
            }
            StepKind::Case { after, repeat, request, own_time, .. } => {
                now += chrono::TimeDelta::try_seconds(i64::try_from(*after).unwrap()).unwrap();
                let request = dated(request, now, test.time_given && !own_time);
                let mut last = engine.decide_at(&request, now);
                for _ in 1..*repeat {
                    last = engine.decide_at(&request, now);
                }
                let line = match last {
                    Err(refusal) => decision::refusal(&refusal),
                    Ok(mut decision) => {
                        // It changes with every word of a case.
                        decision.revision = "".into();
                        decision::encode(&decision)
                    }
                };
                writeln!(out, "    {line}").unwrap();
            }
        }
    }
}

/// What came out otherwise than a test expects.
fn failures(engine: &Engine, report: &TestReport, out: &mut String) {
    for case in report.cases.iter().filter(|case| !case.pass) {
        let place = engine.sources().place(case.at);
        writeln!(out, "  failed at {place}: expected {}, got {}", case.expected, case.got).unwrap();
        for line in &case.why {
            writeln!(out, "    {line}").unwrap();
        }
    }
}

/// Runs a stage on all its cases and compares what it prints with the file beside each.
fn run(stage: &str, outcome: fn(&Case) -> Outcome) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(stage);
    let mut cases = Vec::new();
    for folder in ["ok", "warn", "err"] {
        collect(&root.join(folder), &mut cases);
    }
    assert!(!cases.is_empty(), "no cases in {}", root.display());
    let mut wrong = Vec::new();
    for path in cases {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let case = Case { text: fs::read_to_string(&path).unwrap(), name };
        let outcome = outcome(&case);
        if !case.name.starts_with(&format!("{}/", outcome.folder)) {
            wrong.push(format!("{}: belongs in {}\n{}", case.name, outcome.folder, outcome.printed));
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(path.parent().unwrap());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.remove_input_file();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let shown = format!("{}\n----\n{}", case.text.trim_end(), outcome.printed.trim_end());
        settings.bind(|| insta::assert_snapshot!(file, shown));
    }
    assert!(wrong.is_empty(), "cases in the wrong folder:\n{}", wrong.join("\n"));
}

/// All policy files under a folder, in order.
fn collect(folder: &Path, cases: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, cases);
        } else if path.extension() == Some(OsStr::new("policy")) {
            cases.push(path);
        }
    }
}

/// Diagnostics, each with the text that it underlines.
fn listing(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let span = diagnostic.span();
        let source = sources.get(span.file).unwrap();
        let (line, column) = source.line_column(span.start);
        let (code, severity) = (diagnostic.code().id(), diagnostic.severity().name());
        writeln!(out, "{line}:{column} {severity} {code} {}", diagnostic.message()).unwrap();
        writeln!(out, "    at `{}`", source.slice(span)).unwrap();
        for (span, text) in diagnostic.labels() {
            writeln!(out, "    also at `{}`: {text}", sources.slice(*span)).unwrap();
        }
        if let Some(help) = diagnostic.help_text() {
            writeln!(out, "    help: {help}").unwrap();
        }
    }
    out
}

/// A tree's debug form without places and without what is not there, and with short nodes on one line.
fn folded(debug: &str) -> String {
    let place = |line: &str| line.starts_with("at: ") || line.starts_with("amount_at: ");
    let absent = |line: &str| [": None,", ": [],", ": false,"].iter().any(|end| line.ends_with(end));
    let mut lines: Vec<String> =
        debug.lines().filter(|line| !place(line.trim_start()) && !absent(line)).map(str::to_owned).collect();
    loop {
        let before = lines.len();
        let mut folded: Vec<String> = Vec::new();
        let mut start = 0;
        while start < lines.len() {
            let end = fold_end(&lines, start);
            if end > start {
                let inner: Vec<&str> = lines[start + 1..end].iter().map(|line| line.trim()).collect();
                folded.push(format!(
                    "{}{}{}",
                    lines[start],
                    inner.join(" ").trim_end_matches(','),
                    lines[end].trim_start()
                ));
            } else {
                folded.push(lines[start].clone());
            }
            start = end + 1;
        }
        lines = folded;
        if lines.len() == before {
            let text = lines.join("\n");
            return text.replace("Name {text: ", "Name {");
        }
    }
}

/// The line of the bracket that closes the one at the end of a line, if all between them is simple and short.
fn fold_end(lines: &[String], start: usize) -> usize {
    let opens = |line: &str| line.ends_with(['{', '(', '[']);
    let closes = |line: &str| line.trim_start().starts_with(['}', ')', ']']);
    if !opens(&lines[start]) {
        return start;
    }
    let mut width = lines[start].len();
    for (index, line) in lines.iter().enumerate().skip(start + 1) {
        width += line.trim().len() + 1;
        if opens(line) || width > 110 {
            return start;
        }
        if closes(line) {
            return index;
        }
    }
    start
}
