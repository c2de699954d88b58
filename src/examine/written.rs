//! Requests and decisions written as the language writes tests.

use super::{permit::counted, text::one_line};
use crate::{
    ast::{self, print},
    check::{
        ir::{self, Rule},
        vocabulary::{Owner, Type, Vocabulary, builtin},
    },
    decision::{Decision, Effect},
    engine::Engine,
    eval::facts::{Facts, lookup},
    request::{Input, Request, insert},
    source::{FileId, Source},
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

/// A request as a test says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// What is assigned, by path, as it is written.
    pub(super) assigned: BTreeMap<String, String>,
    /// `infer on dataset "x"`
    pub(super) case: String,
}

impl Asked {
    /// A request, if a test can say it.
    pub(super) fn new(vocabulary: &Vocabulary, request: &Request) -> Option<Self> {
        let mut assigned = BTreeMap::new();
        let name = |text: &str| print::name(&ast::Name { text: text.into(), at: ast::At::default() });
        let principal = &request.principal;
        match (&*principal.kind, &principal.id) {
            ("", _) => {}
            ("anonymous", _) => drop(assigned.insert("principal".to_owned(), "anonymous".to_owned())),
            (kind, Some(id)) if vocabulary.principal_kinds.contains(kind) => {
                assigned.insert("principal".to_owned(), format!("{} {}", name(kind), print::string(id)));
            }
            _ => return None,
        }
        for (attr, row) in vocabulary.attributes.pairs() {
            if builtin::ALWAYS_GIVEN.contains(&attr) {
                continue;
            }
            let properties = match row.owner {
                Owner::Principal => &principal.properties,
                Owner::Resource => &request.resource.properties,
                Owner::Action => &request.action_properties,
                Owner::Context => &request.context,
            };
            if let Some(input) = lookup(properties, &row.name) {
                let short = [builtin::PRINCIPAL_ROLES, builtin::PRINCIPAL_ORG, builtin::PRINCIPAL_TIER].contains(&attr);
                let path = if short { &row.name } else { &row.path };
                assigned.insert(path.to_string(), literal(vocabulary, &row.ty, input)?);
            }
        }
        let kind = &*request.resource.kind;
        let kind = match kind {
            "model" => String::new(),
            kind if vocabulary.resource_kinds.contains(kind) => format!("{} ", name(kind)),
            _ => return None,
        };
        let case = format!("{} on {kind}{}", name(&request.action), print::string(&request.resource.id));
        Some(Self { assigned, case })
    }

    /// `principal = user "ann", tier = pro`
    pub(super) fn given(&self) -> String {
        written(self.assigned.iter())
    }

    /// The case where nothing is given.
    pub(super) fn case_alone(&self) -> String {
        if self.assigned.is_empty() { self.case.clone() } else { format!("{} with {}", self.case, self.given()) }
    }

    /// The case where something else is given: `infer on "x" with tier = pro`. None where something given is left out.
    pub(super) fn case_among(&self, given: &Self) -> Option<String> {
        if given.assigned.keys().any(|path| !self.assigned.contains_key(path)) {
            return None;
        }
        let other = self.assigned.iter().filter(|(path, value)| given.assigned.get(*path) != Some(*value));
        let other = written(other);
        Some(if other.is_empty() { self.case.clone() } else { format!("{} with {other}", self.case) })
    }
}

/// Assignments, who asks first.
fn written<'a>(assigned: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let (who, rest): (Vec<_>, Vec<_>) = assigned.partition(|(path, _)| *path == "principal");
    let each: Vec<String> = who.into_iter().chain(rest).map(|(path, value)| format!("{path} = {value}")).collect();
    each.join(", ")
}

/// A value as a test assigns it.
fn literal(vocabulary: &Vocabulary, ty: &Type, input: &Input) -> Option<String> {
    let word = |text: &str| print::name(&ast::Name { text: text.into(), at: ast::At::default() });
    Some(match (input, ty) {
        (Input::Unknown, _) => "unknown".to_owned(),
        (Input::None, _) => "none".to_owned(),
        (Input::Bool(value), _) => value.to_string(),
        (Input::Int(value), _) => value.to_string(),
        (Input::Text(text), Type::Ip) => text.parse::<IpAddr>().ok()?.to_string(),
        (Input::Text(text), Type::Time) => {
            let instant: DateTime<Utc> = DateTime::parse_from_rfc3339(text).ok()?.into();
            instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
        }
        (Input::Text(text), Type::Tier) if vocabulary.tier(text).is_some() => word(text),
        (Input::Text(text), Type::OneOf(_)) => word(text),
        (
            Input::Text(text),
            Type::Bool
            | Type::Int(..)
            | Type::Text
            | Type::Tier
            | Type::Texts
            | Type::Kind
            | Type::Action
            | Type::Roles,
        ) => print::string(text),
        (Input::List(members), Type::Roles) => list(members.iter().map(|member| role(vocabulary, member)))?,
        (
            Input::List(members),
            Type::Bool
            | Type::Int(..)
            | Type::Text
            | Type::Ip
            | Type::Time
            | Type::Tier
            | Type::Texts
            | Type::OneOf(_)
            | Type::Kind
            | Type::Action,
        ) => list(members.iter().map(|member| member.as_text().map(print::string)))?,
        (Input::Float(_) | Input::Object(_), _) => return None,
    })
}

