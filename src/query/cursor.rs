//! Where a page ended, and the size of the log that its question rests on, as text: `<ns>.<id>.<size>`.
//!
//! Not here: the search itself (`engine`).

use super::answer::AnswerError;
use super::json;
use crate::model::EventId;
use serde_json::Value;

/// A place between two events of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Time and id of the last event before it.
    pub after: (i64, EventId),
    /// Log entries that all pages of the answer rest on.
    pub size: u64,
}

impl Cursor {
    /// The beginning of an answer, oldest event first, that rests on the first `size` log entries.
    pub fn start(size: u64) -> Cursor {
        Cursor { after: (i64::MIN, EventId([0; 16])), size }
    }

    /// Behind an event, by its JSON; `None` where that has no time.
    pub fn behind(event: &Value, size: u64) -> Option<Cursor> {
        let when = json::text(event, "when.event")?;
        let when = chrono::DateTime::parse_from_rfc3339(&when).ok()?.timestamp_nanos_opt()?;
        let id = EventId::parse(&json::text(event, "id")?)?;
        Some(Cursor { after: (when, id), size })
    }

    /// Reads what `to_text` wrote.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(text: &str) -> Result<Cursor, AnswerError> {
        let mut parts = text.split('.');
        let parsed = (|| {
            let when = parts.next()?.parse().ok()?;
            let id = EventId::parse(parts.next()?)?;
            let size = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Cursor { after: (when, id), size })
        })();
        parsed.ok_or_else(|| AnswerError::Cursor { text: text.to_owned() })
    }

    /// The text.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.after.0, self.after.1, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let event = json!({ "id": "abcdefghijklmnopqrstuvwxya", "when": { "event": "2026-11-23T20:57:42.452334Z" } });
        let behind = Cursor::behind(&event, 9).unwrap();
        assert_eq!(behind.after.0, 1_795_467_462_452_334_000);
        for cursor in [behind, Cursor::start(0), Cursor::start(u64::MAX)] {
            assert_eq!(Cursor::parse(&cursor.to_text()).unwrap(), cursor);
        }
        assert_eq!(Cursor::behind(&json!({ "id": "abcdefghijklmnopqrstuvwxya" }), 9), None);
        for text in [
            "",
            ".",
            "1.2.3",
            "1.abcdefghijklmnopqrstuvwxya",
            "1.abcdefghijklmnopqrstuvwxya.9.9",
            "1.abcdefghijklmnopqrstuvwxya.-1",
        ] {
            assert!(Cursor::parse(text).is_err(), "{text}");
        }
    }
}
