//! Which requests the gateway knows: a path is one of a few, written plainly, or nothing is forwarded.

use super::{error::Fault, settings::Actions};
use ::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What a forwarded request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Images,
    /// From a text.
    Speech,
    /// From a recording, sent as a form.
    Recording,
    Infer,
}

/// The routes with a path of their own.
const PATHS: [(&str, Kind); 9] = [
    ("/v1/chat/completions", Kind::Chat),
    ("/v1/completions", Kind::Completions),
    ("/v1/embeddings", Kind::Embeddings),
    ("/v1/responses", Kind::Responses),
    ("/v1/images/generations", Kind::Images),
    ("/v1/audio/speech", Kind::Speech),
    ("/v1/audio/transcriptions", Kind::Recording),
    ("/v1/audio/translations", Kind::Recording),
    ("/infer/", Kind::Infer),
];

const MODELS: &str = "/v1/models";
const INFER: &str = "/infer";

impl Kind {
    /// What the policies are asked for.
    pub(super) fn action(self, actions: &Actions) -> &str {
        match self {
            Self::Chat => &actions.chat,
            Self::Completions => &actions.completions,
            Self::Embeddings => &actions.embeddings,
            Self::Responses => &actions.responses,
            Self::Images => &actions.images,
            Self::Speech | Self::Recording => &actions.audio,
            Self::Infer => &actions.infer,
        }
    }

    /// Whether a stream tells what was used only if it is asked to, by `stream_options`.
    pub(super) const fn must_be_asked(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
    }

    /// Whether what comes back is text that a model writes, token by token.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Chat | Self::Completions | Self::Responses | Self::Infer)
    }
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route<'u> {
    /// For an upstream, with the model that the path names.
    Forward(Kind, Option<&'u str>),
    /// The models that the caller may use.
    Models,
    /// One of them.
    Model(Cow<'u, str>),
}

impl<'u> Route<'u> {
    /// What a request is for.
    pub(super) fn of(method: &Method, uri: &'u Uri) -> Result<Self, Fault> {
        let path = uri.path();
        if let Some(model) = path.strip_prefix(MODELS).and_then(|rest| rest.strip_prefix('/'))
            && !model.ends_with(INFER)
        {
            plain(path.replace("%2F", "/").replace("%2f", "/").as_str())?;
            let model = percent_decode_str(model).decode_utf8().map_err(|_| not_plain())?;
            return only(method, &Method::GET, Self::Model(model));
        }
        plain(path)?;
        if path.contains('%') {
            return Err(not_plain());
        }
        if uri.query().is_some_and(names_a_model) {
            return Err(Fault::bad("a model is named in the body or the path, not in the query"));
        }
        if path == MODELS {
            return only(method, &Method::GET, Self::Models);
        }
        if let Some((_, kind)) = PATHS.iter().find(|(known, _)| *known == path) {
            return only(method, &Method::POST, Self::Forward(*kind, None));
        }
        let model = path.strip_prefix(MODELS).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(INFER));
        match model {
            Some(model) => only(method, &Method::POST, Self::Forward(Kind::Infer, Some(model))),
            None => Err(Fault::UnknownPath { method: method.clone(), path: path.to_owned() }),
        }
    }
}

/// The path of a model for `infer`.
pub(super) fn infer_path(model: &str) -> String {
    format!("{MODELS}/{model}{INFER}")
}

fn only<'u>(method: &Method, allowed: &Method, route: Route<'u>) -> Result<Route<'u>, Fault> {
    if method == allowed { Ok(route) } else { Err(Fault::WrongMethod(allowed.clone())) }
}

/// A path that two readers may read in two ways is not forwarded.
fn plain(path: &str) -> Result<(), Fault> {
    let rest = path.strip_suffix('/').unwrap_or(path).strip_prefix('/').unwrap_or(path);
    let lower = path.to_ascii_lowercase();
    let odd = ["%00", "%0a", "%0d", "%2e", "%5c", "%25"].iter().any(|escape| lower.contains(escape));
    if odd || path.contains('\\') || rest.split('/').any(|segment| ["", ".", ".."].contains(&segment)) {
        return Err(not_plain());
    }
    Ok(())
}

fn not_plain() -> Fault {
    Fault::bad("the path is not written plainly: no empty, `.` or `..` segments, and nothing encoded")
}

/// Whether a query has a `model`, however it is written.
fn names_a_model(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).decode_utf8_lossy().eq_ignore_ascii_case("model")
    })
}

#[cfg(test)]
mod tests {
    use super::{Kind, Route};
    use ::http::{Method, Uri};

    fn route(method: &Method, path: &str) -> String {
        let uri: Uri = path.parse().unwrap();
        Route::of(method, &uri).map_or_else(|fault| fault.status().as_u16().to_string(), |route| format!("{route:?}"))
    }

    #[test]
    fn a_few_paths_are_known() {
        let post = |path| route(&Method::POST, path);
        assert_eq!(post("/v1/chat/completions?api-version=1"), format!("{:?}", Route::Forward(Kind::Chat, None)));
        assert_eq!(post("/infer/"), "Forward(Infer, None)");
        assert_eq!(post("/v1/models/acme/m:7b/infer"), r#"Forward(Infer, Some("acme/m:7b"))"#);
        for path in
            ["/v1", "/v1/chat", "/v1/chat/completions/", "/v1/files", "/infer", "/v1/models/infer", "/v1/audio/x"]
        {
            assert!(["404", "405"].contains(&&*post(path)), "{path}");
        }
        assert_eq!(post("/v1/models"), "405");
        assert_eq!(route(&Method::GET, "/v1/chat/completions"), "405");
        assert_eq!(route(&Method::GET, "/v1/models/acme%2Fm"), r#"Model("acme/m")"#);
        assert_eq!(route(&Method::GET, "/v1/models/acme/m"), r#"Model("acme/m")"#);
    }

    #[test]
    fn a_path_with_two_readings_is_refused() {
        for path in [
            "/v1//chat/completions",
            "/v1/./chat/completions",
            "/v1/chat/../chat/completions",
            "/v1/models/a%2fb/infer",
            "/v1/chat%2fcompletions",
            "/v1/models/a%00/infer",
            "/v1/models/../infer",
            "/v1/models//infer",
            "/v1/models/a/%2e%2e/infer",
            "/v1/chat/completions?Model=x",
            "/v1/chat/completions?a&mod%65l=x",
        ] {
            assert_eq!(route(&Method::POST, path), "400", "{path}");
        }
        for path in ["/v1/models/..%2fx", "/v1/models/%00", "/v1/models/%2e%2e", "/v1/models//x", "/v1/models/%ff"] {
            assert_eq!(route(&Method::GET, path), "400", "{path}");
        }
    }
}
