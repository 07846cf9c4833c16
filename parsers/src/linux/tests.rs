//! Records as they are met, attacks on them, and arbitrary bytes.

use proptest::prelude::*;

use super::*;

fn shown(line: &[u8]) -> Vec<String> {
    let record = Record::parse(line).unwrap();
    let show = |field: Field<'_>| {
        let value = text(&field.value.decoded(is_encoded(record.type_name(), field.name))).0.into_owned();
        let level = if field.nested { "'" } else { "" };
        let again = if field.duplicate { "!" } else { "" };
        format!("{level}{}{again}={value}", text(field.name).0)
    };
    let mut all: Vec<String> = record.fields().map(show).collect();
    all.extend(record.enriched_fields().map(|field| format!("+{}", show(field))));
    all
}

fn check(line: &str, expected: &[&str]) {
    assert_eq!(shown(line.as_bytes()), expected, "{line}");
}

#[test]
fn fields_of_records() {
    check(
        "type=SYSCALL msg=audit(1.002:3): arch=c000003e a0=61 comm=666F6F exe=\"/bin/x y\" key=(null)\x1dARCH=x86_64 AUID=\"bob\"\n",
        &["arch=c000003e", "a0=61", "comm=foo", "exe=/bin/x y", "key=(null)", "+ARCH=x86_64", "+AUID=bob"],
    );
    check("type=CWD msg=audit(1.002:3):  cwd=\"/\"", &["cwd=/"]);
    check("type=CWD audit(1.002:3): cwd=2F61\r\n", &["cwd=/a"]);
    check(
        "node=n type=USER_CMD msg=audit(1.002:3): pid=1 uid=0 msg='cwd=\"/\" cmd=6C73 res=success'\x1dUID=\"root\"",
        &["pid=1", "uid=0", "'cwd=/", "'cmd=ls", "'res=success", "+UID=root"],
    );
    check(
        "type=ADD_USER msg=audit(1.002:3): pid=1 msg='op=adding user id=0 exe=\"/x\" res=success'",
        &["pid=1", "'op=adding user", "'id=0", "'exe=/x", "'res=success"],
    );
    check(
        "type=LOGIN msg=audit(1.002:3): login pid=1 uid=0 old auid=700 new auid=701 old ses=1 new ses=2",
        &["=login", "pid=1", "uid=0", "old auid=700", "new auid=701", "old ses=1", "new ses=2"],
    );
    check(
        "type=AVC msg=audit(1.002:3): avc:  denied  { read write } for  pid=1 comm=\"x\" ino=2",
        &["=avc:  denied  { read write } for", "pid=1", "comm=x", "ino=2"],
    );
    check(
        "type=USER_AUTH msg=audit(1.002:3): user pid=1 auid=-1 msg='PAM: authentication acct=root : exe=\"/x\" (hostname=h, addr=1.2.3.4, terminal=ssh res=success)'",
        &[
            "=user",
            "pid=1",
            "auid=-1",
            "'=PAM: authentication",
            "'acct=root",
            "'=:",
            "'exe=/x",
            "'hostname=h,",
            "'addr=1.2.3.4,",
            "'terminal=ssh",
            "'res=success)",
        ],
    );
    check(
        "type=SOCKADDR msg=audit(1.002:3): saddr=1000\x1dSADDR={ saddr_fam=netlink nlnk-pid=0 }",
        &["saddr=1000", "+SADDR={ saddr_fam=netlink nlnk-pid=0 }"],
    );
    check("type=UNKNOWN[1327] msg=audit(1.002:3): proctitle=6100", &["proctitle=a\0"]);
    check("audit(1.002:3): a=1", &["a=1"]);
    check("type=X msg=audit(1.002:3):", &[]);
    check("type=X msg=audit(1.002:3): = == =a a= b", &["==", "==", "==a", "a=", "=b"]);
}

