//! Changes for people.
//!
//! ```text
//! + gained  role researcher to download on tag open
//!           now allowed by open; except where basic allowed before
//!           before: deny NO_RULE 403; after: allow by open (a.policy:4)
//!           for example: user "somebody" to download on model "m" with tags = [open]
//!
//! 1 gained, 0 lost
//! ```

use super::super::style::Style;
use crate::{
    examine::diff::{Compared, words},
    query::{Change, ChangeKind},
};
use std::fmt::Write;

pub(super) fn render(compared: &Compared, color: bool) -> String {
    let style = Style::new(color);
    let mut text = String::new();
    for change in &compared.found().changes {
        one(compared, change, style, &mut text);
    }
    for open in &compared.found().inconclusive {
        let _ = writeln!(text, "{} inconclusive: {}", style.bad("?"), words::inconclusive(compared, open));
    }
    for only in &compared.found().only_one {
        let _ = writeln!(text, "{} {}", style.hint("note:"), words::only_one(only));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", words::total(compared));
    text
}

fn one(compared: &Compared, change: &Change, style: Style, text: &mut String) {
    let word = format!("{:<7}", change.kind.name());
    let mark = match change.kind {
        ChangeKind::Gained => style.good(&format!("+ {word}")),
        ChangeKind::Lost => style.bad(&format!("- {word}")),
        ChangeKind::Limit | ChangeKind::Duty | ChangeKind::Gate | ChangeKind::Reason => format!("~ {word}"),
    };
    let _ = writeln!(text, "{mark} {}", style.bold(&words::scope(compared, change)));
    let except = words::exceptions(compared, change);
    let except = if except.is_empty() { String::new() } else { format!("; except {}", except.join(", ")) };
    let _ = writeln!(text, "          {}{except}", words::cause(compared, change));
    if !change.resources.is_empty() {
        let names: Vec<String> = change.resources.iter().map(|(kind, id)| format!("{kind} \"{id}\"")).collect();
        let _ = writeln!(text, "          since another declaration stands for {}", names.join(", "));
    }
    let [before, after] = words::decisions(compared, change);
    let _ = writeln!(text, "          before: {before}; after: {after}");
    let _ = writeln!(text, "          for example: {}", words::request(compared, &change.witness));
}
