//! Forms of lines, what is none, and what nobody can make of a text.

use super::*;
use crate::line::Time;
use proptest::prelude::*;

/// Time, level, text, and fields, in one line.
fn shown(line: &str) -> String {
    let Some(line) = parse(line) else { return "none".to_owned() };
    let time = match line.time {
        Time::NoZone { .. } => unreachable!("every stamp has a zone, or no year"),
        Time::Moment { nanos, digits } => format!("{nanos}/{digits}"),
        Time::NoYear { month, day, of_day, digits } => format!("{month}-{day} {}/{digits}", of_day / 1_000_000_000),
    };
    let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{time} {}| {} | {}", line.level, line.message, fields.join(" "))
}

#[test]
fn forms() {
    let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
    check(
        "<86>Nov 23 20:59:36 sshd: pam_unix(sshd:session): session closed for user bob",
        "11-23 75576/0 info| pam_unix(sshd:session): session closed for user bob | facility=authpriv program=sshd",
    );
    check("Nov  3 20:59:36 node-1 sudo[17]: bob : x", "11-3 75576/0 | bob : x | host=node-1 program=sudo pid=17");
    check("Nov 23 20:59:36 : bob : TTY=pts/0", "11-23 75576/0 | bob : TTY=pts/0 | ");
    check(
        "Nov 23 20:59:36 node-1 last message repeated 3 times",
        "11-23 75576/0 | node-1 last message repeated 3 times | ",
    );
    check(
        "2026-11-23T20:59:36.123456+01:00 node-1 sshd[812]: Accepted password for bob from ::1 port 1 ssh2",
        "1795463976123456000/6 | Accepted password for bob from ::1 port 1 ssh2 | host=node-1 program=sshd pid=812",
    );
    check(
        "2026-11-23T20:59:02,539064+00:00 rule IN=lo OUT= SRC=127.0.0.1",
        "1795467542539064000/6 | rule IN=lo OUT= SRC=127.0.0.1 | program=kernel",
    );
    check(
        "<86>1 2026-11-23T20:59:36.5Z node-1 sshd 812 ID47 [a@1 k=\"x ] \\\" \\] y\"][b] \u{feff}text",
        "1795467576500000000/1 info| text | facility=authpriv host=node-1 program=sshd pid=812 msgid=ID47 data=[a@1 k=\"x ] \\\" \\] y\"][b]",
    );
    check("<0>1 2026-11-23T20:59:36Z - - - - -", "1795467576000000000/0 emergency|  | facility=kern");
    check(
        "{\"__REALTIME_TIMESTAMP\":\"1795467576123456\",\"MESSAGE\":\"a\\nb\",\"_TRANSPORT\":\"kernel\",\"PRIORITY\":\"4\",\"_HOSTNAME\":\"n\"}",
        "1795467576123456000/6 warning| a\nb | host=n program=kernel",
    );
    check(
        "{\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":\"x\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_EXE\":\"/usr/bin/logger\",\"_PID\":\"7\"}",
        "1000/6 | x | program=sshd pid=7 _EXE=/usr/bin/logger",
    );
}

#[test]
fn packets_of_ulogd() {
    let check = |line: &str, expected: &str, sure: bool| {
        assert_eq!(shown(line), expected, "{line}");
        assert_eq!(is_line(line.as_bytes()), sure, "{line}");
    };
    check(
        r#"{"timestamp": "2026-11-23T21:59:02.539064+0100", "dvc": "Netfilter", "raw.pktlen": 60, "oob.prefix": "drop: ", "oob.time.sec": 7, "oob.time.usec": 8, "action": "blocked", "ip.protocol": 6, "oob.in": "eth0", "oob.out": "", "src_ip": "10.0.0.9", "dest_port": 22}"#,
        "1795467542539064000/6 | drop:  | program=ulogd dvc=Netfilter raw.pktlen=60 oob.time.sec=7 oob.time.usec=8 action=blocked ip.protocol=6 oob.in=eth0 oob.out= src_ip=10.0.0.9 dest_port=22",
        true,
    );
    // Without a zone: the packet's own time, else as if it were UTC.
    check(
        r#"{"timestamp":"2026-11-23T21:59:02.539064","oob.prefix":"x","oob.time.sec":1795467542,"oob.time.usec":539064}"#,
        "1795467542539064000/6 | x | program=ulogd oob.time.sec=1795467542 oob.time.usec=539064",
        true,
    );
    check(
        r#"{"timestamp":"2026-11-23T20:59:02.5","oob.prefix":"x"}"#,
        "1795467542500000000/1 | x | program=ulogd",
        true,
    );
    check(
        r#"{"timestamp":"2026-11-23T20:59:02","ct.event":1}"#,
        "1795467542000000000/0 |  | program=ulogd ct.event=1",
        true,
    );
    for none in [
        r#"{"timestamp":"2026-11-23T20:59:02Z","message":"oob.prefix"}"#,
        r#"{"timestamp":"now","oob.prefix":"x"}"#,
        r#"{"timestamp":1795467542,"oob.prefix":"x"}"#,
        r#"{"oob.prefix":"x"}"#,
        r#"{"timestamp":"2026-11-23T20:59:02Z","oob.prefix":"x""#,
        "6,339,5140900,-;text",
    ] {
        check(none, "none", false);
    }
}

#[test]
fn what_is_no_line() {
    for line in [
        "",
        "text",
        "<86>",
        "<192>Nov 23 20:59:36 a: b",
        "Nov 31 20:59:36 a: b",
        "Feb 30 20:59:36 a: b",
        "Nov 23 24:59:36 a: b",
        "Nov 23 20:59:36",
        "2026-02-30T20:59:36Z a: b",
        "<86>1 2026-11-23T20:59:36Z node-1 sshd 812 - [a k=\"x] text",
        "{\"MESSAGE\":\"x\"}",
        "{\"__REALTIME_TIMESTAMP\":\"9223372036854775807\",\"MESSAGE\":\"x\"}",
        "{\"__REALTIME_TIMESTAMP\":\"1\"}",
    ] {
        assert_eq!(shown(line), "none", "{line}");
    }
}

#[test]
fn a_text_is_no_program() {
    // The tag is what stands before the first `: `, without a blank; what follows cannot add one.
    let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
    check("Nov 23 20:59:36 n a b: sshd[1]: x", "11-23 75576/0 | n a b: sshd[1]: x | ");
    check("Nov 23 20:59:36 app: sshd[1]: Accepted", "11-23 75576/0 | sshd[1]: Accepted | program=app");
}

proptest! {
    #[test]
    fn no_text_breaks_it(line in "(<[0-9]{1,4}>)?(1 |Nov 23 20:59:36 |2026-11-23T20:59:36[.,]5Z )?[ -~\\u{e4}\\u{feff}]{0,60}") {
        if let Some(read) = parse(&line) {
            prop_assert!(line.contains(read.message.as_ref()));
        }
    }

    #[test]
    fn no_journal_breaks_it(text in "\\{(\"(__REALTIME_TIMESTAMP|MESSAGE|_PID|PRIORITY|timestamp|oob\\.prefix)\":(\"[0-9a-z]{0,20}\"|[0-9]{1,3}|null|\\[1\\]),?){0,6}\\}?") {
        let _read = parse(&text);
    }
}
