//! The HTTP API as a program uses it: forms, pages, streams, conditions; the description and the examples of the documents are those of the server.
//!
//! Not here: clients that mean harm (`hostile_clients`), following files (`live`).

use crate::access::before_head;
use crate::harness::{Run, Scratch, root, sample};
use crate::live::{BOUND, Collector, append, configured, line, wait_for};
use deponent::query::{Question, Search};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let wanted = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(wanted.as_str()))
    }
}

/// A request in HTTP/1.0, whose answer is not chunked.
pub fn ask(collector: &Collector, method: &str, target: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    let mut head = format!("{method} {target} HTTP/1.0\r\nHost: {}\r\n", collector.address);
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    write!(stream, "{head}\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {target}: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub fn get(collector: &Collector, target: &str) -> Answer {
    ask(collector, "GET", target, &[], "")
}

/// A collector that has read the samples.
fn with_samples(scratch: &Scratch) -> Collector {
    let mut config = "store = 'store'\n".to_owned();
    let paths = ["auditd/*.log", "kubernetes/*.log", "kubernetes/*.json", "containerd/*.log", "kubelet/*.log"];
    let paths: Vec<String> = paths.iter().map(|path| format!("'{}'", sample(path).display())).collect();
    config.push_str(&format!("[[tail]]\npaths = [{}]\ncluster = 'lab'\nnode = 'node-1'\n", paths.join(", ")));
    scratch.write("config.toml", config);
    let collector = Collector::start(scratch);
    let started = Instant::now();
    let (mut before, mut same) = (0, 0);
    // Everything is there when nothing more comes for a while, and the index is not behind.
    while same < 4 {
        let head = get(&collector, "/v1/head").json();
        let events = head["events"].as_u64().unwrap();
        same = if events == before && events > 0 && head["indexed"] == head["durable"] { same + 1 } else { 0 };
        before = events;
        assert!(started.elapsed() < BOUND, "{head}");
        std::thread::sleep(Duration::from_millis(300));
    }
    collector
}

#[test]
fn an_answer_has_the_form_that_is_asked_for() {
    let scratch = Scratch::new();
    let collector = with_samples(&scratch);
    let with = |accept: &str, target: &str| ask(&collector, "GET", target, &[&format!("Accept: {accept}")], "");
    let all = "/v1/events?q=source:kubernetes&limit=0";
    let document = get(&collector, all).json();
    let items = document["items"].as_array().unwrap();
    assert!(items.len() > 20);
    assert_eq!((document["count"].as_u64(), &document["complete"]), (Some(items.len() as u64), &Value::Bool(true)));
    let lines = with("application/x-ndjson", all);
    let lines: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&lines[..lines.len() - 1], items.as_slice());
    assert_eq!(lines.last().unwrap()["_end"]["count"], document["count"]);
    let csv = with("text/html;q=0.1, text/csv;q=0.9", all);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.body.lines().count(), items.len() + 1);
    assert_eq!(with("text/html", all).status, 406);
    // The same bytes as the command line, through the same collector and from the files.
    let local =
        |form: &str| scratch.ok(&["search", "--store", "store", "-n", "0", "-o", form, "source:kubernetes"]).out;
    assert_eq!(csv.body, local("csv"));
    let few = get(&collector, "/v1/events?q=what:exec&fields=who,when.event,evidence&limit=1").json();
    let keys: BTreeSet<&str> = few["items"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["evidence", "when", "who"]));
    let posted = ask(&collector, "POST", "/v1/search", &[], r#"{"q":"source:kubernetes","limit":0}"#);
    assert_eq!(posted.json()["items"], document["items"]);
    for (target, detail) in [
        ("/v1/events?limit=-1", "limit"),
        ("/v1/events?limit=4294967296", "limit"),
        ("/v1/events?order=up", "neither asc nor desc"),
        ("/v1/events?cursor=x", "no cursor"),
        ("/v1/events?fields=nothing", "no field `nothing`"),
        ("/v1/events?width=5m", "no parameter `width`"),
        ("/v1/events?q=a&q=b", "duplicate"),
        ("/v1/events?since=soon", "soon"),
        ("/v1/events?tz=Mars", "Mars"),
        ("/v1/stats/top", "field"),
        ("/v1/stats/top?field=who%20%7C%20count", "no field"),
        ("/v1/stats/hist?width=5m%20%7C%20count", "no duration"),
        ("/v1/stats/hist?width=5m&q=*%20%7C%20count", "pipe"),
        ("/v1/findings?q=x", "no parameter `q`"),
    ] {
        let answer = get(&collector, target);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{target}");
        let problem = answer.json();
        assert!(answer.status == 400 && problem["detail"].as_str().unwrap().contains(detail), "{target}: {problem}");
    }
}

