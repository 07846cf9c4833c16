//! Links between requests of the API server: tokens, certificates, signing requests, whom a kubelet asked about; and all of them in the lab.
//!
//! Not here: owners and rights on small records (`correlation_api`).

use crate::correlation_api::{
    ALICE, BOB, CAROL, delete_pod, effects, end, grounds, id, request, root, store, three, with,
};
use crate::harness::{Scratch, corpus};
use serde_json::{Value, json};
use sha2::Digest;

const WEB: &str = "system:serviceaccount:shop:web";

fn token(at: u32, who: &str, jti: &str) -> Value {
    let issued = format!("JTI={jti}");
    with(
        request(at, who, "create", "/serviceaccounts/token", "web"),
        &[
            ("/level", "Metadata".into()),
            ("/annotations/authentication.kubernetes.io~1issued-credential-id", issued.into()),
        ],
    )
}

/// A request with the token `jti` of the pod that was made at `pod`.
fn used(at: u32, jti: &str, pod: u32) -> Value {
    let extra = json!({
        "authentication.kubernetes.io/credential-id": [format!("JTI={jti}")],
        "authentication.kubernetes.io/pod-name": ["web"], "authentication.kubernetes.io/pod-uid": [format!("pod-{pod}")]
    });
    with(request(at, WEB, "list", "/secrets", ""), &[("/user/extra", extra)])
}

#[test]
fn a_token_leads_to_its_issue_and_to_its_pod() {
    let node = "system:node:n";
    let mut records = three();
    records.extend([
        token(13, node, "one"),
        used(20, "one", 12),
        delete_pod(30, ALICE, "web-1", 12),
        used(40, "one", 12),
    ]);
    let scratch = store(&records);
    let wanted = "token-use PROVEN, token-pod PROVEN, owner-request PROVEN, owner-request PROVEN: credential alice@example.com PROVEN []";
    for at in [20, 40] {
        assert_eq!(grounds(&scratch, at), [wanted], "{at}");
    }
    assert_eq!(root(&scratch, 20), format!("credential {WEB} PROVEN []"));
    assert_eq!(effects(&scratch, 13), ["token-use 20", "token-use 40"]);
    assert_eq!(effects(&scratch, 12), ["token-pod 13"]);
    // A token that a person asked for is that person's.
    let scratch = store(&[token(13, ALICE, "one"), used(20, "one", 12)]);
    assert_eq!(grounds(&scratch, 20), ["token-use PROVEN: credential alice@example.com PROVEN []"]);
    // The request for it may say for which pod.
    let bound = json!({"kind": "Pod", "name": "web", "uid": "pod-12"});
    let mut records = three();
    records.push(with(token(13, node, "one"), &[("/requestObject/spec/boundObjectRef", bound)]));
    let scratch = store(&records);
    assert_eq!(root(&scratch, 13), "credential alice@example.com PROVEN []");
    assert_eq!(effects(&scratch, 12), ["token-pod 13"]);
}

#[test]
fn each_key_of_a_token_alone_breaks_the_link() {
    let issue = || token(13, ALICE, "one");
    for (what, record) in [
        ("the id", token(13, ALICE, "two")),
        ("the account", with(issue(), &[("/objectRef/name", "api".into())])),
        ("its namespace", with(issue(), &[("/objectRef/namespace", "other".into())])),
        ("the outcome", with(issue(), &[("/responseStatus/code", 403.into())])),
        ("another resource", with(issue(), &[("/objectRef/subresource", "status".into())])),
    ] {
        assert_eq!(grounds(&store(&[record, used(20, "one", 12)]), 20), Vec::<String>::new(), "{what}");
    }
    let mut twice = issue();
    twice["auditID"] = id(99).into();
    twice["user"]["username"] = CAROL.into();
    let found = grounds(&store(&[issue(), twice, used(20, "one", 12)]), 20);
    assert_eq!(found, ["token-use AMBIGUOUS: ambiguous - AMBIGUOUS [alice@example.com carol@example.com]"]);
    // A pod that nobody made is no end.
    let scratch = store(&[token(13, "system:node:n", "one"), used(20, "one", 12)]);
    assert_eq!(grounds(&scratch, 20), ["token-use PROVEN: unknown - - []"]);
}

