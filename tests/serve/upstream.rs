//! A server of models that a test plays itself.

use crate::service::PATIENCE;
use std::{
    cell::Cell,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
};

/// A server whose requests come to the test.
pub(crate) struct Upstream {
    url: String,
    asked: Receiver<Exchange>,
    count: Cell<usize>,
}

/// A request that waits for its answer. Dropped, it breaks off.
pub(crate) struct Exchange {
    stream: TcpStream,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::channel();
        thread::spawn(move || {
            // Ends when the test has dropped its end and somebody asks.
            for stream in listener.incoming().map_while(Result::ok) {
                if let Some(exchange) = Exchange::read(stream)
                    && tell.send(exchange).is_err()
                {
                    return;
                }
            }
        });
        Self { url, asked, count: Cell::new(0) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next request.
    pub(crate) fn next(&self) -> Exchange {
        let exchange = self.asked.recv_timeout(PATIENCE).expect("a request reaches the upstream");
        self.count.set(self.count.get().saturating_add(1));
        exchange
    }

    /// How many requests have come in all. Whoever asked has been answered, so none is under way.
    pub(crate) fn count(&self) -> usize {
        self.count.get().saturating_add(self.asked.try_iter().count())
    }

    /// Ends, and gives the address where nobody answers any more.
    pub(crate) fn stop(self) -> String {
        let Self { url, asked, .. } = self;
        drop(asked);
        let stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        (&stream).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        // Closed by the thread that ends.
        let _ = (&stream).read(&mut [0]);
        url
    }
}

impl Exchange {
    fn read(stream: TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut exchange = Self { stream, head, body: Vec::new() };
        let length = exchange.header("content-length").map_or(0, |length| length.parse().unwrap());
        exchange.body.resize(length, 0);
        reader.read_exact(&mut exchange.body).ok()?;
        Some(exchange)
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    /// Answers in one piece.
    pub(crate) fn answer(mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        write!(
            self.stream,
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
    }

    /// Begins an answer in pieces.
    pub(crate) fn begin(&mut self, headers: &str) {
        let head = "transfer-encoding: chunked\r\nconnection: close\r\n";
        write!(self.stream, "HTTP/1.1 200 OK\r\n{headers}{head}\r\n").unwrap();
    }

    /// Sends a piece.
    pub(crate) fn piece(&mut self, text: &str) {
        write!(self.stream, "{:x}\r\n{text}\r\n", text.len()).unwrap();
    }

    /// Ends an answer in pieces.
    pub(crate) fn end(mut self) {
        self.stream.write_all(b"0\r\n\r\n").unwrap();
    }

    /// Waits until whoever asked has gone.
    pub(crate) fn wait_until_left(mut self) {
        let read = self.stream.read(&mut [0]);
        assert!(matches!(read, Ok(0)) || read.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    }
}
