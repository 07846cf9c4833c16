//! A store checked by somebody else's code: tests/independent, a Go program on golang.org/x/mod.
//!
//! Skipped where Go or its package golang-golang-x-mod-dev is missing; tests/run installs both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use deponent::evidence::{
    Checkpoint, Door, Draft, Envelope, Position, ProofFile, StoreOptions, VerifierKey, Writer, prove,
};
use deponent::model::{EventId, Moment, RecordKind, RecordRef};

/// Builds the verifier once, as its first lines say.
fn program() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if !Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").exists() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("independent");
        let output = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent"))
            .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
            .env("GOCACHE", dir.path().join("cache"))
            .output()
            .ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some((dir, program))
    });
    built.as_ref().map(|(_, program)| program.as_path())
}

/// A store of 700 entries (two full bundles and a partial one), an older head of it, and a proof under a head in between.
struct Store {
    home: tempfile::TempDir,
    vkey: VerifierKey,
    older: Checkpoint,
    newest: Checkpoint,
}

fn draft(n: u64) -> Draft {
    let records: Vec<String> = (0..=n % 5).map(|number| format!("type=TEST batch={n} record={number}\n")).collect();
    let bytes = records.concat().into_bytes();
    let position =
        Position { file: None, start: 0, end: bytes.len() as u64, head: [1; 32], before: [3; 32], prefix: [2; 32] };
    Draft {
        reading: std::sync::Arc::default(),
        source: "test".to_owned(),
        kind: RecordKind::Auditd,
        cluster: String::new(),
        node: "node-1".to_owned(),
        position,
        continues: false,
        goes_on: false,
        lengths: records.iter().map(|record| u32::try_from(record.len()).unwrap()).collect(),
        bytes,
    }
}

impl Store {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            dir: home.path().join("data"),
            state_home: Some(home.path().join("keys")),
            host: "node-1".to_owned(),
        };
        let mut writer = Writer::open(&options).unwrap();
        let envelope = Envelope::witnessed(Moment { nanos: 1, digits: 9 }, Door::Ingest, None);
        let append = |writer: &mut Writer, count: u64| {
            let from = writer.size();
            for n in from..from + count {
                writer.append(draft(n), &envelope).unwrap();
            }
            writer.publish().unwrap()
        };
        let older = append(&mut writer, 300);
        let name = |name: &str| home.path().join(name);
        fs::copy(options.dir.join("log/checkpoint"), name("older")).unwrap();
        append(&mut writer, 100);
        let refs = [(0, 0), (299, 0), (299, 4), (399, 2)].map(|(leaf, record)| RecordRef { leaf, record });
        let proof = prove(&writer.reader(), EventId([7; 16]), &refs, None).unwrap();
        fs::write(name("proof"), proof.to_text()).unwrap();
        append(&mut writer, 300);
        let newest = writer.close().unwrap();
        let id = newest.origin.rsplit('/').next().unwrap().to_owned();
        let vkey = fs::read_to_string(home.path().join("keys").join(id).join("key.pub")).unwrap();
        Self { vkey: VerifierKey::parse(vkey.trim()).unwrap(), older, newest, home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Standard output and whether it held.
    fn run(&self, program: &Path) -> (String, bool) {
        let output = Command::new(program)
            .arg("-head")
            .arg(self.path("older"))
            .arg(self.path("data"))
            .arg(self.vkey.to_string())
            .arg(self.path("proof"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (text, output.status.success())
    }
}

#[test]
fn go_accepts_what_is_whole() {
    let Some(program) = program() else { return };
    let store = Store::new();
    let (text, held) = store.run(program);
    assert!(held, "{text}");
    for expected in [
        "700 entries, root",
        "entries: 700 read, every batch header signed by node-1/deponent/",
        "rehash: 700 entries give the checkpoint's root",
        "tiles: 4 are the hashes of the entries",
        "350 entries are a prefix of 700",
        "older, 300 entries, is a prefix of 700",
        "entry 299 is in the proof's checkpoint of 400 entries",
        "record 4 of entry 299",
        "4 records, 3 entries",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
    assert_eq!((store.older.size, store.newest.size), (300, 700));
    let proof = ProofFile::parse(&fs::read_to_string(store.path("proof")).unwrap()).unwrap();
    let verdict = proof.verify(Some(&store.vkey)).unwrap();
    assert_eq!((verdict.records.len(), verdict.checkpoints[0].size), (4, 400));
}

#[test]
fn go_refuses_what_was_altered_and_names_the_place() {
    let Some(program) = program() else { return };
    let store = Store::new();
    let check = |name: &str, alter: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let path = store.path(name);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        alter(&mut bytes);
        assert!(bytes != whole, "{name} was not altered");
        fs::write(&path, &bytes).unwrap();
        let (text, held) = store.run(program);
        let last = text.lines().last().unwrap();
        assert!(
            !held && last.starts_with("FAIL ") && last.contains(expected),
            "{name}: {expected:?} is not in:\n{text}"
        );
        fs::write(&path, &whole).unwrap();
    };
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 1;
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: &mut Vec<u8>| {
            let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            bytes.splice(at..at + from.len(), to.bytes());
        }
    };
    check("data/log/checkpoint", &replace("\n700\n", "\n701\n"), "log/checkpoint");
    // In the envelope, which no signature but the tree's covers.
    check("data/log/tile/entries/001", &replace("door ingest", "door ingesu"), "the entries hash to");
    check(
        "data/log/tile/entries/000",
        &replace("node node-1", "node node-2"),
        "tile/entries/000: entry 0: batch header",
    );
    check(
        "data/log/tile/entries/002.p/188",
        &|bytes| bytes.truncate(bytes.len() - 10),
        "tile/entries/002.p/188: cut off in entry 699",
    );
    // The bit that two libraries did not see.
    check("data/log/tile/0/000", &flip(4_711), "tile/0/000");
    check("data/log/tile/0/002.p/188", &flip(17), "tile/0/002.p/188");
    check("data/log/tile/1/000.p/2", &flip(0), "tile/1/000.p/2");
    check("older", &replace("\n300\n", "\n299\n"), "older");
    check("proof", &replace("record 299 4", "record 299 3"), "record 3 of entry 299");
    check("proof", &replace("salt ", "salt 0"), "line 5");
    check("proof", &replace("index 399", "index 398"), "index 399");
    // A rollback of the whole folder: only a head that somebody kept shows it.
    let rolled = Store::new();
    fs::copy(store.path("data/log/checkpoint"), rolled.path("older")).unwrap();
    let (text, held) = rolled.run(program);
    assert!(!held, "{text}");
}
