//! The values that an attribute could have instead.
//!
//! A value can only change a decision by standing otherwise to what rules compare its attribute with. So each attribute has
//! few values that matter: one for each way to stand to all of that, the most natural one, and the most natural way first.

use super::{Live, instants::instants, set};
use crate::{
    check::{
        ir::{Atom, Cond, Effect, Members, Window},
        shift,
        vocabulary::{AttrId, Type, builtin},
    },
    eval::{facts::Facts, kleene::Kleene, reference::truth_of},
    glob::Glob,
    request::{Input, Request},
    value::{HeldRole, Tier, Value},
};
use chrono::{DateTime, SecondsFormat, Utc};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// The most values that are tried of one attribute.
const MOST_VALUES: usize = 32;
/// The most values that are looked at to choose those from.
const MOST_LOOKED_AT: usize = 1_000;

/// What rules compare an attribute with.
#[derive(Default)]
pub(super) struct Landmarks<'a> {
    values: BTreeSet<Value>,
    /// Of a set: members that it could have.
    members: BTreeSet<Arc<str>>,
    nets: Vec<IpNet>,
    globs: Vec<&'a Glob>,
    pub(super) instants: BTreeSet<DateTime<Utc>>,
    pub(super) windows: Vec<&'a Window>,
    /// Whether a rule asks if it has a value at all.
    has: bool,
    /// The attributes that it is compared with, as far as they are free; instants moved by so many seconds.
    partners: BTreeSet<(AttrId, i64)>,
    /// Whether something else than a test reads it: a gate, or a limit that counts.
    counts: bool,
    tests: Vec<Cond>,
}

/// The values of all free attributes that rules read, the most natural first. None that a request would be refused for.
pub(super) fn of(
    rules: &[Live<'_>],
    facts: &Facts<'_>,
    request: &Request,
    now: DateTime<Utc>,
    free: &BTreeSet<AttrId>,
) -> BTreeMap<AttrId, Vec<Input>> {
    let landmarks = shared(landmarks(rules, facts, free));
    let look = |(attr, marks): (AttrId, Landmarks<'_>)| {
        let mut values = natural(facts, request, attr, &marks, now);
        values.truncate(MOST_LOOKED_AT);
        (attr, distinct(values, facts, request, attr, &marks))
    };
    landmarks.into_iter().map(look).collect()
}

fn landmarks<'a>(rules: &[Live<'a>], facts: &Facts<'_>, free: &BTreeSet<AttrId>) -> BTreeMap<AttrId, Landmarks<'a>> {
    let mut found: BTreeMap<AttrId, Landmarks<'a>> = BTreeMap::new();
    for live in rules {
        for (part, reads) in &live.parts {
            collect(&part.cond, &mut |atom| {
                for attr in reads {
                    found.entry(*attr).or_default().mark(atom, *attr, facts, free);
                }
            });
        }
        for attr in &live.besides {
            found.entry(*attr).or_default().counts = true;
        }
        if let Effect::Limit(limit, _) = &live.rule.effect
            && let Some(unit) = limit.unit.filter(|unit| free.contains(unit))
        {
            let amount = i64::try_from(limit.amount).unwrap_or(i64::MAX);
            found.entry(unit).or_default().values.insert(Value::Int(amount));
        }
    }
    found
}

