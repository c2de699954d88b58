//! Requests that a session is asked in JSON.
//!
//! One that is plainly written is taken as it stands in the text. All others are read at length, which takes more time and
//! has words for what is wrong.

use super::{Ask, Session};
use crate::{
    check::vocabulary::{AttrId, Owner, Type},
    compile::{
        paths::{Paths, Place},
        scatter::is_same,
    },
    eval::{
        draft::{Draft, Set},
        facts::ignored,
        fill::fill,
    },
    request::{Given, Refusal},
    wire::{
        self,
        plain::{Object, Plain, Said},
    },
};

/// A session's working memory for requests in JSON.
#[derive(Debug, Default)]
pub(super) struct Json {
    pub(super) said: Plain,
    /// Where paths of attributes have the members of this request and of earlier ones with more of them.
    known: Vec<Known>,
}

/// A member, and where paths of attributes have it: most requests have the same members in the same order.
#[derive(Debug, Default)]
struct Known {
    within: Option<Place>,
    name: String,
    place: Option<Place>,
}

impl Known {
    /// Where paths have a member.
    fn place(&mut self, paths: &Paths, within: Option<Place>, name: &str) -> Option<Place> {
        if self.within != within || !is_same(self.name.as_bytes(), name.as_bytes()) {
            self.within = within;
            self.name.clear();
            self.name.push_str(name);
            self.place = within.and_then(|within| paths.member(within, name));
        }
        self.place
    }
}

impl Session {
    /// Asks what a request in JSON asks, as [`wire::request`] describes it: the subject is the principal from now on, and a
    /// `time` that is not said is not known.
    ///
    /// ```
    /// # use policyc::Engine;
    /// let engine = Engine::builder().text("lab.policy", r#"allow role researcher to infer when ip in [10.0.0.0/8];"#).load()?;
    /// let mut session = engine.session();
    /// let request = r#"{"subject": {"type": "user", "id": "alice", "properties": {"roles": ["researcher"]}},
    ///     "action": {"name": "infer"}, "resource": {"type": "model", "id": "qwen3"}, "context": {"ip": "10.1.2.3"}}"#;
    /// assert!(session.ask_json(request)?.evaluate().is_allow());
    ///
    /// let refusal = session.ask_json(&request.replace("10.1.2.3", "here")).err().ok_or("it is refused")?;
    /// assert_eq!(refusal.to_string(), "/context/ip: expected an address, found `here`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the text is not a request, or it does not fit the vocabulary. Then nobody in particular asks from now on.
    pub fn ask_json(&mut self, text: &str) -> Result<Ask<'_>, Box<Refusal>> {
        if self.take_plain(text).is_none()
            && let Err(refusal) = self.take(text)
        {
            self.nobody();
            return Err(refusal);
        }
        Ok(Ask(self))
    }

    /// Takes any request.
    #[cold]
    fn take(&mut self, text: &str) -> Result<(), Box<Refusal>> {
        let request = wire::request::decode(text)?.request;
        let set = self.set.set();
        fill(&mut self.draft, set, &request)?;
        ignored(set.vocabulary, &request, self.strict)?;
        Ok(())
    }

    /// Takes a request that is plainly written and fits; nothing if it is not.
    pub(super) fn take_plain(&mut self, text: &str) -> Option<()> {
        self.json.said.read(text)?;
        let Self { set, draft, json, strict, .. } = self;
        json.give_principal(set.set(), draft, text, *strict)?;
        draft.end_of_principal();
        let (kind, id) = json.said.resource(text);
        let action = json.said.named.action;
        self.begin(action.of(text), kind, id);
        let Self { set, draft, json, .. } = self;
        json.give_members(set.set(), draft, text, |owner| owner != Owner::Principal)
    }
}

impl Json {
    /// Gives what was said of the principal.
    pub(super) fn give_principal(&mut self, set: Set<'_>, draft: &mut Draft, text: &str, strict: bool) -> Option<()> {
        let (kind, id) = self.said.subject(text);
        let resource = self.said.resource(text);
        draft.foresee(set.graph, (kind, id), resource);
        draft.principal(set, kind, id);
        draft.foresee_resource(set.graph, resource.0, resource.1);
        self.find_places(set, text, strict)?;
        self.give_members(set, draft, text, |owner| owner == Owner::Principal)
    }

    /// Finds which members are attributes, or lead to some. With `strict`, nothing if one is neither.
    pub(super) fn find_places(&mut self, set: Set<'_>, text: &str, strict: bool) -> Option<()> {
        let Self { said, known } = self;
        for (number, member) in said.members.iter().enumerate() {
            let (within, is_attribute) = match member.object {
                Object::OF_SUBJECT => (Some(Owner::Principal.into()), true),
                Object::OF_ACTION => (Some(Owner::Action.into()), true),
                Object::OF_RESOURCE => (Some(Owner::Resource.into()), true),
                Object::CONTEXT => (Some(Owner::Context.into()), true),
                object => {
                    let within = object.member().and_then(|member| known.get(member as usize)?.place);
                    (within, within.is_some())
                }
            };
            if known.len() == number {
                known.push(Known::default());
            }
            let here = known.get_mut(number)?;
            let place = here.place(&set.graph.paths, within, member.name.of(text));
            if strict && is_attribute {
                let attr = place.and_then(|place| set.graph.paths.attribute(place));
                let is_known =
                    |attr: AttrId| set.vocabulary.attributes[attr].ty != Type::Tier || !set.graph.tiers.is_empty();
                let leads = place.is_some() && member.value == Said::Object;
                (attr.is_some_and(is_known) || leads).then_some(())?;
            }
        }
        Some(())
    }

    /// Gives the attributes of some owners.
    pub(super) fn give_members(
        &self,
        set: Set<'_>,
        draft: &mut Draft,
        text: &str,
        of: impl Fn(Owner) -> bool,
    ) -> Option<()> {
        let Self { said, known } = self;
        for (member, known) in said.members.iter().zip(known) {
            let Some(attr) = known.place.and_then(|place| set.graph.paths.attribute(place)) else { continue };
            if !of(set.vocabulary.attributes[attr].owner) {
                continue;
            }
            let given = match &member.value {
                Said::None => Given::None,
                Said::Bool(value) => Given::Bool(*value),
                Said::Int(value) => Given::Int(*value),
                Said::Text(span) => Given::Text(span.of(text)),
                Said::Object => Given::Unfit,
                Said::List(elements) => {
                    let list = said.elements(*elements).iter();
                    let list = list.map(|element| (element.text.of(text), element.org.map(|org| org.of(text))));
                    draft.give_list(set, attr, list).ok()?;
                    continue;
                }
            };
            draft.give(set, attr, given).ok()?;
        }
        Some(())
    }
}
