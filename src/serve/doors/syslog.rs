//! syslog over TCP (RFC 5425, RFC 6587): messages with their length before them, or ended by a line end. A record is a message's exact bytes, with its line end where it has one.
//!
//! Nothing is acknowledged in this protocol: the only thing that a sender feels is that nothing more is read until what was read is durable. Not here: connections (`stream`), RELP (`relp`).

use super::counts::Reason;
use super::intake::{Intake, Undelivered, messages};
use super::stream::{Read, Wire};
use crate::evidence::{Door, Draft};
use crate::model::RecordKind;
use std::time::{Duration, Instant};

/// Bytes that are gathered before they are handed in.
const GATHERED_BYTES: usize = 256 << 10;
/// How long messages are gathered.
const GATHERED_AGE: Duration = Duration::from_millis(100);
/// Digits of a length.
const DIGITS_MAX: usize = 9;

/// How messages are told apart. A connection has one way: a message that a sender passes on must not be able to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Counted,
    Lines,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    /// A message of so many bytes, behind so many others.
    Message { skip: usize, length: usize },
    /// Not all of it is there.
    Unfinished,
    /// It is longer than it may be.
    TooLarge,
    /// It is none.
    Bad,
}

impl Framing {
    /// As the first bytes of a connection show; `None` where they are too few.
    fn of(bytes: &[u8]) -> Option<Framing> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let first = bytes.first()?;
        if digits == 0 || digits > DIGITS_MAX || *first == b'0' {
            return Some(Framing::Lines);
        }
        // A line may begin with a number, as with a year; a message begins with its priority.
        match (bytes.get(digits), bytes.get(digits.saturating_add(1))) {
            (Some(b' '), Some(b'<')) => Some(Framing::Counted),
            (None, _) | (Some(b' '), None) => None,
            _ => Some(Framing::Lines),
        }
    }

    fn next(self, bytes: &[u8], max: usize) -> Frame {
        match self {
            Framing::Lines => match memchr::memchr(b'\n', bytes) {
                Some(end) if end < max => Frame::Message { skip: 0, length: end.saturating_add(1) },
                None if bytes.len() < max => Frame::Unfinished,
                _ => Frame::TooLarge,
            },
            Framing::Counted => {
                let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = bytes.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
                let length = number.and_then(|number| number.parse::<usize>().ok());
                match (bytes.get(digits), length) {
                    (None, _) if digits <= DIGITS_MAX => Frame::Unfinished,
                    (Some(b' '), Some(length)) if digits <= DIGITS_MAX && bytes.first() != Some(&b'0') => {
                        let skip = digits.saturating_add(1);
                        match length {
                            _ if length > max => Frame::TooLarge,
                            _ if bytes.len().saturating_sub(skip) < length => Frame::Unfinished,
                            _ => Frame::Message { skip, length },
                        }
                    }
                    _ => Frame::Bad,
                }
            }
        }
    }
}

