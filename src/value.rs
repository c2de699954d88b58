//! The values that policies and requests speak of.

use chrono::{DateTime, SecondsFormat, Utc};
use std::{cmp::Ordering, collections::BTreeSet, fmt, net::IpAddr, sync::Arc};

/// An operator of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cmp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Cmp {
    /// All operators, in the order of the language reference.
    pub const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge];

    /// How it is written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// Whether it holds between two things that stand in this order.
    #[must_use]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }

    /// The operator that says the same with its sides exchanged.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Eq | Self::Ne => self,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }
}

impl fmt::Display for Cmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

/// A tier's place in the order of tiers; 0 is the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tier(pub u16);

/// A role that a principal holds: everywhere, or in one organisation only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldRole {
    /// The role's name.
    pub role: Arc<str>,
    /// The organisation that it is held in; `None` holds everywhere.
    pub org: Option<Arc<str>>,
}

/// A known value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Known to have no value; for a set, the empty set.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text, an enumeration's constant, a kind or an action.
    Text(Arc<str>),
    /// An address; never an IPv4 address in IPv6 form.
    Ip(IpAddr),
    /// An instant.
    Time(DateTime<Utc>),
    /// A tier.
    Tier(Tier),
    /// A set of texts.
    Texts(BTreeSet<Arc<str>>),
    /// The roles a principal holds as the request gave them, before inheritance.
    Roles(BTreeSet<HeldRole>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_text(&self) -> Option<&Arc<str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        if let Self::Int(int) = self { Some(*int) } else { None }
    }

    /// The address, if it is one.
    #[must_use]
    pub const fn as_ip(&self) -> Option<IpAddr> {
        if let Self::Ip(ip) = self { Some(*ip) } else { None }
    }

    /// The instant, if it is one.
    #[must_use]
    pub const fn as_time(&self) -> Option<DateTime<Utc>> {
        if let Self::Time(time) = self { Some(*time) } else { None }
    }

    /// The texts of a set, if it is one of texts.
    #[must_use]
    pub const fn as_texts(&self) -> Option<&BTreeSet<Arc<str>>> {
        if let Self::Texts(texts) = self { Some(texts) } else { None }
    }

    /// The roles, if it is a set of roles.
    #[must_use]
    pub const fn as_roles(&self) -> Option<&BTreeSet<HeldRole>> {
        if let Self::Roles(roles) = self { Some(roles) } else { None }
    }
}

/// As the language writes it; a tier by its rank, since its name is the vocabulary's.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, members: &mut dyn Iterator<Item = String>| {
            write!(f, "[{}]", members.collect::<Vec<_>>().join(", "))
        };
        match self {
            Self::None => f.write_str("none"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Time(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Tier(tier) => write!(f, "tier {}", tier.0),
            Self::Texts(texts) => list(f, &mut texts.iter().map(|text| format!("{text:?}"))),
            Self::Roles(roles) => list(
                f,
                &mut roles.iter().map(|held| match &held.org {
                    None => held.role.to_string(),
                    Some(org) => format!("{}@{org:?}", held.role),
                }),
            ),
        }
    }
}

/// The one form of an address: an IPv4 address in IPv6 form (`::ffff:a.b.c.d`) is the IPv4 address.
#[must_use]
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// Monday
    Mon,
    /// Tuesday
    Tue,
    /// Wednesday
    Wed,
    /// Thursday
    Thu,
    /// Friday
    Fri,
    /// Saturday
    Sat,
    /// Sunday
    Sun,
}

impl Weekday {
    /// All days, Monday first.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// How it is written: `mon`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }

    /// 0 for Monday to 6 for Sunday.
    #[must_use]
    pub const fn index(self) -> u8 {
        self as u8
    }
}

/// A span of calendar time that a limit can start anew with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// From one full hour to the next.
    Hour,
    /// From one midnight to the next.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first of a month to the first of the next.
    Month,
}

impl Calendar {
    /// All, shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// How it is written: `hour`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// About how many seconds one is long: where clocks are changed a day is longer or shorter, and months differ.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
        }
    }
}

/// What a limit counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKey {
    /// Each principal has a counter; `anonymous` has one for each address.
    Principal,
    /// Each organisation has a counter.
    Org,
    /// Each address has a counter (each /64 of IPv6).
    Ip,
    /// Each resource has a counter.
    Resource,
    /// One counter for all.
    Everyone,
}

impl LimitKey {
    /// All, in the order of the language reference.
    pub const ALL: [Self; 5] = [Self::Principal, Self::Org, Self::Ip, Self::Resource, Self::Everyone];

    /// How it is written: `principal`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Org => "org",
            Self::Ip => "ip",
            Self::Resource => "resource",
            Self::Everyone => "everyone",
        }
    }
}

/// How a gate is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateMode {
    /// On request, at once.
    Auto,
    /// On request, by a reviewer.
    Manual,
}

impl GateMode {
    /// How it is written: `auto`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}
