//! What a client of the API server was told to do, as its arguments say: kubectl's command, and the URL of curl and wget.
//!
//! Arguments are the process's own and name what it was asked for, not what it sent. Inside: the reading of them, and whether a request may be part of it. Whatever cannot be
//! compared (a file of objects, a namespace of the configuration) leaves the request possible. Not here: who sent a request (`sender`).

use super::outline::Outline;
use super::resources;
use crate::model::{Event, Str};

/// Arguments that are read.
const WORDS_MAX: usize = 256;
/// Options that have their value in the next word, of kubectl itself and of its commands.
const VALUED: &[&str] = &[
    "--as",
    "--as-group",
    "--as-uid",
    "--cache-dir",
    "--certificate-authority",
    "--client-certificate",
    "--client-key",
    "--cluster",
    "--context",
    "--kubeconfig",
    "--namespace",
    "--password",
    "--profile",
    "--profile-output",
    "--request-timeout",
    "--server",
    "--tls-server-name",
    "--token",
    "--user",
    "--username",
    "--vmodule",
    "--log-flush-frequency",
    "-n",
    "-s",
    "-v",
    "--v",
    "-f",
    "--filename",
    "-k",
    "--kustomize",
    "-l",
    "--selector",
    "-o",
    "--output",
    "-c",
    "--container",
    "--field-selector",
    "--sort-by",
    "--template",
    "--image",
    "--type",
    "-p",
    "--patch",
    "--patch-file",
    "--from-literal",
    "--from-file",
    "--from-env-file",
    "--replicas",
    "--timeout",
    "--grace-period",
    "--tail",
    "--since",
    "--since-time",
    "--duration",
    "--audience",
    "-L",
    "--label-columns",
    "--chunk-size",
    "--field-manager",
    "--port",
    "--target-port",
    "--env",
    "-e",
    "--labels",
    "--overrides",
    "--clusterrole",
    "--role",
    "--group",
    "--serviceaccount",
    "--verb",
    "--resource",
    "--resource-name",
    "--raw",
    "--subresource",
    "--for",
    "--address",
    "--pod-running-timeout",
    "--copy-to",
    "--limits",
    "--requests",
    "--min",
    "--max",
    "--cpu-percent",
    "--revision",
    "--to-revision",
    "--profile",
    "--target",
    "--custom",
    "--types",
];
/// Commands that go on for long, or may.
const LONG: &[&str] = &["edit", "wait", "rollout", "drain", "proxy", "debug"];
/// Commands of a pod, whose first word is one where it names no type.
const OF_PODS: &[&str] = &["exec", "logs", "log", "attach", "port-forward", "cp", "debug"];

/// What kubectl was told to do.
#[derive(Debug, Default)]
pub struct Command<'e> {
    name: &'e str,
    words: Vec<&'e str>,
    namespace: Option<&'e str>,
    everywhere: bool,
    /// It reads objects, whose names are in no argument.
    reads: bool,
    r#as: Option<&'e str>,
    raw: Option<&'e str>,
    follows: bool,
    /// What stands behind `--`.
    behind: Vec<&'e str>,
}

/// How far a command and a request agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It cannot be part of the command.
    Not,
    /// It may be; the arguments do not name the object.
    May,
    /// The arguments name the object, or the resource where the request names no object.
    Named,
}

