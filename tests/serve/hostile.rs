//! What is not meant well: each is refused, in time and in words, and the service goes on.

use crate::service::{Service, Setup};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

const POLICY: &str = "actions view;\nallow user \"alice\" to view;\n";
const GOOD: &str = r#"{"subject": {"type": "user", "id": "alice"}, "action": {"name": "view"}, "resource": {"type": "model", "id": "m"}}"#;

fn start() -> Service {
    Setup::new(POLICY).settings("[http]\nheader_seconds = 1\nbody_seconds = 1").start()
}

fn connect(service: &Service) -> TcpStream {
    let stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// All that comes until the service closes the connection. That it does so in the middle of what is sent is fine.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it is cut off: {error}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends bytes on a connection of their own: the status of the answer, or 0 where the connection is closed without one.
fn send(service: &Service, bytes: &[u8]) -> (u16, String) {
    let mut stream = connect(service);
    let _ = stream.write_all(bytes);
    let answer = rest(&mut stream);
    let status =
        answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).map_or(0, |status| status.parse().unwrap());
    (status, answer)
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The service decides as ever.
fn lives(service: &Service) {
    let answer = service.post("/access/v1/evaluation", GOOD).send().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().unwrap().contains(r#""decision":true"#));
}

#[test]
fn a_client_that_takes_its_time_is_cut_off() {
    let service = start();
    for begun in [
        "",
        "P",
        "PRI * HT",
        "GET /healthz HTTP/1.1\r\nHost: localh",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ",
    ] {
        let mut stream = connect(&service);
        stream.write_all(begun.as_bytes()).unwrap();
        let began = Instant::now();
        let answer = rest(&mut stream);
        assert!(began.elapsed() < Duration::from_secs(20), "{begun:?} is waited for");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{begun:?}: {answer}");
    }
    // A byte now and then keeps no connection open.
    let mut stream = connect(&service);
    let began = Instant::now();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    while stream.write_all(b"x: y\r\n").is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "drops keep it open");
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut stream = connect(&service);
    stream.write_all(&post("Content-Length: 100\r\n", b"{")).unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 408"), "a slow body");
    lives(&service);
}

/// A client that says no more before it has its answer counts as gone, as one that has ended does.
#[test]
fn a_half_closed_connection_is_closed() {
    let service = start();
    let length = format!("Content-Length: {}\r\n", GOOD.len());
    for bytes in [post(&length, GOOD.as_bytes()), post("Content-Length: 500\r\n", GOOD.as_bytes()), post("", b"")] {
        let mut stream = connect(&service);
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer}");
    }
    lives(&service);
}

#[test]
fn requests_in_one_go_are_answered_in_their_order() {
    let service = start();
    let one = |id: usize| {
        let end = if id == 49 { "Connection: close\r\n" } else { "" };
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: id-{id}\r\n{end}\r\n")
    };
    let (_, answer) = send(&service, (0..50).map(one).collect::<String>().as_bytes());
    let ids: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("x-request-id: id-")).collect();
    assert_eq!(ids, (0..50).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let service = start();
    let refused: [(&str, &str); 9] = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Content-Length: 2, 3\r\n", "{}"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Host: example.org\r\nContent-Length: 2\r\n", "{}"),
        ("Host: localhost\r\nContent-Length: 2\r\n", "{}"),
        ("X : y\r\nContent-Length: 2\r\n", "{}"),
    ];
    for (headers, body) in refused {
        let (status, answer) = send(&service, &post(headers, body.as_bytes()));
        assert_eq!(status, 400, "{headers:?}: {answer}");
    }
    lives(&service);
}

#[test]
fn chunks_that_are_none_are_refused() {
    let service = start();
    for body in
        ["x\r\n\r\n", "ffffffffffffffffff\r\n", "5\r\n{}", "-1\r\n\r\n", "2\r\n{}XX0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n"]
    {
        let (status, answer) = send(&service, &post("Transfer-Encoding: chunked\r\n", body.as_bytes()));
        assert!(matches!(status, 0 | 400 | 408), "{body:?}: {answer}");
    }
    let extension = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(100_000));
    let (status, answer) = send(&service, &post("Transfer-Encoding: chunked\r\n", extension.as_bytes()));
    assert!(status == 400 || status == 0, "a long extension: {answer}");
    let drops = "1\r\n \r\n".repeat(1_200_000);
    let (status, answer) = send(&service, &post("Transfer-Encoding: chunked\r\n", drops.as_bytes()));
    assert!(matches!(status, 0 | 408 | 413), "more than a body may be, in drops: {answer}");
    lives(&service);
}

