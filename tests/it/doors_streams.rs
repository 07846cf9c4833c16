//! Doors of third parties that are not HTTP: syslog over TCP, RELP, audisp-remote; made clients, and such that mean harm.
//!
//! Not here: HTTP (`doors`), real clients (`tests/doors/run`).

use crate::doors_wire::{Pki, Served, Shows, log, records, wait_for};
use crate::harness::Scratch;
use crate::live::line;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const SYSLOG: &str = "[syslog]\nlisten = '127.0.0.1:0'\nmessage_mib = 1\ntimeout_s = 1\n";
const RELP: &str = "[relp]\nlisten = '127.0.0.1:0'\nmessage_mib = 1\ntimeout_s = 1\nkind = 'auditd'\n";
const AUDISP: &str = "[audisp]\nlisten = '127.0.0.1:0'\ntimeout_s = 1\nnodes = { '127.0.0.1' = 'node-5' }\n";

/// Whether the server has closed, whatever it said before.
fn closed(mut stream: impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    let _reset = stream.read_to_end(&mut rest);
    rest
}

#[test]
fn messages_of_syslog_are_kept_as_they_came() {
    let scratch = Scratch::new();
    let pki = Pki::new(&scratch, "node-5");
    let served = Served::start(&scratch, &format!("{SYSLOG}{}", pki.table));
    let counted = [
        "<86>1 2026-11-24T17:30:00.1Z node-5 sshd 7 - - Accepted publickey for alice from 10.0.0.9 port 1 ssh2"
            .to_owned(),
        "<13>1 2026-11-24T17:30:01Z node-5 app - - - two\nlines".to_owned(),
        format!("<13>1 2026-11-24T17:30:02Z node-5 app - - - {}", "x".repeat(300_000)),
    ];
    let ended =
        ["<86>Nov 24 17:30:03 node-5 sshd[7]: Failed password for bob from 10.0.0.9 port 2 ssh2", "9 is a line too"];
    let mut stream = pki.over(served.connect("syslog"), Shows::Ours);
    let bytes: String = counted.iter().map(|message| format!("{} {message}", message.len())).collect();
    for piece in bytes.as_bytes().chunks(50_001) {
        stream.write_all(piece).unwrap();
        stream.flush().unwrap();
    }
    served.wait_metric("deponent_door_records_total{door=\"syslog\"}", 3);
    let mut lines = pki.over(served.connect("syslog"), Shows::Ours);
    lines.write_all(format!("\n{}\n\r\n{}", ended[0], ended[1]).as_bytes()).unwrap();
    lines.conn.send_close_notify();
    lines.flush().unwrap();
    drop(lines);
    served.wait_metric("deponent_door_records_total{door=\"syslog\"}", 5);
    assert!(closed(pki.over(served.connect("syslog"), Shows::Foreign)).is_empty());
    let events = wait_for(&scratch, "source:syslog", 4);
    assert!(events.iter().any(|event| event["who"]["name"] == "alice"));
    assert!(events.iter().any(|event| event["who"]["name"] == "bob"));
    served.collector.kill();
    let ended = ended.map(|line| if line.starts_with('9') { line.to_owned() } else { format!("{line}\n") });
    let expected: Vec<String> = counted.into_iter().chain(ended).collect();
    assert_eq!(records(&scratch), expected);
    let found = log(&scratch);
    assert!(found.iter().all(|(entry, _)| entry.header.source == "syslog:node-5"));
    assert!(found.iter().all(|(entry, _)| entry.envelope.peer.as_deref() == Some("node-5")));
    scratch.ok(&["verify", "--store", "store"]);
}

