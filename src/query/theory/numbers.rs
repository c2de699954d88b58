//! Numbers, instants and addresses that are less than others, equal or greater, and instants in windows.
//!
//! Each value lies in a range, and some differ from others by no less than something. The least values that are like that
//! are found by raising each as far as the others demand; if that has no end, or raises one out of its range, there are
//! none. (It is the method of Bellman and Ford.)

use super::{No, Values};
use crate::{
    query::{
        budget::Budget,
        classes::Classes,
        search::{DimId, Fact, Search},
        space::{Calendar, Class, Key, Slot, Space, TooLong, order},
    },
    value::Value,
};
use chrono::{DateTime, Utc};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many runs of times are tried for one instant where others depend on it.
const RUNS: usize = 1_000;
/// A second, in nanoseconds.
const SECOND: i128 = 1_000_000_000;
/// What instants are chosen near to: 2026-01-05T12:00:00Z.
const NOON: i64 = 1_767_614_400;

/// Values with an order, as whole numbers.
#[derive(Default)]
struct Numbers<'s> {
    rows: Vec<Row<'s>>,
    edges: Vec<Edge>,
}

/// An attribute that has such a value.
struct Row<'s> {
    key: Key,
    slot: &'s Slot,
    /// The class it is in.
    class: usize,
    /// Its least and its greatest value.
    least: i128,
    greatest: i128,
}

/// One value is at least so much more than another.
struct Edge {
    low: usize,
    high: usize,
    by: i128,
    because: Fact,
}

/// Numbers, instants and addresses.
pub(super) fn choose(space: &Space<'_>, search: &Search, budget: &mut Budget, values: &mut Values) -> Result<(), No> {
    let mut numbers = Numbers::default();
    for (key, slot) in &space.slots {
        if space.is_fixed(search, *key) {
            continue;
        }
        match search.only(slot.dim).map(|class| (class, slot.classes.get(class))) {
            Some((class, Some(Class::Range(first, last)))) => {
                let (least, greatest) = (number(first), number(last));
                numbers.rows.push(Row { key: *key, slot, class, least, greatest });
            }
            Some(_) => {}
            None => left_to_windows(space, search, *key, budget, values)?,
        }
    }
    numbers.compare(space, search);
    numbers.settle(space, search, budget, values)
}

impl<'s> Numbers<'s> {
    fn place(&self, key: Key) -> Option<usize> {
        self.rows.iter().position(|row| row.key == key)
    }

    /// What comparisons that are decided demand.
    fn compare(&mut self, space: &Space<'_>, search: &Search) {
        for ((left, right, offset), dim) in &space.orders {
            let (Some(left), Some(right)) = (self.place(*left), self.place(*right)) else { continue };
            let cell = search.cell(*dim);
            let by = i128::from(*offset).saturating_mul(SECOND);
            let mut edge = |low, high, by| self.edges.push(Edge { low, high, by, because: Fact::Cell(*dim) });
            let [less, equal, greater] = [order::LESS, order::EQUAL, order::GREATER].map(|way| cell.contains(way));
            if !greater {
                edge(left, right, by.saturating_neg().saturating_add(i128::from(!equal)));
            }
            if !less {
                edge(right, left, by.saturating_add(i128::from(!equal)));
            }
        }
    }

    /// Finds values for all attributes.
    fn settle(
        &mut self,
        space: &Space<'_>,
        search: &Search,
        budget: &mut Budget,
        values: &mut Values,
    ) -> Result<(), No> {
        self.least()?;
        let tested: Vec<Tested<'_>> = (0..self.rows.len())
            .filter_map(|place| Some((place, hours(space, search, self.rows.get(place)?.key)?)))
            .collect();
        self.put_in_windows(&tested, budget)?;
        let compared: Vec<bool> = (0..self.rows.len())
            .map(|place| self.edges.iter().any(|edge| [edge.low, edge.high].contains(&place)))
            .collect();
        let least = self.least()?;
        for (place, (row, least)) in self.rows.iter().zip(least).enumerate() {
            let free = compared.get(place) == Some(&false) && tested.iter().all(|(other, _)| *other != place);
            let value = match row.slot.classes.get(row.class) {
                Some(Class::Range(first, last)) if free => nice(first, last),
                Some(Class::Range(first, _)) => value(first, least),
                Some(_) | None => continue,
            };
            values.numbers.insert(row.key, value);
        }
        Ok(())
    }

