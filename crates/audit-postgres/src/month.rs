//! Months, which partitions are for.

use chrono::{DateTime, Datelike, NaiveDate};

/// A month, by Universal Time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of an instant; none where no calendar reaches.
    pub(crate) fn of(micros: i64) -> Option<Self> {
        let at = DateTime::from_timestamp_micros(micros)?;
        Some(Self { year: at.year(), month: at.month() })
    }

    /// The one after it.
    pub(crate) fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year.saturating_add(1), month: 1 },
            month => Self { month: month.saturating_add(1), ..self },
        }
    }

    /// When it begins.
    pub(crate) fn start(self) -> Option<i64> {
        let midnight = NaiveDate::from_ymd_opt(self.year, self.month, 1)?.and_hms_opt(0, 0, 0)?;
        Some(midnight.and_utc().timestamp_micros())
    }

    /// How its partition is called, behind what is before all of them.
    pub(crate) fn name(self, before: &str) -> String {
        format!("{before}_{:04}_{:02}", self.year, self.month)
    }

    /// The month of a partition of such a name.
    pub(crate) fn of_name(name: &str, before: &str) -> Option<Self> {
        let (year, month) = name.strip_prefix(before)?.strip_prefix('_')?.rsplit_once('_')?;
        let found = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        (found.name(before) == name && found.start().is_some()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn months_follow_each_other() {
        let start = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_micros();
        let month = Month::of(start("2026-12-31T23:59:59.999999Z")).unwrap();
        assert_eq!(month.name("c"), "c_2026_12");
        assert_eq!(month.start(), Some(start("2026-12-01T00:00:00Z")));
        assert_eq!(month.next().start(), Some(start("2027-01-01T00:00:00Z")));
        assert_eq!(Month::of(start("2027-01-01T00:00:00Z")), Some(month.next()));
        assert_eq!(Month::of(i64::MAX), None);
    }

    #[test]
    fn names_tell_of_months() {
        for micros in [0, -1, 1_767_225_600_000_000, -99_999_999_999_999_999] {
            let month = Month::of(micros).unwrap();
            assert_eq!(Month::of_name(&month.name("c_1"), "c_1"), Some(month));
        }
        for other in ["c_2026_01", "c_1_2026_13", "c_1_2026_1", "c_12_2026_01", "c_1_x_01", "c_1"] {
            assert_eq!(Month::of_name(other, "c_1"), None, "{other}");
        }
    }
}
