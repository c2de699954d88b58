//! Comments: those that document a statement, and all others.

use super::{reader::Reader, split::Context};
use crate::{
    ast::{
        At, Comment, Comments, Item, Name,
        lex::{MAX_FINDINGS, Remark, RemarkUse},
    },
    report::{Diagnostic, codes},
};
use std::ops::Range;

impl Reader<'_> {
    /// The `///` between two places. Where nothing can be documented they are ordinary comments.
    pub(super) fn docs(&mut self, from: usize, to: usize, context: Context) -> Range<usize> {
        let place = |at: usize| move |remark: &Remark| remark.start < at;
        let range = self.remarks.partition_point(place(from))..self.remarks.partition_point(place(to));
        if context != Context::Members {
            for remark in self.remarks.get_mut(range.clone()).unwrap_or_default() {
                if remark.usage == RemarkUse::Doc && !remark.trailing {
                    remark.usage = RemarkUse::Quiet;
                }
            }
        }
        range
    }

    /// Gives a statement its documentation.
    pub(super) fn documented(&mut self, mut item: Item, docs: Range<usize>) -> Item {
        for index in docs {
            let Some(remark) = self.remarks.get_mut(index) else { break };
            if remark.usage == RemarkUse::Quiet {
                remark.usage = RemarkUse::Attached;
                let (start, end) = (remark.start, remark.end);
                let line = self.slice(start, end).trim_end();
                let text = line.trim_start_matches('/');
                let at = At(self.span(start, start.saturating_add(line.len())));
                item.docs.push(Name { text: text.strip_prefix(' ').unwrap_or(text).into(), at });
            }
        }
        item
    }

    /// Leaves documentation to a statement that is not read now.
    pub(super) fn passed(&mut self, docs: Range<usize>) {
        for remark in self.remarks.get_mut(docs).unwrap_or_default() {
            if remark.usage == RemarkUse::Quiet {
                remark.usage = RemarkUse::Attached;
            }
        }
    }

    /// All comments that document nothing; none of them if one was meant to.
    pub(super) fn comments_only(&mut self) -> Option<Comments> {
        let dangling = self.remarks.iter().any(|remark| remark.usage == RemarkUse::Doc);
        (!dangling).then(|| self.comments())
    }

    /// All comments that document nothing.
    pub(super) fn comments(&mut self) -> Comments {
        let mut comments = Vec::new();
        for remark in std::mem::take(&mut self.remarks) {
            let text = self.slice(remark.start, remark.end).trim_end();
            let at = At(self.span(remark.start, remark.start.saturating_add(text.len())));
            if remark.usage == RemarkUse::Doc && self.diagnostics.len() < MAX_FINDINGS {
                let warning = Diagnostic::new(codes::DANGLING_DOC, at.0, "this `///` documents nothing");
                let help = "write it above a statement, or write `//`";
                self.diagnostics.push(warning.help(help));
            }
            if remark.usage != RemarkUse::Attached {
                comments.push(Comment { at, text: text.into(), trailing: remark.trailing });
            }
        }
        Comments(comments)
    }
}
