//! What was probably meant.

use super::{
    explain::Fault,
    grammar::{Rule, read},
    split::{Context, RULE_WORDS, VOCABULARY_WORDS},
    words,
};
use crate::{
    ast::lex::{Token, TokenKind, next_token},
    report::{Diagnostic, codes},
    source::Span,
};
use std::ops::Range;

/// Words that are never names.
const RESERVED: [&str; 34] = [
    "allow", "always", "and", "at", "by", "deny", "else", "except", "false", "from", "gate", "has", "hint", "in",
    "like", "limit", "never", "none", "not", "oblige", "of", "on", "or", "overlaps", "per", "require", "shadow", "to",
    "true", "unknown", "unless", "until", "when", "with",
];

/// Statements longer than this are not read a second time to find out more about them.
const LONG: usize = 1 << 16;

/// The word that statements begin with and that this one resembles.
pub(super) fn statement_word(word: &str) -> Option<&'static str> {
    let words = RULE_WORDS.into_iter().chain(VOCABULARY_WORDS).chain(["on", "test"]);
    nearest(word, words)
}

/// The candidate that a word resembles; not the word itself.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let allowed = if word.len() <= 3 { 1 } else { 2 };
    candidates
        .filter(|candidate| *candidate != word && candidate.len() > 1)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len().div_ceil(2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A statement that would be right elsewhere.
pub(super) fn misplaced(fault: &Fault<'_>) -> Option<Diagnostic> {
    let chunk = fault.chunk;
    let text = fault.text.get(chunk.start..chunk.end).filter(|text| text.len() < LONG)?;
    let first = fault.span(next_token(fault.text, chunk.start)?);
    let (elsewhere, message, help) = match fault.context {
        Context::File | Context::Block => {
            (Rule::only_line, "a test's line outside of a test", "write it inside `test \"…\" { }`")
        }
        Context::Test => {
            (Rule::only_item, "a statement inside a test", "a test holds `given` and cases; write it outside")
        }
        Context::Members => return None,
    };
    read(elsewhere, text).is_ok().then(|| Diagnostic::new(codes::MISPLACED, first, message).help(help))
}

/// A statement inside an `on` block that cannot stand there.
pub(super) fn not_in_block(keyword: Span, word: &str) -> Diagnostic {
    let message = format!("`{word}` inside an `on` block");
    Diagnostic::new(codes::MISPLACED, keyword, message)
        .help("an `on` block holds rules and invariants; write it outside")
}

/// A second `on`, in a statement inside an `on` block.
pub(super) fn on_in_block(selector: Span) -> Diagnostic {
    let help = "the block already says what it is about; remove this `on`, or write the statement outside";
    Diagnostic::new(codes::MISPLACED, selector, "`on` inside an `on` block").help(help)
}

/// A reserved word where a name should be: what follows would fit if it were one.
pub(super) fn reserved(fault: &Fault<'_>, rule: Rule, range: Range<usize>) -> Option<Diagnostic> {
    let text = fault.text.get(range.clone()).filter(|text| text.len() < LONG)?;
    // The grammar may have gone past the word: `deny: allow …` fails at `:`.
    let candidates = [fault.found_inside(), fault.previous];
    candidates.into_iter().flatten().find_map(|token| {
        let word = token.of(fault.text);
        if !RESERVED.contains(&word) {
            return None;
        }
        let at = token.start.checked_sub(range.start)?;
        let (before, after) = (text.get(..at)?, text.get(at.checked_add(word.len())?..)?);
        let renamed = format!("{before}{}{after}", "x".repeat(word.len()));
        read(rule, &renamed).is_ok().then(|| reserved_word(fault, token, word))
    })
}

fn reserved_word(fault: &Fault<'_>, token: Token, word: &str) -> Diagnostic {
    let help = if words::quotes_expected(&fault.expected) {
        format!("write it in quotes, \"{word}\", or choose another name")
    } else {
        "choose another name".to_owned()
    };
    let message = format!("`{word}` is a reserved word and cannot be a name");
    Diagnostic::new(codes::RESERVED_WORD, fault.span(token), message).help(help)
}

/// `alow anyone to view;`: the first word is read as a label or a kind, so the grammar gives up at the second.
pub(super) fn in_statement_word(fault: &Fault<'_>) -> Option<Diagnostic> {
    let first = next_token(fault.text, fault.chunk.start).filter(|first| first.kind == TokenKind::Word)?;
    let is_second = fault.previous == Some(first) && fault.expected.contains(&Rule::colon);
    let word = first.of(fault.text);
    let known = RULE_WORDS.contains(&word) || VOCABULARY_WORDS.contains(&word) || word == "test";
    let statement = matches!(fault.context, Context::File | Context::Block);
    if !statement || !is_second || known || !word.is_ascii() {
        return None;
    }
    let help = match statement_word(word) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "a rule begins with `allow`, `deny`, `limit`, `require`, `gate` or `oblige`".to_owned(),
    };
    let message = format!("no statement begins with `{word}`");
    Some(Diagnostic::new(codes::SYNTAX, fault.span(first), message).help(help))
}

