//! From what a caller says to a prepared request: numbers for texts, declarations and defaults filled in, types checked.
//!
//! The principal comes first and may be kept for many requests; then the resource, the action and the circumstances.

mod settle;
mod values;

use super::{
    facts::Grant,
    prepared::{Mark, Prepared, Rare},
};
use crate::{
    check::vocabulary::{AttrId, Owner, Vocabulary, builtin},
    compile::{
        Graph,
        block::{action_bit, fetch},
        chunk::Kind,
        declare::fixed,
        graph::{BlockRef, NONE, Slot, State},
        scatter::is_same,
    },
};
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use values::{ip_slot, time_slot};

/// The word of a role's bit.
fn word(first: u64, more: &[u64], role: u32) -> u64 {
    (role >> 6).checked_sub(1).map_or(first, |word| more.get(word as usize).copied().unwrap_or_default())
}

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
    /// Bits of the roles that are held everywhere: of the first 64, and of the others.
    held: u64,
    more_held: Vec<u64>,
    /// Roles that are held in one organisation: their numbers, and those of the organisations' texts.
    scoped: Vec<(u32, u32)>,
    roles_unknown: bool,
    resource_org: Slot,
    /// Where what belongs to the principal ends.
    mark: Mark,
    /// The kinds that were said last: most callers say the same again.
    principal_kind: Said,
    resource_kind: Said,
}

/// A kind of principals or resources, and the number of its text.
#[derive(Debug, Clone, Default)]
struct Said {
    text: String,
    number: Option<u32>,
}

impl Said {
    /// The number of a kind's text.
    #[inline(always)]
    fn number(&mut self, graph: &Graph, kind: &str) -> Option<u32> {
        if !is_same(self.text.as_bytes(), kind.as_bytes()) {
            self.say(graph, kind);
        }
        self.number
    }

    #[inline(never)]
    fn say(&mut self, graph: &Graph, kind: &str) {
        self.text.clear();
        self.text.push_str(kind);
        self.number = graph.tables.texts.find(0, kind);
    }
}

impl Draft {
    /// Whether the principal is nobody in particular.
    pub(crate) const fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// Has the places fetched where a principal and a resource will be looked for, by their kinds and ids. What lies in large
    /// tables is on its way while something else is done.
    #[inline]
    pub(crate) fn foresee(&mut self, graph: &Graph, principal: (&str, Option<&str>), resource: (&str, &str)) {
        let names = &graph.tables;
        if let (Some(kind), Some(id)) = (self.principal_kind.number(graph, principal.0), principal.1) {
            names.principals.fetch_bucket(kind, id);
        }
        if let Some(kind) = self.resource_kind.number(graph, resource.0) {
            names.resources.fetch_bucket(kind, resource.1);
        }
    }

    /// Has what is known of a resource fetched; best some time after it was [foreseen](Self::foresee).
    #[inline]
    pub(crate) fn foresee_resource(&mut self, graph: &Graph, kind: &str, id: &str) {
        if let Some(kind) = self.resource_kind.number(graph, kind) {
            graph.tables.resources.fetch_record(kind, id);
        }
    }

    /// Starts with a principal; with an empty kind, with nobody.
    #[inline]
    pub(crate) fn principal(&mut self, set: Set<'_>, kind: &str, id: Option<&str>) {
        let graph = set.graph;
        let request = &mut self.request;
        request.reset(Mark::default());
        if !graph.blank.is_empty() {
            request.slots.clear();
            request.slots.extend_from_slice(&graph.blank);
        }
        request.plain.set_tier(graph.default_tier);
        request.grant = if graph.granted { Grant::Manual } else { Grant::No };
        self.anonymous = kind == "anonymous";
        self.roles(graph, graph.default_roles);
        self.find_principal(graph, kind, id);
        if self.anonymous {
            self.nobody_in_particular(set);
        }
        if self.is_declared() {
            self.fix(set, self.principal_entity);
        }
        if graph.reads_names {
            self.name_principal(set, kind, id);
        }
        self.mark = Mark::default();
        self.end_of_principal();
    }

