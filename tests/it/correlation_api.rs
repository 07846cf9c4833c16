//! Links between requests of the API server: owners, bindings of pods, rights. Small records made by hand.
//!
//! Not here: credentials, and the lab (`correlation_credentials`); links to what happened on a node (`correlation`).

use crate::correlation::essence;
use crate::harness::Scratch;
use serde_json::{Value, json};

/// One request at second `at`; its Audit-ID is that number. `what` is `group/resource[/subresource]`.
pub fn request(at: u32, who: &str, verb: &str, what: &str, name: &str) -> Value {
    let mut parts = what.splitn(3, '/');
    let (group, resource, sub) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    let stamp = |fraction: &str| format!("2026-11-24T10:{:02}:{:02}.{fraction}Z", at / 60, at % 60);
    let mut reference = json!({"resource": resource, "apiVersion": "v1", "apiGroup": group});
    if !resource.starts_with("cluster") && !resource.starts_with("cert") {
        reference["namespace"] = "shop".into();
    }
    for (member, value) in [("name", Some(name).filter(|name| !name.is_empty())), ("subresource", sub)] {
        if let Some(value) = value {
            reference[member] = value.into();
        }
    }
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": id(at),
        "stage": "ResponseComplete", "requestURI": "/x", "verb": verb, "user": {"username": who}, "sourceIPs": ["10.0.0.1"],
        "objectRef": reference, "responseStatus": {"code": 200},
        "requestReceivedTimestamp": stamp("000000"), "stageTimestamp": stamp("100000")
    })
}

pub fn id(at: u32) -> String {
    format!("00000000-0000-4000-8000-{at:012}")
}

/// With members set by their JSON pointers; what is missing on the way is made.
pub fn with(mut record: Value, members: &[(&str, Value)]) -> Value {
    for (pointer, value) in members {
        let mut here = &mut record;
        for name in pointer.trim_start_matches('/').split('/') {
            here = &mut here[name.replace("~1", "/")];
        }
        *here = value.clone();
    }
    record
}

pub fn store(records: &[Value]) -> Scratch {
    let scratch = Scratch::new();
    add(&scratch, "a.log", records, "lab");
    scratch
}

pub fn add(scratch: &Scratch, name: &str, records: &[Value], cluster: &str) {
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    let path = scratch.write(name, text);
    let arguments = ["ingest", "-q", "--store", "store", "--node", "n", "--cluster", cluster, path.to_str().unwrap()];
    scratch.ok(&arguments);
}

pub fn why(scratch: &Scratch, at: u32) -> Value {
    let run = scratch.ok(&["why", &id(at), "--store", "store", "-o", "json"]);
    serde_json::from_str(&run.out).unwrap()
}

/// The end of a chain in one line: kind, name, class, candidates.
pub fn end(root: &Value) -> String {
    let text = |name: &str| root[name].as_str().unwrap_or("-").to_owned();
    let candidates = root["candidates"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = candidates.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.dedup();
    let name = match root["as"].as_str() {
        Some(name) => format!("{} as {name}", text("name")),
        None => text("name"),
    };
    let more = if root["missing"].to_string().contains("none of them") { " or none" } else { "" };
    format!("{} {name} {} [{}]{more}", text("kind"), text("class"), names.join(" "))
}

pub fn root(scratch: &Scratch, at: u32) -> String {
    end(&why(scratch, at)["root"])
}

pub fn rules(chain: &Value) -> Vec<String> {
    let steps = chain.as_array().unwrap().iter();
    steps
        .filter_map(|step| Some(format!("{} {}", step["link"]["rule"].as_str()?, step["link"]["class"].as_str()?)))
        .collect()
}

/// The grounds of an event itself: rules, and the end.
pub fn grounds(scratch: &Scratch, at: u32) -> Vec<String> {
    let why = why(scratch, at);
    let all = why["grounds"].as_array().cloned().unwrap_or_default();
    let own = all.iter().filter(|ground| ground["of"] == why["event"]);
    own.map(|ground| format!("{}: {}", rules(&ground["chain"]).join(", "), end(&ground["root"]))).collect()
}

/// The links to effects of a request: rule, class and the Audit-ID's number.
pub fn effects(scratch: &Scratch, at: u32) -> Vec<String> {
    let lines = scratch.ok(&["links", &id(at), "--store", "store", "-o", "ndjson"]).lines();
    let mut found: Vec<String> = Vec::new();
    for line in &lines {
        let (from, to) = (&line["from_event"]["how"]["audit_id"], line["to_event"]["how"]["audit_id"].as_str());
        if let (Some(to), true) = (to, from == &json!(id(at)) && line["from"] != line["to"]) {
            let number: u32 = to.rsplit('-').next().unwrap().parse().unwrap();
            found.push(format!("{} {number}", line["rule"].as_str().unwrap()));
        }
    }
    found.sort();
    found
}

const DEPLOYMENTS: &str = "system:serviceaccount:kube-system:deployment-controller";
const SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
pub const ALICE: &str = "alice@example.com";
pub const BOB: &str = "bob@example.com";
pub const CAROL: &str = "carol@example.com";

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    json!([{"kind": kind, "name": name, "uid": uid, "controller": true}])
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}})
}

