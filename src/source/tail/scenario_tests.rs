//! Tests of `tail`: each way in which a log is rotated, truncated, replaced and lost, by explicit polls; no test sleeps.

use super::super::batch_tests::records;
use super::super::reader::ReadOptions;
use super::super::resume_tests::Thin;
use super::{Control, ResumeQuery, TailItem, TailOptions, TailPath, Tailer, Turn};
use crate::evidence::Draft;
use crate::model::{Moment, RecordKind};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A folder, a tailer on it, and what came out.
pub struct Bench {
    pub dir: tempfile::TempDir,
    tailer: Tailer,
    patterns: Vec<&'static str>,
    now: i64,
    /// Everything that was handed out and is not lost by a kill.
    pub drafts: Vec<Draft>,
    pub others: Vec<TailItem>,
    /// The drafts that the keeper knows.
    known: Thin,
}

fn tailer(dir: &Path, patterns: &[&str], known: Thin) -> Tailer {
    let read = ReadOptions { source: "t".into(), kind: Some(RecordKind::Own), ..ReadOptions::default() };
    let path = |pattern: &&str| TailPath { pattern: dir.join(pattern), read: read.clone() };
    Tailer::new(patterns.iter().map(path).collect(), TailOptions::default(), Box::new(known))
}

impl Bench {
    pub fn new(patterns: &[&'static str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let known = Thin::default();
        let tailer = tailer(dir.path(), patterns, known.clone());
        let patterns = patterns.to_vec();
        Bench { dir, tailer, patterns, now: 1 << 60, drafts: Vec::new(), others: Vec::new(), known }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Polls after so many ms, until there is nothing more to read.
    pub fn poll(&mut self, ms: i64) {
        self.now += ms * 1_000_000;
        for round in 0.. {
            assert!(round < 10_000, "the tailer does not come to rest");
            let (drafts, others) = (&mut self.drafts, &mut self.others);
            let mut emit = |item| {
                match item {
                    TailItem::Draft(draft) => drafts.push(draft),
                    other => others.push(other),
                }
                Ok(())
            };
            match self.tailer.poll(Moment { nanos: self.now, digits: 9 }, &mut emit).unwrap() {
                Turn::Busy => {}
                Turn::Idle { until } => {
                    assert!(until.nanos > self.now, "nothing is due any more");
                    return;
                }
            }
        }
    }

    /// Long enough for everything to settle.
    pub fn rest(&mut self) {
        for _ in 0..40 {
            self.poll(300);
        }
    }

    /// The keeper has got the first `count` drafts.
    pub fn acknowledge(&mut self, count: usize) {
        let mut known = self.known.drafts.lock().unwrap();
        let more = self.drafts[..count.min(self.drafts.len())].iter().skip(known.len());
        known.extend(more.cloned());
    }

    pub fn acknowledged(&self) -> usize {
        self.known.drafts.lock().unwrap().len()
    }

    /// kill -9, and a new process. What the keeper had not got is lost.
    pub fn kill(&mut self) {
        let acknowledged = self.acknowledged();
        self.drafts.truncate(acknowledged);
        self.tailer = tailer(self.dir.path(), &self.patterns, self.known.clone());
    }

    pub fn kill_acknowledged(&mut self) {
        self.acknowledge(usize::MAX);
        self.kill();
    }

    /// All records as text, sorted, joined where one continues another.
    pub fn lines(&self) -> Vec<String> {
        let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
        for draft in &self.drafts {
            let mut own = records(std::slice::from_ref(draft)).into_iter();
            let mut at = draft.position.start;
            if draft.continues {
                let more = own.next().unwrap();
                at += more.len() as u64;
                let open =
                    found.iter_mut().rev().find(|(end, bytes)| *end == draft.position.start && !bytes.ends_with(b"\n"));
                let (end, bytes) = open.expect("a record continues one that is there");
                bytes.extend(more);
                *end = at;
            }
            for record in own {
                at += record.len() as u64;
                found.push((at, record));
            }
        }
        let mut lines: Vec<String> =
            found.into_iter().map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect();
        lines.sort();
        lines
    }

    pub fn gaps(&self) -> Vec<(u64, u64, &'static str)> {
        let gap = |item: &TailItem| match item {
            TailItem::Control(Control::Gap { from, to_at_least, reason, .. }) => Some((*from, *to_at_least, *reason)),
            _ => None,
        };
        self.others.iter().filter_map(gap).collect()
    }

    pub fn expect(&self, lines: &[&str], gaps: &[(u64, u64, &'static str)]) {
        assert_eq!(self.lines(), lines);
        assert_eq!(self.gaps(), gaps);
    }
}

pub fn gzip(path: &Path) {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&fs::read(path).unwrap()).unwrap();
    fs::write(format!("{}.gz", path.display()), encoder.finish().unwrap()).unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn appended_lines_come_within_two_polls_and_unfinished_ones_when_they_are_finished() {
    let mut bench = Bench::new(&["a.log"]);
    bench.poll(250);
    bench.append("a.log", "1\n2\nthr");
    bench.poll(250);
    bench.poll(250);
    bench.expect(&["1\n", "2\n"], &[]);
    bench.rest();
    bench.expect(&["1\n", "2\n"], &[]);
    bench.append("a.log", "ee\r\n\n\u{feff}4\n");
    bench.rest();
    bench.expect(&["\n", "1\n", "2\n", "three\r\n", "\u{feff}4\n"], &[]);
    assert!(bench.drafts.iter().all(|draft| !draft.continues && !draft.goes_on));
}

#[test]
fn small_batches_in_a_row_wait_longer() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "first\n");
    bench.rest();
    let mut drafts_after = |text: &str, waits: &[i64]| {
        bench.append("a.log", text);
        bench.poll(10);
        waits.iter().for_each(|&ms| bench.poll(ms));
        bench.drafts.len()
    };
    assert_eq!(drafts_after("behind a pause\n", &[210]), 2);
    assert_eq!(drafts_after("right behind it\n", &[210, 200]), 2, "small, and not yet half a second old");
    assert_eq!(drafts_after("and one more\n", &[100]), 3);
    let much = ("x".repeat(99) + "\n").repeat(400);
    assert_eq!(drafts_after(&much, &[210]), 4, "not small");
}

#[test]
fn a_file_that_lies_still_needs_no_line_end() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\nthe e");
    bench.rest();
    bench.expect(&["1\n"], &[]);
    bench.poll(60_000);
    bench.expect(&["1\n", "the e"], &[]);
    bench.poll(60_000);
    bench.append("a.log", "nd\n2\n");
    bench.kill_acknowledged();
    bench.rest();
    bench.expect(&["1\n", "2\n", "the end\n"], &[]);
}

#[test]
fn kinds_are_found_by_looking() {
    let mut bench = Bench::new(&[]);
    let read = ReadOptions { source: "t".into(), ..ReadOptions::default() };
    let paths = vec![TailPath { pattern: bench.path("*"), read }];
    bench.tailer = Tailer::new(paths, TailOptions::default(), Box::new(|_: &ResumeQuery| Vec::new()));
    bench.append("audit.log", "type=CWD msg=audit(1.000:1): cwd=\"/\"\n");
    bench.append("k8s.json", "{\n  \"kind\": \"Event\",\n");
    bench.append("other.txt", "text\n");
    bench.poll(250);
    bench.append("k8s.json", "  \"apiVersion\": \"audit.k8s.io/v1\"\n}\n");
    bench.rest();
    let mut kinds: Vec<RecordKind> = bench.drafts.iter().map(|draft| draft.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [RecordKind::Auditd, RecordKind::KubernetesAudit]);
    let [TailItem::Skipped(skipped)] = &bench.others[..] else { panic!("{:?}", bench.others) };
    assert!(skipped.path.ends_with("other.txt") && skipped.reason.contains("not recognised"), "{skipped:?}");
}

#[test]
fn rename_and_create_drains_the_old_file_first() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\n");
    bench.poll(250);
    bench.append("a.log", "2\n");
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", "4\n");
    bench.append("a.log.1", "3\n");
    bench.rest();
    let in_order: Vec<Vec<u8>> = records(&bench.drafts);
    assert_eq!(in_order, [b"1\n", b"2\n", b"3\n", b"4\n"].map(|line| line.to_vec()));
    // A late writer, after the file was taken for finished.
    bench.append("a.log.1", "late\n");
    bench.rest();
    bench.expect(&["1\n", "2\n", "3\n", "4\n", "late\n"], &[]);
}

