//! What a path or a constant means where it stands: attributes by their paths, constants by the type that is expected.

use super::{
    names::{nearest, suggestion},
    recent::Recents,
    resolve::{Names, Space},
    vocabulary::{AttrId, Attribute, Owner, Type, Vocabulary},
};
use crate::{
    ast::{Literal, LiteralKind, Name, Path},
    report::{Code, Diagnostic, codes},
    source::{Sources, Span},
    value::{HeldRole, Value, canonical_ip},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Named windows and conditions, lowered once for all files.
#[derive(Default)]
pub(super) struct Defined {
    pub(super) windows: BTreeMap<Arc<str>, Arc<super::ir::Window>>,
    pub(super) conditions: BTreeMap<Arc<str>, super::ir::Cond>,
}

/// Names that rules make use of.
#[derive(Default)]
pub(super) struct Used {
    pub(super) names: BTreeSet<(Space, Arc<str>)>,
    pub(super) attributes: BTreeSet<AttrId>,
    /// Whether a rule speaks of `any` action.
    pub(super) any_action: bool,
    /// Whether a rule compares the roles with what the resource says.
    pub(super) any_role: bool,
}

impl Used {
    pub(super) fn merge(&mut self, other: Self) {
        self.names.extend(other.names);
        self.attributes.extend(other.attributes);
        self.any_action |= other.any_action;
        self.any_role |= other.any_role;
    }
}

/// What the lowering of a part of the set reads, and what it finds on the way.
pub(super) struct Checker<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) names: &'a Names,
    pub(super) defined: &'a Defined,
    pub(super) sources: &'a Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) used: Used,
    /// Rules that tests name.
    pub(super) wanted_rules: Vec<Name>,
    /// Duties that tests name.
    pub(super) wanted_duties: Vec<Name>,
    pub(super) recent: Recents<'a>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        vocabulary: &'a Vocabulary,
        names: &'a Names,
        defined: &'a Defined,
        sources: &'a Sources,
    ) -> Self {
        Self {
            vocabulary,
            names,
            defined,
            sources,
            diagnostics: Vec::new(),
            used: Used::default(),
            wanted_rules: Vec::new(),
            wanted_duties: Vec::new(),
            recent: Recents::default(),
        }
    }

    /// Reports an error; gives nothing, so that it can stand where a value was wanted.
    pub(super) fn error<T>(&mut self, code: Code, at: Span, message: String, help: Option<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::new(code, at, message).maybe_help(help));
        None
    }

    pub(super) fn use_name(&mut self, space: Space, name: &Arc<str>) {
        let used = (space, name.clone());
        if !self.used.names.contains(&used) {
            self.used.names.insert(used);
        }
    }

    /// The row of an attribute.
    pub(super) fn row(&self, attr: AttrId) -> &'a Attribute {
        &self.vocabulary.attributes[attr]
    }

    /// The attribute of a path, without a word if there is none.
    pub(super) fn find(&self, path: &str) -> Option<AttrId> {
        let (owner, name) = split(self.vocabulary, path).ok()?;
        self.vocabulary.attribute(owner, name)
    }

    /// The attribute of a path.
    pub(super) fn attribute(&mut self, path: &Path) -> Option<AttrId> {
        match find_attribute(self.vocabulary, self.names, path) {
            Ok(attr) => {
                self.used.attributes.insert(attr);
                Some(attr)
            }
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                None
            }
        }
    }

    /// The value of a constant where a type is expected.
    pub(super) fn literal(&mut self, literal: &Literal, ty: &Type) -> Option<Value> {
        typed(self.vocabulary, self.names, literal, ty, &mut self.diagnostics)
    }

    /// The value of a bare name opposite a type that has constants.
    pub(super) fn constant(&mut self, name: &str, at: Span, ty: &Type) -> Option<Value> {
        constant(self.vocabulary, name, at, ty).map_err(|diagnostic| self.diagnostics.push(diagnostic)).ok()
    }
}

/// Whether bare names opposite this type are its constants.
pub(super) const fn has_constants(ty: &Type) -> bool {
    matches!(ty, Type::Tier | Type::OneOf(_) | Type::Kind | Type::Action)
}

