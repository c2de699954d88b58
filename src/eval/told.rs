//! What is known of a request, to be told: what messages and duties say, and what limits count by.

use super::{
    draft::{Draft, Set},
    facts::Facts,
};
use crate::{
    check::vocabulary::{AttrId, Type, Vocabulary, builtin},
    compile::graph::{Slot, State},
    value::{HeldRole, Tier, Value, canonical_ip},
};
use chrono::DateTime;
use std::{
    borrow::Cow,
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

/// What is known of a request.
pub trait Known {
    /// What the names stand for.
    fn vocabulary(&self) -> &Vocabulary;
    /// The value of an attribute; `None` where it is unknown.
    fn value(&self, attr: AttrId) -> Option<Cow<'_, Value>>;
    /// Whether the principal is `anonymous`.
    fn is_anonymous(&self) -> bool;
}

impl Known for Facts<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.vocabulary
    }

    fn value(&self, attr: AttrId) -> Option<Cow<'_, Value>> {
        self.get(attr).map(Cow::Borrowed)
    }

    fn is_anonymous(&self) -> bool {
        self.anonymous
    }
}

/// The names that a request always gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The principal's kind and id; neither where nobody is said to ask.
    pub(crate) principal: (&'a str, Option<&'a str>),
    pub(crate) action: &'a str,
    /// The resource's kind and id.
    pub(crate) resource: (&'a str, &'a str),
}

/// What a draft knows, of the attributes that some rule's words tell.
pub(crate) struct Told<'a> {
    pub(crate) set: Set<'a>,
    pub(crate) draft: &'a Draft,
    pub(crate) names: Names<'a>,
}

impl Known for Told<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.set.vocabulary
    }

    fn value(&self, attr: AttrId) -> Option<Cow<'_, Value>> {
        let Names { principal: (kind, id), action, resource } = self.names;
        let value = match attr {
            builtin::PRINCIPAL_KIND => (!kind.is_empty()).then(|| Value::text(kind)),
            builtin::PRINCIPAL_ID if self.is_anonymous() => Some(Value::None),
            builtin::PRINCIPAL_ID => id.map(Value::text),
            builtin::RESOURCE_KIND => Some(Value::text(resource.0)),
            builtin::RESOURCE_ID => Some(Value::text(resource.1)),
            builtin::ACTION_NAME => Some(Value::text(action)),
            _ => self.of_slot(attr),
        };
        value.map(Cow::Owned)
    }

    fn is_anonymous(&self) -> bool {
        self.draft.is_anonymous()
    }
}

impl Told<'_> {
    fn of_slot(&self, attr: AttrId) -> Option<Value> {
        let slot = self.draft.slot(self.set, attr);
        match slot.state {
            State::Unknown => None,
            State::None => Some(Value::None),
            State::Known => self.known(attr, slot),
        }
    }

    fn known(&self, attr: AttrId, slot: Slot) -> Option<Value> {
        let graph = self.set.graph;
        let text = |number: u32| self.draft.request.text(graph, number);
        let number = slot.a.cast_signed();
        Some(match &self.set.vocabulary.attributes[attr].ty {
            Type::Bool => Value::Bool(slot.a == 1),
            Type::Int(..) => Value::Int(number),
            Type::Tier => Value::Tier(Tier(u16::try_from(slot.a).ok()?)),
            Type::Ip => {
                let bits = u128::from(slot.a) << 64 | u128::from(slot.b);
                Value::Ip(canonical_ip(IpAddr::V6(Ipv6Addr::from_bits(bits))))
            }
            Type::Time => Value::Time(DateTime::from_timestamp(number, slot.b as u32)?),
            Type::Text | Type::OneOf(_) | Type::Kind | Type::Action => Value::text(text(slot.a as u32)?),
            Type::Texts => {
                let members = self.draft.request.set(graph, slot).iter();
                Value::Texts(members.map(|member| text(*member).map(Into::into)).collect::<Option<_>>()?)
            }
            Type::Roles => Value::Roles(self.roles()?),
        })
    }

    /// The roles that are held, with all that they include.
    fn roles(&self) -> Option<BTreeSet<HeldRole>> {
        let graph = self.set.graph;
        let name = |role: u32| Some(graph.tables.texts.text(*graph.roles.get(role as usize)?)?.into());
        let held = self.draft.held(graph).map(|role| Some(HeldRole { role: name(role)?, org: None }));
        let scoped = self.draft.scoped().map(|(role, org)| {
            let org = self.draft.request.text(graph, org)?.into();
            Some(HeldRole { role: name(role)?, org: Some(org) })
        });
        held.chain(scoped).collect()
    }
}