#[test]
fn what_is_no_message_of_syslog_ends_its_connection_alone() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, &format!("{SYSLOG}connections = 4\n"));
    let send = |bytes: &[u8]| {
        let mut stream = served.connect("syslog");
        let _closed = stream.write_all(bytes);
        closed(stream)
    };
    let good = "<13>1 2026-11-24T17:30:00Z n app - - - good";
    // A message that a sender passes on cannot change how its connection is read.
    send(format!("{} {good}12 <13>1 x\n99999 <13>", good.len()).as_bytes());
    send(b"9999999 <13>1 too large");
    send(&vec![b'x'; (1 << 20) + 1]);
    // Half a message, and then nothing.
    send(b"100 <13>1 half");
    let metric = |reason: &str| format!("deponent_door_refused_total{{door=\"syslog\",reason=\"{reason}\"}}");
    served.wait_metric(&metric("too-large"), 2);
    served.wait_metric(&metric("unfinished"), 1);
    let held: Vec<TcpStream> = (0..8).map(|_| served.connect("syslog")).collect();
    served.wait_metric(&metric("connections"), 4);
    drop(held);
    // As soon as they are gone there is room again.
    let started = std::time::Instant::now();
    while served.metric("deponent_door_records_total{door=\"syslog\"}") < 3 {
        assert!(started.elapsed() < crate::live::BOUND);
        let mut stream = served.connect("syslog");
        let _refused = stream.write_all(b"<13>1 2026-11-24T17:30:01Z n app - - - good too\n");
        let _closed = stream.shutdown(std::net::Shutdown::Write);
        closed(stream);
    }
    wait_for(&scratch, "source:syslog", 2);
}

#[test]
fn a_client_that_trickles_is_cut_off_in_the_time_of_a_message() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, &format!("{SYSLOG}{RELP}{AUDISP}"));
    for (door, begin) in
        [("syslog", &b"9999 <13>"[..]), ("relp", b"1 open 99 "), ("audisp", b"\xfe\0\0\xff\0\0\0\0\0\0\xff\xff")]
    {
        let mut stream = served.connect(door);
        stream.write_all(begin).unwrap();
        // However often a byte comes: the whole message has one second.
        let mut writer = stream.try_clone().unwrap();
        let trickle = std::thread::spawn(move || {
            while writer.write_all(b"x").is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
        });
        closed(stream);
        trickle.join().unwrap();
        served.wait_metric(&format!("deponent_door_refused_total{{door=\"{door}\",reason=\"unfinished\"}}"), 1);
    }
}

/// One answer of RELP: its number and what it says.
fn answer(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let mut head = [Vec::new(), Vec::new()];
    for word in &mut head {
        stream.read_until(b' ', word).unwrap();
    }
    let mut length = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() && byte[0].is_ascii_digit() {
        length.push(byte[0]);
    }
    let length: usize = String::from_utf8(length).unwrap().parse().unwrap();
    let mut text = vec![0; length];
    if byte[0] == b' ' {
        stream.read_exact(&mut text).unwrap();
        stream.read_exact(&mut byte).unwrap();
    }
    assert_eq!(byte[0], b'\n');
    let [number, _] = head.map(|word| String::from_utf8(word).unwrap().trim().to_owned());
    (number, String::from_utf8(text).unwrap())
}

#[test]
fn relp_answers_what_is_durable() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, RELP);
    let mut stream = BufReader::new(served.connect("relp"));
    let offers = "relp_version=0\nrelp_software=test\ncommands=syslog";
    writeln!(stream.get_mut(), "1 open {} {offers}", offers.len()).unwrap();
    let (number, text) = answer(&mut stream);
    assert!(number == "1" && text.starts_with("200 OK\n") && text.contains("commands=syslog"), "{text}");
    // A window of messages, then their answers in order; one comes twice.
    let frames: String = [1, 2, 3, 3]
        .iter()
        .zip(2..)
        .map(|(n, txnr)| {
            let line = line(*n);
            format!("{txnr} syslog {} {line}\n", line.len())
        })
        .collect();
    for piece in frames.as_bytes().chunks(100) {
        stream.get_mut().write_all(piece).unwrap();
    }
    for txnr in 2..6 {
        assert_eq!(answer(&mut stream), (txnr.to_string(), "200 OK".to_owned()));
    }
    writeln!(stream.get_mut(), "6 starttls 0").unwrap();
    assert!(answer(&mut stream).1.starts_with("500 "));
    served.collector.kill();
    let lines = [1, 2, 3, 3].map(line);
    assert_eq!(records(&scratch), lines);
    scratch.ok(&["rebuild", "--store", "store"]);
    assert_eq!(scratch.search("source:linux").len(), 3);
    let served = Served::start(&scratch, RELP);
    let mut stream = BufReader::new(served.connect("relp"));
    stream.get_mut().write_all(b"1 open 0\n2 close 0\n").unwrap();
    answer(&mut stream);
    assert_eq!(answer(&mut stream), ("2".to_owned(), String::new()));
    assert_eq!(closed(stream), b"0 serverclose 0\n");
}

