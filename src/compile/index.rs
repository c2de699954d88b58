//! Blocks where requests find them.

use super::{
    declare::declare_matching,
    filing::Place,
    graph::{BlockRef, ByText, Graph, Home},
    names::{Names, TooLarge},
    tables::{Tables, number},
};
use crate::glob::{Glob, GlobSet};
use std::sync::Arc;

impl Graph {
    /// Makes room for all that has a number: principals and resources are new from these numbers on.
    pub(super) fn settle(&mut self, principals: u32, resources: u32) {
        let Self { tables, patterns, principal_patterns, resource_patterns, .. } = self;
        declare_matching(&mut tables.principals, principals, principal_patterns, &tables.globs);
        declare_matching(&mut tables.resources, resources, resource_patterns, &tables.globs);
        patterns.resize(tables.globs.len(), BlockRef::default());
    }

    /// Puts the block of a place where requests find it.
    pub(super) fn put(&mut self, place: Place, block: BlockRef) {
        let set = |names: &mut Names<Home>, id: u32| {
            if let Some(home) = names.home_mut(id) {
                home.block = block;
            }
        };
        match place {
            Place::Everywhere => self.everywhere = block,
            Place::Resource(id) => set(&mut self.tables.resources, id),
            Place::Principal(id) => set(&mut self.tables.principals, id),
            Place::Pattern(id) => {
                if let Some(held) = self.patterns.get_mut(id as usize) {
                    *held = block;
                }
            }
            Place::Tag(text) => self.tags.put(text, block),
            Place::PrincipalOrg(text) => self.principal_orgs.put(text, block),
            Place::ResourceOrg(text) => self.resource_orgs.put(text, block),
            Place::UnknownPrincipal => self.unknown_principal = block,
            Place::UnknownTag => self.tags.unknown = block,
            Place::UnknownPrincipalOrg => self.principal_orgs.unknown = block,
            Place::UnknownResourceOrg => self.resource_orgs.unknown = block,
        }
    }

    /// The block of a place.
    pub(super) fn at(&self, place: Place) -> BlockRef {
        let of = |names: &Names<Home>, id: u32| names.home(id).map(|home| home.block);
        let found = match place {
            Place::Everywhere => Some(self.everywhere),
            Place::Resource(id) => of(&self.tables.resources, id),
            Place::Principal(id) => of(&self.tables.principals, id),
            Place::Pattern(id) => self.patterns.get(id as usize).copied(),
            Place::Tag(text) => self.tags.get(text),
            Place::PrincipalOrg(text) => self.principal_orgs.get(text),
            Place::ResourceOrg(text) => self.resource_orgs.get(text),
            Place::UnknownPrincipal => Some(self.unknown_principal),
            Place::UnknownTag => Some(self.tags.unknown),
            Place::UnknownPrincipalOrg => Some(self.principal_orgs.unknown),
            Place::UnknownResourceOrg => Some(self.resource_orgs.unknown),
        };
        found.unwrap_or_default()
    }

    /// Notes whether there is anything to look up by values, or by patterns.
    pub(super) fn note_indexes(&mut self) {
        self.has_indexes =
            [&self.tags, &self.principal_orgs, &self.resource_orgs].iter().any(|index| !index.is_empty());
        self.has_patterns = !self.resource_patterns.is_empty() || self.patterns.iter().any(|block| !block.is_empty());
    }

    /// Lists for each named resource the patterns that rules are filed under and that match it.
    pub(super) fn list_patterns(&mut self) -> Result<(), TooLarge> {
        // Where no list is.
        self.lists = vec![0];
        self.find_patterns()?;
        let Self { tables: Tables { resources, .. }, patterns, lists, by_pattern, .. } = self;
        let mut numbers = Vec::new();
        for id in resources.ids() {
            numbers.clear();
            if let Some(by_pattern) = by_pattern {
                by_pattern.matches(resources.text(id).unwrap_or_default(), &mut numbers);
            }
            let Some(home) = resources.home_mut(id) else { continue };
            home.patterns = 0;
            if !numbers.is_empty() {
                home.patterns = number(lists.len(), "patterns")?;
                lists.push(number(numbers.len(), "patterns")?);
                let found = numbers.iter().filter_map(|number| patterns.get(*number as usize));
                lists.extend(found.flat_map(|block| [block.at, block.base]));
            }
        }
        Ok(())
    }
}

impl Graph {
    /// Makes what finds the patterns that rules are filed under.
    pub(super) fn find_patterns(&mut self) -> Result<(), TooLarge> {
        let used = self.tables.globs.iter().zip(&self.patterns).zip(0..);
        let used =
            used.filter(|((_, block), _)| !block.is_empty()).map(|((glob, _), number)| (Glob::clone(glob), number));
        let used: Vec<(Glob, u32)> = used.collect();
        let set = if used.is_empty() { None } else { Some(GlobSet::new(&used).map_err(TooLarge::Patterns)?) };
        self.by_pattern = set.map(Arc::new);
        Ok(())
    }
}

impl ByText {
    /// Puts the rules of a value.
    fn put(&mut self, text: u32, block: BlockRef) {
        match self.known.binary_search_by_key(&text, |(text, _)| *text) {
            Ok(place) if block.is_empty() => drop(self.known.remove(place)),
            Ok(place) => {
                if let Some((_, held)) = self.known.get_mut(place) {
                    *held = block;
                }
            }
            Err(place) if !block.is_empty() => self.known.insert(place, (text, block)),
            Err(_) => {}
        }
    }
}
