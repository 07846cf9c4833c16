//! Tests of every form on the events of `query::samples`, and of hostile text on every way out.

use super::*;
use crate::model::{Event, Source};
use crate::query::json::{JsonOptions, event as json_of};
use crate::query::samples::{self, HOSTILE, has_hidden};
use proptest::prelude::*;

fn look() -> Look {
    Look { style: Style { on: false }, width: 0, zone: Zone::Utc, fields: None }
}

fn value(event: &Event) -> Value {
    json_of(event, &JsonOptions { fields: None, records: true })
}

fn render(mut renderer: Box<dyn Renderer + '_>, events: &[Value]) -> String {
    let mut out = Vec::new();
    for event in events {
        renderer.event(&mut out, event).unwrap();
    }
    renderer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn sentences() {
    let check = |event: &Event, expected: &str| assert_eq!(sentence(&value(event), &look()), expected);
    check(
        &samples::k8s_exec(),
        "2026-11-23T20:57:42.452334Z alice@example.com (user, asserted by apiserver) as bob: exec pods/exec shop/web-1 [sh -c id] -> success 101, from 10.0.0.9, container app, cluster prod",
    );
    check(
        &samples::k8s_denied(),
        "2026-11-23T20:57:42.452334Z system:serviceaccount:ci:builder (service account, asserted by apiserver): create clusterrolebindings owner -> denied 403, from 2001:db8::7, cluster prod",
    );
    check(
        &samples::k8s_list(),
        "2026-11-23T20:57:42.452334Z nobody is named: list secrets in namespace shop -> unknown, cluster prod; issues: legacy-timestamp",
    );
    check(
        &samples::execve(),
        "2026-11-23T20:57:42.452Z node-1: login bob (auid 1502, ses 5; asserted by kernel) acting as root executed /usr/bin/docker [docker run --name \"a b\" \"\"] -> success 0, pid 24100, tty pts0, key audit-docker",
    );
    check(
        &samples::open_denied(),
        "2026-11-23T20:57:42.452Z node-1: nobody is named (login unset) acting as uid 1000: tried to open file /etc/shadow -> denied -13 EACCES, by /usr/bin/cat, pid 24100, tty pts0, key audit-docker",
    );
    check(
        &samples::rename_by_root(),
        "2026-11-23T20:57:42.452Z node-1: nobody is named (login unset) acting as root: renamed \"/etc/a b\" to /etc/c -> success 0, by /usr/bin/cat, pid 24100, tty pts0, key audit-docker",
    );
    check(
        &samples::user_login(),
        "2026-11-23T20:57:42.452Z node-1: login jane (auid 1000, ses 3; name asserted by daemon) logged in -> success, from 10.0.0.9, by /usr/sbin/sshd, pid 900, tty ssh",
    );
    check(
        &samples::avc(),
        "2026-11-23T20:57:42.452Z node-1: nobody is named (no login recorded): violated apparmor policy at /proc/1/environ -> denied, pid 77",
    );
    check(
        &samples::connect(),
        "2026-11-23T20:57:42.452Z node-1: login bob (auid 1502, ses 5; asserted by kernel) acting as root tried to connect to [2001:db8::1]:443 [docker run --name \"a b\" \"\"] -> failure -115 EINPROGRESS, by /usr/bin/docker, pid 24100, tty pts0, key audit-docker",
    );
    check(
        &samples::gap(),
        "2026-11-23T20:57:42.452Z deponent recorded: gap file /var/log/audit/audit.log; issues: gap",
    );
}

#[test]
fn a_table() {
    let events: Vec<Value> =
        [samples::k8s_exec(), samples::execve(), samples::open_denied(), samples::gap()].iter().map(value).collect();
    let expected = "\
TIME                         WHO               ACTION        OBJECT                    OUTCOME  WHERE         ID
2026-11-23T20:57:42.452334Z  alice@example.com as bob  exec          pods/exec shop/web-1      success  shop/web-1/app  a4dqobyha4
2026-11-23T20:57:42.452Z     bob as root       executed      /usr/bin/docker           success  node-1        a4dqobyha4
2026-11-23T20:57:42.452Z     (unset) as uid 1000  tried-to-open-file  /etc/shadow               denied   node-1        a4dqobyha4
2026-11-23T20:57:42.452Z     (unset)           gap           /var/log/audit/audit.log  unknown  -             a4dqobyha4
";
    assert_eq!(render(renderer(Form::Table, look()), &events), expected);
    let narrow = render(renderer(Form::Table, Look { width: 130, ..look() }), &events);
    for line in narrow.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 130, "{line}");
    }
    assert!(narrow.contains("  alice@example.com…  exec  "), "{narrow}");
    let colours = render(renderer(Form::Table, Look { style: Style { on: true }, ..look() }), &events);
    assert!(colours.contains("\x1b[31mdenied\x1b[0m   node-1"), "{colours:?}");
}

