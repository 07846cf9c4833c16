//! Tests of the grammar: what is read as what, every fault at its exact place, every limit, arbitrary text.

use super::*;
use crate::query::{Pipe, RawTest, Test};
use proptest::prelude::*;

const NOW: Moment = Moment { nanos: 1_795_602_645_000_000_000, digits: 0 }; // 2026-11-25T10:30:45Z

fn parsed(text: &str) -> Result<Query, QueryError> {
    parse(text, NOW, &Zone::Utc)
}

/// A filter in one line: (and …), (or …), (not …), name:test.
fn shown(filter: &Filter) -> String {
    let list = |parts: &[Filter]| parts.iter().map(shown).collect::<Vec<_>>().join(" ");
    match filter {
        Filter::Everything => "*".to_owned(),
        Filter::And(parts) => format!("(and {})", list(parts)),
        Filter::Or(parts) => format!("(or {})", list(parts)),
        Filter::Not(part) => format!("(not {})", shown(part)),
        Filter::Word(word) => format!("{word:?}"),
        Filter::Raw(RawTest::Contains(bytes)) => format!("raw:{}", bytes.escape_ascii()),
        Filter::Raw(RawTest::Regex(regex)) => format!("raw~{regex}"),
        Filter::Field { name, test, .. } => match test {
            Test::NoneOf(texts) => format!("{name} none of {texts:?}"),
            Test::Any => format!("{name}:any"),
            Test::Is(text) => format!("{name}={text}"),
            Test::Glob(source, _) => format!("{name}:glob({source})"),
            Test::Cidr(network) => format!("{name}:net({network})"),
            Test::Regex(regex) => format!("{name}~{regex}"),
            Test::Range { low, high } => {
                let low = low.as_ref().map(|(text, with)| format!("{}{text}", if *with { "[" } else { "(" }));
                let high = high.as_ref().map(|(text, with)| format!("{text}{}", if *with { "]" } else { ")" }));
                format!("{name}:{}..{}", low.unwrap_or_default(), high.unwrap_or_default())
            }
        },
    }
}

fn pipe_shown(pipe: &Pipe) -> String {
    match pipe {
        Pipe::Count => "count".to_owned(),
        Pipe::Top { fields, name, limit } => format!("top {name}({}) {limit}", fields.len()),
        Pipe::Hist { width_ns } => format!("hist {width_ns}"),
        Pipe::Sequence { name, within_ns, steps, .. } => {
            let steps: Vec<String> = steps.iter().map(shown).collect();
            format!("sequence {name} {within_ns} [{}]", steps.join("] ["))
        }
    }
}

fn check(text: &str, expected: &str) {
    match parsed(text) {
        Ok(query) => {
            let pipe = query.pipe.as_ref().map(|pipe| format!(" | {}", pipe_shown(pipe))).unwrap_or_default();
            assert_eq!(format!("{}{pipe}", shown(&query.filter)), expected, "{text}");
        }
        Err(error) => panic!("{text:?}: {}", error.render_caret(text)),
    }
}

/// The faulty part stands between « and » in `text`.
fn refused(text: &str, message: &str) {
    let (before, rest) = text.split_once('«').unwrap();
    let (fault, after) = rest.split_once('»').unwrap();
    let text = format!("{before}{fault}{after}");
    let error = parsed(&text).expect_err(&text);
    let shown = error.to_string();
    assert!(shown.starts_with(message), "{text:?}: {shown}");
    assert_eq!((error.start, error.end), (before.len(), before.len() + fault.len()), "{}", error.render_caret(&text));
}

#[test]
fn everything() {
    for text in ["", " ", "\n\t", "*", " * ", "**", "(*)"] {
        check(text, "*");
    }
}

#[test]
fn words() {
    check("alice", "\"alice\"");
    check("kube-system", "\"kube-system\"");
    check("alice@example.com", "\"alice@example.com\"");
    check("1795467448.980:315819", "\"1795467448.980:315819\"");
    check("10.0.0.1:443", "\"10.0.0.1:443\"");
    check("/var/lib/docker", "\"/var/lib/docker\"");
    check("/a:b=c", "\"/a:b=c\"");
    check("https://x/y?z=1", "*~(?is)https://x/y.z=1");
}

