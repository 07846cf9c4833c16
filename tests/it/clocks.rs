//! CLOCK_STEP and SOURCE_SILENT on hand-made logs, with the near misses that stay silent.
//!
//! Not here: other findings, what the whole honest lab has (`traces`).

use crate::harness::Scratch;
use crate::live::{BOUND, Collector};
use serde_json::Value;
use std::time::{Duration, Instant};

const BOB: &str = "auid=1502 ses=9";
const NOBODY: &str = "auid=4294967295 ses=4294967295";
/// 2026-11-23T20:50:00Z.
const START: i64 = 1_795_467_000;

/// A record that a program had the kernel write: its stamp is the time at which it was made.
fn message(second: i64, serial: u32) -> String {
    let fields = "pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=x comm=\"systemd\" res=success'";
    format!("type=SERVICE_START msg=audit({}.123:{serial}): {fields}\n", START + second)
}

/// A call that was recorded when it ended, with the time at which it began.
fn call(second: i64, serial: u32, number: u32, who: &str, exe: &str, more: &str) -> String {
    let id = format!("msg=audit({}.123:{serial})", START + second);
    format!(
        "type=SYSCALL {id}: arch=c000003e syscall={number} success=yes exit=0 {more} ppid=1 pid=7 {who} uid=0 euid=0 comm=\"x\" exe=\"{exe}\"\n"
    )
}

fn set(second: i64, serial: u32, who: &str, exe: &str, by: &str) -> String {
    let call = call(second, serial, 227, who, exe, "a0=0 a1=7ffd");
    format!("{call}type=TIME_INJOFFSET msg=audit({}.123:{serial}): {by}\n", START + second)
}

/// Messages one each second, with these serials.
fn messages(seconds: std::ops::Range<i64>, serial: u32) -> Vec<String> {
    (serial..).zip(seconds).map(|(serial, second)| message(second, serial)).collect()
}

fn told(scratch: &Scratch, finding: &str) -> Vec<Value> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    run.lines().into_iter().filter(|line| line["finding"] == finding).collect()
}

/// The lines in the file that each name gives, all of node n1.
fn store(files: &[(&str, &str, String)]) -> Scratch {
    let scratch = Scratch::new();
    for (name, kind, text) in files {
        scratch.write(name, text);
        scratch.ok(&["ingest", "-q", "--store", "store", "--node", "n1", "--kind", kind, name]);
    }
    scratch
}

/// `severity by_ms` of each, and what is said.
fn clock(files: &[(&str, &str, String)]) -> Vec<(String, String)> {
    let short = |line: &Value| {
        let detail = line["detail"].as_str().unwrap().to_owned();
        (format!("{} {}", line["severity"].as_str().unwrap(), line["by_ms"]), detail)
    };
    told(&store(files), "CLOCK_STEP").iter().map(short).collect()
}

fn audit(lines: &[String]) -> Vec<(String, String)> {
    clock(&[("audit.log", "auditd", lines.concat())])
}

fn shorts(found: Vec<(String, String)>) -> Vec<String> {
    found.into_iter().map(|(short, _)| short).collect()
}

