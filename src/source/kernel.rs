//! Listens to the kernel's audit records as it gives them to everybody who may: the multicast group `AUDIT_NLGRP_READLOG`, beside auditd or without it.
//!
//! A message becomes the line `type=1300 len=324: audit(…): …`: its type and length, and its bytes; line ends within it become blanks, as auditd does. Whoever does
//! not keep up loses messages: the kernel says so, and it is kept as a gap. Not here: comparing them with auditd's log (`query::captures`).

use super::batch::{Batcher, Label};
use super::error::Stop;
use crate::evidence::Draft;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, sendto, socket_with};
use std::io;

/// AUDIT_NLGRP_READLOG as a mask.
const GROUP: u32 = 1;
/// Bytes of a message at most: the kernel's longest is 8,970 and a header.
const MESSAGE_BYTES_MAX: usize = 32 << 10;
/// Bytes of the header of a netlink message.
const HEADER_BYTES: usize = 16;
/// What the kernel may hold until it is read.
const BUFFER_BYTES: usize = 16 << 20;
/// Messages that are read before it is looked whether a batch is due.
const BURST: usize = 1_000;
/// How long is waited for a message at most.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A listener.
pub struct Listener {
    socket: OwnedFd,
    batcher: Batcher,
    buffer: Vec<u8>,
    open_since: Option<i64>,
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Messages.
    pub messages: usize,
    /// The kernel had to drop some, so many times.
    pub overruns: usize,
    /// Messages that were longer than any that the kernel makes, and those that did not come from the kernel; neither is kept.
    pub strange: usize,
}

impl Listener {
    /// Joins the group.
    ///
    /// # Errors
    /// EPERM without CAP_AUDIT_READ, or within a container's own namespaces; EPROTONOSUPPORT where the kernel has no auditing.
    pub fn open(label: Label) -> io::Result<Listener> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::AUDIT))?;
        // Without CAP_NET_ADMIN the buffer is as large as others may have it.
        let _smaller = set_socket_recv_buffer_size_force(&socket, BUFFER_BYTES);
        bind(&socket, &SocketAddrNetlink::new(0, GROUP))?;
        Ok(Listener {
            socket,
            batcher: Batcher::new(label, None),
            buffer: vec![0; MESSAGE_BYTES_MAX],
            open_since: None,
        })
    }

    /// Waits a moment for messages, takes what there is, and hands out a batch that is due.
    ///
    /// # Errors
    /// `Ok(Err(…))`: the socket is of no more use.
    pub fn turn(
        &mut self,
        now: i64,
        age_ms: u32,
        emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
    ) -> Result<io::Result<Heard>, Stop> {
        let mut heard = Heard::default();
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&WAIT)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Ok(Err(error.into())),
        }
        while heard.messages < BURST {
            let received = recvfrom(&self.socket, &mut *self.buffer, RecvFlags::TRUNC);
            let (len, sender) = match received {
                Ok((_, len, sender)) => (len, sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok())),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(Errno::NOBUFS) => {
                    heard.overruns += 1;
                    continue;
                }
                Err(error) => return Ok(Err(error.into())),
            };
            heard.messages += 1;
            let line = self.buffer.get(..len).and_then(line);
            match line.filter(|_| sender.is_some_and(|sender| sender.pid() == 0)) {
                Some(line) => self.batcher.push(&line, emit)?,
                None => heard.strange += 1,
            }
        }
        self.seal_by_age(now, age_ms, emit)?;
        Ok(Ok(heard))
    }

    fn seal_by_age(
        &mut self,
        now: i64,
        age_ms: u32,
        emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if !self.batcher.is_open() {
            self.open_since = None;
            return Ok(());
        }
        let since = *self.open_since.get_or_insert(now);
        if now < since || now.saturating_sub(since) >= i64::from(age_ms).saturating_mul(1_000_000) {
            self.open_since = None;
            self.batcher.seal(emit)?;
        }
        Ok(())
    }

    /// Hands out the rest.
    pub fn finish(&mut self, emit: &mut dyn FnMut(Draft) -> Result<(), Stop>) -> Result<(), Stop> {
        self.batcher.rest(emit)
    }
}

