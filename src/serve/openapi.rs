//! The description of the routes, OpenAPI 3.1: one table, from which the document is made. `tests/run` compares it with a running server.
//!
//! Not here: the routes themselves (`routes`).

use serde_json::{Map, Value, json};

/// A route with its parameters and the media types of its answer.
struct Route {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    /// Media type and schema of the answer.
    answers: &'static [(&'static str, &'static str)],
    /// Other statuses than 200, 401, 403, 406, 429, 431 and 503.
    errors: &'static [u16],
    body: Option<&'static str>,
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
const TEXT: &str = "text/plain";
const MARKDOWN: &str = "text/markdown";
const HTML: &str = "text/html";
const BYTES: &str = "application/octet-stream";

const TIME: &[&str] = &["since", "until", "tz"];
const FOUND: &[&str] = &["q", "since", "until", "tz", "limit", "cursor", "order", "fields"];
const COUNTED: &[&str] = &["q", "since", "until", "tz"];
const NAMED: &[&str] = &["id"];
/// A name may be none, or one of several; an event may rest on records that are not signed yet.
const NAMED_ERRORS: &[u16] = &[400, 404, 409, 422, 500];
const LISTS: &[(&str, &str)] = &[(JSON, "List"), (NDJSON, "")];

const fn get(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [(&'static str, &'static str)],
    errors: &'static [u16],
) -> Route {
    Route { path, method: "get", id, summary, parameters, answers, errors, body: None }
}

const fn post(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    body: &'static str,
    answers: &'static [(&'static str, &'static str)],
) -> Route {
    Route {
        path,
        method: "post",
        id,
        summary,
        parameters: &[],
        answers,
        errors: &[400, 404, 408, 409, 413, 422, 500],
        body: Some(body),
    }
}

const EVENTS: &[(&str, &str)] = &[(JSON, "Events"), (NDJSON, ""), (CSV, "")];

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    get("/v1/events", "events", "Events that match a query, newest first", FOUND, EVENTS, &[304, 400, 422, 500]),
    post("/v1/search", "search", "The same with the parameters in the body", "Search", EVENTS),
    get("/v1/timeline", "timeline", "Events of a query or of an entity, oldest first", &["q", "around", "since", "until", "tz", "limit", "cursor", "order", "fields"], EVENTS, &[304, 400, 404, 409, 422, 500]),
    get("/v1/events/{id}", "event", "An event with its records; a list where the name is that of several", NAMED, &[(JSON, "EventOrEvents")], NAMED_ERRORS),
    get("/v1/events/{id}/raw", "raw", "Its raw records, byte for byte, one a line", NAMED, &[(BYTES, "")], NAMED_ERRORS),
    get("/v1/events/{id}/proof", "proof", "Its proof file, for `deponent verify`", NAMED, &[(TEXT, "")], NAMED_ERRORS),
    get("/v1/events/{id}/links", "links", "Its links and findings", NAMED, LISTS, NAMED_ERRORS),
    get("/v1/events/{id}/why", "why", "Who is behind it: its causes, back to a credential, a login, or an unknown; with `to` whether that event led to it", &["id", "to"], &[(JSON, "Object")], NAMED_ERRORS),
    get("/v1/events/{id}/effects", "effects", "What it caused", NAMED, LISTS, NAMED_ERRORS),
    get("/v1/events/{id}/tree", "tree", "The processes below it; also of `container:ID`, `exec:ID`, `session:NODE/SES` and `pid:PID@NODE`", NAMED, LISTS, NAMED_ERRORS),
    get("/v1/readers/{object}", "readers", "Who could have read an object of the API", &["object", "since", "until", "tz"], LISTS, &[304, 400, 422, 500]),
    get("/v1/replay/{name}", "replay", "A login session, or an exec in a container, step by step", &["name"], LISTS, NAMED_ERRORS),
    get("/v1/events/{id}/testimony", "testimony", "Who, what, when, where, why and how, each claim with its grade, as data or as a document", &["id", "format", "proofs", "tz"], &[(JSON, "Object"), (NDJSON, ""), (TEXT, ""), (MARKDOWN, ""), (HTML, "")], NAMED_ERRORS),
    get("/v1/stats/count", "count", "How many events match", COUNTED, &[(JSON, "Count")], &[400, 422, 500]),
    get("/v1/stats/top", "top", "The commonest values of a field", &["q", "since", "until", "tz", "field", "limit"], &[(JSON, "Values"), (NDJSON, "")], &[304, 400, 422, 500]),
    get("/v1/stats/hist", "hist", "Events a bucket of time", &["q", "since", "until", "tz", "width"], &[(JSON, "Buckets"), (NDJSON, "")], &[304, 400, 422, 500]),
    get("/v1/facets", "facets", "The commonest values of several fields", &["q", "since", "until", "tz", "fields", "limit"], &[(JSON, "Facets")], &[400, 422, 500]),
    get("/v1/findings", "findings", "What should be there and is not, or is there twice", TIME, LISTS, &[304, 400, 422, 500]),
    get("/v1/sources", "sources", "How each log is doing: state, position, lag, rate, last event, bad records, gaps, last error; the troubled ones first", &[], &[(JSON, "Sources"), (NDJSON, "")], &[500]),
    get("/v1/gaps", "gaps", "What is missing", &[], LISTS, &[304, 500]),
    get("/v1/agents", "agents", "The nodes that send batches, and whether anything is taken from them", &[], &[(JSON, "Objects")], &[]),
    post("/v1/agents/accept", "acceptAgent", "Takes batches of a quarantined node again", "Node", &[(JSON, "Object")]),
    get("/v1/head", "head", "The newest checkpoint, and how far the index is", &[], &[(JSON, "Object")], &[500]),
    get("/v1/me", "me", "Who asks, and what they may do", &[], &[(JSON, "Object")], &[]),
    get("/v1/explain", "explain", "How a query is understood", COUNTED, &[(JSON, "Object")], &[400, 422]),
    get("/v1/fields", "fields", "What can be searched, and the short names", &[], &[(JSON, "Objects")], &[]),
    get("/v1/rules", "rules", "The rules that make links, and the findings", &[], &[(JSON, "Objects")], &[]),
    get("/log/checkpoint", "checkpoint", "The newest signed checkpoint (C2SP tlog-checkpoint)", &[], &[(TEXT, "")], &[500]),
    get("/log/tile/{path}", "tile", "A tile of hashes, or a bundle of entries (C2SP tlog-tiles)", &["path"], &[(BYTES, "")], &[404]),
    get("/openapi.json", "openapi", "This document", &[], &[(JSON, "Object")], &[]),
    get("/healthz", "healthz", "The program runs", &[], &[(TEXT, "")], &[]),
    get("/readyz", "readyz", "All that was durable at the start can be found", &[], &[(TEXT, "")], &[]),
    get("/metrics", "metrics", "Numbers for Prometheus", &[], &[(TEXT, "")], &[]),
    post("/v1/ask", "ask", "The protocol of the command line: a question, NDJSON, a trailer line", "Question", &[(NDJSON, "")]),
];

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let at = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(at) = at.as_object_mut() {
            at.insert(route.method.to_owned(), operation(route));
        }
    }
    let tail = json!({ "get": {
        "operationId": "tail",
        "summary": "New events as they come (server-sent events); `id` of each goes into Last-Event-ID to go on",
        "parameters": [parameter("q"), parameter("tz"), parameter("cursor")],
        "responses": { "200": { "description": "A stream without end", "content": { "text/event-stream": {} } }, "400": problem(400), "401": problem(401), "403": problem(403), "429": problem(429), "503": problem(503) },
    }});
    paths.insert("/v1/tail".to_owned(), tail);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "deponent",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Audit evidence for Kubernetes. Who asks shows a token or a certificate, or is let in without where that is configured: docs/access.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        // A token, a certificate of the connection, or nothing, as the server is configured.
        "security": [{ "token": [] }, {}],
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> = route.parameters.iter().map(|name| parameter(name)).collect();
    let content: Map<String, Value> = route
        .answers
        .iter()
        .map(|(media, schema)| {
            let schema = if schema.is_empty() { json!({}) } else { json!({ "schema": reference(schema) }) };
            ((*media).to_owned(), schema)
        })
        .collect();
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "The answer", "content": content }));
    for status in route.errors.iter().chain(&[401, 403, 406, 429, 431, 503]) {
        responses.insert(status.to_string(), problem(*status));
    }
    let mut operation = json!({ "operationId": route.id, "summary": route.summary, "responses": responses });
    if let Some(object) = operation.as_object_mut() {
        if !parameters.is_empty() {
            object.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = route.body {
            let content = json!({ JSON: { "schema": reference(body) } });
            object.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        }
    }
    operation
}

