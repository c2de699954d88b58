//! What became of all tests, with places that people can go to.

use super::{coverage::Covered, mutation::Mutated};
use crate::{
    engine::Engine,
    examine::{
        test::{CaseReport, TestReport},
        text::one_line,
    },
    source::{FileId, Source},
};
use std::collections::BTreeMap;

/// What became of all tests, set by set.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) sets: Vec<Set>,
    /// What the tests decide, set by set, where that was asked.
    pub(super) covered: Vec<Covered>,
    /// Which small mistakes they notice, set by set, where that was asked.
    pub(super) mutated: Vec<Mutated>,
}

/// What became of the tests of one policy set.
#[derive(Debug)]
pub(super) struct Set {
    /// Its folder, where it is one of several; else empty.
    pub(super) name: String,
    /// Its files that have tests, in source order.
    pub(super) files: Vec<File>,
}

/// What became of the tests of one file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) tests: Vec<Test>,
}

/// What became of one test.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) cases: Vec<Case>,
}

/// What became of one line of a test.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) line: usize,
    pub(super) column: usize,
    /// As it is written, on one line, without what is expected.
    pub(super) text: String,
    pub(super) report: CaseReport,
}

impl Outcome {
    pub(super) fn add(&mut self, name: &str, engine: &Engine, reports: Vec<TestReport>) {
        let mut files: BTreeMap<FileId, File> = BTreeMap::new();
        for report in reports {
            let Some(source) = engine.sources().get(report.at.file) else { continue };
            let file = files
                .entry(report.at.file)
                .or_insert_with(|| File { name: source.name().to_owned(), tests: Vec::new() });
            file.tests.push(Test {
                name: report.name.to_string(),
                line: source.line(report.at.start),
                cases: report.cases.into_iter().map(|case| Case::new(case, source)).collect(),
            });
        }
        self.sets.push(Set { name: name.to_owned(), files: files.into_values().collect() });
    }

    pub(super) fn files(&self) -> usize {
        self.sets.iter().map(|set| set.files.len()).sum()
    }

    pub(super) fn tests(&self) -> usize {
        self.all_files().map(|file| file.tests.len()).sum()
    }

    pub(super) fn cases(&self) -> usize {
        self.all_cases().count()
    }

    pub(super) fn passed(&self) -> usize {
        self.all_cases().filter(|case| case.report.pass).count()
    }

    pub(super) fn failed(&self) -> usize {
        self.all_cases().filter(|case| !case.report.pass).count()
    }

    pub(super) fn all_files(&self) -> impl Iterator<Item = &File> {
        self.sets.iter().flat_map(|set| &set.files)
    }

    fn all_cases(&self) -> impl Iterator<Item = &Case> {
        self.all_files().flat_map(|file| &file.tests).flat_map(|test| &test.cases)
    }
}

impl Set {
    /// The path of a file, below the set's folder where that is known.
    pub(super) fn path_of<'a>(&self, file: &'a File) -> &'a str {
        let below = file.name.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix('/'));
        below.filter(|_| !self.name.is_empty()).unwrap_or(&file.name)
    }
}

impl File {
    pub(super) fn cases(&self) -> usize {
        self.tests.iter().map(|test| test.cases.len()).sum()
    }

    pub(super) fn failed(&self) -> usize {
        self.tests.iter().map(|test| test.failures().count()).sum()
    }
}

impl Test {
    pub(super) fn failures(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| !case.report.pass)
    }
}

impl Case {
    fn new(report: CaseReport, source: &Source) -> Self {
        let (line, column) = source.line_column(report.at.start);
        let text = one_line(source.slice(report.at));
        // What is expected is shown apart.
        let text = text.rsplit_once(" => ").map_or(text.as_str(), |(asked, _)| asked).to_owned();
        Self { line, column, text, report }
    }
}
