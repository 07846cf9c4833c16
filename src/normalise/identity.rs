//! What is hashed to get an event's id: `docs/format.md` §9, to the letter.
//!
//! Not here: how an id is printed (`model::EventId`).

use deponent_parsers::linux::Header;
use sha2::{Digest, Sha256};

use super::Context;
use crate::model::{EventId, Source};

/// The id of the event with a native key of `parts`.
pub fn id(source: Source, cluster: &[u8], node: &[u8], parts: &[&[u8]]) -> EventId {
    let mut hash = Sha256::new();
    hash.update(b"deponent-event/v1");
    let all = [source.name().as_bytes(), cluster, node].into_iter().chain(parts.iter().copied());
    for field in all {
        // A field is at most as long as a record (1 MiB), so its length always fits.
        hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(field);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0u8; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    EventId(id)
}

/// The last Linux record and its event's id: the next record is often one of the same event, and then nothing is hashed.
#[derive(Debug, Clone, Default)]
pub struct Last {
    cluster: String,
    node: Vec<u8>,
    daemon: bool,
    secs: u64,
    millis: u64,
    serial: u64,
    id: Option<EventId>,
}

impl Last {
    /// auditd: the daemon's own serials apart, the node from the record or else as configured.
    pub fn linux(&mut self, context: Context<'_>, header: &Header<'_>) -> EventId {
        let node = header.node.as_deref().filter(|node| !node.is_empty()).unwrap_or(context.node.as_bytes());
        if let Some(id) = self.id
            && (self.serial, self.millis, self.secs) == (header.serial, header.millis, header.secs)
            && (self.daemon, self.cluster.as_str(), self.node.as_slice()) == (header.daemon, context.cluster, node)
        {
            return id;
        }
        let flag: &[u8] = if header.daemon { b"d" } else { b"" };
        let (mut secs, mut millis, mut serial) = ([0; 20], [0; 20], [0; 20]);
        let parts = [
            flag,
            decimal(header.secs, &mut secs),
            decimal(header.millis, &mut millis),
            decimal(header.serial, &mut serial),
        ];
        let id = id(Source::Linux, context.cluster.as_bytes(), node, &parts);
        context.cluster.clone_into(&mut self.cluster);
        node.clone_into(&mut self.node);
        (self.daemon, self.secs, self.millis, self.serial) = (header.daemon, header.secs, header.millis, header.serial);
        self.id = Some(id);
        id
    }
}

/// Kubernetes: never a node, because any API server may have written the record.
pub fn kubernetes(context: Context<'_>, parts: [&str; 5]) -> EventId {
    id(Source::Kubernetes, context.cluster.as_bytes(), b"", &parts.map(str::as_bytes))
}

/// A line of a log: its bytes without the blanks around them. `year`: the one that was inferred for a stamp without; it makes another event of it.
pub fn line(source: Source, context: Context<'_>, year: Option<i32>, line: &[u8]) -> EventId {
    let year = year.map(|year| year.to_string()).unwrap_or_default();
    let parts = [year.as_bytes(), line.trim_ascii()];
    id(source, context.cluster.as_bytes(), context.node.as_bytes(), &parts)
}

/// As `line`, of a line that names of a place belong to: equal lines of two places are two events.
pub fn placed_line(source: Source, context: Context<'_>, place: [&[u8]; 3], line: &[u8]) -> EventId {
    let [one, two, three] = place;
    let parts = [one, two, three, line.trim_ascii()];
    id(source, context.cluster.as_bytes(), context.node.as_bytes(), &parts)
}

/// deponent's own events.
pub fn own(context: Context<'_>, parts: &[&[u8]]) -> EventId {
    id(Source::Own, context.cluster.as_bytes(), context.node.as_bytes(), parts)
}

/// Decimal text without an allocation.
fn decimal(mut value: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut start = buffer.len();
    for slot in buffer.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        start -= 1;
        if value == 0 {
            break;
        }
    }
    buffer.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deponent_parsers::linux::header;

    fn by_hand(bytes: &[u8]) -> EventId {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        EventId(digest[..16].try_into().unwrap())
    }

    #[test]
    fn bytes_are_those_of_the_format() {
        let context = Context { cluster: "c1", node: "n1", received_ns: 0, ..Context::NOWHERE };
        let of = |line: &[u8]| Last::default().linux(context, &header(line).unwrap());
        let linux_bytes = b"deponent-event/v1\0\0\0\x05linux\0\0\0\x02c1\0\0\0\x02n1\0\0\0\0\0\0\0\x0a1234567890\0\0\0\x03723\0\0\0\x0512345";
        assert_eq!(of(b"type=CWD msg=audit(1234567890.723:12345): "), by_hand(linux_bytes));
        let node_bytes =
            b"deponent-event/v1\0\0\0\x05linux\0\0\0\x02c1\0\0\0\x01x\0\0\0\x01d\0\0\0\x019\0\0\0\x015\0\0\0\x010";
        assert_eq!(of(b"node=x type=DAEMON_END msg=audit(9.005:0): "), by_hand(node_bytes));
        let kubernetes_bytes =
            b"deponent-event/v1\0\0\0\x0akubernetes\0\0\0\x02c1\0\0\0\0\0\0\0\x01a\0\0\0\x01t\0\0\0\0\0\0\0\x03get\0\0\0\x02/x";
        assert_eq!(kubernetes(context, ["a", "t", "", "get", "/x"]), by_hand(kubernetes_bytes));
        assert_eq!(
            own(context, &[b"{}"]),
            by_hand(b"deponent-event/v1\0\0\0\x04self\0\0\0\x02c1\0\0\0\x02n1\0\0\0\x02{}")
        );
    }

    #[test]
    fn the_last_id_is_for_the_same_event_only() {
        let lines = [
            &b"type=CWD msg=audit(1234567890.723:12345): "[..],
            b"type=CWD msg=audit(1234567890.723:12346): ",
            b"type=CWD msg=audit(1234567890.724:12346): ",
            b"type=CWD msg=audit(1234567891.724:12346): ",
            b"type=DAEMON_END msg=audit(1234567891.724:12346): ",
            b"node=n2 type=DAEMON_END msg=audit(1234567891.724:12346): ",
        ];
        let (mut last, mut seen) = (Last::default(), Vec::new());
        for (line, cluster) in lines.iter().map(|line| (line, "c1")).chain([(&lines[5], "c2")]) {
            let (context, header) =
                (Context { cluster, node: "n1", received_ns: 0, ..Context::NOWHERE }, header(line).unwrap());
            let id = last.linux(context, &header);
            assert!(!seen.contains(&id), "{header:?}");
            assert_eq!((last.linux(context, &header), Last::default().linux(context, &header)), (id, id));
            seen.push(id);
        }
    }

    #[test]
    fn fields_do_not_run_into_one_another() {
        let context = Context::default();
        let one = kubernetes(context, ["ab", "c", "", "", ""]);
        let other = kubernetes(context, ["a", "bc", "", "", ""]);
        assert_ne!(one, other);
    }
}
