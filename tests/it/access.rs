//! Who may ask: tokens, certificates and roles at a collector with TLS; what a limited reader cannot learn; what the access log has of all of it.
//!
//! Not here: the tokens' file (`access` unit tests), other limits of the endpoint (`hostile_clients`).

use crate::harness::{Run, Scratch, sample};
use crate::live::{BOUND, Collector, append, line};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A collector with TLS, some tokens, and records of two namespaces.
struct Guarded {
    scratch: Scratch,
    collector: Option<Collector>,
}

const KUBERNETES: &[&str] = &["kubernetes/audit.log", "kubernetes/lab.log"];

impl Guarded {
    fn new() -> Guarded {
        let scratch = Scratch::new();
        scratch.ok(&[
            "init",
            "pki",
            "-q",
            "--cluster",
            "lab",
            "--collector",
            "127.0.0.1",
            "--client",
            "jane@example.com,eve",
        ]);
        std::fs::create_dir(scratch.path("logs")).unwrap();
        let request = |number: usize, user: &str, namespace: &str, secret: &str| {
            format!(
                "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"auditID\":\"{number:08}-0000-4000-8000-000000000000\",\"stage\":\"ResponseComplete\",\
                 \"requestURI\":\"/api/v1/namespaces/{namespace}/secrets/{secret}\",\"verb\":\"get\",\"user\":{{\"username\":\"{user}\"}},\"sourceIPs\":[\"10.0.0.9\"],\
                 \"objectRef\":{{\"resource\":\"secrets\",\"namespace\":\"{namespace}\",\"name\":\"{secret}\",\"apiVersion\":\"v1\"}},\"responseStatus\":{{\"code\":200}},\
                 \"requestReceivedTimestamp\":\"2026-11-20T10:00:{number:02}.000000Z\",\"stageTimestamp\":\"2026-11-20T10:00:{number:02}.000001Z\"}}\n"
            )
        };
        let mut log = String::new();
        (0..10).for_each(|number| log.push_str(&request(number, "alice", "shop", "db")));
        (10..15).for_each(|number| log.push_str(&request(number, "bob", "vault", "master-key")));
        scratch.write("logs/k8s-audit.log", log);
        append(&scratch, &line(1));
        scratch.write(
            "config.toml",
            "store = 'store'\nlisten = '127.0.0.1:0'\ncluster = 'lab'\nnode = 'node-1'\n[access]\ncert = 'pki/collector.crt'\nkey = 'pki/collector.key'\nca = 'pki/ca.crt'\n\
             [[access.certificate]]\nname = 'jane@example.com'\nroles = ['reader', 'auditor']\n[[tail]]\npaths = ['logs/*.log']\n",
        );
        let mut guarded = Guarded { scratch, collector: None };
        guarded.start();
        guarded.wait_for("source:kubernetes", 15);
        guarded
    }

    fn start(&mut self) {
        let command = self.scratch.command(&["serve", "-c", "config.toml"]);
        self.collector = Some(Collector::of(command));
    }

    fn url(&self) -> String {
        format!("https://{}", self.collector.as_ref().unwrap().address)
    }

    /// A token in a file.
    fn token(&self, name: &str, more: &[&str]) {
        let made = self.scratch.ok(&[&["token", "-c", "config.toml", "add", name], more].concat());
        self.scratch.write(&format!("{name}.token"), made.out);
    }

    /// As one who shows a token.
    fn by(&self, name: &str, arguments: &[&str]) -> Run {
        let file = format!("{name}.token");
        let url = self.url();
        self.scratch.run(&[&["--server", &url, "--ca", "pki/ca.crt", "--token-file", &file, "-q"], arguments].concat())
    }

