//! What sort of action it is that a daemon's or an application's log tells of.
//!
//! Only actions that the normalisers name are sorted; a line that is only kept (`logged`) is of no sort, and neither is what happens to a container.
//! Inside: the sorts, the fields of a line that they hang on. Not here: the kernel's and the API's actions (`deed`), the classes of a schema (`ocsf`, `ecs`).

use super::deed::{Change, Deed, Log, Net};
use crate::query::json::{at, text};
use serde_json::Value;
use std::borrow::Cow;

/// The sort of an action, by the source that told of it.
pub(super) fn deed(event: &Value, source: &str, action: &str) -> Deed {
    match source {
        "syslog" => syslog(event, action),
        "control-plane" => control_plane(event, action),
        "application" => application(event, action),
        "docker" if action == "listens" => Deed::Net(Net::Listen),
        "docker" | "kubelet" if is_request(event) => Deed::Http,
        _ => Deed::Other,
    }
}

/// A field of a line, under its own name.
pub(super) fn field<'e>(event: &'e Value, name: &str) -> Option<Cow<'e, str>> {
    let value = at(event, "how.args")?.get(name)?.as_str()?;
    (!value.is_empty()).then_some(Cow::Borrowed(value))
}

/// Whether the events of this source are made of lines: what they hold of identities is about others than the process that wrote them.
pub(super) fn is_line(event: &Value) -> bool {
    let source = text(event, "source").unwrap_or_default();
    ["syslog", "control-plane", "application", "cri-o", "docker", "containerd", "kubelet"].contains(&source.as_ref())
}

/// Whether a line of the API server tells what the server itself did to an object.
pub(super) fn is_own_request(event: &Value) -> bool {
    text(event, "source").as_deref() == Some("control-plane") && text(event, "how.verb").is_none()
}

/// The methods of HTTP.
pub(super) const METHODS: [&str; 9] = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH"];
/// Words of applications for a login, without what stands between their letters.
const LOGINS: [&str; 4] = ["login", "logon", "signin", "userlogin"];
/// And for a logout.
const LOGOUTS: [&str; 5] = ["logout", "logoff", "signout", "signoff", "userlogout"];

fn syslog(event: &Value, action: &str) -> Deed {
    match action {
        "logged-in" | "tried-to-log-in" | "tried-to-authenticate" => Deed::Logon,
        // Of sudo and su the session is another user's than the caller's.
        "started-session" if text(event, "who.as").is_some() => Deed::Switch,
        "started-session" => Deed::Logon,
        "ended-session" => Deed::Logoff,
        "accepted-key" => Deed::Session,
        "ran-command" | "tried-to-run-command" | "changed-identity" | "tried-to-change-identity" => Deed::Switch,
        "added-group" => Deed::Group(Change::Create),
        "deleted-group" => Deed::Group(Change::Delete),
        "connected" => Deed::Net(Net::Accept),
        "disconnected" => Deed::Net(Net::Close),
        "listens" => Deed::Net(Net::Listen),
        "logged-packet" | "tracked-connection" => Deed::Net(Net::Traffic),
        _ => account(action),
    }
}

fn account(action: &str) -> Deed {
    match action {
        "added-user" => Deed::Account(Change::Create),
        "deleted-user" => Deed::Account(Change::Delete),
        "changed-password" => Deed::Account(Change::Password),
        _ => Deed::Other,
    }
}

fn control_plane(event: &Value, action: &str) -> Deed {
    let component = text(event, "how.comm").unwrap_or_default();
    match (component.as_ref(), action) {
        ("etcd", _) => etcd(event, action),
        // Its HTTP log, and the audit events that a backend lost.
        ("kube-apiserver", _) if text(event, "how.verb").is_some() => Deed::Api,
        ("kube-apiserver", "created" | "updated" | "recreated" | "removed" | "deleting") => Deed::Api,
        ("kube-apiserver", "impersonated") => Deed::Switch,
        ("kube-apiserver", "failed-authentication") => Deed::Logon,
        ("kube-apiserver", "lost-audit-events") => Deed::Log(Log::Gap),
        _ if is_request(event) => Deed::Http,
        _ => Deed::Other,
    }
}

fn etcd(event: &Value, action: &str) -> Deed {
    match action {
        "authenticated" | "failed-authentication" => Deed::Logon,
        "refused-connection" => Deed::Net(Net::Refuse),
        "created-role" => Deed::Account(Change::Create),
        "deleted-role" => Deed::Account(Change::Delete),
        // The older form of its log has no fields: then what was granted is not known.
        "granted-role" | "granted-permission" if privilege(event).is_some() => Deed::Access { grant: true },
        "revoked-role" | "revoked-permission" if privilege(event).is_some() => Deed::Access { grant: false },
        "granted-role" | "granted-permission" | "revoked-role" | "revoked-permission" => Deed::Account(Change::Other),
        _ => account(action),
    }
}

