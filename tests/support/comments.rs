//! Comments in all places where they can stand.

use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    sample::Index,
};

/// Which gaps of a text get comments, and how each comment stands there.
pub(crate) type Places = Vec<(Index, Vec<u8>)>;

/// A few gaps with a few comments each.
pub(crate) fn places() -> impl Strategy<Value = Places> {
    vec((any::<Index>(), vec(0_u8..6, 1..4)), 1..6)
}

/// The text with comments in some of its gaps. Each says which gap it is in, and how it stands there.
pub(crate) fn with_comments(text: &str, places: &Places) -> String {
    let gaps = gaps(text);
    let mut places: Vec<_> = places.iter().map(|(place, forms)| (*place.get(&gaps), forms)).collect();
    places.sort();
    let mut commented = String::new();
    let mut last = 0;
    for (nth, (gap, forms)) in places.into_iter().enumerate() {
        commented.push_str(&text[last..gap.at]);
        last = gap.at;
        for form in forms {
            commented.push_str(&match if gap.before_docs { 2 | form & 1 } else { *form } {
                0 => format!(" // {nth} {form}\n"),
                1 => format!(" /* {nth} {form} */ "),
                2 => format!("\n// {nth} {form}\n"),
                3 => format!("\n\n  /* {nth} {form} */\n\n"),
                4 => format!(" /* {nth} {form}\n\n        more\n  */ "),
                _ => format!("/*{nth} {form}*/"),
            });
        }
    }
    commented + &text[last..]
}

/// A place where a comment can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    at: usize,
    /// Whether a `///` follows, which nothing may stand before on its line.
    before_docs: bool,
}

/// The places between the tokens of a text.
fn gaps(text: &str) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut before = "";
    let mut rest = text;
    loop {
        let (token, after) = rest.split_at(token_length(rest));
        if before.is_empty() || rest.is_empty() || stands_alone(before) || stands_alone(token) {
            let at = text.len().saturating_sub(rest.len());
            gaps.push(Gap { at, before_docs: rest.trim_start().starts_with("///") });
        }
        if rest.is_empty() {
            return gaps;
        }
        (before, rest) = (token, after);
    }
}

/// Whether a token is white space or a mark, beside which a comment can stand.
fn stands_alone(token: &str) -> bool {
    token.starts_with(is_alone)
}

fn is_alone(c: char) -> bool {
    c.is_ascii_whitespace() || ";,(){}[]".contains(c)
}

/// How long the first token of a text is; a line of documentation is one.
fn token_length(text: &str) -> usize {
    if text.starts_with("///") {
        text.split_inclusive('\n').map(str::len).next().unwrap_or_default()
    } else if let Some(string) = text.strip_prefix('"') {
        let (mut escaped, mut closed) = (false, false);
        let inside = string.chars().take_while(|c| {
            let goes_on = !closed;
            closed = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            goes_on
        });
        inside.chain(['"']).map(char::len_utf8).sum()
    } else if let Some(first) = text.chars().next().filter(|c| is_alone(*c)) {
        first.len_utf8()
    } else {
        text.find(|c| c == '"' || is_alone(c)).unwrap_or(text.len())
    }
}