#[test]
fn several_rotations_at_once_while_running_or_dead() {
    for killed in [false, true] {
        let mut bench = Bench::new(&["a.log"]);
        bench.append("a.log", "1\n2\npar");
        bench.rest();
        if killed {
            bench.kill_acknowledged();
        }
        bench.append("a.log", "tial\n3\n");
        bench.rename("a.log", "a.log.3");
        bench.append("a.log.2", "4\n");
        bench.append("a.log.1", "5\nabandoned");
        bench.append("a.log", "6\n");
        gzip(&bench.path("a.log.3"));
        gzip(&bench.path("a.log.2"));
        bench.rest();
        bench.expect(&["1\n", "2\n", "3\n", "4\n", "5\n", "6\n", "abandoned", "partial\n"], &[]);
        bench.kill_acknowledged();
        gzip(&bench.path("a.log.1"));
        bench.rest();
        bench.expect(&["1\n", "2\n", "3\n", "4\n", "5\n", "6\n", "abandoned", "partial\n"], &[]);
    }
}

#[test]
fn copytruncate_says_what_may_be_lost() {
    for (name, copied, gap) in [("a.log.1", true, (4, 7, "truncated")), ("", false, (4, 7, "truncated"))] {
        let mut bench = Bench::new(&["a.log"]);
        bench.append("a.log", "1\n2\nhal");
        bench.rest();
        if copied {
            bench.append("a.log", "f\n3\n");
            fs::copy(bench.path("a.log"), bench.path(name)).unwrap();
        }
        fs::write(bench.path("a.log"), "4\n").unwrap();
        bench.rest();
        match copied {
            true => bench.expect(&["1\n", "2\n", "3\n", "4\n", "half\n"], &[gap]),
            false => bench.expect(&["1\n", "2\n", "4\n", "hal"], &[gap]),
        }
    }
}

