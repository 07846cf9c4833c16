//! What a pod's specification says of a secret, a config map or a claim: volumes, environment, pulling of images.
//!
//! Not here: which pods there were and who made them (`readers`).

use serde_json::Value;

/// Uses of one object by one pod that are listed.
const USES_MAX: usize = 64;

/// How a pod uses an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The container whose processes have it; absent where only the node uses it.
    pub container: Option<String>,
    /// In words.
    pub way: String,
}

/// What of a volume's or a container's specification names an object of a resource.
struct Names {
    /// Member of a volume, and the member with the name in it.
    volume: (&'static str, &'static str),
    /// Member of a source of a projected volume.
    projected: Option<&'static str>,
    /// Members of `envFrom` and of `valueFrom`.
    environment: Option<(&'static str, &'static str)>,
}

fn names(resource: &str) -> Option<Names> {
    let kind = |volume, projected, environment| Some(Names { volume, projected, environment });
    match resource {
        "secrets" => kind(("secret", "secretName"), Some("secret"), Some(("secretRef", "secretKeyRef"))),
        "configmaps" => kind(("configMap", "name"), Some("configMap"), Some(("configMapRef", "configMapKeyRef"))),
        "persistentvolumeclaims" => kind(("persistentVolumeClaim", "claimName"), None, None),
        _ => None,
    }
}

/// Whether pods use objects of this resource at all.
pub fn is_used_by_pods(resource: &str) -> bool {
    names(resource).is_some()
}

/// How the pod uses the object of that name in its namespace.
pub fn uses(pod: &Value, resource: &str, name: &str) -> Vec<Use> {
    let mut uses = Vec::new();
    let (Some(names), Some(spec)) = (names(resource), pod.get("spec")) else { return uses };
    let containers = ["initContainers", "containers", "ephemeralContainers"];
    let containers: Vec<&Value> = containers.iter().flat_map(|list| list_of(spec, list)).collect();
    for volume in list_of(spec, "volumes") {
        let Some(called) = text(volume, "name") else { continue };
        if is_of(volume, &names, name) {
            let mut mounted = false;
            for container in &containers {
                for mount in list_of(container, "volumeMounts").filter(|mount| text(mount, "name") == Some(called)) {
                    mounted = true;
                    let path = text(mount, "mountPath").unwrap_or("a path that is not recorded");
                    uses.push(of(container, format!("volume {called} at {path}")));
                }
            }
            if !mounted {
                uses.push(Use { container: None, way: format!("volume {called}, mounted in no container") });
            }
        } else if resource == "secrets" && is_for_node(volume, name) {
            uses.push(Use { container: None, way: format!("the node uses it for volume {called}") });
        }
    }
    if let Some((all, one)) = names.environment {
        for container in &containers {
            let from =
                list_of(container, "envFrom").any(|from| from.get(all).and_then(|of| text(of, "name")) == Some(name));
            if from {
                uses.push(of(container, "environment, all of it".to_owned()));
            }
            for variable in list_of(container, "env") {
                let of_it = variable.get("valueFrom").and_then(|from| from.get(one));
                if of_it.and_then(|of_it| text(of_it, "name")) == Some(name) {
                    let called = text(variable, "name").unwrap_or("without a name");
                    uses.push(of(container, format!("environment variable {called}")));
                }
            }
        }
    }
    if resource == "secrets" && list_of(spec, "imagePullSecrets").any(|secret| text(secret, "name") == Some(name)) {
        uses.push(Use { container: None, way: "the node pulls images with it".to_owned() });
    }
    uses.truncate(USES_MAX);
    uses
}

fn is_of(volume: &Value, names: &Names, name: &str) -> bool {
    let (kind, member) = names.volume;
    let direct = volume.get(kind).and_then(|source| text(source, member)) == Some(name);
    let projected = names.projected.is_some_and(|kind| {
        let sources = volume.get("projected").into_iter().flat_map(|projected| list_of(projected, "sources"));
        sources.filter_map(|source| source.get(kind)).any(|source| text(source, "name") == Some(name))
    });
    direct || projected
}