    /// The least values that all comparisons allow.
    fn least(&self) -> Result<Vec<i128>, No> {
        let mut least: Vec<i128> = self.rows.iter().map(|row| row.least).collect();
        let mut raised: Vec<Option<&Edge>> = self.rows.iter().map(|_| None).collect();
        for _ in 0..self.rows.len() {
            if self.raise(&mut least, &mut raised).is_none() {
                break;
            }
        }
        if let Some(place) = self.raise(&mut least, &mut raised) {
            return Err(No::Because(self.circle(place, &raised)));
        }
        for (place, (row, least)) in self.rows.iter().zip(&least).enumerate() {
            if *least > row.greatest {
                return Err(No::Because(self.too_far(place, &raised)));
            }
        }
        Ok(least)
    }

    /// Raises what is less than a comparison allows; gives the last that was raised.
    fn raise<'e>(&'e self, least: &mut [i128], raised: &mut [Option<&'e Edge>]) -> Option<usize> {
        let mut last = None;
        for edge in &self.edges {
            let wanted = least.get(edge.low).map(|low| low.saturating_add(edge.by));
            if let (Some(wanted), Some(high)) = (wanted, least.get_mut(edge.high))
                && *high < wanted
            {
                *high = wanted;
                if let Some(raised) = raised.get_mut(edge.high) {
                    *raised = Some(edge);
                }
                last = Some(edge.high);
            }
        }
        last
    }

    /// The comparisons that raise each other without end.
    fn circle(&self, from: usize, raised: &[Option<&Edge>]) -> Vec<Fact> {
        let before = |place: usize| raised.get(place).copied().flatten().map(|edge| (edge.low, edge));
        // After as many steps as there are rows, it is in the circle.
        let mut inside = from;
        for _ in 0..self.rows.len() {
            inside = before(inside).map_or(inside, |(low, _)| low);
        }
        let mut facts = Vec::new();
        let mut at = inside;
        for _ in 0..=self.rows.len() {
            let Some((low, edge)) = before(at) else { break };
            facts.push(edge.because.clone());
            at = low;
            if at == inside {
                break;
            }
        }
        facts
    }