#[test]
fn truncated_and_grown_beyond_the_position_between_two_polls() {
    for (content, expected) in
        [("x\ny\nz\nzz\n", "replaced"), ("x\ny\n", "replaced"), ("x\n", "truncated"), ("", "truncated")]
    {
        let mut bench = Bench::new(&["a.log"]);
        bench.append("a.log", "1\n2\n");
        bench.rest();
        fs::write(bench.path("a.log"), content).unwrap();
        bench.rest();
        let mut lines: Vec<&str> = ["1\n", "2\n"].into_iter().chain(content.split_inclusive('\n')).collect();
        lines.sort_unstable();
        bench.expect(&lines, &[(4, 4, expected)]);
    }
}

#[test]
fn a_stale_writer_after_truncation_loses_nothing() {
    let mut bench = Bench::new(&["a.log"]);
    let file = File::create(bench.path("a.log")).unwrap();
    file.write_all_at(b"1\n2\n", 0).unwrap();
    bench.rest();
    // It goes on writing at its old offset: the file now begins with a hole.
    file.set_len(0).unwrap();
    file.write_all_at(b"3\n", 4).unwrap();
    bench.rest();
    bench.expect(&["\0\0\0\x003\n", "1\n", "2\n"], &[(4, 4, "replaced")]);
}

#[test]
fn truncated_while_nobody_looked() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\n2\n");
    bench.rest();
    bench.kill_acknowledged();
    fs::write(bench.path("a.log"), "3\n").unwrap();
    bench.rest();
    bench.expect(&["1\n", "2\n", "3\n"], &[(4, 4, "gone")]);
    // Said once: the next process knows the new content.
    bench.kill_acknowledged();
    bench.rest();
    assert_eq!(bench.gaps().len(), 1);
    assert_eq!(bench.lines().len(), 3);
}

/// What is read of the new file hides from the next process that the old one is gone; so that is said first, and the new file waits for it.
#[test]
fn a_gap_is_said_before_anything_of_the_new_file() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\n");
    bench.rest();
    bench.kill_acknowledged();
    fs::remove_file(bench.path("a.log")).unwrap();
    bench.append("a.log.1", "another\n");
    bench.append("a.log", "2\n");
    bench.poll(300);
    bench.poll(300);
    bench.kill_acknowledged();
    bench.rest();
    bench.expect(&["1\n", "2\n", "another\n"], &[(2, 2, "gone")]);
}