/// Takes the messages of a connection until it ends.
pub async fn speak(mut wire: Wire, intake: &Intake, peer: &str) {
    let kind = intake.config.kind.unwrap_or(RecordKind::Syslog);
    let max = intake.config.limits.message_bytes;
    let Ok(mut records) = messages(intake.label(Door::Syslog, kind, peer, None)) else { return };
    let (mut framing, mut since) = (None, None::<Instant>);
    loop {
        framing = framing.or_else(|| Framing::of(wire.unread()));
        let mut wrong = None;
        while let Some(framing) = framing
            && records.waiting_bytes() < GATHERED_BYTES
        {
            match framing.next(wire.unread(), max) {
                Frame::Message { skip, length } => {
                    let message = wire.unread().get(skip..).and_then(|rest| rest.get(..length)).unwrap_or_default();
                    // A line of nothing is no record.
                    if !message.trim_ascii().is_empty() {
                        records.push(&[message]);
                    }
                    wire.taken(skip.saturating_add(length));
                }
                Frame::Unfinished => break,
                Frame::TooLarge => {
                    wrong = Some(Reason::TooLarge);
                    break;
                }
                Frame::Bad => {
                    wrong = Some(Reason::Bad);
                    break;
                }
            }
        }
        let waiting = records.waiting_bytes();
        let age = if waiting > 0 { since.get_or_insert_with(Instant::now).elapsed() } else { Duration::ZERO };
        if waiting >= GATHERED_BYTES || age >= GATHERED_AGE || (wrong.is_some() && waiting > 0) {
            since = None;
            if !durable(intake, Door::Syslog, peer, records.take()).await {
                return;
            }
            if wrong.is_none() {
                continue;
            }
        }
        if let Some(reason) = wrong {
            tracing::warn!(peer, ?reason, "a connection of syslog is closed: this is no message");
            return intake.counts.refused(reason);
        }
        let within = if waiting > 0 { Some(GATHERED_AGE.saturating_sub(age)) } else { wire.rest(intake) };
        match wire.read(intake, within).await {
            Read::More => {}
            Read::Late if waiting > 0 => {}
            end => {
                // Whoever ends in good order has ended its last line too.
                let rest = wire.unread();
                if end == Read::End && framing != Some(Framing::Counted) && !rest.trim_ascii().is_empty() {
                    records.push(&[rest]);
                } else if !rest.is_empty() {
                    intake.counts.refused(Reason::Unfinished);
                }
                // Where the collector ends, the ledger still takes what came.
                durable(intake, Door::Syslog, peer, records.take()).await;
                return;
            }
        }
    }
}

/// Makes drafts durable, however long that takes: a sender that gets no answer cannot be told to come again. `false`: the collector ends.
pub async fn durable(intake: &Intake, door: Door, peer: &str, drafts: Vec<Draft>) -> bool {
    loop {
        match intake.deliver(door, peer, drafts.clone()).await {
            Ok(()) => return true,
            Err(Undelivered::Full | Undelivered::Disk) => {}
            Err(Undelivered::Stopping) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_show_the_framing() {
        for (bytes, wanted) in [
            ("", None),
            ("12", None),
            ("12 ", None),
            ("12 <", Some(Framing::Counted)),
            ("<34>1 ", Some(Framing::Lines)),
            ("2026-11-27", Some(Framing::Lines)),
            ("2026 x", Some(Framing::Lines)),
            ("012 <", Some(Framing::Lines)),
            ("1234567890 <", Some(Framing::Lines)),
            ("\0", Some(Framing::Lines)),
        ] {
            assert_eq!(Framing::of(bytes.as_bytes()), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn messages_are_counted_or_ended() {
        let message = |skip, length| Frame::Message { skip, length };
        for (framing, bytes, wanted) in [
            (Framing::Counted, "3 <1>5 <2>", message(2, 3)),
            (Framing::Counted, "4 <1>", Frame::Unfinished),
            (Framing::Counted, "", Frame::Unfinished),
            (Framing::Counted, "9", Frame::Unfinished),
            (Framing::Counted, "9 x", Frame::TooLarge),
            (Framing::Counted, "999999999 ", Frame::TooLarge),
            (Framing::Counted, "9999999999 ", Frame::Bad),
            (Framing::Counted, "03 <1>", Frame::Bad),
            (Framing::Counted, "<1>\n", Frame::Bad),
            (Framing::Lines, "<1>a\n<", message(0, 5)),
            (Framing::Lines, "3 <1>\n", message(0, 6)),
            (Framing::Lines, "<1>a", Frame::Unfinished),
            (Framing::Lines, "<1>abcdefgh", Frame::TooLarge),
            (Framing::Lines, "<1>abcdefgh\n", Frame::TooLarge),
        ] {
            assert_eq!(framing.next(bytes.as_bytes(), 8), wanted, "{framing:?} {bytes:?}");
        }
    }
}