/// A write of the deployment `web` that leaves it so.
fn deployment(at: u32, who: &str, verb: &str, generation: u32, replicas: u32, image: &str) -> Value {
    with(
        request(at, who, verb, "apps/deployments", "web"),
        &[
            ("/responseObject/kind", "Deployment".into()),
            ("/responseObject/metadata", json!({"name": "web", "uid": "D", "generation": generation})),
            ("/responseObject/spec", json!({"replicas": replicas, "template": template(image)})),
        ],
    )
}

fn scale(at: u32, who: &str, replicas: u32) -> Value {
    with(
        request(at, who, "patch", "apps/deployments/scale", "web"),
        &[
            ("/responseObject/kind", "Scale".into()),
            ("/responseObject/metadata", json!({"name": "web", "uid": "D"})),
            ("/responseObject/spec/replicas", replicas.into()),
        ],
    )
}

/// A write of a set of `web` by the deployment controller.
fn set(at: u32, verb: &str, name: &str, replicas: u32, image: &str) -> Value {
    let mut template = template(image);
    template["metadata"]["labels"]["pod-template-hash"] = name.into();
    let metadata = json!({"name": name, "uid": format!("uid-{name}"), "generation": at, "ownerReferences": owner("Deployment", "web", "D")});
    with(
        request(at, DEPLOYMENTS, verb, "apps/replicasets", name),
        &[
            ("/responseObject/kind", "ReplicaSet".into()),
            ("/responseObject/metadata", metadata),
            ("/responseObject/spec", json!({"replicas": replicas, "template": template})),
        ],
    )
}

/// A pod that the set's controller made.
fn pod(at: u32, set: &str) -> Value {
    let (name, uid) = (format!("{set}-p{at:04}"), format!("pod-{at}"));
    let metadata =
        json!({"name": name, "uid": uid, "ownerReferences": owner("ReplicaSet", set, &format!("uid-{set}"))});
    with(
        request(at, SETS, "create", "/pods", ""),
        &[
            ("/requestObject/metadata/ownerReferences", metadata["ownerReferences"].clone()),
            ("/responseObject/metadata", metadata),
        ],
    )
}

pub fn delete_pod(at: u32, who: &str, set: &str, number: u32) -> Value {
    let name = format!("{set}-p{number:04}");
    let metadata = json!({"name": name, "uid": format!("pod-{number}")});
    with(request(at, who, "delete", "/pods", &name), &[("/responseObject/metadata", metadata)])
}

/// The deployment that alice made, its set, its pod.
pub fn three() -> Vec<Value> {
    vec![deployment(10, ALICE, "create", 1, 1, "v1"), set(11, "create", "web-1", 1, "v1"), pod(12, "web-1")]
}

#[test]
fn a_pod_leads_to_whoever_made_its_deployment() {
    let scratch = store(&three());
    let found = why(&scratch, 12);
    assert_eq!(rules(&found["chain"]), ["owner-request PROVEN", "owner-request PROVEN"]);
    assert_eq!(end(&found["root"]), "credential alice@example.com PROVEN []");
    assert_eq!(effects(&scratch, 10), ["owner-request 11"]);
    assert_eq!(effects(&scratch, 11), ["owner-request 12"]);
}