    /// Why a value is raised out of its range: the one that raises it, the way from there, and the range.
    fn too_far(&self, place: usize, raised: &[Option<&Edge>]) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.rows.get(place).map(|row| row.at_most()).into_iter().collect();
        let mut at = place;
        for _ in 0..self.rows.len() {
            let Some(edge) = raised.get(at).copied().flatten() else { break };
            facts.push(edge.because.clone());
            at = edge.low;
        }
        facts.extend(self.rows.get(at).map(|row| row.at_least()));
        facts
    }

    /// The least and the greatest that a value can be, given all others.
    fn span(&self, place: usize) -> Result<(i128, i128), No> {
        let least = self.least()?;
        // Upside down, what is least is what is greatest.
        let rows = self.rows.iter().map(|row| Row {
            least: row.greatest.saturating_neg(),
            greatest: row.least.saturating_neg(),
            ..*row
        });
        let edges = self.edges.iter().map(|edge| Edge {
            low: edge.high,
            high: edge.low,
            by: edge.by,
            because: edge.because.clone(),
        });
        let greatest = Numbers { rows: rows.collect(), edges: edges.collect() }.least()?;
        let of = |values: &[i128]| values.get(place).copied().unwrap_or_default();
        Ok((of(&least), of(&greatest).saturating_neg()))
    }

    /// Narrows the instants that windows test to times that are in some and not in others.
    fn put_in_windows(&mut self, tested: &[Tested<'_>], budget: &mut Budget) -> Result<(), No> {
        // Each by itself first: then it is clearer what is to blame.
        for (place, hours) in tested {
            self.alone(*place, hours, budget)?;
        }
        let mut done: Vec<usize> = Vec::new();
        for (place, _) in tested {
            if done.contains(place) {
                continue;
            }
            let related = self.related(*place);
            let together: Vec<&Tested<'_>> = tested.iter().filter(|(place, _)| related.contains(place)).collect();
            if !self.narrow(&together, budget)? {
                return Err(No::Because(self.all_about(&related, &together)));
            }
            done.extend(related);
        }
        Ok(())
    }

    /// Whether there is a time for an instant as far as the comparisons leave it open.
    fn alone(&self, place: usize, hours: &Hours<'_>, budget: &mut Budget) -> Result<(), No> {
        let Some(row) = self.rows.get(place) else { return Ok(()) };
        let reached = hours.calendar.reached(seconds(row.least, row.greatest));
        if !reached.meets(hours.wanted) {
            return Err(No::Because(vec![row.only(), hours.outside(&reached)]));
        }
        let (least, greatest) = self.span(place)?;
        if hours.find(&[seconds(least, greatest)], budget)?.is_some() {
            return Ok(());
        }
        let mut facts = self.all_about(&self.related(place), &[]);
        facts.push(Fact::Cell(hours.dim));
        Err(No::Because(facts))
    }

    /// Narrows instants that comparisons may tie to each other, one after the other: each to a run of times that are as its
    /// windows demand, and if that leaves no time for the next ones, to another. False if no run will do.
    fn narrow(&mut self, tested: &[&Tested<'_>], budget: &mut Budget) -> Result<bool, No> {
        let Some(((place, hours), rest)) = tested.split_first() else { return Ok(true) };
        let Ok((least, greatest)) = self.span(*place) else { return Ok(false) };
        let mut spans = vec![seconds(least, greatest)];
        for _ in 0..RUNS {
            if !budget.spend() {
                break;
            }
            let Some((first, last)) = hours.find(&spans, budget)? else { return Ok(false) };
            let before = self.rows.get(*place).map(|row| (row.least, row.greatest));
            let after = i128::from(last).saturating_add(1).saturating_mul(SECOND).saturating_sub(1);
            self.limit(*place, i128::from(first).saturating_mul(SECOND).max(least), after.min(greatest));
            if self.narrow(rest, budget)? {
                return Ok(true);
            }
            before.into_iter().for_each(|(least, greatest)| self.limit(*place, least, greatest));
            spans = without(&spans, (first, last));
        }
        Err(No::Unsure)
    }

    fn limit(&mut self, place: usize, least: i128, greatest: i128) {
        if let Some(row) = self.rows.get_mut(place) {
            (row.least, row.greatest) = (least, greatest);
        }
    }

    /// All that is known of some rows that comparisons tie to each other, and of the windows that test them.
    fn all_about(&self, related: &[usize], tested: &[&Tested<'_>]) -> Vec<Fact> {
        let rows = self.rows.iter().enumerate().filter(|(place, _)| related.contains(place));
        let edges = self.edges.iter().filter(|edge| related.contains(&edge.low)).map(|edge| edge.because.clone());
        let tests = tested.iter().map(|(_, hours)| Fact::Cell(hours.dim));
        rows.map(|(_, row)| row.only()).chain(edges).chain(tests).collect()
    }

    /// What comparisons lead to from a row, and the row.
    fn related(&self, place: usize) -> Vec<usize> {
        let mut related = vec![place];
        let mut index = 0;
        while let Some(at) = related.get(index).copied() {
            for edge in &self.edges {
                let other = match at {
                    _ if edge.low == at => edge.high,
                    _ if edge.high == at => edge.low,
                    _ => continue,
                };
                if !related.contains(&other) {
                    related.push(other);
                }
            }
            index = index.saturating_add(1);
        }
        related
    }
}

impl Row<'_> {
    /// That it is in the class that it is in.
    fn only(&self) -> Fact {
        Fact::Within(self.slot.dim, Classes::only(self.slot.classes.len(), self.class))
    }

    /// That it is not below its class.
    fn at_least(&self) -> Fact {
        self.within(self.class, self.slot.valued)
    }

    /// That it is not above its class.
    fn at_most(&self) -> Fact {
        self.within(0, self.class.saturating_add(1))
    }

    fn within(&self, from: usize, to: usize) -> Fact {
        // As numbers, addresses have another order than their ranges.
        if let Some(Class::Range(Value::Ip(_), _)) = self.slot.classes.get(self.class) {
            return self.only();
        }
        let mut classes = self.slot.none();
        classes.insert_range(from, to);
        Fact::Within(self.slot.dim, classes)
    }
}

// ---- Windows ---------------------------------------------------------------------------------------------------------

/// What clocks are to show at an instant.
struct Hours<'s> {
    calendar: &'s Calendar,
    dim: DimId,
    wanted: &'s Classes,
}

