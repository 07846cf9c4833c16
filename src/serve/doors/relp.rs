//! RELP: `TXNR COMMAND LENGTH DATA`, each message answered once it is durable. Spoken by rsyslog's omrelp; the description is librelp's, this is our own.
//!
//! A message whose answer was lost comes again; a line is the same event then, with one more piece of evidence. Not here: connections (`stream`), plain syslog (`syslog`).

use super::counts::Reason;
use super::intake::{Intake, messages};
use super::stream::{Read, Wire};
use super::syslog::durable;
use crate::evidence::Door;
use crate::model::RecordKind;
use std::time::Duration;

/// Bytes and messages that are gathered before they are handed in.
const GATHERED_BYTES: usize = 256 << 10;
const GATHERED_MAX: usize = 1_000;
/// How long is waited for further messages: their sender waits for the answer to these.
const PAUSE: Duration = Duration::from_millis(5);
/// Digits of numbers.
const DIGITS_MAX: usize = 9;
/// Bytes of a command's name.
const COMMAND_BYTES_MAX: usize = 32;
/// How long a sender may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const OFFERS: &str = "200 OK\nrelp_version=0\nrelp_software=deponent\ncommands=syslog";

/// One frame.
#[derive(Debug, PartialEq, Eq)]
struct Frame<'a> {
    number: &'a str,
    command: &'a str,
    data: &'a [u8],
    /// Bytes of all of it.
    length: usize,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq)]
enum NoFrame {
    Unfinished,
    TooLarge,
    Bad,
}

/// The next frame.
fn frame(bytes: &[u8], max: usize) -> Result<Frame<'_>, NoFrame> {
    let (number, at) = word(bytes, 0, DIGITS_MAX, |byte| byte.is_ascii_digit())?;
    let (command, at) = word(bytes, next(bytes, at, b' ')?, COMMAND_BYTES_MAX, |byte| byte.is_ascii_alphanumeric())?;
    let (length, at) = word(bytes, next(bytes, at, b' ')?, DIGITS_MAX, |byte| byte.is_ascii_digit())?;
    let length: usize = length.parse().map_err(|_| NoFrame::Bad)?;
    if length > max {
        return Err(NoFrame::TooLarge);
    }
    // Where there is no data, there need be no blank before it.
    let from = match bytes.get(at) {
        Some(b'\n') if length == 0 => at,
        _ => next(bytes, at, b' ')?,
    };
    let end = from.saturating_add(length);
    let data = bytes.get(from..end).ok_or(NoFrame::Unfinished)?;
    Ok(Frame { number, command, data, length: next(bytes, end, b'\n')? })
}

/// A word of bytes that `fits`, and where it ends.
fn word(bytes: &[u8], from: usize, max: usize, fits: fn(&u8) -> bool) -> Result<(&str, usize), NoFrame> {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| fits(byte)).count();
    if length > max || (length == 0 && !rest.is_empty()) {
        return Err(NoFrame::Bad);
    }
    let end = from.saturating_add(length);
    if end >= bytes.len() {
        return Err(NoFrame::Unfinished);
    }
    let word = rest.get(..length).and_then(|word| std::str::from_utf8(word).ok());
    word.map(|word| (word, end)).ok_or(NoFrame::Bad)
}

/// The place behind a byte that must be there.
fn next(bytes: &[u8], at: usize, wanted: u8) -> Result<usize, NoFrame> {
    match bytes.get(at) {
        None => Err(NoFrame::Unfinished),
        Some(byte) if *byte == wanted => Ok(at.saturating_add(1)),
        Some(_) => Err(NoFrame::Bad),
    }
}

fn answer(out: &mut Vec<u8>, number: &str, text: &str) {
    out.extend_from_slice(format!("{number} rsp {} {text}\n", text.len()).as_bytes());
}

