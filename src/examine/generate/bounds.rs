//! The values just inside and just outside of what a test of an attribute says.

use crate::{
    check::{
        ir::{Atom, Members, Window},
        shift,
        vocabulary::{AttrId, Type, builtin},
    },
    eval::facts::Facts,
    request::Input,
    value::{Tier, Value, Weekday},
};
use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, Utc};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A value at a bound.
#[derive(Debug, Clone)]
pub(super) struct Near {
    pub(super) input: Input,
    /// Where it lies: `just below 10`.
    pub(super) what: String,
}

/// The attribute that a test bounds, and values at its bounds. None where nothing is bounded, or what is cannot be
/// assigned.
pub(super) fn bounds(atom: &Atom, facts: &Facts<'_>) -> Option<(AttrId, Vec<Near>)> {
    let near = Neighbours { facts };
    let (attr, found) = match atom {
        Atom::Compare(attr, _, value) => (*attr, near.around(*attr, value, &near.words(value))),
        Atom::CompareResource { left, right, offset, .. } => {
            let value = facts.get(*right)?;
            let value = value.as_time().map_or_else(|| value.clone(), |instant| Value::Time(shift(instant, *offset)));
            let row = &facts.vocabulary.attributes[*right];
            (*left, near.around(*left, &value, &format!("{}, {}", row.path, near.words(&value))))
        }
        Atom::In(attr, members) => (*attr, near.members(*attr, members)),
        Atom::During(attr, window) => (*attr, window_edges(window, facts.get(*attr).and_then(Value::as_time))),
        Atom::IsTrue(_)
        | Atom::Has(_)
        | Atom::Like(..)
        | Atom::Contains(..)
        | Atom::ContainsValue(..)
        | Atom::Overlaps(..)
        | Atom::OverlapsResource(..)
        | Atom::Holds(_) => return None,
    };
    (!builtin::ALWAYS_GIVEN.contains(&attr) && !found.is_empty()).then_some((attr, found))
}

struct Neighbours<'a> {
    facts: &'a Facts<'a>,
}

impl Neighbours<'_> {
    /// A value as a comment says it.
    fn words(&self, value: &Value) -> String {
        match value {
            Value::Tier(tier) => self.facts.vocabulary.tier_name(*tier).to_string(),
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Text(_)
            | Value::Ip(_)
            | Value::Time(_)
            | Value::Texts(_)
            | Value::Roles(_) => value.to_string(),
        }
    }

    /// The values around one, and the value itself.
    fn around(&self, attr: AttrId, value: &Value, words: &str) -> Vec<Near> {
        let near = |value: Option<Value>, what: &str| {
            value.map(|value| Near { input: self.facts.vocabulary.input(&value), what: format!("{what}{words}") })
        };
        let found = match value {
            Value::Int(bound) => {
                let ty = &self.facts.vocabulary.attributes[attr].ty;
                let fits = |value: &i64| !matches!(ty, Type::Int(least, most) if !(least..=most).contains(&value));
                let int = |value: Option<i64>| value.filter(fits).map(Value::Int);
                [
                    near(int(bound.checked_sub(1)), "just below "),
                    near(int(Some(*bound)), "exactly "),
                    near(int(bound.checked_add(1)), "just above "),
                ]
            }
            Value::Tier(Tier(rank)) => {
                let count = self.facts.vocabulary.tiers.len();
                let tier = |rank: Option<u16>| {
                    rank.filter(|rank| usize::from(*rank) < count).map(|rank| Value::Tier(Tier(rank)))
                };
                [
                    near(tier(rank.checked_sub(1)), "the tier below "),
                    near(tier(Some(*rank)), "exactly "),
                    near(tier(rank.checked_add(1)), "the tier above "),
                ]
            }
            Value::Time(instant) => {
                let moved = |seconds: i64| instant.checked_add_signed(TimeDelta::seconds(seconds)).map(Value::Time);
                [near(moved(-1), "a second before "), near(moved(0), "exactly "), near(moved(1), "a second after ")]
            }
            Value::Text(_) | Value::Ip(_) => [near(Some(value.clone()), "exactly "), None, None],
            Value::None | Value::Bool(_) | Value::Texts(_) | Value::Roles(_) => [None, None, None],
        };
        found.into_iter().flatten().collect()
    }

    fn members(&self, attr: AttrId, members: &Members) -> Vec<Near> {
        let member = |value: &Value| {
            let what = format!("the member {}", self.words(value));
            Near { input: self.facts.vocabulary.input(value), what }
        };
        match members {
            Members::Texts(texts) => texts.iter().map(|text| member(&Value::Text(text.clone()))).collect(),
            Members::Tiers(tiers) => tiers.iter().map(|tier| member(&Value::Tier(*tier))).collect(),
            Members::Ints(ints) => {
                ints.iter().flat_map(|int| self.around(attr, &Value::Int(*int), &int.to_string())).collect()
            }
            Members::Nets(nets) => nets.iter().flat_map(net_edges).collect(),
            Members::Spans(spans) => spans.iter().flat_map(|(from, to)| span_edges(*from, *to)).collect(),
        }
    }
}