/// A constant that does not have the shape of one.
pub(super) fn bad_constant(fault: &Fault<'_>) -> Option<Diagnostic> {
    let token = fault.found_inside().filter(|found| found.kind == TokenKind::Number)?;
    let text = token.of(fault.text);
    let (message, help) = malformed(text, &fault.expected)?;
    Some(Diagnostic::new(codes::BAD_LITERAL, fault.span(token), message).maybe_help(help))
}

/// What is wrong with the shape of a constant; `None` where nothing is.
fn malformed(text: &str, expected: &[Rule]) -> Option<(String, Option<String>)> {
    let digits = text.trim_start_matches('-').bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.trim_start_matches('-').get(digits..).unwrap_or_default();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let wrong = |message: String, help: &str| Some((message, (!help.is_empty()).then(|| help.to_owned())));
    if is_constant(text) {
        return None;
    }
    if shape.starts_with("9999-99-99T") {
        return wrong(
            format!("`{text}` is not an instant"),
            "an instant has a date, a time with seconds, and a zone: `2025-12-31T23:59:59Z`",
        );
    }
    if shape.starts_with("9999-") || shape.starts_with("99-99-9999") {
        return wrong(format!("`{text}` is not a date"), "a date is written `2025-12-31`");
    }
    if text.matches(':').count() >= 2 || text.matches('.').count() >= 2 {
        return wrong(
            format!("`{text}` is not an address"),
            "addresses are written `10.1.2.3`, `10.0.0.0/8`, `2001:db8::1`",
        );
    }
    if text.contains(':') {
        return wrong(format!("`{text}` is not a time of day"), "a time of day has two digits each: `09:00`");
    }
    if text.contains('.') {
        return wrong(format!("`{text}` is not a whole number"), "there are no fractions; choose a smaller unit");
    }
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        let number = text.strip_suffix(rest).unwrap_or(text);
        let message = format!("`{text}` is not a duration: there is no unit `{rest}`");
        return wrong(
            message,
            &format!("the units are s, m, h and d: `{number}s`, `{number}m`, `{number}h`, `{number}d`"),
        );
    }
    if text.contains('_') {
        return wrong(format!("`{text}` is not a whole number"), "`_` stands between two digits: `1_000`");
    }
    let help = if words::name_expected(expected) { "a name does not start with a digit" } else { "" };
    wrong(format!("`{text}` is not a constant"), help)
}

fn is_constant(text: &str) -> bool {
    read(Rule::only_constant, text).is_ok()
}

/// What to do about common slips.
pub(super) fn help(fault: &Fault<'_>) -> Option<String> {
    let found = fault.found_inside()?;
    let text = fault.found_text();
    let expects = |rule: Rule| fault.expected.contains(&rule);
    let in_condition = expects(Rule::compare) || expects(Rule::kw_and) || expects(Rule::contained);
    let fixed = match text {
        "=" if in_condition => "write `==` to compare",
        "==" if expects(Rule::equals) => "write `=` here; `==` compares",
        "&&" | "&" => "write `and`",
        "||" | "|" if in_condition => "write `or`",
        "!" => "write `not`",
        "->" if expects(Rule::arrow) => "write `=>`",
        ":=" => "write `=`",
        "<>" => "write `!=`",
        _ if found.kind == TokenKind::ForeignString => "texts stand in double quotes: `\"…\"`",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed.to_owned());
    }
    if expects(Rule::set_expr) && matches!(found.kind, TokenKind::Number | TokenKind::String { .. }) {
        return Some(format!("write a list: `[{text}]`"));
    }
    if expects(Rule::code) && found.kind == TokenKind::Word {
        return Some(format!("codes are written in capitals: `{}`", text.to_uppercase().replace('-', "_")));
    }
    if found.kind != TokenKind::Word {
        return None;
    }
    let keywords = words::keywords(&fault.expected);
    let statement = expects(Rule::item) || expects(Rule::policy_rule) || expects(Rule::invariant);
    let more = if statement { RULE_WORDS.as_slice() } else { &[] };
    let meant = nearest(text, keywords.iter().map(String::as_str).chain(more.iter().copied()))?;
    Some(format!("did you mean `{meant}`?"))
}