/// Reads the arguments of kubectl.
pub fn command(argv: &[Str]) -> Option<Command<'_>> {
    let mut command = Command::default();
    let mut rest = argv.iter().skip(1).take(WORDS_MAX).map(Str::as_str);
    while let Some(word) = rest.next() {
        if word == "--" {
            command.behind.extend(rest);
            break;
        }
        if !word.starts_with('-') || word == "-" {
            match command.name {
                "" => command.name = word,
                _ => command.words.push(word),
            }
            continue;
        }
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None if word.starts_with("-n") && word.len() > 2 => ("-n", word.get(2..)),
            None if VALUED.contains(&word) && !is_flag(command.name, word) => (word, rest.next()),
            None => (word, None),
        };
        match option {
            "-n" | "--namespace" => command.namespace = value,
            "-A" | "--all-namespaces" => command.everywhere = value != Some("false"),
            "-f" | "--filename" | "-k" | "--kustomize" if !is_flag(command.name, option) => command.reads = true,
            "--as" => command.r#as = value,
            "--raw" => command.raw = value,
            "-w" | "--watch" | "--watch-only" | "-f" | "--follow" => command.follows = true,
            _ => {}
        }
        // Several short options in one word, of which `f` or `w` may be one.
        if !word.starts_with("--") && word.len() > 2 && value.is_none() {
            command.follows |= word.contains('w');
        }
    }
    (!command.name.is_empty()).then_some(command)
}

/// Whether a short option has no value in this command.
fn is_flag(command: &str, option: &str) -> bool {
    matches!((command, option), ("logs" | "log", "-f" | "-p") | ("get", "-k"))
}

