//! Socket addresses: `saddr=0200…`, the bytes that the process passed to the kernel.
//!
//! Not here: the text form that auditd's enrichment gives (`SADDR={…}`), which is a daemon's claim.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::value::unhex;

/// A decoded socket address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SockAddr {
    /// AF_UNSPEC: a datagram socket is being disconnected.
    Unspecified,
    /// AF_UNIX with a path; empty for an unnamed socket.
    Unix(Vec<u8>),
    /// AF_UNIX in the abstract namespace: the name without its leading NUL.
    UnixAbstract(Vec<u8>),
    /// AF_INET.
    Inet {
        /// Address.
        address: Ipv4Addr,
        /// Port.
        port: u16,
    },
    /// AF_INET6.
    Inet6 {
        /// Address.
        address: Ipv6Addr,
        /// Port.
        port: u16,
        /// Scope: the interface of a link-local address.
        scope: u32,
    },
    /// AF_NETLINK.
    Netlink {
        /// Port id, by custom a process id.
        pid: u32,
        /// Multicast groups.
        groups: u32,
    },
    /// AF_VSOCK: a virtual machine and its host.
    Vsock {
        /// Context id.
        cid: u32,
        /// Port.
        port: u32,
    },
    /// Another family, by its number.
    Other(u16),
}

impl SockAddr {
    /// From the hex text of the record. `big_endian` is the architecture's order; `None` where it is unknown: then the family's zero byte tells.
    /// `None` when the text is no hex, or shorter than its family needs.
    pub fn parse(hex: &[u8], big_endian: Option<bool>) -> Option<SockAddr> {
        let bytes = unhex(hex)?;
        let &[first, second] = bytes.get(..2)?.first_chunk::<2>()?;
        // Families are below 256, so in the right order the high byte is zero.
        let big_endian = match (first, second) {
            (0, 0) => big_endian.unwrap_or(false),
            (0, _) => true,
            (_, 0) => false,
            _ => big_endian.unwrap_or(false),
        };
        let reader = Reader { bytes: &bytes, big_endian };
        let family = reader.host16(0)?;
        Some(match family {
            0 => SockAddr::Unspecified,
            1 => unix(bytes.get(2..)?),
            2 => {
                SockAddr::Inet { address: Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?), port: reader.net16(2)? }
            }
            10 => SockAddr::Inet6 {
                address: Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?),
                port: reader.net16(2)?,
                scope: reader.host32(24).unwrap_or(0),
            },
            16 => SockAddr::Netlink { pid: reader.host32(4)?, groups: reader.host32(8)? },
            40 => SockAddr::Vsock { cid: reader.host32(8)?, port: reader.host32(4)? },
            family => SockAddr::Other(family),
        })
    }

    /// The family's name, as in `how.net.proto`.
    pub fn family(&self) -> &'static str {
        match self {
            SockAddr::Unspecified => "unspec",
            SockAddr::Unix(_) | SockAddr::UnixAbstract(_) => "unix",
            SockAddr::Inet { .. } => "inet",
            SockAddr::Inet6 { .. } => "inet6",
            SockAddr::Netlink { .. } => "netlink",
            SockAddr::Vsock { .. } => "vsock",
            SockAddr::Other(family) => match family {
                3 => "ax25",
                4 => "ipx",
                9 => "x25",
                17 => "packet",
                29 => "can",
                31 => "bluetooth",
                38 => "alg",
                44 => "xdp",
                _ => "other",
            },
        }
    }
}

fn unix(rest: &[u8]) -> SockAddr {
    match rest {
        [0, name @ ..] if name.iter().any(|&byte| byte != 0) => {
            // An abstract name is the whole rest; the kernel copies what the process passed, often padded with NULs.
            let len = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            SockAddr::UnixAbstract(name.get(..len).unwrap_or_default().to_vec())
        }
        _ => SockAddr::Unix(rest.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn net16(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.get(at..)?.first_chunk::<2>()?))
    }

    fn host16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn host32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        let inet = SockAddr::Inet { address: Ipv4Addr::new(10, 0, 0, 1), port: 443 };
        let inet6 = SockAddr::Inet6 { address: Ipv6Addr::LOCALHOST, port: 22, scope: 2 };
        for (hex, big_endian, expected) in [
            ("020001BB0A0000010000000000000000", Some(false), Some(inet.clone())),
            ("000201BB0A0000010000000000000000", Some(true), Some(inet.clone())),
            ("000201BB0A0000010000000000000000", None, Some(inet.clone())),
            ("020001bb0a000001", Some(false), Some(inet)),
            ("0A0000160000000000000000000000000000000000000001020", None, None),
            (
                "0A0000160000000000000000000000000000000000000001",
                None,
                Some(SockAddr::Inet6 { address: Ipv6Addr::LOCALHOST, port: 22, scope: 0 }),
            ),
            ("0A000016000000000000000000000000000000000000000102000000", None, Some(inet6)),
            ("01002F72756E2F6100", Some(false), Some(SockAddr::Unix(b"/run/a".to_vec()))),
            ("01000061620000", Some(false), Some(SockAddr::UnixAbstract(b"ab".to_vec()))),
            ("0100", Some(false), Some(SockAddr::Unix(Vec::new()))),
            ("1000B7380000000001000000", Some(false), Some(SockAddr::Netlink { pid: 0, groups: 1 })),
            ("001000000000002A00000001", Some(true), Some(SockAddr::Netlink { pid: 42, groups: 1 })),
            ("0000", Some(false), Some(SockAddr::Unspecified)),
            ("0200", Some(false), None),
            ("02", Some(false), None),
            ("1100", Some(false), Some(SockAddr::Other(17))),
            ("zz", Some(false), None),
        ] {
            assert_eq!(SockAddr::parse(hex.as_bytes(), big_endian), expected, "{hex}");
        }
    }
}
