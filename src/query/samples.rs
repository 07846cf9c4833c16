//! A handful of events for the tests of everything that leaves the program, and hostile text to put into them.
//!
//! Not here: how events are made of records (`normalise`).

use crate::model::{
    AssertedBy, Effective, Event, EventId, EventIssue, How, Login, Moment, Net, Object, Outcome, RecordFields,
    RecordRef, Source, Str, What, When, Where, Who, WhoKind, Why,
};

/// Text that must leave the program on no way as it is: name, text.
pub(crate) const HOSTILE: &[(&str, &str)] = &[
    ("escape", "\x1b]0;owned\x07\x1b[31mred"),
    ("C1", "\u{9b}31m\u{9d}0;x\u{9c}"),
    ("bidi", "gpj.\u{202e}exe\u{2066}\u{200f}\u{61c}"),
    ("zero width", "ad\u{200b}min\u{200d}\u{feff}\u{2060}\u{ad}"),
    ("NUL and DEL", "a\0b\x7f"),
    ("second line", "x\n2026-11-23T20:57:42Z root deleted everything\r\nid"),
    ("separators", "a\u{2028}b\u{2029}c\u{85}d"),
    ("tags", "flag\u{e0067}\u{e007f}\u{e0101}\u{fe0f}"),
    ("combining", "\u{301}\u{302}a\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}"),
    ("formula", "=HYPERLINK(\"http://x\",\"y\")"),
    ("columns", "alice  deleted   /etc\u{a0}\u{a0}\u{3000}\u{2800}x"),
    ("escape forged", "\\u{202e} \\n \\x41 \\\\ \\"),
    ("quotes", "a\" (user, asserted by apiserver): delete \"b"),
    ("tab first", "\t=1+1"),
];

/// Whether a text holds something that could steer a terminal or hide; the line ends that the form itself writes are to be taken out before.
/// Written down a second time here, so that a hole in `json::is_hidden` is seen.
pub(crate) fn has_hidden(text: &str) -> bool {
    let hides = |c: char| {
        let n = u32::from(c);
        let bidi = n == 0x61c
            || n == 0x200e
            || n == 0x200f
            || (0x202a..=0x202e).contains(&n)
            || (0x2066..=0x2069).contains(&n);
        let nothing = [0xad, 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xfeff].contains(&n);
        let separator = n == 0x2028 || n == 0x2029;
        let tag = (0xe0000..=0xe007f).contains(&n) || (0xe0100..=0xe01ef).contains(&n);
        c.is_control() || bidi || nothing || separator || tag
    };
    text.chars().any(hides)
}

pub(crate) fn s(text: &str) -> Str {
    text.into()
}

fn o(text: &str) -> Option<Str> {
    Some(text.into())
}

/// An event that says as little as an event can.
pub(crate) fn bare(source: Source) -> Event {
    Event {
        id: EventId([7; 16]),
        source,
        when: When { event: Moment::new(1_795_467_462, 452_000_000, 3).unwrap(), received: None, end: None },
        who: Who::default(),
        what: What { action: s("unknown"), ..What::default() },
        r#where: Where::default(),
        how: How::default(),
        why: Why::default(),
        issues: Vec::new(),
        evidence: vec![RecordRef { leaf: 12, record: 3 }],
        records: Vec::new(),
    }
}