    /// Status and body of a request with a token.
    fn get(&self, name: &str, target: &str) -> (u16, String) {
        let token = std::fs::read_to_string(self.scratch.path(&format!("{name}.token"))).unwrap_or_default();
        let mut curl = Command::new("curl");
        curl.args(["-sg", "-w", "\n%{http_code}", "--cacert"]).arg(self.scratch.path("pki/ca.crt"));
        if !name.is_empty() {
            curl.args(["-H", &format!("Authorization: Bearer {}", token.trim())]);
        }
        let output = curl.arg(format!("{}{target}", self.url())).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// Events that somebody who can read the store finds, once there are as many.
    fn wait_for(&self, query: &str, count: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let run = self.scratch.run(&["search", query, "-c", "config.toml", "-q", "-o", "ndjson", "-n", "0"]);
            let lines = run.lines();
            if lines.len() >= count {
                return lines;
            }
            assert!(started.elapsed() < BOUND, "{query}: {} of {count}: {}", lines.len(), run.err);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What stands before the checkpoint of a testimony: who was asked before makes another one.
pub fn before_head(text: &str) -> &str {
    text.split_once("  The exhibits are entries of a signed").map_or(text, |(before, _)| before)
}

fn message(event: &Value) -> &str {
    event["what"]["message"].as_str().unwrap_or_default()
}

#[test]
fn roles_are_kept_apart() {
    let guarded = Guarded::new();
    guarded.token("auditor", &["--role", "auditor"]);
    guarded.token("reader", &["--role", "reader"]);
    guarded.token("operator", &["--role", "operator"]);
    let id = guarded.wait_for("who:bob", 5)[0]["id"].as_str().unwrap().to_owned();
    let raw = format!("/v1/events/{id}/raw");
    let (proof, why) = (format!("/v1/events/{id}/proof"), format!("/v1/events/{id}/why"));
    let (shown, proofs) = (format!("/v1/events/{id}"), format!("/v1/events/{id}/testimony?proofs=true"));
    // What is open, and to whom: nobody, an operator, a reader, an auditor.
    for (target, statuses) in [
        ("/healthz", [200, 200, 200, 200]),
        ("/openapi.json", [200, 200, 200, 200]),
        ("/v1/me", [401, 200, 200, 200]),
        ("/v1/head", [401, 200, 200, 200]),
        ("/log/checkpoint", [401, 200, 200, 200]),
        ("/log/tile/entries/000.p/1", [401, 403, 403, 404]),
        ("/v1/events?q=who:bob", [401, 403, 200, 200]),
        ("/v1/events?q=raw:bob", [401, 403, 403, 200]),
        ("/v1/stats/count", [401, 403, 200, 200]),
        ("/v1/facets?fields=who", [401, 403, 200, 200]),
        ("/v1/findings", [401, 403, 200, 200]),
        (&shown, [401, 403, 200, 200]),
        (&why, [401, 403, 200, 200]),
        (&raw, [401, 403, 403, 200]),
        (&proof, [401, 403, 403, 200]),
        (&proofs, [401, 403, 403, 200]),
        ("/v1/sources", [401, 200, 200, 200]),
        ("/v1/gaps", [401, 200, 200, 200]),
        ("/v1/agents", [401, 200, 403, 200]),
        ("/metrics", [401, 200, 403, 200]),
    ] {
        let got = ["", "operator", "reader", "auditor"].map(|name| guarded.get(name, target).0);
        let fits = |(got, wanted): (&u16, &u16)| got == wanted || (*wanted == 404 && *got == 200);
        assert!(got.iter().zip(&statuses).all(fits), "{target}: {got:?}, not {statuses:?}");
    }
    let event: Value = serde_json::from_str(&guarded.get("reader", &shown).1).unwrap();
    let record = &event["records"][0];
    assert!(record.get("raw").is_none() && record["withheld"].is_string(), "{record}");
    let event: Value = serde_json::from_str(&guarded.get("auditor", &shown).1).unwrap();
    assert!(event["records"][0]["raw"].is_string());
    // Who asked what is for auditors alone.
    let access = "source:self action:access-*";
    guarded.wait_for(access, 20);
    assert_eq!(guarded.by("reader", &["search", access]).code, 1);
    assert!(guarded.by("auditor", &["search", access, "-o", "ndjson", "-n", "0"]).lines().len() >= 20);
    assert_eq!(guarded.by("operator", &["agents", "accept", "lab/node-9"]).code, 1, "it is none; but they may");
    let refused = guarded.by("auditor", &["agents", "accept", "lab/node-9"]);
    assert!(refused.code == 2 && refused.err.contains("operator"), "{}", refused.err);
}

#[test]
fn a_limited_reader_learns_nothing_of_the_rest() {
    let guarded = Guarded::new();
    guarded.token("shop", &["--role", "reader", "--namespace", "shop"]);
    guarded.token("linux", &["--role", "reader", "--source", "linux"]);
    guarded.token("other", &["--role", "auditor", "--cluster", "elsewhere"]);
    let count = |name: &str, query: &str| {
        let (status, body) = guarded.get(name, &format!("/v1/stats/count?q={query}"));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["count"].as_u64().unwrap()
    };
    assert_eq!((count("shop", "*"), count("linux", "*"), count("other", "*")), (10, 1, 0));
    // Neither a condition, nor its negation, nor a pipe, nor a name finds what is beyond.
    assert_eq!((count("shop", "who:bob"), count("shop", "NOT%20who:alice"), count("shop", "master-key")), (0, 0, 0));
    let (_, top) = guarded.get("shop", "/v1/stats/top?field=who");
    let (_, facets) = guarded.get("shop", "/v1/facets?fields=who,ns,source");
    let (_, hist) = guarded.get("shop", "/v1/stats/hist?width=1h");
    let (_, list) = guarded.get("shop", "/v1/events?limit=0");
    let (_, oldest) = guarded.get("shop", "/v1/timeline?q=user:bob&limit=3");
    for body in [&top, &facets, &list, &oldest] {
        assert!(!body.contains("bob") && !body.contains("vault") && !body.contains("linux"), "{body}");
    }
    assert!(hist.contains("\"count\":10") && !hist.contains("\"count\":15"), "{hist}");
    let sequence = "*%20|%20sequence%20by%20src%20within%201h%20%5Bwho:alice%5D%20%5Bwho:bob%5D";
    assert_eq!(guarded.get("shop", &format!("/v1/events?q={sequence}")).1.matches("bob").count(), 0);
    // Pages end where their own events end.
    let mut next = String::new();
    let mut pages = 0;
    let mut seen = 0;
    loop {
        let (_, body) = guarded.get("shop", &format!("/v1/events?limit=3&order=asc{next}"));
        let page: Value = serde_json::from_str(&body).unwrap();
        (pages, seen) = (pages + 1, seen + page["items"].as_array().unwrap().len());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((pages, seen), (4, 10));
    let hidden = guarded.wait_for("who:bob", 5)[0].clone();
    let id = hidden["id"].as_str().unwrap();
    let absent = guarded.get("shop", "/v1/events/zzzzzzzzzzzzzzzzzzzzzzzzzz");
    for name in [id, &id[..5], "00000010-0000-4000-8000-000000000000", "1795467576.448:1"] {
        let (status, body) = guarded.get("shop", &format!("/v1/events/{name}"));
        // It is as if there were none.
        assert_eq!((status, body.replace(name, "zzzzzzzzzzzzzzzzzzzzzzzzzz")), absent, "{name}");
    }
    let own = guarded.wait_for("who:alice", 10)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(guarded.get("shop", &format!("/v1/events/{own}")).0, 200);
    // Links are drawn over everything.
    for target in [
        &format!("/v1/events/{own}/why"),
        &format!("/v1/events/{own}/testimony"),
        "/v1/findings",
        "/v1/sources",
        "/v1/gaps",
        "/v1/readers/secrets%2Fvault%2Fmaster-key",
        "/v1/events?q=finding:*",
        "/v1/events?q=NOT%20link.class:PROVEN",
    ] {
        let (status, body) = guarded.get("shop", target);
        assert!(status == 403 && body.contains("without limits"), "{target}: {status} {body}");
    }
    // The same by the protocol of the command line.
    assert_eq!(guarded.by("shop", &["search", "who:bob"]).code, 1);
    assert_eq!(guarded.by("shop", &["show", id]).code, 1);
}

#[test]
fn tokens_expire_and_are_revoked_while_somebody_follows() {
    let guarded = Guarded::new();
    guarded.token("jane", &["--role", "reader"]);
    guarded.token("short", &["--role", "reader", "--expires", "1s"]);
    let token = std::fs::read_to_string(guarded.scratch.path("jane.token")).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["-sN", "--cacert"]).arg(guarded.scratch.path("pki/ca.crt"));
    curl.args(["-H", &format!("Authorization: Bearer {}", token.trim()), &format!("{}/v1/tail", guarded.url())]);
    let mut following = curl.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    append(&guarded.scratch, &line(2));
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("data:")), "events come");
    guarded.scratch.ok(&["token", "-c", "config.toml", "revoke", "jane"]);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("revoked")), "the stream ends, and says why: {rest:?}");
    following.wait().unwrap();
    let started = Instant::now();
    while guarded.get("short", "/v1/me").0 != 401 {
        assert!(started.elapsed() < BOUND);
    }
    assert_eq!(guarded.get("jane", "/v1/me").0, 401);
    let refused = guarded.wait_for("source:self action:access-denied", 2);
    let said: Vec<&str> = refused.iter().map(message).collect();
    assert!(said.iter().any(|text| text.contains("a revoked token") && text.contains("jane")), "{said:?}");
    assert!(said.iter().any(|text| text.contains("an expired token") && text.contains("short")), "{said:?}");
    let ended = guarded.wait_for("source:self action:access-tail who:jane message:*ended*", 1);
    assert!(message(&ended[0]).contains("shown=1"), "{}", ended[0]);
}

