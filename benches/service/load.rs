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

/// A measurement: whom to ask, at which rate, else as fast as answers come, and what.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) rate: Option<f64>,
    /// Draws the `n`th request.
    pub(crate) draw: fn(u64) -> Vec<u8>,
}

/// What a measurement found, in each of its turns.
#[derive(Default)]
pub(crate) struct Measured {
    /// Answers in a second.
    rates: Vec<f64>,
    /// In what time answers came, in microseconds, in order.
    latencies: Vec<Vec<u64>>,
}

impl Measured {
    /// Answers in a second, in the median turn.
    pub(crate) fn rate(&self) -> f64 {
        median(self.rates.iter().copied())
    }

    /// How many times the rate of another it had, in the median turn of both.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        median(self.rates.iter().zip(&other.rates).map(|(one, other)| one / other))
    }

    /// The time in which so many in a hundred answers came, in microseconds, in the median turn.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        median(self.latencies.iter().map(|latencies| percentile(latencies, percent)))
    }

    /// The same of all answers, whatever their turn.
    pub(crate) fn percentile_of_all(&self, percent: usize) -> f64 {
        let mut all = self.latencies.concat();
        all.sort_unstable();
        percentile(&all, percent)
    }
}

/// Among times in order, the one in which so many in a hundred answers came.
fn percentile(latencies: &[u64], percent: usize) -> f64 {
    let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
    latencies.get(at).map_or(f64::NAN, |latency| *latency as f64)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many turns each measurement has.
pub(crate) const TURNS: u32 = 11;

/// Measures several things, each for some time, in so many turns: what else the machine does hits all alike.
pub(crate) fn in_turns<const N: usize>(turns: u32, time: Duration, plans: [Plan; N]) -> [Measured; N] {
    let mut all = plans.map(|_| Measured::default());
    for _ in 0..turns {
        for (plan, measured) in plans.iter().zip(&mut all) {
            let (rate, latencies) = run(*plan, time / turns);
            measured.rates.push(rate);
            measured.latencies.push(latencies);
        }
    }
    all
}

/// Sends requests for a while, one after the other on each connection. Gives how many were answered in a second, and in what
/// time each, in microseconds, in order.
pub(crate) fn run(Plan { address, rate, draw }: Plan, time: Duration) -> (f64, Vec<u64>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    runtime.block_on(async move {
        // What a connection costs is no matter here: each has had an answer before the clock starts.
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(&draw(0)).await.unwrap();
            read_answer(&mut stream, &mut Vec::new()).await;
            streams.push(stream);
        }
        let start = Instant::now();
        let mut connections = JoinSet::new();
        for (number, mut stream) in (0_u32..).zip(streams) {
            let sent = sent.clone();
            connections.spawn(async move {
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
                    let bytes = draw(sent.fetch_add(1, Ordering::Relaxed));
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
        (rate, latencies)
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
