//! The smallest changes of a denied request that would permit it.
//!
//! Which values matter is read off the rules: an attribute can only change a decision by crossing one of the constants that
//! rules compare it with. So each attribute has few candidates, and the fewest attributes are found by trying one, then
//! two, then three. Ids, kinds and the action stay as they are, and so does what a declaration fixes.

use super::explain::{Change, as_input};
use crate::{
    check::{
        Ir,
        ir::{Atom, Effect, Members, PartKind, Rule, Window},
        shift,
        vocabulary::{AttrId, Owner, Type, builtin},
    },
    engine::Engine,
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{Outcome, during, evaluate, truth_of},
    },
    request::{Input, Request, insert},
    store::limits::MemoryLimits,
    value::{HeldRole, Tier, Value},
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// The most attributes that an answer changes.
const MOST_CHANGES: usize = 3;
/// The most answers that are given.
const MOST_ANSWERS: usize = 5;
/// The most requests that are tried.
const BUDGET: usize = 40_000;
/// The most values that are tried of one attribute.
const MOST_VALUES: usize = 24;

/// An attribute, and the values it could have instead.
struct Candidate {
    attr: AttrId,
    path: Arc<str>,
    values: Vec<Input>,
}

/// The smallest changes that would permit a request, each with the fewest attributes, in the order of their names.
pub(super) fn smallest(engine: &Engine, request: &Request, now: DateTime<Utc>) -> Vec<Change> {
    let Ok(facts) = Facts::new(&engine.ir().vocabulary, request, false) else { return Vec::new() };
    let ir = about_the_action(engine.ir(), &facts);
    let candidates = candidates(&ir, &facts, request);
    let mut search = Search { engine, ir: &ir, request, now, candidates: &candidates, left: BUDGET, found: Vec::new() };
    for size in 1..=MOST_CHANGES.min(candidates.len()) {
        search.choose(0, size, &mut Vec::new());
        if !search.found.is_empty() || search.left == 0 {
            break;
        }
    }
    search.found
}

/// The set without the rules that speak of other actions.
fn about_the_action(ir: &Ir, facts: &Facts<'_>) -> Ir {
    let speaks = |rule: &&Rule| {
        let to = rule.parts.iter().filter(|part| part.kind == PartKind::To);
        to.fold(Kleene::True, |truth, part| truth.and(truth_of(&part.cond, facts))).possible()
    };
    Ir {
        vocabulary: ir.vocabulary.clone(),
        rules: ir.rules.iter().filter(|rule| !rule.shadow).filter(speaks).cloned().collect(),
        claims: Vec::new(),
        tests: Vec::new(),
    }
}

struct Search<'a> {
    engine: &'a Engine,
    ir: &'a Ir,
    request: &'a Request,
    now: DateTime<Utc>,
    candidates: &'a [Candidate],
    left: usize,
    found: Vec<Change>,
}

impl<'a> Search<'a> {
    /// Tries every choice of `more` further candidates from `first` on, each with the first of its values that works.
    fn choose(&mut self, first: usize, more: usize, chosen: &mut Vec<&'a Candidate>) {
        if more == 0 {
            let mut values = Vec::new();
            if self.found.len() < MOST_ANSWERS && self.works(chosen, &mut values) {
                let paths = chosen.iter().map(|candidate| candidate.path.clone());
                self.found.push(paths.zip(values).collect());
            }
            return;
        }
        for index in first..self.candidates.len() {
            let Some(candidate) = self.candidates.get(index) else { return };
            chosen.push(candidate);
            self.choose(index.saturating_add(1), more.saturating_sub(1), chosen);
            chosen.pop();
        }
    }

    /// Whether values for the rest of the chosen attributes, after those in `values`, permit the request.
    fn works(&mut self, chosen: &[&Candidate], values: &mut Vec<Input>) -> bool {
        let Some(next) = chosen.get(values.len()) else { return self.permits(chosen, values) };
        for value in &next.values {
            values.push(value.clone());
            if self.left > 0 && self.works(chosen, values) {
                return true;
            }
            values.pop();
        }
        false
    }