#[test]
fn numbers_of_the_api_are_those_of_the_events() {
    let scratch = Scratch::new();
    let collector = with_samples(&scratch);
    let q = "q=source:kubernetes";
    let events = get(&collector, &format!("/v1/events?{q}&limit=0")).json();
    let count = events["items"].as_array().unwrap().len() as u64;
    assert_eq!(get(&collector, &format!("/v1/stats/count?{q}")).json()["count"], count);
    let hist = get(&collector, &format!("/v1/stats/hist?{q}&width=1h")).json();
    let sum = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(&hist["items"]), count);
    let top = get(&collector, &format!("/v1/stats/top?{q}&field=outcome&limit=50")).json();
    assert_eq!(sum(&top["items"]), count);
    let facets = get(&collector, &format!("/v1/facets?{q}&fields=outcome,source&limit=50")).json();
    assert_eq!(facets["items"][0]["values"], top["items"]);
    assert_eq!(facets["items"][1]["values"][0]["value"], "kubernetes");
    let sources = get(&collector, "/v1/sources").json();
    let records: u64 = sources["items"].as_array().unwrap().iter().map(|line| line["records"].as_u64().unwrap()).sum();
    assert!(records > count, "{sources}");
    let id = events["items"][0]["id"].as_str().unwrap();
    let shown = get(&collector, &format!("/v1/events/{id}")).json();
    let raw = get(&collector, &format!("/v1/events/{id}/raw"));
    assert_eq!(raw.header("content-type"), Some("application/octet-stream"));
    assert_eq!(raw.body.lines().count(), shown["records"].as_array().unwrap().len());
    assert_eq!(raw.body, scratch.ok(&["show", "--store", "store", "--raw", id]).out);
    let metrics = get(&collector, "/metrics").body;
    assert!(metrics.contains("deponent_questions_total{outcome=\"answered\"}"), "{metrics}");
}

#[test]
fn pages_neither_repeat_nor_skip_while_events_come() {
    let scratch = configured();
    (1..=40).for_each(|serial| append(&scratch, &line(serial)));
    let collector = Collector::start(&scratch);
    wait_for(&scratch, 40);
    for order in ["asc", "desc"] {
        let whole = get(&collector, &format!("/v1/events?q=source:linux&limit=0&order={order}")).json();
        let ids = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|event| event["id"].to_string()).collect()
        };
        let wanted = ids(&whole);
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for round in 0u32.. {
            // Newer and, by their time, equal ones: neither may move a page.
            append(&scratch, &line(1_000 * (u32::from(order == "asc") + 1) + round));
            let page = get(&collector, &format!("/v1/events?q=source:linux&limit=7&order={order}{cursor}")).json();
            found.extend(ids(&page));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert_eq!(page["complete"], false);
            if round == 2 {
                wait_for(&scratch, wanted.len() + 3);
            }
        }
        assert_eq!(found, wanted, "{order}");
        let expected = wanted.len() + wanted.len().div_ceil(7);
        wait_for(&scratch, expected);
    }
}

/// Server-sent events until `count` came: (id, data).
fn follow(collector: &Collector, last: Option<&str>, count: usize, mut between: impl FnMut()) -> Vec<(String, Value)> {
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
    write!(stream, "GET /v1/tail?q=source:linux HTTP/1.0\r\nHost: {}\r\n{last}\r\n", collector.address).unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut events = Vec::new();
    let mut id = String::new();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() && id.is_empty() {
            // The end of the head: what is written now comes behind the place where the stream begins.
            between();
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = text.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((id.clone(), serde_json::from_str(data).unwrap()));
            if events.len() == count {
                return events;
            }
        }
    }
    panic!("the stream ended after {} events", events.len());
}

