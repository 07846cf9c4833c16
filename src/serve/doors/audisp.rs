//! What audisp-remote speaks: a header of 16 bytes, records of auditd, each acknowledged once it is durable; heartbeats; the state of our disk.
//!
//!     uint32 0xff0000fe   uint8 version of the header (0)   uint8 version of messages   uint32 type   uint16 length   uint32 number      little-endian
//!
//! It knows no TLS and no names, so peers are told by their addresses. A record whose acknowledgement was lost comes again, and is the same record of the same event. Not here: connections, and
//! who may send (`stream`).

use super::counts::Reason;
use super::intake::{Intake, Undelivered, messages};
use super::stream::{Read, Wire};
use crate::evidence::{Door, Draft};
use crate::model::RecordKind;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::watch;

const MAGIC: u32 = 0xff00_00fe;
const HEADER_BYTES: usize = 16;
const MESSAGE: u32 = 0;
const HEARTBEAT: u32 = 1;
const REPLY: u32 = 0x4000_0000;
/// It is durable.
const ACK: u32 = REPLY;
/// The collector ends.
const ENDING: u32 = REPLY | 1;
/// It is durable, but there is little room for more.
const DISK_LOW: u32 = REPLY | 0x1000_0001;
/// It is not durable: there is no room.
const DISK_FULL: u32 = REPLY | 0x2000_0001;
/// It is not durable: evidence cannot be written.
const DISK_ERROR: u32 = REPLY | 0x2000_0002;
/// Messages that are taken together.
const GATHERED_MAX: usize = 1_000;
/// How long a sender may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Room on the disk below which a sender is told so.
const LOW_BYTES: u64 = 1 << 30;
/// Room below which nothing is taken any more, so that signatures and the index still fit.
const FULL_BYTES: u64 = 32 << 20;

/// A message of a sender.
#[derive(Debug, PartialEq, Eq)]
struct Message<'a> {
    kind: u32,
    number: u32,
    text: &'a [u8],
}

/// The next message, `None` where not all of it is there.
///
/// # Errors
/// It is none.
fn message(bytes: &[u8]) -> Result<Option<Message<'_>>, ()> {
    let magic = MAGIC.to_le_bytes();
    let begun = bytes.get(..bytes.len().min(magic.len())).unwrap_or_default();
    if !magic.starts_with(begun) {
        return Err(());
    }
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let [_, _, _, _, version, _, k0, k1, k2, k3, l0, l1, n0, n1, n2, n3] = *header;
    if version != 0 {
        return Err(());
    }
    let (kind, number) = (u32::from_le_bytes([k0, k1, k2, k3]), u32::from_le_bytes([n0, n1, n2, n3]));
    let text = rest.get(..usize::from(u16::from_le_bytes([l0, l1])));
    Ok(text.map(|text| Message { kind, number, text }))
}

/// An answer without text.
fn answer(kind: u32, number: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let parts = [(0usize, MAGIC), (6, kind), (12, number)];
    for (at, value) in parts {
        if let Some(place) = header.get_mut(at..at.saturating_add(4)) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }
    header
}

/// How much room there is.
fn room(store: &std::path::Path) -> u64 {
    rustix::fs::statvfs(store).map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What a sender is told of a record that is durable, where there is so much room.
fn kind_of(room: u64) -> u32 {
    if room < LOW_BYTES { DISK_LOW } else { ACK }
}

/// Takes the records of a node until the connection ends.
pub async fn speak(mut wire: Wire, intake: &Intake, peer: &str, ip: IpAddr) {
    let node = intake.config.nodes.get(&ip).map(String::as_str);
    let Ok(mut records) = messages(intake.label(Door::Audisp, RecordKind::Auditd, peer, node)) else { return };
    let stop = wire.stop();
    loop {
        let mut numbers = Vec::new();
        let mut wrong = false;
        while numbers.len() < GATHERED_MAX {
            let length = match message(wire.unread()) {
                Ok(Some(found)) => {
                    match found.kind {
                        // A record is a line: what holds several cannot be one.
                        MESSAGE => {
                            found.text.split_inclusive(|byte| *byte == b'\n').for_each(|line| records.push(&[line]))
                        }
                        HEARTBEAT => {}
                        _ => {
                            wrong = true;
                            break;
                        }
                    }
                    numbers.push(found.number);
                    HEADER_BYTES.saturating_add(found.text.len())
                }
                Ok(None) => break,
                Err(()) => {
                    wrong = true;
                    break;
                }
            };
            wire.taken(length);
        }
        let room = room(&intake.store);
        let stored = match room < FULL_BYTES && records.waiting_bytes() > 0 {
            true => Err(DISK_FULL),
            false => durable(intake, peer, &stop, records.take()).await,
        };
        let kind = stored.map_or_else(|refusal| refusal, |()| kind_of(room));
        let answers: Vec<u8> = numbers.iter().flat_map(|number| answer(kind, *number)).collect();
        if !answers.is_empty() && !wire.write(&answers, WRITE_TIMEOUT).await {
            return;
        }
        if wrong {
            tracing::warn!(
                peer,
                "a connection of audisp-remote is closed: this is no message of it (`format = managed` is needed)"
            );
            intake.counts.refused(Reason::Bad);
        }
        if wrong || stored.is_err() {
            return wire.close().await;
        }
        let within = wire.rest(intake);
        match wire.read(intake, within).await {
            Read::More => {}
            Read::Stop => {
                let _gone = wire.write(&answer(ENDING, 0), WRITE_TIMEOUT).await;
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

/// Makes drafts durable, however long it takes.
///
/// # Errors
/// What the sender is told instead.
async fn durable(intake: &Intake, peer: &str, stop: &watch::Receiver<bool>, drafts: Vec<Draft>) -> Result<(), u32> {
    loop {
        match intake.deliver(Door::Audisp, peer, drafts.clone()).await {
            Ok(()) => return Ok(()),
            Err(Undelivered::Full | Undelivered::Disk) => {}
            Err(Undelivered::Stopping) if *stop.borrow() => return Err(ENDING),
            Err(Undelivered::Stopping) => return Err(DISK_ERROR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: u32, number: u32, text: &[u8]) -> Vec<u8> {
        let mut bytes = answer(kind, number).to_vec();
        bytes[10..12].copy_from_slice(&u16::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(text);
        bytes
    }

    #[test]
    fn messages_are_read_strictly() {
        let bytes = of(MESSAGE, 2, b"type=X\n");
        assert_eq!(bytes[..16], *b"\xfe\0\0\xff\0\0\0\0\0\0\x07\0\x02\0\0\0");
        assert_eq!(message(&bytes), Ok(Some(Message { kind: 0, number: 2, text: b"type=X\n" })));
        for end in 0..bytes.len() {
            assert_eq!(message(&bytes[..end]), Ok(None), "{end}");
        }
        assert_eq!(message(b"type=CWD msg"), Err(()));
        let mut other = bytes;
        other[4] = 1;
        assert_eq!(message(&other), Err(()));
    }

    #[test]
    fn a_full_disk_is_said_in_time() {
        assert_eq!((kind_of(LOW_BYTES), kind_of(LOW_BYTES - 1)), (0x4000_0000, 0x5000_0001));
        assert_eq!((DISK_FULL, DISK_ERROR, ENDING), (0x6000_0001, 0x6000_0002, 0x4000_0001));
    }
}
