//! Tests of the index against a plain evaluation of the same events.

use super::*;
use crate::model::{
    AssertedBy, Event, EventId, How, IdPrefix, Moment, Object, Outcome, RecordRef, Source, What, When, Where, Who,
    WhoKind, Why,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

pub(super) const HEAP: usize = 15 << 20;

/// A small event: everything of it follows from the arguments.
pub(super) fn event(id: u128, when: i64, name: &str, paths: &[&str]) -> Event {
    let object = |path: &&str| Object { path: Some((*path).into()), ..Object::default() };
    Event {
        id: EventId(id.to_be_bytes()),
        source: Source::Linux,
        when: When { event: Moment { nanos: when, digits: 3 }, received: None, end: None },
        who: Who {
            name: Some(name.into()),
            kind: WhoKind::Login,
            asserted_by: Some(AssertedBy::Kernel),
            r#as: (when % 2 == 0).then(|| name.into()),
            ..Who::default()
        },
        what: What {
            action: "opened-file".into(),
            objects: paths.iter().map(object).collect(),
            outcome: Outcome::Success,
            ..What::default()
        },
        r#where: Where::default(),
        how: How { pid: u32::try_from(when.rem_euclid(7)).ok(), ..How::default() },
        why: Why::default(),
        issues: Vec::new(),
        evidence: Vec::new(),
        records: Vec::new(),
    }
}

pub(super) fn places(records: &[(u64, u32)]) -> Places {
    let records: Vec<RecordRef> = records.iter().map(|&(leaf, record)| RecordRef { leaf, record }).collect();
    Places::of(&records).unwrap()
}

fn field(name: &str) -> &'static Field {
    FIELDS.iter().find(|field| field.name == name).unwrap()
}

fn values(event: &Event, field: &Field) -> Vec<String> {
    let mut found = Vec::new();
    (field.values)(event, &mut |value| found.push(indexed_value(value).to_owned()));
    found
}

fn is(name: &str, value: &str) -> Plan {
    Plan::Terms { fields: vec![field(name)], test: TermTest::Is(value.to_owned()) }
}

fn matches(plan: &Plan, event: &Event) -> bool {
    match plan {
        Plan::Everything => true,
        Plan::Nothing => false,
        Plan::And(parts) => parts.iter().all(|part| matches(part, event)),
        Plan::Or(parts) => parts.iter().any(|part| matches(part, event)),
        Plan::Not(inner) => !matches(inner, event),
        Plan::Terms { fields, test } => fields.iter().flat_map(|field| values(event, field)).any(|value| match test {
            TermTest::Any => true,
            TermTest::Is(wanted) => value == indexed_value(wanted),
            TermTest::Predicate { prefix, holds } => value.starts_with(prefix.as_str()) && holds(&value),
        }),
    }
}

type Events = HashMap<EventId, (Event, Places)>;

/// All hits of these events that match, ascending by time and id.
fn expected(events: &Events, plan: &Plan, window: Window) -> Vec<Hit> {
    let mut hits: Vec<Hit> = events
        .values()
        .filter(|(event, _)| window.contains(event.when.event.nanos) && matches(plan, event))
        .map(|(event, places)| Hit { id: event.id, when: event.when.event.nanos, places: places.clone() })
        .collect();
    hits.sort_by_key(|hit| (hit.when, hit.id));
    hits
}

