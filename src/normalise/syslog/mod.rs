//! Events of syslog lines: logins, sessions, sudo, accounts, packets that a firewall rule logged; any other line is kept with its text.
//!
//! Whoever may write to `/dev/log` can write any line under any program's name, so what a line says is said by a `daemon` and proves nothing alone; where the
//! journal knows the real program and it is another one, the line says nothing of anybody (`forged-program`). A line without a year gets the latest that is
//! not after its reception, and UTC.
//! Lines that are equal byte for byte are one event with several records: within a second nothing tells them apart.
//! Inside: `sshd`, `login` (PAM, sudo, su, accounts), `packet` (the kernel's netfilter log). Not here: reading the line (`deponent_parsers::syslog`).

mod login;
mod packet;
mod sshd;
#[cfg(test)]
mod tests;

use deponent_parsers::syslog::{self, HOST, KERNEL, PID, PROGRAM, ULOGD};

use super::{Bad, Context, Key, line};
use crate::model::{AssertedBy, Event, EventIssue, RecordFields, Source, Str};

/// The event of a line.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    let text = deponent_parsers::line::text_of(bytes);
    line::key(Source::Syslog, context, bytes, syslog::parse(&text))
}

/// The fields of a line under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    line::fields(syslog::parse(&deponent_parsers::line::text_of(bytes)))
}

/// The event of a line.
pub fn event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = deponent_parsers::line::text_of(bytes);
    let Some(line) = syslog::parse(&text) else {
        return super::own::empty(context, key.id, key.when);
    };
    let mut event = line::event(key, context, &line);
    let program = line.field(PROGRAM).unwrap_or("");
    event.how.comm = line::some(program);
    event.how.pid = line.field(PID).and_then(|pid| pid.parse().ok());
    if event.r#where.node.is_none() {
        event.r#where.node = line.field(HOST).map(Str::from);
    }
    if let Some(exe) = line.field("_EXE").filter(|exe| !is_of(exe, program)) {
        // A script under another name is nothing odd, as long as it says nothing of anybody.
        if is_believed(program) || line.message.starts_with("pam_") {
            let detail =
                format!("the line says that `{program}` wrote it, the journal that `{exe}` did: it is not believed");
            event.issues.push(EventIssue { kind: "forged-program".into(), detail: detail.into() });
        }
    } else if program == ULOGD && line.field("src_ip").is_some() {
        packet::of_ulogd(&line, &mut event);
    } else if program == KERNEL {
        packet::read(&line.message, &mut event);
        if event.what.action == "logged" {
            packet::device_or_crash(&line.message, &mut event);
        }
    } else {
        login::read(program, &line.message, &mut event);
    }
    event
}

/// What a line says that has no time: sshd's own file (`sshd -E`) has none. Its event stands at the time of its reception, and says so.
///
/// `event`: the one that says that the record is bad; it stays as it is where nothing is known of the line.
pub fn undated(event: Event, record: &[u8]) -> Event {
    let text = deponent_parsers::line::text_of(record.trim_ascii());
    let mut read = Event { issues: Vec::new(), ..event.clone() };
    sshd::read(&text, &mut read);
    if read.what.action == event.what.action {
        return event;
    }
    read.source = Source::Syslog;
    read.how.comm = Some("sshd".into());
    read.what.message = Some(text.as_ref().into());
    let detail = "the line has no time: it stands at that of its reception, which is later";
    read.issues.push(EventIssue { kind: "no-time".into(), detail: detail.into() });
    read
}

/// Programs whose lines say who did something, or what a packet was.
fn is_believed(program: &str) -> bool {
    let login =
        ["sshd", "sshd-session", "sudo", "su", "useradd", "userdel", "usermod", "groupadd", "groupdel", "passwd"];
    program == KERNEL || login.contains(&program)
}

/// Folders into which nobody but root installs a program.
const FOLDERS: &[&str] = &["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/lib/", "/usr/libexec/", "/lib/"];

/// Whether a line of the journal may call itself by that name: the kernel knows its program by a path.
fn is_of(exe: &str, program: &str) -> bool {
    let name = exe.rsplit('/').next().unwrap_or(exe);
    name.eq_ignore_ascii_case(program) && FOLDERS.iter().any(|folder| exe.starts_with(folder))
}

/// Says that the daemon named somebody.
fn named(event: &mut Event, name: &str) {
    event.who.name = line::some(name);
    event.who.kind = crate::model::WhoKind::Login;
    event.who.asserted_by = Some(AssertedBy::Daemon);
}
