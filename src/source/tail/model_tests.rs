//! A model of writers and rotators against `tail`: whatever they do in whatever order, and whenever the process dies, each complete line comes out once,
//! or was destroyed before anybody could read it, and then a gap says so.

use super::scenario_tests::{Bench, gzip};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;

#[derive(Debug, Clone)]
enum Act {
    /// Complete lines, so many, of such a length.
    Lines(u8, u16),
    /// The first half of a line; the next write to that file finishes it.
    Half,
    /// Rename everything one further, without creating.
    Rotate,
    CopyTruncate,
    /// A copy of what has been read, and so many lines behind it that are read before anything else happens.
    Copy(u8),
    /// Destroys what was not read.
    Truncate,
    Delete,
    Gzip(u8),
    Poll(u16),
    /// The keeper catches up to this share of what was handed out.
    Acknowledge(u8),
    Kill,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (1u8..20, 1u16..400).prop_map(|(count, len)| Act::Lines(count, len)),
        2 => Just(Act::Half),
        3 => Just(Act::Rotate),
        1 => Just(Act::CopyTruncate),
        2 => (0u8..5).prop_map(Act::Copy),
        1 => Just(Act::Truncate),
        1 => Just(Act::Delete),
        2 => (1u8..5).prop_map(Act::Gzip),
        10 => (0u16..3_000).prop_map(Act::Poll),
        4 => (0u8..=100).prop_map(Act::Acknowledge),
        1 => Just(Act::Kill),
    ];
    proptest::collection::vec(act, 1..60)
}

/// The world outside of the tailer.
struct World {
    bench: Bench,
    writer: Option<File>,
    next: usize,
    /// Lines that are complete, and whether they may be missing: their bytes were destroyed at some time.
    lines: BTreeMap<usize, bool>,
    /// Lines whose bytes are in the log itself now, and the one that is half written.
    in_base: Vec<usize>,
    half: Option<(usize, u16)>,
    /// Truncations in sight of the tailer, so that each owes a gap.
    abandoned: usize,
}

const ROTATED_MAX: usize = 8;

fn text(number: usize, len: u16) -> String {
    format!("{number:06} {}", "x".repeat(usize::from(len)))
}

impl World {
    fn write(&mut self, bytes: &str) {
        let path = self.bench.path("a.log");
        let open = || OpenOptions::new().create(true).append(true).open(path).unwrap();
        self.writer.get_or_insert_with(open).write_all(bytes.as_bytes()).unwrap();
    }

    fn finish_half(&mut self) {
        if let Some((number, len)) = self.half.take() {
            self.write(&format!("{}\n", "y".repeat(usize::from(len))));
            self.lines.insert(number, false);
            self.in_base.push(number);
        }
    }

    fn lines(&mut self, count: u8, len: u16) {
        self.finish_half();
        for _ in 0..count {
            self.next += 1;
            let line = format!("{}\n", text(self.next, len));
            self.write(&line);
            self.lines.insert(self.next, false);
            self.in_base.push(self.next);
        }
    }

    fn half(&mut self) {
        self.finish_half();
        self.next += 1;
        let begin = text(self.next, 10);
        self.write(&begin);
        self.half = Some((self.next, 7));
    }

    fn shift(&mut self) -> bool {
        let name = |at: usize, end: &str| format!("a.log.{at}{end}");
        if self.bench.path(&name(ROTATED_MAX, "")).exists() || self.bench.path(&name(ROTATED_MAX, ".gz")).exists() {
            return false;
        }
        for at in (1..ROTATED_MAX).rev() {
            for end in ["", ".gz"] {
                if self.bench.path(&name(at, end)).exists() {
                    self.bench.rename(&name(at, end), &name(at + 1, end));
                }
            }
        }
        true
    }

    fn rotate(&mut self) {
        if !self.bench.path("a.log").exists() || !self.shift() {
            return;
        }
        self.abandoned += usize::from(self.half.take().is_some());
        self.bench.rename("a.log", "a.log.1");
        self.writer = None;
        self.in_base.clear();
    }

