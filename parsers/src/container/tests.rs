//! Lines of runtimes and of containers as they are, torn, and as somebody who wants to be believed would write them.

use super::*;
use crate::line::Time;
use proptest::prelude::*;

fn shown(line: &[u8]) -> String {
    let streamed = stream_of(line);
    let Some(part) = part(line) else {
        assert_eq!(streamed, None, "{}", String::from_utf8_lossy(line));
        return "none".to_owned();
    };
    assert_eq!(streamed, Some((part.stream, part.partial)), "{}", String::from_utf8_lossy(line));
    let Time::Moment { nanos, digits } = part.time else { return "no moment".to_owned() };
    let partial = if part.partial { "P" } else { "F" };
    format!("{nanos}/{digits} {} {partial} {}", part.stream.name(), crate::line::text_of(&part.text))
}

const AT: &str = "2026-11-23T20:59:25.760739505Z";
const NANOS: &str = "1795467565760739505/9";

#[test]
fn lines_of_cri() {
    let of = |rest: &str, expected: &str| {
        assert_eq!(shown(format!("{AT} {rest}").as_bytes()), format!("{NANOS} {expected}"), "{rest}");
    };
    of("stdout F kubelet.conf\n", "stdout F kubelet.conf");
    of("stderr P  two  blanks \n", "stderr P  two  blanks ");
    of("stdout F \n", "stdout F ");
    of("stdout F", "stdout F ");
    of("stdout P:TAG2:a-b x", "stdout P x");
    // A terminal writes both.
    of("stdout F text\r\n", "stdout F text\r");
    of("stdout F a\n\n", "stdout F a\n");
    // Without tags, as of before 2017.
    of("stdout text of a line\n", "stdout F text of a line");
    of("stdout Full text", "stdout F Full text");
    of("stdout F:/x text", "stdout F F:/x text");
    of("stdout ", "stdout F ");
    assert_eq!(shown(b"2026-11-23T21:59:25.76+01:00 stderr F x"), "1795467565760000000/2 stderr F x");
    assert_eq!(shown(b"2026-11-23T20:59:25Z stdout F \xff\xfe"), "1795467565000000000/0 stdout F \\xFF\\xFE");
}