#[test]
fn field_values() {
    check("who:alice", "who=alice");
    check("who=alice", "who=alice");
    check("who : alice", "who=alice");
    check("who: alice", "who=alice");
    check("who:system:serviceaccount:kube-system:default", "who=system:serviceaccount:kube-system:default");
    check("who:alice@example.com", "who=alice@example.com");
    check("path:/var/lib/docker/*", "path:glob(/var/lib/docker/*)");
    check("path:/a-b_c+d,e;f=g%20h{i}~j#k$l&m'n<o>p^q`r", "path=/a-b_c+d,e;f=g%20h{i}~j#k$l&m'n<o>p^q`r");
    check("credential:JTI=abc==", "credential=JTI=abc==");
    check("code:-13", "code=-13");
    check("code:!x", "code=!x");
    check("who:\"a b\"", "who=a b");
    check("who:\"a*\"", "who=a*");
    check("who:\"\"", "who=");
    check("who:\"\\\"\\\\\\n\\x41\\u{e9}\\*\"", "who=\"\\\n\u{41}é*");
    check("who:a\\*b\\ c\\)", "who=a*b c)");
    check("who:*", "who:any");
    check("who:a*b?c", "who:glob(a*b?c)");
    check("who:a\\*b*", "who:glob(a\\*b*)");
    check("who!=alice", "(not who=alice)");
    check("dst!=10.0.0.0/8", "(not dst:net(10.0.0.0/8))");
    check("who!=(a OR b)", "(not (or who=a who=b))");
    check("who:(a OR b c)", "(or who=a (and who=b who=c))");
    check("who:(NOT a AND -b)", "(and (not who=a) who=-b)");
    check("who:((a))", "who=a");
    check("who:(x:y \"z )\")", "(and who=x:y who=z ))");
    check("who.name:a", "who.name=a");
    check("group:system:masters", "group=system:masters");
}

#[test]
fn ranges() {
    check("pid:1..100", "pid:[1..100]");
    check("pid:1..", "pid:[1..");
    check("pid:..100", "pid:..100]");
    check("pid>=10", "pid:[10..");
    check("pid > 10", "pid:(10..");
    check("pid<=10", "pid:..10]");
    check("pid<10", "pid:..10)");
    check("pid:007", "pid=7");
    check("code:400..499", "code:[400..499]");
    check("code>=400", "code:[400..");
    check("name:\"a b\"..\"c d\"", "name:[a b..c d]");
    check("name:a..\"c d\"", "name:[a..c d]");
    check("name:\"a b\"..", "name:[a b..");
    check("name:..\"c\"", "name:..c]");
    check("src:10.0.0.1..10.0.0.10", "src:[10.0.0.1..10.0.0.10]");
    // Paths and ellipses are no ranges.
    check("path:../etc/passwd", "path=../etc/passwd");
    check("path:/a/../b", "path=/a/../b");
    check("path:/a/..", "path=/a/..");
    check("path:..", "path=..");
    check("argv:...", "argv=...");
    check("argv:a...b", "argv=a...b");
    check("argv:a..b..c", "argv=a..b..c");
    check("argv:a\\..b", "argv=a..b");
    check("argv:\"a..b\"", "argv=a..b");
}

#[test]
fn addresses() {
    check("src:10.0.0.9", "src:net(10.0.0.9/32)");
    check("src:10.1.2.3/8", "src:net(10.0.0.0/8)");
    check("src:2001:db8::/32", "src:net(2001:db8::/32)");
    check("src:::1", "src:net(::1/128)");
    check("src:10.0.*", "src:glob(10.0.*)");
    check("src:\"10.0.0.9\"", "src:net(10.0.0.9/32)");
    check("src:\"UNKNOWN[10.0.0.9]\"", "src=UNKNOWN[10.0.0.9]");
    check("src:*", "src:any");
    // Elsewhere it is text.
    check("name:10.0.0.0/8", "name=10.0.0.0/8");
    // As a word too.
    check("::1", "\"::1\"");
    check("fe80::1", "\"fe80::1\"");
    check("dead:beef::/32", "\"dead:beef::/32\"");
    check("a ::1", "(and \"a\" \"::1\")");
}

