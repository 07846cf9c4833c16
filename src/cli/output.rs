//! Standard output and error of a command: which renderer, how wide, colours or none, and what is said beside the data.
//!
//! Not here: how an event looks (`render`).

use super::args::{Color, Form, Global};
use super::exit::{CliError, Exit};
use crate::query::{LinkedKind, Story, Trailer, json};
use crate::render::{
    Bucket, Counted, Look, Renderer, Style, count, hist, renderer, renderer_of_linked, renderer_of_show,
    renderer_of_story, sentence, top,
};
use crate::time::Zone;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::sync::mpsc::RecvTimeoutError;

/// A line on stderr. Where nobody can read it (a full disk, a closed pipe) nothing else can be said either.
pub fn say(line: std::fmt::Arguments<'_>) {
    let _unheard = writeln!(std::io::stderr(), "{line}");
}

/// An error of writing to stdout; a closed pipe ends the command quietly.
pub fn stdout_error(error: &std::io::Error) -> CliError {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return CliError { exit: Exit::Match, message: String::new() };
    }
    CliError::io("standard output", error)
}

fn colours(global: &Global, is_terminal: bool) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// The lines of an answer on their way to stdout.
pub struct Output {
    form: Form,
    look: Look,
    renderer: Box<dyn Renderer>,
    out: BufWriter<Stdout>,
    lines: u64,
    top: Vec<Counted>,
    hist: Vec<Bucket>,
    count: Option<u64>,
    others: Vec<Value>,
    events: bool,
    /// Every line goes to the renderer: none is an event, or made by a pipe.
    linked: bool,
    quiet: bool,
}

impl Output {
    /// Events in a form.
    pub fn new(global: &Global, form: Form) -> Result<Output, CliError> {
        let look = look(global)?;
        Ok(Output::of(global, form, look.clone(), renderer(form, look)))
    }

    /// `events` single events in detail, unless another form was asked for.
    pub fn detail(global: &Global, events: usize) -> Result<Output, CliError> {
        let form = global.output.unwrap_or(Form::Table);
        let look = look(global)?;
        Ok(Output::of(global, form, look.clone(), renderer_of_show(form, look, events)))
    }

    /// An answer about links; `None` where the form makes no sense of it.
    pub fn linked(global: &Global, form: Form, kind: LinkedKind) -> Result<Option<Output>, CliError> {
        let look = look(global)?;
        let Some(renderer) = renderer_of_linked(kind, form, look.clone()) else { return Ok(None) };
        Ok(Some(Output { linked: true, ..Output::of(global, form, look, renderer) }))
    }

    /// A story; `None` where the form makes no sense of it.
    pub fn story(global: &Global, form: Form, story: &Story) -> Result<Option<Output>, CliError> {
        let look = look(global)?;
        let Some(renderer) = renderer_of_story(story, form, look.clone()) else { return Ok(None) };
        Ok(Some(Output { linked: true, ..Output::of(global, form, look, renderer) }))
    }

    fn of(global: &Global, form: Form, look: Look, renderer: Box<dyn Renderer>) -> Output {
        let out = BufWriter::with_capacity(64 << 10, std::io::stdout());
        let (top, hist, count, others) = (Vec::new(), Vec::new(), None, Vec::new());
        let (events, linked, quiet) = (false, false, global.quiet);
        Output { form, look, renderer, out, lines: 0, top, hist, count, others, events, linked, quiet }
    }

    /// Lines so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether anything matched: a count of nothing is no match.
    pub fn matched(&self) -> bool {
        self.lines > 0 && self.count != Some(0)
    }

    /// One line of an answer: an event, or what a pipe made of events.
    pub fn line(&mut self, line: &Value) -> Result<(), CliError> {
        self.lines += 1;
        if self.linked {
            self.events = true;
            return self.renderer.event(&mut self.out, line).map_err(|error| stdout_error(&error));
        }
        let counted = line.get("count").and_then(Value::as_u64);
        let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        let written = match (counted, text("value"), text("from")) {
            (Some(count), Some(value), _) => {
                self.top.push(Counted { value, count });
                Ok(())
            }
            (Some(count), None, Some(start)) => {
                self.hist.push(Bucket { start, count });
                Ok(())
            }
            (Some(count), None, None) if line.get("id").is_none() => {
                self.count = Some(count);
                Ok(())
            }
            _ => match (line.get("sequence"), self.form) {
                (Some(sequence), Form::Table | Form::Text) => self.sequence(sequence),
                (None, _) if line.get("id").is_some() => {
                    self.events = true;
                    self.renderer.event(&mut self.out, line)
                }
                // Sequences, fields, gaps: no events, so no columns of events.
                (_, Form::Json) => {
                    self.others.push(line.clone());
                    Ok(())
                }
                _ => writeln!(self.out, "{}", json::line(line)),
            },
        };
        written.map_err(|error| stdout_error(&error))
    }

    fn sequence(&mut self, sequence: &Value) -> std::io::Result<()> {
        let text = |name: &str| sequence.get(name).and_then(Value::as_str).unwrap_or_default();
        writeln!(self.out, "sequence: {} = {}", crate::render::Safe(text("by")), crate::render::Safe(text("value")))?;
        for event in sequence.get("events").and_then(Value::as_array).into_iter().flatten() {
            writeln!(self.out, "  {}", sentence(event, &self.look))?;
        }
        Ok(())
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.lines += 1;
        self.out.write_all(bytes).map_err(|error| stdout_error(&error))
    }

