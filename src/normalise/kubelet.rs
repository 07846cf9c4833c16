//! The kubelet's log: pods, containers, exec sessions, its HTTP log lines.
//!
//! klog text has no year and no zone: the latest year that is not after the line's reception, and UTC, are assumed, and `show` says so.
//! Not here: reading the line itself (`deponent_parsers`), the identity of its event (`identity`).

use deponent_parsers::klog::parse;
use deponent_parsers::line::text_of;

use super::kubernetes::uri;
use super::line::{self, some};
use super::{Bad, Context, Key};
use crate::model::{AssertedBy, Event, EventIssue, Moment, Object, RecordFields, Source, Str};

/// The event of a line. Of a session it is the beginning, although the line is written at its end.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    let text = text_of(bytes);
    let parsed = parse(text.trim());
    let latency =
        parsed.as_ref().filter(|line| line.message == "HTTP").and_then(|line| line.field("latency")).and_then(duration);
    let mut key = line::key(Source::Kubelet, context, bytes, parsed)?;
    if let Some(latency) = latency {
        key.when.nanos = key.when.nanos.saturating_sub(latency);
    }
    Ok(key)
}

/// The fields of a line under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    line::fields(parse(text_of(bytes).trim()))
}

/// The event of a line.
pub fn event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = text_of(bytes);
    let Some(line) = parse(text.trim()) else { return super::own::empty(context, key.id, key.when) };
    let mut event = line::event(key, context, &line);
    event.who.asserted_by = Some(AssertedBy::Kubelet);
    let place = &mut event.r#where;
    if let Some((namespace, pod)) = line.field("pod").and_then(|pod| pod.split_once('/')) {
        (place.namespace, place.pod) = (some(namespace), some(pod));
    }
    place.pod_uid = line.field("podUID").and_then(some);
    place.container = line.field("containerName").and_then(some);
    let bare = |id: &str| some(id.split_once("://").map_or(id, |(_, id)| id));
    place.container_id = line.field("containerID").and_then(bare);
    let message = line.message.as_ref();
    match message {
        "Added Container" => {
            event.what.action = "added-container".into();
            let name = event.r#where.container_id.clone();
            event.what.object = Some(Object { kind: Some("container".into()), name, ..Object::default() });
        }
        "HTTP" => {
            event.what.action = "http".into();
            let end = line.field("latency").and_then(duration);
            match end {
                Some(latency) => {
                    let end = Moment { nanos: key.when.nanos.saturating_add(latency), digits: key.when.digits };
                    event.when.end = Some(end);
                }
                None => event.issues.push(EventIssue {
                    kind: "no-latency".into(),
                    detail: "the time is that of the end: its latency cannot be read".into(),
                }),
            }
            http(&mut event, line.field("verb"), line.field("URI"), line.field("userAgent"), line.field("srcIP"));
            event.what.code = line.field("resp").and_then(some);
        }
        _ if message.starts_with("SyncLoop") || message.starts_with("Killing container") => {
            event.what.action = slug(message);
        }
        _ if message.starts_with("Probe ") => event.what.action = "probed".into(),
        _ => {}
    }
    event
}

/// A message as an action: `SyncLoop (PLEG): event for pod` → `syncloop-pleg-event-for-pod`.
fn slug(message: &str) -> Str {
    let mut slug = String::new();
    for word in message.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_lowercase());
    }
    slug.into()
}

fn http(event: &mut Event, verb: Option<&str>, asked: Option<&str>, agent: Option<&str>, address: Option<&str>) {
    event.how.verb = verb.and_then(some);
    event.how.user_agent = agent.and_then(some);
    event.who.address =
        address.map(|address| address.rsplit_once(':').map_or(address, |(host, _)| host)).and_then(some);
    let Some(asked) = asked else { return };
    event.how.request_uri = some(asked);
    let path = asked.split_once('?').map_or(asked, |(path, _)| path);
    let mut parts = path.trim_start_matches('/').split('/').map(|part| uri::decode(part).text);
    let action = match parts.next().as_deref() {
        Some("exec") => "http-exec",
        Some("attach") => "http-attach",
        Some("portForward") => "http-port-forward",
        Some("run") => "http-run",
        Some("containerLogs") => "http-container-logs",
        _ => return,
    };
    event.what.action = action.into();
    let parts: Vec<Str> = parts.collect();
    let (namespace, pod, uid, container) = match (action, parts.as_slice()) {
        ("http-port-forward", [namespace, pod]) => (namespace, pod, None, None),
        ("http-port-forward", [namespace, pod, uid]) => (namespace, pod, Some(uid), None),
        (_, [namespace, pod, container]) => (namespace, pod, None, Some(container)),
        (_, [namespace, pod, uid, container]) => (namespace, pod, Some(uid), Some(container)),
        _ => return,
    };
    let place = &mut event.r#where;
    (place.namespace, place.pod) = (some(namespace), some(pod));
    (place.pod_uid, place.container) = (uid.cloned(), container.cloned());
    let mut lossy = false;
    let mut stdin = false;
    for (name, value) in uri::parameters(asked) {
        let part = uri::decode(value);
        match name.as_str() {
            "command" | "cmd" => {
                lossy |= part.lossy;
                event.how.argv.push(part.text);
            }
            "tty" if part.text == "1" || part.text == "true" => event.how.tty = Some("true".into()),
            "input" => stdin = part.text == "1" || part.text == "true",
            _ => {}
        }
    }
    event.how.args.push(("stdin".into(), stdin.to_string().into()));
    if lossy {
        let detail = "a command in the URI holds bytes that are not UTF-8".into();
        event.issues.push(EventIssue { kind: "argv-not-utf8".into(), detail });
    }
}

