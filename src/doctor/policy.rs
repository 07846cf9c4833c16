//! The API server's audit policy: what it leaves out, and what it writes down that nobody should read.
//!
//! Requests that matter are put to the policy as kube-apiserver does it: the first rule that matches decides, and where none does nothing is recorded.
//! Not here: the API server's options (`apiserver`), the policy that is shipped (`deploy/audit/audit-policy.yaml`).

use super::{Check, some_of, yaml};
use serde_json::Value;
use std::collections::BTreeSet;

/// Rules, and names in them, that are looked at.
const RULES_MAX: usize = 1_000;
const NAMES_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    None,
    Metadata,
    Request,
    RequestResponse,
}

#[derive(Debug, Default)]
struct Rule {
    level: Option<Level>,
    users: Vec<String>,
    groups: Vec<String>,
    verbs: Vec<String>,
    namespaces: Vec<String>,
    resources: Vec<Resources>,
    urls: Vec<String>,
    omit: Vec<String>,
}

#[derive(Debug, Default)]
struct Resources {
    group: String,
    resources: Vec<String>,
    names: Vec<String>,
}

#[derive(Debug)]
struct Policy {
    rules: Vec<Rule>,
    omit: Vec<String>,
    /// Keys that no policy has: the API server passes over them, and the rule matches more than was meant.
    strange: Vec<String>,
}

struct Request<'a> {
    user: &'a str,
    group: &'a str,
    namespace: &'a str,
    verb: &'a str,
    api: &'a str,
    /// With its subresource.
    resource: &'a str,
}

/// What the records of a request must have.
struct Wanted {
    what: &'static str,
    api: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    namespaced: bool,
    least: Level,
    /// Above it, what is written down is a secret itself.
    most: Level,
    all_stages: bool,
    /// Nothing else says who did it.
    vital: bool,
    rule: &'static str,
}

const WRITES: &[&str] = &["create", "update", "patch", "delete"];
use Level::{Metadata, RequestResponse};

