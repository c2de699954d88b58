//! What was probably meant.

use super::{
    explain::Fault,
    grammar::Rule,
    reserved::is_reserved,
    split::{Context, RULE_WORDS, VOCABULARY_WORDS},
    words::{self, SELECTOR, WHO},
};
use crate::{
    ast::lex::{TokenKind, next_token},
    report::{Diagnostic, codes},
};

/// Words of other languages, and of prose.
const SYNONYMS: [(&str, &str); 31] = [
    ("permit", "allow"),
    ("grant", "allow"),
    ("forbid", "deny"),
    ("prohibit", "deny"),
    ("block", "deny"),
    ("reject", "deny"),
    ("throttle", "limit"),
    ("ratelimit", "limit"),
    ("enforce", "require"),
    ("if", "when"),
    ("where", "when"),
    ("since", "from"),
    ("before", "until"),
    ("everyone", "anyone"),
    ("everybody", "anyone"),
    ("anybody", "anyone"),
    ("all", "any"),
    ("all", "anyone"),
    ("guest", "anonymous"),
    ("group", "role"),
    ("organisation", "org"),
    ("organization", "org"),
    ("tags", "tag"),
    ("string", "text"),
    ("str", "text"),
    ("boolean", "bool"),
    ("integer", "int"),
    ("number", "int"),
    ("datetime", "time"),
    ("timestamp", "time"),
    ("enum", "one"),
];

/// No keyword is as long as this, and comparing takes time.
const LONGEST: usize = 24;

/// Kinds that need no declaration.
const KINDS: [&str; 7] = ["user", "service", "key", "agent", "model", "dataset", "space"];

/// The word that statements begin with and that this one resembles.
pub(super) fn statement_word(word: &str) -> Option<&'static str> {
    nearest(word, RULE_WORDS.into_iter().chain(VOCABULARY_WORDS).chain(["on", "test"]))
}

/// The candidate that a word resembles, means or begins with; not the word itself.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let synonym = |candidate: &&str| SYNONYMS.contains(&(lower.as_str(), *candidate));
    let farthest = match word.len() {
        0 | 1 => 0,
        2 | 3 => 1,
        _ => 2,
    };
    let near = candidates
        .clone()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= farthest && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate);
    let begun = |candidate: &&str| candidate.len() > 2 && lower.starts_with(candidate);
    candidates.clone().find(synonym).or(near).or_else(|| candidates.clone().find(begun))
}

/// `alow anyone to view;`: the first word is read as a label or a kind, so the grammar gives up at the second.
pub(super) fn in_statement_word(fault: &Fault<'_>) -> Option<Diagnostic> {
    let first = next_token(fault.text, fault.chunk.start).filter(|first| first.kind == TokenKind::Word)?;
    let is_second = fault.previous == Some(first) && fault.expected.contains(&Rule::colon);
    let word = first.of(fault.text);
    let is_keyword = RULE_WORDS.contains(&word) || VOCABULARY_WORDS.contains(&word) || word == "test";
    let statement = matches!(fault.context, Context::File | Context::Block);
    if !statement || !is_second || is_keyword || !word.is_ascii() {
        return None;
    }
    let help = match statement_word(word) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "a rule begins with `allow`, `deny`, `limit`, `require`, `gate` or `oblige`".to_owned(),
    };
    let message = format!("no statement begins with `{word}`");
    Some(Diagnostic::new(codes::SYNTAX, fault.span(first), message).help(help))
}

/// `allow rol admin to view;`: a word that only a kind can be, without the id that a kind needs.
pub(super) fn kind_without_id(fault: &Fault<'_>) -> Option<Diagnostic> {
    let word = fault.previous.filter(|previous| previous.kind == TokenKind::Word)?;
    let text = word.of(fault.text);
    if !fault.expects_only_text() || KINDS.contains(&text) {
        return None;
    }
    let before = fault.expected_at(word)?;
    let who = before.iter().any(|rule| WHO.contains(rule));
    let resource = before.iter().any(|rule| SELECTOR.contains(rule) || *rule == Rule::resource);
    // `allow robot r2 to view`: all that is wrong are the quotes.
    let id = fault.found_inside().filter(|found| found.kind == TokenKind::Word && !is_reserved(found.of(fault.text)));
    let keywords = words::keywords(&before);
    let help = match nearest(text, keywords.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if id.is_some() => return None,
        None if who => {
            "write `anyone`, `anonymous`, `role NAME`, `org \"…\"`, `tier >= NAME`, or a kind and an id".to_owned()
        }
        None => format!("ids stand in quotes: `\"{text}\"`"),
    };
    let what = if who { "a principal" } else { "a resource" };
    let message = format!("`{text}` is not {what}; if it is a kind, its id is missing");
    (who || resource).then(|| Diagnostic::new(codes::SYNTAX, fault.span(word), message).help(help))
}

/// What to do about common slips.
pub(super) fn help(fault: &Fault<'_>) -> Option<String> {
    let found = fault.found_inside()?;
    let text = found.of(fault.text);
    if let Some(fixed) = other_language(text, fault) {
        return Some(fixed.to_owned());
    }
    let is_value = matches!(found.kind, TokenKind::Number | TokenKind::String { .. });
    if fault.expects(&[Rule::set_expr, Rule::list]) && is_value {
        return Some(format!("write a list: `[{text}]`"));
    }
    match found.kind {
        TokenKind::ForeignString => Some("texts stand in double quotes: `\"…\"`".to_owned()),
        TokenKind::Word if fault.expects(&[Rule::code]) => {
            Some(format!("codes are written in capitals: `{}`", text.to_uppercase().replace('-', "_")))
        }
        TokenKind::Word => meant_word(text, fault),
        TokenKind::String { .. } if fault.expects(&[Rule::ident]) => {
            Some(format!("write it without quotes: `{}`", text.trim_matches('"')))
        }
        TokenKind::Number
        | TokenKind::String { .. }
        | TokenKind::Comment { .. }
        | TokenKind::Open(_)
        | TokenKind::Close(_)
        | TokenKind::Semicolon
        | TokenKind::Mark
        | TokenKind::Foreign
        | TokenKind::Control => None,
    }
}

fn meant_word(text: &str, fault: &Fault<'_>) -> Option<String> {
    let keywords = words::keywords(&fault.expected);
    if let Some(meant) = nearest(text, keywords.iter().map(String::as_str)) {
        return Some(format!("did you mean `{meant}`?"));
    }
    if fault.expects(&[Rule::attribute_type]) {
        let types = "the types are `bool`, `int`, `text`, `ip`, `time`, `tier`, `set of text` and `one of a | b`";
        return Some(types.to_owned());
    }
    (fault.expects_only_text() && !is_reserved(text)).then(|| format!("write it in quotes: `\"{text}\"`"))
}

/// Marks as other languages write them.
fn other_language(text: &str, fault: &Fault<'_>) -> Option<&'static str> {
    let in_condition = fault.expects(&[Rule::compare, Rule::compared, Rule::kw_and, Rule::kw_has, Rule::cond]);
    Some(match text {
        "=" if in_condition => "write `==` to compare",
        "==" if fault.expects(&[Rule::equals]) => "write `=` here; `==` compares",
        "&&" | "&" => "write `and`",
        "||" | "|" if in_condition => "write `or`",
        "!" => "write `not`",
        "->" if fault.expects(&[Rule::arrow]) => "write `=>`",
        ":=" => "write `=`",
        "<>" => "write `!=`",
        _ => return None,
    })
}
