//! Tests: what is given, and the steps.

use super::{
    docs::{Doc, Docs, INDENT, Placed, WIDTH, flat_width},
    words,
};
use crate::ast::{Assign, AssignKind, Expect, Name, Step, StepKind};

/// The widest request, in columns, whose `=>` stands in one column with those of other steps.
const WIDEST: usize = 70;

/// The `=>` of steps stand at multiples of so many columns, so that a small edit of one step leaves the others alone.
const STOP: usize = 4;

/// A step in parts: the request, whether a comment wants a new line after it, and what is expected.
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
                let request = head.append(self.request(action, kind.as_ref(), id));
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

    /// `deny CODE 403 by rule obliges nothing shadow other`
    fn expect(&mut self, expect: &'s Expect) -> Doc<'s> {
        let mut doc = self.text(if expect.allow { "allow" } else { "deny" });
        if let Some(code) = &expect.code {
            doc = doc.append(self.gap(self.space(), code.at)).append(self.word(code));
        }
        if let Some((status, at)) = &expect.status {
            doc = doc.append(self.gap(self.space(), *at)).append(words::int(*status));
        }
        if let Some(by) = &expect.by {
            doc = doc.append(self.gap(self.fill(), by.at)).append("by ").append(self.name(by));
        }
        match &expect.obliges {
            None => {}
            Some(duties) if duties.is_empty() => doc = doc.append(self.fill()).append("obliges nothing"),
            Some(duties) => {
                doc = doc.append(self.gap(self.fill(), duties.at())).append("obliges ").append(self.duties(duties));
            }
        }
        if let Some(shadow) = &expect.shadow {
            doc = doc.append(self.gap(self.fill(), shadow.at)).append("shadow ").append(self.name(shadow));
        }
        doc.nest(INDENT)
    }
}

/// Steps without blank lines between them: the `=>` of those that are narrow enough stand in one column.
pub(super) fn aligned<'s>(docs: &Docs<'s>, steps: Vec<StepDoc<'s>>, indent: usize) -> Vec<Doc<'s>> {
    let widths: Vec<_> = steps.iter().map(StepDoc::width).collect();
    let narrow = widths.iter().flatten();
    let column = match narrow.clone().max() {
        Some(widest) if narrow.count() > 1 => {
            indent.saturating_add(*widest).saturating_add(1).next_multiple_of(STOP).saturating_sub(indent)
        }
        Some(_) | None => 0,
    };
    let room = WIDTH.saturating_sub(indent).saturating_sub(column);
    let steps = steps.into_iter().zip(widths);
    steps
        .map(|(step, width)| {
            let space = column.saturating_sub(width.unwrap_or(column)).max(1);
            step.doc(docs, space, room)
        })
        .collect()
}

impl<'s> StepDoc<'s> {
    /// How wide the request is, if its `=>` can stand below another's.
    fn width(&self) -> Option<usize> {
        if self.own_line || self.expect.is_none() {
            return None;
        }
        flat_width(&self.request).filter(|width| *width <= WIDEST)
    }

    /// The step with so many spaces before its `=>`, or with one if there is not enough room after so many.
    fn doc(self, docs: &Docs<'s>, spaces: usize, room: usize) -> Doc<'s> {
        let Some(expect) = self.expect else { return self.request.append(";").nest(INDENT) };
        let expect = docs.text("=> ").append(expect).append(";");
        let spaces = if flat_width(&expect).is_some_and(|width| width <= room) { spaces } else { 1 };
        let gap = if self.own_line { docs.newline() } else { docs.newline().flat_alt(" ".repeat(spaces)) };
        self.request.append(gap).append(expect).nest(INDENT).group()
    }
}
