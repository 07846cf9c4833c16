//! A query as a tree, its field names resolved.
//!
//! Not here: its grammar (`parse`), how it is answered (`engine`).

use crate::index::Field;
use regex::Regex;

/// A whole query: a filter and the pipes behind it.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which events.
    pub filter: Filter,
    /// What to make of them; at most one of each.
    pub pipe: Option<Pipe>,
}

/// Which events match.
#[derive(Debug, Clone)]
pub enum Filter {
    /// `*`, or an empty query.
    Everything,
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not it.
    Not(Box<Filter>),
    /// Some value of one of the fields (an alias may stand for several) satisfies the test.
    Field {
        /// The name as written.
        name: String,
        /// What it stands for; never empty.
        fields: Vec<&'static Field>,
        /// The condition on a value.
        test: Test,
    },
    /// A bare word: a value of a who, what or where field contains it, case-insensitively.
    Word(String),
    /// The raw bytes of a record satisfy the test (`raw:"text"` contains, `raw =~ "re"`).
    Raw(RawTest),
}

/// A condition on one value of a field.
#[derive(Debug, Clone)]
pub enum Test {
    /// `*`: the field has a value.
    Any,
    /// Exactly this text.
    Is(String),
    /// `*` any text, `?` any character; as a compiled anchored expression and its source.
    Glob(String, Regex),
    /// An address inside of the network; the source text.
    Cidr(ipnet::IpNet),
    /// `a..b`, `>=`, `>`, `<=`, `<`: both ends inclusive when true; numbers compare as numbers where both sides are numbers, else as text.
    Range {
        /// Lower end and whether it belongs to the range.
        low: Option<(String, bool)>,
        /// Upper end and whether it belongs to the range.
        high: Option<(String, bool)>,
    },
    /// None of these texts; no query says it, limits of what somebody may see do.
    NoneOf(Vec<String>),
    /// `=~ "re"`: found anywhere in the value.
    Regex(Regex),
}

/// A condition on raw bytes.
#[derive(Debug, Clone)]
pub enum RawTest {
    /// Contains these bytes.
    Contains(Vec<u8>),
    /// The expression is found in a record.
    Regex(regex::bytes::Regex),
}

/// What to make of the matching events.
#[derive(Debug, Clone)]
pub enum Pipe {
    /// `| count`
    Count,
    /// `| top F [n]`: the commonest values.
    Top {
        /// The fields whose values are counted, together.
        fields: Vec<&'static Field>,
        /// The name as written.
        name: String,
        /// How many values.
        limit: usize,
    },
    /// `| hist 5m`: events a bucket of time.
    Hist {
        /// Width of a bucket in nanoseconds.
        width_ns: i64,
    },
    /// `| sequence by F within 10m [a] [b]`: events that match a, then b, …, with an equal value of F, all within the time.
    Sequence {
        /// The fields of the common value.
        fields: Vec<&'static Field>,
        /// The name as written.
        name: String,
        /// Longest time from the first to the last, in nanoseconds.
        within_ns: i64,
        /// Two to eight steps.
        steps: Vec<Filter>,
    },
}