impl Command<'_> {
    /// Whether it may go on, and ask, for long after its start.
    pub fn is_long(&self) -> bool {
        self.follows || LONG.contains(&self.name)
    }

    /// Whether the request may be part of it.
    pub fn fits(&self, event: &Event) -> Fit {
        let outline = Outline::of(event);
        let fit = self.asks(&outline);
        if fit == Fit::Not || self.name == "proxy" {
            return fit;
        }
        if let Some(raw) = self.raw {
            let path = |uri: &str| uri.split('?').next().unwrap_or("").to_owned();
            let uri = event.how.request_uri.as_deref();
            return if uri.is_some_and(|uri| path(uri) == path(raw)) { Fit::Named } else { Fit::Not };
        }
        let below = outline.kind.as_deref().and_then(|kind| kind.split_once('/')).map(|(_, below)| below);
        if below == Some("exec") && !self.runs(&event.how.argv) { Fit::Not } else { fit }
    }

    /// Whether a request may be part of it, as far as its outline tells: never no where [`Self::fits`] says yes.
    pub fn asks(&self, outline: &Outline<'_>) -> Fit {
        if self.r#as.is_some_and(|name| outline.r#as.as_deref() != Some(name)) {
            return Fit::Not;
        }
        // What `proxy` passes on is others'; the path is in no outline.
        if self.name == "proxy" || self.raw.is_some() {
            return Fit::May;
        }
        let (kind, verb) = (outline.kind.as_deref().unwrap_or(""), outline.verb.as_deref().unwrap_or(""));
        let (resource, below) = kind.split_once('/').unwrap_or((kind, ""));
        if resource.is_empty()
            || !self.does(verb, resource, below)
            || !self.is_in(outline.namespace.as_deref(), resource, verb)
        {
            return Fit::Not;
        }
        if self.reads {
            return Fit::May;
        }
        self.names(resource, outline.object.as_deref().filter(|name| !name.is_empty()), verb)
    }

    /// Whether a session's command is the one behind `--`, or the packing of files that `cp` asks for.
    fn runs(&self, argv: &[Str]) -> bool {
        let first = argv.first().map(Str::as_str);
        match self.name {
            _ if first.is_none() => true,
            "cp" => first == Some("tar"),
            // Without `--` the command is among the other words.
            _ if self.behind.is_empty() => self.words.contains(&first.unwrap_or("")),
            _ => argv.iter().map(Str::as_str).eq(self.behind.iter().copied()),
        }
    }

    /// Whether the command makes such requests at all.
    fn does(&self, verb: &str, resource: &str, below: &str) -> bool {
        let reads = matches!(verb, "get" | "list" | "watch");
        let opens = matches!(verb, "get" | "create" | "connect");
        let changes = matches!(verb, "patch" | "update");
        let second = self.words.first().copied().unwrap_or("");
        match (self.name, below) {
            ("exec" | "cp", "exec") | ("attach" | "run" | "debug", "attach") | ("port-forward", "portforward") => opens,
            ("logs" | "log" | "run" | "debug" | "attach", "log") => verb == "get",
            ("debug", "ephemeralcontainers") => changes || reads,
            ("certificate", "approval") => changes,
            ("create", "token") => second == "token" && verb == "create",
            ("scale", "scale") => reads || changes,
            ("drain", "eviction") => verb == "create",
            ("get" | "edit" | "patch" | "apply" | "replace" | "describe", "status" | "scale" | "resize") => {
                reads || changes
            }
            (_, sub) if !sub.is_empty() => false,
            ("create", _) => matches!(verb, "create" | "get"),
            ("apply", _) => reads || changes || matches!(verb, "create" | "delete"),
            ("replace", _) => reads || changes || matches!(verb, "create" | "delete"),
            ("delete", _) => reads || matches!(verb, "delete" | "deletecollection"),
            ("run", _) => reads || (verb == "create" && resource == "pods") || verb == "delete",
            ("debug", _) => reads || (verb == "create" && resource == "pods") || verb == "delete",
            ("expose", _) => reads || (verb == "create" && resource == "services"),
            ("autoscale", _) => reads || (verb == "create" && resource == "horizontalpodautoscalers"),
            ("drain", _) => reads || changes || verb == "delete",
            ("auth", _) => match second {
                "whoami" => verb == "create" && resource == "selfsubjectreviews",
                "can-i" => {
                    verb == "create" && matches!(resource, "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
                }
                _ => second == "reconcile" && verb != "delete",
            },
            (
                "label" | "annotate" | "set" | "scale" | "rollout" | "edit" | "patch" | "cordon" | "uncordon" | "taint"
                | "diff" | "certificate",
                _,
            ) => reads || changes,
            (
                "get" | "describe" | "wait" | "events" | "top" | "cluster-info" | "exec" | "cp" | "attach" | "logs"
                | "log" | "port-forward" | "explain",
                _,
            ) => reads,
            _ => false,
        }
    }

    /// Whether the namespaces agree, as far as both say one.
    fn is_in(&self, namespace: Option<&str>, resource: &str, verb: &str) -> bool {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let Some(there) = namespace.filter(|_| resource != "namespaces") else {
            let lists = matches!(verb, "list" | "watch" | "deletecollection");
            return self.everywhere || self.reads || !lists || !resources::is_namespaced(resource);
        };
        if self.everywhere {
            // It is asked for in all at once; what was found is then asked for, or deleted, by its name.
            return !matches!((self.name, verb), ("get", _) | (_, "list" | "watch"));
        }
        // A pod of `kubectl cp` may bring its own.
        let own = self
            .words
            .iter()
            .filter(|_| self.name == "cp")
            .filter_map(|word| word.split_once(':'))
            .find_map(|(pod, _)| pod.split_once('/').map(|(namespace, _)| namespace));
        match own.or(self.namespace) {
            Some(said) => said == there,
            // A node's debugging pod, and what the configuration names.
            None => true,
        }
    }

    /// Whether the arguments name the object.
    fn names(&self, resource: &str, name: Option<&str>, verb: &str) -> Fit {
        let words: Vec<&str> = match self.name {
            "create" => return self.creates(resource, name),
            "rollout" | "set" | "certificate" | "top" | "auth" | "config" => {
                self.words.iter().skip(1).copied().collect()
            }
            _ => self.words.clone(),
        };
        match self.name {
            // What they ask about is no argument of the request.
            "auth" => return if resource.ends_with("reviews") { Fit::Named } else { Fit::May },
            "run" => {
                let is_it = name.is_none() || name == words.first().copied();
                return if resource == "pods" && is_it { Fit::Named } else { Fit::May };
            }
            "describe" | "cluster-info" | "explain" | "diff" | "events" | "top" => return Fit::May,
            "drain" | "cordon" | "uncordon" if resource != "nodes" => return Fit::May,
            "drain" | "cordon" | "uncordon" => return named(name, &words),
            "certificate" if resource == "certificatesigningrequests" => return named(name, &words),
            "cp" => {
                let pods = words.iter().filter_map(|word| Some(word.split_once(':')?.0));
                let pods: Vec<&str> = pods.map(|pod| pod.rsplit('/').next().unwrap_or(pod)).collect();
                return if resource == "pods" { named(name, &pods) } else { Fit::Not };
            }
            "expose" | "autoscale" if verb == "create" => return Fit::May,
            "rollout" if matches!(resource, "replicasets" | "controllerrevisions" | "pods") => return Fit::May,
            _ => {}
        }
        let words = words.as_slice();
        let in_types = |types: &str| types.split(',').any(|one| resources::is(one, resource));
        if OF_PODS.contains(&self.name) {
            return self.of_pods(words.first().copied(), resource, name, verb);
        }
        // TYPE/NAME …
        if words.iter().any(|word| word.contains('/') && !word.contains('=')) {
            let pairs = words.iter().filter_map(|word| word.split_once('/'));
            let names: Vec<&str> = pairs.filter(|(of, _)| resources::is(of, resource)).map(|(_, name)| name).collect();
            return if names.is_empty() { Fit::Not } else { named(name, &names) };
        }
        let Some((types, names)) = words.split_first().filter(|(types, _)| in_types(types)) else { return Fit::Not };
        let _ = types;
        // Pairs of labels, and those of `set image`, are no names.
        let names: Vec<&str> =
            names.iter().copied().filter(|word| !word.contains('=') && !word.ends_with('-')).collect();
        match (names.is_empty(), name) {
            (false, Some(_)) => named(name, &names),
            (_, None) => Fit::Named,
            (true, Some(_)) if self.name == "get" => Fit::Not,
            (true, Some(_)) => Fit::May,
        }
    }

    /// `create TYPE [SUBTYPE] NAME`
    fn creates(&self, resource: &str, name: Option<&str>) -> Fit {
        let Some((of, rest)) = self.words.split_first() else { return Fit::Not };
        let of = if *of == "token" { "serviceaccounts" } else { of };
        if !resources::is(of, resource) {
            return Fit::Not;
        }
        named(name, rest)
    }

    /// A pod, or what leads to one: its name begins with that of its owner.
    fn of_pods(&self, target: Option<&str>, resource: &str, name: Option<&str>, verb: &str) -> Fit {
        let Some(target) = target else { return Fit::May };
        let (of, target) = target.split_once('/').unwrap_or(("pods", target));
        if resources::is(of, resource) {
            return named(name, &[target]);
        }
        if resource != "pods" || (self.name == "debug" && verb == "create") {
            return if matches!(resource, "pods" | "nodes") { Fit::May } else { Fit::Not };
        }
        let Some(name) = name else { return Fit::May };
        let owner = resources::is(of, "deployments")
            || resources::is(of, "replicasets")
            || resources::is(of, "statefulsets")
            || resources::is(of, "daemonsets")
            || resources::is(of, "jobs");
        let begins = name.strip_prefix(target).is_some_and(|rest| rest.starts_with('-'));
        if owner && !begins && self.name != "debug" { Fit::Not } else { Fit::May }
    }
}

