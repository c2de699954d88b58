//! Globs: patterns for texts and for ids of resources.
//!
//! `*` stands for any run of characters and `?` for one; `\*`, `\?` and `\\` are the characters themselves. In a pattern
//! for resources `*` and `?` stop at `/` and `**` does not; in one for texts `/` is a character like any other.
//!
//! A pattern is a literal prefix, a literal suffix and what may stand between them. Most have one run there and need no
//! more than two comparisons; the others have a small automaton. Matching takes time in proportion to the text, whatever
//! the pattern, allocates nothing and takes no lock.

mod affixes;
mod automaton;
pub mod example;
mod pieces;
mod set;

use affixes::End;
use automaton::Automaton;
pub use pieces::GlobError;
use pieces::{Class, Piece, Scope};
pub use set::{GlobSet, GlobSetError};
use std::{fmt, sync::Arc};

/// A compiled pattern; a clone shares it. Two are the same if they are written the same, for the same use.
#[derive(Clone)]
pub struct Glob(Arc<Compiled>);

struct Compiled {
    pattern: Box<str>,
    scope: Scope,
    /// What stands before the first wildcard; all of a pattern without one.
    prefix: Box<str>,
    middle: Middle,
    /// What stands behind the last wildcard.
    suffix: Box<str>,
}

/// What may stand between prefix and suffix: the cheapest test that the shape of a pattern allows.
#[derive(Clone)]
enum Middle {
    /// Nothing: the pattern has no wildcard.
    Nothing,
    /// Any run: `acme/**`, and in texts `*`, `user-*`, `*@partner.com`, `user-*-bot`.
    Anything,
    /// Any run within a segment: `acme/*`, `acme/*/v2`.
    Segment,
    /// What an automaton accepts: `*-internal-*`, `qwen?-*`.
    Accepted(Arc<Automaton>),
}

impl Glob {
    /// A pattern for texts and principal ids: `*` and `?` cross `/`.
    ///
    /// # Errors
    ///
    /// A backslash that escapes nothing, or a pattern that exceeds a limit.
    pub fn text(pattern: &str) -> Result<Self, GlobError> {
        Self::new(pattern, Scope::Text)
    }

    /// A pattern for ids of resources: `*` and `?` stop at `/`, `**` does not.
    ///
    /// # Errors
    ///
    /// A backslash that escapes nothing, or a pattern that exceeds a limit.
    pub fn resource(pattern: &str) -> Result<Self, GlobError> {
        Self::new(pattern, Scope::Resource)
    }

    fn new(pattern: &str, scope: Scope) -> Result<Self, GlobError> {
        let mut pieces = pieces::parse(pattern, scope)?.into_iter().peekable();
        let prefix = std::iter::from_fn(|| pieces.next_if_map(|piece| piece.literal().ok_or(piece))).collect();
        let mut rest: Vec<Piece> = pieces.collect();
        let wild = rest.iter().rposition(|piece| piece.literal().is_none()).map_or(0, |last| last.saturating_add(1));
        let suffix = rest.drain(wild..).filter_map(Piece::literal).collect();
        let middle = match *rest {
            [] => Middle::Nothing,
            [Piece::Run(Class::Any)] => Middle::Anything,
            [Piece::Run(Class::Segment)] => Middle::Segment,
            _ => Middle::Accepted(Arc::new(Automaton::new(&rest))),
        };
        Ok(Self(Arc::new(Compiled { pattern: pattern.into(), scope, prefix, middle, suffix })))
    }

    /// Whether it is seen at once that a pattern is well-formed and stands for itself, as most ids do.
    #[must_use]
    pub fn is_plain(pattern: &str) -> bool {
        pattern.len() <= pieces::MAX_CHARACTERS && !pattern.contains(['*', '?', '\\'])
    }

    /// The pattern of exactly one text.
    #[must_use]
    pub fn escape(text: &str) -> String {
        text.chars().flat_map(|c| matches!(c, '*' | '?' | '\\').then_some('\\').into_iter().chain([c])).collect()
    }

