//! Texts that are read section by section, so that never all of their trees are in memory.

use super::{
    matcher::Matchers,
    reader::Reader,
    split::{Context, next_chunk, significant},
    too_large,
};
use crate::{
    ast::{
        Ast, Comments, Item,
        lex::{BoundaryKind, Scan, scan},
    },
    report::Diagnostic,
    source::{FileId, Source, Span},
};
use std::ops::Range;

/// A section has about so many bytes, which is about a thousand rules.
const SECTION: usize = 1 << 16;

/// A text of which it is known where its statements begin and end, but not yet what they say.
pub(crate) struct Outline {
    file: FileId,
    source: Source,
    scan: Scan,
    matchers: Matchers,
}

/// Which statements of a section are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those of the vocabulary, which can change what others mean.
    Vocabulary,
    /// Rules, claims and tests.
    Others,
}

/// Some statements of a text that follow each other.
pub(crate) struct Section {
    /// Those that were wanted; those of the vocabulary without their documentation.
    pub(crate) items: Vec<Item>,
    /// Where the others stand.
    pub(crate) passed: Vec<Span>,
    /// The comments between and inside all of them that document nothing.
    pub(crate) comments: Comments,
}

impl Outline {
    /// Looks over the text of a file. `matchers` are those that others were read with.
    pub(crate) fn new(file: FileId, source: &Source, matchers: &Matchers) -> Self {
        let text = source.text();
        let scan = if text.len() > Source::MAX_BYTES { Scan::default() } else { scan(file, text) };
        Self { file, source: source.clone(), scan, matchers: matchers.clone() }
    }

    /// Reads the whole text and says what is wrong with it.
    pub(crate) fn parse(&self) -> (Ast, Vec<Diagnostic>) {
        let text = self.source.text();
        if text.len() > Source::MAX_BYTES {
            return (Ast { file: self.file, ..Ast::default() }, vec![too_large(self.file, text.len() as u64)]);
        }
        Reader::new(self.file, text, &self.scan, &self.scan.remarks, self.matchers.take()).file()
    }

    /// The sections of the text; none if it can be seen already that something is wrong with it.
    pub(crate) fn sections(&self) -> Option<Vec<Range<usize>>> {
        let end = self.source.text().len();
        if !self.scan.findings.is_empty() || self.scan.end < end {
            return None;
        }
        let mut sections = Vec::new();
        let (mut start, mut depth) = (0, 0_usize);
        for boundary in &self.scan.boundaries {
            match boundary.kind {
                BoundaryKind::Open => depth = depth.saturating_add(1),
                BoundaryKind::Close => depth = depth.saturating_sub(1),
                BoundaryKind::Semicolon => {}
            }
            let next = boundary.end();
            if depth == 0 && next.saturating_sub(start) >= SECTION {
                sections.push(start..next);
                start = next;
            }
        }
        // What no `;` or `}` ends is no statement.
        let ended = self.scan.boundaries.last().map_or(0, |last| last.end());
        if significant(self.source.text(), ended, end).next().is_some() {
            return None;
        }
        sections.push(start..end);
        Some(sections)
    }

    /// Reads statements of a section. None if anything is wrong with it: what exactly, only [`parse`](Self::parse) can say,
    /// since one fault can hide others or bring them about.
    pub(crate) fn read(&self, range: Range<usize>, wanted: Wanted) -> Option<Section> {
        let text = self.source.text();
        // What documents the vocabulary is of no interest to those who know what it means.
        let remarks = if wanted == Wanted::Others { self.scan.remarks_in(&range) } else { &[] };
        let mut reader = Reader::new(self.file, text, &self.scan, remarks, self.matchers.take());
        let mut section = Section { items: Vec::new(), passed: Vec::new(), comments: Comments::default() };
        let mut at = range.start;
        while let Some(chunk) = next_chunk(text, at, range.end, &self.scan) {
            let docs = reader.docs(at, chunk.start, Context::File);
            at = chunk.end;
            if reader.is_vocabulary(chunk)? == (wanted == Wanted::Vocabulary) {
                let item = reader.chunk(chunk, Context::File).0?.item()?;
                section.items.push(reader.documented(item, docs));
                if !reader.diagnostics.is_empty() {
                    return None;
                }
            } else {
                reader.passed(docs);
                section.passed.push(reader.span(chunk.start, chunk.end));
            }
        }
        if wanted == Wanted::Others {
            section.comments = reader.comments_only()?;
        }
        self.matchers.put(reader.matcher);
        Some(section)
    }
}