fn list(members: impl Iterator<Item = Option<String>>) -> Option<String> {
    Some(format!("[{}]", members.collect::<Option<Vec<_>>>()?.join(", ")))
}

/// `editor`, `admin@"alpha"`
fn role(vocabulary: &Vocabulary, input: &Input) -> Option<String> {
    let name = |text: &str| {
        let known = vocabulary.role_ids.contains_key(text);
        if known { print::name(&ast::Name { text: text.into(), at: ast::At::default() }) } else { print::string(text) }
    };
    match input {
        Input::Text(text) => Some(name(text)),
        Input::Object(members) => match (members.get("role"), members.get("org")) {
            (Some(Input::Text(role)), Some(Input::Text(org))) => Some(format!("{}@{}", name(role), print::string(org))),
            (Some(Input::Text(role)), None) => Some(name(role)),
            _ => None,
        },
        Input::Unknown | Input::None | Input::Bool(_) | Input::Int(_) | Input::Float(_) | Input::List(_) => None,
    }
}

/// What a test expects where this comes out: `deny NO_RULE 403`, `allow by paying`. With `duties`, which ones come with
/// it, too.
pub(super) fn expectation(engine: &Engine, decision: &Decision, duties: bool) -> String {
    let mut text = match &decision.effect {
        Effect::Allow => "allow".to_owned(),
        Effect::Deny(denial) => format!("deny {} {}", denial.code, denial.status),
    };
    if let Some(rule) = &decision.rule
        && engine.ir().rules.iter().any(|known| known.label.as_ref() == Some(&rule.name))
    {
        let label = ast::Name { text: Arc::clone(&rule.name), at: ast::At::default() };
        text.push_str(&format!(" by {}", print::name(&label)));
    }
    if duties {
        let listed: Vec<String> = decision.obligations.iter().map(ToString::to_string).collect();
        let listed = if listed.is_empty() { "nothing".to_owned() } else { listed.join(", ") };
        text.push_str(&format!(" obliges {listed}"));
    }
    text
}

/// A request of which all is known that the limits count by that fire on it: they deny what they cannot count.
pub(super) fn countable(engine: &Engine, request: &Request) -> Request {
    let ir = engine.ir();
    let mut countable = request.clone();
    let (Ok(facts), Ok(verdict)) = (Facts::new(&ir.vocabulary, request, false), engine.verdict(request)) else {
        return countable;
    };
    let limits = verdict.limits.iter().filter_map(|id| ir.rules.find(*id));
    for rule in limits {
        let Rule { effect: ir::Effect::Limit(limit, _), .. } = rule else { continue };
        for attr in counted(limit, facts.anonymous).into_iter().filter(|attr| facts.get(*attr).is_none()) {
            let row = &ir.vocabulary.attributes[attr];
            let input = match row.ty {
                Type::Ip => Input::from("192.0.2.1"),
                Type::Int(least, _) => Input::Int(least.max(1)),
                Type::Bool
                | Type::Text
                | Type::Time
                | Type::Tier
                | Type::Texts
                | Type::OneOf(_)
                | Type::Kind
                | Type::Action
                | Type::Roles => Input::from("somewhere"),
            };
            let properties = match row.owner {
                Owner::Principal => &mut countable.principal.properties,
                Owner::Resource => &mut countable.resource.properties,
                Owner::Action => &mut countable.action_properties,
                Owner::Context => &mut countable.context,
            };
            insert(properties, &row.name, input);
        }
    }
    countable
}

/// A test in canonical layout; each line is a case with what is expected, or a comment. None if it is none.
pub(super) fn test(name: &str, given: &str, lines: &[String]) -> Option<String> {
    let mut text = format!("test {} {{\n", print::string(&one_line(name)));
    if !given.is_empty() {
        text.push_str(&format!("    given {given};\n"));
    }
    for line in lines {
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str("}\n");
    let source = Source::new("test", "test", text);
    let (ast, found) = ast::parse(FileId(0), &source);
    found.is_empty().then(|| print::print(&ast, Some(&source)))
}
