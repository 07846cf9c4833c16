//! Lines of containerd as it writes them, as they arrive broken, and as nobody should write them.

use proptest::prelude::*;

use super::*;
use crate::quoted::{quoted, unquoted};

fn show(bytes: &[u8]) -> String {
    crate::linux::text(bytes).0.into_owned()
}

/// time, level, text, other fields, issues
fn read(text: &[u8]) -> Result<String, NotALine> {
    let line = line(text)?;
    let others: Vec<String> = line.others().map(|(name, value)| format!("{}={}", show(name), show(value))).collect();
    let issues: Vec<&str> = line.issues.iter().map(|issue| issue.kind).collect();
    let part = |part: &Option<Cow<'_, [u8]>>| part.as_deref().map_or_else(|| "-".to_owned(), show);
    let (level, message) = (part(&line.level), part(&line.message));
    Ok(format!("{}/{}|{level}|{message}|{}|{}", line.time.nanos, line.time.digits, others.join(";"), issues.join(",")))
}

fn check(text: &str, expected: &str) {
    assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text}");
}

const AT: &str = "time=\"2026-11-23T20:59:10.472646474Z\"";
const NANOS: &str = "1795467550472646474/9";

#[test]
fn lines_of_the_log() {
    let of = |rest: &str, expected: &str| check(&format!("{AT} {rest}"), &format!("{NANOS}|{expected}"));
    of("level=info msg=serving... address=/run/a.sock", "info|serving...|address=/run/a.sock|");
    of("level=info msg=\"a \\\"b\\\" c\" id=1 empty= e=\"\"", "info|a \"b\" c|id=1;empty=;e=|");
    of("level=debug msg=\"a\\nb\\t\\\\ \\x1b[31m \\u00e9 \\U0001f600 \\101\"", "debug|a\nb\t\\ \u{1b}[31m é 😀 A||");
    of("level=debug msg=\"\\xff\\q\"", "debug|\\xFF\\q||");
    of("level=info", "info|-||");
    of("level=info msg=\"cut in the mid\\", "info|cut in the mid\\||unterminated");
    of("level=info msg=\"a\"b c=\"d\"", "info|a|b=;c=d|stray-text");
    of("level=info msg=a level=error time=x", "info|a|level=error;time=x|duplicate-field,duplicate-field");
    of("level=info msg=a novalue =nameless a=b=c\t x=1 ", "info|a|novalue=;=nameless;a=b=c;x=1|");
    check("level=info msg=x time=2026-11-23T21:59:10+01:00", "1795467550000000000/0|info|x||");
}