/// All pages of a search, one after the other.
fn pages(searcher: &Searcher, plan: &Plan, window: Window, order: Order, size: usize) -> Vec<Hit> {
    let mut all: Vec<Hit> = Vec::new();
    loop {
        let after = all.last().map(|hit| (hit.when, hit.id));
        let page = searcher.search(plan, window, order, after, size, None, None).unwrap();
        assert!(page.len() <= size);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn compare(searcher: &Searcher, events: &Events, plan: &Plan, window: Window, size: usize) {
    let mut hits = expected(events, plan, window);
    assert_eq!(searcher.count(plan, window).unwrap(), hits.len() as u64, "{plan:?} {window:?}");
    assert_eq!(pages(searcher, plan, window, Order::Oldest, size), hits, "{plan:?} {window:?}");
    compare_hist(searcher, &hits, plan, window);
    let fields = [field("who.name"), field("who.as"), field("what.object.path")];
    for fields in [&fields[..2], &fields[2..], &fields] {
        compare_top(searcher, events, &hits, (plan, window), fields, 3);
    }
    let mut walked = Vec::new();
    for by_leaf in [false, true] {
        walked.clear();
        let mut each = |hit: Hit| {
            walked.push(hit);
            ControlFlow::Continue(())
        };
        searcher.for_each(plan, window, by_leaf, &mut each).unwrap();
        let place = |hit: &Hit| hit.places.iter().next();
        assert!(!by_leaf || walked.is_sorted_by_key(place), "by leaf");
        walked.sort_by_key(|hit| (hit.when, hit.id));
        assert_eq!(walked, hits);
    }
    hits.reverse();
    assert_eq!(pages(searcher, plan, window, Order::Newest, size), hits, "{plan:?} {window:?}");
}

fn compare_hist(searcher: &Searcher, hits: &[Hit], plan: &Plan, window: Window) {
    for width in [1i64, 7, 1_000] {
        let mut buckets: BTreeMap<i64, u64> = BTreeMap::new();
        hits.iter().for_each(|hit| *buckets.entry(hit.when.div_euclid(width) * width).or_default() += 1);
        assert_eq!(searcher.hist(plan, window, width).unwrap(), buckets.into_iter().collect::<Vec<_>>());
    }
}

fn compare_top(s: &Searcher, events: &Events, hits: &[Hit], ask: (&Plan, Window), fields: &[&Field], limit: usize) {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for hit in hits {
        let event = &events[&hit.id].0;
        let distinct: BTreeSet<String> = fields.iter().flat_map(|field| values(event, field)).collect();
        distinct.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
    }
    let mut sorted: Vec<(String, u64)> = counts.into_iter().collect();
    sorted.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    let distinct = sorted.len() as u64;
    let others = sorted.iter().skip(limit).map(|(_, count)| count).sum();
    sorted.truncate(limit);
    assert_eq!(s.top(ask.0, ask.1, fields, limit).unwrap(), Top { values: sorted, distinct, others });
}

fn plans() -> impl Strategy<Value = Plan> {
    let names = prop::sample::select(vec!["who.name", "who.as", "what.object.path", "how.pid", "where.pod"]);
    let texts = prop::sample::select(vec!["", "a", "ab", "b", "ä", "/etc/a", "/etc/ab", "3", "nothing"]);
    let terms = (prop::collection::vec(names, 0..3), texts, 0..4).prop_map(|(names, text, kind)| {
        let prefix = text.to_owned();
        let test = match kind {
            0 => TermTest::Any,
            1 => TermTest::Is(prefix),
            2 => TermTest::Predicate { prefix, holds: Arc::new(|value| value.len() % 2 == 0) },
            _ => TermTest::Predicate { prefix: String::new(), holds: Arc::new(move |value| value.contains(&prefix)) },
        };
        Plan::Terms { fields: names.into_iter().map(field).collect(), test }
    });
    let leaf = prop_oneof![1 => Just(Plan::Everything), 1 => Just(Plan::Nothing), 8 => terms];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Plan::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Plan::Or),
            inner.prop_map(|plan| Plan::Not(Box::new(plan))),
        ]
    })
}

