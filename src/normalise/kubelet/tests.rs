//! Lines of the kubelet and what they mean.

use proptest::prelude::*;

use crate::model::RecordKind::Kubelet;
use crate::model::{AssertedBy, Event, Outcome, Source};
use crate::normalise::{self, Context};
use crate::time::rfc3339;

const RECEIVED: i64 = 1_795_644_000_000_000_000; // 2026-11-25T22:00:00Z
const CONTEXT: Context<'_> = Context { cluster: "c", node: "n", received_ns: RECEIVED, ..Context::NOWHERE };
const EXEC: &str = r#"I1123 20:59:10.745284   22147 httplog.go:134] "HTTP" verb="GET" URI="/exec/shop/web-1/app?command=sh&command=-c&command=cat+%2Fetc%2Fshadow%3B+a%2Bb&error=1&input=1&output=1&tty=1" latency="274.229099ms" userAgent="kubectl/v1" audit-ID="" srcIP="127.0.0.1:45128" hijacked=true"#;

fn read_in(context: Context<'_>, text: &str) -> Event {
    let key = normalise::key(Kubelet, context, text.as_bytes()).unwrap();
    let event = normalise::event(Kubelet, &key, context, &[text.as_bytes()]);
    assert_eq!((event.id, event.when.event, event.source), (key.id, key.when, Source::Kubelet));
    assert!(key.last);
    event
}

fn read(text: &str) -> Event {
    read_in(CONTEXT, text)
}

/// namespace pod uid container container_id
fn place(event: &Event) -> String {
    let place = &event.r#where;
    let all = [&place.namespace, &place.pod, &place.pod_uid, &place.container, &place.container_id];
    all.map(|part| part.as_deref().unwrap_or("-")).join(" ")
}

fn args(event: &Event) -> String {
    event.how.args.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
}

fn issues(event: &Event) -> Vec<&str> {
    event.issues.iter().map(|issue| issue.kind.as_str()).collect()
}

#[test]
fn a_session_is_of_its_beginning() {
    let event = read(EXEC);
    assert_eq!(event.what.action, "http-exec");
    let end = event.when.end.unwrap();
    assert_eq!(rfc3339(end), "2026-11-23T20:59:10.745284Z");
    assert_eq!(end.nanos - event.when.event.nanos, 274_229_099);
    assert_eq!(event.how.argv, ["sh", "-c", "cat /etc/shadow; a+b"]);
    assert_eq!(event.how.tty.as_deref(), Some("true"));
    assert_eq!(place(&event), "shop web-1 - app -");
    assert_eq!(event.who.address.as_deref(), Some("127.0.0.1"));
    assert_eq!((event.who.name.as_deref(), event.who.asserted_by), (None, Some(AssertedBy::Kubelet)));
    assert_eq!((event.how.verb.as_deref(), event.how.user_agent.as_deref()), (Some("GET"), Some("kubectl/v1")));
    assert_eq!((event.what.outcome, event.what.code.as_deref()), (Outcome::Unknown, None));
    assert_eq!(
        args(&event),
        "level=I|thread=22147|caller=httplog.go:134|latency=274.229099ms|audit-ID=|srcIP=127.0.0.1:45128|hijacked=true|stdin=true"
    );
    assert!(event.issues.is_empty(), "{:?}", event.issues);
}

