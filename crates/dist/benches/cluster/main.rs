//! What several services cost and bring: `cargo bench --package policyc-dist`, with the name of a table for that alone.
//!
//! - *limits*: what a limit in Redis adds to a decision.
//! - *nodes*: what two services decide that have a core each, against one on one core.
//! - *changes*: how long a change at one service takes until another decides by it.
//! - *soak*: half an hour of everything at once, only where it is named.
//!
//! All of it runs on one machine, over loopback, and what is compared is measured in turns or at once, so that what else the
//! machine does weighs on both alike.

#![expect(clippy::disallowed_methods, reason = "time is what is measured")]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a bench that panics has failed"
)]

mod changes;
mod client;
mod limits;
mod nodes;
#[path = "../../../documents-postgres/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only tests need")]
mod postgres;
#[path = "../../../limits-redis/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only tests need")]
mod redis;
#[path = "../../../../tests/serve/service.rs"]
#[expect(dead_code, reason = "also what only tests need")]
mod service;
mod soak;

use std::env;

/// The program that `service.rs` starts.
const PROGRAM: &str = env!("CARGO_BIN_EXE_policyc-dist");

/// Without a log: what is compared is what services share.
const SETTINGS: &str = "[audit]\ndurability = \"off\"";

fn main() {
    let names: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let tables = [
        ("limits", limits::table as fn()),
        ("nodes", nodes::table),
        ("changes", changes::table),
        ("soak", soak::table),
    ];
    for (name, table) in tables {
        let is_wanted = names.iter().any(|wanted| wanted == name) || names.is_empty() && name != "soak";
        if is_wanted {
            println!("\n## {name}\n");
            table();
        }
    }
}
