//! Which rules can fire differently in two policy sets, without a look at a single request.
//!
//! A rule that both sets have, and whose names stand for the same in both, fires alike wherever the resource is declared
//! alike. All others are called changed, whether or not that makes a difference: a rule whose text is the same, too, where
//! a role, a tier, a default or a declared principal that it depends on is not.

use super::{
    ChangeKind, NEW, OLD,
    mark::{Mark, mark},
};
use crate::{
    check::{
        ir::{Atom, Effect, Rule, RuleId, Upon},
        vocabulary::{Type, Vocabulary, builtin},
    },
    ids::IdVec,
    query::space::{Declared, Frame, Key, Side, SideId, key, pins},
    value::Value,
};
use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// What two policy sets do not have in common.
pub(super) struct Changed<'a> {
    frame: &'a Frame<'a>,
    /// Whether what is equal says the same in both sets: they have the same numbers for names.
    are_numbered_alike: bool,
    /// The attributes that are not taken for the same.
    keys: BTreeSet<Key>,
    /// The roles that are not included in the same ones.
    roles: BTreeSet<Arc<str>>,
    /// Whether not the same actions are known.
    pub(super) actions: bool,
    rules: IdVec<SideId, HashSet<RuleId>>,
    /// The ids of resources that a changed rule is only about.
    ids: HashSet<Arc<str>>,
    /// Whether a changed rule is about resources of any id.
    pub(super) general: bool,
    /// Whether a set has gates.
    has_gates: bool,
    /// Whether prohibitions that both have stand in another order.
    has_moved: bool,
}

/// The rules of a set that count, in source order.
type Counting<'a> = Vec<(RuleId, &'a Rule)>;

