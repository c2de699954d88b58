//! What the files of a policy set make use of, counted, so that a file can be taken out again.

use super::{
    duties::attached,
    file::OfFile,
    infer::Used,
    ir::{Effect, Rule},
    resolve::Space,
    vocabulary::AttrId,
};
use std::{collections::BTreeMap, sync::Arc};

/// How often something is there.
pub(super) struct Counts<T>(BTreeMap<T, usize>);

impl<T: Ord + Clone> Counts<T> {
    fn add(&mut self, of: &T) {
        match self.0.get_mut(of) {
            Some(count) => *count = count.saturating_add(1),
            None => drop(self.0.insert(of.clone(), 1)),
        }
    }

    fn remove(&mut self, of: &T) {
        if let Some(count) = self.0.get_mut(of) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(of);
            }
        }
    }

    /// Whether it is there at all.
    pub(super) fn has(&self, of: &T) -> bool {
        self.0.contains_key(of)
    }

    /// All that is there, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }
}

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// What is made use of.
#[derive(Default)]
pub(super) struct Uses {
    names: Counts<(Space, Arc<str>)>,
    attributes: Counts<AttrId>,
    /// How many files speak of `any` action.
    any_action: usize,
    /// How many files compare the roles with what the resource says.
    any_role: usize,
    /// What limits count by. A shadow limit refuses nothing: to it a negative cost is one that has no room.
    pub(super) units: Counts<AttrId>,
    /// Duties that rules attach.
    pub(super) duties: Counts<Arc<str>>,
}

impl Uses {
    /// Counts what a file uses.
    pub(super) fn add(&mut self, file: &OfFile) {
        self.add_used(&file.used);
        file.rules().filter_map(unit).for_each(|unit| self.units.add(&unit));
        file.rules().flat_map(attached).for_each(|name| self.duties.add(name));
    }

    /// Takes out what a file uses.
    pub(super) fn remove(&mut self, file: &OfFile) {
        self.remove_used(&file.used);
        file.rules().filter_map(unit).for_each(|unit| self.units.remove(&unit));
        file.rules().flat_map(attached).for_each(|name| self.duties.remove(name));
    }

    /// Counts what was noted while something was lowered.
    pub(super) fn add_used(&mut self, used: &Used) {
        used.names.iter().for_each(|name| self.names.add(name));
        used.attributes.iter().for_each(|attr| self.attributes.add(attr));
        self.any_action = self.any_action.saturating_add(usize::from(used.any_action));
        self.any_role = self.any_role.saturating_add(usize::from(used.any_role));
    }

    /// Takes out what was noted while something was lowered.
    pub(super) fn remove_used(&mut self, used: &Used) {
        used.names.iter().for_each(|name| self.names.remove(name));
        used.attributes.iter().for_each(|attr| self.attributes.remove(attr));
        self.any_action = self.any_action.saturating_sub(usize::from(used.any_action));
        self.any_role = self.any_role.saturating_sub(usize::from(used.any_role));
    }

    /// The names of one kind that are used.
    pub(super) fn names(&self, wanted: Space) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter().filter(move |(space, _)| *space == wanted).map(|(_, name)| name)
    }

    pub(super) fn name(&self, space: Space, name: &Arc<str>) -> bool {
        self.names.has(&(space, name.clone()))
    }

    pub(super) fn attribute(&self, attr: AttrId) -> bool {
        self.attributes.has(&attr)
    }

    /// Whether a rule speaks of `any` action.
    pub(super) fn any_action(&self) -> bool {
        self.any_action > 0
    }

    /// Whether a rule compares the roles with what the resource says.
    pub(super) fn any_role(&self) -> bool {
        self.any_role > 0
    }
}

/// What a limit counts by.
fn unit(rule: &Rule) -> Option<AttrId> {
    match &rule.effect {
        Effect::Limit(limit, _) if !rule.shadow => limit.unit,
        Effect::Limit(..) | Effect::Allow | Effect::Deny(_) | Effect::Gate(..) | Effect::Oblige(_) => None,
    }
}
