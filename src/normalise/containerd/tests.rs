//! What each text of containerd's log and each topic of its stream becomes; and that nothing makes it panic.

use proptest::prelude::*;

use super::*;
use crate::model::Moment;
use crate::model::{Object, RecordKind};
use crate::normalise::{event, fields, key};

const CONTEXT: Context<'_> = Context { cluster: "c1", node: "n1", received_ns: 0, ..Context::NOWHERE };
const AT: &str = "time=\"2026-11-23T20:59:10.472646474Z\"";
const ID: &str = "c769c925076b75fe77f5c636d7d2442d2ab52eeee16d8eb9c34dfc61271abff6";
const OTHER: &str = "cc8805f91346a47c83ae16b747209a37fe27324d58257836a6da0e1efedef169";

fn of(kind: RecordKind, line: &[u8]) -> Event {
    let key = key(kind, CONTEXT, line).unwrap();
    event(kind, &key, CONTEXT, &[line])
}

/// What an event says, in a fixed order, without what every event of this room says.
fn shown(event: &Event) -> String {
    let mut out = vec![event.what.action.to_string()];
    let mut say = |name: &str, value: Option<&str>| out.extend(value.map(|value| format!("{name}={value}")));
    let place = &event.r#where;
    say("ns", place.namespace.as_deref());
    say("pod", place.pod.as_deref());
    say("uid", place.pod_uid.as_deref());
    say("container", place.container.as_deref());
    say("id", place.container_id.as_deref());
    say("image", place.image.as_deref());
    say("exec", event.how.exec_id.as_deref());
    say("pid", event.how.pid.map(|pid| pid.to_string()).as_deref());
    say("code", event.what.code.as_deref());
    let outcome = event.what.outcome.name();
    say("outcome", (outcome != "unknown").then_some(outcome));
    let args: Vec<String> = event.how.args.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    say("args", Some(&args.join(";")));
    let issues: Vec<&str> = event.issues.iter().map(|issue| issue.kind.as_str()).collect();
    say("issues", (!issues.is_empty()).then(|| issues.join(",")).as_deref());
    out.join(" ").replace(ID, "ID").replace(OTHER, "OTHER")
}

/// A text, as logrus writes it at that level, with `rest` behind it; both forms of the log say the same.
fn check_at(level: &str, message: &str, rest: &str, expected: &str) {
    let message = message.replace("ID", ID).replace("OTHER", OTHER);
    let quoted = message.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let text = format!("{AT} level={level} msg=\"{quoted}\"{rest}\n");
    let found = of(RecordKind::Containerd, text.as_bytes());
    assert_eq!(shown(&found), expected, "{text}");
    assert_eq!(found.what.message.as_deref(), Some(message.as_str()));
    if rest.is_empty() {
        let json =
            format!("{{\"level\":\"{level}\",\"msg\":\"{quoted}\",\"time\":\"2026-11-23T20:59:10.472646474Z\"}}");
        let found = of(RecordKind::Containerd, json.as_bytes());
        assert_eq!(shown(&found), expected, "{json}");
    }
}

fn check(message: &str, expected: &str) {
    check_at("debug", message, "", expected);
}

