//! The JSON of an event: the project's contract (`docs/query.md`), from the model and nothing else.
//!
//! Inside: the contract itself; `line` writes it without invisible characters, `path` reads it, `select` keeps some of its fields.
//! Not here: how people read it (`render`), other schemas (`export`), the status codes around it (`serve`).

mod line;
mod path;
mod select;
#[cfg(test)]
mod tests;

pub use line::{is_hidden, line, pretty};
pub use path::{at, each_text, number, text};
pub use select::keep;

use crate::model::{
    Effective, Event, How, Login, Moment, Net, Object, RecordFields, RecordRef, Str, What, When, Where, Who, Why,
};
use crate::time::rfc3339;
use serde_json::{Map, Value};

/// What of an event is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// Only these JSON paths (`who.name`, or a whole part: `who`); `None` is everything. Order stays that of the contract.
    pub fields: Option<Vec<String>>,
    /// Also each record's own fields, under `records`.
    pub records: bool,
}

/// The event as JSON. What is absent is left out, never null or "".
pub fn event(event: &Event, options: &JsonOptions) -> Value {
    let mut part = Part::default();
    part.put("id", event.id.to_string());
    part.put("source", event.source.name());
    part.part("when", when(&event.when));
    part.part("who", who(&event.who));
    part.part("what", what(&event.what));
    part.part("where", place(&event.r#where));
    part.part("how", how(&event.how));
    part.part("why", why(&event.why));
    part.list(
        "issues",
        event.issues.iter().map(|issue| {
            let mut part = Part::default();
            part.put("kind", issue.kind.as_str());
            part.put("detail", issue.detail.as_str());
            part.0.into()
        }),
    );
    part.list("evidence", event.evidence.iter().map(|at| reference(*at).0.into()));
    if options.records {
        part.list("records", event.records.iter().map(record));
    }
    let whole = Value::Object(part.0);
    match &options.fields {
        Some(fields) => keep(&whole, fields),
        None => whole,
    }
}

/// A JSON object that takes only what is there.
#[derive(Default)]
struct Part(Map<String, Value>);

impl Part {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        if value.as_str() != Some("") {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn text(&mut self, name: &str, value: Option<&Str>) {
        if let Some(value) = value {
            self.put(name, value.as_str());
        }
    }

    fn number(&mut self, name: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.put(name, value.into());
        }
    }

    fn moment(&mut self, name: &str, value: Option<Moment>) {
        if let Some(value) = value {
            self.put(name, rfc3339(value));
        }
    }

    fn part(&mut self, name: &str, part: Part) {
        if !part.0.is_empty() {
            self.put(name, part.0);
        }
    }

    fn list(&mut self, name: &str, items: impl Iterator<Item = Value>) {
        let items: Vec<Value> = items.collect();
        if !items.is_empty() {
            self.put(name, items);
        }
    }

    /// Texts as they are: an empty argument is an argument.
    fn texts(&mut self, name: &str, items: &[Str]) {
        self.list(name, items.iter().map(|item| Value::from(item.as_str())));
    }

    /// Names and values as they stand in a record: an empty value is a value, and a name that comes twice holds the list of its values.
    fn named(&mut self, name: &str, pairs: impl Iterator<Item = (Str, Value)>) {
        let mut part = Part::default();
        for (name, value) in pairs {
            match part.0.get_mut(name.as_str()) {
                None => {
                    part.0.insert(name.to_string(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        self.part(name, part);
    }
}

fn when(when: &When) -> Part {
    let mut part = Part::default();
    part.moment("event", Some(when.event));
    part.moment("received", when.received);
    part.moment("end", when.end);
    part
}

fn who(who: &Who) -> Part {
    let mut part = Part::default();
    part.text("name", who.name.as_ref());
    part.put("kind", who.kind.name());
    if let Some(by) = who.asserted_by {
        part.put("asserted_by", by.name());
    }
    part.text("as", who.r#as.as_ref());
    part.texts("groups", &who.groups);
    part.text("credential", who.credential.as_ref());
    part.text("address", who.address.as_ref());
    if let Some(login) = &who.login {
        part.part("login", self::login(login));
    }
    if let Some(effective) = &who.effective {
        part.part("effective", self::effective(effective));
    }
    part
}

fn login(login: &Login) -> Part {
    let mut part = Part::default();
    match login.auid {
        Some(auid) => part.put("auid", auid),
        None => part.put("unset", true),
    }
    part.text("name", login.name.as_ref());
    part.number("ses", login.ses);
    part
}

fn effective(effective: &Effective) -> Part {
    let mut part = Part::default();
    part.number("uid", effective.uid);
    part.text("name", effective.name.as_ref());
    part.number("gid", effective.gid);
    part
}

fn what(what: &What) -> Part {
    let mut part = Part::default();
    part.put("action", what.action.as_str());
    if let Some(object) = &what.object {
        part.part("object", self::object(object));
    }
    part.list("objects", what.objects.iter().map(|object| self::object(object).0.into()));
    part.put("outcome", what.outcome.name());
    part.text("code", what.code.as_ref());
    part.text("message", what.message.as_ref());
    part
}

fn object(object: &Object) -> Part {
    let mut part = Part::default();
    part.text("kind", object.kind.as_ref());
    part.text("namespace", object.namespace.as_ref());
    part.text("name", object.name.as_ref());
    part.text("path", object.path.as_ref());
    part.text("uid", object.uid.as_ref());
    part.text("inode", object.inode.as_ref());
    part.text("role", object.role.as_ref());
    part
}

fn place(place: &Where) -> Part {
    let mut part = Part::default();
    part.text("cluster", place.cluster.as_ref());
    part.text("node", place.node.as_ref());
    part.text("boot", place.boot.as_ref());
    part.text("namespace", place.namespace.as_ref());
    part.text("pod", place.pod.as_ref());
    part.text("pod_uid", place.pod_uid.as_ref());
    part.text("container", place.container.as_ref());
    part.text("container_id", place.container_id.as_ref());
    part.text("image", place.image.as_ref());
    part.text("cwd", place.cwd.as_ref());
    part
}

fn how(how: &How) -> Part {
    let mut part = Part::default();
    part.text("exe", how.exe.as_ref());
    part.texts("argv", &how.argv);
    part.number("pid", how.pid);
    part.number("ppid", how.ppid);
    part.text("comm", how.comm.as_ref());
    part.text("tty", how.tty.as_ref());
    part.text("exec_id", how.exec_id.as_ref());
    part.text("syscall", how.syscall.as_ref());
    part.named("args", pairs(&how.args));
    part.text("user_agent", how.user_agent.as_ref());
    part.text("verb", how.verb.as_ref());
    part.text("request_uri", how.request_uri.as_ref());
    part.text("audit_id", how.audit_id.as_ref());
    part.named("stages", how.stages.iter().map(|(stage, at)| (stage.clone(), rfc3339(*at).into())));
    if let Some(net) = &how.net {
        part.part("net", self::net(net));
    }
    part
}

fn net(net: &Net) -> Part {
    let mut part = Part::default();
    part.text("src", net.src.as_ref());
    part.number("sport", net.sport);
    part.text("dst", net.dst.as_ref());
    part.number("dport", net.dport);
    part.text("proto", net.proto.as_ref());
    part.text("interface", net.interface.as_ref());
    part.text("verdict", net.verdict.as_ref());
    part
}

fn why(why: &Why) -> Part {
    let mut part = Part::default();
    part.texts("keys", &why.keys);
    part.text("reason", why.reason.as_ref());
    part
}

fn reference(at: RecordRef) -> Part {
    let mut part = Part::default();
    part.put("leaf", at.leaf);
    part.put("record", at.record);
    part
}

fn record(record: &RecordFields) -> Value {
    let mut part = record.at.map(reference).unwrap_or_default();
    part.put("type", record.record.as_str());
    part.named("fields", pairs(&record.fields));
    part.named("meaning", pairs(&record.meaning));
    part.named("enriched", pairs(&record.enriched));
    part.0.into()
}

fn pairs(pairs: &[(Str, Str)]) -> impl Iterator<Item = (Str, Value)> {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())))
}
