//! The pod and the container that a line names.
//!
//! Text has `pod="shop/web-1"`, JSON `"pod":{"name":"web-1","namespace":"shop"}`. Not here: those of a request's path (`http`).

use deponent_parsers::kubernetes::json::{Cursor, JsonError, Shape};
use deponent_parsers::kubernetes::members_of;
use deponent_parsers::line::Line;

use crate::model::{Str, Where};
use crate::normalise::line::some;

/// Sets what the line names; the rest stays as it is.
pub(in crate::normalise) fn of(line: &Line<'_>, place: &mut Where) {
    let pod = line.field("pod").map(str::to_owned).or_else(|| line.field("pods").and_then(only));
    if let Some(pod) = pod {
        (place.namespace, place.pod) = names(&pod);
    }
    place.pod_uid = line.field("podUID").or_else(|| line.field("podID")).and_then(some);
    place.container = line.field("containerName").and_then(some);
    place.container_id = line.field("containerID").and_then(container_id);
    if let Some(event) = line.field("event").filter(|event| event.starts_with('{')) {
        // PLEG: of a container or a sandbox; both are containers of the runtime.
        let [uid, kind, data] = members_of(event, "", ["ID", "Type", "Data"]);
        if kind.is_some_and(|kind| kind.starts_with("Container")) {
            place.pod_uid = place.pod_uid.take().or_else(|| uid.as_deref().and_then(some));
            place.container_id = place.container_id.take().or_else(|| data.as_deref().and_then(container_id));
        }
    }
}

/// Namespace and name: `shop/web-1`, or an object with the two.
fn names(pod: &str) -> (Option<Str>, Option<Str>) {
    if pod.starts_with('{') {
        let [namespace, name] = members_of(pod, "", ["namespace", "name"]);
        return (namespace.as_deref().and_then(some), name.as_deref().and_then(some));
    }
    match pod.split_once('/') {
        // More than one slash is in no name: nothing is guessed then.
        Some((_, name)) if name.contains('/') => (None, None),
        Some((namespace, name)) => (some(namespace), some(name)),
        None => (None, some(pod)),
    }
}

/// The single item of a list: `["shop/web-1"]`, `[{"name":…}]`, or as older kubelets have it `[shop/web-1]`.
fn only(list: &str) -> Option<String> {
    let mut items: Vec<String> = Vec::new();
    let read = Cursor::new(list).array(|cursor| -> Result<(), JsonError> {
        let item =
            if cursor.shape()? == Shape::Text { cursor.string()?.into_owned() } else { cursor.skip()?.to_owned() };
        // A second one is enough to know.
        if items.len() < 2 {
            items.push(item);
        }
        Ok(())
    });
    if read.is_err() {
        let inner = list.strip_prefix('[')?.strip_suffix(']')?;
        return (!inner.is_empty() && !inner.contains([' ', ',', '"', '[', '{'])).then(|| inner.to_owned());
    }
    items.pop().filter(|_| items.is_empty())
}

/// An id without the runtime's name before it.
fn container_id(id: &str) -> Option<Str> {
    if id.starts_with('{') {
        let [id] = members_of(id, "", ["ID"]);
        return id.as_deref().and_then(some);
    }
    some(id.split_once("://").map_or(id, |(_, id)| id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_and_containers() {
        let check = |fields: &[(&str, &str)], expected: &str| {
            let mut line = deponent_parsers::klog::parse("I1123 20:59:00.5 7 a.go:1] \"x\"").unwrap();
            line.fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let mut place = Where::default();
            of(&line, &mut place);
            let all = [&place.namespace, &place.pod, &place.pod_uid, &place.container, &place.container_id];
            let all = all.map(|part| part.as_deref().unwrap_or("-")).join(" ");
            assert_eq!(all, expected, "{fields:?}");
        };
        check(&[("pod", "shop/web")], "shop web - - -");
        check(&[("pod", r#"{"name":"web","namespace":"shop"}"#)], "shop web - - -");
        check(&[("pod", "web")], "- web - - -");
        check(&[("pod", "")], "- - - - -");
        check(&[("pod", "a/b/c")], "- - - - -");
        check(&[("pod", r#"{"name":"#)], "- - - - -");
        check(&[("pods", r#"["shop/web"]"#)], "shop web - - -");
        check(&[("pods", r#"[{"name":"web","namespace":"shop"}]"#)], "shop web - - -");
        check(&[("pods", "[shop/web]")], "shop web - - -");
        check(&[("pods", r#"["shop/web","shop/api"]"#)], "- - - - -");
        check(&[("pods", "[shop/web shop/api]")], "- - - - -");
        check(&[("pods", "[]")], "- - - - -");
        check(&[("podUID", "u"), ("containerName", "app"), ("containerID", "containerd://c")], "- - u app c");
        check(&[("podID", "u"), ("containerID", "c")], "- - u - c");
        check(&[("containerID", r#"{"Type":"containerd","ID":"c"}"#)], "- - - - c");
        check(
            &[("pod", "shop/web"), ("event", r#"{"ID":"u","Type":"ContainerStarted","Data":"c"}"#)],
            "shop web u - c",
        );
        check(&[("event", r#"{"ID":"u","Type":"PodSync","Data":"c"}"#)], "- - - - -");
        check(&[("event", "&{ID:u Type:ContainerStarted Data:c}")], "- - - - -");
    }
}
