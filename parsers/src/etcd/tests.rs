//! Lines of etcd of each age, and lines of others in the same forms.

use super::*;
use crate::line::Time;
use proptest::prelude::*;

fn shown(line: &str) -> String {
    let Some(line) = parse(line) else { return "none".to_owned() };
    let (Time::Moment { nanos, digits } | Time::NoZone { nanos, digits }) = line.time else {
        return "no moment".to_owned();
    };
    let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{nanos}/{digits} {} {} | {}", line.level, line.message, fields.join(" "))
}

fn check(line: &str, expected: &str, sure: bool) {
    assert_eq!(shown(line), expected, "{line}");
    assert_eq!(is_line(line.as_bytes()), sure, "{line}");
}

#[test]
fn lines_of_zap() {
    check(
        r#"{"level":"info","ts":"2026-11-23T20:57:38.781Z","caller":"etcdmain/etcd.go:73","msg":"Running: ","args":["etcd","--name"],"m":{"a":{"b":1}}}"#,
        "1795467458781000000/3 info Running:  | caller=etcdmain/etcd.go:73 args=[\"etcd\",\"--name\"] m.a.b=1",
        true,
    );
    check(
        "{\"level\":\"warn\",\"ts\":\"2026-11-23T21:57:38.781871+0100\",\"caller\":\"v3rpc/interceptor.go:197\",\"msg\":\"request stats\",\"start time\":\"x\"}\n",
        "1795467458781871000/6 warn request stats | caller=v3rpc/interceptor.go:197 start time=x",
        true,
    );
    check(
        r#"{"level":"warn","ts":1568166948.8119395,"caller":"etcdserver/util.go:144","msg":"apply request took too long","took":0.101501094}"#,
        "1568166948811939500/7 warn apply request took too long | caller=etcdserver/util.go:144 took=0.101501094",
        true,
    );
    check(
        r#"{"level":"info","ts":"2026-11-23T20:57:38.7Z","logger":"raft","caller":"membership/cluster.go:421","msg":"x"}"#,
        "1795467458700000000/1 info x | logger=raft caller=membership/cluster.go:421",
        true,
    );
    // A client of etcd, other programs, and one that speaks of etcd.
    for caller in [
        "v3@v3.5.4/retry_interceptor.go:62",
        "auth/handler.go:1",
        "cluster.go:1",
        "x/etcdserver/util.go:1",
        "etcdserver/util.go",
        "etcdmain/x:1",
    ] {
        let line = format!(
            "{{\"level\":\"info\",\"ts\":\"2026-11-23T20:57:38Z\",\"caller\":\"{caller}\",\"msg\":\"etcdserver: x\"}}"
        );
        check(&line, &format!("1795467458000000000/0 info etcdserver: x | caller={caller}"), false);
    }
    check(
        r#"{"ts":1795467458781.5,"caller":"etcdmain/etcd.go:1","msg":"x"}"#,
        "1795467458781500000/4  x | caller=etcdmain/etcd.go:1",
        false,
    );
    for none in [
        r#"{"level":"info","ts":"now","caller":"etcdmain/etcd.go:73","msg":"x"}"#,
        r#"{"level":"info","caller":"etcdmain/etcd.go:73","msg":"x"}"#,
        r#"{"level":"info","ts":"2026-11-23T20:57:38Z","caller":"etcdmain/etcd.go:73"}"#,
        r#"{"level":"info","ts":"2026-11-23T20:57:38Z","caller":"etcdmain/etcd.go:73","msg":"x""#,
    ] {
        check(none, "none", false);
    }
}

#[test]
fn lines_of_text() {
    check(
        "2026-11-23 20:57:38.781871 I | etcdmain: etcd Version: 3.4.23",
        "1795467458781871000/6 info etcd Version: 3.4.23 | package=etcdmain",
        true,
    );
    check(
        "2026-11-23 20:57:38.781871 N | etcdserver/membership: set the initial cluster version to 3.4\n",
        "1795467458781871000/6 notice set the initial cluster version to 3.4 | package=etcdserver/membership",
        true,
    );
    check(
        "2026-11-23 20:57:38.781871 W | pkg/fileutil: a | b: c",
        "1795467458781871000/6 warning a | b: c | package=pkg/fileutil",
        true,
    );
    // capnslog of others, and a text that speaks of etcd.
    check(
        "2026-11-23 20:57:38.781871 E | clair: etcdmain: x",
        "1795467458781871000/6 error etcdmain: x | package=clair",
        false,
    );
    check(
        "2026-11-23 20:57:38.781871 C | Not a package: x",
        "1795467458781871000/6 critical Not a package: x | ",
        false,
    );
    check("2026-11-23 20:57:38.781871 D | ", "1795467458781871000/6 debug  | ", false);
    check(
        "raft2026/11/23 20:57:38 INFO: newRaft d [peers: []]",
        "1795467458000000000/0 info newRaft d [peers: []] | package=raft",
        false,
    );
    for none in [
        "",
        "[WARNING] Deprecated '--logger=capnslog' flag is set; use '--logger=zap' flag instead",
        "2026-11-23 20:57:38.781871 X | etcdmain: x",
        "2026-11-23T20:57:38.781871 I | etcdmain: x",
        "2026-02-30 20:57:38.781871 I | etcdmain: x",
        "2026-11-23 20:57:38.781871Z I | etcdmain: x",
        "2026-11-23 20:57:38.781871 I",
        "I | etcdmain: x",
        "raft2026-11-23 20:57:38 INFO: x",
        "raft2026/11/23 20:57:38 NOTE: x",
        "raft2026/11/23 20:57:38 INFO",
        "raft",
        "raftä2026/11/23 20:57:38",
    ] {
        check(none, "none", false);
    }
    assert!(!is_line(b"2026-11-23 20:57:38.781871 I | \xff: x"));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "(2026-11-23 20:57:38\\.781871 I \\| |raft2026/11/23 20:57:38 |\\{\"ts\":1,\"msg\":)?[ -~\u{e4}]{0,60}") {
        let _ = (parse(&text), is_line(text.as_bytes()));
    }

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (parse(&crate::line::text_of(&bytes)), is_line(&bytes));
    }
}
