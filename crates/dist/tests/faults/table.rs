//! What people see of the rounds: a line for each, and a table of all.

use crate::load::{Outcome, Story};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What happened in one round, or in several.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Line {
    rounds: usize,
    admitted: usize,
    denied: usize,
    failed: usize,
    accepted: usize,
    refused: usize,
    unknown: usize,
    /// How long it took at most until all was well again.
    well_again: Duration,
}

impl Line {
    pub(crate) fn of(story: &Story, well_again: Duration) -> Self {
        let asked = |what| story.asked.iter().filter(|asked| asked.decided == what).count();
        let changed = |what| story.changed.iter().filter(|changed| changed.outcome == what).count();
        Self {
            rounds: 1,
            admitted: asked(Some(true)),
            denied: asked(Some(false)),
            failed: asked(None),
            accepted: changed(Outcome::Accepted),
            refused: changed(Outcome::Refused),
            unknown: changed(Outcome::Unknown),
            well_again,
        }
    }

    fn and(self, more: Self) -> Self {
        Self {
            rounds: self.rounds + more.rounds,
            admitted: self.admitted + more.admitted,
            denied: self.denied + more.denied,
            failed: self.failed + more.failed,
            accepted: self.accepted + more.accepted,
            refused: self.refused + more.refused,
            unknown: self.unknown + more.unknown,
            well_again: self.well_again.max(more.well_again),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, admitted, denied, failed, accepted, refused, unknown, well_again } = self;
        let answered = admitted + denied;
        write!(f, "{rounds:>6} {answered:>8} {admitted:>8} {denied:>7} {failed:>6} ")?;
        write!(f, "{accepted:>8} {refused:>7} {unknown:>7} {:>8.1} s", well_again.as_secs_f64())
    }
}

/// All rounds, by the name of their kind.
#[derive(Default)]
pub(crate) struct Table(BTreeMap<&'static str, Line>);

impl Table {
    /// A round is over, or could not be tried.
    pub(crate) fn add(&mut self, kind: &'static str, seed: u64, line: Result<Line, &'static str>) {
        match line {
            Ok(line) => {
                eprintln!("{kind:<16} {line}   seed {seed}");
                let before = self.0.entry(kind).or_default();
                *before = before.and(line);
            }
            Err(why) => eprintln!("{kind:<16} skipped: {why}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16} rounds answered admitted  denied failed accepted refused unknown well again", "kind")?;
        self.0.iter().try_for_each(|(kind, line)| writeln!(f, "{kind:<16} {line}"))?;
        let all = self.0.values().fold(Line::default(), |sum, line| sum.and(*line));
        write!(f, "{:<16} {all}", "all")
    }
}
