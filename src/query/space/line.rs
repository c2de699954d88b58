//! Values that have an order, cut into ranges.

use crate::{
    check::ir::Members,
    value::{Cmp, Tier, Value},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A line of values, cut where a test can begin or stop being true: within a range, all values are alike.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The first value of each range.
    starts: Vec<Value>,
    /// The last value of the last range.
    last: Value,
}

impl Line {
    /// The line from a first to a last value, cut before each of some values.
    pub(super) fn new(first: Value, last: Value, cuts: &BTreeSet<Value>) -> Self {
        let inner = cuts.iter().filter(|cut| first < **cut && **cut <= last).cloned();
        Self { starts: [first.clone()].into_iter().chain(inner).collect(), last }
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The ranges in order, each with its first and its last value.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Value, Value)> {
        let ends = self.starts.iter().skip(1).map(|next| before(next).unwrap_or_else(|| next.clone()));
        self.starts.iter().cloned().zip(ends.chain([self.last.clone()]))
    }

    /// The ranges of the values from one to before another, as their first and one past their last; both ends are cuts or
    /// lie outside. Without an end, up to the last.
    fn between(&self, start: Option<&Value>, end: Option<&Value>) -> (usize, usize) {
        let from = |value: Option<&Value>, open: usize| {
            value.map_or(open, |value| self.starts.partition_point(|cut| cut < value))
        };
        (from(start, 0), from(end, self.len()))
    }

    /// The ranges whose values compare so with a constant.
    pub(super) fn comparing(&self, op: Cmp, constant: &Value) -> Vec<(usize, usize)> {
        let next = after(constant);
        let below = self.between(None, Some(constant));
        let above = next.as_ref().map_or((self.len(), self.len()), |next| self.between(Some(next), None));
        let equal = (below.1, above.0);
        match op {
            Cmp::Eq => vec![equal],
            Cmp::Ne => vec![below, above],
            Cmp::Lt => vec![below],
            Cmp::Le => vec![below, equal],
            Cmp::Gt => vec![above],
            Cmp::Ge => vec![equal, above],
        }
    }

    /// The ranges whose values are among some constants.
    pub(super) fn among(&self, members: &Members) -> Vec<(usize, usize)> {
        spans(members).iter().map(|(start, end)| self.between(Some(start), end.as_ref())).collect()
    }
}

/// The places where a line must be cut for a comparison with a constant.
pub(super) fn cuts_of(constant: &Value) -> impl Iterator<Item = Value> {
    [constant.clone()].into_iter().chain(after(constant))
}

/// The places where a line must be cut for a test of membership.
pub(super) fn cuts_among(members: &Members) -> impl Iterator<Item = Value> {
    spans(members).into_iter().flat_map(|(start, end)| [start].into_iter().chain(end))
}

/// Members as spans of values, each from its first to before its second; without an end, up to the last value there is.
fn spans(members: &Members) -> Vec<(Value, Option<Value>)> {
    let one = |value: Value| {
        let end = after(&value);
        (value, end)
    };
    match members {
        Members::Ints(ints) => ints.iter().map(|int| one(Value::Int(*int))).collect(),
        Members::Nets(nets) => {
            nets.iter().map(|net| (Value::Ip(net.network()), after(&Value::Ip(net.broadcast())))).collect()
        }
        Members::Spans(spans) => {
            spans.iter().map(|(start, end)| (Value::Time(*start), Some(Value::Time(*end)))).collect()
        }
        // These have no line.
        Members::Texts(_) | Members::Tiers(_) => Vec::new(),
    }
}

/// The next value.
pub(super) fn after(value: &Value) -> Option<Value> {
    match value {
        Value::Int(int) => int.checked_add(1).map(Value::Int),
        Value::Tier(tier) => tier.0.checked_add(1).map(|rank| Value::Tier(Tier(rank))),
        Value::Time(time) => time.checked_add_signed(TimeDelta::nanoseconds(1)).map(Value::Time),
        Value::Ip(IpAddr::V4(ip)) => Some(Value::Ip(match u32::from(*ip).checked_add(1) {
            Some(next) => Ipv4Addr::from(next).into(),
            // All IPv4 addresses stand before those of IPv6.
            None => Ipv6Addr::UNSPECIFIED.into(),
        })),
        Value::Ip(IpAddr::V6(ip)) => u128::from(*ip).checked_add(1).map(|next| Value::Ip(Ipv6Addr::from(next).into())),
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Texts(_) | Value::Roles(_) => None,
    }
}

