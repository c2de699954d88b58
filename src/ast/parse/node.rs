//! Walking over what the grammar has matched, without its keywords and marks.

use super::{grammar::Rule, texts::Texts};
use crate::{
    ast::At,
    report::{Code, Diagnostic, codes},
    source::{FileId, Span},
};
use pest::{Token, iterators::Pairs};
use std::{borrow::Cow, sync::Arc};

/// What came out of reading a part, or why it makes no sense.
pub(super) type Read<T> = Result<T, Problem>;

/// What reads the match of which rule.
type Readers<'a, 'i, T> = &'a [(Rule, fn(Node<'i>) -> Read<T>)];

/// Why something that the grammar has matched makes no sense.
pub(super) type Problem = Box<Diagnostic>;

/// Where the text stands that was given to the grammar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The file.
    pub(super) file: FileId,
    /// The offset of the text's first byte.
    pub(super) base: usize,
    /// Where the file ends; a `;` that was added to the text may stand behind it.
    pub(super) end: usize,
}

impl Place {
    /// The span of a range of the text.
    pub(super) fn span(self, start: usize, end: usize) -> Span {
        let offset = |at: usize| u32::try_from(self.base.saturating_add(at).min(self.end)).unwrap_or(u32::MAX);
        Span::new(self.file, offset(start), offset(end))
    }
}

/// All that the grammar has matched in a text, in its order. Each match is followed by those inside it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree<'i> {
    text: &'i str,
    matches: Vec<Match>,
}

/// What one rule has matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    rule: Rule,
    start: usize,
    /// Where its last keyword, mark or word ends: the grammar also takes the white space behind.
    end: usize,
    /// How many matches are inside.
    inside: usize,
}

impl Match {
    /// The same at another place.
    pub(super) fn moved(self, place: impl Fn(usize) -> usize) -> Self {
        Self { start: place(self.start), end: place(self.end), ..self }
    }
}

impl<'i> Tree<'i> {
    /// Keeps of the grammar's matches what readers need.
    pub(super) fn new(text: &'i str, pairs: &Pairs<'i, Rule>) -> Self {
        let tokens = pairs.clone().tokens();
        let mut matches: Vec<Match> = Vec::with_capacity(tokens.len() / 2);
        let mut open = Vec::new();
        // Whether nothing was matched inside of the innermost rule that is open, and where the last match ended.
        let (mut empty, mut end) = (true, 0);
        for token in tokens {
            match token {
                Token::Start { rule, pos } => {
                    empty = true;
                    if !is_mark(rule) {
                        open.push(matches.len());
                        matches.push(Match { rule, start: pos.pos(), end: 0, inside: 0 });
                    }
                }
                Token::End { rule, pos } => {
                    if empty {
                        end = pos.pos();
                    }
                    empty = false;
                    if !is_mark(rule)
                        && let Some(index) = open.pop()
                    {
                        let count = matches.len();
                        if let Some(done) = matches.get_mut(index) {
                            done.end = end;
                            done.inside = count.saturating_sub(index).saturating_sub(1);
                        }
                    }
                }
            }
        }
        Self { text, matches }
    }

    /// A text in which these matches are known.
    pub(super) const fn of(text: &'i str, matches: Vec<Match>) -> Self {
        Self { text, matches }
    }

    /// All matches.
    pub(super) fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// Its outermost matches; `place` says where the text stands, `texts` what the file has said before.
    pub(super) fn nodes<'t>(&'t self, place: Place, texts: &'t Texts) -> Nodes<'t> {
        Nodes { text: self.text, matches: &self.matches, place, texts, at: At(place.span(0, 0)) }
    }
}

/// What one rule has matched.
#[derive(Clone, Copy)]
pub(super) struct Node<'i> {
    text: &'i str,
    this: Match,
    inside: &'i [Match],
    place: Place,
    texts: &'i Texts,
}

impl<'i> Node<'i> {
    /// The rule.
    pub(super) const fn rule(&self) -> Rule {
        self.this.rule
    }

