//! The smallest changes of a denied request that would permit it.
//!
//! Whatever permits a request must move what stands in its way: the first prohibition that fires must read an attribute
//! that changes, and so must, where nothing allows, a clause of an `allow` that does not hold. So the search looks at what
//! is in the way, changes one of the attributes that it reads, and looks again: first with one change, then with two, then
//! with three. Which values an attribute could have is for [`values`]. Ids, kinds and the action stay as they are, and so
//! does what a declaration fixes. Every answer has been confirmed by deciding again.

mod instants;
mod values;

use crate::{
    check::{
        ir::{Effect, Limit, Part, Rule},
        vocabulary::{AttrId, Owner, Vocabulary, builtin},
    },
    decision::Decision,
    engine::Engine,
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{fires, truth_of},
    },
    request::{Input, Request, insert},
    value::LimitKey,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The most attributes that an answer changes.
const MOST_CHANGES: usize = 3;
/// The most answers that are given.
const MOST_ANSWERS: usize = 5;
/// How often a rule is looked at before the search ends.
const BUDGET: usize = 2_000_000;
/// What one request costs of that at least: it has to be made, whatever the rules.
const LEAST_COST: usize = 100;

/// Attributes to change, by their paths, with the values that they would need.
pub type Change = BTreeMap<Arc<str>, Input>;

/// Something that would permit a denied request.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// To wait so many seconds: nothing but limits stands in the way.
    Wait(u64),
    /// Other values of attributes.
    Set(Change),
}

/// What would permit a request that `decision` denies: waiting, else the changes with the fewest attributes, in the order
/// of their names.
pub(super) fn smallest(engine: &Engine, request: &Request, now: DateTime<Utc>, decision: &Decision) -> Vec<Remedy> {
    if let Some(wait) = decision.denial().and_then(|denial| denial.retry_after)
        && permitted_after(engine, request, now, wait)
    {
        return vec![Remedy::Wait(wait)];
    }
    let Ok(facts) = Facts::new(&engine.ir().vocabulary, request, false) else { return Vec::new() };
    if facts.action.is_none() {
        return Vec::new();
    }
    let free = free(&facts, request);
    let rules: Vec<Live<'_>> = engine.ir().rules.iter().filter_map(|rule| Live::of(rule, &facts, &free)).collect();
    let values = values::of(&rules, &facts, request, now, &free);
    let mut search =
        Search { engine, request, now, rules, values, left: BUDGET, seen: BTreeSet::new(), best: BTreeMap::new() };
    for size in 1..=MOST_CHANGES {
        search.seen.clear();
        search.descend(&Choice::new(), size);
        if !search.best.is_empty() || search.left == 0 {
            break;
        }
    }
    search.answers()
}

/// Whether a request is allowed when it comes again later.
fn permitted_after(engine: &Engine, request: &Request, now: DateTime<Utc>, wait: u64) -> bool {
    let wait = i64::try_from(wait).ok().and_then(TimeDelta::try_seconds);
    let later = |at: DateTime<Utc>| wait.and_then(|wait| at.checked_add_signed(wait));
    let Some(then) = later(now) else { return false };
    let mut request = request.clone();
    if let Some(Input::Text(time)) = request.context.get("time")
        && let Some(time) = crate::check::vocabulary::parse_instant(time).and_then(later)
    {
        request.context.insert("time".to_owned(), values::instant(time));
    }
    engine.preview(&request, then).is_ok_and(|decision| decision.is_allow())
}

/// The attributes that the request may give another value.
fn free(facts: &Facts<'_>, request: &Request) -> BTreeSet<AttrId> {
    let vocabulary = facts.vocabulary;
    let principal =
        request.principal.id.as_ref().and_then(|id| vocabulary.principals.find(&request.principal.kind, id));
    let resource = vocabulary.resources.find(&request.resource.kind, &request.resource.id);
    let identity = [
        builtin::PRINCIPAL_KIND,
        builtin::PRINCIPAL_ID,
        builtin::RESOURCE_KIND,
        builtin::RESOURCE_ID,
        builtin::ACTION_NAME,
    ];
    let fixed = |attr: &AttrId| match vocabulary.attributes[*attr].owner {
        Owner::Principal => facts.anonymous || principal.is_some_and(|entity| entity.values.contains_key(attr)),
        Owner::Resource => resource.is_some_and(|entity| entity.values.contains_key(attr)),
        Owner::Action | Owner::Context => false,
    };
    vocabulary.attributes.ids().filter(|attr| !identity.contains(attr) && !fixed(attr)).collect()
}

