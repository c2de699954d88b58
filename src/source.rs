//! Policy texts and places in them.

use std::{fmt, ops::Range, sync::Arc};

/// Which file of a [`Sources`] a place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u32);

/// A range of bytes in one file; the end is exclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` to `end` of `file`.
    #[must_use]
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest span that holds both; `other` must be in the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span where this one ends.
    #[must_use]
    pub const fn after(self) -> Self {
        Self { file: self.file, start: self.end, end: self.end }
    }

    /// As a range of bytes.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.file.0, self.start, self.end)
    }
}

/// One file's text and its names. Copies share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    name: Box<str>,
    short: Box<str>,
    text: Box<str>,
    /// Offset of the first byte of each line.
    lines: Box<[u32]>,
}

impl Source {
    /// The largest text that is read, in bytes.
    pub const MAX_BYTES: usize = 64 << 20;

    /// A text with the path it was given by (`name`) and that path relative to its argument (`short`).
    /// A byte-order mark at the start is skipped.
    #[must_use]
    pub fn new(name: &str, short: &str, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let next = |(at, _): (usize, &str)| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(next)).collect();
        Self(Arc::new(Parts { name: name.into(), short: short.into(), text: text.into(), lines }))
    }

    /// The path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The path relative to the argument it was found under.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0.short
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The text of a span, empty where it does not fit.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.0.text.get(span.range()).unwrap_or_default()
    }

    /// The line of a byte offset, from 1.
    #[must_use]
    pub fn line(&self, offset: u32) -> usize {
        self.0.lines.partition_point(|start| *start <= offset).max(1)
    }

    /// The bytes of a line, from 1, with its line break; none past the last line.
    #[must_use]
    pub fn line_range(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.0.lines.get(line.checked_sub(1)?)?;
        let end = self.0.lines.get(line).map_or(self.0.text.len(), |next| *next as usize);
        Some(start as usize..end)
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let line = self.0.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.0.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.0.text.get(start as usize..offset as usize).unwrap_or_default();
        (line, before.chars().count().saturating_add(1))
    }
}

/// The files of a policy set, in source order. Copies share them until one is changed.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Sorted by id.
    files: Arc<Vec<(FileId, Source)>>,
}

impl Sources {
    /// Adds a file at the end.
    pub fn push(&mut self, source: Source) -> FileId {
        let id = FileId(self.files.last().map_or(0, |(last, _)| last.0.saturating_add(1)));
        Arc::make_mut(&mut self.files).push((id, source));
        id
    }

    /// Puts a file at the place of its id, instead of one that has the same.
    pub fn insert(&mut self, id: FileId, source: Source) {
        let place = self.index_of(id);
        let files = Arc::make_mut(&mut self.files);
        match place {
            Ok(place) => files.splice(place..=place, [(id, source)]).for_each(drop),
            Err(place) => files.insert(place, (id, source)),
        }
    }

    /// Takes a file away.
    pub fn remove(&mut self, id: FileId) {
        Arc::make_mut(&mut self.files).retain(|(file, _)| *file != id);
    }

    fn index_of(&self, id: FileId) -> Result<usize, usize> {
        self.files.binary_search_by_key(&id, |(file, _)| *file)
    }

    /// The file of an id.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(self.index_of(id).ok()?).map(|(_, source)| source)
    }

    /// All files with their ids, in source order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (FileId, &Source)> {
        self.files.iter().map(|(id, source)| (*id, source))
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The text of a span, empty where its file is not known.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file).map(|source| source.slice(span)).unwrap_or_default()
    }

    /// A span's place as `path:line`, with the path as given.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        self.at(span, Source::name)
    }

    /// A span's place as `path:line`, with the path relative to its argument: the name of an unlabelled rule.
    #[must_use]
    pub fn short_place(&self, span: Span) -> String {
        self.at(span, Source::short)
    }

    fn at(&self, span: Span, name: fn(&Source) -> &str) -> String {
        self.get(span.file)
            .map_or_else(String::new, |source| format!("{}:{}", name(source), source.line_column(span.start).0))
    }
}
