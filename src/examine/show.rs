//! Requests, values and decisions in the words of the language, for people.

use super::{
    explain::{Change, at_most, duration},
    text::{name, one_line},
};
use crate::{
    check::{
        Ir,
        ir::{Effect, Part, PartKind, Rule, RuleId},
        vocabulary::{Type, Vocabulary},
    },
    decision::Decision,
    request::{Input, Request},
    source::Sources,
};
use std::fmt::Write;

pub use super::text::quoted;

/// Writes values and attributes of one request.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    vocabulary: &'a Vocabulary,
    request: &'a Request,
}

impl<'a> Words<'a> {
    /// For a request that fits a vocabulary.
    #[must_use]
    pub const fn new(vocabulary: &'a Vocabulary, request: &'a Request) -> Self {
        Self { vocabulary, request }
    }

    /// `tier = seed, ip = 10.0.0.1`, with no-break spaces around each `=`. Kind and id are one: `principal = user "bob"`.
    #[must_use]
    pub fn all(self, values: &Change) -> String {
        let mut words = Vec::new();
        for (path, value) in values {
            let (owner, name) = path.split_once('.').unwrap_or(("", path));
            let kind = values.get(&*format!("{owner}.kind"));
            match (owner, name, kind) {
                ("principal" | "resource", "kind", _) if values.contains_key(&*format!("{owner}.id")) => {}
                ("principal" | "resource", "id", Some(Input::Text(kind))) => {
                    words.push(format!("{owner}\u{a0}=\u{a0}{kind}\u{a0}{}", self.value(path, value)));
                }
                _ => words.push(format!("{}\u{a0}=\u{a0}{}", self.path(path), self.value(path, value))),
            }
        }
        words.join(", ")
    }

    /// An attribute by the shortest path that tests can name it by.
    fn path(self, path: &str) -> String {
        if let "principal.tier" | "principal.org" | "principal.roles" = path {
            return path.replacen("principal.", "", 1);
        }
        match path.strip_prefix("resource.") {
            Some(name) if self.request.resource.kind == "model" => format!("model.{name}"),
            Some(_) | None => path.to_owned(),
        }
    }

    /// A value as the language writes it.
    fn value(self, path: &str, value: &Input) -> String {
        match value {
            Input::Unknown => "unknown".to_owned(),
            Input::None => "none".to_owned(),
            Input::Bool(value) => value.to_string(),
            Input::Int(value) => value.to_string(),
            Input::Float(value) => value.to_string(),
            Input::Text(text) => self.text(path, text),
            Input::List(members) => {
                let members: Vec<String> = members.iter().map(|member| self.value(path, member)).collect();
                format!("[{}]", members.join(", "))
            }
            // A role that is held in an organisation.
            Input::Object(members) => match (members.get("role"), members.get("org")) {
                (Some(Input::Text(role)), Some(Input::Text(org))) => format!("{}@{}", name(role), quoted(org)),
                _ => "unknown".to_owned(),
            },
        }
    }

    fn text(self, path: &str, text: &str) -> String {
        let row = self.vocabulary.attributes.iter().find(|row| *row.path == *path);
        match row.map(|row| &row.ty) {
            Some(Type::Ip | Type::Time) => text.to_owned(),
            Some(Type::Tier | Type::OneOf(_) | Type::Roles | Type::Action) => name(text),
            Some(Type::Texts) if path == "resource.tags" => name(text),
            Some(Type::Bool | Type::Int(..) | Type::Text | Type::Texts | Type::Kind) | None => quoted(text),
        }
    }
}

/// `user "bob" to infer on model "x"`
#[must_use]
pub fn request(request: &Request) -> String {
    let mut words = request.principal.kind.clone();
    if let Some(id) = &request.principal.id {
        let _ = write!(words, " {}", quoted(id));
    }
    let _ =
        write!(words, " to {} on {} {}", name(&request.action), request.resource.kind, quoted(&request.resource.id));
    words.retain(|character| !character.is_control());
    words
}

/// What a decision says besides, one line each: the message and the hint first.
#[must_use]
pub fn details(decision: &Decision) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(denial) = decision.denial() {
        lines.extend(denial.message.clone());
        lines.extend(denial.hint.as_ref().map(|hint| format!("hint: {hint}")));
        lines.extend(denial.gate.map(|mode| format!("access can be requested ({})", mode.name())));
        lines.extend(denial.retry_after.map(|wait| format!("try again in {}", duration(wait))));
    }
    if !decision.others.is_empty() {
        lines.push(format!("also denied by {}", decision.others.join(", ")));
    }
    for limit in &decision.limits {
        lines.push(format!("{} of {} left of {}", limit.remaining, limit.limit, limit.name));
    }
    for duty in &decision.obligations {
        lines.push(format!("obliges {duty}"));
    }
    if !decision.shadow.is_empty() {
        lines.push(format!("in shadow: {}", decision.shadow.join(", ")));
    }
    if !decision.ignored.is_empty() {
        lines.push(format!("ignored: {}", decision.ignored.join(", ")));
    }
    for line in &mut lines {
        line.retain(|character| !character.is_control());
    }
    lines
}

/// Whom and what a rule speaks of, and when: its clauses as they are written, on one line.
#[must_use]
pub fn scope(sources: &Sources, rule: &Rule) -> String {
    let words: Vec<String> = rule.parts.iter().map(|part| clause(sources, part)).collect();
    words.join(" ")
}

fn clause(sources: &Sources, part: &Part) -> String {
    let written = one_line(sources.slice(part.at));
    match part.kind {
        PartKind::Who => written,
        // It denies where the condition does not hold.
        PartKind::Require => format!("unless {written}"),
        PartKind::To | PartKind::On | PartKind::When | PartKind::Unless | PartKind::From | PartKind::Until => {
            format!("{} {written}", part.kind.word())
        }
    }
}

/// What a rule's limit allows; nothing of any other rule.
#[must_use]
pub fn limit(ir: &Ir, id: RuleId) -> Option<String> {
    match &ir.rules.find(id)?.effect {
        Effect::Limit(limit, _) => Some(at_most(limit, &ir.vocabulary)),
        Effect::Allow | Effect::Deny(_) | Effect::Gate(..) | Effect::Oblige(_) => None,
    }
}
