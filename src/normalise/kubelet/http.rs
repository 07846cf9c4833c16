//! Requests to the kubelet's own server, as it logs them when they have ended: exec, attach, port-forward, run, logs.
//!
//! Not here: the same request as the API server saw it (`normalise::kubernetes`), which of them belong together (`correlate`).

use deponent_parsers::line::Line;

use super::duration;
use crate::model::{Event, EventIssue, Moment, Outcome, Str};
use crate::normalise::kubernetes::uri;
use crate::normalise::line::some;

/// Fields that have a place of their own in the event.
const PLACED: &[&str] = &["verb", "URI", "userAgent", "resp"];

/// How long the request of an HTTP line took, ns; `None` for other lines, and where it cannot be read.
pub(in crate::normalise) fn latency(line: &Line<'_>) -> Option<i64> {
    (line.message == "HTTP").then(|| line.field("latency")).flatten().and_then(duration::nanos)
}

/// What the line of a request says; the event's time is already that of the beginning.
pub(in crate::normalise) fn request(line: &Line<'_>, event: &mut Event) {
    let field = |name: &str| line.field(name).and_then(some);
    let issue = |kind: &str, detail: String| EventIssue { kind: kind.into(), detail: detail.into() };
    event.what.action = "http".into();
    event.how.args.retain(|(name, _)| !PLACED.contains(&name.as_str()));
    (event.how.verb, event.how.user_agent) = (field("verb"), field("userAgent"));
    event.who.address = line.field("srcIP").map(host).and_then(some);
    event.what.code = field("resp");
    if let Some(status) = line.field("resp").and_then(|code| code.parse().ok()) {
        event.what.outcome = Outcome::of_http(status);
    }
    let start = event.when.event;
    let end = latency(line).map(|latency| Moment { nanos: start.nanos.saturating_add(latency), ..start });
    event.when.end = Some(end.unwrap_or(start));
    if end.is_none() {
        let said = line.field("latency").map_or("is missing".to_owned(), |text| format!("cannot be read: {text:?}"));
        event.issues.push(issue("no-latency", format!("the time is that of the end, because the latency {said}")));
    }
    let Some(asked) = line.field("URI") else { return };
    event.how.request_uri = some(asked);
    let Some(target) = Target::of(asked) else { return };
    event.what.action = target.action.into();
    let place = &mut event.r#where;
    (place.namespace, place.pod) = (some(&target.namespace), some(&target.pod));
    (place.pod_uid, place.container) =
        (target.pod_uid.as_deref().and_then(some), target.container.as_deref().and_then(some));
    if matches!(target.action, "http-exec" | "http-attach" | "http-run") {
        parameters(&target, asked, event);
    }
}

/// The command and the streams that were asked for, as the kubelet reads them.
fn parameters(target: &Target, asked: &str, event: &mut Event) {
    let mut lossy = false;
    let (mut tty, mut input, mut run) = (None, None, None);
    for (name, value) in uri::parameters(asked) {
        let part = uri::decode(value);
        match name.as_str() {
            "command" if target.action == "http-exec" => {
                lossy |= part.lossy;
                event.how.argv.push(part.text);
            }
            "cmd" if target.action == "http-run" && run.is_none() => {
                lossy |= part.lossy;
                run = Some(part.text);
            }
            // Of a repeated parameter the first counts, and "1" is the only yes.
            "tty" => tty = tty.or(Some(part.text == "1")),
            "input" => input = input.or(Some(part.text == "1")),
            _ => {}
        }
    }
    // The kubelet cuts it at every blank.
    event.how.argv.extend(run.iter().flat_map(|command| command.split(' ')).map(Str::from));
    event.how.tty = (tty == Some(true)).then(|| "true".into());
    event.how.args.push(("stdin".into(), if input == Some(true) { "true" } else { "false" }.into()));
    if lossy {
        let detail = "a command in the URI holds bytes that are not UTF-8".into();
        event.issues.push(EventIssue { kind: "argv-not-utf8".into(), detail });
    }
}

/// An address without its port: `127.0.0.1:1`, `[::1]:1`, or as it is.
fn host(address: &str) -> &str {
    if let Some((host, _)) = address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}

/// What the path of a request names.
struct Target {
    action: &'static str,
    namespace: Str,
    pod: Str,
    pod_uid: Option<Str>,
    container: Option<Str>,
}

impl Target {
    /// `/exec/{namespace}/{pod}[/{uid}]/{container}`; `None` for other paths, which the kubelet does not serve as a session.
    fn of(asked: &str) -> Option<Target> {
        let path = asked.split_once(['?', '#']).map_or(asked, |(path, _)| path);
        // A plus is a blank only behind the question mark.
        let mut parts = path.strip_prefix('/')?.split('/').map(|part| uri::decode(&part.replace('+', "%2B")).text);
        let action = match parts.next()?.as_str() {
            "exec" => "http-exec",
            "attach" => "http-attach",
            "portForward" => "http-port-forward",
            "run" => "http-run",
            "containerLogs" => "http-container-logs",
            _ => return None,
        };
        // One more than a path may have.
        let parts: Vec<Str> = parts.take(5).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let (namespace, pod, pod_uid, container) = match (action, parts.as_slice()) {
            ("http-port-forward", [namespace, pod]) => (namespace, pod, None, None),
            ("http-port-forward", [namespace, pod, uid]) => (namespace, pod, Some(uid), None),
            ("http-port-forward", _) => return None,
            (_, [namespace, pod, container]) => (namespace, pod, None, Some(container)),
            ("http-container-logs", _) => return None,
            (_, [namespace, pod, uid, container]) => (namespace, pod, Some(uid), Some(container)),
            _ => return None,
        };
        let (namespace, pod) = (namespace.clone(), pod.clone());
        Some(Target { action, namespace, pod, pod_uid: pod_uid.cloned(), container: container.cloned() })
    }
}
