//! A request, prepared: its values as numbers, so that a decision is made without looking at a text.

use super::facts::Grant;
use crate::compile::{
    Graph,
    chunk::Kind,
    code::ticks,
    graph::{BlockRef, LOCAL, NONE, Slot, State},
};
use smallvec::SmallVec;
use std::collections::HashMap;

/// A request, prepared for one policy set: nothing but numbers.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What nearly every decision reads.
    pub(crate) plain: Plain,
    /// By the slots of the graph.
    pub(crate) slots: Vec<Slot>,
    /// Bits of the roles from the 64th on that the principal certainly holds, then of those that it may hold.
    pub(crate) more_roles: Vec<u64>,
    /// The resource's number, if rules name it or it is declared.
    pub(crate) resource: u32,
    /// The access grant.
    pub(crate) grant: Grant,
    /// What most requests have nothing of.
    pub(crate) rare: Option<Box<Rare>>,
}

/// What plain tests read, and the blocks that are found by names: one line of the processor's cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Plain {
    /// Bits of the first 64 roles: those that the principal certainly holds, and those that it may hold.
    pub(crate) held: u64,
    pub(crate) may: u64,
    /// The instant, as [`ticks`].
    pub(crate) tick: u64,
    /// The IPv4 address.
    pub(crate) ip: u32,
    /// Where there is none, a bit for each of four ranges that it is not in.
    pub(crate) out: u32,
    /// The rules that name the resource.
    pub(crate) of_resource: BlockRef,
    /// The rules that name the principal, or where that is not known, any.
    pub(crate) of_principal: BlockRef,
    /// The bit of the action; 0 where the vocabulary does not know it.
    pub(crate) action: u32,
    /// The principal's number, if rules name it or it is declared.
    pub(crate) principal: u32,
    /// The principal's tier.
    pub(crate) tier: u32,
    /// The kinds of tests of which it is not known what they come to, as bits, and perhaps [`NO_TIER`].
    doubts: u32,
}

/// A doubt about the tier: it is known that there is none.
const NO_TIER: u32 = 1 << 31;

/// A tier that is within no bounds.
const UNBOUND_TIER: u32 = 0xff;

impl Default for Plain {
    fn default() -> Self {
        Self {
            held: 0,
            may: 0,
            tick: 0,
            ip: 0,
            out: 15,
            of_resource: BlockRef::default(),
            of_principal: BlockRef::default(),
            action: 0,
            principal: NONE,
            tier: UNBOUND_TIER,
            doubts: Kind::Tiers.bit() | Kind::Names.bit() | Kind::Instants.bit() | Kind::Addresses.bit(),
        }
    }
}

impl Plain {
    /// Nothing is known of when and from where is asked.
    #[inline]
    pub(crate) const fn forget_circumstances(&mut self) {
        self.doubts |= Kind::Instants.bit() | Kind::Addresses.bit();
    }

    /// Takes the address from its slot.
    #[inline]
    pub(crate) fn set_ip(&mut self, slot: Slot) {
        self.ip = slot.b as u32;
        self.out = if slot.ipv4().is_some() { 0 } else { 15 };
        self.doubt(Kind::Addresses, slot.state == State::Unknown);
    }

    /// The IPv4 address, if it is one.
    #[inline]
    pub(crate) fn ipv4(&self) -> Option<u32> {
        (self.out == 0).then_some(self.ip)
    }

    /// Takes the instant from its slot.
    #[inline]
    pub(crate) fn set_time(&mut self, slot: Slot) {
        self.tick = ticks(slot.a.cast_signed(), slot.b);
        self.doubt(Kind::Instants, slot.state != State::Known);
    }

    /// Takes the tier from its slot.
    #[inline]
    pub(crate) fn set_tier(&mut self, slot: Slot) {
        self.doubts &= !NO_TIER;
        self.tier = if slot.state == State::Known { slot.a as u32 } else { UNBOUND_TIER };
        self.doubt(Kind::Tiers, slot.state != State::Known);
        if slot.state == State::None {
            self.doubts |= NO_TIER;
        }
    }

    /// Says whether tests of a kind are doubtful.
    #[inline]
    pub(crate) const fn doubt(&mut self, kind: Kind, is_doubtful: bool) {
        self.doubts = self.doubts & !kind.bit() | if is_doubtful { kind.bit() } else { 0 };
    }

    /// Whether tests of some kinds are doubtful.
    #[inline]
    pub(crate) const fn doubts(&self, kinds: u32) -> bool {
        self.doubts & kinds != 0
    }

    /// Whether it is known that there is no tier.
    #[inline]
    pub(crate) const fn has_no_tier(&self) -> bool {
        self.doubts & NO_TIER != 0
    }
}

/// What most requests have nothing of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rare {
    /// The blocks that are found through patterns, tags and organisations.
    pub(crate) found: SmallVec<[BlockRef; 4]>,
    /// The numbers of the patterns that were found last.
    pub(super) matched: Vec<u32>,
    /// The minute of the week on the wall, by zone, at `time`.
    pub(crate) minutes: SmallVec<[u32; 4]>,
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
            more_roles: self.more_roles.clone(),
            rare: self.rare.clone().filter(|rare| !rare.is_empty()),
            ..*self
        }
    }
}

impl Rare {
    /// How much there is of what requests have of their own.
    pub(crate) fn mark(&self) -> Mark {
        Mark { members: self.members.len(), texts: self.texts.len(), ends: self.ends.len() }
    }

    #[inline(never)]
    fn reset(&mut self, mark: Mark) {
        self.members.truncate(mark.members);
        self.texts.truncate(mark.texts);
        self.ends.truncate(mark.ends);
        self.index.clear();
        self.found.clear();
        self.minutes.clear();
    }

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
        let action = self.plain.action;
        actions & action != 0 || (action == 0 && actions == u32::MAX)
    }

    /// Whether the principal certainly holds a role here, and whether it may: as 0 or 1.
    #[inline]
    fn role(&self, role: u32) -> (u64, u64) {
        let words = match (role >> 6).checked_sub(1) {
            None => Some((self.plain.held, self.plain.may)),
            Some(word) => {
                let (held, may) = self.more_roles.split_at(self.more_roles.len() >> 1);
                held.get(word as usize).copied().zip(may.get(word as usize).copied())
            }
        };
        let (held, may) = words.unwrap_or_default();
        (held >> (role & 63) & 1, may >> (role & 63) & 1)
    }

    /// Visits the roles that the principal holds here, or may hold.
    #[inline]
    pub(crate) fn each_role(&self, may: bool, mut visit: impl FnMut(u32)) {
        let first = if may { self.plain.may } else { self.plain.held };
        let (held, maybe) = self.more_roles.split_at(self.more_roles.len() >> 1);
        let words = std::iter::once(&first).chain(if may { maybe } else { held });
        for (start, word) in (0_u32..).step_by(64).zip(words) {
            let mut word = *word;
            while word != 0 {
                visit(start | word.trailing_zeros());
                word &= word.wrapping_sub(1);
            }
        }
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

    /// Forgets what came after a mark.
    #[inline]
    pub(crate) fn reset(&mut self, mark: Mark) {
        if let Some(rare) = &mut self.rare {
            rare.reset(mark);
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