    #[inline(never)]
    fn name_principal(&mut self, set: Set<'_>, kind: &str, id: Option<&str>) {
        if !kind.is_empty() {
            self.text(set, builtin::PRINCIPAL_KIND, kind);
        }
        match id {
            Some(id) => self.text(set, builtin::PRINCIPAL_ID, id),
            None if self.anonymous => self.put(set, builtin::PRINCIPAL_ID, Slot::NONE),
            None => {}
        }
    }

    /// What is known of the principal by its name.
    #[inline]
    fn find_principal(&mut self, graph: &Graph, kind: &str, id: Option<&str>) {
        let plain = &mut self.request.plain;
        plain.doubt(Kind::Names, kind.is_empty());
        let name = self.principal_kind.number(graph, kind).zip(id);
        let number = name.and_then(|(kind, id)| graph.tables.principals.find(kind, id));
        if let Some((number, home)) = number.and_then(|id| Some((id, graph.tables.principals.home(id)?))) {
            (plain.principal, plain.of_principal) = (number, home.block);
            self.principal_entity = home.entity;
            return;
        }
        plain.principal = NONE;
        plain.of_principal = if kind.is_empty() { graph.unknown_principal } else { BlockRef::default() };
        self.principal_entity = name
            .filter(|_| !graph.principal_patterns.is_empty())
            .map_or(NONE, |(kind, id)| Graph::declared(&graph.principal_patterns, graph.globs(), kind, id));
    }

    #[inline(never)]
    fn nobody_in_particular(&mut self, set: Set<'_>) {
        self.roles(set.graph, Slot::NONE);
        self.request.grant = Grant::No;
        self.put(set, builtin::PRINCIPAL_ROLES, Slot::known(0, 0));
        self.put(set, builtin::PRINCIPAL_ORG, Slot::NONE);
        self.put(set, builtin::PRINCIPAL_TIER, Slot::known(0, 0));
        self.put(set, builtin::PRINCIPAL_GRANTED, Slot::known(0, 0));
    }