#[test]
fn certificates_have_roles_of_their_own() {
    let guarded = Guarded::new();
    let url = guarded.url();
    let by = |name: &str| {
        let (cert, key) = (format!("pki/client-{name}.crt"), format!("pki/client-{name}.key"));
        let entry = ["--server", &url, "--ca", "pki/ca.crt", "--cert", &cert, "--cert-key", &key];
        guarded.scratch.run(&[&entry[..], &["search", "who:bob", "-o", "ndjson", "--raw"]].concat())
    };
    let jane = by("jane@example.com");
    assert_eq!((jane.code, jane.lines().len()), (0, 5), "{}", jane.err);
    let eve = by("eve");
    assert!(eve.code == 2 && eve.err.contains("who are you"), "{}", eve.err);
    let denied = guarded.wait_for("source:self action:access-denied", 1);
    assert!(message(&denied[0]).contains("eve"), "{}", denied[0]);
    let exported = guarded.wait_for("source:self action:access-export who:jane@example.com", 1);
    assert!(message(&exported[0]).contains("shown=5"), "{}", exported[0]);
}

#[test]
fn a_hangup_changes_who_may_ask_and_ends_the_streams_of_others() {
    let guarded = Guarded::new();
    let certified = |name: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sN", "-w", "\n%{http_code}\n", "--cacert"]).arg(guarded.scratch.path("pki/ca.crt"));
        curl.arg("--cert").arg(guarded.scratch.path(&format!("pki/client-{name}.crt")));
        curl.arg("--key").arg(guarded.scratch.path(&format!("pki/client-{name}.key")));
        curl
    };
    let mut curl = certified("jane@example.com");
    let mut following = curl.arg(format!("{}/v1/tail", guarded.url())).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    append(&guarded.scratch, &line(2));
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("data:")), "events come");
    let before = std::fs::read_to_string(guarded.scratch.path("config.toml")).unwrap();
    let hang_up = |text: &str| {
        guarded.scratch.write("config.toml", text);
        let pid = guarded.collector.as_ref().unwrap().child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    let becomes = |name: &str, wanted: &str| {
        let started = Instant::now();
        loop {
            let output = certified(name).arg(format!("{}/v1/me", guarded.url())).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            if text.trim_end().ends_with(wanted) {
                return;
            }
            assert!(started.elapsed() < BOUND, "{name} is told {text}");
        }
    };
    hang_up(&before.replace("jane@example.com", "eve"));
    becomes("eve", "200");
    becomes("jane@example.com", "401");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("names its holder no more")), "{rest:?}");
    following.wait().unwrap();
    // What cannot be used changes nothing; other certificates for the server come with a restart, and so does who may ask then.
    hang_up("[access\n");
    hang_up(&before.replace("cert = 'pki/collector.crt'", "cert = 'pki/other.crt'"));
    hang_up(&before.replace("roles = ['reader', 'auditor']", "roles = ['reader']"));
    becomes("jane@example.com", "200");
    becomes("eve", "401");
}