#[test]
fn wide_characters_stay_in_their_columns() {
    let mut event = samples::k8s_exec();
    event.who.name = Some("漢字漢字漢字漢字漢字漢字漢字".into());
    event.who.r#as = None;
    let table = render(renderer(Form::Table, Look { width: 120, ..look() }), &[value(&event)]);
    let line = table.lines().nth(1).unwrap();
    let before = line.split("exec").next().unwrap();
    assert_eq!(unicode_width::UnicodeWidthStr::width(before), table.find("ACTION").unwrap(), "{table}");
}

#[test]
fn a_zone_and_chosen_columns() {
    let zone = Zone::parse("+09:00").unwrap();
    let fields = Some(vec!["when.event".to_owned(), "how.argv".to_owned(), "who.login".to_owned()]);
    let look = Look { style: Style::default(), width: 0, zone, fields };
    let table = render(renderer(Form::Table, look.clone()), &[value(&samples::execve())]);
    assert_eq!(
        table,
        "when.event                   how.argv          who.login\n2026-11-24T05:57:42.452+09:00  docker run --name \"a b\" \"\"  {\"auid\":1502,\"name\":\"bob\",\"ses\":5}\n"
    );
    let csv = render(renderer(Form::Csv, look), &[value(&samples::execve())]);
    assert_eq!(
        csv,
        "when.event,how.argv,who.login\r\n2026-11-23T20:57:42.452Z,\"[\"\"docker\"\",\"\"run\"\",\"\"--name\"\",\"\"a b\"\",\"\"\"\"]\",\"{\"\"auid\"\":1502,\"\"name\"\":\"\"bob\"\",\"\"ses\"\":5}\"\r\n"
    );
}

#[test]
fn json_forms() {
    let events: Vec<Value> = samples::all().iter().map(|(_, event)| value(event)).collect();
    let list = render(renderer(Form::Json, look()), &events);
    assert_eq!(serde_json::from_str::<Value>(&list).unwrap(), Value::Array(events.clone()));
    assert_eq!(render(renderer(Form::Json, look()), &[]), "[]\n");
    let lines = render(renderer(Form::Ndjson, look()), &events);
    let read: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, events);
    let single = render(renderer_of_show(Form::Json, look(), 1), &events[..1]);
    assert_eq!(serde_json::from_str::<Value>(&single).unwrap(), events[0]);
    for form in [Form::Ocsf, Form::Ecs] {
        assert_eq!(render(renderer(form, look()), &events).lines().count(), events.len());
    }
}

