//! What etcd says: members, leaders, its own users and roles, refused connections.
//!
//! etcd names the user that an act is about, never who asked for it, so most of its events name nobody. Not here: reading the line
//! (`deponent_parsers::etcd`).

use deponent_parsers::etcd;
use deponent_parsers::line::{Line, text_of};

use super::wrapped::Wrapped;
use super::{act, finish, object};
use crate::model::{AssertedBy, Event, Object, Outcome, RecordFields, Source, Str, WhoKind};
use crate::normalise::line::some;
use crate::normalise::{Bad, Context, Key, line};

/// Messages of the JSON form, what they say was done, the field that names the object, and its kind.
const MESSAGES: &[(&str, &str, &str, &str)] = &[
    ("added member", "added-member", "added-peer-id", "member"),
    ("removed member", "removed-member", "removed-remote-peer-id", "member"),
    ("promote member", "promoted-member", "promoted-member-id", "member"),
    ("started member", "started-member", "remote-peer-id", "member"),
    ("enabled authentication", "enabled-authentication", "", ""),
    ("disabled authentication", "disabled-authentication", "", ""),
    ("added a user", "added-user", "user-name", "user"),
    ("deleted a user", "deleted-user", "user-name", "user"),
    ("changed a password of a user", "changed-password", "user-name", "user"),
    ("granted a role to a user", "granted-role", "user-name", "user"),
    ("revoked a role of a user", "revoked-role", "user-name", "user"),
    ("created a role", "created-role", "role-name", "role"),
    ("deleted a role", "deleted-role", "role-name", "role"),
    ("granted/updated a permission to a user", "granted-permission", "user-name", "user"),
    ("granted/updated a permission to a role", "granted-permission", "role-name", "role"),
    ("revoked a permission on range", "revoked-permission", "role-name", "role"),
];

/// The event of a line.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    let wrapped = Wrapped::of(bytes);
    let text = text_of(wrapped.inner());
    let key = line::key(Source::ControlPlane, context, bytes, etcd::parse(&text));
    key.or_else(|error| wrapped.key(context, bytes).ok_or(error))
}

/// The fields of a line under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    let wrapped = Wrapped::of(bytes);
    let text = text_of(wrapped.inner());
    etcd::parse(&text).map_or_else(|| wrapped.fields(), |line| line::fields(Some(line)))
}

/// The event of a line.
pub fn event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let wrapped = Wrapped::of(bytes);
    let text = text_of(wrapped.inner());
    let mut event = match etcd::parse(&text) {
        Some(line) => {
            let mut event = line::event(key, context, &line);
            event.who.asserted_by = Some(AssertedBy::Daemon);
            read(&line, &mut event);
            event
        }
        None => wrapped.event(key, context),
    };
    event.how.comm = Some("etcd".into());
    finish(&wrapped, context, bytes, &mut event);
    event
}

fn read(line: &Line<'_>, event: &mut Event) {
    let message = line.message.as_ref();
    if let Some((_, action, field, kind)) = MESSAGES.iter().find(|(text, ..)| *text == message) {
        act(event, action, Outcome::Success);
        event.what.object = line.field(field).and_then(some).map(|name| object_named(kind, name));
    } else if message == "authenticated a user" {
        act(event, "authenticated", Outcome::Success);
        named(event, line.field("user-name"));
    } else if message.starts_with("rejected connection") {
        act(event, "refused-connection", Outcome::Denied);
        event.who.address = line.field("remote-addr").map(host).and_then(some).or_else(|| quoted_address(message));
        event.why.reason = line.field("error").and_then(some);
    } else if message.contains("invalid auth token") || message.contains("invalid password") {
        act(event, "failed-authentication", Outcome::Denied);
        named(event, line.field("user-name"));
    } else if line.field(etcd::PACKAGE) == Some("embed")
        && let Some((name, value)) = message.split_once(" = ")
    {
        act(event, "set-option", Outcome::Unknown);
        event.what.object = some(name).map(|name| object_named("option", name));
        event.how.args.push(("value".into(), value.into()));
    } else {
        text(message, event);
    }
}

fn named(event: &mut Event, user: Option<&str>) {
    event.who.name = user.and_then(some);
    if event.who.name.is_some() {
        event.who.kind = WhoKind::User;
    }
}

fn object_named(kind: &str, name: Str) -> Object {
    Object { kind: some(kind), name: Some(name), ..Object::default() }
}

/// The texts of the older forms, and those that both have.
fn text(message: &str, event: &mut Event) {
    let mut about = |action: &str, kind: &str, name: &str| {
        act(event, action, Outcome::Success);
        event.what.object = some(name).map(|name| object_named(kind, name));
    };
    let first = |rest: &str| rest.split(' ').next().unwrap_or("").to_owned();
    if let Some(rest) = message.strip_prefix("added member ") {
        about("added-member", "member", &first(rest));
    } else if let Some(rest) = message.strip_prefix("removed member ") {
        about("removed-member", "member", &first(rest));
    } else if let Some(rest) = message.strip_prefix("starting member ") {
        about("started-member", "member", &first(rest));
    } else if let Some((_, rest)) = message.split_once(" elected leader ") {
        about("elected-leader", "member", &first(rest));
    } else if let Some((member, _)) = message.split_once(" became leader at term ") {
        about("became-leader", "member", member);
    } else if let Some(name) = message.strip_prefix("added a new user: ") {
        about("added-user", "user", name);
    } else if let Some(name) = message.strip_prefix("deleted a user: ") {
        about("deleted-user", "user", name);
    } else if let Some(name) = message.strip_prefix("changed a password of a user: ") {
        about("changed-password", "user", name);
    } else if let Some((_, name)) = message.strip_prefix("granted role ").and_then(|rest| rest.split_once(" to user "))
    {
        about("granted-role", "user", name);
    } else if let Some((_, name)) =
        message.strip_prefix("revoked role ").and_then(|rest| rest.split_once(" from user "))
    {
        about("revoked-role", "user", name);
    } else if let Some(name) = message.strip_prefix("Role ").and_then(|rest| rest.strip_suffix(" is created")) {
        about("created-role", "role", name);
    } else if let Some((member, _)) = message.split_once(" became candidate at term ") {
        about("became-candidate", "member", member);
    } else if let Some((member, _)) = message.split_once(" became follower at term ") {
        about("became-follower", "member", member);
    } else if let Some((member, _)) = message.split_once(" switched to configuration voters=") {
        about("changed-voters", "member", member);
    } else if message == "starting etcd server" || message.starts_with("starting server... ") {
        act(event, "started-daemon", Outcome::Unknown);
    } else if message.starts_with("serving insecure client requests on ") {
        act(event, "serves-clients-insecurely", Outcome::Unknown);
        event.what.object = Some(object("listener", ""));
    } else if message.starts_with("simple token is not cryptographically signed") {
        act(event, "uses-simple-tokens", Outcome::Unknown);
    }
}

/// An address without its port.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// `rejected connection from "10.0.0.9:4242" (error …)`.
fn quoted_address(message: &str) -> Option<Str> {
    let (_, rest) = message.split_once(" from \"")?;
    some(host(rest.split_once('"')?.0))
}