#[test]
fn a_stream_goes_on_where_it_broke_off() {
    let scratch = configured();
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    wait_for(&scratch, 1);
    // The line of a serial is the only record of its event.
    let serial = |event: &Value| -> u64 {
        let id = event["id"].as_str().unwrap();
        let raw = get(&collector, &format!("/v1/events/{id}/raw")).body;
        raw.split([':', ')']).nth(1).unwrap().parse().unwrap_or_else(|_| panic!("{raw}"))
    };
    let serials = |events: &[(String, Value)]| -> Vec<u64> { events.iter().map(|(_, event)| serial(event)).collect() };
    let first = follow(&collector, None, 3, || (2..=9).for_each(|serial| append(&scratch, &line(serial))));
    let mut all = serials(&first);
    // Cut in the middle of a batch: the rest comes, and what was written meanwhile.
    (10..=12).for_each(|serial| append(&scratch, &line(serial)));
    let last = first.last().unwrap().0.clone();
    all.extend(serials(&follow(&collector, Some(&last), 8, || {})));
    all.sort_unstable();
    assert_eq!(all, (2..=12).collect::<Vec<u64>>(), "each once");
    for id in ["x", "1~2"] {
        assert_eq!(ask(&collector, "GET", "/v1/tail", &[&format!("Last-Event-ID: {id}")], "").status, 400);
    }
    assert_eq!(get(&collector, "/v1/tail?q=whom:x").status, 400);
}

#[test]
fn an_answer_that_is_known_is_not_sent_again() {
    let scratch = configured();
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    wait_for(&scratch, 1);
    let target = "/v1/events?q=source:linux";
    // A checkpoint comes up to a second after its events: the state is the same when both are.
    let started = Instant::now();
    let tag = loop {
        let tag = get(&collector, target).header("etag").unwrap().to_owned();
        let again = ask(&collector, "GET", target, &[&format!("If-None-Match: W/\"x\", {tag}")], "");
        if again.status == 304 {
            assert_eq!(again.body, "");
            break tag;
        }
        assert!(started.elapsed() < BOUND);
    };
    let known = format!("If-None-Match: {tag}");
    let with = |header: &str, target: &str| ask(&collector, "GET", target, &[&known, header], "").status;
    assert_eq!(with("Accept: text/csv", target), 200, "another form");
    assert_eq!(with("Accept: */*", "/v1/events?q=source:linux&fields=id"), 200, "another question");
    append(&scratch, &line(2));
    wait_for(&scratch, 2);
    assert_eq!(with("Accept: */*", target), 200, "another state");
}

#[test]
fn tiles_are_the_files_of_the_store() {
    let scratch = configured();
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    wait_for(&scratch, 1);
    let started = Instant::now();
    loop {
        let checkpoint = get(&collector, "/log/checkpoint").body;
        let size = checkpoint.lines().nth(1).unwrap();
        let path = format!("tile/0/000.p/{size}");
        // A newer checkpoint may have replaced the tile between the two requests.
        if size != "0"
            && let Ok(bytes) = std::fs::read(scratch.path("store/log").join(&path))
        {
            let mut stream = TcpStream::connect(&collector.address).unwrap();
            write!(stream, "GET /log/{path} HTTP/1.0\r\nHost: {}\r\n\r\n", collector.address).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            if answer.starts_with(b"HTTP/1.0 200") {
                assert!(answer.ends_with(&bytes) && bytes.len() == 32 * size.parse::<usize>().unwrap());
                break;
            }
        }
        assert!(started.elapsed() < BOUND, "{checkpoint}");
    }
    assert_eq!(get(&collector, "/log/tile/0/../../lock").status, 404);
    assert_eq!(get(&collector, "/log/tile/0/%2e%2e%2f%2e%2e%2flock").status, 404);
}

#[test]
fn the_server_and_the_files_say_the_same() {
    let scratch = Scratch::new();
    let collector = with_samples(&scratch);
    let url = format!("http://{}", collector.address);
    let exec =
        scratch.ok(&["search", "--server", &url, "-o", "ndjson", "-n", "1", "what:exec"]).lines()[0]["id"].clone();
    let exec = exec.as_str().unwrap();
    let commands: Vec<Vec<&str>> = vec![
        vec!["search", "-n", "0", "*"],
        vec!["search", "-o", "json", "-n", "0", "*"],
        vec!["search", "-o", "csv", "-n", "0", "*"],
        vec!["search", "-o", "ocsf", "-n", "0", "*"],
        vec!["search", "-o", "ecs", "-n", "0", "*"],
        vec!["search", "--raw", "-n", "0", "*"],
        vec!["timeline", "who:*alice*"],
        vec!["show", exec],
        vec!["top", "who"],
        vec!["hist", "1h"],
        vec!["search", "* | count"],
        vec!["links", exec],
        vec!["why", exec],
        vec!["effects", exec],
        vec!["tree", exec],
        vec!["testify", exec],
        vec!["findings"],
        vec!["gaps"],
        vec!["search", "whom:x"],
        vec!["show", "zzzzzzzz"],
    ];
    let run = |place: &[&str]| -> Vec<(i32, String)> {
        commands
            .iter()
            .map(|command| scratch.run(&[command.as_slice(), &["-q"], place].concat()))
            .map(|Run { code, out, .. }| (code, out))
            .collect()
    };
    let by_server = run(&["--server", &url]);
    collector.stop();
    let by_files = run(&["--store", "store"]);
    for ((command, server), files) in commands.iter().zip(by_server).zip(by_files) {
        let same = before_head(&server.1) == before_head(&files.1) && server.0 == files.0;
        assert!(same, "{command:?}:\n{server:?}\n{files:?}");
    }
}

