//! Events from records as they are met, and attacks on them.

use super::event;
use crate::model::{AssertedBy, Event, EventId, Moment, Outcome, WhoKind};
use crate::normalise::Context;

pub(super) fn of(lines: &[&[u8]]) -> Event {
    event(EventId([0; 16]), Moment { nanos: 0, digits: 3 }, Context { cluster: "c", ..Context::default() }, lines)
}

fn event_of(lines: &str) -> Event {
    let lines: Vec<&[u8]> = lines.lines().map(str::as_bytes).collect();
    of(&lines)
}

fn kinds(event: &Event) -> Vec<&str> {
    let mut kinds: Vec<&str> = event.issues.iter().map(|issue| issue.kind.as_str()).collect();
    kinds.dedup();
    kinds
}

/// The parts of an event that most cases are about, in one line each.
fn summary(event: &Event) -> Vec<String> {
    let mut lines = vec![format!("{} {}", event.what.action, event.what.outcome.name())];
    lines.extend(event.what.code.iter().map(|code| format!("code {code}")));
    let by = event.who.asserted_by.map_or("nobody", AssertedBy::name);
    lines.push(format!("who {} {} by {by}", event.who.name.as_deref().unwrap_or("-"), event.who.kind.name()));
    for object in event.what.object.iter().chain(&event.what.objects) {
        let field = |name: &str, value: &Option<crate::model::Str>| {
            value.as_ref().map_or_else(String::new, |value| format!(" {name}={value}"))
        };
        let (path, name) = (field("path", &object.path), field("name", &object.name));
        lines.push(format!("{}{path}{name}{}", object.kind.as_deref().unwrap_or("-"), field("role", &object.role)));
    }
    lines.extend(kinds(event).into_iter().map(|kind| format!("issue {kind}")));
    lines
}

fn check(lines: &str, expected: &[&str]) {
    assert_eq!(summary(&event_of(lines)), expected, "{lines}");
}

const SYSCALL: &str = "type=SYSCALL msg=audit(1.002:3): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=10 pid=11 \
    auid=1502 uid=1502 gid=5 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=9 comm=\"ls\" exe=\"/bin/ls\" key=\"exec\"";
const NAMES: &str =
    "\x1dARCH=x86_64 SYSCALL=execve AUID=\"bob\" UID=\"bob\" GID=\"staff\" EUID=\"root\" SUID=\"root\" FSUID=\"root\"";

