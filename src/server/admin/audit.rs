//! The audit log over HTTP: searched page by page, and exported whole.
//!
//! The running set decides who may: the action `audit` on `audit "log"`. The log is read where no answer waits for the thread,
//! and an export is sent while it is read.

use super::{Fault, caller, manager, unkept};
use crate::{
    request::Resource,
    server::{
        app::App,
        audit::{self, Entry, Filter, Format, Log, Order, Pseudonyms, Source, exporter},
        http,
        identity::Origin,
    },
};
use ::http::{
    HeaderMap, Uri,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{io, ops::ControlFlow, sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::timeout,
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/admin/audit", get(search)).route("/v1/admin/audit/export", get(export))
}

/// How many records a page has, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// How many records are looked at for one page, so that each is answered soon.
const LOOKED: i64 = 100_000;
/// How many bytes are sent at a time.
const CHUNK: usize = 64 * 1024;
/// How many chunks may wait for the client.
const CHUNKS: usize = 4;
/// How long a client may take for a chunk.
const SLOW: Duration = Duration::from_secs(60);
/// How many exports there are at once: each holds a thread.
static EXPORTS: Semaphore = Semaphore::const_new(4);

/// Which records.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    principal: Option<String>,
    resource: Option<String>,
    action: Option<String>,
    code: Option<String>,
    decision: Option<Verdict>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// Of a page: how many records it has.
    limit: Option<usize>,
    /// Of a page: where the one before ended.
    cursor: Option<i64>,
    /// Of an export: in which form.
    format: Option<Form>,
    /// Of an export: whether pseudonyms stand for names.
    #[serde(default)]
    pseudonymise: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Deny,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Csv,
    Jsonl,
    Cef,
    Ocsf,
}

impl Form {
    const fn format(self) -> Format {
        match self {
            Self::Csv => Format::Csv,
            Self::Jsonl => Format::Jsonl,
            Self::Cef => Format::Cef,
            Self::Ocsf => Format::Ocsf,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl | Self::Ocsf => "application/x-ndjson",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"audit.csv\"",
            Self::Jsonl | Self::Ocsf => "attachment; filename=\"audit.jsonl\"",
            Self::Cef => "attachment; filename=\"audit.cef\"",
        }
    }
}

impl Asked {
    fn filter(self) -> Filter {
        Filter {
            principal: self.principal,
            resource: self.resource,
            action: self.action,
            code: self.code,
            is_allow: self.decision.map(|verdict| verdict == Verdict::Allow),
            since: self.since,
            until: self.until,
            from: None,
            before: self.cursor,
            most: None,
        }
    }
}

/// What is asked, by somebody who may, and where the log is.
async fn asked(app: &App, origin: Origin, headers: &HeaderMap, uri: &Uri) -> Result<(Asked, Source), Fault> {
    let caller = caller(app, headers, origin).await?;
    let asked: Asked = http::query(uri)?;
    app.may_manage(manager(&caller, "audit", Resource::new("audit", "log"))).await?;
    let source = app.audit.source().ok_or(Fault::Missing("no audit log is kept"))?;
    Ok((asked, source))
}

/// A page of records, the newest first.
async fn search(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (asked, source) = asked(&app, origin, &headers, &uri).await?;
    let most = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let filter = Filter { most: Some(LOOKED), ..asked.filter() };
    let found = tokio::task::spawn_blocking(move || page(&source, &filter, most)).await;
    let (found, next) = found.map_err(|error| unkept(&error))?.map_err(|fault| unkept(&fault))?;
    let data: Vec<Value> = found.iter().map(told).collect();
    Ok(Json(json!({ "data": data, "next": next.map(|next| next.to_string()) })).into_response())
}

/// Some records, and where the next page begins, if there may be more.
fn page(source: &Source, filter: &Filter, most: usize) -> Result<(Vec<Entry>, Option<i64>), audit::Fault> {
    let log = source.open()?;
    let mut found: Vec<Entry> = Vec::new();
    let mut each = |entry| {
        found.push(entry);
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    log.read(filter, Order::Newest, &mut each, &mut |_| ())?;
    let looked = log.range(filter)?.map(|(first, _)| first);
    let reached = if found.len() < most { looked } else { found.last().map(|last| last.seq) };
    let first = log.range(&Filter { most: None, ..filter.clone() })?.map(|(first, _)| first);
    Ok((found, reached.filter(|reached| first.is_some_and(|first| first < *reached))))
}

fn told(entry: &Entry) -> Value {
    let record: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    json!({ "seq": entry.seq, "record": record })
}

/// All records, the oldest first, in a form for other systems.
async fn export(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (asked, source) = asked(&app, origin, &headers, &uri).await?;
    let form = asked.format.ok_or_else(|| Fault::bad("`format` must be one of `csv`, `jsonl`, `cef`, `ocsf`"))?;
    let permit = EXPORTS.try_acquire().map_err(|_| unkept(&"there are as many exports as there may be at once"))?;
    let pseudonymise = asked.pseudonymise;
    let opened = tokio::task::spawn_blocking(move || {
        let pseudonyms = pseudonymise.then(|| Pseudonyms::of_log(source.state())).transpose()?;
        Ok::<_, audit::Fault>((source.open()?, pseudonyms))
    });
    let (log, pseudonyms) = opened.await.map_err(|error| unkept(&error))?.map_err(|fault| unkept(&fault))?;
    let (chunks, sent) = mpsc::channel(CHUNKS);
    let out = Out { chunks, chunk: String::new(), _permit: permit };
    let filter = asked.filter();
    tokio::task::spawn_blocking(move || write(&log, &filter, &exporter(form.format(), pseudonyms), out));
    let body = stream::unfold(sent, |mut sent| async move { sent.recv().await.map(|chunk| (chunk, sent)) });
    let headers = [(CONTENT_TYPE, form.media_type()), (CONTENT_DISPOSITION, form.file())];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Where an export goes.
struct Out {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    chunk: String,
    _permit: SemaphorePermit<'static>,
}

impl Out {
    /// Sends a text, once there is enough of it. Nobody waits for a client for ever.
    fn put(&mut self, text: &str) -> ControlFlow<()> {
        self.chunk.push_str(text);
        if self.chunk.len() < CHUNK { ControlFlow::Continue(()) } else { self.send() }
    }

    fn send(&mut self) -> ControlFlow<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.chunk));
        self.send_as(Ok(chunk))
    }

    fn send_as(&self, chunk: io::Result<Bytes>) -> ControlFlow<()> {
        match Handle::current().block_on(timeout(SLOW, self.chunks.send(chunk))) {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
        }
    }
}

/// Writes what a filter takes. Where the log cannot be read to its end, the answer is cut off, so that it does not seem whole.
fn write(log: &Log, filter: &Filter, exporter: &audit::Exporter, mut out: Out) {
    if out.put(&exporter.head(false)).is_break() {
        return;
    }
    let read = log.read(filter, Order::Oldest, &mut |entry| out.put(&exporter.line(&entry)), &mut |_| ());
    let _ = match read {
        Ok(()) => out.send(),
        Err(fault) => out.send_as(Err(io::Error::other(fault.to_string()))),
    };
}