    fn permits(&mut self, chosen: &[&Candidate], values: &[Input]) -> bool {
        self.left = self.left.saturating_sub(1);
        let mut request = self.request.clone();
        for (candidate, value) in chosen.iter().zip(values) {
            let row = &self.ir.vocabulary.attributes[candidate.attr];
            let properties = match row.owner {
                Owner::Principal => &mut request.principal.properties,
                Owner::Resource => &mut request.resource.properties,
                Owner::Action => &mut request.action_properties,
                Owner::Context => &mut request.context,
            };
            insert(properties, &row.name, value.clone());
        }
        let Ok(facts) = Facts::new(&self.ir.vocabulary, &request, false) else { return false };
        if !matches!(evaluate(self.ir, &facts).outcome, Outcome::Allow(_)) {
            return false;
        }
        // Confirmed by deciding again with the whole set, and limits that have room.
        let fresh = self
            .engine
            .with_state(Arc::new(crate::clock::ManualClock::new(self.now)), Arc::new(MemoryLimits::default()));
        fresh.decide_at(&request, self.now).is_ok_and(|decision| decision.is_allow())
    }
}

/// The attributes that rules look at and a request may change, by name, with the values that could matter.
fn candidates(ir: &Ir, facts: &Facts<'_>, request: &Request) -> Vec<Candidate> {
    let mut atoms: BTreeMap<AttrId, Vec<&Atom>> = BTreeMap::new();
    let mut gated = false;
    for rule in ir.rules.iter() {
        gated |= matches!(rule.effect, Effect::Gate(..));
        for part in &rule.parts {
            collect(&part.cond, &mut atoms);
        }
    }
    if gated {
        atoms.entry(builtin::PRINCIPAL_GRANTED).or_default();
    }
    let vocabulary = &ir.vocabulary;
    let principal =
        request.principal.id.as_ref().and_then(|id| vocabulary.principals.find(&request.principal.kind, id));
    let resource = vocabulary.resources.find(&request.resource.kind, &request.resource.id);
    let mut found = Vec::new();
    for (attr, atoms) in atoms {
        let row = &vocabulary.attributes[attr];
        let fixed = match row.owner {
            Owner::Principal => facts.anonymous || principal.is_some_and(|entity| entity.values.contains_key(&attr)),
            Owner::Resource => resource.is_some_and(|entity| entity.values.contains_key(&attr)),
            Owner::Action | Owner::Context => false,
        };
        let identity = [
            builtin::PRINCIPAL_KIND,
            builtin::PRINCIPAL_ID,
            builtin::RESOURCE_KIND,
            builtin::RESOURCE_ID,
            builtin::ACTION_NAME,
        ];
        if fixed || identity.contains(&attr) {
            continue;
        }
        let now = facts.get(attr).map(|value| as_input(facts, value));
        let mut values = values(facts, attr, &atoms);
        values.retain(|value| now.as_ref() != Some(value));
        values.truncate(MOST_VALUES);
        if !values.is_empty() {
            found.push(Candidate { attr, path: row.path.clone(), values });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect<'a>(cond: &'a crate::check::ir::Cond, atoms: &mut BTreeMap<AttrId, Vec<&'a Atom>>) {
    use crate::check::ir::CondKind;
    match cond.kind() {
        CondKind::Const(_) => {}
        CondKind::Not(inner) => collect(inner, atoms),
        CondKind::All(inner) | CondKind::Any(inner) => inner.iter().for_each(|cond| collect(cond, atoms)),
        CondKind::Atom(atom) => {
            for attr in atom.attributes() {
                atoms.entry(attr).or_default().push(atom);
            }
        }
    }
}

/// The values of an attribute that could make a difference, the most natural first.
fn values(facts: &Facts<'_>, attr: AttrId, atoms: &[&Atom]) -> Vec<Input> {
    let vocabulary = facts.vocabulary;
    let mut values: Vec<Input> = match &vocabulary.attributes[attr].ty {
        Type::Bool if attr == builtin::PRINCIPAL_GRANTED => {
            return vec![Input::from("auto"), Input::from("manual"), Input::Bool(false)];
        }
        Type::Bool => vec![Input::Bool(true), Input::Bool(false)],
        Type::Tier => {
            (0u16..).map(Tier).zip(&vocabulary.tiers).map(|(_, name)| Input::Text(name.to_string())).collect()
        }
        Type::OneOf(constants) => constants.iter().map(|name| Input::Text(name.to_string())).collect(),
        Type::Int(min, max) => ints(atoms, *min, *max),
        Type::Ip => addresses(atoms),
        Type::Time => instants(facts, attr, atoms),
        Type::Text | Type::Kind | Type::Action => texts(facts, attr, atoms),
        Type::Texts => sets(facts, attr, atoms),
        Type::Roles => roles(facts, atoms),
    };
    if atoms.iter().any(|atom| matches!(atom, Atom::CompareResource { .. })) {
        values.extend(counterparts(facts, attr, atoms));
    }
    let mut seen: Vec<Input> = Vec::new();
    values.retain(|value| {
        let new = !seen.contains(value);
        if new {
            seen.push(value.clone());
        }
        new
    });
    values
}

/// The values of what an attribute is compared with.
fn counterparts(facts: &Facts<'_>, attr: AttrId, atoms: &[&Atom]) -> Vec<Input> {
    let other = |atom: &&Atom| match atom {
        Atom::CompareResource { left, right, offset, .. } => {
            let value = facts.get(if *left == attr { *right } else { *left })?;
            Some(match value {
                Value::Time(at) => {
                    Value::Time(shift(*at, if *left == attr { *offset } else { offset.saturating_neg() }))
                }
                other => other.clone(),
            })
        }
        _ => None,
    };
    atoms.iter().filter_map(other).map(|value| as_input(facts, &value)).collect()
}

fn ints(atoms: &[&Atom], min: i64, max: i64) -> Vec<Input> {
    let mut found = BTreeSet::new();
    for atom in atoms {
        match atom {
            Atom::Compare(_, _, Value::Int(int)) => {
                found.extend([int.saturating_sub(1), *int, int.saturating_add(1)]);
            }
            Atom::In(_, members) => {
                if let Members::Ints(ints) = &**members {
                    found.extend(ints.iter().flat_map(|int| [*int, int.saturating_add(1)]));
                }
            }
            _ => {}
        }
    }
    found.into_iter().filter(|int| (min..=max).contains(int)).map(Input::Int).collect()
}

/// The first address of each block, those next to it, and one of documentation that is probably in none.
fn addresses(atoms: &[&Atom]) -> Vec<Input> {
    let mut inside = Vec::new();
    let mut outside = Vec::new();
    for atom in atoms {
        match atom {
            Atom::Compare(_, _, Value::Ip(ip)) => inside.push(*ip),
            Atom::In(_, members) => {
                if let Members::Nets(nets) = &**members {
                    for net in nets {
                        inside.push(host(net));
                        outside.extend(neighbours(net));
                    }
                }
            }
            _ => {}
        }
    }
    inside.append(&mut outside);
    inside.push(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)));
    inside.into_iter().map(Input::from).collect()
}

