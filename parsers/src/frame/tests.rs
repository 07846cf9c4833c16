//! Frames of every format: where they end, that nothing is lost, and that the way of arrival changes nothing.

use super::*;
use proptest::prelude::*;

/// All frames of `input`, arriving in pieces that end at `cuts`.
fn frames(format: Format, input: &[u8], cuts: &[usize]) -> Vec<(Vec<u8>, bool)> {
    let mut framer = Framer::new(format);
    let mut out = Vec::new();
    let mut start = 0;
    for (number, &to) in cuts.iter().chain([&input.len()]).enumerate() {
        let end = number == cuts.len();
        while let Some(cut) = framer.next(&input[start..to.max(start)], end) {
            assert!(cut.len > 0 && cut.len <= FRAME_BYTES_MAX);
            out.push((input[start..start + cut.len].to_vec(), cut.goes_on));
            start += cut.len;
        }
    }
    assert_eq!(start, input.len(), "the frames together are the input");
    out
}

/// The frames without the blanks around them, which belong to the frame before or behind as they arrive.
fn records(frames: Vec<(Vec<u8>, bool)>) -> Vec<(Vec<u8>, bool)> {
    let bare = |(bytes, goes_on): (Vec<u8>, bool)| (bytes.trim_ascii().to_vec(), goes_on);
    frames.into_iter().map(bare).filter(|(bytes, _)| !bytes.is_empty()).collect()
}

fn check(format: Format, expected: &[&str]) {
    let input = expected.concat();
    let whole = frames(format, input.as_bytes(), &[]);
    let texts: Vec<&str> = whole.iter().map(|(bytes, _)| std::str::from_utf8(bytes).unwrap()).collect();
    assert_eq!(texts, expected, "whole");
    let whole = records(whole);
    let bytewise: Vec<usize> = (0..input.len()).collect();
    assert_eq!(records(frames(format, input.as_bytes(), &bytewise)), whole, "byte by byte");
    for at in 0..input.len() {
        assert_eq!(records(frames(format, input.as_bytes(), &[at])), whole, "in two pieces at {at}");
    }
}

#[test]
fn lines() {
    check(Format::Lines, &["a\n", "\n", "b\\\n", "c"]);
}

#[test]
fn lines_of_klog_go_on() {
    let check = |expected: &[&str]| check(Format::Joined(Joins::Klog), expected);
    check(&["I1123 20:59:00.5 7 a.go:1] x\n", "W1123 20:59:00.5 7 a.go:1] y\nmore\n\n and more\n", "E1123 x\n"]);
    check(&["E1123 x\nImpacted events:\n", "2026-11-23T20:59:02Z AUDIT: id=\"\"\n", "{\"ts\":1}\n", "{}\n"]);
    check(&["I1123 x\nI112 y\nI1123\n2026-11-23 x\n", "F0101 "]);
    check(&["more\nof one\n", "I1123 x"]);
    check(&["\n\nx\n", "I1123 x\n"]);
    check(&["I1123 x\n", "I11"]);
}

#[test]
fn indented_lines_go_on() {
    let check = |expected: &[&str]| check(Format::Joined(Joins::Indented), expected);
    check(&["Nov 23 a\n    b\n\tc\n", "Nov 23 d\n\n", "x\r\n", "y\n"]);
    check(&[" a\n b\n", "c"]);
}