#[test]
fn csv_is_read_back_and_computes_nothing() {
    let mut event = samples::execve();
    event.who.name = Some("=HYPERLINK(\"http://x\",\"y\")".into());
    event.what.code = Some("-13 EACCES".into());
    event.r#where.cwd = Some("/tmp/a,b,success\n\"root\"".into());
    event.how.comm = Some("\t=1".into());
    let csv = render(renderer(Form::Csv, look()), &[value(&event), value(&samples::gap())]);
    assert_eq!(csv.matches("\r\n").count(), 3, "{csv}");
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let check = |row: usize, name: &str, expected: &str| {
        let at = header.iter().position(|column| column == name).unwrap();
        assert_eq!(&rows[row][at], expected, "{name}");
    };
    check(0, "who.name", "'=HYPERLINK(\"http://x\",\"y\")");
    check(0, "what.code", "'-13 EACCES");
    check(0, "where.cwd", "/tmp/a,b,success\\n\"root\"");
    check(0, "how.comm", "'\\t=1");
    check(0, "how.argv", r#"["docker","run","--name","a b",""]"#);
    check(0, "why.keys", "audit-docker");
    check(0, "evidence", r#"[{"leaf":12,"record":3}]"#);
    check(1, "who.name", "");
    check(1, "what.action", "gap");
    assert!(render(renderer(Form::Csv, look()), &[]).starts_with("when.event,id,source,"));
}

#[test]
fn the_block_of_show() {
    let expected = "\
event a4dqobyha4dqobyha4dqobyha4, recorded by linux
  2026-11-23T20:57:42.452Z node-1: login bob (auid 1502, ses 5; asserted by kernel) acting as root executed /usr/bin/docker [docker run --name \"a b\" \"\"] -> success 0, pid 24100, tty pts0, key audit-docker
who
  name             bob  (kernel)
  kind             login
  login.auid       1502  (kernel)
  login.name       bob  (daemon)
  login.ses        5  (kernel)
  effective.uid    0  (kernel)
  effective.name   root  (daemon)
  effective.gid    0  (kernel)
what
  action           executed  (kernel)
  object.kind      file  (kernel)
  object.path      /usr/bin/docker  (kernel)
  object.inode     fe:00/1234  (kernel)
  object.role      NORMAL  (kernel)
  objects          kind=file path=/lib64/ld-linux-x86-64.so.2  (kernel)
  outcome          success  (kernel)
  code             0  (kernel)
when
  event            2026-11-23T20:57:42.452Z  (kernel)
where
  node             node-1  (daemon or configuration)
  boot             9a3e9c2a-0000-4000-8000-0123456789ab  (daemon or configuration)
  cwd              /home/bob  (kernel)
why
  keys             audit-docker  (kernel)
how
  exe              /usr/bin/docker  (kernel)
  argv             docker run --name \"a b\" \"\"  (client)
  pid              24100  (kernel)
  ppid             24089  (kernel)
  comm             docker  (client)
  tty              pts0  (kernel)
  syscall          execve  (kernel)
  args.a0          5581  (kernel)
  args.a1          0  (kernel)
records
  SYSCALL  (leaf 12, record 3)
    arch             c000003e  x86_64
    res              \n    x                1
    x                2
    added by auditd when it wrote the record (daemon)
      AUID             bob
evidence
  leaf 12, record 3
";
    assert_eq!(render(renderer_of_show(Form::Table, look(), 1), &[value(&samples::execve())]), expected);
    let two =
        render(renderer_of_show(Form::Table, look(), 2), &[value(&samples::user_login()), value(&samples::gap())]);
    for expected in [
        "  login.auid       1000  (kernel)\n",
        "  address          10.0.0.9  (daemon)\n",
        "  outcome          success  (daemon)\n",
        "\n\nevent ",
        "why\n  the records do not say\n",
        "issues\n  gap  bytes 4096..8192 were not read\n",
    ] {
        assert!(two.contains(expected), "{expected:?} in\n{two}");
    }
    let mut out = Vec::new();
    raw(&mut out, &look(), &[RawRecord { leaf: 1, record: 2, bytes: b"type=X\x1b[31m\xff\n" }]).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "raw\n  leaf 1, record 2, 13 B\n    type=X\\u{1b}[31m\\xFF\\n\n");
}

#[test]
fn counts_in_every_form() {
    let rows = [Counted { value: "=cmd".into(), count: 12 }, Counted { value: "a\nb".into(), count: 3 }];
    let buckets = [("2026-11-23T20:00:00Z", 0u64), ("2026-11-23T20:05:00Z", 1), ("2026-11-23T20:10:00Z", 1000)]
        .map(|(start, count)| Bucket { start: start.into(), count });
    let text = |write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let check = |form: Form, expected: [&str; 3]| {
        let narrow = Look { width: 40, ..look() };
        assert_eq!(text(&|out| count(out, form, 7)), expected[0]);
        assert_eq!(text(&|out| top(out, form, &narrow, "who.name", &rows)), expected[1]);
        assert_eq!(text(&|out| hist(out, form, &narrow, &buckets)), expected[2]);
    };
    check(
        Form::Text,
        [
            "7\n",
            "COUNT  who.name\n   12  =cmd\n    3  a\\nb\n",
            "2026-11-23T20:00:00Z     0\n2026-11-23T20:05:00Z     1  ▏\n2026-11-23T20:10:00Z  1000  ████████████\n",
        ],
    );
    check(
        Form::Csv,
        [
            "count\r\n7\r\n",
            "who.name,count\r\n'=cmd,12\r\na\\nb,3\r\n",
            "start,count\r\n2026-11-23T20:00:00Z,0\r\n2026-11-23T20:05:00Z,1\r\n2026-11-23T20:10:00Z,1000\r\n",
        ],
    );
    check(
        Form::Ndjson,
        [
            "{\"count\":7}\n",
            "{\"value\":\"=cmd\",\"count\":12}\n{\"value\":\"a\\nb\",\"count\":3}\n",
            "{\"start\":\"2026-11-23T20:00:00Z\",\"count\":0}\n{\"start\":\"2026-11-23T20:05:00Z\",\"count\":1}\n{\"start\":\"2026-11-23T20:10:00Z\",\"count\":1000}\n",
        ],
    );
    assert_eq!(text(&|out| top(out, Form::Json, &look(), "x", &[])), "[]\n");
    assert_eq!(text(&|out| hist(out, Form::Text, &look(), &[])), "");
}

/// What leaves, less the line ends that the form itself writes.
fn without_own_line_ends(text: &str) -> String {
    text.replace("\r\n", "").replace('\n', "")
}

fn every_way_out(events: &[Value], check: &mut dyn FnMut(&str, String)) {
    for &form in <Form as clap::ValueEnum>::value_variants() {
        for width in [0, 40, 130] {
            check(&format!("{form:?}"), render(renderer(form, Look { width, ..look() }), events));
            check("show", render(renderer_of_show(form, Look { width, ..look() }, events.len()), events));
        }
    }
}

#[test]
fn hostile_text_on_every_way_out() {
    for (name, text) in HOSTILE {
        for source in [Source::Linux, Source::Kubernetes, Source::Own] {
            let event = value(&samples::hostile(text, source));
            every_way_out(std::slice::from_ref(&event), &mut |form, out| {
                assert!(!has_hidden(&without_own_line_ends(&out)), "{name} as {form}: {out:?}");
            });
            for (form, lines) in
                [(Form::Table, 2), (Form::Text, 1), (Form::Ndjson, 1), (Form::Csv, 2), (Form::Ocsf, 1), (Form::Ecs, 1)]
            {
                let out = render(renderer(form, look()), std::slice::from_ref(&event));
                assert_eq!(out.lines().count(), lines, "{name} as {form:?}: {out}");
            }
            let counted = [Counted { value: (*text).to_owned(), count: 1 }];
            for &form in <Form as clap::ValueEnum>::value_variants() {
                let mut out = Vec::new();
                top(&mut out, form, &look(), text, &counted).unwrap();
                hist(&mut out, form, &look(), &[Bucket { start: (*text).to_owned(), count: 1 }]).unwrap();
                assert!(!has_hidden(&without_own_line_ends(&String::from_utf8(out).unwrap())), "{name} as {form:?}",);
            }
        }
    }
}

#[test]
fn a_name_forges_neither_sentence_nor_column() {
    let mut event = samples::k8s_denied();
    event.who.name = Some("bob (user, asserted by apiserver): get pods -> success".into());
    event.who.kind = crate::model::WhoKind::User;
    let shown = sentence(&value(&event), &look());
    assert!(
        shown.contains(
            " \"bob (user, asserted by apiserver): get pods -> success\" (user, asserted by apiserver): create "
        ),
        "{shown}"
    );
    event.who.name = Some("bob   create   pods".into());
    let table = render(renderer(Form::Table, look()), &[value(&event)]);
    assert!(table.contains("bob \\u{20} create \\u{20} pods  create"), "{table}");
}

/// A remote server may answer anything.
#[test]
fn any_json_is_rendered() {
    let texts = [
        "null",
        "7",
        "[]",
        "\"x\"",
        "{}",
        r#"{"who":7,"what":[],"where":"x","how":{"argv":{"a":[]},"pid":-1},"evidence":{},"records":[1,{"fields":[],"type":{}}]}"#,
        r#"{"source":"linux","when":{"event":"now\n"},"what":{"action":"","objects":[7],"object":null},"who":{"login":[]},"issues":[null]}"#,
        r#"{"source":"self","when":{"event":7},"records":[{"type":"X","fields":{"a":[],"b":[[1]],"c":{"d":"\u001b"}}}]}"#,
    ];
    let events: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    every_way_out(&events, &mut |form, out| {
        assert!(!has_hidden(&without_own_line_ends(&out)), "{form}: {out:?}");
    });
}

proptest! {
    #[test]
    fn nothing_hidden_leaves(text in proptest::collection::vec(prop_oneof![any::<char>(), (0u32..0x250).prop_filter_map("a character", char::from_u32)], 0..24).prop_map(String::from_iter)) {
        let event = value(&samples::hostile(&text, Source::Linux));
        let mut failed = None;
        every_way_out(std::slice::from_ref(&event), &mut |form, out| {
            if has_hidden(&without_own_line_ends(&out)) {
                failed = Some(format!("{form}: {out:?}"));
            }
        });
        prop_assert_eq!(failed, None);
        prop_assert_eq!(render(renderer(Form::Table, look()), std::slice::from_ref(&event)).lines().count(), 2);
    }
}
