//! Requests put together: from made-up records, and from the corpus where it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use deponent_parsers::frame::{Format, Framer};
use proptest::prelude::*;

use super::*;
use crate::model::{AssertedBy, Event, EventId, Outcome, RecordKind, WhoKind};
use crate::normalise;

const CONTEXT: Context<'_> = Context { cluster: "c1", node: "n1", received_ns: 0, ..Context::NOWHERE };

fn event_of(records: &[&str]) -> Event {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    let keys: BTreeSet<EventId> = records.iter().map(|record| key(CONTEXT, record).unwrap().id).collect();
    assert_eq!(keys.len(), 1, "the records are of one request");
    event(&key(CONTEXT, records[0]).unwrap(), CONTEXT, &records)
}

fn kinds(event: &Event) -> Vec<&str> {
    event.issues.iter().map(|issue| issue.kind.as_str()).collect()
}

/// A record of an exec request: `rest` follows the members that make its identity.
fn exec(stage: &str, time: &str, rest: &str) -> String {
    format!(
        concat!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-1","stage":"{}","#,
            r#""requestURI":"/api/v1/namespaces/shop/pods/web-1/exec?command=sh\u0026command=-c\u0026command=echo+%22a%26b%22\u0026container=app","#,
            r#""verb":"get","user":{{"username":"alice@example.com","groups":["dev","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI=7"]}}}},"#,
            r#""sourceIPs":["1.2.3.4","10.0.0.9"],"userAgent":"kubectl","objectRef":{{"resource":"pods","namespace":"shop","name":"web-1","apiVersion":"v1","subresource":"exec"}},"#,
            r#""requestReceivedTimestamp":"2026-11-23T20:57:42.452334Z","stageTimestamp":"2026-11-23T20:57:{}Z"{}}}"#,
            "\n"
        ),
        stage, time, rest
    )
}

fn session() -> [String; 3] {
    [
        exec("RequestReceived", "42.452334", ""),
        exec(
            "ResponseStarted",
            "43.000000",
            r#","responseStatus":{"metadata":{},"code":101},"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: x"}"#,
        ),
        exec(
            "ResponseComplete",
            "50.1",
            r#","responseStatus":{"metadata":{},"code":101},"annotations":{"authorization.k8s.io/reason":"RBAC: x","authorization.k8s.io/decision":"allow"}"#,
        ),
    ]
}

#[test]
fn an_exec_session() {
    let [received, started, complete] = session();
    let event = event_of(&[&complete, &received, &started]);
    assert_eq!(kinds(&event), [""; 0]);
    assert_eq!(event.what.action, "exec", "whatever the verb");
    assert_eq!(event.how.verb.as_deref(), Some("get"));
    assert_eq!((event.what.outcome, event.what.code.as_deref()), (Outcome::Success, Some("101")));
    let object = event.what.object.as_ref().unwrap();
    assert_eq!((object.kind.as_deref(), object.name.as_deref()), (Some("pods/exec"), Some("web-1")));
    assert_eq!(event.how.argv, ["sh", "-c", "echo \"a&b\""]);
    let place = &event.r#where;
    assert_eq!((place.cluster.as_deref(), place.node.as_deref()), (Some("c1"), None));
    assert_eq!(
        (place.pod.as_deref(), place.container.as_deref(), place.namespace.as_deref()),
        (Some("web-1"), Some("app"), Some("shop"))
    );
    assert_eq!((event.who.name.as_deref(), event.who.kind), (Some("alice@example.com"), WhoKind::User));
    assert_eq!((event.who.address.as_deref(), event.who.asserted_by), (Some("10.0.0.9"), Some(AssertedBy::Apiserver)));
    assert_eq!((event.who.credential.as_deref(), event.why.reason.as_deref()), (Some("JTI=7"), Some("RBAC: x")));
    let stages: Vec<&str> = event.how.stages.iter().map(|(stage, _)| stage.as_str()).collect();
    assert_eq!(stages, ["RequestReceived", "ResponseStarted", "ResponseComplete"]);
    assert_eq!(event.when.end.unwrap().nanos - event.when.event.nanos, 7_647_666_000);
    assert_eq!(event.when.event.digits, 6);
}

