//! syslog: lines of auth.log, kern.log and their like, in each form in which they are found on a node.
//!
//! `<86>Nov 23 20:59:36 node-1 sshd[812]: …` (RFC 3164; priority, host and process are often missing), `<86>1 2026-11-23T20:59:36.12Z node-1 sshd 812 - - …`
//! (RFC 5424), `2026-11-23T20:59:36.123456+00:00 node-1 sshd[812]: …` (rsyslog's own), `2026-11-23T20:59:02,539064+00:00 …` (`dmesg --time-format iso`:
//! the kernel speaks), one JSON object a line of `journalctl -o json`, and one of ulogd2, to which a rule of the firewall may send its packets.
//! A record may have several lines: sudo wraps those of its own file at blanks, and how many blanks stood there is not known any more.
//! Inside: `head` takes a line apart, `journal` and `ulogd` read the JSON forms. Not here: what a line says (`deponent::normalise`).

mod head;
mod journal;
#[cfg(test)]
mod tests;
mod ulogd;

use crate::line::Line;

/// Who wrote a line that the kernel wrote.
pub const KERNEL: &str = "kernel";
/// Who wrote a line of ulogd2's JSON.
pub const ULOGD: &str = "ulogd";
/// Names of the fields of a line that tell where it comes from.
pub const HOST: &str = "host";
/// The program's name, as it gave it.
pub const PROGRAM: &str = "program";
/// Its process.
pub const PID: &str = "pid";

/// What a line says: its time, its text, and fields `host`, `program`, `pid`, `facility`, as far as it has them; `level` is the severity's name. `None` when
/// it is no line of syslog, or has no readable time.
pub fn parse(line: &str) -> Option<Line<'_>> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.starts_with('{') {
        return journal::read(line).or_else(|| ulogd::read(line));
    }
    let mut read = head::read(line)?;
    if let Some(text) = unwrapped(&read.message) {
        read.message = text.into();
    }
    Some(read)
}

/// A text that was wrapped at blanks, as sudo wraps it: the lines that follow begin with blanks. `None` for others.
fn unwrapped(text: &str) -> Option<String> {
    let (_, behind) = text.split_once('\n')?;
    let wrapped = behind.lines().all(|line| line.starts_with([' ', '\t']));
    wrapped.then(|| text.lines().map(str::trim).collect::<Vec<_>>().join(" "))
}

/// Whether a stream that has this line is one of syslog: it says which program wrote it, and is no line of a container's log, which begins alike.
pub fn is_line(line: &[u8]) -> bool {
    let line = crate::line::text_of(line);
    let of_container = line.split(' ').nth(1).is_some_and(|word| matches!(word, "stdout" | "stderr"));
    !of_container
        && parse(&line).is_some_and(|line| {
            line.field(PROGRAM).map_or_else(|| is_of_sudo(&line.message), |program| !program.is_empty())
        })
}

/// `bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; …`: sudo's own file names no program.
fn is_of_sudo(message: &str) -> bool {
    let behind =
        message.split_once(" : ").filter(|(user, _)| !user.is_empty() && !user.contains(' ')).map(|(_, behind)| behind);
    behind.is_some_and(|behind| behind.contains("PWD=") && behind.contains(" ; USER="))
}

/// Names of the severities of RFC 5424, 0 to 7.
const SEVERITIES: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
/// Names of its facilities, 0 to 23.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