    /// The values that a declaration fixes.
    #[inline(never)]
    fn fix(&mut self, set: Set<'_>, entity: u32) {
        if entity == NONE || entity == 0 {
            return;
        }
        for (attr, slot) in fixed(&set.graph.entities, entity) {
            match attr {
                builtin::PRINCIPAL_ROLES => self.roles(set.graph, slot),
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

    /// Goes on with an action and a resource, for which everything but the principal is anew. What is known of a resource
    /// that no rule names, and that patterns may match, may be known to the caller: it is given the number of the kind.
    #[inline(always)]
    pub(crate) fn ask<'c>(
        &mut self,
        set: Set<'_>,
        action: &str,
        kind: &str,
        id: &str,
        class: impl FnOnce(Option<u32>) -> Option<Class<'c>>,
    ) {
        let graph = set.graph;
        let request = &mut self.request;
        request.reset(self.mark);
        if !graph.blank.is_empty() {
            request.slots.truncate(graph.of_principal);
            request.slots.extend_from_slice(graph.blank.get(graph.of_principal..).unwrap_or_default());
        }
        let plain = &mut request.plain;
        plain.action = graph.actions.find(0, action).map_or(0, action_bit);
        plain.forget_circumstances();
        self.resource_org = Slot::UNKNOWN;
        let kind_number = self.resource_kind.number(graph, kind);
        let number = kind_number.and_then(|kind| graph.tables.resources.find(kind, id));
        if let Some((number, home)) = number.and_then(|id| Some((id, graph.tables.resources.home(id)?))) {
            (request.resource, plain.of_resource) = (number, home.block);
            fetch(&graph.blocks, home.block);
            self.resource_entity = home.entity;
            if home.patterns != 0 {
                request.rare().found.extend(blocks(graph.listed(home.patterns)));
            }
        } else {
            (request.resource, plain.of_resource) = (NONE, BlockRef::default());
            self.resource_entity = NONE;
            if graph.has_patterns {
                self.classify(graph, kind_number, id, class(kind_number));
            }
        }
        if self.resource_entity != NONE {
            self.declared(set);
        }
        if graph.has_default_circumstances {
            self.put_ip(set, graph.default_ip);
            self.put_time(set, graph.default_time);
        }
        if graph.reads_names {
            self.text(set, builtin::ACTION_NAME, action);
            self.text(set, builtin::RESOURCE_KIND, kind);
            self.text(set, builtin::RESOURCE_ID, id);
        }
    }

    /// What patterns say of a resource that no rule names.
    #[inline(never)]
    fn classify(&mut self, graph: &Graph, kind: Option<u32>, id: &str, class: Option<Class<'_>>) {
        let Rare { found, matched, .. } = self.request.rare();
        self.resource_entity = match class {
            Some(class) => {
                found.extend_from_slice(class.found);
                class.entity
            }
            None => {
                graph.matching(id, matched, found);
                kind.map_or(NONE, |kind| graph.declared_resource(kind, id))
            }
        };
    }

    /// What a resource's declaration says, and what is so by default of those that are declared.
    #[inline(never)]
    fn declared(&mut self, set: Set<'_>) {
        for (slot, read) in self.request.slots.iter_mut().zip(&set.graph.slots) {
            if read.owner == Owner::Resource {
                *slot = read.default;
            }
        }
        self.resource_org = set.graph.default_org;
        self.fix(set, self.resource_entity);
    }

    /// The address that is asked from.
    #[inline]
    pub(crate) fn ip(&mut self, set: Set<'_>, ip: IpAddr) {
        self.put_ip(set, ip_slot(ip));
    }

    /// The instant that is asked at.
    #[inline]
    pub(crate) fn time(&mut self, set: Set<'_>, at: DateTime<Utc>) {
        self.put_time(set, time_slot(at));
    }

    /// Whether the principal's declaration may fix something.
    #[inline]
    const fn is_declared(&self) -> bool {
        self.principal_entity != NONE
    }

    /// Notes that no roles are held.
    #[inline]
    fn no_roles(&mut self) {
        self.held = 0;
        self.more_held.clear();
        self.scoped.clear();
        self.roles_unknown = false;
    }

    /// Notes roles that stand in the graph's pool.
    #[inline]
    fn roles(&mut self, graph: &Graph, slot: Slot) {
        self.no_roles();
        self.roles_unknown = slot.state == State::Unknown;
        if slot.state == State::Known {
            self.pooled_roles(graph, slot);
        }
    }

    #[inline(never)]
    fn pooled_roles(&mut self, graph: &Graph, slot: Slot) {
        let (start, count) = slot.members();
        let words = graph.tables.pool.get(start..start.saturating_add(count)).unwrap_or_default();
        self.more_held.resize(graph.role_words.saturating_sub(1), 0);
        for [role, org] in words.as_chunks::<2>().0 {
            match (org.checked_sub(1), (role >> 6).checked_sub(1)) {
                (Some(org), _) => self.scoped.push((*role, org)),
                (None, None) => self.held |= 1 << (role & 63),
                (None, Some(word)) => {
                    if let Some(word) = self.more_held.get_mut(word as usize) {
                        *word |= 1 << (role & 63);
                    }
                }
            }
        }
    }

    /// Says that all has been given that belongs to the principal.
    #[inline]
    pub(crate) fn end_of_principal(&mut self) {
        if let Some(rare) = &self.request.rare {
            self.mark = rare.mark();
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

/// The block references of a list.
fn blocks(words: &[u32]) -> impl Iterator<Item = BlockRef> {
    words.as_chunks::<2>().0.iter().map(|[at, base]| BlockRef { at: *at, base: *base })
}
