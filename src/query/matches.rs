//! What a filter means: the reference that every plan over the index must agree with.
//!
//! Inside: a test on one value, a word in one value, a filter on one event.
//! Not here: how the index finds candidates (`plan`), the grammar (`parse`).

use super::computed::needs_computing;
use super::{Filter, RawTest, Test};
use crate::index::{FIELDS, Field};
use crate::model::Event;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

/// Whether an event satisfies a filter.
///
/// `raws` yields the event's raw records; it is called at most once, and only when the structured conditions leave it open.
/// A condition on a field holds when some value of some of its fields satisfies it; its negation, when none does: an event
/// without the field satisfies `NOT field:x`.
pub fn matches(filter: &Filter, event: &Event, raws: &mut dyn FnMut() -> Vec<Vec<u8>>) -> bool {
    matches_with(filter, event, raws, &mut |_, _| Vec::new())
}

/// Gives the values that a computed field has for an event.
pub type Compute<'a> = dyn FnMut(&'static Field, &Event) -> Vec<Cow<'static, str>> + 'a;

/// The same, with the values of computed fields; asked for only when everything else leaves it open.
pub fn matches_with(
    filter: &Filter,
    event: &Event,
    raws: &mut dyn FnMut() -> Vec<Vec<u8>>,
    compute: &mut Compute<'_>,
) -> bool {
    Matcher { event, load: raws, loaded: None, compute }.holds(filter)
}

/// What a filter costs: the event alone, its records, what is computed.
fn cost(filter: &Filter) -> u8 {
    match (needs_computing(filter), needs_raw(filter)) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

/// Whether a filter cannot be decided without the raw records.
pub fn needs_raw(filter: &Filter) -> bool {
    match filter {
        Filter::Raw(_) => true,
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(needs_raw),
        Filter::Not(part) => needs_raw(part),
        Filter::Everything | Filter::Field { .. } | Filter::Word(_) => false,
    }
}

/// Whether a filter asks for events of deponent itself (`source:self`), which are otherwise left out of answers.
///
/// It does when some condition on `source` that is not negated, and not merely `source:*`, is one that they satisfy, or when findings are asked for that are about them.
pub fn asks_for_own(filter: &Filter) -> bool {
    match filter {
        Filter::Field { fields, test, .. } => {
            let of = |name: &str| fields.iter().any(|field| field.name == name);
            // What is found about silent agents is about their own records.
            (of("source") && !matches!(test, Test::Any) && test.holds(crate::model::Source::Own.name()))
                || (of("finding") && test.holds(crate::correlate::rules::SOURCE_SILENT))
        }
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(asks_for_own),
        Filter::Not(_) | Filter::Everything | Filter::Word(_) | Filter::Raw(_) => false,
    }
}

impl Test {
    /// Whether a value of a field satisfies the test. There is no other definition of it.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Test::Any => true,
            Test::Is(text) => value == text,
            Test::Glob(_, regex) | Test::Regex(regex) => regex.is_match(value),
            Test::NoneOf(texts) => texts.iter().all(|text| text != value),
            Test::Cidr(network) => value.parse().is_ok_and(|address| holds_address(network, address)),
            Test::Range { low, high } => {
                let above = |(end, inclusive): &(String, bool)| match order(value, end) {
                    Ordering::Greater => true,
                    Ordering::Equal => *inclusive,
                    Ordering::Less => false,
                };
                let below = |(end, inclusive): &(String, bool)| match order(value, end) {
                    Ordering::Less => true,
                    Ordering::Equal => *inclusive,
                    Ordering::Greater => false,
                };
                low.as_ref().is_none_or(above) && high.as_ref().is_none_or(below)
            }
        }
    }
}

impl RawTest {
    /// Whether the bytes of one record satisfy the test.
    pub fn holds(&self, record: &[u8]) -> bool {
        match self {
            RawTest::Contains(bytes) => memchr::memmem::find(record, bytes).is_some(),
            RawTest::Regex(regex) => regex.is_match(record),
        }
    }

    /// Where the first match at or behind `from` begins.
    pub fn find_at(&self, bytes: &[u8], from: usize) -> Option<usize> {
        match self {
            RawTest::Contains(wanted) => Some(from + memchr::memmem::find(bytes.get(from..)?, wanted)?),
            RawTest::Regex(_) if from > bytes.len() => None,
            RawTest::Regex(regex) => regex.find_at(bytes, from).map(|found| found.start()),
        }
    }
}

/// Whether a value contains a word, both lower-cased character by character (Unicode's simple mapping; no locale, no normal form).
pub fn word_holds(word: &str, value: &str) -> bool {
    if word.is_ascii() && value.is_ascii() {
        let (word, value) = (word.as_bytes(), value.as_bytes());
        return word.is_empty() || value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    }
    lower(value).contains(&lower(word))
}

/// Order of two values of a field: as whole numbers or as addresses where both are, else as text, byte by byte.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one.cmp(&other);
    }
    if let (Ok(one), Ok(other)) = (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        return one.to_canonical().cmp(&other.to_canonical());
    }
    one.cmp(other)
}

/// The whole number of a text: digits, with a minus or not.
pub(super) fn number(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok())?
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// IPv4 addresses count in their IPv6 spelling (`::ffff:10.0.0.9`) too: recorders use either for the same peer.
fn holds_address(network: &ipnet::IpNet, address: IpAddr) -> bool {
    network.contains(&address) || network.contains(&address.to_canonical())
}

struct Matcher<'a> {
    event: &'a Event,
    load: &'a mut dyn FnMut() -> Vec<Vec<u8>>,
    loaded: Option<Vec<Vec<u8>>>,
    compute: &'a mut Compute<'a>,
}

impl Matcher<'_> {
    /// Recursion is bounded by the grammar's depth.
    fn holds(&mut self, filter: &Filter) -> bool {
        match filter {
            Filter::Everything => true,
            // What costs more goes later, so that records are read, and links computed, only when they decide.
            Filter::And(parts) => {
                (0..=2).all(|now| parts.iter().filter(|part| cost(part) == now).all(|part| self.holds(part)))
            }
            Filter::Or(parts) => {
                (0..=2).any(|now| parts.iter().filter(|part| cost(part) == now).any(|part| self.holds(part)))
            }
            Filter::Not(part) => !self.holds(part),
            Filter::Field { fields, test, .. } if needs_computing(filter) => {
                fields.iter().any(|field| (self.compute)(field, self.event).into_iter().any(|value| test.holds(&value)))
            }
            Filter::Field { fields, test, .. } => self.some_value(fields.iter().copied(), |value| test.holds(value)),
            Filter::Word(word) => {
                self.some_value(FIELDS.iter().filter(|field| field.bare), |value| word_holds(word, value))
            }
            Filter::Raw(test) => {
                let load = &mut self.load;
                self.loaded.get_or_insert_with(load).iter().any(|record| test.holds(record))
            }
        }
    }

    fn some_value(
        &self,
        fields: impl Iterator<Item = &'static crate::index::Field>,
        holds: impl Fn(&str) -> bool,
    ) -> bool {
        let mut found = false;
        for field in fields {
            (field.values)(self.event, &mut |value| found = found || holds(value));
            if found {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
#[path = "matches_tests.rs"]
mod tests;