#[test]
fn who_set_the_clock_and_by_how_much() {
    let date = "/usr/bin/date";
    let found = audit(&[set(10, 1, BOB, date, "sec=-3600 nsec=500000000")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "high -3599500");
    let said = "auid 1502, session 9, with /usr/bin/date, set the clock, back by 3599.500 s, from 2026-11-23T20:50:10.123Z to 2026-11-23T19:50:10.623Z";
    assert_eq!(found[0].1, said);
    assert_eq!(shorts(audit(&[set(10, 1, BOB, date, "sec=7200 nsec=0")])), ["high 7200000"], "forward");
    assert_eq!(shorts(audit(&[set(10, 1, BOB, date, "sec=0 nsec=9000000")])), ["low 9"]);
    assert_eq!(shorts(audit(&[set(10, 1, NOBODY, date, "sec=-5 nsec=0")])), ["medium -5000"]);
    let keeper = "/usr/sbin/chronyd";
    assert_eq!(shorts(audit(&[set(10, 1, NOBODY, keeper, "sec=-5 nsec=0")])), ["low -5000"]);
    assert_eq!(shorts(audit(&[set(10, 1, NOBODY, keeper, "sec=0 nsec=400000000")])), [""; 0], "a correction");
    assert_eq!(shorts(audit(&[set(10, 1, BOB, keeper, "sec=-5 nsec=0")])), ["high -5000"], "started by a login");
    let broken = set(10, 1, BOB, date, "sec=x nsec=99999999999999999999");
    assert_eq!(shorts(audit(&[broken])), ["high null"], "no amount");
    let most = format!("sec={} nsec={}", i64::MIN, i64::MIN);
    assert_eq!(shorts(audit(&[set(10, 1, BOB, date, &most)])).len(), 1, "no overflow");
}

#[test]
fn old_kernels_have_the_call_only() {
    let date = "/usr/bin/date";
    assert_eq!(shorts(audit(&[call(10, 1, 227, BOB, date, "a0=0 a1=7ffd")])), ["medium null"]);
    assert_eq!(shorts(audit(&[call(10, 1, 227, BOB, date, "a0=1 a1=7ffd")])), [""; 0], "another clock");
    assert_eq!(shorts(audit(&[call(10, 1, 164, NOBODY, date, "a0=7ffd a1=0")])), ["medium null"]);
    assert_eq!(shorts(audit(&[call(10, 1, 164, NOBODY, date, "a0=0 a1=7ffd")])), [""; 0], "the zone");
    let failed = call(10, 1, 227, BOB, date, "a0=0").replace("success=yes", "success=no");
    assert_eq!(shorts(audit(&[failed])), [""; 0]);
    // Reading it is the same call as changing it.
    assert_eq!(shorts(audit(&[call(10, 1, 159, BOB, "/usr/sbin/adjtimex", "a0=7ffd")])), [""; 0]);
    let tuned = |who: &str| {
        let call = call(10, 1, 159, who, "/usr/sbin/adjtimex", "a0=7ffd");
        format!("{call}type=TIME_ADJNTPVAL msg=audit({}.123:1): op=freq old=0 new=6553600\n", START + 10)
    };
    let found = audit(&[tuned(BOB)]);
    assert!(found.len() == 1 && found[0].0 == "low 0" && found[0].1.contains("freq from 0 to 6553600"), "{found:?}");
    assert_eq!(shorts(audit(&[tuned(NOBODY)])), [""; 0], "what an NTP daemon does all day");
}

#[test]
fn serials_that_go_on_while_the_time_goes_back() {
    let before = messages(0..10, 100);
    let back = [&before[..], &messages(-60..-50, 110)].concat();
    let found = audit(&back);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0 == "medium -69000" && found[0].1.contains("no record says by whom"), "{found:?}");
    // Whoever set it is named once, with what shows it.
    let named = [&before[..], &[set(9, 110, BOB, "/usr/bin/date", "sec=-70 nsec=0")], &messages(-60..-50, 111)];
    let found = audit(&named.concat());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0 == "high -70000" && found[0].1.contains("stamps go back in"), "{found:?}");
    // Another amount is another time: that one forward is no reason.
    let forward = [&before[..], &[set(9, 110, BOB, "/usr/bin/date", "sec=70 nsec=0")], &messages(-60..-50, 111)];
    assert_eq!(shorts(audit(&forward.concat())), ["high 70000", "medium -69000"]);
}

#[test]
fn what_is_no_step_of_the_kernels_clock() {
    let before = messages(0..10, 100);
    let cases: [(&str, Vec<String>); 6] = [
        ("another boot counts anew", messages(-60..-50, 1)),
        ("less than a second", messages(9..20, 110)),
        ("forward", messages(9_000..9_010, 110)),
        ("one that is late", vec![message(-60, 110), message(-59, 111), message(10, 112), message(11, 113)]),
        ("calls that blocked", (110..130).map(|n| call(-60, n, 42, BOB, "/bin/nc", "a0=3")).collect()),
        (
            "auditd counts by itself",
            (110..120).map(|n| message(-60, n).replace("SERVICE_START", "DAEMON_ROTATE")).collect(),
        ),
    ];
    for (what, after) in cases {
        assert_eq!(shorts(audit(&[&before[..], &after].concat())), [""; 0], "{what}");
    }
    let other = messages(-60..-50, 110).into_iter().map(|line| format!("node=n2 {line}")).collect::<Vec<_>>();
    let first = before.iter().map(|line| format!("node=n1 {line}")).collect::<Vec<_>>();
    assert_eq!(shorts(audit(&[first, other].concat())), [""; 0], "another node");
    // The newer file first, both again, and both in one.
    let (new, old) = (messages(0..40, 200).concat(), messages(-60..-20, 100).concat());
    let both = format!("{old}{new}");
    let files = [("audit.log", new), ("audit.log.1", old), ("copy.log", both)];
    assert_eq!(shorts(clock(&files.map(|(name, text)| (name, "auditd", text)))), [""; 0], "rotated, and read again");
}