/// What the kernel says of its own auditing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditStatus {
    /// 0: off, 1: on, 2: on and locked.
    pub enabled: u32,
    /// What it does when a record is lost. 0: nothing, 1: a line in its log, 2: it halts.
    pub failure: u32,
    /// Records a second at most; 0: no limit.
    pub rate_limit: u32,
    /// Records that may wait; 0: no limit.
    pub backlog_limit: u32,
    /// Records that it could not keep since boot.
    pub lost: u32,
    /// Records that wait.
    pub backlog: u32,
}

/// Asks the kernel (AUDIT_GET).
///
/// # Errors
/// EPERM without CAP_AUDIT_CONTROL (CAP_AUDIT_READ opens the multicast group and is not enough for AUDIT_GET), so always in an agent's pod; no answer.
pub fn audit_status() -> io::Result<AuditStatus> {
    const AUDIT_GET: u16 = 1000;
    const NLM_F_REQUEST: u16 = 1;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::AUDIT))?;
    let mut request = 16_u32.to_ne_bytes().to_vec();
    request.extend_from_slice(&AUDIT_GET.to_ne_bytes());
    request.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = vec![0; 1024];
    for _ in 0..8 {
        poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&WAIT))?;
        let (_, len, sender) = recvfrom(&socket, &mut *answer, RecvFlags::TRUNC)?;
        let from_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|sender| sender.pid() == 0);
        let message = answer.get(..len).unwrap_or_default();
        let word = |at: usize| message.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_ne_bytes);
        let kind = message.get(4..6).and_then(|kind| kind.try_into().ok()).map(u16::from_ne_bytes);
        if !from_kernel {
            continue;
        }
        // struct audit_status: mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog.
        let field = |number: usize| word(HEADER_BYTES + 4 * number);
        match (kind, field(7)) {
            (Some(AUDIT_GET), Some(backlog)) => {
                let [enabled, failure, rate_limit, backlog_limit, lost] =
                    [1, 2, 4, 5, 6].map(|number| field(number).unwrap_or(0));
                return Ok(AuditStatus { enabled, failure, rate_limit, backlog_limit, lost, backlog });
            }
            // NLMSG_ERROR: a negative errno.
            (Some(2), ..) => {
                let code = word(HEADER_BYTES).map_or(0, |word| i32::from_ne_bytes(word.to_ne_bytes()));
                if code != 0 {
                    return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                }
            }
            _ => {}
        }
    }
    Err(io::Error::from(io::ErrorKind::TimedOut))
}

/// A message as a line; `None` when it is none of netlink's.
fn line(message: &[u8]) -> Option<Vec<u8>> {
    let (header, text) = message.split_at_checked(HEADER_BYTES)?;
    let kind = u16::from_ne_bytes(header.get(4..6)?.try_into().ok()?);
    // Text may end in zeros, which pad it.
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = text.get(..end)?;
    let mut line = format!("type={kind} len={}: ", text.len()).into_bytes();
    line.extend(text.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    line.push(b'\n');
    Some(line)
}

#[cfg(test)]
mod tests {
    fn message(kind: u16, text: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 16];
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(text);
        message
    }

    #[test]
    fn a_message_is_a_line() {
        let text = b"audit(1795467448.980:315819): arch=c000003e";
        let line = super::line(&message(1300, text)).unwrap();
        assert_eq!(line, b"type=1300 len=43: audit(1795467448.980:315819): arch=c000003e\n");
        assert!(deponent_parsers::linux::header(&line).is_ok());
        // A program's text cannot begin a line of its own.
        let forged = super::line(&message(1112, b"audit(1.1:1): x\ntype=1300 len=1: audit(1.1:2): \0\0")).unwrap();
        assert_eq!(forged.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(super::line(b"short"), None);
    }
}
