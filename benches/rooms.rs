//! The rooms between bytes and events, one core each: cutting, identity, and parse + assemble + normalise.
//!
//! `cargo bench --bench rooms`; with `DEPONENT_CORPUS=…` on the large files of the corpus, else on the samples. End to end: `benches/end-to-end`.

use deponent::model::{EventId, RecordKind};
use deponent::normalise::{self, Context, Key};
use deponent_parsers::frame::{Format, Framer};
use divan::Bencher;
use divan::counter::BytesCount;
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

/// Bytes of a large file that are read.
const BYTES: u64 = 40 << 20;
/// Events between the first record of one and the time when it is put together: as many as an import keeps (`pipeline::assemble`).
const OPEN_MAX: usize = 256;

fn main() {
    divan::main();
}

fn input(large: &str, sample: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(corpus) = std::env::var_os("DEPONENT_CORPUS") {
        let file = std::fs::File::open(PathBuf::from(corpus).join("large").join(large)).expect("the corpus is there");
        zstd::Decoder::new(file).expect("zstd").take(BYTES).read_to_end(&mut bytes).expect("zstd");
        return bytes;
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(sample);
    std::fs::read(path).expect("samples are there")
}

fn auditd() -> Vec<u8> {
    input("audit-large.log.zst", "auditd/trojan.log")
}

fn kubernetes() -> Vec<u8> {
    input("k8s-audit-large.log.zst", "kubernetes/people.log")
}

fn frames(format: Format, bytes: &[u8]) -> Vec<&[u8]> {
    let mut framer = Framer::new(format);
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some(cut) = framer.next(rest, true) {
        let (frame, behind) = rest.split_at(cut.len);
        frames.push(frame);
        rest = behind;
    }
    frames
}

/// What an import does with records, but for the places: events leave in the order in which they came.
fn events(kind: RecordKind, frames: &[&[u8]]) -> usize {
    let context = Context { cluster: "bench", node: "node", received_ns: 0, ..Context::NOWHERE };
    let mut open: HashMap<EventId, (Key, Vec<&[u8]>), foldhash::fast::RandomState> = HashMap::default();
    let mut order = std::collections::VecDeque::new();
    let mut keys = normalise::Keys::default();
    let mut issues = 0;
    let mut put = |(key, records): (Key, Vec<&[u8]>)| {
        issues += divan::black_box(&normalise::event(kind, &key, context, &records)).issues.len();
    };
    for frame in frames {
        let Ok(key) = keys.key(kind, context, frame) else { continue };
        let entry = open.entry(key.id).or_insert_with(|| {
            order.push_back(key.id);
            (key, Vec::new())
        });
        entry.1.push(frame);
        if order.len() > OPEN_MAX
            && let Some(event) = order.pop_front().and_then(|id| open.remove(&id))
        {
            put(event);
        }
    }
    open.into_values().for_each(&mut put);
    issues
}

fn cut(bencher: Bencher, format: Format, bytes: &[u8]) {
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| frames(format, divan::black_box(bytes)).len());
}

fn normal(bencher: Bencher, format: Format, kind: RecordKind, bytes: &[u8]) {
    let frames = frames(format, bytes);
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| events(kind, divan::black_box(&frames)));
}

#[divan::bench(sample_count = 10)]
fn frame_auditd(bencher: Bencher) {
    cut(bencher, Format::Auditd, &auditd());
}

#[divan::bench(sample_count = 10)]
fn frame_kubernetes(bencher: Bencher) {
    cut(bencher, Format::KubernetesAudit, &kubernetes());
}

#[divan::bench(sample_count = 10)]
fn parse_assemble_normalise_auditd(bencher: Bencher) {
    normal(bencher, Format::Auditd, RecordKind::Auditd, &auditd());
}

#[divan::bench(sample_count = 10)]
fn parse_assemble_normalise_kubernetes(bencher: Bencher) {
    normal(bencher, Format::KubernetesAudit, RecordKind::KubernetesAudit, &kubernetes());
}
