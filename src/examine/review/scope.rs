//! Whom and what rules speak of: grants that are broad, principals that one rule names, and whom gates ask.

use super::super::text::{name, one_line, quoted};
use crate::{
    check::{
        ir::{Atom, Cond, CondKind, Effect, Ir, Part, PartKind, Rule, RuleId},
        vocabulary::{AttrId, builtin},
    },
    eval::{facts::Facts, kleene::Kleene, reference::truth_of},
    request::{Principal, Request, Resource},
    source::Sources,
    value::{Cmp, GateMode, Value},
};
use std::{collections::BTreeMap, sync::Arc};

/// How many are named at most in one sentence.
const NAMED: usize = 8;

/// In what a grant is broad, if it is.
pub(super) fn breadth(rule: &Rule) -> Option<String> {
    if rule.effect != Effect::Allow || rule.shadow {
        return None;
    }
    let of = |kind| rule.parts.iter().filter(move |part: &&Part| part.kind == kind);
    let broad = [
        (of(PartKind::Who).all(|part| is_open(&part.cond)), "to anyone"),
        (rule.actions.is_none(), "for any action"),
        (of(PartKind::On).all(|part| is_open(&part.cond)), "on any resource"),
    ];
    let broad: Vec<&str> = broad.into_iter().filter(|(is, _)| *is).map(|(_, words)| words).collect();
    let clauses = [PartKind::When, PartKind::Unless, PartKind::From, PartKind::Until];
    let bound = rule.parts.iter().any(|part| clauses.contains(&part.kind) && part.cond != Cond::constant(true));
    let bound = if bound { ", under conditions" } else { "" };
    (!broad.is_empty()).then(|| format!("granted {}{bound}", broad.join(", ")))
}

/// Whether a scope takes in all but what it excepts, at most of one kind.
fn is_open(scope: &Cond) -> bool {
    match scope.kind() {
        CondKind::Const(all) => *all,
        CondKind::Not(_) => true,
        CondKind::All(conds) => conds.iter().all(is_open),
        CondKind::Any(conds) => conds.iter().any(is_open),
        CondKind::Atom(atom) => matches!(atom, Atom::Compare(builtin::RESOURCE_KIND, Cmp::Eq, _)),
    }
}

/// A principal's kind and id.
type Named = (Arc<str>, Arc<str>);

/// The principals that one `allow` names, and nothing else: by that rule, as the language writes them.
pub(super) fn named_once(ir: &Ir) -> BTreeMap<RuleId, Vec<String>> {
    let mut named: BTreeMap<Named, Vec<(RuleId, &Rule)>> = BTreeMap::new();
    for (id, rule) in ir.rules.pairs() {
        let mut note = |principal| {
            let rules: &mut Vec<(RuleId, &Rule)> = named.entry(principal).or_default();
            // An `allow` with `at most` is two rules with one text.
            if rules.last().is_none_or(|(_, last)| last.at != rule.at) {
                rules.push((id, rule));
            }
        };
        rule.parts.iter().for_each(|part| principals(&part.cond, &mut note));
    }
    let mut once: BTreeMap<RuleId, Vec<String>> = BTreeMap::new();
    for ((kind, id), rules) in named {
        if let [(rule, Rule { effect: Effect::Allow, .. })] = rules.as_slice()
            && ir.vocabulary.principals.find(&kind, &id).is_none()
        {
            once.entry(*rule).or_default().push(format!("{kind} {}", quoted(&id)));
        }
    }
    once
}

/// The principals that a condition names by kind and id.
fn principals(cond: &Cond, note: &mut impl FnMut(Named)) {
    match cond.kind() {
        CondKind::Const(_) | CondKind::Atom(_) => {}
        CondKind::Not(inner) => principals(inner, note),
        CondKind::Any(conds) => conds.iter().for_each(|cond| principals(cond, note)),
        CondKind::All(conds) => {
            let is = |attr| conds.iter().find_map(move |cond| is(cond, attr));
            if let (Some(kind), Some(id)) = (is(builtin::PRINCIPAL_KIND), is(builtin::PRINCIPAL_ID)) {
                note((kind.clone(), id.clone()));
            }
            conds.iter().for_each(|cond| principals(cond, note));
        }
    }
}

/// The text that a condition wants an attribute to be.
fn is(cond: &Cond, attr: AttrId) -> Option<&Arc<str>> {
    match cond.kind() {
        CondKind::Atom(Atom::Compare(of, Cmp::Eq, Value::Text(text))) if *of == attr => Some(text),
        CondKind::Const(_) | CondKind::Not(_) | CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_) => None,
    }
}

/// Whom a gate asks for a grant, and which of the declared principals and roles it does not ask.
pub(super) fn gate(ir: &Ir, sources: &Sources, rule: &Rule) -> Option<String> {
    let Effect::Gate(mode, _) = &rule.effect else { return None };
    let who = rule.parts.iter().find(|part| part.kind == PartKind::Who && part.cond != Cond::constant(true));
    let mut message = match mode {
        GateMode::Auto => "passed with a grant, which is given on request".to_owned(),
        GateMode::Manual => "passed with a grant that a reviewer has given".to_owned(),
    };
    let spared = match who {
        None => Vec::new(),
        Some(who) if is_open(&who.cond) => spared(ir, &who.cond),
        // It asks few, and says whom.
        Some(who) => {
            message = format!("{message}; asked of {} only", one_line(sources.slice(who.at)));
            Vec::new()
        }
    };
    if !spared.is_empty() {
        let named: Vec<&str> = spared.iter().take(NAMED).map(String::as_str).collect();
        let rest = spared.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        message = format!("{message}; not asked of {}{rest}", named.join(", "));
    }
    if rule.parts.iter().any(|part| part.kind == PartKind::Unless) {
        message.push_str("; not asked where its `unless` holds");
    }
    Some(message)
}

/// The declared principals and the roles that are not among those whom a condition speaks of, whatever they want to do.
fn spared(ir: &Ir, who: &Cond) -> Vec<String> {
    let spares = |principal: Principal| {
        let request = Request::new(principal, "", Resource::new("", ""));
        let facts = Facts::new(&ir.vocabulary, &request, false);
        facts.is_ok_and(|facts| truth_of(who, &facts) == Kleene::False)
    };
    let mut spared = Vec::new();
    for role in ir.vocabulary.roles.iter() {
        if spares(Principal::user("").roles([role.name.to_string()])) {
            spared.push(format!("role {}", name(&role.name)));
        }
    }
    for (id, entity) in ir.vocabulary.principals.exact() {
        if spares(Principal::new(&*entity.kind, &**id)) {
            spared.push(format!("{} {}", entity.kind, quoted(id)));
        }
    }
    spared
}
