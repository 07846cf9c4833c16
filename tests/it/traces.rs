//! TRACE_DELETED on hand-made requests and records, with the near misses that stay silent; and which findings the honest lab has.
//!
//! Not here: other findings.

use crate::harness::{Scratch, corpus};
use serde_json::{Value, json};

const UID: &str = "3d10d073-962e-44b6-a663-c1c0580872b8";

fn request(user: &str, verb: &str, object: &Value, second: u32, more: &Value) -> String {
    let time = format!("2026-11-23T20:{:02}:{:02}.000000Z", second / 60, second % 60);
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete",
        "auditID": format!("00000000-0000-0000-0000-{second:012}"), "requestURI": format!("/x?n={second}"),
        "verb": verb, "user": {"username": user}, "sourceIPs": ["10.0.0.9"], "objectRef": object,
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": time, "stageTimestamp": time,
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{event}\n")
}

fn plain(user: &str, verb: &str, object: &Value, second: u32) -> String {
    request(user, verb, object, second, &json!({}))
}

/// What the API server answered: it gives the uid of what is made.
fn answered(name: &str) -> Value {
    json!({"responseObject": {"metadata": {"name": name, "uid": UID}}})
}

fn told(file: &str, bytes: &str) -> Vec<Value> {
    let scratch = Scratch::new();
    scratch.write(file, bytes);
    scratch.ok(&["ingest", "-q", "--store", "store", "--cluster", "c", "--node", "n1", file]);
    all(&scratch).into_iter().filter(|line| line["finding"] == "TRACE_DELETED").collect()
}

fn all(scratch: &Scratch) -> Vec<Value> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    run.lines()
}

/// `severity events traces` of each finding.
fn found(lines: &[String]) -> Vec<String> {
    let count = |line: &Value, name: &str| line[name].as_array().unwrap().len();
    let short = |line: &Value| {
        format!("{} {} {}", line["severity"].as_str().unwrap(), count(line, "events"), count(line, "trace_of"))
    };
    told("k8s-audit.log", &lines.concat()).iter().map(short).collect()
}

#[test]
fn events_that_are_deleted() {
    let event = |name: &str| json!({"resource": "events", "namespace": "shop", "name": name});
    let delete = |user: &str, n: u32| plain(user, "delete", &event(&format!("web-1.18eac{n}")), 60 + n);
    let made = plain("system:node:n1", "create", &event("web-1.18eac0"), 1);
    assert_eq!(found(&[made.clone(), delete("mallory", 0), delete("mallory", 1)]), ["medium 2 1"]);
    assert_eq!(found(&(0..10).map(|n| delete("mallory", n)).collect::<Vec<_>>()), ["high 10 0"]);
    assert_eq!(found(&[delete("mallory", 0), delete("mallory", 200)]), ["medium 1 0", "medium 1 0"], "two times");
    assert_eq!(found(&[delete("mallory", 0), delete("bob", 1)]), ["medium 1 0", "medium 1 0"], "two persons");
    let every = json!({"resource": "events", "namespace": "shop"});
    assert_eq!(found(&[plain("mallory", "deletecollection", &every, 60)]), ["high 1 0"]);
    for user in ["system:serviceaccount:kube-system:namespace-controller", "system:apiserver", "system:node:n1"] {
        assert_eq!(found(&[delete(user, 0), plain(user, "deletecollection", &every, 70)]), [""; 0], "{user}");
    }
    assert_eq!(found(&[delete("system:serviceaccount:shop:web", 0)]), ["medium 1 0"]);
    let refused = json!({"responseStatus": {"code": 403}});
    assert_eq!(found(&[request("mallory", "delete", &event("web-1.18eac0"), 60, &refused)]), [""; 0]);
}

#[test]
fn bindings_that_were_used_and_deleted_soon() {
    let binding =
        json!({"resource": "clusterrolebindings", "apiGroup": "rbac.authorization.k8s.io", "name": "b", "uid": UID});
    let make = |user: &str| request(user, "create", &binding, 10, &answered("b"));
    let delete = |user: &str, second: u32| plain(user, "delete", &binding, second);
    let reason = |name: &str| {
        let reason = format!(
            "RBAC: allowed by ClusterRoleBinding \"{name}\" of ClusterRole \"cluster-admin\" to User \"mallory\""
        );
        json!({"annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": reason}})
    };
    let secrets = json!({"resource": "secrets", "namespace": "shop"});
    let used = |by: &str, second: u32| request("mallory", "list", &secrets, second, &reason(by));
    assert_eq!(found(&[make("mallory"), used("b", 20), delete("mallory", 30)]), ["high 1 2"]);
    assert_eq!(found(&[make("alice"), used("b", 20), delete("alice", 30)]), ["high 1 2"]);
    assert_eq!(found(&[make("alice"), used("b", 20), delete("bob", 30)]), ["medium 1 2"], "an administrator");
    assert_eq!(found(&[make("mallory"), delete("mallory", 30)]), [""; 0], "not used");
    assert_eq!(found(&[make("mallory"), used("bb", 20), delete("mallory", 30)]), [""; 0], "another one was");
    assert_eq!(found(&[make("mallory"), used("b", 40), delete("mallory", 30)]), [""; 0], "used afterwards");
    let other = make("mallory").replace(UID, "another");
    assert_eq!(found(&[other, used("b", 20), delete("mallory", 30)]), [""; 0], "another of this name");
    let machine = "system:serviceaccount:argo:argo";
    assert_eq!(found(&[make(machine), used("b", 20), delete(machine, 30)]), ["low 1 2"]);
    let late = delete("mallory", 30).replace("T20:00:30", "T22:00:30");
    assert_eq!(found(&[make("mallory"), used("b", 20), late]), [""; 0], "an hour later");
}