const SIGNER: &str = "system:serviceaccount:kube-system:certificate-controller";
const REQUESTS: &str = "certificates.k8s.io/certificatesigningrequests";

/// Asking for a certificate, its approval, its issue; and a request that was made with it.
fn signed() -> Vec<Value> {
    let der = b"any bytes";
    let pem =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", data_encoding::BASE64.encode(der));
    let body = json!({"metadata": {"name": "renewal", "uid": "C"}, "status": {"certificate": data_encoding::BASE64.encode(pem.as_bytes())}});
    let credential = format!("X509SHA256={}", data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(der)));
    let about = |at, who: &str, sub: &str| {
        with(request(at, who, "update", &format!("{REQUESTS}/{sub}"), "renewal"), &[("/objectRef/uid", "C".into())])
    };
    vec![
        with(
            request(10, "mallory", "create", REQUESTS, "renewal"),
            &[("/responseObject/metadata", body["metadata"].clone())],
        ),
        with(about(11, "mallory", "approval"), &[("/impersonatedUser/username", BOB.into())]),
        with(about(12, SIGNER, "status"), &[("/responseObject", body)]),
        with(
            request(20, BOB, "list", "/secrets", ""),
            &[("/user/extra/authentication.kubernetes.io~1credential-id", json!([credential]))],
        ),
    ]
}

#[test]
fn a_certificate_leads_to_its_approval_and_to_whoever_asked_for_it() {
    let scratch = store(&signed());
    let by = "credential mallory as bob@example.com PROVEN []";
    assert_eq!(grounds(&scratch, 20), [format!("certificate-use PROVEN, csr-approval PROVEN: {by}")]);
    assert_eq!(root(&scratch, 12), by);
    assert_eq!(root(&scratch, 11), by, "whoever approves does so of their own will");
    assert_eq!(grounds(&scratch, 11), ["csr-approval PROVEN: credential mallory PROVEN []"]);
    assert_eq!(effects(&scratch, 10), ["csr-approval 11"]);
    assert_eq!(effects(&scratch, 11), ["csr-approval 12"]);
    assert_eq!(effects(&scratch, 12), ["certificate-use 20"]);
    // What the controller approves by itself has the asking as its cause.
    let mut records = signed();
    records[1] = with(records[1].clone(), &[("/user/username", SIGNER.into()), ("/impersonatedUser", Value::Null)]);
    let scratch = store(&records);
    assert_eq!(
        grounds(&scratch, 20),
        ["certificate-use PROVEN, csr-approval PROVEN, csr-approval PROVEN: credential mallory PROVEN []"]
    );
}

#[test]
fn each_key_of_a_signing_request_alone_breaks_the_link() {
    let changed = |at: usize, pointer: &str, value: Value| {
        let mut records = signed();
        records[at] = with(records[at].clone(), &[(pointer, value)]);
        store(&records)
    };
    let other = data_encoding::BASE64.encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_eq!(grounds(&changed(2, "/responseObject/status/certificate", other.into()), 20), Vec::<String>::new());
    assert_eq!(grounds(&changed(2, "/responseObject/status/certificate", "AAAA".into()), 20), Vec::<String>::new());
    assert_eq!(grounds(&changed(2, "/objectRef/subresource", "approval".into()), 20), Vec::<String>::new());
    for (pointer, value) in [("/objectRef/uid", "E"), ("/objectRef/name", "other")] {
        let found = grounds(&changed(1, pointer, value.into()), 20);
        assert_eq!(found, ["certificate-use PROVEN: unknown - - []"], "approval of {pointer}");
    }
    assert_eq!(grounds(&changed(0, "/responseObject/metadata/uid", "E".into()), 11), Vec::<String>::new());
    // Two who approved: either.
    let mut records = signed();
    records.push(with(
        records[1].clone(),
        &[("/auditID", id(99).into()), ("/user/username", CAROL.into()), ("/impersonatedUser", Value::Null)],
    ));
    let found = grounds(&store(&records), 20);
    assert_eq!(
        found,
        ["certificate-use PROVEN, csr-approval AMBIGUOUS: ambiguous - AMBIGUOUS [carol@example.com mallory]"]
    );
}