#[test]
fn what_is_no_relp_is_refused() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, RELP);
    let send = |bytes: &[u8]| {
        let mut stream = served.connect("relp");
        let _closed = stream.write_all(bytes);
        String::from_utf8_lossy(&closed(stream)).into_owned()
    };
    assert_eq!(send(b"GET / HTTP/1.1\r\n\r\n"), "");
    assert_eq!(send(b"1 open 9999999 "), "");
    assert_eq!(send(&[0xff; 4096]), "");
    // Without an `open` nothing is taken.
    let line = line(1);
    assert!(send(format!("1 syslog {} {line}\nx", line.len()).as_bytes()).starts_with("1 rsp"));
    assert_eq!(served.metric("deponent_door_records_total{door=\"relp\"}"), 0);
    assert_eq!(served.metric("deponent_door_refused_total{door=\"relp\",reason=\"bad\"}"), 3);
    assert_eq!(served.metric("deponent_door_refused_total{door=\"relp\",reason=\"too-large\"}"), 1);
}

/// A message of audisp-remote.
fn message(kind: u32, number: u32, text: &str) -> Vec<u8> {
    let mut bytes = [&0xff00_00feu32.to_le_bytes()[..], &[0, 0], &kind.to_le_bytes()].concat();
    bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// Type and number of the next answer.
fn acknowledged(stream: &mut TcpStream) -> (u32, u32) {
    let mut header = [0; 16];
    stream.read_exact(&mut header).unwrap();
    assert_eq!((&header[..6], &header[10..12]), (&b"\xfe\0\0\xff\0\0"[..], &b"\0\0"[..]));
    (u32::from_le_bytes(header[6..10].try_into().unwrap()), u32::from_le_bytes(header[12..].try_into().unwrap()))
}

#[test]
fn records_of_audisp_remote_are_acknowledged_one_by_one() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, AUDISP);
    let mut stream = served.connect("audisp");
    let disk = |kind| [0x4000_0000, 0x5000_0001].contains(&kind);
    for number in 2..5 {
        stream.write_all(&message(0, number, &line(number))).unwrap();
        let (kind, of) = acknowledged(&mut stream);
        assert!(disk(kind) && of == number, "{kind:x} {of}");
    }
    stream.write_all(&message(1, 9, "")).unwrap();
    assert_eq!(acknowledged(&mut stream).1, 9);
    // The acknowledgement was lost: it comes again, with a number of its own.
    stream.write_all(&message(0, 10, &line(4))).unwrap();
    acknowledged(&mut stream);
    let events = wait_for(&scratch, "source:linux", 3);
    assert!(events.iter().all(|event| event["where"]["node"] == "node-5"));
    for bad in [&b"type=CWD msg=audit(1.1:1): as text\n"[..], &message(7, 1, "x"), &[0xff; 100]] {
        let mut stream = served.connect("audisp");
        let _closed = stream.write_all(bad);
        assert!(closed(stream).is_empty());
    }
    assert_eq!(served.metric("deponent_door_refused_total{door=\"audisp\",reason=\"bad\"}"), 3);
    // Who is left in peace is told when the collector ends.
    let pid = served.collector.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(acknowledged(&mut stream).0, 0x4000_0001);
    served.collector.stop();
    assert_eq!(records(&scratch), [2, 3, 4, 4].map(line));
    assert!(log(&scratch).iter().all(|(entry, _)| entry.envelope.door.name() == "audisp"));
}

#[test]
fn only_listed_addresses_may_send_records() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, "[audisp]\nlisten = '127.0.0.1:0'\npeers = ['10.0.0.0/8']\n");
    let mut stream = served.connect("audisp");
    let _closed = stream.write_all(&message(0, 1, &line(1)));
    assert!(closed(stream).is_empty());
    served.wait_metric("deponent_door_refused_total{door=\"audisp\",reason=\"peer\"}", 1);
    assert_eq!(served.metric("deponent_door_records_total{door=\"audisp\"}"), 0);
}
