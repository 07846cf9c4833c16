//! Commands that follow something through many events: `why --to`, `timeline` of entities, trees of sessions, `replay`, `readers`.
//!
//! Not here: single links (`correlation`), whole runs against ground truth (`attribution`).

use crate::correlation::{ingest, lines};
use crate::harness::{Scratch, corpus};
use serde_json::Value;

const STORE: &[&str] = &["--store", "store", "-q"];

fn id(scratch: &Scratch, query: &str) -> String {
    let found = scratch.search(query);
    assert!(!found.is_empty(), "{query} finds nothing");
    found[0]["id"].as_str().unwrap().to_owned()
}

fn caused(scratch: &Scratch, effect: &str, cause: &str) -> (i32, Value) {
    let run = scratch.run(&[&["why", effect, "--to", cause, "-o", "json"], STORE].concat());
    (run.code, serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}{}", run.out, run.err)))
}

#[test]
fn one_event_led_to_another_or_did_not() {
    let scratch = Scratch::new();
    ingest(&scratch, &lines());
    let process = id(&scratch, "argv:/etc/shadow syscall:execve pid:24109");
    let session = id(&scratch, "source:kubernetes what:exec who:alice@example.com");
    let (code, answer) = caused(&scratch, &process, &session);
    assert_eq!((code, &answer["linked"], &answer["class"]), (0, &"chain".into(), &"STRONG".into()), "{answer}");
    let chain = answer["chain"].as_array().unwrap();
    assert_eq!(chain.last().unwrap()["event"]["id"], session.as_str());
    assert!(chain.last().unwrap().get("link").is_none() && chain[0]["link"]["class"].is_string());
    // As far as the runtime's exec every link is proven or strong; the answer ends there.
    let order = chain[chain.len() - 2]["event"]["id"].as_str().unwrap();
    let (_, part) = caused(&scratch, &process, order);
    assert_eq!(part["chain"].as_array().unwrap().len(), chain.len() - 1);
    let text = scratch.ok(&[&["why", &process, "--to", &session], STORE].concat()).out;
    assert_eq!(text.lines().last().unwrap(), format!("{session} led to {process}: STRONG"));

    let (code, back) = caused(&scratch, &session, &process);
    assert_eq!((code, &back["linked"]), (1, &"none".into()), "{back}");
    assert!(back.get("class").is_none() && back["missing"].to_string().contains("the other way round"), "{back}");
    let (code, same) = caused(&scratch, &process, &process);
    assert_eq!((code, same["missing"][0].as_str()), (1, Some("it is the event itself")));
    let run = scratch.run(&[&["why", &process, "--to", "zzzzzzzz"], STORE].concat());
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn one_of_two_sessions_is_a_candidate_and_no_more() {
    let scratch = Scratch::new();
    let mut files = lines();
    let other =
        |line: &String| line.replace("alice@example.com", "mallory@example.com").replace("2292487f-", "ffffffff-");
    let session: Vec<String> =
        files[1].iter().filter(|line| line.contains(r#""subresource":"exec""#)).map(other).collect();
    files[1].extend(session);
    // Without the kubelet's line nothing tells the two apart.
    files.truncate(4);
    ingest(&scratch, &files);
    let process = id(&scratch, "argv:/etc/shadow syscall:execve pid:24109");
    for name in ["alice@example.com", "mallory@example.com"] {
        let session = id(&scratch, &format!("source:kubernetes what:exec who:{name}"));
        let (code, answer) = caused(&scratch, &process, &session);
        assert_eq!((code, &answer["linked"], &answer["class"]), (0, &"candidate".into(), &"AMBIGUOUS".into()));
        assert_eq!(answer["chain"].as_array().unwrap().last().unwrap()["event"]["id"], session.as_str());
        let text = scratch.ok(&[&["why", &process, "--to", &session], STORE].concat()).out;
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("AMBIGUOUS: ") && last.contains("is one of those that may have led to"), "{last}");
    }
    // Somebody else's request is neither.
    let other = id(&scratch, "source:kubernetes what!=exec");
    let (code, answer) = caused(&scratch, &process, &other);
    assert_eq!((code, &answer["linked"]), (1, &"none".into()));
    assert!(answer["missing"][0].as_str().unwrap().contains("possible causes"), "{}", answer["missing"]);
}

/// Records of one login: sshd, a shell that starts programs, sudo, keys that were typed, a file, a connection, the end; and of another session beside it.
fn login_session() -> String {
    let mut serial = 100u32;
    let mut out = String::new();
    let mut add = |seconds: u32, records: &[String]| {
        serial += 1;
        for record in records {
            let (kind, rest) = record.split_once(' ').unwrap();
            out.push_str(&format!("type={kind} msg=audit(17954675{seconds:02}.000:{serial}): {rest}\n"));
        }
    };
    let call = |nr: u32, pid: u32, ppid: u32, ses: u32, exe: &str, more: &str| {
        format!(
            "SYSCALL arch=c000003e syscall={nr} {more} ppid={ppid} pid={pid} auid=1502 uid=1502 gid=1502 euid=1502 suid=1502 fsuid=1502 egid=1502 sgid=1502 fsgid=1502 tty=pts0 ses={ses} comm=\"x\" exe=\"{exe}\" key=\"k\""
        )
    };
    let ok = "success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=1";
    let argv = |words: &[&str]| {
        let words: Vec<String> = words.iter().enumerate().map(|(at, word)| format!("a{at}=\"{word}\"")).collect();
        format!("EXECVE argc={} {}", words.len(), words.join(" "))
    };
    add(1, &["LOGIN pid=500 uid=0 old-auid=4294967295 auid=1502 tty=(none) old-ses=4294967295 ses=7 res=1".to_owned()]);
    add(1, &["USER_START pid=500 uid=0 auid=1502 ses=7 msg='op=PAM:session_open acct=\"bob\" exe=\"/usr/sbin/sshd\" hostname=10.0.0.9 addr=10.0.0.9 terminal=ssh res=success'".to_owned()]);
    add(2, &[call(59, 510, 500, 7, "/bin/bash", ok), argv(&["-bash"])]);
    add(3, &[call(59, 511, 510, 7, "/usr/bin/id", ok), argv(&["id", "-u"])]);
    add(3, &[call(231, 511, 510, 7, "/usr/bin/id", "a0=103 a1=0 a2=0 a3=0 items=0")]);
    add(
        4,
        &["TTY tty pid=510 uid=1502 auid=1502 ses=7 major=136 minor=0 comm=\"bash\" data=7375646F2069640D".to_owned()],
    );
    add(5, &["USER_ACCT pid=512 uid=1502 auid=1502 ses=7 msg='op=PAM:accounting acct=\"bob\" exe=\"/usr/bin/sudo\" hostname=? addr=? terminal=/dev/pts/0 res=success'".to_owned()]);
    add(5, &["USER_CMD pid=512 uid=1502 auid=1502 ses=7 msg='cwd=\"/home/bob\" cmd=6964202D75 exe=\"/usr/bin/sudo\" terminal=pts/0 res=success'".to_owned()]);
    add(5, &["USER_START pid=512 uid=1502 auid=1502 ses=7 msg='op=PAM:session_open acct=\"root\" exe=\"/usr/bin/sudo\" hostname=? addr=? terminal=/dev/pts/0 res=success'".to_owned()]);
    add(
        6,
        &[
            call(257, 510, 500, 7, "/bin/bash", "success=yes exit=3 a0=ffffff9c a1=2 a2=241 a3=1b6 items=1"),
            "CWD cwd=\"/home/bob\"".to_owned(),
            "PATH item=0 name=\"/etc/motd\" inode=5 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
                .to_owned(),
        ],
    );
    add(
        7,
        &[
            call(42, 510, 500, 7, "/bin/bash", "success=yes exit=0 a0=3 a1=2 a2=10 a3=0 items=0"),
            "SOCKADDR saddr=020001BBC0A8010A0000000000000000".to_owned(),
        ],
    );
    // The number 511 again, in another session: its end is not that of `id`.
    add(8, &[call(59, 511, 900, 8, "/usr/bin/id", ok), argv(&["id", "-g"])]);
    add(9, &[call(231, 511, 900, 8, "/usr/bin/id", "a0=0 a1=0 a2=0 a3=0 items=0")]);
    add(10, &["USER_END pid=512 uid=1502 auid=1502 ses=7 msg='op=PAM:session_close acct=\"root\" exe=\"/usr/bin/sudo\" hostname=? addr=? terminal=/dev/pts/0 res=success'".to_owned()]);
    add(11, &["USER_END pid=500 uid=0 auid=1502 ses=7 msg='op=PAM:session_close acct=\"bob\" exe=\"/usr/sbin/sshd\" hostname=10.0.0.9 addr=10.0.0.9 terminal=ssh res=success'".to_owned()]);
    out
}

fn with_login(text: &str) -> Scratch {
    let scratch = Scratch::new();
    let path = scratch.write("audit.log", text);
    scratch.ingest(&[&path], &["--kind", "auditd"]);
    scratch
}

fn lines_of(scratch: &Scratch, command: &[&str]) -> Vec<Value> {
    scratch.ok(&[command, &["-o", "ndjson"], STORE].concat()).lines()
}

#[test]
fn a_login_session_is_told_step_by_step() {
    let scratch = with_login(&login_session());
    let all = lines_of(&scratch, &["replay", "session:node-1/7"]);
    let session = &all[0]["session"];
    assert_eq!((&session["ses"], &session["given"]), (&7.into(), &1.into()), "{session}");
    assert_eq!(session["from"], serde_json::json!(["10.0.0.9"]));
    let steps: Vec<&str> = all.iter().filter_map(|line| line["step"].as_str()).collect();
    let expected = ["login", "login", "program", "program", "exit", "typed", "command", "file", "network", "logout"];
    assert_eq!(steps, expected, "sudo's own session and the account that was checked are left out");
    let of = |step: &str| all.iter().find(|line| line["step"] == step).unwrap();
    assert_eq!(of("typed")["typed"], "sudo id\r");
    assert_eq!(of("command")["event"]["what"]["object"]["name"], "id -u");
    assert_eq!(of("network")["event"]["how"]["net"]["dst"], "192.168.1.10");
    let end = all.last().unwrap();
    assert_eq!(end["left_out"], 3, "{end}");
    assert!(end["ended"]["time"].as_str().unwrap().ends_with(":31.000Z"), "{end}");
    let text = scratch.ok(&[&["replay", "session:node-1/7"], STORE].concat()).out;
    assert!(text.starts_with("login session 7 on node node-1: auid 1502, from 10.0.0.9\n"), "{text}");
    assert!(text.contains("typed   \"sudo id\\u{d}\" on "), "{text}");
    assert!(!text.contains("id -g"), "of another session: {text}");
    let csv = scratch.ok(&[&["replay", "session:node-1/7", "-o", "csv"], STORE].concat()).out;
    assert!(csv.starts_with("step,event.when.event,") && csv.contains(",sudo id"), "{csv}");

    // Without the end's record nothing is said to have ended.
    let open: String =
        login_session().lines().filter(|line| !line.contains("USER_END")).map(|l| format!("{l}\n")).collect();
    let scratch = with_login(&open);
    let end = lines_of(&scratch, &["replay", "session:node-1/7"]).pop().unwrap();
    assert!(end["ended"].get("time").is_none() && end["ended"]["missing"].is_array(), "{end}");
    // The number once more: after a boot.
    let again = login_session()
        + "type=LOGIN msg=audit(1795467599.000:5): pid=77 uid=0 old-auid=4294967295 auid=1503 tty=(none) old-ses=4294967295 ses=7 res=1\n";
    let scratch = with_login(&again);
    let session = lines_of(&scratch, &["replay", "session:node-1/7"]).remove(0);
    assert_eq!(session["session"]["given"], 2);
    let text = scratch.ok(&[&["tree", "session:node-1/7"], STORE].concat()).out;
    assert!(
        text.lines().next().unwrap().ends_with("the number was given 2 times: these are several sessions"),
        "{text}"
    );
    for name in ["session:node-1/9", "session:zzzzzzzz", "exec:zzzzzzzz"] {
        assert_eq!(scratch.run(&[&["replay", name], STORE].concat()).code, 1, "{name}");
    }
    assert_eq!(scratch.run(&[&["replay", "nonsense"], STORE].concat()).code, 2);
}

#[test]
fn processes_of_a_session_with_their_ends() {
    let scratch = with_login(&login_session());
    let all = lines_of(&scratch, &["tree", "session:node-1/7"]);
    let shown: Vec<(u64, &str)> = all
        .iter()
        .map(|line| (line["depth"].as_u64().unwrap(), line["event"]["how"]["exe"].as_str().unwrap()))
        .collect();
    // The last one is no program, but a file that the shell wrote.
    assert_eq!(shown, [(0, "/bin/bash"), (1, "/usr/bin/id"), (1, "/bin/bash")]);
    assert_eq!(all[2]["event"]["what"]["action"], "opened-file", "{}", all[2]);
    assert_eq!(all[0]["session"]["ses"], 7);
    let exit = &all[1]["exit"];
    assert_eq!(
        (&exit["code"], &exit["asserted_by"]),
        (&3.into(), &"kernel".into()),
        "the lowest byte of 0x103: {exit}"
    );
    assert!(all[0].get("exit").is_none());
    // Its own end is not recorded: that of the next process with its number is not taken for it.
    let without: String =
        login_session().lines().filter(|line| !line.contains("a0=103")).map(|line| format!("{line}\n")).collect();
    let other = with_login(&without);
    assert!(lines_of(&other, &["tree", "session:node-1/7"])[1].get("exit").is_none());

    // Nor in the same session.
    let same = with_login(&without.replace("ses=8", "ses=7"));
    let exits: Vec<Value> = lines_of(&same, &["tree", "session:node-1/7"])
        .iter()
        .filter(|line| line["event"]["how"]["pid"] == 511)
        .map(|line| line["exit"]["code"].clone())
        .collect();
    assert_eq!(exits, [Value::Null, 0.into()]);

    let run = scratch.run(&[&["tree", "pid:511@node-1"], STORE].concat());
    assert!(run.code == 2 && run.err.contains("pid:511@node-1:"), "two processes had the number: {}", run.err);
    let second = lines_of(&scratch, &["tree", "pid:511@node-1:@1795467508"]);
    assert_eq!(second[0]["event"]["how"]["argv"][1], "-g");
    assert_eq!(second[0]["exit"]["code"], 0);
    let first = lines_of(&scratch, &["tree", "pid:511@node-1:2026-11-23T20:58:27Z"]);
    assert_eq!(first[0]["event"]["how"]["argv"][1], "-u", "{first:?}");
    for (name, code) in [("pid:511@node-1:@1795467502", 1), ("pid:1@node-1", 1), ("pid:511", 2), ("session:7", 2)] {
        assert_eq!(scratch.run(&[&["tree", name], STORE].concat()).code, code, "{name}");
    }
}

#[test]
fn what_came_of_an_exec_is_told_step_by_step() {
    let scratch = Scratch::new();
    ingest(&scratch, &lines());
    let audit_id = scratch.search("source:kubernetes what:exec who:alice@example.com")[0]["how"]["audit_id"].clone();
    let name = format!("session:{}", audit_id.as_str().unwrap());
    let all = lines_of(&scratch, &["replay", &name]);
    assert_eq!(all[0]["exec"]["root"]["name"], "alice@example.com");
    let program = |line: &&Value| line["step"] == "program" && line["event"]["how"]["argv"][1] == "/etc/shadow";
    let step = all.iter().find(program).unwrap();
    assert_eq!(step["class"], "STRONG", "{step}");
    assert!(
        all.iter().all(|line| line["event"]["how"]["exe"] != "/usr/sbin/runc"),
        "the runtime's own stages are no steps"
    );
    assert!(all.last().unwrap()["ended"]["time"].is_string());
    let exec_id = all.iter().find_map(|line| line["event"]["how"]["exec_id"].as_str()).unwrap();
    let by_exec = lines_of(&scratch, &["replay", &format!("exec:{exec_id}")]);
    assert_eq!(by_exec[0]["exec"]["root"]["name"], "alice@example.com");
    assert!(by_exec.iter().any(|line| line["event"]["id"] == step["event"]["id"]));
}

#[test]
fn a_timeline_of_an_entity() {
    let scratch = with_login(&login_session());
    let run = scratch.ok(&["timeline", "session:node-1/7", "what:executed", "--store", "store", "-o", "ndjson"]);
    assert_eq!(run.lines().len(), 2);
    assert!(run.err.contains("as a query: (source:linux node:\"node-1\" ses:7) (what:executed)"), "{}", run.err);
    let login = id(&scratch, "what:changed-login-id");
    let around = format!("{login}:2s");
    let near = lines_of(&scratch, &["timeline", "session:node-1/7", "--around", &around]);
    assert_eq!(near.len(), 5, "from one second before to two after, the end included");
    let ids = |command: &[&str]| lines_of(&scratch, command).iter().map(|e| e["id"].clone()).collect::<Vec<_>>();
    assert_eq!(
        ids(&["timeline", "who:1502", "--around", &around]).len(),
        ids(&["timeline", "user:1502", "--around", &around]).len()
    );
    assert_eq!(ids(&["timeline", "file:/etc/motd"]).len(), 1);
    assert_eq!(ids(&["timeline", "address:192.168.1.0/24"]).len(), 1);
    let explained = scratch.ok(&["explain", "file:/etc/motd"]).out;
    assert!(explained.starts_with("as a query: path:\"/etc/motd\"\n"), "{explained}");
    let run = scratch.run(&["timeline", "session:7", "--store", "store"]);
    assert!(run.code == 2 && run.err.contains("session:NODE/SES"), "{}", run.err);
}

/// One request of the API as its audit event, at a second of the minute.
fn request(second: u32, who: &str, verb: &str, uri: &str, object: &str, code: u16, more: &str) -> String {
    let id = format!("{second:08}-0000-4000-8000-{:012}", uri.len());
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"{id}","stage":"ResponseComplete","requestURI":"{uri}","verb":"{verb}","user":{{"username":"{who}","groups":["system:authenticated"]}},"sourceIPs":["10.0.0.9"],"userAgent":"x","objectRef":{{{object},"apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":{code}}},"requestReceivedTimestamp":"2026-11-23T20:59:{second:02}.000000Z","stageTimestamp":"2026-11-23T20:59:{second:02}.500000Z"{more}}}
"#
    )
}