#[test]
fn deleted_and_recreated() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\n");
    bench.rest();
    bench.append("a.log", "2\nend");
    fs::remove_file(bench.path("a.log")).unwrap();
    bench.rest();
    bench.append("a.log", "1\n3\n");
    bench.rest();
    // What was open is read to its end though its name is gone. A second "1" that begins a file is the same evidence as the first.
    bench.expect(&["1\n", "2\n", "3\n", "end"], &[]);
}

#[test]
fn a_link_that_switches_its_target() {
    let mut bench = Bench::new(&["current.log"]);
    bench.append("x-1", "1\n");
    symlink(bench.path("x-1"), bench.path("current.log")).unwrap();
    bench.rest();
    bench.append("x-1", "2\n");
    bench.append("x-2", "3\n");
    fs::remove_file(bench.path("current.log")).unwrap();
    bench.poll(250);
    symlink(bench.path("x-2"), bench.path("current.log")).unwrap();
    bench.append("x-1", "4\n");
    bench.rest();
    bench.expect(&["1\n", "2\n", "3\n", "4\n"], &[]);
}

#[test]
fn what_cannot_be_read_is_said_once_and_read_when_it_can() {
    let mut bench = Bench::new(&["sub/*.log"]);
    bench.rest();
    assert!(bench.others.is_empty(), "a folder that is not there may come");
    fs::create_dir(bench.path("sub")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(bench.path("sub/f.log")).status().unwrap().success());
    bench.append("sub/a.log", "1\n");
    bench.append("sub/b.log", "2\n");
    bench.append("sub/other", "no\n");
    symlink(bench.path("sub/l.log"), bench.path("sub/l.log")).unwrap();
    bench.rest();
    let mut reasons: Vec<&str> = Vec::new();
    for item in &bench.others {
        let TailItem::Skipped(skipped) = item else { panic!("{item:?}") };
        reasons.push(&skipped.reason);
    }
    reasons.sort_unstable();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("loop") && reasons[1].contains("FIFO"), "{reasons:?}");
    fs::remove_file(bench.path("sub/f.log")).unwrap();
    bench.append("sub/f.log", "3\n");
    bench.rest();
    assert_eq!(bench.lines(), ["1\n", "2\n", "3\n"]);
}

#[test]
fn permission_denied_and_given_back() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\n");
    fs::set_permissions(bench.path("a.log"), fs::Permissions::from_mode(0o000)).unwrap();
    let root = File::open(bench.path("a.log")).is_ok();
    bench.rest();
    let expected = if root { 0 } else { 1 };
    assert_eq!(bench.others.len(), expected);
    fs::set_permissions(bench.path("a.log"), fs::Permissions::from_mode(0o600)).unwrap();
    bench.rest();
    bench.expect(&["1\n"], &[]);
}

#[test]
fn identical_headers_do_not_hide_what_follows_them() {
    let header = "# the same in each file\n".repeat(100);
    let mut bench = Bench::new(&["a.log"]);
    let unique = |bench: &Bench| bench.lines().into_iter().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    for round in 0..4 {
        bench.append("a.log", format!("{header}{round}-1\n"));
        bench.rest();
        bench.append("a.log", format!("{round}-2\n"));
        if round == 2 {
            bench.kill_acknowledged();
        }
        for old in (1..4).rev().filter(|old| bench.path(&format!("a.log.{old}")).exists()) {
            bench.rename(&format!("a.log.{old}"), &format!("a.log.{}", old + 1));
        }
        bench.rename("a.log", "a.log.1");
    }
    bench.rest();
    assert_eq!(unique(&bench), ["0-1\n", "0-2\n", "1-1\n", "1-2\n", "2-1\n", "2-2\n", "3-1\n", "3-2\n"]);
    assert_eq!(bench.gaps(), []);
}

#[test]
fn a_copy_under_way_is_not_taken_for_a_new_file() {
    let mut bench = Bench::new(&["a.log"]);
    let line = |n: usize| format!("{n:0300}\n");
    for n in 0..20 {
        bench.append("a.log", line(n));
        bench.poll(300);
    }
    bench.rest();
    let content = fs::read(bench.path("a.log")).unwrap();
    for piece in content.chunks(700) {
        bench.append("a.log.1", piece);
        bench.poll(300);
    }
    bench.rest();
    assert_eq!(bench.lines(), (0..20).map(line).collect::<Vec<_>>());
    // Likewise a compression under way: the original is there until it is done.
    gzip(&bench.path("a.log.1"));
    let packed = fs::read(bench.path("a.log.1.gz")).unwrap();
    fs::write(bench.path("a.log.1.gz"), &packed[..packed.len() / 2]).unwrap();
    bench.poll(300);
    fs::write(bench.path("a.log.1.gz"), &packed).unwrap();
    bench.rest();
    assert_eq!(bench.lines(), (0..20).map(line).collect::<Vec<_>>());
    assert!(bench.others.is_empty(), "{:?}", bench.others);
}

