//! Alerts of a running collector: who is told, what is told, what a crash and a bad receiver change about it.
//!
//! Waiting is always for something that is asked again and again up to a bound. Not here: how a place is kept, how waits grow (unit tests of `serve::alerts`).

use crate::harness::Scratch;
use crate::live::{BOUND, Collector, append, line};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

fn configured(alerts: &str) -> Scratch {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("logs")).unwrap();
    configure(&scratch, alerts);
    scratch
}

fn configure(scratch: &Scratch, alerts: &str) {
    let tails = "[[tail]]\npaths = ['logs/audit.log']\n[[tail]]\npaths = ['logs/kubernetes.log']\n";
    scratch.write("config.toml", format!("store = 'store'\nnode = 'node-1'\n{tails}{alerts}"));
}

fn alert(name: &str, query: &str, to: &str) -> String {
    format!("[[alert]]\nname = '{name}'\nquery = '''{query}'''\n{to}\n")
}

fn lines(scratch: &Scratch, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(scratch.path(name)).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < BOUND, "{what}");
        std::thread::yield_now();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn wait_lines(scratch: &Scratch, name: &str, count: usize) -> Vec<Value> {
    wait(&format!("{count} lines in {name}"), || Some(lines(scratch, name)).filter(|found| found.len() >= count))
}

/// Waits until every alert has looked through the whole log.
fn wait_until_idle(collector: &Collector) -> String {
    wait("alerts that are not behind", || {
        let page = collector.get("/metrics", "").1;
        let mut behind = page.lines().filter(|line| line.starts_with("deponent_alert_behind_entries{"));
        behind.all(|line| line.ends_with(" 0")).then_some(page)
    })
}

fn metric(page: &str, name: &str) -> u64 {
    let value = page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}: {page}"));
    value.trim().parse().unwrap()
}

fn text(line: &Value, name: &str) -> String {
    line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| text(&line["event"], "id")).collect()
}

/// What is in the store, in the order in which it came.
fn in_order(scratch: &Scratch) -> Vec<Value> {
    let mut found = scratch.search("source:linux");
    found.sort_by_key(|event| {
        let at = &event["evidence"][0];
        (at["leaf"].as_u64(), at["record"].as_u64())
    });
    found
}

/// A webhook that answers as it is told, and keeps what it took.
struct Hook {
    address: String,
    posts: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Hook {
    /// The n-th connection is answered with what `answer` gives for n, the bytes of a whole answer; 2xx counts as taken.
    fn start(answer: impl Fn(usize, &mut TcpStream) + Send + 'static) -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = Hook { address: listener.local_addr().unwrap().to_string(), posts: Arc::default() };
        let posts = Arc::clone(&hook.posts);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                // A collector that was killed sends half a request.
                if let Some(post) = request(&stream) {
                    posts.lock().unwrap().push(post);
                    answer(number, &mut stream);
                }
            }
        });
        hook
    }

    fn to(&self) -> String {
        format!("webhook = 'http://{}/hook?secret=s3cret'", self.address)
    }

    fn posts(&self) -> Vec<(String, Value)> {
        self.posts.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first.trim().to_owned(), serde_json::from_slice(&body).ok()?))
}

