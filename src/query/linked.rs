//! Answers about links: `links`, `why`, `effects`, `tree`, `testify`.
//!
//! Not here: the rules (`correlate`), how answers are shown (`cli`).

use super::answer::{AnswerError, LinkedKind, Sink};
use super::engine::View;

/// Answers about the event, container or exec that is named.
pub fn answer(_view: &View, _kind: LinkedKind, _name: &str, _sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    Err(AnswerError::Limit("not answered".to_owned()))
}
