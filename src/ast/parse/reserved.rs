//! Reserved words where names are expected.

use super::{explain::Fault, grammar::Rule};
use crate::{
    ast::{
        RESERVED,
        lex::{Token, TokenKind, next_token},
    },
    report::{Diagnostic, codes},
};

/// Whether a word is never a name.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// A reserved word where a name should be: with a name instead, the grammar gets beyond what follows.
pub(super) fn reserved(fault: &Fault<'_>) -> Option<Diagnostic> {
    let found = fault.found_inside()?;
    // `deny: allow …` and `shadow "x" { }`: the grammar has taken the word for what it is, and gives up behind it.
    let behind = found.of(fault.text) == ":" || matches!(found.kind, TokenKind::String { .. });
    let token = if behind { fault.previous? } else { found };
    let word = token.of(fault.text);
    if !is_reserved(word) {
        return None;
    }
    let next = next_token(fault.text, token.end).map_or(token.end, |next| next.end);
    match fault.read_with(token, &"x".repeat(word.len()))? {
        Ok(()) => Some(reserved_word(fault, token, word)),
        Err(mismatch) if fault.chunk.start.saturating_add(mismatch.at) >= next => {
            Some(reserved_word(fault, token, word))
        }
        Err(_) => None,
    }
}

fn reserved_word(fault: &Fault<'_>, token: Token, word: &str) -> Diagnostic {
    let help = if fault.expects(&[Rule::name, Rule::actions, Rule::named]) {
        format!("write it in quotes, \"{word}\", or choose another name")
    } else {
        "choose another name".to_owned()
    };
    let message = format!("`{word}` is a reserved word and cannot be a name");
    Diagnostic::new(codes::RESERVED_WORD, fault.span(token), message).help(help)
}
