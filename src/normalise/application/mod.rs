//! Lines that programs in containers wrote, as the container runtime keeps them.
//!
//! The runtime vouches for the time and the stream; the file's path, which the kubelet chose, for pod and container; everything else is the program's own word,
//! and where it names its users that is asserted by `application`. Not here: reading the line and its body (`deponent_parsers::container`), joining of its parts
//! (`deponent_parsers::frame`), which fields answer which question (`model::Mapping`).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use deponent_parsers::container::{Body, Form, Part, Stream, body, part, place};
use deponent_parsers::line::{Time, text_of};

use super::line::{self, some};
use super::{Bad, Context, Key, identity, own};
use crate::model::{
    AssertedBy, Event, EventIssue, Mapping, Moment, Object, Outcome, Question, RecordFields, Source, WhoKind,
};

/// An application's own word for an action is cut here.
const ACTION_CHARS_MAX: usize = 128;

/// The event of a record: of the part that it begins with.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let part = part(first).ok_or_else(|| Bad {
        kind: "not-a-line",
        detail: "no line of a container's log: neither `time stream tag text` nor Docker's JSON".to_owned(),
    })?;
    let Time::Moment { nanos, digits } = part.time else {
        return Err(Bad { kind: "no-time", detail: "its time is none of the calendar".to_owned() });
    };
    let place = place(context.path).unwrap_or_default();
    let names = [&place.namespace, &place.pod, &place.container].map(|name| name.as_deref().unwrap_or("").as_bytes());
    let [namespace, pod, container] = names;
    let id = identity::placed_line(Source::Application, context, [namespace, pod, container], bytes);
    Ok(Key { id, source: Source::Application, when: Moment { nanos, digits }, last: true })
}

/// The fields of a record under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    let Some(text) = Text::of(bytes) else { return RecordFields::default() };
    let body = body(&text.first);
    let mut fields = RecordFields { record: stream_name(text.stream).into(), ..RecordFields::default() };
    fields.fields.push(("log".into(), text.first.as_ref().into()));
    fields.fields.extend(text.other.as_deref().map(|other| ("interleaved".into(), other.into())));
    fields.fields.extend(body.fields.iter().map(|(name, value)| (name.as_ref().into(), value.as_ref().into())));
    fields
}

/// What the parts of a record say together.
struct Text<'a> {
    stream: Stream,
    /// Of the stream of the first part.
    first: Cow<'a, str>,
    /// What else was written before the line, or that of the other stream, had ended.
    other: Option<String>,
    /// Its last part says that the line goes on.
    open: bool,
    parts: usize,
    not_utf8: Option<EventIssue>,
}

