//! Events as Docker sends them, lines of dockerd, and what only looks like them.

use super::*;
use crate::line::Time;
use proptest::prelude::*;

fn shown(line: &str) -> String {
    let Some(line) = event(line) else { return "none".to_owned() };
    let Time::Moment { nanos, digits } = line.time else { return "no moment".to_owned() };
    let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{nanos}/{digits} {} | {}", line.message, fields.join(" "))
}

#[test]
fn events() {
    let check = |line: &str, expected: &str, sure: bool| {
        assert_eq!(shown(line), expected, "{line}");
        assert_eq!(is_event(line.as_bytes()), sure, "{line}");
    };
    check(
        r#"{"status":"start","id":"c1","from":"alpine","Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"com.docker.compose.project":"shop","image":"alpine","name":"web"}},"scope":"local","time":1795467576,"timeNano":1795467576123456789}"#,
        "1795467576123456789/9 container start | status=start id=c1 from=alpine Type=container Action=start Actor.ID=c1 Actor.Attributes.com.docker.compose.project=shop Actor.Attributes.image=alpine Actor.Attributes.name=web scope=local",
        true,
    );
    check(
        "{\"Type\":\"container\",\"Action\":\"exec_create: sh -c \\\"id\\\"\",\"Actor\":{\"ID\":\"c\",\"Attributes\":{\"execID\":\"e\"}},\"time\":1795467576}\r\n",
        "1795467576000000000/0 container exec_create: sh -c \"id\" | Type=container Action=exec_create: sh -c \"id\" Actor.ID=c Actor.Attributes.execID=e",
        true,
    );
    check(
        r#"{"Type":"network","Action":"connect","timeNano":1}"#,
        "1/9 network connect | Type=network Action=connect",
        false,
    );
    check(
        r#"{"Type":"pizza","Action":"eat","Actor":{"ID":"x"},"time":1}"#,
        "1000000000/0 pizza eat | Type=pizza Action=eat Actor.ID=x",
        false,
    );
    for none in [
        "",
        "{}",
        r#"{"Type":"container","Action":"start","Actor":{"ID":"c"}}"#,
        r#"{"Type":"container","Action":"start","Actor":{"ID":"c"},"time":"now"}"#,
        r#"{"Type":"container","Action":"start","Actor":{"ID":"c"},"time":9223372036854775807}"#,
        r#"{"Type":"container","Action":"start","Actor":{"ID":"c"},"time":-1}"#,
        r#"{"Type":"container","Actor":{"ID":"c"},"time":1}"#,
        r#"{"Type":"a b","Action":"start","Actor":{"ID":"c"},"time":1}"#,
        r#"{"Type":"container","Action":"start","Actor":{"ID":"c"},"time":1"#,
        r#"{"Type":"container","Action":"start","Actor":{"ID":"c"},"time":1} x"#,
        r#"[{"Type":"container","Action":"start","time":1}]"#,
    ] {
        check(none, "none", false);
    }
    assert!(!is_event(b"\xff"));
}

#[test]
fn labels_hide_nothing() {
    let labels: String = (0..1_000).map(|number| format!("\"a{number:04}\":\"x\",")).collect();
    let line = format!(
        "{{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{{\"ID\":\"c\",\"Attributes\":{{{labels}\"image\":\"i\",\"name\":\"web\"}}}},\"scope\":\"local\",\"time\":1,\"timeNano\":1795467576123456789}}"
    );
    // The time is behind the labels too, and is no attribute.
    let read = event(&line).unwrap();
    assert_eq!(read.time, Time::Moment { nanos: 1_795_467_576_123_456_789, digits: 9 });
    let field = |name: &str| read.field(name).unwrap_or("-").to_owned();
    assert_eq!([field("Actor.ID"), field("Actor.Attributes.name"), field("Actor.Attributes.image")], ["c", "web", "i"]);
    assert!(field(crate::flat::REST).starts_with("{\"Actor\":{\"Attributes\":{\"a0"));
}

#[test]
fn whose_log_it_is() {
    let check = |rest: &str, expected: bool| {
        let line = format!("time=\"2026-11-23T20:57:50.933547097Z\" level=info {rest}");
        assert_eq!(is_log(line.as_bytes()), expected, "{rest}");
    };
    check(r#"msg="Docker daemon" commit=5d6db84 graphdriver(s)=overlay2 version=20.10.24+dfsg1"#, true);
    check(
        r#"msg="Docker daemon" commit=c3b3ab8 containerd-snapshotter=false storage-driver=overlay2 version=27.0.1"#,
        true,
    );
    check(r#"msg="API listen on /var/run/docker.sock""#, true);
    check(r#"msg="Loading containers: start.""#, true);
    check(
        r#"msg="ignoring event" container=e9 module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete""#,
        true,
    );
    check(r#"msg="Handler for POST /v1.41/containers/49/start returned error: failed""#, true);
    check(r#"msg="Docker daemon" version=1"#, false);
    check(r#"msg="Starting up""#, false);
    check(r#"msg="[core] parsed scheme: \"unix\"" module=grpc"#, false);
    check(r#"msg="connecting to shim e9" namespace=moby"#, false);
    check(r#"msg="said: API listen on x" a="module=libcontainerd""#, false);
    check(r#"msg="Handler for nothing returned error: x""#, false);
    check(r#"msg="Handler for what /v1.41/x returned error: x""#, false);
    assert!(!is_log(b"API listen on /var/run/docker.sock"));
    assert!(!is_log(b"\xff"));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "\\{(\"(Type|Action|Actor|time|timeNano)\":(\"[a-z: ]{0,9}\"|[0-9]{1,20}|\\{\"ID\":\"x\"\\}),?){0,6}\\}?") {
        let _ = (event(&text), is_event(text.as_bytes()));
    }

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (is_event(&bytes), is_log(&bytes));
    }
}