/// What is done to the index: events put (an id that is there is an amendment), and commits.
#[derive(Debug, Clone)]
enum Step {
    Put { id: u8, paths: Vec<&'static str>, leaf: u64 },
    Commit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let paths = prop::collection::vec(prop::sample::select(vec!["/etc/a", "/etc/ab", "b", ""]), 0..4);
    let put = (0u8..40, paths, 0u64..20).prop_map(|(id, paths, leaf)| Step::Put { id, paths, leaf });
    prop::collection::vec(prop_oneof![12 => put, 1 => Just(Step::Commit)], 1..120)
}

/// Ids of which many share their upper 64 bits; time follows from the id, as it never changes.
fn small_event(id: u8, paths: &[&str]) -> Event {
    let names = ["a", "ab", "b", "ä"];
    let number = u128::from(id % 5) << 120 | u128::from(id % 2) << 64 | u128::from(id);
    event(number, i64::from(id / 3) - 5, names[usize::from(id) % 4], paths)
}

fn apply(store: &mut IndexStore, events: &mut Events, step: &Step) {
    match step {
        Step::Put { id, paths, leaf } => {
            let event = small_event(*id, paths);
            let known = store.find(event.id, event.when.event.nanos).unwrap();
            assert_eq!(known, events.get(&event.id).map(|(_, places)| places.clone()));
            let mut at = places(&[(*leaf, u32::from(*id))]);
            at.merge(known.as_ref().unwrap_or(&Places::new()));
            store.put(&event, &at, known.is_some()).unwrap();
            events.insert(event.id, (event, at));
        }
        Step::Commit => store.commit(store.covers() + 1).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn like_a_plain_evaluation(
        steps in steps(),
        asked in prop::collection::vec((plans(), prop::option::of(-6i64..10), prop::option::of(-6i64..10)), 1..12),
        size in 1usize..9,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
        let mut events = Events::new();
        steps.iter().for_each(|step| apply(&mut store, &mut events, step));
        store.commit(99).unwrap();
        let searcher = store.searcher();
        prop_assert_eq!(searcher.events(), events.len() as u64);
        for (plan, since, until) in &asked {
            compare(&searcher, &events, plan, Window { since: *since, until: *until }, size);
        }
        for (id, (event, places)) in &events {
            let hit = Hit { id: *id, when: event.when.event.nanos, places: places.clone() };
            prop_assert_eq!(searcher.find(*id).unwrap(), Some(hit.clone()));
            prop_assert_eq!(searcher.find_at(*id, hit.when).unwrap(), Some(hit));
        }
        let times: Vec<i64> = events.values().map(|(event, _)| event.when.event.nanos).collect();
        let span = times.iter().min().copied().zip(times.iter().max().copied());
        prop_assert_eq!(searcher.span(), span);
    }
}

/// Enough events for several blocks and segments, with times that go back and forth and repeat.
fn filled(dir: &Path) -> (IndexStore, Events) {
    let mut store = IndexStore::open(dir, HEAP).unwrap();
    let mut events = Events::new();
    for n in 0..9_000u64 {
        let hash = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let when = i64::try_from(n / 4).unwrap() + i64::try_from(hash % 50).unwrap();
        let name = format!("user-{}", n % 17);
        let event = event(hash, when, &name, &["/etc/passwd", ["/a", "/b", "/c"][usize::try_from(hash % 3).unwrap()]]);
        let at = places(&[(n / 50, u32::try_from(n % 50).unwrap())]);
        store.put(&event, &at, false).unwrap();
        events.insert(event.id, (event, at));
        if n % 3_500 == 3_499 {
            store.commit(n / 50).unwrap();
        }
    }
    store.commit(180).unwrap();
    (store, events)
}

#[test]
fn many_blocks_and_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (store, events) = filled(dir.path());
    let searcher = store.searcher();
    let windows = [(None, None), (Some(1_000), Some(1_100)), (Some(2_000), None), (None, Some(3)), (Some(9_999), None)];
    for (since, until) in windows {
        let window = Window { since, until };
        for plan in [Plan::Everything, is("who.name", "user-3"), Plan::Not(Box::new(is("what.object.path", "/a")))] {
            compare(&searcher, &events, &plan, window, 400);
        }
    }
    let whole = searcher.select(&Plan::Everything, Window::ALL).unwrap();
    let rounds = whole.leaves_in_rounds_of(700);
    assert_eq!(rounds.len(), events.len());
    assert!(rounds.is_sorted_by_key(|hit| hit.places.iter().next()));
    assert_eq!(whole.page(Order::Newest, None, 0).unwrap(), []);
    assert_eq!(whole.page(Order::Newest, None, usize::MAX).unwrap().len(), events.len());
}

#[test]
fn only_events_of_some_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let (store, events) = filled(dir.path());
    for (from, below) in
        [(None, Some(100)), (Some(100), None), (Some(60), Some(61)), (Some(0), Some(180)), (Some(180), None)]
    {
        let searcher = store.searcher();
        let found = searcher
            .search(&is("who.name", "user-3"), Window::ALL, Order::Oldest, None, usize::MAX, from, below)
            .unwrap();
        let inside = |hit: &Hit| {
            let leaf = hit.places.leaf_first().unwrap();
            from.is_none_or(|from| leaf >= from) && below.is_none_or(|below| leaf < below)
        };
        let mut wanted = expected(&events, &is("who.name", "user-3"), Window::ALL);
        wanted.retain(inside);
        assert_eq!(found, wanted, "{from:?} {below:?}");
    }
}