#[test]
fn received_alone_tells_no_outcome() {
    let [received, ..] = session();
    let event = event_of(&[&received]);
    assert_eq!((event.what.outcome, event.when.end), (Outcome::Unknown, None));
}

#[test]
fn a_second_witness_is_no_conflict() {
    let [_, _, complete] = session();
    let item = format!(",{}", complete.trim_end().replace(r#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, ""));
    let both = event_of(&[&complete, &item]);
    assert_eq!(both, event_of(&[&complete]));
    assert_eq!(kinds(&both), [""; 0]);
}

#[test]
fn contradictions_are_left_out() {
    let [received, _, complete] = session();
    let other = complete.replace("10.0.0.9", "6.6.6.6").replace("\"code\":101", "\"code\":403");
    let event = event_of(&[&complete, &received, &other]);
    assert_eq!(kinds(&event), ["conflict", "conflict"]);
    assert_eq!(
        (event.who.address.as_ref(), event.what.outcome, event.what.code.as_ref()),
        (None, Outcome::Unknown, None)
    );
    assert_eq!(event.issues[0].detail, "left out because records disagree: what.outcome, who.address");
    assert_eq!(event.issues[1].detail, "records of stage ResponseComplete differ in responseStatus, sourceIPs");
    assert_eq!(event.who.name.as_deref(), Some("alice@example.com"), "what is not contradicted stays");
}

#[test]
fn outcomes() {
    let check = |rest: &str, outcome: Outcome, code: Option<&str>| {
        let event = event_of(&[&exec("ResponseComplete", "50", rest)]);
        assert_eq!((event.what.outcome, event.what.code.as_deref()), (outcome, code), "{rest}");
    };
    check(r#","responseStatus":{"code":200}"#, Outcome::Success, Some("200"));
    check(r#","responseStatus":{"code":401}"#, Outcome::Denied, Some("401"));
    check(r#","responseStatus":{"code":403}"#, Outcome::Denied, Some("403"));
    check(r#","responseStatus":{"code":404,"status":"Failure"}"#, Outcome::Failure, Some("404"));
    check(
        r#","responseStatus":{"code":500},"annotations":{"authorization.k8s.io/decision":"allow"}"#,
        Outcome::Failure,
        Some("500"),
    );
    check(r#","responseStatus":{"status":"Failure"}"#, Outcome::Failure, None);
    check(r#","annotations":{"authorization.k8s.io/decision":"forbid"}"#, Outcome::Denied, None);
    check(r#","annotations":{"authorization.k8s.io/decision":"allow"}"#, Outcome::Unknown, None);
    check(r#","responseStatus":{"code":-1}"#, Outcome::Unknown, Some("-1"));
    check("", Outcome::Unknown, None);
}

#[test]
fn identities() {
    let check = |user: &str, name: Option<&str>, kind: WhoKind| {
        let record = format!(
            r#"{{"auditID":"a","user":{user},"responseStatus":{{"code":401}},"stage":"ResponseStarted","requestReceivedTimestamp":"2026-11-23T20:57:42Z"}}"#
        );
        let event = event_of(&[&record]);
        assert_eq!((event.who.name.as_deref(), event.who.kind), (name, kind), "{user}");
        assert_eq!(key(CONTEXT, record.as_bytes()).unwrap().last, name.is_none());
    };
    check(
        r#"{"username":"system:serviceaccount:shop:web"}"#,
        Some("system:serviceaccount:shop:web"),
        WhoKind::ServiceAccount,
    );
    check(r#"{"username":"system:serviceaccount:shop"}"#, Some("system:serviceaccount:shop"), WhoKind::User);
    check(r#"{"username":"system:anonymous"}"#, Some("system:anonymous"), WhoKind::Anonymous);
    check(r#"{"username":""}"#, None, WhoKind::Anonymous);
    check("{}", None, WhoKind::Anonymous);
    check("null", None, WhoKind::Anonymous);
}

#[test]
fn generated_names_come_from_the_response() {
    let record = |name: &str, response: &str| {
        format!(
            r#"{{"auditID":"a","verb":"create","stage":"ResponseComplete","objectRef":{{"resource":"pods"{name}}},"responseObject":{response},"requestReceivedTimestamp":"2026-11-23T20:57:42Z"}}"#
        )
    };
    let check = |name: &str, response: &str, expected: (Option<&str>, Option<&str>)| {
        let event = event_of(&[&record(name, response)]);
        let object = event.what.object.unwrap();
        assert_eq!((object.name.as_deref(), object.uid.as_deref()), expected, "{name} {response}");
        assert_eq!((event.r#where.pod.as_deref(), event.r#where.pod_uid.as_deref()), expected);
    };
    check("", r#"{"kind":"Pod","metadata":{"name":"web-x","uid":"u"}}"#, (Some("web-x"), Some("u")));
    check(r#","name":"web""#, r#"{"metadata":{"name":"web","uid":"u"}}"#, (Some("web"), Some("u")));
    check(r#","name":"web""#, r#"{"metadata":{"name":"other","uid":"u"}}"#, (Some("web"), None));
    check("", r#"{"kind":"Status","metadata":{}}"#, (None, None));
    check(r#","subresource":"eviction""#, r#"{"metadata":{"name":"web","uid":"u"}}"#, (None, None));
}

#[test]
fn the_seed_sample() {
    let record = concat!(
        "{\n  \"kind\":\"Event\",\n  \"apiVersion\":\"audit.k8s.io/v1\",\n  \"metadata\":{ \"creationTimestamp\":\"2019-03-03T10:10:00Z\" },\n",
        "  \"level\":\"Metadata\",\n  \"timestamp\":\"2019-03-03T10:10:00Z\",\n  \"auditID\":\"7e0cbccf-8d8a-4f5f-aefb-60b8af2d2ad5\",\n",
        "  \"stage\":\"RequestReceived\",\n  \"requestURI\":\"/api/v1/namespaces/default/persistentvolumeclaims\",\n  \"verb\":\"list\",\n",
        "  \"user\": {\n    \"username\":\"fname.lname@example.com\",\n    \"groups\":[ \"system:authenticated\" ]\n  },\n",
        "  \"sourceIPs\":[ \"123.45.67.123\" ],\n  \"objectRef\": {\n    \"resource\":\"persistentvolumeclaims\",\n    \"namespace\":\"default\",\n",
        "    \"apiVersion\":\"v1\"\n  },\n  \"requestReceivedTimestamp\":\"2010-03-03T10:10:00.123456Z\",\n  \"stageTimestamp\":\"2019-03-03T10:10:00.123456Z\"\n} \n"
    );
    let event = event_of(&[record]);
    assert_eq!(kinds(&event), ["legacy-field", "legacy-field", "stage-time-differs"]);
    assert!(event.issues[2].detail.contains("9.0 years (283996800 s) after"), "{}", event.issues[2].detail);
    assert_eq!(event.who.address.as_deref(), Some("123.45.67.123"));
    assert_eq!(event.what.object.unwrap().kind.as_deref(), Some("persistentvolumeclaims"));
    let fields = fields(record.as_bytes());
    assert_eq!((fields.record.as_str(), fields.fields.len()), ("RequestReceived", 17));
    assert!(fields.fields.contains(&("user.groups[0]".into(), "system:authenticated".into())));
}

proptest! {
    /// Any order and any repetition of any of these records is the same event.
    #[test]
    fn order_and_repetition_change_nothing(
        chosen in prop::collection::btree_set(0usize..6, 1..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let [received, started, complete] = session();
        let forged = complete.replace("10.0.0.9", "6.6.6.6");
        let later = started.replace("43.000000", "44.000000").replace("kubectl", "curl");
        let item = format!(",{}", complete.trim_end().replace(r#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, ""));
        let all = [received, started, complete, forged, later, item];
        let set: Vec<&str> = chosen.iter().map(|at| all[*at].as_str()).collect();
        let mut shuffled: Vec<&str> = order.iter().map(|at| set[at.index(set.len())]).collect();
        shuffled.extend(set.iter().rev());
        prop_assert_eq!(event_of(&set), event_of(&shuffled));
    }
}

fn corpus() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let folder = PathBuf::from(std::env::var_os("DEPONENT_CORPUS").unwrap_or_else(|| default.into()));
    folder.is_dir().then_some(folder)
}

fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut framer = Framer::new(Format::KubernetesAudit);
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some(cut) = framer.next(rest, true) {
        let (frame, behind) = rest.split_at(cut.len);
        frames.push(frame);
        rest = behind;
    }
    frames
}

/// Events of a file by id, and how many frames were none.
fn events(frames: &[&[u8]]) -> (BTreeMap<EventId, Event>, usize) {
    let mut sets: BTreeMap<EventId, (Key, Vec<&[u8]>)> = BTreeMap::new();
    let mut bad = 0;
    for frame in frames {
        match normalise::key(RecordKind::KubernetesAudit, CONTEXT, frame) {
            Ok(key) => sets.entry(key.id).or_insert((key, Vec::new())).1.push(frame),
            Err(_) => bad += 1,
        }
    }
    let events = sets.into_iter().map(|(id, (key, records))| (id, event(&key, CONTEXT, &records))).collect();
    (events, bad)
}

#[test]
fn the_lab_node() {
    let Some(corpus) = corpus() else {
        return;
    };
    let log = std::fs::read(corpus.join("lab/k8s-audit.log")).unwrap();
    let frames_of_log = frames(&log);
    let (events_of_log, bad) = events(&frames_of_log);
    assert_eq!((frames_of_log.len(), events_of_log.len(), bad), (3_915, 2_161, 0));
    let mut issues: BTreeMap<&str, usize> = BTreeMap::new();
    events_of_log.values().flat_map(|event| kinds(event)).for_each(|kind| *issues.entry(kind).or_default() += 1);
    assert!(issues.is_empty(), "{issues:?}");
    // The second witness: the webhook says the same of the same events, and nothing that the log does not have.
    let mut items = 0;
    let mut records: BTreeMap<EventId, Vec<&[u8]>> = BTreeMap::new();
    for frame in &frames_of_log {
        records.entry(key(CONTEXT, frame).unwrap().id).or_default().push(frame);
    }
    for file in std::fs::read_dir(corpus.join("lab/webhook")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let body = std::fs::read(&path).unwrap();
        for frame in frames(&body) {
            items += 1;
            let found = key(CONTEXT, frame).unwrap();
            let there = events_of_log.get(&found.id).unwrap_or_else(|| panic!("{}: not in the log", path.display()));
            let mut both = records.get(&found.id).unwrap().clone();
            both.insert(items % (both.len() + 1), frame);
            assert_eq!(&event(&found, CONTEXT, &both), there, "{}", path.display());
        }
    }
    assert!(items > 3_000, "{items}");
}

#[test]
fn what_others_test_with() {
    let Some(corpus) = corpus() else {
        return;
    };
    let check = |name: &str, records: usize, bad: usize| {
        let bytes = std::fs::read(corpus.join("third-party").join(name)).unwrap();
        let frames = frames(&bytes);
        let (_, found) = events(&frames);
        assert_eq!((frames.len(), found), (records, bad), "{name}");
    };
    check("audit2rbac/demo.log", 37, 0);
    check("crowdsec-hub/k8s-audit-pod-exec-file__k8s-audit-pod-exec-file.log", 1, 0);
    for file in std::fs::read_dir(corpus.join("third-party/falco-k8s-audit")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".json") {
            let bytes = std::fs::read(corpus.join("third-party/falco-k8s-audit").join(&name)).unwrap();
            let (events, bad) = events(&frames(&bytes));
            assert!(!events.is_empty() && bad == 0, "{name}: {} events, {bad} bad", events.len());
        }
    }
}