/// A duration as Go prints it (`274.229099ms`, `2m3.4s`, `57µs`) in nanoseconds, without floating point.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, behind) = rest.split_at(digits);
        const UNITS: &[(&str, i64)] = &[
            ("ns", 1),
            ("µs", 1_000),
            ("us", 1_000),
            ("ms", 1_000_000),
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
        ];
        let (unit, scale) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        rest = behind.get(unit.len()..)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut part = whole.parse::<i64>().ok()?.checked_mul(*scale)?;
        let mut step = *scale;
        for digit in fraction.bytes() {
            step /= 10;
            part =
                part.checked_add(i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?).checked_mul(step)?)?;
        }
        total = total.checked_add(part)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RecordKind::Kubelet;
    use crate::normalise::{self, Context};

    const RECEIVED: i64 = 1_795_644_000_000_000_000; // 2026-11-25T22:00:00Z
    const CONTEXT: Context<'_> = Context { cluster: "c", node: "n", received_ns: RECEIVED };

    fn read(context: Context<'_>, text: &str) -> Event {
        let key = normalise::key(Kubelet, context, text.as_bytes()).unwrap();
        normalise::event(Kubelet, &key, context, &[text.as_bytes()])
    }

    #[test]
    fn a_session_is_of_its_beginning() {
        let line = r#"I1123 20:59:10.745284   22147 httplog.go:134] "HTTP" verb="GET" URI="/exec/shop/web-1/app?command=sh&command=-c&command=cat+%2Fetc%2Fshadow&error=1&input=1&output=1&tty=1" latency="274.229099ms" userAgent="kubectl/v1" audit-ID="" srcIP="127.0.0.1:45128" hijacked=true"#;
        let event = read(CONTEXT, line);
        assert_eq!(event.what.action, "http-exec");
        assert_eq!(crate::time::rfc3339(event.when.end.unwrap()), "2026-11-23T20:59:10.745284Z");
        assert_eq!(event.when.end.unwrap().nanos - event.when.event.nanos, 274_229_099);
        assert_eq!(event.how.argv, ["sh", "-c", "cat /etc/shadow"]);
        assert_eq!(event.how.tty.as_deref(), Some("true"));
        let place = &event.r#where;
        let names = [&place.namespace, &place.pod, &place.container].map(|name| name.as_deref().unwrap());
        assert_eq!(names, ["shop", "web-1", "app"]);
        assert_eq!(event.who.address.as_deref(), Some("127.0.0.1"));
        let with_uid = line.replace("/web-1/app?", "/web-1/u-1/app?");
        assert_eq!(read(CONTEXT, &with_uid).r#where.pod_uid.as_deref(), Some("u-1"));
    }

    #[test]
    fn a_container_is_named() {
        let line = r#"I1123 20:59:00.500415   22147 cpu_manager.go:313] "Added Container" pod="shop/web-1" podUID="u" containerName="app" containerID="containerd://c""#;
        let place = read(CONTEXT, line).r#where;
        let names = [&place.namespace, &place.pod, &place.pod_uid, &place.container, &place.container_id];
        assert_eq!(names.map(|name| name.as_deref().unwrap()), ["shop", "web-1", "u", "app", "c"]);
    }

    #[test]
    fn the_year_is_the_latest_that_is_not_after_the_reception() {
        let check = |stamp: &str, received: &str, expected: &str| {
            let received_ns = crate::normalise::tests::nanos(received);
            let event = read(Context { received_ns, ..CONTEXT }, &format!("I{stamp}.5 7 a.go:1] x"));
            assert_eq!(crate::time::rfc3339(event.when.event), expected, "{stamp} {received}");
        };
        check("1123 20:59:10", "2026-11-25T00:00:00Z", "2026-11-23T20:59:10.5Z");
        check("1231 23:59:59", "2027-01-01T00:00:05Z", "2026-12-31T23:59:59.5Z");
        check("0101 00:30:00", "2026-12-31T23:45:00Z", "2027-01-01T00:30:00.5Z");
        check("0229 12:00:00", "2027-02-28T00:00:00Z", "2024-02-29T12:00:00.5Z");
    }

    #[test]
    fn durations() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(duration(text), expected, "{text}");
        check("274.229099ms", Some(274_229_099));
        check("2m3.4s", Some(123_400_000_000));
        check("57µs", Some(57_000));
        check("1h0m0s", Some(3_600_000_000_000));
        for bad in ["", "5", "ms", "1.2.3s", "99999999999999h", "-1s"] {
            check(bad, None);
        }
    }
}
