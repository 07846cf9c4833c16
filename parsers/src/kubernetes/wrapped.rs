//! Audit events as cloud providers hand them out: within another record, as text (Azure, AWS CloudWatch, container logs), or told in other words (Google).
//!
//! The record that was received stays what it is; this gives the event in it as audit.k8s.io would have written it. Not here: reading that event (`parse`).

use std::borrow::Cow;

use super::envelope::{NotAnEvent, locate};
use super::event::Text;
use super::json::{Cursor, JsonError, Shape};

/// An event that was taken out of another record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped {
    /// The event as JSON. Text that was cut stays as it was cut.
    pub json: String,
    /// Where it was: `properties.log`, `message`, `log`, `protoPayload`.
    pub member: &'static str,
    /// The cluster that the wrapper names.
    pub cluster: Option<String>,
}

/// Members of a record that hold an event as text.
const TEXTS: [&str; 3] = ["message", "log", "@message"];

/// Takes the event out of a record that is none itself; `None` when the record wraps nothing that is known.
///
/// # Errors
/// When the record is no JSON object.
pub fn unwrap(frame: &[u8]) -> Result<Option<Unwrapped>, NotAnEvent> {
    let located = locate(frame)?;
    // The text was read once, so that there is nothing left to fail here.
    Ok(find(located.json()).unwrap_or_default())
}

fn find(json: &str) -> Result<Option<Unwrapped>, JsonError> {
    let mut found: Option<(&'static str, Text<'_>)> = None;
    let mut google = Google::default();
    let mut cluster = None;
    Cursor::new(json).object(|cursor, name, _| -> Result<(), JsonError> {
        let shape = cursor.shape()?;
        match (name.as_ref(), shape) {
            ("properties", Shape::Object) => {
                if let Some(text) = text_in(cursor.skip()?, "log")? {
                    found.get_or_insert(("properties.log", text));
                }
            }
            ("resourceId", Shape::Text) => cluster = azure_cluster(&cursor.string()?),
            ("protoPayload", Shape::Object) => google.payload = Some(cursor.skip()?),
            ("timestamp", Shape::Text) => google.timestamp = Some(cursor.skip()?),
            ("operation", Shape::Object) => google.operation = Some(cursor.skip()?),
            ("resource", Shape::Object) => google.resource = Some(cursor.skip()?),
            ("labels", Shape::Object) => google.labels = Some(cursor.skip()?),
            (name, Shape::Text) => match TEXTS.iter().find(|known| **known == name) {
                Some(member) => {
                    let text = cursor.string()?;
                    if text.trim_start().starts_with('{') {
                        found.get_or_insert((member, text));
                    }
                }
                None => drop(cursor.skip()?),
            },
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })?;
    if let Some((member, text)) = found {
        return Ok(Some(Unwrapped { json: text.into_owned(), member, cluster }));
    }
    google.event()
}

/// `…/managedClusters/NAME` of an Azure resource.
fn azure_cluster(resource: &str) -> Option<String> {
    let at = resource.to_ascii_lowercase().find("/managedclusters/")?;
    let name = resource.get(at + "/managedclusters/".len()..)?.split('/').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// A string member of an object's text.
fn text_in<'a>(object: &'a str, wanted: &str) -> Result<Option<Text<'a>>, JsonError> {
    let mut found = None;
    Cursor::new(object).object(|cursor, name, _| -> Result<(), JsonError> {
        if name == wanted && cursor.shape()? == Shape::Text && found.is_none() {
            found = Some(cursor.string()?);
        } else {
            cursor.skip()?;
        }
        Ok(())
    })?;
    Ok(found)
}

/// A member of an object's text, as JSON; the path leads through objects.
fn raw_in<'a>(object: &'a str, path: &[&str]) -> Option<&'a str> {
    let (wanted, rest) = path.split_first()?;
    let mut found = None;
    let mut cursor = Cursor::new(object);
    if cursor.shape().ok()? != Shape::Object {
        return None;
    }
    let read = cursor.object(|cursor, name, _| -> Result<(), JsonError> {
        let value = cursor.skip()?;
        if name == *wanted && found.is_none() {
            found = Some(value);
        }
        Ok(())
    });
    read.ok()?;
    if rest.is_empty() { found } else { raw_in(found?, rest) }
}

