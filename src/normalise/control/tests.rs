//! Lines of each component, and what must not be believed of them.

use super::*;
use crate::model::RecordKind::{Apiserver, ControllerManager, Scheduler};
use crate::model::{Moment, WhoKind};
use crate::normalise;

const CONTEXT: Context<'_> = Context { node: "n", received_ns: 1_795_500_000_000_000_000, ..Context::NOWHERE };

fn of(kind: RecordKind, record: &str) -> Event {
    let key = normalise::key(kind, CONTEXT, record.as_bytes()).unwrap();
    normalise::event(kind, &key, CONTEXT, &[record.as_bytes()])
}

fn line(kind: RecordKind, text: &str) -> Event {
    of(kind, &format!("I1123 21:00:22.832812   22067 {text}"))
}

fn object_of(event: &Event) -> String {
    let object = event.what.object.clone().unwrap_or_default();
    let parts = [object.kind, object.namespace, object.name];
    parts.map(|part| part.unwrap_or_else(|| "-".into()).to_string()).join(" ")
}

#[test]
fn impersonation_names_both() {
    let event = line(
        Apiserver,
        "httplog.go:92] mallory@example.com[contractors,system:authenticated] is impersonating alice@example.com[dev-team]",
    );
    assert_eq!((event.what.action.as_str(), event.who.name.as_deref()), ("impersonated", Some("mallory@example.com")));
    assert_eq!((event.who.r#as.as_deref(), event.who.groups.len()), (Some("alice@example.com"), 2));
    // A name that holds the words: nobody can tell where it ends.
    let forged = line(Apiserver, "httplog.go:92] eve[x] is impersonating bob[y] is impersonating alice[z]");
    assert_eq!((forged.who.name, forged.what.action.as_str()), (None, "logged"));
    assert_eq!(forged.issues[0].kind, "ambiguous-line");
    // A bracket in a name or a group: nobody can tell where the name ends.
    for odd in [
        "eve[x][a] is impersonating bob[b]",
        "eve[a,b[c] is impersonating bob[b]",
        "eve[a] is impersonating bob[x][b]",
        "eve is impersonating bob[b]",
    ] {
        let event = line(Apiserver, &format!("httplog.go:92] {odd}"));
        assert_eq!((event.who.name, event.who.r#as), (None, None), "{odd}");
        assert_eq!(event.issues[0].kind, "ambiguous-line", "{odd}");
    }
    // Only that file of the server says it.
    let other = line(Apiserver, "other.go:92] mallory[a] is impersonating alice[b]");
    assert_eq!(other.who.name, None);
}

#[test]
fn what_was_lost_is_recovered_and_marked() {
    let lost = line(
        Apiserver,
        "metrics.go:110] Error in audit plugin 'webhook' affecting 2 audit events: Post \"https://x\": refused\nImpacted events:\n",
    );
    assert_eq!(
        (lost.what.action.as_str(), object_of(&lost).as_str()),
        ("lost-audit-events", "audit-backend - webhook")
    );
    assert_eq!(lost.why.reason.as_deref(), Some("Post \"https://x\": refused"));
    assert!(
        lost.issues.iter().any(|issue| issue.kind == "lost-audit-events" && issue.detail.contains("lost 2 events"))
    );
    let text = r#"2026-11-23T20:59:02.539064Z AUDIT: id="5c" stage="ResponseComplete" ip="10.0.0.9" method="delete" user="eve" groups="\"dev\",\"system:authenticated\"" as="root" asgroups="<lookup>" user-agent="kubectl/v1" namespace="shop" uri="/api/v1/namespaces/shop/secrets/db" response="403""#;
    let event = of(Apiserver, text);
    assert_eq!((event.what.action.as_str(), event.what.outcome), ("delete", Outcome::Denied));
    assert_eq!((event.who.name.as_deref(), event.who.r#as.as_deref()), (Some("eve"), Some("root")));
    assert_eq!((event.how.audit_id.as_deref(), event.who.address.as_deref()), (Some("5c"), Some("10.0.0.9")));
    assert_eq!(object_of(&event), "secrets shop db");
    assert_eq!(event.when.event, Moment { nanos: 1_795_467_542_539_064_000, digits: 6 });
    assert_eq!(event.issues[0].kind, "recovered");
    let nobody = of(Apiserver, &text.replace("\"eve\"", "\"<none>\""));
    assert_eq!((nobody.who.name, nobody.who.kind), (None, WhoKind::Unset));
    assert_eq!(normalise::key(Apiserver, CONTEXT, b"Impacted events:").unwrap_err().kind, "not-a-line");
}

#[test]
fn what_the_api_server_does_itself() {
    let event =
        line(Apiserver, "authentication.go:75] \"Unable to authenticate the request\" err=\"invalid bearer token\"");
    assert_eq!((event.what.action.as_str(), event.what.outcome), ("failed-authentication", Outcome::Denied));
    assert_eq!(event.why.reason.as_deref(), Some("invalid bearer token"));
    let event =
        line(Apiserver, "storage_rbac.go:333] created rolebinding.rbac.authorization.k8s.io/x:y in kube-system");
    assert_eq!(
        (event.what.action.as_str(), object_of(&event).as_str()),
        ("created", "rolebinding.rbac.authorization.k8s.io kube-system x:y")
    );
    let event = line(
        Apiserver,
        "httplog.go:134] \"HTTP\" verb=\"GET\" URI=\"/api/v1/pods\" latency=\"2s\" userAgent=\"curl\" audit-ID=\"a\" srcIP=\"10.0.0.9:1\" resp=200",
    );
    assert_eq!((event.what.action.as_str(), event.who.address.as_deref()), ("http", Some("10.0.0.9")));
    assert_eq!(event.when.end.unwrap().nanos - event.when.event.nanos, 2_000_000_000);
    assert_eq!(event.how.audit_id.as_deref(), Some("a"));
}

#[test]
fn managers_and_schedulers() {
    let event =
        line(Scheduler, "schedule_one.go:481] \"Successfully bound pod to node\" pod=\"shop/web\" node=\"node-1\"");
    assert_eq!((event.what.action.as_str(), object_of(&event).as_str()), ("bound-pod", "pods shop web"));
    assert_eq!((event.r#where.pod.as_deref(), event.who.asserted_by), (Some("web"), Some(AssertedBy::Daemon)));
    let event =
        line(ControllerManager, "leaderelection.go:272] \"Successfully acquired lease\" lock=\"kube-system/x\"");
    assert_eq!((event.what.action.as_str(), object_of(&event).as_str()), ("acquired-lease", "leases kube-system x"));
    let event = line(
        ControllerManager,
        "event.go:389] \"Event occurred\" object=\"shop/web\" kind=\"ReplicaSet\" apiVersion=\"apps/v1\" type=\"Normal\" reason=\"SuccessfulCreate\" message=\"Created pod: web-1\"",
    );
    assert_eq!(
        (event.what.action.as_str(), object_of(&event).as_str()),
        ("event-successful-create", "ReplicaSet shop web")
    );
    let event = line(ControllerManager, "x.go:1] \"Caches are synced\" controller=\"job\"");
    assert_eq!(event.what.action, "caches-are-synced");
    for other in ["x.go:1] Caches are synced", "x.go:1] \"1 of 2\" a=b", &format!("x.go:1] \"{}\" a=b", "x".repeat(65))]
    {
        assert_eq!(line(ControllerManager, other).what.action, "logged", "{other}");
    }
}

#[test]
fn a_zone_moves_stamps_that_have_none() {
    let zone = crate::time::Zone::of_name("Europe/Berlin");
    let context = Context { zone, ..CONTEXT };
    let text = "I1123 21:00:22.832812   22067 a.go:1] x";
    let key = normalise::key(Apiserver, context, text.as_bytes()).unwrap();
    let utc = normalise::key(Apiserver, CONTEXT, text.as_bytes()).unwrap();
    assert_eq!(utc.when.nanos - key.when.nanos, 3_600_000_000_000);
    // The clock was set back on 25 October 2026 at 3:00.
    let twice = "I1025 02:30:00.000000   22067 a.go:1] x";
    let key = normalise::key(Apiserver, context, twice.as_bytes()).unwrap();
    let event = normalise::event(Apiserver, &key, context, &[twice.as_bytes()]);
    assert_eq!(event.issues[0].kind, "ambiguous-time");
    let never = "I0329 02:30:00.000000   22067 a.go:1] x";
    let key = normalise::key(Apiserver, context, never.as_bytes()).unwrap();
    let event = normalise::event(Apiserver, &key, context, &[never.as_bytes()]);
    assert_eq!((event.issues[0].kind.as_str(), key.when.nanos), ("no-such-time", 1_774_747_800_000_000_000));
}

#[test]
fn a_component_in_a_pod() {
    let path: &[u8] =
        b"/var/log/pods/kube-system_kube-apiserver-m1_0123456789abcdef0123456789abcdef/kube-apiserver/0.log";
    let context = Context { path, ..CONTEXT };
    let of = |text: &str| {
        let record = format!("2026-11-23T21:00:58.5Z stderr F {text}\n");
        let key = normalise::key(Apiserver, context, record.as_bytes()).unwrap();
        normalise::event(Apiserver, &key, context, &[record.as_bytes()])
    };
    let event = of("I1123 21:00:22.832812   22067 httplog.go:92] eve[a] is impersonating bob[b]");
    assert_eq!((event.who.name.as_deref(), event.r#where.pod.as_deref()), (Some("eve"), Some("kube-apiserver-m1")));
    assert_eq!(event.when.event.digits, 6, "the component's own stamp");
    let event = of("Impacted events:");
    assert_eq!((event.what.action.as_str(), event.what.message.as_deref()), ("logged", Some("Impacted events:")));
    let lost = r#"2026-11-23T20:59:02.5Z AUDIT: id="5c" stage="Panic" ip="10.0.0.9" method="get" user="eve" groups="<none>" as="<self>" asgroups="<lookup>" user-agent="" namespace="shop" uri="/api/v1/namespaces/shop/pods/web" response="500""#;
    let event = of(lost);
    assert_eq!((event.what.action.as_str(), event.r#where.namespace.as_deref()), ("get", Some("shop")));
    assert_eq!(event.r#where.pod, None, "the pod of the API server is not that of the request");
}
