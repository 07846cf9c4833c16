//! Clients that mean harm: heads without end, bodies that do not come, thousands of connections, other people's pages.
//!
//! After each of them the server answers as before. Not here: what attackers write into logs (`limits`, `cli`).

use crate::api::{ask, get};
use crate::live::{BOUND, Collector, append, configured, let_in, line, wait_for};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

fn served(scratch: &crate::harness::Scratch) -> Collector {
    append(scratch, &line(1));
    let collector = Collector::start(scratch);
    wait_for(scratch, 1);
    collector
}

/// Sends bytes and reads until the server closes.
fn raw(collector: &Collector, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    // The server may close before it has all of them.
    let _closed = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn resident_kib(collector: &Collector) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", collector.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn heads_and_bodies_have_an_end() {
    let scratch = configured();
    let collector = served(&scratch);
    let host = &collector.address;
    let long = "x".repeat(1 << 20);
    for request in [
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(10_000)),
    ] {
        let answer = raw(&collector, request.as_bytes());
        let refused = answer.is_empty()
            || ["400", "414", "431"].iter().any(|code| answer.starts_with(&format!("HTTP/1.1 {code}")));
        assert!(refused, "{}", &answer[..answer.len().min(200)]);
    }
    assert_eq!(ask(&collector, "POST", "/v1/ask", &[], &" ".repeat(70_000)).status, 413);
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(ask(&collector, "POST", "/v1/ask", &[], &nested).status, 400);
    assert_eq!(ask(&collector, "POST", "/v1/search", &[], "{\"q\":\"a\",\"q\":\"b\"}").status, 400);
    let query = format!("/v1/events?q={}", "(".repeat(4_000));
    assert_eq!(get(&collector, &query).status, 400);
    let escapes = get(&collector, "/v1/events?q=%ff%00%1b%5b31m");
    assert!(escapes.status == 400 && !escapes.body.contains(['\x1b', '\0']), "{}", escapes.body);
    let garbage: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    raw(&collector, &garbage);
    raw(&collector, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert_eq!(get(&collector, "/healthz").status, 200);
}

#[test]
fn a_client_that_trickles_is_cut_off() {
    let scratch = configured();
    let collector = served(&scratch);
    let host = collector.address.clone();
    // A head that never ends, and a body that never comes.
    let slow = [
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Slow: "),
        format!("POST /v1/ask HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{"),
    ];
    std::thread::scope(|scope| {
        for request in &slow {
            scope.spawn(|| {
                let started = Instant::now();
                let answer = raw(&collector, request.as_bytes());
                assert!(started.elapsed() < BOUND, "never closed");
                assert!(answer.is_empty() || answer.contains(" 408 "), "{answer}");
            });
        }
        assert_eq!(get(&collector, "/healthz").status, 200);
    });
}

#[test]
fn thousands_of_connections_leave_room_for_an_answer() {
    let scratch = configured();
    let collector = served(&scratch);
    let before = resident_kib(&collector);
    let mut open = Vec::new();
    let mut refused = 0;
    // Other tests of this process need files too.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: usize = files.split_whitespace().next().unwrap().parse().unwrap_or(1 << 20);
    let count = 3_000.min(files / 2);
    for _ in 0..count {
        match TcpStream::connect(&collector.address) {
            Ok(stream) => open.push(stream),
            Err(_) => refused += 1,
        }
    }
    assert!(open.len() > count / 2, "{refused} refused");
    // Evidence is still read and written.
    append(&scratch, &line(2));
    if open.len() > 1_200 || open.len() > files / 3 {
        let last = open.last_mut().unwrap();
        last.set_read_timeout(Some(BOUND)).unwrap();
        let mut answer = String::new();
        last.read_to_string(&mut answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    assert!(resident_kib(&collector) < before + 64 * 1024, "memory is bounded");
    drop(open);
    let started = Instant::now();
    loop {
        let mut stream = TcpStream::connect(&collector.address).unwrap();
        write!(stream, "GET /healthz HTTP/1.0\r\nHost: {}\r\n\r\n", collector.address).unwrap();
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ") {
            break;
        }
        assert!(started.elapsed() < BOUND, "{answer}");
    }
    wait_for(&scratch, 2);
}

#[test]
fn connections_leave_files_for_evidence() {
    let scratch = configured();
    append(&scratch, &line(1));
    let_in(&scratch);
    let plain = scratch.command(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
    let mut few = std::process::Command::new("prlimit");
    few.arg("--nofile=200:200").arg(plain.get_program()).args(plain.get_args()).current_dir(scratch.dir.path());
    few.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut collector = Collector::of(few);
    wait_for(&scratch, 1);
    let written = || std::fs::metadata(scratch.path("store/wal/000")).map_or(0, |file| file.len());
    let open: Vec<TcpStream> = (0..400).filter_map(|_| TcpStream::connect(&collector.address).ok()).collect();
    for serial in 2..40 {
        append(&scratch, &line(serial));
    }
    let renamed = scratch.path("logs/audit.log.1");
    std::fs::rename(scratch.path("logs/audit.log"), renamed).unwrap();
    append(&scratch, &line(40));
    // Evidence is written while all of them are open.
    let (before, started) = (written(), Instant::now());
    append(&scratch, &line(41));
    while written() == before {
        assert!(collector.child.try_wait().unwrap().is_none() && started.elapsed() < BOUND, "nothing more is written");
    }
    drop(open);
    wait_for(&scratch, 41);
    collector.stop();
}

#[test]
fn pages_of_other_people_get_no_answer() {
    let scratch = configured();
    let collector = served(&scratch);
    let address = collector.address.clone();
    let port = address.rsplit_once(':').unwrap().1;
    let status = |request: &str| -> String {
        raw(&collector, request.as_bytes()).split(' ').nth(1).unwrap_or("closed").to_owned()
    };
    for (request, expected) in [
        (format!("GET /healthz HTTP/1.0\r\nHost: {address}\r\n\r\n"), "200"),
        (format!("GET /healthz HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n"), "200"),
        ("GET /healthz HTTP/1.0\r\n\r\n".to_owned(), "403"),
        ("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n".to_owned(), "403"),
        (format!("GET /healthz HTTP/1.0\r\nHost: 127.0.0.1.evil.example:{port}\r\n\r\n"), "403"),
        (format!("GET /healthz HTTP/1.0\r\nHost: {address}\r\nHost: evil.example\r\n\r\n"), "403"),
        (format!("GET http://evil.example/healthz HTTP/1.0\r\nHost: {address}\r\n\r\n"), "403"),
        (format!("GET /healthz HTTP/1.0\r\nHost: {address}\r\nOrigin: http://{address}\r\n\r\n"), "403"),
        (format!("OPTIONS /v1/ask HTTP/1.0\r\nHost: {address}\r\nOrigin: https://evil.example\r\n\r\n"), "403"),
        (format!("GET /v1/../../etc/passwd HTTP/1.0\r\nHost: {address}\r\n\r\n"), "404"),
        (format!("GET /log/tile/..%2f..%2f..%2fetc%2fpasswd HTTP/1.0\r\nHost: {address}\r\n\r\n"), "404"),
    ] {
        assert_eq!(status(&request), expected, "{request}");
    }
    let answer = raw(&collector, format!("GET /v1/events HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes());
    assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
    assert!(!answer.contains("access-control-allow"), "{answer}");
}