/// The first and last address of a block, and those beside it.
fn net_edges(net: &IpNet) -> Vec<Near> {
    let near = |address: Option<IpAddr>, what: &str| {
        address.map(|address| Near { input: Input::from(address), what: format!("{what} {net}") })
    };
    [
        near(moved(net.network(), false), "just below"),
        near(Some(net.network()), "the first address of"),
        near(Some(net.broadcast()), "the last address of"),
        near(moved(net.broadcast(), true), "just above"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The address before or after one.
fn moved(address: IpAddr, after: bool) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            Ipv4Addr::from_bits(if after { bits.checked_add(1) } else { bits.checked_sub(1) }?).into()
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            Ipv6Addr::from_bits(if after { bits.checked_add(1) } else { bits.checked_sub(1) }?).into()
        }
    })
}

/// The edges of a span of time, from its first instant to before its end.
fn span_edges(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Near> {
    let near = |instant: DateTime<Utc>, seconds: i64, what: &str| {
        let instant = instant.checked_add_signed(TimeDelta::seconds(seconds))?;
        let bound = if seconds == 0 { String::new() } else { "a second before ".to_owned() };
        let text = instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        Some(Near { input: Input::Text(text), what: format!("{bound}{what}") })
    };
    [near(from, -1, "it begins"), near(from, 0, "it begins"), near(to, -1, "it ends"), near(to, 0, "it ends")]
        .into_iter()
        .flatten()
        .collect()
}

/// How many days are looked at for one that a span of a window begins on.
const DAYS: u64 = 8;

/// The edges of the spans of a window, from the day of an instant on.
fn window_edges(window: &Window, from: Option<DateTime<Utc>>) -> Vec<Near> {
    let monday = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap_or_default();
    let first = from.map_or(monday, |instant| instant.date_naive());
    let mut found = Vec::new();
    for span in &window.spans {
        let on = |day: Weekday| span.days & 1u8.checked_shl(u32::from(day.index())).unwrap_or_default() != 0;
        let edges = (0..DAYS).filter_map(|days| first.checked_add_days(Days::new(days))).find_map(|date| {
            let at = |date: NaiveDate, second: u32| {
                let instant =
                    window.zone.start_of_day(date).checked_add_signed(TimeDelta::seconds(i64::from(second)))?;
                // On a day when clocks are set, seconds since its start are not those that they show.
                (second == 86_400 || window.zone.local(instant).second == second).then_some(instant)
            };
            let begin = at(date, span.start)?;
            let last = if span.start < span.end { date } else { date.checked_add_days(Days::new(1))? };
            on(window.zone.local(begin).weekday).then(|| at(last, span.end).map(|end| (begin, end))).flatten()
        });
        found.extend(edges.into_iter().flat_map(|(from, to)| span_edges(from, to)));
    }
    found
}
