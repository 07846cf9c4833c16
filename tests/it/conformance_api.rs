//! API audit events of other projects' tests: what the record says, read again with serde_json, must be what our event says.
//!
//! Not here: Linux audit records (`conformance`).

use std::path::Path;

use deponent::model::{Event, Outcome, RecordKind};
use deponent::normalise::{self, Context};
use serde_json::Value;

use crate::harness::corpus;

const CONTEXT: Context<'static> =
    Context { cluster: "", node: "", received_ns: 1_795_700_000_000_000_000, ..Context::NOWHERE };
const TIME: &str = "2026-11-23T20:59:10.466000Z";

fn event(record: &Value) -> Result<Event, String> {
    let bytes = serde_json::to_vec(record).unwrap();
    let kind = RecordKind::KubernetesAudit;
    let key = normalise::key(kind, CONTEXT, &bytes).map_err(|bad| format!("{}: {}", bad.kind, bad.detail))?;
    Ok(normalise::event(kind, &key, CONTEXT, &[&bytes]))
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What differs between an event of audit.k8s.io and ours.
fn compare(record: &Value, ours: &Event) -> Vec<String> {
    let mut differ = Vec::new();
    let mut same = |what: &str, theirs: Option<String>, ours: Option<String>| {
        if theirs.is_some() && theirs != ours {
            differ.push(format!("{what}: the record {theirs:?}, ours {ours:?}"));
        }
    };
    let shown = |text: &Option<deponent::model::Str>| text.as_ref().map(ToString::to_string);
    same("who.name", text(record, "/user/username"), shown(&ours.who.name));
    same("who.as", text(record, "/impersonatedUser/username"), shown(&ours.who.r#as));
    same("verb", text(record, "/verb"), shown(&ours.how.verb));
    same("uri", text(record, "/requestURI"), shown(&ours.how.request_uri));
    same("user agent", text(record, "/userAgent"), shown(&ours.how.user_agent));
    let groups: Vec<String> = record
        .pointer("/user/groups")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    same("groups", Some(groups.join(" ")), Some(ours.who.groups.join(" ")));
    let last = record.get("sourceIPs").and_then(Value::as_array).and_then(|all| all.last()).and_then(Value::as_str);
    same("address", last.map(str::to_owned), shown(&ours.who.address));
    let object = ours.what.object.clone().unwrap_or_default();
    let kind = text(record, "/objectRef/resource").map(|resource| match text(record, "/objectRef/subresource") {
        Some(sub) => format!("{resource}/{sub}"),
        None => resource,
    });
    same("kind", kind, shown(&object.kind));
    same("namespace", text(record, "/objectRef/namespace"), shown(&object.namespace));
    same("name", text(record, "/objectRef/name"), shown(&object.name));
    let code = record.pointer("/responseStatus/code").and_then(Value::as_i64).filter(|code| *code != 0);
    same("code", code.map(|code| code.to_string()), shown(&ours.what.code));
    let outcome = code.map(|code| match code {
        401 | 403 => Outcome::Denied,
        100..=399 => Outcome::Success,
        _ => Outcome::Failure,
    });
    same("outcome", outcome.map(|outcome| format!("{outcome:?}")), Some(format!("{:?}", ours.what.outcome)));
    if let Some(sub) = text(record, "/objectRef/subresource")
        .filter(|sub| ["exec", "attach", "portforward", "proxy", "log"].contains(&sub.as_str()))
    {
        same("action", Some(sub), Some(ours.what.action.to_string()));
    }
    differ
}

/// All events of a text: JSON lines, or one object, or lists.
fn events(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut all = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        match value.unwrap() {
            Value::Array(items) => all.extend(items),
            value => match value.get("items").and_then(Value::as_array) {
                Some(items) => all.extend(items.iter().cloned()),
                None => all.push(value),
            },
        }
    }
    all
}

#[test]
fn events_of_falco_audit2rbac_and_crowdsec() {
    let Some(dir) = corpus().map(|corpus| corpus.join("third-party")) else { return };
    let mut paths = vec![
        dir.join("audit2rbac/demo.log"),
        dir.join("crowdsec-hub/k8s-audit-pod-exec-file__k8s-audit-pod-exec-file.log"),
    ];
    paths.extend(
        std::fs::read_dir(dir.join("falco-k8s-audit"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json")),
    );
    let (mut seen, mut differ) = (0, Vec::new());
    for path in &paths {
        for record in events(path) {
            seen += 1;
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match event(&record) {
                Ok(ours) => differ.extend(compare(&record, &ours).into_iter().map(|line| format!("{name}: {line}"))),
                Err(error) => differ.push(format!("{name}: not read: {error}")),
            }
        }
    }
    assert!(seen >= 75, "{seen} events");
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// Panther's rule tests are pieces of records: most lack a time, which is put in here; without it they are kept as bad records.
#[test]
fn events_of_panther_in_the_wrappers_of_three_clouds() {
    let Some(path) = corpus().map(|corpus| corpus.join("third-party/panther/rule_tests.jsonl")) else { return };
    let mut counts = std::collections::BTreeMap::new();
    let mut differ = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = format!("{} {}", case["rule_id"].as_str().unwrap(), case["test"].as_str().unwrap());
        let mut record = case["log"].clone();
        let (wrapper, inner) = if let Some(log) = text(&record, "/properties/log") {
            let Ok(mut inner) = serde_json::from_str::<Value>(&log) else {
                // Azure cuts its records.
                let error = event(&record).unwrap_err();
                assert!(error.contains("in properties.log"), "{name}: {error}");
                *counts.entry("azure, cut").or_insert(0) += 1;
                continue;
            };
            complete(&mut inner);
            record["properties"]["log"] = Value::from(inner.to_string());
            ("azure", inner)
        } else if record.get("protoPayload").is_some() {
            let payload = record["protoPayload"].clone();
            if payload["serviceName"] != "k8s.io" {
                assert!(event(&record).unwrap_err().starts_with("not-an-event"), "{name}");
                *counts.entry("google, of other services").or_insert(0) += 1;
                continue;
            }
            record["timestamp"] = Value::from(TIME);
            let ours = event(&record).unwrap();
            let who = text(&payload, "/authenticationInfo/principalEmail");
            let verb = payload["methodName"].as_str().and_then(|method| method.rsplit('.').next()).map(str::to_owned);
            let shown = |text: &Option<deponent::model::Str>| text.as_ref().map(ToString::to_string);
            if (who.clone(), verb.clone()) != (shown(&ours.who.name), shown(&ours.how.verb)) {
                differ.push(format!("{name}: {who:?} {verb:?}, ours {:?} {:?}", ours.who.name, ours.how.verb));
            }
            if let Some(resource) = text(&payload, "/resourceName") {
                let object = ours.what.object.clone().unwrap_or_default();
                let parts = [object.namespace, object.name].into_iter().flatten();
                for part in parts.filter(|part| !resource.split('/').any(|step| step == part.as_str())) {
                    differ.push(format!("{name}: {part} is not of {resource}"));
                }
            }
            *counts.entry("google").or_insert(0) += 1;
            continue;
        } else {
            complete(&mut record);
            ("audit.k8s.io", record.clone())
        };
        match event(&record) {
            Ok(ours) => differ.extend(compare(&inner, &ours).into_iter().map(|line| format!("{name}: {line}"))),
            Err(error) => differ.push(format!("{name}: not read: {error}")),
        }
        *counts.entry(wrapper).or_insert(0) += 1;
    }
    assert!(differ.is_empty(), "{counts:?}\n{}", differ.join("\n"));
    assert_eq!(counts.values().sum::<usize>(), 195, "{counts:?}");
}

/// Gives an event what every event has and a rule test leaves out.
fn complete(record: &mut Value) {
    let Value::Object(members) = record else { return };
    members.entry("apiVersion").or_insert_with(|| Value::from("audit.k8s.io/v1"));
    // Panther writes times without a zone.
    members.insert("requestReceivedTimestamp".to_owned(), Value::from(TIME));
}
