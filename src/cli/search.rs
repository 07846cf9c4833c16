//! `search`, `timeline`, `tail`, `top`, `hist`, `show`: questions about events, and how their answers are shown.

use super::args::{Form, Global, HistArgs, SearchArgs, ShowArgs, TimeArgs, TopArgs};
use super::ask::Asker;
use super::exit::{CliError, Exit};
use super::output::{Output, raw_records, say};
use crate::query::{Question, Search, Trailer, parse, translate, window_around};
use crate::render::Safe;
use crate::time::{Zone, parse_duration, window};
use std::time::Duration;

/// Events that are shown to people who name no limit.
const PEOPLE_LIMIT: usize = 100;
/// Events that `tail` asks for at once.
const TAIL_PAGE: usize = 1_000;
/// How often `tail` asks.
const TAIL_EVERY: Duration = Duration::from_millis(400);

/// `search`.
pub fn search(global: &Global, args: &SearchArgs) -> Result<Exit, CliError> {
    events(global, args, args.query.join(" "), global.output.unwrap_or(Form::Table), args.reverse)
}

/// `timeline`: oldest first, as sentences; of a query, or of an entity, which becomes one.
pub fn timeline(global: &Global, args: &SearchArgs) -> Result<Exit, CliError> {
    let mut q = args.query.join(" ");
    if let Some(translated) = translate(&q).map_err(CliError::usage)? {
        if !global.quiet {
            say(format_args!("as a query: {}", Safe(&translated.query)));
            translated.left_out.iter().for_each(|left_out| say(format_args!("not in it: {left_out}")));
        }
        q = translated.query;
    }
    events(global, args, q, global.output.unwrap_or(Form::Text), !args.reverse)
}

fn events(global: &Global, args: &SearchArgs, q: String, form: Form, ascending: bool) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    if args.raw && parse(&q, crate::time::now(), &Zone::default()).is_ok_and(|query| query.pipe.is_some()) {
        return Err(CliError::usage("--raw shows the records of events; a pipe makes something else of them"));
    }
    let for_people = matches!(form, Form::Table | Form::Text);
    let limit = match args.limit {
        Some(0) => None,
        Some(limit) => Some(limit),
        None => (for_people && !args.raw).then_some(PEOPLE_LIMIT),
    };
    let search = Search { limit, ascending, records: args.raw, ..asked(global, &asker, q, &args.time)? };
    let mut output = Output::new(global, form)?;
    let trailer = ask(&asker, Question::Search(search), args.raw, &mut output)?;
    ended(global, args, &asker, output, &trailer)
}

/// How a search ends: an index that is damaged and what is missing go before what was found.
fn ended(
    global: &Global,
    args: &SearchArgs,
    asker: &Asker,
    output: Output,
    trailer: &Trailer,
) -> Result<Exit, CliError> {
    let found = output.matched();
    output.finish(trailer)?;
    if trailer.lost > 0 {
        let message = format!("{} events are not what the index says; `deponent rebuild` makes it anew", trailer.lost);
        return Err(CliError::new(Exit::Integrity, message));
    }
    if args.require_complete {
        let mut gaps = trailer.size.saturating_sub(trailer.indexed);
        asker.ask(&Question::Gaps, &mut |_| {
            gaps += 1;
            Ok(())
        })?;
        if gaps > 0 {
            if !global.quiet {
                say(format_args!("incomplete: `deponent gaps` says what is missing"));
            }
            return Ok(Exit::Incomplete);
        }
    }
    Ok(if found { Exit::Match } else { Exit::NoMatch })
}

fn ask(asker: &Asker, question: Question, raw: bool, output: &mut Output) -> Result<Trailer, CliError> {
    asker.ask(&question, &mut |line| if raw { raw_records(output, &line) } else { output.line(&line) })
}