#[test]
fn each_key_of_an_owner_alone_breaks_the_link() {
    let uid = |at: usize| format!("/responseObject/metadata/{}", ["uid", "uid", "ownerReferences"][at]);
    let unknown = "unknown - - []";
    let broken = [
        ("the deployment's uid", 0, uid(0), json!("E"), unknown),
        ("the deployment's name", 0, "/objectRef/name".to_owned(), json!("other"), unknown),
        ("the deployment's namespace", 0, "/objectRef/namespace".to_owned(), json!("other"), unknown),
        ("the deployment's outcome", 0, "/responseStatus/code".to_owned(), json!(409), unknown),
        ("a deployment that was only tried", 0, "/requestURI".to_owned(), json!("/x?dryRun=All"), unknown),
        ("the set's uid", 1, uid(1), json!("E"), unknown),
        (
            "whoever made the pod",
            2,
            "/user/username".to_owned(),
            json!("system:serviceaccount:shop:web"),
            "credential system:serviceaccount:shop:web PROVEN []",
        ),
    ];
    for (what, at, pointer, value, wanted) in broken {
        let mut records = three();
        records[at] = with(records[at].clone(), &[(pointer.as_str(), value)]);
        assert_eq!(root(&store(&records), 12), wanted, "{what}");
    }
    // Somebody who acts as the controller acts for themselves.
    let mut records = three();
    records[2] = with(
        records[2].clone(),
        &[("/user/username", "mallory@example.com".into()), ("/impersonatedUser", json!({"username": SETS}))],
    );
    assert_eq!(root(&store(&records), 12), format!("credential mallory@example.com as {SETS} PROVEN []"));
}

#[test]
fn who_scaled_a_deployment_is_behind_the_pods_that_came_of_it() {
    let mut records = three();
    records.extend([scale(20, BOB, 3), set(21, "update", "web-1", 3, "v1"), pod(22, "web-1"), pod(23, "web-1")]);
    let scratch = store(&records);
    assert_eq!(root(&scratch, 12), "credential alice@example.com PROVEN []");
    for at in [22, 23] {
        assert_eq!(root(&scratch, at), "credential bob@example.com CONSISTENT []", "{at}");
    }
    // Nobody asked for a fourth.
    records.push(pod(24, "web-1"));
    assert_eq!(root(&store(&records), 24), "ambiguous - AMBIGUOUS [alice@example.com bob@example.com] or none");
}

#[test]
fn who_changed_the_template_is_behind_the_new_set() {
    let mut records = three();
    records.extend([
        scale(15, CAROL, 1),
        deployment(20, BOB, "patch", 2, 1, "v2"),
        set(21, "create", "web-2", 1, "v2"),
        pod(22, "web-2"),
        set(23, "update", "web-1", 0, "v1"),
    ]);
    let scratch = store(&records);
    assert_eq!(root(&scratch, 22), "credential bob@example.com CONSISTENT []");
    assert_eq!(root(&scratch, 12), "credential alice@example.com PROVEN []");
    // The set of alice's template, made anew after somebody deleted it, is of both.
    let gone = request(30, CAROL, "delete", "apps/replicasets", "web-1");
    records
        .extend([gone, with(set(31, "create", "web-1", 1, "v1"), &[("/responseObject/metadata/uid", "other".into())])]);
    assert_eq!(root(&store(&records), 31), "ambiguous - AMBIGUOUS [alice@example.com carol@example.com]");
}

#[test]
fn writes_that_do_not_say_what_they_left_behind_are_all_candidates() {
    let mut records = three();
    records.push(request(20, BOB, "patch", "apps/deployments", "web"));
    records.extend([set(21, "create", "web-2", 1, "v2"), pod(22, "web-2")]);
    let scratch = store(&records);
    assert_eq!(root(&scratch, 22), "ambiguous - AMBIGUOUS [alice@example.com bob@example.com]");
    assert_eq!(effects(&scratch, 10), ["owner-request 11", "owner-request 21"]);
    // One person's several writes end in that person.
    records[3] = request(20, ALICE, "patch", "apps/deployments", "web");
    assert_eq!(root(&store(&records), 22), "credential alice@example.com CONSISTENT []");
    // What changed nothing is no candidate.
    let mut records = three();
    records.insert(
        1,
        with(
            deployment(10, BOB, "patch", 1, 1, "v1"),
            &[("/auditID", id(9).into()), ("/requestReceivedTimestamp", "2026-11-24T10:00:10.500000Z".into())],
        ),
    );
    assert_eq!(root(&store(&records), 12), "credential alice@example.com CONSISTENT []");
}

#[test]
fn a_pod_that_replaces_a_deleted_one_has_two_possible_causes() {
    let mut records = three();
    records.extend([delete_pod(20, CAROL, "web-1", 12), pod(21, "web-1")]);
    let scratch = store(&records);
    assert_eq!(root(&scratch, 21), "ambiguous - AMBIGUOUS [alice@example.com carol@example.com]");
    assert_eq!(effects(&scratch, 20), ["owner-request 21"]);
    // The node's own deletion at the end is the same one.
    records.insert(
        4,
        with(
            delete_pod(20, "system:node:n", "web-1", 12),
            &[("/auditID", id(19).into()), ("/requestReceivedTimestamp", "2026-11-24T10:00:20.500000Z".into())],
        ),
    );
    assert_eq!(root(&store(&records), 21), "ambiguous - AMBIGUOUS [alice@example.com carol@example.com]");
    // What was only tried deleted nothing, and a pod of another owner is another's.
    for members in [("/requestObject", json!({"dryRun": ["All"]})), ("/objectRef/name", "else-1-p0012".into())] {
        let mut records = three();
        records.extend([with(delete_pod(20, CAROL, "web-1", 12), &[members]), pod(21, "web-1")]);
        assert_eq!(root(&store(&records), 21), "ambiguous - AMBIGUOUS [alice@example.com] or none");
    }
}

