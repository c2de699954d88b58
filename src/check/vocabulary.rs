//! What the names of a policy set stand for: the part of the meaning that requests need too.

use super::entity::Entities;
use crate::{
    ids::{IdVec, ids},
    request::Input,
    source::Span,
    value::{HeldRole, Tier, Value, canonical_ip},
    zone::Zone,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

ids! {
    /// An attribute.
    AttrId,
    /// An action.
    ActionId,
    /// A role.
    RoleId,
    /// A declared principal or resource.
    EntityId,
}

/// The built-in attributes, at fixed places of [`Vocabulary::attributes`].
pub mod builtin {
    use super::AttrId;

    /// `principal.kind`
    pub const PRINCIPAL_KIND: AttrId = AttrId(0);
    /// `principal.id`
    pub const PRINCIPAL_ID: AttrId = AttrId(1);
    /// `principal.roles`
    pub const PRINCIPAL_ROLES: AttrId = AttrId(2);
    /// `principal.org`
    pub const PRINCIPAL_ORG: AttrId = AttrId(3);
    /// `principal.tier`
    pub const PRINCIPAL_TIER: AttrId = AttrId(4);
    /// `principal.granted`
    pub const PRINCIPAL_GRANTED: AttrId = AttrId(5);
    /// `resource.kind`
    pub const RESOURCE_KIND: AttrId = AttrId(6);
    /// `resource.id`
    pub const RESOURCE_ID: AttrId = AttrId(7);
    /// `resource.org`
    pub const RESOURCE_ORG: AttrId = AttrId(8);
    /// `resource.tier`
    pub const RESOURCE_TIER: AttrId = AttrId(9);
    /// `resource.tags`
    pub const RESOURCE_TAGS: AttrId = AttrId(10);
    /// `action.name`
    pub const ACTION_NAME: AttrId = AttrId(11);
    /// `ip`
    pub const IP: AttrId = AttrId(12);
    /// `time`
    pub const TIME: AttrId = AttrId(13);
    /// `degraded`
    pub const DEGRADED: AttrId = AttrId(14);

    /// Those that a request always has, in places of their own: nothing else can give them.
    pub const ALWAYS_GIVEN: [AttrId; 5] = [PRINCIPAL_KIND, PRINCIPAL_ID, RESOURCE_KIND, RESOURCE_ID, ACTION_NAME];
}

/// What an attribute belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// `principal.x`
    Principal,
    /// `resource.x`, `model.x`
    Resource,
    /// `action.x`
    Action,
    /// `x`, `context.x`
    Context,
}

impl Owner {
    /// The first word of its paths; empty for the context.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Resource => "resource",
            Self::Action => "action",
            Self::Context => "",
        }
    }

    /// An attribute's path as the language writes it.
    #[must_use]
    pub fn path(self, name: &str) -> String {
        if self == Self::Context { name.to_owned() } else { format!("{}.{name}", self.word()) }
    }
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What it belongs to.
    pub owner: Owner,
    /// Its name without its owner; dots name nested members.
    pub name: Arc<str>,
    /// Its path as the language writes it.
    pub path: Arc<str>,
    /// Its type.
    pub ty: Type,
    /// Its value where a request has none; without it, unknown.
    pub default: Option<Value>,
    /// Whether a limit counts by it: then it is never negative.
    pub is_unit: bool,
    /// Where it was declared; none for the built-in ones.
    pub at: Option<Span>,
}

/// An attribute's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// Whole numbers from a smallest to a largest.
    Int(i64, i64),
    /// Texts.
    Text,
    /// Addresses.
    Ip,
    /// Instants.
    Time,
    /// Tiers.
    Tier,
    /// Sets of texts.
    Texts,
    /// Some constants, sorted.
    OneOf(Arc<[Arc<str>]>),
    /// A kind: built in or declared in a vocabulary, but in a request any text.
    Kind,
    /// An action.
    Action,
    /// The roles a principal holds.
    Roles,
}

