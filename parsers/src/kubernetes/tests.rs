//! Events from frames: every member, every oddity, every envelope.

use super::*;

fn issues(frame: &str) -> Vec<&'static str> {
    let mut kinds: Vec<_> = parse(frame.as_bytes()).unwrap().1.into_iter().map(|issue| issue.kind).collect();
    kinds.sort_unstable();
    kinds
}

const HEAD: &str = r#""kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"Panic","requestReceivedTimestamp":"2026-11-23T20:57:42.1Z""#;

fn with(rest: &str) -> String {
    format!("{{{HEAD},{rest}}}\n")
}

#[test]
fn every_member() {
    let text = with(concat!(
        r#""level":"RequestResponse","requestURI":"/a?b=1\u0026c","verb":"get","user":{"username":"u","uid":"1","groups":["g","h"],"extra":{"k":["v","w"]}},"#,
        r#""impersonatedUser":{"username":"i","groups":[]},"authenticationMetadata":{"impersonationConstraint":"c"},"sourceIPs":["1.1.1.1"],"userAgent":"ua","#,
        r#""objectRef":{"resource":"r","namespace":"ns","name":"n","uid":"x","apiGroup":"ag","apiVersion":"v","resourceVersion":"7","subresource":"s"},"#,
        r#""responseStatus":{"metadata":{},"status":"Failure","message":"m","reason":"r","details":{"name":"n"},"code":409},"requestObject":{"q":[1]},"responseObject":{"p":2},"#,
        r#""stageTimestamp":"2026-11-23T20:57:42.2Z","annotations":{"k":"v"}"#
    ));
    let (event, issues) = parse(text.as_bytes()).unwrap();
    assert_eq!(issues, []);
    assert_eq!(event.request_uri.as_deref(), Some("/a?b=1&c"));
    assert_eq!((event.user.groups.len(), event.user.extra("k")), (2, &["v".into(), "w".into()][..]));
    assert_eq!(event.impersonated_user.as_ref().unwrap().username.as_deref(), Some("i"));
    assert_eq!(event.impersonation_constraint.as_deref(), Some("c"));
    let object = event.object_ref.as_ref().unwrap();
    assert_eq!((object.subresource.as_deref(), object.resource_version.as_deref()), (Some("s"), Some("7")));
    let status = event.response_status.as_ref().unwrap();
    assert_eq!((status.code, status.details), (Some(409), Some(r#"{"name":"n"}"#)));
    assert_eq!((event.request_object, event.response_object), (Some(r#"{"q":[1]}"#), Some(r#"{"p":2}"#)));
    assert_eq!(event.annotation("k"), Some("v"));
    let parts = key_of(text.as_bytes()).unwrap();
    assert_eq!((parts.username.as_deref(), parts.request_uri.as_deref()), (Some("u"), Some("/a?b=1&c")));
    assert_eq!(flatten(text.as_bytes()).len(), 37);
}

#[test]
fn oddities() {
    let check = |frame: &str, expected: &[&str]| assert_eq!(issues(frame), expected, "{frame}");
    check(&with(r#""verb":"get""#), &[]);
    check(&with(r#""verb":"get","Verb":"list""#), &["unknown-field"]);
    check(&with(r#""verb":"get","verb":"list""#), &["duplicate-field"]);
    check(&with(r#""user":{"username":"a","username":"b","x":1}"#), &["duplicate-field", "unknown-field"]);
    check(&with(r#""annotations":{"a":"1","a":"2"}"#), &["duplicate-field"]);
    check(
        &with(r#""verb":0,"user":[],"sourceIPs":"x","annotations":{"a":1},"responseStatus":{"code":"x"}"#),
        &["wrong-type"; 5],
    );
    check(&with(r#""verb":null,"user":null,"responseObject":null,"stageTimestamp":null"#), &[]);
    check(&with(r#""level":"Loud""#), &["unknown-level"]);
    check(&with(r#""stageTimestamp":"2026-11-23T20:57:41Z""#), &["stage-before-request"]);
    check(&with(r#""stageTimestamp":"soon""#), &["unreadable-time"]);
    check(
        &with(r#""metadata":{"creationTimestamp":"2026-11-23T20:57:41Z"},"timestamp":"2026-11-23T20:57:41Z""#),
        &["legacy-field"; 2],
    );
    check(r#"{"auditID":"a"}"#, &["missing-api-version", "missing-kind", "missing-stage", "missing-time"]);
    check(r#",{"auditID":"a","stage":"X"}"#, &["missing-time", "unknown-stage"]);
    check(
        r#"{"kind":0,"auditID":"","apiVersion":"audit.k8s.io/v9","stage":"Panic"}"#,
        &["missing-audit-id", "missing-kind", "missing-time", "unknown-api-version", "wrong-type"],
    );
    let many: Vec<String> = (0..500).map(|number| format!("\"x{number}\":1")).collect();
    assert_eq!(issues(&with(&many.join(","))).len(), 65);
}

#[test]
fn the_first_of_two_counts() {
    let text = with(r#""verb":"get","verb":"list","user":{"username":"a"},"user":{"username":"b"}"#);
    let (event, _) = parse(text.as_bytes()).unwrap();
    let parts = key_of(text.as_bytes()).unwrap();
    assert_eq!((event.verb.as_deref(), event.user.username.as_deref()), (Some("get"), Some("a")));
    assert_eq!((parts.verb.as_deref(), parts.username.as_deref()), (Some("get"), Some("a")));
}

#[test]
fn envelopes() {
    let item = r#"{"auditID":"a","stage":"Panic","requestReceivedTimestamp":"2026-11-23T20:57:42Z"}"#;
    let check = |before: &str, behind: &str, in_list: bool, trailing: bool| {
        let frame = format!("{before}{item}{behind}");
        let located = locate(frame.as_bytes()).unwrap();
        assert_eq!((located.json(), located.in_list, located.trailing.is_some()), (item, in_list, trailing), "{frame}");
        assert_eq!(key_of(frame.as_bytes()).unwrap().audit_id.as_deref(), Some("a"), "{frame}");
        assert_eq!(parse(frame.as_bytes()).unwrap().0.in_list, in_list, "{frame}");
    };
    check("", "\r\n", false, false);
    check("\u{feff}\n\0", " \n", false, false);
    check("", " x\n", false, true);
    check(",", "", true, false);
    check(" ,\n", ",\n", true, false);
    check("[", "", true, false);
    check(",", "]\n", true, false);
    check(",", "]}\n", true, false);
    check(",", "],\"kind\":\"EventList\",\"metadata\":{}}\n", true, false);
    check(",", "],\"items\":[{}]}\n", true, true);
    check(",", "]} x\n", true, true);
    check("{\"kind\":\"EventList\",\"auditID\":\"wrong\",\"metadata\":{},\"items\":[", "", true, false);
    check("{\n\"items\" : [\n ", "\n], \"kind\":\"EventList\"}", true, false);
}

#[test]
fn what_is_no_event() {
    let check = |frame: &[u8], kind: &str| {
        assert_eq!(parse(frame).unwrap_err().kind(), kind, "{:?}", String::from_utf8_lossy(frame));
        assert_eq!(key_of(frame).unwrap_err().kind(), kind, "{:?}", String::from_utf8_lossy(frame));
    };
    check(b"\n \r\n", "blank");
    check(b"", "blank");
    check(b"[]\n", "empty-list");
    check(b"{\"kind\":\"EventList\",\"items\":[ ]}\n", "empty-list");
    check(b"{\"auditID\":\"a\xff\"}", "not-utf8");
    check(b"{\"auditID\":\"a", "not-json");
    check(b"{\"auditID\":\"a\n\"}", "not-json");
    check(b"text\n", "not-json");
    check(b",\n", "not-json");
    check(b"]}\n", "not-json");
    check(b"0\n", "not-json");
    check(b"{\"auditID\":\"\\ud800\"}", "not-json");
    check(b"{\"kind\":\"Event\",\"apiVersion\":\"v1\"}", "not-an-event");
    check(b"{\"auditID\":1}", "not-an-event");
    check(b"{}", "not-an-event");
    let deep = format!("{{\"auditID\":\"a\",\"requestObject\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    check(deep.as_bytes(), "not-json");
    let torn = parse(b"{\n \"auditID\":\"a\",\n").unwrap_err();
    assert_eq!(torn.to_string(), "not JSON at line 3, column 1: a member's name is expected here");
}

#[test]
fn times_of_last_resort() {
    let check = |rest: &str, secs: Option<i64>| {
        let frame = format!("{{\"auditID\":\"a\"{rest}}}");
        let found = key_of(frame.as_bytes()).ok().map(|parts| parts.when.nanos / 1_000_000_000);
        assert_eq!(found, secs, "{rest}");
    };
    check("", None);
    check(r#","requestReceivedTimestamp":"9999-01-01T00:00:00Z""#, None);
    check(r#","requestReceivedTimestamp":"1970-01-01T00:00:01Z","timestamp":"1970-01-01T00:00:02Z""#, Some(1));
    check(
        r#","requestReceivedTimestamp":null,"timestamp":"1970-01-01T00:00:02Z","stageTimestamp":"1970-01-01T00:00:04Z""#,
        Some(2),
    );
    check(
        r#","metadata":{"creationTimestamp":"1970-01-01T00:00:03Z"},"stageTimestamp":"1970-01-01T00:00:04Z""#,
        Some(3),
    );
    check(r#","metadata":7,"stageTimestamp":"1970-01-01T00:00:04Z""#, Some(4));
}

#[test]
fn huge_and_strange_identities() {
    let id = "x".repeat(900_000);
    let frame = format!(
        "{{\"auditID\":\"{id}\",\"stageTimestamp\":\"1970-01-01T00:00:04Z\",\"sourceIPs\":[{}\"1\"]}}",
        "\"::1\",".repeat(100)
    );
    assert_eq!(key_of(frame.as_bytes()).unwrap().audit_id.unwrap().len(), id.len());
    assert_eq!(parse(frame.as_bytes()).unwrap().0.source_ips.len(), 101);
    let frame = "{\"auditID\":\"a\\nb\\u0000\",\"stageTimestamp\":\"1970-01-01T00:00:04Z\"}";
    assert_eq!(key_of(frame.as_bytes()).unwrap().audit_id.as_deref(), Some("a\nb\0"));
}
