//! What other tools were seen to get wrong, one test a fault: names, commas, zones, paths, addresses, long texts, outcomes, schemas, verbs.
//!
//! The list is in `docs/hostile-input.md`. Not here: whole logs of other tools (`conformance`).

use crate::harness::Scratch;
use serde_json::Value;

fn of(lines: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.ingest(&[&scratch.write("a.log", lines)], &[]);
    scratch
}

fn out(scratch: &Scratch, form: &str) -> String {
    scratch.ok(&["search", "-q", "--store", "store", "-o", form, "-n", "0", "*"]).out
}

fn only(scratch: &Scratch) -> Value {
    let events = scratch.search("*");
    assert_eq!(events.len(), 1, "{events:?}");
    events[0].clone()
}

const OPEN: &str = "type=SYSCALL msg=audit(1784368384.100:7): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=241 a3=1b6 items=1 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"sh\" exe=\"/bin/sh\" key=\"k\"";

fn opened(name: &str) -> String {
    format!(
        "{OPEN}\ntype=CWD msg=audit(1784368384.100:7): cwd=\"/home\"\ntype=PATH msg=audit(1784368384.100:7): item=0 name={name} inode=7 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE\n"
    )
}

fn quoted(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02X}")).collect()
}

/// A request, with members that replace or follow the usual ones.
fn request(verb: &str, more: &str) -> String {
    format!(
        "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"RequestResponse\",\"auditID\":\"a-1\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/api/v1/namespaces/shop/pods/web-1\",\"verb\":\"{verb}\",\"user\":{{\"username\":\"alice\"}},\"objectRef\":{{\"resource\":\"pods\",\"namespace\":\"shop\",\"name\":\"web-1\",\"apiVersion\":\"v1\"}},\"requestReceivedTimestamp\":\"2026-07-18T09:53:04.000000Z\",\"stageTimestamp\":\"2026-07-18T09:53:04.100000Z\"{more}}}\n"
    )
}

/// ausearch looks a uid up on the analyst's machine.
#[test]
fn a_number_has_the_name_of_its_node_or_none() {
    let event = only(&of(&opened("\"/tmp/x\"")));
    assert_eq!(
        (&event["who"]["name"], &event["who"]["asserted_by"]),
        (&"0".into(), &"kernel".into()),
        "not this machine's root"
    );
    let enriched = OPEN.replace("key=\"k\"", "key=\"k\"\x1dAUID=\"jane\" UID=\"jane\"");
    let event = only(&of(&format!("{enriched}\n")));
    assert_eq!((&event["who"]["name"], &event["who"]["asserted_by"]), (&"jane".into(), &"daemon".into()));
}

/// ausearch's CSV has no quotes: a file name makes columns.
#[test]
fn a_name_makes_no_columns() {
    let scratch = of(&opened(&quoted("/tmp/a,b,\"success\",root\r\nx")));
    let csv = out(&scratch, "csv");
    let rows: Vec<&str> = csv.trim_end().split("\r\n").collect();
    assert_eq!(rows.len(), 2, "{csv}");
    assert!(csv.contains("\"/tmp/a,b,\"\"success\"\",root"), "{csv}");
}

/// ausearch prints times without a zone, and other ones under another TZ.
#[test]
fn a_time_has_its_zone_wherever_it_is_read() {
    let scratch = of(&opened("\"/tmp/x\""));
    for form in ["text", "table", "csv", "json"] {
        let run = |zone: &str| {
            let mut command = scratch.command(&["search", "-q", "--store", "store", "-o", form, "*"]);
            String::from_utf8(command.env("TZ", zone).output().unwrap().stdout).unwrap()
        };
        assert_eq!(run("Asia/Tokyo"), run("UTC"), "{form}");
        assert!(run("UTC").contains("2026-07-18T09:53:04.100Z"), "{form}: {}", run("UTC"));
    }
    let tokyo = scratch.ok(&["search", "-q", "--store", "store", "-o", "text", "--tz", "Asia/Tokyo", "*"]).out;
    assert!(tokyo.contains("2026-07-18T18:53:04.100+09:00"), "{tokyo}");
}

/// ausearch resolves a path as text, and shows another one.
#[test]
fn a_path_is_shown_as_it_was_recorded() {
    for name in ["=HYPERLINK(\"http://evil.example/../../x\")", "/srv/link/../../etc//passwd", "-rf", "a/./b"] {
        let scratch = of(&opened(&quoted(name)));
        let path = only(&scratch)["what"]["object"]["path"].as_str().unwrap().to_owned();
        let expected = if name.starts_with('/') { name.to_owned() } else { format!("/home/{name}") };
        assert_eq!(path, expected);
    }
    let bare = of(&opened(&quoted("=1+1")).replace("type=CWD msg=audit(1784368384.100:7): cwd=\"/home\"\n", ""));
    assert_eq!(only(&bare)["what"]["object"]["path"], "=1+1");
    assert!(out(&bare, "csv").contains(",'=1+1,"), "guarded for spreadsheets");
}

