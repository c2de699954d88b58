//! Instants at which the clocks on some walls show some times and not others.

use crate::{check::ir::Window, query::budget::Budget, zone::Zone};
use std::{cmp::Reverse, collections::HashMap};

/// A day and a week, in seconds.
const DAY: u32 = 86_400;
const WEEK: u32 = 7 * DAY;
/// Some weeks, to look back on.
const WEEKS: u32 = 4 * WEEK;
/// Noon of a Monday, around which instants are looked for first: 2026-01-05T12:00:00Z.
const NOON: i64 = 1_767_614_400;
/// The rules of zones name changes one by one up to some year, and then repeat: with the calendar, after 400 years.
const REPEATING: i64 = 4_102_444_800;
const CYCLE: i64 = 146_097 * DAY as i64;

/// Windows that an instant is to be in, or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Hours<'a> {
    pub(super) inside: Vec<&'a Window>,
    pub(super) outside: Vec<&'a Window>,
}

/// There is too much time to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Seconds of the week that the clocks of the first zone show at good times, as spans in order; by how far those of the
/// others are ahead of it.
type Good = HashMap<Vec<i64>, Vec<(u32, u32)>>;

impl Hours<'_> {
    /// Seconds since 1970 in one of some spans that are as wanted: the first and the last of a run of them. (Spans are given
    /// in the same way.)
    ///
    /// As long as no clock is changed, what the windows say depends on the time of the week alone. So each stretch between
    /// changes is looked at as a whole; and where the clocks of the zones are equally far apart, only once.
    ///
    /// # Errors
    /// There are more changes than the budget has steps.
    pub(super) fn find(&self, spans: &[(i64, i64)], budget: &mut Budget) -> Result<Option<(i64, i64)>, TooLong> {
        let mut zones: Vec<&Zone> = Vec::new();
        for window in self.inside.iter().chain(&self.outside) {
            if !zones.contains(&&window.zone) {
                zones.push(&window.zone);
            }
        }
        let mut good = Good::new();
        let (mut later, mut earlier): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
        for (first, last) in spans {
            if *last >= NOON {
                later.push((*first.max(&NOON), *last));
            }
            if *first < NOON {
                earlier.push((*first, *last.min(&(NOON.saturating_sub(1)))));
            }
        }
        later.sort_unstable();
        earlier.sort_unstable_by_key(|span| Reverse(*span));
        for (first, last) in later {
            let horizon = first.max(REPEATING).saturating_add(CYCLE);
            let mut at = first;
            while at <= last.min(horizon) {
                let (_, end) = self.steady(&zones, at);
                let stretch = (at, end.min(last));
                if let Some(found) = self.in_stretch(&zones, stretch, &mut good) {
                    return Ok(Some(found));
                }
                at = end.saturating_add(1);
                if end == i64::MAX || !budget.spend() {
                    break;
                }
            }
        }
        for (first, last) in earlier {
            let mut at = last;
            while at >= first {
                let (start, _) = self.steady(&zones, at);
                // The last weeks will do: before them it is the same again.
                let stretch = (start.max(first).max(at.saturating_sub(i64::from(WEEKS))), at);
                if let Some(found) = self.in_stretch(&zones, stretch, &mut good) {
                    return Ok(Some(found));
                }
                at = start.saturating_sub(1);
                if start == i64::MIN || !budget.spend() {
                    break;
                }
            }
        }
        if budget.is_spent() { Err(TooLong) } else { Ok(None) }
    }

    /// The stretch around a second in which no clock is changed.
    fn steady(&self, zones: &[&Zone], at: i64) -> (i64, i64) {
        let whole = (i64::MIN, i64::MAX);
        zones.iter().map(|zone| zone.steady(at)).fold(whole, |(from, to), (start, end)| (from.max(start), to.min(end)))
    }

    /// The first run of good seconds of a stretch in which no clock is changed.
    fn in_stretch(&self, zones: &[&Zone], (first, last): (i64, i64), good: &mut Good) -> Option<(i64, i64)> {
        let Some(zone) = zones.first() else { return Some((first, last)) };
        let apart: Vec<i64> = zones.iter().map(|other| other.ahead(first).saturating_sub(zone.ahead(first))).collect();
        let good = good.entry(apart).or_insert_with_key(|apart| self.good(zones, apart));
        let now = zone.week_second(first);
        let next = |(start, end): &(u32, u32)| {
            let is_now = (*start..*end).contains(&now);
            let wait = if is_now { 0 } else { start.saturating_add(WEEK).saturating_sub(now) % WEEK };
            let length = end.saturating_sub(if is_now { now } else { *start });
            let from = first.checked_add(i64::from(wait))?;
            Some((from, from.saturating_add(i64::from(length)).saturating_sub(1).min(last)))
        };
        good.iter().filter_map(next).min().filter(|(from, _)| *from <= last)
    }

    /// The good times of the week, by the clock of the first zone.
    fn good(&self, zones: &[&Zone], apart: &[i64]) -> Vec<(u32, u32)> {
        let ahead = |window: &Window| {
            let zone = zones.iter().position(|zone| **zone == window.zone);
            zone.and_then(|zone| apart.get(zone)).copied().unwrap_or_default()
        };
        let mut edges: Vec<u32> = vec![0, WEEK];
        for window in self.inside.iter().chain(&self.outside) {
            edges.extend(self::edges(window).map(|edge| shifted(edge, ahead(window).saturating_neg())));
        }
        edges.sort_unstable();
        edges.dedup();
        let is_in = |window: &&Window, at| contains(window, shifted(at, ahead(window)));
        let parts = edges.windows(2).filter_map(|pair| if let [from, to] = pair { Some((*from, *to)) } else { None });
        parts
            .filter(|(from, _)| {
                self.inside.iter().all(|window| is_in(window, *from))
                    && !self.outside.iter().any(|window| is_in(window, *from))
            })
            .collect()
    }
}