#[test]
fn expressions() {
    check("a b", "(and \"a\" \"b\")");
    check("a AND b", "(and \"a\" \"b\")");
    check("a\nb", "(and \"a\" \"b\")");
    check("a\r\nAND\nb", "(and \"a\" \"b\")");
    check("a OR b", "(or \"a\" \"b\")");
    check("a OR b c", "(or \"a\" (and \"b\" \"c\"))");
    check("a OR b\nc", "(or \"a\" (and \"b\" \"c\"))");
    check("(a OR b) c", "(and (or \"a\" \"b\") \"c\")");
    check("(a)(b)", "(and \"a\" \"b\")");
    check("NOT a", "(not \"a\")");
    check("NOT(a OR b)", "(not (or \"a\" \"b\"))");
    check("-a !b", "(and (not \"a\") (not \"b\"))");
    check("-who:a", "(not who=a)");
    check("NOT NOT a", "\"a\"");
    check("--!a", "(not \"a\")");
    check("NOT who!=a", "(not (not who=a))");
    check("a AND NOT b OR c", "(or (and \"a\" (not \"b\")) \"c\")");
    check("and or not", "(and \"and\" \"or\" \"not\")");
    check("ORDER ANDROID NOTHING", "(and \"ORDER\" \"ANDROID\" \"NOTHING\")");
    check("\"AND\"", "\"AND\"");
    check("a-b !c-d", "(and \"a-b\" (not \"c-d\"))");
    check("日本 who:日本", "(and \"日本\" who=日本)");
    check("a\u{3000}b", "(and \"a\" \"b\")");
}

#[test]
fn wildcards_in_words() {
    check("web-*", "\"web-\"");
    check("*web*", "\"web\"");
    check("we\\*b", "\"we*b\"");
    check("web-*-1*", "*~(?is)web\\-.*\\-1");
    check("?", "*~(?is).");
}

#[test]
fn regular_expressions_and_raw_records() {
    check("uri =~ \"^/api/v1\"", "uri~^/api/v1");
    check("uri=~\"a\\d+\\\"b\\\\\"", "uri~a\\d+\\\"b\\\\");
    check("uri=~^/api", "uri~^/api");
    check("uri !~ \"x\"", "(not uri~x)");
    check("uri != x", "(not uri=x)");
    check("raw:\"type=EXECVE\"", "raw:type=EXECVE");
    check("raw:foo", "raw:foo");
    check("raw:\"\\xff\\x00\"", "raw:\\xff\\x00");
    check("raw!=\"x\"", "(not raw:x)");
    check("raw:(\"a\" OR \"b\")", "(or raw:a raw:b)");
    check("raw =~ \"(?-u)\\xff\"", "raw~(?-u)\\xff");
    check("raw:a..b", "raw:a..b");
}

#[test]
fn pipes() {
    check("| count", "* | count");
    check("who:a|count", "who=a | count");
    check("* | top who", "* | top who(3) 10");
    check("* | top how.exe 3", "* | top how.exe(1) 3");
    check("* | hist 5m", "* | hist 300000000000");
    check("* | hist 1h30m", "* | hist 5400000000000");
    check(
        "a | sequence by src within 10m [what:login outcome:failure] [what:login OR *]",
        "\"a\" | sequence src 600000000000 [(and what=login outcome=failure)] [(or what=login *)]",
    );
    check("| sequence\nby who\nwithin 1s\n[a][b][(c)]", "* | sequence who 1000000000 [\"a\"] [\"b\"] [\"c\"]");
}

