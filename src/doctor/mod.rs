//! `doctor`: what is wrong with a node or a collector, and what to change.
//!
//! Inside: one file for each thing that is looked at; each check takes what it looks at as arguments, so that a fabricated tree does as well as a machine.
//! Nothing is changed, and nothing is kept. Not here: arguments and output (`cli::doctor`), checking a whole store (`evidence::verify`).

mod apiserver;
mod asked;
mod auditd;
mod certificates;
mod clock;
mod disk;
mod files;
mod host;
mod kernel;
mod limits;
mod logs;
mod policy;
mod reach;
mod rules;
mod store;
mod yaml;

pub use apiserver::{Apiserver, manifest, of_flags, policy_of_manifest};
pub use asked::asked;
pub use auditd::auditd_conf;
pub use certificates::{Side, certificates};
pub use clock::{skew, synchronised, zone};
pub use disk::{Room, private, room, room_of, spool};
pub use files::{cgroups, followed};
pub use host::Host;
pub use kernel::kernel;
pub use limits::{inotify, open_files};
pub use logs::{containerd, kubelet, rotation};
pub use policy::policy;
pub use reach::{collector, door};
pub use rules::loaded;
pub use store::{Found, own_check};

use serde_json::{Value, json};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// It could not be looked at; what was seen says why.
    Unknown,
    /// Something will be missing, or is weaker than it could be.
    Warn,
    /// Something is missing now, or does not work.
    Fail,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Unknown => "unknown",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it ended.
    pub state: State,
    /// What was seen; not escaped.
    pub seen: String,
    /// What to do about it: a command, or a line of a configuration; not escaped.
    pub advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, seen: impl Into<String>) -> Check {
        Check { name, state: State::Ok, seen: seen.into(), advice: None }
    }

    fn warn(name: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { name, state: State::Warn, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// A check that failed.
    pub fn fail(name: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { name, state: State::Fail, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// A check that could not be made.
    pub fn unknown(name: &'static str, why: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { name, state: State::Unknown, seen: why.into(), advice: Some(advice.into()) }
    }

    /// As a line of JSON.
    pub fn json(&self, group: &str) -> Value {
        json!({ "group": group, "check": self.name, "state": self.state.name(), "seen": self.seen, "advice": self.advice })
    }
}

/// Checks that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its title.
    pub title: &'static str,
    /// The checks.
    pub checks: Vec<Check>,
}

/// The first few of a list, and how many more there are.
fn some_of(list: &[String], max: usize) -> String {
    let shown: Vec<&str> = list.iter().take(max).map(String::as_str).collect();
    let more = list.len().saturating_sub(max);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
