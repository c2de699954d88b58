//! From what a caller says to a prepared request: numbers for texts, declarations and defaults filled in, types checked.
//!
//! The principal comes first and may be kept for many requests; then the resource, the action and the circumstances.

use super::{
    facts::Grant,
    prepared::{Mark, Prepared},
};
use crate::{
    check::vocabulary::{AttrId, Owner, Type, Vocabulary, builtin, parse_instant},
    compile::{
        Graph,
        block::action_bit,
        declare::fixed,
        graph::{BlockRef, NONE, Slot, State, UNREAD},
        tables::{address, minute},
    },
    request::Given,
    value::canonical_ip,
};
use chrono::{DateTime, Utc};
use smallvec::SmallVec;
use std::net::IpAddr;

/// A policy set as a draft needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set<'a> {
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) graph: &'a Graph,
}

/// A value that does not fit its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit;

/// A request that is being prepared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) request: Prepared,
    /// The declarations of the principal and of the resource; of a resource that nobody declared, none.
    principal_entity: u32,
    resource_entity: u32,
    anonymous: bool,
    /// Bits of the roles that are held everywhere.
    held: SmallVec<[u64; 1]>,
    /// Roles that are held in one organisation: their numbers, and those of the organisations' texts.
    scoped: SmallVec<[(u32, u32); 2]>,
    roles_unknown: bool,
    resource_org: Slot,
    /// Where what belongs to the principal ends.
    mark: Mark,
    /// The kinds that were said last: most callers say the same again.
    principal_kind: Kind,
    resource_kind: Kind,
}

/// A kind, and the number of its text.
#[derive(Debug, Clone, Default)]
struct Kind {
    text: String,
    number: Option<u32>,
}

impl Kind {
    /// The number of a kind's text.
    #[inline]
    fn number(&mut self, graph: &Graph, kind: &str) -> Option<u32> {
        if self.text != kind || kind.is_empty() {
            self.text.clear();
            self.text.push_str(kind);
            self.number = graph.tables.texts.find(0, kind);
        }
        self.number
    }
}

impl Draft {
    /// Whether the principal is nobody in particular.
    pub(crate) const fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// Starts with a principal; with an empty kind, with nobody.
    pub(crate) fn principal(&mut self, set: Set<'_>, kind: &str, id: Option<&str>) {
        let graph = set.graph;
        self.request.reset(Mark::default());
        self.request.slots.clear();
        self.request.slots.extend_from_slice(&graph.blank);
        self.anonymous = kind == "anonymous";
        self.request.nobody = kind.is_empty();
        self.request.grant = if graph.granted { Grant::Manual } else { Grant::No };
        self.held.resize(graph.role_words(), 0);
        self.roles(set, graph.default_roles);
        let number = self.principal_kind.number(graph, kind);
        let known = number.zip(id).and_then(|(kind, id)| graph.tables.principals.find(kind, id));
        self.request.principal = known.unwrap_or(NONE);
        self.principal_entity = match (known, number.zip(id)) {
            (Some(known), _) => graph.principals.get(known as usize).map_or(NONE, |home| home.entity),
            (None, Some((kind, id))) => Graph::declared(&graph.principal_patterns, graph.globs(), kind, id),
            (None, None) => NONE,
        };
        if self.anonymous {
            self.nobody_in_particular(set);
        }
        self.fix(set, self.principal_entity);
        if !kind.is_empty() {
            self.text(set, builtin::PRINCIPAL_KIND, kind);
        }
        match id {
            Some(id) => self.text(set, builtin::PRINCIPAL_ID, id),
            None if self.anonymous => self.put(set, builtin::PRINCIPAL_ID, Slot::NONE),
            None => {}
        }
        self.mark = self.request.mark();
    }

    fn nobody_in_particular(&mut self, set: Set<'_>) {
        self.roles(set, Slot::NONE);
        self.request.grant = Grant::No;
        self.put(set, builtin::PRINCIPAL_ROLES, Slot::known(0, 0));
        self.put(set, builtin::PRINCIPAL_ORG, Slot::NONE);
        self.put(set, builtin::PRINCIPAL_TIER, Slot::known(0, 0));
        self.put(set, builtin::PRINCIPAL_GRANTED, Slot::known(0, 0));
    }