const WANTED: &[Wanted] = &[
    Wanted {
        what: "policy: into containers",
        api: "",
        resources: &["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"],
        // WebSockets begin with a get, SPDY with a post.
        verbs: &["create", "get"],
        namespaced: true,
        least: Metadata,
        most: RequestResponse,
        all_stages: true,
        vital: true,
        rule: "- {level: Request, resources: [{group: \"\", resources: [pods/exec, pods/attach, pods/portforward, pods/proxy, services/proxy]}]}",
    },
    Wanted {
        what: "policy: ports of kubelets",
        api: "",
        resources: &["nodes/proxy"],
        verbs: &["create", "get"],
        namespaced: false,
        least: Metadata,
        most: RequestResponse,
        all_stages: true,
        vital: true,
        rule: "- {level: Request, resources: [{group: \"\", resources: [nodes/proxy]}]}",
    },
    Wanted {
        what: "policy: secrets",
        api: "",
        resources: &["secrets"],
        verbs: &["get", "list", "watch", "create", "update", "patch", "delete"],
        namespaced: true,
        least: Metadata,
        most: Metadata,
        all_stages: false,
        vital: true,
        rule: "- {level: Metadata, resources: [{group: \"\", resources: [secrets]}]}",
    },
    Wanted {
        what: "policy: token reviews",
        api: "authentication.k8s.io",
        resources: &["tokenreviews"],
        verbs: &["create"],
        namespaced: false,
        least: Metadata,
        most: Metadata,
        all_stages: false,
        vital: false,
        rule: "- {level: Metadata, resources: [{group: authentication.k8s.io, resources: [tokenreviews]}]}",
    },
    Wanted {
        what: "policy: tokens of service accounts",
        api: "",
        resources: &["serviceaccounts/token"],
        verbs: &["create"],
        namespaced: true,
        least: Level::Request,
        most: Level::Request,
        all_stages: false,
        vital: true,
        rule: "- {level: Request, resources: [{group: \"\", resources: [serviceaccounts/token]}]}",
    },
    Wanted {
        what: "policy: certificates",
        api: "certificates.k8s.io",
        resources: &[
            "certificatesigningrequests",
            "certificatesigningrequests/approval",
            "certificatesigningrequests/status",
        ],
        verbs: &["create", "update", "patch"],
        namespaced: false,
        least: RequestResponse,
        most: RequestResponse,
        all_stages: false,
        vital: true,
        rule: "- {level: RequestResponse, verbs: [create, update, patch, delete, deletecollection], resources: [{group: certificates.k8s.io}]}",
    },
    Wanted {
        what: "policy: rights",
        api: "rbac.authorization.k8s.io",
        resources: &["roles", "rolebindings"],
        verbs: WRITES,
        namespaced: true,
        least: RequestResponse,
        most: RequestResponse,
        all_stages: false,
        vital: true,
        rule: "- {level: RequestResponse, verbs: [create, update, patch, delete, deletecollection], resources: [{group: rbac.authorization.k8s.io}]}",
    },
    Wanted {
        what: "policy: rights of the cluster",
        api: "rbac.authorization.k8s.io",
        resources: &["clusterroles", "clusterrolebindings"],
        verbs: WRITES,
        namespaced: false,
        least: RequestResponse,
        most: RequestResponse,
        all_stages: false,
        vital: true,
        rule: "- {level: RequestResponse, verbs: [create, update, patch, delete, deletecollection], resources: [{group: rbac.authorization.k8s.io}]}",
    },
    Wanted {
        what: "policy: pods",
        api: "",
        resources: &["pods", "pods/binding", "pods/ephemeralcontainers"],
        verbs: WRITES,
        namespaced: true,
        least: RequestResponse,
        most: RequestResponse,
        all_stages: false,
        vital: true,
        rule: "- {level: RequestResponse, verbs: [create, update, patch, delete, deletecollection], resources: [{group: \"\", resources: [pods, pods/binding, pods/ephemeralcontainers, pods/status]}]}",
    },
    Wanted {
        what: "policy: workloads",
        api: "apps",
        resources: &["deployments", "daemonsets", "replicasets", "statefulsets"],
        verbs: WRITES,
        namespaced: true,
        least: RequestResponse,
        most: RequestResponse,
        all_stages: false,
        vital: false,
        rule: "- {level: RequestResponse, verbs: [create, update, patch, delete, deletecollection], resources: [{group: apps}]}",
    },
    Wanted {
        what: "policy: jobs",
        api: "batch",
        resources: &["jobs", "cronjobs"],
        verbs: WRITES,
        namespaced: true,
        least: RequestResponse,
        most: RequestResponse,
        all_stages: false,
        vital: false,
        rule: "- {level: RequestResponse, verbs: [create, update, patch, delete, deletecollection], resources: [{group: batch}]}",
    },
    Wanted {
        what: "policy: everything else",
        api: "",
        resources: &["pods", "configmaps", "services", "persistentvolumeclaims"],
        verbs: &["get", "list", "watch"],
        namespaced: true,
        least: Metadata,
        most: RequestResponse,
        all_stages: false,
        vital: false,
        rule: "- {level: Metadata}   # the last rule",
    },
];

/// Puts what matters to a policy.
pub fn policy(text: &str) -> Vec<Check> {
    let name = "audit policy";
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(why) => return vec![Check::fail(name, why, "deploy/audit/audit-policy.yaml is one that can be used")],
    };
    let mut checks = vec![if policy.strange.is_empty() {
        Check::ok(name, format!("{} rules", policy.rules.len()))
    } else {
        let seen =
            format!("keys that no policy has: {}; such a rule matches more than it says", some_of(&policy.strange, 5));
        Check::warn(
            name,
            seen,
            "users, userGroups, verbs, resources, namespaces, nonResourceURLs, omitStages, omitManagedFields",
        )
    }];
    checks.extend(WANTED.iter().map(|wanted| policy.check(wanted)));
    checks
}