#[test]
fn certificate_requests_that_were_approved_and_deleted_soon() {
    let csr = |sub: &str| json!({"resource": "certificatesigningrequests", "apiGroup": "certificates.k8s.io", "name": "r", "uid": UID, "subresource": sub});
    let make = request("mallory", "create", &csr(""), 10, &answered("r"));
    let approve = plain("bob", "update", &csr("approval"), 20);
    let delete = |user: &str| plain(user, "delete", &csr(""), 30);
    assert_eq!(found(&[make.clone(), approve.clone(), delete("mallory")]), ["high 1 2"]);
    assert_eq!(found(&[make.clone(), approve.clone(), delete("carol")]), ["medium 1 2"]);
    assert_eq!(found(&[make.clone(), delete("mallory")]), [""; 0], "never approved");
    let cleaner = "system:serviceaccount:kube-system:certificate-controller";
    assert_eq!(found(&[make, approve, delete(cleaner)]), [""; 0]);
}

#[test]
fn pods_that_a_session_was_in() {
    let pod =
        |sub: &str| json!({"resource": "pods", "namespace": "shop", "name": "web-1", "uid": UID, "subresource": sub});
    let session = |user: &str| request(user, "create", &pod("exec"), 10, &json!({"responseStatus": {"code": 101}}));
    let delete = |user: &str, second: u32| plain(user, "delete", &pod(""), second);
    assert_eq!(found(&[session("mallory"), delete("mallory", 100)]), ["medium 1 1"]);
    assert_eq!(found(&[session("mallory"), delete("bob", 100)]), ["low 1 1"]);
    assert_eq!(found(&[session("mallory"), delete("mallory", 700)]), [""; 0], "later");
    assert_eq!(found(&[delete("mallory", 100)]), [""; 0], "no session");
    assert_eq!(found(&[session("mallory"), delete("system:node:n1", 100)]), [""; 0], "the kubelet's part");
    let refused = session("mallory").replace("101", "403");
    assert_eq!(found(&[refused, delete("mallory", 100)]), [""; 0], "no session was opened");
}

#[test]
fn files_of_logs() {
    let call = |second: u32, syscall: u32, args: &str, path: &str, role: &str, exe: &str, auid: &str| {
        let id = format!("audit({}.123:{second})", 1_795_467_000 + second);
        format!(
            "type=SYSCALL msg={id}: arch=c000003e syscall={syscall} success=yes exit=0 {args} ppid=1 pid=7 auid={auid} uid=0 euid=0 ses=9 comm=\"x\" exe=\"{exe}\" key=\"auditlog\"\n\
             type=CWD msg={id}: cwd=\"/\"\n\
             type=PATH msg={id}: item=0 name=\"{path}\" inode=5 dev=fe:00 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype={role}\n"
        )
    };
    let open = |flags: &str, path: &str, exe: &str| {
        call(10, 257, &format!("a0=ffffff9c a1=1 a2={flags} a3=0"), path, "NORMAL", exe, "1502")
    };
    let short = |text: &str| -> Vec<String> {
        told("audit.log", text).iter().map(|line| line["severity"].as_str().unwrap().to_owned()).collect()
    };
    let log = "/var/log/audit/audit.log";
    // O_WRONLY|O_TRUNC, O_WRONLY, O_WRONLY|O_APPEND, O_RDONLY
    for (flags, path, expected) in [
        ("201", log, &["high"][..]),
        ("1", log, &["medium"]),
        ("401", log, &[]),
        ("0", log, &[]),
        ("201", "/var/log/wtmp", &["medium"]),
        ("1", "/var/log/wtmp", &[]),
        ("201", "/var/logs/x", &[]),
    ] {
        assert_eq!(short(&open(flags, path, "/bin/sh")), expected, "{flags} {path}");
    }
    assert_eq!(short(&open("201", log, "/usr/sbin/logrotate")), ["low"]);
    let removed = |auid: &str| call(10, 87, "a0=1 a1=0 a2=0 a3=0", log, "DELETE", "/bin/rm", auid);
    assert_eq!(short(&removed("1502")), ["high"]);
    assert_eq!(short(&removed("4294967295")), [""; 0], "no login");
    assert_eq!(short(&removed("1502").replace("success=yes exit=0", "success=no exit=-13")), [""; 0], "refused");
    let both = removed("1502") + &open("201", "/var/log/wtmp", "/bin/sh").replace(":10)", ":11)");
    let one = told("audit.log", &both);
    assert_eq!((one.len(), one[0]["events"].as_array().unwrap().len()), (1, 2), "one session, one finding");
}