fn say(stream: &mut TcpStream, head: &str) {
    let _gone = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

#[test]
fn a_file_is_told_with_the_place_of_the_proof() {
    let login = alert("logins", "action:logged-in", "file = 'alerts.jsonl'");
    let scratch = configured(&(login + &alert("nothing", "who:nobody-of-that-name", "file = 'nothing.jsonl'")));
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    let first = wait_lines(&scratch, "alerts.jsonl", 1);
    append(&scratch, &line(2));
    wait_lines(&scratch, "alerts.jsonl", 2);
    let page = wait_until_idle(&collector);
    let told = lines(&scratch, "alerts.jsonl");
    assert_eq!(told.len(), 2);
    assert_eq!(metric(&page, "deponent_alert_delivered_total{alert=\"logins\"}"), 2);
    assert_eq!(metric(&page, "deponent_alert_delivered_total{alert=\"nothing\"}"), 0);
    assert_eq!(metric(&page, "deponent_alert_failed_total{alert=\"logins\"}"), 0);
    assert_eq!(lines(&scratch, "nothing.jsonl").len(), 0);
    let alone = &first[0];
    assert_eq!(text(alone, "alert"), "logins");
    assert_eq!(alone["amended"], false);
    let found = in_order(&scratch);
    assert_eq!(alone["event"]["id"], found[0]["id"]);
    assert_eq!(alone["event"], found[0], "the event as everywhere else");
    let at = &found[0]["evidence"][0];
    let proof = &alone["proof"]["records"][0];
    assert_eq!((&proof["leaf"], &proof["record"]), (&at["leaf"], &at["record"]));
    assert_eq!(text(proof, "sha256"), data_encoding::HEXLOWER.encode(&Sha256::digest(line(1).as_bytes())));
    assert_eq!(text(alone, "delivery"), format!("logins:{}:{}", text(&found[0], "id"), at["leaf"]));
    assert_eq!(text(&alone["proof"], "checkpoint").split(' ').count(), 3);
    collector.stop();
    // Nothing is told again after a stop in good order, and a change of the query begins nothing anew.
    configure(&scratch, &alert("logins", "source:linux", "file = 'alerts.jsonl'"));
    let collector = Collector::start(&scratch);
    append(&scratch, &line(3));
    wait_lines(&scratch, "alerts.jsonl", 3);
    wait_until_idle(&collector);
    assert_eq!(lines(&scratch, "alerts.jsonl").len(), 3);
    collector.stop();
    scratch.ok(&["verify", "--store", "store"]);
    scratch.ok(&["fsck", "--store", "store"]);
}

#[test]
fn a_new_alert_begins_at_the_end_of_the_log() {
    let scratch = configured("");
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    crate::live::wait_for(&scratch, 1);
    collector.stop();
    append(&scratch, &line(2));
    configure(&scratch, &alert("a", "source:linux", "file = 'alerts.jsonl'"));
    let collector = Collector::start(&scratch);
    wait_lines(&scratch, "alerts.jsonl", 1);
    wait_until_idle(&collector);
    let wanted: BTreeSet<String> = in_order(&scratch)[1..].iter().map(|event| text(event, "id")).collect();
    assert_eq!(ids(&lines(&scratch, "alerts.jsonl")), wanted, "what was read before the alert was there is not told");
}

#[test]
fn standard_output_is_told() {
    let scratch = configured(&alert("a", "source:linux", "to = 'stdout'"));
    let serve = scratch.command(&[]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("exec \"$0\" serve -c config.toml --listen 127.0.0.1:0 >told.jsonl").arg(serve.get_program());
    shell.current_dir(scratch.dir.path()).env("XDG_STATE_HOME", scratch.path("keys"));
    let collector = Collector::of(shell);
    for serial in 1..=3 {
        append(&scratch, &line(serial));
    }
    assert_eq!(ids(&wait_lines(&scratch, "told.jsonl", 3)).len(), 3);
    collector.stop();
    let text = std::fs::read_to_string(scratch.path("told.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 3, "nothing else is written there: {text}");
}

#[test]
fn a_webhook_that_fails_is_told_again_until_it_takes_it() {
    let hook = Hook::start(|number, stream| match number {
        0 => say(stream, "500 Internal Server Error"),
        1 => say(stream, "404 Not Found"),
        // No answer at all.
        2 => {}
        _ => say(stream, "204 No Content"),
    });
    let scratch = configured(&alert("a", "source:linux", &hook.to()));
    let collector = Collector::start(&scratch);
    append(&scratch, &line(1));
    append(&scratch, &line(2));
    wait("two events", || (ids(&bodies(&hook)).len() == 2).then_some(()));
    let page = wait_until_idle(&collector);
    let posts = hook.posts();
    assert_eq!(posts.len(), 5, "three in vain");
    assert_eq!(posts[0].0, "POST /hook?secret=s3cret HTTP/1.1");
    let deliveries: Vec<String> = posts.iter().map(|(_, body)| text(body, "delivery")).collect();
    assert!(deliveries[..4].iter().all(|id| *id == deliveries[0]), "{deliveries:?}");
    assert_ne!(deliveries[4], deliveries[0]);
    assert_eq!(metric(&page, "deponent_alert_failed_total{alert=\"a\"}"), 3);
    assert_eq!(metric(&page, "deponent_alert_delivered_total{alert=\"a\"}"), 2);
}

fn bodies(hook: &Hook) -> Vec<Value> {
    hook.posts().into_iter().map(|(_, body)| body).collect()
}

/// A webhook is another program, and may be anybody's.
#[test]
fn a_hostile_webhook_gets_nothing_but_its_events() {
    let elsewhere = Hook::start(|_, stream| say(stream, "204 No Content"));
    let away = elsewhere.address.clone();
    let hook = Hook::start(move |number, stream| match number {
        // Redirects of every kind.
        0 => say(stream, &format!("302 Found\r\nLocation: http://{away}/")),
        1 => say(stream, &format!("307 Temporary Redirect\r\nLocation: http://{away}/")),
        // No HTTP, and a head without end.
        2 => drop(stream.write_all(b"SSH-2.0-x\r\n")),
        3 => {
            let _closed = write!(stream, "HTTP/1.1 204 No Content\r\nX: ");
            while stream.write_all(&[b'x'; 4_096]).is_ok() {}
        }
        // An answer that is a yes, and does not end.
        4 => {
            let _closed = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 65_536]).is_ok() {}
        }
        _ => say(stream, "200 OK"),
    });
    let file = alert("b", "source:linux", "file = 'alerts.jsonl'");
    let scratch = configured(&(alert("a", "source:linux", &hook.to()) + &file));
    let collector = Collector::start(&scratch);
    append(&scratch, &line(1));
    append(&scratch, &line(2));
    // The other alert waits for nobody.
    wait_lines(&scratch, "alerts.jsonl", 2);
    wait("both events", || (ids(&bodies(&hook)).len() == 2).then_some(()));
    let page = wait_until_idle(&collector);
    assert_eq!(metric(&page, "deponent_alert_delivered_total{alert=\"a\"}"), 2);
    assert_eq!(metric(&page, "deponent_alert_failed_total{alert=\"a\"}"), 4);
    assert_eq!(hook.posts().len(), 6);
    assert_eq!(elsewhere.posts().len(), 0, "redirects are not followed");
}

#[test]
fn kill_nine_loses_no_alert_and_repeats_only_under_the_same_id() {
    let hook = Hook::start(|_, stream| say(stream, "204 No Content"));
    let webhook = alert("w", "source:linux", &hook.to());
    let scratch = configured(&(webhook + &alert("f", "source:linux", "file = 'alerts.jsonl'")));
    let mut collector = Collector::start(&scratch);
    let mut written = 0;
    for round in 0..5 {
        for _ in 0..40 {
            written += 1;
            append(&scratch, &line(written));
        }
        // In the middle of telling, at another place each time.
        let seen = hook.posts().len();
        wait("a further post", || (hook.posts().len() > seen + 3 * round).then_some(()));
        collector.kill();
        written += 1;
        append(&scratch, &line(written));
        collector = Collector::start(&scratch);
    }
    crate::live::wait_for(&scratch, usize::try_from(written).unwrap());
    wait_until_idle(&collector);
    let wanted: BTreeSet<String> = scratch.search("source:linux").iter().map(|event| text(event, "id")).collect();
    for told in [bodies(&hook), lines(&scratch, "alerts.jsonl")] {
        assert_eq!(ids(&told), wanted, "all of them, and nothing else");
        let mut deliveries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in &told {
            deliveries.entry(text(&line["event"], "id")).or_default().insert(text(line, "delivery"));
        }
        assert!(deliveries.values().all(|ids| ids.len() == 1), "one id a delivery");
        assert!(told.len() <= wanted.len() + 5 * 64, "{} for {}", told.len(), wanted.len());
    }
}

/// The end of a request comes long after its beginning, and only then is it known that it was refused.
#[test]
fn an_event_that_matches_only_with_a_later_record_is_told() {
    let scratch = configured(
        &(alert("denied", "outcome:denied", "file = 'denied.jsonl'")
            + &alert("all", "source:kubernetes", "file = 'all.jsonl'")),
    );
    let stage = |stage: &str, more: &str| {
        format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"2292487f-30ea-4ceb-936a-71db2fa7191a","stage":"{stage}","requestURI":"/api/v1/namespaces/web/secrets/tls","verb":"get","user":{{"username":"mallory"}},"sourceIPs":["10.0.0.9"],"objectRef":{{"resource":"secrets","namespace":"web","name":"tls","apiVersion":"v1"}},{more}"requestReceivedTimestamp":"2026-11-23T20:57:42.452334Z","stageTimestamp":"2026-11-23T20:57:42.452334Z"}}"#
        ) + "\n"
    };
    let log = |text: String| {
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(scratch.path("logs/kubernetes.log")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let collector = Collector::start(&scratch);
    log(stage("RequestReceived", ""));
    wait_lines(&scratch, "all.jsonl", 1);
    wait_until_idle(&collector);
    assert_eq!(lines(&scratch, "denied.jsonl").len(), 0);
    log(stage("ResponseComplete", r#""responseStatus":{"code":403},"#));
    let denied = wait_lines(&scratch, "denied.jsonl", 1);
    assert_eq!(denied[0]["amended"], true);
    let all = wait_lines(&scratch, "all.jsonl", 2);
    wait_until_idle(&collector);
    assert_eq!(ids(&all).len(), 1, "the same event, amended");
    assert_ne!(all[0]["delivery"], all[1]["delivery"]);
    assert_eq!(all[1]["proof"]["records"].as_array().unwrap().len(), 2);
}

#[test]
fn findings_and_links_are_conditions_of_an_alert() {
    let call = |serial: u32, ppid: u32, pid: u32| {
        format!(
            "type=SYSCALL msg=audit({}.123:{serial}): arch=c000003e syscall=59 success=yes exit=0 ppid={ppid} pid={pid} auid=1502 ses=9 uid=0 euid=0 comm=\"sh\" exe=\"/bin/sh\"\n",
            1_795_467_000 + serial
        )
    };
    let off = "type=CONFIG_CHANGE msg=audit(1795467009.123:9): op=set audit_enabled=0 old=1 auid=1502 ses=9 res=1\n";
    let scratch = configured(
        &(alert("off", "finding:AUDIT_OFF", "file = 'off.jsonl'")
            + &alert("child", "link.rule:process-child pid:71", "file = 'child.jsonl'")),
    );
    let _collector = Collector::start(&scratch);
    append(&scratch, &(call(1, 1, 70) + &call(2, 70, 71) + off));
    assert_eq!(wait_lines(&scratch, "off.jsonl", 1)[0]["event"]["what"]["action"], "changed-audit-configuration");
    assert_eq!(ids(&wait_lines(&scratch, "child.jsonl", 1)).len(), 1);
}

#[test]
fn what_is_no_alert_is_said_at_the_start_with_its_name_and_place() {
    for (alerts, wanted) in [
        (alert("shells", "who:bob AND (whom:x", "to = 'stdout'"), "deponent: alert `shells`: "),
        (alert("shells", "what:exec whom:x", "to = 'stdout'"), " 1 | what:exec whom:x\n   |           ^^^^"),
        (alert("shells", "* | count", "to = 'stdout'"), "alert `shells`: `| …` has no place"),
        (alert("shells", "*", "file = 'none/alerts.jsonl'"), "alert `shells`: none: "),
        (alert("shells", "*", "webhook = 'https://h/'"), "no TLS"),
        (alert("shells", "*", "webhook = 'http://u:p@h/'"), "alert `shells`: `webhook` holds a user's name"),
    ] {
        let scratch = configured(&alerts);
        let run = scratch.run(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
        assert_eq!(run.code, 2, "{alerts}: {}", run.err);
        assert!(run.err.contains(wanted), "{alerts}: {}", run.err);
        assert!(!scratch.path("store").exists(), "nothing was opened");
    }
    let scratch = configured(&alert("shells", "*", "to = 'stdout'"));
    Collector::start(&scratch).stop();
    scratch.write("store/alerts/shells", "nothing\n");
    let run = scratch.run(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
    assert!(run.err.contains("store/alerts/shells: it is no place of an alert; deleted"), "{}", run.err);
}
