//! Runs the binary as a user does, each test in a scratch folder of its own with its own key folder.
//!
//! Not here: what is tested.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A scratch folder with a place for stores and keys.
pub struct Scratch {
    /// Removed at the end.
    pub dir: tempfile::TempDir,
}

/// What a run of the binary gave.
pub struct Run {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Scratch {
    /// An empty one.
    pub fn new() -> Scratch {
        Scratch { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary with its surroundings set.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deponent"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("XDG_STATE_HOME", self.path("keys"))
            .env_remove("DEPONENT_STORE")
            .env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().unwrap())
    }

    /// Runs it; it must end well.
    pub fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "deponent {arguments:?}\n{}{}", run.out, run.err);
        run
    }

    /// Imports files into the store `store`; gives the account.
    pub fn ingest(&self, paths: &[&Path], more: &[&str]) -> Value {
        let mut arguments = vec!["ingest", "--store", "store", "-o", "json", "--node", "node-1", "--cluster", "lab"];
        arguments.extend(more);
        arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
        serde_json::from_str(&self.ok(&arguments).out).unwrap()
    }

    /// Events that match, oldest first.
    pub fn search(&self, query: &str) -> Vec<Value> {
        let run = self.run(&["search", "--store", "store", "-o", "ndjson", "-n", "0", "--reverse", query]);
        assert!(run.code <= 1, "{query}: {}", run.err);
        run.lines()
    }
}

impl Run {
    /// Of a finished process.
    pub fn of(output: &Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Each line of standard output as JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A sample of the repository.
pub fn sample(name: &str) -> PathBuf {
    root().join("samples").join(name)
}

/// The corpus beside the repository, where there is one; `DEPONENT_CORPUS` names another place.
pub fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("DEPONENT_CORPUS").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| root().join("../shared/corpus"));
    dir.join("README.md").exists().then_some(dir)
}

/// A small generator: the same sequence everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}
