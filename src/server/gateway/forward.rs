//! One request on its way: read, decided, and only then forwarded.
//!
//! What is sent on differs from what came in three places at most: an alias becomes its model's name, in the body and in the
//! path, and a stream is asked to tell what it used where limits count that.

use super::{
    Gateway,
    asked::{self, Asked, Stream},
    error::{Denied, Fault},
    form::form,
    headers,
    meter::Meter,
    passage::Passage,
    quota,
    route::{Kind, infer_path},
    settings::Undeclared,
    upstream::Upstream,
};
use crate::{
    check::vocabulary::{Owner, Vocabulary},
    decision::Obligation,
    engine::Engine,
    request::{Request, Resource},
    server::{
        app::App,
        decide::{Held, Surface},
        http,
        identity::Caller,
    },
};
use ::http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;

/// A request that was read.
struct Read {
    kind: Kind,
    asked: Asked,
    /// The model as the caller names it.
    named: String,
    /// The model that is meant.
    model: String,
    /// Where an upstream is asked.
    path: String,
    body: Bytes,
}

/// Decides a request, and forwards it if it is allowed.
pub(super) async fn forward(
    app: &Arc<App>,
    caller: Caller,
    head: &Parts,
    kind: Kind,
    in_path: Option<&str>,
    body: Body,
) -> Result<Response, Fault> {
    let Some(gateway) = &app.gateway else { return Err(Fault::Unavailable) };
    let read = read(app, head, kind, in_path, body).await?;
    let engine = app.policies.current();
    let upstream = find(app, gateway, &engine.ir().vocabulary, &read.model)
        .ok_or_else(|| Fault::UnknownModel(read.named.clone()))?;
    let request = request(app, &engine, &caller, &read);
    let recorded = &app.settings.gateway.recorded;
    let carries = |duty: &Obligation| upstream.carries(duty) || recorded.iter().any(|id| **id == *duty.id);
    let held = app.forward(engine, &caller, request, Surface::Gateway, carries).await?;
    if !held.decision.is_allow() {
        let limits = held.engine.limits(&held.request, held.at).unwrap_or_default();
        let is_anonymous = caller.principal.id.is_none();
        let challenge = held.decision.denial().map(|denial| {
            caller.challenge(&denial.code, denial.message.as_deref().unwrap_or("prove more of who you are"))
        });
        let denied = Denied { decision: held.decision.clone(), limits, model: read.named, is_anonymous, challenge };
        return Err(Fault::Denied(Box::new(denied)));
    }
    send(app, gateway, upstream, head, read, held, &caller).await
}

/// Reads what the gateway must know of a request.
async fn read(app: &App, head: &Parts, kind: Kind, in_path: Option<&str>, body: Body) -> Result<Read, Fault> {
    let settings = &app.settings.gateway;
    if head.headers.contains_key(CONTENT_ENCODING) {
        let message = "a body that is encoded cannot be decided on: send it as it is, without `Content-Encoding`";
        return Err(Fault::bad(message));
    }
    let body = http::read_body(body, settings.body_bytes, &app.settings.http).await?;
    let asked = match kind {
        Kind::Recording => {
            let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            form(&body, content_type.unwrap_or_default(), &settings.tokens)?
        }
        Kind::Chat
        | Kind::Completions
        | Kind::Embeddings
        | Kind::Responses
        | Kind::Images
        | Kind::Speech
        | Kind::Infer => {
            if !http::is_json(&head.headers) {
                return Err(Fault::bad("the body must be JSON, with `Content-Type: application/json`"));
            }
            asked::json(&body, &settings.tokens, kind.writes())?
        }
    };
    let in_body = asked.model.as_ref().map(|(name, _)| name.as_str());
    let named = match (in_path, in_body) {
        (Some(path), Some(body)) if path != body => {
            return Err(Fault::about("model", "the path and the body name different models"));
        }
        (Some(named), _) | (None, Some(named)) => named.to_owned(),
        (None, None) => return Err(Fault::about("model", "the request names no model")),
    };
    asked::check_name(&named)?;
    let model = settings.aliases.get(&named).unwrap_or(&named).clone();
    let path = in_path.map_or_else(|| head.uri.path().to_owned(), |_| infer_path(&model));
    let path = head.uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    Ok(Read { kind, asked, named, model, path, body })
}