#[test]
fn prefixes_of_ids() {
    let dir = tempfile::tempdir().unwrap();
    let (store, events) = filled(dir.path());
    let mut ids: Vec<EventId> = events.keys().copied().collect();
    ids.sort();
    for (len, limit) in [(1, 10_000), (1, 3), (2, 1_000), (3, 100), (5, 100), (26, 100), (26, 0)] {
        for id in ids.iter().step_by(997) {
            let prefix = IdPrefix::parse(&id.to_string()[..len]).unwrap();
            let wanted: Vec<EventId> = ids.iter().copied().filter(|id| prefix.contains(*id)).take(limit).collect();
            let found = store.searcher().find_prefix(prefix, limit).unwrap();
            assert_eq!(found.iter().map(|hit| hit.id).collect::<Vec<_>>(), wanted, "{len} characters");
        }
    }
    assert_eq!(store.searcher().find(EventId([0; 16])).unwrap(), None);
}

#[test]
fn amended_within_one_commit_and_across() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    // Equal in the upper 64 bits.
    let (first, twin) = (event(7 << 64 | 1, 5, "a", &["/a"]), event(7 << 64 | 2, 5, "b", &["/b"]));
    store.put(&first, &places(&[(0, 0)]), false).unwrap();
    store.put(&twin, &places(&[(0, 1)]), false).unwrap();
    store.put(&first, &places(&[(0, 0), (0, 2)]), true).unwrap();
    assert_eq!(store.find(first.id, 5).unwrap(), Some(places(&[(0, 0), (0, 2)])), "before the commit");
    assert_eq!(store.pending(), 2);
    store.commit(1).unwrap();
    assert_eq!((store.pending(), store.searcher().events()), (0, 2));
    let before = store.searcher();
    store.put(&event(7 << 64 | 1, 5, "c", &[]), &places(&[(0, 0), (0, 2), (1, 0)]), true).unwrap();
    assert_eq!(store.searcher().count(&is("who.name", "a"), Window::ALL).unwrap(), 1, "not before the commit");
    store.commit(2).unwrap();
    let after = store.searcher();
    for (searcher, name, count) in [(&before, "a", 1), (&after, "a", 0), (&after, "b", 1), (&after, "c", 1)] {
        assert_eq!(searcher.count(&is("who.name", name), Window::ALL).unwrap(), count, "{name}");
    }
    assert_eq!(after.find(first.id).unwrap().unwrap().places, places(&[(0, 0), (0, 2), (1, 0)]));
    assert_eq!(after.top(&Plan::Everything, Window::ALL, &[field("who.name")], 9).unwrap().distinct, 2);
    store.remove(twin.id, 5).unwrap();
    store.commit(3).unwrap();
    assert_eq!(store.searcher().events(), 1);
    assert_eq!(store.searcher().find(twin.id).unwrap(), None);
}

#[test]
fn an_uncommitted_crash_leaves_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    assert_eq!(store.covers(), 0);
    store.put(&event(1, 1, "a", &[]), &places(&[(0, 0)]), false).unwrap();
    store.commit(10).unwrap();
    store.put(&event(2, 2, "b", &[]), &places(&[(1, 0)]), false).unwrap();
    store.put(&event(1, 1, "c", &[]), &places(&[(0, 0), (1, 1)]), true).unwrap();
    assert!(matches!(IndexStore::open(dir.path(), HEAP), Err(IndexError::Busy { .. })));
    drop(store);
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    assert_eq!((store.covers(), store.searcher().events()), (10, 1));
    assert_eq!(store.searcher().count(&is("who.name", "a"), Window::ALL).unwrap(), 1);
    assert_eq!(store.find(EventId(2u128.to_be_bytes()), 2).unwrap(), None);
    store.commit(11).unwrap();
    store.close().unwrap();
    let store = IndexStore::open(dir.path(), HEAP).unwrap();
    assert_eq!((store.covers(), store.searcher().covers()), (11, 11));
}

fn listing(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(dir).unwrap().map(read).collect()
}

#[test]
fn a_copy_without_write_permission_is_read_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (store, events) = filled(&dir.path().join("index"));
    store.close().unwrap();
    let copy = dir.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for (name, bytes) in listing(&dir.path().join("index")) {
        // The lock files of the writer need not be there.
        if !name.ends_with(".lock") {
            fs::write(copy.join(&name), bytes).unwrap();
            let mut permissions = fs::metadata(copy.join(&name)).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(copy.join(&name), permissions).unwrap();
        }
    }
    let mut permissions = fs::metadata(&copy).unwrap().permissions();
    let writable = permissions.clone();
    permissions.set_readonly(true);
    fs::set_permissions(&copy, permissions).unwrap();
    let before = listing(&copy);
    let index = Index::open_read_only(&copy).unwrap();
    compare(&index.searcher(), &events, &is("who.name", "user-3"), Window::ALL, 1_000);
    assert!(!index.reload().unwrap());
    assert_eq!(index.damaged_files().unwrap(), Vec::<std::path::PathBuf>::new());
    assert_eq!(listing(&copy), before);
    // Root writes in spite of permissions, so the folder itself is what was checked. Now it can be removed.
    fs::set_permissions(&copy, writable).unwrap();
}

