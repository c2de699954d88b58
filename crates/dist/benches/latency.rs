//! What a limit in Redis adds to a decision: `cargo bench --package policyc-dist`.
//!
//! One service counts in memory, another in a Redis on the same machine; both are asked the same over one connection and over
//! 64, in turns, so that what else the machine does weighs on both alike.

#![expect(clippy::disallowed_methods, reason = "time is what is measured")]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a bench that panics has failed"
)]

#[path = "../../limits-redis/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only tests need")]
mod server;
#[path = "../../../tests/serve/service.rs"]
#[expect(dead_code, reason = "also what only tests need")]
mod service;

use server::{PROGRAMS, Server};
use service::{Service, Setup};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// The program that `service.rs` starts.
const PROGRAM: &str = env!("CARGO_BIN_EXE_policyc-dist");

const POLICY: &str = "actions view; allow anyone to view; limit anyone to view at most 100000000 per hour;";
const BODY: &str = r#"{"subject": {"type": "user", "id": "alice"}, "action": {"name": "view"}, "resource": {"type": "model", "id": "m"}}"#;
/// How many rounds are measured, and for how long each.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn main() {
    let redis = Server::of(&PROGRAMS["redis-server"], false);
    let settings = "[audit]\ndurability = \"off\"";
    let memory = Setup::new(POLICY).settings(settings).start();
    let shared = Setup::new(POLICY).settings(settings).args(&["--limits", &redis.url()]).start();
    println!("| connections | limits in | decisions a second | 50 % | 99 % |\n| ---: | --- | ---: | ---: | ---: |");
    for connections in [1, 64] {
        let mut taken = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (service, taken) in [&memory, &shared].into_iter().zip(&mut taken) {
                taken.extend(times(service, connections));
            }
        }
        for (name, mut taken) in ["memory", "Redis"].into_iter().zip(taken) {
            taken.sort_unstable();
            let at = |share: usize| taken[(taken.len() * share / 100).min(taken.len() - 1)].as_micros();
            let rate = taken.len() as f64 / (ROUNDS as f64 * ROUND.as_secs_f64());
            println!("| {connections} | {name} | {rate:.0} | {} µs | {} µs |", at(50), at(99));
        }
    }
}

/// How long each answer took, asked over so many connections for one round.
fn times(service: &Service, connections: usize) -> Vec<Duration> {
    let end = Instant::now() + ROUND;
    let address = service.address();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(move || client(address, end))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

fn client(address: &str, end: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let length = BODY.len();
    let request = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{BODY}"
    );
    let (mut taken, mut answer) = (Vec::new(), vec![0; 16 * 1024]);
    while Instant::now() < end {
        let start = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        // The answer is JSON in one piece, and nothing comes behind it.
        while !answer[..length].ends_with(b"}") {
            length += stream.read(&mut answer[length..]).unwrap();
        }
        taken.push(start.elapsed());
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
    taken
}