impl<'s> Hours<'s> {
    fn find(&self, spans: &[(i64, i64)], budget: &mut Budget) -> Result<Option<(i64, i64)>, TooLong> {
        self.calendar.find(self.wanted, spans, budget)
    }

    /// That clocks show none of some classes.
    fn outside(&self, classes: &Classes) -> Fact {
        Fact::Within(self.dim, self.calendar.all().without(classes))
    }
}

/// The place of an instant, and what windows demand of it.
type Tested<'s> = (usize, Hours<'s>);

/// Spans without a run of seconds in one of them.
fn without(spans: &[(i64, i64)], (first, last): (i64, i64)) -> Vec<(i64, i64)> {
    let parts = spans.iter().flat_map(|(start, end)| {
        if last < *start || *end < first {
            return [Some((*start, *end)), None];
        }
        let before = (*start, first.saturating_sub(1));
        let after = (last.saturating_add(1), *end);
        [before, after].map(|(start, end)| (start <= end).then_some((start, end)))
    });
    parts.flatten().collect()
}

/// What clocks are to show at an instant, if that matters.
fn hours<'s>(space: &'s Space<'_>, search: &'s Search, key: Key) -> Option<Hours<'s>> {
    let (calendar, dim) = space.calendars.get(&key)?;
    let wanted = search.cell(*dim);
    (wanted != search.possible(*dim)).then_some(Hours { calendar, dim: *dim, wanted })
}

/// Whole seconds that have an instant between two others.
fn seconds(least: i128, greatest: i128) -> (i64, i64) {
    let second = |nanos: i128| i64::try_from(nanos.div_euclid(SECOND)).unwrap_or_default();
    (second(least), second(greatest))
}

/// An instant that only windows test: in any of the ranges that are left.
fn left_to_windows(
    space: &Space<'_>,
    search: &Search,
    key: Key,
    budget: &mut Budget,
    values: &mut Values,
) -> Result<(), No> {
    let (Some(slot), Some(hours)) = (space.slots.get(&key), hours(space, search, key)) else { return Ok(()) };
    let mut ranges: Vec<(i128, i128)> = Vec::new();
    let mut open = None;
    for class in search.cell(slot.dim).iter() {
        match slot.classes.get(class) {
            Some(Class::Range(first, last)) => ranges.push((number(first), number(last))),
            Some(_) | None => open = open.or(Some(class)),
        }
    }
    let (mut reached, mut spans) = (Classes::none(hours.calendar.count()), Vec::new());
    for (least, greatest) in &ranges {
        let span = seconds(*least, *greatest);
        let here = hours.calendar.reached(span);
        spans.extend(here.meets(hours.wanted).then_some(span));
        reached = reached.or(&here);
    }
    if let Some((second, _)) = hours.find(&spans, budget)? {
        let start = i128::from(second).saturating_mul(SECOND);
        let range = ranges.iter().find(|(least, greatest)| {
            let (first, last) = seconds(*least, *greatest);
            (first..=last).contains(&second)
        });
        let nanos = range.map_or(start, |(least, _)| start.max(*least));
        values.numbers.insert(key, Value::Time(instant(nanos)));
        return Ok(());
    }
    if let Some(class) = open {
        values.classes.insert(key, class);
        return Ok(());
    }
    Err(No::Because(vec![Fact::Cell(slot.dim), hours.outside(&reached)]))
}

