//! `tree` and `effects` for people: what came of an event or ran in a container, drawn with box characters.
//!
//! Whether a branch has another one below it is known only when the next lines are, so the lines are held until the end; an answer has at most some
//! ten thousand, and a server that sends more is cut. Not here: links (`link`), the columns of CSV (`mod`).

use super::link::{brief, list, paint_of_class, paint_of_root, verdict_in_short};
use super::{Look, Paint, Renderer, Safe, Word, sentence};
use crate::query::json::{at, each_text, number, text};
use serde_json::Value;
use std::io::{self, Write};

/// Lines that are held and drawn.
const LINES_MAX: usize = 20_000;
/// Levels that are drawn apart.
const DEPTH_MAX: usize = 300;
/// Characters of an id that are shown: a prefix that `show` takes.
const ID_CHARS: usize = 10;
/// Arguments that are shown.
const ARGS_MAX: usize = 32;

struct Node {
    depth: usize,
    line: String,
    /// Whether another one follows on its level, under the same parent.
    more: bool,
}

/// Draws a tree when all of it is there.
pub(super) struct Tree {
    look: Look,
    nodes: Vec<Node>,
    /// Everything lies one level deeper: below the container's own line.
    below_container: bool,
    notes: Vec<String>,
}

impl Tree {
    pub(super) fn new(look: Look) -> Tree {
        Tree { look, nodes: Vec::new(), below_container: false, notes: Vec::new() }
    }

    fn add(&mut self, depth: usize, line: String) {
        if self.nodes.len() >= LINES_MAX {
            if self.nodes.len() == LINES_MAX {
                self.notes.push(format!("more than {LINES_MAX} lines; the rest is not drawn"));
                self.nodes.push(Node { depth: 0, line: "…".to_owned(), more: false });
            }
            return;
        }
        // Nothing lies deeper than one level below what stands above it.
        let deepest = self.nodes.last().map_or(0, |last| last.depth + 1);
        self.nodes.push(Node { depth: depth.min(deepest).min(DEPTH_MAX), line, more: false });
    }
}

impl Renderer for Tree {
    fn event(&mut self, _out: &mut dyn Write, line: &Value) -> io::Result<()> {
        if let Some(limit) = text(line, "limit") {
            self.notes.push(Safe(&limit).to_string());
            return Ok(());
        }
        let depth = number(line, "depth").and_then(|depth| usize::try_from(depth).ok()).unwrap_or(0);
        if let Some(container) = line.get("container") {
            self.add(0, named(container, &self.look));
            self.below_container = true;
        }
        if let Some(of) = line.get("session") {
            let heading = self.look.style.paint(Paint::Heading, session(of));
            self.add(0, heading);
            self.below_container = true;
        }
        if line.get("event").is_none() && line.get("session").is_some() {
            return Ok(());
        }
        let deeper = usize::from(self.below_container);
        let shown = node(line, &self.look);
        self.add(depth.saturating_add(deeper), shown);
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut follows: Vec<bool> = Vec::new();
        for node in self.nodes.iter_mut().rev() {
            follows.resize(node.depth + 1, false);
            if let Some(follows) = follows.get_mut(node.depth) {
                node.more = std::mem::replace(follows, true);
            }
        }
        let mut open: Vec<bool> = Vec::new();
        for node in &self.nodes {
            open.truncate(node.depth);
            let mut lead = String::new();
            for more in open.iter().skip(1) {
                lead.push_str(if *more { "│  " } else { "   " });
            }
            if node.depth > 0 {
                lead.push_str(if node.more { "├─ " } else { "└─ " });
            }
            open.push(node.more);
            writeln!(out, "{lead}{}", node.line)?;
        }
        for note in &self.notes {
            writeln!(out, "… {note}")?;
        }
        Ok(())
    }
}

/// `container app of shop/web-1, id c769…`.
fn named(container: &Value, look: &Look) -> String {
    let name = text(container, "name").unwrap_or("without a known name".into());
    let word = |path: &str| text(container, path).map(|text| Word(&text).to_string());
    let mut line = format!("container {}", Word(&name));
    match (word("namespace"), word("pod")) {
        (Some(namespace), Some(pod)) => line.push_str(&format!(" of pod {namespace}/{pod}")),
        (_, Some(pod)) => line.push_str(&format!(" of pod {pod}")),
        _ => line.push_str(" of a pod that no record names"),
    }
    line.extend(word("pod_uid").map(|uid| format!(", pod uid {uid}")));
    line.extend(word("id").map(|id| format!(", id {id}")));
    look.style.paint(Paint::Heading, line)
}