#[test]
fn lines_of_the_log_as_json() {
    check(
        r#"{"level":"info","msg":"a \"b\"\n","n":1.50,"o":{"a":[1, 2]},"time":"2026-11-23T20:59:10.472646474Z"}"#,
        &format!("{NANOS}|info|a \"b\"\n|n=1.50;o={{\"a\":[1, 2]}}|"),
    );
    check(r#"{"time":"2026-11-23T20:59:10Z","msg":""}"#, "1795467550000000000/0|-|||");
    let bytes = [br#"{"time":"2026-11-23T20:59:10Z","msg":"a"#.as_slice(), b"\xff\xfe", br#"b"}"#].concat();
    assert_eq!(read(&bytes).unwrap(), "1795467550000000000/0|-|a\\xFF\\xFEb||not-utf8");
}

#[test]
fn what_is_no_line_of_the_log() {
    let check = |text: &[u8], expected: NotALine| assert_eq!(read(text), Err(expected), "{}", show(text));
    check(b"", NotALine::Blank);
    check(b" \n\t", NotALine::Blank);
    check(b"E1123 20:59:19.620666   22111 httpstream.go:257] error forwarding port", NotALine::Form);
    check(b"time=\"2026-11-23T20:59:10Z\" a=b", NotALine::Form);
    check(b"time=\"2026-11-23 at noon\" level=info msg=x", NotALine::Time);
    check(b"time=\"2026-02-30T20:59:10Z\" level=info msg=x", NotALine::Time);
    check(b"time=\"9999-02-28T20:59:10Z\" level=info msg=x", NotALine::Time);
    check(b"level=info msg=x", NotALine::Time);
    check(b"level=info msg=\"time=2026-11-23T20:59:10Z\"", NotALine::Time);
    check(br#"{"level":"info","msg":"x"}"#, NotALine::Time);
    check(br#"{"level":"info","msg":"x","time":1795467550}"#, NotALine::Time);
    check(br#"{"a":1}"#, NotALine::Form);
    assert!(matches!(read(br#"{"level":"info","msg":"x","time":"2026-11-23T20:59:10Z""#), Err(NotALine::Json { .. })));
    assert!(matches!(read(b"{\xff\"level\":1}"), Err(NotALine::Json { at: 1, .. })));
}

#[test]
fn fields_are_bounded() {
    let many: String = (0..300).map(|n| format!(" f{n}=1")).collect();
    let text = format!("{AT} level=info msg=x{many}");
    let line = line(text.as_bytes()).unwrap();
    assert_eq!((line.all.len(), line.issues[0].kind), (FIELDS_MAX, "too-many-fields"));
    let many: Vec<String> = (0..300).map(|n| format!("\"f{n}\":1")).collect();
    let text = format!("{{\"time\":\"2026-11-23T20:59:10Z\",\"msg\":\"\",{}}}", many.join(","));
    let line = super::line(text.as_bytes()).unwrap();
    assert_eq!((line.all.len(), line.issues[0].kind), (FIELDS_MAX, "too-many-fields"));
}

fn stream(text: &[u8]) -> Result<String, NotALine> {
    let line = stream_line(text)?;
    let (members, issue) = line.members();
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let issues: Vec<&str> = line.issues.iter().chain(&issue).map(|issue| issue.kind).collect();
    let (at, digits) = (line.time.nanos, line.time.digits);
    Ok(format!("{at}/{digits}|{}|{}|{}|{}", line.namespace, line.topic, members.join(";"), issues.join(",")))
}

#[test]
fn lines_of_the_event_stream() {
    let check = |text: &[u8], expected: &str| assert_eq!(stream(text).unwrap(), expected, "{}", show(text));
    check(
        b"2026-11-23 20:59:10.735496056 +0000 UTC k8s.io /tasks/exec-started {\"container_id\":\"c\",\"pid\":24100}\r\n",
        "1795467550735496056/9|k8s.io|/tasks/exec-started|container_id=c;pid=24100|",
    );
    // Go cuts the zeros off, and names the zone of the one who looks.
    check(b"2026-11-23 21:59:10.5 +0100 CET moby /tasks/oom {}", "1795467550500000000/1|moby|/tasks/oom||");
    check(b"2026-11-23 20:59:10 +0000 UTC  /a {}", "1795467550000000000/0||/a||");
    check(
        b"2026-11-23 20:59:10 +0000 UTC n /a {\"a\": [1, {\"b\" : \"c \\\" d\"}], \"e\": \"[1, 2]\", \"f\": null}",
        "1795467550000000000/0|n|/a|a=[1,{\"b\":\"c \\\" d\"}];e=[1, 2];f=null|",
    );
    check(b"2026-11-23 20:59:10 +0000 UTC n /a", "1795467550000000000/0|n|/a||no-payload");
    check(b"2026-11-23 20:59:10 +0000 UTC n /a {\"id\":\"x\",\"pi", "1795467550000000000/0|n|/a|id=x|not-json");
    check(b"2026-11-23 20:59:10 +0000 UTC n /a {\"id\":\"x\"} y", "1795467550000000000/0|n|/a|id=x|not-json");
    check(b"2026-11-23 20:59:10 +0000 UTC n /a []", "1795467550000000000/0|n|/a||not-json");
    check(b"2026-11-23 20:59:10 +0000 UTC n /a {\"a\":\"\xff\"}", "1795467550000000000/0|n|/a|a=\\xFF|not-utf8");
}

#[test]
fn what_is_no_line_of_the_event_stream() {
    let check = |text: &[u8], expected: NotALine| assert_eq!(stream(text), Err(expected), "{}", show(text));
    check(b"", NotALine::Blank);
    check(b"2026-11-23 20:59:10 +0000 UTC", NotALine::Form);
    check(b"2026-11-23 20:59:10 +0000 UTC k8s.io tasks {}", NotALine::Form);
    check(b"2026-11-23 20:59:10 +0000 UTC k8s.io / {}", NotALine::Form);
    check(b"2026-11-31 20:59:10 +0000 UTC k8s.io /tasks/exit {}", NotALine::Time);
    check(b"2026-11-23 20:59:10 Z UTC k8s.io /tasks/exit {}", NotALine::Time);
    check(b"2026-11-23 20:59:10 +00:00 UTC k8s.io /tasks/exit {}", NotALine::Time);
}

#[test]
fn told_by_how_they_begin() {
    let log = |text: &str, expected: bool| assert_eq!(is_line(text.as_bytes()), expected, "{text}");
    log("time=\"2026-11-23T20:59:10Z\" level=info msg=x", true);
    log("time=2026-11-23T20:59:10Z level=info msg=x", true);
    log("{\"level\":\"info\",\"msg\":\"x\",\"time\":\"2026-11-23T20:59:10Z\"}\n", true);
    log("time=\"yesterday\" level=info msg=x", false);
    log("time=\"2026-11-23T20:59:10Z\" msg=x", false);
    log("msg=\"time=2026-11-23T20:59:10Z level=info\"", false);
    log("{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"2026-11-23T20:59:10Z\"}", false);
    log("{\"ts\":1795467465318.286,\"caller\":\"a.go:1\",\"msg\":\"x\",\"v\":0}", false);
    log("type=CWD msg=audit(1.1:1): cwd=\"time=\"", false);
    log("", false);
    let stream = |text: &str, expected: bool| assert_eq!(is_stream_line(text.as_bytes()), expected, "{text}");
    stream("2026-11-23 20:59:10.7 +0000 UTC k8s.io /tasks/exit {}", true);
    stream("2026-11-23 20:59:10.7 +0000 UTC root deleted everything", false);
    stream("", false);
}

#[test]
fn quoted_strings() {
    let check = |text: &str, expected: Option<(&str, &str)>| {
        let found = quoted(text.as_bytes()).map(|(value, behind)| (show(&value), show(behind)));
        assert_eq!(found.as_ref().map(|(value, behind)| (value.as_str(), behind.as_str())), expected, "{text}");
    };
    check("\"\"", Some(("", "")));
    check("\"a\" b", Some(("a", " b")));
    check("\"a\\\"b\\\\\"c", Some(("a\"b\\", "c")));
    check("\"\\uD800\\u12\\x4\\777\\8\"", Some(("\\uD800\\u12\\x4\\777\\8", "")));
    check("a\"b\"", None);
    check("\"a", None);
    check("\"a\\", None);
    check("\"a\\\"", None);
}

/// What Go's `%q` makes of a text, as far as it escapes.
fn go_quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (read(&bytes), stream(&bytes), is_line(&bytes), is_stream_line(&bytes), quoted(&bytes), unquoted(&bytes));
    }

    #[test]
    fn nothing_panics_behind_a_time(text in "[ =\"\\\\{}:,\\[\\]a-fxuU0-9\\n]{0,80}", cut in 0usize..200) {
        for whole in [
            format!("{AT} level=info msg={text}"),
            format!("{{\"time\":\"2026-11-23T20:59:10Z\",\"msg\":{text}"),
            format!("2026-11-23 20:59:10 +0000 UTC n /a {{{text}"),
        ] {
            let bytes = &whole.as_bytes()[..cut.min(whole.len())];
            let _ = (read(bytes), stream(bytes), is_line(bytes), is_stream_line(bytes));
        }
    }

    #[test]
    fn what_logrus_quotes_comes_back(message in any::<String>(), value in any::<String>()) {
        let text = format!("{AT} level=info msg={} error={}", go_quoted(&message), go_quoted(&value));
        let line = line(text.as_bytes()).unwrap();
        prop_assert_eq!(line.message.as_deref(), Some(message.as_bytes()));
        prop_assert_eq!(line.all.last().map(|(_, value)| value.as_ref()), Some(value.as_bytes()));
        prop_assert!(line.issues.is_empty());
    }
}
