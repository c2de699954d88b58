//! What the tests decide, as a table for people.
//!
//! ```text
//! coverage          rules  conditions
//! policies/tiers
//!   access.policy     6/6       38/40   95.6 %
//!   limits.policy     8/9       30/30   97.4 %
//!
//!   access.policy:14   tier_gate  never unknown: tier >= model.tier
//!   limits.policy:30   hourly     never charged
//! ```

use super::{
    super::super::style::{Style, printable},
    Covered, File, Missing, percent,
};
use crate::examine::{coverage::Share, text::one_line};
use textwrap::core::display_width;

pub(in crate::policyc::test) fn render(covered: &[Covered], style: Style) -> String {
    let rows = covered.iter().flat_map(|set| set.files.iter().map(|file| Row::new(set.path_of(file), file)));
    let columns = rows.fold(Columns::default(), |columns, row| columns.with(&row));
    let mut out = String::new();
    let head = Row {
        name: "coverage".to_owned(),
        rules: "rules".to_owned(),
        conditions: "conditions".to_owned(),
        share: None,
    };
    line(&mut out, &style.bold(&columns.write(&head, "", style)));
    for set in covered {
        let indent = if set.name.is_empty() { "" } else { "  " };
        if !set.name.is_empty() {
            line(&mut out, &style.bold(&set.name));
        }
        for file in &set.files {
            line(&mut out, &columns.write(&Row::new(set.path_of(file), file), indent, style));
        }
        missing(set, indent, style, &mut out);
    }
    let all = covered.iter().map(Covered::share).fold(Share::default(), Share::and);
    line(&mut out, "");
    line(&mut out, &painted(all, &format!("{} of {} covered, {}", all.shown, all.all, percent(all)), style));
    out
}

/// What is missing in a set, one a line.
fn missing(set: &Covered, indent: &str, style: Style, out: &mut String) {
    let rows: Vec<[String; 3]> = set
        .files
        .iter()
        .flat_map(|file| {
            file.missing().into_iter().map(move |missing| {
                let Missing { at, line, rule, what, word, is_rule } = missing;
                let what = if is_rule { what } else { format!("{what}: {}", one_line(file.source.slice(at))) };
                let place = format!("{}:{line}", set.path_of(file));
                // What has no name has its place.
                let rule = if rule.contains(':') { word.to_owned() } else { rule.to_owned() };
                [place, rule, what].map(|text| printable(&text).into_owned())
            })
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    line(out, "");
    let width = |column: fn(&[String; 3]) -> &str| rows.iter().map(|row| display_width(column(row))).max().unwrap_or(0);
    let (places, rules) = (width(|[place, ..]| place), width(|[_, rule, _]| rule));
    for [place, rule, what] in &rows {
        let place = padded(place, places);
        line(out, &format!("{indent}{}  {}  {}", style.hint(&place), padded(rule, rules), style.bad(what)));
    }
}

struct Row {
    name: String,
    rules: String,
    conditions: String,
    share: Option<Share>,
}

impl Row {
    fn new(path: &str, file: &File) -> Self {
        let of = |share: Share| format!("{}/{}", share.shown, share.all);
        let (rules, conditions) = (of(file.deciding()), of(file.conditions()));
        Self { name: printable(path).into_owned(), rules, conditions, share: Some(file.share()) }
    }
}

/// How wide the columns are.
#[derive(Default)]
struct Columns {
    names: usize,
    rules: usize,
    conditions: usize,
}

impl Columns {
    fn with(self, row: &Row) -> Self {
        Self {
            names: self.names.max(display_width(&row.name).saturating_add(2)),
            rules: self.rules.max(row.rules.len()).max("rules".len()),
            conditions: self.conditions.max(row.conditions.len()).max("conditions".len()),
        }
    }

    fn write(&self, row: &Row, indent: &str, style: Style) -> String {
        let Row { name, rules, conditions, share } = row;
        let name = padded(&format!("{indent}{name}"), self.names.max("coverage".len()));
        let share = share.map(|share| painted(share, &format!("{:>7}", percent(share)), style)).unwrap_or_default();
        format!("{name}  {rules:>0$}  {conditions:>1$}  {share}", self.rules, self.conditions)
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{:fill$}", "", fill = width.saturating_sub(display_width(text)))
}

fn painted(share: Share, text: &str, style: Style) -> String {
    if share.shown == share.all { style.good(text) } else { style.bad(text) }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}
