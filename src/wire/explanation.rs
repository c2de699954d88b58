//! The whole story of a decision as JSON: what each rule made of the request, and what would permit it.

use crate::{
    examine::explain::{Change, ClauseStory, Explanation, Remedy, RuleStory},
    request::Input,
    wire::decision,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::collections::BTreeMap;

/// The story as a part of a larger JSON text.
pub fn view(story: &Explanation) -> impl Serialize {
    Story {
        rules: story.rules.iter().map(Rule::of).collect(),
        permit_by: story.permit_by.iter().map(Way::of).collect(),
    }
}

/// The decision and its story as one JSON document with a line break at its end.
#[must_use]
pub fn encode(story: &Explanation) -> String {
    let document = Document { decision: decision::view(&story.decision), story: view(story) };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Document<D: Serialize, S: Serialize> {
    decision: D,
    #[serde(flatten)]
    story: S,
}

#[derive(Serialize)]
struct Story<'a> {
    rules: Vec<Rule<'a>>,
    permit_by: Vec<Way<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    rule: &'a str,
    at: &'a str,
    effect: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    fires: &'static str,
    clauses: Vec<Clause<'a>>,
}

impl<'a> Rule<'a> {
    fn of(story: &'a RuleStory) -> Self {
        Self {
            rule: &story.rule,
            at: &story.at,
            effect: story.effect,
            shadow: story.shadow,
            fires: story.fires.name(),
            clauses: story.clauses.iter().map(Clause::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct Clause<'a> {
    text: &'a str,
    value: &'static str,
    saw: Values<'a>,
}

impl<'a> Clause<'a> {
    fn of(story: &'a ClauseStory) -> Self {
        Self { text: &story.text, value: story.value.name(), saw: Values(&story.saw) }
    }
}

/// A way to be permitted.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Way<'a> {
    /// To wait so many seconds.
    Wait(u64),
    /// To have other values.
    Set(Values<'a>),
}

impl<'a> Way<'a> {
    const fn of(remedy: &'a Remedy) -> Self {
        match remedy {
            Remedy::Wait(seconds) => Self::Wait(*seconds),
            Remedy::Set(change) => Self::Set(Values(change)),
        }
    }
}

/// Values by path.
struct Values<'a>(&'a Change);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (path, value) in self.0 {
            map.serialize_entry(&**path, &Value(value))?;
        }
        map.end()
    }
}

/// A value as a request has it; one that is not known is `{"unknown": true}`, as `null` is a known absence.
struct Value<'a>(&'a Input);

impl Serialize for Value<'_> {
    // As deep as values of attributes are: a set of roles is the deepest.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Input::Unknown => BTreeMap::from([("unknown", true)]).serialize(serializer),
            Input::None => serializer.serialize_none(),
            Input::Bool(value) => serializer.serialize_bool(*value),
            Input::Int(value) => serializer.serialize_i64(*value),
            Input::Float(value) => serializer.serialize_f64(*value),
            Input::Text(text) => serializer.serialize_str(text),
            Input::List(members) => serializer.collect_seq(members.iter().map(Value)),
            Input::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, member)| (name, Value(member))))
            }
        }
    }
}