#[test]
fn the_server_says_the_same_as_the_files_to_an_auditor() {
    let mut guarded = Guarded::new();
    guarded.token("auditor", &["--role", "auditor"]);
    let id = guarded.wait_for("who:bob", 5)[0]["id"].as_str().unwrap().to_owned();
    let commands: Vec<Vec<&str>> = vec![
        vec!["search", "*", "-n", "0"],
        vec!["search", "*", "-n", "0", "--raw", "-o", "ndjson"],
        vec!["search", "*", "-n", "0", "-o", "csv"],
        vec!["timeline", "who:alice"],
        vec!["show", &id],
        vec!["why", &id],
        vec!["testify", &id],
        vec!["top", "who"],
        vec!["search", "whom:x"],
        vec!["show", "zzzzzzzz"],
    ];
    let by_server: Vec<Run> = commands.iter().map(|command| guarded.by("auditor", command)).collect();
    guarded.collector.take().unwrap().stop();
    assert!(!guarded.scratch.path("store/access/local").exists(), "a token of a collector that is gone");
    for (command, server) in commands.iter().zip(by_server) {
        let files = guarded.scratch.run(&[command.as_slice(), &["-q", "--store", "store"]].concat());
        assert_eq!((server.code, before_head(&server.out)), (files.code, before_head(&files.out)), "{command:?}");
    }
    // All of it is on record, in a log that verifies.
    let asked = guarded.scratch.search("source:self action:access-*");
    let of = |action: &str| asked.iter().filter(|event| event["what"]["action"] == action).count();
    assert!(of("access-login") >= 1 && of("access-read") >= 2 && of("access-export") >= 1, "{asked:?}");
    assert!(asked.iter().any(|event| event["who"]["name"] == "auditor" && message(event).contains("whom:x")));
    let read = asked.iter().find(|event| event["what"]["action"] == "access-read").unwrap();
    let proof = guarded.scratch.ok(&["prove", read["id"].as_str().unwrap(), "--store", "store"]);
    guarded.scratch.write("asked.proof", proof.out);
    guarded.scratch.ok(&["verify", "asked.proof"]);
    guarded.scratch.ok(&["verify", "--store", "store"]);
    guarded.scratch.ok(&["fsck", "--store", "store"]);
}