/// A secret that the kubelet or a driver takes to mount something else.
fn is_for_node(volume: &Value, name: &str) -> bool {
    let sources = volume.as_object().into_iter().flat_map(|volume| volume.values());
    let mut named = sources.flat_map(|source| {
        let reference = |member: &str| source.get(member).and_then(|reference| text(reference, "name"));
        [reference("secretRef"), reference("nodePublishSecretRef")].into_iter().flatten()
    });
    let azure = volume.get("azureFile").and_then(|source| text(source, "secretName"));
    named.any(|named| named == name) || azure == Some(name)
}

fn of(container: &Value, way: String) -> Use {
    let name = text(container, "name").unwrap_or("");
    Use { container: Some(name.to_owned()), way: format!("container {name}: {way}") }
}

fn list_of<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ways(spec: Value, resource: &str) -> Vec<String> {
        uses(&json!({ "spec": spec }), resource, "db").into_iter().map(|one| one.way).collect()
    }

    #[test]
    fn each_way_to_an_object() {
        let app = |more: Value| {
            let mut container = json!({ "name": "app" });
            container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([container])
        };
        let mounts = json!({ "volumeMounts": [{ "name": "v", "mountPath": "/s" }] });
        for (spec, resource, expected) in [
            (
                json!({ "volumes": [{ "name": "v", "secret": { "secretName": "db" } }], "containers": app(mounts.clone()) }),
                "secrets",
                "container app: volume v at /s",
            ),
            (
                json!({ "volumes": [{ "name": "v", "secret": { "secretName": "db" } }], "containers": [{ "name": "app" }] }),
                "secrets",
                "volume v, mounted in no container",
            ),
            (
                json!({ "volumes": [{ "name": "v", "projected": { "sources": [{ "configMap": { "name": "x" } }, { "secret": { "name": "db" } }] } }], "initContainers": app(mounts.clone()) }),
                "secrets",
                "container app: volume v at /s",
            ),
            (
                json!({ "volumes": [{ "name": "v", "configMap": { "name": "db" } }], "containers": app(mounts.clone()) }),
                "configmaps",
                "container app: volume v at /s",
            ),
            (
                json!({ "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "db" } }], "containers": app(mounts) }),
                "persistentvolumeclaims",
                "container app: volume v at /s",
            ),
            (
                json!({ "containers": app(json!({ "envFrom": [{ "secretRef": { "name": "db" } }] })) }),
                "secrets",
                "container app: environment, all of it",
            ),
            (
                json!({ "ephemeralContainers": app(json!({ "env": [{ "name": "A", "valueFrom": { "configMapKeyRef": { "name": "db", "key": "k" } } }] })) }),
                "configmaps",
                "container app: environment variable A",
            ),
            (json!({ "imagePullSecrets": [{ "name": "db" }] }), "secrets", "the node pulls images with it"),
            (
                json!({ "volumes": [{ "name": "v", "csi": { "driver": "d", "nodePublishSecretRef": { "name": "db" } } }] }),
                "secrets",
                "the node uses it for volume v",
            ),
        ] {
            assert_eq!(ways(spec.clone(), resource), [expected], "{spec}");
            let other = if resource == "secrets" { "configmaps" } else { "secrets" };
            assert!(ways(spec.clone(), other).is_empty(), "a {other} of the same name: {spec}");
            assert!(uses(&json!({ "spec": spec }), resource, "db2").is_empty());
        }
    }

    #[test]
    fn any_other_shape_is_no_use() {
        for spec in
            [json!(null), json!([]), json!({ "volumes": 1, "containers": "x" }), json!({ "containers": [1, null, {}] })]
        {
            assert!(ways(spec, "secrets").is_empty());
        }
    }
}