#[test]
fn faults_of_names() {
    refused(
        "«whom»:alice",
        "there is no field whom; did you mean who?; to search for the text, quote it: \"whom:alice\"",
    );
    refused("a OR\n «objectRef.name» = x", "there is no field objectRef.name; did you mean name?");
    refused("«user»:alice", "there is no field user; did you mean who?");
    refused("«nginx»:1.25", "there is no field nginx; ");
    refused("«a»=b", "there is no field a");
    refused("«who.nmae»:x", "there is no field who.nmae; did you mean who.name");
    refused("* | top «whoo»", "there is no field whoo; did you mean who?");
    refused("* | top «raw»", "there is no field raw; raw records have no values");
    refused("* | sequence by «sorce» within 1m [a] [b]", "there is no field sorce; did you mean source");
    refused("* | «tpo» who", "there is no pipe tpo; did you mean top?");
    refused("* | «sort» who", "there is no pipe sort; ");
}

#[test]
fn time_is_an_option() {
    refused("«time»:-2h", "time is no field of a query; give it beside the query: -S 2026-11-25T08:30:45Z");
    refused("«when»>=2026-07-18", "time is no field of a query; give it beside the query: -S 2026-07-18T00:00:00Z");
    refused("«time»<=2026-07-18", "time is no field of a query; give it beside the query: -U 2026-07-19T00:00:00Z");
    let both = "time is no field of a query; give it beside the query: -S 2026-07-18T00:00:00Z -U 2026-07-19T00:00:00Z";
    refused("a «time»:2026-07-18", both);
    refused("«time»:2026-07-18..+1d", both);
    refused("«time»:soon", "time is no field of a query; give it beside the query: -S 2026-07-18 -U 2026-07-19");
}

#[test]
fn faults_of_form() {
    refused("who:«»", "expected a value for who, found the end of the query");
    refused("who:«»\nalice", "expected a value for who, found the end of the line");
    refused("who:«)»", "expected a value for who, found )");
    refused("who:(«)»", "expected a value for who, found )");
    refused("who:«AND» x", "expected a value for who, found AND; quote");
    refused("who:«'alice»", "expected a value for who, found 'alice; use double quotes");
    refused("who=«=alice»", "expected a value for who, found =alice; one = is enough");
    refused("who:a«\"»b\"", "expected a space or an operator, found \"");
    refused("who:\"a\"«b»", "expected a space or an operator, found b");
    refused("a«(»b)", "expected a space or an operator, found (");
    refused("«(»a", "( is never closed");
    refused("a OR «(»b AND (c)", "( is never closed");
    refused("a«)»", "expected the end of the query, found ); this parenthesis was never opened");
    refused("(«)»", "expected a condition, found )");
    refused("(a «|» count)", "expected ) or another condition, found |");
    refused("a OR «»", "expected a condition, found the end of the query");
    refused("a AND «OR» b", "expected a condition, found OR");
    refused("«OR» a", "expected a condition, found OR");
    refused("NOT «»", "expected a condition, found the end of the query");
    refused("a NOT «AND» b", "expected a condition, found AND");
    refused("-« »a", "expected a condition directly behind the sign, found a space");
    refused("-«»", "expected a condition directly behind the sign, found the end of the query");
    refused("«&&» a", "expected a condition, found &&; use AND");
    refused("«'a» b'", "expected a condition, found 'a; use double quotes");
    refused("a |«|» b", "expected a pipe: count, top, hist or sequence, found |; use OR");
    refused("«:x»", "expected a field's name before :, found :x");
    refused("(«>=5»)", "expected a field's name before >=, found >=5");
    refused("«[»a]", "expected a condition, found [; square brackets");
    refused("a«]»", "expected the end of the query, found ]; square brackets");
    refused("«\"»abc", "\" is never closed");
    refused("who:«\"»abc\\\"", "\" is never closed");
    refused("uri=~«\"»abc\\\"", "\" is never closed");
    refused("«\"\"»", "expected text between the quotes, found nothing");
    refused("raw:«\"\"»", "expected text between the quotes, found nothing");
    refused("uri=~«\"\"»", "expected a regular expression in double quotes, found nothing");
    refused("uri=~«(»a)", "expected a regular expression in double quotes, found (");
    refused("who:a«\\d»", "\\d is no escape; write \\\\ for a backslash");
    refused("a«\\»", "\\ is no escape");
    refused("\"a«\\q»\"", "\\q is no escape; in quotes there are");
    refused("\"a«\\x»4\"", "\\x is no escape");
    refused("\"a«\\u»{d800}\"", "\\u is no escape");
    refused("who:«\"\\xff\"»", "a byte that is not UTF-8 is no escape; fields hold text");
    refused("* | «»", "expected a pipe: count, top, hist or sequence, found the end of the query");
    refused("* | count «|» count", "expected the end of the query, found |; a query has one pipe");
    refused("* | count «x»", "expected the end of the query, found x");
}