    /// The values that a declaration fixes.
    fn fix(&mut self, set: Set<'_>, entity: u32) {
        if entity == NONE || entity == 0 {
            return;
        }
        for (attr, slot) in fixed(&set.graph.entities, entity) {
            match attr {
                builtin::PRINCIPAL_ROLES => self.roles(set, slot),
                builtin::RESOURCE_ORG => self.resource_org = slot,
                _ => {}
            }
            self.put(set, attr, slot);
        }
    }

    /// Whether a declaration fixes an attribute.
    #[inline]
    fn is_fixed(&self, set: Set<'_>, attr: AttrId, owner: Owner) -> bool {
        let entity = match owner {
            Owner::Principal => self.principal_entity,
            Owner::Resource => self.resource_entity,
            Owner::Action | Owner::Context => NONE,
        };
        entity != NONE && entity != 0 && fixed(&set.graph.entities, entity).any(|(fixed, _)| fixed == attr)
    }

    /// Goes on with an action and a resource, for which everything but the principal is anew.
    pub(crate) fn ask(&mut self, set: Set<'_>, action: &str, kind: &str, id: &str, class: Option<Class<'_>>) {
        let graph = set.graph;
        self.request.reset(self.mark);
        self.request.slots.truncate(graph.of_principal);
        self.request.slots.extend_from_slice(graph.blank.get(graph.of_principal..).unwrap_or_default());
        self.request.action = graph.actions.find(0, action).map_or(0, action_bit);
        self.text(set, builtin::ACTION_NAME, action);
        self.resource_org = Slot::UNKNOWN;
        let kind_number = self.resource_kind.number(graph, kind);
        let number = kind_number.and_then(|kind| graph.tables.resources.find(kind, id));
        self.request.resource = number.unwrap_or(NONE);
        let home = number.and_then(|number| graph.resources.get(number as usize));
        let class = class.filter(|_| home.is_none());
        self.resource_entity = match (home, class, kind_number) {
            (Some(home), _, _) => home.entity,
            (None, Some(class), _) => class.entity,
            (None, None, Some(kind)) => Graph::declared(&graph.resource_patterns, graph.globs(), kind, id),
            (None, None, None) => NONE,
        };
        if self.resource_entity != NONE {
            for (slot, read) in self.request.slots.iter_mut().zip(&graph.slots) {
                if read.owner == Owner::Resource {
                    *slot = read.default;
                }
            }
            self.resource_org = graph.default_org;
            self.fix(set, self.resource_entity);
        }
        self.text(set, builtin::RESOURCE_KIND, kind);
        self.text(set, builtin::RESOURCE_ID, id);
        match (home, class) {
            (Some(home), _) => {
                let found = graph.listed(home.patterns);
                if !found.is_empty() {
                    self.request.rare().found.extend(blocks(found));
                }
            }
            (None, Some(class)) => {
                if !class.found.is_empty() {
                    self.request.rare().found.extend(class.found);
                }
            }
            (None, None) => {
                for block in graph.matching(id) {
                    self.request.rare().found.push(block);
                }
            }
        }
    }

    /// The address that is asked from.
    #[inline]
    pub(crate) fn ip(&mut self, set: Set<'_>, ip: IpAddr) {
        self.put(set, builtin::IP, ip_slot(ip));
    }

    /// The instant that is asked at.
    #[inline]
    pub(crate) fn time(&mut self, set: Set<'_>, at: DateTime<Utc>) {
        let slot = time_slot(at);
        self.clocks(set.graph, slot);
        self.put(set, builtin::TIME, slot);
    }

