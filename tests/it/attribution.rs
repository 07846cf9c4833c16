//! Who did it, against ground truth: every process of real runs, asked for its cause, three times with fewer and fewer sources.
//!
//! The answer keys of the corpus are read here and nowhere else. `docs/attribution.md` holds the table that this prints.

use crate::correlation::essence;
use crate::harness::{Dice, Scratch, corpus, root};
use deponent::evidence::Reader;
use deponent::index::Index;
use deponent::query::{Engine, LinkedKind, Question, Search};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Which sources are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    All,
    WithoutContainerd,
    ApiAndAuditd,
}

impl Sources {
    pub const EACH: [Sources; 3] = [Sources::All, Sources::WithoutContainerd, Sources::ApiAndAuditd];

    pub fn name(self) -> &'static str {
        match self {
            Sources::All => "all sources",
            Sources::WithoutContainerd => "without containerd",
            Sources::ApiAndAuditd => "API log and auditd alone",
        }
    }

    pub fn files(self) -> &'static [&'static str] {
        match self {
            Sources::All => &["audit.log", "k8s-audit.log", "kubelet.log", "containerd.log", "containerd-events.log"],
            Sources::WithoutContainerd => &["audit.log", "k8s-audit.log", "kubelet.log"],
            Sources::ApiAndAuditd => &["audit.log", "k8s-audit.log"],
        }
    }
}

/// A store with a part of the corpus.
pub struct Store {
    _scratch: Scratch,
    engine: Engine,
    /// Programs that were started, by process.
    programs: HashMap<u64, Vec<Value>>,
}

impl Store {
    pub fn of(dir: &Path, sources: Sources) -> Store {
        let files: Vec<PathBuf> = sources.files().iter().map(|name| dir.join(name)).collect();
        let scratch = Scratch::new();
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        scratch.ingest(&paths, &[]);
        Store::open(scratch)
    }

    pub fn open(scratch: Scratch) -> Store {
        let store = scratch.path("store");
        let engine = Engine::new(Reader::open(&store).unwrap(), Index::open_read_only(&store.join("index")).unwrap());
        let mut all = Store { _scratch: scratch, engine, programs: HashMap::new() };
        for event in all.search("syscall:execve outcome:success") {
            all.programs.entry(event["how"]["pid"].as_u64().unwrap_or(0)).or_default().push(event);
        }
        all
    }

    pub fn search(&self, q: &str) -> Vec<Value> {
        self.ask(&Question::Search(Search { q: q.to_owned(), ascending: true, ..Search::default() }))
    }

    /// Events that match between two times, in seconds.
    pub fn between(&self, q: &str, since: f64, until: f64) -> Vec<Value> {
        let nanos = |seconds: f64| Some((seconds * 1e6) as i64 * 1000);
        let (since, until) = (nanos(since), nanos(until));
        self.ask(&Question::Search(Search { q: q.to_owned(), since, until, ascending: true, ..Search::default() }))
    }