#[test]
fn requests() {
    let check = |uri: &str, expected: &str, argv: &[&str]| {
        let event = read(&EXEC.replace(EXEC.split('"').nth(5).unwrap(), uri));
        assert_eq!(format!("{} {}", event.what.action, place(&event)), expected, "{uri}");
        assert_eq!(event.how.argv, argv, "{uri}");
        assert_eq!(event.how.request_uri.as_deref().unwrap_or(""), uri);
    };
    check("/exec/shop/web/u-1/app?command=sh", "http-exec shop web u-1 app -", &["sh"]);
    check("/exec/shop/web/app", "http-exec shop web - app -", &[]);
    check("/exec/shop/web/app?cmd=sh&command=&command=a%20b", "http-exec shop web - app -", &["", "a b"]);
    check("/exec/sh%6Fp/web/a+b?command=sh", "http-exec shop web - a+b -", &["sh"]);
    check("/attach/shop/web/app?error=1&command=x", "http-attach shop web - app -", &[]);
    check("/portForward/shop/web?port=80", "http-port-forward shop web - - -", &[]);
    check("/portForward/shop/web/u-1", "http-port-forward shop web u-1 - -", &[]);
    check("/run/shop/web/app?cmd=ls+-l+/&cmd=x", "http-run shop web - app -", &["ls", "-l", "/"]);
    check("/run/shop/web/app", "http-run shop web - app -", &[]);
    check("/containerLogs/shop/web/app?tailLines=5", "http-container-logs shop web - app -", &[]);
    for other in [
        "/pods",
        "/",
        "",
        "/exec",
        "/exec/",
        "/exec/a",
        "/exec/a/b",
        "/exec/a/b/c/d/e",
        "/exec//web/app",
        "x/exec/a/b/c",
    ] {
        check(other, "http - - - - -", &[]);
    }
    for other in ["/portForward/a", "/portForward/a/b/c/d", "/containerLogs/a/b/c/d", "/execs/a/b/c", "/cri/exec/token"]
    {
        check(other, "http - - - - -", &[]);
    }
}

#[test]
fn streams_and_answers() {
    let check = |from: &str, to: &str| read(&EXEC.replace(from, to));
    let event = check("&input=1&output=1&tty=1", "&output=1&tty=0&tty=1");
    assert_eq!((event.how.tty.as_deref(), args(&event).ends_with("|stdin=false")), (None, true));
    assert_eq!(check("tty=1", "tty=true").how.tty, None, "the kubelet knows 1 only");
    for (answer, outcome) in [
        ("resp=200", Outcome::Success),
        ("resp=401", Outcome::Denied),
        ("resp=403", Outcome::Denied),
        ("resp=404", Outcome::Failure),
        ("resp=500 statusStack=<", Outcome::Failure),
        ("resp=x", Outcome::Unknown),
    ] {
        assert_eq!(check("hijacked=true", answer).what.outcome, outcome, "{answer}");
    }
    assert_eq!(check("hijacked=true", "resp=403").what.code.as_deref(), Some("403"));
    assert_eq!(issues(&check("hijacked=true", "resp=500 statusStack=<")), ["value-on-next-lines"]);
    for (address, expected) in
        [("[::1]:55", "::1"), ("::1", "::1"), ("10.0.0.1", "10.0.0.1"), ("10.0.0.1:1", "10.0.0.1"), ("[::1", "[::1")]
    {
        assert_eq!(check("127.0.0.1:45128", address).who.address.as_deref(), Some(expected));
    }
    let event = check("command=-c", "command=%ff");
    assert_eq!(issues(&event), ["argv-not-utf8"]);
}

#[test]
fn without_a_latency_there_is_no_beginning() {
    for (to, detail) in [("latency=\"soon\"", "\"soon\""), ("latency=\"-1s\"", "-1s"), ("late=\"1s\"", "is missing")] {
        let event = read(&EXEC.replace("latency=\"274.229099ms\"", to));
        assert_eq!(rfc3339(event.when.event), "2026-11-23T20:59:10.745284Z", "{to}");
        assert_eq!(event.when.end, Some(event.when.event));
        assert_eq!(issues(&event), ["no-latency"]);
        assert!(event.issues[0].detail.contains(detail), "{:?}", event.issues);
    }
}