fn stamp(second: i64) -> String {
    let of_day = 20 * 3_600 + 50 * 60 + second;
    format!("2026-11-23T{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// Lines of syslog at these seconds.
fn lines(seconds: impl IntoIterator<Item = i64>) -> String {
    let line = |(n, second): (usize, i64)| format!("{}.000000+00:00 n1 app[7]: line {n}\n", stamp(second));
    seconds.into_iter().enumerate().map(line).collect()
}

/// Lines of the kubelet, whose stamps have no zone.
fn klog(seconds: impl IntoIterator<Item = i64>) -> String {
    let line = |(n, second): (usize, i64)| {
        let at = stamp(second);
        format!("I1123 {}.000000    7 kubelet.go:1] \"Line\" n={n}\n", at.split_once('T').unwrap().1)
    };
    seconds.into_iter().enumerate().map(line).collect()
}

#[test]
fn lines_that_go_back_in_the_order_of_their_log() {
    let of = |kind: &'static str, text: String| shorts(clock(&[("x.log", kind, text)]));
    let back = |by: i64| (0..40).chain(40 - by..80 - by);
    assert_eq!(of("syslog", lines(back(600))), ["low -599000"]);
    assert_eq!(of("kubelet", klog(back(600))), ["low -599000"]);
    assert_eq!(of("syslog", lines(back(4))), [""; 0], "slack");
    assert_eq!(of("syslog", lines(back(3_600))), ["low -3599000"], "the stamp says its zone");
    assert_eq!(of("kubelet", klog(back(3_600))), [""; 0], "summer time");
    assert_eq!(of("kubelet", klog(back(7_000))), ["low -6999000"]);
    assert_eq!(of("syslog", lines((0..10).chain(-600..-580))), [""; 0], "too few before");
    assert_eq!(of("syslog", lines((0..40).chain(-600..-597).chain(40..80))), [""; 0], "lines that are late");
    assert_eq!(of("syslog", lines((0..40).chain(9_000..9_004).chain(40..80))), [""; 0], "lines ahead");
    assert_eq!(of("syslog", lines((0..40).chain(9_000..9_040))), [""; 0], "forward");
    let disorder = (0..10).flat_map(|n| (0..20).map(move |second| n * -600 + second));
    assert_eq!(of("syslog", lines(disorder)), [""; 0], "a log in no order");
    // One step in two logs, and in the kernel's records, is one finding.
    let kernel = [messages(0..40, 100), messages(-560..-520, 140)].concat().concat();
    let all =
        [("a.log", "syslog", lines(back(600))), ("audit.log", "auditd", kernel), ("k.log", "kubelet", klog(back(600)))];
    let found = clock(&all);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].0 == "medium -599000" && found[0].1.contains("so in ") && found[0].1.contains("k.log"),
        "{found:?}"
    );
}

#[test]
fn requests_are_written_when_they_end() {
    let request = |second: i64, n: usize| {
        let stamp = |second: i64| format!("{}.000000Z", stamp(second));
        format!(
            "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"stage\":\"ResponseComplete\",\"auditID\":\"00000000-0000-0000-0000-{n:012}\",\
             \"requestURI\":\"/x\",\"verb\":\"get\",\"user\":{{\"username\":\"alice\"}},\"requestReceivedTimestamp\":\"{}\",\"stageTimestamp\":\"{}\"}}\n",
            stamp(second),
            stamp(100)
        )
    };
    let log = (0..40).chain(-900..-860).zip(0..).map(|(second, n)| request(second, n)).collect::<String>();
    assert_eq!(shorts(clock(&[("k8s.log", "kubernetes-audit", log)])), [""; 0]);
}

/// Lines every ten seconds, with a hole.
fn every_ten(until: i64, hole: std::ops::Range<i64>) -> impl Iterator<Item = i64> {
    (0..until).step_by(10).filter(move |second| !hole.contains(second))
}

fn silent(files: &[(&str, &str, String)]) -> Vec<Value> {
    told(&store(files), "SOURCE_SILENT")
}

#[test]
fn a_log_that_fell_silent_while_others_spoke() {
    let quiet = |hole: std::ops::Range<i64>| ("a.log", "syslog", lines(every_ten(7_200, hole)));
    let other = |hole: std::ops::Range<i64>| ("k.log", "kubelet", klog(every_ten(7_200, hole)));
    let found = silent(&[quiet(3_600..4_300), other(0..0)]);
    assert_eq!(found.len(), 1, "{found:?}");
    let line = &found[0];
    assert_eq!((&line["severity"], &line["node"], &line["kind"]), (&"low".into(), &"n1".into(), &"syslog".into()));
    assert_eq!((&line["from"], &line["to"]), (&"2026-11-23T21:49:50.000Z".into(), &"2026-11-23T22:01:40.000Z".into()));
    assert_eq!(line["events"].as_array().unwrap().len(), 2);
    for (what, files) in [
        ("all of them", vec![quiet(3_600..4_300), other(3_600..4_300)]),
        ("nobody else", vec![quiet(3_600..4_300)]),
        ("the node was off: others began a little sooner", vec![quiet(3_600..4_300), other(3_620..4_290)]),
        ("under five minutes", vec![quiet(3_600..3_880), other(0..0)]),
        ("no habit yet", vec![quiet(1_700..2_400), other(0..0)]),
        ("imported once: it ends", vec![quiet(3_600..7_200), other(0..0)]),
    ] {
        assert_eq!(silent(&files), [Value::Null; 0], "{what}");
    }
    let nowhere = Scratch::new();
    for (name, kind, text) in [quiet(3_600..4_300), other(0..0)] {
        nowhere.write(name, text);
        nowhere.ok(&["ingest", "-q", "--store", "store", "--kind", kind, name]);
    }
    assert_eq!(told(&nowhere, "SOURCE_SILENT"), [Value::Null; 0], "of which node each is, is not known");
    // Ten times the longest silence before.
    let slow = |hole: std::ops::Range<i64>| {
        let seconds = every_ten(14_400, hole).filter(|second| !(60..120).contains(second));
        ("a.log", "syslog", lines(seconds))
    };
    let long = ("k.log", "kubelet", klog(every_ten(11_000, 0..0)));
    assert_eq!(silent(&[slow(3_600..4_280), long.clone()]), [Value::Null; 0], "690 s, after one of 70 s");
    assert_eq!(silent(&[slow(3_600..4_300), long]).len(), 1, "710 s");
}

