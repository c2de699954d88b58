//! `POST /access/v1/evaluation`: one request, one decision; `POST /access/v1/evaluations`: many of them.

use super::{Response as Detail, debug};
use crate::{
    decision::Decision,
    engine::{Desk, Engine, Spend},
    request::{Refusal, Request},
    server::{
        app::App,
        audit::Unrecorded,
        decide::{Making, NoDecision, Surface},
        http::{self, BadBody},
        identity::{Caller, Origin, Unauthenticated},
    },
    wire::{
        self,
        evaluations::{self, Asked, Semantic},
        plain::{
            Parts,
            places::{self, Places},
        },
    },
};
use ::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use std::{ops::Range, sync::Arc};

/// Decides one request.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = asked(&app, origin, &headers, body).await?;
    if headers.contains_key(debug::HEADER) {
        return debug::answer(&app, &caller, evaluations::decode_one(&text)?).await;
    }
    let read = |text: &str| Ok(Asked::One(Box::new(evaluations::decode_one(text)?)));
    // Whoever has to be asked about is so by the request at length.
    let place = if caller.is_trusted { places::place(&text) } else { None };
    let sitting = match place {
        Some(place) => Sitting::plain(&app, &caller, &text, place, read),
        None => Sitting::at_length(&app, &caller, vec![Ok(evaluations::decode_one(&text)?)]),
    };
    sitting.answer().await
}

/// Decides one request or many. Many are decided on one set, in their order; one that cannot be decided is denied in its place,
/// with what is wrong as its context.
pub(super) async fn many(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = asked(&app, origin, &headers, body).await?;
    if let Some((places, semantic)) = places::places(&text) {
        return Sitting::plain(&app, &caller, &text, places, evaluations::decode).answers(semantic).await;
    }
    match evaluations::decode(&text)? {
        Asked::One(request) => Sitting::at_length(&app, &caller, vec![Ok(*request)]).answer().await,
        Asked::Many(requests, semantic) => Sitting::at_length(&app, &caller, requests).answers(semantic).await,
    }
}

/// Requests of one enforcement point that are decided on one set, one after the other.
struct Sitting<'a> {
    app: &'a App,
    making: Making<'a>,
    caller: &'a Caller,
    desk: Desk<'a>,
    /// How they are read at length, once one of them has to be.
    read: fn(&str) -> Result<Asked, Refusal>,
    /// Those that were read so, until they are decided.
    requests: Option<Vec<Option<Result<Request, Refusal>>>>,
    /// A resource, as it is written, that the enforcement point may `evaluate` requests for, and the circumstances that it
    /// may do so in: most requests have the one or the other of those before them.
    leave: Option<(&'a str, Circumstances)>,
    answers: Answers,
}

/// What is answered.
struct Answers {
    detail: Detail,
    text: Vec<u8>,
    /// Where decisions stand there that are made for more than one request, by their numbers.
    kept: Vec<Range<usize>>,
}

impl Answers {
    /// Writes a decision, and gives what is written if that is all of it. What was written before stands there already.
    fn write(&mut self, decision: &Decision, kept: Option<usize>) -> Option<&[u8]> {
        let start = self.text.len();
        match (kept.and_then(|number| self.kept.get(number)), self.detail) {
            (Some(before), _) => self.text.extend_from_within(before.clone()),
            (None, Detail::Full) => wire::decision::write(decision, &mut self.text),
            (None, Detail::Minimal) if decision.is_allow() => self.text.extend_from_slice(br#"{"decision":true}"#),
            (None, Detail::Minimal) => self.text.extend_from_slice(br#"{"decision":false}"#),
        }
        let end = self.text.len();
        if kept == Some(self.kept.len()) {
            self.kept.push(start..end);
        }
        self.text.get(start..end).filter(|_| self.detail == Detail::Full)
    }
}

/// Which circumstances of a request an enforcement point may state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circumstances {
    /// Those that are no matter of when and from where.
    Others,
    All,
}

impl<'a> Sitting<'a> {
    fn plain(
        app: &'a App,
        caller: &'a Caller,
        text: &'a str,
        places: Places,
        read: fn(&str) -> Result<Asked, Refusal>,
    ) -> Self {
        let (desk, making) = (Desk::new(app.policies.current(), text, places), app.begin(Surface::AuthZen));
        let room = desk.places().len().max(1).saturating_mul(ROOM);
        let detail = app.settings.authzen.response;
        let answers = Answers { detail, text: Vec::with_capacity(room), kept: Vec::new() };
        Self { app, making, caller, desk, read, requests: None, leave: None, answers }
    }

