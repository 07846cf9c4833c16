//! What a request says that ties it to other requests: owners, the size and template of a controller, subjects of a binding, credentials that were issued,
//! the pod that a token is bound to, whose right was asked for.
//!
//! Inside: objects with a role (`what.objects[].role`) and arguments by name (`how.args`). Not here: containers of pods (`pods`).

use deponent_parsers::kubernetes::{AuditEvent, ObjectRef, items_at, text_at, tokens, value_at};
use sha2::{Digest, Sha256};

use super::uri;
use crate::model::{Object, Str};

/// The owner that manages an object (`controller: true`).
const CONTROLLER: &str = "controller";
/// Any other owner.
const OWNER: &str = "owner";
/// A credential that was issued.
const ISSUED: &str = "issued";
/// The pod whose token the request was made with.
const CALLER: &str = "caller";
/// What a token is bound to.
const BOUND: &str = "bound";
/// To whom a binding gives its role.
const SUBJECT: &str = "subject";
/// The role that a binding gives.
const ROLE: &str = "role";
/// Whose right was asked for.
const REVIEWED: &str = "reviewed";
/// The node that a pod was bound to.
const TARGET: &str = "target";

/// Digits of a template's digest: of what anybody writes, so long enough that nobody finds two of one.
const DIGEST_BYTES: usize = 16;
/// What a controller adds to the template of what it makes, and what is written or left out by version.
const NOT_OF_TEMPLATE: &[&str] = &["pod-template-hash", "creationTimestamp"];
/// Owners, subjects that are kept.
const OBJECTS_MAX: usize = 64;
/// Text of a certificate, in PEM, that is decoded.
const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

/// What the exec webhook of the Security Profiles Operator has put into the record: its name, and its key.
const EXEC_UID: &str = "execmetadata.spo.io/SPO_EXEC_REQUEST_UID";