fn secrets() -> String {
    let (in_shop, all) = (r#""resource":"secrets","namespace":"shop""#, r#""resource":"secrets""#);
    let db = &format!(r#"{in_shop},"name":"db""#);
    let other = &format!(r#"{in_shop},"name":"other""#);
    let list = "/api/v1/namespaces/shop/secrets";
    let pod = |name: &str, spec: &str| {
        format!(
            r#","responseObject":{{"kind":"Pod","metadata":{{"name":"{name}","namespace":"shop","uid":"0f6d3a3e-0000-4000-8000-{:012}"}},"spec":{spec}}}"#,
            name.len()
        )
    };
    let web = pod(
        "web",
        r#"{"volumes":[{"name":"v","secret":{"secretName":"db"}}],"containers":[{"name":"app","volumeMounts":[{"name":"v","mountPath":"/s"}]},{"name":"side"}]}"#,
    );
    let plain = pod("plain-1", r#"{"containers":[{"name":"app"}]}"#);
    let of_pod = |name: &str, sub: &str| format!(r#""resource":"pods","namespace":"shop","name":"{name}"{sub}"#);
    let exec = r#","subresource":"exec""#;
    let as_bob = r#","impersonatedUser":{"username":"bob"}"#;
    let items = r#","responseObject":{"kind":"SecretList","items":[{"metadata":{"name":"other","namespace":"shop"}}]}"#;
    [
        request(1, "early", "list", list, in_shop, 200, ""),
        request(2, "maker", "create", list, db, 201, ""),
        request(3, "alice", "get", "/api/v1/namespaces/shop/secrets/db", db, 200, ""),
        request(4, "alice", "get", "/api/v1/namespaces/shop/secrets/db", db, 200, ""),
        request(5, "carol", "get", "/api/v1/namespaces/shop/secrets/db", db, 403, ""),
        request(6, "nobody-there", "get", "/api/v1/namespaces/shop/secrets/other", other, 200, ""),
        request(7, "not-found", "get", "/api/v1/namespaces/shop/secrets/db", db, 404, ""),
        request(8, "lister", "list", list, in_shop, 200, ""),
        request(9, "everywhere", "list", "/api/v1/secrets?limit=500", all, 200, ""),
        request(
            10,
            "elsewhere",
            "list",
            "/api/v1/namespaces/prod/secrets",
            r#""resource":"secrets","namespace":"prod""#,
            200,
            "",
        ),
        request(11, "by-name", "watch", &format!("{list}?fieldSelector=metadata.name%3Ddb&watch=true"), db, 200, ""),
        request(12, "other-name", "list", &format!("{list}?fieldSelector=metadata.name%3Dother"), in_shop, 200, ""),
        request(13, "by-label", "list", &format!("{list}?labelSelector=app%3Dx"), in_shop, 200, ""),
        request(14, "label-told", "list", &format!("{list}?labelSelector=app%3Dy"), in_shop, 200, items),
        request(15, "mallory", "get", "/api/v1/namespaces/shop/secrets/db", db, 200, as_bob),
        request(16, "deployer", "create", "/api/v1/namespaces/shop/pods", &of_pod("web", ""), 201, &web),
        request(17, "deployer", "create", "/api/v1/namespaces/shop/pods", &of_pod("plain-1", ""), 201, &plain),
        request(
            18,
            "inside",
            "create",
            "/api/v1/namespaces/shop/pods/web/exec?command=sh&container=app",
            &of_pod("web", exec),
            101,
            "",
        ),
        request(
            19,
            "beside",
            "create",
            "/api/v1/namespaces/shop/pods/web/exec?command=sh&container=side",
            &of_pod("web", exec),
            101,
            "",
        ),
        request(
            20,
            "other-pod",
            "create",
            "/api/v1/namespaces/shop/pods/plain-1/exec?command=sh&container=app",
            &of_pod("plain-1", exec),
            101,
            "",
        ),
        request(
            21,
            "refused",
            "create",
            "/api/v1/namespaces/shop/pods/web/exec?command=sh&container=app",
            &of_pod("web", exec),
            403,
            "",
        ),
        request(
            22,
            "dry",
            "create",
            "/api/v1/namespaces/shop/pods?dryRun=All",
            &of_pod("web-dry-run", ""),
            201,
            &web.replace(r#""web""#, r#""web-dry-run""#),
        ),
    ]
    .concat()
}

#[test]
fn who_could_have_read_a_secret() {
    let scratch = Scratch::new();
    let path = scratch.write("audit.log", secrets());
    scratch.ingest(&[&path], &["--kind", "kubernetes-audit"]);
    let all = lines_of(&scratch, &["readers", "secrets/shop/db"]);
    let said: Vec<(&str, &str, u64)> = all
        .iter()
        .map(|line| (line["grade"].as_str().unwrap(), line["who"].as_str().unwrap(), line["count"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("read", "alice", 2),
        ("read", "mallory", 1),
        ("wrote", "maker", 1),
        ("listed", "lister", 1),
        ("listed", "everywhere", 1),
        ("listed", "by-name", 1),
        ("may have listed", "early", 1),
        ("may have listed", "by-label", 1),
        ("mounted", "deployer", 1),
        ("could read (exec)", "inside", 1),
        ("denied", "carol", 1),
        ("denied", "refused", 1),
    ];
    assert_eq!(said, expected);
    let of = |who: &str| all.iter().find(|line| line["who"] == who).unwrap();
    assert_eq!(of("mallory")["as"], "bob", "who it really was, and as whom");
    assert!(of("by-label")["missing"].to_string().contains("label selector app=x"), "{}", of("by-label"));
    assert!(of("early")["missing"].to_string().contains("made at 2026-11-23T20:59:02"), "{}", of("early"));
    assert!(of("everywhere")["missing"].to_string().contains("page of at most 500"));
    let mounted = of("deployer");
    assert!(mounted["how"].to_string().contains("container app: volume v at /s"), "{mounted}");
    assert_eq!(mounted["root"]["name"], "deployer");
    let text = scratch.ok(&[&["readers", "secrets/shop/db"], STORE].concat()).out;
    assert!(text.contains("could read (exec)\n  inside: exec ") && text.contains("denied\n  carol: get "), "{text}");
    let csv = scratch.ok(&[&["readers", "secrets/shop/db", "-o", "csv"], STORE].concat()).out;
    assert!(csv.starts_with("grade,who,as,") && csv.contains("\r\nread,mallory,bob,"), "{csv}");
    let later = lines_of(&scratch, &["readers", "secrets/shop/db", "-S", "2026-11-23T20:59:20Z"]);
    assert_eq!(later.len(), 2, "the pod that was made before, and the session that was refused: {later:?}");
    for (object, code) in [("secrets/shop/nothing", 0), ("secrets/none/db", 0), ("nodes/x", 1), ("secrets/db", 2)] {
        let run = scratch.run(&[&["readers", object], STORE].concat());
        assert_eq!(run.code, code, "{object}: {}{}", run.out, run.err);
    }
}

#[test]
fn a_pod_whose_body_is_not_recorded_is_said() {
    let scratch = Scratch::new();
    let bare: String = secrets()
        .lines()
        .map(|line| match line.split_once(r#","responseObject":{"kind":"Pod""#) {
            Some((before, _)) => format!("{before}}}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let path = scratch.write("audit.log", bare);
    scratch.ingest(&[&path], &["--kind", "kubernetes-audit"]);
    let all = lines_of(&scratch, &["readers", "secrets/shop/db"]);
    assert!(all.iter().all(|line| line["grade"] != "mounted" && line["grade"] != "could read (exec)"));
    assert!(all.last().unwrap()["note"].as_str().unwrap().starts_with("2 pods of the namespace"), "{:?}", all.last());
}

#[test]
fn the_lab_is_told_as_it_was() {
    let Some(lab) = corpus().map(|corpus| corpus.join("lab")).filter(|lab| lab.join("audit.log").exists()) else {
        return;
    };
    let scratch = Scratch::new();
    scratch.ingest(&[&lab.join("audit.log"), &lab.join("k8s-audit.log")], &[]);
    // Scenario B-ssh: bob logged on, started a privileged container and trojaned a watched program.
    let all = lines_of(&scratch, &["replay", "session:node-1/9"]);
    let session = &all[0]["session"];
    assert_eq!(session["logins"], serde_json::json!([{ "auid": 1502, "name": "bob" }]), "{session}");
    let commands: Vec<&str> = all
        .iter()
        .filter(|line| line["step"] == "command")
        .filter_map(|line| line["event"]["what"]["object"]["name"].as_str())
        .collect();
    assert!(
        commands.len() == 10 && commands[1].starts_with("docker run -d --name implant0 --privileged"),
        "{commands:?}"
    );
    let trojan =
        |line: &&Value| line["step"] == "file" && line["event"]["what"]["object"]["path"] == "/var/lib/docker/docker";
    assert!(all.iter().any(|line| trojan(&line)));
    assert!(all.last().unwrap()["ended"]["time"].is_string());
    assert!(all.iter().all(|line| line["step"].is_null() || line["event"]["who"]["login"]["ses"] == 9));
    // Steps B2, B8, C2, C4 and E2.
    let readers = lines_of(&scratch, &["readers", "secrets/shop/db"]);
    let said: Vec<(&str, &str)> =
        readers.iter().filter_map(|line| Some((line["grade"].as_str()?, line["who"].as_str()?))).collect();
    for one in [
        ("read", "alice@example.com"),
        ("listed", "system:serviceaccount:shop:web"),
        ("listed", "mallory@example.com"),
        ("denied", "carol@example.com"),
    ] {
        assert!(said.contains(&one), "{one:?} is not in {said:?}");
    }
    assert!(!said.contains(&("read", "carol@example.com")));
}