/// The first host of a block.
fn host(net: &IpNet) -> IpAddr {
    net.hosts().next().unwrap_or_else(|| net.network())
}

/// The addresses just outside of a block.
fn neighbours(net: &IpNet) -> Vec<IpAddr> {
    match (net.network(), net.broadcast()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => [first.to_bits().checked_sub(1), last.to_bits().checked_add(1)]
            .into_iter()
            .flatten()
            .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
            .collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => [first.to_bits().checked_sub(1), last.to_bits().checked_add(1)]
            .into_iter()
            .flatten()
            .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
            .collect(),
        _ => Vec::new(),
    }
}

/// The instants at which a test changes, and the next at which a window opens or closes.
fn instants(facts: &Facts<'_>, attr: AttrId, atoms: &[&Atom]) -> Vec<Input> {
    let mut found = BTreeSet::new();
    let now = match facts.get(attr) {
        Some(Value::Time(now)) => Some(*now),
        _ => None,
    };
    for atom in atoms {
        match atom {
            Atom::Compare(_, _, Value::Time(at)) => found.extend([shift(*at, -1), *at, shift(*at, 1)]),
            Atom::In(_, members) => {
                if let Members::Spans(spans) = &**members {
                    found.extend(spans.iter().flat_map(|(start, end)| [*start, *end]));
                }
            }
            Atom::During(_, window) => found.extend(turns(window, now.unwrap_or(DateTime::UNIX_EPOCH))),
            _ => {}
        }
    }
    // The nearest first, later ones before earlier ones.
    let mut found: Vec<DateTime<Utc>> = found.into_iter().collect();
    if let Some(now) = now {
        found.sort_by_key(|at| (*at < now, (*at - now).abs()));
    }
    found.into_iter().map(Input::from).collect()
}

