//! TOKEN_OUT_OF_PLACE on hand-made requests: what is found, and the near misses that stay silent; and on the lab.
//!
//! Not here: other findings (`captures`, `findings`).

use crate::harness::{Scratch, corpus};
use serde_json::{Value, json};

const UID: &str = "e943d823-e5bd-413e-9e9d-135c576d2d85";
const CREDENTIAL: &str = "JTI=7901f0b7-2323-4345-9477-346407c4052d";

/// One request, complete: who, from where, what, `second` after the hour.
fn request(user: Value, address: &str, verb: &str, object: Value, second: u32, more: &Value) -> String {
    let time = format!("2026-11-23T20:{:02}:{:02}.000000Z", second / 60, second % 60);
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
        "auditID": format!("00000000-0000-0000-0000-{second:012}"), "requestURI": format!("/api/v1/x?n={second}"),
        "verb": verb, "user": user, "sourceIPs": [address], "userAgent": "wget/1", "objectRef": object,
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": time, "stageTimestamp": time,
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{event}\n")
}

fn kubelet(node: &str) -> Value {
    json!({"username": format!("system:node:{node}"), "groups": ["system:nodes", "system:authenticated"]})
}

/// A use of the pod's token.
fn used(address: &str, second: u32) -> String {
    let user = json!({"username": "system:serviceaccount:shop:web", "groups": ["system:serviceaccounts"], "extra": {
        "authentication.kubernetes.io/credential-id": [CREDENTIAL],
        "authentication.kubernetes.io/node-name": ["node-1"],
        "authentication.kubernetes.io/pod-name": ["web-1"],
        "authentication.kubernetes.io/pod-uid": [UID],
    }});
    request(user, address, "list", json!({"resource": "secrets", "namespace": "shop"}), second, &json!({}))
}

/// The status of the pod, as the kubelet of `node` writes it.
fn status(node: &str, uid: &str, second: u32) -> String {
    let body = json!({"metadata": {"name": "web-1", "namespace": "shop", "uid": uid}, "status": {
        "podIP": "10.1.0.7", "podIPs": [{"ip": "10.1.0.7"}, {"ip": "fd00::7"}], "hostIP": "10.0.0.1"}});
    let object = json!({"resource": "pods", "namespace": "shop", "name": "web-1", "subresource": "status"});
    request(kubelet(node), "10.0.0.1", "patch", object, second, &json!({"requestObject": body, "responseObject": body}))
}

/// The kubelet is seen by the API server.
fn seen(node: &str, address: &str, second: u32) -> String {
    request(kubelet(node), address, "get", json!({"resource": "leases", "name": node}), second, &json!({}))
}

fn deleted(uid: &str, second: u32) -> String {
    let object = json!({"resource": "pods", "namespace": "shop", "name": "web-1"});
    let more = json!({"requestObject": {"preconditions": {"uid": uid}}});
    request(kubelet("node-1"), "10.0.0.1", "delete", object, second, &more)
}

/// `severity addresses uses` of each finding.
fn found(lines: &[String]) -> Vec<String> {
    let scratch = Scratch::new();
    scratch.write("k8s-audit.log", lines.concat());
    scratch.ok(&["ingest", "-q", "--store", "store", "--cluster", "c", "k8s-audit.log"]);
    short(&scratch)
}

fn short(scratch: &Scratch) -> Vec<String> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    let tokens = run.lines().into_iter().filter(|line| line["finding"] == "TOKEN_OUT_OF_PLACE");
    tokens.map(|line| format!("{} {} {}", line["severity"], line["addresses"], line["uses"]).replace('"', "")).collect()
}

#[test]
fn a_token_that_is_used_elsewhere_is_found() {
    let here = [status("node-1", UID, 1), used("10.1.0.7", 2), used("fd00::7", 3), used("10.0.0.1", 4)];
    let with = |more: &[String]| found(&[&here[..], more].concat());
    assert_eq!(with(&[]), [""; 0], "the pod's, and its node's");
    assert_eq!(with(&[used("::ffff:10.1.0.7", 5)]), [""; 0], "another spelling");
    assert_eq!(with(&[used("203.0.113.9", 5), used("203.0.113.9", 6)]), ["high [203.0.113.9] 2"]);
    // Another node's kubelet, or another pod with the same name, says nothing of this one.
    assert_eq!(found(&[status("node-2", UID, 1), used("10.1.0.7", 2), used("203.0.113.9", 3)]).len(), 1);
    assert_eq!(found(&[status("node-1", "other", 1), used("203.0.113.9", 3)]), [""; 0], "nothing is known of the pod");
    // Whoever is no kubelet cannot say where the pod is.
    let forged = status("node-1", UID, 1).replace("system:node:node-1", "mallory").replace("10.1.0.7", "203.0.113.9");
    assert_eq!(with(&[forged, used("203.0.113.9", 5)]), ["high [203.0.113.9] 1"]);
    // The kubelet's way to the API server is part of the node.
    assert_eq!(with(&[seen("node-1", "203.0.113.9", 5), used("203.0.113.9", 6)]), [""; 0]);
    assert_eq!(with(&[seen("node-2", "10.0.0.2", 5), used("10.0.0.2", 6)]), ["high [10.0.0.2] 1"]);
    let balancer = [seen("node-2", "10.0.0.9", 5), seen("node-3", "10.0.0.9", 6), used("10.0.0.9", 7)];
    assert_eq!(with(&balancer), [""; 0], "an address of several nodes");
}

