//! HTTP as bytes: a client that sends a path just as it is written, and a server that counts.

use crate::service::PATIENCE;
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A message: its first line, its headers by names in small letters, its body.
pub(super) struct Message {
    pub(super) first: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Message {
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let first = line.trim_end().to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let message = Self { first, headers, body: String::new() };
        let body = if message.header("transfer-encoding").is_some() {
            chunks(reader)?
        } else {
            let length = message.header("content-length").map_or(0, |length| length.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            body
        };
        Some(Self { body: String::from_utf8_lossy(&body).into_owned(), ..message })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

fn chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).ok()?];
        reader.read_exact(&mut chunk).ok()?;
        reader.read_line(&mut line).ok()?;
        if chunk.is_empty() {
            return Some(body);
        }
        body.append(&mut chunk);
    }
}

/// Sends one request as it is written, and reads the answer.
pub(super) fn send(to: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Message {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: models.example\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    // A server may answer, and go, before it has read all.
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    Message::read(&mut BufReader::new(stream)).expect("it answers")
}

/// What is behind the proxy: it counts the requests that reach it, and answers with their headers.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl Upstream {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                thread::spawn(move || answer(stream, &counted));
            }
        });
        Self { address, count }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, counted: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = Message::read(&mut reader) {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut body = format!("{}\n", request.first.rsplit_once(' ').unwrap().0);
        for (name, value) in request.headers.iter().filter(|(name, _)| name.starts_with("x-policy-")) {
            body.push_str(&format!("{name}: {value}\n"));
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}