#[test]
fn sandboxes_and_containers() {
    let pod = "&PodSandboxMetadata{Name:web-1,Uid:e8d7-1,Namespace:shop,Attempt:2,}";
    check(
        &format!("RunPodSandbox for {pod}"),
        "creating-sandbox ns=shop pod=web-1 uid=e8d7-1 args=level:debug;attempt:2",
    );
    check(
        &format!("RunPodSandbox for {pod} returns sandbox id \"ID\""),
        "created-sandbox ns=shop pod=web-1 uid=e8d7-1 id=ID outcome=success args=level:debug;attempt:2;sandbox:ID",
    );
    check_at(
        "error",
        &format!("RunPodSandbox for {pod} failed, error"),
        " error=\"no network\"",
        "creating-sandbox ns=shop pod=web-1 uid=e8d7-1 outcome=failure args=level:error;attempt:2;error:no network",
    );
    check(
        "RunPodSandbox for name:\"web-1\" uid:\"e8d7-1\"  namespace:\"shop\" returns sandbox id \"ID\"",
        "created-sandbox ns=shop pod=web-1 uid=e8d7-1 id=ID outcome=success args=level:debug;attempt:0;sandbox:ID",
    );
    check(
        "CreateContainer within sandbox \"ID\" for container &ContainerMetadata{Name:app,Attempt:1,}",
        "creating-container container=app args=level:debug;sandbox:ID;attempt:1",
    );
    check(
        "CreateContainer within sandbox \"ID\" for &ContainerMetadata{Name:app,Attempt:0,} returns container id \"OTHER\"",
        "created-container container=app id=OTHER outcome=success args=level:debug;sandbox:ID;attempt:0",
    );
    check(
        "CreateContainer within sandbox \"ID\" for name:\"app\" attempt:3 returns container id \"OTHER\"",
        "created-container container=app id=OTHER outcome=success args=level:debug;sandbox:ID;attempt:3",
    );
    check_at(
        "error",
        "CreateContainer within sandbox \"ID\" for &ContainerMetadata{Name:app,Attempt:1,} failed",
        " sandbox=forged",
        "creating-container container=app outcome=failure args=level:error;sandbox:ID;attempt:1;sandbox:forged",
    );
    let text = format!("{AT} level=info msg=\"RunPodSandbox for {pod} returns sandbox id \\\"X\\\"\"");
    let found = of(RecordKind::Containerd, text.as_bytes());
    let namespace = Some("shop".into());
    let object = Object { kind: Some("sandbox".into()), name: Some("X".into()), namespace, ..Object::default() };
    assert_eq!(found.what.object, Some(object));
    assert_eq!((found.source, found.who.asserted_by), (Source::Containerd, Some(AssertedBy::Runtime)));
    assert_eq!((found.who.name, found.r#where.cluster, found.r#where.node), (None, some("c1"), some("n1")));
    assert_eq!(found.when.event, Moment { nanos: 1_795_467_550_472_646_474, digits: 9 });
}

#[test]
fn the_life_of_a_container() {
    check("StartContainer for \"ID\"", "starting-container id=ID args=level:debug");
    check("StartContainer for \"ID\" returns successfully", "started-container id=ID outcome=success args=level:debug");
    check_at(
        "error",
        "StartContainer for \"ID\" failed",
        "",
        "starting-container id=ID outcome=failure args=level:error",
    );
    check("StopContainer for \"ID\" with timeout 30 (s)", "stopping-container id=ID args=level:debug;timeout:30");
    check("StopContainer for \"ID\" returns successfully", "stopped-container id=ID outcome=success args=level:debug");
    check("RemoveContainer for \"ID\"", "removing-container id=ID args=level:debug");
    check(
        "RemoveContainer for \"ID\" returns successfully",
        "removed-container id=ID outcome=success args=level:debug",
    );
    check("StopPodSandbox for \"ID\"", "stopping-sandbox id=ID args=level:debug");
    check("StopPodSandbox for \"ID\" returns successfully", "stopped-sandbox id=ID outcome=success args=level:debug");
    check("RemovePodSandbox for \"ID\"", "removing-sandbox id=ID args=level:debug");
    check("RemovePodSandbox \"ID\" returns successfully", "removed-sandbox id=ID outcome=success args=level:debug");
    check("Kill container \"ID\"", "killing-container id=ID args=level:debug");
}

#[test]
fn sessions() {
    check(
        "Exec for \"ID\" with command [sh -c cat /etc/shadow], tty false and stdin true",
        "requested-exec id=ID args=level:debug;command:sh -c cat /etc/shadow;tty:false;stdin:true",
    );
    // The command says what containerd says; the last one is containerd.
    check(
        "Exec for \"ID\" with command [echo ], tty true and stdin true\n], tty false and stdin false",
        "requested-exec id=ID args=level:debug;command:echo ], tty true and stdin true\n;tty:false;stdin:false",
    );
    check(
        "Exec for \"ID\" returns URL \"http://127.0.0.1:1/exec/x\"",
        "answered-exec id=ID outcome=success args=level:debug;url:http://127.0.0.1:1/exec/x",
    );
    check_at("error", "Exec for \"ID\" failed", "", "answered-exec id=ID outcome=failure args=level:error");
    check(
        "ExecSync for \"ID\" with command [cat /a] and timeout 5 (s)] and timeout 1 (s)",
        "requested-exec-sync id=ID args=level:debug;command:cat /a] and timeout 5 (s);timeout:1",
    );
    check(
        "ExecSync for \"ID\" with command [] and timeout 1 (s)",
        "requested-exec-sync id=ID args=level:debug;command:;timeout:1",
    );
    check(
        "ExecSync for \"ID\" returns with exit code 0",
        "answered-exec-sync id=ID code=0 outcome=success args=level:debug",
    );
    check(
        "ExecSync for \"ID\" returns with exit code 3",
        "answered-exec-sync id=ID code=3 outcome=failure args=level:debug",
    );
    check_at(
        "error",
        "ExecSync for \"ID\" failed",
        " error=e",
        "answered-exec-sync id=ID outcome=failure args=level:error;error:e",
    );
    check("Generated exec id \"OTHER\" for container \"ID\"", "generated-exec-id id=ID exec=OTHER args=level:debug");
    check(
        "Exec process \"OTHER\" exits with exit code 139 and error <nil>",
        "exec-exited exec=OTHER code=139 outcome=failure args=level:debug",
    );
    check(
        "Exec process \"OTHER\" exits with exit code 0 and error <nil>",
        "exec-exited exec=OTHER code=0 outcome=success args=level:debug",
    );
    check(
        "Exec process \"OTHER\" exits with exit code 0 and error gone",
        "exec-exited exec=OTHER code=0 outcome=failure args=level:debug;exit_error:gone",
    );
    check(
        "Attach for \"ID\" with tty false and stdin true",
        "requested-attach id=ID args=level:debug;tty:false;stdin:true",
    );
    check("Attach for \"ID\" returns URL \"u\"", "answered-attach id=ID outcome=success args=level:debug;url:u");
    check("Portforward for \"ID\" port [80 81]", "requested-port-forward id=ID args=level:debug;sandbox:ID;port:80 81");
    check("Portforward for \"ID\" port []", "requested-port-forward id=ID args=level:debug;sandbox:ID;port:");
    check(
        "Portforward for \"ID\" returns URL \"u\"",
        "answered-port-forward id=ID outcome=success args=level:debug;url:u",
    );
}

#[test]
fn texts_that_only_look_like_it() {
    for message in [
        "Exec for \"ID\" with command [sh], tty maybe and stdin true",
        "Exec for \"ID\" with command [sh], tty true and stdin true, or so",
        "Exec for ID with command [sh], tty true and stdin true",
        " Exec for \"ID\" with command [sh], tty true and stdin true",
        "said: Generated exec id \"OTHER\" for pod \"ID\"",
        "Generated exec id \"OTHER\" for container \"ID\" not",
        "Exec process \"OTHER\" exits with exit code many and error <nil>",
        "StartContainer for \"ID\" returns successfully, perhaps",
        "RunPodSandbox for &PodSandboxMetadata{Name:a,Uid:b,Namespace:c",
        "RunPodSandbox for &PodSandboxMetadata{Name:a,Namespace:c,} and more",
        "RunPodSandbox for ",
        "CreateContainer within sandbox \"ID",
        "Start writing stream \"stdout\" to log file \"/a\"",
    ] {
        let found = message.contains("for container \"ID\" not");
        check(message, if found { "logged id=ID args=level:debug" } else { "logged args=level:debug" });
    }
    check_at("error", "anything", " error=x", "logged outcome=failure args=level:error;error:x");
    check_at("fatal", "anything", "", "logged outcome=failure args=level:fatal");
    check("Stop container \"ID\" with signal terminated", "logged id=ID args=level:debug");
    check("container \"ID\" and container \"ID\"", "logged id=ID args=level:debug");
    check("container \"ID\" and container \"OTHER\"", "logged args=level:debug");
    check("Xcontainer \"ID\", container \"short\"", "logged args=level:debug");
}

#[test]
fn the_streaming_server_writes_as_kubernetes_does() {
    let line =
        b"E1123 20:59:19.620666   22111 httpstream.go:257] error forwarding port 18099 to pod 81e8, uid : refused\n";
    let context = Context { received_ns: 1_795_500_000_000_000_000, ..CONTEXT };
    let found = key(RecordKind::Containerd, context, line).unwrap();
    let found = event(RecordKind::Containerd, &found, context, &[line]);
    let args = "args=level:E;thread:22111;caller:httpstream.go:257";
    assert_eq!(shown(&found), format!("logged outcome=failure {args}"));
    assert_eq!(found.what.message.as_deref(), Some("error forwarding port 18099 to pod 81e8, uid : refused"));
    assert_eq!((found.source, found.who.asserted_by), (Source::Containerd, Some(AssertedBy::Runtime)));
    assert_eq!(found.when.event, Moment { nanos: 1_795_467_559_620_666_000, digits: 6 });
    assert_eq!(fields(RecordKind::Containerd, line).record, "E");
    let error =
        key(RecordKind::Containerd, context, b"E1323 20:59:19.620666   22111 httpstream.go:257] x").unwrap_err();
    assert_eq!(error.kind, "no-time");
}

fn check_stream(topic_and_json: &str, expected: &str) {
    let text = format!("2026-11-23 20:59:10.735496 +0000 UTC k8s.io {topic_and_json}\n")
        .replace("ID", ID)
        .replace("OTHER", OTHER);
    let found = of(RecordKind::ContainerdEvents, text.as_bytes());
    assert_eq!(shown(&found), expected, "{text}");
    assert_eq!(found.when.event, Moment { nanos: 1_795_467_550_735_496_000, digits: 6 });
    assert_eq!(found.what.message.as_deref(), topic_and_json.split(' ').next());
    assert_eq!((found.source, found.who.asserted_by), (Source::Containerd, Some(AssertedBy::Runtime)));
}

#[test]
fn tasks() {
    check_stream(
        "/tasks/exec-added {\"container_id\":\"ID\",\"exec_id\":\"OTHER\"}",
        "added-exec id=ID exec=OTHER args=containerd_namespace:k8s.io;container_id:ID;exec_id:OTHER",
    );
    check_stream(
        "/tasks/exec-started {\"container_id\":\"ID\",\"exec_id\":\"OTHER\",\"pid\":24100}",
        "started-exec id=ID exec=OTHER pid=24100 args=containerd_namespace:k8s.io;container_id:ID;exec_id:OTHER;pid:24100",
    );
    check_stream(
        "/tasks/create {\"container_id\":\"ID\",\"io\":{ \"a b\" : 1},\"pid\":7}",
        "created-task id=ID pid=7 args=containerd_namespace:k8s.io;container_id:ID;io:{\"a b\":1};pid:7",
    );
    check_stream(
        "/tasks/start {\"container_id\":\"ID\",\"pid\":-1}",
        "started-task id=ID args=containerd_namespace:k8s.io;container_id:ID;pid:-1 issues=unreadable-pid",
    );
    check_stream(
        "/tasks/exit {\"container_id\":\"ID\",\"id\":\"OTHER\",\"pid\":7,\"exit_status\":139,\"exited_at\":\"t\"}",
        "exited id=ID exec=OTHER pid=7 code=139 outcome=failure \
         args=containerd_namespace:k8s.io;container_id:ID;id:OTHER;pid:7;exit_status:139;exited_at:t",
    );
    check_stream(
        "/tasks/exit {\"container_id\":\"ID\",\"id\":\"ID\",\"pid\":7}",
        "exited id=ID pid=7 code=0 outcome=success args=containerd_namespace:k8s.io;container_id:ID;id:ID;pid:7",
    );
    // What was cut off is not zero.
    check_stream(
        "/tasks/exit {\"container_id\":\"ID\",\"id\":\"ID\",\"exit_sta",
        "exited id=ID args=containerd_namespace:k8s.io;container_id:ID;id:ID issues=not-json",
    );
    check_stream("/tasks/exit", "exited args=containerd_namespace:k8s.io issues=no-payload");
    check_stream(
        "/tasks/delete {\"container_id\":\"ID\",\"pid\":7,\"exit_status\":137}",
        "deleted-task id=ID pid=7 args=containerd_namespace:k8s.io;container_id:ID;pid:7;exit_status:137",
    );
    check_stream("/tasks/oom {\"container_id\":\"ID\"}", "oom id=ID args=containerd_namespace:k8s.io;container_id:ID");
    check_stream(
        "/tasks/paused {\"container_id\":\"ID\"}",
        "paused id=ID args=containerd_namespace:k8s.io;container_id:ID",
    );
}

#[test]
fn container_records() {
    check_stream(
        "/containers/create {\"id\":\"ID\",\"image\":\"pause:3.6\",\"runtime\":{\"name\":\"runc\"}}",
        "created-container-record id=ID image=pause:3.6 \
         args=containerd_namespace:k8s.io;id:ID;image:pause:3.6;runtime:{\"name\":\"runc\"}",
    );
    let labels = "{\"io.cri-containerd.kind\":\"container\",\"io.kubernetes.container.name\":\"app\",\
                  \"io.kubernetes.pod.name\":\"web-1\",\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.uid\":\"u\"}";
    check_stream(
        &format!("/containers/update {{\"id\":\"ID\",\"image\":\"i\",\"labels\":{labels}}}"),
        &format!(
            "updated-container-record ns=shop pod=web-1 uid=u container=app id=ID image=i \
             args=containerd_namespace:k8s.io;io.cri-containerd.kind:container;id:ID;image:i;labels:{labels}"
        ),
    );
    check_stream(
        "/containers/delete {\"id\":\"ID\"}",
        "deleted-container-record id=ID args=containerd_namespace:k8s.io;id:ID",
    );
    check_stream("/snapshot/prepare {\"key\":\"k\"}", "snapshot-prepare args=containerd_namespace:k8s.io;key:k");
}

#[test]
fn lines_that_are_none() {
    let check = |kind: RecordKind, line: &str, bad: &str| {
        assert_eq!(key(kind, CONTEXT, line.as_bytes()).unwrap_err().kind, bad, "{line}");
    };
    check(RecordKind::Containerd, "", "not-a-line");
    check(RecordKind::Containerd, "panic: runtime error", "not-a-line");
    check(RecordKind::Containerd, "level=info msg=x", "no-time");
    check(RecordKind::Containerd, "{\"level\":\"info\"", "not-a-line");
    check(RecordKind::ContainerdEvents, "", "not-a-line");
    check(RecordKind::ContainerdEvents, "2026-11-23 25:59:10 +0000 UTC k8s.io /tasks/exit {}", "no-time");
    check(RecordKind::ContainerdEvents, "DEBU[0000] a b c d e", "not-a-line");
}

#[test]
fn one_line_is_one_event_whatever_stands_around_it() {
    let line = format!("{AT} level=info msg=\"a \\\"b\\\"\" id=7");
    let at = |line: &[u8]| key(RecordKind::Containerd, CONTEXT, line).unwrap();
    let found = at(line.as_bytes());
    assert!(found.last);
    assert_eq!(at(format!("\u{feff}\r\n {line} \r\n").as_bytes()), found);
    assert_ne!(at(format!("{line}8").as_bytes()).id, found.id);
    let listed = fields(RecordKind::Containerd, line.as_bytes());
    let names: Vec<String> = listed.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        (listed.record.as_str(), names.join("|")),
        ("info", format!("{}|level=info|msg=a \"b\"|id=7", AT.replace('"', "")))
    );
    let line = b"2026-11-23 20:59:10.7 +0000 UTC moby /tasks/oom {\"container_id\":\"c\"}\n";
    let listed = fields(RecordKind::ContainerdEvents, line);
    let names: Vec<String> = listed.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = "time=2026-11-23 20:59:10.7 +0000 UTC|namespace=moby|topic=/tasks/oom|container_id=c";
    assert_eq!((listed.record.as_str(), names.join("|").as_str()), ("/tasks/oom", expected));
}

#[test]
fn bytes_that_are_no_text_stay_visible() {
    let mut line = format!("{AT} level=info msg=\"a\\xffb\" error=").into_bytes();
    line.extend(b"\xfe");
    let found = of(RecordKind::Containerd, &line);
    assert_eq!(found.what.message.as_deref(), Some("a\\xFFb"));
    assert_eq!(shown(&found), "logged args=level:info;error:\\xFE issues=not-utf8,not-utf8");
}

const PIECES: &[&str] = &[
    "Exec for ",
    "ExecSync for ",
    "\"c\"",
    "\"",
    " with command [",
    "]",
    ", tty ",
    "true",
    " and stdin ",
    " and timeout ",
    "1",
    " (s)",
    "RunPodSandbox for ",
    "&PodSandboxMetadata{",
    "Name:",
    "a",
    ",",
    "}",
    " returns sandbox id ",
    "name:",
    "CreateContainer within sandbox ",
    " for ",
    "container ",
    "Generated exec id ",
    "Exec process ",
    " exits with exit code ",
    " and error ",
    " returns with exit code ",
    "é",
    "\u{0}",
    " returns URL ",
    " failed",
    "Portforward for ",
    " port ",
    ":",
    " ",
];

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120), head in 0usize..4) {
        let heads: [&[u8]; 4] = [b"", b"time=2026-11-23T20:59:10Z level=info msg=", b"2026-11-23 20:59:10 +0000 UTC n /tasks/exit {\"id\":", b"{\"time\":\"2026-11-23T20:59:10Z\",\"msg\":"];
        let line = [heads[head], &bytes].concat();
        for kind in [RecordKind::Containerd, RecordKind::ContainerdEvents] {
            let _ = fields(kind, &line);
            if let Ok(key) = key(kind, CONTEXT, &line) {
                let found = event(kind, &key, CONTEXT, &[&line]);
                prop_assert_eq!(found.id, key.id);
            }
        }
    }

    #[test]
    fn pieces_of_texts_in_any_order(chosen in proptest::collection::vec(proptest::sample::select(PIECES), 0..14)) {
        let message: String = chosen.concat();
        let key = Key { id: crate::model::EventId([0; 16]), source: Source::Containerd, when: Moment { nanos: 0, digits: 0 }, last: true };
        let mut event = empty(&key, CONTEXT);
        message::understand(&message, &mut event);
        if event.what.action == "logged" {
            prop_assert!(event.how.args.is_empty() && event.what.outcome == crate::model::Outcome::Unknown, "{}", message);
        }
    }
}
