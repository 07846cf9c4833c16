//! What each fuzz target does with its input, and what must hold: the same for libFuzzer (`fuzz_targets`) and for the seeds and mutations that run on
//! stable (`tests/fuzz.rs`).

use deponent_parsers::frame::{Format, Framer};
use deponent_parsers::{container, containerd, crio, detect, docker, etcd, klog, kubernetes, linux, syslog};

/// One target: its name, which folder of `samples/` and of `fuzz/seeds/` has its seeds, what it does.
pub type Target = (&'static str, &'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("linux", "auditd", linux),
    ("kubernetes", "kubernetes", kubernetes),
    ("containerd", "containerd", containerd),
    ("klog", "kubelet", klog),
    ("syslog", "syslog", syslog),
    ("container", "container", container),
    ("crio", "crio", crio),
    ("docker", "docker", docker),
    ("etcd", "etcd", etcd),
    ("frames_auditd", "auditd", frames_auditd),
    ("frames_kubernetes", "kubernetes", frames_kubernetes),
    ("detection", "", detection),
];

/// A record of auditd: every field lies in it, and each has at most one meaning.
pub fn linux(data: &[u8]) {
    let Ok((record, _)) = linux::parse(data) else { return };
    let arch = record.fields().find_map(|field| linux::Arch::of(field.value.bytes));
    let mut values: linux::Arguments = [None; 4];
    let mut at = 0;
    for field in record.fields() {
        assert!(field.at >= at, "fields come in their order");
        at = field.at;
        let decoded = field.value.decoded(linux::is_encoded(record.type_name(), field.name));
        assert!(decoded.len() <= field.value.bytes.len(), "decoding never makes a value longer");
        if let Some(meaning) = linux::meaning(&record, &field, arch) {
            assert!(!meaning.is_empty(), "a meaning says something");
        }
        if let [b'a', digit @ b'0'..=b'3'] = field.name
            && let Some(slot) = values.get_mut(usize::from(digit - b'0'))
        {
            *slot = linux::hexadecimal(field.value.bytes);
        }
        if let (Some(arch), Some(number)) = (arch, linux::number(field.value.bytes))
            && let Some(name) = linux::syscall_name(arch, number)
        {
            assert!(linux::arguments(arch, name, &values).len() <= 4);
        }
        let _ = linux::SockAddr::parse(field.value.bytes, None);
    }
    record.enriched_fields().for_each(drop);
}

/// An audit event: what identifies it is what a whole reading finds, also within another record.
pub fn kubernetes(data: &[u8]) {
    let key = kubernetes::key_of(data);
    if let (Ok(key), Ok((event, _))) = (&key, kubernetes::parse(data)) {
        assert_eq!(key.audit_id, event.audit_id);
        assert_eq!(key.verb, event.verb);
        assert_eq!(key.request_uri, event.request_uri);
    }
    let flat = kubernetes::flatten(data);
    assert!(flat.len() <= 4_096);
    if let Ok(Some(inner)) = kubernetes::unwrap(data) {
        let _ = kubernetes::key_of(inner.json.as_bytes());
        if inner.member == "protoPayload" {
            assert!(
                kubernetes::locate(inner.json.as_bytes()).is_ok(),
                "what is told in other words is JSON: {}",
                inner.json
            );
        }
    }
}

/// A line of containerd, its event stream's too.
pub fn containerd(data: &[u8]) {
    let _ = containerd::line(data);
    if let Ok(line) = containerd::stream_line(data) {
        line.members();
    }
}

/// A line of klog.
pub fn klog(data: &[u8]) {
    let _ = klog::parse(&klog::text(data));
}

/// A line of syslog: its text lies in the line, but for JSON and for wrapped lines.
pub fn syslog(data: &[u8]) {
    let text = deponent_parsers::line::text_of(data);
    let Some(line) = syslog::parse(&text) else { return };
    assert!(
        text.starts_with('{') || text.contains('\n') || text.contains(line.message.as_ref()),
        "a text that nobody wrote"
    );
}

/// A line of a container: its stream is told alike at a glance and by reading, and nothing grows.
pub fn container(data: &[u8]) {
    let part = container::part(data);
    assert_eq!(
        container::stream_of(data),
        part.as_ref().map(|part| (part.stream, part.partial)),
        "a stream that nobody wrote"
    );
    let text = part.as_ref().map_or(data, |part| part.text.as_ref());
    let text = deponent_parsers::line::text_of(text);
    let body = container::body(&text);
    assert!(body.fields.len() <= 128);
    assert!(body.form != container::Form::Plain || (body.fields.is_empty() && body.message.is_none()));
    let _ = container::place(data);
}

/// A line of CRI-O is one of logrus.
pub fn crio(data: &[u8]) {
    assert!(!crio::is_log(data) || containerd::line(data).is_ok());
}

/// An event of Docker, and a line of dockerd.
pub fn docker(data: &[u8]) {
    let text = deponent_parsers::line::text_of(data);
    let event = docker::event(&text);
    assert!(!docker::is_event(data) || event.is_some());
    if let Some(event) = event {
        let (kind, action) = event.message.split_once(' ').unwrap_or_default();
        assert_eq!((event.field("Type"), event.field("Action")), (Some(kind), Some(action)));
    }
    assert!(!docker::is_log(data) || containerd::line(data).is_ok());
}

/// A line of etcd.
pub fn etcd(data: &[u8]) {
    let text = deponent_parsers::line::text_of(data);
    assert!(!etcd::is_line(data) || etcd::parse(&text).is_some());
}

/// Frames of auditd.
pub fn frames_auditd(data: &[u8]) {
    frames(data, || Framer::new(Format::Auditd));
}

/// Frames of audit events.
pub fn frames_kubernetes(data: &[u8]) {
    frames(data, || Framer::new(Format::KubernetesAudit));
}

/// Cuts all of a stream that arrives in one piece, and in two, at a place that the data itself chooses: nothing is lost, and the frames are the same. Which of
/// its neighbours blanks belong to may depend on when they came.
fn frames(data: &[u8], new: impl Fn() -> Framer) {
    let half = data.first().map_or(0, |&first| data.len() * usize::from(first) / 256);
    let records = |frames: Vec<&[u8]>| {
        assert_eq!(frames.iter().map(|frame| frame.len()).sum::<usize>(), data.len(), "frames cover the stream");
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let trimmed = frames.into_iter().map(|frame| {
            let from = frame.iter().position(|byte| !blank(byte)).unwrap_or(frame.len());
            let to = frame.iter().rposition(|byte| !blank(byte)).map_or(from, |at| at + 1);
            frame.get(from..to).unwrap_or_default().to_vec()
        });
        trimmed.filter(|frame| !frame.is_empty()).collect::<Vec<_>>()
    };
    let (whole, pieces) = (records(cut(data, data.len(), new())), records(cut(data, half, new())));
    assert_eq!(whole, pieces, "cut at {half} of {}", data.len());
}

fn cut(data: &[u8], first: usize, mut framer: Framer) -> Vec<&[u8]> {
    let (mut frames, mut at) = (Vec::new(), 0);
    for arrived in [first, data.len()] {
        let end = arrived == data.len();
        while let Some(cut) = framer.next(data.get(at..arrived).unwrap_or_default(), end) {
            frames.push(data.get(at..at + cut.len).unwrap_or_default());
            at += cut.len;
            if at == data.len() {
                return frames;
            }
        }
    }
    frames
}

/// Telling formats apart.
pub fn detection(data: &[u8]) {
    let _ = detect::detect(data);
}
