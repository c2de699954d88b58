//! What depends on several values of a request: roles here, and blocks that values lead to.

use super::{Draft, Set, word};
use crate::{
    check::vocabulary::builtin,
    compile::{Graph, chunk::Kind, graph::State},
    eval::prepared::Prepared,
};

impl Draft {
    /// Says that all has been given: what depends on several values is put together.
    #[inline]
    pub(crate) fn settle(&mut self, set: Set<'_>) -> &Prepared {
        let plain = &mut self.request.plain;
        plain.held = self.held;
        plain.may = if self.roles_unknown { u64::MAX } else { self.held };
        plain.doubt(Kind::Roles, self.roles_unknown);
        let graph = set.graph;
        if graph.role_words > 1 || !self.scoped.is_empty() {
            self.count_roles(graph);
        }
        if graph.has_indexes {
            self.look_up(set);
        }
        if let Some(rare) = &mut self.request.rare {
            // Each once, however often a request repeats a tag.
            rare.found.sort_unstable();
            rare.found.dedup();
        }
        &self.request
    }

    /// The blocks that are found through tags and organisations.
    #[inline(never)]
    pub(super) fn look_up(&mut self, set: Set<'_>) {
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
    }

    /// The roles beyond the first 64, and those that are held in one organisation, which count for its resources.
    #[inline(never)]
    pub(super) fn count_roles(&mut self, graph: &Graph) {
        let Prepared { plain, more_roles, .. } = &mut self.request;
        let words = graph.role_words.saturating_sub(1);
        more_roles.clear();
        for half in [0, if self.roles_unknown { u64::MAX } else { 0 }] {
            more_roles.extend((0..words).map(|word| self.more_held.get(word).map_or(half, |held| held | half)));
        }
        let (more_held, more) = more_roles.split_at_mut(words);
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
            let [held, may] = match word.checked_sub(1) {
                None => [Some(&mut plain.held), Some(&mut plain.may)],
                Some(word) => [more_held.get_mut(word), more.get_mut(word)],
            };
            for (word, _) in [(held, certain), (may, possible)].into_iter().filter(|(_, set)| *set) {
                if let Some(word) = word {
                    *word |= 1 << (role & 63);
                }
            }
        }
        plain.doubt(Kind::Roles, plain.held != plain.may || more_held != more);
    }

    /// The numbers of the roles that are held everywhere.
    pub(in crate::eval) fn held(&self, graph: &Graph) -> impl Iterator<Item = u32> {
        let has = |role: &u32| word(self.held, &self.more_held, *role) >> (role & 63) & 1 == 1;
        (0..graph.roles.len() as u32).filter(has)
    }

    /// The numbers of the roles that are held in one organisation, with that of its text.
    pub(in crate::eval) fn scoped(&self) -> impl Iterator<Item = (u32, u32)> {
        self.scoped.iter().copied()
    }
}
