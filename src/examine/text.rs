//! Policy texts as questions show them.

use std::fmt::Write;

/// A piece of a policy on one line, without its comments; texts in quotes stay as they are.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let taken = if next == '"' {
            let end = string_end(rest);
            line.push_str(rest.get(..end).unwrap_or(rest));
            end
        } else if rest.starts_with("//") || rest.starts_with("/*") || next.is_whitespace() {
            if !line.ends_with([' ', '(', '[']) {
                line.push(' ');
            }
            match rest.get(..2) {
                Some("//") => rest.find('\n').unwrap_or(rest.len()),
                Some("/*") => rest.find("*/").map_or(rest.len(), |end| end.saturating_add(2)),
                Some(_) | None => next.len_utf8(),
            }
        } else {
            if matches!(next, ')' | ']') {
                line.truncate(line.trim_end_matches([' ', ',']).len());
            }
            line.push(next);
            next.len_utf8()
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    line.trim().to_owned()
}

/// Where a text in quotes ends that another text starts with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at.saturating_add(1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A text as an identifier, where it is one; else in quotes.
#[must_use]
pub fn name(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let first = text.chars().next().is_some_and(|character| character.is_ascii_alphabetic() || character == '_');
    if first && text.chars().all(plain) && !text.ends_with('-') { text.to_owned() } else { quoted(text) }
}

/// A text in quotes, as a policy writes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn clauses_on_one_line() {
        assert_eq!(
            one_line("country in [\n    \"CN\", // home\n    \"HK\", /* too */\n]"),
            r#"country in ["CN", "HK"]"#
        );
        assert_eq!(one_line(r#"principal.id like "a  // \" b""#), r#"principal.id like "a  // \" b""#);
        assert_eq!(one_line("tier   >=\n\tseed // or so"), "tier >= seed");
        assert_eq!(one_line("/* open"), "");
    }
}