    fn at_length(app: &'a App, caller: &'a Caller, requests: Vec<Result<Request, Refusal>>) -> Self {
        let requests = Some(requests.into_iter().map(Some).collect());
        Self { requests, ..Self::plain(app, caller, "", Places::default(), evaluations::decode) }
    }

    /// The answer to the only request.
    async fn answer(mut self) -> Result<Response, Fault> {
        self.decide(0).await?;
        Ok(json(self.answers.text))
    }

    /// The answers to all requests, in their order.
    async fn answers(mut self, semantic: Semantic) -> Result<Response, Fault> {
        let detail = self.answers.detail;
        let count = self.requests.as_ref().map_or(self.desk.places().len(), Vec::len);
        self.answers.text.extend_from_slice(br#"{"evaluations":["#);
        for number in 0..count {
            if number > 0 {
                self.answers.text.push(b',');
            }
            let is_allowed = match self.decide(number).await {
                Ok(is_allowed) => is_allowed,
                // Without the log nothing is answered at all.
                Err(Fault::Unavailable) => return Err(Fault::Unavailable),
                Err(fault) => {
                    self.answers.text.extend_from_slice(fault.denial(detail).as_bytes());
                    false
                }
            };
            if semantic.ends_with(is_allowed) {
                break;
            }
        }
        self.answers.text.extend_from_slice(b"]}");
        Ok(json(self.answers.text))
    }

    /// Decides a request that the enforcement point describes, if it may, and writes the answer; gives whether it is allowed.
    async fn decide(&mut self, number: usize) -> Result<bool, Fault> {
        let parts = self.desk.places().parts(number);
        if parts.is_some_and(|parts| self.has_leave(parts)) {
            let Self { making, desk, answers, .. } = self;
            let decided = making.decide_placed(desk, self.caller, number, move |decided| {
                answers.write(&decided.decision, decided.kept)
            });
            if let Some(decision) = decided.await? {
                return Ok(decision.is_allow());
            }
        }
        let mut request = self.request(number)?;
        let (engine, text) = (self.desk.engine(), self.desk.text());
        let circumstances = described(self.app, engine, self.caller, &mut request).await?;
        self.leave = parts.zip(circumstances).map(|(parts, all)| (parts.resource.of(text), all));
        self.app.settle(engine, &mut request);
        let decision = self.making.decide(engine, self.caller, &request, Spend::Charge).await?;
        self.answers.write(&decision, None);
        Ok(decision.is_allow())
    }

    /// Whether the enforcement point is known to be allowed to describe such a request.
    fn has_leave(&self, parts: Parts) -> bool {
        let leave = self.leave.is_some_and(|(resource, circumstances)| {
            resource == parts.resource.of(self.desk.text())
                && (circumstances == Circumstances::All || parts.context.is_empty())
        });
        self.caller.is_trusted || leave
    }

    /// A request, read at length.
    fn request(&mut self, number: usize) -> Result<Request, Refusal> {
        if self.requests.is_none() {
            let requests = match (self.read)(self.desk.text())? {
                Asked::One(request) => vec![Some(Ok(*request))],
                Asked::Many(requests, _) => requests.into_iter().map(Some).collect(),
            };
            self.requests = Some(requests);
        }
        let request = self.requests.as_mut().and_then(|requests| requests.get_mut(number)?.take());
        request.unwrap_or_else(|| Err(Refusal { error: "there is no such request".to_owned(), at: String::new() }))
    }
}

/// Who asks, and what.
pub(super) async fn asked(
    app: &App,
    origin: Origin,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Caller, String), Fault> {
    let caller = app.caller(headers, origin, Surface::AuthZen).await?;
    Ok((caller, http::json_body(headers, body, &app.settings.http).await?))
}

/// Whether an enforcement point may describe a request: it may `evaluate` requests for the resource, and of when and from
/// where it is asked, the request keeps what the point may `assert`. In which circumstances it may do so again without being
/// asked; none, where something was taken out.
pub(super) async fn described(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    request: &mut Request,
) -> Result<Option<Circumstances>, Fault> {
    if !caller.is_trusted
        && let Some(denial) = app.may(engine, caller, "evaluate", &request.resource, Surface::AuthZen).await?
    {
        return Err(Fault::NotAllowed("evaluate", Box::new(denial)));
    }
    assertions(app, engine, caller, request).await
}

/// Takes out of a request when and from where it is asked, unless the enforcement point may `assert` that.
pub(super) async fn assertions(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    request: &mut Request,
) -> Result<Option<Circumstances>, Fault> {
    let asserts = ["time", "ip"].iter().any(|name| request.context.contains_key(*name));
    if !asserts {
        return Ok(Some(Circumstances::Others));
    }
    if !caller.is_trusted && app.may(engine, caller, "assert", &request.resource, Surface::AuthZen).await?.is_some() {
        request.context.remove("time");
        request.context.remove("ip");
        return Ok(None);
    }
    Ok(Some(Circumstances::All))
}

/// How much room an answer usually needs, in bytes.
const ROOM: usize = 256;

pub(super) fn json(text: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.into()).into_response()
}

/// Why there is no answer but an error. The body is a JSON object with the message as `error`, and the place in the request
/// where there is one.
#[derive(Debug)]
pub(super) enum Fault {
    Unauthenticated(Unauthenticated),
    /// The enforcement point may not ask this: it lacks an action.
    NotAllowed(&'static str, Box<Decision>),
    Body(BadBody),
    Refused(Refusal),
    Unavailable,
}

impl From<BadBody> for Fault {
    fn from(error: BadBody) -> Self {
        Self::Body(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unrecorded> for Fault {
    fn from(_: Unrecorded) -> Self {
        Self::Unavailable
    }
}

impl From<NoDecision> for Fault {
    fn from(reason: NoDecision) -> Self {
        match reason {
            NoDecision::Unauthenticated(error) => Self::Unauthenticated(error),
            NoDecision::Refused(refusal) => Self::Refused(refusal),
            NoDecision::Unrecorded(_) => Self::Unavailable,
        }
    }
}

impl Fault {
    /// What stands in the place of a decision among many: a denial that says why there is none.
    fn denial(&self, detail: Detail) -> String {
        let (code, status, message, at) = match self {
            Self::Unauthenticated(error) => {
                (error.code().unwrap_or("UNAUTHENTICATED"), error.status(), error.message.clone(), None)
            }
            Self::NotAllowed(action, decision) => {
                ("EVALUATE_DENIED", StatusCode::FORBIDDEN, not_allowed(action, decision), None)
            }
            Self::Body(bad) => (INVALID, bad.status, bad.message.clone(), None),
            Self::Refused(refusal) => (INVALID, StatusCode::BAD_REQUEST, refusal.error.clone(), Some(&refusal.at)),
            Self::Unavailable => ("UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, Unrecorded::MESSAGE.to_owned(), None),
        };
        let mut context = serde_json::json!({ "code": code, "status": status.as_u16(), "error": message });
        if let (Some(at), Some(context)) = (at, context.as_object_mut()) {
            context.insert("at".to_owned(), at.as_str().into());
        }
        match detail {
            Detail::Full => serde_json::json!({ "decision": false, "context": context }).to_string(),
            Detail::Minimal => r#"{"decision":false}"#.to_owned(),
        }
    }
}

/// The code of what is no request.
const INVALID: &str = "INVALID_REQUEST";

/// What an enforcement point is told that may not ask.
fn not_allowed(action: &str, decision: &Decision) -> String {
    let code = decision.denial().map_or("DENIED", |denial| &denial.code);
    format!("the caller may not `{action}` this resource ({code})")
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthenticated(error) => error.into_response(),
            Self::NotAllowed(action, decision) => http::error(StatusCode::FORBIDDEN, &not_allowed(action, &decision)),
            Self::Body(bad) => http::error(bad.status, &bad.message),
            Self::Refused(refusal) => {
                (StatusCode::BAD_REQUEST, json(wire::decision::refusal(&refusal))).into_response()
            }
            Self::Unavailable => http::error(StatusCode::SERVICE_UNAVAILABLE, Unrecorded::MESSAGE),
        }
    }
}
