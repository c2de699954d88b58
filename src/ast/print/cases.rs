//! Tests: what is given, and the steps.

use super::{
    docs::{Doc, Docs, INDENT, Placed, WIDTH, flat_width},
    words,
};
use crate::ast::{Assign, AssignKind, Expect, Name, Step, StepKind};
use std::{cmp::Reverse, collections::BTreeSet};

/// The widest request, in columns, whose `=>` stands in one column with those of other steps.
const WIDEST: usize = 70;

/// The `=>` of steps stand at multiples of so many columns, so that a small edit of one step leaves the others alone.
const STOP: usize = 4;

/// A step in parts: the request, whether a comment wants a new line after it, and what is expected from the `=>` on.
pub(super) struct StepDoc<'s> {
    request: Doc<'s>,
    own_line: bool,
    expect: Option<Doc<'s>>,
}

impl<'s> Docs<'s> {
    /// `given a = 1, b = 2;`
    pub(super) fn given(&mut self, given: &'s [Assign]) -> Doc<'s> {
        self.text("given ").append(self.assigns(given)).append(";").nest(INDENT)
    }

    /// One line of a test.
    pub(super) fn step(&mut self, step: &'s Step) -> StepDoc<'s> {
        match &step.kind {
            StepKind::Release { count, action, kind, id } => {
                let count = count.map(|count| format!("{} ", words::int(count))).unwrap_or_default();
                let head = self.text("release ").append(count);
                let request = head.append(self.request(action, kind.as_ref(), id)).append(";");
                StepDoc { request, own_line: false, expect: None }
            }
            StepKind::Case { after, repeat, action, kind, id, with, expect } => {
                let after = after.map(|length| format!("after {}, ", words::duration(length))).unwrap_or_default();
                let repeat = repeat.map(|count| format!("repeat {} ", words::int(count))).unwrap_or_default();
                let head = self.text(after).append(repeat);
                let mut request = head.append(self.request(action, kind.as_ref(), id));
                if !with.is_empty() {
                    let gap = self.gap(self.line(), with.at());
                    request = request.append(gap).append("with ").append(self.assigns(with).nest(INDENT));
                }
                let (notes, own_line) = self.notes_before(expect.at.0.start).unwrap_or((self.nil(), false));
                let request = request.append(notes).group();
                StepDoc { request, own_line, expect: Some(self.expect(expect)) }
            }
        }
    }

    /// `infer on model "x"`
    fn request(&mut self, action: &'s Name, kind: Option<&'s Name>, id: &'s Name) -> Doc<'s> {
        let resource = kind.unwrap_or(id);
        self.text(words::action(action))
            .append(self.gap(self.space(), resource.at))
            .append("on ")
            .append(self.thing(kind, id))
    }

    /// `a = 1, b = 2`
    fn assigns(&mut self, assigns: &'s [Assign]) -> Doc<'s> {
        self.commas(assigns, Self::assign)
    }

    fn assign(&mut self, assign: &'s Assign) -> Doc<'s> {
        match &assign.kind {
            AssignKind::Principal(None) => self.text("principal = anonymous"),
            AssignKind::Principal(Some((kind, id))) => self.text("principal = ").append(self.thing(Some(kind), id)),
            AssignKind::Attribute(path, value) => {
                let gap = self.gap(self.space(), value.at());
                self.path(path).append(gap).append("= ").append(self.assigned(value))
            }
        }
    }

    /// `=> deny CODE 403 by rule obliges nothing shadow other;`
    fn expect(&mut self, expect: &'s Expect) -> Doc<'s> {
        let mut doc = self.text(if expect.allow { "=> allow" } else { "=> deny" });
        if let Some(code) = &expect.code {
            doc = doc.append(self.gap(self.space(), code.at)).append(self.bare(code));
        }
        if let Some((status, at)) = &expect.status {
            doc = doc.append(self.gap(self.space(), *at)).append(words::int(*status));
        }
        if let Some(by) = &expect.by {
            doc = doc.append(self.continued("by ", by, Self::name));
        }
        match &expect.obliges {
            None => {}
            Some(duties) if duties.is_empty() => doc = doc.append(self.line().append("obliges nothing").group()),
            Some(duties) => doc = doc.append(self.continued("obliges ", &**duties, Self::duties)),
        }
        if let Some(shadow) = &expect.shadow {
            doc = doc.append(self.continued("shadow ", shadow, Self::name));
        }
        doc.append(";").nest(INDENT)
    }
}

/// Steps without blank lines between them. The `=>` of those that are narrow enough stand in one column.
pub(super) fn aligned<'s>(docs: &Docs<'s>, steps: Vec<StepDoc<'s>>, indent: usize) -> Vec<Doc<'s>> {
    let widths: Vec<_> = steps.iter().map(StepDoc::widths).collect();
    let column = best_column(&widths, indent);
    let spaces = |widths: Option<(usize, usize)>| match widths {
        Some(widths) if fits(widths, column, indent) => column.saturating_sub(widths.0),
        Some(_) | None => 1,
    };
    steps.into_iter().zip(widths).map(|(step, widths)| step.doc(docs, spaces(widths))).collect()
}

/// The column at which most steps fit; of several the leftmost.
fn best_column(widths: &[Option<(usize, usize)>], indent: usize) -> usize {
    let after = |width: &usize| indent.saturating_add(*width).saturating_add(1).next_multiple_of(STOP);
    let columns: BTreeSet<_> =
        widths.iter().flatten().map(|(request, _)| after(request).saturating_sub(indent)).collect();
    let fitting = |column: usize| widths.iter().flatten().filter(|widths| fits(**widths, column, indent)).count();
    let columns = columns.into_iter().map(|column| (fitting(column), Reverse(column)));
    columns.max().filter(|(steps, _)| *steps > 1).map_or(0, |(_, Reverse(column))| column)
}

/// Whether a step of these widths fits on a line with its `=>` at a column.
fn fits((request, expect): (usize, usize), column: usize, indent: usize) -> bool {
    request < column && indent.saturating_add(column).saturating_add(expect) <= WIDTH
}

impl<'s> StepDoc<'s> {
    /// How wide the request and what is expected are, if the `=>` can stand below another's.
    fn widths(&self) -> Option<(usize, usize)> {
        let expect = self.expect.as_ref().filter(|_| !self.own_line)?;
        let request = flat_width(&self.request).filter(|width| *width <= WIDEST)?;
        Some((request, flat_width(expect)?))
    }

    /// The step with so many spaces before its `=>`.
    fn doc(self, docs: &Docs<'s>, spaces: usize) -> Doc<'s> {
        let doc = match self.expect {
            None => self.request,
            Some(expect) if self.own_line => self.request.append(docs.newline()).append(expect),
            Some(expect) => self.request.append(docs.newline().flat_alt(" ".repeat(spaces))).append(expect),
        };
        doc.nest(INDENT).group()
    }
}
