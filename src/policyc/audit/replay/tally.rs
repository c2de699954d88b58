//! What became of recorded decisions: how many would change, of which kinds, and examples of each.

use super::{
    super::super::style::{Style, counted, printable},
    Recorded,
};
use crate::{engine::Anew, request::Refusal, server::audit::Said, wire};
use chrono::SecondsFormat;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{cmp::Reverse, collections::BTreeMap, io::Write};

/// The code of a denial by a limit.
const RATE_LIMITED: &str = "RATE_LIMITED";
/// What stands for a decision of a request that is refused.
const REFUSED: &str = "refused";

/// What is kept of decisions that would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// How many there are of each kind, and so many examples.
    Samples(usize),
    /// All of them.
    Changes,
}

/// What became of some records. Tallies of parts, added up in order, are that of the whole, whoever counted them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) replayed: usize,
    /// Those that a limit had denied.
    pub(super) limited: usize,
    pub(super) changed: usize,
    /// Those that the other set's vocabulary does not take.
    pub(super) refused: usize,
    /// By what was decided before and would be now.
    kinds: BTreeMap<(String, String), Kind>,
    /// In JSON.
    changes: Vec<String>,
}

/// A kind of change.
#[derive(Debug, Default)]
struct Kind {
    count: usize,
    samples: Samples,
}

/// Some of the requests that there were, and how often: those whose hashes are the least. So a sample is the same whatever
/// the order, and each request is as likely to be in it as any other.
#[derive(Debug, Default)]
struct Samples(BTreeMap<([u8; 8], String), usize>);

impl Samples {
    fn add(&mut self, what: String, times: usize, most: usize) {
        let mut hash = [0; 8];
        hash.iter_mut().zip(Sha256::digest(&what)).for_each(|(to, from)| *to = from);
        let held = self.0.entry((hash, what)).or_default();
        *held = held.saturating_add(times);
        if self.0.len() > most {
            self.0.pop_last();
        }
    }
}

impl Tally {
    /// Decides anew what was recorded.
    pub(super) fn decide(&mut self, recorded: &Recorded<'_>, may_retry: bool, anew: &mut Anew, show: Show) {
        if may_retry || recorded.code == Some(RATE_LIMITED) {
            self.limited = self.limited.saturating_add(1);
            return;
        }
        match anew.code(recorded.request, recorded.at) {
            Ok(code) => {
                self.replayed = self.replayed.saturating_add(1);
                if code.is_none() == recorded.is_allow && code.as_deref() == recorded.code {
                    return;
                }
                self.changed = self.changed.saturating_add(1);
                self.keep(recorded, Ok(code.as_deref()), anew, show);
            }
            Err(refusal) => {
                self.refused = self.refused.saturating_add(1);
                self.keep(recorded, Err(&refusal), anew, show);
            }
        }
    }

    /// Keeps what is shown of a change.
    fn keep(&mut self, recorded: &Recorded<'_>, after: Result<Option<&str>, &Refusal>, anew: &Anew, show: Show) {
        match show {
            Show::Changes => self.changes.push(change(recorded, anew)),
            Show::Samples(most) => {
                let before = verdict(recorded.is_allow, recorded.code);
                let (after, reason) = match after {
                    Ok(code) => (verdict(code.is_none(), code), String::new()),
                    Err(refusal) => (REFUSED.to_owned(), format!(": {refusal}")),
                };
                let kind = self.kinds.entry((before, after)).or_default();
                kind.count = kind.count.saturating_add(1);
                kind.samples.add(format!("{}{reason}", request(recorded)), 1, most);
            }
        }
    }

    /// Takes the changes out, in order.
    pub(super) fn take_changes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.changes)
    }

    /// Adds what came of the records that follow.
    pub(super) fn add(&mut self, other: Self, show: Show) {
        let sums = [
            (&mut self.replayed, other.replayed),
            (&mut self.limited, other.limited),
            (&mut self.changed, other.changed),
            (&mut self.refused, other.refused),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self.changes.extend(other.changes);
        let Show::Samples(most) = show else { return };
        for (kind, Kind { count, samples }) in other.kinds {
            let kind = self.kinds.entry(kind).or_default();
            kind.count = kind.count.saturating_add(count);
            for ((_, what), times) in samples.0 {
                kind.samples.add(what, times, most);
            }
        }
    }

    /// Writes the kinds of changes for people, with the examples of each, the most frequent first.
    pub(super) fn write_kinds(&self, style: Style, out: &mut dyn Write) {
        for ((before, after), Kind { count, samples }) in &self.kinds {
            let head = style.bold(&printable(&format!("{before} → {after}")));
            let _ = writeln!(out, "{head}  {}", counted(*count, "request"));
            let mut samples: Vec<(&str, usize)> =
                samples.0.iter().map(|((_, what), times)| (&**what, *times)).collect();
            samples.sort_by_key(|(what, times)| (Reverse(*times), *what));
            for (what, times) in &samples {
                let times = if *times == 1 { String::new() } else { style.dim(&format!("  ({times} times)")) };
                let _ = writeln!(out, "  {}{times}", printable(what));
            }
            let shown = samples.iter().fold(0_usize, |sum, (_, times)| sum.saturating_add(*times));
            let more = count.saturating_sub(shown);
            if more > 0 {
                let _ = writeln!(out, "  {}", style.dim(&format!("and {} more", counted(more, "request"))));
            }
        }
    }
}

/// `allow`, `deny NO_RULE`.
fn verdict(is_allow: bool, code: Option<&str>) -> String {
    match code {
        _ if is_allow => "allow".to_owned(),
        Some(code) => format!("deny {code}"),
        None => "deny".to_owned(),
    }
}

/// `user bob infer model qwen3`.
fn request(recorded: &Recorded<'_>) -> String {
    let said: Said = serde_json::from_str(recorded.request).unwrap_or_default();
    format!("{} {} {}", said.subject, said.action.name, said.resource)
}

/// A change with all that is known of it.
fn change(recorded: &Recorded<'_>, anew: &Anew) -> String {
    let Recorded { node, seq, id, at, request, answer, .. } = recorded;
    let after = match anew.decide(request, *at) {
        Ok(decision) => wire::decision::encode(&decision),
        Err(refusal) => json!({ "error": refusal.to_string() }).to_string(),
    };
    let (id, time) = (json!(id), json!(at.to_rfc3339_opts(SecondsFormat::Micros, true)));
    let of = node.map_or_else(String::new, |node| format!("\"node\":{},", json!(node)));
    format!(
        "{{{of}\"seq\":{seq},\"id\":{id},\"time\":{time},\"request\":{request},\"before\":{answer},\"after\":{after}}}"
    )
}