impl Type {
    /// The type in words, as a message says it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Int(i64::MIN, i64::MAX) => "a whole number".to_owned(),
            Self::Int(min, max) => format!("a whole number from {min} to {max}"),
            Self::Text => "a text".to_owned(),
            Self::Ip => "an address".to_owned(),
            Self::Time => "an instant".to_owned(),
            Self::Tier => "a tier".to_owned(),
            Self::Texts => "a set of texts".to_owned(),
            Self::OneOf(constants) => {
                let names: Vec<String> = constants.iter().map(|name| format!("`{name}`")).collect();
                format!("one of {}", names.join(", "))
            }
            Self::Kind => "a kind".to_owned(),
            Self::Action => "an action".to_owned(),
            Self::Roles => "a set of roles".to_owned(),
        }
    }
}

/// A role with all that it includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: Arc<str>,
    /// Itself and all the roles it includes, sorted.
    pub closure: BTreeSet<RoleId>,
}

/// What the names of a policy set stand for.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// The zone of dates, windows and calendars that name none.
    pub zone: Zone,
    /// The tiers, lowest first.
    pub tiers: Vec<Arc<str>>,
    /// The actions.
    pub actions: IdVec<ActionId, Arc<str>>,
    /// The actions by name.
    pub action_ids: HashMap<Arc<str>, ActionId>,
    /// The roles.
    pub roles: IdVec<RoleId, Role>,
    /// The roles by name.
    pub role_ids: HashMap<Arc<str>, RoleId>,
    /// The kinds of principals.
    pub principal_kinds: BTreeSet<Arc<str>>,
    /// The kinds of resources.
    pub resource_kinds: BTreeSet<Arc<str>>,
    /// The attributes, the built-in ones first.
    pub attributes: IdVec<AttrId, Attribute>,
    /// The attributes by owner and name.
    pub attribute_ids: BTreeMap<Owner, HashMap<Arc<str>, AttrId>>,
    /// The declared principals.
    pub principals: Entities,
    /// The declared resources.
    pub resources: Entities,
}

/// The kinds of principals that need no declaration.
pub const PRINCIPAL_KINDS: [&str; 5] = ["user", "service", "key", "agent", "anonymous"];
/// The kinds of resources that need no declaration.
pub const RESOURCE_KINDS: [&str; 3] = ["model", "dataset", "space"];

impl Default for Vocabulary {
    fn default() -> Self {
        let mut vocabulary = Self {
            zone: Zone::utc(),
            tiers: Vec::new(),
            actions: IdVec::new(),
            action_ids: HashMap::new(),
            roles: IdVec::new(),
            role_ids: HashMap::new(),
            principal_kinds: PRINCIPAL_KINDS.into_iter().map(Arc::from).collect(),
            resource_kinds: RESOURCE_KINDS.into_iter().map(Arc::from).collect(),
            attributes: IdVec::new(),
            attribute_ids: BTreeMap::new(),
            principals: Entities::default(),
            resources: Entities::default(),
        };
        let no = Some(Value::Bool(false));
        let lowest = Some(Value::Tier(Tier(0)));
        // In the order of `builtin`.
        for (owner, name, ty, default) in [
            (Owner::Principal, "kind", Type::Kind, None),
            (Owner::Principal, "id", Type::Text, None),
            (Owner::Principal, "roles", Type::Roles, None),
            (Owner::Principal, "org", Type::Text, None),
            (Owner::Principal, "tier", Type::Tier, lowest),
            (Owner::Principal, "granted", Type::Bool, no.clone()),
            (Owner::Resource, "kind", Type::Kind, None),
            (Owner::Resource, "id", Type::Text, None),
            (Owner::Resource, "org", Type::Text, None),
            (Owner::Resource, "tier", Type::Tier, None),
            (Owner::Resource, "tags", Type::Texts, None),
            (Owner::Action, "name", Type::Action, None),
            (Owner::Context, "ip", Type::Ip, None),
            (Owner::Context, "time", Type::Time, None),
            (Owner::Context, "degraded", Type::Bool, no),
        ] {
            vocabulary.add_attribute(owner, name.into(), ty, default, None);
        }
        vocabulary
    }
}

impl Vocabulary {
    /// Adds an attribute that is not there yet.
    pub fn add_attribute(
        &mut self,
        owner: Owner,
        name: Arc<str>,
        ty: Type,
        default: Option<Value>,
        at: Option<Span>,
    ) -> AttrId {
        let path = owner.path(&name).into();
        let id = self.attributes.push(Attribute { owner, name: name.clone(), path, ty, default, is_unit: false, at });
        self.attribute_ids.entry(owner).or_default().insert(name, id);
        id
    }