#[test]
fn nobody_is_anonymous_unless_it_is_configured() {
    let scratch = Scratch::new();
    let paths: Vec<String> = KUBERNETES.iter().map(|name| sample(name).display().to_string()).collect();
    assert!(!paths.is_empty());
    let config = format!("store = 'store'\n[[tail]]\npaths = ['{}']\n", sample("kubernetes/*.log").display());
    scratch.write("config.toml", format!("{config}[access]\n"));
    let collector = Collector::start(&scratch);
    let (status, body) = collector.get("/v1/events", "");
    assert!(status == 401 && body.contains("token add"), "{status} {body}");
    // Whoever can read the store needs none, and the kernel says who that was.
    let started = Instant::now();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
    loop {
        let run = scratch.run(&[
            "search",
            &format!("source:self who:local action:access-query uid:{uid}"),
            "-c",
            "config.toml",
            "-q",
        ]);
        if run.code == 0 {
            break;
        }
        assert!(run.code == 1 && started.elapsed() < BOUND, "{}", run.err);
    }
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(scratch.path("store/access/local")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    collector.stop();
    scratch.write("config.toml", format!("{config}[access]\nanonymous = ['reader']\n"));
    let collector = Collector::start(&scratch);
    assert_eq!(collector.get("/v1/events", "").0, 200);
    assert_eq!(collector.get("/v1/agents", "").0, 403);
    assert_eq!(
        collector.get("/v1/events", "Authorization: Bearer dpn_aaaaaaaa_bbbb\r\n").0,
        401,
        "who shows one is asked for it"
    );
}

#[test]
fn refusals_do_not_flood_the_log() {
    let guarded = Guarded::new();
    let mut refused = 0;
    for _ in 0..40 {
        refused += u64::from(guarded.get("nobody", "/v1/events").0 == 401);
    }
    assert_eq!(refused, 40);
    let mut guarded = guarded;
    guarded.collector.take().unwrap().stop();
    let events = guarded.scratch.search("source:self action:access-denied");
    let times = |event: &Value| {
        let times = message(event).split(", ").find_map(|part| part.strip_prefix("times="));
        times.map_or(1, |times| times.parse::<u64>().unwrap())
    };
    assert_eq!((events.len(), events.iter().map(times).sum::<u64>()), (6, 40), "{events:?}");
}

#[test]
fn following_is_one_record_and_not_one_a_look() {
    let guarded = Guarded::new();
    guarded.token("jane", &["--role", "auditor"]);
    let url = guarded.url();
    let entry = ["--server", &url, "--ca", "pki/ca.crt", "--token-file", "jane.token", "-q"];
    let mut tail = guarded.scratch.command(&[&entry[..], &["tail", "source:self", "-n", "12"]].concat());
    let mut tail = tail.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let looks = |guarded: &Guarded| guarded.wait_for("source:self action:access-tail who:jane", 1).len();
    assert_eq!(looks(&guarded), 1);
    // It sees what others ask, and its own beginning, but does not feed itself. Each look shows some.
    let started = Instant::now();
    while tail.try_wait().unwrap().is_none() {
        guarded.get("jane", "/v1/stats/count");
        std::thread::sleep(Duration::from_millis(300));
        assert!(started.elapsed() < BOUND);
    }
    // Records come in order: with the last one, all are there.
    guarded.get("jane", "/v1/stats/count?q=who:nobody-else");
    guarded.wait_for("source:self action:access-query message:*nobody-else*", 1);
    assert_eq!(looks(&guarded), 1);
}

#[test]
fn a_server_for_others_without_a_certificate_is_refused() {
    let scratch = Scratch::new();
    for (config, wanted) in [
        ("listen = '0.0.0.0:0'\n", "not a loopback address"),
        ("listen = '0.0.0.0:0'\n[access]\nanonymous = ['reader']\n", "not a loopback address"),
    ] {
        scratch.write("config.toml", config);
        let run = scratch.run(&["serve", "-c", "config.toml"]);
        assert!(run.code == 2 && run.err.contains(wanted), "{}", run.err);
    }
    scratch.write("jane.token", "dpn_aaaaaaaa_bbbb\n");
    let run = scratch.run(&["--server", "http://192.0.2.1:7363", "--token-file", "jane.token", "search", "*"]);
    assert!(run.code == 2 && run.err.contains("no TLS"), "{}", run.err);
}
