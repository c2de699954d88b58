//! Decisions as they are made. They are shown only while somebody watches, and whoever is too slow misses some.

use super::{
    audit,
    fault::{Fault, Reason},
    look::Look,
    shell::Section,
    visit::{Visit, log},
};
use crate::{
    decision::Decision,
    request::Request,
    server::{app::App, audit::Filter, decide::Surface},
};
use axum::{
    Router,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{Stream, stream};
use maud::html;
use serde::Serialize;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};

/// How many decisions wait for whoever watches.
const WAITING: usize = 256;
/// How many of the last a page begins with.
const SHOWN: usize = 30;
/// How long somebody watches before a browser asks again, and has to show who asks.
const TURN: Duration = Duration::from_secs(60);
/// How often it is looked whether the service ends.
const TICK: Duration = Duration::from_secs(1);

/// Where decisions are shown.
pub(crate) struct Live {
    seen: Sender<Arc<Seen>>,
    /// How many watch. Every decision asks, so that the channel's lock is left alone while nobody does.
    watching: Arc<AtomicUsize>,
    most: usize,
}

/// A place among those who watch; it is free again once it is dropped.
struct Watch {
    seen: Receiver<Arc<Seen>>,
    watching: Arc<AtomicUsize>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A decision as it is shown. Texts, which a page shows as texts.
#[derive(Debug, Serialize)]
struct Seen {
    time: String,
    surface: &'static str,
    allow: bool,
    code: Option<String>,
    principal: String,
    action: String,
    resource: String,
    rule: Option<String>,
}

impl Live {
    pub(super) fn new(most: usize) -> Self {
        Self { seen: channel(WAITING).0, watching: Arc::default(), most }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watching.load(Ordering::Relaxed) > 0
    }

    /// Shows a decision to all who watch.
    pub(crate) fn show(&self, now: DateTime<Utc>, surface: Surface, request: &Request, decision: &Decision) {
        if !self.is_watched() {
            return;
        }
        let Request { principal, action, resource, .. } = request;
        let seen = Seen {
            time: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            surface: surface.name(),
            allow: decision.is_allow(),
            code: decision.denial().map(|denial| denial.code.to_string()),
            principal: match &principal.id {
                Some(id) => format!("{} {id}", principal.kind),
                None => principal.kind.clone(),
            },
            action: action.clone(),
            resource: format!("{} {}", resource.kind, resource.id),
            rule: decision.rule.as_ref().map(|rule| rule.name.to_string()),
        };
        // The last who watched may have gone.
        let _ = self.seen.send(Arc::new(seen));
    }

    /// A place among those who watch, if there is one.
    fn watch(&self) -> Option<Watch> {
        let more = |watching: usize| (watching < self.most).then(|| watching.saturating_add(1));
        self.watching.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Watch { seen: self.seen.subscribe(), watching: self.watching.clone() })
    }
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/live", get(page)).route("/ui/live/events", get(events))
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("audit", &log()).await?;
    let look = visit.look();
    let last = audit::read(&visit, Filter::default(), SHOWN, None).await?;
    let entries = last.map(|read| read.entries).unwrap_or_default();
    let content = html! {
        header.page {
            h1 { (look.say("nav.live")) }
            p.lead { (look.say("live.lead")) }
        }
        (status(look))
        div #live data-events="/ui/live/events" data-allow=(look.say("verdict.allow")) { (audit::table(look, &entries)) }
    };
    Ok(visit.shell.page(look.say("nav.live"), Some(Section::Live), &content))
}

/// Whether the page follows: its script says so.
fn status(look: Look) -> maud::Markup {
    html! {
        p.live-status #live-status role="status" data-watching=(look.say("live.watching")) data-waiting=(look.say("live.waiting")) data-paused=(look.say("live.paused")) {
            noscript { (look.say("live.no_script")) }
        }
        p { button #live-pause type="button" hidden aria-pressed="false" { (look.say("live.pause")) } }
    }
}

async fn events(visit: Visit) -> Result<Response, Fault> {
    visit.must("audit", &log()).await?;
    let watch = visit.app.web.live.watch().ok_or_else(|| visit.shell.fault(Reason::Crowded))?;
    Ok(Sse::new(following(visit.app, watch)).keep_alive(KeepAlive::default()).into_response())
}

/// What is decided from now on, for one turn.
fn following(app: Arc<App>, watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    let turn = tokio::time::sleep(TURN);
    stream::unfold((app, watch, Box::pin(turn)), async |(app, mut watch, mut turn)| {
        loop {
            tokio::select! {
                () = &mut turn => return None,
                () = tokio::time::sleep(TICK) => if app.readiness.is_draining() { return None },
                seen = watch.seen.recv() => match seen {
                    Ok(seen) => {
                        let text = serde_json::to_string(&*seen).unwrap_or_default();
                        return Some((Ok(Event::default().data(text)), (app, watch, turn)));
                    }
                    Err(RecvError::Lagged(missed)) => {
                        let event = Event::default().event("missed").data(missed.to_string());
                        return Some((Ok(event), (app, watch, turn)));
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    })
}
