//! The service against a bare handler: how much of the rate and how much of the time the decision costs.
//!
//! ```text
//! cargo bench --bench service                 every row, as a table in Markdown
//! cargo bench --bench service -- SECONDS      with so many seconds for each measurement instead of 5
//! ```
//!
//! Everything runs in one go on one machine: the server on one core, the load on another, 64 connections over loopback, TLS
//! off, the caller's credential a token that is cached. The bare handler is an axum route that parses the same JSON and
//! answers a constant. Each row is a ratio of the two, or of two settings of the service.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a bench that panics has failed"
)]

mod bare;
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
    let seconds = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(5);
    rows::all(Duration::from_secs(seconds));
}
