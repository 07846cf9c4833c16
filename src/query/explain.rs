//! A query as it was understood: a tree in words, what each name stands for, what the index decides and what raw records do.
//!
//! Not here: the plan and its estimates (`plan`), printing (`cli`).

use super::computed::needs_computing;
use super::error::visible;
use super::{Filter, Pipe, Query, RawTest, Test, needs_raw};
use crate::index::Field;
use std::fmt;

/// Where a part of a query is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// The index alone.
    Index,
    /// The raw records of those events that the index has left.
    RawRecords,
    /// Correlation, for those events that everything else has left.
    Correlation,
}

impl DecidedBy {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            DecidedBy::Index => "index",
            DecidedBy::RawRecords => "raw records",
            DecidedBy::Correlation => "correlation",
        }
    }
}

/// One part of a query, in words, and its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What it asks; control characters of the query are visible.
    pub says: String,
    /// Where that is decided; a part is decided by raw records as soon as one of its parts is.
    pub decided_by: DecidedBy,
    /// Its parts, in the order of the query.
    pub parts: Vec<Explained>,
}

impl Explained {
    /// As JSON: `{"says", "decided_by", "parts"}`, parts left out where there are none.
    pub fn to_json(&self) -> serde_json::Value {
        let mut node = serde_json::Map::new();
        node.insert("says".to_owned(), self.says.clone().into());
        node.insert("decided_by".to_owned(), self.decided_by.name().into());
        if !self.parts.is_empty() {
            node.insert("parts".to_owned(), self.parts.iter().map(Explained::to_json).collect());
        }
        serde_json::Value::Object(node)
    }

    fn leaf(says: String, decided_by: DecidedBy) -> Explained {
        Explained { says, decided_by, parts: Vec::new() }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        // Where it is decided stands beside the leaves only: the rest follows from them.
        if self.parts.is_empty() {
            writeln!(f, "{indent}{}  [{}]", self.says, self.decided_by.name())?;
        } else {
            writeln!(f, "{indent}{}", self.says)?;
        }
        self.parts.iter().try_for_each(|part| part.write(f, depth.saturating_add(1)))
    }
}

/// One line a part, indented; the last line ends.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// The query as understood.
pub fn explain(query: &Query) -> Explained {
    let filter = of_filter(&query.filter);
    let Some(pipe) = &query.pipe else { return titled("events where", vec![filter]) };
    let (says, steps): (String, &[Filter]) = match pipe {
        Pipe::Count => ("their number".to_owned(), &[]),
        Pipe::Top { fields, name, limit } => (format!("the {limit} commonest values of {}", named(name, fields)), &[]),
        Pipe::Hist { width_ns } => (format!("how many in each {}", duration(*width_ns)), &[]),
        Pipe::Sequence { fields, name, within_ns, steps } => {
            let by = named(name, fields);
            (format!("those that follow each other within {} with one value of {by}", duration(*within_ns)), steps)
        }
    };
    let steps: Vec<Explained> = steps.iter().map(of_filter).collect();
    let then = if steps.is_empty() { Explained::leaf(says, DecidedBy::Index) } else { titled(&says, steps) };
    let events = titled("events where", vec![filter]);
    titled("answer", vec![events, then])
}

fn titled(says: &str, parts: Vec<Explained>) -> Explained {
    let some = |decided_by| parts.iter().any(|part| part.decided_by == decided_by);
    let last = [DecidedBy::Correlation, DecidedBy::RawRecords].into_iter().find(|one| some(*one));
    let decided_by = last.unwrap_or(DecidedBy::Index);
    Explained { says: says.to_owned(), decided_by, parts }
}

fn of_filter(filter: &Filter) -> Explained {
    let decided_by = match (needs_computing(filter), needs_raw(filter)) {
        (true, _) => DecidedBy::Correlation,
        (false, true) => DecidedBy::RawRecords,
        (false, false) => DecidedBy::Index,
    };
    match filter {
        Filter::Everything => Explained::leaf("anything".to_owned(), decided_by),
        Filter::And(parts) => titled("all of", parts.iter().map(of_filter).collect()),
        Filter::Or(parts) => titled("any of", parts.iter().map(of_filter).collect()),
        Filter::Not(part) => titled("not", vec![of_filter(part)]),
        Filter::Field { name, fields, test } => {
            let subject = if name == "*" { "some who, what or where field".to_owned() } else { named(name, fields) };
            Explained::leaf(format!("{subject} {}", of_test(test)), decided_by)
        }
        Filter::Word(word) => {
            let says = format!("some who, what or where field contains {:?}, in any case", shown(word));
            Explained::leaf(says, decided_by)
        }
        Filter::Raw(RawTest::Contains(bytes)) => {
            let text = String::from_utf8_lossy(bytes);
            Explained::leaf(format!("a raw record contains {:?}", shown(&text)), decided_by)
        }
        Filter::Raw(RawTest::Regex(regex)) => {
            Explained::leaf(format!("a raw record matches {}", visible(regex.as_str())), decided_by)
        }
    }
}