/// A path's owner and its name there. A path that begins with a kind (but `model`) gives that kind.
pub(super) fn split<'p>(vocabulary: &Vocabulary, path: &'p str) -> Result<(Owner, &'p str), &'p str> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match first {
        "principal" if !rest.is_empty() => Ok((Owner::Principal, rest)),
        "resource" | "model" if !rest.is_empty() => Ok((Owner::Resource, rest)),
        "action" if !rest.is_empty() => Ok((Owner::Action, rest)),
        "context" if !rest.is_empty() => Ok((Owner::Context, rest)),
        "principal" | "resource" | "action" | "context" => Err(first),
        "tier" | "org" | "roles" if rest.is_empty() => Ok((Owner::Principal, first)),
        _ if vocabulary.principal_kinds.contains(first) || vocabulary.resource_kinds.contains(first) => Err(first),
        _ => Ok((Owner::Context, path)),
    }
}

/// The attribute of a path.
pub(super) fn find_attribute(vocabulary: &Vocabulary, names: &Names, path: &Path) -> Result<AttrId, Box<Diagnostic>> {
    let unknown = |help: Option<String>| {
        let message = format!("unknown attribute `{}`", path.text);
        Box::new(Diagnostic::new(codes::UNKNOWN_ATTRIBUTE, path.at.0, message).maybe_help(help))
    };
    let (owner, name) = split(vocabulary, &path.text).map_err(|kind| {
        let rest = path.text.get(kind.len().saturating_add(1)..).unwrap_or("id");
        let owner = if vocabulary.principal_kinds.contains(kind) { "principal" } else { "resource" };
        unknown(Some(match kind {
            "context" => "name one of its attributes, as in `context.ip`".to_owned(),
            "action" => "name one of its attributes, as in `action.name`".to_owned(),
            "principal" | "resource" | "model" => format!("name one of its attributes, as in `{kind}.id`"),
            _ => format!("paths do not begin with a kind; write `{owner}.{rest}`"),
        }))
    })?;
    vocabulary.attribute(owner, name).ok_or_else(|| {
        if let Some(definition) = definition(names, path) {
            return Box::new(definition);
        }
        let known = vocabulary.attributes.iter().map(|attribute| &*attribute.path);
        let declare = format!("declare it: `attribute {}: …;`", owner.path(name));
        let near = if owner == Owner::Context {
            let bare = names.places.keys().filter(|(space, _)| *space == Space::Bare).map(|(_, name)| &**name);
            nearest(name, known.clone().chain(bare)).map(str::to_owned)
        } else {
            let of_owner =
                known.clone().filter_map(|path| path.strip_prefix(owner.word()).and_then(|p| p.strip_prefix('.')));
            let written = path.text.split('.').next().unwrap_or_default();
            nearest(name, of_owner).map(|near| format!("{written}.{near}"))
        };
        // Else the same name, where it is one of the context's or was meant to be one.
        let last = path.text.rsplit('.').next();
        let same = |row: &&Attribute| {
            (owner == Owner::Context || row.owner == Owner::Context) && row.path.rsplit('.').next() == last
        };
        let near = near.or_else(|| vocabulary.attributes.iter().find(same).map(|row| row.path.to_string()));
        unknown(Some(near.map_or(declare, |near| format!("did you mean `{near}`?"))))
    })
}

/// The error that a named set, window or condition stands where an attribute is expected.
fn definition(names: &Names, path: &Path) -> Option<Diagnostic> {
    let name = &path.text;
    let (what, help) = if names.conditions.contains(name) {
        ("condition", format!("it holds or not: write `{name}` or `not {name}`"))
    } else if names.sets.contains_key(name) {
        ("set", format!("say what is in it: `ip in {name}`"))
    } else if names.windows.contains(name) {
        ("window", format!("say what is in it: `time in {name}`"))
    } else {
        return None;
    };
    let message = format!("expected an attribute, found the {what} `{name}`");
    Some(Diagnostic::new(codes::TYPE_MISMATCH, path.at.0, message).help(help))
}

