//! The load: connections that send requests as bytes and read answers as bytes, as fast as they come or at a rate.

#![expect(clippy::disallowed_methods, reason = "a load is measured against the clock on the wall")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::JoinSet,
    time::{self, MissedTickBehavior},
};

/// How many connections there are.
const CONNECTIONS: u32 = 64;

/// A request, as the bytes of HTTP/1.1.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What a measurement found.
pub(crate) struct Measured {
    /// Answers in a second.
    pub(crate) rate: f64,
    /// In what time an answer came: of so many in a hundred, at most this, in microseconds.
    latencies: Vec<u64>,
}

impl Measured {
    /// The time in which so many in a hundred answers came, in microseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(f64::NAN, |latency| *latency as f64)
    }
}

/// Sends requests for a while, one after the other on each connection; the `n`th is `request(n)`. With a rate, so many a
/// second together, else as many as are answered.
pub(crate) fn run(
    address: SocketAddr,
    time: Duration,
    rate: Option<f64>,
    request: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
) -> Measured {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (request, sent) = (Arc::new(request), Arc::new(AtomicU64::new(0)));
    runtime.block_on(async move {
        let start = Instant::now();
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (request, sent) = (request.clone(), sent.clone());
            connections.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut pace = rate.map(|rate| {
                    // One after the other, and not all at once.
                    let first = start + Duration::from_secs_f64(f64::from(number) / rate);
                    let each = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
                    let mut pace = time::interval_at(first.into(), each);
                    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
                    pace
                });
                let (mut latencies, mut buffer) = (Vec::new(), Vec::with_capacity(64 * 1024));
                while start.elapsed() < time {
                    // With a rate, time is counted from when the request should have been sent.
                    let due = match &mut pace {
                        Some(pace) => pace.tick().await.into_std(),
                        None => Instant::now(),
                    };
                    let bytes = request(sent.fetch_add(1, Ordering::Relaxed));
                    stream.write_all(&bytes).await.unwrap();
                    read_answer(&mut stream, &mut buffer).await;
                    latencies.push(u64::try_from(due.elapsed().as_micros()).unwrap());
                }
                latencies
            });
        }
        let mut latencies: Vec<u64> = connections.join_all().await.into_iter().flatten().collect();
        let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
        latencies.sort_unstable();
        Measured { rate, latencies }
    })
}

/// Reads one answer, which must be 200 and say how long it is, or come in chunks.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.unwrap();
        assert!(read > 0, "the server has closed the connection: {}", String::from_utf8_lossy(buffer));
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let (head, body) = buffer.split_at(head + 4);
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(buffer));
        let is_whole = match length(head) {
            Some(length) => body.len() >= length,
            None => body.ends_with(b"0\r\n\r\n"),
        };
        if is_whole {
            return;
        }
    }
}

fn length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).unwrap();
    let is_length = |line: &&str| line.get(..15).is_some_and(|name| name.eq_ignore_ascii_case("content-length:"));
    head.lines().find(is_length)?.get(15..)?.trim().parse().ok()
}