#[test]
fn faults_of_values() {
    refused("pid:«abc»", "pid is a number, and abc is none");
    refused("pid:«1.5»", "pid is a number, and 1.5 is none");
    refused("pid>=«\"x\"»", "pid is a number, and x is none");
    refused("pid:«1..x»", "pid is a number, and x is none");
    refused("pid:«9..1»", "the range is empty: 9 lies above 1");
    refused("name:«b..a»", "the range is empty: b lies above a");
    refused("src:«10.0.0.10..10.0.0.9»", "the range is empty");
    refused("pid>=«1*»", "expected a value without wildcards, found 1*");
    refused("auid:«4294967295»", "auid is absent where it is unset, so it never is 4294967295; write NOT auid:*");
    refused("ses:«-1»", "ses is absent where it is unset");
    refused("src:«localhost»", "src is an IP address, and localhost is neither");
    refused("src:«10.0.0.0/33»", "src is an IP address, and 10.0.0.0/33 is neither");
    refused("dst:«10.0.0»", "dst is an IP address");
    refused("raw:«a*»", "raw records are searched for text or with =~, nothing else");
    refused("raw>«»1", "raw records are searched for text or with =~, nothing else");
    refused("uri=~«\"(\"»", "the regular expression is not valid: unclosed group");
    refused("raw=~«\"a{2}{\"»", "the regular expression is not valid: ");
    refused("* | top who «0»", "0 is outside of 1 to 1000");
    refused("* | top who «1001»", "1001 is outside of 1 to 1000");
    refused("* | top who «99999999999999999999999»", "99999999999999999999999 is outside of 1 to 1000");
    refused("* | top who «x»", "expected how many values, or the end of the query, found x");
    refused("* | top who«,what»", "expected a space behind the name of the field");
    refused("* | hist «5»", "\"5\" is no duration: 5 has no unit");
    refused("* | hist «0m»", "0m is shorter than 1ms");
    refused("* | hist «»", "expected the width of a bucket, such as 5m, found the end of the query");
    refused("* | sequence «src»", "expected by, found src");
    refused("* | sequence by src «[»a]", "expected within, found [");
    refused("* | sequence by src within 5m «[a]»", "a sequence has 2 to 8 steps, this one has 1");
    refused("* | sequence by src within 5m [a] «x»", "expected [ and a step, found x");
    refused("* | sequence by src within 5m [a] [«]»", "expected a condition, found ]");
    refused("* | sequence by src within 5m [a] «[»b", "[ is never closed");
    refused(
        &format!("* | sequence by src within 5m {}«[»a]", "[a]".repeat(8)),
        "a sequence has 2 to 8 steps, this one has 9",
    );
    refused("who:a «\u{200b}»", "the query holds the invisible character \\u{200b}");
    refused("«\u{feff}»who:a", "the query holds the invisible character \\u{feff}");
    refused("who«\u{200b}»:a", "the query holds the invisible character");
    refused("who:a\\«\u{202e}»".replace("\\«", "«\\").as_str(), "\\\\u{202e} is no escape");
    refused("who:«“alice”»", "expected a value for who, found “alice”; use double quotes");
    refused("who:«‘alice’» x", "expected a value for who, found ‘alice’; use double quotes");
    check("who:\"\u{202e}\"", "who=\u{202e}");
    check("who:नमस्ते", "who=नमस्ते");
}

