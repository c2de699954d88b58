//! Constants: values, durations, times of day.

use super::{At, Name};
use chrono::{DateTime, FixedOffset, NaiveDate};
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc};

/// A whole number as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// The number.
    pub value: i64,
    /// Whether its digits were grouped by `_`.
    pub grouped: bool,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Which.
    pub kind: LiteralKind,
    /// Where it stands.
    pub at: At,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiteralKind {
    /// `"text"`
    Text(Arc<str>),
    /// `1_000`
    Int(Int),
    /// `true`
    Bool(bool),
    /// `10.1.2.3`, as written (an IPv4 address in IPv6 form stays one here)
    Ip(IpAddr),
    /// `10.0.0.0/8`, as written (host bits are kept)
    Cidr(IpNet),
    /// `2025-12-31T23:59:59Z`, with its offset
    Instant(DateTime<FixedOffset>),
    /// `2025-12-31`
    Date(NaiveDate),
    /// `30s`
    Duration(Duration),
    /// `seed`: a constant of a tier, an enumeration, a role, a tag
    Ident(Arc<str>),
    /// `[a, "b"]`
    List(Vec<Literal>),
    /// `admin@"alpha"`
    Held {
        /// The role.
        role: Box<Name>,
        /// The organisation it is held in.
        org: Box<Name>,
    },
}

impl LiteralKind {
    /// The text or the bare name, if it is one.
    #[must_use]
    pub const fn as_word(&self) -> Option<&Arc<str>> {
        if let Self::Text(word) | Self::Ident(word) = self { Some(word) } else { None }
    }
}

/// A span of time as it was written: a whole number of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration {
    /// How many of the unit.
    pub amount: u32,
    /// The unit.
    pub unit: DurationUnit,
}

impl Duration {
    /// Its length in seconds; a day is 86,400 s.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.amount).saturating_mul(self.unit.seconds())
    }
}

/// A unit of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationUnit {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
}

impl DurationUnit {
    /// All units, shortest first.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// How it is written: `s`.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }
}

/// A value that an attribute is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// A constant.
    Literal(Literal),
    /// `none`: known to have no value.
    None(At),
    /// `unknown`; in tests only.
    Unknown(At),
}

/// A time of day, in minutes after midnight: 0 to 1440 (`24:00`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock(pub u16);
