//! Errors as OpenAI's clients read them, whichever surface they come from.

use ::http::StatusCode;
use serde_json::{Value, json};

/// What stands for `error` in a body: `{"message", "type", "param", "code"}`, and whatever else there is to say.
pub(in crate::server) fn error(
    message: &str,
    kind: &str,
    param: Option<&str>,
    code: Option<&str>,
    more: impl IntoIterator<Item = (String, Value)>,
) -> Value {
    let mut error = json!({ "message": message, "type": kind, "param": param, "code": code });
    if let Some(members) = error.as_object_mut() {
        members.extend(more);
    }
    error
}

/// The type of an error, as far as its status tells it.
pub(in crate::server) const fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "request_forbidden",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}