#[test]
fn limits_are_errors_that_say_them() {
    let long = "a".repeat(QUERY_BYTES_MAX);
    check(&long, &format!("{long:?}"));
    let error = parsed(&format!("{long}é")).unwrap_err();
    assert_eq!(error.to_string(), "the query has 4098 bytes, at most 4096 are allowed");
    assert_eq!((error.start, error.end), (4096, 4098));

    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(DEPTH_MAX), "\"a\"");
    let error = parsed(&nested(DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(error.to_string(), "parentheses and negations are nested more than 32 deep");
    assert_eq!((error.start, error.end), (32, 33));
    for open in ["(", "-", "!", "NOT ", "NOT(", "-(", "who:(", "["] {
        let count = QUERY_BYTES_MAX / open.len();
        assert!(parsed(&open.repeat(count)).is_err(), "{open}");
        assert!(parsed(&format!("{}a", open.repeat(count - 1))).is_err(), "{open}");
    }
    assert!(matches!(parsed(&"(".repeat(100_000)).unwrap_err().kind, QueryErrorKind::TooLong { .. }));
    check(&format!("{}a", "NOT ".repeat(DEPTH_MAX)), "\"a\"");
    let error = parsed(&format!("{}a", "NOT ".repeat(DEPTH_MAX + 1))).unwrap_err();
    assert_eq!((error.start, error.end), (32 * 4, 32 * 4 + 3));
    // Negations that are over no longer count.
    check(&"-a ".repeat(40), &format!("(and {})", ["(not \"a\")"; 40].join(" ")));
    check(&"(-a)".repeat(40), &format!("(and {})", ["(not \"a\")"; 40].join(" ")));

    assert!(parsed(&"a ".repeat(TERMS_MAX)).is_ok());
    let error = parsed(&"a ".repeat(TERMS_MAX + 1)).unwrap_err();
    assert_eq!(error.to_string(), "the query has more than 256 terms");
    assert_eq!((error.start, error.end), (512, 513));
    assert!(parsed(&format!("who:({})", "a ".repeat(TERMS_MAX))).is_ok());
    assert!(parsed(&format!("who:({})", "a ".repeat(TERMS_MAX + 1))).is_err());
    let steps = format!("| sequence by who within 1m [{}] [a]", "a ".repeat(TERMS_MAX));
    assert!(parsed(&steps).is_err());

    assert!(parsed(&"uri=~\"a\" ".repeat(16)).is_ok());
    let error = parsed(&"uri=~\"a\" ".repeat(17)).unwrap_err();
    assert_eq!(error.to_string(), "the query has more than 16 regular expressions");
    for bomb in ["(a{1000}){1000}", "\\w{1000}", "(?:(?:(?:a{64}){64}){64}){64}", "[\\p{L}\\p{N}]{300}"] {
        let error = parsed(&format!("uri=~\"{bomb}\"")).unwrap_err();
        assert_eq!(error.to_string(), "the regular expression needs more than 1048576 bytes when compiled", "{bomb}");
        assert!(parsed(&format!("raw=~\"{bomb}\"")).is_err());
    }
    let error = parsed(&format!("uri=~\"{}a{}\"", "(".repeat(100), ")".repeat(100))).unwrap_err();
    assert!(error.to_string().starts_with("the regular expression is not valid: exceed the maximum number"), "{error}");

    assert!(parsed(&format!("who:{}*", "a".repeat(1023))).is_ok());
    let error = parsed(&format!("who:{}*", "a".repeat(1024))).unwrap_err();
    assert_eq!(error.to_string(), "the pattern has 1025 characters, at most 1024 are allowed");
    assert!(parsed(&format!("who:a{}", "?".repeat(64))).is_ok());
    let error = parsed(&format!("who:a{}", "?".repeat(65))).unwrap_err();
    assert_eq!(error.to_string(), "the pattern has 65 wildcards, at most 64 are allowed");
    assert!(parsed(&format!("a{}b", "?".repeat(65))).is_err());
}

#[test]
fn carets() {
    let check =
        |text: &str, expected: &str| assert_eq!(parsed(text).unwrap_err().render_caret(text), expected, "{text}");
    check(
        "what:delete\nwhom:alice",
        "there is no field whom\n 2 | whom:alice\n   | ^^^^\n   = did you mean who?\n   = to search for the text, quote it: \"whom:alice\"\n",
    );
    check("日本 AND (", "expected a condition, found the end of the query\n 1 | 日本 AND (\n   |           ^\n");
    check(
        "who:a\u{1b}[2J",
        "the query holds the invisible character \\u{1b}\n 1 | who:a\\u{1b}[2J\n   |      ^^^^^^\n   = delete it, or write it in quotes\n",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_text_is_no_panic(text in "\\PC{0,60}") {
        if let Err(error) = parsed(&text) {
            prop_assert!(error.start <= error.end && error.end <= text.len(), "{:?}", error);
            prop_assert!(text.is_char_boundary(error.start) && text.is_char_boundary(error.end), "{:?}", error);
            let _ = error.render_caret(&text);
        }
    }

    #[test]
    fn arbitrary_tokens_are_no_panic(tokens in proptest::collection::vec(prop::sample::select(vec![
        "who", "raw", "src", "pid", "time", ":", "=", "!=", ">=", "<", "=~", "!~", "(", ")", "\"", "\\", "[", "]", "|", " ", "\n",
        "AND ", "OR ", "NOT ", "-", "!", "*", "?", "..", "a", "10.0.0.1", "/8", "7", "::", "é", "\u{202e}", "\0", "count", "top ",
        "hist ", "5m", "sequence ", "by ", "within ", "'",
    ]), 0..40)) {
        let text = tokens.concat();
        match parsed(&text) {
            Ok(query) => {
                let _ = crate::query::explain(&query).to_string();
            }
            Err(error) => {
                prop_assert!(error.start <= error.end && error.end <= text.len(), "{:?}", error);
                prop_assert!(text.is_char_boundary(error.start) && text.is_char_boundary(error.end), "{:?}", error);
                prop_assert!(!error.render_caret(&text).chars().any(|c| c.is_control() && c != '\n'), "{:?}", text);
                prop_assert!(!error.to_string().contains(['\0', '\u{202e}']), "{}", error);
            }
        }
    }

    #[test]
    fn quoted_text_is_exact(text in "\\PC{0,30}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let query = parsed(&format!("who.name:\"{quoted}\"")).unwrap();
        let Filter::Field { test: Test::Is(read), .. } = query.filter else { panic!("{text:?}") };
        prop_assert_eq!(read, text);
    }
}

