//! Constants that do not have the shape of one.

use super::{
    explain::Fault,
    grammar::{Rule, read},
    words::{NAMES, VALUES},
};
use crate::{
    ast::lex::TokenKind,
    report::{Diagnostic, codes},
};

/// A constant that does not have the shape of one.
pub(super) fn bad_constant(fault: &Fault<'_>) -> Option<Diagnostic> {
    let token = fault.found_inside().filter(|found| found.kind == TokenKind::Number)?;
    let text = token.of(fault.text);
    if is_constant(text) {
        return None;
    }
    let value = fault.expects(VALUES)
        || fault.expects(&[Rule::int, Rule::duration, Rule::clock, Rule::hours, Rule::window_span]);
    if fault.expects(NAMES) && !value {
        let message = format!("`{text}` is not a name");
        let help = "a name starts with a letter or `_`";
        return Some(Diagnostic::new(codes::BAD_LITERAL, fault.span(token), message).help(help));
    }
    let (message, help) = malformed(text);
    Some(Diagnostic::new(codes::BAD_LITERAL, fault.span(token), message).maybe_help(help))
}

/// What is wrong with the shape of a constant, and what to do about it.
fn malformed(text: &str) -> (String, Option<String>) {
    let digits = text.trim_start_matches('-').bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.trim_start_matches('-').get(digits..).unwrap_or_default();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let wrong = |message: String, help: &str| (message, (!help.is_empty()).then(|| help.to_owned()));
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
    wrong(format!("`{text}` is not a constant"), "")
}

fn is_constant(text: &str) -> bool {
    read(Rule::only_constant, text).is_ok()
}
