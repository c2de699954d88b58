//! The service against a bare handler: how much of the rate and how much of the time the decision costs.
//!
//! ```text
//! cargo bench --bench service                 every row, as a table in Markdown
//! cargo bench --bench service -- SECONDS      with so many seconds for each measurement instead of 11
//! ```
//!
//! Everything runs in one go on one machine: the server on one core, the load on another, 64 connections over loopback, TLS
//! off. No way of authentication is set up, so that the caller is trusted; an enforcement point that shows a token is besides
//! asked about itself (`evaluate`, `assert`), once for each resource that differs from that of the request before. The bare
//! handler is an axum route that parses the same JSON and answers a constant. Each row is a ratio of the two, or of two
//! settings of the service. They take turns: a rate is that of the median turn, and so is a ratio of rates.
//!
//! What a row is for:
//!
//! - *requests*: what deciding, and all that the service does for each request, leaves of the rate of a bare handler.
//! - *99th percentile*: the same of the time that an answer takes at half of the load. That of all turns has whatever else the
//!   machine did meanwhile in it; that of the median turn is what the two do themselves.
//! - *batches*: what a decision costs where a hundred share one request of HTTP.
//! - *audit log*: what the record of each decision costs, written in its own time or before the answer.
//! - *streamed answer*: how much later it comes through the gateway; the difference is what the gateway adds.
//! - *a changed list*, *a start*: what a change of policy takes where there are many documents already, and a restart.
//! - *memory*: that nothing gathers, however many principals ask.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a bench that panics has failed"
)]

mod bare;
mod documents;
mod load;
mod rows;
mod server;

use std::{env, process::Command, time::Duration};

/// The core of the load; the server has the next one.
const LOAD_CORE: usize = 0;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.first().map(String::as_str) {
        Some("bare") => return bare::serve(),
        Some("upstream") => return bare::upstream(),
        _ => {}
    }
    if env::var_os("POLICYC_PINNED").is_none() {
        // Once more, on one core.
        let program = env::current_exe().unwrap();
        let mut again = Command::new("taskset");
        again.arg("-c").arg(LOAD_CORE.to_string()).arg(program).args(&args).env("POLICYC_PINNED", "1");
        let status = again.status().expect("taskset is there");
        std::process::exit(status.code().unwrap_or(1));
    }
    let seconds = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(11);
    rows::all(Duration::from_secs(seconds));
}
