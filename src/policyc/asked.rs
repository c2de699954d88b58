//! Parts of a request as flags give them.

use super::{Exit, Io, style::failed};
use crate::{
    engine::Engine,
    request::{Refusal, Request},
    wire,
};
use serde_json::{Value, json};

/// A request of a principal, or of nobody in particular, to do something to a resource.
///
/// # Errors
/// If a part is no JSON, or not what a request has there; that has been said.
pub(super) fn request(
    principal: Option<&str>,
    action: &str,
    resource: (&str, &str),
    context: Option<&str>,
    io: &mut Io<'_>,
) -> Result<Request, Exit> {
    let mut part = |flag: &str, text: Option<&str>, default: Value| match text {
        None => Ok(default),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| failed(io, &format!("the value of `{flag}` is no JSON: {error}"), None)),
    };
    let subject = part("--principal", principal, json!({ "type": "anonymous" }))?;
    let context = part("--context", context, json!({}))?;
    let (kind, id) = resource;
    let document = json!({ "subject": subject, "action": { "name": action }, "resource": { "type": kind, "id": id }, "context": context });
    let decoded = wire::request::decode(&document.to_string());
    decoded.map(|decoded| decoded.request).map_err(|refusal| refused(&refusal, io))
}

/// Says what is wrong with a request that flags gave.
pub(super) fn refused(refusal: &Refusal, io: &mut Io<'_>) -> Exit {
    failed(io, &format!("not a request: {} at `{}`", refusal.error, refusal.at), None)
}

/// Sees to it that a set knows an action: of another one every answer would be that nobody may.
///
/// # Errors
/// If it does not; that has been said.
pub(super) fn knows_action(engine: &Engine, action: &str, io: &mut Io<'_>) -> Result<(), Exit> {
    if engine.ir().vocabulary.action_ids.contains_key(action) {
        return Ok(());
    }
    Err(failed(io, &format!("the policies know no action `{action}`"), None))
}
