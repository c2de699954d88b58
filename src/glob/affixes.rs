//! A table of prefixes, or of suffixes, that finds all those of a text.

use std::{cmp::Ordering, iter::successors};

/// An end of a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// Where prefixes are.
    Front,
    /// Where suffixes are.
    Back,
}

/// Different affixes for one end of texts, in order, with a value for each.
///
/// Those of a text form a chain: each is an affix of the next longer one. In order, what stands between an affix of a
/// text and the text itself has that affix too. So the last row that does not come after the text leads to the whole
/// chain, and one binary search finds it.
pub(super) struct Affixes<T> {
    end: End,
    rows: Box<[Row<T>]>,
}

struct Row<T> {
    affix: Box<str>,
    /// The row of the longest other affix in the table that this one has itself.
    shorter: Option<u32>,
    value: T,
}

impl End {
    /// What is left of a text without an affix that it has.
    pub(super) fn strip<'a>(self, text: &'a str, affix: &str) -> Option<&'a str> {
        // See `compare`.
        if affix.is_empty() {
            return Some(text);
        }
        match self {
            Self::Front => text.strip_prefix(affix),
            Self::Back => text.strip_suffix(affix),
        }
    }

    /// The order of texts as they are read from this end.
    fn compare(self, one: &str, other: &str) -> Ordering {
        // To compare no bytes at all can take longer than to compare some: the address of an empty text is none, and the
        // processor may stumble over it.
        if one.is_empty() || other.is_empty() {
            return one.len().cmp(&other.len());
        }
        match self {
            Self::Front => one.cmp(other),
            Self::Back => one.bytes().rev().cmp(other.bytes().rev()),
        }
    }
}

impl<T> Affixes<T> {
    /// The table of these affixes, of which no two are the same.
    pub(super) fn new(end: End, mut values: Vec<(Box<str>, T)>) -> Self {
        values.sort_unstable_by(|(one, _), (other, _)| end.compare(one, other));
        let mut rows = Vec::<Row<T>>::with_capacity(values.len());
        for (affix, value) in values {
            let has = |row: &Row<T>| end.strip(&affix, &row.affix).is_some();
            let mut shorter = u32::try_from(rows.len()).ok().and_then(|next| next.checked_sub(1));
            while let Some(row) = row(&rows, shorter)
                && !has(row)
            {
                shorter = row.shorter;
            }
            rows.push(Row { affix, shorter, value });
        }
        Self { end, rows: rows.into() }
    }

    /// The values of all affixes that a text has, each with what is left of the text without it; the longest affix first.
    pub(super) fn of<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, &'a T)> {
        let before = self.rows.partition_point(|row| self.end.compare(&row.affix, text).is_le());
        let last = before.checked_sub(1).and_then(|last| self.rows.get(last));
        let chain = successors(last, |last| row(&self.rows, last.shorter));
        chain.filter_map(|row| Some((self.end.strip(text, &row.affix)?, &row.value)))
    }

    /// The most that the values which one text finds can weigh together, and the last of these values.
    pub(super) fn heaviest(&self, weight: impl Fn(&T) -> usize) -> (usize, Option<&T>) {
        let mut sums = Vec::<usize>::with_capacity(self.rows.len());
        let mut heaviest = (0, None);
        for row in &self.rows {
            let shorter = row.shorter.and_then(|shorter| sums.get(shorter as usize)).copied().unwrap_or_default();
            let sum = weight(&row.value).saturating_add(shorter);
            if sum > heaviest.0 {
                heaviest = (sum, Some(&row.value));
            }
            sums.push(sum);
        }
        heaviest
    }
}

fn row<T>(rows: &[Row<T>], index: Option<u32>) -> Option<&Row<T>> {
    rows.get(index? as usize)
}