#[test]
fn an_execution() {
    let event = event_of(&format!(
        "{SYSCALL}{NAMES}\n\
         type=EXECVE msg=audit(1.002:3): argc=3 a0=\"ls\" a2=2D6C20FF\n\
         type=CWD msg=audit(1.002:3): cwd=\"/home/bob\"\n\
         type=PATH msg=audit(1.002:3): item=1 name=\"/lib/ld.so\" inode=7 dev=fe:00 mode=0100755 nametype=NORMAL\n\
         type=PATH msg=audit(1.002:3): item=0 name=\"./ls\" inode=6 dev=fe:00 mode=0100755 nametype=NORMAL\n\
         type=PROCTITLE msg=audit(1.002:3): proctitle=6C73"
    ));
    assert_eq!(
        summary(&event),
        [
            "executed success",
            "code 0",
            "who bob login by daemon",
            "file path=/home/bob/ls role=NORMAL",
            "file path=/lib/ld.so role=NORMAL",
            "issue argument-missing",
            "issue not-utf8"
        ]
    );
    assert_eq!(event.how.argv, ["ls", "", "-l \\xFF"]);
    let login = event.who.login.as_ref().unwrap();
    assert_eq!((login.auid, login.name.as_deref(), login.ses), (Some(1502), Some("bob"), Some(9)));
    let effective = event.who.effective.as_ref().unwrap();
    assert_eq!((effective.uid, effective.name.as_deref(), effective.gid), (Some(0), Some("root"), Some(0)));
    assert_eq!((event.how.pid, event.how.ppid, event.how.tty.as_deref()), (Some(11), Some(10), Some("pts0")));
    assert_eq!((event.how.exe.as_deref(), event.how.comm.as_deref()), (Some("/bin/ls"), Some("ls")));
    assert_eq!(event.what.object.as_ref().unwrap().inode.as_deref(), Some("fe:00/6"));
    assert_eq!(event.how.args[1], ("a1".into(), "2".into()));
    assert_eq!((event.why.keys.as_slice(), event.r#where.cwd.as_deref()), (&["exec".into()][..], Some("/home/bob")));
}

#[test]
fn the_owners_sample() {
    let text = b"type=SYSCALL msg=audit(1234567890.123:12345): arch=abc123 syscall=59 success=yes exit=0 a0=12345678abc\\\n a1=0 a2=abc12345678 \
        items=1 ppid=1234 pid=1234 auid=0 uid=0 gid=0 euid=0 egid=0 s\\\ngid=0 tty=pts0 ses=1 comm=\"docker\" exe=\"/var/lib/docker\" \
        subj=system_u:object_r:container_runt\\\nime_exec_t:s0 key=\"audit-docker\"\n";
    let path = b"type=PATH msg=audit(1234567890.123:12345): item=0 name=\"/var/lib/docker\" inode=123456 dev=fd:00 mode=0\\\n100600 ouid=0 rdev=00:00 \n";
    let event = of(&[text, path]);
    assert_eq!(
        summary(&event),
        [
            "syscall 59 success",
            "code 0",
            "who 0 login by kernel",
            "file path=/var/lib/docker",
            "issue folded-line",
            "issue unknown-arch"
        ]
    );
    assert_eq!(event.how.syscall.as_deref(), Some("59"));
    assert_eq!(event.why.keys, ["audit-docker"]);
}

#[test]
fn failures_are_tried() {
    let failed = SYSCALL.replace("success=yes exit=0", "success=no exit=-2");
    let path = "type=PATH msg=audit(1.002:3): item=0 name=\"/x/tool\" nametype=UNKNOWN";
    check(
        &format!("{failed}\n{path}"),
        &["tried-to-execute failure", "code -2 ENOENT", "who 1502 login by kernel", "file path=/x/tool role=UNKNOWN"],
    );
    let denied = SYSCALL.replace("success=yes exit=0", "success=no exit=-13");
    check(&denied, &["tried-to-execute denied", "code -13 EACCES", "who 1502 login by kernel"]);
    let unknown = SYSCALL.replace("success=yes exit=0 ", "");
    check(&unknown, &["tried-to-execute unknown", "who 1502 login by kernel"]);
    let number = SYSCALL.replace("syscall=59", "syscall=9999");
    check(&number, &["syscall 9999 success", "code 0", "who 1502 login by kernel", "issue unknown-syscall"]);
    let read = SYSCALL.replace("syscall=59", "syscall=0");
    check(&read, &["syscall read success", "code 0", "who 1502 login by kernel"]);
}

#[test]
fn unset_is_never_somebody() {
    let unset = SYSCALL.replace("auid=1502", "auid=4294967295").replace("ses=9", "ses=4294967295");
    let event = event_of(&unset);
    let login = event.who.login.as_ref().unwrap();
    assert_eq!((login.auid, login.ses), (None, None));
    assert_eq!((event.who.kind, event.who.name.as_deref()), (WhoKind::Uid, Some("0")));
    check("type=ANOM_X msg=audit(1.002:3): auid=-1 ses=-1", &["anom_x unknown", "who - unset by nobody"]);
    let user = "type=USER_LOGIN msg=audit(1.002:3): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"mallory\" exe=\"/usr/sbin/sshd\" \
        hostname=? addr=10.0.0.9 terminal=sshd res=failed'\x1dUID=\"root\" AUID=\"unset\"";
    check(user, &["tried-to-log-in failure", "who mallory login by daemon", "account name=mallory"]);
    assert_eq!(event_of(user).who.address.as_deref(), Some("10.0.0.9"));
    // Whom su wants to become is not who did it.
    let su = user
        .replace("/usr/sbin/sshd", "/usr/bin/su")
        .replace("uid=0", "uid=1000")
        .replace("UID=\"root\"", "UID=\"joe\"");
    check(&su, &["tried-to-log-in failure", "who joe uid by daemon", "account name=mallory"]);
}

#[test]
fn forged_names_are_not_believed() {
    let forged = format!("{SYSCALL}{NAMES}").replace("auid=1502", "auid=1501");
    let event = event_of(&forged);
    assert_eq!(summary(&event), ["executed success", "code 0", "who - login by kernel", "issue contradiction"]);
    assert_eq!(event.who.login.as_ref().unwrap().name, None);
    let two = format!("{SYSCALL}{NAMES} AUID=\"eve\"");
    check(
        &two,
        &["executed success", "code 0", "who - login by kernel", "issue contradiction", "issue duplicate-field"],
    );
    let unset = format!("{SYSCALL}{NAMES}").replace("auid=1502 uid=1502", "auid=4294967295 uid=1502");
    check(&unset, &["executed success", "code 0", "who root uid by daemon", "issue contradiction"]);
    let other_call = format!("{SYSCALL}{NAMES}").replace("syscall=59", "syscall=2");
    check(&other_call, &["opened-file success", "code 0", "who bob login by daemon", "issue contradiction"]);
    let other_arch = format!("{SYSCALL}{NAMES}").replace("ARCH=x86_64", "ARCH=aarch64");
    check(&other_arch, &["executed success", "code 0", "who bob login by daemon", "issue contradiction"]);
    let inside = SYSCALL.replace("comm=\"ls\"", "comm=\"x auid=0 \"").replace("key=\"exec\"", "key=\"exec\" auid=0");
    check(&inside, &["executed success", "code 0", "who 1502 login by kernel", "issue duplicate-field"]);
}

#[test]
fn different_records_where_one_belongs_are_a_conflict() {
    let other = SYSCALL.replace("auid=1502", "auid=1501");
    let path = "type=PATH msg=audit(1.002:3): item=0 name=\"/x\" nametype=NORMAL";
    check(
        &format!("{SYSCALL}\n{other}\n{path}"),
        &["path unknown", "who - unset by nobody", "file path=/x role=NORMAL", "issue conflict"],
    );
    let path_two = path.replace("/x", "/y");
    check(
        &format!("{SYSCALL}\n{path}\n{path_two}"),
        &["executed success", "code 0", "who 1502 login by kernel", "issue conflict"],
    );
    let message = "type=USER_LOGIN msg=audit(1.002:3): pid=1 uid=0 auid=0 msg='op=login acct=\"root\" res=success'";
    check(
        &format!("{SYSCALL}\n{message}"),
        &["executed success", "code 0", "who 1502 login by kernel", "issue conflict"],
    );
    let copy = format!("{SYSCALL}{NAMES}");
    let renamed = copy.replace("AUID=\"bob\"", "AUID=\"eve\"");
    check(&format!("{copy}\n{renamed}"), &["executed success", "code 0", "who 1502 login by kernel", "issue conflict"]);
    check(&format!("{copy}\nnode=n {SYSCALL}\r"), &["executed success", "code 0", "who bob login by daemon"]);
    let login = "type=LOGIN msg=audit(1.002:3): pid=11 uid=1502 old-auid=4294967295 auid=7 res=1";
    check(
        &format!("{SYSCALL}\n{login}"),
        &["changed-login-id success", "code 0", "who - unset by nobody", "issue contradiction"],
    );
}

#[test]
fn renames_and_directories() {
    let rename = SYSCALL.replace("syscall=59", "syscall=82");
    let item = |n: u8, name: &str, role: &str| {
        format!("type=PATH msg=audit(1.002:3): item={n} name=\"{name}\" mode=040755 nametype={role}\n")
    };
    let paths =
        [item(0, "/d/", "PARENT"), item(1, "/d/", "PARENT"), item(2, "old", "DELETE"), item(3, "new", "CREATE")]
            .concat();
    check(
        &format!("{rename}\n{paths}type=CWD msg=audit(1.002:3): cwd=2F64"),
        &[
            "renamed success",
            "code 0",
            "who 1502 login by kernel",
            "directory path=/d/old role=DELETE",
            "directory path=/d/new role=CREATE",
            "directory path=/d/ role=PARENT",
            "directory path=/d/ role=PARENT",
        ],
    );
    // Relative to a directory's descriptor: the working directory says nothing.
    let openat = SYSCALL.replace("syscall=59", "syscall=257");
    let path = item(0, "x", "NORMAL");
    check(
        &format!("{openat}\n{path}type=CWD msg=audit(1.002:3): cwd=\"/d\""),
        &["opened-file success", "code 0", "who 1502 login by kernel", "directory path=x role=NORMAL"],
    );
}

#[test]
fn arguments_in_parts() {
    let argv = |lines: &str| {
        let event = event_of(&format!("{SYSCALL}\n{lines}"));
        (
            event.how.argv.iter().map(ToString::to_string).collect::<Vec<_>>(),
            kinds(&event).iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
    };
    let check = |lines: &str, args: &[&str], issues: &[&str]| {
        assert_eq!(
            argv(lines),
            (args.iter().map(ToString::to_string).collect(), issues.iter().map(ToString::to_string).collect()),
            "{lines}"
        );
    };
    let execve = "type=EXECVE msg=audit(1.002:3):";
    check(&format!("{execve} argc=2 a0=\"a\" a1=62"), &["a", "b"], &[]);
    check(&format!("{execve} argc=2 a0=\"a\" a1_len=8 a1[0]=6263\n{execve} a1[1]=6465"), &["a", "bcde"], &[]);
    check(&format!("{execve} argc=2 a0=\"a\" a1_len=8 a1[0]=6263"), &["a", "bc"], &["argument-incomplete"]);
    check(&format!("{execve} argc=2 a0=\"a\" a1_len=8 a1[0]=6263 a1[2]=66"), &["a", "bc"], &["argument-incomplete"]);
    check(&format!("{execve} argc=3 a0=\"a\" a2=\"c\""), &["a", "", "c"], &["argument-missing"]);
    check(&format!("{execve} argc=3 a0=\"a\" a1=\"c\""), &["a", "c"], &["argc-mismatch"]);
    check(
        &format!("{execve} argc=4294967295 a0=\"a\" a4294967295=\"c\""),
        &["a"],
        &["argc-mismatch", "too-many-arguments"],
    );
    check(&format!("{execve} argc=1 a0=\"\""), &[""], &[]);
    check(&format!("{execve} argc=1 a0=\"a\"\n{execve} argc=1 a0=\"b\""), &[], &["conflict"]);
    check(&format!("{execve} argc=1 a0=\"a\" a4=\"x\" a4=\"y\""), &[], &["conflict"]);
}

#[test]
fn records_of_other_types() {
    for (line, expected) in [
        (
            "type=AVC msg=audit(1.002:3): apparmor=\"DENIED\" operation=\"open\" profile=\"docker-default\" name=\"/etc/x\" pid=5 comm=\"m\"",
            &["violated-apparmor-policy denied", "who - unset by nobody", "file path=/etc/x"][..],
        ),
        (
            "type=1400 audit(1.002:3): avc:  denied  { read } for  pid=1 comm=\"p\" name=\"maildrop\" permissive=0",
            &["violated-selinux-policy denied", "who - unset by nobody", "file name=maildrop"],
        ),
        (
            "type=AVC msg=audit(1.002:3): avc:  denied  { read } for  pid=1 path=\"/x\" permissive=1",
            &["violated-selinux-policy success", "who - unset by nobody", "file path=/x"],
        ),
        (
            "type=DAEMON_ROTATE msg=audit(1.002:3): op=rotate-logs auid=0 uid=0 ses=4294967295 pid=30636 res=success\x1dAUID=\"root\" UID=\"root\"",
            &["rotated-audit-logs success", "who root login by daemon"],
        ),
        (
            "type=CONFIG_CHANGE msg=audit(1.002:3): op=set audit_enabled=0 old=1 auid=1502 ses=9 res=1\x1dAUID=\"bob\"",
            &["changed-audit-configuration success", "who bob login by daemon", "audit-setting name=audit_enabled=0"],
        ),
        (
            "type=CONFIG_CHANGE msg=audit(1.002:3): auid=1502 ses=9 op=remove_rule key=\"exec\" list=4 res=1",
            &["changed-audit-configuration success", "who 1502 login by kernel", "audit-rule name=exec"],
        ),
        (
            "type=ADD_USER msg=audit(1.002:3): pid=26504 uid=0 auid=1502 ses=11 msg='op=adding user id=0 exe=\"/usr/sbin/useradd\" hostname=? addr=? \
             terminal=? res=success'\x1dUID=\"root\" AUID=\"bob\" ID=\"root\"",
            &["added-user success", "who bob login by daemon", "account name=root"],
        ),
        (
            "type=USER_CMD msg=audit(1.002:3): pid=1 uid=1502 auid=1502 ses=9 msg='cwd=\"/home/bob\" cmd=646F636B6572207073 exe=\"/usr/bin/sudo\" \
             terminal=pts/0 res=success'\x1dUID=\"bob\" AUID=\"bob\"",
            &["ran-command success", "who bob login by daemon", "command name=docker ps"],
        ),
        (
            "type=LOGIN msg=audit(1.002:3): login pid=1 uid=0 old auid=4294967295 new auid=701 old ses=4294967295 new ses=2",
            &["changed-login-id unknown", "who 701 login by kernel"],
        ),
        ("type=UNKNOWN[1999] msg=audit(1.002:3): x=1", &["unknown[1999] unknown", "who - unset by nobody"]),
        (
            "type=PROCTITLE msg=audit(1.002:3): proctitle=61",
            &["proctitle unknown", "who - unset by nobody", "issue missing-syscall"],
        ),
    ] {
        check(line, expected);
    }
}

#[test]
fn sockets() {
    let connect = SYSCALL.replace("syscall=59", "syscall=42");
    let event =
        event_of(&format!("{connect}\ntype=SOCKADDR msg=audit(1.002:3): saddr=020001BB0A0000010000000000000000"));
    assert_eq!(
        summary(&event),
        ["connected success", "code 0", "who 1502 login by kernel", "socket name=10.0.0.1:443"]
    );
    let net = event.how.net.unwrap();
    assert_eq!(
        (net.dst.as_deref(), net.dport, net.proto.as_deref(), net.src),
        (Some("10.0.0.1"), Some(443), Some("inet"), None)
    );
    check(
        &format!("{connect}\ntype=SOCKADDR msg=audit(1.002:3): saddr=01002F72756E2F6100"),
        &["connected success", "code 0", "who 1502 login by kernel", "socket path=/run/a"],
    );
}

#[test]
fn keys_of_several_rules() {
    let event = event_of(&SYSCALL.replace("key=\"exec\"", "key=6578656301363462697401"));
    assert_eq!(event.why.keys, ["exec", "64bit"]);
    assert!(event_of(&SYSCALL.replace("key=\"exec\"", "key=(null)")).why.keys.is_empty());
}

#[test]
fn fields_stand_under_their_own_names() {
    let got = super::fields(
        b"node=n type=UNKNOWN[1306] msg=audit(1.002:3): saddr=0200003510000001 x=? comm=6162\x1dSADDR={ a }\n",
    );
    let show = |fields: &[(crate::model::Str, crate::model::Str)]| {
        fields.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(got.record, "UNKNOWN[1306]");
    assert_eq!(show(&got.fields), ["node=n", "msg=audit(1.002:3)", "saddr=inet 16.0.0.1:53", "x=?", "comm=ab"]);
    assert_eq!(show(&got.enriched), ["SADDR={ a }"]);
    assert_eq!(show(&super::fields(b"no record\n").fields), ["raw=no record"]);
}

#[test]
fn an_event_of_no_record_says_so() {
    let event = of(&[b"rubbish"]);
    assert_eq!(
        (kinds(&event), event.what.action.as_str(), event.what.outcome),
        (vec!["not-a-record"], "unknown", Outcome::Unknown)
    );
}

#[test]
fn a_flood_under_one_serial_is_bounded() {
    let flood: Vec<String> =
        (0..20_000).map(|n| format!("type=OBJ_PID msg=audit(1.002:3): opid={n} ocomm=\"x\"")).collect();
    let mut lines: Vec<&[u8]> = flood.iter().map(String::as_bytes).collect();
    let event = of(&lines);
    assert_eq!(kinds(&event), ["missing-syscall", "too-many-objects", "too-many-records"]);
    lines.reverse();
    assert_eq!(event, of(&lines));
}

#[test]
fn an_address_that_auditd_reads_otherwise() {
    let said = |saddr: &str, enriched: &str| {
        let line = format!("type=SOCKADDR msg=audit(1.002:3): saddr={saddr}\x1dSADDR={{ {enriched} }}");
        let issues = event_of(&format!("{SYSCALL}\n{line}")).issues;
        issues.into_iter().map(|issue| issue.detail.to_string()).collect::<Vec<_>>()
    };
    let inet = "020001BBC00002010000000000000000";
    let inet6 = "0A0001BB0000000020010DB800000000000000000000000100000000";
    for (saddr, right) in [
        (inet, "saddr_fam=inet laddr=192.0.2.1 lport=443"),
        (inet, "fam=inet laddr=192.0.2.1 lport=443"),
        (inet6, "saddr_fam=inet6 laddr=2001:db8:0:0:0:0:0:1 lport=443"),
        ("100000000700000001000000", "saddr_fam=netlink nlnk-fam=16 nlnk-pid=7"),
        ("01002F72756E2F7800", "saddr_fam=local path=/run/x"),
        ("28000000000000000100000002000000", "saddr_fam=vsock"),
        (inet, "unknown-family(99)"),
    ] {
        assert_eq!(said(saddr, right), Vec::<String>::new(), "{right}");
    }
    for (saddr, wrong, part) in [
        (inet, "saddr_fam=inet laddr=192.0.2.2 lport=443", "laddr=192.0.2.1; auditd wrote laddr=192.0.2.2"),
        (inet, "saddr_fam=inet laddr=nobody lport=443", "laddr=192.0.2.1; auditd wrote laddr=nobody"),
        (inet, "saddr_fam=inet laddr=192.0.2.1 lport=80", "lport=443; auditd wrote lport=80"),
        (inet, "saddr_fam=inet6 laddr=192.0.2.1 lport=443", "saddr_fam=inet; auditd wrote saddr_fam=inet6"),
        ("100000000700000001000000", "saddr_fam=netlink nlnk-pid=8", "nlnk-pid=7; auditd wrote nlnk-pid=8"),
        ("01002F72756E2F7800", "saddr_fam=local path=/run/y", "path=/run/x; auditd wrote path=/run/y"),
    ] {
        let found = said(saddr, wrong);
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(found[0].ends_with(part), "{found:?}");
    }
}

#[test]
fn a_change_of_the_firewall_says_what_was_done() {
    let event = event_of(
        "type=NETFILTER_CFG msg=audit(1795467471.000:315882): table=nat:118 family=2 entries=1 op=nft_unregister_rule pid=22174 comm=\"iptables\"",
    );
    assert_eq!(event.what.action, "changed-firewall");
    let args: Vec<String> = event.how.args.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(args, ["family=2", "entries=1", "op=nft_unregister_rule"]);
    assert_eq!((event.how.pid, event.how.comm.as_deref()), (Some(22174), Some("iptables")));
}