/// Where two attributes are compared with one another, what one is compared with matters to both.
fn shared(mut all: BTreeMap<AttrId, Landmarks<'_>>) -> BTreeMap<AttrId, Landmarks<'_>> {
    let mut more: Vec<(AttrId, Vec<Value>, Vec<Arc<str>>)> = Vec::new();
    for (attr, marks) in &all {
        for (partner, offset) in &marks.partners {
            let Some(theirs) = all.get(partner) else { continue };
            let moved = |value: Value| match value.as_time() {
                Some(at) => Value::Time(shift(at, *offset)),
                None => value,
            };
            let texts = theirs.values.iter().filter_map(Value::as_text).cloned();
            let members = theirs.members.iter().cloned();
            let instants = theirs.instants.iter().copied().map(Value::Time);
            let values = theirs.values.iter().cloned().chain(instants).map(moved);
            let values = values.chain(members.clone().map(Value::Text)).collect();
            more.push((*attr, values, members.chain(texts).collect()));
        }
    }
    for (attr, values, members) in more {
        let marks = all.entry(attr).or_default();
        values.into_iter().for_each(|value| marks.value(value));
        marks.members.extend(members);
    }
    all
}

/// Calls for each atom of a condition, with the condition's own lifetime.
fn collect<'a>(cond: &'a Cond, visit: &mut impl FnMut(&'a Atom)) {
    use crate::check::ir::CondKind;
    match cond.kind() {
        CondKind::Const(_) => {}
        CondKind::Not(inner) => collect(inner, visit),
        CondKind::All(inner) | CondKind::Any(inner) => inner.iter().for_each(|cond| collect(cond, visit)),
        CondKind::Atom(atom) => visit(atom),
    }
}

impl<'a> Landmarks<'a> {
    /// Notes what a test compares an attribute with, if it does.
    fn mark(&mut self, atom: &'a Atom, attr: AttrId, facts: &Facts<'_>, free: &BTreeSet<AttrId>) {
        let mut reads = atom.attributes();
        if reads.contains(&builtin::PRINCIPAL_ROLES) && held_within(facts).next().is_some() {
            reads.push(builtin::RESOURCE_ORG);
        }
        if !reads.contains(&attr) {
            return;
        }
        let offset = if let Atom::CompareResource { left, offset, .. } = atom {
            if *left == attr { *offset } else { offset.saturating_neg() }
        } else {
            0
        };
        let partners = reads.into_iter().filter(|other| *other != attr && free.contains(other));
        self.partners.extend(partners.map(|other| (other, offset)));
        self.tests.push(Cond::atom(atom.clone()));
        if attr == builtin::RESOURCE_ORG {
            self.values.extend(held_within(facts).map(|org| Value::Text(org.clone())));
        }
        match atom {
            Atom::IsTrue(_) => {}
            Atom::Has(_) => self.has = true,
            Atom::Compare(_, _, value) => self.value(value.clone()),
            Atom::CompareResource { left, right, .. } => {
                if let Some(value) = facts.get(if *left == attr { *right } else { *left }) {
                    let moved = value.as_time().map(|at| Value::Time(shift(at, offset)));
                    self.value(moved.unwrap_or_else(|| value.clone()));
                }
            }
            Atom::In(_, members) => self.any_of(members),
            Atom::During(_, window) => self.windows.push(window),
            Atom::Like(_, glob) => self.globs.push(glob),
            Atom::Contains(_, text) => drop(self.members.insert(text.clone())),
            Atom::Overlaps(_, texts) => self.members.extend(texts.iter().cloned()),
            Atom::ContainsValue(set, element) if *set == attr => {
                self.members.extend(facts.get(*element).and_then(Value::as_text).cloned());
            }
            Atom::ContainsValue(set, _) => {
                self.values.extend(facts.get(*set).into_iter().flat_map(members_of).map(Value::Text));
            }
            Atom::OverlapsResource(left, right) => {
                let other = facts.get(if *left == attr { *right } else { *left });
                self.members.extend(other.into_iter().flat_map(members_of));
                // Two sets of which nothing else is known may have any member in common.
                self.members.insert("other".into());
            }
            Atom::Holds(role) => drop(self.members.insert(facts.vocabulary.roles[*role].name.clone())),
        }
    }

    fn value(&mut self, value: Value) {
        self.instants.extend(value.as_time());
        self.values.insert(value);
    }

    fn any_of(&mut self, members: &Members) {
        match members {
            Members::Texts(texts) => self.values.extend(texts.iter().cloned().map(Value::Text)),
            Members::Ints(ints) => self.values.extend(ints.iter().copied().map(Value::Int)),
            Members::Tiers(tiers) => self.values.extend(tiers.iter().copied().map(Value::Tier)),
            Members::Nets(nets) => self.nets.extend(nets),
            Members::Spans(spans) => self.instants.extend(spans.iter().flat_map(|(start, end)| [*start, *end])),
        }
    }
}

/// The organisations that the principal holds roles in.
fn held_within<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a Arc<str>> {
    let held = facts.get(builtin::PRINCIPAL_ROLES).and_then(Value::as_roles);
    held.into_iter().flatten().filter_map(|held| held.org.as_ref())
}

fn members_of(set: &Value) -> Vec<Arc<str>> {
    let texts = set.as_texts().into_iter().flatten().cloned();
    let roles = set.as_roles().into_iter().flatten().map(|held| held.role.clone());
    texts.chain(roles).collect()
}

/// The values of an attribute, the most natural first.
fn natural(
    facts: &Facts<'_>,
    request: &Request,
    attr: AttrId,
    marks: &Landmarks<'_>,
    now: DateTime<Utc>,
) -> Vec<Input> {
    let current = facts.get(attr);
    let mut values = match &facts.vocabulary.attributes[attr].ty {
        Type::Bool if attr == builtin::PRINCIPAL_GRANTED => {
            vec![Input::from("auto"), Input::from("manual"), Input::Bool(false)]
        }
        Type::Bool => vec![Input::Bool(true), Input::Bool(false)],
        Type::Tier => tiers(facts, current),
        Type::OneOf(constants) => constants.iter().map(|name| Input::Text(name.to_string())).collect(),
        Type::Int(min, max) => ints(marks, current.and_then(Value::as_int), *min, *max),
        Type::Ip => addresses(marks),
        Type::Time => {
            instants(marks, current.and_then(Value::as_time).unwrap_or(now)).into_iter().map(instant).collect()
        }
        Type::Text | Type::Kind | Type::Action => texts(marks),
        Type::Texts => {
            let current = current.and_then(Value::as_texts).cloned().unwrap_or_default();
            toggled(&current, &marks.members)
                .into_iter()
                .map(|set| facts.vocabulary.input(&Value::Texts(set)))
                .collect()
        }
        Type::Roles => roles(facts, request, marks),
    };
    if marks.has {
        values.push(Input::None);
    }
    values
}

/// One value for each way to stand to all that rules compare the attribute with, other than the present one.
fn distinct(
    values: Vec<Input>,
    facts: &Facts<'_>,
    request: &Request,
    attr: AttrId,
    marks: &Landmarks<'_>,
) -> Vec<Input> {
    let current = facts.get(attr).map(|value| facts.vocabulary.input(value));
    // Where another attribute may change too, or more than tests matter, it is not known what makes no difference.
    let classes = marks.partners.is_empty() && !marks.counts;
    let stands = |facts: &Facts<'_>| marks.tests.iter().map(|test| truth_of(test, facts)).collect::<Vec<Kleene>>();
    let mut seen_classes = BTreeSet::from([stands(facts)]);
    let mut distinct: Vec<Input> = Vec::new();
    for value in values {
        if distinct.len() >= MOST_VALUES {
            break;
        }
        if current.as_ref() == Some(&value) || distinct.contains(&value) {
            continue;
        }
        let mut changed = request.clone();
        set(facts.vocabulary, &mut changed, attr, value.clone());
        let Ok(then) = Facts::new(facts.vocabulary, &changed, false) else { continue };
        if !classes || seen_classes.insert(stands(&then)) {
            distinct.push(value);
        }
    }
    distinct
}

/// The next higher tier first, then those above it, then the lower ones.
fn tiers(facts: &Facts<'_>, current: Option<&Value>) -> Vec<Input> {
    let current = if let Some(Value::Tier(Tier(rank))) = current { usize::from(*rank) } else { 0 };
    let names: Vec<Input> = facts.vocabulary.tiers.iter().map(|name| Input::Text(name.to_string())).collect();
    let (lower, higher) = names.split_at_checked(current).unwrap_or((&names, &[]));
    higher.iter().chain(lower.iter().rev()).cloned().collect()
}

/// The numbers at which a test changes, the nearest first.
fn ints(marks: &Landmarks<'_>, current: Option<i64>, min: i64, max: i64) -> Vec<Input> {
    let mut found: BTreeSet<(bool, i64)> = [0, 1].map(|int: i64| (true, int.clamp(min, max))).into();
    for int in marks.values.iter().filter_map(Value::as_int) {
        found.insert((false, int));
        found.extend([(true, int.saturating_sub(1)), (true, int.saturating_add(1))]);
    }
    let mut found: Vec<(bool, i64)> = found.into_iter().filter(|(_, int)| (min..=max).contains(int)).collect();
    if let Some(current) = current {
        found.sort_by_key(|(beside, int)| (int.abs_diff(current), *beside));
    }
    found.into_iter().map(|(_, int)| Input::Int(int)).collect()
}

/// A host of each block, single addresses, then what lies beside them.
fn addresses(marks: &Landmarks<'_>) -> Vec<Input> {
    let mut inside: Vec<IpAddr> = Vec::new();
    let mut beside: Vec<IpAddr> = Vec::new();
    let single = marks.values.iter().filter_map(Value::as_ip).map(IpNet::from);
    for net in marks.nets.iter().copied().chain(single).take(MOST_LOOKED_AT) {
        inside.push(net.hosts().next().unwrap_or_else(|| net.network()));
        beside.push(net.network());
        beside.extend(neighbours(&net));
    }
    // An address for documentation, which is nobody's.
    inside.extend(beside);
    inside.push(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)));
    inside.into_iter().map(Input::from).collect()
}