impl<'a> Changed<'a> {
    /// What two policy sets do not have in common.
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let mut changed = Self {
            frame,
            are_numbered_alike: frame.sides[OLD].numbers_like(&frame.sides[NEW]),
            keys: keys(frame),
            roles: roles(frame),
            actions: differ(frame, |side| side.vocabulary().actions.iter().cloned().collect::<BTreeSet<_>>()),
            rules: frame.sides.iter().map(|_| HashSet::new()).collect(),
            ids: HashSet::new(),
            general: false,
            has_moved: false,
            has_gates: frame
                .sides
                .iter()
                .any(|side| side.ir.rules.iter().any(|rule| matches!(rule.effect, Effect::Gate(..)))),
        };
        changed.general = changed.actions;
        let counting: IdVec<SideId, Counting<'a>> = frame.sides.iter().map(counting).collect();
        for (side, other) in [(OLD, NEW), (NEW, OLD)] {
            for (id, rule) in changed.only_one_says(&counting, side, other) {
                changed.add(side, id, rule);
            }
            if changed.is_shaking() {
                let shaken = counting[side].par_iter().filter(|(_, rule)| changed.is_shaken(side, rule));
                for (id, rule) in shaken.copied().collect::<Vec<_>>() {
                    changed.add(side, id, rule);
                }
            }
        }
        changed.moved(&counting);
        changed.by_code();
        changed
    }

    /// Whether a rule may fire where the other set's does not.
    pub(super) fn has(&self, side: SideId, rule: RuleId) -> bool {
        self.rules[side].contains(&rule)
    }

    /// Whether two sets may differ about a resource even where no general rule has changed.
    pub(super) fn touches(&self, id: Option<&Arc<str>>, declared: &Declared<'_>) -> bool {
        id.is_some_and(|id| self.ids.contains(id)) || !self.are_declared_alike(declared)
    }

    /// Whether both sets fix the same for a resource.
    fn are_declared_alike(&self, declared: &Declared<'_>) -> bool {
        match (declared[OLD], declared[NEW]) {
            (None, None) => true,
            (Some(before), Some(after)) => {
                let are_equal = before.values == after.values && self.are_numbered_alike && self.roles.is_empty();
                are_equal || self.frame.sides[OLD].fixed(before) == self.frame.sides[NEW].fixed(after)
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// The changed rules that must be among those that fire where a change of a kind is to be found, at a resource that is
    /// declared alike; none if such a change need not be found at one of them.
    pub(super) fn behind(&self, kind: ChangeKind) -> Option<Vec<(SideId, RuleId)>> {
        let may_be = |side: SideId, effect: &Effect| match (kind, effect) {
            (ChangeKind::Gained, Effect::Allow) | (ChangeKind::Lost, Effect::Deny(_) | Effect::Gate(..)) => side == NEW,
            (ChangeKind::Lost, Effect::Allow) | (ChangeKind::Gained, Effect::Deny(_) | Effect::Gate(..)) => side == OLD,
            (ChangeKind::Limit, Effect::Limit(..)) | (ChangeKind::Duty, Effect::Oblige(_)) => true,
            (ChangeKind::Reason, Effect::Deny(_) | Effect::Gate(..)) => true,
            // Without gates no request goes through one.
            (ChangeKind::Gate, Effect::Deny(_) | Effect::Gate(..)) => self.has_gates,
            (_, Effect::Allow | Effect::Deny(_) | Effect::Gate(..) | Effect::Limit(..) | Effect::Oblige(_)) => false,
        };
        let effect = |side: SideId, id: RuleId| self.frame.sides[side].ir.rules.find(id).map(|rule| &rule.effect);
        let is_one = |(side, id): &(SideId, RuleId)| effect(*side, *id).is_some_and(|effect| may_be(*side, effect));
        let rules: Vec<(SideId, RuleId)> = self.general_rules().filter(is_one).collect();
        // Through which gate a request goes depends on others than the rule that decides, too; and of rules that have changed
        // places, one that has not moved may decide.
        let by_others = match kind {
            ChangeKind::Gate => !rules.is_empty(),
            ChangeKind::Reason => self.has_moved,
            ChangeKind::Gained | ChangeKind::Lost | ChangeKind::Limit | ChangeKind::Duty => false,
        };
        (!self.actions && !by_others).then_some(rules)
    }

    /// The changed rules that may be about resources of any id.
    pub(super) fn general_rules(&self) -> impl Iterator<Item = (SideId, RuleId)> {
        let general = |side: SideId, id: &RuleId| {
            self.frame.sides[side].ir.rules.find(*id).is_some_and(|rule| pins(&rule.parts).is_none())
        };
        let all = self.rules.pairs().flat_map(|(side, rules)| rules.iter().map(move |id| (side, *id)));
        all.filter(move |(side, id)| general(*side, id))
    }

    fn add(&mut self, side: SideId, id: RuleId, rule: &Rule) {
        self.rules[side].insert(id);
        match pins(&rule.parts) {
            Some(names) => self.ids.extend(names),
            None => self.general = true,
        }
    }

    /// The rules that only the first of two sets has. Most of its rules stand at the same place in both, from the beginning
    /// or from the end, and need not be looked for.
    fn only_one_says(&self, counting: &IdVec<SideId, Counting<'a>>, side: SideId, other: SideId) -> Counting<'a> {
        let (mine, theirs) = (&counting[side], &counting[other]);
        let from_end = |index: usize| theirs.get(index.saturating_add(theirs.len()).checked_sub(mine.len())?);
        let is_at = |place: Option<&(RuleId, &Rule)>, rule| place.is_some_and(|(_, other)| self.are_equal(rule, other));
        let unpaired = mine
            .par_iter()
            .enumerate()
            .filter(|(index, (_, rule))| !is_at(theirs.get(*index), rule) && !is_at(from_end(*index), rule));
        let unpaired: Counting<'a> = unpaired.map(|(_, rule)| *rule).collect();
        // Only rules about the same resources can say the same.
        let (mut ids, mut free) = (HashSet::new(), false);
        for (_, rule) in &unpaired {
            match pins(&rule.parts) {
                Some(names) => ids.extend(names),
                None => free = true,
            }
        }
        let of = &self.frame.sides[other];
        let near = of.rules_with(&ids, free).into_iter().filter_map(|id| of.ir.rules.find(id));
        let near: Vec<&Rule> = near.filter(|rule| !rule.shadow).collect();
        let said: HashSet<Mark> = near.par_iter().map(|rule| mark(of, rule)).collect();
        let only = unpaired.par_iter().filter(|(_, rule)| !said.contains(&mark(&self.frame.sides[side], rule)));
        only.copied().collect()
    }

    /// Whether rules of the two sets are so equal that they say the same; not all that do are.
    fn are_equal(&self, one: &Rule, other: &Rule) -> bool {
        let conds = || one.parts.iter().map(|part| &part.cond).eq(other.parts.iter().map(|part| &part.cond));
        self.are_numbered_alike && one.effect == other.effect && conds()
    }

    /// Of the prohibitions that both have, those that do not stand in the same order: the first decides.
    fn moved(&mut self, counting: &IdVec<SideId, Counting<'a>>) {
        let denies = |(_, rule): &&(RuleId, &Rule)| matches!(rule.effect, Effect::Deny(_) | Effect::Gate(..));
        let [before, after] = [OLD, NEW].map(|side| counting[side].iter().filter(denies).copied());
        if before.clone().count() == after.clone().count()
            && before.clone().zip(after.clone()).all(|((_, one), (_, other))| self.are_equal(one, other))
        {
            return;
        }
        let marks = |side: SideId, rules: Counting<'a>| -> Vec<(RuleId, &'a Rule, Mark)> {
            rules.par_iter().map(|(id, rule)| (*id, *rule, mark(&self.frame.sides[side], rule))).collect()
        };
        let (before, after) = (marks(OLD, before.collect()), marks(NEW, after.collect()));
        let mut places: HashMap<Mark, usize> = HashMap::new();
        for (place, (_, _, mark)) in before.iter().enumerate() {
            places.entry(*mark).or_insert(place);
        }
        let mut last = 0;
        let mut seen = HashSet::new();
        for (id, rule, mark) in after {
            let Some(place) = places.get(&mark) else { continue };
            if !seen.insert(mark) {
                continue;
            }
            if *place < last {
                self.has_moved = true;
                self.add(NEW, id, rule);
            }
            last = last.max(*place);
        }
    }

    /// What a denial with a code obliges to depends on which rule denies.
    fn by_code(&mut self) {
        let denies = |rule: &Rule| matches!(rule.effect, Effect::Deny(_) | Effect::Gate(..));
        let frame = self.frame;
        let any = self.actions
            || self.general_rules().any(|(side, id)| frame.sides[side].ir.rules.find(id).is_some_and(denies));
        if !any {
            return;
        }
        for (side, of) in frame.sides.pairs() {
            for (id, rule) in of.ir.rules.pairs() {
                if matches!(&rule.effect, Effect::Oblige(duties) if matches!(duties.upon, Upon::Deny(Some(_)))) {
                    self.add(side, id, rule);
                }
            }
        }
    }

    /// Whether there is anything that rules depend on and that is not the same in both sets.
    fn is_shaking(&self) -> bool {
        !self.keys.is_empty() || !self.roles.is_empty()
    }

    /// Whether a rule depends on something that is not the same in both sets.
    fn is_shaken(&self, side: SideId, rule: &Rule) -> bool {
        let of = &self.frame.sides[side];
        let mut shaken =
            matches!(rule.effect, Effect::Gate(..)) && self.keys.contains(&key(builtin::PRINCIPAL_GRANTED));
        for part in &rule.parts {
            part.cond.atoms(&mut |atom| shaken |= self.shakes(of, atom));
        }
        shaken
    }

    fn shakes(&self, side: &Side<'_>, atom: &Atom) -> bool {
        let attributes = atom.attributes();
        let of_roles = attributes.contains(&builtin::PRINCIPAL_ROLES);
        let roles = match atom {
            Atom::Holds(role) => self.roles.contains(&side.vocabulary().roles[*role].name),
            Atom::IsTrue(_)
            | Atom::Has(_)
            | Atom::Compare(..)
            | Atom::CompareResource { .. }
            | Atom::In(..)
            | Atom::During(..)
            | Atom::Like(..)
            | Atom::Contains(..)
            | Atom::ContainsValue(..)
            | Atom::Overlaps(..)
            | Atom::OverlapsResource(..) => of_roles && !self.roles.is_empty(),
        };
        // A role that is held in an organisation counts there.
        let org = of_roles && self.keys.contains(&key(builtin::RESOURCE_ORG));
        roles || org || attributes.iter().any(|attr| self.keys.contains(&side.key(*attr)))
    }
}

/// The rules of a set that count.
fn counting<'a>(side: &Side<'a>) -> Counting<'a> {
    side.ir.rules.pairs().filter(|(_, rule)| !rule.shadow).collect()
}