/// What etcd granted or revoked.
pub(super) fn privilege(event: &Value) -> Option<Cow<'_, str>> {
    ["added-role-name", "revoked-role-name", "permission-name"].iter().find_map(|name| field(event, name))
}

fn application(event: &Value, action: &str) -> Deed {
    if is_request(event) {
        return Deed::Http;
    }
    if text(event, "who.name").is_none() {
        return Deed::Other;
    }
    let word: String = action.chars().filter(|letter| !matches!(letter, '-' | '_' | '.' | ' ')).collect();
    if LOGINS.contains(&word.as_str()) {
        Deed::Logon
    } else if LOGOUTS.contains(&word.as_str()) {
        Deed::Logoff
    } else {
        Deed::Other
    }
}

/// Whether it is a request of HTTP: a line may call other things than that a method, too.
fn is_request(event: &Value) -> bool {
    let Some(verb) = text(event, "how.verb").filter(|_| text(event, "how.request_uri").is_some()) else { return false };
    let known = METHODS.iter().any(|method| method.eq_ignore_ascii_case(&verb));
    known || text(event, "what.action").is_some_and(|action| action == "http" || action.starts_with("http-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(source: &str, action: &str, others: &Value, expected: Deed) {
        let mut event = json!({"source": source, "what": {"action": action}});
        for (name, value) in others.as_object().unwrap() {
            event[name] = value.clone();
        }
        assert_eq!(super::super::deed::deed(&event), expected, "{source} {action} {others}");
    }

    #[test]
    fn lines_of_daemons() {
        let none = json!({});
        check("syslog", "logged-in", &none, Deed::Logon);
        check("syslog", "started-session", &none, Deed::Logon);
        check("syslog", "started-session", &json!({"who": {"as": "root"}}), Deed::Switch);
        check("syslog", "tried-to-run-command", &none, Deed::Switch);
        check("syslog", "disconnected", &none, Deed::Net(Net::Close));
        check("syslog", "changed-password", &none, Deed::Account(Change::Password));
        check("syslog", "deleted-group", &none, Deed::Group(Change::Delete));
        check("syslog", "logged", &none, Deed::Other);
        // An action of another source's is not this one's.
        check("containerd", "logged-in", &none, Deed::Other);
        check("cri-o", "created-container", &none, Deed::Other);
        check("docker", "started-container", &none, Deed::Other);
        check("docker", "requested", &json!({"how": {"verb": "POST", "request_uri": "/x"}}), Deed::Http);
        check("kubelet", "http-exec", &json!({"how": {"verb": "GET", "request_uri": "/exec/a/b/c"}}), Deed::Http);
    }

    #[test]
    fn lines_of_the_control_plane() {
        let of = |component: &str| json!({"how": {"comm": component}});
        check("control-plane", "impersonated", &of("kube-apiserver"), Deed::Switch);
        check("control-plane", "impersonated", &of("kube-scheduler"), Deed::Other);
        check("control-plane", "created", &of("kube-apiserver"), Deed::Api);
        check("control-plane", "get", &json!({"how": {"comm": "kube-apiserver", "verb": "get"}}), Deed::Api);
        check("control-plane", "lost-audit-events", &of("kube-apiserver"), Deed::Log(Log::Gap));
        check("control-plane", "bound-pod", &of("kube-scheduler"), Deed::Other);
        check("control-plane", "created-role", &of("etcd"), Deed::Account(Change::Create));
        check("control-plane", "granted-role", &of("etcd"), Deed::Account(Change::Other));
        let granted = json!({"how": {"comm": "etcd", "args": {"added-role-name": "root"}}});
        check("control-plane", "granted-role", &granted, Deed::Access { grant: true });
        check("control-plane", "refused-connection", &of("etcd"), Deed::Net(Net::Refuse));
        check(
            "control-plane",
            "http",
            &json!({"how": {"comm": "kube-scheduler", "verb": "GET", "request_uri": "/"}}),
            Deed::Http,
        );
    }

    #[test]
    fn lines_of_applications() {
        let alice = json!({"who": {"name": "alice"}});
        check("application", "Sign-In", &alice, Deed::Logon);
        check("application", "user.logout", &alice, Deed::Logoff);
        check("application", "login", &json!({}), Deed::Other);
        check("application", "export", &alice, Deed::Other);
        check("application", "login-page-shown", &alice, Deed::Other);
        check("application", "http", &json!({"how": {"verb": "PROPFIND", "request_uri": "/"}}), Deed::Http);
        check("application", "export", &json!({"how": {"verb": "GET", "request_uri": "/"}}), Deed::Http);
        let by_password = json!({"who": {"name": "alice"}, "how": {"verb": "password", "request_uri": "/"}});
        check("application", "login", &by_password, Deed::Logon);
    }
}