/// ausearch's text drops the address of a login when the host name is unknown.
#[test]
fn a_failed_login_keeps_its_address() {
    let scratch = of(
        "type=USER_LOGIN msg=audit(1784368384.100:7): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"jane\" exe=\"/usr/sbin/sshd\" hostname=? addr=10.0.0.9 terminal=ssh res=failed'\n",
    );
    assert_eq!(only(&scratch)["who"]["address"], "10.0.0.9");
    assert!(out(&scratch, "text").contains("10.0.0.9"), "{}", out(&scratch, "text"));
}

/// journalctl's JSON has null for a text of more than 4 KiB.
#[test]
fn a_long_text_is_whole() {
    let long = format!("{}END", "x".repeat(100_000));
    let line = format!(
        "type=USER_CMD msg=audit(1784368384.100:7): pid=1 uid=0 auid=1000 ses=1 msg='cwd=\"/\" cmd={} terminal=pts/0 res=success'\n",
        quoted(&long)
    );
    let scratch = of(&line);
    for form in ["json", "ndjson", "csv"] {
        assert!(out(&scratch, form).contains(&long), "{form}");
    }
    assert!(scratch.ok(&["show", "--store", "store", "--raw", "1784368384.100:7"]).out == line);
}

/// Elastic's pipeline takes the outcome from the authorisation alone, and drops names and uids of responses.
#[test]
fn an_allowed_request_may_fail() {
    let allowed =
        ",\"annotations\":{\"authorization.k8s.io/decision\":\"allow\",\"authorization.k8s.io/reason\":\"RBAC: x\"}";
    for (code, outcome) in [(201, "success"), (409, "failure"), (404, "failure"), (500, "failure"), (403, "denied")] {
        let event = only(&of(&request("create", &format!("{allowed},\"responseStatus\":{{\"code\":{code}}}"))));
        assert_eq!(event["what"]["outcome"], outcome, "{code}");
    }
    let response = ",\"responseStatus\":{\"code\":201},\"responseObject\":{\"metadata\":{\"name\":\"web-x7k2p\",\"uid\":\"u-1\"}},\"impersonatedUser\":{\"username\":\"bob\"},\"annotations\":{\"a.b/c.d\":\"e\"}";
    let made = request("create", response).replace("\"name\":\"web-1\",\"apiVersion\"", "\"apiVersion\"");
    let scratch = of(&made);
    let event = only(&scratch);
    assert_eq!(
        (&event["what"]["object"]["name"], &event["what"]["object"]["uid"]),
        (&"web-x7k2p".into(), &"u-1".into())
    );
    assert_eq!((&event["who"]["name"], &event["who"]["as"]), (&"alice".into(), &"bob".into()), "both names");
    let id = event["id"].as_str().unwrap();
    assert_eq!(scratch.ok(&["show", "--store", "store", "--raw", id]).out, made, "annotations keep their names");
}

/// OCSF's own example of an API audit event is no JSON, and fails its schema.
#[test]
fn an_ocsf_event_is_json_with_real_times() {
    let scratch = of(&request("create", ",\"responseStatus\":{\"code\":201}"));
    let event: Value = serde_json::from_str(out(&scratch, "ocsf").trim()).unwrap();
    assert_eq!(event["class_uid"], 6003);
    assert_eq!(event["time"], 1_784_368_384_000_i64);
    for name in ["time_dt", "start_time_dt"] {
        assert!(event[name].is_null() || event[name].as_str().unwrap().contains('T'), "{name}: {event}");
    }
}

/// The same mapping reads watch as read, has no deletecollection, and keeps one of several addresses.
#[test]
fn every_verb_and_every_address_counts() {
    for verb in ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] {
        let scratch = of(&request(verb, ",\"sourceIPs\":[\"10.0.0.1\",\"192.0.2.7\"]"));
        let event = only(&scratch);
        assert_eq!(event["how"]["verb"], verb);
        assert_eq!(event["what"]["action"], verb);
        // The last one is what the API server saw itself; the others are what clients and proxies claim.
        assert_eq!(event["who"]["address"], "192.0.2.7");
        let shown = scratch.ok(&["show", "--store", "store", event["id"].as_str().unwrap()]).out;
        assert!(shown.contains("10.0.0.1") && shown.contains("192.0.2.7"), "{shown}");
    }
}
