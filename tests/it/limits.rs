//! Bad input: a clear message and a counted issue, bounded memory, nothing lost.
//!
//! Not here: single records (`deponent-parsers`), queries (`query`).

use crate::harness::{Run, Scratch, sample};
use std::io::{BufWriter, Write};
use std::process::Command;

fn good() -> Vec<u8> {
    std::fs::read(sample("auditd/folded.log")).unwrap()
}

#[test]
fn what_is_no_file_is_named_and_the_rest_is_read() {
    let scratch = Scratch::new();
    scratch.write("logs/good.log", good());
    scratch.write("logs/noise.bin", [0u8, 1, 2, 3, 255].repeat(100));
    scratch.write("logs/empty.log", "");
    std::os::unix::fs::symlink("..", scratch.path("logs/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", scratch.path("logs/dangling")).unwrap();
    assert!(Command::new("mkfifo").arg(scratch.path("logs/pipe")).status().unwrap().success());
    let run = scratch.run(&["ingest", "--store", "store", "-o", "json", "logs"]);
    // The dangling link may have been a log.
    assert_eq!(run.code, 6, "{}{}", run.out, run.err);
    for name in ["noise.bin", "pipe", "loop", "dangling"] {
        assert!(run.err.contains(name), "{name}: {}", run.err);
    }
    for kind in ["unrecognised", "not-a-file", "link-loop", "missing"] {
        assert!(run.out.contains(kind), "{kind} is counted: {}", run.out);
    }
    assert_eq!(scratch.search("*").len(), 1);
    let named = scratch.run(&["ingest", "--store", "store", "logs/pipe"]);
    assert!(named.code == 6 && named.err.contains("pipe"), "{} {}", named.code, named.err);
}

#[test]
fn a_bad_compressed_tail_keeps_what_came_before() {
    let scratch = Scratch::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let text = std::fs::read(sample("auditd/trojan.log")).unwrap();
    encoder.write_all(&text).unwrap();
    let packed = encoder.finish().unwrap();
    let cut = scratch.write("cut.log.gz", &packed[..packed.len() * 2 / 3]);
    let run = scratch.run(&["ingest", "--store", "store", "-o", "json", cut.to_str().unwrap()]);
    assert_eq!(run.code, 6, "{}", run.err);
    assert!(run.err.contains("cut.log.gz"), "{}", run.err);
    assert!(run.out.contains("bad-compressed-tail"), "{}", run.out);
    assert!(scratch.search("*").len() > 20);
}

#[test]
fn bad_lines_are_counted_and_can_be_asked_for() {
    let scratch = Scratch::new();
    let mut text = good();
    text.extend_from_slice(
        b"type=SYSCALL msg=audit(18446745773709551.616:42): arch=c000003e\nnot an audit line\n\xff\xfe\x00\n",
    );
    text.extend_from_slice(b"type=CWD msg=audit(1234567891.000:7): cwd=\"/\"\n");
    let account = scratch.ingest(&[&scratch.write("a.log", text)], &[]);
    assert_eq!(account["bad_records"], 3, "{account}");
    assert_eq!(account["events"], 2, "{account}");
    assert_eq!(scratch.search("source:self what:bad-record").len(), 3);
    assert_eq!(scratch.search("*").len(), 2, "they appear only when asked for");
    assert_eq!(scratch.search("@1970..@2000").len(), 0);
}

#[test]
fn bad_records_at_one_place_of_two_files_that_begin_alike_are_two() {
    let scratch = Scratch::new();
    let beginning = good();
    for name in ["one", "two"] {
        let text = [beginning.as_slice(), format!("garbage {name}\n").as_bytes()].concat();
        scratch.ingest(&[&scratch.write(name, text)], &[]);
    }
    assert_eq!(scratch.search("source:self what:bad-record").len(), 2);
}

#[test]
fn a_line_of_a_gigabyte_is_kept_in_bounded_memory() {
    let scratch = Scratch::new();
    let path = scratch.path("long.log");
    let mut file = BufWriter::new(std::fs::File::create(&path).unwrap());
    file.write_all(b"type=CWD msg=audit(1234567891.000:7): cwd=\"/\"\ntype=USER msg=audit(1234567891.001:8): msg='")
        .unwrap();
    let block = vec![b'A'; 1 << 20];
    for _ in 0..1_000 {
        file.write_all(&block).unwrap();
    }
    file.write_all(b"'\ntype=CWD msg=audit(1234567891.002:9): cwd=\"/\"\n").unwrap();
    file.into_inner().unwrap();
    let mut command = scratch.command(&["ingest", "--store", "store", "-o", "json", path.to_str().unwrap()]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut peak_kib = 0u64;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0));
        std::thread::yield_now();
    }
    let run = Run::of(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(peak_kib > 0 && peak_kib < 512 << 10, "{peak_kib} KiB");
    assert!(run.out.contains("record-too-long"), "{}", run.out);
    assert_eq!(scratch.search("*").len(), 2, "its neighbours are read");
    assert!(std::fs::metadata(scratch.path("store")).is_ok());
}

#[test]
fn hostile_text_reaches_no_terminal_and_no_spreadsheet() {
    let scratch = Scratch::new();
    let name = "\u{1b}]0;owned\u{7}\u{202e}=cmd|'x'!A1\r\n\u{200b}forged";
    let hex: String = name.bytes().map(|byte| format!("{byte:02X}")).collect();
    let line = format!(
        "type=SYSCALL msg=audit(1234567891.000:7): arch=c000003e syscall=87 success=yes exit=0 pid=1 auid=1000 uid=0 comm={hex} exe=\"/bin/rm\" key=(null)\ntype=PATH msg=audit(1234567891.000:7): item=0 name={hex} nametype=DELETE\n"
    );
    scratch.ingest(&[&scratch.write("a.log", line)], &[]);
    for form in ["table", "text", "json", "ndjson", "csv", "ocsf", "ecs"] {
        let out = scratch.ok(&["search", "--store", "store", "-o", form, "*"]).out;
        let hidden = |c: char| {
            c.is_control() && c != '\n' && c != '\r' || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{200b}'
        };
        assert!(!out.contains(hidden), "{form}: {out:?}");
        assert!(!out.lines().any(|line| line.starts_with("forged")), "{form}");
    }
    let shown = scratch.ok(&["show", "--store", "store", "1234567891.000:7"]).out;
    assert!(!shown.contains('\u{1b}') && shown.contains("owned"), "{shown:?}");
}