    /// Makes visible what was written so far.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(|error| stdout_error(&error))
    }

    /// Writes what stands at the end, without a word on stderr.
    pub fn finish_quietly(mut self) -> Result<(), CliError> {
        self.end().map_err(|error| stdout_error(&error))
    }

    /// Writes what stands at the end, and says on stderr what the answer rests on.
    pub fn finish(mut self, trailer: &Trailer) -> Result<(), CliError> {
        self.end().map_err(|error| stdout_error(&error))?;
        if self.quiet {
            return Ok(());
        }
        let more = if trailer.next.is_some() { ", and more (-n 0 shows all)" } else { "" };
        let behind = trailer.size.saturating_sub(trailer.indexed);
        let coverage = if behind == 0 || trailer.complete {
            format!("all {} log entries", trailer.size)
        } else {
            format!(
                "{} of {} log entries: {behind} are not indexed (`deponent rebuild`, or a running collector in a moment)",
                trailer.indexed, trailer.size
            )
        };
        for agent in &trailer.unheard {
            let place = [agent.cluster.as_str(), agent.node.as_str()].map(crate::render::Safe);
            let [cluster, node] = place;
            say(format_args!(
                "not heard: the agent of {cluster}/{node} is {}, its last word is of {}",
                agent.state, agent.since
            ));
        }
        let head = trailer.checkpoint.as_deref().unwrap_or("none");
        say(format_args!("{} found{more}; covers {coverage}; head {}", self.lines, crate::render::Safe(head)));
        Ok(())
    }

    fn end(&mut self) -> std::io::Result<()> {
        let form = self.form;
        if !self.others.is_empty() {
            let all = Value::Array(std::mem::take(&mut self.others));
            writeln!(self.out, "{}", json::pretty(&all))?;
        } else if let Some(counted) = self.count {
            count(&mut self.out, form, counted)?;
        } else if !self.top.is_empty() {
            top(&mut self.out, form, &self.look, "VALUE", &self.top)?;
        } else if !self.hist.is_empty() {
            hist(&mut self.out, form, &self.look, &self.hist)?;
        } else if self.events || self.lines == 0 {
            self.renderer.finish(&mut self.out)?;
        }
        self.out.flush()
    }
}

/// Writes the raw records of an event, byte for byte.
pub fn raw_records(output: &mut Output, event: &Value) -> Result<(), CliError> {
    for record in event.get("records").and_then(Value::as_array).into_iter().flatten() {
        let raw = record.get("raw").and_then(Value::as_str).unwrap_or_default();
        let bytes = data_encoding::BASE64.decode(raw.as_bytes());
        let mut bytes =
            bytes.map_err(|error| CliError::new(Exit::Unreachable, format!("a record is not base64: {error}")))?;
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        output.bytes(&bytes)?;
    }
    Ok(())
}

/// How output looks.
pub fn look(global: &Global) -> Result<Look, CliError> {
    let zone = Zone::parse(&global.tz).map_err(CliError::usage)?;
    let is_terminal = std::io::stdout().is_terminal();
    let width = if is_terminal { terminal_width() } else { 0 };
    Ok(Look { style: Style { on: colours(global, is_terminal) }, width, zone, fields: None })
}

/// Columns of the terminal, as the shell or the kernel tells.
fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.unwrap_or_else(|| terminal_size::terminal_size().map_or(0, |(width, _)| usize::from(width.0)))
}

/// A line on stderr while an answer takes longer than a second of which nobody knows how long it will take.
pub struct Patience {
    /// Dropped at the end: that ends the thread.
    done: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Patience {
    /// Shows nothing yet, and never anything where stderr is no terminal.
    pub fn new(global: &Global, what: &'static str) -> Patience {
        if global.quiet || !std::io::stderr().is_terminal() {
            return Patience { done: None, thread: None };
        }
        let (done, ended) = std::sync::mpsc::channel();
        let wait = move |ms| ended.recv_timeout(std::time::Duration::from_millis(ms)) == Err(RecvTimeoutError::Timeout);
        let thread = std::thread::spawn(move || {
            if !wait(800) {
                return;
            }
            let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            spinner.set_style(ProgressStyle::default_spinner());
            spinner.set_message(what);
            while wait(100) {
                spinner.tick();
            }
            spinner.finish_and_clear();
        });
        Patience { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        drop(self.done.take());
        // What it showed is gone before anything else is written.
        let _ended = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// A progress line on stderr for what takes longer than a second.
pub struct Ticker {
    bar: Option<ProgressBar>,
    what: &'static str,
    shown: bool,
    started: std::time::Instant,
}

impl Ticker {
    /// Shows nothing yet, and never anything where stderr is no terminal.
    pub fn new(global: &Global, what: &'static str) -> Ticker {
        let wanted = !global.quiet && std::io::stderr().is_terminal();
        let bar = wanted.then(ProgressBar::hidden);
        Ticker { bar, what, shown: false, started: std::time::Instant::now() }
    }

    /// So much of so much is done.
    pub fn tick(&mut self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if !self.shown && self.started.elapsed().as_millis() > 800 {
            self.shown = true;
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(self.what);
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
