//! Statements that look alike to the grammar, which are matched only once.
//!
//! The grammar tells neither one text in quotes from another nor one digit from another, and of most numbers not even how
//! many digits they have. What is left when these are taken out is a statement's shape: `allow user "" to infer when ip in
//! [0.0.0.0/0];`. Whatever the grammar has matched in one statement it matches at the same places in every other of its
//! shape, and the many rules of a large file have few shapes.

use super::{
    grammar::{self, Mismatch, Rule},
    node::{Match, Tree},
};
use crate::ast::lex::{Token, TokenKind, tokens};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// Longer statements are seldom alike.
const LONGEST: usize = 1 << 9;
/// So many shapes are remembered.
const REMEMBERED: usize = 1 << 9;

/// The grammar, and what it has matched in statements of different shapes.
#[derive(Default)]
pub(super) struct Matcher {
    /// By the rule that they were read as.
    known: BTreeMap<Rule, HashMap<String, Box<[Match]>>>,
    /// The shape of the statement that is read just now.
    shape: Shape,
}

/// The grammar with what it has matched so far, for one text after the other and several threads at once: each reader
/// takes a matcher for itself and puts it back.
#[derive(Clone, Default)]
pub struct Matchers(Arc<Mutex<Vec<Matcher>>>);

/// A statement's shape.
#[derive(Default)]
struct Shape {
    text: String,
    /// Where something was taken out, in order.
    gaps: Vec<Gap>,
    /// Up to here the statement is in it.
    taken: usize,
}

/// Where something was taken out.
struct Gap {
    /// The place behind it in the shape.
    in_shape: usize,
    /// The place behind it in the statement.
    in_text: usize,
}

impl Matchers {
    /// One that nobody uses now, or a new one.
    pub(super) fn take(&self) -> Matcher {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Puts one back.
    pub(super) fn put(&self, matcher: Matcher) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(matcher);
    }
}

impl Matcher {
    /// Reads a whole text as a rule, as [`grammar::read`] does.
    pub(super) fn read<'t>(&mut self, rule: Rule, text: &'t str) -> Result<Tree<'t>, Mismatch> {
        if text.len() > LONGEST || !self.shape.renew(text) {
            return grammar::read(rule, text);
        }
        let shape = &self.shape;
        let known = self.known.entry(rule).or_default();
        if let Some(matches) = known.get(&shape.text) {
            let tree = Tree::of(text, matches.iter().map(|found| found.moved(|at| shape.to_text(at))).collect());
            debug_assert_eq!(Some(&tree), grammar::read(rule, text).ok().as_ref(), "`{text}` is not of this shape");
            return Ok(tree);
        }
        let tree = grammar::read(rule, text)?;
        if known.len() == REMEMBERED {
            known.clear();
        }
        let matches = tree.matches().iter().map(|found| found.moved(|at| shape.to_shape(at)));
        known.insert(shape.text.clone(), matches.collect());
        Ok(tree)
    }
}

impl Shape {
    /// Becomes the shape of a text. A text with comments has none.
    fn renew(&mut self, text: &str) -> bool {
        self.text.clear();
        self.gaps.clear();
        self.taken = 0;
        for token in tokens(text, 0) {
            let said = token.of(text);
            match token.kind {
                TokenKind::String { closed: true } => {
                    self.copy(text, token.start.saturating_add(1));
                    self.skip(token.end.saturating_sub(1));
                }
                TokenKind::Number if said.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'/')) => {
                    self.number(text, token);
                }
                TokenKind::Word | TokenKind::Number if said.bytes().any(|byte| byte.is_ascii_digit()) => {
                    self.copy(text, token.start);
                    self.text.extend(said.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
                    self.taken = token.end;
                }
                TokenKind::Comment { .. } => return false,
                TokenKind::Word
                | TokenKind::Number
                | TokenKind::String { closed: false }
                | TokenKind::Open(_)
                | TokenKind::Close(_)
                | TokenKind::Semicolon
                | TokenKind::Mark
                | TokenKind::ForeignString
                | TokenKind::Foreign
                | TokenKind::Control => {}
            }
        }
        self.copy(text, text.len());
        true
    }

    /// Takes a number or an address, whose digits are counted by no rule.
    fn number(&mut self, text: &str, token: Token) {
        let mut at = token.start;
        while let Some(rest) = text.get(at..token.end).filter(|rest| !rest.is_empty()) {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                self.copy(text, at);
                self.text.push('0');
                self.skip(at.saturating_add(digits));
            }
            at = at.saturating_add(digits.max(1));
        }
    }

    /// Takes what stands before a place.
    fn copy(&mut self, text: &str, to: usize) {
        self.text.push_str(text.get(self.taken..to).unwrap_or_default());
        self.taken = to;
    }

    /// Leaves out what stands before a place.
    fn skip(&mut self, to: usize) {
        self.taken = to;
        self.gaps.push(Gap { in_shape: self.text.len(), in_text: to });
    }

    /// The place in the statement of a place in the shape.
    fn to_text(&self, at: usize) -> usize {
        let gap = self.gaps.iter().take_while(|gap| gap.in_shape <= at).last();
        gap.map_or(at, |gap| gap.in_text.saturating_add(at.saturating_sub(gap.in_shape)))
    }

    /// The place in the shape of a place in the statement.
    fn to_shape(&self, at: usize) -> usize {
        let gap = self.gaps.iter().take_while(|gap| gap.in_text <= at).last();
        gap.map_or(at, |gap| gap.in_shape.saturating_add(at.saturating_sub(gap.in_text)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Matcher, Shape};
    use crate::ast::parse::grammar::{Rule, read};

    fn shape(text: &str) -> String {
        let mut shape = Shape::default();
        assert!(shape.renew(text));
        shape.text
    }

    #[test]
    fn what_the_grammar_does_not_look_at_is_taken_out() {
        assert_eq!(shape("a1-20 \"x\\\"y\" 300"), "a0-00 \"\" 0");
        assert_eq!(shape("[10.1.2.34/24, fe80::1] 1_000"), "[0.0.0.0/0, fe00::0] 0_000");
        assert_eq!(shape("2025-12-31 09:05 30s 0..15"), "0000-00-00 00:00 00s 0..0");
        assert!(!Shape::default().renew("allow /* c */"));
    }

    /// The grammar looks at no digit: it only asks whether there is one.
    #[test]
    fn digits_are_alike_to_the_grammar() {
        let grammar = include_str!("../../../grammar/policy.pest");
        for line in grammar.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let quoted = line.split(['"', '\'']).skip(1).step_by(2);
            let digits: Vec<&str> = quoted.filter(|text| text.contains(|c: char| c.is_ascii_digit())).collect();
            assert!(digits.is_empty() || digits == ["0", "9"] || digits == ["0", "9"].repeat(2), "{line}");
        }
    }

    #[test]
    fn statements_of_one_shape_are_read_as_by_the_grammar() {
        let mut matcher = Matcher::default();
        let texts = [
            "allow user \"a\" to infer when ip in [1.2.3.4/5] until 2025-01-02;",
            "allow user \"anybody@example.com\" to infer when ip in [10.20.30.40/32] until 1999-12-31;",
            "allow user \"\" to infer when ip in [255.2.3.4/5] until 2025-01-02;",
        ];
        for text in texts {
            assert_eq!(matcher.read(Rule::only_item, text).ok(), read(Rule::only_item, text).ok());
        }
        assert_eq!(matcher.known.values().map(|known| known.len()).sum::<usize>(), 1);
        assert!(matcher.read(Rule::only_item, "allow user 5 to infer;").is_err());
    }
}
