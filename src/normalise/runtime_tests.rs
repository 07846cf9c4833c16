//! Lines of CRI-O and Docker: what they say, and what others wrote into them.

use super::*;
use crate::model::RecordKind::{Crio, DockerEvents, Dockerd};
use crate::model::{Event, Outcome};

const CONTEXT: Context<'_> = Context { node: "n", ..Context::NOWHERE };
const ID: &str = "4944103b3a4358e29076cf870e26a9539b50a142ca834701a46b330d74162fcd";

fn of(kind: RecordKind, record: &str) -> Event {
    let key = key(kind, CONTEXT, record.as_bytes()).unwrap();
    event(kind, &key, CONTEXT, &[record.as_bytes()])
}

fn crio(message: &str) -> Event {
    of(Crio, &format!("time=\"2026-11-23 20:57:50.933547097Z\" level=info {message}"))
}

fn place(event: &Event) -> String {
    let place = &event.r#where;
    let id = place.container_id.as_deref().map(|id| id.get(..4).unwrap_or(id));
    let parts = [place.namespace.as_deref(), place.pod.as_deref(), place.container.as_deref(), id];
    parts.map(|part| part.unwrap_or("-")).join(" ")
}

#[test]
fn steps_of_crio() {
    for (message, action, expected) in [
        ("msg=\"Running pod sandbox: shop/web-1/POD\"".to_owned(), "creating-sandbox", "shop web-1 - -"),
        (
            format!("msg=\"Ran pod sandbox {ID} with infra container: shop/web-1/POD\""),
            "created-sandbox",
            "shop web-1 - 4944",
        ),
        ("msg=\"Creating container: shop/web-1/app\"".to_owned(), "creating-container", "shop web-1 app -"),
        (format!("msg=\"Created container {ID}: shop/web-1/app\""), "created-container", "shop web-1 app 4944"),
        (format!("msg=\"Starting container: {ID}\""), "starting-container", "- - - 4944"),
        (format!("msg=\"Stopping container: {ID} (timeout: 30s)\""), "stopping-container", "- - - 4944"),
        (format!("msg=\"Removed container {ID}: shop/web-1/app\""), "removed-container", "shop web-1 app 4944"),
        (format!("msg=\"Stopped pod sandbox: {ID}\""), "stopped-sandbox", "- - - 4944"),
        (
            format!("msg=\"Started container\" PID=4711 containerID={ID} description=shop/web-1/app sandboxID=x"),
            "started-container",
            "shop web-1 app 4944",
        ),
        (
            format!("msg=\"Request: &ExecRequest{{ContainerId:{ID},Cmd:[sh],}}\" name=/runtime.v1.RuntimeService/Exec"),
            "requested-exec",
            "- - - 4944",
        ),
        // Not CRI-O's own words.
        (format!("msg=\"Created container {ID}: shop/web-1/app/x\""), "logged", "- - - 4944"),
        ("msg=\"Created container 4944: shop/web-1/app\"".to_owned(), "logged", "- - - -"),
        (format!("msg=\"x Created container {ID}: shop/web-1/app\""), "logged", "- - - -"),
    ] {
        let event = crio(&message);
        assert_eq!((event.what.action.as_str(), place(&event).as_str()), (action, expected), "{message}");
    }
    let started = crio(&format!("msg=\"Started container\" PID=4711 containerID={ID} description=shop/web-1/app"));
    assert_eq!((started.how.pid, started.what.outcome, started.source.name()), (Some(4711), Outcome::Success, "cri-o"));
    assert_eq!(crio("msg=\"Pulled image: x:1\"").r#where.image.as_deref(), Some("x:1"));
}

#[test]
fn the_log_of_dockerd() {
    let line = |message: &str| of(Dockerd, &format!("time=\"2026-11-23T20:59:37.899505946Z\" level=error {message}"));
    let event =
        line(&format!("msg=\"Handler for POST /v1.41/containers/{ID}/start returned error: no such container\""));
    assert_eq!((event.what.action.as_str(), event.what.outcome), ("requested", Outcome::Failure));
    assert_eq!((event.how.verb.as_deref(), place(&event).as_str()), (Some("POST"), "- - - 4944"));
    assert_eq!(event.why.reason.as_deref(), Some("no such container"));
    let event = line(&format!("msg=\"ignoring event\" container={ID} module=libcontainerd topic=/tasks/delete"));
    assert_eq!((event.what.action.as_str(), place(&event).as_str()), ("deleted-task", "- - - 4944"));
    assert_eq!(line("msg=\"Calling FETCH /x\"").what.action, "logged");
    let asked = line(&format!("msg=\"Calling GET /v1.41/images/json?x=/containers/{ID}\""));
    assert_eq!((asked.what.action.as_str(), place(&asked).as_str()), ("requested", "- - - -"), "anybody may ask that");
    assert_eq!(line(&format!("msg=\"{ID} cleanup: failed\"")).what.action, "cleaning-up-container");
}

#[test]
fn events_of_docker() {
    let line = |action: &str, attributes: &str| {
        of(
            DockerEvents,
            &format!(
                "{{\"status\":\"x\",\"id\":\"{ID}\",\"Type\":\"container\",\"Action\":\"{action}\",\"Actor\":{{\"ID\":\"{ID}\",\"Attributes\":{{{attributes}}}}},\"scope\":\"local\",\"time\":1795467576,\"timeNano\":1795467576123456789}}"
            ),
        )
    };
    let start = line("start", r#""image":"app:1.0","name":"implant""#);
    assert_eq!((start.what.action.as_str(), place(&start).as_str()), ("started-container", "- - implant 4944"));
    assert_eq!((start.r#where.image.as_deref(), start.when.event.nanos), (Some("app:1.0"), 1_795_467_576_123_456_789));
    let exec = line("exec_create: sh -c id", r#""execID":"ab12""#);
    assert_eq!((exec.what.action.as_str(), exec.how.exec_id.as_deref()), ("added-exec", Some("ab12")));
    assert!(exec.how.args.iter().any(|(name, value)| name == "command" && value == "sh -c id"));
    let die = line("die", r#""exitCode":"137""#);
    assert_eq!(
        (die.what.action.as_str(), die.what.outcome, die.what.code.as_deref()),
        ("exited", Outcome::Failure, Some("137"))
    );
    assert_eq!(line("die", "").what.outcome, Outcome::Unknown);
    let pod = line(
        "start",
        r#""io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"app","name":"k8s_x""#,
    );
    assert_eq!(place(&pod), "shop web-1 app 4944");
    assert_eq!(line("new_Thing\\u001b", "").what.action, "container-new-thing");
}
