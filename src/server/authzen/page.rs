//! Pages of a search: where one begins, and the token that says where the next does.
//!
//! A token names the last result of its page. It is good for the same search on the same policy set by the same caller only:
//! it carries a keyed hash of these, whose key is made anew with each start of the service.

use super::evaluation::Fault;
use crate::{
    engine::Engine,
    request::Refusal,
    server::{app::App, identity::Caller},
    wire::search::Page,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The part of an answer that is wanted.
pub(super) struct Cut {
    /// The last result of the page before.
    pub(super) after: Option<String>,
    /// How many results there may be.
    pub(super) limit: usize,
    /// What tokens of this search are signed with.
    pub(super) token_key: Hmac<Sha256>,
}

/// How long the hash in a token is.
const HASH: usize = 32;

/// The part of an answer that a page asks for.
///
/// # Errors
/// The token is of another search, another set, another caller or another start of the service.
pub(super) fn cut(app: &App, engine: &Engine, caller: &Caller, page: &Page, search: &str) -> Result<Cut, Fault> {
    let most = app.settings.authzen.page.max(1);
    let mut token_key = app.page_key.clone();
    for part in [engine.revision(), caller.principal.id.as_deref().unwrap_or_default(), &caller.principal.kind, search]
    {
        token_key.update(&part.len().to_le_bytes());
        token_key.update(part.as_bytes());
    }
    let after = match &page.token {
        None => None,
        Some(token) => Some(after(&token_key, token).ok_or_else(|| {
            let error = "not a token of this search; begin again without one";
            Fault::Refused(Refusal { error: error.to_owned(), at: "/page/token".to_owned() })
        })?),
    };
    Ok(Cut { after, limit: page.limit.unwrap_or(most).min(most), token_key })
}

/// The token that leads to what comes after a result.
pub(super) fn token(key: &Hmac<Sha256>, last: &str) -> String {
    let hash = key.clone().chain_update(last.as_bytes()).finalize().into_bytes();
    BASE64_URL_SAFE_NO_PAD.encode([hash.as_slice(), last.as_bytes()].concat())
}

fn after(key: &Hmac<Sha256>, token: &str) -> Option<String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let (hash, last) = bytes.split_at_checked(HASH)?;
    key.clone().chain_update(last).verify_slice(hash).ok()?;
    String::from_utf8(last.to_vec()).ok()
}
