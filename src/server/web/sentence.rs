//! Rules as sentences: their texts on one line, with the words that carry the sentence told apart.

use maud::{Markup, html};

/// What a piece of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A word that begins a clause.
    Clause,
    /// A text in quotes.
    Quoted,
    Plain,
}

const CLAUSES: [&str; 11] =
    ["to", "on", "when", "unless", "from", "until", "except", "else", "hint", "obliges", "while"];

/// A rule's text without its label.
pub(super) fn unlabelled<'t>(text: &'t str, label: Option<&str>) -> &'t str {
    let rest = label.and_then(|label| text.strip_prefix(label)).map(str::trim_start);
    rest.and_then(|rest| rest.strip_prefix(':')).map_or(text, str::trim_start)
}

/// A rule's text on one line, to be read.
pub(super) fn markup(text: &str) -> Markup {
    html! {
        @for (kind, piece) in pieces(text) {
            @match kind {
                Kind::Clause => b { (piece) },
                Kind::Quoted => q { (piece) },
                Kind::Plain => (piece),
            }
        }
    }
}

/// The text in pieces: put together they are the text again.
fn pieces(text: &str) -> Vec<(Kind, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | ':');
        let length = if first == '"' {
            quoted(rest)
        } else {
            let inside = is_word(first);
            rest.find(|char: char| char == '"' || is_word(char) != inside).unwrap_or(rest.len())
        };
        let (piece, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let kind = match first {
            '"' => Kind::Quoted,
            _ if CLAUSES.contains(&piece) => Kind::Clause,
            _ => Kind::Plain,
        };
        // A sentence begins with what its rule does.
        let kind = if pieces.is_empty() { Kind::Clause } else { kind };
        pieces.push((kind, piece));
        rest = behind;
    }
    pieces
}

/// How long the text in quotes is that another text starts with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            '"' if !escaped => return at.saturating_add(1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_told_apart() {
        let text = r#"deny anyone to infer on model "on \" to" unless ip in [10.0.0.0/8] else X 403 "<b>"#;
        let found = pieces(text);
        let of = |wanted| found.iter().filter(|(kind, _)| *kind == wanted).map(|(_, text)| *text).collect::<Vec<_>>();
        assert_eq!(of(Kind::Clause), ["deny", "to", "on", "unless", "else"]);
        assert_eq!(of(Kind::Quoted), [r#""on \" to""#, "\"<b>"]);
        assert_eq!(found.iter().map(|(_, text)| *text).collect::<String>(), text);
        assert!(markup(text).into_string().contains("&lt;b&gt;"));
    }

    #[test]
    fn a_label_is_no_part_of_the_sentence() {
        assert_eq!(unlabelled("walls: deny anyone to any", Some("walls")), "deny anyone to any");
        assert_eq!(unlabelled("deny anyone to any", None), "deny anyone to any");
    }
}
