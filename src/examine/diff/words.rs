//! Changes in words.

use super::{
    super::{
        show::{self, Words, limit},
        text::{counted, name},
    },
    Compared,
};
use crate::{
    check::ir::Rule,
    decision::Decision,
    query::{Change, ChangeKind, OnlyOne, RuleOf, Which},
    request::{Input, Properties, Request},
};
use std::{collections::BTreeMap, sync::Arc};

/// Whom a change concerns, about what and when: what its rule speaks of.
#[must_use]
pub fn scope(compared: &Compared, change: &Change) -> String {
    let Some((which, id)) = change.rule else {
        return show::request(&change.witness);
    };
    let engine = compared.engine(which);
    let Some(rule) = engine.ir().rules.find(id) else { return String::new() };
    show::scope(engine.sources(), rule)
}

/// The rule of a change.
#[must_use]
pub fn rule<'c>(compared: &'c Compared, change: &Change) -> Option<&'c Rule> {
    let (which, id) = change.rule?;
    compared.engine(which).ir().rules.find(id)
}

/// The actions that a change is about.
#[must_use]
pub fn actions(compared: &Compared, change: &Change) -> Vec<String> {
    let Some((which, _)) = change.rule else { return vec![change.witness.action.clone()] };
    let known = &compared.engine(which).ir().vocabulary.actions;
    match rule(compared, change).and_then(|rule| rule.actions.as_deref()) {
        Some(actions) => actions.iter().map(|action| known[*action].to_string()).collect(),
        None => known.iter().map(ToString::to_string).collect(),
    }
}

/// What has become of the rule: `now allowed by`.
#[must_use]
pub fn cause(compared: &Compared, change: &Change) -> String {
    let Some(of) = change.rule else {
        let action = name(&change.witness.action);
        return match (change.kind, action_is_known(compared, &change.witness.action)) {
            (ChangeKind::Gained | ChangeKind::Lost, [known, _]) => {
                format!("the action {action} is known only {}", when(if known { Which::Old } else { Which::New }))
            }
            _ => "no rule decides".to_owned(),
        };
    };
    let by = format!("by {}", name(&compared.name(of)));
    let (now, before) = match change.kind {
        ChangeKind::Gained => ("now allowed", "no longer denied"),
        ChangeKind::Lost => ("now denied", "no longer allowed"),
        ChangeKind::Limit => ("now limited", "no longer limited"),
        ChangeKind::Duty => ("now obliged", "no longer obliged"),
        ChangeKind::Gate | ChangeKind::Reason => ("now denied", "no longer denied"),
    };
    format!("{} {by}", if of.0 == Which::New { now } else { before })
}

fn action_is_known(compared: &Compared, action: &str) -> [bool; 2] {
    [&compared.old, &compared.new].map(|engine| engine.ir().vocabulary.action_ids.contains_key(action))
}

const fn when(which: Which) -> &'static str {
    match which {
        Which::Old => "before",
        Which::New => "after",
    }
}

/// Where the rule of a change makes none: `where basic allowed before, where no_export denies`.
#[must_use]
pub fn exceptions(compared: &Compared, change: &Change) -> Vec<String> {
    let word = |of: RuleOf| {
        let rule = name(&compared.name(of));
        match (change.kind, of.0) {
            (ChangeKind::Gained, Which::Old) => format!("where {rule} allowed before"),
            (ChangeKind::Lost, Which::Old) => format!("where {rule} denied before"),
            (ChangeKind::Lost, Which::New) => format!("where {rule} still allows"),
            _ => format!("where {rule} still denies"),
        }
    };
    let mut words: Vec<String> = change.except.iter().map(|of| word(*of)).collect();
    words.extend(change.more.then(|| "where others do".to_owned()));
    words
}