/// The part of a question that time options and zone make.
pub(super) fn asked(global: &Global, asker: &Asker, q: String, time: &TimeArgs) -> Result<Search, CliError> {
    let zone = Zone::parse(&global.tz).map_err(CliError::usage)?;
    let (since, until) = match &time.around {
        Some(around) => around_event(asker, around)?,
        None => {
            let now = crate::time::now();
            let window = window(time.since.as_deref(), time.until.as_deref(), now, &zone).map_err(CliError::usage)?;
            (window.since_ns, window.until_ns)
        }
    };
    Ok(Search { q, since, until, zone: Some(global.tz.clone()), ..Search::default() })
}

/// The window around an event: `ID:5m`.
fn around_event(asker: &Asker, text: &str) -> Result<(Option<i64>, Option<i64>), CliError> {
    let (name, width) =
        text.rsplit_once(':').ok_or_else(|| CliError::usage("--around takes ID:TIME, such as abcdefgh:5m"))?;
    let width = parse_duration(width).map_err(CliError::usage)?;
    let mut events = Vec::new();
    asker.ask(&Question::Show { names: vec![name.to_owned()] }, &mut |event| {
        events.push(event);
        Ok(())
    })?;
    let window = window_around(&events, width);
    let window = window.ok_or_else(|| CliError::new(Exit::NoMatch, format!("`{name}` names no event")))?;
    Ok((Some(window.0), Some(window.1)))
}

/// `tail`: asks again and again for what is new.
pub fn tail(global: &Global, args: &SearchArgs) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    if matches!(asker, Asker::Local(_)) {
        let message = "nobody serves this store, so nothing new will come; start `deponent serve`, or use `search`";
        return Err(CliError::new(Exit::Unreachable, message));
    }
    let mut output = Output::new(global, global.output.unwrap_or(Form::Text))?;
    let base = asked(global, &asker, args.query.join(" "), &args.time)?;
    let mut from = asker.ask(&Question::Head, &mut |_| Ok(()))?.indexed;
    let mut left = args.limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    while left > 0 {
        // What the index covers before the question is answered by it; what comes meanwhile is for the next one.
        let mut indexed = from;
        let mut after = None;
        loop {
            let before = output.lines();
            let limit = Some(left.min(TAIL_PAGE));
            let search =
                Search { leaf_from: Some(from), ascending: true, limit, after, records: args.raw, ..base.clone() };
            let trailer = ask(&asker, Question::Search(search), args.raw, &mut output)?;
            output.flush()?;
            left = left.saturating_sub(usize::try_from(output.lines().saturating_sub(before)).unwrap_or(usize::MAX));
            indexed = indexed.max(trailer.indexed);
            after = trailer.next;
            if after.is_none() || left == 0 {
                break;
            }
        }
        from = indexed;
        if left > 0 {
            std::thread::sleep(TAIL_EVERY);
        }
    }
    Ok(Exit::Match)
}

/// `top`.
pub fn top(global: &Global, args: &TopArgs) -> Result<Exit, CliError> {
    let q = format!("{} | top {} {}", star(&args.query), args.field, args.limit);
    rows(global, q, &args.time)
}

/// `hist`.
pub fn hist(global: &Global, args: &HistArgs) -> Result<Exit, CliError> {
    let q = format!("{} | hist {}", star(&args.query), args.width);
    rows(global, q, &args.time)
}

fn star(query: &[String]) -> String {
    if query.is_empty() { "*".to_owned() } else { query.join(" ") }
}

fn rows(global: &Global, q: String, time: &TimeArgs) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let search = asked(global, &asker, q, time)?;
    let mut output = Output::new(global, global.output.unwrap_or(Form::Table))?;
    let trailer = ask(&asker, Question::Search(search), false, &mut output)?;
    let found = output.matched();
    output.finish(&trailer)?;
    Ok(if found { Exit::Match } else { Exit::NoMatch })
}

/// `show`.
pub fn show(global: &Global, args: &ShowArgs) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let mut output = Output::detail(global, args.names.len())?;
    let trailer = ask(&asker, Question::Show { names: args.names.clone() }, args.raw, &mut output)?;
    output.finish(&trailer)?;
    Ok(Exit::Match)
}