#[test]
fn lines_of_docker() {
    let of = |text: &str, expected: &str| {
        let line = text.replace("AT", AT);
        assert_eq!(
            shown(line.as_bytes()),
            if expected == "none" { expected.to_owned() } else { format!("{NANOS} {expected}") },
            "{text}"
        );
    };
    of(r#"{"log":"a \"b\"\n","stream":"stdout","time":"AT"}"#, "stdout F a \"b\"");
    of(r#"{"log":"a","stream":"stderr","attrs":{"tag":"x"},"time":"AT"}"#, "stderr P a");
    of("{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"AT\"}\n", "stdout F ");
    of(r#"{"log":"","stream":"stdout","time":"AT"}"#, "stdout P ");
    of(r#"{"log":"a\\n","stream":"stdout","time":"AT"}"#, "stdout P a\\n");
    of(r#"{"log":"a\\\n","stream":"stdout","time":"AT"}"#, "stdout F a\\");
    of(r#"{"log":"a\u000A","stream":"stdout","time":"AT"}"#, "stdout F a");
    of(r#"{"log":"\ud83d\ude00\n\n","stream":"stdout","time":"AT"}"#, "stdout F 😀\n");
    for none in [
        r#"{"log":"\ud83d\n","stream":"stdout","time":"AT"}"#,
        r#"{"log":"a","stream":"stdin","time":"AT"}"#,
        r#"{"log":"a","stream":"stdout","time":"now"}"#,
        r#"{"log":1,"stream":"stdout","time":"AT"}"#,
        r#"{"log":"a","stream":"stdout","attrs":1,"time":"AT"}"#,
        r#"{"log":"a","log":"b","stream":"stdout","time":"AT"}"#,
        r#"{"log":"a","stream":"stdout","time":"AT","level":"info"}"#,
        r#"{"log":"a","stream":"stdout","time":"AT"} x"#,
        r#"{"log":"a","stream":"stdout","time":"AT""#,
        r#"{"log":"a","stream":"stdout"}"#,
        r#"{"stream":"stdout","time":"AT"}"#,
        "{}",
    ] {
        of(none, "none");
    }
    assert_eq!(shown(b"{\"log\":\"\xff\",\"stream\":\"stdout\",\"time\":\"2026-11-23T20:59:25Z\"}"), "none");
}

#[test]
fn what_is_no_line() {
    for line in [
        "",
        "\n",
        AT,
        "2026-11-23T20:59:25.760739505Z stdout",
        "2026-11-23T20:59:25.760739505Z stdin F x",
        "2026-11-23T20:59:25.760739505Z  stdout F x",
        "2026-02-30T20:59:25Z stdout F x",
        "2026-11-23 20:59:25Z stdout F x",
        "2026-11-23T20:59:25 stdout F x",
        " 2026-11-23T20:59:25Z stdout F x",
        "ZZ stdout F x",
    ] {
        assert_eq!(shown(line.as_bytes()), "none", "{line}");
    }
}

const UID: &str = "c21771f8-e538-4834-bee3-f64557fa058f";
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn placed(path: &str) -> String {
    let Some(place) = place(path.as_bytes()) else { return "none".to_owned() };
    let texts = [place.namespace, place.pod, place.pod_uid, place.container, place.container_id];
    let texts: Vec<String> = texts.into_iter().map(|text| text.unwrap_or_else(|| "-".to_owned())).collect();
    format!("{} {}", texts.join(" "), place.restart.map_or_else(|| "-".to_owned(), |number| number.to_string()))
}

#[test]
fn places() {
    let check = |path: &str, expected: &str| {
        let fill = |text: &str| text.replace("UID", UID).replace("ID", ID);
        assert_eq!(placed(&fill(path)), fill(expected), "{path}");
    };
    check("/var/log/pods/shop_web-55956fc998-2zxv5_UID/app/0.log", "shop web-55956fc998-2zxv5 UID app - 0");
    check("shop_a.b-1_UID/app/12.log.20261123-205925", "shop a.b-1 UID app - 12");
    check("/x/shop_a_UID/app/0.log.20261123-205925.gz", "shop a UID app - 0");
    let hash = "0123456789abcdef0123456789abcdef";
    check(
        &format!("/x/kube-system_etcd-node-1_{hash}/etcd/3.log"),
        &format!("kube-system etcd-node-1 {hash} etcd - 3"),
    );
    check("/var/log/containers/web-1_shop_app-2-ID.log", "shop web-1 - app-2 ID -");
    check("containers/web-1_shop_app-ID.log", "shop web-1 - app ID -");
    check("/var/lib/docker/containers/ID/ID-json.log", "- - - - ID -");
    check("/var/lib/docker/containers/ID/ID-json.log.1", "- - - - ID -");
    check("/var/lib/docker/containers/ID/ID-json.log.12.gz", "- - - - ID -");
    for none in [
        "",
        "/",
        "0.log",
        "app/0.log",
        "/x/shop_web_UID/app/0.log.1",
        "/x/shop_web_UID/app/0.log.20261123-205925.tmp",
        "/x/shop_web_UID/app/0.log.20261123-205925.gz.gz",
        "/x/shop_web_UID/app/00.log",
        "/x/shop_web_UID/app/-1.log",
        "/x/shop_web_UID/app/99999999999.log",
        "/x/shop_web_UID/app/.log",
        "/x/shop_web_UID/App/0.log",
        "/x/shop_web_UID//0.log",
        "/x/shop_we_b_UID/app/0.log",
        "/x/shop_web_uid/app/0.log",
        "/x/shop_web-_UID/app/0.log",
        "/x/Shop_web_UID/app/0.log",
        "/x/shop_web..x_UID/app/0.log",
        "/x/a.b_web_UID/app/0.log",
        "/x/shop_web_UID/app/0.log/",
        "/x/shop_web_app-ID.log",
        "/x/containers/web_shop_app-ID.log.1",
        "/x/containers/web_shop_ID.log",
        "/x/containers/web_shop_a_b-ID.log",
        "/x/containers/ID/0123-json.log",
        "/x/containers/ID/ID-json.log.",
        "/x/containers/ID/ID-json.log.01",
        "/x/containers/ID/ID-json.log.x",
        "/x/containers/abc/abc-json.log",
        "/x/other/ID/ID-json.log",
    ] {
        check(none, "none");
    }
    assert_eq!(place(format!("/x/shop_w\u{e4}b_{UID}/app/0.log").as_bytes()), None);
    assert_eq!(place(b"/x/\xff_web/app/0.log"), None);
}

fn taken(text: &str) -> String {
    let body = body(text);
    let fields: Vec<String> = body.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let issues: String = body.issues.iter().map(|issue| format!(" !{}", issue.kind)).collect();
    let part = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
    format!("{:?} {} {} {}{issues}", body.form, part(&body.level), part(&body.message), fields.join("|"))
}

#[test]
fn bodies() {
    let check = |text: &str, expected: &str| assert_eq!(taken(text), expected, "{text}");
    check(
        r#"{"level":"info","ts":"2026-11-23T21:00:50Z","msg":"request served","n":1,"user":{"name":"customer-1"},"a":[1,2]}"#,
        "Json info request served ts=2026-11-23T21:00:50Z|n=1|user.name=customer-1|a=[1,2]",
    );
    check(r#"{"log":{"level":"warn"},"message":"a","msg":"b"}"#, "Json warn b message=a");
    check(r#"{"level":30,"a":1,"a":2}"#, "Json 30 - a=1|a=2 !repeated-field");
    check(r#"{"level":"info""#, "Plain - - ");
    check("level=info msg=\"a \\\"b\\\" \\x1b\" n=1\n", "Logfmt info a \"b\" \u{1b} n=1");
    check("a= b=c=d", "Logfmt - - a=|b=c=d");
    check("a=1 b=2 and then text c=3", "Logfmt - - a=1|b=2|x-rest=and then text c=3 !unread-text");
    check("a=1 b=2 c=\"torn", "Logfmt - - a=1|b=2|x-rest=c=\"torn !unread-text");
    check("a=1 a=2 b=\"x\"y", "Logfmt - - a=1|a=2|x-rest=b=\"x\"y !unread-text !repeated-field");
    for plain in [
        "",
        "a=1",
        "a=1 text b=2",
        "text a=1 b=2",
        "1a=1 b=2",
        "=1 b=2",
        "sidecar heartbeat",
        "[]",
        "a b=1 c=2",
        "a=\"x",
    ] {
        check(plain, "Plain - - ");
    }
    check("I1123 20:59:00.5 7 a.go:1] \"Added\" pod=\"shop/web\"", "Klog I Added thread=7|caller=a.go:1|pod=shop/web");
    check("E1123 20:59 x", "Plain - - ");
    let many: String = (0..300).map(|number| format!("k{number}={number} ")).collect();
    let read = body(&many);
    assert_eq!((read.fields.len(), read.issues.len()), (128, 1));
    assert!(read.fields.last().unwrap().1.starts_with("k127=127 k128=128"));
}

#[test]
fn lines_of_web_servers() {
    let check = |text: &str, expected: &str| assert_eq!(taken(text), expected, "{text}");
    const TIME: &str = "[23/Nov/2026:20:59:25 +0000]";
    let line = |text: &str| text.replace("TIME", TIME);
    let of = |text: &str, expected: &str| {
        check(&line(text), &format!("Access - - {}", expected.replace("TIME", "23/Nov/2026:20:59:25 +0000")));
    };
    of(
        r#"1.2.3.4 - bob TIME "GET /x?a=b HTTP/1.1" 200 12 "http://r/" "curl/8 (x)" "10.0.0.1""#,
        "remote=1.2.3.4|user=bob|time=TIME|method=GET|uri=/x?a=b|protocol=HTTP/1.1|status=200|bytes=12|referer=http://r/|user_agent=curl/8 (x)|x-rest=\"10.0.0.1\"",
    );
    of(r#"::1 - - TIME "GET / HTTP/2.0" 304 -"#, "remote=::1|time=TIME|method=GET|uri=/|protocol=HTTP/2.0|status=304");
    of(r#"::1 id - TIME "GET /" 200 1 "-" "-""#, "remote=::1|ident=id|time=TIME|method=GET|uri=/|status=200|bytes=1");
    of(
        r#"h - - TIME "\x16\x03\x01 x" 400 150 rt=0.1"#,
        "remote=h|time=TIME|request=\\x16\\x03\\x01 x|status=400|bytes=150|x-rest=rt=0.1",
    );
    of(r#"h - - TIME "-" 408 0 "only one""#, "remote=h|time=TIME|status=408|bytes=0|x-rest=\"only one\"");
    // What a stranger sends stays where a stranger's words belong, in either way of escaping.
    of(
        r#"h - - TIME "GET /\" 200 1 \"x HTTP/1.1" 404 9 "\" 200 \"" "\\""#,
        r#"remote=h|time=TIME|method=GET|uri=/\" 200 1 \"x|protocol=HTTP/1.1|status=404|bytes=9|referer=\" 200 \"|user_agent=\\"#,
    );
    of(
        r#"h - - TIME "GET /\x22 HTTP/1.1" 404 9 "-" "\x22 200 1 \x22\x5C""#,
        r"remote=h|time=TIME|method=GET|uri=/\x22|protocol=HTTP/1.1|status=404|bytes=9|user_agent=\x22 200 1 \x22\x5C",
    );
    of(
        r#"h - root TIME \"GET /admin HTTP/1.1\" 200 1 TIME "GET / HTTP/1.1" 401 9"#,
        r#"remote=h|user=root [TIME] \"GET /admin HTTP/1.1\" 200 1|time=TIME|method=GET|uri=/|protocol=HTTP/1.1|status=401|bytes=9"#,
    );
    of(
        r#"h - a b TIME "GET / HTTP/1.1 HTTP/1.0" 200 9"#,
        "remote=h|user=a b|time=TIME|method=GET|uri=/ HTTP/1.1|protocol=HTTP/1.0|status=200|bytes=9",
    );
    for plain in [
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1 200 12"#,
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1" 200 12 "torn"#,
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1" 200 12 "a" "torn\""#,
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1" 200 12 "a" "b"c"#,
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1" 20 12"#,
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1" 200 x"#,
        r#"1.2.3.4 - - TIME "GET / HTTP/1.1" 200"#,
        r#"1.2.3.4 - "x TIME "GET / HTTP/1.1" 200 12"#,
        r#"1.2.3.4 -  TIME "GET / HTTP/1.1" 200 12"#,
        r#"1.2.3.4 - - [23/Nox/2026:20:59:25 +0000] "GET / HTTP/1.1" 200 12"#,
        r#"1.2.3.4 - - [23/Nov/2026 20:59:25 +0000] "GET / HTTP/1.1" 200 12"#,
        r#""1" - - TIME "GET / HTTP/1.1" 200 12"#,
        "1.2.3.4 - - TIME",
    ] {
        check(&line(plain), "Plain - - ");
    }
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        shown(&bytes);
        place(&bytes);
        body(&crate::line::text_of(&bytes));
    }

    #[test]
    fn streams_agree_with_parts(text in "(2026-11-23T20:59:25Z )?(stdout|stderr) [FP]?:?[ -~\u{e4}]{0,20}\n?") {
        shown(text.as_bytes());
    }

    #[test]
    fn streams_agree_with_parts_of_docker(log in "([a\"\\\\un]|\\\\n|\\\\u000a|\\\\ud83d|\\\\ude00){0,8}", rest in "[\"}, ]{0,3}") {
        shown(format!("{{\"log\":\"{log}\",\"stream\":\"stdout\",\"time\":\"{AT}\"}}{rest}").as_bytes());
    }

    #[test]
    fn no_text_breaks_it(text in "(h - - \\[23/Nov/2026:20:59:25 \\+0000\\] \"|a=1 b=|\\{\"a\":)[\"\\\\ a-f=0-9\u{e4}{}\\[\\]:,-]{0,60}") {
        for (_, value) in body(&text).fields {
            prop_assert!(value.len() <= text.len());
        }
    }

    #[test]
    fn what_docker_writes_comes_back(text in any::<String>()) {
        let log = serde_json::to_string(&text).unwrap();
        let line = format!("{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"{AT}\"}}");
        let part = part(line.as_bytes()).unwrap();
        let kept = text.strip_suffix('\n');
        prop_assert_eq!((part.text.as_ref(), part.partial), (kept.unwrap_or(&text).as_bytes(), kept.is_none()));
    }
}