/// The addresses just outside of a block.
fn neighbours(net: &IpNet) -> Vec<IpAddr> {
    match net {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let beside = [last.checked_add(1), first.checked_sub(1)];
            beside.into_iter().flatten().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))).collect()
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let beside = [last.checked_add(1), first.checked_sub(1)];
            // What is an IPv4 address in IPv6 form is not beside it.
            let beside = beside.into_iter().flatten().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
            beside.filter(|ip| ip.to_canonical().is_ipv6()).collect()
        }
    }
}

/// Texts that rules name, texts that patterns match, and one that no rule names.
fn texts(marks: &Landmarks<'_>) -> Vec<Input> {
    let mut found: Vec<Arc<str>> = marks.values.iter().filter_map(Value::as_text).cloned().collect();
    found.extend(marks.globs.iter().filter_map(|glob| sample(glob)));
    let mut other = String::from("other");
    while found.iter().any(|text| **text == *other) {
        other.push('-');
    }
    found.push(other.into());
    found.iter().map(|text| Input::Text(text.to_string())).collect()
}

/// The plainest text that a pattern matches, if that is plain enough.
fn sample(glob: &Glob) -> Option<Arc<str>> {
    let mut text = String::new();
    let mut escaped = false;
    for character in glob.pattern().chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '*' | '?' if !escaped => text.push('x'),
            plain => text.push(plain),
        }
        escaped = false;
    }
    glob.is_match(&text).then(|| text.into())
}

