//! How pages look: in which language, and light or dark. A reader's wish is kept in a cookie.

use super::{cookie, posted::Posted, words::Language};
use crate::server::app::App;
use ::http::{
    HeaderMap, StatusCode,
    header::{ACCEPT_LANGUAGE, SET_COOKIE},
};
use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use std::sync::Arc;

const LANGUAGE: &str = "policyc_language";
const THEME: &str = "policyc_theme";
/// A year.
const KEPT: u32 = 365 * 24 * 60 * 60;

/// How a page looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) language: Language,
    pub(super) theme: Theme,
}

/// Whether pages are light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the reader's system is.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

impl Look {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accepted = || {
            let header = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            Language::accepted(header.unwrap_or_default())
        };
        Self {
            language: cookie::value(headers, LANGUAGE).and_then(Language::of).unwrap_or_else(accepted),
            theme: cookie::value(headers, THEME).and_then(Theme::of).unwrap_or(Theme::System),
        }
    }

    /// The words by this name.
    pub(super) fn say(self, name: &'static str) -> &'static str {
        self.language.say(name)
    }

    /// The words by this name, filled in.
    pub(super) fn fill(self, name: &'static str, texts: &[(&str, &str)]) -> String {
        self.language.fill(name, texts)
    }
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/look", post(change))
}

async fn change(posted: Posted) -> Response {
    let Posted { visit, fields } = posted;
    let language = Language::of(fields.get("language")).map(|language| (LANGUAGE, language.tag()));
    let theme = Theme::of(fields.get("theme")).map(|theme| (THEME, theme.name()));
    let Some((name, value)) = language.or(theme) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut response = Redirect::to(own(fields.get("back"))).into_response();
    if let Some(cookie) = cookie::set(name, value, KEPT, visit.is_secure) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// An address of a page here: where a form leads back to is never elsewhere.
pub(super) fn own(address: &str) -> &str {
    let is_own = address == "/ui" || address.starts_with("/ui/") || address.starts_with("/ui?");
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own && is_plain { address } else { "/ui" }
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn nothing_leads_elsewhere() {
        assert_eq!(own("/ui/audit?q=%E4%B8%AD"), "/ui/audit?q=%E4%B8%AD");
        for elsewhere in ["", "https://evil.example", "//evil.example", "/ui\r\nSet-Cookie: a=b", "/uix", "/ui/\\evil"]
        {
            assert_eq!(own(elsewhere), "/ui", "{elsewhere}");
        }
    }
}
