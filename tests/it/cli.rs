//! The command line as a user meets it: import, questions, forms of output, errors and exit codes.

use crate::harness::{Scratch, sample};
use serde_json::Value;
use std::path::PathBuf;

fn samples() -> Vec<PathBuf> {
    ["auditd", "kubernetes"].map(sample).to_vec()
}

fn filled() -> Scratch {
    let scratch = Scratch::new();
    let samples = samples();
    scratch.ingest(&samples.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &[]);
    scratch
}

fn number(account: &Value, name: &str) -> u64 {
    account[name].as_u64().unwrap_or_else(|| panic!("{name} in {account}"))
}

/// The part of an event that is the same in every store.
fn timeless(mut event: Value) -> Value {
    event["when"].as_object_mut().unwrap().remove("received");
    event.as_object_mut().unwrap().remove("evidence");
    event
}

#[test]
fn every_record_is_accounted_for() {
    let scratch = Scratch::new();
    let account = scratch.ingest(&[&sample("auditd/trojan.log"), &sample("kubernetes/people.log")], &[]);
    let lines = |name: &str| std::fs::read(sample(name)).unwrap().iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(number(&account, "records"), lines("auditd/trojan.log") + lines("kubernetes/people.log"));
    assert_eq!((number(&account, "duplicates"), number(&account, "bad_records")), (0, 0), "{account}");
    let events = scratch.search("*");
    assert_eq!(number(&account, "events"), events.len() as u64);
    let in_events: usize = events.iter().map(|event| event["evidence"].as_array().unwrap().len()).sum();
    assert_eq!(in_events as u64, number(&account, "records"));
}

