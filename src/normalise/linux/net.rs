//! The network side of an action: the decoded socket address, and the packet of a NETFILTER_PKT record.
//!
//! Not here: addresses in messages of daemons (`who`).

use deponent_parsers::linux::{Arch, Key, SockAddr};

use super::known::{Known, Type};
use super::notes::Notes;
use crate::model::{Net, Object, Str};

/// The network side, and the socket as an object.
pub(super) fn net(
    known: &[Known<'_>],
    syscall: &str,
    arch: Option<Arch>,
    notes: &mut Notes,
) -> (Option<Box<Net>>, Option<Object>) {
    if let Some(packet) = known.iter().find(|known| known.of == Type::Other && known.type_name == "NETFILTER_PKT") {
        return (Some(Box::new(packet_net(packet, notes))), None);
    }
    let Some(record) = known.iter().find(|known| known.of == Type::Sockaddr) else { return (None, None) };
    let Some(value) = record.outer(Key::Saddr) else { return (None, None) };
    let Some(address) = SockAddr::parse(value.bytes, arch.map(|arch| arch.big_endian)) else {
        let (text, _) = deponent_parsers::linux::text(value.bytes);
        notes.add("bad-sockaddr", format!("saddr={text} is no socket address"));
        return (None, None);
    };
    // The address is the own one for bind, and the peer's for everything else; a peer that came in is the source.
    let is_source = matches!(syscall, "bind" | "accept" | "accept4" | "recvfrom" | "recvmsg" | "getsockname");
    let mut net = Net { proto: Some(Str::const_new(address.family())), ..Net::default() };
    let (text, port) = match &address {
        SockAddr::Inet { address, port } => (Some(Str::from(address.to_string())), Some(*port)),
        SockAddr::Inet6 { address, port, .. } => (Some(Str::from(address.to_string())), Some(*port)),
        _ => (None, None),
    };
    let object = object(&address, text.as_ref(), port, notes);
    if is_source {
        (net.src, net.sport) = (text, port);
    } else {
        (net.dst, net.dport) = (text, port);
    }
    (Some(Box::new(net)), Some(object))
}

fn object(address: &SockAddr, text: Option<&Str>, port: Option<u16>, notes: &mut Notes) -> Object {
    let mut object = Object { kind: Some(Str::const_new("socket")), ..Object::default() };
    match address {
        SockAddr::Unix(path) if !path.is_empty() => object.path = Some(notes.text("SOCKADDR path", path)),
        SockAddr::UnixAbstract(name) => {
            object.name = Some(Str::from(format!("@{}", notes.text("SOCKADDR name", name))))
        }
        SockAddr::Inet { .. } => object.name = text.zip(port).map(|(text, port)| Str::from(format!("{text}:{port}"))),
        SockAddr::Inet6 { .. } => {
            object.name = text.zip(port).map(|(text, port)| Str::from(format!("[{text}]:{port}")))
        }
        SockAddr::Netlink { pid, groups } => object.name = Some(Str::from(format!("netlink:{pid}:{groups}"))),
        SockAddr::Vsock { cid, port } => object.name = Some(Str::from(format!("vsock:{cid}:{port}"))),
        SockAddr::Other(family) => object.name = Some(Str::from(format!("family {family}"))),
        _ => {}
    }
    object
}

fn packet_net(packet: &Known<'_>, notes: &mut Notes) -> Net {
    let port = |key| packet.outer(key).and_then(|value| value.number()).and_then(|port| u16::try_from(port).ok());
    let proto = packet.text(Key::Proto, packet.outer(Key::Proto), notes).map(|proto| match proto.as_str() {
        "1" => Str::const_new("icmp"),
        "6" => Str::const_new("tcp"),
        "17" => Str::const_new("udp"),
        "58" => Str::const_new("icmpv6"),
        "132" => Str::const_new("sctp"),
        _ => proto,
    });
    Net {
        src: packet.text(Key::Saddr, packet.outer(Key::Saddr), notes),
        sport: port(Key::Sport),
        dst: packet.text(Key::Daddr, packet.outer(Key::Daddr), notes),
        dport: port(Key::Dport),
        proto,
        ..Net::default()
    }
}
