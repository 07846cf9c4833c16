//! A plan becomes the set of a segment's documents that match it.

use super::bits::{Bits, Docs};
use super::segment::Segment;
use super::terms;
use super::{IndexError, Plan, TermTest};

/// Nesting of a plan at most; the query language allows 32, and a translation may add some.
const DEPTH_MAX: usize = 128;

/// The documents that match, deleted ones included.
pub(super) fn docs(plan: &Plan, segment: &Segment) -> Result<Docs, IndexError> {
    evaluate(plan, segment, 0)
}

fn evaluate(plan: &Plan, segment: &Segment, depth: usize) -> Result<Docs, IndexError> {
    if depth > DEPTH_MAX {
        return Err(IndexError::Depth { max: DEPTH_MAX });
    }
    match plan {
        Plan::Everything => Ok(Docs::All),
        Plan::Nothing => Ok(Docs::None),
        Plan::Not(inner) => Ok(evaluate(inner, segment, depth + 1)?.inverted()),
        Plan::And(parts) => {
            let mut found = Docs::All;
            // The cheap ones first: when nothing is left, the dear ones are not asked.
            let mut parts: Vec<&Plan> = parts.iter().collect();
            parts.sort_by_key(|part| cost(part, 0));
            for part in parts {
                found = found.and(evaluate(part, segment, depth + 1)?);
                if found == Docs::None {
                    break;
                }
            }
            Ok(found)
        }
        Plan::Or(parts) => {
            let mut found = Docs::None;
            for part in parts {
                found = found.or(evaluate(part, segment, depth + 1)?);
                if found == Docs::All {
                    break;
                }
            }
            Ok(found)
        }
        Plan::Terms { fields, test } => {
            let mut found = Bits::none(segment.len());
            for field in fields {
                if let Some(key) = segment.keys.of(field) {
                    terms::unite(segment, key, test, &mut found)?;
                }
            }
            Ok(Docs::of(found))
        }
    }
}

/// How dear a plan is, roughly.
fn cost(plan: &Plan, depth: usize) -> u8 {
    if depth > DEPTH_MAX {
        return u8::MAX;
    }
    match plan {
        Plan::Everything | Plan::Nothing => 0,
        Plan::Terms { test: TermTest::Is(_), .. } => 1,
        Plan::Terms { test: TermTest::Predicate { prefix, .. }, .. } if !prefix.is_empty() => 2,
        Plan::Terms { .. } => 3,
        Plan::Not(inner) => cost(inner, depth + 1),
        Plan::And(parts) | Plan::Or(parts) => parts.iter().map(|part| cost(part, depth + 1)).max().unwrap_or(0),
    }
}
