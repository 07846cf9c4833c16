//! Lines of containers: who is named by whom, parts, streams.

use super::*;
use crate::model::RecordKind::Container;
use crate::normalise;

const PATH: &[u8] = b"/var/log/pods/shop_api-659665467f-xn7d9_1d622f83-e5e1-4dfa-9bb2-83842129a0b0/app/0.log";
const CONTEXT: Context<'_> = Context { node: "n", path: PATH, ..Context::NOWHERE };

fn of(context: Context<'_>, record: &str) -> Event {
    let key = normalise::key(Container, context, record.as_bytes()).unwrap();
    normalise::event(Container, &key, context, &[record.as_bytes()])
}

fn line(text: &str) -> Event {
    of(CONTEXT, &format!("2026-11-23T21:00:50.550321868Z stdout F {text}\n"))
}

fn kinds(event: &Event) -> Vec<&str> {
    event.issues.iter().map(|issue| issue.kind.as_str()).collect()
}

#[test]
fn the_path_says_where() {
    let event = line("sidecar heartbeat");
    let place = &event.r#where;
    assert_eq!((place.namespace.as_deref(), place.pod.as_deref()), (Some("shop"), Some("api-659665467f-xn7d9")));
    assert_eq!(
        (place.container.as_deref(), place.pod_uid.as_deref()),
        (Some("app"), Some("1d622f83-e5e1-4dfa-9bb2-83842129a0b0"))
    );
    assert_eq!((event.what.action.as_str(), event.what.message.as_deref()), ("logged", Some("sidecar heartbeat")));
    assert_eq!(event.who, crate::model::Who::default(), "nobody");
    // Equal lines of two containers are two events; of one, read again under its other name, one.
    let elsewhere =
        Context { path: b"/var/log/pods/shop_api-1_1d622f83-e5e1-4dfa-9bb2-83842129a0b0/app/0.log", ..CONTEXT };
    let text = "2026-11-23T21:00:50.550321868Z stdout F x";
    assert_ne!(of(CONTEXT, text).id, of(elsewhere, text).id);
    let stranger = Context { path: b"/tmp/copy.log", ..CONTEXT };
    assert_eq!(of(stranger, text).r#where.pod, None);
}

#[test]
fn a_body_answers_what_it_can() {
    let event = line(
        r#"{"level":"info","msg":"request served","user":"customer-1","path":"/orders/1","status":403,"ip":"10.0.0.9"}"#,
    );
    assert_eq!((event.who.name.as_deref(), event.who.asserted_by), (Some("customer-1"), Some(AssertedBy::Application)));
    assert_eq!((event.what.outcome, event.what.code.as_deref()), (Outcome::Denied, Some("403")));
    assert_eq!(event.what.object.as_ref().and_then(|object| object.name.as_deref()), Some("/orders/1"));
    assert_eq!(
        (event.what.message.as_deref(), event.who.address.as_deref()),
        (Some("request served"), Some("10.0.0.9"))
    );
    let event = line("level=error msg=\"cannot write\" user.id=7 action=save");
    assert_eq!((event.who.name.as_deref(), event.what.action.as_str()), (Some("7"), "save"));
    assert_eq!(event.what.outcome, Outcome::Failure);
    let access = line(r#"10.0.0.9 - bob [23/Nov/2026:20:59:25 +0000] "GET /x HTTP/1.1" 401 12 "-" "curl/8""#);
    assert_eq!((access.what.action.as_str(), access.who.name.as_deref()), ("http", Some("bob")));
    assert_eq!((access.how.verb.as_deref(), access.how.request_uri.as_deref()), (Some("GET"), Some("/x")));
    assert_eq!((access.what.outcome, access.how.user_agent.as_deref()), (Outcome::Denied, Some("curl/8")));
    // An object is no name.
    assert_eq!(line(r#"{"user":{"roles":["a"]},"msg":"x"}"#).who.name, None);
}

#[test]
fn names_of_fields_can_be_configured() {
    let context = Context { fields: "actor=kto;action=co", ..CONTEXT };
    let event = of(context, "2026-11-23T21:00:50Z stdout F {\"kto\":\"ala\",\"co\":\"zapis\",\"user\":\"other\"}");
    assert_eq!((event.who.name.as_deref(), event.what.action.as_str()), (Some("ala"), "zapis"));
}

#[test]
fn parts_are_one_line() {
    let part = |stream: &str, tag: &str, text: &str| format!("2026-11-23T21:00:50.5Z {stream} {tag} {text}\n");
    let whole = of(CONTEXT, &[part("stdout", "P", "{\"msg\":\"a"), part("stdout", "F", "b\"}")].concat());
    assert_eq!((whole.what.message.as_deref(), whole.issues.len()), (Some("ab"), 0));
    let mixed = [part("stdout", "P", "one "), part("stderr", "F", "other"), part("stdout", "F", "line")].concat();
    let mixed = of(CONTEXT, &mixed);
    assert_eq!((mixed.what.message.as_deref(), kinds(&mixed)), (Some("one line"), vec!["interleaved"]));
    assert!(mixed.issues[0].detail.ends_with("other"));
    // The line has ended and the other stream's has not: what comes is no part of the line.
    let behind = [
        part("stdout", "P", "one "),
        part("stderr", "P", "e"),
        part("stdout", "F", "line"),
        part("stdout", "F", "two"),
        part("stderr", "F", "r"),
    ];
    let behind = of(CONTEXT, &behind.concat());
    assert_eq!((behind.what.message.as_deref(), kinds(&behind)), (Some("one line"), vec!["interleaved"]));
    assert!(behind.issues[0].detail.contains("two"), "{:?}", behind.issues);
    let open = of(CONTEXT, &part("stdout", "P", "no end"));
    assert_eq!((open.what.message.as_deref(), kinds(&open)), (Some("no end"), vec!["partial-line"]));
    let docker = r#"{"log":"text\n","stream":"stderr","time":"2026-11-23T21:00:50.5Z"}"#;
    assert_eq!(of(CONTEXT, docker).what.message.as_deref(), Some("text"));
}

#[test]
fn what_is_no_such_line_is_bad() {
    for bytes in [&b""[..], b"\xff", b"text", b"2026-11-23T21:00:50Z", b"{\"log\":1}"] {
        assert_eq!(normalise::key(Container, CONTEXT, bytes).unwrap_err().kind, "not-a-line");
    }
}
