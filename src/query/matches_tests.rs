//! Tests of the reference semantics: what filters say of hand-made events.

use super::*;
use crate::model::*;
use crate::query::parse;
use crate::time::Zone;
use proptest::prelude::*;

fn moment() -> Moment {
    Moment { nanos: 1_784_368_800_000_000_000, digits: 6 }
}

fn blank(source: Source) -> Event {
    Event {
        id: EventId([0; 16]),
        source,
        when: When { event: moment(), received: None, end: None },
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

/// alice, impersonating bob, execs into a pod.
fn request() -> Event {
    let mut event = blank(Source::Kubernetes);
    event.who.name = Some("alice@example.com".into());
    event.who.r#as = Some("bob".into());
    event.who.groups = vec!["system:masters".into(), "dev".into()];
    event.who.address = Some("::ffff:10.0.0.9".into());
    event.what.action = "create".into();
    event.what.object =
        Some(Object { kind: Some("pods/exec".into()), name: Some("web-1".into()), ..Object::default() });
    event.what.outcome = Outcome::Success;
    event.what.code = Some("101".into());
    event.r#where.namespace = Some("shop".into());
    event.how.user_agent = Some("kubectl/v1.30".into());
    event
}

/// root, logged in as jane, writes below /var/lib/docker.
fn write() -> Event {
    let mut event = blank(Source::Linux);
    event.who.name = Some("jane".into());
    event.who.login = Some(Login { auid: Some(1000), name: Some("jane".into()), ses: Some(3) });
    event.who.effective = Some(Effective { uid: Some(0), name: Some("root".into()), gid: Some(0) });
    event.what.action = "opened-file".into();
    event.what.object = Some(Object { path: Some("/var/lib/docker/a*b".into()), ..Object::default() });
    event.what.objects = vec![Object { path: Some("/var/lib/docker".into()), ..Object::default() }];
    event.what.outcome = Outcome::Denied;
    event.what.code = Some("-13 EACCES".into());
    event.how.pid = Some(4242);
    event.how.argv = vec!["sh".into(), "-c".into(), "line one\nline two".into(), "STRASSE ÄÖ".into()];
    event.why.keys = vec!["audit-docker".into()];
    event
}

fn answer(query: &str, event: &Event) -> bool {
    let filter =
        parse(query, moment(), &Zone::Utc).unwrap_or_else(|error| panic!("{}", error.render_caret(query))).filter;
    matches(&filter, event, &mut || vec![b"type=SYSCALL \xff".to_vec(), b"type=EOE".to_vec()])
}

/// `what` names the events that match: r(equest), w(rite).
fn check(query: &str, what: &str) {
    let found: String = [('r', request()), ('w', write())]
        .iter()
        .filter_map(|(name, event)| answer(query, event).then_some(*name))
        .collect();
    assert_eq!(found, what, "{query}");
}

#[test]
fn values() {
    check("*", "rw");
    check("who:alice@example.com", "r");
    check("who:ALICE@example.com", "");
    check("who:alice", "");
    check("who:bob", "r");
    check("group:dev", "r");
    check("group:(dev system:masters)", "r");
    check("group:(dev ops)", "");
    check("path:/var/lib/docker", "w");
    check("path:/var/lib/docker/*", "w");
    check("path:/var/lib/docker/a\\*b", "w");
    check("path:/var/lib/docker/a\\*c", "");
    check("path:/var/lib/docker/a?b", "w");
    check("path:docker*", "");
    check("argv:line*two", "w");
    check("argv:?h", "w");
    check("who:*", "rw");
    check("key:*", "w");
    check("source:linux", "w");
    check("outcome:(success OR denied)", "rw");
}

#[test]
fn negation_is_that_no_value_fits() {
    check("NOT group:dev", "w");
    check("group!=dev", "w");
    check("key!=audit-docker", "r");
    check("key:* key!=audit-docker", "");
    check("group!=(dev OR ops)", "w");
    check("-who:alice@example.com", "w");
}

#[test]
fn numbers() {
    check("pid:4242", "w");
    check("pid:04242", "w");
    check("pid>999", "w");
    check("pid>4242", "");
    check("pid>=4242", "w");
    check("pid<10000", "w");
    check("pid:9..5000", "w");
    check("pid:42*", "w");
    check("uid:0", "w");
    check("code:100..199", "r");
    check("code:-13*", "w");
    check("code:\"-13 EACCES\"", "w");
}

#[test]
fn addresses() {
    check("src:10.0.0.9", "r");
    check("src:10.0.0.0/24", "r");
    check("src:10.0.1.0/24", "");
    check("src:::ffff:10.0.0.9", "r");
    check("src:10.0.0.1..10.0.0.10", "r");
    check("src!=10.0.0.0/8", "w");
    check("src:*0.9", "r");
    check("src:0.0.0.0/0", "r");
    check("src:::/0", "r");
}

#[test]
fn words_and_expressions() {
    check("ALICE", "r");
    check("docker", "w");
    check("pods/exec", "r");
    check("kubectl", "");
    check("web-* -jane", "r");
    check("exec | count", "r");
    check("we?-1", "r");
    check("argv =~ \"^line\"", "w");
    check("argv =~ \"(?i)straße|strasse\"", "w");
    check("argv !~ \"^line\"", "r");
    check("alice@ OR jane", "rw");
    check("(alice OR jane) -outcome:denied", "r");
}

#[test]
fn raw_records() {
    check("raw:type=SYSCALL", "rw");
    check("raw:\"\\xff\"", "rw");
    check("raw:\"SYSCALL type=EOE\"", "");
    check("raw =~ \"^type=EOE$\"", "rw");
    check("jane raw:EOE", "w");
    check("NOT raw:EOE", "");
}

#[test]
fn raw_records_are_read_once_and_only_when_they_decide() {
    let reads = |query: &str| {
        let filter = parse(query, moment(), &Zone::Utc).unwrap().filter;
        let mut reads = 0;
        matches(&filter, &request(), &mut || {
            reads += 1;
            Vec::new()
        });
        reads
    };
    assert_eq!(reads("raw:x raw:y OR raw:z"), 1);
    assert_eq!(reads("raw:x who:nobody"), 0);
    assert_eq!(reads("raw:x OR who:bob"), 0);
    assert_eq!(reads("raw:x who:bob"), 1);
    assert_eq!(reads("who:bob"), 0);
}

#[test]
fn what_needs_raw_records_and_who_asks_for_own_events() {
    let filter = |query: &str| parse(query, moment(), &Zone::Utc).unwrap().filter;
    for (query, expected) in [("a (b OR NOT raw:c)", true), ("a (b OR NOT c)", false), ("raw =~ \"x\"", true)] {
        assert_eq!(needs_raw(&filter(query)), expected, "{query}");
    }
    for (query, expected) in [
        ("source:self", true),
        ("a OR source:(linux OR self)", true),
        ("source:s*", true),
        ("source:*", false),
        ("NOT source:self", false),
        ("source!=linux", false),
        ("source:linux", false),
        ("self", false),
    ] {
        assert_eq!(asks_for_own(&filter(query)), expected, "{query}");
    }
}

#[test]
fn words_in_any_case() {
    let check =
        |word: &str, value: &str, expected: bool| assert_eq!(word_holds(word, value), expected, "{word} in {value}");
    check("ALI", "alice", true);
    check("alice", "ali", false);
    check("", "", true);
    check("äö", "STRASSE ÄÖ", true);
    check("ÄÖ", "strasse äö", true);
    check("ß", "STRASSE", false);
    check("ΟΔΟΣ", "οδοσα", true);
    check("k", "\u{212a}", true);
    check("é", "e\u{301}", false);
    check("\0", "a\0b", true);
}

#[test]
fn order_of_values() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    for (one, other, expected) in [
        ("9", "10", Less),
        ("-10", "-9", Less),
        ("010", "10", Equal),
        ("9", "10a", Greater),
        ("a", "b", Less),
        ("10.0.0.9", "10.0.0.10", Less),
        ("::ffff:10.0.0.9", "10.0.0.9", Equal),
        ("340282366920938463463374607431768211456", "9", Less),
        ("-", "1", Less),
        ("+1", "1", Less),
    ] {
        assert_eq!(order(one, other), expected, "{one} {other}");
        assert_eq!(order(other, one), expected.reverse(), "{other} {one}");
    }
}

proptest! {
    #[test]
    fn a_word_is_found_where_it_was_put(before in "\\PC{0,8}", word in "\\PC{1,8}", after in "\\PC{0,8}") {
let value = format!("{before}{}{after}", word.to_ascii_uppercase());
        prop_assert!(word_holds(&word.to_ascii_lowercase(), &value));
    }

    #[test]
    fn a_range_holds_its_ends(low in any::<u32>(), span in 0u32..1000) {
        let high = u64::from(low) + u64::from(span);
        let mut event = write();
        event.how.pid = Some(low);
        let query = format!("pid:{low}..{high}");
        prop_assert!(answer(&query, &event));
        let query = format!("pid>{low}");
        prop_assert!(!answer(&query, &event));
    }
}