/// A request that names no object, such as a list, is of any of them.
fn named(name: Option<&str>, names: &[&str]) -> Fit {
    match name {
        Some(name) if names.contains(&name) => Fit::Named,
        Some(_) => Fit::Not,
        None => Fit::May,
    }
}

/// What of an argument of curl or wget may be a URL: host with port, and the rest from the path on.
pub fn url(word: &str) -> Option<(&str, &str)> {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"))?;
    let rest = rest.split('#').next()?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let host = host.rsplit('@').next()?;
    Some((host, path))
}

/// Whether curl or wget was told to ask for this.
pub fn fetches(argv: &[Str], event: &Event) -> Fit {
    let Some(uri) = event.how.request_uri.as_deref() else { return Fit::Not };
    let asks = argv.iter().skip(1).take(WORDS_MAX).filter_map(|word| url(word)).any(|(_, path)| path == uri);
    let agent = event.how.user_agent.as_deref().unwrap_or("");
    let agrees = said(argv).map_or_else(|| program(agent).eq_ignore_ascii_case(own(argv)), |said| said == agent);
    if asks && agrees { Fit::Named } else { Fit::Not }
}

/// Whether curl or wget may call itself so, as far as the program tells.
pub fn may_be_called(argv: &[Str], agent: &str) -> bool {
    said(argv).map_or_else(|| agent.eq_ignore_ascii_case(own(argv)), |said| program(said) == agent)
}