impl From<TooLong> for No {
    fn from(_: TooLong) -> Self {
        Self::Unsure
    }
}

// ---- Values as numbers -----------------------------------------------------------------------------------------------

/// A value as a whole number. An IPv4 address takes the place of its IPv6 form, which is no other address's.
fn number(value: &Value) -> i128 {
    match value {
        Value::Int(int) => i128::from(*int),
        Value::Time(time) => {
            let seconds = i128::from(time.timestamp()).saturating_mul(SECOND);
            seconds.saturating_add(i128::from(time.timestamp_subsec_nanos()))
        }
        Value::Ip(ip) => {
            let bits = match ip {
                IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
                IpAddr::V6(ip) => u128::from(*ip),
            };
            // The order of all 128 bits as that of signed numbers.
            (bits ^ (1 << 127)).cast_signed()
        }
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Tier(_) | Value::Texts(_) | Value::Roles(_) => 0,
    }
}

/// The value of a number, of the type of another value.
fn value(like: &Value, number: i128) -> Value {
    match like {
        Value::Int(_) => Value::Int(i64::try_from(number).unwrap_or_default()),
        Value::Time(_) => Value::Time(instant(number)),
        Value::Ip(_) => {
            let ip = Ipv6Addr::from(number.cast_unsigned() ^ (1 << 127));
            Value::Ip(IpAddr::V6(ip).to_canonical())
        }
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Tier(_) | Value::Texts(_) | Value::Roles(_) => {
            like.clone()
        }
    }
}

fn instant(nanos: i128) -> DateTime<Utc> {
    let (seconds, rest) = (nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND));
    let time = i64::try_from(seconds).ok().zip(u32::try_from(rest).ok());
    time.and_then(|(seconds, rest)| DateTime::from_timestamp(seconds, rest)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The value of a range that a person would choose.
pub(super) fn nice(first: &Value, last: &Value) -> Value {
    let liked: Vec<Value> = match first {
        Value::Int(_) => vec![Value::Int(0)],
        Value::Time(_) => DateTime::from_timestamp(NOON, 0).map(Value::Time).into_iter().collect(),
        Value::Ip(_) => vec![
            // Addresses that are for examples.
            Value::Ip(Ipv4Addr::new(203, 0, 113, 7).into()),
            Value::Ip(Ipv4Addr::new(198, 51, 100, 7).into()),
            Value::Ip(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7).into()),
        ],
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Tier(_) | Value::Texts(_) | Value::Roles(_) => {
            Vec::new()
        }
    };
    if let Some(liked) = liked.iter().find(|liked| (first..=last).contains(liked)) {
        return liked.clone();
    }
    let before = liked.first().is_some_and(|liked| last < liked);
    if before { last.clone() } else { first.clone() }
}

/// How far a value is from one that a person would choose.
pub(super) fn far(value: &Value) -> u128 {
    match value {
        Value::Int(int) => u128::from(int.unsigned_abs()),
        Value::Time(time) => u128::from(time.timestamp().saturating_sub(NOON).unsigned_abs()),
        Value::Ip(IpAddr::V4(ip)) => u128::from(!ip.is_documentation()),
        Value::Ip(IpAddr::V6(_)) => 2,
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Tier(_) | Value::Texts(_) | Value::Roles(_) => 0,
    }
}
