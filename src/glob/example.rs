//! A text that matches some patterns and not others, or the certainty that there is none.

use super::{
    Glob,
    pieces::{Class, Piece},
};
use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    ops::Bound,
    sync::Arc,
};

/// What is wanted of a text.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// The patterns that it matches.
    pub inside: Vec<&'a Glob>,
    /// The patterns that it does not match.
    pub outside: Vec<&'a Glob>,
    /// Texts that it is not.
    pub not: BTreeSet<Arc<str>>,
}

/// There are too many texts to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The characters that stand for all those which no pattern names, the nicest first.
const PLAIN: &str = "xyzabcdefghijklmnopqrstuvw0123456789";

/// Where all patterns are in a text.
type Places = Vec<Box<[u64]>>;

impl Wanted<'_> {
    /// A shortest text that is wanted, if there is one.
    ///
    /// All patterns are walked at once, from the empty text on. What they allow next depends only on the places that each
    /// has reached, and on whether the text could still become one of those that are not wanted; so each such state is
    /// looked at once. Of the characters that no pattern names, one that is part of no unwanted text stands for all.
    ///
    /// # Errors
    /// There are more than so many states.
    pub fn find(&self, most: usize) -> Result<Option<String>, TooMany> {
        let patterns: Vec<Vec<Piece>> = self.inside.iter().chain(&self.outside).map(|glob| glob.0.pieces()).collect();
        let alphabet = self.alphabet(&patterns);
        let start: Places = patterns.iter().map(|pieces| closed(pieces, first(pieces.len()))).collect();
        let mut seen = HashSet::new();
        let mut waiting = VecDeque::from([(start, String::new())]);
        while let Some((places, text)) = waiting.pop_front() {
            let fits = |index: usize, places: &[u64], pieces: &[Piece]| {
                has(places, pieces.len()) == (index < self.inside.len())
            };
            let all_fit =
                places.iter().zip(&patterns).enumerate().all(|(index, (places, pieces))| fits(index, places, pieces));
            if all_fit && !self.not.contains(&*text) {
                return Ok(Some(text));
            }
            for next in &alphabet {
                let after: Places =
                    places.iter().zip(&patterns).map(|(places, pieces)| step(pieces, places, *next)).collect();
                if after.iter().take(self.inside.len()).any(|places| places.iter().all(|word| *word == 0)) {
                    continue;
                }
                let longer = format!("{text}{next}");
                let risky = self.begins_unwanted(&longer).then(|| longer.clone());
                if seen.insert((after.clone(), risky)) {
                    waiting.push_back((after, longer));
                }
            }
            if seen.len() > most {
                return Err(TooMany);
            }
        }
        Ok(None)
    }

    /// Whether an unwanted text begins with this.
    fn begins_unwanted(&self, text: &str) -> bool {
        let range = (Bound::Included(text), Bound::Unbounded);
        self.not.range::<str, _>(range).next().is_some_and(|other| other.starts_with(text))
    }

    /// The characters that can make a difference: plain ones first.
    fn alphabet(&self, patterns: &[Vec<Piece>]) -> Vec<char> {
        let named: BTreeSet<char> = patterns.iter().flatten().filter_map(|piece| piece.literal()).collect();
        let unused = |c: &char| !named.contains(c) && !self.not.iter().any(|text| text.contains(*c));
        let plain = PLAIN.chars().find(|c| !named.contains(c));
        let fresh = PLAIN.chars().chain('\u{e000}'..='\u{f8ff}').find(unused);
        let mut alphabet: Vec<char> = plain.into_iter().collect();
        alphabet.extend(fresh.filter(|fresh| Some(*fresh) != plain));
        alphabet.extend(named.iter().filter(|c| **c != '/'));
        alphabet.push('/');
        alphabet
    }
}

/// The first place of a pattern of so many pieces.
fn first(pieces: usize) -> Box<[u64]> {
    let mut places = vec![0; (pieces / 64).saturating_add(1)];
    if let Some(word) = places.first_mut() {
        *word = 1;
    }
    places.into()
}

fn has(places: &[u64], place: usize) -> bool {
    places.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
}

