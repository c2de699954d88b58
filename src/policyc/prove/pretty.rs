//! What became of claims, for people.
//!
//! ```text
//! ✓ holds    outside: never allow anyone to download on tag risk unless ip in intranet
//! ✗ refuted  never allow anonymous to view
//!
//! error[P0401]: …
//!
//! 2 claims: 1 holds, 1 is refuted
//! ```

use super::{
    super::style::{Style, counted},
    Proved,
};
use crate::{
    examine::text::one_line,
    query::{Finding, findings},
    report::terminal,
};
use std::fmt::Write;

pub(super) fn render(all: &[Proved], color: bool, width: usize) -> String {
    let style = Style::new(color);
    let mut text = String::new();
    let (mut hold, mut refuted, mut open) = (0_usize, 0_usize, 0_usize);
    for proved in all {
        for proof in &proved.proofs {
            let (mark, verdict, count) = match proof.finding {
                Finding::Holds => (style.good("✓"), "holds       ", &mut hold),
                Finding::Refuted(_) => (style.bad("✗"), "refuted     ", &mut refuted),
                Finding::Inconclusive => (style.bad("?"), "inconclusive", &mut open),
            };
            *count = count.saturating_add(1);
            let _ = writeln!(text, "{mark} {verdict} {}", one_line(proved.text(proof)));
        }
    }
    for proved in all {
        let found = findings(proved.engine.ir(), &proved.proofs);
        if !found.is_empty() {
            let _ = write!(text, "\n{}", terminal::render(&found, proved.engine.sources(), color, width));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let all = hold.saturating_add(refuted).saturating_add(open);
    let is = |count: usize, verb: &str| format!("{count} {}{verb}", if count == 1 { "is " } else { "are " });
    let mut counts = Vec::new();
    if hold > 0 {
        counts.push(format!("{hold} {}", if hold == 1 { "holds" } else { "hold" }));
    }
    counts.extend((refuted > 0).then(|| is(refuted, "refuted")));
    counts.extend((open > 0).then(|| is(open, "inconclusive")));
    let line =
        if all == 0 { "no claims".to_owned() } else { format!("{}: {}", counted(all, "claim"), counts.join(", ")) };
    let paint = if hold == all { Style::good } else { Style::bad };
    let _ = writeln!(text, "{}", paint(style, &line));
    text
}