    /// Takes a value for an attribute, unless a declaration fixes it.
    pub(crate) fn give(&mut self, set: Set<'_>, attr: AttrId, given: Given<'_>) -> Result<(), Misfit> {
        let row = &set.vocabulary.attributes[attr];
        if self.is_fixed(set, attr, row.owner) || (row.ty == Type::Tier && set.vocabulary.tiers.is_empty()) {
            return Ok(());
        }
        if row.owner == Owner::Principal && self.anonymous {
            return Err(Misfit);
        }
        let slot = match attr {
            builtin::PRINCIPAL_GRANTED => self.granted(given)?,
            builtin::PRINCIPAL_ROLES => self.give_roles(set, given)?,
            _ => self.read(set, attr, given)?,
        };
        match attr {
            builtin::RESOURCE_ORG => self.resource_org = slot,
            builtin::TIME if slot.state == State::Known => self.clocks(set.graph, slot),
            builtin::TIME => {
                if let Some(rare) = &mut self.request.rare {
                    rare.minutes.clear();
                }
            }
            _ => {}
        }
        self.put(set, attr, slot);
        Ok(())
    }

    /// The value of an attribute; unread ones are only checked.
    #[inline]
    fn read(&mut self, set: Set<'_>, attr: AttrId, given: Given<'_>) -> Result<Slot, Misfit> {
        let row = &set.vocabulary.attributes[attr];
        let lowest = attr == builtin::PRINCIPAL_TIER;
        Ok(match (&row.ty, given) {
            (_, Given::Unknown) => Slot::UNKNOWN,
            (Type::Tier, Given::None) if lowest => Slot::known(0, 0),
            (_, Given::None) => Slot::NONE,
            (Type::Bool, Given::Bool(value)) => Slot::known(u64::from(value), 0),
            (Type::Int(..), Given::Int(value)) if row.is_unit && value < 0 => return Err(Misfit),
            (Type::Int(least, most), Given::Int(value)) if (*least..=*most).contains(&value) => {
                Slot::known(value.cast_unsigned(), 0)
            }
            (Type::Tier, Given::Text(name)) => {
                let rank = set.vocabulary.tier(name);
                let rank = if lowest { rank.unwrap_or_default() } else { rank.ok_or(Misfit)? };
                Slot::known(u64::from(rank.0), 0)
            }
            (Type::Ip, Given::Ip(ip)) => ip_slot(ip),
            (Type::Ip, Given::Text(text)) => ip_slot(text.parse().map_err(|_| Misfit)?),
            (Type::Time, Given::Time(at)) => time_slot(at),
            (Type::Time, Given::Text(text)) => time_slot(parse_instant(text).ok_or(Misfit)?),
            (Type::OneOf(constants), Given::Text(text)) if !constants.iter().any(|name| **name == *text) => {
                return Err(Misfit);
            }
            (Type::Text | Type::Kind | Type::Action | Type::OneOf(_), Given::Text(text)) => {
                if !is_read(set.graph, attr) && attr != builtin::RESOURCE_ORG {
                    return Ok(Slot::UNKNOWN);
                }
                Slot::known(u64::from(self.request.number(set.graph, text)), 0)
            }
            (Type::Texts, Given::Texts(texts)) if is_read(set.graph, attr) => self.members(set.graph, texts),
            (Type::Texts, Given::Texts(_)) => Slot::UNKNOWN,
            (
                Type::Bool
                | Type::Int(..)
                | Type::Text
                | Type::Ip
                | Type::Time
                | Type::Tier
                | Type::Texts
                | Type::OneOf(_)
                | Type::Kind
                | Type::Action
                | Type::Roles,
                _,
            ) => return Err(Misfit),
        })
    }

    /// A set of texts.
    fn members(&mut self, graph: &Graph, texts: &[&str]) -> Slot {
        let start = self.request.rare().members.len();
        for text in texts {
            let number = self.request.number(graph, text);
            self.request.rare().members.push(number);
        }
        Slot::known(start as u64, texts.len() as u64)
    }

    fn granted(&mut self, given: Given<'_>) -> Result<Slot, Misfit> {
        let (grant, slot) = match given {
            Given::Bool(false) | Given::None => (Grant::No, Slot::known(0, 0)),
            Given::Bool(true) | Given::Text("manual") => (Grant::Manual, Slot::known(1, 0)),
            Given::Text("auto") => (Grant::Auto, Slot::known(1, 0)),
            Given::Unknown => (Grant::Unknown, Slot::UNKNOWN),
            Given::Int(_)
            | Given::Text(_)
            | Given::Texts(_)
            | Given::Roles(_)
            | Given::Ip(_)
            | Given::Time(_)
            | Given::Unfit => return Err(Misfit),
        };
        self.request.grant = grant;
        Ok(slot)
    }

