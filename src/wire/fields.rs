//! An object's members, taken one by one, with words for what is wrong with them.

use super::json;
use crate::request::{Input, Refusal};
use std::{borrow::Cow, collections::BTreeMap};

/// An object that is being taken apart; what is left at the end was not understood.
pub(super) struct Fields {
    members: BTreeMap<String, Input>,
    at: Cow<'static, str>,
}

impl Fields {
    /// The members of a value that must be an object; `at` is its JSON pointer.
    pub(super) fn of(value: Input, at: impl Into<Cow<'static, str>>) -> Result<Self, Refusal> {
        let at = at.into();
        Ok(Self { members: object(value, &at)?, at })
    }

    /// The JSON pointer of a member.
    pub(super) fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.at, json::escape(name))
    }

    /// A refusal of a member. Its place is put into words only here, where it is told.
    fn placed(&self, refusal: Refusal, name: &str) -> Refusal {
        Refusal { at: self.pointer(name), ..refusal }
    }

    /// Takes a member.
    pub(super) fn take(&mut self, name: &str) -> Option<Input> {
        self.members.remove(name)
    }

    /// Takes a member that must be there.
    pub(super) fn required(&mut self, name: &str, expected: &str) -> Result<Input, Refusal> {
        self.take(name).ok_or_else(|| refusal(format!("missing; expected {expected}"), self.pointer(name)))
    }

    /// Takes a text that may be missing, but not be empty.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        self.take(name).map(|value| text(value, "").map_err(|refusal| self.placed(refusal, name))).transpose()
    }

    /// Takes a text that must be there and say something.
    pub(super) fn required_text(&mut self, name: &str) -> Result<String, Refusal> {
        let value = self.required(name, "a text")?;
        text(value, "").map_err(|refusal| self.placed(refusal, name))
    }

    /// Takes an object that may be missing, which means empty.
    pub(super) fn object(&mut self, name: &str) -> Result<BTreeMap<String, Input>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(BTreeMap::new()) };
        object(value, "").map_err(|refusal| self.placed(refusal, name))
    }

    /// Takes a list that must be there and have elements; each comes with its JSON pointer.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<(Input, String)>, Refusal> {
        let value = self.required(name, "a list")?;
        list(value, &self.pointer(name))
    }

    /// The JSON pointers of the members that nobody took.
    pub(super) fn rest(&self) -> impl Iterator<Item = String> {
        self.members.keys().map(|name| self.pointer(name))
    }

    /// Refuses members that nobody took: what they would have said must not be dropped.
    pub(super) fn nothing_else(&self, known: &[&str]) -> Result<(), Refusal> {
        self.members
            .keys()
            .next()
            .map_or(Ok(()), |name| Err(refusal(unknown("member", name, known), self.pointer(name))))
    }
}

/// A refusal of what is at a place.
pub(super) fn refusal(error: impl Into<String>, at: impl Into<String>) -> Refusal {
    Refusal { error: error.into(), at: at.into() }
}

/// What a value must be, and what it is instead.
pub(super) fn mismatch(expected: &str, value: &Input, at: impl Into<String>) -> Refusal {
    refusal(format!("expected {expected}, found {}", kind(value)), at)
}

/// A text that says something.
pub(super) fn text(value: Input, at: &str) -> Result<String, Refusal> {
    let Input::Text(text) = value else { return Err(mismatch("a text", &value, at)) };
    if text.is_empty() {
        return Err(refusal("expected a text, found an empty one", at));
    }
    Ok(text)
}

/// A list's elements with their JSON pointers.
pub(super) fn list(value: Input, at: &str) -> Result<Vec<(Input, String)>, Refusal> {
    let Input::List(values) = value else { return Err(mismatch("a list", &value, at)) };
    Ok(values.into_iter().zip(0usize..).map(|(value, index)| (value, format!("{at}/{index}"))).collect())
}

fn object(value: Input, at: &str) -> Result<BTreeMap<String, Input>, Refusal> {
    let Input::Object(members) = value else { return Err(mismatch("an object", &value, at)) };
    Ok(members)
}

/// What kind of value it is, in the words of JSON.
fn kind(value: &Input) -> &'static str {
    match value {
        Input::Unknown => "nothing",
        Input::None => "null",
        Input::Bool(_) => "a bool",
        Input::Int(_) | Input::Float(_) => "a number",
        Input::Text(_) => "a text",
        Input::List(_) => "a list",
        Input::Object(_) => "an object",
    }
}

/// A word that is not one of those known, with the nearest of them.
pub(super) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let near = |known: &&&str| strsim::damerau_levenshtein(word, known);
    let nearest = known.iter().min_by_key(near).filter(|known| near(known) <= 2);
    let hint = nearest.map(|known| format!(" (did you mean `{known}`?)")).unwrap_or_default();
    let all = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
    format!("unknown {what} `{}`{hint}, expected one of {all}", shown(word))
}

/// A text as a message shows it: not longer than a line.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}