#[test]
fn the_owners_samples_are_read_whole() {
    let scratch = Scratch::new();
    scratch.ingest(&[&sample("auditd/folded.log"), &sample("kubernetes/pretty.json")], &[]);
    let linux = scratch.search("source:linux");
    assert_eq!(linux.len(), 1);
    let event = &linux[0];
    assert_eq!(event["what"]["action"], "syscall 59");
    assert_eq!(event["what"]["outcome"], "success");
    assert_eq!(event["how"]["exe"], "/var/lib/docker");
    assert_eq!(event["why"]["keys"], serde_json::json!(["audit-docker"]));
    let kinds: Vec<&str> = event["issues"].as_array().unwrap().iter().map(|i| i["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"folded-line") && kinds.contains(&"unknown-arch"), "{kinds:?}");
    let kubernetes = scratch.search("source:kubernetes");
    assert_eq!(kubernetes.len(), 1);
    assert_eq!(kubernetes[0]["who"]["name"], "fname.lname@example.com");
    assert_eq!(kubernetes[0]["when"]["event"], "2010-03-03T10:10:00.123456Z");
    let kinds = kubernetes[0]["issues"].to_string();
    for kind in ["legacy-field", "stage-time-differs"] {
        assert!(kinds.contains(kind), "{kind}: {kinds}");
    }
}

#[test]
fn reading_again_adds_nothing_whatever_the_name_or_compression() {
    let scratch = Scratch::new();
    let bytes = std::fs::read(sample("auditd/trojan.log")).unwrap();
    let first = scratch.ingest(&[&scratch.write("a.log", &bytes)], &[]);
    let gz = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zst = zstd::encode_all(&bytes[..], 1).unwrap();
    let copies = [
        scratch.write("a.log", &bytes),
        scratch.write("b.log", &bytes),
        scratch.write("c.gz", gz),
        scratch.write("d.zst", zst),
    ];
    for copy in copies {
        let again = scratch.ingest(&[&copy], &[]);
        assert_eq!(number(&again, "events"), 0, "{copy:?}: {again}");
        assert_eq!(number(&again, "records"), number(&first, "records"), "{copy:?}");
        assert_eq!(number(&again, "duplicates"), number(&first, "records"), "{copy:?}");
    }
    assert_eq!(scratch.search("*").len() as u64, number(&first, "events"));
}

/// Files that end within a batch of what was read, or differ there: only what is new of them is read, in whole lines.
#[test]
fn reading_a_part_again_adds_nothing() {
    let scratch = Scratch::new();
    let lines = |from: u32, to: u32| (from..to).map(crate::live::line).collect::<String>().into_bytes();
    let whole = lines(100_000, 120_000);
    assert!(whole.len() > 2 << 20);
    scratch.ingest(&[&scratch.write("a.log", &whole)], &[]);
    let size = || deponent::evidence::Reader::open(&scratch.path("store")).unwrap().size();
    let before = size();
    for end in [700, 300_001, 1_500_000, whole.len() - 1] {
        scratch.ingest(&[&scratch.write("part.log", &whole[..end])], &[]);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &whole[..end]).unwrap();
        scratch.ingest(&[&scratch.write("part.gz", encoder.finish().unwrap())], &[]);
        assert_eq!(size(), before, "{end} bytes");
    }
    let start = whole[..1_500_000].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for (end, number) in [(start, 200_000), (start + 20, 200_010)] {
        let other = [&whole[..start], &whole[start..end], b"\n", &lines(number, number + 10)].concat();
        let size_before = size();
        scratch.ingest(&[&scratch.write("other.log", &other)], &[]);
        assert_eq!(size(), size_before + 1);
        let reader = deponent::evidence::Reader::open(&scratch.path("store")).unwrap();
        let entry = reader.entry(size_before).unwrap();
        assert_eq!((entry.header.start, entry.header.end), (start as u64, other.len() as u64));
    }
}

#[test]
fn records_in_any_order_give_the_same_events() {
    let bytes = std::fs::read(sample("auditd/trojan.log")).unwrap();
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (straight, reversed) = (Scratch::new(), Scratch::new());
    straight.ingest(&[&straight.write("a.log", &bytes)], &[]);
    lines.reverse();
    // In two imports, so that late records meet events which are in the index already.
    let (one, two) = lines.split_at(lines.len() / 2);
    reversed.ingest(&[&reversed.write("b.log", one.concat())], &[]);
    reversed.ingest(&[&reversed.write("c.log", two.concat())], &[]);
    let events = |scratch: &Scratch| scratch.search("*").into_iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(events(&straight), events(&reversed));
}

#[test]
fn rebuild_gives_the_same_answers() {
    let scratch = filled();
    let answers = |scratch: &Scratch| {
        [
            "*",
            "source:self OR source:*",
            "what:exec",
            "key:audit-docker",
            "mallory",
            "outcome:denied | top who",
            "* | hist 1h",
            "raw:sudo | count",
        ]
        .map(|query| scratch.run(&["search", "--store", "store", "-o", "ndjson", "-n", "0", query]).out)
    };
    let before = answers(&scratch);
    assert!(before.iter().all(|answer| !answer.is_empty()), "{before:?}");
    std::fs::remove_dir_all(scratch.path("store/index")).unwrap();
    std::fs::remove_dir_all(scratch.path("store/state")).unwrap();
    scratch.ok(&["rebuild", "--store", "store"]);
    assert_eq!(before, answers(&scratch));
}

#[test]
fn who_did_what_is_found() {
    let scratch = filled();
    for (query, wanted) in [
        ("what:exec", "who.name=alice@example.com"),
        ("what:exec", "what.object.kind=pods/exec"),
        ("as:breakglass", "who.name=mallory@example.com"),
        ("key:audit-docker login:bob", "what.object.path=/var/lib/docker/docker"),
        ("who:bob what:ran-command", "who.login.auid=1502"),
        ("code:401", "what.outcome=denied"),
        ("src:127.0.0.0/8 what:attach", "who.name=bob@example.com"),
        ("who:ali* ns:shop what:exec", "how.verb=get"),
        ("raw=~\"/bin/ba?sh\" source:linux", "source=linux"),
    ] {
        let events = scratch.search(query);
        let (path, value) = wanted.split_once('=').unwrap();
        let at = |event: &Value| {
            let found = path.split('.').fold(event.clone(), |value, name| value[name].clone());
            found.as_str().map_or_else(|| found.to_string(), str::to_owned)
        };
        assert!(events.iter().any(|event| at(event) == value), "{query}: no {wanted} in {} events", events.len());
    }
}

#[test]
fn names_of_events() {
    let scratch = filled();
    let event = &scratch.search("what:exec")[0];
    let id = event["id"].as_str().unwrap();
    let audit_id = event["how"]["audit_id"].as_str().unwrap();
    for name in [id, &id[..12], &id.to_uppercase(), audit_id] {
        let shown = scratch.ok(&["show", "--store", "store", "-o", "json", name]);
        let shown: Value = serde_json::from_str(&shown.out).unwrap();
        assert_eq!(shown["id"], event["id"], "{name}");
    }
    let shown = scratch.ok(&["show", "--store", "store", "-o", "json", "1795467580.536:325272"]);
    assert!(shown.out.contains("/var/lib/docker/docker"), "{}", shown.out);
    assert_eq!(scratch.run(&["show", "--store", "store", "zzzzzzzzzzzz"]).code, 1);
}

#[test]
fn raw_is_byte_for_byte() {
    let scratch = Scratch::new();
    scratch.ingest(&[&sample("auditd/trojan.log")], &[]);
    let output = scratch.command(&["show", "--store", "store", "--raw", "1795467580.536:325272"]).output().unwrap();
    let wanted: Vec<u8> = std::fs::read(sample("auditd/trojan.log"))
        .unwrap()
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| {
            line.windows(24).any(|window| window == b"1795467580.536:325272): ")
                || String::from_utf8_lossy(line).contains("(1795467580.536:325272):")
        })
        .flatten()
        .copied()
        .collect();
    assert!(!wanted.is_empty());
    assert_eq!(output.stdout, wanted);
}