#[test]
fn the_lab_between_requests() {
    let Some(corpus) = corpus() else { return };
    let scratch = Scratch::new();
    scratch.ingest(&[&corpus.join("lab/k8s-audit.log")], &[]);
    let one = |query: &str| {
        let found = scratch.search(query);
        assert_eq!(found.len(), 1, "{query}");
        let run = scratch.ok(&["why", found[0]["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
        serde_json::from_str::<Value>(&run.out).unwrap()
    };
    let of = |why: &Value, rule: &str| -> Vec<String> {
        let all = why["grounds"].as_array().unwrap().iter();
        let own = all.filter(|ground| ground["of"] == why["event"] && ground["chain"][0]["link"]["rule"] == rule);
        own.map(|ground| end(&ground["root"])).collect()
    };
    // The web pod: alice's kubectl apply. Its successor: she, or the administrator who deleted it (C4).
    let first = one("action:create what.object.kind:pods what.object.name:web-55956fc998-sjcqk");
    assert_eq!(end(&first["root"]), "credential alice@example.com PROVEN []");
    let second = one("action:create what.object.kind:pods what.object.name:web-55956fc998-2zxv5");
    assert_eq!(end(&second["root"]), "ambiguous - AMBIGUOUS [alice@example.com kubernetes-admin]");
    // E2 rests on mallory as breakglass; E4 was approved by her in bob's name.
    let secrets = one("who.name:mallory@example.com action:list what.object.kind:secrets");
    assert_eq!(end(&secrets["root"]), "credential mallory@example.com PROVEN []");
    assert_eq!(of(&secrets, "binding-permission"), ["credential mallory@example.com as breakglass STRONG []"]);
    let issue = one("what.object.kind:certificatesigningrequests/status outcome:success");
    assert_eq!(end(&issue["root"]), "credential mallory@example.com as bob@example.com PROVEN []");
    // The stolen token, before and after its pod was deleted, rests on its issue for the web pod.
    let uses = scratch.search("who.name:\"system:serviceaccount:shop:web\" credential:* outcome:success");
    assert!(uses.len() >= 2, "{}", uses.len());
    for found in uses {
        let run = scratch.ok(&["why", found["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
        let why: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(of(&why, "token-use"), ["credential alice@example.com PROVEN []"]);
    }
    // E8: bob called the kubelet itself, which asked about him. That names nobody.
    scratch.ingest(&[&corpus.join("lab/containerd.log")], &[]);
    let then = |event: &&Value| event["when"]["event"].as_str().unwrap().starts_with("2026-11-23T21:00:38");
    let waited = scratch.search("action:requested-exec-sync");
    let waited = waited.iter().find(then).unwrap()["id"].as_str().unwrap().to_owned();
    let direct: Value =
        serde_json::from_str(&scratch.ok(&["why", &waited, "--store", "store", "-o", "json"]).out).unwrap();
    assert_eq!(direct["root"]["kind"], "unknown", "{}", direct["root"]);
    assert!(direct["root"]["missing"].to_string().contains("whether bob@example.com may"), "{}", direct["root"]);
    // Nobody but alice and whoever deleted is ever named for a pod of the shop.
    for made in scratch.search("action:create what.object.kind:pods namespace:shop outcome:success") {
        let run = scratch.ok(&["why", made["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
        let why: Value = serde_json::from_str(&run.out).unwrap();
        let told = end(&why["root"]);
        assert!(told.contains("alice@example.com") && !told.contains("bob") && !told.contains("mallory"), "{told}");
    }
}
