//! Values of attributes: read, checked, and put where tests look for them.

use super::{Draft, Misfit, Set, word};
use crate::{
    check::vocabulary::{AttrId, Owner, Type, builtin, parse_instant},
    compile::{
        Graph,
        graph::{Slot, State, UNREAD},
        tables::{address, minute},
    },
    eval::facts::Grant,
    request::Given,
    value::canonical_ip,
};
use chrono::{DateTime, Utc};
use std::net::IpAddr;

impl Draft {
    /// Takes a value for an attribute, unless a declaration fixes it.
    pub(crate) fn give(&mut self, set: Set<'_>, attr: AttrId, given: Given<'_>) -> Result<(), Misfit> {
        if !self.takes(set, attr)? {
            return Ok(());
        }
        let slot = match attr {
            builtin::PRINCIPAL_GRANTED => self.granted(given)?,
            builtin::PRINCIPAL_ROLES => self.give_roles(set, given)?,
            _ => self.read(set, attr, given)?,
        };
        if attr == builtin::RESOURCE_ORG {
            self.resource_org = slot;
        }
        self.put(set, attr, slot);
        Ok(())
    }

    /// Takes a list for an attribute, of roles or of texts, which are in no organisation: as [`give`](Self::give).
    pub(crate) fn give_list<'t>(
        &mut self,
        set: Set<'_>,
        attr: AttrId,
        list: impl Iterator<Item = (&'t str, Option<&'t str>)> + Clone,
    ) -> Result<(), Misfit> {
        if !self.takes(set, attr)? {
            return Ok(());
        }
        let slot = match set.vocabulary.attributes[attr].ty {
            Type::Roles => self.hold_each(set.graph, list),
            Type::Texts if list.clone().any(|(_, org)| org.is_some()) => return Err(Misfit),
            Type::Texts if is_read(set.graph, attr) => self.members(set.graph, list.map(|(text, _)| text)),
            Type::Texts => Slot::UNKNOWN,
            Type::Bool
            | Type::Int(..)
            | Type::Text
            | Type::Ip
            | Type::Time
            | Type::Tier
            | Type::OneOf(_)
            | Type::Kind
            | Type::Action => return Err(Misfit),
        };
        self.put(set, attr, slot);
        Ok(())
    }

    /// Whether what is given for an attribute counts.
    fn takes(&self, set: Set<'_>, attr: AttrId) -> Result<bool, Misfit> {
        let row = &set.vocabulary.attributes[attr];
        if self.is_fixed(set, attr, row.owner) || (row.ty == Type::Tier && set.graph.tiers.is_empty()) {
            return Ok(false);
        }
        if row.owner == Owner::Principal && self.anonymous { Err(Misfit) } else { Ok(true) }
    }

    /// Takes roles that the principal holds everywhere: as [`give`](Self::give), in less time.
    pub(crate) fn hold_everywhere(&mut self, set: Set<'_>, roles: &[&str]) -> Result<(), Misfit> {
        if self.anonymous || self.is_declared() || is_read(set.graph, builtin::PRINCIPAL_ROLES) {
            return self.give(set, builtin::PRINCIPAL_ROLES, Given::Texts(roles));
        }
        self.no_roles();
        for role in roles {
            self.hold(set.graph, role, None);
        }
        Ok(())
    }

    /// Takes the principal's tier: as [`give`](Self::give), in less time.
    pub(crate) fn has_tier(&mut self, set: Set<'_>, tier: &str) -> Result<(), Misfit> {
        if self.anonymous || self.is_declared() || set.graph.tiers.is_empty() {
            return self.give(set, builtin::PRINCIPAL_TIER, Given::Text(tier));
        }
        let rank = set.graph.tiers.find(0, tier).unwrap_or_default();
        self.put(set, builtin::PRINCIPAL_TIER, Slot::known(u64::from(rank), 0));
        Ok(())
    }

    /// The value of an attribute; unread ones are only checked.
    #[inline]
    pub(super) fn read(&mut self, set: Set<'_>, attr: AttrId, given: Given<'_>) -> Result<Slot, Misfit> {
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
                let rank = set.graph.tiers.find(0, name);
                let rank = if lowest { rank.unwrap_or_default() } else { rank.ok_or(Misfit)? };
                Slot::known(u64::from(rank), 0)
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
            (Type::Texts, Given::Texts(texts)) if is_read(set.graph, attr) => {
                self.members(set.graph, texts.iter().copied())
            }
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
    pub(super) fn members<'t>(&mut self, graph: &Graph, texts: impl Iterator<Item = &'t str>) -> Slot {
        let start = self.request.rare().members.len();
        for text in texts {
            let number = self.request.number(graph, text);
            self.request.rare().members.push(number);
        }
        let count = self.request.rare().members.len().saturating_sub(start);
        Slot::known(start as u64, count as u64)
    }

    pub(super) fn granted(&mut self, given: Given<'_>) -> Result<Slot, Misfit> {
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

    pub(super) fn give_roles(&mut self, set: Set<'_>, given: Given<'_>) -> Result<Slot, Misfit> {
        self.no_roles();
        Ok(match given {
            Given::Unknown => {
                self.roles_unknown = true;
                Slot::UNKNOWN
            }
            Given::None => Slot::NONE,
            Given::Texts(roles) => self.hold_each(set.graph, roles.iter().map(|role| (*role, None))),
            Given::Roles(roles) => self.hold_each(set.graph, roles.iter().copied()),
            Given::Bool(_) | Given::Int(_) | Given::Text(_) | Given::Ip(_) | Given::Time(_) | Given::Unfit => {
                return Err(Misfit);
            }
        })
    }

    /// Notes all the roles that the principal holds; what their slot says.
    fn hold_each<'t>(&mut self, graph: &Graph, roles: impl Iterator<Item = (&'t str, Option<&'t str>)>) -> Slot {
        self.no_roles();
        let count = roles.filter(|(role, org)| self.hold(graph, role, *org)).count();
        Slot::known(0, count as u64)
    }

    /// Notes a role with all that it includes; whether the vocabulary knows it.
    #[inline]
    pub(super) fn hold(&mut self, graph: &Graph, role: &str, org: Option<&str>) -> bool {
        let Some(role) = graph.role_names.find(0, role) else { return false };
        match graph.closure(role) {
            [all] if org.is_none() => self.held |= all,
            [first, more @ ..] => self.hold_all(graph, *first, more, org),
            [] => {}
        }
        true
    }

    /// Notes many roles, or roles in an organisation.
    #[inline(never)]
    pub(super) fn hold_all(&mut self, graph: &Graph, first: u64, more: &[u64], org: Option<&str>) {
        let Some(org) = org else {
            self.held |= first;
            self.more_held.resize(more.len(), 0);
            self.more_held.iter_mut().zip(more).for_each(|(held, bits)| *held |= bits);
            return;
        };
        let org = self.request.number(graph, org);
        let has = |role: &u32| word(first, more, *role) >> (role & 63) & 1 == 1;
        self.scoped.extend((0..graph.roles.len() as u32).filter(has).map(|role| (role, org)));
    }

    /// Puts a value where tests look for it.
    #[inline]
    pub(super) fn put(&mut self, set: Set<'_>, attr: AttrId, value: Slot) {
        match attr {
            builtin::IP => self.put_ip(set, value),
            builtin::TIME => self.put_time(set, value),
            builtin::PRINCIPAL_TIER => {
                self.request.plain.set_tier(value);
                self.put_slot(set, attr, value);
            }
            _ => self.put_slot(set, attr, value),
        }
    }

    #[inline]
    pub(super) fn put_ip(&mut self, set: Set<'_>, value: Slot) {
        self.request.plain.set_ip(value);
        self.put_slot(set, builtin::IP, value);
    }

    #[inline]
    pub(super) fn put_time(&mut self, set: Set<'_>, value: Slot) {
        self.request.plain.set_time(value);
        self.put_slot(set, builtin::TIME, value);
        if !set.graph.zones().is_empty() {
            self.clocks(set.graph, value);
        }
    }

    /// Puts a value into its slot, if it has one.
    #[inline]
    pub(super) fn put_slot(&mut self, set: Set<'_>, attr: AttrId, value: Slot) {
        let slot = set.graph.slot_of.get(attr.0 as usize).copied().unwrap_or(UNREAD);
        if let Some(slot) = self.request.slots.get_mut(usize::from(slot)) {
            *slot = value;
        }
    }

    /// Puts a text into its slot, if it has one.
    #[inline]
    pub(super) fn text(&mut self, set: Set<'_>, attr: AttrId, text: &str) {
        if is_read(set.graph, attr) {
            let number = self.request.number(set.graph, text);
            self.put(set, attr, Slot::known(u64::from(number), 0));
        }
    }

    /// What is known of an attribute.
    pub(in crate::eval) fn slot(&self, set: Set<'_>, attr: AttrId) -> Slot {
        set.graph.slot_of.get(attr.0 as usize).map_or(Slot::UNKNOWN, |slot| self.request.slot(*slot))
    }

    /// The clocks on the walls of all zones that windows are in.
    #[inline(never)]
    pub(super) fn clocks(&mut self, graph: &Graph, slot: Slot) {
        let minutes = &mut self.request.rare().minutes;
        minutes.clear();
        if slot.state == State::Known {
            minutes.extend(graph.zones().iter().map(|zone| minute(zone, slot.a.cast_signed())));
        }
    }
}

#[inline]
pub(super) fn is_read(graph: &Graph, attr: AttrId) -> bool {
    graph.slot_of.get(attr.0 as usize).is_some_and(|slot| *slot != UNREAD)
}

#[inline]
pub(super) fn ip_slot(ip: IpAddr) -> Slot {
    let bits = address(canonical_ip(ip));
    Slot::known((bits >> 64) as u64, bits as u64)
}

#[inline]
pub(super) const fn time_slot(at: DateTime<Utc>) -> Slot {
    Slot::known(at.timestamp().cast_unsigned(), at.timestamp_subsec_nanos() as u64)
}
