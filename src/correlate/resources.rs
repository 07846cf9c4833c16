//! Names of the API's own resources: plural, singular, and the short forms that kubectl takes.
//!
//! Resources of extensions have names that nobody here knows. Not here: what is compared with them (`kubectl`).

/// Plural and short forms of what lies in a namespace.
const NAMESPACED: &[(&str, &[&str])] = &[
    ("pods", &["po"]),
    ("deployments", &["deploy"]),
    ("replicasets", &["rs"]),
    ("statefulsets", &["sts"]),
    ("daemonsets", &["ds"]),
    ("replicationcontrollers", &["rc"]),
    ("services", &["svc"]),
    ("configmaps", &["cm"]),
    ("secrets", &[]),
    ("serviceaccounts", &["sa"]),
    ("persistentvolumeclaims", &["pvc"]),
    ("ingresses", &["ing"]),
    ("endpoints", &["ep"]),
    ("endpointslices", &[]),
    ("events", &["ev"]),
    ("networkpolicies", &["netpol"]),
    ("horizontalpodautoscalers", &["hpa"]),
    ("poddisruptionbudgets", &["pdb"]),
    ("jobs", &[]),
    ("cronjobs", &["cj"]),
    ("resourcequotas", &["quota"]),
    ("limitranges", &["limits"]),
    ("roles", &[]),
    ("rolebindings", &[]),
    ("controllerrevisions", &[]),
    ("podtemplates", &[]),
    ("leases", &[]),
];
/// Plural and short forms of what lies in none.
const OF_CLUSTER: &[(&str, &[&str])] = &[
    ("nodes", &["no"]),
    ("namespaces", &["ns"]),
    ("persistentvolumes", &["pv"]),
    ("clusterroles", &[]),
    ("clusterrolebindings", &[]),
    ("certificatesigningrequests", &["csr"]),
    ("customresourcedefinitions", &["crd", "crds"]),
    ("storageclasses", &["sc"]),
    ("priorityclasses", &["pc"]),
    ("ingressclasses", &[]),
    ("runtimeclasses", &[]),
    ("apiservices", &[]),
    ("validatingwebhookconfigurations", &[]),
    ("mutatingwebhookconfigurations", &[]),
    ("componentstatuses", &["cs"]),
];

fn known() -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    NAMESPACED.iter().chain(OF_CLUSTER)
}

/// Whether a resource of the API itself lies in namespaces; of others it is not known.
pub fn is_namespaced(resource: &str) -> bool {
    NAMESPACED.iter().any(|(plural, _)| *plural == resource)
}

fn is_form(word: &str, plural: &str) -> bool {
    let of = |end: &str, single: &str| {
        plural.strip_suffix(end).is_some_and(|stem| word.strip_prefix(stem).is_some_and(|rest| rest == single))
    };
    word == plural || of("s", "") || of("es", "") || of("ies", "y")
}

/// Whether a word of a command may stand for a resource. What is no name of the API's own may be one of an extension, by any short form.
pub fn is(word: &str, resource: &str) -> bool {
    let word = word.split('.').next().unwrap_or("").to_ascii_lowercase();
    let is_own = |word: &str, plural: &str, short: &[&str]| is_form(word, plural) || short.contains(&word);
    if word == "all" {
        return is_namespaced(resource);
    }
    match known().find(|(plural, _)| *plural == resource) {
        Some((plural, short)) => is_own(&word, plural, short),
        None => is_form(&word, resource) || !known().any(|(plural, short)| is_own(&word, plural, short)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_resource() {
        for (word, resource) in [
            ("cm", "configmaps"),
            ("ConfigMap", "configmaps"),
            ("ingress", "ingresses"),
            ("networkpolicy", "networkpolicies"),
            ("deployments.v1.apps", "deployments"),
            ("vs", "virtualservices"),
            ("all", "pods"),
        ] {
            assert!(is(word, resource), "{word} {resource}");
        }
        for (word, resource) in [("cm", "secrets"), ("pod", "virtualservices"), ("po", "podtemplates"), ("", "pods")] {
            assert!(!is(word, resource), "{word} {resource}");
        }
    }
}
