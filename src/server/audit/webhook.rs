//! Who is told of alerts outside: JSON by `POST`, tried a few times, never waited for.

use super::record::Raised;
use serde::Serialize;
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle, time};

/// How many reports may wait; what comes then is recorded, and not reported.
const WAITING: usize = 256;
/// How often a report is tried.
const TRIES: u32 = 3;
/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited before the second try; twice as long before the next.
const PAUSE: Duration = Duration::from_secs(1);

/// One report.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) url: String,
    /// When, as the record says it.
    pub(super) time: String,
    pub(super) raised: Raised,
}

#[derive(Serialize)]
struct Body<'a> {
    time: &'a str,
    #[serde(flatten)]
    raised: &'a Raised,
}

/// Whether alerts may be reported to an address: nobody on the way may read them.
pub(super) fn check(url: &str) -> Result<(), String> {
    let wrong = || format!("`webhook` is an address with `https`, or `http` on this machine: `{url}`");
    let url = reqwest::Url::parse(url).map_err(|_| wrong())?;
    let is_local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() == "https" || (url.scheme() == "http" && is_local) { Ok(()) } else { Err(wrong()) }
}

/// Makes what sends reports; it ends when nobody can give it any more.
///
/// # Errors
/// If the system gives no client.
pub(super) fn start() -> Result<(mpsc::Sender<Report>, JoinHandle<()>), reqwest::Error> {
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
    let (sender, mut reports) = mpsc::channel(WAITING);
    let task = tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            send(&client, &report).await;
        }
    });
    Ok((sender, task))
}

async fn send(client: &reqwest::Client, report: &Report) {
    let body = Body { time: &report.time, raised: &report.raised };
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        if post(client, &report.url, &body).await.is_ok() {
            return;
        }
        time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    if let Err(error) = post(client, &report.url, &body).await {
        tracing::warn!("alert `{}` was not reported: {error}", report.raised.alert);
    }
}

async fn post(client: &reqwest::Client, url: &str, body: &Body<'_>) -> Result<(), reqwest::Error> {
    client.post(url).json(body).send().await?.error_for_status()?;
    Ok(())
}