/// A rule that may come to fire when free attributes change.
struct Live<'a> {
    rule: &'a Rule,
    /// Its parts with the free attributes that each reads.
    parts: Vec<(&'a Part, BTreeSet<AttrId>)>,
    /// What it reads besides its parts: a gate the grant, a limit what it counts.
    besides: BTreeSet<AttrId>,
}

impl<'a> Live<'a> {
    /// None if what cannot change keeps the rule from ever firing, or it has no say.
    fn of(rule: &'a Rule, facts: &Facts<'_>, free: &BTreeSet<AttrId>) -> Option<Self> {
        let besides = match &rule.effect {
            Effect::Oblige(..) => return None,
            Effect::Allow | Effect::Deny(_) => BTreeSet::new(),
            Effect::Gate(..) => BTreeSet::from([builtin::PRINCIPAL_GRANTED]),
            Effect::Limit(limit, _) => counted(limit, facts.anonymous),
        };
        let besides = besides.intersection(free).copied().collect();
        let parts: Vec<_> = rule.parts.iter().map(|part| (part, read_by(part, free))).collect();
        let least = if matches!(rule.effect, Effect::Allow) { Kleene::True } else { Kleene::Unknown };
        let stuck = |(part, reads): &(&Part, BTreeSet<AttrId>)| reads.is_empty() && truth_of(&part.cond, facts) < least;
        let lives = !rule.shadow && !parts.iter().any(stuck);
        lives.then_some(Self { rule, parts, besides })
    }

    /// The free attributes that it reads.
    fn reads(&self) -> BTreeSet<AttrId> {
        let parts = self.parts.iter().flat_map(|(_, reads)| reads);
        parts.chain(&self.besides).copied().collect()
    }

    /// The free attributes of each part that does not hold.
    fn missing(&self, facts: &Facts<'_>) -> impl Iterator<Item = &BTreeSet<AttrId>> {
        let open = self.parts.iter().filter(|(part, _)| truth_of(&part.cond, facts) != Kleene::True);
        open.map(|(_, reads)| reads)
    }
}

fn read_by(part: &Part, free: &BTreeSet<AttrId>) -> BTreeSet<AttrId> {
    let mut reads = BTreeSet::new();
    part.cond.atoms(&mut |atom| reads.extend(atom.attributes()));
    if reads.contains(&builtin::PRINCIPAL_ROLES) {
        // A role that is held in an organisation counts for its resources.
        reads.insert(builtin::RESOURCE_ORG);
    }
    reads.intersection(free).copied().collect()
}

/// The attributes that say what a limit counts, and by what.
pub(super) fn counted(limit: &Limit, anonymous: bool) -> BTreeSet<AttrId> {
    let key = |key: &LimitKey| match key {
        LimitKey::Principal => anonymous.then_some(builtin::IP),
        LimitKey::Org => Some(builtin::PRINCIPAL_ORG),
        LimitKey::Ip => Some(builtin::IP),
        LimitKey::Resource | LimitKey::Everyone => None,
    };
    limit.unit.into_iter().chain(limit.by.iter().filter_map(key)).collect()
}

/// How many attributes must change at least, where one of each set must: so many as there are sets without a common
/// member. Where a set is empty, no number will do.
fn least_changes(sets: &[BTreeSet<AttrId>]) -> usize {
    let mut counted: BTreeSet<AttrId> = BTreeSet::new();
    let mut least = 0usize;
    for set in sets {
        if set.is_empty() {
            return usize::MAX;
        }
        if set.is_disjoint(&counted) {
            counted.extend(set);
            least = least.saturating_add(1);
        }
    }
    least
}

/// Attributes that change, each with the place of its value among those it could have.
type Choice = BTreeMap<AttrId, usize>;

struct Search<'a> {
    engine: &'a Engine,
    request: &'a Request,
    now: DateTime<Utc>,
    rules: Vec<Live<'a>>,
    /// The values that each free attribute could have, the most natural first.
    values: BTreeMap<AttrId, Vec<Input>>,
    /// How often a rule may still be looked at.
    left: usize,
    seen: BTreeSet<Choice>,
    /// The best values for each set of attributes that works: those that come first.
    best: BTreeMap<Vec<AttrId>, (usize, Vec<usize>)>,
}

