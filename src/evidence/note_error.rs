//! What can be wrong with keys, signed notes and checkpoints.
//!
//! Not here: errors of proofs and tiles (`proof_error`).

/// A key, note or checkpoint that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The name of a key.
    #[error("`{name}` cannot be the name of a key: it is empty, too long, or has spaces, `+` or control characters")]
    Name {
        /// Its beginning.
        name: String,
    },
    /// The text of a secret key; never repeated.
    #[error("not a signing key: {what}")]
    SigningKey {
        /// What is wrong.
        what: &'static str,
    },
    /// A secret key where the public one belongs; never repeated.
    #[error(
        "this is a secret signing key, not a public one: give the line of key.pub, and change the key if anybody has seen it"
    )]
    SecretGiven,
    /// The text of a public key.
    #[error("`{text}` is not a public key: {what}")]
    VerifierKey {
        /// Its beginning.
        text: String,
        /// What is wrong.
        what: &'static str,
    },
    /// No randomness for a new key.
    #[error("the system gave no random numbers: {error}")]
    NoRandom {
        /// What it said.
        error: String,
    },
    /// A note that is not one.
    #[error("not a signed note: {what}")]
    Note {
        /// What is wrong.
        what: &'static str,
    },
    /// A signature that does not fit the text.
    #[error("the signature of {key} does not fit the text: one of the two was altered")]
    BadSignature {
        /// Name of the key.
        key: String,
    },
    /// A note that somebody else has signed.
    #[error("not signed by {key}")]
    NotSigned {
        /// The key that was expected, as text.
        key: String,
    },
    /// A checkpoint whose text is malformed.
    #[error("checkpoint, line {line}: expected {expected}, found `{found}`")]
    Checkpoint {
        /// Line, from 1.
        line: usize,
        /// What must stand there.
        expected: &'static str,
        /// The line's beginning.
        found: String,
    },
    /// A checkpoint of another log.
    #[error("the checkpoint is of {found}, not of {expected}")]
    Origin {
        /// Origin in the checkpoint.
        found: String,
        /// Name of the trusted key.
        expected: String,
    },
}
