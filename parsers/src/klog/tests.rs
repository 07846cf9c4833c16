//! Lines of klog, whole and broken.

use super::*;
use crate::line::{FIELDS_MAX, Time};
use proptest::prelude::*;

fn shown(line: &str) -> String {
    let reading = match read(line) {
        Ok(reading) => reading,
        Err(NotALine::Shape) => return "shape".to_owned(),
        Err(NotALine::Time(why)) => return why.to_owned(),
    };
    let line = reading.line;
    let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let issues: Vec<&str> = reading.issues.iter().map(|issue| issue.kind).collect();
    let issues = if issues.is_empty() { String::new() } else { format!(" !{}", issues.join(",")) };
    format!("{} {:?} {}{issues}", line.level, line.message, fields.join("|"))
}

fn time(line: &str) -> Option<Time> {
    read(line).ok().map(|reading| reading.line.time)
}

const HEAD: &str = "I1123 20:59:00.500415   22147 cpu_manager.go:313] ";

#[test]
fn lines_of_text() {
    let check = |message: &str, expected: &str| {
        let head = format!("{HEAD}{message}");
        let (said, fields) = expected.split_once('~').unwrap();
        assert_eq!(shown(&head), format!("I {said:?} thread=22147|caller=cpu_manager.go:313{fields}"), "{message}");
    };
    check(
        r#""Added Container" pod="shop/web-1" n=3 x={"a b":[1, 2]} last="q\"""#,
        r#"Added Container~|pod=shop/web-1|n=3|x={"a b":[1, 2]}|last=q""#,
    );
    check(r#"FLAG: --address="0.0.0.0""#, r#"FLAG: --address="0.0.0.0"~"#);
    check("", "~");
    check(r#""x""#, "x~");
    check(r#""a \"b\" \\ \n\t\x41\u00e4" v="\xff\xc3\xa4""#, "a \"b\" \\ \n\tAä~|v=\\xFFä");
    // Values that would be two lines, or another field, if quotes were believed.
    check(r#""HTTP" userAgent="x\" srcIP=\"1.2.3.4:5" srcIP="b""#, r#"HTTP~|userAgent=x" srcIP="1.2.3.4:5|srcIP=b"#);
    check(
        r#""x" a=[a b] b=map[c:d e:f] c=&{ID:1 Type:x} d=<nil> e=1.5"#,
        "x~|a=[a b]|b=map[c:d e:f]|c=&{ID:1 Type:x}|d=<nil>|e=1.5",
    );
    check(r#""x" a={"s":"}\" ]"} b="""#, r#"x~|a={"s":"}\" ]"}|b="#);
    // A message that only begins with quotes is no structured one.
    check(r#""/x" was not found a=b"#, r#""/x" was not found a=b~"#);
    check(r#""x"a=b"#, r#""x"a=b~"#);
    check(r#""x\"#, r#""x\~"#);
    check("x] y", "x] y~");
    // Nothing is lost where it cannot be read.
    check(r#""x" a=1 and more"#, "x~|a=1|text=and more !unread-text");
    check(r#""x" a={"b":[1 c=2"#, r#"x~|a={"b":[1 c=2 !unclosed-value"#);
    check(r#""x" a=<"#, "x~|a=< !value-on-next-lines");
    check("\"x\" a=<\n\tone\n\ttwo b=\"c\"\n > d=1", "x~|a=one\ntwo b=\"c\"|d=1");
    check("\"x\" a=<\n\tone\n", "x~|a=<|text=one !value-on-next-lines,unread-text");
    check("\"x\" a=<\n >", "x~|a=<|text=> !value-on-next-lines,unread-text");
    check("one\ntwo a=b", "one\ntwo a=b~");
    check(r#""x" a="1" b=2 a="3""#, "x~|a=1|b=2|a=3 !repeated-field");
    check(r#""x" a="unfinished"#, r#"x~|a="unfinished !unclosed-value"#);
    check(r#""x"  a=1   b=2 "#, r#""x"  a=1   b=2~"#);
    check(r#""x" =1"#, r#""x" =1~"#);
}

#[test]
fn times_of_text() {
    let check = |stamp: &str, expected: Result<(u8, u8, i64, u8), &str>| {
        let found = match read(&format!("E{stamp} 7 a.go:1] x")) {
            Ok(Reading { line: Line { time: Time::NoYear { month, day, of_day, digits }, .. }, .. }) => {
                Ok((month, day, of_day, digits))
            }
            Err(NotALine::Time(why)) => Err(why),
            other => panic!("{stamp} {other:?}"),
        };
        assert_eq!(found, expected, "{stamp}");
    };
    check("1123 20:59:00.500415", Ok((11, 23, 75_540_500_415_000, 6)));
    check("0101 00:00:00.000000001", Ok((1, 1, 1, 9)));
    check("0229 00:00:00", Ok((2, 29, 0, 0)));
    check("1231 23:59:60.5", Ok((12, 31, 86_400_500_000_000, 1)));
    check("1323 20:59:00.5", Err("no such month"));
    check("0023 20:59:00.5", Err("no such month"));
    check("1100 20:59:00.5", Err("no such day of that month"));
    check("0230 20:59:00.5", Err("no such day of that month"));
    check("0431 20:59:00.5", Err("no such day of that month"));
    check("1123 24:59:00.5", Err("no such time of day"));
    check("1123 20:60:00.5", Err("no such time of day"));
    check("1123 20:59:00.", Err("no such time of day"));
    check("1123 20:59:00.1234567890", Err("no such time of day"));
    check("1123 0:59:00.5", Err("no such time of day"));
    check("1123 20:59.5", Err("no such time of day"));
}

#[test]
fn what_is_no_line() {
    for other in [
        "",
        "goroutine 1 [running]:",
        "X1123 20:59:00.5 7 a.go:1] x",
        "i1123 20:59:00.5 7 a.go:1] x",
        "I123 20:59:00.5 7 a.go:1] x",
        "I1123 20:59:00.5 x a.go:1] x",
        "I1123 20:59:00.5 7 a.go] x",
        "I1123 20:59:00.5 7 a.go:1 x",
        "I1123 20:59:00.5 7 a b.go:1] x",
        "I1123 20:59:00.5 7 a.go:1]x",
        "I1123 20:59:00.5",
        "I1123",
        "I",
        "Iäää 20:59:00.5 7 a.go:1] x",
        "\tI1123 20:59:00.5 7 a.go",
        "{}",
        "{",
        r#"{"msg":"x"} "#,
        r#"{"ts":1795467465318,"msg":"x"} more"#,
        r#"[{"ts":1795467465318,"msg":"x"}]"#,
    ] {
        assert!(read(other).is_err(), "{other}");
    }
    assert_eq!(read(r#"{"ts":1795467465318,"message":"x"}"#), Err(NotALine::Shape));
    assert_eq!(read(r#"{"msg":"x"}"#), Err(NotALine::Time("no member `ts`")));
}

#[test]
fn lines_of_json() {
    let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
    check(
        r#"{"ts":1795467465318.286,"logger":"l","caller":"a.go:1","msg":"a \"b\"","v":2,"pod":{"name":"n"},"t":true,"n":null}"#,
        r#"info "a \"b\"" logger=l|caller=a.go:1|v=2|pod={"name":"n"}|t=true|n=null"#,
    );
    check(r#"{"ts":1795467465318,"msg":"x","err":"y"}"#, r#"error "x" err=y"#);
    check(r#"{"ts":1795467465318,"msg":"x","err":"y","v":4}"#, r#"info "x" err=y|v=4"#);
    check(r#"{"ts":1795467465318,"msg":"x"}"#, r#" "x" "#);
    check(r#"{"ts":1795467465318,"msg":"x","level":"warn","v":0}"#, r#"warn "x" v=0"#);
    check(r#"{"msg":"x","ts":1795467465318,"msg":"y","a":1}"#, r#" "x" msg=y|a=1 !repeated-field"#);
    let bytes = b"{\"ts\":1795467465318,\"msg\":\"\xff\xc3\xa4\"}";
    assert_eq!(shown(&text(bytes)), r#" "\\xFFä" "#);
}

#[test]
fn times_of_json() {
    let check = |ts: &str, expected: Option<(i64, u8)>| {
        let expected = expected.map(|(nanos, digits)| Time::Moment { nanos, digits });
        assert_eq!(time(&format!("{{\"ts\":{ts},\"msg\":\"x\"}}")), expected, "{ts}");
    };
    check("1795467465318.286", Some((1_795_467_465_318_286_000, 6)));
    check("1795467465318.2861", Some((1_795_467_465_318_286_100, 7)));
    check("1795467465318", Some((1_795_467_465_318_000_000, 3)));
    // Not what floating point makes of it.
    check("1795467465318.286123", Some((1_795_467_465_318_286_123, 9)));
    check("1795467465318.2861239999", Some((1_795_467_465_318_286_123, 9)));
    check("1.795467465318286e12", Some((1_795_467_465_318_286_000, 6)));
    check("1.795467465318286E+12", Some((1_795_467_465_318_286_000, 6)));
    check("17954674653182860e-4", Some((1_795_467_465_318_286_000, 7)));
    check("1.8e12", Some((1_800_000_000_000_000_000, 3)));
    check("0", Some((0, 3)));
    // As the documentation of Kubernetes shows it.
    check("1580306777.04728", Some((1_580_306_777_047_280_000, 5)));
    check("\"2026-11-23T20:57:45.318286Z\"", Some((1_795_467_465_318_286_000, 6)));
    for bad in ["-1", "1e99", "1e-99", "99999999999999", "1e127", "\"\"", "\"now\"", "null", "true", "{}", "[]"] {
        check(bad, None);
    }
    check(&"9".repeat(400), None);
    check(&format!("0.{}", "1".repeat(400)), None);
}

#[test]
fn fields_are_limited_and_none_is_lost() {
    let many: String = (0..1_000).map(|number| format!(" k{number}={number}")).collect();
    let text = format!("{HEAD}\"x\"{many}");
    let reading = read(&text).unwrap();
    assert_eq!(reading.line.fields.len(), FIELDS_MAX);
    let (name, rest) = reading.line.fields.last().unwrap();
    assert!(name == REST && rest.starts_with("k253=253 ") && rest.ends_with("k999=999"), "{rest}");
    assert_eq!(reading.issues.len(), 1);
    let members: String = (0..1_000).map(|number| format!(",\"k{number}\":{number}")).collect();
    let text = format!("{{\"ts\":1795467465318,\"msg\":\"x\"{members}}}");
    let reading = read(&text).unwrap();
    assert_eq!((reading.line.fields.len(), reading.issues.len()), (FIELDS_MAX, 1));
    // Brackets cost no stack.
    let deep = format!("{HEAD}\"x\" a={} b=1", "[".repeat(500_000));
    assert_eq!(read(&deep).unwrap().issues.len(), 1);
}

#[test]
fn whose_line_it_is() {
    let check = |line: &str, expected: bool| {
        assert_eq!(component(line.as_bytes()) == Some(Component::Kubelet), expected, "{line}")
    };
    let http =
        |uri: &str, more: &str| format!("I1123 20:59:00.5 7 httplog.go:134] \"HTTP\" verb=\"GET\" URI=\"{uri}\"{more}");
    check(&format!("{HEAD}\"x\""), true);
    check("I1123 20:59:00.5 7 scheduler.go:1] \"x\"", false);
    check(&http("/exec/shop/web/app?command=sh", " hijacked=true"), true);
    // Anybody can ask an API server for that path; it will not hand the connection over.
    check(&http("/exec/shop/web/app?command=sh", " resp=401"), false);
    check(&http("/api/v1/namespaces/shop/pods/web/exec", " hijacked=true"), false);
    check(r#"{"ts":1795467465318.2,"caller":"cpumanager/cpu_manager.go:313","msg":"Added Container","v":4}"#, true);
    check(r#"{"level":"info","ts":"2026-11-23T20:57:45.3Z","caller":"etcdmain/etcd.go:1","msg":"x"}"#, false);
    let of = |rest: &str| component(format!("I1123 20:59:00.5 7 {rest}").as_bytes());
    assert_eq!(of("storage_rbac.go:223] created"), Some(Component::Apiserver));
    assert_eq!(of("flags.go:64] FLAG: --etcd-servers=\"[]\""), Some(Component::Apiserver));
    assert_eq!(of("replica_set.go:2] \"x\""), Some(Component::ControllerManager));
    assert_eq!(of("schedule_one.go:314] \"x\""), Some(Component::Scheduler));
    assert_eq!(of("flags.go:64] FLAG: --v=\"2\""), None, "all of them have that flag");
    assert_eq!(of("flags.go:64] said: FLAG: --etcd-servers=\"[]\""), None);
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "(I1123 20:59:00\\.5 7 a\\.go:1\\] (\"x\" )?)?[\"\\\\a{}\\[\\]=<0-9 \u{e4}]{0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn no_json_breaks_it(ts in "-?[0-9.eE+-]{0,24}", more in "[\"\\\\a{}\\[\\]:,0-9 \u{e4}]{0,30}") {
        let _ = read(&format!("{{\"ts\":{ts},\"msg\":\"x\"{more}}}"));
    }

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = component(&bytes);
        let _ = read(&text(&bytes));
    }

    #[test]
    fn quoted_values_come_back(value in "[ -~\u{e4}\n\t]{0,40}") {
        // Rust quotes these as Go does, but for the single quote, which neither needs.
        let quoted = format!("{value:?}");
        let line = format!("{HEAD}\"x\" a={quoted} b=1");
        let reading = read(&line).unwrap();
        prop_assert_eq!(reading.line.field("a"), Some(value.as_str()));
        prop_assert_eq!((reading.line.field("b"), reading.issues.len()), (Some("1"), 0));
    }
}
