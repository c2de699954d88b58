//! Instants as classes: what the clocks on walls show, told apart by the windows that conditions name.
//!
//! As long as no clock is changed, what windows say depends on the time of the week alone. So there are no more classes than
//! parts of weeks, one week for each way in which the clocks of the zones can be apart, and windows that never meet have no
//! class in common: a search need not ask what the time is to see that.

use crate::{
    check::ir::Window,
    query::{budget::Budget, classes::Classes},
    zone::Zone,
};
use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

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

/// There is too much time to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) struct TooLong;

/// Seconds since 1970, from the first to the last.
type Span = (i64, i64);

/// A part of a week, from a second to before another by the clock of the first zone, and its class.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
    class: usize,
}

/// Some windows, and the classes of instants that they tell apart.
#[derive(Debug)]
pub(in crate::query) struct Calendar {
    windows: Vec<Arc<Window>>,
    zones: Vec<Zone>,
    /// The windows that the instants of each class are in.
    classes: Vec<Classes>,
    /// The parts of a week, by how far the clocks of the zones are ahead of that of the first.
    weeks: HashMap<Vec<i64>, Vec<Part>>,
    /// The classes that a span has instants of, as far as somebody has asked.
    reached: Mutex<HashMap<Span, Classes>>,
}

impl Calendar {
    pub(super) fn new(windows: Vec<Arc<Window>>) -> Self {
        let mut zones: Vec<Zone> = Vec::new();
        for window in &windows {
            if !zones.contains(&window.zone) {
                zones.push(window.zone.clone());
            }
        }
        let mut calendar =
            Self { windows, zones, classes: Vec::new(), weeks: HashMap::new(), reached: Mutex::default() };
        let mut known = HashMap::new();
        let mut at = i64::MIN;
        loop {
            let apart = calendar.apart(at);
            if !calendar.weeks.contains_key(&apart) {
                let week = calendar.week(&apart, &mut known);
                calendar.weeks.insert(apart, week);
            }
            // One clock is never apart from itself.
            let end = if calendar.zones.len() < 2 { i64::MAX } else { calendar.steady(at).1 };
            if end >= REPEATING.saturating_add(CYCLE) {
                break;
            }
            at = end.saturating_add(1);
        }
        let mut classes: Vec<(Classes, usize)> = known.into_iter().collect();
        classes.sort_unstable_by_key(|(_, class)| *class);
        calendar.classes = classes.into_iter().map(|(windows, _)| windows).collect();
        calendar
    }

    /// The windows that it tells apart.
    pub(super) fn windows(&self) -> &[Arc<Window>] {
        &self.windows
    }

    /// All classes.
    pub(in crate::query) fn all(&self) -> Classes {
        Classes::all(self.count())
    }

    /// How many classes there are.
    pub(in crate::query) fn count(&self) -> usize {
        self.classes.len()
    }

    /// The classes of the instants in a window.
    pub(super) fn inside(&self, window: &Arc<Window>) -> Classes {
        let place = self.windows.iter().position(|known| Arc::ptr_eq(known, window) || known == window);
        Classes::filter(self.count(), |class| {
            place.zip(self.classes.get(*class)).is_some_and(|(place, windows)| windows.contains(place))
        })
    }

    /// The classes that a span has instants of.
    pub(in crate::query) fn reached(&self, span: Span) -> Classes {
        let known = || self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(classes) = known().get(&span) {
            return classes.clone();
        }
        let classes = self.reach(span);
        known().insert(span, classes.clone());
        classes
    }

    fn reach(&self, (first, last): Span) -> Classes {
        let mut classes = Classes::none(self.count());
        let mut whole: HashSet<Vec<i64>> = HashSet::new();
        let last = last.min(first.max(REPEATING).saturating_add(CYCLE));
        let mut at = first;
        while at <= last && classes.len() < self.count() {
            let (_, end) = self.steady(at);
            let apart = self.apart(at);
            let length = end.min(last).saturating_sub(at);
            if !whole.contains(&apart) {
                let now = self.zones.first().map_or(0, |zone| zone.week_second(at));
                let parts = self.weeks.get(&apart).into_iter().flatten();
                let met = parts.filter(|part| i64::from(part.wait(now)) <= length);
                met.for_each(|part| classes.insert(part.class));
                if length >= i64::from(WEEK) {
                    whole.insert(apart);
                }
            }
            at = end.saturating_add(1);
            if end == i64::MAX {
                break;
            }
        }
        classes
    }