/// When a window next opens and closes, to the minute, within eight days.
fn turns(window: &Window, from: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    const MINUTE: i64 = 60;
    let start = from.timestamp().div_euclid(MINUTE).saturating_mul(MINUTE);
    let mut found = Vec::new();
    let mut inside = during(window, from);
    for step in 1..=8 * 24 * 60 {
        let seconds = start.saturating_add(MINUTE.saturating_mul(step));
        let Some(at) = DateTime::from_timestamp(seconds, 0) else { break };
        if during(window, at) != inside {
            inside = !inside;
            found.push(at);
            if found.len() == 2 {
                break;
            }
        }
    }
    found
}

fn texts(facts: &Facts<'_>, attr: AttrId, atoms: &[&Atom]) -> Vec<Input> {
    let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
    for atom in atoms {
        match atom {
            Atom::Compare(_, _, Value::Text(text)) => {
                found.insert(text.clone());
            }
            Atom::In(_, members) => {
                if let Members::Texts(texts) = &**members {
                    found.extend(texts.iter().cloned());
                }
            }
            Atom::Like(_, glob) => found.extend(sample(glob)),
            Atom::ContainsValue(set, element) if *element == attr => {
                if let Some(Value::Texts(texts)) = facts.get(*set) {
                    found.extend(texts.iter().cloned());
                }
            }
            _ => {}
        }
    }
    // A role held in an organisation counts for its resources.
    if attr == builtin::RESOURCE_ORG
        && let Some(Value::Roles(held)) = facts.get(builtin::PRINCIPAL_ROLES)
    {
        found.extend(held.iter().filter_map(|held| held.org.clone()));
    }
    let mut values: Vec<Input> = found.iter().map(|text| Input::Text(text.to_string())).collect();
    // One that no rule names.
    values.push(Input::from("other"));
    values
}

/// A text that a pattern matches, if the plainest does.
fn sample(glob: &crate::glob::Glob) -> Option<Arc<str>> {
    let text = glob.pattern().replace("\\", "").replace('*', "x").replace('?', "x");
    glob.is_match(&text).then(|| text.into())
}

/// The set with one member more, or with one less.
fn sets(facts: &Facts<'_>, attr: AttrId, atoms: &[&Atom]) -> Vec<Input> {
    let mut members: BTreeSet<Arc<str>> = BTreeSet::new();
    for atom in atoms {
        match atom {
            Atom::Contains(_, text) => {
                members.insert(text.clone());
            }
            Atom::Overlaps(_, texts) => members.extend(texts.iter().cloned()),
            Atom::ContainsValue(set, element) if *set == attr => {
                if let Some(Value::Text(text)) = facts.get(*element) {
                    members.insert(text.clone());
                }
            }
            Atom::OverlapsResource(left, right) => {
                if let Some(Value::Texts(texts)) = facts.get(if *left == attr { *right } else { *left }) {
                    members.extend(texts.iter().cloned());
                }
            }
            _ => {}
        }
    }
    let current = match facts.get(attr) {
        Some(Value::Texts(texts)) => texts.clone(),
        _ => BTreeSet::new(),
    };
    let mut found = vec![as_input(facts, &Value::Texts(current.clone()))];
    for member in &members {
        let mut changed = current.clone();
        if !changed.insert(member.clone()) {
            changed.remove(member);
        }
        found.push(as_input(facts, &Value::Texts(changed)));
    }
    found
}

/// The roles with one more, or with one less.
fn roles(facts: &Facts<'_>, atoms: &[&Atom]) -> Vec<Input> {
    let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
    for atom in atoms {
        match atom {
            Atom::Holds(role) => {
                names.insert(facts.vocabulary.roles[*role].name.clone());
            }
            Atom::Overlaps(_, texts) => names.extend(texts.iter().cloned()),
            Atom::ContainsValue(_, element) => {
                if let Some(Value::Text(text)) = facts.get(*element) {
                    names.insert(text.clone());
                }
            }
            _ => {}
        }
    }
    let current = match facts.get(builtin::PRINCIPAL_ROLES) {
        Some(Value::Roles(held)) => held.clone(),
        _ => BTreeSet::new(),
    };
    let mut found = vec![as_input(facts, &Value::Roles(current.clone()))];
    for name in &names {
        let mut changed = current.clone();
        if current.iter().any(|held| held.role == *name && held.org.is_none()) {
            changed.retain(|held| held.role != *name);
        } else {
            changed.insert(HeldRole { role: name.clone(), org: None });
        }
        found.push(as_input(facts, &Value::Roles(changed)));
    }
    found
}