#[test]
fn a_reader_follows_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    let reader = Index::open_read_only(dir.path()).unwrap();
    assert_eq!((reader.searcher().covers(), reader.searcher().events()), (0, 0));
    assert_eq!(reader.searcher().span(), None);
    for n in 0..30u64 {
        store.put(&event(u128::from(n), 0, "a", &[]), &places(&[(n, 0)]), false).unwrap();
        store.commit(n + 1).unwrap();
        assert!(reader.reload().unwrap());
        // A merge may end in between and make another, equal view; that is no new commit.
        assert_eq!((reader.searcher().covers(), reader.searcher().events()), (n + 1, n + 1));
        assert_eq!(store.searcher().events(), n + 1);
    }
}

#[test]
fn what_was_learnt_ahead_answers_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    for n in 0..300u64 {
        store.put(&event(u128::from(n), 0, &format!("user-{n}"), &[]), &places(&[(n, 0)]), false).unwrap();
    }
    store.commit(300).unwrap();
    let (name, searcher) = (field("who.name"), store.searcher());
    let read_ahead = || searcher.inner.segments.iter().all(|segment| segment.has_learnt(name));
    assert!(!read_ahead());
    searcher.learn(&[name]).unwrap();
    assert!(read_ahead());
    for n in 0..600 {
        let found = searcher.with_value(name, &format!("user-{n}"), Window::ALL, Order::Oldest, 2).unwrap();
        assert_eq!(found.len(), usize::from(n < 300), "{n}");
    }
}

#[test]
fn what_cannot_be_used_asks_for_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Index::open_read_only(dir.path()), Err(IndexError::Rebuild { .. })));
    type BreakIt = fn(&Path);
    let breaks: [(&str, BreakIt); 4] = [
        ("other version", |dir| {
            let meta = fs::read_to_string(dir.join("meta.json")).unwrap();
            fs::write(
                dir.join("meta.json"),
                meta.replace(&format!("deponent-index/{INDEX_VERSION} "), "deponent-index/0 "),
            )
            .unwrap();
        }),
        ("other fields", |dir| {
            let meta = fs::read_to_string(dir.join("meta.json")).unwrap();
            fs::write(dir.join("meta.json"), meta.replace("who.name", "who.mane")).unwrap();
        }),
        ("no json", |dir| fs::write(dir.join("meta.json"), b"{").unwrap()),
        ("missing segment", |dir| {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|ext| ext == "term") {
                    fs::remove_file(path).unwrap();
                }
            }
        }),
    ];
    for (what, break_it) in breaks {
        let dir = dir.path().join(what);
        let mut store = IndexStore::open(&dir, HEAP).unwrap();
        store.put(&event(1, 1, "a", &[]), &places(&[(0, 0)]), false).unwrap();
        store.commit(1).unwrap();
        drop(store);
        break_it(&dir);
        assert!(matches!(IndexStore::open(&dir, HEAP), Err(IndexError::Rebuild { .. })), "{what}");
        assert!(matches!(Index::open_read_only(&dir), Err(IndexError::Rebuild { .. })), "{what}");
        IndexStore::wipe(&dir).unwrap();
        assert_eq!(IndexStore::open(&dir, HEAP).unwrap().covers(), 0, "{what}");
    }
    IndexStore::wipe(&dir.path().join("never was")).unwrap();
}

