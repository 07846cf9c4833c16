//! The fuzz targets without a fuzzer: over the samples, each record of them, and mutations of both. The same ones at each run.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::path::{Path, PathBuf};

/// Mutations of each seed.
const MUTATIONS: usize = 4_000;
/// Seeds larger than this are only run as they are.
const SEED_BYTES_MAX: usize = 8 << 10;

/// Numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

/// Pieces that formats are made of.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"'",
    b"\\",
    b"\n",
    b"\r\n",
    b"\x1d",
    b"\0",
    b" ",
    b"=",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"msg='",
    b"type=",
    b"audit(",
    b"a0=",
    b"a1[0]=",
    b"a1_len=",
    b"saddr=",
    b"\\u0000",
    b"\\ud800",
    b"\xff\xfe",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"1e999",
    b"0x",
    b"ffffffff",
    b"4294967295",
    b"\"items\":[",
    b"\"kind\":\"Event\"",
    b"\"auditID\"",
    b"(null)",
    b"level=info",
    b"2026-11-23T20:59:25Z stdout F ",
    b"\\n\"",
    b"\"Actor\":{\"Attributes\":{",
    b"_",
    b"/",
    b" | ",
    b"E1123 20:59:00.5 7 a.go:1] ",
];

/// Folders of seeds, for the targets that take all of them.
const FOLDERS: &[&str] =
    &["auditd", "kubernetes", "containerd", "kubelet", "syslog", "container", "crio", "docker", "etcd"];

fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..1 + random.below(6) {
        let at = random.below(data.len() + 1);
        match random.below(6) {
            0 => data.truncate(at),
            1 => {
                let word = WORDS.get(random.below(WORDS.len())).copied().unwrap_or_default();
                data.splice(at..at, word.iter().copied());
            }
            2 if at < data.len() => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            3 if at < data.len() => {
                let end = (at + 1 + random.below(16)).min(data.len());
                data.drain(at..end);
            }
            4 if at < data.len() => {
                let end = (at + 1 + random.below(64)).min(data.len());
                let piece: Vec<u8> = data.get(at..end).unwrap_or_default().to_vec();
                let to = random.below(data.len() + 1);
                data.splice(to..to, piece);
            }
            _ => {
                let byte = u8::try_from(random.below(256)).unwrap_or(0);
                data.insert(at, byte);
            }
        }
    }
    data
}

fn seeds(folder: &str) -> Vec<Vec<u8>> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    // Records of a sample are much alike; of the seeds each has its own form.
    for (place, step) in [("../samples", 7), ("fuzz/seeds", 1)] {
        let place = home.join(place);
        let folders: Vec<PathBuf> = match folder {
            "" => FOLDERS.iter().map(|name| place.join(name)).collect(),
            name => vec![place.join(name)],
        };
        for file in folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten() {
            let whole = std::fs::read(file.unwrap().path()).unwrap();
            seeds.extend(whole.split_inclusive(|&byte| byte == b'\n').step_by(step).map(<[u8]>::to_vec));
            seeds.push(whole);
        }
    }
    seeds
}

#[test]
fn targets_hold_over_seeds_and_mutations() {
    for (number, (name, folder, body)) in bodies::TARGETS.iter().enumerate() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::try_from(number).unwrap());
        let seeds = seeds(folder);
        assert!(!seeds.is_empty(), "{name} has seeds");
        for seed in &seeds {
            run(name, *body, seed);
            let mutations = if seed.len() > SEED_BYTES_MAX { 1 } else { MUTATIONS };
            for _ in 0..mutations {
                run(name, *body, &mutated(seed, &mut random));
            }
        }
    }
}

fn run(name: &str, body: fn(&[u8]), data: &[u8]) {
    let done = std::panic::catch_unwind(|| body(data));
    assert!(done.is_ok(), "{name} fails on {:?}", String::from_utf8_lossy(data.get(..2_000).unwrap_or(data)));
}