/// The value of a bare name opposite a type that has constants.
pub(super) fn constant(vocabulary: &Vocabulary, name: &str, at: Span, ty: &Type) -> Result<Value, Diagnostic> {
    let unknown = |code: Code, what: &str, help: Option<String>| {
        Err(Diagnostic::new(code, at, format!("unknown {what} `{name}`")).maybe_help(help))
    };
    match ty {
        Type::Tier if vocabulary.tiers.is_empty() => {
            let help = "declare the order: `tiers anonymous < seed;`".to_owned();
            unknown(codes::UNKNOWN_CONSTANT, "tier", Some(help))
        }
        Type::Tier => match vocabulary.tier(name) {
            Some(tier) => Ok(Value::Tier(tier)),
            None => {
                let help = suggestion(name, vocabulary.tiers.iter().map(|tier| &**tier));
                unknown(codes::UNKNOWN_CONSTANT, "tier", help)
            }
        },
        Type::OneOf(constants) => match constants.iter().find(|constant| &***constant == name) {
            Some(constant) => Ok(Value::Text(constant.clone())),
            None => {
                let help = suggestion(name, constants.iter().map(|constant| &**constant));
                unknown(codes::UNKNOWN_CONSTANT, "constant", help)
            }
        },
        Type::Kind => {
            let mut known = vocabulary.principal_kinds.iter().chain(&vocabulary.resource_kinds).map(|kind| &**kind);
            if known.clone().any(|kind| kind == name) {
                Ok(Value::text(name))
            } else {
                unknown(codes::UNKNOWN_KIND, "kind", suggestion(name, &mut known))
            }
        }
        Type::Action => {
            if vocabulary.action_ids.contains_key(name) {
                Ok(Value::text(name))
            } else {
                let help = suggestion(name, vocabulary.actions.iter().map(|action| &**action));
                unknown(codes::UNKNOWN_ACTION, "action", help)
            }
        }
        Type::Bool | Type::Int(..) | Type::Text | Type::Ip | Type::Time | Type::Texts | Type::Roles => {
            let message = format!("expected {}, found `{name}`", ty.words());
            Err(Diagnostic::new(codes::TYPE_MISMATCH, at, message).maybe_help(text_help(ty, name)))
        }
    }
}

fn text_help(ty: &Type, name: &str) -> Option<String> {
    match ty {
        Type::Text => Some(format!("texts are written in quotes: `\"{name}\"`")),
        Type::Texts | Type::Roles => Some(format!("write a list: `[{name}]`")),
        Type::Bool
        | Type::Int(..)
        | Type::Ip
        | Type::Time
        | Type::Tier
        | Type::OneOf(_)
        | Type::Kind
        | Type::Action => None,
    }
}

/// The value of a constant where a type is expected.
pub(super) fn typed(
    vocabulary: &Vocabulary,
    names: &Names,
    literal: &Literal,
    ty: &Type,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let at = literal.at.0;
    let found = match (&literal.kind, ty) {
        (LiteralKind::Ident(name), _) => constant(vocabulary, name, at, ty),
        // Kinds and actions may be written either way.
        (LiteralKind::Text(text), Type::Action | Type::Kind) => constant(vocabulary, text, at, ty),
        (LiteralKind::Text(text), Type::Text) => Ok(Value::Text(text.clone())),
        (LiteralKind::Text(text), Type::Tier | Type::OneOf(_)) => {
            let message = format!("expected {}, found the text {}", ty.words(), quoted(text));
            let help = match constant(vocabulary, text, at, ty) {
                Ok(_) => Some(format!("constants are written without quotes: `{text}`")),
                Err(diagnostic) => diagnostic.help_text().map(str::to_owned),
            };
            Err(Diagnostic::new(codes::CONSTANT_AS_TEXT, at, message).maybe_help(help))
        }
        (LiteralKind::Int(int), Type::Int(min, max)) if (*min..=*max).contains(&int.value) => Ok(Value::Int(int.value)),
        (LiteralKind::Int(int), Type::Int(..)) => {
            let message = format!("expected {}, found {}", ty.words(), int.value);
            Err(Diagnostic::new(codes::OUT_OF_RANGE, at, message))
        }
        (LiteralKind::Bool(value), Type::Bool) => Ok(Value::Bool(*value)),
        (LiteralKind::Ip(ip), Type::Ip) => Ok(Value::Ip(canonical_ip(*ip))),
        (LiteralKind::Instant(instant), Type::Time) => Ok(Value::Time(instant.to_utc())),
        (LiteralKind::List(members), Type::Texts) => return texts(members, diagnostics).map(Value::Texts),
        (LiteralKind::List(members), Type::Roles) => {
            return roles(vocabulary, names, members, diagnostics).map(Value::Roles);
        }
        _ => Err(mismatch(literal, ty)),
    };
    found.map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
}

