//! The words that random policy sets and requests are made of: few, so that rules and requests meet.

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Text,
    Ip,
    Time,
    Tier,
    Set,
    Stage,
}

/// An attribute that the vocabulary declares.
pub(crate) struct Attribute {
    /// Its path as the language writes it.
    pub(crate) path: &'static str,
    pub(crate) ty: Type,
}

impl Attribute {
    pub(crate) fn is_resource(&self) -> bool {
        self.path.starts_with("model.")
    }
}

const fn attribute(path: &'static str, ty: Type) -> Attribute {
    Attribute { path, ty }
}

/// The declared attributes. Each type stands on both sides of a comparison.
pub(crate) const DECLARED: [Attribute; 29] = [
    attribute("principal.verified", Type::Bool),
    attribute("principal.rank", Type::Int),
    attribute("principal.country", Type::Text),
    attribute("principal.home", Type::Ip),
    attribute("principal.since", Type::Time),
    attribute("principal.most", Type::Tier),
    attribute("principal.teams", Type::Set),
    attribute("principal.stage", Type::Stage),
    attribute("mfa", Type::Bool),
    attribute("risk", Type::Int),
    attribute("country", Type::Text),
    attribute("peer", Type::Ip),
    attribute("signed", Type::Time),
    attribute("context.level", Type::Tier),
    attribute("scopes", Type::Set),
    attribute("context.phase", Type::Stage),
    attribute("device.trusted", Type::Bool),
    attribute("device.age", Type::Int),
    attribute("action.soft", Type::Bool),
    attribute("action.note", Type::Text),
    attribute("tokens", Type::Int),
    attribute("model.open", Type::Bool),
    attribute("model.rank", Type::Int),
    attribute("model.country", Type::Text),
    attribute("model.host", Type::Ip),
    attribute("model.released", Type::Time),
    attribute("model.least", Type::Tier),
    attribute("model.teams", Type::Set),
    attribute("model.stage", Type::Stage),
];

/// The built-in attributes that have a type which others have too.
pub(crate) const BUILT_IN: [Attribute; 9] = [
    attribute("principal.org", Type::Text),
    attribute("tier", Type::Tier),
    attribute("principal.granted", Type::Bool),
    attribute("model.org", Type::Text),
    attribute("model.tier", Type::Tier),
    attribute("model.tags", Type::Set),
    attribute("ip", Type::Ip),
    attribute("time", Type::Time),
    attribute("degraded", Type::Bool),
];

/// The constants of a type, as the language writes them.
pub(crate) const fn constants(ty: Type) -> &'static [&'static str] {
    match ty {
        Type::Bool => &["true", "false"],
        Type::Int => &["0", "1", "50", "99", "100"],
        Type::Text => &["\"DE\"", "\"FR\"", "\"alpha\"", "\"beta\"", "\"\""],
        Type::Ip => &["10.0.0.1", "192.168.1.7", "2001:db8::1", "203.0.113.9"],
        Type::Time => &[
            "2025-10-26T00:30:00Z",
            "2025-12-25T09:00:00+01:00",
            "2025-12-31T23:59:59Z",
            "2026-01-01T00:00:00.5Z",
            "2026-03-29T01:00:00Z",
        ],
        Type::Tier => &TIERS,
        Type::Set => &["[]", "[red]", "[red, blue]", "[risk]", "[chat, risk]", "[admin]"],
        Type::Stage => &["dev", "beta", "live"],
    }
}

/// The values of a type that requests give: the constants, and what stands next to them. Sets are written with spaces.
pub(crate) const fn values(ty: Type) -> &'static [&'static str] {
    match ty {
        Type::Bool => &["true", "false"],
        Type::Int => &["0", "1", "2", "49", "50", "51", "99", "100"],
        Type::Text => &["DE", "FR", "alpha", "beta", "", "de", "D*"],
        Type::Ip => &[
            "10.0.0.1",
            "9.255.255.255",
            "10.255.255.255",
            "11.0.0.0",
            "192.168.1.7",
            "203.0.113.9",
            "2001:db8::1",
            "2001:db8:0:1::2",
            "::1",
        ],
        Type::Time => &[
            "2025-10-26T00:30:00Z",
            "2025-10-26T01:30:00Z",
            "2025-12-25T08:00:00Z",
            "2025-12-25T07:59:59.999Z",
            "2025-12-24T23:00:00Z",
            "2025-12-24T22:59:59Z",
            "2025-12-31T23:59:59Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T23:00Z",
            "2026-03-29T00:59:59Z",
            "2026-03-29T01:00:00Z",
            "2026-07-04T16:00:00Z",
            "2026-07-06T12:00:00+09:00",
        ],
        Type::Tier => &TIERS,
        Type::Set => &["", "red", "blue", "red blue", "risk", "chat", "chat risk", "admin red"],
        Type::Stage => &["dev", "beta", "live"],
    }
}

pub(crate) const TIERS: [&str; 4] = ["seed", "flower", "fruit", "whale"];
pub(crate) const ROLES: [&str; 4] = ["viewer", "editor", "admin", "auditor"];
pub(crate) const ACTIONS: [&str; 4] = ["view", "infer", "train", "download"];
pub(crate) const GROUPS: [&str; 2] = ["writing", "most"];
pub(crate) const TAGS: [&str; 3] = ["risk", "chat", "red"];
pub(crate) const ORGS: [&str; 2] = ["alpha", "beta"];
pub(crate) const TEAMS: [&str; 5] = ["red", "blue", "risk", "chat", "admin"];
pub(crate) const ZONES: [&str; 5] = ["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Africa/Cairo", "UTC"];
pub(crate) const DATES: [&str; 4] = ["2025-10-26", "2025-12-25", "2026-01-01", "2026-03-29"];
pub(crate) const BLOCKS: [&str; 6] =
    ["10.0.0.0/8", "192.168.1.0/24", "2001:db8::/64", "::/0", "0.0.0.0/0", "::ffff:10.0.0.0/105"];
pub(crate) const DURATIONS: [&str; 5] = ["1s", "30m", "1h", "24h", "7d"];
pub(crate) const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
pub(crate) const GLOBS: [&str; 6] = ["*", "D*", "?E", "alpha", "*a", "\\\\*"];