/// The upstream that a model may be asked of, whoever asks.
pub(super) fn find<'g>(app: &App, gateway: &'g Gateway, vocabulary: &Vocabulary, model: &str) -> Option<&'g Upstream> {
    let is_known = match app.settings.gateway.undeclared {
        Undeclared::Refuse => vocabulary.resources.find(MODEL, model).is_some(),
        Undeclared::Decide => true,
    };
    gateway.serving(model).filter(|_| is_known)
}

/// The kind of all that is asked here.
pub(super) const MODEL: &str = "model";

/// What the policies are asked.
fn request(app: &App, engine: &Engine, caller: &Caller, read: &Read) -> Request {
    let settings = &app.settings.gateway;
    let action = read.kind.action(&settings.actions);
    let request = Request::new(caller.principal.clone(), action, Resource::model(&*read.model));
    let request = request.ip(caller.origin.client);
    let unit = &settings.tokens.attribute;
    if engine.ir().vocabulary.attribute(Owner::Context, unit).is_none() {
        return request;
    }
    request.with(unit, i64::try_from(read.asked.tokens).unwrap_or(i64::MAX))
}

/// Whether some limit counts by tokens.
fn counts_tokens(app: &App, engine: &Engine) -> bool {
    let vocabulary = &engine.ir().vocabulary;
    let unit = vocabulary.attribute(Owner::Context, &app.settings.gateway.tokens.attribute);
    unit.is_some_and(|unit| vocabulary.attributes[unit].is_unit)
}

/// Sends an allowed request to its upstream, and hands the answer on as it comes.
async fn send(
    app: &App,
    gateway: &Gateway,
    upstream: &Upstream,
    head: &Parts,
    read: Read,
    mut held: Held,
    caller: &Caller,
) -> Result<Response, Fault> {
    let settings = &app.settings.gateway;
    let counts = counts_tokens(app, &held.engine);
    let decision = &held.decision;
    let mut onward = headers::onward(&head.headers, &settings.headers);
    let duties = decision.obligations.iter().filter(|duty| upstream.carries(duty));
    headers::tell(&mut onward, &settings.headers, &caller.principal, decision, duties, &caller.origin.id);
    let rename = (read.named != read.model).then(|| read.asked.model.map(|(_, place)| place.rename(&read.model)));
    let count = match read.asked.stream {
        Stream::Uncounted(edit) if counts && read.kind.must_be_asked() => Some(edit),
        Stream::No | Stream::Counted | Stream::Uncounted(_) => None,
    };
    let keeps = count.is_some();
    let edits: Vec<asked::Edit> = rename.flatten().into_iter().chain(count).collect();
    let body = if edits.is_empty() { read.body } else { asked::edited(&read.body, edits).into() };
    let asked = upstream.ask(&gateway.client, &read.path, onward, head.headers.get(AUTHORIZATION), body).await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(trouble) => {
            held.used = trouble.is_unasked.then_some(0);
            return Err(trouble.fault);
        }
    };
    let mut told = headers::back(answer.headers());
    quota::tell(&mut told, &held.decision.limits, None);
    let meter = if counts { meter(&told, keeps) } else { Meter::Off };
    if keeps {
        told.remove(CONTENT_LENGTH);
    }
    Ok(passed(answer, told, meter, held))
}

/// How an answer is read along with.
fn meter(headers: &HeaderMap, keeps: bool) -> Meter {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        _ if headers.contains_key(CONTENT_ENCODING) => Meter::Off,
        "text/event-stream" => Meter::events(keeps),
        "application/json" => Meter::Body(Vec::new()),
        _ => Meter::Off,
    }
}

/// An answer as the client gets it.
fn passed(answer: reqwest::Response, headers: HeaderMap, meter: Meter, held: Held) -> Response {
    let status: StatusCode = answer.status();
    let left = answer.content_length();
    let pieces = Box::pin(answer.bytes_stream().fuse());
    let mut response = Response::new(Body::from_stream(Passage { pieces, left, meter, held: Some(held) }));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