#[test]
fn every_form_of_output_has_something_to_say() {
    let scratch = filled();
    for form in ["table", "text", "json", "ndjson", "csv", "ocsf", "ecs"] {
        let run = scratch.ok(&["search", "--store", "store", "-o", form, "-n", "3", "what:exec"]);
        assert!(run.out.contains("alice@example.com"), "{form}: {}", run.out);
        assert!(!run.out.contains('\u{1b}'), "{form}: colours only on a terminal");
    }
    for query in ["what:exec | count", "* | top who 3", "* | hist 1m"] {
        for form in ["table", "text", "json", "ndjson", "csv"] {
            let run = scratch.ok(&["search", "--store", "store", "-o", form, query]);
            assert!(!run.out.is_empty(), "{form} {query}");
        }
    }
    assert!(scratch.ok(&["top", "who", "--store", "store"]).out.contains("alice@example.com"));
    assert!(scratch.ok(&["hist", "1m", "--store", "store"]).out.contains("2026-11-23"));
    let times = scratch.ok(&["timeline", "--store", "store", "--tz", "+02:00", "-n", "3"]).out;
    assert!(times.contains("+02:00"), "{times}");
}

#[test]
fn sequences_need_order_value_and_time() {
    let scratch = filled();
    let query = |within: &str| format!("* | sequence by who within {within} [what:exec] [what:attach]");
    let found = |query: &str| scratch.search(query).len();
    assert_eq!(found("* | sequence by ses within 10m [what:logged-in] [key:audit-docker]"), 1);
    assert_eq!(found("* | sequence by ses within 10m [key:audit-docker] [what:logged-in]"), 0);
    assert_eq!(found("* | sequence by ses within 1ms [what:logged-in] [key:audit-docker]"), 0);
    assert_eq!(found(&query("1h")), 0, "alice exec'd, bob attached");
}

