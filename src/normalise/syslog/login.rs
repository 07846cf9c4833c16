//! What PAM, sudo, su and the tools for accounts say.
//!
//! Names that a stranger chose stand within these texts, so each is cut from the end at which only the daemon writes. Not here: the line (`mod`), sshd (`sshd`).

use super::{named, sshd};
use crate::model::{Event, EventIssue, Object, Outcome, Str};
use crate::normalise::line::some;

/// Reads a text; one that it does not know stays a text.
pub(super) fn read(program: &str, message: &str, event: &mut Event) {
    let message = message.trim();
    if let Some(found) = pam(message) {
        session(&found, event);
        return;
    }
    match program {
        "sshd" | "sshd-session" => sshd::read(message, event),
        // sudo's own log file has lines without a program.
        "sudo" | "" => sudo(message, event),
        "su" => su(message, event),
        "auditd" => audit_configuration(message, event),
        "useradd" | "userdel" | "usermod" | "groupadd" | "groupdel" | "passwd" => account(message, event),
        _ => {}
    }
}

/// Says what was done.
pub(super) fn act(event: &mut Event, action: &str, outcome: Outcome) {
    event.what.action = action.into();
    event.what.outcome = outcome;
}

/// `pam_unix(sshd:session): session opened for user bob(uid=1502) by (uid=0)`.
struct Pam<'t> {
    service: &'t str,
    text: &'t str,
}

fn pam(message: &str) -> Option<Pam<'_>> {
    let (module, text) = message.split_once("): ")?;
    let (name, of) = module.split_once('(')?;
    let is_module = name.starts_with("pam_") && !name.contains(' ');
    let (service, _) = of.split_once(':').filter(|_| is_module)?;
    Some(Pam { service, text })
}

fn session(pam: &Pam<'_>, event: &mut Event) {
    event.how.args.push(("service".into(), pam.service.into()));
    let opened = pam.text.strip_prefix("session opened for user ").map(|rest| ("started-session", rest));
    let closed = || pam.text.strip_prefix("session closed for user ").map(|rest| ("ended-session", rest));
    if let Some((action, rest)) = opened.or_else(closed) {
        let (user, by) = rest.split_once(" by ").unwrap_or((rest, ""));
        let (user, uid) = with_uid(user);
        act(event, action, Outcome::Success);
        let (by, by_uid) = with_uid(by);
        // Whose session it is; who opened it is root's daemon, or, for sudo and su, the caller.
        if matches!(pam.service, "sudo" | "su" | "su-l") {
            event.who.r#as = some(user);
            match (by, by_uid) {
                ("", Some(uid)) => named_uid(event, uid),
                ("", None) => {}
                (by, _) => named(event, by),
            }
        } else {
            named(event, user);
        }
        event.what.object = Some(Object { kind: Some("session".into()), name: some(user), ..Object::default() });
        if let Some(uid) = uid {
            event.who.effective.get_or_insert_default().uid = Some(uid);
        }
    } else if let Some(rest) = pam.text.strip_prefix("authentication failure; ") {
        act(event, "tried-to-authenticate", Outcome::Failure);
        let value = |name: &str| {
            let mut words = rest.split_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            words.next().filter(|value| !value.is_empty())
        };
        if let Some(user) = value("user") {
            named(event, user);
        }
        event.who.address = value("rhost").map(Str::from);
        event.how.tty = value("tty").map(Str::from);
    } else {
        act(event, "pam-message", Outcome::Unknown);
    }
}

/// `bob(uid=1502)`.
fn with_uid(text: &str) -> (&str, Option<u32>) {
    let Some((name, uid)) = text.strip_suffix(')').and_then(|text| text.rsplit_once("(uid=")) else {
        return (text, None);
    };
    (name, uid.parse().ok())
}

/// A caller of whom only the number is said.
fn named_uid(event: &mut Event, uid: u32) {
    named(event, &uid.to_string());
    event.who.kind = crate::model::WhoKind::Uid;
}