/// Takes the messages of a session until it ends.
pub async fn speak(mut wire: Wire, intake: &Intake, peer: &str) {
    let kind = intake.config.kind.unwrap_or(RecordKind::Syslog);
    let max = intake.config.limits.message_bytes;
    let Ok(mut records) = messages(intake.label(Door::Relp, kind, peer, None)) else { return };
    let (mut is_open, mut closed, mut gathered) = (false, false, 0usize);
    // Answers to what is durable, or need not be, and to what was gathered.
    let (mut out, mut later) = (Vec::new(), Vec::new());
    loop {
        let mut wrong = None;
        while records.waiting_bytes() < GATHERED_BYTES && gathered < GATHERED_MAX && !closed {
            let frame = match frame(wire.unread(), max) {
                Ok(frame) => frame,
                Err(NoFrame::Unfinished) => break,
                Err(NoFrame::TooLarge) => {
                    wrong = Some(Reason::TooLarge);
                    break;
                }
                Err(NoFrame::Bad) => {
                    wrong = Some(Reason::Bad);
                    break;
                }
            };
            match frame.command {
                "open" if !is_open => {
                    is_open = true;
                    answer(&mut out, frame.number, OFFERS);
                }
                "syslog" if is_open => {
                    records.push(&[frame.data]);
                    gathered = gathered.saturating_add(1);
                    answer(&mut later, frame.number, "200 OK");
                }
                "close" if is_open => {
                    closed = true;
                    later.extend_from_slice(format!("{} rsp 0\n0 serverclose 0\n", frame.number).as_bytes());
                }
                _ => answer(&mut later, frame.number, "500 this is not understood here"),
            }
            let length = frame.length;
            wire.taken(length);
        }
        if !out.is_empty() && !wire.write(&std::mem::take(&mut out), WRITE_TIMEOUT).await {
            return;
        }
        let full = records.waiting_bytes() >= GATHERED_BYTES || gathered >= GATHERED_MAX;
        let within = if later.is_empty() { wire.rest(intake) } else { Some(PAUSE) };
        let read = match full || closed || wrong.is_some() {
            true => Read::Late,
            false => wire.read(intake, within).await,
        };
        if read == Read::More {
            continue;
        }
        let nothing = later.is_empty();
        gathered = 0;
        if !durable(intake, Door::Relp, peer, records.take()).await {
            let _gone = wire.write(b"0 serverclose 0\n", WRITE_TIMEOUT).await;
            return;
        }
        if !nothing && !wire.write(&std::mem::take(&mut later), WRITE_TIMEOUT).await {
            return;
        }
        if let Some(reason) = wrong {
            tracing::warn!(peer, ?reason, "a session of RELP is closed: this is no frame of it");
            intake.counts.refused(reason);
        }
        if closed || wrong.is_some() {
            return wire.close().await;
        }
        match read {
            Read::Late if !nothing => {}
            Read::More => {}
            Read::Stop => {
                let _gone = wire.write(b"0 serverclose 0\n", WRITE_TIMEOUT).await;
                return wire.close().await;
            }
            Read::End | Read::Broken | Read::Late => {
                if !wire.unread().is_empty() {
                    intake.counts.refused(Reason::Unfinished);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_strictly() {
        let found = frame(b"1 open 5 a\nb c\n2", 9).unwrap();
        assert_eq!((found.number, found.command, found.data, found.length), ("1", "open", &b"a\nb c"[..], 15));
        let found = frame(b"22 close 0\n", 9).unwrap();
        assert_eq!((found.command, found.data, found.length), ("close", &b""[..], 11));
        assert_eq!(frame(b"22 close 0 \n", 9).unwrap().length, 12);
        let whole = b"123 syslog 3 abc\n";
        for end in 0..whole.len() {
            assert_eq!(frame(&whole[..end], 9), Err(NoFrame::Unfinished), "{end}");
        }
        for (bytes, wanted) in [
            (&b" open 0\n"[..], NoFrame::Bad),
            (b"1234567890 open 0\n", NoFrame::Bad),
            (b"1  open 0\n", NoFrame::Bad),
            (b"1 syslog 10 ", NoFrame::TooLarge),
            (b"1 syslog 3 abcd\n", NoFrame::Bad),
            (b"1 syslog 3\n", NoFrame::Bad),
            (b"1 syslog -1 \n", NoFrame::Bad),
            (b"GET / HTTP/1.1\r\n", NoFrame::Bad),
            (b"\xff\xff", NoFrame::Bad),
        ] {
            assert_eq!(frame(bytes, 9), Err(wanted), "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(frame(format!("1 {} 0\n", "x".repeat(33)).as_bytes(), 9), Err(NoFrame::Bad));
    }
}
