//! Exit codes, and errors that know theirs.

use crate::query::AnswerError;
use std::fmt::Display;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something was found, or done.
    Match,
    /// Nothing was found.
    NoMatch,
    /// The arguments or the query make no sense.
    Usage,
    /// Evidence is not what it should be.
    Integrity,
    /// Something is missing (`gaps`).
    Incomplete,
    /// No store and no server there.
    Unreachable,
    /// Reading or writing failed: disk full, permission.
    InputOutput,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Match => 0,
            Exit::NoMatch => 1,
            Exit::Usage => 2,
            Exit::Integrity => 3,
            Exit::Incomplete => 4,
            Exit::Unreachable => 5,
            Exit::InputOutput => 6,
        }
    }
}

/// What went wrong, for people, with its exit code.
#[derive(Debug)]
pub struct CliError {
    /// How the process ends.
    pub exit: Exit,
    /// What was wrong, where, and what to do; not escaped yet.
    pub message: String,
}

impl CliError {
    /// An error that ends with `exit`.
    pub fn new(exit: Exit, message: impl Display) -> CliError {
        CliError { exit, message: message.to_string() }
    }

    /// Arguments or a query that make no sense.
    pub fn usage(message: impl Display) -> CliError {
        CliError::new(Exit::Usage, message)
    }

    /// Reading or writing failed.
    pub fn io(what: impl Display, error: &std::io::Error) -> CliError {
        CliError::new(Exit::InputOutput, format!("{what}: {error}"))
    }

    /// An answer that failed; `query` is its text, for the caret.
    pub fn of_answer(error: &AnswerError, query: &str) -> CliError {
        match error {
            AnswerError::Query(error) => CliError::usage(error.render_caret(query)),
            AnswerError::Unknown { .. } | AnswerError::Gone { .. } => CliError::new(Exit::NoMatch, error),
            AnswerError::Ambiguous { .. } | AnswerError::Cursor { .. } | AnswerError::Limit(_) => {
                CliError::usage(error)
            }
            AnswerError::Lost { .. } => CliError::new(Exit::Integrity, error),
            AnswerError::Evidence(error) => CliError::of_evidence(error),
            _ => CliError::new(Exit::InputOutput, error),
        }
    }

    /// An evidence error: damage is an integrity failure, the operating system's refusals are not.
    pub fn of_evidence(error: &crate::evidence::EvidenceError) -> CliError {
        let gone = matches!(error, crate::evidence::EvidenceError::Pruned { .. });
        let integrity = if error.is_integrity() { Exit::Integrity } else { Exit::InputOutput };
        CliError::new(if gone { Exit::NoMatch } else { integrity }, error)
    }
}