impl Search<'_> {
    /// Tries a choice, and every choice that makes up to `more` further changes to what stands in its way. The depth is at
    /// most [`MOST_CHANGES`].
    fn descend(&mut self, choice: &Choice, more: usize) {
        let Some(left) = self.left.checked_sub(self.rules.len().max(LEAST_COST)) else {
            self.left = 0;
            return;
        };
        self.left = left;
        let Some(obstacle) = self.obstacle(choice, more) else { return self.note(choice) };
        let Some(more) = more.checked_sub(1) else { return };
        for attr in obstacle {
            for index in 0..self.values.get(&attr).map_or(0, Vec::len) {
                let mut next = choice.clone();
                next.insert(attr, index);
                if self.seen.insert(next.clone()) {
                    self.descend(&next, more);
                }
            }
        }
    }

    /// Attributes of which one has to change, besides those that have, before the request is permitted; none if it is
    /// permitted. Where more than `more` changes would be needed, there are no such attributes.
    fn obstacle(&self, choice: &Choice, more: usize) -> Option<BTreeSet<AttrId>> {
        let request = self.changed(choice);
        // What would be refused leads nowhere.
        let Ok(facts) = Facts::new(self.vocabulary(), &request, false) else { return Some(BTreeSet::new()) };
        let open = |reads: BTreeSet<AttrId>| -> BTreeSet<AttrId> {
            reads.into_iter().filter(|attr| !choice.contains_key(attr)).collect()
        };
        let mut prohibitions = Vec::new();
        let mut missing = BTreeSet::new();
        let mut allowed = false;
        for live in &self.rules {
            match live.rule.effect {
                Effect::Deny(_) | Effect::Gate(..) if fires(live.rule, &facts).possible() => {
                    prohibitions.push(open(live.reads()));
                }
                Effect::Allow if fires(live.rule, &facts) == Kleene::True => allowed = true,
                Effect::Allow => {
                    let parts: Vec<BTreeSet<AttrId>> = live.missing(&facts).cloned().map(open).collect();
                    if least_changes(&parts) <= more {
                        missing.extend(parts.into_iter().flatten());
                    }
                }
                Effect::Deny(_) | Effect::Gate(..) | Effect::Limit(..) | Effect::Oblige(..) => {}
            }
        }
        if !prohibitions.is_empty() {
            let reachable = least_changes(&prohibitions) <= more;
            return Some(prohibitions.into_iter().min_by_key(BTreeSet::len).filter(|_| reachable).unwrap_or_default());
        }
        if !allowed {
            return Some(missing);
        }
        let Ok(decision) = self.engine.preview(&request, self.now) else { return Some(BTreeSet::new()) };
        if decision.is_allow() {
            return None;
        }
        let limits = self.rules.iter().filter(|live| matches!(live.rule.effect, Effect::Limit(..)));
        let by = |live: &&Live<'_>| {
            decision.rule.as_ref().is_some_and(|by| live.rule.name() == by.name && live.rule.place() == by.at)
        };
        Some(open(limits.filter(by).flat_map(Live::reads).collect()))
    }

    fn note(&mut self, choice: &Choice) {
        let attrs: Vec<AttrId> = choice.keys().copied().collect();
        let places: Vec<usize> = choice.values().copied().collect();
        let this = (places.iter().sum(), places);
        let best = self.best.entry(attrs).or_insert_with(|| this.clone());
        if this < *best {
            *best = this;
        }
    }

    fn changed(&self, choice: &Choice) -> Request {
        let mut request = self.request.clone();
        for (attr, index) in choice {
            if let Some(value) = self.values.get(attr).and_then(|values| values.get(*index)) {
                set(self.vocabulary(), &mut request, *attr, value.clone());
            }
        }
        request
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.engine.ir().vocabulary
    }

    fn answers(&self) -> Vec<Remedy> {
        let change = |(attrs, (_, places)): (&Vec<AttrId>, &(usize, Vec<usize>))| {
            let named = |(attr, place): (&AttrId, &usize)| {
                let value = self.values.get(attr)?.get(*place)?.clone();
                Some((self.vocabulary().attributes[*attr].path.clone(), value))
            };
            attrs.iter().zip(places).filter_map(named).collect::<Change>()
        };
        let mut changes: Vec<Change> = self.best.iter().map(change).collect();
        changes.sort_by(|a, b| a.keys().cmp(b.keys()));
        changes.into_iter().take(MOST_ANSWERS).map(Remedy::Set).collect()
    }
}

/// Gives an attribute of a request another value.
fn set(vocabulary: &Vocabulary, request: &mut Request, attr: AttrId, value: Input) {
    let row = &vocabulary.attributes[attr];
    let properties = match row.owner {
        Owner::Principal => &mut request.principal.properties,
        Owner::Resource => &mut request.resource.properties,
        Owner::Action => &mut request.action_properties,
        Owner::Context => &mut request.context,
    };
    insert(properties, &row.name, value);
}
