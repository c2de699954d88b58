//! A review as a table for spreadsheets: comma-separated values, as RFC 4180 has them.

use super::Review;

/// The names of the columns.
const HEADER: &str = "kind,rule,at,owner,date,message\r\n";

/// Renders a review.
#[must_use]
pub fn render(review: &Review) -> String {
    let mut text = HEADER.to_owned();
    for found in &review.findings {
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        let cells = [
            found.kind.name().to_owned(),
            found.rule.to_string(),
            found.at.to_string(),
            optional(&found.owner),
            optional(&found.date),
            found.message.clone(),
        ];
        text.push_str(&line(&cells));
    }
    text
}

/// One more line of the table, with the cells of its columns.
#[must_use]
pub fn line(cells: &[String; 6]) -> String {
    let mut text = cells.each_ref().map(|value| cell(value)).join(",");
    text.push_str("\r\n");
    text
}

/// A cell. What a spreadsheet would take for a formula has an apostrophe in front, which makes it a text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    let plain = !formula && !text.contains([',', '"', '\n', '\r']);
    if plain { text } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_texts() {
        for (text, wanted) in [
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@team", "\"'@team\""),
            ("-", "\"'-\""),
            ("+x", "\"'+x\""),
            ("\tx", "\"'\tx\""),
            ("a\nb", "\"a\nb\""),
            ("a-b", "a-b"),
        ] {
            assert_eq!(cell(text), wanted, "{text}");
        }
    }
}
