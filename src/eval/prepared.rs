//! A request, prepared: its values as numbers, so that a decision is made without looking at a text.

use super::facts::{Facts, Grant};
use crate::{
    check::{
        shift,
        vocabulary::{AttrId, builtin},
    },
    compile::{
        Graph,
        block::action_bit,
        graph::{BlockRef, LOCAL, NONE},
        tables::{DAY, plain},
    },
    value::Value,
};
use chrono::{DateTime, Utc};

/// What is known of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// Nothing.
    #[default]
    Unknown,
    /// That it has no value.
    None,
    /// Its value.
    Known,
}

/// An attribute's value.
///
/// | type | `a` | `b` |
/// | --- | --- | --- |
/// | bool, int, tier | the number | |
/// | text, enumeration, kind, action | the text's number | |
/// | address | upper half | lower half; IPv4 addresses in IPv6 form |
/// | instant | seconds | nanoseconds |
/// | set of texts, roles | where its members begin | how many there are |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    pub(crate) state: State,
    pub(crate) a: u64,
    pub(crate) b: u64,
}

/// A request, prepared for one graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    /// By attribute.
    pub(crate) slots: Vec<Slot>,
    /// The numbers of the members of sets.
    pub(crate) members: Vec<u32>,
    /// The request's own texts: those that no rule compares with. Their numbers begin at [`LOCAL`].
    local: String,
    local_ends: Vec<u32>,
    /// Bits of the roles that the principal certainly holds.
    pub(crate) holds: Vec<u64>,
    /// Bits of the roles that it may hold.
    pub(crate) may_hold: Vec<u64>,
    /// The bit of the action; 0 where the vocabulary does not know it.
    pub(crate) action: u32,
    /// The principal's number, if rules name it.
    pub(crate) principal: u32,
    /// Whether nobody is said to ask.
    pub(crate) nobody: bool,
    /// The resource's number, if rules name it.
    pub(crate) resource: u32,
    /// The access grant.
    pub(crate) grant: Grant,
    /// The minute of the week on the wall, by zone, at `time`.
    pub(crate) minutes: Vec<u32>,
    /// The blocks that are found through patterns, tags and organisations.
    pub(crate) found: Vec<BlockRef>,
}

impl Prepared {
    /// What is known of an attribute.
    #[inline]
    pub(crate) fn slot(&self, attr: u16) -> Slot {
        self.slots.get(usize::from(attr)).copied().unwrap_or_default()
    }

    /// The members of a set.
    #[inline]
    pub(crate) fn set(&self, slot: Slot) -> &[u32] {
        let start = slot.a as usize;
        self.members.get(start..start.saturating_add(slot.b as usize)).unwrap_or_default()
    }

    /// A text by its number.
    pub(crate) fn text<'a>(&'a self, graph: &'a Graph, id: u32) -> Option<&'a str> {
        let Some(own) = id.checked_sub(LOCAL) else { return graph.texts().text(id) };
        let end = *self.local_ends.get(own as usize)?;
        let start = own.checked_sub(1).and_then(|before| self.local_ends.get(before as usize)).copied();
        self.local.get(start.unwrap_or_default() as usize..end as usize)
    }

    /// The number of a text: the graph's, else one of the request's own.
    fn number(&mut self, graph: &Graph, text: &str) -> u32 {
        if let Some(id) = graph.texts().find(0, text) {
            return id;
        }
        let known = (LOCAL..).zip(&self.local_ends).map(|(id, _)| id).find(|id| self.text(graph, *id) == Some(text));
        known.unwrap_or_else(|| {
            let id = LOCAL.saturating_add(self.local_ends.len() as u32);
            self.local.push_str(text);
            self.local_ends.push(self.local.len() as u32);
            id
        })
    }

    /// A request's facts, prepared.
    pub(crate) fn of(graph: &Graph, facts: &Facts<'_>) -> Self {
        let mut prepared = Self {
            action: facts.action.map_or(0, |action| action_bit(action.0)),
            grant: facts.grant,
            principal: NONE,
            resource: NONE,
            nobody: facts.get(builtin::PRINCIPAL_KIND).is_none(),
            ..Self::default()
        };
        for attr in facts.vocabulary.attributes.ids() {
            let slot = prepared.value(graph, facts.get(attr));
            prepared.slots.push(slot);
        }
        let name = |kind: AttrId, id: AttrId| {
            let kind = graph.texts().find(0, facts.get(kind)?.as_text()?)?;
            Some((kind, facts.get(id)?.as_text()?))
        };
        let principal = name(builtin::PRINCIPAL_KIND, builtin::PRINCIPAL_ID);
        if let Some((kind, id)) = principal {
            prepared.principal = graph.tables.principals.find(kind, id).unwrap_or(NONE);
        }
        let resource = name(builtin::RESOURCE_KIND, builtin::RESOURCE_ID);
        if let Some((kind, id)) = resource {
            prepared.resource = graph.tables.resources.find(kind, id).unwrap_or(NONE);
        }
        prepared.roles(facts);
        if let Some(at) = facts.get(builtin::TIME).and_then(Value::as_time) {
            prepared.minutes = graph.zones().iter().map(|zone| minute(zone, at)).collect();
        }
        let id = facts.get(builtin::RESOURCE_ID).and_then(Value::as_text).cloned().unwrap_or_default();
        prepared.find(graph, &id);
        prepared
    }