/// One thing that is said.
pub enum Said {
    /// An object and its role.
    Object(Object),
    /// An argument and its value.
    Argument(&'static str, Str),
}

/// Calls back with everything that a record of a request about `object` says.
pub fn of(event: &AuditEvent<'_>, object: &ObjectRef<'_>, each: &mut dyn FnMut(Said)) {
    caller(event, each);
    dry(event, each);
    if let Some(issued) = event.annotation("authentication.kubernetes.io/issued-credential-id") {
        each(credential(issued.into()));
    }
    let verb = event.verb.as_deref().unwrap_or("");
    let resource = object.resource.as_deref().unwrap_or("");
    let subresource = object.subresource.as_deref().unwrap_or("");
    // Written by the API server on the word of a webhook of this name, which had the same put before the command.
    if let ("pods", "exec", Some(uid)) = (resource, subresource, event.annotation(EXEC_UID)) {
        each(Said::Argument("exec-uid", uid.into()));
    }
    let group = object.api_group.as_deref().unwrap_or("");
    let writes = matches!(verb, "create" | "update" | "patch");
    let workload = matches!(group, "apps" | "batch") || (group.is_empty() && resource == "replicationcontrollers");
    if subresource.is_empty() && (verb == "create" || (writes && workload)) {
        owners(event, object, each);
    }
    match (group, resource, subresource) {
        (_, _, "" | "scale") if writes && workload => size(event, resource, each),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings", "") if writes => binding(event, each),
        ("certificates.k8s.io", "certificatesigningrequests", "status") if writes => {
            let pem = event.response_object.and_then(|body| text_at(body, &["status", "certificate"]));
            if let Some(digest) = pem.and_then(|pem| certificate(&pem)) {
                each(credential(format!("X509SHA256={digest}").into()));
            }
        }
        ("authorization.k8s.io", "subjectaccessreviews", "") => review(event, each),
        ("", "serviceaccounts", "token") => {
            let bound = event.request_object.and_then(|body| value_at(body, &["spec", "boundObjectRef"]));
            bound.into_iter().for_each(|bound| each(named(bound, BOUND, object.namespace.as_deref())));
        }
        ("", "pods", "binding") => {
            let target = event.request_object.and_then(|body| value_at(body, &["target"]));
            target.into_iter().for_each(|target| each(named(target, TARGET, None)));
        }
        _ => {}
    }
}

/// The object that a reference names.
fn named(reference: &str, role: &str, namespace: Option<&str>) -> Said {
    let text = |name: &str| text_at(reference, &[name]).filter(|text| !text.is_empty()).map(Str::from);
    Said::Object(Object {
        kind: text("kind").map(|kind| kind.to_lowercase()),
        namespace: text("namespace").or_else(|| namespace.map(Str::from)),
        name: text("name"),
        uid: text("uid"),
        role: Some(role.into()),
        ..Object::default()
    })
}

/// A request that is only tried: by a parameter, or by the options of a deletion.
fn dry(event: &AuditEvent<'_>, each: &mut dyn FnMut(Said)) {
    let reads = matches!(event.verb.as_deref(), Some("get" | "list" | "watch") | None);
    let in_uri = event
        .request_uri
        .as_deref()
        .filter(|_| !reads)
        .is_some_and(|uri| uri::parameters(uri).any(|(name, value)| name == "dryRun" && !value.is_empty()));
    let deletes = matches!(event.verb.as_deref(), Some("delete" | "deletecollection"));
    let options = event.request_object.filter(|_| deletes).and_then(|body| value_at(body, &["dryRun"]));
    if in_uri || options.is_some_and(|list| list.contains('"')) {
        each(Said::Argument("dry-run", "All".into()));
    }
}

fn credential(id: Str) -> Said {
    Said::Object(Object {
        kind: Some("credential".into()),
        name: Some(id),
        role: Some(ISSUED.into()),
        ..Object::default()
    })
}

/// The pod that a service account's token is bound to, as the API server read it from the token.
fn caller(event: &AuditEvent<'_>, each: &mut dyn FnMut(Said)) {
    let of_account = event.user.username.as_deref().and_then(|name| name.strip_prefix("system:serviceaccount:"));
    let Some((namespace, _)) = of_account.and_then(|rest| rest.split_once(':')) else { return };
    let extra = |name: &str| event.user.extra(name).first().map(|value| Str::from(value.as_ref()));
    let Some(uid) = extra("authentication.kubernetes.io/pod-uid") else { return };
    each(Said::Object(Object {
        kind: Some("pod".into()),
        namespace: Some(namespace.into()),
        name: extra("authentication.kubernetes.io/pod-name"),
        uid: Some(uid),
        role: Some(CALLER.into()),
        ..Object::default()
    }));
}

fn owners(event: &AuditEvent<'_>, object: &ObjectRef<'_>, each: &mut dyn FnMut(Said)) {
    let bodies = [event.response_object, event.request_object];
    let Some(body) =
        bodies.into_iter().flatten().find(|body| value_at(body, &["metadata", "ownerReferences"]).is_some())
    else {
        return;
    };
    let mut left = OBJECTS_MAX;
    items_at(body, &["metadata", "ownerReferences"], &mut |owner| {
        let controls = value_at(owner, &["controller"]) == Some("true");
        if left > 0 {
            each(named(owner, if controls { CONTROLLER } else { OWNER }, object.namespace.as_deref()));
        }
        left = left.saturating_sub(1);
    });
}

/// How many pods, of which template, in which generation: as the server answered.
fn size(event: &AuditEvent<'_>, resource: &str, each: &mut dyn FnMut(Said)) {
    let Some(body) = event.response_object else { return };
    let kind = text_at(body, &["kind"]);
    if kind.as_deref() == Some("Status") {
        return;
    }
    let number = |text: &&str| text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    let template = if resource == "cronjobs" { ["spec", "jobTemplate"] } else { ["spec", "template"] };
    let digest = value_at(body, &template).and_then(digest);
    let replicas = value_at(body, &["spec", "replicas"]).filter(number);
    let generation = value_at(body, &["metadata", "generation"]).filter(number);
    replicas.into_iter().for_each(|replicas| each(Said::Argument("replicas", replicas.into())));
    generation.into_iter().for_each(|generation| each(Said::Argument("generation", generation.into())));
    digest.into_iter().for_each(|digest| each(Said::Argument("template", digest)));
}

/// The digest of a template, without what its controller adds.
fn digest(template: &str) -> Option<Str> {
    let mut hash = Sha256::new();
    let whole = tokens(template, NOT_OF_TEMPLATE, &mut |token| {
        hash.update(token.len().to_le_bytes());
        hash.update(token);
    });
    let hash = hash.finalize();
    whole.then(|| data_encoding::HEXLOWER.encode(hash.get(..DIGEST_BYTES).unwrap_or_default()).into())
}

fn binding(event: &AuditEvent<'_>, each: &mut dyn FnMut(Said)) {
    let Some(body) = event.response_object.filter(|body| value_at(body, &["roleRef"]).is_some()) else { return };
    value_at(body, &["roleRef"]).into_iter().for_each(|role| each(named(role, ROLE, None)));
    let mut count = 0;
    items_at(body, &["subjects"], &mut |subject| {
        count += 1;
        if count <= OBJECTS_MAX {
            each(named(subject, SUBJECT, None));
        }
    });
    each(Said::Argument("subjects", count.to_string().into()));
}

/// SHA-256 of the first certificate of a PEM text that stands in base64, as in `status.certificate`.
fn certificate(text: &str) -> Option<String> {
    if text.len() > CERTIFICATE_BYTES_MAX {
        return None;
    }
    let pem = data_encoding::BASE64.decode(text.as_bytes()).ok()?;
    let pem = String::from_utf8(pem).ok()?;
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (inner, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let inner: String = inner.split_ascii_whitespace().collect();
    let der = data_encoding::BASE64.decode(inner.as_bytes()).ok()?;
    Some(data_encoding::HEXLOWER.encode(&Sha256::digest(der)))
}

fn review(event: &AuditEvent<'_>, each: &mut dyn FnMut(Said)) {
    let Some(body) = event.request_object else { return };
    let Some(user) = text_at(body, &["spec", "user"]) else { return };
    each(Said::Object(Object {
        kind: Some("user".into()),
        name: Some(user.into()),
        role: Some(REVIEWED.into()),
        ..Object::default()
    }));
    let asked = |name: &str| text_at(body, &["spec", "resourceAttributes", name]);
    if let Some(resource) = asked("resource") {
        let resource = asked("subresource").map_or(resource.to_string(), |sub| format!("{resource}/{sub}"));
        each(Said::Argument("asked-resource", resource.into()));
    }
    asked("verb").into_iter().for_each(|verb| each(Said::Argument("asked-verb", verb.into())));
    asked("name").into_iter().for_each(|name| each(Said::Argument("asked-name", name.into())));
    let allowed = event.response_object.and_then(|body| value_at(body, &["status", "allowed"]));
    let allowed = allowed.filter(|allowed| matches!(*allowed, "true" | "false"));
    allowed.into_iter().for_each(|allowed| each(Said::Argument("allowed", allowed.into())));
}