#[test]
fn files_that_were_imported_may_have_others_between_them() {
    let part = |seconds: std::ops::Range<i64>| lines(seconds.step_by(10));
    let other = ("k.log", "kubelet", klog(every_ten(7_200, 0..0)));
    let files = [("a.log.1", "syslog", part(0..3_600)), ("a.log", "syslog", part(4_300..7_200)), other];
    assert_eq!(silent(&files), [Value::Null; 0]);
}

#[test]
fn silences_with_a_reason_and_who_was_active() {
    let spoke = |hole: std::ops::Range<i64>| -> Vec<String> {
        let serials = (1..).zip(every_ten(7_200, hole));
        serials.map(|(serial, second)| message(second, serial)).collect()
    };
    let others = || {
        let request = |n: i64| {
            let user = if n < 375 { "before@example.com" } else { "alice@example.com" };
            format!(
                "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"stage\":\"ResponseComplete\",\"auditID\":\"00000000-0000-0000-0000-{n:012}\",\
                 \"requestURI\":\"/x\",\"verb\":\"get\",\"user\":{{\"username\":\"{user}\"}},\"requestReceivedTimestamp\":\"{0}.000000Z\",\"stageTimestamp\":\"{0}.000000Z\"}}\n",
                stamp(n * 10)
            )
        };
        ("k8s.log", "kubernetes-audit", (0..720).map(request).collect::<String>())
    };
    let with = |lines: Vec<String>| silent(&[("audit.log", "auditd", lines.concat()), others()]);
    let found = with(spoke(3_760..4_600));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["severity"], &found[0]["active"]),
        (&"medium".into(), &serde_json::json!(["alice@example.com"]))
    );
    let reason = |line: String| [spoke(3_760..4_600), vec![line]].concat();
    let end =
        format!("type=DAEMON_END msg=audit({}.5:9): op=terminate auid=0 pid=1 {NOBODY} res=success\n", START + 3_751);
    assert_eq!(with(reason(end)), [Value::Null; 0], "auditd says that it ends");
    let off =
        format!("type=CONFIG_CHANGE msg=audit({}.5:999): op=set audit_enabled=0 old=1 {BOB} res=1\n", START + 3_751);
    assert_eq!(with(reason(off.clone())), [Value::Null; 0], "AUDIT_OFF tells it");
    let failed = off.replace("res=1", "res=0");
    assert_eq!(with(reason(failed)).len(), 1, "it was not turned off");
}

#[test]
fn a_log_that_is_followed_and_still_silent() {
    let scratch = Scratch::new();
    scratch.write("a.log", lines(every_ten(3_600, 0..0)));
    scratch.write("k.log", klog(every_ten(7_200, 0..0)));
    scratch.write(
        "config.toml",
        "store = 'store'\nnode = 'n1'\n[[tail]]\npaths = ['a.log']\nkind = 'syslog'\n[[tail]]\npaths = ['k.log']\nkind = 'kubelet'\n",
    );
    let collector = Collector::start(&scratch);
    let until = Instant::now() + BOUND;
    let all = 360 + 720;
    loop {
        let server = format!("http://{}", collector.address);
        let answer = scratch.run(&["search", "--server", &server, "-o", "ndjson", "NOT source:self | count"]).out;
        if answer.contains(&format!("\"count\":{all}")) {
            break;
        }
        assert!(Instant::now() < until, "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
    collector.stop();
    let found = told(&scratch, "SOURCE_SILENT");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0]["to"].is_null() && found[0]["detail"].as_str().unwrap().contains("until now"), "{found:?}");
    assert_eq!(found[0]["from"], "2026-11-23T21:49:50.000Z");
}