fn mismatch(literal: &Literal, ty: &Type) -> Diagnostic {
    let message = format!("expected {}, found {}", ty.words(), kind_words(&literal.kind));
    let help = match (&literal.kind, ty) {
        (LiteralKind::Cidr(_), Type::Ip) => Some("an address is in a block: write `in […]`".to_owned()),
        (LiteralKind::Text(text), Type::Texts | Type::Roles) => Some(format!("write a list: `[\"{text}\"]`")),
        (LiteralKind::Text(text), _) if is_written(text, ty) => Some(format!("write it without quotes: `{text}`")),
        (LiteralKind::Date(date), Type::Time) => Some(format!("write an instant such as `{date}T00:00:00Z`")),
        (LiteralKind::List(_), Type::Text) => Some("to test for one of several values, write `in […]`".to_owned()),
        _ => None,
    };
    Diagnostic::new(codes::TYPE_MISMATCH, literal.at.0, message).maybe_help(help)
}

/// Whether a text is how a value of the type is written.
fn is_written(text: &str, ty: &Type) -> bool {
    match ty {
        Type::Int(..) => text.parse::<i64>().is_ok(),
        Type::Bool => text.parse::<bool>().is_ok(),
        Type::Ip => text.parse::<std::net::IpAddr>().is_ok(),
        Type::Time => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        Type::Text | Type::Tier | Type::Texts | Type::OneOf(_) | Type::Kind | Type::Action | Type::Roles => false,
    }
}

/// A list of texts. Bare names are texts in a list: they can be nothing else there.
pub(super) fn texts(members: &[Literal], diagnostics: &mut Vec<Diagnostic>) -> Option<BTreeSet<Arc<str>>> {
    let mut found = BTreeSet::new();
    let mut complete = true;
    for member in members {
        if let LiteralKind::Text(text) | LiteralKind::Ident(text) = &member.kind {
            found.insert(text.clone());
        } else {
            complete = false;
            diagnostics.push(mismatch(member, &Type::Text));
        }
    }
    complete.then_some(found)
}

fn roles(
    vocabulary: &Vocabulary,
    names: &Names,
    members: &[Literal],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<BTreeSet<HeldRole>> {
    let mut found = BTreeSet::new();
    let mut complete = true;
    for member in members {
        let (role, at, org) = match &member.kind {
            LiteralKind::Text(role) | LiteralKind::Ident(role) => (role, member.at.0, None),
            LiteralKind::Held { role, org } => (&role.text, role.at.0, Some(org.text.clone())),
            LiteralKind::Int(_)
            | LiteralKind::Bool(_)
            | LiteralKind::Ip(_)
            | LiteralKind::Cidr(_)
            | LiteralKind::Instant(_)
            | LiteralKind::Date(_)
            | LiteralKind::Duration(_)
            | LiteralKind::List(_) => {
                complete = false;
                let message = format!("expected a role, found {}", kind_words(&member.kind));
                diagnostics.push(Diagnostic::new(codes::TYPE_MISMATCH, member.at.0, message));
                continue;
            }
        };
        if !names.open_roles && !vocabulary.role_ids.contains_key(role) {
            complete = false;
            diagnostics.push(unknown_role(vocabulary, &Name { text: role.clone(), at: crate::ast::At(at) }));
        }
        found.insert(HeldRole { role: role.clone(), org });
    }
    complete.then_some(found)
}

/// The error that a role is not known.
pub(super) fn unknown_role(vocabulary: &Vocabulary, name: &Name) -> Diagnostic {
    let help = suggestion(&name.text, vocabulary.roles.iter().map(|role| &*role.name));
    Diagnostic::new(codes::UNKNOWN_ROLE, name.at.0, format!("unknown role `{}`", name.text)).maybe_help(help)
}

/// A text in quotes and backticks, as messages show it.
pub(super) fn quoted(text: &str) -> String {
    format!("`\"{text}\"`")
}

/// What a constant is, in words.
pub(super) const fn kind_words(kind: &LiteralKind) -> &'static str {
    match kind {
        LiteralKind::Text(_) => "a text",
        LiteralKind::Int(_) => "a whole number",
        LiteralKind::Bool(_) => "`true` or `false`",
        LiteralKind::Ip(_) => "an address",
        LiteralKind::Cidr(_) => "an address block",
        LiteralKind::Instant(_) => "an instant",
        LiteralKind::Date(_) => "a date",
        LiteralKind::Duration(_) => "a duration",
        LiteralKind::Ident(_) => "a name",
        LiteralKind::List(_) => "a list",
        LiteralKind::Held { .. } => "a role in an organisation",
    }
}
