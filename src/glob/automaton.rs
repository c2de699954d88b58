//! A bit-parallel automaton for patterns that need one (Shift-And; Baeza-Yates and Gonnet, 1992).
//!
//! Bit `i` of the state says that the pieces before `i` match the text so far. A character moves the bits of the pieces
//! that take it one place on, all at once; a run keeps its bit as well, and may be left without taking anything. So a
//! character costs a few instructions for every 64 pieces. The automaton takes half a kilobyte for a pattern of usual
//! length and 20 KB for the longest, and what it has to remember while matching is a few words on the stack.

use super::pieces::{Class, MAX_CHARACTERS, Piece};
use std::collections::BTreeMap;

/// How many words the state of the longest pattern has: a bit for each piece, and one behind the last.
const MOST_WORDS: usize = MAX_CHARACTERS / 64 + 1;

/// A sequence of pieces, ready to be matched.
pub(super) struct Automaton {
    /// What the wildcards take, for each word of the state.
    wildcards: Box<[Wildcards]>,
    /// Where each literal character may stand, sorted by character and word.
    letters: Box<[Letter]>,
    /// The first of the letters for each ASCII character; what does not fit into a byte is searched for.
    ascii: [u8; 128],
    /// The bit of the last word that is set when the whole text matches.
    accepting: u64,
}

/// The wildcards among 64 pieces, a bit for each.
#[derive(Clone, Copy, Default)]
struct Wildcards {
    /// One character, but no `/`.
    one_in_segment: u64,
    /// One character.
    one: u64,
    /// A run without `/`.
    run_in_segment: u64,
    /// A run.
    run: u64,
}

/// The places of one character among 64 pieces.
#[derive(Clone, Copy)]
struct Letter {
    character: char,
    word: u16,
    places: u64,
}

impl Automaton {
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let (last, accepting) = place(pieces.len());
        let mut wildcards = vec![Wildcards::default(); usize::from(last).saturating_add(1)];
        let mut letters = BTreeMap::<_, u64>::new();
        for (index, piece) in pieces.iter().enumerate() {
            let (word, bit) = place(index);
            let Some(wildcards) = wildcards.get_mut(usize::from(word)) else { continue };
            *match piece {
                Piece::Literal(character) => letters.entry((*character, word)).or_default(),
                Piece::One(Class::Segment) => &mut wildcards.one_in_segment,
                Piece::One(Class::Any) => &mut wildcards.one,
                Piece::Run(Class::Segment) => &mut wildcards.run_in_segment,
                Piece::Run(Class::Any) => &mut wildcards.run,
            } |= bit;
        }
        let letters: Box<[Letter]> =
            letters.into_iter().map(|((character, word), places)| Letter { character, word, places }).collect();
        let first = |c| u8::try_from(search(&letters, c)).unwrap_or(u8::MAX);
        let ascii = std::array::from_fn(|code| u8::try_from(code).map_or(u8::MAX, |code| first(char::from(code))));
        Self { wildcards: wildcards.into(), letters, ascii, accepting }
    }

    /// How many words of state each character of a text goes through.
    pub(super) fn words(&self) -> usize {
        self.wildcards.len()
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>().saturating_add(size_of_val(&*self.wildcards)).saturating_add(size_of_val(&*self.letters))
    }

    /// Whether the pieces match the whole of a text.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match *self.wildcards {
            [_] => self.run::<1>(text),
            [_, _] | [_, _, _] | [_, _, _, _] => self.run::<4>(text),
            _ => self.run::<MOST_WORDS>(text),
        }
    }

    fn run<const WORDS: usize>(&self, text: &str) -> bool {
        let mut state = [0; WORDS];
        if let (Some(state), Some(wildcards)) = (state.first_mut(), self.wildcards.first()) {
            *state = 1 | (1 & wildcards.runs()) << 1;
        }
        for c in text.chars() {
            let in_segment = if c == '/' { 0 } else { u64::MAX };
            let (mut moved, mut left, mut alive) = (0, 0, 0);
            for ((state, wildcards), letter) in state.iter_mut().zip(&self.wildcards).zip(self.places::<WORDS>(c)) {
                let moving = *state & (letter | wildcards.one | wildcards.one_in_segment & in_segment);
                let staying = *state & (wildcards.run | wildcards.run_in_segment & in_segment);
                let reached = moving << 1 | moved | staying;
                let leaving = reached & wildcards.runs();
                *state = reached | leaving << 1 | left;
                // What a shift pushes out of this word comes into the next.
                (moved, left) = (moving >> 63, leaving >> 63);
                alive |= *state;
            }
            if alive == 0 {
                return false;
            }
        }
        let last = state.iter().zip(&self.wildcards).next_back();
        last.is_some_and(|(state, _)| state & self.accepting != 0)
    }

    /// Where a character may stand as a literal, word by word.
    fn places<const WORDS: usize>(&self, c: char) -> [u64; WORDS] {
        let mut places = [0; WORDS];
        let first = u8::try_from(c).ok().and_then(|code| self.ascii.get(usize::from(code)));
        let first = first
            .filter(|first| **first != u8::MAX)
            .map_or_else(|| search(&self.letters, c), |first| usize::from(*first));
        for letter in self.letters.iter().skip(first).take_while(|letter| letter.character == c).take(WORDS) {
            if let Some(place) = places.get_mut(usize::from(letter.word)) {
                *place = letter.places;
            }
        }
        places
    }
}

impl Wildcards {
    const fn runs(self) -> u64 {
        self.run | self.run_in_segment
    }
}

/// The word and the bit of a place in a pattern.
fn place(index: usize) -> (u16, u64) {
    let word = u16::try_from(index / 64).unwrap_or(u16::MAX);
    (word, u32::try_from(index).map_or(0, |index| 1_u64.wrapping_shl(index)))
}

/// The first of the letters that is this character, or comes after it.
fn search(letters: &[Letter], c: char) -> usize {
    letters.partition_point(|letter| letter.character < c)
}