#[test]
fn a_value_cannot_pretend_to_be_a_field() {
    check(
        "type=SYSCALL msg=audit(1.002:3): comm=\"x auid=0 type=SYSCALL\" auid=5 auid=0",
        &["comm=x auid=0 type=SYSCALL", "auid=5", "auid!=0"],
    );
    check(
        "type=USER_X msg=audit(1.002:3): auid=5 msg='op=x acct=\"a' auid=0 uid=0 msg='\" res=1'",
        &["auid=5", "'op=x", "'acct=a' auid=0 uid=0 msg='", "'res=1"],
    );
    // Inside of msg='…' the last quote of the record closes, so this auid stays inside.
    check("type=USER_X msg=audit(1.002:3): auid=5 msg='x=1' auid=0 y='2'", &["auid=5", "'x=1'", "'auid=0", "'y='2"]);
    check("type=X msg=audit(1.002:3): cmd=610A617569643D30", &["cmd=a\nauid=0"]);
}

#[test]
fn issues_have_offsets() {
    for (line, expected) in [
        (
            &b"type=X msg=audit(1.002:3): a=1 a=2 pid=3 pid=4"[..],
            vec![("duplicate-field", 31), ("duplicate-field", 41)],
        ),
        (b"type=X msg=audit(1.002:3): a=\"x b=1", vec![("unterminated-quote", 29)]),
        (b"type=X msg=audit(1.002:3): msg='a=1", vec![("unterminated-quote", 31)]),
        (b"type=X msg=audit(1.002:3): aa\\\nb=1 aab=2", vec![("folded-line", 25), ("duplicate-field", 35)]),
        (b"type=X msg=audit(1.02:3): a=1", vec![("unusual-time", 0)]),
        (b"audit(1.002:3): a=1", vec![("no-type", 0)]),
        (b"type=X msg=audit(1.002:3): a=1\x1dA=1 A=2", vec![("duplicate-field", 35)]),
    ] {
        let (_, issues) = parse(line).unwrap();
        let got: Vec<_> = issues.iter().map(|issue| (issue.kind, issue.at)).collect();
        assert_eq!(got, expected, "{}", text(line).0);
    }
}

#[test]
fn headers() {
    let check = |line: &str, expected: Result<(&str, u64, u64, u64, u8, bool), NotARecord>| {
        let got = header(line.as_bytes());
        let got =
            got.as_ref().map(|h| (&*h.record_type, h.secs, h.millis, h.serial, h.digits, h.daemon)).map_err(|e| *e);
        assert_eq!(got, expected, "{line}");
    };
    check("type=SYSCALL msg=audit(1234567890.123:12345): a", Ok(("SYSCALL", 1_234_567_890, 123, 12345, 3, false)));
    check("node=a-b.c type=DAEMON_END msg=audit(1.000:1): ", Ok(("DAEMON_END", 1, 0, 1, 3, true)));
    check("type=UNKNOWN[1205] msg=audit(1.000:1): ", Ok(("UNKNOWN[1205]", 1, 0, 1, 3, true)));
    check("type=1400 audit(1.000:1): ", Ok(("1400", 1, 0, 1, 3, false)));
    check("audit(1.000:1): ", Ok(("", 1, 0, 1, 3, false)));
    check("type=SYS\\\nCALL msg=au\\\ndit(12\\\n3.000:1): ", Ok(("SYSCALL", 123, 0, 1, 3, false)));
    // One or two digits may be a fraction or milliseconds: neither is chosen, and no two of them are one time.
    check("type=X msg=audit(1.5:1): ", Ok(("X", 1, 10_000_000_005, 1, 0, false)));
    check("type=X msg=audit(1.05:1): ", Ok(("X", 1, 20_000_000_005, 1, 0, false)));
    check("type=X msg=audit(1.123456:1): ", Ok(("X", 1, 60_000_123_456, 1, 6, false)));
    check("type=X msg=audit(18446745773709551.616:42): ", Err(NotARecord::TimeRange { at: 17 }));
    check("type=X msg=audit(99999999999999999999999.616:42): ", Err(NotARecord::TimeRange { at: 17 }));
    check("type=X msg=audit(9223372036.854:1): ", Ok(("X", 9_223_372_036, 854, 1, 3, false)));
    check("type=X msg=audit(9223372036.855:1): ", Err(NotARecord::TimeRange { at: 17 }));
    check("type=X msg=audit(1.000:18446744073709551616): ", Err(NotARecord::SerialRange { at: 23 }));
    for stamp in
        ["(-1.000:1)", "(1.:1)", "(.1:1)", "(1:1)", "(1.000)", "(1.000:)", "(1.000:1", "(1.0000000000:1)", "(+1.000:1)"]
    {
        check(&format!("type=X msg=audit{stamp}"), Err(NotARecord::Stamp { at: 11 }));
    }
    check("type= msg=audit(1.000:1): ", Err(NotARecord::Type { at: 5 }));
    check("type=A\"B msg=audit(1.000:1): ", Err(NotARecord::Type { at: 5 }));
    for line in ["", "x", "Type=X msg=audit(1.000:1)", "{\"kind\":\"Event\"}"] {
        check(line, Err(NotARecord::Start));
    }
}