    /// The attribute of an owner and a name.
    #[must_use]
    pub fn attribute(&self, owner: Owner, name: &str) -> Option<AttrId> {
        self.attribute_ids.get(&owner)?.get(name).copied()
    }

    /// The tier of a name.
    #[must_use]
    pub fn tier(&self, name: &str) -> Option<Tier> {
        let rank = self.tiers.iter().position(|tier| &**tier == name)?;
        u16::try_from(rank).ok().map(Tier)
    }

    /// A tier's name; empty where there are no tiers.
    #[must_use]
    pub fn tier_name(&self, tier: Tier) -> Arc<str> {
        self.tiers.get(usize::from(tier.0)).cloned().unwrap_or_default()
    }

    /// A value as a request gives it.
    #[must_use]
    pub fn input(&self, value: &Value) -> Input {
        let text = |text: &Arc<str>| Input::Text(text.to_string());
        match value {
            Value::None => Input::None,
            Value::Bool(value) => Input::Bool(*value),
            Value::Int(value) => Input::Int(*value),
            Value::Text(value) => text(value),
            Value::Ip(ip) => Input::Text(ip.to_string()),
            Value::Time(time) => Input::Text(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Value::Tier(tier) => text(&self.tier_name(*tier)),
            Value::Texts(texts) => Input::List(texts.iter().map(text).collect()),
            Value::Roles(roles) => Input::List(roles.iter().map(held_role).collect()),
        }
    }

    /// The value of a type that a text stands for, as requests and catalogs write it.
    ///
    /// # Errors
    /// What was expected instead, in words.
    pub fn read_text(&self, ty: &Type, text: &str) -> Result<Value, String> {
        let expected = || format!("expected {}, found `{text}`", ty.words());
        match ty {
            Type::Text | Type::Kind | Type::Action => Ok(Value::text(text)),
            Type::Ip => text.parse().map(|ip| Value::Ip(canonical_ip(ip))).map_err(|_| expected()),
            Type::Time => parse_instant(text)
                .map(Value::Time)
                .ok_or_else(|| format!("expected an instant such as `2025-12-31T23:59:59Z`, found `{text}`")),
            Type::Tier => self
                .tier(text)
                .map(Value::Tier)
                .ok_or_else(|| format!("expected a tier ({}), found `{text}`", self.tiers.join(" < "))),
            Type::OneOf(constants) => {
                constants.iter().find(|c| &***c == text).cloned().map(Value::Text).ok_or_else(expected)
            }
            Type::Bool | Type::Int(..) | Type::Texts | Type::Roles => Err(expected()),
        }
    }
}

/// A role as a request gives it: `"admin"`, or `{"role": "admin", "org": "alpha"}`.
fn held_role(held: &HeldRole) -> Input {
    let role = Input::Text(held.role.to_string());
    let Some(org) = &held.org else { return role };
    let org = Input::Text(org.to_string());
    Input::Object(BTreeMap::from([("role".to_owned(), role), ("org".to_owned(), org)]))
}

/// An instant as programs mostly write it, `2025-12-31T23:59:59Z`: read in less time.
fn parse_usual(text: &str) -> Option<DateTime<Utc>> {
    let (main, zone) = text.as_bytes().split_first_chunk()?;
    let [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n] = *main else { return None };
    let digits = [a, b, c, d, e, f, g, h, i, j, k, l, m, n];
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(zone, b"Z" | b"+00:00") {
        return None;
    }
    let two = |tens: u8, ones: u8| u32::from(tens & 15).wrapping_mul(10).wrapping_add(u32::from(ones & 15));
    let year = two(a, b).wrapping_mul(100).wrapping_add(two(c, d));
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), two(e, f), two(g, h))?;
    Some(date.and_hms_opt(two(i, j), two(k, l), two(m, n))?.and_utc())
}

/// An instant in RFC 3339 form, whose seconds may be missing.
#[must_use]
pub fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    if let Some(instant) = parse_usual(text) {
        return Some(instant);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    // `2025-12-31T23:59Z`: the same with the seconds put in.
    let (date, rest) = text.split_at_checked("2025-12-31T23:59".len())?;
    NaiveDateTime::parse_from_str(date, "%Y-%m-%dT%H:%M").ok()?;
    DateTime::parse_from_rfc3339(&format!("{date}:00{rest}")).ok().map(|instant| instant.to_utc())
}
