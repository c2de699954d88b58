//! Printing.
//!
//! In goes an [`Ast`], out comes its text in canonical layout; parsing that text gives the same tree, and printing it again
//! the same text. Comments are kept, each where it stood. Single nodes print on one line, for messages.
//!
//! Printing knows the grammar's words and nothing of what they mean: any tree that a text can have prints as that text.
//!
//! Statements stand on lines of their own, which `lines` writes. Inside a statement the line breaks are found by
//! Wadler's algorithm: a statement that does not fit on one line has its clauses on one each.

mod cases;
mod comments;
mod conditions;
mod docs;
mod lines;
mod rules;
mod statements;
mod words;

use super::{Ast, Clause, Cond, Duty, Invariant, Literal, Name, Rule, Selector, Who};
use crate::source::Source;
use comments::Pending;
use docs::{Doc, Docs};
use lines::Lines;
use pretty::Arena;

/// The text of a file in canonical layout.
///
/// Blank lines between statements are those of the source, at most one at a time; where there is no source, statements of
/// different kinds stand apart. A tree that has comments is printed with its source.
#[must_use]
pub fn print(ast: &Ast, source: Option<&Source>) -> String {
    Lines::file(ast, source)
}

/// A rule on one line, without label and `;`, with the selector of the block it stands in. Two rules that print the same
/// say the same.
#[must_use]
pub fn print_rule(rule: &Rule, on: Option<&Selector>) -> String {
    one_line(&(rule, on), |docs, (rule, on)| docs.rule(rule, *on, 0))
}

/// An invariant on one line, without label and `;`, with the selector of the block it stands in.
#[must_use]
pub fn print_invariant(invariant: &Invariant, on: Option<&Selector>) -> String {
    one_line(&(invariant, on), |docs, (invariant, on)| docs.invariant(invariant, *on))
}

/// A condition on one line.
#[must_use]
pub fn cond(cond: &Cond) -> String {
    one_line(cond, |docs, cond| docs.cond(cond))
}

/// A clause on one line, its keyword included.
#[must_use]
pub fn clause(clause: &Clause) -> String {
    one_line(clause, |docs, clause| docs.clause(clause))
}

/// Whom a statement speaks of, on one line.
#[must_use]
pub fn who(who: &Who) -> String {
    one_line(who, |docs, who| docs.who(who))
}

/// What a statement speaks of, on one line.
#[must_use]
pub fn selector(selector: &Selector) -> String {
    one_line(selector, |docs, selector| docs.selector(selector))
}

/// A constant on one line.
#[must_use]
pub fn literal(literal: &Literal) -> String {
    one_line(literal, |docs, literal| docs.literal(literal))
}

/// A duty on one line.
#[must_use]
pub fn duty(duty: &Duty) -> String {
    one_line(duty, |docs, duty| docs.duty(duty))
}

/// A name as the grammar's `NAME` takes it: bare where it can be, else quoted.
#[must_use]
pub fn name(name: &Name) -> String {
    words::name(name).into_owned()
}

/// A text in quotes, with escapes for what a reader could not see.
#[must_use]
pub fn string(text: &str) -> String {
    words::string(text)
}

fn one_line<T>(node: &T, print: for<'s> fn(&mut Docs<'s>, &'s T) -> Doc<'s>) -> String {
    let arena = Arena::new();
    let doc = print(&mut Docs::new(&arena, Pending::default()), node);
    doc.group().pretty(usize::MAX).to_string()
}