#[test]
fn parts_of_a_stream_go_on() {
    let check = |expected: &[&str]| check(Format::Joined(Joins::Container), expected);
    let line = |stream: &str, tag: &str, text: &str| format!("2026-11-23T20:59:25.7Z {stream} {tag} {text}\n");
    let (out, out_end) = (line("stdout", "P", "a"), line("stdout", "F", "b"));
    let (err, err_end) = (line("stderr", "P", "c"), line("stderr", "F", "d"));
    check(&[&out_end, &out_end, &err_end]);
    check(&[&format!("{out}{out}{out_end}"), &out_end]);
    check(&[&format!("{out}{err_end}{out}{out_end}"), &err_end]);
    check(&[&format!("{out}{err}{out_end}{err_end}"), &out_end]);
    check(&["no line of one\n", &out_end, "torn"]);
    check(&[&format!("{out}no line of one\n"), &out_end]);
    // A stream that never ends its line takes some lines of the other one with it, never all.
    let taken = format!("{out}{}", err_end.repeat(16));
    check(&[&taken, &err_end, &out_end]);
    // A line that is longer than a frame.
    let long = format!("{}{}", line("stdout", "P", &"x".repeat(FRAME_BYTES_MAX)), out_end);
    let all = frames(Format::Joined(Joins::Container), format!("{long}{err_end}").as_bytes(), &[]);
    let ends: Vec<bool> = all.iter().map(|(_, goes_on)| *goes_on).collect();
    assert_eq!((ends, all[2].0.as_slice()), (vec![true, false, false], err_end.as_bytes()));
}

#[test]
fn auditd_lines() {
    let check = |expected: &[&str]| check(Format::Auditd, expected);
    check(&["type=A x\n", "type=B y\n"]);
    check(&["type=A x\r\n", "type=B y\r\n", "type=C"]);
    check(&["type=A x\\\ny\\\r\nz\n", "type=B\n"]);
    // A value that ends in a backslash takes no record with it.
    check(&["type=A x=\\\n", "type=B y\n"]);
    check(&["type=A x=\\\n", "node=n type=B y\n"]);
    check(&["type=A x=\\\nno\n", "type=B\n"]);
    check(&["type=A x=\\\ntype\n", "type=B\n"]);
    check(&["type=A x=\\\n\n", "type=B\n"]);
    check(&["type=A x=\\\n\n\n", "type=B\n"]);
    check(&["type=A x=\\"]);
    check(&["type=A x=\\\n"]);
    // A torn start of the next record.
    check(&["type=A x=\\\n", "typ"]);
    check(&["\n \r\n\ntype=A\n\n\n", "type=B\n\n \n", " type=C\n\n \n "]);
    check(&["\n\n\n"]);
    check(&["\n\n"]);
    check(&["\\\n\\\nx\n", "y\n"]);
}

#[test]
fn folds_are_limited() {
    let folded = format!("type=A {}", "x\\\n".repeat(1_001));
    check_two(&folded, "end\n");
}

fn check_two(first: &str, second: &str) {
    let input = [first, second].concat();
    let all = frames(Format::Auditd, input.as_bytes(), &[]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].0, first.as_bytes());
}

#[test]
fn json_lines() {
    let check = |expected: &[&str]| check(Format::KubernetesAudit, expected);
    check(&["{\"a\":1}\n", "{\"b\":\"}\\\"{\"}\r\n", "{}"]);
    check(&["{\"kind\":\"Event\",\"a\":{}}\n", "{\"kind\":\"Event\",\"a\":1}\r\n", "{\"kind\":\"Event\",\"b\":2}\n"]);
    check(&["{\"kind\":\"Event\",\"a\":{}}", "{\"kind\":\"Event\",\"a\":1}\n", "{\"kind\":\"Event\",\"b\":2}\n"]);
    check(&["{\"kind\":\"Event\",\"a\":{}} \t", "{\"kind\":\"Event\",\"a\":1}\n", "{}\n"]);
    check(&["{}", "{}", "{} \n\n\n", "{}\n\n", " {}\n\t\n "]);
    check(&["\u{feff}{}\n", "\0\0{}\n"]);
    check(&["no json\n", "{} x {}\n", "} ]\n", "{}\n"]);
    // Kind Event: no list, whatever its members are called.
    check(&["{\"kind\":\"Event\",\"items\":[{},{}]}\n", "{}\n"]);
}

