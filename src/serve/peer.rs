//! Which user of this machine is at the other end of a loopback connection: the kernel's table of sockets says so.
//!
//! Not here: what it is used for (`listen`).

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Bytes of the table that are read; where the socket is not in them, nobody knows.
const TABLE_BYTES_MAX: u64 = 16 << 20;

/// The user whose socket is at `peer`, connected to `own`; nobody where they are not of this machine.
pub fn uid(proc: &Path, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let table = match peer.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => "net/tcp",
        IpAddr::V6(ip) if ip.is_loopback() => "net/tcp6",
        _ => return None,
    };
    let mut text = String::new();
    let file = std::fs::File::open(proc.join(table)).ok()?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, TABLE_BYTES_MAX), &mut text).ok()?;
    let (peer, own) = (written(peer), written(own));
    text.lines().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (local, remote) = (words.nth(1)?, words.next()?);
        // state, queues, timers, retransmits, uid
        (local == peer && remote == own).then(|| words.nth(4)?.parse().ok()).flatten()
    })
}

/// An address as the table has it: each word of it as this processor reads it.
fn written(address: SocketAddr) -> String {
    let mut text = String::new();
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    for word in octets.chunks_exact(4) {
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
            assert!(uid(Path::new("/proc"), own, peer).is_some(), "the other end is ours, too");
            let other = SocketAddr::new(peer.ip(), peer.port().wrapping_add(1));
            assert_eq!(uid(Path::new("/proc"), other, own), None);
        }
        assert_eq!(uid(Path::new("/proc"), "10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap()), None);
    }
}