pub(crate) fn k8s_exec() -> Event {
    let mut event = bare(Source::Kubernetes);
    event.when.event = Moment::new(1_795_467_462, 452_334_000, 6).unwrap();
    event.when.end = Moment::new(1_795_467_463, 1_000, 6);
    event.when.received = Moment::new(1_795_467_464, 5, 9);
    event.who = Who {
        name: o("alice@example.com"),
        kind: WhoKind::User,
        asserted_by: Some(AssertedBy::Apiserver),
        r#as: o("bob"),
        groups: vec![s("dev"), s("system:authenticated")],
        credential: o("X509SHA256=f541e8"),
        address: o("10.0.0.9"),
        ..Who::default()
    };
    event.what = What {
        action: s("exec"),
        object: Some(Object { kind: o("pods/exec"), namespace: o("shop"), name: o("web-1"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Success,
        code: o("101"),
        message: None,
    };
    event.r#where =
        Where { cluster: o("prod"), namespace: o("shop"), pod: o("web-1"), container: o("app"), ..Where::default() };
    event.how = How {
        argv: vec![s("sh"), s("-c"), s("id")],
        verb: o("get"),
        user_agent: o("kubectl/v1.36"),
        request_uri: o("/api/v1/namespaces/shop/pods/web-1/exec?command=sh&command=-c&command=id&container=app"),
        audit_id: o("bdcf39dd-dc50-4c5c-a641-51dc187b19d2"),
        stages: vec![
            (s("RequestReceived"), event.when.event),
            (s("ResponseStarted"), Moment::new(1_795_467_462, 500_000_000, 6).unwrap()),
        ],
        ..How::default()
    };
    event.why = Why { keys: Vec::new(), reason: o("RBAC: allowed by RoleBinding \"dev/shop\"") };
    event
}

pub(crate) fn k8s_denied() -> Event {
    let mut event = k8s_exec();
    event.who = Who {
        name: o("system:serviceaccount:ci:builder"),
        kind: WhoKind::ServiceAccount,
        asserted_by: Some(AssertedBy::Apiserver),
        address: o("2001:db8::7"),
        ..Who::default()
    };
    event.what = What {
        action: s("create"),
        object: Some(Object {
            kind: o("clusterrolebindings"),
            name: o("owner"),
            uid: o("1f0c5aee-0000-4000-8000-000000000001"),
            ..Object::default()
        }),
        objects: Vec::new(),
        outcome: Outcome::Denied,
        code: o("403"),
        message: None,
    };
    event.r#where = Where { cluster: o("prod"), ..Where::default() };
    event.how.verb = o("create");
    event.how.argv.clear();
    event.why.reason = None;
    event
}

pub(crate) fn k8s_list() -> Event {
    let mut event = k8s_denied();
    event.who = Who { kind: WhoKind::Unset, ..Who::default() };
    event.what = What {
        action: s("list"),
        object: Some(Object { kind: o("secrets"), namespace: o("shop"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Unknown,
        code: None,
        message: None,
    };
    event.how.verb = o("list");
    event.how.user_agent = None;
    event.issues = vec![EventIssue { kind: s("legacy-timestamp"), detail: s("timestamp \"2019-03-03T10:10:00Z\"") }];
    event
}

/// bob, through sudo, executes docker.
pub(crate) fn execve() -> Event {
    let mut event = bare(Source::Linux);
    event.who = Who {
        name: o("bob"),
        kind: WhoKind::Login,
        asserted_by: Some(AssertedBy::Kernel),
        login: Some(Login { auid: Some(1502), name: o("bob"), ses: Some(5) }),
        effective: Some(Effective { uid: Some(0), name: o("root"), gid: Some(0) }),
        ..Who::default()
    };
    event.what = What {
        action: s("executed"),
        object: Some(Object {
            kind: o("file"),
            path: o("/usr/bin/docker"),
            inode: o("fe:00/1234"),
            role: o("NORMAL"),
            ..Object::default()
        }),
        objects: vec![Object { kind: o("file"), path: o("/lib64/ld-linux-x86-64.so.2"), ..Object::default() }],
        outcome: Outcome::Success,
        code: o("0"),
        message: None,
    };
    event.r#where = Where {
        node: o("node-1"),
        cwd: o("/home/bob"),
        boot: o("9a3e9c2a-0000-4000-8000-0123456789ab"),
        ..Where::default()
    };
    event.how = How {
        exe: o("/usr/bin/docker"),
        argv: vec![s("docker"), s("run"), s("--name"), s("a b"), s("")],
        pid: Some(24_100),
        ppid: Some(24_089),
        comm: o("docker"),
        tty: o("pts0"),
        exec_id: None,
        serial: None,
        syscall: o("execve"),
        args: vec![(s("a0"), s("5581")), (s("a1"), s("0"))],
        ..How::default()
    };
    event.why.keys = vec![s("audit-docker")];
    event.records = vec![RecordFields {
        at: Some(RecordRef { leaf: 12, record: 3 }),
        record: s("SYSCALL"),
        fields: vec![(s("arch"), s("c000003e")), (s("res"), s("")), (s("x"), s("1")), (s("x"), s("2"))],
        meaning: vec![(s("arch"), s("x86_64"))],
        enriched: vec![(s("AUID"), s("bob"))],
    }];
    event
}

/// A process that no login stands behind fails to open a file.
pub(crate) fn open_denied() -> Event {
    let mut event = execve();
    event.who = Who {
        kind: WhoKind::Unset,
        login: Some(Login::default()),
        effective: Some(Effective { uid: Some(1000), name: None, gid: Some(1000) }),
        ..Who::default()
    };
    event.what = What {
        action: s("tried-to-open-file"),
        object: Some(Object { kind: o("file"), path: o("/etc/shadow"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Denied,
        code: o("-13 EACCES"),
        message: None,
    };
    event.how.syscall = o("openat");
    event.how.argv.clear();
    event.how.exe = o("/usr/bin/cat");
    event.records.clear();
    event
}

/// What a daemon of the system does: no login, but a uid.
pub(crate) fn rename_by_root() -> Event {
    let mut event = open_denied();
    event.who = Who {
        name: o("root"),
        kind: WhoKind::Uid,
        asserted_by: Some(AssertedBy::Daemon),
        login: Some(Login::default()),
        effective: Some(Effective { uid: Some(0), name: o("root"), gid: Some(0) }),
        ..Who::default()
    };
    let file = |path, role| Object { kind: o("file"), path: o(path), role: o(role), ..Object::default() };
    event.what = What {
        action: s("renamed"),
        object: Some(file("/etc/a b", "DELETE")),
        objects: vec![file("/etc/c", "CREATE"), file("/etc", "PARENT")],
        outcome: Outcome::Success,
        code: o("0"),
        message: None,
    };
    event.how.syscall = o("rename");
    event
}

pub(crate) fn user_login() -> Event {
    let mut event = bare(Source::Linux);
    event.who = Who {
        name: o("jane"),
        kind: WhoKind::Login,
        asserted_by: Some(AssertedBy::Daemon),
        address: o("10.0.0.9"),
        login: Some(Login { auid: Some(1000), name: o("jane"), ses: Some(3) }),
        ..Who::default()
    };
    event.what = What {
        action: s("logged-in"),
        object: Some(Object { kind: o("user-session"), name: o("jane"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Success,
        code: None,
        message: None,
    };
    event.r#where.node = o("node-1");
    event.how = How { exe: o("/usr/sbin/sshd"), pid: Some(900), tty: o("ssh"), ..How::default() };
    event.records = vec![RecordFields { record: s("USER_LOGIN"), ..RecordFields::default() }];
    event
}

pub(crate) fn avc() -> Event {
    let mut event = bare(Source::Linux);
    event.what = What {
        action: s("violated-apparmor-policy"),
        object: Some(Object { kind: o("file"), path: o("/proc/1/environ"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Denied,
        code: None,
        message: None,
    };
    event.r#where.node = o("node-1");
    event.how = How { comm: o("snap"), pid: Some(77), ..How::default() };
    event
}

pub(crate) fn connect() -> Event {
    let mut event = execve();
    event.what = What {
        action: s("tried-to-connect"),
        object: Some(Object { kind: o("socket"), name: o("2001:db8::1:443"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Failure,
        code: o("-115 EINPROGRESS"),
        message: None,
    };
    event.how.syscall = o("connect");
    event.how.net =
        Some(Box::new(Net { dst: o("2001:db8::1"), dport: Some(443), proto: o("inet6"), ..Net::default() }));
    event.records.clear();
    event
}

pub(crate) fn gap() -> Event {
    let mut event = bare(Source::Own);
    event.what = What {
        action: s("gap"),
        object: Some(Object { kind: o("file"), path: o("/var/log/audit/audit.log"), ..Object::default() }),
        objects: Vec::new(),
        outcome: Outcome::Unknown,
        code: None,
        message: None,
    };
    event.issues = vec![EventIssue { kind: s("gap"), detail: s("bytes 4096..8192 were not read") }];
    event
}

/// One of each kind, by name.
pub(crate) fn all() -> Vec<(&'static str, Event)> {
    vec![
        ("k8s_exec", k8s_exec()),
        ("k8s_denied", k8s_denied()),
        ("k8s_list", k8s_list()),
        ("execve", execve()),
        ("open_denied", open_denied()),
        ("rename_by_root", rename_by_root()),
        ("user_login", user_login()),
        ("avc", avc()),
        ("connect", connect()),
        ("gap", gap()),
        ("bare_linux", bare(Source::Linux)),
        ("bare_kubernetes", bare(Source::Kubernetes)),
        ("bare_self", bare(Source::Own)),
    ]
}

/// An event with the text in every place that holds text.
pub(crate) fn hostile(text: &str, source: Source) -> Event {
    let t = || Some(s(text));
    let object = || Object { kind: t(), namespace: t(), name: t(), path: t(), uid: t(), inode: t(), role: t() };
    let mut event = bare(source);
    event.who = Who {
        name: t(),
        kind: WhoKind::User,
        asserted_by: Some(AssertedBy::Client),
        r#as: t(),
        groups: vec![s(text), s(text)],
        credential: t(),
        address: t(),
        login: Some(Login { auid: Some(1), name: t(), ses: Some(2) }),
        effective: Some(Effective { uid: Some(0), name: t(), gid: Some(0) }),
    };
    event.what = What {
        action: s(text),
        object: Some(object()),
        objects: vec![object()],
        outcome: Outcome::Failure,
        code: t(),
        message: t(),
    };
    event.r#where = Where {
        cluster: t(),
        node: t(),
        boot: t(),
        namespace: t(),
        pod: t(),
        pod_uid: t(),
        container: t(),
        container_id: t(),
        image: t(),
        cwd: t(),
    };
    event.how = How {
        exe: t(),
        argv: vec![s(text), s(text)],
        pid: Some(1),
        ppid: Some(1),
        comm: t(),
        tty: t(),
        exec_id: t(),
        serial: None,
        syscall: t(),
        args: vec![(s(text), s(text))],
        user_agent: t(),
        verb: t(),
        request_uri: t(),
        audit_id: t(),
        stages: vec![(s(text), event.when.event)],
        net: Some(Box::new(Net {
            src: t(),
            sport: Some(1),
            dst: t(),
            dport: Some(2),
            proto: t(),
            interface: t(),
            verdict: t(),
        })),
    };
    event.why = Why { keys: vec![s(text)], reason: t() };
    event.issues = vec![EventIssue { kind: s(text), detail: s(text) }];
    event.records = vec![RecordFields {
        at: None,
        record: s(text),
        fields: vec![(s(text), s(text))],
        meaning: vec![(s(text), s(text))],
        enriched: vec![(s(text), s(text))],
    }];
    event
}