/// Whether something is not the same for all sets.
fn differ<T: PartialEq>(frame: &Frame<'_>, of: impl Fn(&Side<'_>) -> T) -> bool {
    let each: Vec<T> = frame.sides.iter().map(of).collect();
    each.windows(2).any(|pair| matches!(pair, [one, other] if one != other))
}

/// The attributes that are not taken for the same by default, by a declaration of a principal or by their type.
fn keys(frame: &Frame<'_>) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    let tiers = differ(frame, |side| side.vocabulary().tiers.clone());
    for (key, attribute) in frame.attributes.pairs() {
        let is_tier = attribute.ty == Type::Tier && tiers;
        if is_tier || !attribute.is_agreed || differ(frame, |side| side.default(key)) {
            keys.insert(key);
        }
    }
    let people: Vec<People> = frame.sides.iter().map(people).collect();
    for (index, side) in people.iter().enumerate() {
        for (other, theirs) in people.iter().enumerate() {
            if index == other {
                continue;
            }
            for (who, fixed) in side {
                if theirs.get(who) != Some(fixed) {
                    keys.extend(fixed.keys());
                }
            }
        }
    }
    keys
}

/// What declarations of principals fix, by kind, id or pattern, and which of the two it is.
type People = BTreeMap<(Arc<str>, Arc<str>, bool), BTreeMap<Key, Value>>;

/// What a set's declarations of principals fix.
fn people(side: &Side<'_>) -> People {
    let principals = &side.vocabulary().principals;
    let exact = principals.exact().map(|(_, entity)| (entity, true));
    let patterns = principals.patterns().map(|(_, entity)| (entity, false));
    exact
        .chain(patterns)
        .map(|(entity, exact)| ((entity.kind.clone(), entity.id.clone(), exact), side.fixed(entity)))
        .collect()
}

/// The roles that not the same ones include.
fn roles(frame: &Frame<'_>) -> BTreeSet<Arc<str>> {
    let names: BTreeSet<Arc<str>> =
        frame.sides.iter().flat_map(|side| side.vocabulary().roles.iter().map(|role| role.name.clone())).collect();
    names.into_iter().filter(|name| differ(frame, |side| including(side.vocabulary(), name))).collect()
}

/// The roles that include one, itself among them.
fn including(vocabulary: &Vocabulary, name: &Arc<str>) -> Option<BTreeSet<Arc<str>>> {
    let wanted = vocabulary.role_ids.get(name)?;
    let including = vocabulary.roles.iter().filter(|role| role.closure.contains(wanted));
    Some(including.map(|role| role.name.clone()).collect())
}