    /// Whether it is a pattern for ids of resources.
    #[must_use]
    pub fn is_of_resources(&self) -> bool {
        self.0.scope == Scope::Resource
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// The one text that it stands for, if it has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.0.middle {
            Middle::Nothing => Some(&self.0.prefix),
            Middle::Anything | Middle::Segment | Middle::Accepted(_) => None,
        }
    }

    /// What every text that it stands for begins with: all before its first wildcard.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.0.prefix.to_string()
    }

    /// Whether it stands for the whole of a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let Compiled { prefix, middle, suffix, .. } = &*self.0;
        let rest = End::Front.strip(text, prefix).and_then(|rest| End::Back.strip(rest, suffix));
        rest.is_some_and(|rest| middle.is_match(rest))
    }

    /// Whether some text matches both.
    ///
    /// Both patterns are walked at once: a place is a piece of the one and a piece of the other, a step is a character
    /// that both allow, or leaving a run. Each place is visited once.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        // Most pairs differ where both are literal.
        let (one, two) = (&*self.0, &*other.0);
        let prefixes_meet = one.prefix.starts_with(&*two.prefix) || two.prefix.starts_with(&*one.prefix);
        let suffixes_meet = one.suffix.ends_with(&*two.suffix) || two.suffix.ends_with(&*one.suffix);
        if !prefixes_meet || !suffixes_meet {
            return false;
        }
        let (ours, theirs) = (one.pieces(), two.pieces());
        let width = theirs.len().saturating_add(1);
        let mut seen = vec![false; ours.len().saturating_add(1).saturating_mul(width)];
        let mut waiting = vec![(0_usize, 0_usize)];
        while let Some((i, j)) = waiting.pop() {
            let Some(seen) = seen.get_mut(i.saturating_mul(width).saturating_add(j)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let (next_i, next_j) = (i.saturating_add(1), j.saturating_add(1));
            match (ours.get(i), theirs.get(j)) {
                (None, None) => return true,
                (Some(a @ (Piece::Literal(_) | Piece::One(_))), Some(b @ (Piece::Literal(_) | Piece::One(_)))) => {
                    waiting.extend(a.meets(*b).then_some((next_i, next_j)));
                }
                (Some(a @ Piece::Run(_)), Some(b @ (Piece::Literal(_) | Piece::One(_)))) => {
                    waiting.push((next_i, j));
                    waiting.extend(a.meets(*b).then_some((i, next_j)));
                }
                (Some(a @ (Piece::Literal(_) | Piece::One(_))), Some(b @ Piece::Run(_))) => {
                    waiting.push((i, next_j));
                    waiting.extend(a.meets(*b).then_some((next_i, j)));
                }
                (Some(Piece::Run(_)), Some(Piece::Run(_))) => waiting.extend([(next_i, j), (i, next_j)]),
                (Some(Piece::Run(_)), None) => waiting.push((next_i, j)),
                (None, Some(Piece::Run(_))) => waiting.push((i, next_j)),
                (Some(Piece::Literal(_) | Piece::One(_)), None) | (None, Some(Piece::Literal(_) | Piece::One(_))) => {}
            }
        }
        false
    }
}

impl Compiled {
    /// Its steps. They are not kept: only comparisons of patterns need them.
    fn pieces(&self) -> Vec<Piece> {
        // What was parsed once is a pattern.
        pieces::parse(&self.pattern, self.scope).unwrap_or_default()
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let texts = [&self.pattern, &self.prefix, &self.suffix].map(|text| text.len());
        let automaton = match &self.middle {
            Middle::Nothing | Middle::Anything | Middle::Segment => 0,
            Middle::Accepted(automaton) => automaton.bytes(),
        };
        texts.into_iter().sum::<usize>().saturating_add(size_of::<Self>()).saturating_add(automaton)
    }
}

impl Middle {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Nothing => text.is_empty(),
            Self::Anything => true,
            Self::Segment => !text.contains('/'),
            Self::Accepted(automaton) => automaton.accepts(text),
        }
    }

    /// How many words of an automaton each character of a text goes through.
    fn words(&self) -> usize {
        match self {
            Self::Nothing | Self::Anything | Self::Segment => 0,
            Self::Accepted(automaton) => automaton.words(),
        }
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.0.scope == other.0.scope && self.0.pattern == other.0.pattern
    }
}