#[test]
fn containers_loops_and_probes() {
    let check = |message: &str, action: &str, expected: &str| {
        let event = read(&format!("I1123 20:59:00.500415   22147 a.go:313] {message}"));
        assert_eq!((event.what.action.as_str(), place(&event).as_str()), (action, expected), "{message}");
        event
    };
    let pod = r#"pod="shop/web" podUID="u" containerName="app" containerID="containerd://c""#;
    let added = check(&format!("\"Added Container\" {pod}"), "added-container", "shop web u app c");
    let object = added.what.object.unwrap();
    assert_eq!((object.kind.as_deref(), object.name.as_deref()), (Some("container"), Some("c")));
    assert_eq!(added.what.message.as_deref(), Some("Added Container"));
    check("\"Added Container\"", "added-container", "- - - - -");
    check("Added Container pod=\"shop/web\"", "logged", "- - - - -");
    check(r#""SyncLoop ADD" source="api" pods=["shop/web"]"#, "syncloop-add", "shop web - - -");
    check(r#""SyncLoop DELETE" source="api" pods=["shop/web","a/b"]"#, "syncloop-delete", "- - - - -");
    check(
        r#""SyncLoop (PLEG): event for pod" pod="shop/web" event={"ID":"u","Type":"ContainerDied","Data":"c"}"#,
        "syncloop-pleg-event-for-pod",
        "shop web u - c",
    );
    check(
        &format!("\"Killing container with a grace period\" {pod} gracePeriod=2"),
        "killing-container-with-a-grace-period",
        "shop web u app c",
    );
    let failed = check(&format!("\"Probe failed\" probeType=\"Liveness\" {pod}"), "probed", "shop web u app c");
    assert_eq!(failed.what.outcome, Outcome::Failure);
    let succeeded = check("\"Probe succeeded\" probeType=\"Readiness\"", "probed", "- - - - -");
    assert_eq!(succeeded.what.outcome, Outcome::Success);
    check("\"Exec-Probe runProbe\" execCommand=[\"cat\"]", "probed", "- - - - -");
    check("\"x\" probeType=\"Startup\"", "probed", "- - - - -");
    check("\"Clean up probes for terminated pods\"", "logged", "- - - - -");
    check(&format!("\"SyncLoop {}\"", "x".repeat(200)), "logged", "- - - - -");
    check(
        "\"Generic (PLEG): container finished\" podID=\"u\" containerID=\"c\" exitCode=137",
        "generic-pleg-container-finished",
        "- - u - c",
    );
    check("\"Event occurred\" object=\"shop/web\" kind=\"Pod\" reason=\"Killing\"", "event-killing", "- - - - -");
    let id = "a".repeat(64);
    let path = format!("/kubepods/besteffort/pod2ba5094e-4bdc-40ef-b1d0-b4362359d66d/{id}");
    let place = format!("- - 2ba5094e-4bdc-40ef-b1d0-b4362359d66d - {id}");
    check(&format!("Destroyed container: \"{path}\" (aliases: [])"), "removed-control-group", &place);
    check(&format!("Added event &{{{path} 2026-11-23 containerCreation {{<nil>}}}}"), "added-control-group", &place);
    check(&format!("Removed container: \"{path}\""), "logged", "- - - - -");
}

#[test]
fn json_says_the_same() {
    let event = read(
        r#"{"ts":1795467540500.415,"caller":"cpumanager/cpu_manager.go:313","msg":"Added Container","v":4,"pod":{"name":"web","namespace":"shop"},"podUID":"u","containerName":"app","containerID":"c"}"#,
    );
    assert_eq!((event.what.action.as_str(), place(&event).as_str()), ("added-container", "shop web u app c"));
    assert_eq!(rfc3339(event.when.event), "2026-11-23T20:59:00.500415Z");
    let event = read(
        r#"{"ts":1795467550745.284,"caller":"httplog/httplog.go:134","msg":"HTTP","v":0,"verb":"GET","URI":"/exec/shop/web/app?command=sh&input=1","latency":"1.5s","userAgent":"k","audit-ID":"","srcIP":"127.0.0.1:45128","hijacked":true}"#,
    );
    assert_eq!(rfc3339(event.when.event), "2026-11-23T20:59:09.245284Z");
    assert_eq!((event.what.action.as_str(), place(&event).as_str()), ("http-exec", "shop web - app -"));
    assert!(args(&event).starts_with("level=info|caller=httplog/httplog.go:134|v=0|latency=1.5s"), "{}", args(&event));
    let event = read(r#"{"ts":1795467550745.284,"caller":"a.go:1","msg":"x","err":"no"}"#);
    assert_eq!((event.what.action.as_str(), event.what.outcome), ("logged", Outcome::Failure));
}

#[test]
fn levels_and_fields() {
    for (level, outcome) in
        [("I", Outcome::Unknown), ("W", Outcome::Unknown), ("E", Outcome::Failure), ("F", Outcome::Failure)]
    {
        let line = format!("{level}1123 20:59:00.500415 7 a.go:1] \"x\" err=\"y\"");
        assert_eq!(read(&line).what.outcome, outcome, "{level}");
        let fields = normalise::fields(Kubelet, line.as_bytes());
        assert_eq!(fields.record, level);
        let names: Vec<_> = fields.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["time", "msg", "thread", "caller", "err"]);
        assert_eq!(fields.enriched.first().map(|(name, _)| name.as_str()), Some("year"));
    }
    let line = b"W1123 20:59:00.5 7 a.go:1] a\xff\xc3\xa4 b";
    let key = normalise::key(Kubelet, CONTEXT, line).unwrap();
    let event = normalise::event(Kubelet, &key, CONTEXT, &[line]);
    assert_eq!(event.what.message.as_deref(), Some("a\\xFF\u{e4} b"));
    assert_eq!(issues(&event), ["not-utf8"]);
}

#[test]
fn the_year_is_the_latest_that_is_not_after_the_reception() {
    let check = |stamp: &str, received: &str, expected: &str| {
        let received_ns = normalise::tests::nanos(received);
        let event = read_in(Context { received_ns, ..CONTEXT }, &format!("I{stamp}.5 7 a.go:1] x"));
        assert_eq!(rfc3339(event.when.event), expected, "{stamp} {received}");
    };
    check("1123 20:59:10", "2026-11-25T00:00:00Z", "2026-11-23T20:59:10.5Z");
    check("1231 23:59:59", "2027-01-01T00:00:05Z", "2026-12-31T23:59:59.5Z");
    check("0101 00:30:00", "2026-12-31T23:45:00Z", "2027-01-01T00:30:00.5Z");
    check("0229 12:00:00", "2027-02-28T00:00:00Z", "2024-02-29T12:00:00.5Z");
    check("0229 12:00:00", "2028-02-28T12:00:00Z", "2028-02-29T12:00:00.5Z");
    // 25 hours are the limit.
    check("1123 20:00:00", "2026-11-22T19:00:00.5Z", "2026-11-23T20:00:00.5Z");
    check("1123 20:00:00", "2026-11-22T19:00:00Z", "2025-11-23T20:00:00.5Z");
    let of = |received_ns| read_in(Context { received_ns, ..CONTEXT }, "I1123 20:59:10.5 7 a.go:1] x").id;
    assert_eq!(of(RECEIVED), of(RECEIVED + 1), "the year alone is part of the identity");
    assert_ne!(of(RECEIVED), of(RECEIVED + 366 * 86_400_000_000_000));
    for received_ns in [0, -1, i64::MIN, i64::MAX] {
        let _ = normalise::key(Kubelet, Context { received_ns, ..CONTEXT }, EXEC.as_bytes());
    }
}

#[test]
fn what_is_no_line() {
    let check = |line: &str, kind: &str| {
        assert_eq!(normalise::key(Kubelet, CONTEXT, line.as_bytes()).unwrap_err().kind, kind, "{line}");
    };
    check("\tgoroutine 1201 [running]:\n", "not-a-line");
    check("", "not-a-line");
    check(" >", "not-a-line");
    check("I1323 20:59:00.5 7 a.go:1] x", "no-time");
    check("I0230 20:59:00.5 7 a.go:1] x", "no-time");
    check(r#"{"msg":"x"}"#, "no-time");
    check(r#"{"ts":"x","msg":"x"}"#, "no-time");
    check(r#"{"ts":1795467550745.284}"#, "not-a-line");
}

proptest! {
    #[test]
    fn no_line_breaks_it(uri in "[/a-z?=&%+]{0,40}", latency in "[0-9.hmsµn]{0,12}", address in "[0-9:.\\[\\]]{0,12}", pods in "[\\[\\]{}\",:a/]{0,20}") {
        let line = format!("I1123 20:59:00.5 7 a.go:1] \"HTTP\" URI=\"/exec/{uri}\" latency=\"{latency}\" srcIP=\"{address}\" pods={pods}");
        let _ = read(&line);
    }

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..120), received_ns in any::<i64>()) {
        let context = Context { received_ns, ..CONTEXT };
        for line in [bytes.clone(), [b"I1123 20:59:00.5 7 a.go:1] \"HTTP\" ".as_slice(), &bytes].concat()] {
            if let Ok(key) = normalise::key(Kubelet, context, &line) {
                let event = normalise::event(Kubelet, &key, context, &[&line]);
                prop_assert_eq!(event.when.event, key.when);
            }
            let _ = normalise::fields(Kubelet, &line);
        }
    }
}
