//! The OCSF classes about what goes over a network: connections and packets, requests of HTTP.
//!
//! Not here: requests to the Kubernetes API (`class`), the objects (`parts`).

use super::super::deed::{Deed, Net};
use super::super::out::Out;
use super::super::said;
use super::class::base;
use super::parts;
use crate::query::json::{each_text, text};
use serde_json::{Value, json};

pub(super) fn network(event: &Value, deed: Deed) -> Option<Out> {
    let mut out = base(event);
    out.set_some("src_endpoint", parts::endpoint(event, "how.net.src", "how.net.sport"));
    out.set_some("dst_endpoint", parts::endpoint(event, "how.net.dst", "how.net.dport"));
    if said::is_line(event) {
        let is_listener = deed == Deed::Net(Net::Listen);
        match text(event, "what.object.name").filter(|_| is_listener) {
            Some(name) => out.set("dst_endpoint", listener(&name)),
            None if out.has("src_endpoint") => {}
            None => out.set_some("src_endpoint", parts::endpoint(event, "who.address", "how.net.sport")),
        }
    }
    if !out.has("src_endpoint") && !out.has("dst_endpoint") {
        // A socket of the file system.
        let path = text(event, "what.object.path")?;
        out.set("dst_endpoint.name", path.into_owned());
    }
    out.set(
        "connection_info.direction_id",
        match deed {
            Deed::Net(Net::Connect) => 2,
            Deed::Net(Net::Accept | Net::Refuse) => 1,
            _ => 0,
        },
    );
    out.text("connection_info.protocol_name", text(event, "how.net.proto"));
    // What a firewall puts before a packet names the rule; of the audit system they are keys of its own rules.
    if text(event, "source").as_deref() == Some("syslog") {
        let rule = each_text(event, "why.keys").into_iter().next();
        out.text("firewall_rule.name", rule);
    }
    Some(out)
}

/// `0.0.0.0 port 22.`, `[::]:2375`, or the name of a socket.
fn listener(name: &str) -> Value {
    let of_sshd = name.trim_end_matches('.').split_once(" port ");
    let (address, port) = of_sshd.or_else(|| name.rsplit_once(':')).unwrap_or((name, ""));
    let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    match (super::super::out::ip(address), port.parse::<u16>()) {
        (Some(ip), Ok(port)) => json!({"ip": ip, "port": port}),
        _ => json!({"name": name}),
    }
}

/// The activity of a method and its name; the schema's own word for each.
pub(super) fn http_activity(event: &Value) -> (u64, Option<&'static str>) {
    match text(event, "how.verb").unwrap_or_default().to_ascii_uppercase().as_str() {
        "CONNECT" => (1, Some("Connect")),
        "DELETE" => (2, Some("Delete")),
        "GET" => (3, Some("Get")),
        "HEAD" => (4, Some("Head")),
        "OPTIONS" => (5, Some("Options")),
        "POST" => (6, Some("Post")),
        "PUT" => (7, Some("Put")),
        "TRACE" => (8, Some("Trace")),
        "PATCH" => (9, Some("Patch")),
        _ => (99, None),
    }
}

pub(super) fn http(event: &Value) -> Out {
    let mut out = base(event);
    let method = text(event, "how.verb").unwrap_or_default().to_ascii_uppercase();
    out.set_some("http_request.http_method", said::METHODS.iter().find(|known| **known == method).copied());
    url(event, &mut out);
    out.text("http_request.user_agent", text(event, "how.user_agent"));
    let is_application = text(event, "source").as_deref() == Some("application");
    let field = |name: &str| said::field(event, name).filter(|value| is_application && value != "-");
    let version = field("protocol").and_then(|protocol| Some(protocol.strip_prefix("HTTP/")?.to_owned()));
    out.set_some("http_request.version", version);
    out.text("http_request.referrer", field("referer"));
    let code = text(event, "what.code").and_then(|code| code.parse::<u16>().ok());
    if let Some(code) = code {
        out.set("http_response.code", code);
        let length = field("bytes").and_then(|bytes| bytes.parse::<u32>().ok());
        out.set_some("http_response.body_length", length);
    }
    out.set_some("src_endpoint", parts::endpoint(event, "who.address", "how.net.sport"));
    if is_application {
        let name = text(event, "where.pod").or_else(|| text(event, "where.container"));
        if let Some(name) = name {
            out.set("dst_endpoint.name", name.into_owned());
            out.set_some("dst_endpoint.container", parts::container(event));
        }
    } else {
        out.text("dst_endpoint.hostname", text(event, "where.node"));
    }
    out
}

/// Path and query of a request.
pub(super) fn url(event: &Value, out: &mut Out) {
    if let Some(uri) = text(event, "how.request_uri") {
        let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
        out.set("http_request.url.path", path);
        out.set_some("http_request.url.query_string", (!query.is_empty()).then_some(query));
    }
}