/// The text of a member that is a string.
fn word<'a>(object: &'a str, path: &[&str]) -> Option<Cow<'a, str>> {
    Cursor::new(raw_in(object, path)?).string().ok()
}

/// A LogEntry of Google Cloud, each part as JSON.
#[derive(Default)]
struct Google<'a> {
    payload: Option<&'a str>,
    timestamp: Option<&'a str>,
    operation: Option<&'a str>,
    resource: Option<&'a str>,
    labels: Option<&'a str>,
}

impl Google<'_> {
    /// The event that the entry tells, where it is the audit log of a cluster.
    fn event(&self) -> Result<Option<Unwrapped>, JsonError> {
        let Some(payload) = self.payload else { return Ok(None) };
        let service = word(payload, &["serviceName"]);
        let (Some("k8s.io"), Some(method)) = (service.as_deref(), word(payload, &["methodName"])) else {
            return Ok(None);
        };
        let name = word(payload, &["resourceName"]).unwrap_or_default();
        let mut json = String::from(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata""#);
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                json.push_str(&format!(r#","{name}":{value}"#));
            }
        };
        put("auditID", self.operation.and_then(|operation| raw_in(operation, &["id"])));
        put("stage", Some(self.stage()));
        put("verb", method.rsplit('.').next().map(quoted).as_deref());
        put("objectRef", object_ref(&name).as_deref());
        let user = raw_in(payload, &["authenticationInfo", "principalEmail"]);
        put("user", user.map(|user| format!(r#"{{"username":{user}}}"#)).as_deref());
        let address = ["callerIp", "callerIP"].iter().find_map(|name| raw_in(payload, &["requestMetadata", name]));
        put("sourceIPs", address.map(|address| format!("[{address}]")).as_deref());
        put("userAgent", raw_in(payload, &["requestMetadata", "callerSuppliedUserAgent"]));
        put("responseStatus", Some(&status(payload)));
        put("requestObject", raw_in(payload, &["request"]));
        put("responseObject", raw_in(payload, &["response"]));
        put("requestReceivedTimestamp", self.timestamp);
        put("annotations", self.labels);
        json.push('}');
        let label = |name: &str| word(self.resource?, &["labels", name]);
        let cluster: Vec<_> =
            ["project_id", "location", "cluster_name"].iter().filter_map(|name| label(name)).collect();
        let cluster = label("cluster_name").map(|_| cluster.join("/"));
        Ok(Some(Unwrapped { json, member: "protoPayload", cluster }))
    }

    /// A long request has two entries: one as it begins, one as it ends.
    fn stage(&self) -> &'static str {
        let is = |name| self.operation.and_then(|operation| raw_in(operation, &[name])) == Some("true");
        if is("first") && !is("last") { r#""ResponseStarted""# } else { r#""ResponseComplete""# }
    }
}

/// The object of `core/v1/namespaces/default/pods/web/exec`. The URI itself, with the command of an exec, is not recorded.
fn object_ref(name: &str) -> Option<String> {
    let mut parts = name.split('/');
    let (group, version) = (parts.next()?, parts.next()?);
    let mut parts: Vec<&str> = parts.collect();
    let mut namespace = None;
    // The namespace itself is a resource: `core/v1/namespaces/default`.
    if let ["namespaces", inside, _, ..] = parts.as_slice() {
        namespace = Some(*inside);
        parts.drain(..2);
    }
    let mut json = format!(r#"{{"resource":{}"#, quoted(parts.first()?));
    let group = Some(group).filter(|group| *group != "core");
    let others = [
        ("namespace", namespace),
        ("name", parts.get(1).copied()),
        ("subresource", parts.get(2).copied()),
        ("apiGroup", group),
        ("apiVersion", Some(version)),
    ];
    for (member, value) in others {
        if let Some(value) = value {
            json.push_str(&format!(r#","{member}":{}"#, quoted(value)));
        }
    }
    json.push('}');
    Some(json)
}

/// How it ended: Google tells it in the codes of gRPC. Of those that stand for one HTTP code that code is given; none where it went well, as several do.
fn status(payload: &str) -> String {
    let code = raw_in(payload, &["status", "code"]).and_then(|code| code.parse::<u32>().ok()).unwrap_or(0);
    if code == 0 {
        return r#"{"status":"Success"}"#.to_owned();
    }
    let http = match code {
        3 => r#","code":400"#,
        5 => r#","code":404"#,
        6 => r#","code":409"#,
        7 => r#","code":403"#,
        8 => r#","code":429"#,
        16 => r#","code":401"#,
        _ => "",
    };
    let message =
        raw_in(payload, &["status", "message"]).map_or_else(String::new, |text| format!(r#","message":{text}"#));
    format!(r#"{{"status":"Failure"{message}{http}}}"#)
}

/// A JSON string.
fn quoted(text: impl AsRef<str>) -> String {
    let mut json = String::from("\"");
    for letter in text.as_ref().chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            letter if letter < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => json.push(letter),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(frame: &str) -> Option<Unwrapped> {
        unwrap(frame.as_bytes()).unwrap()
    }

    #[test]
    fn events_as_text() {
        for (frame, member, cluster) in [
            (
                r#"{"category":"kube-audit","resourceId":"/SUBSCRIPTIONS/x/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/shop","properties":{"pod":"p","log":"{\"auditID\":\"a\\\"b\"}"}}"#,
                "properties.log",
                Some("shop"),
            ),
            (r#"{"id":"1","timestamp":1795467550466,"message":"{\"auditID\":\"a\\\"b\"}"}"#, "message", None),
            (r#"{"log":"{\"auditID\":\"a\\\"b\"}","stream":"stdout","time":"x"}"#, "log", None),
        ] {
            let got = inside(frame).unwrap();
            assert_eq!(
                (got.member, got.json.as_str(), got.cluster.as_deref()),
                (member, r#"{"auditID":"a\"b"}"#, cluster)
            );
        }
        for frame in [
            r#"{"message":"started"}"#,
            r#"{"message":{"auditID":"a"}}"#,
            r#"{"protoPayload":{"serviceName":"compute.googleapis.com","methodName":"x"}}"#,
            "{}",
        ] {
            assert_eq!(inside(frame), None, "{frame}");
        }
        assert!(unwrap(b"{").is_err());
    }

    #[test]
    fn a_log_entry_of_google() {
        let frame = r#"{"protoPayload":{"@type":"t","serviceName":"k8s.io","methodName":"io.k8s.core.v1.pods.exec.create","resourceName":"core/v1/namespaces/shop/pods/web/exec","authenticationInfo":{"principalEmail":"a@example.com"},"requestMetadata":{"callerIp":"1.2.3.4","callerSuppliedUserAgent":"kubectl"},"status":{"code":7,"message":"no \"way\""},"request":{"a":[1]}},"operation":{"id":"2292487f","first":true,"last":true},"timestamp":"2026-11-23T20:59:10.466Z","resource":{"labels":{"cluster_name":"c","project_id":"p","location":"l"}},"labels":{"authorization.k8s.io/decision":"forbid"}}"#;
        let got = inside(frame).unwrap();
        assert_eq!(got.cluster.as_deref(), Some("p/l/c"));
        assert_eq!(
            got.json,
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"2292487f","stage":"ResponseComplete","verb":"create","objectRef":{"resource":"pods","namespace":"shop","name":"web","subresource":"exec","apiVersion":"v1"},"user":{"username":"a@example.com"},"sourceIPs":["1.2.3.4"],"userAgent":"kubectl","responseStatus":{"status":"Failure","message":"no \"way\"","code":403},"requestObject":{"a":[1]},"requestReceivedTimestamp":"2026-11-23T20:59:10.466Z","annotations":{"authorization.k8s.io/decision":"forbid"}}"#
        );
    }

    #[test]
    fn names_of_google_are_no_json() {
        let frame = r#"{"protoPayload":{"serviceName":"k8s.io","methodName":"io.k8s.a.\",\"user\":\"x","resourceName":"apps/v1/namespaces/a\"b/deployments"}}"#;
        let got = inside(frame).unwrap().json;
        assert!(serde_json::from_str::<serde_json::Value>(&got).is_ok(), "{got}");
        assert!(
            object_ref("core/v1/namespaces/default").unwrap().contains(r#""resource":"namespaces","name":"default""#)
        );
        assert_eq!(object_ref("core"), None);
    }
}