fn of_test(test: &Test) -> String {
    match test {
        Test::Any => "has a value".to_owned(),
        Test::Is(text) => format!("is {:?}", shown(text)),
        Test::Glob(source, _) => format!("has the form {}", visible(source)),
        Test::Cidr(network) if network.prefix_len() == network.max_prefix_len() => {
            format!("is the address {}", network.addr())
        }
        Test::NoneOf(texts) => format!("is none of {}", texts.join(", ")),
        Test::Cidr(network) => format!("lies in {network}"),
        Test::Range { low, high } => {
            let end = |word: &str, exact: &str, end: &(String, bool)| {
                format!("{word} {}{:?}", if end.1 { exact } else { "" }, shown(&end.0))
            };
            let low = low.as_ref().map(|low| end("is above", "or equal to ", low));
            let high = high.as_ref().map(|high| end("is below", "or equal to ", high));
            [low, high].into_iter().flatten().collect::<Vec<_>>().join(" and ")
        }
        Test::Regex(regex) => format!("matches {}", visible(regex.as_str())),
    }
}

/// A name, with the fields that it stands for where they have other names.
fn named(name: &str, fields: &[&'static Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    match names.as_slice() {
        [only] if *only == name => name.to_owned(),
        [only] => format!("{} ({only})", visible(name)),
        _ => format!("{} (any of {})", visible(name), names.join(", ")),
    }
}

/// Cut to a readable length; `{:?}` makes what is invisible visible.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let mut chars = text.chars();
    let mut cut: String = chars.by_ref().take(CHARS_MAX).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    cut
}

/// A duration in its largest whole unit.
fn duration(nanos: i64) -> String {
    const UNITS: &[(i64, &str)] = &[
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
    ];
    let unit = UNITS.iter().find(|(unit_ns, _)| nanos % unit_ns == 0);
    unit.map_or_else(|| format!("{nanos}ns"), |(unit_ns, name)| format!("{}{name}", nanos / unit_ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;
    use crate::query::parse;
    use crate::time::Zone;

    fn explained(text: &str) -> Explained {
        explain(&parse(text, Moment { nanos: 0, digits: 0 }, &Zone::Utc).unwrap())
    }

    #[test]
    fn trees() {
        let check = |text: &str, expected: &str| assert_eq!(explained(text).to_string(), expected, "{text}");
        check("", "events where\n  anything  [index]\n");
        check(
            "who:alice OR NOT (exe:/usr/bin/* raw:\"a\\nb\")",
            "events where\n  any of\n    who (any of who.name, who.as, who.login.name) is \"alice\"  [index]\n    not\n      all of\n        \
             exe (how.exe) has the form /usr/bin/*  [index]\n        a raw record contains \"a\\nb\"  [raw records]\n",
        );
        check(
            "pid:1..9",
            "events where\n  pid (how.pid) is above or equal to \"1\" and is below or equal to \"9\"  [index]\n",
        );
        check("how.pid>5", "events where\n  how.pid is above \"5\"  [index]\n");
        check("dst:10.1.2.3/8", "events where\n  dst (how.net.dst) lies in 10.0.0.0/8  [index]\n");
        check("dst:10.1.2.3", "events where\n  dst (how.net.dst) is the address 10.1.2.3  [index]\n");
        check("uri =~ \"^/api\"", "events where\n  uri (how.request_uri) matches ^/api  [index]\n");
        check("Ali", "events where\n  some who, what or where field contains \"Ali\", in any case  [index]\n");
        check(
            "\"\\u{202e}\"",
            "events where\n  some who, what or where field contains \"\\u{202e}\", in any case  [index]\n",
        );
        check(
            "* | top verb 3",
            "answer\n  events where\n    anything  [index]\n  the 3 commonest values of verb (how.verb)  [index]\n",
        );
        check("| hist 90m", "answer\n  events where\n    anything  [index]\n  how many in each 90m  [index]\n");
        check("| count", "answer\n  events where\n    anything  [index]\n  their number  [index]\n");
        check(
            "| sequence by src within 1h30m [action:login] [raw:x]",
            "answer\n  events where\n    anything  [index]\n  those that follow each other within 90m with one value of \
             src (any of who.address, how.net.src)\n    action (what.action) is \"login\"  [index]\n    \
             a raw record contains \"x\"  [raw records]\n",
        );
    }

    #[test]
    fn json() {
        let json = explained("a raw:b").to_json();
        assert_eq!(json["decided_by"], "raw records");
        assert_eq!(json["parts"][0]["parts"][0]["decided_by"], "index");
        assert!(json["parts"][0]["parts"][0].get("parts").is_none());
    }
}