#[test]
fn torn_lines_take_nothing_with_them() {
    let check = |expected: &[&str]| check(Format::KubernetesAudit, expected);
    check(&["{\"kind\":\"Event\",\"a\":\"x\n", "{\"kind\":\"Event\",\"b\":1}\n"]);
    check(&["{\"kind\":\"Event\",\"a\":\"x}\n", "{\"kind\":\"Event\",\"b\":1}\n"]);
    check(&["{\"kind\":\"Event\",\"a\":{\"b\":1}\n", "{\"kind\":\"Event\",\"b\":1}\n"]);
    check(&["{\"a\":\n", "{\"b\":1}\n", "{\"c\":\\\n", "{\"d\":\"\\\n", "{}\n"]);
    check(&["\"}}\n", "{\"b\":1}\n", "{\"c\":"]);
    check(&["{\"kind\":\"Event\",]{\"kind\":\"Event\",\"a\":1}\n", "{\n"]);
    let deep = format!("{}\n", "{\"a\":".repeat(200));
    check(&[&deep, "{\"b\":1}\n"]);
    let whole_but_deep = format!("{}1{}\n", "{\"a\":".repeat(129), "}".repeat(129));
    check(&[&whole_but_deep, "{\"b\":1}\n"]);
}

#[test]
fn pretty_printed_objects() {
    let check = |expected: &[&str]| check(Format::KubernetesAudit, expected);
    check(&["{\n  \"a\": [\n    1\n  ]\n, \"b\": {\n}\n} \n", "{\n\"c\":1\n}\n", "{}\n"]);
    check(&["{\n\t\"a\": 1,\n\n\t\"b\": 2\r\n}\r\n", "{\n"]);
    check(&["{\n \"a\": \"x\n", " y\"\n", "}\n", "{\n \"b\": 1\n}\n"]);
}

#[test]
fn lists() {
    let check = |expected: &[&str]| check(Format::KubernetesAudit, expected);
    check(&["{\"kind\":\"EventList\",\"items\":[{\"a\":1}", ",{\"b\":[{}]}", ",{\"c\":1}]}\n", "{}\n"]);
    check(&["{\"items\":[{\"a\":{\"items\":[{}]}}", " ,\n {\"b\":1}\n],\"kind\":\"EventList\"}\n", "{}\n"]);
    check(&["{\n \"kind\": \"EventList\",\n \"items\": [\n  {\n   \"a\": 1\n  }", ",\n  {\"b\": 1}\n ]\n}\n"]);
    check(&["[{}", ",\n{}", " , {}\n]\n", "{}\n"]);
    check(&["[\n{}\n]", "{}"]);
    check(&["{\"kind\":\"EventList\",\"items\":[]}\n", "[]\n", "{\"items\":[ ]}\r\n", "{}\n"]);
    check(&["{\"kind\":\"EventList\",\"items\":[{\"kind\":\"EventList\",\"items\":[{},{}]}", ",{}]}"]);
    check(&["{\"metadata\":{\"items\":[1,2]},\"a\":\"items\",\"b\":[{},{}]}\n", "{}\n"]);
    // Torn lists.
    check(&["{\"items\":[{\"a\":1}", ",{\"b\":\"x\n", ",{\"c\":1}", ",{\"d\":1}]}\n", "{}\n"]);
    check(&["{\"items\":[{\"a\":1}", ",{\"b\":\n", "{\"kind\":\"Event\",\"c\":1}\n", "{}\n"]);
    check(&["{\"items\":[{\"a\":1}", "\n{\"kind\":\"Event\",\"b\":1}\n", "{}\n"]);
    check(&["{\"items\":[1,2]}\n", "[INFO] text\n", "{}\n"]);
    check(&["{\"items\":[{}", ",{}],\"more\":\"x\n", "{}\n"]);
}