/// The roles of the request with one more, one less, and so on.
fn roles(facts: &Facts<'_>, request: &Request, marks: &Landmarks<'_>) -> Vec<Input> {
    let held = given_roles(facts, request);
    let mut candidates: BTreeSet<HeldRole> = held.clone();
    candidates.extend(marks.members.iter().map(|role| HeldRole { role: role.clone(), org: None }));
    toggled(&held, &candidates).into_iter().map(|set| facts.vocabulary.input(&Value::Roles(set))).collect()
}

/// The roles as the request gives them, without what they include; else those that are taken for granted.
fn given_roles(facts: &Facts<'_>, request: &Request) -> BTreeSet<HeldRole> {
    let known = || facts.get(builtin::PRINCIPAL_ROLES).and_then(Value::as_roles).cloned().unwrap_or_default();
    let Some(Input::List(given)) = request.principal.properties.get("roles") else { return known() };
    let text = |input: &Input| input.as_text().map(Arc::from);
    let role = |input: &Input| {
        if let Input::Object(members) = input {
            return Some(HeldRole { role: text(members.get("role")?)?, org: Some(text(members.get("org")?)?) });
        }
        text(input).map(|role| HeldRole { role, org: None })
    };
    given.iter().filter_map(role).collect()
}

/// A set with some members more or less: first by the number of those, then additions before removals.
fn toggled<T: Ord + Clone>(current: &BTreeSet<T>, members: &BTreeSet<T>) -> Vec<BTreeSet<T>> {
    let (held, new): (Vec<&T>, Vec<&T>) = members.iter().partition(|member| current.contains(member));
    let order: Vec<&T> = new.into_iter().chain(held).collect();
    // Each set with the place in `order` from which on members may still be toggled.
    let mut round = vec![(current.clone(), 0usize)];
    let mut found = Vec::new();
    while !round.is_empty() && found.len() < MOST_LOOKED_AT {
        let mut next = Vec::new();
        for (set, from) in &round {
            for (place, member) in order.iter().enumerate().skip(*from) {
                let mut changed = set.clone();
                if !changed.remove(*member) {
                    changed.insert((*member).clone());
                }
                next.push((changed, place.saturating_add(1)));
            }
            if next.len() > MOST_LOOKED_AT {
                break;
            }
        }
        found.extend(round.into_iter().map(|(set, _)| set));
        round = next;
    }
    found.extend(round.into_iter().map(|(set, _)| set));
    found.push(BTreeSet::new());
    found
}

/// An instant as a request gives it.
pub(super) fn instant(at: DateTime<Utc>) -> Input {
    Input::Text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