fn problem(status: u16) -> Value {
    // The head is too long to be read: there is no document about it.
    if status == 431 {
        return json!({ "description": "The head of the request has more than 64 KiB or 64 headers" });
    }
    if status == 304 {
        return json!({ "description": "The client has it already (If-None-Match)" });
    }
    json!({ "description": "Why there is no answer (RFC 9457)", "content": { "application/problem+json": { "schema": reference("Problem") } } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A parameter of a path or a query string.
fn parameter(name: &str) -> Value {
    let (place, required) = match name {
        "id" | "path" | "name" | "object" => ("path", true),
        "field" | "width" => ("query", true),
        _ => ("query", false),
    };
    json!({ "name": name, "in": place, "required": required, "description": describe(name), "schema": schema(name) })
}

fn describe(name: &str) -> &'static str {
    match name {
        "q" => "The query (docs/query.md); all events without one",
        "since" => "Events at this time or later: RFC 3339, 2026-07-18, -2h, yesterday, @epoch, A..B",
        "until" => "Events before this time",
        "tz" => "Time zone of times without one: UTC, Europe/Berlin, +02:00",
        "limit" => "At most so many; 0 is all events",
        "cursor" => "`next` of the page before",
        "order" => "By time, newest or oldest first",
        "fields" => "JSON paths or short names, separated by commas",
        "field" => "Whose values are counted",
        "around" => {
            "ID:TIME, such as abcdefgh:5m: events at most so long before or after that one; without `since` and `until`"
        }
        "format" => "The form, where Accept does not say it",
        "proofs" => "With the proof that each record is in the log",
        "width" => "How long a bucket is: 30s, 5m, 1h, 1d",
        "to" => "An event, named as by `id`: the answer is whether it led to the other",
        "object" => "RESOURCE/NAMESPACE/NAME such as secrets/shop/db, or RESOURCE/NAME; `/` is written %2F",
        "name" => "session:NODE/SES, session:AUDIT-ID or exec:ID",
        "id" => "An id, the beginning of one, an Audit-ID, or auditd's `seconds.millis:serial`",
        _ => "level/index or entries/index, with .p/width for a partial one",
    }
}

fn schema(name: &str) -> Value {
    match name {
        "limit" => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        "format" => json!({ "type": "string", "enum": ["json", "ndjson", "text", "md", "html"] }),
        "proofs" => json!({ "type": "boolean" }),
        "order" => json!({ "type": "string", "enum": ["asc", "desc"] }),
        "q" => json!({ "type": "string", "maxLength": crate::query::QUERY_BYTES_MAX }),
        "id" | "path" | "name" | "object" => json!({ "type": "string", "minLength": 1 }),
        _ => json!({ "type": "string" }),
    }
}

/// How a log is doing (`docs/api.md`); or, behind the last one, what was left out.
fn source() -> Value {
    let states: Vec<&str> = crate::query::State::ALL.into_iter().map(crate::query::State::name).collect();
    let text = |what: &str| json!({ "type": "string", "description": what });
    let count = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
    let log = json!({ "type": "object", "required": ["state", "source", "batches", "records", "bytes", "bad_records", "gaps", "file_issues"], "properties": {
        "state": { "type": "string", "enum": states },
        "source": text("Who reads it: the node and the path, as configured"),
        "kind": text("The format of its records; absent where nothing was read and none is configured"),
        "cluster": text("As configured"), "node": text("As configured"),
        "path": text("The file, or the pattern that names none"),
        "position": count("Bytes of the file that were read, after decompression"),
        "lag_bytes": count("Bytes that are there and were not read"),
        "records_per_s": { "type": "number", "minimum": 0, "description": "Of the last minute" },
        "bytes_per_s": count("Of the last minute"),
        "last_event": text("The time that the newest record tells"),
        "first_read": text("When the first batch came in"), "last_read": text("When the newest batch came in"),
        "batches": count("Batches in the log"), "records": count("Records in them"), "bytes": count("Bytes in them"),
        "bad_records": count("Records that could not be read"),
        "gaps": count("Times that bytes may have been lost before they could be read"),
        "file_issues": count("Other oddities of the file"),
        "last_heartbeat": text("When the agent that reads it made its newest heartbeat, or said that it stops"),
        "heartbeat_s": count("How often that agent speaks"),
        "spool_bytes": count("Bytes that wait on that agent's node"),
        "gone_records": count("Records of it that are gone by retention; absent where there are none"),
        "last_error": text("What is wrong now, else the newest gap or oddity"),
        "last_error_time": text("When that was"),
    } });
    let limit = json!({ "type": "object", "required": ["limit"], "additionalProperties": false, "properties": { "limit": { "type": "string" } } });
    json!({ "anyOf": [log, limit] })
}

fn schemas() -> Value {
    let trailer = json!({
        "count": { "type": "integer", "description": "Items of this answer" },
        "next": { "type": "string", "description": "There are more: ask again with it as `cursor`" },
        "complete": { "type": "boolean", "description": "Nothing that was asked for is missing" },
        "unheard": { "type": "array", "description": "Agents that are silent or late, where the time that was asked about reaches beyond their last word", "items": {
            "type": "object", "required": ["cluster", "node", "state", "since"], "properties": {
                "cluster": { "type": "string" }, "node": { "type": "string" }, "state": { "type": "string", "enum": ["silent", "late"] }, "since": { "type": "string" } } } },
        "lost": { "type": "integer", "description": "Events that are not what the index says" },
        "indexed": { "type": "integer", "description": "Log entries that the answer rests on" },
        "size": { "type": "integer", "description": "Log entries that are durable" },
        "checkpoint": { "type": "string", "description": "Origin, size and root of the newest checkpoint" },
    });
    let list = |item: Value| {
        let mut properties = trailer.clone();
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("items".to_owned(), json!({ "type": "array", "items": item }));
        }
        json!({ "type": "object", "required": ["items", "indexed", "size"], "properties": properties })
    };
    // A member that is null is as good as absent.
    let or_null = |name: &str| json!({ "anyOf": [schema(name), { "type": "null" }] });
    let member = |name: &str| if name == "q" { schema(name) } else { or_null(name) };
    let search: Map<String, Value> = FOUND.iter().map(|name| ((*name).to_owned(), member(name))).collect();
    let object = json!({ "type": "object" });
    json!({
        "Object": object,
        "Objects": { "type": "array", "items": object },
        "Event": {
            "type": "object",
            "description": "docs/query.md; what is absent is left out",
            "required": ["id"],
            "properties": {
                "id": { "type": "string" }, "source": { "type": "string" }, "when": object, "who": object, "what": object,
                "where": object, "how": object, "why": object,
                "issues": { "type": "array", "items": object }, "evidence": { "type": "array" }, "records": { "type": "array", "items": object },
            },
        },
        "EventOrEvents": { "oneOf": [reference("Event"), { "type": "array", "items": reference("Event") }] },
        "Events": list(object.clone()),
        "List": list(object.clone()),
        "Sources": list(source()),
        "Values": list(json!({ "type": "object", "required": ["value", "count"], "properties": { "value": { "type": "string" }, "count": { "type": "integer" } } })),
        "Buckets": list(json!({ "type": "object", "required": ["from", "to", "count"], "properties": { "from": { "type": "string" }, "to": { "type": "string" }, "count": { "type": "integer" } } })),
        "Facets": list(json!({ "type": "object", "required": ["field", "values"], "properties": { "field": { "type": "string" }, "values": { "type": "array", "items": object } } })),
        "Count": { "type": "object", "required": ["count", "indexed", "size"], "properties": trailer },
        "Node": {
            "type": "object",
            "required": ["cluster", "node"],
            "additionalProperties": false,
            "properties": { "cluster": { "type": "string" }, "node": { "type": "string" } },
        },
        "Search": { "type": "object", "additionalProperties": false, "properties": search },
        "Question": {
            "oneOf": [
                { "type": "string", "enum": ["gaps", "head", "sources"] },
                { "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": {
                    "search": { "type": "object", "additionalProperties": false, "properties": { "q": schema("q"), "ascending": { "type": "boolean" }, "limit": schema("limit") } },
                    "show": { "type": "object", "required": ["names"], "additionalProperties": false, "properties": { "names": { "type": "array", "items": { "type": "string" } } } },
                    "prove": { "type": "object", "required": ["name"], "additionalProperties": false, "properties": { "name": { "type": "string" } } },
                } },
            ],
        },
        "Problem": {
            "type": "object",
            "required": ["title", "status", "detail"],
            "properties": {
                "title": { "type": "string" }, "status": { "type": "integer" }, "detail": { "type": "string" },
                "position": { "type": "integer", "description": "Byte of the query" },
                "expected": { "type": "string", "description": "What belongs there" },
            },
        },
    })
}