#[test]
fn an_earlier_life_of_an_owners_name_is_nobodys_cause() {
    let mut before = deployment(1, BOB, "create", 1, 1, "v1");
    before["responseObject"]["metadata"]["uid"] = "old".into();
    let mut records = vec![
        before,
        request(2, BOB, "patch", "apps/deployments", "web"),
        request(3, BOB, "delete", "apps/deployments", "web"),
    ];
    records.extend(three());
    assert_eq!(root(&store(&records), 12), "credential alice@example.com PROVEN []");
    // Without the uid of the later one the name alone is left, which proves nothing.
    let mut untold = three();
    untold[0] = request(10, ALICE, "create", "apps/deployments", "web");
    assert_eq!(root(&store(&untold), 12), "credential alice@example.com CONSISTENT []");
}

#[test]
fn another_cluster_with_the_same_names_is_another() {
    let other = [
        request(11, BOB, "patch", "apps/deployments", "web"),
        with(request(9, BOB, "create", "rbac.authorization.k8s.io/clusterrolebindings", "ops"), &[]),
    ];
    let other: Vec<Value> = other
        .iter()
        .enumerate()
        .map(|(n, record)| with(record.clone(), &[("/auditID", id(900 + u32::try_from(n).unwrap()).into())]))
        .collect();
    let scratch = store(&three());
    add(&scratch, "b.log", &other, "other");
    assert_eq!(root(&scratch, 12), "credential alice@example.com PROVEN []");
    let scratch = store(&[binding(10, ALICE, "create", &[BOB]), allowed(20, BOB)]);
    add(&scratch, "b.log", &other, "other");
    assert_eq!(grounds(&scratch, 20), ["binding-permission STRONG: credential alice@example.com STRONG []"]);
}

#[test]
fn order_of_arrival_changes_no_link_between_requests() {
    let mut records = three();
    records.extend([
        delete_pod(20, CAROL, "web-1", 12),
        pod(21, "web-1"),
        scale(25, BOB, 2),
        set(26, "update", "web-1", 2, "v1"),
        pod(27, "web-1"),
    ]);
    let told = |scratch: &Scratch| -> Vec<String> { [12, 21, 27].map(|at| essence(&why(scratch, at))).into() };
    let forward = told(&store(&records));
    records.reverse();
    assert_eq!(told(&store(&records)), forward);
    let scratch = Scratch::new();
    for (number, record) in records.iter().enumerate() {
        add(&scratch, &format!("{number}.log"), std::slice::from_ref(record), "lab");
    }
    assert_eq!(told(&scratch), forward);
}

const BINDINGS: &str = "rbac.authorization.k8s.io/clusterrolebindings";

/// A write of the binding `ops` that leaves it with these users.
fn binding(at: u32, who: &str, verb: &str, users: &[&str]) -> Value {
    let subjects: Vec<Value> = users.iter().map(|name| json!({"kind": "User", "name": name})).collect();
    let body = json!({"metadata": {"name": "ops", "uid": "B"}, "subjects": subjects, "roleRef": {"kind": "ClusterRole", "name": "ops"}});
    with(request(at, who, verb, BINDINGS, "ops"), &[("/responseObject", body)])
}

fn allowed(at: u32, who: &str) -> Value {
    let reason = format!("RBAC: allowed by ClusterRoleBinding \"ops\" of ClusterRole \"ops\" to User \"{who}\"");
    with(request(at, who, "list", "/secrets", ""), &[("/annotations/authorization.k8s.io~1reason", reason.into())])
}

