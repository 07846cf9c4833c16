//! OTLP over HTTP, `POST /v1/logs`: each log record of OpenTelemetry becomes one line of an application, in JSON, with everything that it says.
//!
//! `{"message":BODY,"level":SEVERITY,…its attributes…,"otel":{…everything else, resource and scope too…}}`. An attribute whose name is taken already stands in `otel.attributes`. What came as
//! protobuf goes through the form that OTLP has in JSON, so both make the same lines; members that are not known here are kept. Not here: numbers of protobuf (`otlp_wire`), bodies (`http`).

use super::super::error::Problem;
use super::super::listen::Peer;
use super::http::problem;
use super::intake::Intake;
use super::lines::Lines;
use super::ndjson::Http;
use super::otlp_wire::{AnyValue, KeyValue, LogRecord, Request as Wire, Response as Told, Value as One};
use crate::evidence::{Door, Draft, Hash};
use crate::model::Moment;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, header};
use axum::response::IntoResponse;
use data_encoding::{BASE64, HEXLOWER};
use prost::Message;
use serde_json::{Map, Value, json};

const PROTOBUF: &str = "application/x-protobuf";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Protobuf,
    Json,
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Form, Problem> {
        let name = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            PROTOBUF | "application/protobuf" => Ok(Form::Protobuf),
            "application/json" => Ok(Form::Json),
            other => Err(Problem::unsupported(format!("`{other}` is neither {PROTOBUF} nor application/json"))),
        }
    }
}

/// Log records.
pub async fn take(
    State(http): State<Http>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let form = Form::of(request.headers())?;
    let make = move |intake: &Intake, peer: &str, _: &Hash, _: &Parts, bytes: &Bytes| read(intake, peer, form, bytes);
    let rejected = http.store(Door::Otlp, &peer, request, make).await?;
    let why = if rejected > 0 { "a log record is an object" } else { "" };
    Ok(match form {
        Form::Json if rejected == 0 => Json(json!({})).into_response(),
        Form::Json => {
            let partial = json!({ "rejectedLogRecords": rejected.to_string(), "errorMessage": why });
            Json(json!({ "partialSuccess": partial })).into_response()
        }
        // Of protobuf, what is read at all is read whole.
        Form::Protobuf => ([(header::CONTENT_TYPE, PROTOBUF)], Told::default().encode_to_vec()).into_response(),
    })
}

/// The records of a body, and how many cannot be taken.
fn read(intake: &Intake, peer: &str, form: Form, bytes: &[u8]) -> Result<(Vec<Draft>, u64), Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::request(format!("the body holds no log records: {error}"));
    let request = match form {
        Form::Protobuf => of_wire(Wire::decode(bytes).map_err(|error| wrong(&error))?),
        Form::Json => serde_json::from_slice(bytes).map_err(|error| wrong(&error))?,
    };
    let Value::Object(mut request) = request else { return Err(wrong(&"it is no object")) };
    let mut lines = Lines::new(intake, Door::Otlp, peer);
    let (mut rejected, mut written) = (0u64, 0usize);
    let max = intake.config.limits.message_bytes;
    for mut of_resource in list(&mut request, "resourceLogs") {
        let scopes = list_of(&mut of_resource, "scopeLogs");
        let resource = origin(of_resource, "resource");
        for mut of_scope in scopes {
            let records = list_of(&mut of_scope, "logRecords");
            let scope = origin(of_scope, "scope");
            for record in records {
                let Value::Object(record) = record else {
                    rejected = rejected.saturating_add(1);
                    continue;
                };
                let (time, line) = line(record, &resource, &scope);
                // A resource stands in the line of each of its records.
                written = written.saturating_add(line.len());
                if written > max {
                    return Err(Problem::too_large(format!("the records of a request become {max} bytes at most")));
                }
                lines.push_at(None, time, line.as_bytes()).map_err(problem)?;
            }
        }
    }
    Ok((lines.drafts(), rejected))
}