#[test]
fn only_the_last_source_address_counts() {
    let here = [status("node-1", UID, 1), used("10.1.0.7", 2)];
    let sources = |list: &str| used("203.0.113.9", 5).replace("[\"203.0.113.9\"]", list);
    let with = |line: String| found(&[&here[..], &[line]].concat());
    assert_eq!(with(sources("[\"203.0.113.9\",\"10.1.0.7\"]")), [""; 0]);
    assert_eq!(with(sources("[\"10.1.0.7\",\"203.0.113.9\"]")), ["high [203.0.113.9] 1"]);
}

#[test]
fn without_the_pods_place_only_several_addresses_are_said() {
    let both = [seen("node-1", "10.0.0.1", 1), used("10.1.0.7", 2), used("203.0.113.9", 3)];
    assert_eq!(found(&both), ["low [10.1.0.7,203.0.113.9] 2"]);
    assert_eq!(found(&[used("10.1.0.7", 2), used("10.1.0.7", 3)]), [""; 0]);
    assert_eq!(found(&[used("10.1.0.7", 2), used("fd00::7", 3)]), [""; 0], "one of each family is one place");
    // A token that is bound to no pod has no place.
    let unbound = |line: &str| line.replace("authentication.kubernetes.io/pod-uid", "other");
    assert_eq!(found(&both.map(|line| unbound(&line))), [""; 0]);
}

#[test]
fn a_token_outlives_its_pod() {
    let here = [status("node-1", UID, 1), deleted(UID, 100)];
    let with = |line: String| found(&[&here[..], &[line]].concat());
    assert_eq!(with(used("10.1.0.7", 99)), [""; 0]);
    assert_eq!(with(used("10.1.0.7", 104)), [""; 0], "under way");
    assert_eq!(with(used("10.1.0.7", 106)), ["high [10.1.0.7] 1"]);
    // The pod before it, of the same name.
    assert_eq!(found(&[status("node-1", UID, 1), deleted("before", 100), used("10.1.0.7", 106)]), [""; 0]);
}

#[test]
fn what_an_aggregated_server_logs_again_is_no_use() {
    let relayed = used("10.0.0.50", 5);
    let here = [status("node-1", UID, 1), used("10.1.0.7", 5)];
    assert_eq!(found(&[&here[..], &[relayed.replace("05.000000Z", "05.100000Z")]].concat()), [""; 0]);
    assert_eq!(found(&[&here[..], &[relayed.replace("05.000000Z", "15.100000Z")]].concat()).len(), 1, "too late");
    assert_eq!(found(&[&here[..], &[relayed.replace("n=5", "n=6")]].concat()).len(), 1, "another request");
}

#[test]
fn the_stolen_token_of_the_lab() {
    let Some(corpus) = corpus() else { return };
    let scratch = Scratch::new();
    scratch.ingest(&[&corpus.join("lab/k8s-audit.log")], &["-q"]);
    // Scenarios C2 and C4: three requests, and one after the pod was deleted.
    assert_eq!(short(&scratch), ["high [127.0.0.66] 4"]);
}

#[test]
fn a_testimony_with_a_finding_of_many_events_is_not_refuted() {
    let scratch = Scratch::new();
    scratch.write(
        "k8s-audit.log",
        [status("node-1", UID, 1), seen("node-1", "10.0.0.1", 2), used("10.9.9.9", 9)].concat(),
    );
    scratch.ok(&["ingest", "-q", "--store", "store", "--cluster", "c", "k8s-audit.log"]);
    let found = scratch.run(&["findings", "--store", "store", "-o", "ndjson", "-q"]).lines();
    let id = found.iter().find(|line| line["finding"] == "TOKEN_OUT_OF_PLACE").unwrap()["events"][0].as_str().unwrap();
    let told = scratch.ok(&["testify", id, "--store", "store", "-q", "-o", "json", "--proofs"]).out;
    assert!(told.contains("\"noticed\""), "{told}");
    scratch.write("t.json", &told);
    let run = scratch.run(&["verify", "t.json"]);
    assert!(
        run.code == 4 && run.out.contains("noticed: cannot be decided from these records"),
        "{} {}",
        run.code,
        run.out
    );
    // The log has what is behind it, and a forged one differs there.
    let run = scratch.run(&["verify", "t.json", "--store", "store"]);
    assert!(run.code == 4 && !run.out.contains("in the store: noticed"), "{}", run.out);
    scratch.write("t.json", told.replace("TOKEN_OUT_OF_PLACE", "TRACE_DELETED"));
    let run = scratch.run(&["verify", "t.json", "--store", "store"]);
    assert!(run.code == 3 && run.out.contains("in the store: noticed: differs"), "{}", run.out);
}
