//! Lines for people, as servers write them of who accessed what:
//! `[INFO] User alice@company.com accessed qwen3-7b-chat at 2025-03-28T10:00:00Z`.
//!
//! A name with a space in it, or with anything that does not show, stands in quotes: no name looks like more than it is.

use super::Row;
use chrono::{DateTime, SecondsFormat, Utc};

pub(super) fn line(row: &Row) -> String {
    let (level, what) = match (&*row.event, row.decision) {
        ("decision", Some("allow")) => ("INFO", format!("{} accessed {}", who(row), resource(row))),
        ("decision", _) => {
            let code = row.code.as_deref().unwrap_or("DENIED");
            ("WARN", format!("{} was denied {} ({code})", who(row), resource(row)))
        }
        ("list", _) => ("INFO", format!("{} listed {}", who(row), counted(row))),
        ("unauthenticated", _) => {
            ("WARN", format!("A credential from {} did not hold", name(row.ip.as_deref().unwrap_or("nowhere"))))
        }
        ("alert", _) => {
            let raised = name(row.rule.as_deref().unwrap_or_default());
            ("WARN", format!("Alert {raised} was raised by {}", counted(row)))
        }
        ("retention", _) => ("INFO", format!("{} were removed", counted(row))),
        (event, _) => ("INFO", name(event)),
    };
    format!("[{level}] {what} at {}\n", instant(&row.time))
}

/// `User alice`, or what has no name: `Anonymous`.
fn who(row: &Row) -> String {
    let kind = row.principal_type.as_deref().unwrap_or("somebody");
    let mut letters = kind.chars();
    let capital = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>();
    match &row.principal_id {
        Some(id) => format!("{} {}", name(&capital), name(id)),
        None => name(&capital),
    }
}

fn resource(row: &Row) -> String {
    name(row.resource_id.as_deref().or(row.resource_type.as_deref()).unwrap_or("nothing"))
}

fn counted(row: &Row) -> String {
    let count = row.count.unwrap_or_default();
    let what = match &*row.event {
        "list" => row.resource_type.as_deref().unwrap_or("resource"),
        _ => "record",
    };
    format!("{count} {}{}", name(what), if count == 1 { "" } else { "s" })
}

fn name(text: &str) -> String {
    let quoted = format!("{text:?}");
    let is_escaped = quoted.len() > text.len().saturating_add(2);
    if text.is_empty() || text.contains(' ') || is_escaped { quoted } else { text.to_owned() }
}

/// To the second.
fn instant(time: &str) -> String {
    let parsed = DateTime::parse_from_rfc3339(time).map(|time| time.with_timezone(&Utc));
    parsed.map_or_else(|_| name(time), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::{Row, line};

    #[test]
    fn a_line_is_as_it_was_asked_for() {
        let row = Row {
            time: "2025-03-28T10:00:00.250000Z".to_owned(),
            event: "decision".to_owned(),
            principal_type: Some("user".to_owned()),
            principal_id: Some("alice@company.com".to_owned()),
            resource_type: Some("model".to_owned()),
            resource_id: Some("qwen3-7b-chat".to_owned()),
            decision: Some("allow"),
            ..Row::default()
        };
        assert_eq!(line(&row), "[INFO] User alice@company.com accessed qwen3-7b-chat at 2025-03-28T10:00:00Z\n");
    }

    #[test]
    fn a_name_looks_like_no_more_than_it_is() {
        let row = |id: &str| Row {
            time: "2025-03-28T10:00:00Z".to_owned(),
            event: "decision".to_owned(),
            principal_type: Some("user".to_owned()),
            principal_id: Some(id.to_owned()),
            resource_id: Some("m".to_owned()),
            decision: Some("deny"),
            code: Some("NO_RULE".to_owned()),
            ..Row::default()
        };
        let at = "at 2025-03-28T10:00:00Z\n";
        let forged = line(&row("a accessed m at once\n[INFO] User b"));
        assert_eq!(forged, format!("[WARN] User \"a accessed m at once\\n[INFO] User b\" was denied m (NO_RULE) {at}"));
        assert_eq!(line(&row("a\u{202e}b")), format!("[WARN] User \"a\\u{{202e}}b\" was denied m (NO_RULE) {at}"));
        assert_eq!(line(&row("zoë")), format!("[WARN] User zoë was denied m (NO_RULE) {at}"));
    }
}
