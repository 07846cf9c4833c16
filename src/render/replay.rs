//! `replay` for people: a session step by step, a line a step.
//!
//! Not here: sentences of events (`sentence`), trees (`tree`).

use super::link::{brief, paint_of_root, verdict};
use super::tree::session;
use super::{Look, Paint, Renderer, Safe, Word, sentence};
use crate::query::json::{each_text, number, text};
use serde_json::Value;
use std::io::{self, Write};

/// Arguments that are shown.
const ARGS_MAX: usize = 64;
/// Characters of an id that are shown: a prefix that `show` takes.
const ID_CHARS: usize = 10;

/// Writes a transcript.
pub(super) struct Replay {
    look: Look,
}

impl Replay {
    pub(super) fn new(look: Look) -> Replay {
        Replay { look }
    }
}

impl Renderer for Replay {
    fn event(&mut self, out: &mut dyn Write, line: &Value) -> io::Result<()> {
        if let Some(of) = line.get("session") {
            return writeln!(out, "{}", self.look.style.paint(Paint::Heading, session(of)));
        }
        if let Some(exec) = line.get("exec") {
            let root = exec.get("root").unwrap_or(&Value::Null);
            let event = exec.get("event").unwrap_or(&Value::Null);
            writeln!(out, "{}", sentence(&brief(event), &self.look))?;
            return writeln!(out, "{}", self.look.style.paint(paint_of_root(root), verdict(root, &[])));
        }
        if let Some(end) = line.get("ended") {
            return writeln!(out, "{}", self.ended(end, line));
        }
        if let Some(limit) = text(line, "limit") {
            return writeln!(out, "… {}", Safe(&limit));
        }
        writeln!(out, "{}", self.step(line))
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

impl Replay {
    fn step(&self, line: &Value) -> String {
        let kind = text(line, "step").unwrap_or("other".into());
        let event = line.get("event").unwrap_or(&Value::Null);
        let time =
            text(event, "when.event").map_or_else(|| "at an unknown time".to_owned(), |time| self.look.time(&time));
        let id: String = text(event, "id").unwrap_or_default().chars().take(ID_CHARS).collect();
        let class = text(line, "class").filter(|class| !matches!(class.as_ref(), "PROVEN" | "STRONG"));
        let class = class.map(|class| format!("  {}", Word(&class))).unwrap_or_default();
        let body = match kind.as_ref() {
            "program" => program(event),
            "typed" => format!("{} on {}", Word(&text(line, "typed").unwrap_or_default()), place(event)),
            "command" => command(event),
            _ => {
                let whole = sentence(&brief(event), &self.look);
                whole.strip_prefix(&format!("{time} ")).map_or_else(|| whole.clone(), str::to_owned)
            }
        };
        let kind = Safe(&kind).to_string();
        format!("{time} {kind:<8}{body}{class}  {}", self.look.style.paint(Paint::Dim, Safe(&id)))
    }

    fn ended(&self, end: &Value, line: &Value) -> String {
        let time = |name: &str| text(end, name).map(|time| self.look.time(&time));
        let mut said = match (time("time"), time("exit.time"), time("last")) {
            (Some(time), _, _) | (None, Some(time), _) => format!("{time} ended"),
            (None, None, Some(last)) => format!("no record of its end; the last of its events is of {last}"),
            (None, None, None) => "no record of its end".to_owned(),
        };
        if let Some(exit) = end.get("exit") {
            said.push_str(&super::tree::exit(exit, None));
        }
        match number(line, "left_out") {
            None | Some(0) => said,
            Some(count) => format!("{said}; {count} further events are not shown: `deponent timeline` has them"),
        }
    }
}

/// Arguments first, as they were typed; who it ran as, where that is another than the login.
fn program(event: &Value) -> String {
    let argv = each_text(event, "how.argv");
    let mut words: Vec<String> = argv.iter().take(ARGS_MAX).map(|word| Word(word).to_string()).collect();
    if argv.len() > ARGS_MAX {
        words.push(format!("…(+{} arguments)", argv.len() - ARGS_MAX));
    }
    // What a program calls itself by a link says less than what the kernel runs.
    let path = text(event, "what.object.path").filter(|path| !path.starts_with("/proc/self/"));
    let exe = path.or_else(|| text(event, "how.exe"));
    let exe = exe.map_or_else(|| "an unnamed program".to_owned(), |exe| Word(&exe).to_string());
    let mut line = format!("{exe} [{}]", words.join(" "));
    line.extend(number(event, "how.pid").map(|pid| format!(", pid {pid}")));
    let effective = (number(event, "who.effective.uid"), number(event, "who.login.auid"));
    if let (Some(uid), Some(auid)) = effective
        && uid != auid
    {
        let name = text(event, "who.effective.name").map(|name| Word(&name).to_string());
        line.push_str(&format!(", as {}", name.unwrap_or_else(|| format!("uid {uid}"))));
    }
    let outcome = text(event, "what.outcome").unwrap_or("unknown".into());
    if outcome != "success" {
        let code = text(event, "what.code").map(|code| format!(" {}", Safe(&code))).unwrap_or_default();
        line.push_str(&format!(" -> {}{code}", Word(&outcome)));
    }
    line
}

fn command(event: &Value) -> String {
    let said = text(event, "what.object.name").unwrap_or_default();
    let mut line = format!("{}", Word(&said));
    line.extend(text(event, "where.cwd").map(|cwd| format!(" in {}", Word(&cwd))));
    line.extend(text(event, "how.exe").map(|exe| format!(" by {}", Word(&exe))));
    let outcome = text(event, "what.outcome").unwrap_or("unknown".into());
    if outcome != "success" {
        line.push_str(&format!(" -> {}", Word(&outcome)));
    }
    line
}

fn place(event: &Value) -> String {
    let terminal = text(event, "how.tty").map(|tty| format!("tty {}", Word(&tty)));
    let mut line = terminal.unwrap_or_else(|| "a terminal that is not named".to_owned());
    line.extend(text(event, "how.comm").map(|comm| format!(", read by {}", Word(&comm))));
    line
}
