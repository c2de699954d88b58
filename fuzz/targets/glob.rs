//! Any pattern is compiled or refused, and matches as a few lines of obvious code say. The input is the pattern, a line
//! break, and the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policyc::glob::Glob;

fuzz_target!(|input: &str| {
    let Some((pattern, text)) = input.split_once('\n') else { return };
    for resource in [false, true] {
        let glob = if resource { Glob::resource(pattern) } else { Glob::text(pattern) };
        let Ok(glob) = glob else { continue };
        let expected = matches(&pieces(pattern), text, resource);
        assert!(glob.is_match(text) == expected, "`{pattern}` on `{text}` should be {expected} (resource: {resource})");
    }
});

enum Piece {
    Char(char),
    One,
    Run,
    LongRun,
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut chars = pattern.chars().peekable();
    let mut pieces = Vec::new();
    while let Some(char) = chars.next() {
        pieces.push(match char {
            '\\' => Piece::Char(chars.next().unwrap_or('\\')),
            '?' => Piece::One,
            '*' if chars.next_if_eq(&'*').is_some() => Piece::LongRun,
            '*' => Piece::Run,
            other => Piece::Char(other),
        });
    }
    pieces
}

/// Whether a text matches: which prefixes of the pattern can end at each of its characters.
fn matches(pieces: &[Piece], text: &str, resource: bool) -> bool {
    let mut reached = vec![false; pieces.len() + 1];
    reached[0] = true;
    skip_runs(pieces, &mut reached);
    for char in text.chars() {
        let within = !resource || char != '/';
        let mut next = vec![false; pieces.len() + 1];
        for (index, piece) in pieces.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match piece {
                Piece::Char(wanted) => next[index + 1] |= *wanted == char,
                Piece::One => next[index + 1] |= within,
                Piece::Run => next[index] |= within,
                Piece::LongRun => next[index] = true,
            }
        }
        skip_runs(pieces, &mut next);
        reached = next;
    }
    reached[pieces.len()]
}

/// A run may be empty.
fn skip_runs(pieces: &[Piece], reached: &mut [bool]) {
    for (index, piece) in pieces.iter().enumerate() {
        if matches!(piece, Piece::Run | Piece::LongRun) && reached[index] {
            reached[index + 1] = true;
        }
    }
}