impl Eq for Glob {}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob::{:?}({:?})", self.0.scope, self.0.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(pattern: &str) -> Glob {
        Glob::text(pattern).unwrap()
    }

    fn resource(pattern: &str) -> Glob {
        Glob::resource(pattern).unwrap()
    }

    /// The meaning of a pattern, one character at a time.
    fn matches(scope: Scope, pattern: &[char], text: &[char]) -> bool {
        let crosses = |c: &char| scope == Scope::Text || *c != '/';
        match pattern {
            [] => text.is_empty(),
            ['*', '*', rest @ ..] if scope == Scope::Resource => {
                (0..=text.len()).any(|skipped| matches(scope, rest, &text[skipped..]))
            }
            ['*', rest @ ..] => (0..=text.len())
                .take_while(|skipped| text[..*skipped].iter().all(crosses))
                .any(|skipped| matches(scope, rest, &text[skipped..])),
            ['?', rest @ ..] => text.first().is_some_and(crosses) && matches(scope, rest, &text[1..]),
            ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && matches(scope, rest, &text[1..]),
        }
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    /// All texts of up to `longest` characters of `alphabet`.
    fn texts(alphabet: &[char], longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn stars_and_question_marks_in_texts_cross_slashes() {
        assert!(text("*@partner.com").is_match("a/b@partner.com"));
        assert!(!text("*@partner.com").is_match("a@partner.com.evil"));
        assert!(!text("*@partner.com").is_match("a@partnerxcom"));
        assert!(text("a?c").is_match("a/c"));
        assert!(text("a?c").is_match("aüc") && text("a?c").is_match("a😀c"));
        assert!(!text("a?c").is_match("ac") && !text("a?c").is_match("AbC"));
        assert!(text("*").is_match("") && text("*").is_match("a\nb") && text("**").is_match("a/b"));
        assert!(!text("").is_match("a") && text("").is_match(""));
    }

    #[test]
    fn in_resources_only_two_stars_cross_slashes() {
        assert!(resource("acme/*").is_match("acme/chat") && resource("acme/*").is_match("acme/"));
        assert!(!resource("acme/*").is_match("acme/chat/v2") && !resource("acme/*").is_match("acmex/chat"));
        assert!(resource("acme/**").is_match("acme/chat/v2") && resource("**").is_match("a/b"));
        assert!(resource("***").is_match("a/b"));
        assert!(!resource("a?b").is_match("a/b") && resource("a?b").is_match("a\nb"));
        assert!(!resource("*").is_match("a/b"));
    }

    #[test]
    fn escaped_characters_stand_for_themselves() {
        let glob = text(r"50\*");
        assert_eq!(glob.literal(), Some("50*"));
        assert!(glob.is_match("50*") && !glob.is_match("500"));
        assert_eq!(text(r"\?\\").literal(), Some(r"?\"));
        assert_eq!(text("a*").literal(), None);
        assert!(text(r"*.[a-z]+(\*)^$|{2}").is_match("x.[a-z]+(*)^$|{2}"));
        assert_eq!(Glob::escape(r"a*b?c\d/e"), r"a\*b\?c\\d/e");
    }

    #[test]
    fn what_is_no_pattern_is_refused_where_it_goes_wrong() {
        let refused = |pattern: &str| {
            let error = Glob::resource(pattern).unwrap_err();
            format!("{} at {}", error.message(), error.offset())
        };
        assert_eq!(refused("ü\\"), r"a backslash must be followed by `*`, `?` or `\` at 2");
        assert_eq!(refused(r"ab\nc"), r"a backslash must be followed by `*`, `?` or `\` at 2");
        assert_eq!(refused(&"ü".repeat(1_025)), "a pattern has at most 1,024 characters at 2048");
        assert_eq!(refused(&"*a".repeat(65)), "a pattern has at most 64 runs (`*` or `**`) at 128");
    }

    #[test]
    fn the_largest_patterns_are_accepted() {
        for largest in ["?".repeat(1_024), "😀".repeat(1_024), "*?".repeat(64) + &"?".repeat(896), "*a".repeat(64)] {
            for glob in [text(&largest), resource(&largest)] {
                assert!(glob.intersects(&glob));
                assert!(!glob.is_match("b"));
            }
        }
        assert!(text(&("?".repeat(1_023) + "*")).is_match(&"ü".repeat(2_000)));
        assert!(text(&"*a".repeat(64)).is_match(&"ba".repeat(5_000)));
        assert!(!text(&"*a".repeat(64)).is_match(&("ba".repeat(5_000) + "b")));
    }

    #[test]
    fn each_pattern_has_the_cheapest_test_that_is_enough() {
        let shape = |glob: &Glob| {
            let between = match glob.0.middle {
                Middle::Nothing => "nothing",
                Middle::Anything => "anything",
                Middle::Segment => "segment",
                Middle::Accepted(_) => "accepted",
            };
            format!("{}<{between}>{}", glob.0.prefix, glob.0.suffix)
        };
        let patterns =
            ["", r"a\*b", "*", "**", "acme/**", "acme/*", "acme/*/v2", "*@x.org", r"\*-*-\*", "a**?", "*-x-*", "?"];
        let [texts, resources] = [text, resource].map(|of| patterns.map(|pattern| shape(&of(pattern))));
        assert_eq!(
            texts.join("  "),
            "<nothing>  a*b<nothing>  <anything>  <anything>  acme/<anything>  acme/<anything>  acme/<anything>/v2  \
             <anything>@x.org  *-<anything>-*  a<accepted>  <accepted>  <accepted>"
        );
        assert_eq!(
            resources.join("  "),
            "<nothing>  a*b<nothing>  <segment>  <anything>  acme/<anything>  acme/<segment>  acme/<segment>/v2  \
             <segment>@x.org  *-<segment>-*  a<accepted>  <accepted>  <accepted>"
        );
    }

    #[test]
    fn prefix_and_suffix_do_not_share_characters() {
        assert!(text("ab*ba").is_match("abba") && !text("ab*ba").is_match("aba"));
        assert!(resource("a/*/b").is_match("a//b") && !resource("a/*/b").is_match("a/b"));
    }

    #[test]
    fn patterns_are_the_same_if_written_the_same_for_the_same_use() {
        assert_eq!(text("a*"), text("a*"));
        assert_ne!(text("a*"), resource("a*"));
        assert_ne!(text("a*"), text("a**"));
        assert_eq!(text("a*").pattern(), "a*");
        assert_eq!(format!("{:?}", text("a*")), r#"Glob::Text("a*")"#);
    }

    #[test]
    fn patterns_meet_where_some_text_matches_both() {
        assert!(resource("acme/*").intersects(&resource("*/chat")));
        assert!(!resource("acme/*").intersects(&resource("acme/*/v2")));
        assert!(resource("acme/**").intersects(&resource("acme/*/v2")));
        assert!(!resource("*").intersects(&resource("*/*")));
        assert!(text("*").intersects(&resource("*/*")));
        assert!(!resource("?").intersects(&resource("/")));
        assert!(!text("*.com").intersects(&text("*.org")));
    }

    proptest! {
        #[test]
        fn a_match_is_what_the_pattern_means(
            pattern in r"([ab/ü*?]|\\[*?\\]){0,8}",
            subject in r"[ab/ü*?\\]{0,8}",
        ) {
            for (glob, scope) in [(text(&pattern), Scope::Text), (resource(&pattern), Scope::Resource)] {
                let expected = matches(scope, &chars(&pattern), &chars(&subject));
                prop_assert_eq!(glob.is_match(&subject), expected, "{:?}", glob);
                if let Some(literal) = glob.literal() {
                    prop_assert!(glob.is_match(literal));
                    prop_assert_eq!(subject == literal, expected);
                }
            }
        }

        /// Patterns of more pieces than one word of the automaton's state has bits.
        #[test]
        fn long_patterns_mean_the_same(
            steps in prop::collection::vec(
                prop_oneof![
                    60 => prop::sample::select(vec![("a", "a"), ("b", "b"), ("ü", "ü"), ("/", "/"), ("?", "a"), ("?", "/")]),
                    1 => prop::sample::select(vec![("*", ""), ("*", "ab"), ("**", "b/a"), ("**", "")]),
                ],
                0..220,
            ),
            edit in prop::option::of((any::<prop::sample::Index>(), prop::sample::select(vec!['a', 'b', '/']))),
        ) {
            // The model takes too long for many runs.
            let runs = steps.iter().filter(|(pattern, _)| pattern.starts_with('*')).count();
            prop_assume!(runs <= 4);
            let pattern: String = steps.iter().map(|(pattern, _)| *pattern).collect();
            let mut subject = chars(&steps.iter().map(|(_, subject)| *subject).collect::<String>());
            if let Some((index, c)) = edit && !subject.is_empty() {
                let index = index.index(subject.len());
                subject[index] = c;
            }
            let subject_text: String = subject.iter().collect();
            for (glob, scope) in [(text(&pattern), Scope::Text), (resource(&pattern), Scope::Resource)] {
                let expected = matches(scope, &chars(&pattern), &subject);
                prop_assert_eq!(glob.is_match(&subject_text), expected, "{:?} {}", glob, subject_text);
            }
        }

        #[test]
        fn an_escaped_text_matches_itself_only(one in r"[ab*?\\/]{0,6}", other in r"[ab*?\\/]{0,6}") {
            let glob = resource(&Glob::escape(&one));
            prop_assert_eq!(glob.literal(), Some(one.as_str()));
            prop_assert_eq!(glob.is_match(&other), one == other);
        }

        #[test]
        fn patterns_meet_exactly_where_a_text_matches_both(
            one in "[ab/*?]{0,4}", other in "[ab/*?]{0,4}", scopes in any::<(bool, bool)>(),
        ) {
            let of = |pattern: &str, is_text| if is_text { text(pattern) } else { resource(pattern) };
            let (one, other) = (of(&one, scopes.0), of(&other, scopes.1));
            // Each character of a shortest common text is demanded by one of the two. Without a run a pattern of four
            // pieces demands the length four; with one each, the two demand at most six characters.
            let expected = texts(&['a', 'b', '/', 'c'], 6).iter().any(|t| one.is_match(t) && other.is_match(t));
            prop_assert_eq!(one.intersects(&other), expected, "{:?} {:?}", one, other);
            prop_assert_eq!(other.intersects(&one), expected);
        }
    }
}
