//! Blocks where requests find them.

use super::{
    declare::home,
    filing::Place,
    graph::{BlockRef, ByText, Graph, Home},
    names::TooLarge,
    tables::number,
};

impl Graph {
    /// Makes room for all that has a number.
    pub(super) fn settle(&mut self) {
        let Self { tables, principals, resources, patterns, principal_patterns, resource_patterns, .. } = self;
        for (homes, names, declared) in [
            (principals, &tables.principals, &*principal_patterns),
            (resources, &tables.resources, &*resource_patterns),
        ] {
            let new = homes.len() as u32..names.len() as u32;
            homes.extend(new.map(|id| home(names, id, declared, &tables.globs)));
        }
        patterns.resize(tables.globs.len(), BlockRef::default());
    }

    /// Puts the block of a place where requests find it.
    pub(super) fn put(&mut self, place: Place, block: BlockRef) {
        fn set(homes: &mut [Home], id: u32, block: BlockRef) {
            if let Some(home) = homes.get_mut(id as usize) {
                home.block = block;
            }
        }
        match place {
            Place::Everywhere => self.everywhere = block,
            Place::Resource(id) => set(&mut self.resources, id, block),
            Place::Principal(id) => set(&mut self.principals, id, block),
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
        let of = |homes: &[Home], id: u32| homes.get(id as usize).map(|home| home.block);
        let found = match place {
            Place::Everywhere => Some(self.everywhere),
            Place::Resource(id) => of(&self.resources, id),
            Place::Principal(id) => of(&self.principals, id),
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

    /// Lists for each named resource the patterns that rules are filed under and that match it.
    pub(super) fn list_patterns(&mut self) -> Result<(), TooLarge> {
        // Where no list is.
        self.lists = vec![0];
        let Self { tables, resources, patterns, lists, .. } = self;
        let used: Vec<(u32, BlockRef)> =
            (0_u32..).zip(&*patterns).filter(|(_, block)| !block.is_empty()).map(|(id, block)| (id, *block)).collect();
        self.has_patterns = !used.is_empty() || !self.resource_patterns.is_empty();
        for (home, id) in resources.iter_mut().zip(0_u32..) {
            home.patterns = 0;
            let Some(name) = tables.resources.text(id).filter(|_| !used.is_empty()) else { continue };
            let glob = |id: u32| tables.globs.get(id as usize);
            let found: Vec<BlockRef> = used
                .iter()
                .filter(|(id, _)| glob(*id).is_some_and(|glob| glob.is_match(name)))
                .map(|(_, block)| *block)
                .collect();
            if !found.is_empty() {
                home.patterns = number(lists.len(), "patterns")?;
                lists.push(number(found.len(), "patterns")?);
                lists.extend(found.iter().flat_map(|block| [block.at, block.base]));
            }
        }
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