impl<'a> Text<'a> {
    fn of(bytes: &'a [u8]) -> Option<Text<'a>> {
        let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let Part { stream, mut partial, text, .. } = part(lines.next()?)?;
        let (mut first, mut other) = (text, None::<Vec<u8>>);
        let mut parts = 1usize;
        for line in lines {
            let Some(next) = part(line) else { continue };
            parts += 1;
            // Once its line has ended, what else the same stream wrote is no part of it.
            if next.stream == stream && partial {
                first.to_mut().extend_from_slice(&next.text);
                partial = next.partial;
            } else {
                let other = other.get_or_insert_default();
                other.extend_from_slice(&next.text);
                if !next.partial {
                    other.push(b'\n');
                }
            }
        }
        let not_utf8 = line::not_utf8(&first);
        let first = match first {
            Cow::Borrowed(first) => text_of(first),
            Cow::Owned(first) => Cow::Owned(text_of(&first).into_owned()),
        };
        let other = other.map(|other| text_of(&other).trim_end_matches('\n').to_owned());
        Some(Text { stream, first, other, open: partial, parts, not_utf8 })
    }
}

fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

/// The event of a record.
pub fn event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let mut event = own::empty(context, key.id, key.when);
    event.source = Source::Application;
    event.what.action = "logged".into();
    let Some(text) = Text::of(bytes) else { return event };
    let restart = line::place_of_file(context, &mut event.r#where);
    event.how.args.extend(restart.map(|restart| ("restart".into(), restart.to_string().into())));
    let body = body(&text.first);
    event.what.message = Some(body.message.as_deref().unwrap_or(&text.first).into());
    event.how.args.push(("stream".into(), stream_name(text.stream).into()));
    event.how.args.extend(body.level.as_deref().map(|level| ("level".into(), level.into())));
    event.how.args.extend(body.fields.iter().map(|(name, value)| (name.as_ref().into(), value.as_ref().into())));
    answer(&body, context, &mut event);
    let mut issue =
        |kind: &str, detail: String| event.issues.push(EventIssue { kind: kind.into(), detail: detail.into() });
    if text.open {
        issue("partial-line", format!("the line goes on, and its end is not there: {} parts", text.parts));
    }
    if let Some(other) = &text.other {
        let detail = format!("between the parts of this line the program also wrote: {other}");
        issue("interleaved", detail);
    }
    event.issues.extend(text.not_utf8);
    line::note(&mut event, &body.issues);
    event
}

/// The six questions, as far as the fields of the body answer them.
fn answer(body: &Body<'_>, context: Context<'_>, event: &mut Event) {
    // A header that holds no mapping is one that nobody wrote: then the usual names count.
    let mapping = Mapping::parse(context.fields).unwrap_or_default();
    let field = |question: Question| {
        let found = mapping.names(question).find_map(|name| {
            let (_, value) = body.fields.iter().find(|(field, _)| field == name)?;
            (!value.is_empty() && value != "null" && value != "-" && !value.starts_with(['{', '['])).then_some(value)
        });
        found.map(|value| value.as_ref())
    };
    if let Some(actor) = field(Question::Actor) {
        event.who.name = some(actor);
        event.who.kind = WhoKind::User;
        event.who.asserted_by = Some(AssertedBy::Application);
    }
    event.who.address = field(Question::Address).and_then(some);
    let object = field(Question::Object);
    if body.form == Form::Access {
        event.what.action = "http".into();
    } else if let Some(action) = field(Question::Action) {
        event.what.action = action.chars().take(ACTION_CHARS_MAX).collect();
    }
    event.how.verb = field(Question::Method).and_then(some);
    if body.form == Form::Access || event.how.verb.is_some() {
        event.how.request_uri = object.and_then(some);
    }
    let user_agent = ["user_agent", "userAgent", "http.user_agent", "user_agent.original"];
    let user_agent = user_agent.iter().find_map(|name| body.fields.iter().find(|(field, _)| field == name));
    event.how.user_agent = user_agent.and_then(|(_, value)| some(value)).filter(|value| value != "-");
    event.what.object = object.map(|name| {
        let kind = if event.how.request_uri.is_some() { "uri" } else { "object" };
        Object { kind: Some(kind.into()), name: some(name), ..Object::default() }
    });
    if let Some(outcome) = field(Question::Outcome) {
        event.what.code = outcome.bytes().all(|byte| byte.is_ascii_digit()).then(|| outcome.into());
        event.what.outcome = outcome_of(outcome);
    } else if body.level.as_deref().is_some_and(is_failure) {
        event.what.outcome = Outcome::Failure;
    }
}

/// A status of HTTP, or a word for how something ended.
fn outcome_of(word: &str) -> Outcome {
    if let Ok(status) = word.parse() {
        return Outcome::of_http(status);
    }
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&["success", "succeeded", "ok", "allowed", "granted", "true"]) {
        Outcome::Success
    } else if is(&["denied", "forbidden", "unauthorized", "rejected", "refused"]) {
        Outcome::Denied
    } else if is(&["failure", "failed", "error", "false"]) {
        Outcome::Failure
    } else {
        Outcome::Unknown
    }
}

fn is_failure(level: &str) -> bool {
    ["error", "fatal", "panic", "critical", "emerg", "alert", "E", "F"]
        .iter()
        .any(|name| level.eq_ignore_ascii_case(name))
}