#[test]
fn edges_of_values_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    let long = "ä".repeat(40_000);
    let mut events = Events::new();
    for (n, when, name) in [(1, i64::MIN, ""), (2, i64::MAX, &*long), (3, 0, "\0"), (4, -1, "a\u{10ffff}")] {
        let event = event(n, when, name, &[]);
        let at = places(&[(u64::from(u32::MAX), 4_094)]);
        store.put(&event, &at, false).unwrap();
        events.insert(event.id, (event, at));
    }
    store.commit(1).unwrap();
    let searcher = store.searcher();
    for name in ["", &long, "\0", "a\u{10ffff}", &long[..1_024]] {
        assert_eq!(searcher.count(&is("who.name", name), Window::ALL).unwrap(), 1, "{:.10}", name);
    }
    let hits = expected(&events, &Plan::Everything, Window::ALL);
    assert_eq!(pages(&searcher, &Plan::Everything, Window::ALL, Order::Oldest, 1), hits);
    assert_eq!(searcher.span(), Some((i64::MIN, i64::MAX)));
    assert_eq!(searcher.hist(&Plan::Everything, Window::ALL, i64::MAX).unwrap().len(), 4);
    for width_ns in [0, -1] {
        let refused = searcher.hist(&Plan::Everything, Window::ALL, width_ns);
        assert!(matches!(refused, Err(IndexError::Width { .. })), "{width_ns}");
    }
    assert!(matches!(store.put(&event(9, 9, "x", &[]), &Places::new(), false), Err(IndexError::NoRecords)));
    let deep = (0..200).fold(Plan::Everything, |inner, _| Plan::Not(Box::new(inner)));
    assert!(matches!(searcher.count(&deep, Window::ALL), Err(IndexError::Depth { .. })));
}

#[test]
fn endings_are_the_same_before_and_after_they_are_filtered() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    let names = ["of:a x", "of:a y", "of:a y z w", "of:b", "of:c ", "to:a x", "\u{e4} x"];
    for (number, name) in (1u32..).zip(names) {
        let at = i64::from(number);
        store.put(&event(u128::from(number), at, name, &[]), &places(&[(u64::from(number), 0)]), false).unwrap();
    }
    store.commit(100).unwrap();
    let searcher = store.searcher();
    let who = field("who.name");
    for round in 0..300 {
        for prefix in
            ["of:a ", "of:a y ", "of:a y z ", "of:a", "of:b", "of:b ", "of:c ", "of:", "to:b ", "\u{e4} ", " ", ""]
        {
            let found = searcher.endings(who, prefix, 9).unwrap();
            let mut expected: Vec<(String, i64)> =
                (1..).zip(names).filter_map(|(at, name)| Some((name.strip_prefix(prefix)?.to_owned(), at))).collect();
            expected.sort();
            assert_eq!(found, expected, "{prefix:?} in round {round}");
        }
    }
}

#[test]
fn too_many_buckets_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
    for n in 0..10_001u32 {
        store.put(&event(u128::from(n), i64::from(n) * 10, "a", &[]), &places(&[(0, n % 1_000)]), false).unwrap();
    }
    store.commit(1).unwrap();
    let hist = |width| store.searcher().hist(&Plan::Everything, Window::ALL, width);
    assert!(matches!(hist(1), Err(IndexError::Buckets { .. })));
    assert_eq!(hist(100).unwrap().len(), 1_001);
}

#[test]
fn damaged_files_are_an_error_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(&dir.path().join("index"));
    store.close().unwrap();
    let whole = listing(&dir.path().join("index"));
    let (copy, mut refused) = (dir.path().join("copy"), 0);
    for (name, bytes) in whole.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        for step in 0..4 {
            IndexStore::wipe(&copy).unwrap();
            fs::create_dir(&copy).unwrap();
            whole.iter().for_each(|(name, bytes)| fs::write(copy.join(name), bytes).unwrap());
            let mut bytes = bytes.clone();
            let half = bytes.len() / 2;
            match step {
                0 => bytes.truncate(half),
                1 => bytes.clear(),
                2 => bytes[half..].iter_mut().take(64).for_each(|byte| *byte ^= 0xff),
                _ => bytes.iter_mut().rev().take(40).for_each(|byte| *byte ^= 0xff),
            }
            fs::write(copy.join(name), bytes).unwrap();
            refused += u32::from(asked_everything(&copy).is_err());
        }
    }
    assert!(refused > 10, "{refused}");
}

/// Everything that reads files; what is answered does not matter here.
fn asked_everything(dir: &Path) -> Result<(), IndexError> {
    let searcher = Index::open_read_only(dir)?.searcher();
    let everyone = Plan::Terms { fields: vec![field("who.name")], test: TermTest::Any };
    searcher.search(&everyone, Window::ALL, Order::Newest, None, 100, None, None)?;
    searcher.hist(&is("what.object.path", "/a"), Window { since: Some(5), until: Some(900) }, 10)?;
    searcher.top(&everyone, Window::ALL, &[field("what.object.path")], 3)?;
    searcher.find(EventId([7; 16]))?;
    searcher.find_prefix(IdPrefix::parse("b").unwrap(), 10)?;
    Ok(())
}
