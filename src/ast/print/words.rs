//! Words as they are written: names, texts and constants.

use crate::ast::{Clock, DayRange, Duration, Int, LiteralKind, Name, Offset, RESERVED, WindowSpan};
use chrono::{DateTime, FixedOffset, SecondsFormat};
use std::borrow::Cow;

/// Names that would be read as something else where an action stands.
const NEVER_ACTIONS: [&str; 5] = ["any", "after", "given", "release", "repeat"];

/// Whether a text can stand as a name without quotes.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        && !RESERVED.contains(&text)
}

/// A name: bare where it can be, else quoted.
pub(super) fn name(name: &Name) -> Cow<'_, str> {
    if is_identifier(&name.text) { Cow::Borrowed(&name.text) } else { Cow::Owned(string(&name.text)) }
}

/// The name of an action.
pub(super) fn action(action: &Name) -> Cow<'_, str> {
    if NEVER_ACTIONS.contains(&&*action.text) { Cow::Owned(string(&action.text)) } else { name(action) }
}

/// A text in quotes. What a reader could not see is escaped.
pub(super) fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if is_hidden(c) => quoted.extend(c.escape_unicode()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a character shows nothing, or changes the order in which others are shown: controls, white space other than
/// the plain space, and what Unicode calls default ignorable.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A constant that is no list.
pub(super) fn constant(kind: &LiteralKind) -> Option<Cow<'_, str>> {
    Some(match kind {
        LiteralKind::Text(text) => string(text).into(),
        LiteralKind::Int(value) => int(*value).into(),
        LiteralKind::Bool(value) => if *value { "true" } else { "false" }.into(),
        LiteralKind::Ip(ip) => ip.to_string().into(),
        LiteralKind::Cidr(block) => block.to_string().into(),
        LiteralKind::Instant(at) => instant(at).into(),
        LiteralKind::Date(date) => date.to_string().into(),
        LiteralKind::Duration(length) => duration(*length).into(),
        LiteralKind::Ident(text) => (&**text).into(),
        LiteralKind::Held { role, org } => format!("{}@{}", name(role), string(&org.text)).into(),
        LiteralKind::List(_) => return None,
    })
}

/// `1_000`
pub(super) fn int(int: Int) -> String {
    let digits = int.value.unsigned_abs().to_string();
    let sign = if int.value < 0 { "-" } else { "" };
    if !int.grouped {
        return format!("{sign}{digits}");
    }
    let (head, tail) = digits.split_at(digits.len() % 3);
    let groups = tail.as_bytes().chunks(3).map(String::from_utf8_lossy);
    let groups: Vec<_> =
        std::iter::once(head.into()).filter(|head: &Cow<'_, str>| !head.is_empty()).chain(groups).collect();
    format!("{sign}{}", groups.join("_"))
}

/// `2025-12-31T23:59:59Z`, with its own offset.
pub(super) fn instant(instant: &DateTime<FixedOffset>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `30s`
pub(super) fn duration(duration: Duration) -> String {
    format!("{}{}", duration.amount, duration.unit.symbol())
}

/// ` + 7d`
pub(super) fn offset(offset: Offset) -> String {
    format!(" {} {}", if offset.minus { '-' } else { '+' }, duration(offset.duration))
}

/// `mon..fri 09:00..18:00`
pub(super) fn span(span: &WindowSpan) -> String {
    let days: Vec<_> = span.days.iter().map(day_range).collect();
    let days = if days.len() > 1 { format!("({})", days.join(", ")) } else { days.concat() };
    let clock = span.clock.map(|(start, end)| format!("{}..{}", clock(start), clock(end))).unwrap_or_default();
    let gap = if days.is_empty() || clock.is_empty() { "" } else { " " };
    format!("{days}{gap}{clock}")
}

/// `mon..fri`
fn day_range(range: &DayRange) -> String {
    match range.last {
        Some(last) => format!("{}..{}", range.first.name(), last.name()),
        None => range.first.name().to_owned(),
    }
}

/// `09:00`
fn clock(clock: Clock) -> String {
    format!("{:02}:{:02}", clock.0 / 60, clock.0 % 60)
}

#[cfg(test)]
mod tests {
    use super::{int, is_identifier, string};
    use crate::ast::Int;

    #[test]
    fn names_without_quotes() {
        for bare in ["a", "_", "qwen3-7b-chat", "A_1", "model", "any"] {
            assert!(is_identifier(bare), "{bare}");
        }
        for quoted in ["", "-a", "a-", "a--b", "7b", "é", "a b", "a.b", "deny", "none"] {
            assert!(!is_identifier(quoted), "{quoted}");
        }
    }

    #[test]
    fn texts_show_what_hides() {
        assert_eq!(string("a \"b\" \\ \n\t\u{7}"), r#""a \"b\" \\ \n\t\u{7}""#);
        assert_eq!(string("x\u{202e}y\u{200b}\u{a0}é漢"), r#""x\u{202e}y\u{200b}\u{a0}é漢""#);
    }

    #[test]
    fn digits_in_groups() {
        let grouped = |value| int(Int { value, grouped: true });
        assert_eq!(grouped(1_000_000), "1_000_000");
        assert_eq!(grouped(-12_345), "-12_345");
        assert_eq!(grouped(i64::MIN), "-9_223_372_036_854_775_808");
        assert_eq!(int(Int { value: 1_000_000, grouped: false }), "1000000");
    }
}
