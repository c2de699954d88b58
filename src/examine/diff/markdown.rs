//! Changes for a pull request.

use super::{Compared, words};
use crate::{
    query::{Change, ChangeKind},
    wire,
};
use std::fmt::Write;

/// One text, in the order in which changes matter.
#[must_use]
pub fn render(compared: &Compared) -> String {
    let mut text = format!("## Access: {}\n", words::total(compared));
    for kind in ChangeKind::ALL {
        let changes: Vec<&Change> = compared.found.changes.iter().filter(|change| change.kind == kind).collect();
        if changes.is_empty() {
            continue;
        }
        let heading = match kind {
            ChangeKind::Gained => "Gained: what was denied is allowed",
            ChangeKind::Lost => "Lost: what was allowed is denied",
            ChangeKind::Limit => "Limits",
            ChangeKind::Duty => "Duties",
            ChangeKind::Gate => "Gates",
            ChangeKind::Reason => "Reasons of denials",
        };
        let _ = writeln!(text, "\n### {heading}\n");
        for change in changes {
            one(compared, change, &mut text);
        }
    }
    let open: Vec<String> =
        compared.found.inconclusive.iter().map(|open| words::inconclusive(compared, open)).collect();
    section("Not found out within the budget", &open, &mut text);
    let notes: Vec<String> = compared.found.only_one.iter().map(words::only_one).collect();
    section("Vocabulary", &notes, &mut text);
    text
}

fn section(heading: &str, lines: &[String], text: &mut String) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n### {heading}\n");
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
}

fn one(compared: &Compared, change: &Change, text: &mut String) {
    let _ = writeln!(text, "- {}  \n  {}", code(&words::scope(compared, change)), words::cause(compared, change));
    for except in words::exceptions(compared, change) {
        let _ = writeln!(text, "  - except {except}");
    }
    if !change.resources.is_empty() {
        let names: Vec<String> = change.resources.iter().map(|(kind, id)| code(&format!("{kind} \"{id}\""))).collect();
        let _ = writeln!(text, "  - since another declaration stands for {}", names.join(", "));
    }
    let [before, after] = words::decisions(compared, change).map(|decision| code(&decision));
    let _ = writeln!(text, "  - before: {before}, after: {after}");
    let _ = writeln!(text, "  - for example: {}", code(&words::request(compared, &change.witness)));
    let _ = writeln!(
        text,
        "    <details><summary>as JSON</summary>\n\n    ```json\n    {}\n    ```\n\n    </details>",
        wire::request::text(&change.witness)
    );
}

/// Text as code, whatever marks of code are in it.
#[must_use]
pub fn code(text: &str) -> String {
    let text = text.replace('\u{a0}', " ");
    let mut longest = 0_usize;
    for run in text.split(|character| character != '`') {
        longest = longest.max(run.len());
    }
    let fence = "`".repeat(longest.saturating_add(1));
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
