//! A request, prepared: its values as numbers, so that a decision is made without looking at a text.

use super::facts::Grant;
use crate::compile::{
    Graph,
    graph::{BlockRef, LOCAL, Slot},
};
use smallvec::SmallVec;
use std::collections::HashMap;

/// A request, prepared for one policy set: nothing but numbers, most of them in place.
#[derive(Debug, Default)]
pub struct Prepared {
    /// By the slots of the graph.
    pub(crate) slots: SmallVec<[Slot; 4]>,
    /// Bits of the roles that the principal certainly holds, then of those that it may hold.
    pub(crate) roles: SmallVec<[u64; 2]>,
    /// The bit of the action; 0 where the vocabulary does not know it.
    pub(crate) action: u32,
    /// The principal's number, if rules name it or it is declared.
    pub(crate) principal: u32,
    /// The resource's number, if rules name it or it is declared.
    pub(crate) resource: u32,
    /// The access grant.
    pub(crate) grant: Grant,
    /// Whether nobody is said to ask.
    pub(crate) nobody: bool,
    /// What most requests have nothing of.
    pub(crate) rare: Option<Box<Rare>>,
}

/// What most requests have nothing of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rare {
    /// The blocks that are found through patterns, tags and organisations.
    pub(crate) found: Vec<BlockRef>,
    /// The minute of the week on the wall, by zone, at `time`.
    pub(crate) minutes: Vec<u32>,
    /// The numbers of the members of sets.
    pub(crate) members: Vec<u32>,
    /// The request's own texts: those that no rule compares with. Their numbers begin at [`LOCAL`].
    texts: String,
    /// Where each of them ends.
    ends: Vec<u32>,
    /// Their numbers, where there are many. The hash is keyed: these texts are a caller's choice.
    index: HashMap<Box<str>, u32>,
}

/// So many texts of its own are looked through one by one.
const FEW: usize = 16;

/// How much of [`Rare`] there was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    members: usize,
    texts: usize,
    ends: usize,
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self {
            slots: self.slots.clone(),
            roles: self.roles.clone(),
            rare: self.rare.clone().filter(|rare| !rare.is_empty()),
            ..*self
        }
    }
}

impl Rare {
    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.minutes.is_empty() && self.members.is_empty() && self.ends.is_empty()
    }
}

impl Prepared {
    /// What is known of a slot.
    #[inline]
    pub(crate) fn slot(&self, slot: u16) -> Slot {
        self.slots.get(usize::from(slot)).copied().unwrap_or_default()
    }

    /// The blocks that are found through patterns, tags and organisations.
    #[inline]
    pub(crate) fn found(&self) -> &[BlockRef] {
        self.rare.as_ref().map_or(&[], |rare| &rare.found)
    }

    /// The minute of the week on the wall of a zone.
    #[inline]
    pub(crate) fn minute(&self, zone: u16) -> Option<u32> {
        self.rare.as_ref()?.minutes.get(usize::from(zone)).copied()
    }

    /// The members of a set.
    #[inline]
    pub(crate) fn set<'a>(&'a self, graph: &'a Graph, slot: Slot) -> &'a [u32] {
        let (start, count) = slot.members();
        let whole = if slot.is_static() {
            &*graph.tables.pool
        } else {
            self.rare.as_ref().map_or(&[][..], |rare| &rare.members)
        };
        whole.get(start..start.saturating_add(count)).unwrap_or_default()
    }

    /// Whether a rule may speak of the action; one that the vocabulary does not know is spoken of by `any` only.
    #[inline]
    pub(crate) const fn is_spoken_of(&self, actions: u32) -> bool {
        actions & self.action != 0 || (self.action == 0 && actions == u32::MAX)
    }

    /// Whether the principal certainly holds a role here, and whether it may: as 0 or 1.
    #[inline]
    pub(crate) fn role(&self, role: u32) -> (u32, u32) {
        let roles = self.roles.as_slice();
        let (held, may) = roles.split_at_checked(roles.len() >> 1).unwrap_or_default();
        let bit =
            |words: &[u64]| words.get((role >> 6) as usize).map_or(0, |word| (word.wrapping_shr(role & 63) & 1) as u32);
        (bit(held), bit(may))
    }

    /// Whether the principal holds a role here; none where that is not known.
    #[inline]
    pub(crate) fn holds(&self, role: u32) -> Option<bool> {
        match self.role(role) {
            (1, _) => Some(true),
            (_, 0) => Some(false),
            _ => None,
        }
    }

    /// What most requests have nothing of.
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// How much there is of what requests have of their own.
    pub(crate) fn mark(&self) -> Mark {
        self.rare.as_ref().map_or_else(Mark::default, |rare| Mark {
            members: rare.members.len(),
            texts: rare.texts.len(),
            ends: rare.ends.len(),
        })
    }

    /// Forgets what came after a mark.
    pub(crate) fn reset(&mut self, mark: Mark) {
        if let Some(rare) = &mut self.rare {
            rare.members.truncate(mark.members);
            rare.texts.truncate(mark.texts);
            rare.ends.truncate(mark.ends);
            rare.index.clear();
            rare.found.clear();
            rare.minutes.clear();
        }
    }

    /// A text by its number.
    pub(crate) fn text<'a>(&'a self, graph: &'a Graph, id: u32) -> Option<&'a str> {
        match id.checked_sub(LOCAL) {
            None => graph.tables.texts.text(id),
            Some(own) => self.rare.as_ref()?.text(own),
        }
    }

    /// The number of a text: the graph's, else one of the request's own. Equal texts have equal numbers.
    pub(crate) fn number(&mut self, graph: &Graph, text: &str) -> u32 {
        if let Some(id) = graph.tables.texts.find(0, text) {
            return id;
        }
        LOCAL | self.rare().number(text)
    }
}

impl Rare {
    /// The number of one of the request's own texts.
    fn number(&mut self, text: &str) -> u32 {
        let count = self.ends.len();
        let known = if count <= FEW {
            (0..count as u32).find(|own| self.text(*own) == Some(text))
        } else {
            for own in self.index.len() as u32..count as u32 {
                let text: Option<Box<str>> = self.text(own).map(Box::from);
                self.index.extend(text.map(|text| (text, own)));
            }
            self.index.get(text).copied()
        };
        known.unwrap_or_else(|| {
            self.texts.push_str(text);
            self.ends.push(self.texts.len() as u32);
            count as u32
        })
    }

    fn text(&self, own: u32) -> Option<&str> {
        let end = *self.ends.get(own as usize)?;
        let start = own.checked_sub(1).and_then(|before| self.ends.get(before as usize)).copied();
        self.texts.get(start.unwrap_or_default() as usize..end as usize)
    }
}
