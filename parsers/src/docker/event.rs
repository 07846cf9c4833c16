//! One event: `{"Type":"container","Action":"exec_start: sh -c id","Actor":{"ID":"…","Attributes":{"image":"…","name":"…"}},"scope":"local","time":…,"timeNano":…}`.
//!
//! Attributes hold the labels of an image and of a container beside Docker's own words, and whoever makes these chooses as many labels as they like. Not here: what an action is
//! (`deponent::normalise`).

use crate::flat::{REST, flat, take};
use crate::kubernetes::json::{Cursor, JsonError, Shape};
use crate::line::{Line, Time};

/// What stands before the name of an attribute.
const ATTRIBUTES: &str = "Actor.Attributes.";
/// Attributes of Docker's own, which are read however many labels there are.
const OWN: &[&str] = &[
    "container",
    "destination",
    "driver",
    "execDuration",
    "execID",
    "exitCode",
    "image",
    "name",
    "oldName",
    "propagation",
    "read/write",
    "signal",
    "type",
];

/// What an event says: its time, `TYPE ACTION` as its message, and every member as a field under its path; `None` when it is none. Names of attributes
/// stay as they are behind `Actor.Attributes.`, dots and all.
pub fn event(line: &str) -> Option<Line<'_>> {
    let mut fields = flat(line.trim_ascii()).ok()?.fields;
    if let Some((_, rest)) = fields.last().filter(|(name, _)| name == REST) {
        let own = own(rest).ok()?;
        let before = fields.len().saturating_sub(1);
        fields.splice(before..before, own.into_iter().map(|(name, value)| (name.into(), value.into())));
    }
    let has = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref());
    let (kind, action) = (has("Type")?, has("Action")?);
    if kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let message = format!("{kind} {action}").into();
    let (nanos, seconds) = (take(&mut fields, "timeNano"), take(&mut fields, "time"));
    let time = time(nanos.as_deref(), 1, 9).or_else(|| time(seconds.as_deref(), 1_000_000_000, 0))?;
    Some(Line { time, level: "".into(), message, fields })
}

/// A whole positive number, which is in units of `unit` ns.
fn time(number: Option<&str>, unit: i64, digits: u8) -> Option<Time> {
    let number: i64 = number?.parse().ok().filter(|number| *number > 0)?;
    Some(Time::Moment { nanos: number.checked_mul(unit)?, digits })
}

/// Docker's own members and attributes in what had no room, the first of each name.
fn own(rest: &str) -> Result<Vec<(String, String)>, JsonError> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut keep = |name: String, cursor: &mut Cursor<'_>| {
        let value = if cursor.shape()? == Shape::Text { cursor.string()? } else { cursor.skip()?.into() };
        if !found.iter().any(|(other, _)| *other == name) {
            found.push((name, value.into_owned()));
        }
        Ok::<(), JsonError>(())
    };
    let mut cursor = Cursor::new(rest);
    cursor.object(|cursor, name, _| match name.as_ref() {
        "Actor" if cursor.shape()? == Shape::Object => cursor.object(|cursor, name, _| {
            if name != "Attributes" || cursor.shape()? != Shape::Object {
                return cursor.skip().map(drop);
            }
            cursor.object(|cursor, name, _| {
                if OWN.contains(&name.as_ref()) {
                    return keep(format!("{ATTRIBUTES}{name}"), cursor);
                }
                cursor.skip().map(drop)
            })
        }),
        "Type" | "Action" | "scope" | "time" | "timeNano" => keep(name.into_owned(), cursor),
        _ => cursor.skip().map(drop),
    })?;
    Ok(found)
}
