//! Figures of the index room: events a second, bytes an event, milliseconds a search, on events made up to look like
//! auditd's and the API server's. `cargo bench --bench index_room -- [events]`.
//!
//! Not here: the end-to-end figures (`docs/benchmarks.md`), the other rooms (`rooms`).

use deponent::index::{FIELDS, Field, Index, IndexStore, Order, Places, Plan, TermTest, Window};
use deponent::model::{
    AssertedBy, Effective, Event, EventId, How, Login, Moment, Object, Outcome, RecordRef, Source, Str, What, When,
    Where, Who, WhoKind, Why,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// SplitMix64: the same events at every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `n`, small numbers far more often than large ones, as in logs.
    fn skewed(&mut self, n: u64) -> u64 {
        let (one, two) = (self.next() % n, self.next() % n);
        one * two / n
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

fn pick(dice: &mut Dice, among: &[&'static str]) -> &'static str {
    let at = usize::try_from(dice.skewed(among.len() as u64)).unwrap_or(0);
    among.get(at).copied().unwrap_or("")
}

fn some(text: impl AsRef<str>) -> Option<Str> {
    Some(text.as_ref().into())
}

fn blank(dice: &mut Dice, nanos: i64, digits: u8, source: Source) -> Event {
    let id = u128::from(dice.next()) << 64 | u128::from(dice.next());
    Event {
        id: EventId(id.to_be_bytes()),
        source,
        when: When { event: Moment { nanos, digits }, received: None, end: None },
        who: Who::default(),
        what: What::default(),
        r#where: Where::default(),
        how: How::default(),
        why: Why::default(),
        issues: Vec::new(),
        evidence: Vec::new(),
        records: Vec::new(),
    }
}

const START: i64 = 1_784_000_000_000_000_000;

fn auditd(n: u64, dice: &mut Dice) -> Event {
    let mut event = blank(dice, START + i64::try_from(n).unwrap_or(0) / 3 * 4_000_000, 3, Source::Linux);
    let user = dice.skewed(40);
    let uid = u32::try_from(1_000 + user).ok();
    event.who = Who {
        name: some(format!("user{user}")),
        kind: WhoKind::Login,
        asserted_by: Some(AssertedBy::Kernel),
        login: Some(Login { auid: uid, name: some(format!("user{user}")), ses: u32::try_from(dice.skewed(300)).ok() }),
        effective: Some(Effective { uid, name: some(format!("user{user}")), gid: uid }),
        ..Who::default()
    };
    let mut file = |role: &str| {
        let path = dice.skewed(20_000);
        Object {
            kind: some("file"),
            path: some(format!("/usr/lib/python3/dist-packages/package{}/module{path}.py", path % 300)),
            inode: some(format!("fe:00/{}", 1_000_000 + path * 7)),
            role: some(role),
            ..Object::default()
        }
    };
    let objects = vec![file("NORMAL"), file("PARENT")];
    let action = pick(dice, &["opened-file", "executed", "connected-to"]);
    event.what = What {
        action: action.into(),
        object: objects.first().cloned(),
        objects,
        outcome: if dice.next().is_multiple_of(20) { Outcome::Denied } else { Outcome::Success },
        code: some(if dice.next().is_multiple_of(20) { "-13 EACCES" } else { "0" }),
        message: None,
    };
    event.r#where = Where { node: some("node-1"), cwd: some(format!("/home/user{user}")), ..Where::default() };
    let exe = dice.skewed(50);
    event.how = How {
        exe: some(format!("/usr/bin/program{exe}")),
        argv: (0..3).map(|at| format!("--option{at}={}", dice.skewed(500)).into()).collect(),
        pid: u32::try_from(1_000 + n / 9 % 4_000_000).ok(),
        ppid: u32::try_from(1_000 + n / 90).ok(),
        comm: some(format!("program{exe}")),
        tty: some("pts0"),
        syscall: some(action),
        ..How::default()
    };
    event.why.keys = vec![format!("audit-{}", dice.skewed(12)).into()];
    event
}

fn kubernetes(n: u64, dice: &mut Dice) -> Event {
    let mut event = blank(dice, START + i64::try_from(n).unwrap_or(0) * 9_321_000, 6, Source::Kubernetes);
    let who = dice.skewed(60);
    event.who = Who {
        name: some(format!("system:serviceaccount:kube-system:controller-{who}")),
        kind: WhoKind::ServiceAccount,
        asserted_by: Some(AssertedBy::Apiserver),
        groups: vec!["system:serviceaccounts".into(), "system:authenticated".into()],
        credential: some(format!("JTI=0f{who:034}")),
        address: some(format!("10.0.0.{who}")),
        ..Who::default()
    };
    let (namespace, name) =
        (format!("team-{}", dice.skewed(30)), format!("web-{}-{}", dice.skewed(400), dice.skewed(20)));
    let verb = pick(dice, &["get", "list", "watch", "update", "create"]);
    let object = Object { kind: some("pods"), namespace: some(&namespace), name: some(&name), ..Object::default() };
    event.what = What {
        action: verb.into(),
        object: Some(object),
        outcome: Outcome::Success,
        code: some("200"),
        ..What::default()
    };
    event.r#where = Where { cluster: some("prod"), namespace: some(&namespace), pod: some(&name), ..Where::default() };
    event.how = How {
        user_agent: some("kube-controller-manager/v1.36.0 (linux/amd64) kubernetes/abcdef0"),
        verb: some(verb),
        request_uri: some(format!("/api/v1/namespaces/{namespace}/pods/{name}?timeout=10s")),
        audit_id: some(dice.uuid()),
        stages: vec![("RequestReceived".into(), event.when.event), ("ResponseComplete".into(), event.when.event)],
        ..How::default()
    };
    event.why.reason = some(format!("RBAC: allowed by ClusterRoleBinding \"system:controller:{who}\""));
    event
}

/// Processor seconds of this process so far, all threads: steadier than wall time on a busy machine.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

fn bytes_of(dir: &Path) -> (u64, Vec<(String, u64)>) {
    let mut kinds: std::collections::BTreeMap<String, u64> = Default::default();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let kind = entry.path().extension().map_or_else(String::new, |kind| kind.to_string_lossy().into_owned());
        *kinds.entry(kind).or_default() += entry.metadata().map_or(0, |meta| meta.len());
    }
    (kinds.values().sum(), kinds.into_iter().collect())
}

fn field(name: &str) -> &'static Field {
    FIELDS.iter().find(|field| field.name == name).expect("a field of the table")
}

fn is(name: &str, value: &str) -> Plan {
    Plan::Terms { fields: vec![field(name)], test: TermTest::Is(value.to_owned()) }
}

fn word(word: &'static str) -> Plan {
    let fields = FIELDS.iter().filter(|field| field.bare).collect();
    let holds = Arc::new(move |value: &str| value.contains(word));
    Plan::Terms { fields, test: TermTest::Predicate { prefix: String::new(), holds } }
}

fn timed(what: &str, mut run: impl FnMut() -> u64) {
    let mut times = Vec::new();
    let mut result = 0;
    for _ in 0..41 {
        let start = Instant::now();
        result = run();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(0.0);
    println!("  {what:34} p50 {:8.3} ms  p99 {:8.3} ms  → {result}", at(50), at(99));
}

type Make = fn(u64, &mut Dice) -> Event;

fn fill(dir: &Path, events: u64, make: Make) {
    let mut dice = Dice(7);
    let batch = 20_000;
    let mut store = IndexStore::open(dir, deponent::index::HEAP_BYTES_DEFAULT).expect("a new index");
    let (mut busy, mut processor, mut done) = (0.0, 0.0, 0);
    while done < events {
        let made: Vec<(Event, Places)> = (done..(done + batch).min(events))
            .map(|n| {
                let first = u32::try_from(n % 250 * 4).unwrap_or(0);
                let records: Vec<RecordRef> =
                    (first..first + 4).map(|record| RecordRef { leaf: n / 250, record }).collect();
                (make(n, &mut dice), Places::of(&records).expect("small numbers"))
            })
            .collect();
        done += made.len() as u64;
        let (start, processor_start) = (Instant::now(), processor_s());
        for (event, places) in &made {
            let there = store.find(event.id, event.when.event.nanos).expect("a look-up").is_some();
            store.put(event, places, there).expect("an event");
        }
        // As a bulk ingest does it: a commit every so many events.
        if done.is_multiple_of(200_000) || done >= events {
            store.commit(done / 250).expect("a commit");
        }
        busy += start.elapsed().as_secs_f64();
        processor += processor_s() - processor_start;
    }
    let each = processor * 1e6 / events as f64;
    println!("  {:.0} events/s, put to committed; {each:.1} µs of processor an event", events as f64 / busy);
    let start = Instant::now();
    store.close().expect("merges");
    println!("  merges took {:.2} s more", start.elapsed().as_secs_f64());
    let (bytes, kinds) = bytes_of(dir);
    println!("  {:.1} bytes an event: {:?}", bytes as f64 / events as f64, kinds);
}

fn ask(dir: &Path, name: &str, user: &str) {
    let start = Instant::now();
    let index = Index::open_read_only(dir).expect("an index");
    println!("  opened in {:.2} ms: {:?}", start.elapsed().as_secs_f64() * 1e3, index.searcher());
    let searcher = index.searcher();
    let page = |plan: &Plan, window, limit| {
        let found = searcher.search(plan, window, Order::Newest, None, limit, None, Some(u64::MAX));
        found.map_or(0, |hits| hits.len() as u64)
    };
    let (first, last) = searcher.span().unwrap_or((0, 0));
    let hour =
        Window { since: Some(first + (last - first) / 2), until: Some(first + (last - first) / 2 + 600_000_000_000) };
    let who = Plan::Terms { fields: vec![field("who.name"), field("who.as")], test: TermTest::Is(user.to_owned()) };
    let both = Plan::And(vec![who.clone(), is("what.action", if name == "auditd" { "executed" } else { "create" })]);
    timed("newest 100 of all", || page(&Plan::Everything, Window::ALL, 100));
    timed("who:x newest 100", || page(&who, Window::ALL, 100));
    timed("who:x and action, newest 100", || page(&both, Window::ALL, 100));
    timed("who:x in ten minutes", || page(&who, hour, 100));
    timed("not who:x newest 100", || page(&Plan::Not(Box::new(who.clone())), Window::ALL, 100));
    timed("bare word, newest 100", || page(&word("module77"), Window::ALL, 100));
    timed("count of outcome:success", || searcher.count(&is("what.outcome", "success"), Window::ALL).unwrap_or(0));
    let top = |name| searcher.top(&both, Window::ALL, &[field(name)], 10).map_or(0, |top| top.distinct);
    timed("top who.name of the filtered", || top("who.name"));
    timed("top path of the filtered", || top("what.object.path"));
    timed("top who.name of all", || {
        searcher.top(&Plan::Everything, Window::ALL, &[field("who.name")], 10).map_or(0, |top| top.distinct)
    });
    let width = ((last - first) / 100).max(1);
    timed("hist of all", || searcher.hist(&Plan::Everything, Window::ALL, width).map_or(0, |hist| hist.len() as u64));
    timed("hist of who:x", || searcher.hist(&who, Window::ALL, width).map_or(0, |hist| hist.len() as u64));
    let id = searcher.search(&both, Window::ALL, Order::Newest, None, 1, None, None).unwrap_or_default();
    if let Some(hit) = id.first() {
        timed("find id", || u64::from(searcher.find(hit.id).is_ok_and(|found| found.is_some())));
    }
}

fn main() {
    let events = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(400_000);
    let makers: [(&str, &str, Make); 2] =
        [("auditd", "user7", auditd), ("kubernetes", "system:serviceaccount:kube-system:controller-7", kubernetes)];
    for (name, user, make) in makers {
        println!("{name}, {events} events");
        let dir = tempfile::tempdir().expect("a folder");
        fill(dir.path(), events, make);
        ask(dir.path(), name, user);
    }
}