#[test]
fn events_are_searched_by_their_findings_and_links() {
    let event = |n: u32| json!({"resource": "events", "namespace": "shop", "name": format!("web-1.18eac{n}")});
    let mut lines: Vec<String> = (0..120).map(|n| plain("mallory", "delete", &event(n), n)).collect();
    lines.push(plain("mallory", "get", &event(1), 200));
    lines.push(plain("mallory", "delete", &event(500), 3000));
    let scratch = Scratch::new();
    scratch.write("k8s-audit.log", lines.concat());
    scratch.ok(&["ingest", "-q", "--store", "store", "--cluster", "c", "k8s-audit.log"]);
    let count = |query: &str| scratch.search(query).len();
    assert_eq!(count("finding:*"), 121, "more than a finding names");
    assert_eq!(count("finding:TRACE_*"), 121);
    assert_eq!(count("finding:TRACE_DELETED who:mallory"), 121);
    assert_eq!(count("finding:AUDIT_OFF"), 0);
    assert_eq!(count("NOT finding:*"), 1);
    assert_eq!(count("action:get OR finding:TRACE_DELETED"), 122);
    assert_eq!(count("finding:TRACE_DELETED action:get"), 0);
    assert_eq!(count("finding:(AUDIT_OFF OR TRACE_DELETED) raw:\"18eac500\""), 1);
    let lines = |query: &str| scratch.run(&["search", "--store", "store", "-o", "ndjson", query]).lines();
    assert_eq!(lines("finding:* | count"), [json!({"count": 121})]);
    assert_eq!(lines("finding:* | top action")[0], json!({"value": "delete", "count": 121}));
    // One stage of a request is no link; two are.
    assert_eq!(count("link.rule:request-stages"), 0);
    for query in ["* | top finding", "* | sequence by link.class within 1m [a] [b]"] {
        let run = scratch.run(&["search", "--store", "store", query]);
        assert!(run.code == 2 && run.err.contains("computed"), "{query}: {} {}", run.code, run.err);
    }
    let listed = scratch.ok(&["fields", "-o", "json"]).out;
    assert!(listed.contains("link.class"), "{listed}");
    let explained = scratch.ok(&["explain", "finding:* a"]).out;
    assert!(explained.contains("[correlation]"), "{explained}");
}

#[test]
fn links_of_the_lab_are_searched() {
    let Some(corpus) = corpus() else { return };
    let lab = |name: &str| corpus.join("lab").join(name);
    let scratch = Scratch::new();
    let paths = ["audit.log", "k8s-audit.log", "containerd.log", "kubelet.log"].map(lab);
    scratch.ingest(&paths.each_ref().map(|path| path.as_path()), &["-q"]);
    let execs = "source:kubernetes action:exec outcome:success";
    let all = scratch.search(execs);
    let linked = scratch.search(&format!("{execs} link.rule:session-exec"));
    let without = scratch.search(&format!("{execs} NOT link.rule:session-exec"));
    assert!(!linked.is_empty() && linked.len() + without.len() == all.len());
    // The same as `links` says of each.
    for event in &all {
        let id = event["id"].as_str().unwrap();
        let links = scratch.run(&["links", "--store", "store", "-o", "ndjson", id]).lines();
        let has = links.iter().any(|link| link["rule"] == "session-exec");
        assert_eq!(linked.iter().any(|other| other["id"] == event["id"]), has, "{id}");
    }
    assert_eq!(scratch.search("finding:TOKEN_OUT_OF_PLACE").len(), 4);
}

#[test]
fn what_the_honest_lab_has() {
    let Some(corpus) = corpus() else { return };
    let lab = |name: &str| corpus.join("lab").join(name);
    let names = [
        "audit.log",
        "k8s-audit.log",
        "containerd.log",
        "containerd-events.log",
        "kubelet.log",
        "auth.log",
        "kernel.log",
        "sudo.log",
        "dockerd.log",
        "kube-apiserver.log",
        "kube-controller-manager.log",
        "kube-scheduler.log",
        "etcd.log",
        "pods",
    ];
    let paths: Vec<_> = names.iter().map(|name| lab(name)).collect();
    let scratch = Scratch::new();
    scratch.ingest(&paths.iter().map(|path| path.as_path()).collect::<Vec<_>>(), &["-q"]);
    let found: Vec<String> = all(&scratch)
        .iter()
        .map(|line| {
            let count = line["events"].as_array().unwrap().len();
            format!("{} {} {count} {}", line["finding"], line["severity"], line["user"]).replace('"', "")
        })
        .collect();
    // Scenarios B13, C2 and C4 (the token), C4 (the pod), E6.
    assert_eq!(
        found,
        [
            "AUDIT_ID_REUSE medium 4 null",
            "TOKEN_OUT_OF_PLACE high 4 system:serviceaccount:shop:web",
            "TRACE_DELETED low 1 kubernetes-admin",
            "TRACE_DELETED high 1 mallory@example.com",
            "TRACE_DELETED high 1 mallory@example.com",
            "TRACE_DELETED high 67 mallory@example.com",
        ]
    );
}