#[test]
fn ten_million_fields_are_bounded_and_counted() {
    let mut line = b"type=X msg=audit(1.002:3): ".to_vec();
    line.extend(b"a=1 ".repeat(10_000_000));
    let (record, issues) = parse(&line).unwrap();
    assert_eq!(record.fields().count(), FIELDS_MAX);
    let issue = issues.iter().find(|issue| issue.kind == "too-many-fields").unwrap();
    assert!(issue.detail.contains("9991808"), "{}", issue.detail);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let mut line = b"type=EXECVE msg=audit(1.002:3): ".to_vec();
        line.extend(&bytes);
        let (record, issues) = parse(&line).unwrap();
        for field in record.fields().chain(record.enriched_fields()) {
            let _ = text(&field.value.decoded(is_encoded(record.type_name(), field.name)));
        }
        for issue in issues {
            prop_assert!(issue.at <= line.len());
        }
        let _ = SockAddr::parse(&bytes, None);
    }

    #[test]
    fn words_of_the_format_never_panic(words in proptest::collection::vec(prop_oneof![
        Just("type="), Just("node="), Just("msg="), Just("msg='"), Just("audit("), Just("1.002:3"), Just("):"), Just(" "), Just("'"), Just("\""),
        Just("="), Just("old "), Just("new "), Just("op="), Just("a1["), Just("]"), Just("\x1d"), Just("{ "), Just(" }"), Just("\\\n"), Just("x"),
    ], 0..40)) {
        let line = words.concat();
        let head = header(line.as_bytes());
        prop_assert_eq!(head.is_ok(), Record::parse(line.as_bytes()).is_ok());
        let whole = format!("type=X msg=audit(1.002:3): {line}");
        let (record, _) = parse(whole.as_bytes()).unwrap();
        prop_assert_eq!(&record.header, &header(whole.as_bytes()).unwrap());
        // Nothing is lost: every byte that is no space, quote or sign stands in some name or value, or is between two of them.
        let kept: usize = record.fields().map(|field| field.name.len() + field.value.bytes.len()).sum();
        let marks = record.kernel.iter().filter(|b| matches!(b, b' ' | b'=' | b'"' | b'\'' | b'(')).count();
        let msg = record.kernel.windows(4).filter(|w| w == b"msg=").count() * 3;
        prop_assert!(kept + marks + msg >= record.kernel.len(), "{kept} {marks} of {}", record.kernel.len());
    }

    /// A fold anywhere changes nothing but the issue.
    #[test]
    fn folds_anywhere(at in 1usize..120) {
        let line = b"node=n type=SYSCALL msg=audit(1234567890.123:12345): arch=c000003e syscall=59 comm=\"docker\" key=\"audit-docker\"\x1dAUID=\"bob\"";
        let at = at.min(line.len() - 1);
        let mut folded = line[..at].to_vec();
        folded.extend(b"\\\n");
        folded.extend(&line[at..]);
        let plain = Record::parse(line).unwrap();
        let read = Record::parse(&folded).unwrap();
        prop_assert_eq!((&plain.kernel, &plain.enriched), (&read.kernel, &read.enriched));
        prop_assert_eq!(&plain.header.node, &read.header.node);
        prop_assert_eq!((plain.header.secs, plain.header.millis, plain.header.serial), (read.header.secs, read.header.millis, read.header.serial));
        prop_assert_eq!(read.issues().len(), 1);
    }
}