fn list(object: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match object.shift_remove(name) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn list_of(value: &mut Value, name: &str) -> Vec<Value> {
    value.as_object_mut().map(|object| list(object, name)).unwrap_or_default()
}

/// What is said of all records of a resource or a scope, flat.
fn origin(mut value: Value, name: &str) -> Map<String, Value> {
    let mut origin = match value.as_object_mut().and_then(|value| value.shift_remove(name)) {
        Some(Value::Object(origin)) => origin,
        _ => Map::new(),
    };
    origin.extend(value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    let (plain, more) = attributes(list(&mut origin, "attributes"), &[]);
    if !plain.is_empty() {
        origin.insert("attributes".to_owned(), plain.into());
    }
    if !more.is_empty() {
        origin.insert("more_attributes".to_owned(), more.into());
    }
    origin
}

/// A record as one line, and its time.
fn line(
    mut record: Map<String, Value>,
    resource: &Map<String, Value>,
    scope: &Map<String, Value>,
) -> (Option<Moment>, String) {
    let time = ["timeUnixNano", "observedTimeUnixNano"].iter().find_map(|name| nanos(record.get(*name)?));
    let mut line = Map::new();
    if let Some(body) = record.shift_remove("body") {
        line.insert("message".to_owned(), plain(body));
    }
    if let Some(Value::String(level)) = record.get("severityText").filter(|level| **level != "") {
        line.insert("level".to_owned(), level.clone().into());
        record.shift_remove("severityText");
    }
    let (plain, more) = attributes(list(&mut record, "attributes"), &["message", "msg", "level", "otel"]);
    line.extend(plain);
    let mut otel = record;
    for (name, value) in [("resource", resource), ("scope", scope)] {
        if !value.is_empty() {
            otel.insert(name.to_owned(), value.clone().into());
        }
    }
    if !more.is_empty() {
        otel.insert("attributes".to_owned(), more.into());
    }
    line.insert("otel".to_owned(), otel.into());
    (time, Value::from(line).to_string())
}

/// A time as a number or as a text; 0 is none.
fn nanos(value: &Value) -> Option<Moment> {
    let nanos = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    (nanos > 0).then_some(Moment { nanos, digits: 9 })
}

/// Attributes by their names; what has no name of its own, or one of those `taken`, as it is.
fn attributes(list: Vec<Value>, taken: &[&str]) -> (Map<String, Value>, Vec<Value>) {
    let (mut found, mut more) = (Map::new(), Vec::new());
    for mut one in list {
        let members = one.as_object().map_or(0, Map::len);
        let name = one.get("key").and_then(Value::as_str).map(str::to_owned);
        let known = one.get("value").is_some();
        match name.filter(|name| {
            members == 1 + usize::from(known) && !found.contains_key(name) && !taken.contains(&name.as_str())
        }) {
            Some(name) => {
                let value = one.get_mut("value").map(Value::take).map_or(Value::Null, plain);
                found.insert(name, value);
            }
            None => more.push(one),
        }
    }
    (found, more)
}

/// A value without the name of its type, where JSON has the type itself.
fn plain(value: Value) -> Value {
    let Some((name, inner)) =
        value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next())
    else {
        return if value.as_object().is_some_and(Map::is_empty) { Value::Null } else { value };
    };
    let found = match (name.as_str(), inner) {
        ("stringValue", Value::String(_)) | ("boolValue", Value::Bool(_)) => Some(inner.clone()),
        ("intValue", Value::String(text)) => text.parse::<i64>().ok().map(Value::from),
        ("intValue", Value::Number(number)) => number.as_i64().map(Value::from),
        ("doubleValue", Value::Number(number)) => number.as_f64().map(Value::from),
        ("arrayValue", Value::Object(array)) => match array.get("values") {
            Some(Value::Array(values)) if array.len() == 1 => Some(values.iter().cloned().map(plain).collect()),
            None if array.is_empty() => Some(Value::Array(Vec::new())),
            _ => None,
        },
        ("kvlistValue", Value::Object(list)) => match list.get("values") {
            Some(Value::Array(values)) if list.len() == 1 => {
                let (found, more) = attributes(values.clone(), &[]);
                more.is_empty().then(|| found.into())
            }
            None if list.is_empty() => Some(Value::Object(Map::new())),
            _ => None,
        },
        _ => None,
    };
    found.unwrap_or(value)
}

/// The form of JSON of what came as protobuf.
fn of_wire(request: Wire) -> Value {
    let resources = request.resource_logs.into_iter().map(|logs| {
        let scopes = logs.scope_logs.into_iter().map(|logs| {
            let scope = logs.scope.unwrap_or_default();
            let mut of_scope = Map::new();
            put(&mut of_scope, "name", scope.name.into());
            put(&mut of_scope, "version", scope.version.into());
            put(&mut of_scope, "attributes", of_attributes(scope.attributes));
            put(&mut of_scope, "droppedAttributesCount", scope.dropped_attributes_count.into());
            let mut out = Map::new();
            out.insert("scope".to_owned(), of_scope.into());
            out.insert("logRecords".to_owned(), logs.log_records.into_iter().map(of_record).collect());
            put(&mut out, "schemaUrl", logs.schema_url.into());
            Value::from(out)
        });
        let resource = logs.resource.unwrap_or_default();
        let mut of_resource = Map::new();
        put(&mut of_resource, "attributes", of_attributes(resource.attributes));
        put(&mut of_resource, "droppedAttributesCount", resource.dropped_attributes_count.into());
        let mut out = Map::new();
        out.insert("scopeLogs".to_owned(), scopes.collect());
        out.insert("resource".to_owned(), of_resource.into());
        put(&mut out, "schemaUrl", logs.schema_url.into());
        Value::from(out)
    });
    json!({ "resourceLogs": resources.collect::<Vec<_>>() })
}

fn of_record(record: LogRecord) -> Value {
    let mut out = Map::new();
    put(&mut out, "timeUnixNano", number(record.time_unix_nano));
    put(&mut out, "observedTimeUnixNano", number(record.observed_time_unix_nano));
    put(&mut out, "severityNumber", record.severity_number.into());
    put(&mut out, "severityText", record.severity_text.into());
    put(&mut out, "eventName", record.event_name.into());
    out.extend(record.body.map(|body| ("body".to_owned(), of_value(body))));
    put(&mut out, "attributes", of_attributes(record.attributes));
    put(&mut out, "droppedAttributesCount", record.dropped_attributes_count.into());
    put(&mut out, "flags", record.flags.into());
    put(&mut out, "traceId", HEXLOWER.encode(&record.trace_id).into());
    put(&mut out, "spanId", HEXLOWER.encode(&record.span_id).into());
    out.into()
}

/// Puts what is not what it is by default.
fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    if value != "" && value != 0 && value != json!([]) {
        object.insert(name.to_owned(), value);
    }
}

