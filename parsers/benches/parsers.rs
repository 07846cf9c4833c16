//! Each parser over lines of its format, one core: MB/s of what it reads. `cargo bench -p deponent-parsers`.
//!
//! The lines are those of `samples/` and of `fuzz/seeds/`, in turn. What follows parsing: `benches/rooms.rs` of the workspace.

use deponent_parsers::{container, containerd, crio, docker, etcd, klog, kubernetes, line, linux, syslog};
use divan::Bencher;
use divan::counter::BytesCount;
use std::path::PathBuf;

/// Bytes of a bench at least, so that a round takes longer than the clock's steps.
const BYTES: usize = 1 << 20;

fn main() {
    divan::main();
}

/// The lines of a file that have `word` in them, again and again.
fn lines(file: &str, word: &str) -> Vec<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let whole = std::fs::read(path).expect("samples are there");
    let has = |line: &&[u8]| word.is_empty() || line.windows(word.len()).any(|part| part == word.as_bytes());
    let some: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter(has).collect();
    let bytes: usize = some.iter().map(|line| line.len()).sum();
    assert!(bytes > 0, "{file} has lines with {word}");
    some.iter().cycle().take(some.len() * BYTES.div_ceil(bytes)).map(|line| line.to_vec()).collect()
}

/// Runs `read` over lines; how many of them it read.
fn bench(bencher: Bencher, lines: &[Vec<u8>], read: impl Fn(&[u8]) -> bool) {
    let bytes: usize = lines.iter().map(Vec::len).sum();
    assert!(lines.iter().any(|line| read(line)), "none of these lines is of that format");
    bencher
        .counter(BytesCount::new(bytes))
        .bench_local(|| divan::black_box(lines).iter().filter(|line| read(line)).count());
}

/// The texts that containers wrote, of the lines with `word`.
fn texts(word: &str) -> Vec<Vec<u8>> {
    let lines = lines("fuzz/seeds/container/lines.log", word);
    lines.iter().filter_map(|line| container::part(line)).map(|part| part.text.into_owned()).collect()
}

fn body(bencher: Bencher, word: &str, form: container::Form) {
    bench(bencher, &texts(word), |text| divan::black_box(container::body(&line::text_of(text))).form == form);
}

#[divan::bench(sample_count = 20)]
fn linux_record(bencher: Bencher) {
    bench(bencher, &lines("../samples/auditd/trojan.log", ""), |line| {
        linux::parse(line).is_ok_and(|(record, _)| divan::black_box(record.fields().count()) > 0)
    });
}

#[divan::bench(sample_count = 20)]
fn kubernetes_event(bencher: Bencher) {
    bench(bencher, &lines("../samples/kubernetes/people.log", ""), |line| {
        divan::black_box(kubernetes::parse(line)).is_ok()
    });
}

#[divan::bench(sample_count = 20)]
fn containerd_log(bencher: Bencher) {
    bench(bencher, &lines("../samples/containerd/pod.log", ""), |line| {
        divan::black_box(containerd::line(line)).is_ok()
    });
}

#[divan::bench(sample_count = 20)]
fn containerd_json(bencher: Bencher) {
    bench(bencher, &lines("../samples/containerd/json.log", ""), |line| {
        divan::black_box(containerd::line(line)).is_ok()
    });
}

#[divan::bench(sample_count = 20)]
fn containerd_stream(bencher: Bencher) {
    bench(bencher, &lines("../samples/containerd/events.log", ""), |line| {
        containerd::stream_line(line).is_ok_and(|line| !divan::black_box(line.members()).0.is_empty())
    });
}

#[divan::bench(sample_count = 20)]
fn klog_text(bencher: Bencher) {
    bench(bencher, &lines("../samples/kubelet/session.log", ""), |line| {
        divan::black_box(klog::read(&klog::text(line))).is_ok()
    });
}

#[divan::bench(sample_count = 20)]
fn klog_json(bencher: Bencher) {
    bench(bencher, &lines("../samples/kubelet/session-json.log", ""), |line| {
        divan::black_box(klog::read(&klog::text(line))).is_ok()
    });
}

#[divan::bench(sample_count = 20)]
fn syslog_text(bencher: Bencher) {
    bench(bencher, &lines("../samples/syslog/auth.log", ""), |text| {
        divan::black_box(syslog::parse(&line::text_of(text))).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn syslog_journal(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/syslog/journal.json", ""), |text| {
        divan::black_box(syslog::parse(&line::text_of(text))).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn syslog_ulogd(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/syslog/ulogd.json", ""), |text| {
        divan::black_box(syslog::parse(&line::text_of(text))).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn container_part_cri(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/container/lines.log", " std"), |line| {
        divan::black_box(container::part(line)).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn container_part_docker(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/container/lines.log", "{\"log\":"), |line| {
        divan::black_box(container::part(line)).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn container_stream_cri(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/container/lines.log", " std"), |line| {
        divan::black_box(container::stream_of(line)).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn container_stream_docker(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/container/lines.log", "{\"log\":"), |line| {
        divan::black_box(container::stream_of(line)).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn container_body_json(bencher: Bencher) {
    body(bencher, " F {\"", container::Form::Json);
}

#[divan::bench(sample_count = 20)]
fn container_body_logfmt(bencher: Bencher) {
    body(bencher, " F level=", container::Form::Logfmt);
}

#[divan::bench(sample_count = 20)]
fn container_body_access(bencher: Bencher) {
    body(bencher, "] \"GET ", container::Form::Access);
}

#[divan::bench(sample_count = 20)]
fn container_body_klog(bencher: Bencher) {
    body(bencher, " F I1123", container::Form::Klog);
}

#[divan::bench(sample_count = 20)]
fn container_body_plain(bencher: Bencher) {
    body(bencher, "heartbeat", container::Form::Plain);
}

#[divan::bench(sample_count = 20)]
fn etcd_zap(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/etcd/lines.log", "\"ts\":"), |text| {
        divan::black_box(etcd::parse(&line::text_of(text))).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn etcd_text(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/etcd/lines.log", ": "), |text| {
        !text.starts_with(b"{") && divan::black_box(etcd::parse(&line::text_of(text))).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn docker_event(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/docker/events.json", ""), |text| {
        divan::black_box(docker::event(&line::text_of(text))).is_some()
    });
}

#[divan::bench(sample_count = 20)]
fn docker_log(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/docker/dockerd.log", ""), |line| {
        divan::black_box(containerd::line(line)).is_ok()
    });
}

#[divan::bench(sample_count = 20)]
fn crio_log(bencher: Bencher) {
    bench(bencher, &lines("fuzz/seeds/crio/lines.log", ""), |line| {
        divan::black_box(containerd::line(line)).is_ok() && crio::is_log(line)
    });
}
