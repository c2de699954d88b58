//! What the tests decide, as one page of HTML: the sources, with what is covered and what is missing marked.
//!
//! The page needs nothing from outside, and says nothing by colour alone: a line begins with a mark, and what is missing is
//! said in words below it.

use super::{Covered, File, Missing, percent};
use crate::examine::coverage::{ConditionCoverage, Share};
use std::{collections::BTreeMap, fmt::Write};

const STYLE: &str = include_str!("page.css");

pub(super) fn render(covered: &[Covered]) -> String {
    let all = covered.iter().map(Covered::share).fold(Share::default(), Share::and);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Coverage {}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>Coverage of policies by their tests</h1>\n\
         <p class=\"total\">{} of {} covered, <strong>{}</strong></p>\n",
        percent(all),
        all.shown,
        all.all,
        percent(all)
    );
    table(covered, &mut out);
    out.push_str(
        "<p>A rule is covered where it has a say in a decision. A condition is covered, as true, false and unknown, \
         where its rule hangs on it. <span class=\"mark full\">✓</span> covered, <span class=\"mark part\">!</span> in \
         part, <span class=\"mark none\">✗</span> not at all.</p>\n",
    );
    let files = covered.iter().flat_map(|set| &set.files);
    for (number, file) in files.enumerate() {
        source(number, file, &mut out);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// The files, one a row.
fn table(covered: &[Covered], out: &mut String) {
    out.push_str(
        "<table>\n<thead><tr><th scope=\"col\">File</th><th scope=\"col\">Rules</th><th scope=\"col\">Conditions</th>\
         <th scope=\"col\">Covered</th></tr></thead>\n<tbody>\n",
    );
    for (number, file) in covered.iter().flat_map(|set| &set.files).enumerate() {
        let of = |share: Share| format!("{}/{}", share.shown, share.all);
        let share = file.share();
        let _ = writeln!(
            out,
            "<tr class=\"{}\"><th scope=\"row\"><a href=\"#file-{number}\">{}</a></th><td>{}</td><td>{}</td>\
             <td><meter min=\"0\" max=\"100\" value=\"{:.1}\" aria-hidden=\"true\"></meter> {}</td></tr>",
            class(share),
            escaped(file.source.name()),
            of(file.deciding()),
            of(file.conditions()),
            share.percent(),
            percent(share)
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

const fn class(share: Share) -> &'static str {
    match (share.shown, share.all) {
        (_, 0) => "",
        (shown, all) if shown == all => "full",
        (0, _) => "none",
        (_, _) => "part",
    }
}

/// A file, line by line.
fn source(number: usize, file: &File, out: &mut String) {
    let name = escaped(file.source.name());
    let _ = writeln!(
        out,
        "<section aria-labelledby=\"file-{number}\">\n<h2 id=\"file-{number}\">{name} <small>{}</small></h2>\n\
         <div class=\"source\">",
        percent(file.share())
    );
    let mut missing: BTreeMap<usize, Vec<Missing<'_>>> = BTreeMap::new();
    for item in file.missing() {
        missing.entry(item.line).or_default().push(item);
    }
    let shares = lines(file);
    let marked = marked(file);
    for (line, text) in (1..).zip(marked.lines()) {
        let class = shares.get(&line).copied().map_or("", class);
        let (mark, said) = match class {
            "full" => ("✓", "covered"),
            "part" => ("!", "covered in part"),
            "none" => ("✗", "not covered"),
            _ => ("", ""),
        };
        let said = if said.is_empty() { String::new() } else { format!(" role=\"img\" aria-label=\"{said}\"") };
        let _ = writeln!(
            out,
            "<div class=\"line {class}\"><span class=\"number\">{line}</span>\
             <span class=\"mark {class}\"{said}>{mark}</span><code>{text}</code></div>"
        );
        for Missing { at, what, rule, is_rule, .. } in missing.remove(&line).unwrap_or_default() {
            let of = if is_rule { rule } else { file.source.slice(at) };
            let _ = writeln!(out, "<div class=\"missing\"><code>{}</code> {}</div>", escaped(of), escaped(&what));
        }
    }
    out.push_str("</div>\n</section>\n");
}

/// How much of what stands on each line is covered.
fn lines(file: &File) -> BTreeMap<usize, Share> {
    let mut shares: BTreeMap<usize, Share> = BTreeMap::new();
    let mut add = |at: u32, shown: bool| {
        let share = shares.entry(file.source.line(at)).or_default();
        *share = share.and(Share { shown: usize::from(shown), all: 1 });
    };
    for rule in &file.rules {
        if rule.decides.is_asked_for() {
            add(rule.at.start, rule.decides.is_shown());
        }
        for condition in &rule.conditions {
            for (_, side) in condition.sides.iter().filter(|(_, side)| side.is_asked_for()) {
                add(condition.at.start, side.is_shown());
            }
        }
    }
    shares
}

/// The text of a file with its conditions marked. What spans several lines is marked on each.
fn marked(file: &File) -> String {
    let mut conditions: Vec<&ConditionCoverage> = file.rules.iter().flat_map(|rule| &rule.conditions).collect();
    conditions.sort_by_key(|condition| condition.at);
    let text = file.source.text();
    let mut out = String::new();
    let mut done = 0;
    for same in conditions.chunk_by(|a, b| a.at == b.at) {
        let Some(range) = same.first().map(|condition| condition.at.range()) else { continue };
        if range.start < done {
            continue;
        }
        out.push_str(&escaped(text.get(done..range.start).unwrap_or_default()));
        let (class, title) = summary(same);
        let open = format!("<span class=\"condition {class}\" title=\"{}\">", escaped(&title));
        let inside = escaped(text.get(range.clone()).unwrap_or_default());
        let inside: Vec<String> = inside.split('\n').map(|line| format!("{open}{line}</span>")).collect();
        out.push_str(&inside.join("\n"));
        done = range.end;
    }
    out.push_str(&escaped(text.get(done..).unwrap_or_default()));
    out
}

/// How much of a condition is covered, and how often it has which value; a condition of a block belongs to several rules.
fn summary(same: &[&ConditionCoverage]) -> (&'static str, String) {
    let mut share = Share::default();
    let mut told = Vec::new();
    for index in 0..3 {
        let sides: Vec<_> = same.iter().filter_map(|condition| condition.sides.get(index)).collect();
        let asked = sides.iter().filter(|(_, side)| side.is_asked_for());
        let (mut all, mut times) = (Share::default(), 0_u64);
        for (_, side) in asked {
            all = all.and(Share { shown: usize::from(side.is_shown()), all: 1 });
            times = times.saturating_add(side.times);
        }
        share = share.and(all);
        if let (Some((value, _)), true) = (sides.first(), all.all > 0) {
            told.push(format!("{}: {times}", value.name()));
        }
    }
    (class(share), told.join(", "))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