/// 64 bits are text in this form.
fn number(number: u64) -> Value {
    if number == 0 { 0.into() } else { number.to_string().into() }
}

fn of_attributes(attributes: Vec<KeyValue>) -> Value {
    let one = |KeyValue { key, value }| json!({ "key": key, "value": value.map_or_else(|| json!({}), of_value) });
    attributes.into_iter().map(one).collect()
}

fn of_value(value: AnyValue) -> Value {
    match value.value {
        None => json!({}),
        Some(One::String(text)) => json!({ "stringValue": text }),
        Some(One::Bool(truth)) => json!({ "boolValue": truth }),
        Some(One::Int(number)) => json!({ "intValue": number.to_string() }),
        Some(One::Double(number)) if number.is_finite() => json!({ "doubleValue": number }),
        Some(One::Double(number)) => {
            let name = match number {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            };
            json!({ "doubleValue": name })
        }
        Some(One::Array(array)) => {
            json!({ "arrayValue": { "values": array.values.into_iter().map(of_value).collect::<Vec<_>>() } })
        }
        Some(One::List(list)) => json!({ "kvlistValue": { "values": of_attributes(list.values) } }),
        Some(One::Bytes(bytes)) => json!({ "bytesValue": BASE64.encode(&bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::otlp_wire::{ArrayValue, KeyValueList, Resource, ResourceLogs, Scope, ScopeLogs};
    use super::*;

    fn any(value: One) -> Option<AnyValue> {
        Some(AnyValue { value: Some(value) })
    }

    fn pair(key: &str, value: One) -> KeyValue {
        KeyValue { key: key.into(), value: any(value) }
    }

    fn only(request: Value) -> Value {
        let Value::Object(mut request) = request else { panic!() };
        let mut logs = list(&mut request, "resourceLogs").remove(0);
        let mut scopes = list_of(&mut logs, "scopeLogs").remove(0);
        let Value::Object(record) = list_of(&mut scopes, "logRecords").remove(0) else { panic!() };
        serde_json::from_str(&line(record, &origin(logs, "resource"), &origin(scopes, "scope")).1).unwrap()
    }

    #[test]
    fn a_record_keeps_everything() {
        let list = KeyValueList { values: vec![pair("x", One::Int(-1)), KeyValue { key: "y".into(), value: None }] };
        let array = ArrayValue { values: vec![AnyValue { value: None }, any(One::Double(1.0)).unwrap()] };
        let twice = KeyValueList { values: vec![pair("x", One::Int(1)), pair("x", One::Int(2))] };
        let record = LogRecord {
            time_unix_nano: 1_795_467_576_448_000_001,
            observed_time_unix_nano: u64::MAX,
            severity_number: 9,
            severity_text: "INFO".into(),
            body: any(One::String("paid\n".into())),
            attributes: vec![
                pair("user.name", One::String("alice".into())),
                pair("user.name", One::String("bob".into())),
                pair("level", One::Bool(true)),
                pair("list", One::List(list)),
                pair("array", One::Array(array)),
                pair("twice", One::List(twice)),
                pair("bytes", One::Bytes(vec![0, 255])),
                pair("nan", One::Double(f64::NAN)),
            ],
            dropped_attributes_count: 3,
            flags: 1,
            trace_id: vec![0xab; 16],
            span_id: vec![0xcd; 8],
            event_name: "payment".into(),
        };
        let scope = Scope { name: "s".into(), version: "1".into(), ..Scope::default() };
        let resource = Resource {
            attributes: vec![pair("service.name", One::String("shop".into()))],
            dropped_attributes_count: 1,
        };
        let scopes = ScopeLogs { scope: Some(scope), log_records: vec![record], schema_url: "u".into() };
        let logs = ResourceLogs { resource: Some(resource), scope_logs: vec![scopes], schema_url: "v".into() };
        let request = of_wire(Wire { resource_logs: vec![logs] });
        let wanted = json!({
            "message": "paid\n", "level": "INFO", "user.name": "alice", "list": { "x": -1, "y": null }, "array": [null, 1.0],
            "twice": { "kvlistValue": { "values": [{ "key": "x", "value": { "intValue": "1" } }, { "key": "x", "value": { "intValue": "2" } }] } },
            "bytes": { "bytesValue": "AP8=" }, "nan": { "doubleValue": "NaN" },
            "otel": {
                "timeUnixNano": "1795467576448000001", "observedTimeUnixNano": "18446744073709551615", "severityNumber": 9, "eventName": "payment",
                "droppedAttributesCount": 3, "flags": 1, "traceId": "ab".repeat(16), "spanId": "cd".repeat(8),
                "resource": { "attributes": { "service.name": "shop" }, "droppedAttributesCount": 1, "schemaUrl": "v" },
                "scope": { "name": "s", "version": "1", "schemaUrl": "u" },
                "attributes": [
                    { "key": "user.name", "value": { "stringValue": "bob" } },
                    { "key": "level", "value": { "boolValue": true } },
                ],
            },
        });
        assert_eq!(only(request), wanted);
    }

    #[test]
    fn members_that_are_not_known_are_kept() {
        let request = json!({ "resourceLogs": [{ "resource": { "new": 1 }, "scopeLogs": [{ "logRecords": [{
            "timeUnixNano": 5, "body": { "newValue": {} }, "new": [1],
            "attributes": [{ "key": "a", "value": { "intValue": 7 } }, { "key": "b", "value": {}, "new": 2 }, 3],
        }] }] }] });
        let wanted = json!({
            "message": { "newValue": {} }, "a": 7,
            "otel": { "timeUnixNano": 5, "new": [1], "resource": { "new": 1 }, "attributes": [{ "key": "b", "value": {}, "new": 2 }, 3] },
        });
        assert_eq!(only(request), wanted);
        assert_eq!(nanos(&json!("0")), None);
        assert_eq!(nanos(&json!(u64::MAX)), None);
        assert_eq!(nanos(&json!("7")).map(|time| time.nanos), Some(7));
    }
}