/// A second of the week, moved.
fn shifted(second: u32, by: i64) -> u32 {
    u32::try_from(i64::from(second).saturating_add(by).rem_euclid(i64::from(WEEK))).unwrap_or_default()
}

/// The seconds of the week at which a window can begin or end, by its own clock.
fn edges(window: &Window) -> impl Iterator<Item = u32> {
    let days = (0..7_u32).map(|day| day.saturating_mul(DAY));
    let of_day = |day: u32| {
        let ends = window.spans.iter().flat_map(|span| [span.start, span.end]);
        ends.map(move |second| day.saturating_add(second) % WEEK)
    };
    days.clone().chain(days.flat_map(of_day))
}

/// Whether a window contains a second of the week of its own clock.
fn contains(window: &Window, at: u32) -> bool {
    let (day, second) = (at / DAY, at % DAY);
    window.spans.iter().any(|span| {
        let on = |day: u32| u32::from(span.days) >> (day % 7) & 1 == 1;
        if span.start < span.end {
            return on(day) && (span.start..span.end).contains(&second);
        }
        // A span that passes midnight belongs to the day it starts on.
        (on(day) && second >= span.start) || (on(day.saturating_add(6)) && second < span.end)
    })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use super::*;
    use crate::{check::ir::WindowSpan, eval::reference::during};
    use chrono::DateTime;
    use proptest::{collection::vec, prelude::*, sample::select};

    fn window() -> impl Strategy<Value = Window> {
        const ZONES: &[&str] =
            &["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Casablanca", "Australia/Lord_Howe"];
        let span = (1..128_u8, 0..24_u32, 1..=24_u32).prop_map(|(days, start, end)| WindowSpan {
            days,
            start: start * 3_600,
            end: end * 3_600,
        });
        (select(ZONES), vec(span, 1..3)).prop_map(|(zone, spans)| Window { zone: Zone::find(zone).unwrap(), spans })
    }

    proptest! {
        #[test]
        fn a_time_is_found_if_there_is_one(
            windows in vec((window(), any::<bool>()), 0..5),
            start in 1_700_000_000..1_800_000_000_i64,
            length in prop_oneof![0..100_000_i64, 0..40_000_000_i64],
        ) {
            let mut hours = Hours::default();
            for (window, inside) in &windows {
                if *inside { hours.inside.push(window) } else { hours.outside.push(window) }
            }
            let good = |second: i64| {
                let at = DateTime::from_timestamp(second, 0).unwrap();
                hours.inside.iter().all(|window| during(window, at))
                    && !hours.outside.iter().any(|window| during(window, at))
            };
            let end = start + length;
            match hours.find(&[(start, end)], &mut Budget::new(10_000)).unwrap() {
                Some((first, last)) => {
                    let run = first..=last;
                    prop_assert!(start <= first && first <= last && last <= end, "{:?}", run);
                    prop_assert!(run.clone().step_by(600).chain([last]).all(good), "{:?}", run);
                }
                // Windows begin and end at full hours here, and clocks are changed at half hours at most.
                None => prop_assert!((start..=end).step_by(1_800).chain([end]).all(|second| !good(second))),
            }
        }
    }

    #[test]
    fn what_never_meets_is_seen_to_never_meet() {
        let at = |zone: &str, start: u32, end: u32| Window {
            zone: Zone::find(zone).unwrap(),
            spans: vec![WindowSpan { days: 127, start: start * 3_600, end: end * 3_600 }],
        };
        // It is never nine in Berlin when it is nine in New York; the clocks are four, five or six hours apart.
        let (berlin, york) = (at("Europe/Berlin", 9, 10), at("America/New_York", 9, 10));
        let hours = Hours { inside: vec![&berlin, &york], outside: Vec::new() };
        let all = [(i64::MIN / 4, i64::MAX / 4)];
        assert_eq!(hours.find(&all, &mut Budget::new(100_000)), Ok(None));
        // A difference of five hours there is for some weeks of each year only.
        let york = at("America/New_York", 4, 5);
        let hours = Hours { inside: vec![&berlin, &york], outside: Vec::new() };
        let (found, last) = hours.find(&all, &mut Budget::new(100_000)).unwrap().unwrap();
        assert_eq!(last - found, 3_599);
        let at = DateTime::from_timestamp(found, 0).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-03-08T08:00:00+00:00");
        assert_eq!(hours.find(&all, &mut Budget::new(0)), Err(TooLong));
    }
}