#[test]
fn more_headers_than_may_be_are_refused() {
    let service = start();
    let many = "x: y\r\n".repeat(100_000);
    let (status, _) = send(&service, &post(&many, b""));
    assert!(matches!(status, 0 | 431), "100,000 headers: {status}");
    let (status, _) = send(&service, &post(&"x: y\r\n".repeat(101), b""));
    assert_eq!(status, 431, "one too many");
    let long = format!("x: {}\r\n", "y".repeat(100_000));
    let (status, _) = send(&service, &post(&long, b""));
    assert!(matches!(status, 0 | 431), "a long header: {status}");
    let target = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200_000));
    let (status, _) = send(&service, target.as_bytes());
    assert!(matches!(status, 0 | 414 | 431), "a long path: {status}");
    lives(&service);
}

#[test]
fn bodies_that_are_no_request_are_refused() {
    let service = start();
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = GOOD.replacen('{', &format!("{{\"context\": {{\"x\": {nested}}}, "), 1);
    let twice = GOOD.replacen('{', r#"{"subject": {"type": "user", "id": "bob"}, "#, 1);
    let large = GOOD.replacen('{', &format!("{{\"pad\": \"{}\", ", "x".repeat(1024 * 1024)), 1);
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("not UTF-8", b"{\"subject\": \"\xff\"}".to_vec(), 400),
        ("an overlong zero", b"{\"subject\": \"\xc0\x80\"}".to_vec(), 400),
        ("deep nesting", deep.into_bytes(), 400),
        ("a member twice", twice.into_bytes(), 400),
        ("too large", large.into_bytes(), 413),
        ("nothing", Vec::new(), 400),
    ];
    for (what, body, wanted) in cases {
        let (status, answer) = send(&service, &post(&format!("Content-Length: {}\r\n", body.len()), &body));
        assert_eq!(status, wanted, "{what}: {answer}");
        assert!(answer.contains(r#"{"error":"#), "{what}: {answer}");
    }
    lives(&service);
}

#[test]
fn what_is_not_there_is_told_from_what_cannot_be_done() {
    let service = start();
    let get = |path: &str, host: &str| {
        send(&service, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    assert_eq!(get("/access/v1/nothing", "localhost").0, 404);
    assert_eq!(get("/access/v1/../../etc/passwd", "localhost").0, 404);
    let (status, answer) = get("/access/v1/evaluation", "localhost");
    assert_eq!(status, 405);
    assert!(answer.contains("allow: POST"), "{answer}");
    let (status, answer) = get("/v1/admin/policies/promote", "localhost");
    assert_eq!((status, answer.contains("allow: POST")), (405, true), "{answer}");
    assert_eq!(get("/healthz", "evil.example").0, 421);
    assert_eq!(get("/healthz", "localhost:80@evil.example").0, 421);
    assert_eq!(get("/healthz", "localhost").0, 200);
    lives(&service);
}

/// Frames of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Many requests are begun and taken back at once (CVE-2023-44487).
#[test]
fn requests_that_are_taken_back_at_once_are_cut_off() {
    let service = start();
    let mut stream = connect(&service);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).unwrap();
    // GET, /, http, localhost (RFC 7541).
    let headers = [&[0x82, 0x84, 0x86, 0x41, 9][..], b"localhost"].concat();
    let mut is_open = true;
    for number in 0..20_000_u32 {
        let id = number * 2 + 1;
        let both = [frame(1, 5, id, &headers), frame(3, 0, id, &8_u32.to_be_bytes())].concat();
        if stream.write_all(&both).is_err() {
            is_open = false;
            break;
        }
    }
    let mut bytes = Vec::new();
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = stream.read_to_end(&mut bytes);
    // GOAWAY is frame 7, its reason ENHANCE_YOUR_CALM 11.
    let calmed = bytes.windows(4).any(|window| window == 11_u32.to_be_bytes());
    assert!(!is_open || calmed, "20,000 requests are taken and taken back");
    lives(&service);
}
