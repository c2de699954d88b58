//! Conditions and what they are made of.

use super::{
    docs::{Doc, Docs, INDENT, Placed, Wrap},
    words,
};
use crate::ast::{Cond, CondKind, Instant, InstantKind, Offset, Operand, Path, SetExpr};

impl<'s> Docs<'s> {
    /// A condition.
    pub(super) fn cond(&mut self, cond: &'s Cond) -> Doc<'s> {
        match &cond.kind {
            CondKind::Or(parts) => self.chain(parts, "or ", |part| matches!(part, CondKind::Or(_))),
            CondKind::And(parts) => self.chain(parts, "and ", is_chain),
            CondKind::Not(inner) => {
                self.introduced(self.text("not"), &**inner, |docs, inner| docs.part(inner, is_chain))
            }
            CondKind::Compare { left, op, right } => {
                let left = self.operand(left);
                let gap = self.gap(self.space(), right.at());
                left.append(gap.append(op.symbol()).nest(INDENT)).append(" ").append(self.operand(right))
            }
            CondKind::In { operand, negated, set } => {
                let operand = self.operand(operand);
                let gap = self.gap(self.space(), set.at());
                let word = gap.append(if *negated { "not in " } else { "in " }).nest(INDENT);
                operand.append(word).append(self.set(set))
            }
            CondKind::Like { operand, negated, pattern } => {
                let operand = self.operand(operand);
                let gap = self.gap(self.space(), pattern.at);
                let word = gap.append(if *negated { "not like " } else { "like " }).nest(INDENT);
                operand.append(word).append(self.quoted(pattern))
            }
            CondKind::Overlaps { path, set } => {
                let gap = self.gap(self.space(), set.at());
                self.path(path).append(gap.append("overlaps ").nest(INDENT)).append(self.set(set))
            }
            CondKind::Has(path) => {
                let gap = self.gap(self.space(), path.at);
                self.text("has").append(gap.append(self.path(path)).nest(INDENT))
            }
            CondKind::Path(path) => self.path(path),
        }
    }

    /// Conditions with a word between them, on one line or each on its own.
    fn chain(&mut self, parts: &'s [Cond], word: &'static str, in_parentheses: fn(&CondKind) -> bool) -> Doc<'s> {
        let part = |docs: &mut Self, part| docs.part(part, in_parentheses);
        self.row(parts, ("", Wrap::OneEach, word), part).nest(INDENT).group()
    }

    /// A condition inside another.
    fn part(&mut self, cond: &'s Cond, in_parentheses: fn(&CondKind) -> bool) -> Doc<'s> {
        let doc = self.cond(cond);
        if in_parentheses(&cond.kind) { self.text("(").append(doc).append(")") } else { doc }
    }

    /// A side of a comparison.
    fn operand(&mut self, operand: &'s Operand) -> Doc<'s> {
        match operand {
            Operand::Path(path, offset) => self.moved_path(path, *offset),
            Operand::Literal(literal) => self.literal(literal),
        }
    }

    /// The right side of `in` and `overlaps`.
    fn set(&mut self, set: &'s SetExpr) -> Doc<'s> {
        match set {
            SetExpr::List(members, at) => self.list(members, at.0.end),
            SetExpr::Path(path) => self.path(path),
        }
    }

    /// A point in time of a `from` or `until`.
    pub(super) fn instant(&mut self, instant: &'s Instant) -> Doc<'s> {
        match &instant.kind {
            InstantKind::Instant(instant) => self.text(words::instant(instant)),
            InstantKind::Date(date, None) => self.text(date.to_string()),
            InstantKind::Date(date, Some(zone)) => {
                let gap = self.gap(self.space(), zone.at);
                self.text(date.to_string()).append(gap).append("in ").append(self.quoted(zone))
            }
            InstantKind::Path(path, offset) => self.moved_path(path, *offset),
        }
    }

    /// `model.created + 7d`
    fn moved_path(&mut self, path: &'s Path, offset: Option<Offset>) -> Doc<'s> {
        self.path(path).append(offset.map(words::offset).unwrap_or_default())
    }
}

/// Whether a condition is several, joined by `and` or `or`.
fn is_chain(cond: &CondKind) -> bool {
    matches!(cond, CondKind::Or(_) | CondKind::And(_))
}