fn add(places: &mut [u64], place: usize) {
    if let Some(word) = places.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

/// The places with those that runs can be left for without taking anything.
fn closed(pieces: &[Piece], mut places: Box<[u64]>) -> Box<[u64]> {
    for (place, piece) in pieces.iter().enumerate() {
        if matches!(piece, Piece::Run(_)) && has(&places, place) {
            add(&mut places, place.saturating_add(1));
        }
    }
    places
}

/// The places after one more character.
fn step(pieces: &[Piece], places: &[u64], next: char) -> Box<[u64]> {
    let takes = |class: &Class| *class == Class::Any || next != '/';
    let mut after = vec![0; places.len()].into_boxed_slice();
    for (place, piece) in pieces.iter().enumerate().filter(|(place, _)| has(places, *place)) {
        match piece {
            Piece::Literal(c) if *c == next => add(&mut after, place.saturating_add(1)),
            Piece::One(class) if takes(class) => add(&mut after, place.saturating_add(1)),
            Piece::Run(class) if takes(class) => add(&mut after, place),
            Piece::Literal(_) | Piece::One(_) | Piece::Run(_) => {}
        }
    }
    closed(pieces, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn find(inside: &[Glob], outside: &[Glob], not: &[&str]) -> Option<String> {
        let not = not.iter().map(|text| Arc::from(*text)).collect();
        Wanted { inside: inside.iter().collect(), outside: outside.iter().collect(), not }.find(10_000).unwrap()
    }

    fn text(pattern: &str) -> Glob {
        Glob::text(pattern).unwrap()
    }

    fn resource(pattern: &str) -> Glob {
        Glob::resource(pattern).unwrap()
    }

    #[test]
    fn a_text_is_found_if_there_is_one() {
        assert_eq!(find(&[], &[], &[]).as_deref(), Some(""));
        assert_eq!(find(&[], &[], &["", "x", "y"]).as_deref(), Some("z"));
        assert_eq!(find(&[text("a*"), text("*z")], &[text("az"), text("a?z")], &[]).as_deref(), Some("axxz"));
        assert_eq!(find(&[resource("acme/*")], &[resource("acme/?")], &["acme/"]).as_deref(), Some("acme/xx"));
        assert_eq!(find(&[resource("acme/**")], &[resource("acme/*")], &[]).as_deref(), Some("acme//"));
        assert_eq!(find(&[text("*@x.org"), text("*@y.org")], &[], &[]), None);
        assert_eq!(find(&[text("??")], &[text("?*")], &[]), None);
        assert_eq!(find(&[text("*a")], &[text("?*a")], &["a"]), None);
    }

    /// A character that no pattern names may be part of every unwanted text.
    #[test]
    fn unwanted_texts_do_not_use_up_the_alphabet() {
        let all: Vec<String> = PLAIN.chars().map(String::from).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let found = find(&[resource("?")], &[], &all).unwrap();
        assert!(!all.contains(&&*found) && found.chars().count() == 1);
    }

    #[test]
    fn too_many_states_are_given_up() {
        let globs: Vec<Glob> = ('a'..='l').map(|c| text(&format!("*{c}?????{c}*"))).collect();
        let wanted = Wanted { inside: globs.iter().collect(), ..Wanted::default() };
        assert_eq!(wanted.find(1_000), Err(TooMany));
    }

    proptest! {
        #[test]
        fn what_is_found_is_wanted_and_nothing_wanted_is_missed(
            inside in vec("[ab/*?]{0,4}", 0..3),
            outside in vec("[ab/*?]{0,4}", 0..3),
            not in vec("[ab/xyz]{0,2}", 0..5),
            scopes in any::<(bool, bool)>(),
        ) {
            let of = |pattern: &String, is_text| if is_text { text(pattern) } else { resource(pattern) };
            let inside: Vec<Glob> = inside.iter().map(|pattern| of(pattern, scopes.0)).collect();
            let outside: Vec<Glob> = outside.iter().map(|pattern| of(pattern, scopes.1)).collect();
            let not: Vec<&str> = not.iter().map(String::as_str).collect();
            let wanted = |text: &str| {
                inside.iter().all(|glob| glob.is_match(text))
                    && !outside.iter().any(|glob| glob.is_match(text))
                    && !not.contains(&text)
            };
            match find(&inside, &outside, &not) {
                Some(found) => prop_assert!(wanted(&found), "{}", found),
                None => {
                    let mut texts = vec![String::new()];
                    for _ in 0..5 {
                        prop_assert!(!texts.iter().any(|text| wanted(text)), "{:?}", texts.iter().find(|text| wanted(text)));
                        texts = texts.iter().flat_map(|text| "ab/xq".chars().map(move |c| format!("{text}{c}"))).collect();
                    }
                }
            }
        }
    }
}