    fn give_roles(&mut self, set: Set<'_>, given: Given<'_>) -> Result<Slot, Misfit> {
        self.held.fill(0);
        self.scoped.clear();
        self.roles_unknown = false;
        let mut count = 0_u64;
        match given {
            Given::Unknown => {
                self.roles_unknown = true;
                return Ok(Slot::UNKNOWN);
            }
            Given::None => return Ok(Slot::NONE),
            Given::Texts(roles) => {
                for role in roles {
                    count = count.saturating_add(u64::from(self.hold(set.graph, role, None)));
                }
            }
            Given::Roles(roles) => {
                for (role, org) in roles {
                    count = count.saturating_add(u64::from(self.hold(set.graph, role, *org)));
                }
            }
            Given::Bool(_) | Given::Int(_) | Given::Text(_) | Given::Ip(_) | Given::Time(_) | Given::Unfit => {
                return Err(Misfit);
            }
        }
        Ok(Slot::known(0, count))
    }

    /// Notes a role with all that it includes; whether the vocabulary knows it.
    fn hold(&mut self, graph: &Graph, role: &str, org: Option<&str>) -> bool {
        let Some(role) = graph.role_names.find(0, role) else { return false };
        let closure = graph.closure(role);
        match org {
            None => self.held.iter_mut().zip(closure).for_each(|(held, bits)| *held |= bits),
            Some(org) => {
                let org = self.request.number(graph, org);
                let included = (0..graph.roles.len() as u32)
                    .filter(|role| closure.get((role >> 6) as usize).is_some_and(|word| word >> (role & 63) & 1 == 1));
                self.scoped.extend(included.map(|role| (role, org)));
            }
        }
        true
    }

    /// Notes roles that stand in the graph's pool.
    fn roles(&mut self, set: Set<'_>, slot: Slot) {
        self.held.fill(0);
        self.scoped.clear();
        self.roles_unknown = slot.state == State::Unknown;
        if slot.state != State::Known {
            return;
        }
        let (start, count) = slot.members();
        let words = set.graph.tables.pool.get(start..start.saturating_add(count)).unwrap_or_default();
        let (held, _) = words.as_chunks::<2>();
        for [role, org] in held {
            match org.checked_sub(1) {
                Some(org) => self.scoped.push((*role, org)),
                None => {
                    if let Some(word) = self.held.get_mut((role >> 6) as usize) {
                        *word |= 1 << (role & 63);
                    }
                }
            }
        }
    }

    /// The clocks on the walls of all zones that windows are in.
    #[inline]
    fn clocks(&mut self, graph: &Graph, slot: Slot) {
        if graph.zones().is_empty() {
            return;
        }
        let rare = self.request.rare();
        rare.minutes.clear();
        rare.minutes.extend(graph.zones().iter().map(|zone| minute(zone, slot.a.cast_signed())));
    }

    /// Says that all has been given that belongs to the principal.
    pub(crate) fn end_of_principal(&mut self) {
        self.mark = self.request.mark();
    }

    /// Says that all has been given: what depends on several values is put together.
    pub(crate) fn settle(&mut self, set: Set<'_>) -> &Prepared {
        self.count_roles();
        let graph = set.graph;
        if !graph.tags.is_empty() {
            let slot = self.slot(set, builtin::RESOURCE_TAGS);
            match slot.state {
                State::Unknown => self.request.rare().found.push(graph.tags.unknown),
                State::None => {}
                State::Known => {
                    for place in 0..self.request.set(graph, slot).len() {
                        let tag = self.request.set(graph, slot).get(place).copied();
                        if let Some(block) = tag.and_then(|tag| graph.tags.get(tag)) {
                            self.request.rare().found.push(block);
                        }
                    }
                }
            }
        }
        for (attr, orgs) in
            [(builtin::PRINCIPAL_ORG, &graph.principal_orgs), (builtin::RESOURCE_ORG, &graph.resource_orgs)]
        {
            if orgs.is_empty() {
                continue;
            }
            let slot = self.slot(set, attr);
            let block = match slot.state {
                State::Unknown => Some(orgs.unknown),
                State::None => None,
                State::Known => orgs.get(slot.a as u32),
            };
            if let Some(block) = block {
                self.request.rare().found.push(block);
            }
        }
        if let Some(rare) = &mut self.request.rare {
            // Each once, however often a request repeats a tag.
            rare.found.sort_unstable();
            rare.found.dedup();
        }
        &self.request
    }