#[test]
fn the_description_names_every_route() {
    let text = std::fs::read_to_string(root().join("src/serve/routes.rs")).unwrap();
    let routes: BTreeSet<String> = text
        .split(".route(")
        .skip(1)
        .map(|rest| rest.split('"').nth(1).unwrap().replace("{*path}", "{path}"))
        .collect();
    assert!(routes.len() > 20);
    let document = deponent::serve::openapi();
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(routes, described);
    let page = std::fs::read_to_string(root().join("docs/api.md")).unwrap();
    for route in routes {
        assert!(page.contains(&route.replace("{path}", "…")), "docs/api.md does not name {route}");
    }
}

/// Whether a line is what an example says it is: `…` stands for anything.
fn fits(example: &str, line: &str) -> bool {
    let mut parts = example.split('…');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last.is_some_and(str::is_empty)
}

#[test]
fn the_examples_of_the_page_are_what_happens() {
    let scratch = Scratch::new();
    let collector = with_samples(&scratch);
    let page = std::fs::read_to_string(root().join("docs/api.md")).unwrap();
    let mut examples = 0;
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for example in block.split("$ ").skip(1) {
            let (command, expected) = example.split_once('\n').unwrap();
            let command = command.replace("127.0.0.1:7363", &collector.address);
            let output = Command::new("bash").args(["-c", &command]).current_dir(scratch.dir.path()).output().unwrap();
            let out = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<&str> = out.lines().filter(|line| !line.is_empty()).collect();
            let wanted: Vec<&str> = expected.lines().filter(|line| !line.is_empty()).collect();
            let same = lines.len() == wanted.len()
                && lines.iter().zip(&wanted).all(|(line, example)| fits(example, line.trim_end()));
            assert!(same, "{command}\nis in docs/api.md:\n{}\nand was:\n{out}", wanted.join("\n"));
            examples += 1;
        }
    }
    assert!(examples >= 15, "{examples} examples");
}

#[test]
fn an_answer_within_a_time_goes_on_where_it_was_cut() {
    let scratch = Scratch::new();
    scratch.ingest(&[&sample("kubernetes/people.log")], &[]);
    let reader = deponent::evidence::Reader::open(&scratch.path("store")).unwrap();
    let index = deponent::index::Index::open_read_only(&scratch.path("store/index")).unwrap();
    let engine = deponent::query::Engine::new(reader, index);
    let ask = |within, search: Search| {
        let mut lines = Vec::new();
        let answered = engine.answer_within(within, &Question::Search(search), deponent::time::now(), &mut |line| {
            lines.push(line["id"].to_string());
            Ok(())
        });
        (lines, answered)
    };
    let whole = ask(None, Search::default()).0;
    assert!(whole.len() > 3);
    // No time at all: an event, and where to go on.
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (lines, answered) = ask(Some(Duration::ZERO), Search { after: after.clone(), ..Search::default() });
        assert_eq!(lines.len(), 1);
        found.extend(lines);
        let trailer = answered.unwrap();
        after = trailer.next;
        assert_eq!(trailer.complete, after.is_none());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, whole);
    for q in ["raw=~\"x\" | count", "raw=~\"x\" | top who", "raw=~\"x\" | hist 1h"] {
        let error = ask(Some(Duration::ZERO), Search { q: q.to_owned(), ..Search::default() }).1.unwrap_err();
        assert!(matches!(error, deponent::query::AnswerError::Slow { .. }), "{q}: {error}");
    }
}