/// What curl or wget was told to call itself.
fn said(argv: &[Str]) -> Option<&str> {
    let (mut said, mut words) = (None, argv.iter().skip(1).take(WORDS_MAX).map(Str::as_str));
    while let Some(word) = words.next() {
        match word {
            "-A" | "--user-agent" | "-U" => said = words.next(),
            _ => said = word.strip_prefix("--user-agent=").or(said),
        }
    }
    said
}

/// The program's own name.
fn own(argv: &[Str]) -> &str {
    argv.first().and_then(|name| name.rsplit('/').next()).unwrap_or("")
}

/// The program that a client says it is: what stands before the version.
pub fn program(agent: &str) -> &str {
    agent.split(['/', ' ']).next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventId, How, Moment, Source, What, When, Where, Who, Why};

    fn blank() -> Event {
        let event = Moment { nanos: 0, digits: 3 };
        Event {
            id: EventId([0; 16]),
            source: Source::Kubernetes,
            when: When { event, received: None, end: None },
            who: Who::default(),
            what: What::default(),
            r#where: Where::default(),
            how: How::default(),
            why: Why::default(),
            issues: Vec::new(),
            evidence: Vec::new(),
            records: Vec::new(),
        }
    }

    fn fit(command_line: &str, verb: &str, kind: &str, namespace: &str, name: &str) -> Fit {
        let argv: Vec<Str> = command_line.split(' ').map(Str::from).collect();
        let mut event = blank();
        let some = |text: &str| (!text.is_empty()).then(|| Str::from(text));
        event.how.verb = some(verb);
        event.how.request_uri = some("/api/v1/x?timeout=1m0s");
        let object = crate::model::Object {
            kind: some(kind),
            namespace: some(namespace),
            name: some(name),
            ..Default::default()
        };
        event.what.object = Some(object);
        let Some(command) = super::command(&argv) else { return Fit::Not };
        let fit = command.fits(&event);
        // Whoever reads the outline alone leaves nothing out.
        let ending = Outline::of(&event).ending();
        assert!(fit == Fit::Not || command.asks(&Outline::parse(&ending).unwrap()) != Fit::Not, "{command_line}");
        fit
    }

    #[test]
    fn what_a_command_asks_for() {
        use Fit::{May, Named, Not};
        for (line, verb, kind, namespace, name, expected) in [
            ("kubectl -n shop delete cm app", "delete", "configmaps", "shop", "app", Named),
            ("kubectl delete -nshop cm/app", "delete", "configmaps", "shop", "app", Named),
            ("kubectl --context delete -n shop get cm app", "delete", "configmaps", "shop", "app", Not),
            ("kubectl -n shop delete cm app", "delete", "configmaps", "shop", "other", Not),
            ("kubectl -n shop delete cm app", "delete", "configmaps", "pay", "app", Not),
            ("kubectl -n shop delete cm app", "delete", "secrets", "shop", "app", Not),
            ("kubectl -n shop delete cm app", "patch", "configmaps", "shop", "app", Not),
            ("kubectl -n shop delete pods -l app=web", "delete", "pods", "shop", "web-1", May),
            ("kubectl delete cm app", "delete", "configmaps", "shop", "app", Named),
            ("kubectl get pods -A", "list", "pods", "", "", Named),
            ("kubectl get pods -A", "list", "pods", "shop", "", Not),
            ("kubectl -n shop get pods", "list", "pods", "", "", Not),
            ("kubectl -n shop get pods", "list", "pods", "shop", "", Named),
            ("kubectl -n shop get pods", "get", "pods", "shop", "web-1", Not),
            ("kubectl get pods,deploy,svc -A", "list", "services", "", "", Named),
            ("kubectl get nodes", "list", "nodes", "", "", Named),
            ("kubectl -n shop apply -f x.yaml", "patch", "deployments", "shop", "web", May),
            ("kubectl -n shop exec web-1 -- get cm app", "get", "pods/exec", "shop", "web-1", Named),
            ("kubectl -n shop exec web-1 -- get cm app", "get", "configmaps", "shop", "app", Not),
            ("kubectl -n shop create -f x.yaml", "create", "secrets", "shop", "db", May),
            ("kubectl -n shop exec deploy/web -- id", "get", "pods/exec", "shop", "web-1", May),
            ("kubectl -n shop exec deploy/web -- id", "get", "pods/exec", "shop", "api-1", Not),
            ("kubectl -n shop logs -f web-1", "get", "pods/log", "shop", "web-1", Named),
            ("kubectl -n shop cp /etc/hostname web-1:/tmp/x", "get", "pods/exec", "shop", "web-1", Named),
            ("kubectl cp pay/web-1:/x .", "get", "pods/exec", "shop", "web-1", Not),
            ("kubectl certificate approve bob", "update", "certificatesigningrequests/approval", "", "bob", Named),
            ("kubectl certificate approve bob", "update", "certificatesigningrequests/approval", "", "eve", Not),
            ("kubectl -n shop create secret generic db", "create", "secrets", "shop", "db", Named),
            ("kubectl -n shop create token web", "create", "serviceaccounts/token", "shop", "web", Named),
            ("kubectl -n shop create token web", "create", "serviceaccounts", "shop", "web", Named),
            ("kubectl -n shop scale deploy/api --replicas=3", "patch", "deployments/scale", "shop", "api", Named),
            ("kubectl -n shop set image deploy/api app=x/y:1", "patch", "deployments", "shop", "api", Named),
            ("kubectl get vs web", "get", "virtualservices", "shop", "web", Named),
            ("kubectl get --raw /api/v1/x", "get", "pods", "shop", "web", Named),
            ("kubectl get --raw /api/v1/y", "get", "pods", "shop", "web", Not),
            ("kubectl --as=alice -n shop delete cm app", "delete", "configmaps", "shop", "app", Not),
            ("kubectl version", "list", "pods", "", "", Not),
            ("kubectl", "list", "pods", "", "", Not),
            ("kubectl -n", "list", "pods", "", "", Not),
        ] {
            assert_eq!(fit(line, verb, kind, namespace, name), expected, "{line}: {verb} {kind} {namespace}/{name}");
        }
    }

    #[test]
    fn what_calls_itself_otherwise_is_not_read() {
        let argv = |line: &str| line.split(' ').map(Str::from).collect::<Vec<_>>();
        assert!(may_be_called(&argv("/usr/bin/curl https://a/b"), "curl"));
        assert!(may_be_called(&argv("wget https://a/b"), "Wget"));
        assert!(!may_be_called(&argv("curl https://a/b"), "kubectl"));
        assert!(may_be_called(&argv("curl -A kubectl/v1.32 https://a/b"), "kubectl"));
        assert!(!may_be_called(&argv("curl -A kubectl/v1.32 https://a/b"), "curl"));
    }

    #[test]
    fn what_a_url_names() {
        assert_eq!(url("https://u:p@10.0.0.1:6443/api?x=1#y"), Some(("10.0.0.1:6443", "/api?x=1")));
        assert_eq!(url("https://[::1]:10250"), Some(("[::1]:10250", "")));
        assert_eq!(url("ftp://a/b"), None);
        assert_eq!(program("kubectl/v1.32 (linux)"), "kubectl");
    }
}
