//! Declared principals and resources, found by kind and id.

use super::vocabulary::{AttrId, EntityId};
use crate::{glob::Glob, ids::IdVec, source::Span, value::Value};
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

/// A declared principal or resource, or a pattern of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// The kind.
    pub kind: Arc<str>,
    /// The id, or the pattern as it was written.
    pub id: Arc<str>,
    /// What the declaration fixes.
    pub values: BTreeMap<AttrId, Value>,
    /// Where it was declared.
    pub at: Span,
}

/// The declared principals or resources.
#[derive(Debug, Clone, Default)]
pub struct Entities {
    rows: IdVec<EntityId, Entity>,
    kinds: BTreeMap<Arc<str>, OfKind>,
}

/// Those of one kind.
#[derive(Debug, Clone, Default)]
struct OfKind {
    exact: BTreeMap<Arc<str>, EntityId>,
    /// Patterns by what every id that they match begins with, so that only a few need to be looked at.
    patterns: BTreeMap<String, Vec<(Glob, EntityId)>>,
}

impl OfKind {
    /// The patterns that could match ids which begin with this, or the other way round.
    fn near<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (Glob, EntityId)> {
        let longer = self.patterns.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix));
        let shorter = prefix.char_indices().filter_map(|(end, _)| self.patterns.get(prefix.get(..end)?));
        longer.map(|(_, patterns)| patterns).chain(shorter).flatten()
    }

    /// The pattern that matches an id.
    fn matching(&self, id: &str) -> Option<EntityId> {
        let ends = id.char_indices().map(|(end, _)| end).chain([id.len()]);
        let mut patterns = ends.filter_map(|end| self.patterns.get(id.get(..end)?)).flatten();
        patterns.find(|(glob, _)| glob.is_match(id)).map(|(_, row)| *row)
    }
}

impl Entities {
    /// Adds a declaration of one id. Gives the earlier one of the same kind and id, if there is one, and adds nothing then.
    pub fn insert_exact(&mut self, id: Arc<str>, entity: Entity) -> Option<&Entity> {
        let of_kind = self.kinds.entry(entity.kind.clone()).or_default();
        if let Some(earlier) = of_kind.exact.get(&id) {
            return Some(&self.rows[*earlier]);
        }
        of_kind.exact.insert(id, self.rows.push(entity));
        None
    }

    /// Adds a declaration of a pattern. Gives an earlier one that can match the same id, if there is one, and adds nothing
    /// then.
    pub fn insert_pattern(&mut self, glob: Glob, entity: Entity) -> Option<&Entity> {
        let of_kind = self.kinds.entry(entity.kind.clone()).or_default();
        let prefix = glob.prefix();
        if let Some((_, earlier)) = of_kind.near(&prefix).find(|(other, _)| other.intersects(&glob)) {
            return Some(&self.rows[*earlier]);
        }
        let row = self.rows.push(entity);
        of_kind.patterns.entry(prefix).or_default().push((glob, row));
        None
    }

    /// The declaration that speaks of an id: the exact one, else the pattern that matches.
    #[must_use]
    pub fn find(&self, kind: &str, id: &str) -> Option<&Entity> {
        let of_kind = self.kinds.get(kind)?;
        let row = of_kind.exact.get(id).copied().or_else(|| of_kind.matching(id))?;
        Some(&self.rows[row])
    }

    /// All declarations, in source order.
    pub fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.rows.iter()
    }

    /// The declarations of one id each, by kind and id.
    pub fn exact(&self) -> impl Iterator<Item = (&Arc<str>, &Entity)> {
        let all = self.kinds.values().flat_map(|of_kind| &of_kind.exact);
        all.map(|(id, row)| (id, &self.rows[*row]))
    }

    /// The declarations of patterns, by kind and what their ids begin with.
    pub fn patterns(&self) -> impl Iterator<Item = (&Glob, &Entity)> {
        let all = self.kinds.values().flat_map(|of_kind| of_kind.patterns.values()).flatten();
        all.map(|(glob, row)| (glob, &self.rows[*row]))
    }

    /// The ids of a kind that are declared exactly, sorted.
    pub fn ids_of(&self, kind: &str) -> impl Iterator<Item = &Arc<str>> + Clone {
        self.kinds.get(kind).into_iter().flat_map(|of_kind| of_kind.exact.keys())
    }

    /// Those that come behind one.
    pub fn ids_behind<'a>(&'a self, kind: &str, last: &str) -> impl Iterator<Item = &'a Arc<str>> + use<'a> {
        let behind = (Bound::Excluded(last), Bound::Unbounded);
        let found = self.kinds.get(kind).map(|of_kind| of_kind.exact.range::<str, _>(behind));
        found.into_iter().flatten().map(|(id, _)| id)
    }

    /// Whether one id of a kind is declared by itself.
    #[must_use]
    pub fn has(&self, kind: &str, id: &str) -> bool {
        self.kinds.get(kind).is_some_and(|of_kind| of_kind.exact.contains_key(id))
    }

    /// Whether any of a kind is declared.
    #[must_use]
    pub fn declares(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// Whether a pattern matches a declared id of a kind, or one that a declared pattern matches.
    #[must_use]
    pub fn any_matches(&self, kind: &str, glob: &Glob) -> bool {
        let prefix = glob.prefix();
        self.kinds.get(kind).is_some_and(|of_kind| {
            let mut ids = of_kind.exact.range(Arc::from(&*prefix)..).map(|(id, _)| id);
            ids.by_ref().take_while(|id| id.starts_with(&*prefix)).any(|id| glob.is_match(id))
                || of_kind.near(&prefix).any(|(pattern, _)| pattern.intersects(glob))
        })
    }
}