    /// What is in the log itself may be lost from now on.
    fn destroy(&mut self) {
        for number in std::mem::take(&mut self.in_base) {
            self.lines.insert(number, true);
        }
        // The beginning of a line may have been read, and its end destroyed.
        self.half = None;
        self.abandoned += 1;
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Lines(count, len) => self.lines(*count, *len),
            Act::Half => self.half(),
            Act::Rotate => self.rotate(),
            Act::CopyTruncate => {
                if self.bench.path("a.log").exists() && self.shift() {
                    // The half line is finished in neither.
                    self.abandoned += usize::from(self.half.take().is_some());
                    fs::copy(self.bench.path("a.log"), self.bench.path("a.log.1")).unwrap();
                    File::options().write(true).open(self.bench.path("a.log")).unwrap().set_len(0).unwrap();
                    self.in_base.clear();
                }
            }
            Act::Copy(count) => {
                // One that is shorter than its head is found by whole batches only.
                let len = fs::metadata(self.bench.path("a.log")).map_or(0, |metadata| metadata.len());
                if len >= 256 && self.shift() {
                    (0..3).for_each(|_| self.bench.rest());
                    // The beginning of a half line may be read of the copy.
                    self.abandoned += usize::from(self.half.is_some());
                    fs::copy(self.bench.path("a.log"), self.bench.path("a.log.1")).unwrap();
                    self.in_base.clear();
                    self.lines(*count, 10);
                    (0..5).for_each(|_| self.bench.poll(100));
                    self.bench.acknowledge(usize::MAX);
                }
            }
            Act::Truncate => {
                if self.bench.path("a.log").exists() {
                    self.destroy();
                    File::options().write(true).open(self.bench.path("a.log")).unwrap().set_len(0).unwrap();
                }
            }
            Act::Delete => {
                if self.bench.path("a.log").exists() {
                    self.destroy();
                    self.writer = None;
                    fs::remove_file(self.bench.path("a.log")).unwrap();
                }
            }
            Act::Gzip(at) => {
                let path = self.bench.path(&format!("a.log.{at}"));
                if path.exists() {
                    gzip(&path);
                }
            }
            Act::Poll(ms) => self.bench.poll(i64::from(*ms)),
            Act::Acknowledge(share) => {
                let count = self.bench.drafts.len() * usize::from(*share) / 100;
                let count = count.max(self.bench.acknowledged());
                self.bench.acknowledge(count);
            }
            Act::Kill => self.bench.kill(),
        }
    }
}

fn check(acts: &[Act]) {
    let mut world = World {
        bench: Bench::new(&["a.log"]),
        writer: None,
        next: 0,
        lines: BTreeMap::new(),
        in_base: Vec::new(),
        half: None,
        abandoned: 0,
    };
    for act in acts {
        world.act(act);
    }
    world.finish_half();
    world.lines(1, 1);
    world.bench.rest();
    let found = world.bench.lines();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut fragments = 0usize;
    for line in &found {
        let number = line.get(..6).and_then(|number| number.parse().ok());
        match number.filter(|_| line.ends_with('\n')) {
            Some(number) => *seen.entry(number).or_default() += 1,
            None => fragments += 1,
        }
    }
    for (number, destroyed) in &world.lines {
        match seen.get(number) {
            Some(1) => {}
            None => assert!(*destroyed, "line {number} is lost\n{acts:?}"),
            Some(count) => panic!("line {number} came {count} times\n{acts:?}"),
        }
    }
    assert!(seen.keys().all(|number| world.lines.contains_key(number)), "lines that nobody wrote\n{acts:?}");
    assert!(fragments <= world.abandoned, "{fragments} unfinished lines, {} were left\n{acts:?}", world.abandoned);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_line_once_or_destroyed(acts in acts()) {
        check(&acts);
    }
}

/// A line that was destroyed in sight of the tailer is covered by a gap.
#[test]
fn destroyed_lines_owe_a_gap() {
    for kill in [false, true] {
        let mut bench = Bench::new(&["a.log"]);
        bench.append("a.log", "1\n");
        bench.rest();
        if kill {
            bench.kill_acknowledged();
        }
        bench.append("a.log", "lost\n");
        fs::write(bench.path("a.log"), "2\n").unwrap();
        bench.rest();
        assert_eq!(bench.lines(), ["1\n", "2\n"]);
        assert_eq!(bench.gaps().len(), 1, "killed: {kill}");
        assert_eq!(bench.gaps()[0].0, 2);
    }
}