/// Every example of the manual is a query, and its tables are those of the program.
#[test]
fn the_manual_is_right() {
    let manual = include_str!("../../docs/query.md");
    let mut examples = 0;
    for block in manual.split("```query\n").skip(1) {
        for example in block.split("```").next().unwrap().split("\n\n") {
            let example = example.trim();
            if let Err(error) = parsed(example) {
                panic!("{}", error.render_caret(example));
            }
            examples += 1;
        }
    }
    assert!(examples > 20, "{examples} examples");

    let caret = manual.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(parsed("whom:alice OR who:bob").unwrap_err().render_caret("whom:alice OR who:bob"), caret);

    let row = |line: &str| assert!(manual.lines().any(|row| row == line), "docs/query.md lacks: {line}");
    for field in crate::index::FIELDS {
        let bare = if field.bare { "yes" } else { "" };
        row(&format!("| `{}` | {} | {bare} | {} |", field.name, field.kind.name(), field.help));
    }
    for (alias, targets) in crate::index::ALIASES {
        row(&format!("| `{alias}` | `{}` |", targets.join("`, `")));
    }
    row(&format!("| values of `top` | {},000 |", crate::query::TOP_MAX / 1000));
    row(&format!("| parentheses and negations within each other | {DEPTH_MAX} |"));
    row(&format!("| words and conditions, those of all steps together | {TERMS_MAX} |"));
}