    /// The text.
    pub(super) fn text(&self) -> &'i str {
        self.text.get(self.this.start..self.this.end).unwrap_or_default()
    }

    /// A text that it says, to be kept.
    pub(super) fn kept(&self, text: &str) -> Arc<str> {
        self.texts.shared(text)
    }

    /// The place.
    pub(super) fn at(&self) -> At {
        At(self.place.span(self.this.start, self.this.end))
    }

    /// The place of a part of its text.
    pub(super) fn part(&self, start: usize, end: usize) -> Span {
        let base = self.this.start;
        self.place.span(base.saturating_add(start), base.saturating_add(end))
    }

    /// What the rule is made of.
    pub(super) fn parts(self) -> Nodes<'i> {
        Nodes { text: self.text, matches: self.inside, place: self.place, texts: self.texts, at: self.at() }
    }

    /// The only thing that the rule is made of.
    pub(super) fn only(self) -> Read<Self> {
        self.parts().any()
    }

    /// The place of its first word, and the word.
    pub(super) fn keyword(&self) -> (Span, &'i str) {
        let word = self.text().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        (self.part(0, word.len()), word)
    }

    /// The grammar has matched something that no reader knows: a fault of this folder, not of the text.
    pub(super) fn unreadable(&self) -> Problem {
        unreadable(self.at())
    }

    /// Something that is wrong with all of it.
    pub(super) fn problem(&self, code: Code, message: impl Into<Cow<'static, str>>) -> Diagnostic {
        Diagnostic::new(code, self.at().0, message)
    }

    /// Reads it with the reader of its rule.
    pub(super) fn read_as<T>(self, readers: Readers<'_, 'i, T>) -> Read<T> {
        match readers.iter().find(|(rule, _)| *rule == self.rule()) {
            Some((_, reader)) => reader(self),
            None => Err(self.unreadable()),
        }
    }
}

/// What rules have matched, one after another.
#[derive(Clone)]
pub(super) struct Nodes<'i> {
    text: &'i str,
    matches: &'i [Match],
    place: Place,
    texts: &'i Texts,
    at: At,
}

impl<'i> Nodes<'i> {
    /// Where all of them stand.
    pub(super) const fn at(&self) -> At {
        self.at
    }

    /// The next one, if it was matched by this rule.
    pub(super) fn next_if(&mut self, rule: Rule) -> Option<Node<'i>> {
        self.matches.first().filter(|next| next.rule == rule)?;
        self.next()
    }

    /// The next one, which must be there.
    pub(super) fn any(&mut self) -> Read<Node<'i>> {
        self.next().ok_or_else(|| unreadable(self.at))
    }

    /// The next one, which must have been matched by this rule.
    pub(super) fn expect(&mut self, rule: Rule) -> Read<Node<'i>> {
        self.next_if(rule).ok_or_else(|| unreadable(self.at))
    }

    /// Reads all that follow and were matched by this rule.
    pub(super) fn each<T>(&mut self, rule: Rule, reader: fn(Node<'i>) -> Read<T>) -> Read<Vec<T>> {
        let count = self.clone().take_while(|node| node.rule() == rule).count();
        let mut all = Vec::with_capacity(count);
        while let Some(node) = self.next_if(rule) {
            all.push(reader(node)?);
        }
        Ok(all)
    }

    /// Reads all that follow.
    pub(super) fn all<T>(self, reader: fn(Node<'i>) -> Read<T>) -> Read<Vec<T>> {
        let mut all = Vec::with_capacity(self.clone().count());
        for node in self {
            all.push(reader(node)?);
        }
        Ok(all)
    }

    /// Reads the next one, if it was matched by this rule.
    pub(super) fn maybe<T>(&mut self, rule: Rule, reader: fn(Node<'i>) -> Read<T>) -> Read<Option<T>> {
        self.next_if(rule).map(reader).transpose()
    }
}

impl<'i> Iterator for Nodes<'i> {
    type Item = Node<'i>;

    fn next(&mut self) -> Option<Self::Item> {
        let (this, rest) = self.matches.split_first()?;
        let (inside, after) = rest.split_at_checked(this.inside)?;
        self.matches = after;
        Some(Node { text: self.text, this: *this, inside, place: self.place, texts: self.texts })
    }
}

/// Whether a rule only matches a keyword or mark: those stand last in the grammar.
fn is_mark(rule: Rule) -> bool {
    rule >= Rule::semicolon || rule == Rule::EOI
}

fn unreadable(at: At) -> Problem {
    Box::new(Diagnostic::new(codes::SYNTAX, at.0, "this part of the text could not be read"))
}

#[cfg(test)]
mod tests {
    use super::{Rule, is_mark};

    #[test]
    fn keywords_and_marks_stand_last_in_the_grammar() {
        for rule in Rule::all_rules() {
            let name = format!("{rule:?}");
            assert!(!name.starts_with("kw_") || is_mark(*rule), "{name}");
        }
        assert!(!is_mark(Rule::ident) && is_mark(Rule::right_curly));
    }
}
