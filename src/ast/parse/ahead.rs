//! Reading good statements together, which takes less time than reading each alone.

use super::{
    grammar::{Rule, read},
    node::Read,
    reader::{Part, Reader},
    split::{Chunk, Context, next_chunk},
};
use std::collections::VecDeque;

/// Statements are read together until they have so many bytes.
const ENOUGH: usize = 1 << 10;

/// Statements that were read together with one before them.
#[derive(Default)]
pub(super) struct Ahead {
    /// Where each stands, and what it is.
    read: VecDeque<(Chunk, Read<Part>)>,
    /// Where to try again: before that, reading together has failed.
    resume: usize,
}

impl Ahead {
    /// The statement of this chunk, if it was read.
    pub(super) fn take(&mut self, chunk: Chunk) -> Option<Read<Part>> {
        let (_, built) = self.read.pop_front_if(|(read, _)| read.start == chunk.start)?;
        Some(built)
    }
}

impl Reader<'_> {
    /// The next statement that begins at or after `from` and before `to`.
    pub(super) fn next_chunk(&mut self, from: usize, to: usize, context: Context) -> Option<Chunk> {
        if let Some((chunk, _)) = self.ahead.read.front() {
            return Some(*chunk);
        }
        let chunk = next_chunk(self.text, from, to, &self.scan)?;
        if chunk.start >= self.ahead.resume {
            self.read_ahead(chunk, to, context);
        }
        Some(chunk)
    }

    /// Reads rules and other statements without a block, from a first one on. If all of them are good and nothing else
    /// stands there, each would have been read alone in the same way, because each ends at the first `;`.
    fn read_ahead(&mut self, first: Chunk, to: usize, context: Context) {
        if !matches!(context, Context::File | Context::Block) {
            return;
        }
        let mut chunks = Vec::new();
        let mut end = first.start;
        let mut next = Some(first);
        while let Some(chunk) = next.filter(|chunk| chunk.brace.is_none()) {
            end = chunk.end;
            chunks.push(chunk);
            let enough = end.saturating_sub(first.start) >= ENOUGH;
            next = if enough { None } else { next_chunk(self.text, end, to, &self.scan) };
        }
        if chunks.len() < 2 {
            return;
        }
        self.ahead.resume = end;
        if self.has_finding(&(first.start..end)) {
            return;
        }
        let Ok(tree) = read(Rule::file, self.slice(first.start, end)) else { return };
        let mut nodes = tree.nodes(self.place(first.start), &self.texts);
        let starts = nodes.clone().map(|node| node.at().0.range().start);
        if starts.eq(chunks.iter().map(|chunk| chunk.start)) {
            self.ahead.read.extend(chunks.into_iter().map(|chunk| (chunk, context.build(&mut nodes))));
        }
    }
}