    pub fn ask(&self, question: &Question) -> Vec<Value> {
        let mut lines = Vec::new();
        self.engine
            .answer(question, deponent::time::now(), &mut |line| {
                lines.push(line);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{question:?}: {error}"));
        lines
    }

    pub fn why(&self, id: &str) -> Value {
        self.ask(&Question::Linked { kind: LinkedKind::Why, name: id.to_owned() }).remove(0)
    }

    /// There were such requests, and none of them has an effect.
    fn refused_caused_nothing(&self, query: &str) {
        let refused = self.search(query);
        assert!(!refused.is_empty(), "{query}");
        for event in refused {
            let name = event["id"].as_str().unwrap().to_owned();
            let lines = self.ask(&Question::Linked { kind: LinkedKind::Effects, name });
            assert_eq!(lines.len(), 1, "the event alone: {lines:?}");
        }
    }

    /// Programs started in containers between two times, by processes that began then: their executables lie on an overlay.
    pub fn in_containers(&self, since: f64, until: f64) -> Vec<&Value> {
        let old = |event: &Value| {
            let mut ppid = event["how"]["ppid"].as_u64().unwrap();
            for _ in 0..20 {
                let Some(parent) =
                    self.programs.get(&ppid).and_then(|all| all.iter().rfind(|one| seconds(one) <= seconds(event)))
                else {
                    return false;
                };
                if inode(parent).starts_with("00:") && seconds(parent) < since {
                    return true;
                }
                ppid = parent["how"]["ppid"].as_u64().unwrap();
            }
            false
        };
        let here = |event: &&Value| (since..until).contains(&seconds(event)) && inode(event).starts_with("00:");
        let mut found: Vec<&Value> =
            self.programs.values().flatten().filter(here).filter(|event| !old(event)).collect();
        found.sort_by(|one, other| seconds(one).total_cmp(&seconds(other)));
        found
    }

    /// The start of a program by a process, near a time.
    fn program(&self, pid: u64, at: f64) -> Option<&Value> {
        let near = |event: &&Value| (seconds(event) - at).abs() < 0.03;
        self.programs
            .get(&pid)?
            .iter()
            .filter(near)
            .min_by(|one, other| (seconds(one) - at).abs().total_cmp(&(seconds(other) - at).abs()))
    }
}

fn inode(event: &Value) -> &str {
    event["what"]["object"]["inode"].as_str().unwrap_or("")
}

pub fn seconds(event: &Value) -> f64 {
    let text = event["when"]["event"].as_str().unwrap();
    let moment = chrono::DateTime::parse_from_rfc3339(text).unwrap();
    moment.timestamp_micros() as f64 / 1e6
}

/// What an answer says of who did it.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Name { who: String, class: String },
    OneOf(BTreeSet<String>),
    Unknown,
}

fn person(name: &Value, r#as: &Value) -> String {
    match r#as.as_str() {
        Some(r#as) => format!("{} as {as}", name.as_str().unwrap_or(""), as = r#as),
        None => name.as_str().unwrap_or("").to_owned(),
    }
}

pub fn said(why: &Value) -> Said {
    let root = &why["root"];
    match root["kind"].as_str().unwrap() {
        "unknown" => Said::Unknown,
        "ambiguous" => {
            let candidates = root["candidates"].as_array().unwrap();
            Said::OneOf(candidates.iter().map(|one| person(&one["name"], &one["as"])).collect())
        }
        _ => Said::Name {
            who: person(&root["name"], &root["as"]),
            class: root["class"].as_str().unwrap_or("").to_owned(),
        },
    }
}

/// One line of a table.
#[derive(Default)]
pub struct Count {
    pub right: BTreeMap<String, usize>,
    pub one_of: usize,
    one_of_too_many: usize,
    one_of_without: usize,
    unknown: usize,
    pub wrong: Vec<String>,
}

impl Count {
    pub fn add(&mut self, truth: Option<&str>, indistinguishable: bool, said: &Said, about: &str) {
        match (truth, said) {
            (Some(truth), Said::Name { who, class }) if who == truth => {
                *self.right.entry(class.clone()).or_default() += 1;
            }
            (None, Said::Unknown) => *self.right.entry("nobody".to_owned()).or_default() += 1,
            (_, Said::Name { who, class }) => {
                self.wrong.push(format!("{about}: {who} ({class}) is blamed, it was {truth:?}"));
            }
            (Some(truth), Said::OneOf(names)) if names.contains(truth) => {
                if indistinguishable {
                    self.one_of += 1
                } else {
                    self.one_of_too_many += 1
                }
            }
            (_, Said::OneOf(_)) => self.one_of_without += 1,
            (Some(_), Said::Unknown) => self.unknown += 1,
        }
    }

    pub fn sum(&self) -> usize {
        self.right.values().sum::<usize>()
            + self.one_of
            + self.one_of_too_many
            + self.one_of_without
            + self.unknown
            + self.wrong.len()
    }

    pub fn row(&self, name: &str) -> String {
        let class = |class: &str| self.right.get(class).copied().unwrap_or(0);
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            self.sum(),
            class("PROVEN"),
            class("STRONG"),
            class("CONSISTENT"),
            class("nobody"),
            self.one_of,
            self.one_of_too_many,
            self.one_of_without,
            self.unknown,
            self.wrong.len()
        )
    }
}