#[test]
fn long_records_go_on() {
    let long = |bytes: usize| format!("{{\"a\":\"{}\"}}\n", "x".repeat(bytes - 9));
    for (bytes, expected) in [
        (FRAME_BYTES_MAX - 1, vec![(FRAME_BYTES_MAX - 1, false)]),
        (FRAME_BYTES_MAX, vec![(FRAME_BYTES_MAX, false)]),
        (FRAME_BYTES_MAX + 1, vec![(FRAME_BYTES_MAX, false), (1, false)]),
        (FRAME_BYTES_MAX * 2 + 7, vec![(FRAME_BYTES_MAX, true), (FRAME_BYTES_MAX, true), (7, false)]),
    ] {
        let mut input = long(bytes);
        assert_eq!(input.len(), bytes);
        input.push_str("{\"b\":1}\n");
        let all = frames(Format::KubernetesAudit, input.as_bytes(), &[]);
        let mut lengths: Vec<(usize, bool)> = all.iter().map(|(bytes, goes_on)| (bytes.len(), *goes_on)).collect();
        if bytes == FRAME_BYTES_MAX + 1 {
            // The object ends at the limit; its line end is a blank before the next one.
            assert_eq!(lengths, [(FRAME_BYTES_MAX, false), (9, false)]);
            continue;
        }
        assert_eq!(lengths.pop(), Some((8, false)), "{bytes}");
        assert_eq!(lengths, expected, "{bytes}");
    }
    for format in [Format::Auditd, Format::Lines] {
        let input = format!("type=A {}\ntype=B\n", "x".repeat(FRAME_BYTES_MAX * 2));
        let all: Vec<_> =
            frames(format, input.as_bytes(), &[5, FRAME_BYTES_MAX + 3]).iter().map(|f| (f.0.len(), f.1)).collect();
        assert_eq!(all, [(FRAME_BYTES_MAX, true), (FRAME_BYTES_MAX, true), (8, false), (7, false)]);
    }
}

#[test]
fn a_full_window_is_always_a_frame() {
    let fillers: [&[u8]; 8] = [b" ", b"\n", b"\\\n", b"[", b"{", b"\"", b"[{}\n", b"{\"a\":\n"];
    for format in [Format::Auditd, Format::KubernetesAudit, Format::Lines] {
        for filler in fillers {
            for shift in 0..filler.len() {
                let mut input = b"x".repeat(shift);
                while input.len() < FRAME_BYTES_MAX {
                    input.extend_from_slice(filler);
                }
                input.truncate(FRAME_BYTES_MAX);
                assert!(Framer::new(format).next(&input, false).is_some(), "{format:?} {filler:?}");
            }
        }
    }
}

/// Pieces of which streams are made that are hard to cut.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{\"kind\":\"Event\",\"a\":1}\n",
        "{\"kind\":\"Event\",\"a\":{\"b\":[]}}\n",
        "{\"kind\":\"Event\",",
        "{\"kind\":\"EventList\",\"items\":[",
        "{\"items\":[",
        "{",
        "}",
        "[",
        "]",
        "},{",
        "}{",
        "} {",
        "]}",
        "\n",
        "\r\n",
        "\"",
        "\\",
        "\"a\":",
        "\"x\"",
        ",",
        " ",
        "x",
        "type=A b\n",
        "node=n type=A\n",
        "\\\n",
        "ty",
        "pe=",
        "\0",
        "\u{feff}",
        "}\n",
        "}\r\n",
        "{\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn arrival_changes_nothing(input in pieces(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|at| at.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let bytewise: Vec<usize> = (0..input.len()).collect();
        for format in [Format::Auditd, Format::KubernetesAudit, Format::Lines] {
            let whole = records(frames(format, &input, &[]));
            prop_assert_eq!(&whole, &records(frames(format, &input, &cuts)), "{:?}", format);
            prop_assert_eq!(&whole, &records(frames(format, &input, &bytewise)), "{:?}", format);
        }
    }
}