/// `login session 9 on node node-1: bob (auid 1502), from 10.0.0.9`; several logins are all named.
pub(super) fn session(of: &Value) -> String {
    let node = text(of, "node").map_or_else(|| "without a name".to_owned(), |node| Word(&node).to_string());
    let ses = number(of, "ses").map_or_else(|| "?".to_owned(), |ses| ses.to_string());
    let login = |login: &Value| {
        let auid = number(login, "auid").map(|auid| format!("auid {auid}"));
        match (text(login, "name"), auid) {
            (Some(name), Some(auid)) => format!("{} ({auid})", Word(&name)),
            (Some(name), None) => Word(&name).to_string(),
            (None, Some(auid)) => auid,
            (None, None) => "nobody is named".to_owned(),
        }
    };
    let logins: Vec<String> = list(of, "logins").iter().map(login).collect();
    let mut line = format!("login session {ses} on node {node}: {}", logins.join(", "));
    let from: Vec<String> = each_text(of, "from").iter().map(|address| Word(address).to_string()).collect();
    if !from.is_empty() {
        line.push_str(&format!(", from {}", from.join(", ")));
    }
    let given = number(of, "given").unwrap_or(0);
    if given > 1 {
        line.push_str(&format!("; the number was given {given} times: these are several sessions"));
    } else if logins.len() > 1 {
        line.push_str("; several logins have the number: these may be several sessions");
    }
    line.extend(text(of, "limit").map(|limit| format!("; {}", Safe(&limit))));
    line
}

/// `, exit 1 at …`, as far as it is recorded.
pub(super) fn exit(exit: &Value, look: Option<&Look>) -> String {
    let mut said = match (number(exit, "code"), text(exit, "signal")) {
        (code, Some(signal)) => {
            let code = code.map(|code| format!(", code {code}")).unwrap_or_default();
            format!(", ended by {}{code}", Word(&signal))
        }
        (Some(code), None) => format!(", exit {code}"),
        (None, None) => ", exit with an unknown code".to_owned(),
    };
    let time = look.and_then(|look| text(exit, "time").map(|time| look.time(&time)));
    said.extend(time.map(|time| format!(" at {time}")));
    said
}

fn node(line: &Value, look: &Look) -> String {
    let event = brief(line.get("event").unwrap_or(&Value::Null));
    let event = event.as_ref();
    let id: String = text(event, "id").unwrap_or_default().chars().take(ID_CHARS).collect();
    let id = look.style.paint(Paint::Dim, Safe(&id));
    if let Some(root) = line.get("root") {
        let time = text(event, "when.event").map(|time| look.time(&time));
        let time = time.unwrap_or_else(|| "at an unknown time".to_owned());
        let who = look.style.paint(paint_of_root(root), verdict_in_short(root));
        return format!("exec {time} {who}  {id}");
    }
    if line.get("container").is_some() {
        return format!("made {}  {id}", deed(event, look));
    }
    let link = line.get("link").map(|link| format!("  {}", linked(link, look))).unwrap_or_default();
    let end = line.get("exit").map(|end| exit(end, Some(look))).unwrap_or_default();
    format!("{}{end}{link}  {id}", deed(event, look))
}

/// `STRONG session-exec`, and of how many candidates.
fn linked(link: &Value, look: &Look) -> String {
    let class = text(link, "class").unwrap_or("without a class".into());
    let shown = look.style.paint(paint_of_class(&class), Word(&class));
    let rule = text(link, "rule").unwrap_or("unnamed".into());
    let listed = u64::try_from(list(link, "candidates").len()).unwrap_or(u64::MAX);
    let count = number(link, "candidate_count").unwrap_or(0).max(listed);
    let one_of = if count > 1 { format!(" (one of {count} possible causes)") } else { String::new() };
    format!("{shown} {}{one_of}", Word(&rule))
}

/// A program that was started, in few words; anything else as its sentence.
fn deed(event: &Value, look: &Look) -> String {
    let call = text(event, "how.syscall").unwrap_or_default();
    let is_program = matches!(call.as_ref(), "execve" | "execveat") && at(event, "who.login.auid").is_none();
    let (Some(exe), Some(time), true) = (text(event, "how.exe"), text(event, "when.event"), is_program) else {
        return sentence(event, look);
    };
    let argv = each_text(event, "how.argv");
    let mut words: Vec<String> = argv.iter().take(ARGS_MAX).map(|word| Word(word).to_string()).collect();
    if argv.len() > ARGS_MAX {
        words.push(format!("…(+{} arguments)", argv.len() - ARGS_MAX));
    }
    let mut line = format!("{} {} [{}]", look.time(&time), Word(&exe), words.join(" "));
    line.extend(number(event, "how.pid").map(|pid| format!(", pid {pid}")));
    let outcome = text(event, "what.outcome").unwrap_or("unknown".into());
    if outcome != "success" {
        line.push_str(&format!(" -> {}", Word(&outcome)));
    }
    line
}
