//! The instants at which tests of a time change.

use super::values::Landmarks;
use crate::{
    check::{ir::Window, shift},
    eval::reference::during,
};
use chrono::{DateTime, Days, TimeDelta, Utc};
use std::collections::BTreeSet;

/// How many days around an instant are searched for when a window opens or closes: a week, and what a zone adds.
const DAYS: u64 = 8;
/// Around how many instants windows are searched.
const MOST_ANCHORS: usize = 8;
/// How far clocks on the wall are put forward or back, in minutes.
const JUMPS: [i64; 5] = [0, 60, -60, 30, -30];

/// The instants at which a test changes, and the last seconds before; the nearest first, later ones before earlier ones.
pub(super) fn instants(marks: &Landmarks<'_>, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut turns: BTreeSet<DateTime<Utc>> = marks.instants.clone();
    turns.extend(marks.instants.iter().map(|at| shift(*at, 1)));
    let mut anchors: Vec<DateTime<Utc>> = marks.instants.iter().copied().collect();
    anchors.push(now);
    anchors.sort_by_key(|at| distance(*at, now));
    for anchor in anchors.into_iter().take(MOST_ANCHORS) {
        turns.extend(marks.windows.iter().flat_map(|window| turns_of(window, anchor)));
    }
    turns.extend([now, shift(now, 1)]);
    let before: Vec<DateTime<Utc>> = turns.iter().map(|at| shift(*at, -1)).collect();
    turns.extend(before);
    let mut found: Vec<DateTime<Utc>> = turns.into_iter().collect();
    found.sort_by_key(|at| (*at < now, distance(*at, now)));
    found
}

fn distance(a: DateTime<Utc>, b: DateTime<Utc>) -> TimeDelta {
    a.signed_duration_since(b).abs()
}

/// When a window opens and closes in the days around an instant.
fn turns_of(window: &Window, anchor: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
    let mut found = BTreeSet::new();
    let today = window.zone.local(anchor).date;
    let first = today.checked_sub_days(Days::new(DAYS)).unwrap_or(today);
    for date in first.iter_days().take(usize::try_from(DAYS.saturating_mul(2)).unwrap_or_default()) {
        let midnight = window.zone.start_of_day(date);
        for second in window.spans.iter().flat_map(|span| [span.start, span.end]) {
            // Where the clocks are changed on that day, the clock on the wall is ahead or behind.
            let near =
                JUMPS.iter().map(|jump| shift(midnight, i64::from(second).saturating_add(jump.saturating_mul(60))));
            found.extend(near.filter(|at| during(window, *at) != during(window, shift(*at, -1))));
        }
    }
    found
}