#[test]
fn a_request_rests_on_whoever_gave_the_right() {
    let scratch = store(&[binding(10, ALICE, "create", &[BOB]), allowed(20, BOB)]);
    assert_eq!(grounds(&scratch, 20), ["binding-permission STRONG: credential alice@example.com STRONG []"]);
    assert_eq!(root(&scratch, 20), "credential bob@example.com PROVEN []", "the cause is whoever did it");
    assert_eq!(effects(&scratch, 10), ["binding-permission 20"]);
    // Of several writes, the one that brought the subject in.
    let brought = |second: Value| {
        grounds(
            &store(&[
                binding(10, ALICE, "create", &[]),
                second,
                binding(16, CAROL, "update", &[BOB, CAROL]),
                allowed(20, BOB),
            ]),
            20,
        )
    };
    let by = "binding-permission STRONG: credential ";
    assert_eq!(brought(binding(15, "dave", "patch", &[BOB])), [format!("{by}dave STRONG []")]);
    assert_eq!(brought(binding(15, "dave", "patch", &[CAROL])), [format!("{by}carol@example.com STRONG []")]);
    // Where that is not recorded, anybody who wrote it.
    let untold = |at, who, verb: &str| request(at, who, verb, BINDINGS, "ops");
    let found = grounds(&store(&[untold(10, ALICE, "create"), untold(15, "dave", "patch"), allowed(20, BOB)]), 20);
    assert_eq!(found, ["binding-permission AMBIGUOUS: ambiguous - AMBIGUOUS [alice@example.com dave]"]);
    let found = grounds(&store(&[untold(10, ALICE, "create"), allowed(20, BOB)]), 20);
    assert_eq!(found, ["binding-permission CONSISTENT: credential alice@example.com CONSISTENT []"]);
    // A change of a binding whose making is older than the log: the subject may have been in it before.
    let found = grounds(&store(&[binding(15, "dave", "patch", &[BOB]), allowed(20, BOB)]), 20);
    assert_eq!(found, ["binding-permission AMBIGUOUS: ambiguous - AMBIGUOUS [dave] or none"]);
}

#[test]
fn each_key_of_a_right_alone_breaks_the_link() {
    let gives = || binding(10, ALICE, "create", &[BOB]);
    let none: [(&str, Vec<Value>); 7] = [
        ("the name", vec![with(gives(), &[("/objectRef/name", "other".into())])]),
        ("the kind", vec![with(gives(), &[("/objectRef/resource", "rolebindings".into())])]),
        ("the subject", vec![binding(10, ALICE, "create", &[CAROL])]),
        ("the outcome", vec![with(gives(), &[("/responseStatus/code", 409.into())])]),
        ("only tried", vec![with(gives(), &[("/requestURI", "/x?dryRun=All".into())])]),
        ("the time", vec![binding(30, ALICE, "create", &[BOB])]),
        ("taken away", vec![gives(), binding(15, ALICE, "update", &[])]),
    ];
    for (what, mut records) in none {
        records.push(allowed(20, BOB));
        assert_eq!(grounds(&store(&records), 20), Vec::<String>::new(), "{what}");
    }
    // A binding that was deleted and made again by somebody else.
    let gone = |at| request(at, ALICE, "delete", BINDINGS, "ops");
    let found = grounds(&store(&[gives(), gone(12), binding(15, CAROL, "create", &[BOB]), allowed(20, BOB)]), 20);
    assert_eq!(found, ["binding-permission STRONG: credential carol@example.com STRONG []"]);
    // An authorizer may be behind by a moment, not by a minute.
    let found = grounds(&store(&[gives(), gone(19), allowed(20, BOB)]), 20);
    assert_eq!(found, ["binding-permission CONSISTENT: credential alice@example.com CONSISTENT []"]);
    assert_eq!(grounds(&store(&[gives(), gone(19), allowed(80, BOB)]), 80), Vec::<String>::new());
}

#[test]
fn a_binding_of_a_pod_leads_to_the_pod() {
    let bind = |who: &str, uid: &str| {
        with(request(13, who, "create", "/pods/binding", "web-1-p0012"), &[("/objectRef/uid", uid.into())])
    };
    let bound = |who: &str, uid: &str| {
        let mut records = three();
        records.push(bind(who, uid));
        store(&records)
    };
    let scratch = bound("system:kube-scheduler", "pod-12");
    assert_eq!(
        rules(&why(&scratch, 13)["chain"]),
        ["pod-binding PROVEN", "owner-request PROVEN", "owner-request PROVEN"]
    );
    assert_eq!(root(&scratch, 13), "credential alice@example.com PROVEN []");
    assert_eq!(effects(&scratch, 12), ["pod-binding 13"]);
    assert_eq!(rules(&why(&bound("system:kube-scheduler", "pod-13"), 13)["chain"]), Vec::<String>::new());
    assert_eq!(
        root(&bound("mallory", "pod-12"), 13),
        "credential mallory PROVEN []",
        "who binds a pod acts for themselves"
    );
}
