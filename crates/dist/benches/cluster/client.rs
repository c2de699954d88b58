//! Whoever asks: connections that send the same request again and again, as fast as it is answered.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

const BODY: &str = r#"{"subject": {"type": "user", "id": "alice"}, "action": {"name": "view"}, "resource": {"type": "model", "id": "m"}}"#;

/// How long each answer took, asked over so many connections for a while.
pub(crate) fn times(address: &str, connections: usize, time: Duration) -> Vec<Duration> {
    let end = Instant::now() + time;
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

/// What most took at most, of so many in a hundred.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// How much memory a process holds, in MiB.
pub(crate) fn memory(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    held.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
}
