//! Which user of this machine is at the other end of a loopback connection: the kernel says whose socket it is.
//!
//! It is asked for that socket alone (NETLINK_SOCK_DIAG); only where it does not answer, the table of all sockets is read, which takes some 7 ms on a
//! machine with much memory, however few sockets there are. Not here: what it is used for (`listen`).

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, netlink::SocketAddrNetlink};
use rustix::net::{recvfrom, sendto, socket_with};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Bytes of the table that are read; where the socket is not in them, nobody knows.
const TABLE_BYTES_MAX: u64 = 16 << 20;
/// SOCK_DIAG_BY_FAMILY, of a question and its answer.
const BY_FAMILY: u16 = 20;
/// Bytes of a netlink header.
const HEADER_BYTES: usize = 16;

/// The user whose socket is at `peer`, connected to `own`; nobody where they are not of this machine.
pub fn uid(proc: &Path, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let table = match peer.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => "net/tcp",
        IpAddr::V6(ip) if ip.is_loopback() => "net/tcp6",
        _ => return None,
    };
    asked(peer, own).or_else(|| listed(&proc.join(table), peer, own))
}

/// Whose socket it is, of its uid and its inode: kernels give a socket that was closed meanwhile to root, without an inode.
fn known(uid: u32, inode: u64) -> Option<u32> {
    (uid != 0 || inode != 0).then_some(uid)
}

/// As the kernel answers at once.
fn asked(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::SOCK_DIAG)).ok()?;
    sendto(&socket, &question(peer, own), SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).ok()?;
    let mut answer = [0; 1024];
    // The kernel has answered when `sendto` returns.
    let (_, len, sender) = recvfrom(&socket, &mut answer, RecvFlags::TRUNC).ok()?;
    let from_kernel = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok())?.pid() == 0;
    answered(answer.get(..len)?).filter(|_| from_kernel)
}

/// struct nlmsghdr, struct inet_diag_req_v2: family, protocol, extensions, padding, states; then the socket: ports, addresses, interface, cookie.
fn question(peer: SocketAddr, own: SocketAddr) -> Vec<u8> {
    const NLM_F_REQUEST: u16 = 1;
    const BYTES: u32 = 72;
    let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let mut request = BYTES.to_ne_bytes().to_vec();
    request.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    request.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    let protocol = u8::try_from(rustix::net::ipproto::TCP.as_raw().get()).unwrap_or_default();
    request.extend_from_slice(&[u8::try_from(family.as_raw()).unwrap_or_default(), protocol, 0, 0]);
    request.extend_from_slice(&u32::MAX.to_ne_bytes());
    request.extend_from_slice(&peer.port().to_be_bytes());
    request.extend_from_slice(&own.port().to_be_bytes());
    for address in [peer, own] {
        let mut octets = octets(address);
        octets.resize(16, 0);
        request.extend_from_slice(&octets);
    }
    request.extend_from_slice(&0_u32.to_ne_bytes());
    // No cookie.
    request.extend_from_slice(&[u8::MAX; 8]);
    request
}

/// struct nlmsghdr, struct inet_diag_msg: family, state, timer, retransmits; the socket; expiry, two queues, uid, inode.
fn answered(message: &[u8]) -> Option<u32> {
    let kind = message.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)?;
    let word = |at: usize| message.get(HEADER_BYTES + at..)?.first_chunk().copied().map(u32::from_ne_bytes);
    let (uid, inode) = (word(64)?, word(68)?);
    (kind == BY_FAMILY).then(|| known(uid, inode.into())).flatten()
}

/// As the table of all sockets says.
fn listed(table: &Path, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let mut text = String::new();
    let file = std::fs::File::open(table).ok()?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, TABLE_BYTES_MAX), &mut text).ok()?;
    let (peer, own) = (written(peer), written(own));
    text.lines().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (local, remote) = (words.nth(1)?, words.next()?);
        // state, queues, timers, retransmits, uid, timeout, inode
        let whose = |mut words: std::str::SplitAsciiWhitespace<'_>| {
            known(words.nth(4)?.parse().ok()?, words.nth(1)?.parse().ok()?)
        };
        (local == peer && remote == own).then(|| whose(words)).flatten()
    })
}

fn octets(address: SocketAddr) -> Vec<u8> {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// An address as the table has it: each word of it as this processor reads it.
fn written(address: SocketAddr) -> String {
    let mut text = String::new();
    for word in octets(address).chunks_exact(4) {
        let word = u32::from_ne_bytes(word.try_into().unwrap_or_default());
        // Writing into a string does not fail.
        let _written = write!(text, "{word:08X}");
    }
    let _written = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_kernel_says_whose_socket_it_is() {
        let me = std::fs::metadata("/proc/self").unwrap().uid();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (_stream, peer) = listener.accept().unwrap();
            let own = client.peer_addr().unwrap();
            assert_eq!(uid(Path::new("/proc"), peer, own), Some(me), "{address}");
            assert_eq!(uid(Path::new("/proc"), own, peer), Some(me), "the other end is ours, too");
            let table = if peer.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
            assert_eq!(listed(Path::new(table), peer, own), Some(me), "{address}");
            // Some sandboxes have no such answers.
            assert!(asked(peer, own).is_none_or(|uid| uid == me), "{address}");
            let other = SocketAddr::new(peer.ip(), peer.port().wrapping_add(1));
            assert_eq!(uid(Path::new("/proc"), other, own), None);
        }
        assert_eq!(uid(Path::new("/proc"), "10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap()), None);
    }

    #[test]
    fn a_socket_that_was_closed_is_not_roots() {
        assert_eq!([known(0, 0), known(0, 7), known(1000, 0)], [None, Some(0), Some(1000)]);
        let mut message = vec![0; HEADER_BYTES + 72];
        message[4] = 20;
        assert_eq!(answered(&message), None);
        message[HEADER_BYTES + 68] = 7;
        assert_eq!(answered(&message), Some(0));
        message[HEADER_BYTES + 64] = 5;
        assert_eq!(answered(&message), Some(5));
        // An error.
        message[4] = 2;
        assert_eq!(answered(&message), None);
        (0..message.len()).for_each(|len| assert_eq!(answered(&message[..len]), None));
    }
}