#[test]
fn huge_lines_and_many_files_get_their_turns() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("big.log", "x".repeat(3_000_000));
    bench.append("small.log", "1\n");
    bench.append("audit-2026-11-24T17-30-00.000.log", "old\n");
    bench.append("audit.log", "new\n");
    bench.poll(250);
    bench.poll(250);
    assert!(bench.lines().contains(&"1\n".to_owned()), "a large file does not keep others waiting");
    bench.append("big.log", "\nend\n");
    bench.rest();
    let lines = bench.lines();
    let lengths: Vec<usize> = lines.iter().map(String::len).collect();
    assert_eq!(lengths, [2, 4, 4, 4, 3_000_001]);
    assert!(bench.drafts.iter().any(|draft| draft.goes_on) && bench.drafts.iter().any(|draft| draft.continues));
}

#[test]
fn a_kill_in_the_middle_of_a_huge_line() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", format!("{}\n", "x".repeat(2_500_000)));
    bench.rest();
    assert_eq!(bench.drafts.len(), 3);
    for keep in 1..3 {
        bench.acknowledge(keep);
        bench.kill();
        assert!(bench.drafts[keep - 1].goes_on);
        bench.rest();
        assert_eq!(bench.drafts.len(), 3);
        assert!(bench.drafts[keep].continues);
        assert_eq!(bench.lines().iter().map(String::len).collect::<Vec<_>>(), [2_500_001]);
    }
}

#[test]
fn an_orderly_end_hands_out_complete_lines_only() {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", "1\nun");
    bench.poll(250);
    assert!(bench.drafts.is_empty());
    let mut found = Vec::new();
    let mut emit = |item| {
        found.push(item);
        Ok(())
    };
    bench.tailer.finish(&mut emit).unwrap();
    let [TailItem::Draft(draft)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(draft.bytes, b"1\n");
}

#[test]
fn a_tailer_may_live_in_its_own_thread() {
    let bench = Bench::new(&["a.log"]);
    let tailer = std::thread::spawn(move || bench.tailer.folders()).join().unwrap();
    assert_eq!(tailer.len(), 1);
}

#[test]
fn hints_wake_and_waits_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut hint = super::Hint::new(vec![dir.path().to_owned(), dir.path().join("later")]);
    let waker = hint.waker();
    waker.wake();
    waker.wake();
    assert!(hint.wait(std::time::Duration::from_secs(60)), "woken by a thread");
    fs::write(dir.path().join("a.log"), "1\n").unwrap();
    assert!(hint.wait(std::time::Duration::from_secs(60)), "woken by a change");
}

#[test]
fn folders_may_hold_stars_and_come_and_go() {
    let mut bench = Bench::new(&["pods/*/*/*.log"]);
    bench.poll(1_000);
    for (pod, text) in [("a_1", "one\n"), ("b_2", "two\n")] {
        std::fs::create_dir_all(bench.path(&format!("pods/{pod}/app"))).unwrap();
        bench.append(&format!("pods/{pod}/app/0.log"), text);
    }
    std::fs::write(bench.path("pods/a_1/0.log"), "not there\n").unwrap();
    bench.poll(1_000);
    bench.poll(1_000);
    bench.expect(&["one\n", "two\n"], &[]);
    std::fs::remove_dir_all(bench.path("pods/a_1")).unwrap();
    bench.append("pods/b_2/app/0.log", "three\n");
    for _ in 0..10 {
        bench.poll(1_000);
    }
    // The folder of another pod in its place, and the group of the one that stays.
    std::fs::create_dir_all(bench.path("pods/c_3/app")).unwrap();
    bench.append("pods/c_3/app/0.log", "four\n");
    bench.append("pods/b_2/app/0.log", "five\n");
    bench.poll(1_000);
    bench.poll(1_000);
    bench.expect(&["five\n", "four\n", "one\n", "three\n", "two\n"], &[]);
}