#[test]
fn errors_say_what_and_what_to_do() {
    let scratch = filled();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["search", "--store", "store", "whom:alice"], 2, "who"),
        (&["search", "--store", "store", "(who:alice"], 2, "^"),
        (&["search", "--store", "store", "-S", "tomorow", "*"], 2, "tomorow"),
        (&["search", "--store", "nowhere", "*"], 5, "no store"),
        (&["search", "--server", "http://127.0.0.1:1", "*"], 5, "does not answer"),
        (&["search", "--store", "store", "who:nobody"], 1, "0 found"),
        (&["serch", "x"], 2, "search"),
        (&["search", "--stroe", "x"], 2, "--store"),
        (&["search", "-what:get"], 2, "-- "),
        (&["ingest", "--store", "store", "not-there.log"], 6, "not-there.log"),
        (&["verify", "--store", "nowhere"], 5, "no store"),
        (&["verify", "--store", "store", "--key", "nonsense"], 2, "vkey"),
        (&["serve", "--listen", "0.0.0.0:80"], 2, "loopback"),
        (&["verify", "e.proof", "--head", "head"], 2, "--head is for stores"),
        (&["show", "--store", "store", "ab"], 2, "at least 4"),
        (&["search", "--store", "store", "-c", "not-there.toml", "*"], 2, "not-there.toml"),
        (&["why", "--store", "store", "aaaaaaaaaa"], 1, "no event"),
        (&["why", "--store", "store", "aaaaaaaaaa", "-o", "csv"], 2, "text, json or ndjson"),
        (&["tree", "--store", "store", "aaaaaaaaaa", "-o", "ocsf"], 2, "text, json, ndjson or csv"),
        (&["tree", "--store", "store", "container:none"], 1, "none"),
        (&["effects", "--store", "store", "container:none"], 2, "deponent tree container:none"),
        (&["rules", "nonsense"], 1, "`deponent rules` lists them"),
        (&["rules", "-o", "csv"], 2, "text, json or ndjson"),
    ];
    for (arguments, code, wanted) in cases {
        let run = scratch.run(arguments);
        assert_eq!(run.code, *code, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(wanted), "{arguments:?}: {}", run.err);
    }
    scratch.write("bad.toml", "stroe = 'x'\n");
    let run = scratch.run(&["head", "-c", "bad.toml"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean `store`"), "{}", run.err);
}

#[test]
fn help_man_and_completions_are_of_one_table() {
    let scratch = Scratch::new();
    assert!(scratch.ok(&["--help"]).out.contains("EXAMPLES"));
    assert!(scratch.ok(&["man"]).out.contains(".TH deponent"));
    for name in ["search", "ingest", "prove", "serve", "gaps", "why", "tree", "testify"] {
        assert!(scratch.ok(&["man", name]).out.contains(name));
        assert!(scratch.ok(&["completions", "bash"]).out.contains(name));
    }
    let fields = scratch.ok(&["fields"]).out;
    assert!(fields.contains("who.name") && fields.contains("why.keys"));
    assert!(scratch.ok(&["explain", "who:alice what:exec"]).out.contains("who.name"));
}

#[test]
fn answers_about_links_in_every_form() {
    let scratch = Scratch::new();
    scratch.ingest(&[&sample("kubernetes")], &[]);
    let event = scratch.search("action:exec outcome:success").swap_remove(0);
    let id = event["id"].as_str().unwrap();
    let ask = |command: &str, more: &[&str]| {
        let mut arguments = vec![command, id, "--store", "store", "-q"];
        arguments.extend(more);
        scratch.run(&arguments)
    };
    // A request is the beginning: it names its person, and nothing of the node is recorded here.
    let why = ask("why", &[]);
    let last = why.out.lines().last().unwrap_or_default();
    let name = event["who"]["name"].as_str().unwrap();
    assert!(why.code == 0 && last.starts_with(name) && last.contains(" did it: "), "{} {last}", why.code);
    let whole: Value = serde_json::from_str(&ask("why", &["-o", "json"]).out).unwrap();
    assert_eq!(whole["event"], id);
    let effects = ask("effects", &[]);
    assert_eq!((effects.code, effects.out.lines().count()), (1, 1), "nothing came of it: {}", effects.out);
    assert_eq!(ask("effects", &["-o", "ndjson"]).lines()[0]["depth"], 0);
    let tree = ask("tree", &["-o", "csv"]);
    assert!(tree.code == 0 && tree.out.starts_with("depth,event.when.event,event.id,"), "{}", tree.out);
    let testimony = ask("testify", &[]).out;
    assert!(
        testimony.contains("\nWho did it?\n") && testimony.contains(&format!("deponent prove {id}")),
        "{testimony}"
    );
    let links = ask("links", &["-o", "json"]);
    let links: Value = serde_json::from_str(&links.out).unwrap();
    assert_eq!(links[0]["rule"], "request-stages");
    let none = scratch.search("action:list").swap_remove(0);
    let single = scratch.run(&["links", none["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
    let several = none["how"]["stages"].as_object().is_some_and(|stages| stages.len() > 1);
    assert_eq!(single.code, i32::from(!several), "{}", single.out);
    assert!(scratch.ok(&["rules", "session-exec"]).out.contains("## What an attacker can forge"));
    let table: Value = serde_json::from_str(&scratch.ok(&["rules", "-o", "json"]).out).unwrap();
    assert_eq!(table[0]["rule"], "request-stages");
}

/// Raw records are searched in whole frames first: that must change no answer, whatever an expression looks at.
#[test]
fn raw_conditions_find_what_a_look_at_every_record_finds() {
    let scratch = filled();
    let events: Vec<(String, Vec<Vec<u8>>)> = scratch
        .ok(&["show", "-q", "--store", "store", "-o", "ndjson"]
            .into_iter()
            .chain(ids(&scratch).iter().map(String::as_str))
            .collect::<Vec<_>>())
        .lines()
        .iter()
        .map(|event| {
            let raws = event["records"].as_array().unwrap().iter();
            let raws =
                raws.map(|record| data_encoding::BASE64.decode(record["raw"].as_str().unwrap().as_bytes()).unwrap());
            (event["id"].as_str().unwrap().to_owned(), raws.collect())
        })
        .collect();
    assert!(events.len() > 100, "{}", events.len());
    let regex = |text: &str| regex::bytes::Regex::new(text).unwrap();
    for text in [
        "^type=CWD",
        "^\\{",
        "\\}\\s*$",
        "(?m)^type=PATH",
        "\\Atype=SYSCALL",
        "\\bexec\\b",
        "docker.*sock",
        "[^a]cwd=\"",
        "x*",
        "never-there",
        "alice@example.com",
        "\\n",
    ] {
        let wanted: Vec<&str> = events
            .iter()
            .filter(|(_, raws)| raws.iter().any(|raw| regex(text).is_match(raw)))
            .map(|(id, _)| id.as_str())
            .collect();
        let query = format!("raw=~\"{}\"", text.replace('"', "\\\""));
        let mut found: Vec<String> =
            scratch.search(&query).iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        let mut sorted = wanted.clone();
        sorted.sort_unstable();
        found.sort();
        assert_eq!(found, sorted, "{query}");
        let count = scratch.run(&["search", "-q", "--store", "store", "-o", "json", &format!("{query} | count")]).out;
        assert!(
            count.contains(&format!("\"count\":{}", wanted.len()))
                || count.trim() == format!("[\n{{\"count\":{}}}\n]", wanted.len()),
            "{query}: {count}"
        );
    }
    // Two conditions in two records of one event, and one that is not on raw records.
    let both = scratch.search("raw=~\"^type=CWD\" raw=~\"^type=SYSCALL\" outcome:success").len();
    let wanted = scratch.search("outcome:success source:linux");
    let has = |raws: &[Vec<u8>], text: &str| raws.iter().any(|raw| regex(text).is_match(raw));
    let wanted = wanted.iter().filter(|event| {
        let (_, raws) = events.iter().find(|(id, _)| event["id"] == id.as_str()).unwrap();
        has(raws, "^type=CWD") && has(raws, "^type=SYSCALL")
    });
    assert_eq!(both, wanted.count());
    assert!(both > 10);
}

fn ids(scratch: &Scratch) -> Vec<String> {
    scratch.search("*").iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}