    /// The bits of the roles: one that is held in an organisation counts for that organisation's resources.
    fn count_roles(&mut self) {
        let words = self.held.len();
        let roles = &mut self.request.roles;
        roles.resize(words.wrapping_mul(2), 0);
        for half in roles.chunks_exact_mut(words.max(1)) {
            half.copy_from_slice(&self.held);
        }
        if self.roles_unknown {
            roles.iter_mut().skip(words).for_each(|word| *word = u64::MAX);
        }
        for (role, org) in &self.scoped {
            let (certain, possible) = match self.resource_org.state {
                State::Unknown => (false, true),
                State::None => (false, false),
                State::Known => {
                    let same = self.resource_org.a == u64::from(*org);
                    (same, same)
                }
            };
            let word = (role >> 6) as usize;
            for (word, set) in [(word, certain), (word.saturating_add(words), possible)] {
                if let Some(word) = roles.get_mut(word).filter(|_| set) {
                    *word |= 1 << (role & 63);
                }
            }
        }
    }

    /// The numbers of the roles that are held everywhere.
    pub(super) fn held(&self, graph: &Graph) -> impl Iterator<Item = u32> {
        let has = |role: &u32| self.held.get((role >> 6) as usize).is_some_and(|word| word >> (role & 63) & 1 == 1);
        (0..graph.roles.len() as u32).filter(has)
    }

    /// The numbers of the roles that are held in one organisation, with that of its text.
    pub(super) fn scoped(&self) -> impl Iterator<Item = (u32, u32)> {
        self.scoped.iter().copied()
    }

    /// What is known of an attribute.
    pub(super) fn slot(&self, set: Set<'_>, attr: AttrId) -> Slot {
        set.graph.slot_of.get(attr.0 as usize).map_or(Slot::UNKNOWN, |slot| self.request.slot(*slot))
    }

    /// Puts a value into its slot, if it has one.
    #[inline]
    fn put(&mut self, set: Set<'_>, attr: AttrId, value: Slot) {
        let slot = set.graph.slot_of.get(attr.0 as usize).copied().unwrap_or(UNREAD);
        if let Some(slot) = self.request.slots.get_mut(usize::from(slot)) {
            *slot = value;
        }
    }

    /// Puts a text into its slot, if it has one.
    #[inline]
    fn text(&mut self, set: Set<'_>, attr: AttrId, text: &str) {
        if is_read(set.graph, attr) {
            let number = self.request.number(set.graph, text);
            self.put(set, attr, Slot::known(u64::from(number), 0));
        }
    }
}

/// What is known of a resource that has no number of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class<'a> {
    /// Its declaration.
    pub(crate) entity: u32,
    /// The blocks of the patterns that match it.
    pub(crate) found: &'a [BlockRef],
}

#[inline]
fn is_read(graph: &Graph, attr: AttrId) -> bool {
    graph.slot_of.get(attr.0 as usize).is_some_and(|slot| *slot != UNREAD)
}

/// The block references of a list.
fn blocks(words: &[u32]) -> impl Iterator<Item = BlockRef> {
    words.as_chunks::<2>().0.iter().map(|[at, base]| BlockRef { at: *at, base: *base })
}

#[inline]
fn ip_slot(ip: IpAddr) -> Slot {
    let bits = address(canonical_ip(ip));
    Slot::known((bits >> 64) as u64, bits as u64)
}

#[inline]
const fn time_slot(at: DateTime<Utc>) -> Slot {
    Slot::known(at.timestamp().cast_unsigned(), at.timestamp_subsec_nanos() as u64)
}
