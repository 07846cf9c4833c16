//! Tests of the JSON contract and of its one-line form.

use super::*;
use crate::model::{EventIssue, Source};
use crate::query::samples::{self, HOSTILE, has_hidden};
use proptest::prelude::*;

fn json(of: &Event) -> Value {
    event(of, &JsonOptions::default())
}

#[test]
fn the_contract_word_for_word() {
    let expected = r#"{"id":"a4dqobyha4dqobyha4dqobyha4","source":"kubernetes","when":{"event":"2026-11-23T20:57:42.452334Z","received":"2026-11-23T20:57:44.000000005Z","end":"2026-11-23T20:57:43.000001Z"},"who":{"name":"alice@example.com","kind":"user","asserted_by":"apiserver","as":"bob","groups":["dev","system:authenticated"],"credential":"X509SHA256=f541e8","address":"10.0.0.9"},"what":{"action":"exec","object":{"kind":"pods/exec","namespace":"shop","name":"web-1"},"outcome":"success","code":"101"},"where":{"cluster":"prod","namespace":"shop","pod":"web-1","container":"app"},"how":{"argv":["sh","-c","id"],"user_agent":"kubectl/v1.36","verb":"get","request_uri":"/api/v1/namespaces/shop/pods/web-1/exec?command=sh&command=-c&command=id&container=app","audit_id":"bdcf39dd-dc50-4c5c-a641-51dc187b19d2","stages":{"RequestReceived":"2026-11-23T20:57:42.452334Z","ResponseStarted":"2026-11-23T20:57:42.500000Z"}},"why":{"reason":"RBAC: allowed by RoleBinding \"dev/shop\""},"evidence":[{"leaf":12,"record":3}]}"#;
    assert_eq!(line(&json(&samples::k8s_exec())), expected);
    let expected = r#"{"id":"a4dqobyha4dqobyha4dqobyha4","source":"linux","when":{"event":"2026-11-23T20:57:42.452Z"},"who":{"name":"bob","kind":"login","asserted_by":"kernel","login":{"auid":1502,"name":"bob","ses":5},"effective":{"uid":0,"name":"root","gid":0}},"what":{"action":"executed","object":{"kind":"file","path":"/usr/bin/docker","inode":"fe:00/1234","role":"NORMAL"},"objects":[{"kind":"file","path":"/lib64/ld-linux-x86-64.so.2"}],"outcome":"success","code":"0"},"where":{"node":"node-1","boot":"9a3e9c2a-0000-4000-8000-0123456789ab","cwd":"/home/bob"},"how":{"exe":"/usr/bin/docker","argv":["docker","run","--name","a b",""],"pid":24100,"ppid":24089,"comm":"docker","tty":"pts0","syscall":"execve","args":{"a0":"5581","a1":"0"}},"why":{"keys":["audit-docker"]},"evidence":[{"leaf":12,"record":3}],"records":[{"leaf":12,"record":3,"type":"SYSCALL","fields":{"arch":"c000003e","res":"","x":["1","2"]},"meaning":{"arch":"x86_64"},"enriched":{"AUID":"bob"}}]}"#;
    let with_records = event(&samples::execve(), &JsonOptions { fields: None, records: true });
    assert_eq!(line(&with_records), expected);
}

#[test]
fn what_is_absent_is_left_out() {
    let bare = line(&json(&samples::bare(Source::Own)));
    assert_eq!(
        bare,
        r#"{"id":"a4dqobyha4dqobyha4dqobyha4","source":"self","when":{"event":"2026-11-23T20:57:42.452Z"},"who":{"kind":"unset"},"what":{"action":"unknown","outcome":"unknown"},"evidence":[{"leaf":12,"record":3}]}"#
    );
    let denied = json(&samples::open_denied());
    assert_eq!(
        line(at(&denied, "who").unwrap()),
        r#"{"kind":"unset","login":{"unset":true},"effective":{"uid":1000,"gid":1000}}"#
    );
    let mut empty = samples::k8s_exec();
    empty.who.name = Some(samples::s(""));
    empty.issues = vec![EventIssue { kind: samples::s("folded-line"), detail: samples::s("") }];
    let empty = json(&empty);
    assert_eq!(at(&empty, "who.name"), None);
    assert_eq!(line(at(&empty, "issues").unwrap()), r#"[{"kind":"folded-line"}]"#);
}

#[test]
fn fields_keep_paths_in_the_order_of_the_contract() {
    let check = |fields: &[&str], expected: &str| {
        let options =
            JsonOptions { fields: Some(fields.iter().map(|field| (*field).to_owned()).collect()), records: false };
        assert_eq!(line(&event(&samples::k8s_list(), &options)), expected, "{fields:?}");
    };
    check(
        &["what.outcome", "what.object", "source"],
        r#"{"source":"kubernetes","what":{"object":{"kind":"secrets","namespace":"shop"},"outcome":"unknown"}}"#,
    );
    check(&["issues.kind"], r#"{"issues":[{"kind":"legacy-timestamp"}]}"#);
    check(&["evidence"], r#"{"evidence":[{"leaf":12,"record":3}]}"#);
    check(&["who.name", "nothing.such", "id.x", ""], "{}");
    check(&[], "{}");
}

#[test]
fn nothing_invisible_leaves_as_json() {
    for (name, text) in HOSTILE {
        for source in [Source::Linux, Source::Kubernetes, Source::Own] {
            let value = event(&samples::hostile(text, source), &JsonOptions { fields: None, records: true });
            let text = line(&value);
            assert!(!has_hidden(&text), "{name}: {text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{name}");
            let text = pretty(&value);
            assert!(!has_hidden(&text.replace('\n', "")), "{name}: {text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{name}");
        }
    }
    assert_eq!(line(&Value::from("\u{9b}\u{e0067}\u{202e}é😀\n\u{7f}")), r#""\u009b\udb40\udc67\u202eé😀\n\u007f""#);
}

#[test]
fn paths_read_what_is_there() {
    let value: Value =
        serde_json::from_str(r#"{"a":{"b":"x","n":7,"t":true,"e":"","z":null,"l":["", 1, {"k":2}]}}"#).unwrap();
    let check = |path: &str, expected: Option<&str>| assert_eq!(text(&value, path).as_deref(), expected, "{path}");
    check("a.b", Some("x"));
    check("a.n", Some("7"));
    check("a.t", Some("true"));
    for path in ["a.e", "a.z", "a.l", "a", "a.b.c", "", "x"] {
        check(path, None);
    }
    assert_eq!(each_text(&value, "a.l"), ["", "1", r#"{"k":2}"#]);
    assert_eq!(each_text(&value, "a.b"), ["x"]);
    assert_eq!(number(&value, "a.n"), Some(7));
}

/// Any JSON, its texts full of characters that matter.
fn any_json() -> impl Strategy<Value = Value> {
    let text = proptest::collection::vec(
        prop_oneof![any::<char>(), (0u32..0x2100).prop_filter_map("a character", char::from_u32), Just('\u{e0041}')],
        0..12,
    )
    .prop_map(String::from_iter);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn line_reads_back(value in any_json()) {
        let text = line(&value);
        prop_assert!(!has_hidden(&text));
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
