//! The log entry (`docs/format.md` §3): envelope, batch header, signature, as UTF-8 text.
//!
//! Inside: making one, reading one strictly (what is accepted is exactly what is written).
//! Not here: which keys are to be trusted (`keyring`).

use super::draft::Hash;
use super::format_error::FormatError;
use super::header::{Header, header_hash};
use super::note::{NoteError, SigningKey, VerifierKey, split_note};
use super::text::{Lines, escaped, moment, of_moment, text as text_value};
use super::tiles::ENTRY_BYTES_MAX;
use super::tree::leaf_hash;
use crate::model::Moment;

const FORMAT: &str = "deponent-entry/v1";

/// By which way a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Door {
    /// Files, offline.
    Ingest,
    /// The collector's own tailers.
    Tail,
    /// What the collector says of itself: who asked what of it.
    Own,
    /// An agent, which sealed and signed the batch.
    Agent,
    /// The API server's audit webhook.
    Webhook,
    /// Lines over HTTP.
    Ndjson,
    /// Elasticsearch's `_bulk`.
    Bulk,
    /// OpenTelemetry's log records over HTTP.
    Otlp,
    /// syslog over TCP.
    Syslog,
    /// RELP.
    Relp,
    /// audisp-remote.
    Audisp,
}

impl Door {
    const ALL: [Door; 11] = [
        Door::Ingest,
        Door::Tail,
        Door::Own,
        Door::Agent,
        Door::Webhook,
        Door::Ndjson,
        Door::Bulk,
        Door::Otlp,
        Door::Syslog,
        Door::Relp,
        Door::Audisp,
    ];

    /// The name in entries.
    pub fn name(self) -> &'static str {
        match self {
            Door::Ingest => "ingest",
            Door::Tail => "tail",
            Door::Own => "own",
            Door::Agent => "agent",
            Door::Webhook => "webhook",
            Door::Ndjson => "ndjson",
            Door::Bulk => "bulk",
            Door::Otlp => "otlp",
            Door::Syslog => "syslog",
            Door::Relp => "relp",
            Door::Audisp => "audisp",
        }
    }

    /// The door of that name.
    pub fn of_name(name: &str) -> Option<Door> {
        Door::ALL.into_iter().find(|door| door.name() == name)
    }
}

/// What the collector says about a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The collector's clock when the batch was sealed or came in.
    pub received: Moment,
    /// By which way.
    pub door: Door,
    /// Identity of the sender.
    pub peer: Option<String>,
    /// Whose signature the header bears beside the collector's; exactly where the door is `Agent`.
    pub signer: Option<VerifierKey>,
}

impl Envelope {
    /// Of a batch that nobody else has signed.
    pub fn witnessed(received: Moment, door: Door, peer: Option<String>) -> Envelope {
        Envelope { received, door, peer, signer: None }
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The collector's envelope.
    pub envelope: Envelope,
    /// The batch header.
    pub header: Header,
    text: String,
    note_at: usize,
}

impl Entry {
    /// Signs a header and puts it into its envelope.
    ///
    /// # Errors
    /// A value that is too long.
    pub(super) fn seal(envelope: &Envelope, header: Header, key: &SigningKey) -> Result<Entry, FormatError> {
        let note = key.sign(&header.text()?);
        Entry::with_note(envelope, header, &note)
    }

    /// Puts the note that somebody else has signed into its envelope, and adds the collector's signature.
    ///
    /// # Errors
    /// An entry that is too long.
    pub(super) fn admit(
        envelope: &Envelope,
        header: Header,
        note: &str,
        key: &SigningKey,
    ) -> Result<Entry, FormatError> {
        let (text, _) = split_note(note).map_err(|error| FormatError::entry(error.to_string()))?;
        let note = format!("{note}{}", key.signature_line(text));
        Entry::with_note(envelope, header, &note)
    }

    fn with_note(envelope: &Envelope, header: Header, note: &str) -> Result<Entry, FormatError> {
        let mut text = envelope_text(envelope)?;
        let note_at = text.len();
        text.push_str(note);
        if text.len() > ENTRY_BYTES_MAX {
            return Err(FormatError::entry(format!("{} bytes; at most {ENTRY_BYTES_MAX} fit", text.len())));
        }
        Ok(Entry { envelope: envelope.clone(), header, text, note_at })
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn parse(bytes: &[u8]) -> Result<Entry, FormatError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(FormatError::entry(format!("{} bytes; at most {ENTRY_BYTES_MAX} fit", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| FormatError::entry("not UTF-8"))?;
        let mut lines = Lines::new(text);
        let first = lines.line(FORMAT)?;
        if first != FORMAT {
            return Err(lines.wrong(FORMAT, first));
        }
        let received = lines.value("received", moment)?;
        let door = lines.value("door", Door::of_name)?;
        let peer = lines.value("peer", text_value)?;
        let signer = match door {
            Door::Agent => Some(lines.value("signer", |value| VerifierKey::parse(&text_value(value)?).ok())?),
            _ => None,
        };
        let empty = lines.line("an empty line")?;
        if !empty.is_empty() {
            return Err(lines.wrong("an empty line", empty));
        }
        let note = lines.rest();
        let (header, signatures) = split_note(note).map_err(|error| FormatError::entry(error.to_string()))?;
        let expected = 1 + usize::from(signer.is_some());
        if signatures.lines().count() != expected {
            return Err(FormatError::entry(format!("not exactly {expected} signatures")));
        }
        let header = Header::parse(header)?;
        let envelope = Envelope { received, door, peer: Some(peer).filter(|peer| !peer.is_empty()), signer };
        Ok(Entry { envelope, header, note_at: text.len() - note.len(), text: text.to_owned() })
    }

    /// The entry as it stands in the log.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Whether the collector's key has signed the header, and whoever the envelope names beside it.
    ///
    /// # Errors
    /// The first signature that does not hold or is not there.
    pub fn open(&self, key: &VerifierKey) -> Result<(), NoteError> {
        key.open(self.note())?;
        if let Some(signer) = &self.envelope.signer {
            signer.open(self.note())?;
        }
        Ok(())
    }

    /// The log's leaf hash.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(self.bytes())
    }

    /// What the header behind this one in its chain names as `previous`.
    pub fn header_hash(&self) -> Hash {
        header_hash(self.header_text())
    }

    /// The signed note: batch header, empty line, signature lines.
    pub fn note(&self) -> &str {
        self.text.get(self.note_at..).unwrap_or_default()
    }

    /// The batch header as it was signed.
    pub fn header_text(&self) -> &str {
        self.note().rfind("\n\n").and_then(|end| self.note().get(..=end)).unwrap_or_default()
    }

    /// The collector's signature line, without its LF.
    pub fn signature_line(&self) -> &str {
        self.note().lines().last().unwrap_or_default()
    }
}

fn envelope_text(envelope: &Envelope) -> Result<String, FormatError> {
    let peer = escaped("the peer", envelope.peer.as_deref().unwrap_or_default().as_bytes())?;
    let received = of_moment(envelope.received);
    let signer = match &envelope.signer {
        Some(key) => format!("signer {}\n", escaped("the signer's key", key.to_string().as_bytes())?),
        None => String::new(),
    };
    Ok(format!("{FORMAT}\nreceived {received}\ndoor {}\npeer {peer}\n{signer}\n", envelope.door.name()))
}
