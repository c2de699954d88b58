//! A cell and values, as a request.

use super::{Space, Values};
use crate::{
    check::vocabulary::{AttrId, Owner, Vocabulary, builtin},
    eval::facts::Grant,
    query::{
        search::Search,
        space::{Class, Key, Kind, Shown, Slot, held, key},
    },
    request::{Input, Principal, Request, Resource, insert},
    value::Value,
};
use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, Utc};
use std::{collections::BTreeMap, sync::Arc};

impl Space<'_> {
    /// The request of a cell in which every attribute has one class, with values for those that have several.
    pub(super) fn request(&self, search: &Search, values: &Values) -> Request {
        let text = |attr| values.texts.get(&key(attr)).map(ToString::to_string);
        let person = search.only(self.person).and_then(|class| self.people.classes.get(class));
        let principal = match person {
            Some(person) if person.is_anonymous() => Principal::anonymous(),
            Some(_) | None => Principal::new(
                text(builtin::PRINCIPAL_KIND).unwrap_or_default(),
                text(builtin::PRINCIPAL_ID).unwrap_or_default(),
            ),
        };
        let kind = match &self.ground.case.kind {
            Kind::Is(kind) => kind.to_string(),
            Kind::IsNot(_) => text(builtin::RESOURCE_KIND).unwrap_or_default(),
        };
        let resource = Resource::new(kind, text(builtin::RESOURCE_ID).unwrap_or_default());
        let mut request = Request::new(principal, text(builtin::ACTION_NAME).unwrap_or_default(), resource);
        request.context.clone_from(&self.ground.given.context);
        for (at, slot) in &self.slots {
            if builtin::ALWAYS_GIVEN.contains(&AttrId(at.0)) || self.is_fixed(search, *at) {
                continue;
            }
            if let Some(input) = self.input(search, values, *at, slot) {
                let attribute = &self.ground.frame.attributes[*at];
                let properties = match attribute.owner {
                    Owner::Principal => &mut request.principal.properties,
                    Owner::Resource => &mut request.resource.properties,
                    Owner::Action => &mut request.action_properties,
                    Owner::Context => &mut request.context,
                };
                insert(properties, &attribute.name, input);
            }
        }
        request
    }

    /// What the request says of an attribute, if anything.
    fn input(&self, search: &Search, values: &Values, at: Key, slot: &Slot) -> Option<Input> {
        let vocabulary = self.ground.frame.sides.iter().next()?.vocabulary();
        let class = values.classes.get(&at).copied().or_else(|| search.only(slot.dim));
        let written = |value: &Value| Some(written(vocabulary, value));
        match class.and_then(|class| slot.classes.get(class)) {
            Some(Class::Range(first, _)) => written(values.numbers.get(&at).unwrap_or(first)),
            Some(Class::At(value)) => written(value),
            Some(Class::Tier(name)) => Some(Input::Text(name.to_string())),
            Some(Class::Grant(Grant::Auto)) => Some("auto".into()),
            Some(Class::Grant(Grant::Manual)) => Some("manual".into()),
            Some(Class::Grant(Grant::No | Grant::Unknown)) => Some(false.into()),
            Some(Class::Other) => values.texts.get(&at).map(|text| Input::Text(text.to_string())),
            Some(Class::Given) if at == key(builtin::PRINCIPAL_ROLES) => Some(self.held(search, values)),
            Some(Class::Given) => {
                let members = values.sets.get(&at).into_iter().flatten();
                Some(Input::List(members.map(|text| Input::Text(text.to_string())).collect()))
            }
            Some(Class::None) => Some(Input::None),
            Some(Class::Unknown) => Some(Input::Unknown),
            Some(Class::Absent | Class::Nobody) => None,
            // Several are left: one that windows have found.
            None => written(values.numbers.get(&at)?),
        }
    }

    /// The roles that are given, those that are held elsewhere with an organisation that is not the resource's.
    fn held(&self, search: &Search, values: &Values) -> Input {
        let organisation = key(builtin::RESOURCE_ORG);
        let given = values.texts.get(&organisation);
        let known = self.ground.frame.sides.ids().map(|side| self.ground.of_resource(side, organisation));
        let known = known.filter_map(|shown| if let Shown::Known(Value::Text(org)) = shown { Some(org) } else { None });
        let taken: Vec<Arc<str>> = known.chain(self.organisations.iter().flatten().chain(given).cloned()).collect();
        let is_free = |name: &String| !taken.iter().any(|org| **org == **name);
        let more = (2..).map(|number: u32| format!("elsewhere-{number}"));
        let elsewhere = ["elsewhere".to_owned()].into_iter().chain(more).find(is_free).unwrap_or_default();
        let mut roles = Vec::new();
        for (name, dim) in &self.roles {
            let org = match search.cell(*dim).iter().next() {
                Some(held::NO) | None => continue,
                Some(held::EVERYWHERE) => {
                    roles.push(Input::Text(name.to_string()));
                    continue;
                }
                Some(held::ELSEWHERE) => &*elsewhere,
                Some(held::THERE) => given.map_or(&*elsewhere, |org| &**org),
                Some(way) => {
                    let place = way.saturating_sub(held::FIRST);
                    self.organisations.iter().flatten().nth(place).map_or(&*elsewhere, |org| &**org)
                }
            };
            let named =
                [("role", &**name), ("org", org)].map(|(name, text)| (name.to_owned(), Input::Text(text.to_owned())));
            roles.push(Input::Object(BTreeMap::from(named)));
        }
        Input::List(roles)
    }
}

/// A value as a request writes it.
fn written(vocabulary: &Vocabulary, value: &Value) -> Input {
    value.as_time().map_or_else(|| vocabulary.input(value), |time| Input::Text(instant(time)))
}

/// An instant in RFC 3339 form. What lies outside of the years that this can write is still in them by some clock.
fn instant(time: DateTime<Utc>) -> String {
    const CLOCKS: i32 = 86_340;
    let hours = match time.year() {
        ..0 => CLOCKS,
        0..10_000 => return time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        10_000.. => -CLOCKS,
    };
    match FixedOffset::east_opt(hours) {
        Some(clock) => time.with_timezone(&clock).to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => time.to_rfc3339(),
    }
}