/// What both sets decide about the request of a change, in short: `deny CODE 403 by rule`, with what is different.
#[must_use]
pub fn decisions(compared: &Compared, change: &Change) -> [String; 2] {
    let [before, after] = compared.decisions(change);
    [(Which::Old, &change.before, before), (Which::New, &change.after, after)].map(|(which, verdict, decision)| {
        let Some(decision) = decision else { return String::new() };
        let ir = compared.engine(which).ir();
        let more: Vec<String> = match change.kind {
            ChangeKind::Limit => verdict.limits.iter().filter_map(|id| limit(ir, *id)).collect(),
            ChangeKind::Duty => decision.obligations.iter().map(ToString::to_string).collect(),
            ChangeKind::Gate => {
                let gate = decision.denial().and_then(|denial| denial.gate);
                gate.map(|mode| format!("gate {}", mode.name())).into_iter().collect()
            }
            ChangeKind::Gained | ChangeKind::Lost | ChangeKind::Reason => return short(&decision),
        };
        let more = if more.is_empty() { format!("no {}", change.kind.name()) } else { more.join(", ") };
        format!("{}, {more}", short(&decision))
    })
}

fn short(decision: &Decision) -> String {
    let what = match decision.denial() {
        None => "allow".to_owned(),
        Some(denial) => format!("deny {} {}", denial.code, denial.status),
    };
    match &decision.rule {
        Some(rule) => format!("{what} by {} ({})", name(&rule.name), rule.at),
        None => what,
    }
}

/// A request in words, with its attributes.
#[must_use]
pub fn request(compared: &Compared, request: &Request) -> String {
    let mut values: BTreeMap<Arc<str>, Input> = BTreeMap::new();
    for (owner, properties) in [
        ("principal.", &request.principal.properties),
        ("action.", &request.action_properties),
        ("resource.", &request.resource.properties),
        ("", &request.context),
    ] {
        collect(owner, properties, &mut values);
    }
    let words = show::request(request);
    if values.is_empty() {
        return words;
    }
    let with = Words::new(&compared.new.ir().vocabulary, request).all(&values);
    format!("{words} with {with}")
}

fn collect(outer: &str, properties: &Properties, values: &mut BTreeMap<Arc<str>, Input>) {
    for (name, input) in properties {
        match input {
            Input::Object(inner) => collect(&format!("{outer}{name}."), inner, values),
            Input::Unknown
            | Input::None
            | Input::Bool(_)
            | Input::Int(_)
            | Input::Float(_)
            | Input::Text(_)
            | Input::List(_) => {
                values.insert(format!("{outer}{name}").into(), input.clone());
            }
        }
    }
}

/// What only one side knows.
#[must_use]
pub fn only_one(only: &OnlyOne) -> String {
    match only {
        OnlyOne::Action(which, name) => format!("the action `{name}` is known only {}", when(*which)),
        OnlyOne::Role(which, name) => format!("the role `{name}` is known only {}", when(*which)),
        OnlyOne::Tier(which, name) => format!("the tier `{name}` is known only {}", when(*which)),
        OnlyOne::Attribute(which, path) => format!("the attribute `{path}` is known only {}", when(*which)),
        OnlyOne::Values(path) => format!("`{path}` does not have the same values before and after"),
    }
}

/// What could not be found out, and about which rule.
#[must_use]
pub fn inconclusive(compared: &Compared, (kind, rule): &(ChangeKind, Option<RuleOf>)) -> String {
    let about = rule.map(|rule| format!(" by {} ({})", name(&compared.name(rule)), when(rule.0))).unwrap_or_default();
    format!("{}{about}", kind.name())
}

/// `1 gained, 2 lost, 1 limit`, or that there is nothing.
#[must_use]
pub fn total(compared: &Compared) -> String {
    let mut counts = Vec::new();
    for kind in ChangeKind::ALL {
        let count = compared.count(kind);
        match kind {
            _ if count == 0 => {}
            ChangeKind::Gained | ChangeKind::Lost => counts.push(format!("{count} {}", kind.name())),
            ChangeKind::Limit | ChangeKind::Duty | ChangeKind::Gate | ChangeKind::Reason => {
                counts.push(format!("{} changed", counted(count, kind.name()).replace("dutys", "duties")));
            }
        }
    }
    let open = compared.found.inconclusive.len();
    if open > 0 {
        counts.push(format!("{open} inconclusive"));
    }
    if counts.is_empty() { "no change of access".to_owned() } else { counts.join(", ") }
}
