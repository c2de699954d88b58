//! What managed documents say of a request: who was granted access, and what a registered resource is like.

use super::{Key, Managed};
use crate::{
    check::vocabulary::{Owner, Vocabulary, builtin},
    eval::facts::lookup,
    request::{Input, Request, Resource, insert},
    wire::json,
};
use std::sync::atomic::Ordering;

impl Managed {
    /// Under which gate's mode a principal was granted access to a resource; none if they were not.
    pub(crate) fn granted(&self, principal: (&str, &str), resource: (&str, &str)) -> Option<&'static str> {
        if self.knows_nothing() {
            return None;
        }
        self.get(&Key::access(resource, principal))?.access()?.granted()
    }

    /// Whether nothing was ever registered or granted, so that nothing needs to be looked up.
    fn knows_nothing(&self) -> bool {
        !self.has_facts.load(Ordering::Acquire)
    }

    /// Whether a resource was registered.
    pub(crate) fn is_registered(&self, kind: &str, id: &str) -> bool {
        !self.knows_nothing() && self.read().contains_key(&Key::resource(kind, id))
    }

    /// Says of a request's resource what it was registered with. A resource that the policy files do not declare is then as if
    /// they did: what it was registered with is never taken from a request, nor are its tier and tags, and what else nobody
    /// says is as the vocabulary has it.
    fn describe(&self, vocabulary: &Vocabulary, resource: &mut Resource) {
        if self.knows_nothing() {
            return;
        }
        let Some(document) = self.get(&Key::resource(&resource.kind, &resource.id)) else { return };
        let Some(registered) = document.body.registered() else { return };
        let is_declared = vocabulary.resources.find(&resource.kind, &resource.id).is_some();
        for (attribute, row) in vocabulary.attributes.pairs().filter(|(_, row)| row.owner == Owner::Resource) {
            if builtin::ALWAYS_GIVEN.contains(&attribute) {
                continue;
            }
            let is_fixed = [builtin::RESOURCE_TIER, builtin::RESOURCE_TAGS].contains(&attribute);
            let said = registered.attributes.get(&*row.name).and_then(|value| json::parse(&value.to_string()).ok());
            let value = match (said, is_declared) {
                (Some(said), _) => said,
                (None, true) => continue,
                (None, false) if is_fixed && attribute == builtin::RESOURCE_TAGS => Input::List(Vec::new()),
                (None, false) if is_fixed => match vocabulary.tiers.first() {
                    Some(lowest) => Input::Text(lowest.to_string()),
                    None => continue,
                },
                (None, false) if lookup(&resource.properties, &row.name).is_some() => continue,
                (None, false) => match &row.default {
                    Some(default) => vocabulary.input(default),
                    None => continue,
                },
            };
            insert(&mut resource.properties, &row.name, value);
        }
    }

    /// What the service knows of a request, whatever the request says itself: nobody grants access to themselves.
    pub(crate) fn complete(&self, vocabulary: &Vocabulary, request: &mut Request) {
        let Request { principal, resource, .. } = request;
        if let Some(id) = &principal.id {
            let granted = self.granted((&principal.kind, id), (&resource.kind, &resource.id));
            let granted = granted.map_or(Input::Bool(false), |mode| Input::Text(mode.to_owned()));
            principal.properties.insert("granted".to_owned(), granted);
        }
        self.describe(vocabulary, resource);
    }
}