/// The value before.
fn before(value: &Value) -> Option<Value> {
    match value {
        Value::Int(int) => int.checked_sub(1).map(Value::Int),
        Value::Tier(tier) => tier.0.checked_sub(1).map(|rank| Value::Tier(Tier(rank))),
        Value::Time(time) => time.checked_sub_signed(TimeDelta::nanoseconds(1)).map(Value::Time),
        Value::Ip(IpAddr::V4(ip)) => u32::from(*ip).checked_sub(1).map(|last| Value::Ip(Ipv4Addr::from(last).into())),
        Value::Ip(IpAddr::V6(ip)) => Some(Value::Ip(match u128::from(*ip).checked_sub(1) {
            Some(last) => Ipv6Addr::from(last).into(),
            None => Ipv4Addr::BROADCAST.into(),
        })),
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Texts(_) | Value::Roles(_) => None,
    }
}

/// The IPv4 addresses in IPv6 form: no address is one of these, since each *is* the IPv4 address. The line of addresses is
/// cut at both ends.
pub(super) fn mapped() -> [Value; 2] {
    [0xffff_0000_0000_u128, 0x1_0000_0000_0000_u128].map(|ip| Value::Ip(Ipv6Addr::from(ip).into()))
}

/// All addresses, from first to last.
pub(super) fn addresses() -> (Value, Value) {
    (Value::Ip(Ipv4Addr::UNSPECIFIED.into()), Value::Ip(Ipv6Addr::from(u128::MAX).into()))
}

/// All instants that a request can give: RFC 3339 writes years with four digits, on clocks up to a day off.
pub(super) fn instants() -> (Value, Value) {
    const FIRST: i64 = -62_167_219_200 - CLOCKS;
    const LAST: i64 = 253_402_300_799 + CLOCKS;
    /// 23:59
    const CLOCKS: i64 = 86_340;
    let at = |seconds, nanos, end| Value::Time(DateTime::from_timestamp(seconds, nanos).unwrap_or(end));
    (at(FIRST, 0, DateTime::<Utc>::MIN_UTC), at(LAST, 999_999_999, DateTime::<Utc>::MAX_UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_instant_can_be_written() {
        let (first, last) = instants();
        assert_eq!(first, Value::Time("0000-01-01T00:00:00+23:59".parse().unwrap()));
        assert_eq!(last, Value::Time("9999-12-31T23:59:59.999999999-23:59".parse().unwrap()));
    }

    #[test]
    fn a_line_is_cut_where_tests_change() {
        let cuts = [3, 4, 7, 99].map(Value::Int).into();
        let line = Line::new(Value::Int(0), Value::Int(10), &cuts);
        let int = |range: (Value, Value)| (range.0.as_int().unwrap(), range.1.as_int().unwrap());
        assert_eq!(line.ranges().map(int).collect::<Vec<_>>(), [(0, 2), (3, 3), (4, 6), (7, 10)]);
        assert_eq!(line.comparing(Cmp::Eq, &Value::Int(3)), [(1, 2)]);
        assert_eq!(line.comparing(Cmp::Ne, &Value::Int(3)), [(0, 1), (2, 4)]);
        assert_eq!(line.comparing(Cmp::Lt, &Value::Int(7)), [(0, 3)]);
        assert_eq!(line.comparing(Cmp::Gt, &Value::Int(99)), [(4, 4)]);
        assert_eq!(line.comparing(Cmp::Le, &Value::Int(i64::MAX)), [(0, 4), (4, 4)]);
    }

    #[test]
    fn addresses_of_both_kinds_are_one_line() {
        let [v4, v6] = ["255.255.255.255", "::"].map(|ip| Value::Ip(ip.parse().unwrap()));
        assert_eq!((after(&v4), before(&v6)), (Some(v6), Some(v4)));
        assert_eq!(mapped().map(|ip| ip.to_string()), ["::ffff:0.0.0.0", "::1:0:0:0"]);
    }
}
