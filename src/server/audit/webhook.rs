//! Who is told of alerts outside: JSON by `POST`, tried a few times, never waited for.

use super::record::Raised;
use crate::server::outbound::Outbound;
use serde::Serialize;
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle, time};

/// How many reports may wait; what comes then is recorded, and not reported.
const WAITING: usize = 256;
/// How often a report is tried.
const TRIES: u32 = 3;
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

/// Makes what sends reports; it ends when nobody can give it any more.
pub(super) fn start(outbound: Outbound) -> (mpsc::Sender<Report>, JoinHandle<()>) {
    let (sender, mut reports) = mpsc::channel(WAITING);
    let task = tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            send(&outbound, &report).await;
        }
    });
    (sender, task)
}

async fn send(outbound: &Outbound, report: &Report) {
    let body = Body { time: &report.time, raised: &report.raised };
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        if post(outbound, &report.url, &body).await.is_ok() {
            return;
        }
        time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    if let Err(error) = post(outbound, &report.url, &body).await {
        tracing::warn!("alert `{}` was not reported: {error}", report.raised.alert);
    }
}

async fn post(outbound: &Outbound, url: &str, body: &Body<'_>) -> Result<(), String> {
    let address = outbound.address(url)?;
    let answer = outbound.send(outbound.post(&address).json(body)).await.map_err(|error| error.to_string())?;
    if answer.status.is_success() { Ok(()) } else { Err(format!("the answer is {}", answer.status)) }
}