/// `bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id`; before the first pair may stand why it was refused.
fn sudo(message: &str, event: &mut Event) {
    let Some((user, rest)) = message.split_once(" : ").filter(|(user, _)| !user.contains(' ')) else { return };
    let Some((head, command)) =
        rest.split_once(" ; COMMAND=").or_else(|| rest.strip_prefix("COMMAND=").map(|c| ("", c)))
    else {
        return;
    };
    let (mut tty, mut cwd, mut target, mut refused, mut twice) = (None, None, None, None, false);
    for part in head.split(" ; ") {
        let (slot, value) = match part.split_once('=') {
            Some(("TTY", value)) => (&mut tty, value),
            Some(("PWD", value)) => (&mut cwd, value),
            Some(("USER", value)) => (&mut target, value),
            // GROUP, TSID, ENV, CHROOT, HOST.
            Some((name, _)) if name.bytes().all(|byte| byte.is_ascii_uppercase()) => continue,
            _ => (&mut refused, part),
        };
        twice |= slot.is_some();
        *slot = Some(value);
    }
    act(event, "ran-command", Outcome::Success);
    named(event, user);
    if twice || command.contains(" ; COMMAND=") {
        // A folder's name can hold a whole such line: then nobody can tell which part sudo wrote.
        let detail = "a value holds what looks like further parts of the line, so only the caller is taken from it";
        event.issues.push(EventIssue { kind: "ambiguous-line".into(), detail: detail.into() });
        act(event, "ran-command", Outcome::Unknown);
        return;
    }
    if let Some(reason) = refused.filter(|reason| !reason.is_empty()) {
        act(event, "tried-to-run-command", Outcome::Denied);
        event.why.reason = Some(reason.into());
    }
    event.who.r#as = target.map(Str::from);
    event.how.tty = tty.map(Str::from);
    event.r#where.cwd = cwd.map(Str::from);
    event.how.exe = command.split(' ').next().map(Str::from);
    event.what.object = Some(Object { kind: Some("command".into()), name: some(command), ..Object::default() });
}

/// `config change requested by pid=1 auid=1502 subj=?`: the kernel's word for who asked, as auditd passes it on.
fn audit_configuration(message: &str, event: &mut Event) {
    let Some(rest) = message.strip_prefix("config change requested by ") else { return };
    act(event, "requested-audit-configuration", Outcome::Unknown);
    for (name, value) in rest.split(' ').filter_map(|word| word.split_once('=')) {
        if name == "auid" && value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
            named(event, value);
        }
        event.how.args.push((name.into(), value.into()));
    }
}

/// `(to root) bob on pts/0`, `FAILED SU (to root) bob on pts/0`.
fn su(message: &str, event: &mut Event) {
    let (failed, rest) = message.strip_prefix("FAILED SU ").map_or((false, message), |rest| (true, rest));
    let Some((target, rest)) = rest.strip_prefix("(to ").and_then(|rest| rest.split_once(") ")) else { return };
    let (user, tty) = rest.rsplit_once(" on ").unwrap_or((rest, ""));
    match failed {
        true => act(event, "tried-to-change-identity", Outcome::Failure),
        false => act(event, "changed-identity", Outcome::Success),
    }
    named(event, user);
    event.who.r#as = some(target);
    event.how.tty = some(tty);
}

/// `new user: name=x, UID=0, …`, `delete user 'x'`, `new group: name=x, …`.
fn account(message: &str, event: &mut Event) {
    let listed = |rest: &str| rest.strip_prefix("name=").map(|rest| rest.split(',').next().unwrap_or(rest).to_owned());
    let quoted =
        |rest: &str| rest.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(name, _)| name.to_owned());
    let found = [("new user: ", "added-user", "user"), ("new group: ", "added-group", "group")]
        .into_iter()
        .find_map(|(start, action, kind)| Some((action, kind, listed(message.strip_prefix(start)?)?)))
        .or_else(|| Some(("deleted-user", "user", quoted(message.strip_prefix("delete user ")?)?)))
        .or_else(|| Some(("deleted-group", "group", quoted(message.strip_prefix("removed group ")?)?)))
        .or_else(|| Some(("deleted-group", "group", quoted(message.strip_prefix("removed shadow group ")?)?)))
        .or_else(|| Some(("changed-password", "user", changed_password(message)?)));
    if let Some((action, kind, name)) = found {
        act(event, action, Outcome::Success);
        event.what.object = Some(Object { kind: Some(kind.into()), name: some(&name), ..Object::default() });
    }
}

/// `password for 'x' changed by 'root'`, `password changed for x`.
fn changed_password(message: &str) -> Option<String> {
    let of_passwd = || Some(message.strip_prefix("password for '")?.split_once("' changed by ")?.0);
    let of_pam = || message.strip_prefix("password changed for ");
    of_passwd().or_else(of_pam).map(str::to_owned)
}
