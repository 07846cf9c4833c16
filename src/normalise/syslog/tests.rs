//! What each program says, and what strangers and forgers cannot say in its name.

use super::*;
use crate::model::{RecordKind, WhoKind};

const CONTEXT: Context<'_> =
    Context { cluster: "c", node: "n", received_ns: 1_795_500_000_000_000_000, ..Context::NOWHERE };

fn of(line: &str) -> Event {
    let key = crate::normalise::key(RecordKind::Syslog, CONTEXT, line.as_bytes()).unwrap();
    crate::normalise::event(RecordKind::Syslog, &key, CONTEXT, &[line.as_bytes()])
}

/// Action, outcome, who, as whom, from where, object.
fn said(program: &str, message: &str) -> String {
    let event = of(&format!("<86>Nov 23 20:59:36 node-1 {program}: {message}"));
    let dash = |text: Option<&Str>| text.map_or("-".to_owned(), ToString::to_string);
    let object = event.what.object.as_ref().and_then(|object| object.name.as_ref());
    let who = [&event.who.name, &event.who.r#as, &event.who.address].map(|text| dash(text.as_ref()));
    format!("{} {} {} {}", event.what.action, event.what.outcome.name(), who.join(" "), dash(object))
}

#[test]
fn sshd() {
    let check = |message: &str, expected: &str| assert_eq!(said("sshd[7]", message), expected, "{message}");
    check("Accepted password for bob from 10.0.0.9 port 4242 ssh2", "logged-in success bob - 10.0.0.9 -");
    check("Failed password for invalid user x from fe80::1 port 1 ssh2", "tried-to-log-in failure x - fe80::1 -");
    check("Invalid user  from 10.0.0.9 port 4242", "tried-to-log-in failure - - 10.0.0.9 -");
    check(
        "Postponed publickey for bob from 127.0.0.1 port 36030 ssh2 [preauth]",
        "tried-to-log-in unknown bob - 127.0.0.1 -",
    );
    check(
        "Connection from 127.0.0.1 port 36030 on 127.0.0.1 port 2222 rdomain \"\"",
        "connected unknown - - 127.0.0.1 -",
    );
    check("Disconnected from user bob 127.0.0.1 port 36030", "disconnected unknown bob - 127.0.0.1 -");
    check(
        "Connection closed by authenticating user root 10.0.0.9 port 1 [preauth]",
        "disconnected unknown root - 10.0.0.9 -",
    );
    check("Received disconnect from 10.0.0.9 port 1:11: bye", "disconnected unknown - - 10.0.0.9 -");
    check("Server listening on 0.0.0.0 port 22.", "listens unknown - - - 0.0.0.0 port 22.");
    let event = of(
        "2026-11-23T20:59:36Z m sshd[7]: Accepted publickey for bob from 10.0.0.9 port 4242 ssh2: ED25519 SHA256:V0cv",
    );
    assert_eq!(event.who.credential.as_deref(), Some("SHA256:V0cv"));
    assert_eq!((event.who.kind, event.who.asserted_by), (WhoKind::Login, Some(AssertedBy::Daemon)));
    assert_eq!((event.how.pid, event.how.net.unwrap().sport), (Some(7), Some(4_242)));
    assert_eq!(event.r#where.node.as_deref(), Some("n"), "the configured name goes before the line's");
}

/// A stranger's name that holds a whole line changes neither the address nor the outcome.
#[test]
fn names_that_strangers_chose() {
    let check = |message: &str, expected: &str| assert_eq!(said("sshd[7]", message), expected, "{message}");
    check(
        "Failed password for invalid user root from 1.1.1.1 port 1 ssh2 from 10.0.0.9 port 4242 ssh2",
        "tried-to-log-in failure root from 1.1.1.1 port 1 ssh2 - 10.0.0.9 -",
    );
    check(
        "Invalid user a for bob from 1.1.1.1 from 10.0.0.9 port 1",
        "tried-to-log-in failure a for bob from 1.1.1.1 - 10.0.0.9 -",
    );
    assert_eq!(
        said("app", "Accepted password for root from 10.0.0.9 port 1 ssh2"),
        "logged unknown - - - -",
        "only sshd says that"
    );
}

#[test]
fn pam_and_su() {
    assert_eq!(
        said("sshd", "pam_unix(sshd:session): session opened for user bob(uid=1502) by (uid=0)"),
        "started-session success bob - - bob"
    );
    assert_eq!(
        said("sudo", "pam_unix(sudo:session): session opened for user root(uid=0) by (uid=1502)"),
        "started-session success 1502 root - root"
    );
    assert_eq!(
        said("su", "pam_unix(su-l:session): session opened for user root(uid=0) by bob(uid=1502)"),
        "started-session success bob root - root"
    );
    assert_eq!(
        said("sudo", "pam_unix(sudo:session): session closed for user root"),
        "ended-session success - root - root"
    );
    assert_eq!(
        said(
            "sshd",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.9  user=bob"
        ),
        "tried-to-authenticate failure bob - 10.0.0.9 -"
    );
    assert_eq!(said("su", "(to root) bob on pts/0"), "changed-identity success bob root - -");
    assert_eq!(said("su", "FAILED SU (to root) bob on pts/0"), "tried-to-change-identity failure bob root - -");
    assert_eq!(
        said("useradd[9]", "new user: name=backdoor0, UID=0, GID=1504, home=/x"),
        "added-user success - - - backdoor0"
    );
    assert_eq!(said("userdel[9]", "delete user 'backdoor0'"), "deleted-user success - - - backdoor0");
}

#[test]
fn sudo() {
    let check = |message: &str, expected: &str| assert_eq!(said("sudo", message), expected, "{message}");
    check(
        "     bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id -u",
        "ran-command success bob root - /usr/bin/id -u",
    );
    check(
        "bob : PWD=/ ; USER=root ; ENV=A=b ; COMMAND=/bin/sh -c 'a ; b'",
        "ran-command success bob root - /bin/sh -c 'a ; b'",
    );
    check(
        "bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
        "tried-to-run-command denied bob root - /bin/sh",
    );
    check(
        "bob : 3 incorrect password attempts ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
        "tried-to-run-command denied bob root - /bin/sh",
    );
    // A folder of that name makes this line; what was run as whom, nobody can tell.
    let forged = "bob : PWD=/tmp/x ; USER=alice ; COMMAND=/bin/true ; USER=root ; COMMAND=/bin/sh";
    check(forged, "ran-command unknown bob - - -");
    let event = of(&format!("Nov 23 20:59:36 sudo: {forged}"));
    assert_eq!(event.issues.iter().map(|issue| issue.kind.as_str()).collect::<Vec<_>>(), ["ambiguous-line"]);
    check("bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ;", "logged unknown - - - -");
}

#[test]
fn packets_of_ulogd() {
    let event = of(
        r#"{"timestamp":"2026-11-23T20:59:02.539064+0000","dvc":"x","oob.prefix":"drop-ssh ","oob.in":"eth0","ip.protocol":6,"src_ip":"10.0.0.9","dest_ip":"10.0.0.2","src_port":4242,"dest_port":22,"action":"blocked","raw.pktlen":60}"#,
    );
    let net = event.how.net.clone().unwrap();
    assert_eq!((event.what.action.as_str(), event.what.outcome), ("logged-packet", crate::model::Outcome::Denied));
    assert_eq!((net.sport, net.dport, net.proto.as_deref()), (Some(4242), Some(22), Some("tcp")));
    assert_eq!((net.interface.as_deref(), net.verdict.as_deref()), (Some("eth0"), Some("block")));
    assert_eq!((event.why.keys[0].as_str(), event.who.address.as_deref()), ("drop-ssh", Some("10.0.0.9")));
}

#[test]
fn a_wrapped_line_of_sudo_is_one() {
    let event = of(
        "Nov 23 20:59:37 : bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ;\n    COMMAND=/usr/local/bin/docker run -d --name implant --cap-add=SYS_ADMIN\n    --pid=host sh",
    );
    assert_eq!((event.what.action.as_str(), event.who.name.as_deref()), ("ran-command", Some("bob")));
    assert_eq!(event.who.r#as.as_deref(), Some("root"));
    let command = event.what.object.unwrap().name.unwrap();
    assert_eq!(command, "/usr/local/bin/docker run -d --name implant --cap-add=SYS_ADMIN --pid=host sh");
}

#[test]
fn a_line_of_sshd_without_a_time_says_so() {
    let received = crate::model::Moment { nanos: 7, digits: 9 };
    let undated = |text: &str| {
        let bad = key(CONTEXT, text.as_bytes()).unwrap_err();
        crate::normalise::bad(crate::model::RecordKind::Syslog, CONTEXT, (&[0; 32], 5), received, &bad, text.as_bytes())
    };
    let event = undated("Accepted publickey for bob from 10.0.0.9 port 4242 ssh2: ED25519 SHA256:V0c\n");
    assert_eq!((event.what.action.as_str(), event.who.name.as_deref()), ("logged-in", Some("bob")));
    assert_eq!((event.source.name(), event.when.event, event.issues.len()), ("syslog", received, 1));
    assert_eq!((event.issues[0].kind.as_str(), event.who.credential.as_deref()), ("no-time", Some("SHA256:V0c")));
    let other = undated("syslogin_perform_logout: logout() returned an error");
    assert_eq!((other.what.action.as_str(), other.source.name()), ("bad-record", "self"));
    assert_eq!(other.what.message.as_deref(), Some("syslogin_perform_logout: logout() returned an error"));
    for (text, action) in [
        ("Accepted key ED25519 SHA256:V0c found at /home/bob/.ssh/authorized_keys:1", "accepted-key"),
        ("Starting session: command on pts/0 for bob from 10.0.0.9 port 36030 id 0", "started-session"),
        ("Close session: user bob from 10.0.0.9 port 36030 id 0", "ended-session"),
        ("PAM: Authentication failure for illegal user nosuch from 10.0.0.9", "tried-to-log-in"),
        ("Connection closed by authenticating user root 10.0.0.9 port 1 [preauth]", "disconnected"),
        ("User child is on pid 25439", "started-child"),
        ("Server listening on 127.0.0.1 port 2222.", "listens"),
    ] {
        assert_eq!(undated(text).what.action, action, "{text}");
    }
}

#[test]
fn packets() {
    let packet = |text: &str| of(&format!("2026-11-23T20:59:02,539064+00:00 {text}"));
    let event = packet(
        "kubelet-conn IN=lo OUT= MAC=00:00 SRC=127.0.0.1 DST=127.0.0.2 LEN=60 PROTO=TCP SPT=59124 DPT=10250 SYN",
    );
    let net = event.how.net.as_deref().unwrap();
    assert_eq!(
        (net.src.as_deref(), net.sport, net.dst.as_deref(), net.dport),
        (Some("127.0.0.1"), Some(59_124), Some("127.0.0.2"), Some(10_250))
    );
    assert_eq!(
        (net.proto.as_deref(), net.interface.as_deref(), net.verdict.as_deref()),
        (Some("tcp"), Some("lo"), None)
    );
    assert_eq!((event.what.action.as_str(), event.what.outcome), ("logged-packet", crate::model::Outcome::Unknown));
    assert_eq!(event.why.keys, ["kubelet-conn"]);
    let verdict = |text: &str| {
        let event = packet(text);
        (event.how.net.and_then(|net| net.verdict), event.what.outcome.name(), event.why.keys)
    };
    let rest = "IN=eth0 OUT= SRC=10.0.0.9 DST=10.0.0.2 PROTO=ICMP TYPE=3 [SRC=1.1.1.1 DST=2.2.2.2 ]";
    assert_eq!(
        verdict(&format!("[ 1234.5] [UFW BLOCK] {rest}")),
        (Some("block".into()), "denied", vec!["[UFW BLOCK]".into()])
    );
    assert_eq!(
        verdict(&format!("filter_IN_public_REJECT: {rest}")),
        (Some("reject".into()), "denied", vec!["filter_IN_public_REJECT".into()])
    );
    assert_eq!(verdict(&format!("DROP: {rest}")), (None, "unknown", vec!["DROP".into()]), "anybody may name a rule so");
    assert_eq!(packet(rest).who.address.as_deref(), Some("10.0.0.9"), "not that of the packet quoted");
    let crash = packet("wget[24100]: segfault at 0 ip IN=1");
    assert_eq!(
        (crash.what.action.as_str(), crash.how.pid, crash.how.comm.as_deref()),
        ("crashed", Some(24100), Some("wget"))
    );
    let port = packet("labbr0: port 1(veth1) entered forwarding state");
    assert_eq!(
        (port.what.action.as_str(), port.what.object.unwrap().name.as_deref()),
        ("changed-bridge-port", Some("veth1"))
    );
    assert_eq!(packet("veth1 (unregistering): left promiscuous mode").what.action, "changed-device-mode");
    assert_eq!(packet("a name: port 1(veth1) entered forwarding state").what.action, "logged");
    assert_eq!(
        of("Nov 23 20:59:36 n app: IN=lo OUT= SRC=1.1.1.1 DST=2.2.2.2").what.action,
        "logged",
        "not the kernel's"
    );
}

#[test]
fn the_journal_knows_who_wrote() {
    let line = |exe: &str| {
        of(&format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1795467576123456\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_EXE\":\"{exe}\",\
             \"MESSAGE\":\"Accepted password for root from 10.0.0.9 port 1 ssh2\"}}"
        ))
    };
    assert_eq!(line("/usr/sbin/sshd").who.name.as_deref(), Some("root"));
    assert_eq!(line("/home/bob/sshd").who.name, None, "a program of that name that anybody may have put there");
    let forged = line("/usr/bin/logger");
    assert_eq!((forged.who.name.as_deref(), forged.what.action.as_str()), (None, "logged"));
    let kernel = of(
        "{\"__REALTIME_TIMESTAMP\":\"1\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"_EXE\":\"/usr/bin/logger\",\"MESSAGE\":\"x IN=lo OUT= SRC=1.1.1.1 DST=1.1.1.2\"}",
    );
    assert_eq!(kernel.what.action, "logged");
    let pam = of(
        "{\"__REALTIME_TIMESTAMP\":\"1\",\"SYSLOG_IDENTIFIER\":\"x\",\"_EXE\":\"/usr/bin/logger\",\"MESSAGE\":\"pam_unix(sshd:session): session opened for user root\"}",
    );
    assert_eq!((pam.who.name, pam.issues.len()), (None, 1));
    let script = of(
        "{\"__REALTIME_TIMESTAMP\":\"1\",\"SYSLOG_IDENTIFIER\":\"backup\",\"_EXE\":\"/usr/bin/python3\",\"MESSAGE\":\"done\"}",
    );
    assert_eq!(script.issues, []);
    assert_eq!(forged.issues[0].kind, "forged-program");
}