    /// Seconds since 1970 of some classes in one of some spans: the first and the last of a run of them. Those around noon
    /// of a day near to ours are looked for first.
    ///
    /// # Errors
    /// Clocks are changed more often than the budget has steps.
    pub(in crate::query) fn find(
        &self,
        wanted: &Classes,
        spans: &[Span],
        budget: &mut Budget,
    ) -> Result<Option<Span>, TooLong> {
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
                let (_, end) = self.steady(at);
                let stretch = (at, end.min(last));
                if let Some(found) = self.in_stretch(wanted, stretch, &mut good) {
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
                let (start, _) = self.steady(at);
                // The last weeks will do: before them it is the same again.
                let stretch = (start.max(first).max(at.saturating_sub(i64::from(WEEKS))), at);
                if let Some(found) = self.in_stretch(wanted, stretch, &mut good) {
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
    fn steady(&self, at: i64) -> Span {
        let stretches = self.zones.iter().map(|zone| zone.steady(at));
        stretches.fold((i64::MIN, i64::MAX), |(from, to), (start, end)| (from.max(start), to.min(end)))
    }

    /// How far the clocks of the zones are ahead of that of the first.
    fn apart(&self, at: i64) -> Vec<i64> {
        let first = self.zones.first().map_or(0, |zone| zone.ahead(at));
        self.zones.iter().map(|zone| zone.ahead(at).saturating_sub(first)).collect()
    }

    /// The first run of seconds of some classes in a stretch in which no clock is changed.
    fn in_stretch(&self, wanted: &Classes, (first, last): Span, good: &mut Good) -> Option<Span> {
        let good = good.entry(self.apart(first)).or_insert_with_key(|apart| self.good(wanted, apart));
        let now = self.zones.first().map_or(0, |zone| zone.week_second(first));
        let next = |part: &Part| {
            let length = part.end.saturating_sub(if part.is_at(now) { now } else { part.start });
            let from = first.checked_add(i64::from(part.wait(now)))?;
            Some((from, from.saturating_add(i64::from(length)).saturating_sub(1).min(last)))
        };
        good.iter().filter_map(next).min().filter(|(from, _)| *from <= last)
    }

    /// The parts of a week whose classes are wanted, those that follow each other put together.
    fn good(&self, wanted: &Classes, apart: &[i64]) -> Vec<Part> {
        let mut good: Vec<Part> = Vec::new();
        for part in self.weeks.get(apart).into_iter().flatten().filter(|part| wanted.contains(part.class)) {
            match good.last_mut() {
                Some(last) if last.end == part.start => last.end = part.end,
                Some(_) | None => good.push(*part),
            }
        }
        good
    }

    /// The parts of a week.
    fn week(&self, apart: &[i64], known: &mut HashMap<Classes, usize>) -> Vec<Part> {
        let ahead = |window: &Window| {
            let zone = self.zones.iter().position(|zone| *zone == window.zone);
            zone.and_then(|zone| apart.get(zone)).copied().unwrap_or_default()
        };
        let mut edges: Vec<u32> = vec![0, WEEK];
        for window in &self.windows {
            edges.extend(self::edges(window).map(|edge| shifted(edge, ahead(window).saturating_neg())));
        }
        edges.sort_unstable();
        edges.dedup();
        let mut parts: Vec<Part> = Vec::new();
        for pair in edges.windows(2) {
            let [start, end] = *pair else { continue };
            let windows = Classes::filter(self.windows.len(), |place| {
                self.windows.get(*place).is_some_and(|window| contains(window, shifted(start, ahead(window))))
            });
            let next = known.len();
            let class = *known.entry(windows).or_insert(next);
            match parts.last_mut() {
                Some(last) if last.class == class => last.end = end,
                Some(_) | None => parts.push(Part { start, end, class }),
            }
        }
        parts
    }
}

/// Parts of weeks that are wanted, by how far the clocks are apart.
type Good = HashMap<Vec<i64>, Vec<Part>>;

impl Part {
    fn is_at(self, now: u32) -> bool {
        (self.start..self.end).contains(&now)
    }

    /// How long it takes from a second of the week until it begins, if it has not.
    fn wait(self, now: u32) -> u32 {
        if self.is_at(now) { 0 } else { self.start.saturating_add(WEEK).saturating_sub(now) % WEEK }
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

    /// A calendar of windows, and the classes of the instants that are in some of them and not in the others.
    fn wanted(windows: &[(Arc<Window>, bool)]) -> (Calendar, Classes) {
        let calendar = Calendar::new(windows.iter().map(|(window, _)| window.clone()).collect());
        let all = Classes::all(calendar.count());
        let wanted = windows.iter().fold(all, |left, (window, inside)| {
            let classes = calendar.inside(window);
            if *inside { left.and(&classes) } else { left.without(&classes) }
        });
        (calendar, wanted)
    }

    proptest! {
        #[test]
        fn a_time_is_found_if_there_is_one(
            windows in vec((window(), any::<bool>()), 0..5),
            start in 1_700_000_000..1_800_000_000_i64,
            length in prop_oneof![0..100_000_i64, 0..40_000_000_i64],
        ) {
            let windows: Vec<(Arc<Window>, bool)> =
                windows.into_iter().map(|(window, inside)| (Arc::new(window), inside)).collect();
            let (calendar, wanted) = wanted(&windows);
            let good = |second: i64| {
                let at = DateTime::from_timestamp(second, 0).unwrap();
                windows.iter().all(|(window, inside)| during(window, at) == *inside)
            };
            let end = start + length;
            let found = calendar.find(&wanted, &[(start, end)], &mut Budget::new(10_000)).unwrap();
            prop_assert_eq!(found.is_some(), calendar.reached((start, end)).meets(&wanted));
            match found {
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
        let at = |zone: &str, start: u32, end: u32| {
            let spans = vec![WindowSpan { days: 127, start: start * 3_600, end: end * 3_600 }];
            Arc::new(Window { zone: Zone::find(zone).unwrap(), spans })
        };
        // It is never nine in Berlin when it is nine in New York; the clocks are four, five or six hours apart.
        let (berlin, york) = (at("Europe/Berlin", 9, 10), at("America/New_York", 9, 10));
        let (calendar, both) = wanted(&[(berlin.clone(), true), (york, true)]);
        let all = (i64::MIN / 4, i64::MAX / 4);
        assert!(both.is_empty() && !calendar.reached(all).is_empty());
        assert_eq!(calendar.find(&both, &[all], &mut Budget::new(100_000)), Ok(None));
        // A difference of five hours there is for some weeks of each year only.
        let york = at("America/New_York", 4, 5);
        let (calendar, both) = wanted(&[(berlin, true), (york, true)]);
        let (found, last) = calendar.find(&both, &[all], &mut Budget::new(100_000)).unwrap().unwrap();
        assert_eq!(last - found, 3_599);
        let at = DateTime::from_timestamp(found, 0).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-03-08T08:00:00+00:00");
        assert_eq!(calendar.find(&both, &[all], &mut Budget::new(0)), Err(TooLong));
    }
}