pub const HEAD: &str = "| what | asked | PROVEN | STRONG | CONSISTENT | nobody, rightly | one of, rightly | one of, could be told | one of, right one missing | unknown | wrong |\n|---|---|---|---|---|---|---|---|---|---|---|\n";

pub fn truth(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("ground-truth.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every process of the run with many sessions at once: nobody is ever blamed wrongly, and with all sources nearly everybody is found.
#[test]
fn overlapping_sessions() {
    let Some(corpus) = corpus() else { return };
    let dir = corpus.join("overlap");
    let truth = truth(&dir);
    let mut table = String::new();
    for sources in Sources::EACH {
        let store = Store::of(&dir, sources);
        let (mut processes, mut sessions) = (BTreeMap::<&str, Count>::new(), Count::default());
        let mut unseen = 0;
        for session in &truth {
            let who = session["user"].as_str().map(|user| match session["impersonator"].as_str() {
                Some(real) => format!("{real} as {user}"),
                None => user.to_owned(),
            });
            let same = session["indistinguishable_from_strict_50ms"].as_array().is_some_and(|list| !list.is_empty());
            let group = match session["kind"].as_str().unwrap() {
                "probe" => "probes",
                "ctr-exec" | "nsenter" | "nsenter-cgroup" => "past the API server (ctr exec, nsenter)",
                _ => "sessions",
            };
            let mut first = None;
            for process in session["procs"].as_array().unwrap() {
                for exec in process["execs"].as_array().unwrap() {
                    let (pid, at) = (process["pid"].as_u64().unwrap(), exec["t"].as_f64().unwrap());
                    let Some(event) = store.program(pid, at) else {
                        unseen += 1;
                        continue;
                    };
                    let id = event["id"].as_str().unwrap();
                    let said = said(&store.why(id));
                    let about = format!("{} {} pid {pid} {id}", session["id"].as_str().unwrap(), session["kind"]);
                    processes.entry(group).or_default().add(who.as_deref(), same, &said, &about);
                    first.get_or_insert(said);
                }
            }
            if group == "sessions"
                && let Some(first) = first
            {
                sessions.add(who.as_deref(), same, &first, session["id"].as_str().unwrap());
            }
        }
        store.refused_caused_nothing("who:ci-bot action:exec outcome:denied");
        let _ = write!(table, "\noverlap, {}\n\n{HEAD}", sources.name());
        table.push_str(&sessions.row("first processes of sessions"));
        for (name, count) in &processes {
            table.push_str(&count.row(&format!("all processes: {name}")));
        }
        let _ = writeln!(table, "\nexecs of the answer key without a record: {unseen}");
        println!("{table}");
        for count in processes.values() {
            assert_eq!(count.wrong, Vec::<String>::new(), "{}", sources.name());
        }
        if sources == Sources::All {
            let good = sessions.right.values().sum::<usize>() + sessions.one_of;
            assert!(good * 100 >= sessions.sum() * 95, "{good} of {}", sessions.sum());
            assert_eq!(sessions.one_of_without, 0);
        }
    }
    compare("overlap", &table);
}

/// Steps of the lab that made processes in containers through the API server, and those that made none.
const STEPS: &[&str] = &["A1", "A2", "A2b", "A3", "A4", "A7", "A8", "C1", "C3"];

/// Each exec, copy and debug container of scenarios a and c names the right person; a denied attempt names nobody.
#[test]
fn the_lab() {
    let Some(corpus) = corpus() else { return };
    let dir = corpus.join("lab");
    let truth = truth(&dir);
    let mut table = String::new();
    for sources in Sources::EACH {
        let store = Store::of(&dir, sources);
        let mut rows = String::new();
        let (mut asked, mut wrong) = (0, Vec::new());
        for step in &truth {
            let name = step["step"].as_str().unwrap();
            if !STEPS.contains(&name) {
                continue;
            }
            let (since, until) = (step["start"].as_f64().unwrap() - 0.05, step["end"].as_f64().unwrap() + 0.1);
            let who = step["who"].as_str().unwrap().split(' ').next().unwrap();
            let mut count = Count::default();
            for event in store.in_containers(since, until) {
                let id = event["id"].as_str().unwrap();
                count.add(Some(who), false, &said(&store.why(id)), &format!("{name} {} {id}", event["how"]["argv"]));
            }
            asked += count.sum();
            wrong.append(&mut count.wrong.clone());
            if sources == Sources::All {
                let named: usize = count.right.values().sum();
                assert_eq!(named, count.sum(), "{name}: {}", count.row(name));
            }
            rows.push_str(&count.row(&format!("{name}: {}", step["how"].as_str().unwrap())));
        }
        let mut streams = Count::default();
        for (action, who) in [("http-attach", "bob@example.com"), ("http-port-forward", "alice@example.com")] {
            for event in store.search(&format!("action:{action}")) {
                streams.add(Some(who), false, &said(&store.why(event["id"].as_str().unwrap())), action);
            }
        }
        wrong.append(&mut streams.wrong.clone());
        rows.push_str(&streams.row("A6, A9: the kubelet's lines of attach and port-forward"));
        let _ = write!(table, "\nlab, {}\n\n{HEAD}{rows}", sources.name());
        println!("{table}");
        assert_eq!(wrong, Vec::<String>::new(), "{}", sources.name());
        assert!(asked >= 20, "{asked}");
        // kubectl asks for the pod first, so that is what was refused.
        store.refused_caused_nothing("who:mallory@example.com outcome:denied kind:pods");
    }
    compare("lab", &table);
}

/// Pieces of the lab's files in any order, each read by a run of its own: the same answers.
#[test]
fn order_changes_no_answer_of_the_lab() {
    let Some(corpus) = corpus() else { return };
    let dir = corpus.join("lab");
    let whole = Store::of(&dir, Sources::All);
    let mut dice = Dice(23);
    let mut pieces: Vec<(&str, String)> = Vec::new();
    for name in Sources::All.files() {
        let text = std::fs::read_to_string(dir.join(name)).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for piece in lines.chunks(lines.len().div_ceil(4)) {
            let mut piece = piece.to_vec();
            // A value of the kubelet's log goes on over several lines.
            if name.ends_with("audit.log") {
                dice.shuffle(&mut piece);
            }
            pieces.push((name, piece.concat()));
        }
    }
    dice.shuffle(&mut pieces);
    let scratch = Scratch::new();
    for (number, (name, piece)) in pieces.iter().enumerate() {
        let path = scratch.write(&format!("{number}/{name}"), piece);
        let kind = match *name {
            "audit.log" => "auditd",
            "k8s-audit.log" => "kubernetes-audit",
            "kubelet.log" => "kubelet",
            "containerd.log" => "containerd",
            _ => "containerd-events",
        };
        scratch.ingest(&[&path], &["--kind", kind]);
    }
    let shuffled = Store::open(scratch);
    let truth = truth(&dir);
    let mut asked = 0;
    for step in truth.iter().filter(|step| STEPS.contains(&step["step"].as_str().unwrap())) {
        let (since, until) = (step["start"].as_f64().unwrap() - 0.05, step["end"].as_f64().unwrap() + 0.1);
        for event in whole.in_containers(since, until) {
            let id = event["id"].as_str().unwrap();
            assert_eq!(essence(&shuffled.why(id)), essence(&whole.why(id)), "{id}");
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
}

/// `docs/attribution.md` says what was found; `UPDATE_GOLDEN=1` writes it.
pub fn compare(name: &str, table: &str) {
    let path = root().join("docs/attribution.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (Some(from), Some(to)) = (page.find(&start), page.find(&end)) else {
        assert!(std::env::var_os("DEPONENT_ANY").is_some(), "docs/attribution.md has no place for {name}");
        return;
    };
    let there = &page[from + start.len()..to];
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let mut page = page.clone();
        page.replace_range(from + start.len()..to, table);
        std::fs::write(&path, page).unwrap();
        return;
    }
    assert_eq!(there, table, "docs/attribution.md is not what was found; UPDATE_GOLDEN=1 writes it");
}