impl Policy {
    fn parse(text: &str) -> Result<Policy, String> {
        let document = yaml::parse(text)?;
        if document.get("kind").and_then(Value::as_str) != Some("Policy") {
            return Err("no `kind: Policy`".to_owned());
        }
        let api = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        if api != "audit.k8s.io/v1" {
            return Err(format!("apiVersion `{api}`: the API server takes audit.k8s.io/v1"));
        }
        let mut strange = Vec::new();
        unknown(
            &document,
            &["apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"],
            "",
            &mut strange,
        );
        let written = document.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if written.is_empty() {
            return Err("no rules: the API server does not start with it".to_owned());
        }
        if written.len() > RULES_MAX {
            return Err(format!("more than {RULES_MAX} rules"));
        }
        let mut rules = Vec::new();
        for (number, value) in (1..).zip(written) {
            let keys = [
                "level",
                "users",
                "userGroups",
                "verbs",
                "namespaces",
                "resources",
                "nonResourceURLs",
                "omitStages",
                "omitManagedFields",
            ];
            unknown(value, &keys, &format!("rule {number}: "), &mut strange);
            rules.push(rule(value).map_err(|error| format!("rule {number}: {error}"))?);
        }
        Ok(Policy { rules, omit: strings(&document, "omitStages"), strange })
    }

    /// The level, the number of the rule, and whether a stage is left out.
    fn decide(&self, request: &Request<'_>, stage: &str) -> (Level, Option<usize>, bool) {
        let mut rules = (1usize..).zip(&self.rules);
        match rules.find(|(_, rule)| rule.matches(request)) {
            None => (Level::None, None, false),
            Some((number, rule)) => {
                let omitted = rule.omit.iter().chain(&self.omit).any(|omitted| omitted == stage);
                (rule.level.unwrap_or(Level::None), Some(number), omitted)
            }
        }
    }

    fn check(&self, wanted: &Wanted) -> Check {
        let (mut none, mut less, mut more, mut stages) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let say = |list: &mut Vec<String>, text: String| {
            if !list.contains(&text) {
                list.push(text);
            }
        };
        for (user, group) in self.people() {
            for namespace in self.namespaces(wanted.namespaced) {
                for resource in wanted.resources {
                    for verb in wanted.verbs {
                        let request = Request { user, group, namespace, verb, api: wanted.api, resource };
                        let (level, number, _) = self.decide(&request, "");
                        let by = number.map_or("no rule".to_owned(), |number| format!("rule {number}"));
                        let whose = match (user, group) {
                            (SOMEBODY, EVERYBODY) => String::new(),
                            (SOMEBODY, group) => format!(" of group {group}"),
                            (user, _) => format!(" of {user}"),
                        };
                        let place = if matches!(namespace, "" | SOMEWHERE) {
                            String::new()
                        } else {
                            format!(" in {namespace}")
                        };
                        let what = format!("{verb} {resource}{whose}{place} ({by})");
                        if level == Level::None {
                            say(&mut none, what);
                            continue;
                        }
                        let stage = ["RequestReceived", "ResponseStarted", "ResponseComplete"]
                            .into_iter()
                            .filter(|stage| wanted.all_stages || *stage == "ResponseComplete")
                            .find(|stage| self.decide(&request, stage).2);
                        if level < wanted.least {
                            say(&mut less, format!("{what}: {level:?}, not {:?}", wanted.least));
                        } else if level > wanted.most {
                            say(&mut more, format!("{what}: {level:?}"));
                        } else if let Some(stage) = stage {
                            say(&mut stages, format!("{what}: {stage} omitted"));
                        }
                    }
                }
            }
        }
        let mut seen = Vec::new();
        for (what, list) in [
            ("not recorded", &none),
            ("secrets are written into the log", &more),
            ("a session is not seen while it is open, or how it ended", &stages),
            ("too little is recorded for links", &less),
        ] {
            if !list.is_empty() {
                seen.push(format!("{what}: {}", some_of(list, 4)));
            }
        }
        let advice = format!("before the rule that matches now: {}", wanted.rule);
        if seen.is_empty() {
            Check::ok(wanted.what, format!("at least {:?}", wanted.least))
        } else if !none.is_empty() && wanted.vital {
            Check::fail(wanted.what, seen.join("; "), advice)
        } else {
            Check::warn(wanted.what, seen.join("; "), advice)
        }
    }

