//! What a testimony does not prove, whatever its grades: sentences, from what it rests on.
//!
//! Not here: the limits of single claims (`claims`).

use super::words::word;
use crate::correlate::{RootKind, Why};
use crate::model::{Class, Event, Link, Source};
use std::collections::BTreeSet;

/// The sentences, in order: who, whose word, what may be lacking, clocks, what would have shown more.
pub fn not_proved(event: &Event, why: &Why) -> Vec<String> {
    let events = || std::iter::once(event).chain(why.chain.iter().map(|step| &*step.event));
    let sources: BTreeSet<Source> = events().map(|event| event.source).collect();
    let links: Vec<&Link> = why.chain.iter().filter_map(|step| step.link.as_ref()).collect();
    let mut lines = vec![end(why.root.kind).to_owned()];
    lines.extend(sources.iter().filter_map(|source| trust(*source)).map(str::to_owned));
    lines.push(
        "The log proves that the records have not been altered since deponent received them; that they were true when they were written, it cannot prove."
            .to_owned(),
    );
    if !links.is_empty() {
        lines.push(
            "That nothing else fits rests on the logs that were read, and on their being complete: an event that no log holds was not considered (`deponent gaps` lists what is known to be missing)."
                .to_owned(),
        );
    }
    if let Some((low, high, pairs)) =
        links.iter().filter_map(|link| link.clock_us).max_by_key(|(_, _, pairs)| std::cmp::Reverse(*pairs))
    {
        lines.push(match pairs {
            0 => "Times of two clocks were compared whose difference could not be measured: it was assumed to be small.".to_owned(),
            _ => format!(
                "Times of two clocks were compared; the difference between them, {low} to {high} µs, was measured on {pairs} pairs of events, and holds if neither clock was set in between."
            ),
        });
    }
    for missing in &why.root.missing {
        lines.push(format!("Not shown: {}.", missing.trim_end_matches('.')));
    }
    for link in &links {
        for missing in link.missing.iter().filter(|missing| !why.root.missing.contains(missing)) {
            lines.push(format!("Not shown by the rule {}: {}.", link.rule, missing.trim_end_matches('.')));
        }
    }
    lines.extend(more(event, why, &sources));
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

fn end(kind: RootKind) -> &'static str {
    match kind {
        RootKind::Credential => {
            "The proof ends at the credential: whoever held it. It does not show whose hands were on the keyboard, nor whether the credential was lent or stolen."
        }
        RootKind::Login => {
            "The proof ends at the login: whoever logged in under that name. It does not show whose hands were on the keyboard, nor whether the password or key was lent or stolen."
        }
        RootKind::Ambiguous => {
            "It is not proved who did it. For each of those named the proof would end at the credential or login: whoever held it."
        }
        RootKind::Unknown => "It is not proved who did it. That nobody can be named says nothing about anybody.",
    }
}

/// Whose word is taken.
fn trust(source: Source) -> Option<&'static str> {
    match source {
        Source::Linux => Some(
            "The word of the machine's kernel is taken: whoever ruled the machine as root before a record was read could have had it say something else.",
        ),
        Source::Kubernetes => Some(
            "The word of the API server is taken: whoever ruled it, or the file that it logs to, could have had it say something else.",
        ),
        Source::Containerd | Source::Crio | Source::Docker => Some(
            "The word of the container runtime is taken: root on its machine could have had it say something else.",
        ),
        Source::Kubelet => {
            Some("The word of the kubelet is taken: root on its machine could have had it say something else.")
        }
        Source::Syslog => Some("A line of the system's log can be written by any program that may write to it."),
        Source::Application => Some("A program says of itself and of its users what it likes."),
        Source::ControlPlane => Some("The line repeats texts that clients chose."),
        Source::Own => None,
    }
}

/// Which log, rule or policy would have shown more.
fn more(event: &Event, why: &Why, sources: &BTreeSet<Source>) -> Vec<String> {
    let mut lines = Vec::new();
    let asked = || std::iter::once(event).chain(why.chain.iter().map(|step| &*step.event));
    if asked()
        .any(|event| matches!(event.what.action.as_str(), "exec" | "attach") && event.source == Source::Kubernetes)
    {
        lines.push("What was typed into the session, and what it showed, no log holds: an audit policy of any level records the request alone.".to_owned());
    }
    if let Some(name) = asked().find_map(|event| event.who.r#as.as_deref()) {
        lines.push(format!(
            "That the name {} was acted under does not show that whoever it belongs to took part.",
            word(name)
        ));
    }
    let nobody = matches!(why.root.kind, RootKind::Unknown | RootKind::Ambiguous);
    let weak = why.root.class.is_none_or(|class| class > Class::Strong);
    if (nobody || weak) && sources.contains(&Source::Linux) && !sources.contains(&Source::Kubernetes) {
        lines.push("An audit rule for every start of a program, from before the machine's first login on, and the logs of the container runtime (level debug) and of the API server, would have shown more.".to_owned());
    }
    if event.source == Source::Linux && event.what.action == "executed" {
        lines.push("What the program did after it was started is shown only as far as an audit rule covers it (files, connections).".to_owned());
    }
    lines
}