    fn value(&mut self, graph: &Graph, value: Option<&Value>) -> Slot {
        let Some(value) = value else { return Slot::default() };
        let known = |a, b| Slot { state: State::Known, a, b };
        match value {
            Value::None => Slot { state: State::None, a: 0, b: 0 },
            Value::Text(text) => known(u64::from(self.number(graph, text)), 0),
            Value::Texts(texts) => {
                let ids: Vec<u32> = texts.iter().map(|text| self.number(graph, text)).collect();
                self.known_set(ids)
            }
            Value::Roles(held) => {
                // As members of a set of texts; one that is held in an organisation counts where it counts.
                let ids: Vec<u32> = held.iter().map(|held| self.number(graph, &held.role)).collect();
                self.known_set(ids)
            }
            Value::Bool(_) | Value::Int(_) | Value::Tier(_) | Value::Ip(_) | Value::Time(_) => {
                plain(value).map_or_else(Slot::default, |(a, b)| known(a, b))
            }
        }
    }

    fn known_set(&mut self, ids: Vec<u32>) -> Slot {
        let slot = Slot { state: State::Known, a: self.members.len() as u64, b: ids.len() as u64 };
        self.members.extend(ids);
        slot
    }

    /// The bits of the roles.
    fn roles(&mut self, facts: &Facts<'_>) {
        let words = facts.vocabulary.roles.len().div_ceil(64);
        self.holds = vec![0; words];
        self.may_hold = vec![0; words];
        let Some(value) = facts.get(builtin::PRINCIPAL_ROLES) else {
            self.may_hold.fill(u64::MAX);
            return;
        };
        for held in value.as_roles().into_iter().flatten() {
            let Some(role) = facts.vocabulary.role_ids.get(&held.role) else { continue };
            let (certain, possible) = match (&held.org, facts.get(builtin::RESOURCE_ORG)) {
                (None, _) => (true, true),
                (Some(_), None) => (false, true),
                (Some(org), Some(resource)) => {
                    let same = resource.as_text() == Some(org);
                    (same, same)
                }
            };
            let (word, bit) = ((role.0 >> 6) as usize, 1_u64 << (role.0 & 63));
            for (bits, set) in [(&mut self.holds, certain), (&mut self.may_hold, possible)] {
                if let Some(word) = bits.get_mut(word).filter(|_| set) {
                    *word |= bit;
                }
            }
        }
    }

    /// Finds the blocks of patterns, tags and organisations.
    fn find(&mut self, graph: &Graph, id: &str) {
        self.found.clear();
        match graph.resources.get(self.resource as usize) {
            Some(home) => {
                let list = graph.lists.get(home.patterns as usize..).unwrap_or_default();
                if let [count, rest @ ..] = list {
                    let blocks = rest.chunks_exact(2).take(*count as usize);
                    self.found.extend(blocks.filter_map(|pair| {
                        if let [at, base] = pair { Some(BlockRef { at: *at, base: *base }) } else { None }
                    }));
                }
            }
            None => {
                let blocks = graph.patterns.iter().zip(graph.globs());
                self.found.extend(
                    blocks
                        .filter(|(block, _)| !block.is_empty())
                        .filter(|(_, glob)| glob.is_match(id))
                        .map(|(block, _)| *block),
                );
            }
        }
        let tags = self.slot(builtin::RESOURCE_TAGS.0 as u16);
        match tags.state {
            State::Unknown => self.found.push(graph.tags.unknown),
            State::None => {}
            State::Known => {
                for index in 0..tags.b {
                    let tag = self.members.get(tags.a.saturating_add(index) as usize).copied();
                    self.found.extend(tag.and_then(|tag| graph.tags.get(tag)));
                }
            }
        }
        for (attr, orgs) in
            [(builtin::PRINCIPAL_ORG, &graph.principal_orgs), (builtin::RESOURCE_ORG, &graph.resource_orgs)]
        {
            let slot = self.slot(attr.0 as u16);
            match slot.state {
                State::Unknown => self.found.push(orgs.unknown),
                State::None => {}
                State::Known => self.found.extend(orgs.get(slot.a as u32)),
            }
        }
        self.found.retain(|block| !block.is_empty());
    }
}

/// The minute of the week that a clock on the wall shows.
pub(crate) fn minute(zone: &crate::zone::Zone, at: DateTime<Utc>) -> u32 {
    let local = zone.local(at);
    let day = u32::from(local.weekday.index()).saturating_mul(DAY);
    day.saturating_add(local.second.div_euclid(60))
}

/// The instant of a slot, moved by some seconds.
pub(crate) fn instant(slot: Slot, offset: i64) -> Option<(i64, u32)> {
    let nanos = u32::try_from(slot.b).ok()?;
    if offset == 0 {
        return Some((slot.a.cast_signed(), nanos));
    }
    let moved = shift(DateTime::<Utc>::from_timestamp(slot.a.cast_signed(), nanos)?, offset);
    Some((moved.timestamp(), moved.timestamp_subsec_nanos()))
}