    /// Somebody of whom no rule speaks, and all those of whom one does.
    fn people(&self) -> Vec<(&str, &str)> {
        let mut people = vec![(SOMEBODY, EVERYBODY)];
        let users: BTreeSet<&str> = self.rules.iter().flat_map(|rule| &rule.users).map(String::as_str).collect();
        let groups: BTreeSet<&str> = self.rules.iter().flat_map(|rule| &rule.groups).map(String::as_str).collect();
        people.extend(users.into_iter().take(NAMES_MAX).map(|user| (user, EVERYBODY)));
        people.extend(
            groups.into_iter().filter(|group| *group != EVERYBODY).take(NAMES_MAX).map(|group| (SOMEBODY, group)),
        );
        people
    }

    fn namespaces(&self, namespaced: bool) -> Vec<&str> {
        if !namespaced {
            return vec![""];
        }
        let named: BTreeSet<&str> = self.rules.iter().flat_map(|rule| &rule.namespaces).map(String::as_str).collect();
        let named = named.into_iter().filter(|name| !name.is_empty()).take(NAMES_MAX);
        std::iter::once(SOMEWHERE).chain(named).collect()
    }
}

/// A person of whom no rule speaks; the group of all who have a credential; a namespace of which no rule speaks.
const SOMEBODY: &str = "\u{0}somebody";
const EVERYBODY: &str = "system:authenticated";
const ANONYMOUS: &str = "system:unauthenticated";
const SOMEWHERE: &str = "\u{0}somewhere";

impl Rule {
    /// As kube-apiserver does it (pkg/audit/policy).
    fn matches(&self, request: &Request<'_>) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|one| one == wanted);
        if !self.users.is_empty() && !has(&self.users, request.user) {
            return false;
        }
        let known = request.group != ANONYMOUS && has(&self.groups, EVERYBODY);
        let in_group = self.groups.is_empty() || has(&self.groups, request.group) || known;
        if !in_group {
            return false;
        }
        if !self.verbs.is_empty() && !has(&self.verbs, request.verb) {
            return false;
        }
        if self.namespaces.is_empty() && self.resources.is_empty() {
            // Requests of resources only: URLs of others never match.
            return self.urls.is_empty();
        }
        if !self.namespaces.is_empty() && !has(&self.namespaces, request.namespace) {
            return false;
        }
        self.resources.is_empty() || self.resources.iter().any(|resources| resources.match_request(request))
    }
}

impl Resources {
    /// No request here names an object, so a rule for some names only does not match.
    fn match_request(&self, request: &Request<'_>) -> bool {
        if self.group != request.api {
            return false;
        }
        if self.resources.is_empty() {
            return true;
        }
        let (resource, sub) = request.resource.split_once('/').unwrap_or((request.resource, ""));
        self.names.is_empty()
            && self.resources.iter().any(|pattern| {
                pattern == request.resource
                    || pattern == "*"
                    || (!sub.is_empty() && pattern.strip_prefix("*/") == Some(sub))
                    || pattern.strip_suffix("/*") == Some(resource)
            })
    }
}

fn rule(value: &Value) -> Result<Rule, String> {
    let level = match value.get("level").and_then(Value::as_str) {
        Some("None") => Level::None,
        Some("Metadata") => Level::Metadata,
        Some("Request") => Level::Request,
        Some("RequestResponse") => Level::RequestResponse,
        other => {
            return Err(format!("level `{}` is none of None, Metadata, Request, RequestResponse", other.unwrap_or("")));
        }
    };
    let resources = value.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let resources = resources.iter().map(|one| Resources {
        group: one.get("group").and_then(Value::as_str).unwrap_or_default().to_owned(),
        resources: strings(one, "resources"),
        names: strings(one, "resourceNames"),
    });
    Ok(Rule {
        level: Some(level),
        users: strings(value, "users"),
        groups: strings(value, "userGroups"),
        verbs: strings(value, "verbs"),
        namespaces: strings(value, "namespaces"),
        resources: resources.collect(),
        urls: strings(value, "nonResourceURLs"),
        omit: strings(value, "omitStages"),
    })
}

fn strings(value: &Value, name: &str) -> Vec<String> {
    let list = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // An empty plain scalar is the empty text here: the core group, no namespace.
    list.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

fn unknown(value: &Value, known: &[&str], place: &str, strange: &mut Vec<String>) {
    let keys = value.as_object().into_iter().flat_map(|map| map.keys());
    strange.extend(keys.filter(|key| !known.contains(&key.as_str())).map(|key| format!("{place}{key}")));
}
