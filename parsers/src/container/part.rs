//! What a runtime wraps around a line that a container wrote: `2026-11-23T20:59:25.760739505Z stdout F text` (CRI: containerd, CRI-O) and
//! `{"log":"text\n","stream":"stdout","time":"2026-11-23T20:59:25.760739505Z"}` (Docker's json-file).
//!
//! A runtime cuts long lines; all parts but the last say that more follows. Not here: the text (`body`).

use std::borrow::Cow;

use crate::kubernetes::Stamp;
use crate::kubernetes::json::{Cursor, JsonError};
use crate::line::Time;

/// Which of its two streams a container wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// `stdout`
    Stdout,
    /// `stderr`
    Stderr,
}

impl Stream {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }

    fn of(name: &[u8]) -> Option<Stream> {
        match name {
            b"stdout" => Some(Stream::Stdout),
            b"stderr" => Some(Stream::Stderr),
            _ => None,
        }
    }
}

/// A line of a container, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// When the runtime read it; always a moment.
    pub time: Time,
    /// Where the container wrote it to.
    pub stream: Stream,
    /// The line goes on in the next part of the same stream.
    pub partial: bool,
    /// What the container wrote, without the line end.
    pub text: Cow<'a, [u8]>,
}

/// Reads one line of a container's log; `None` when it is none.
pub fn part(line: &[u8]) -> Option<Part<'_>> {
    if line.first() == Some(&b'{') {
        let docker = docker(line)?;
        let text = match docker.text()? {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('\n').unwrap_or(text).as_bytes()),
            Cow::Owned(mut text) => {
                if text.ends_with('\n') {
                    text.pop();
                }
                Cow::Owned(text.into_bytes())
            }
        };
        return Some(Part { time: docker.time, stream: docker.stream, partial: docker.partial(), text });
    }
    let (time, stream, partial, text) = cri(line)?;
    Some(Part { time, stream, partial, text: Cow::Borrowed(text) })
}

/// The stream of a line, and whether it goes on: what [`part`] says of it, with nothing decoded.
pub fn stream_of(line: &[u8]) -> Option<(Stream, bool)> {
    if line.first() == Some(&b'{') {
        let docker = docker(line)?;
        // Escapes of halves of characters are the only ones that may stand for nothing.
        let halves = memchr::memmem::find_iter(docker.log.as_bytes(), b"\\u")
            .any(|at| matches!(docker.log.as_bytes().get(at + 2), Some(b'd' | b'D')));
        return (!halves || docker.text().is_some()).then(|| (docker.stream, docker.partial()));
    }
    cri(line).map(|(_, stream, partial, _)| (stream, partial))
}

/// Time, stream, whether it goes on, text.
fn cri(line: &[u8]) -> Option<(Time, Stream, bool, &[u8])> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (stamp, rest) = word(line)?;
    let (stream, rest) = word(rest)?;
    let stream = Stream::of(stream)?;
    let time = time(std::str::from_utf8(stamp).ok()?)?;
    let (tags, text) = word(rest).unwrap_or((rest, &[]));
    Some(match partial(tags) {
        Some(partial) => (time, stream, partial, text),
        // Before 2017 there were no tags.
        None => (time, stream, false, rest),
    })
}

/// Whether tags, `F` or `P:OTHER`, say that the line goes on; `None` when they are none.
fn partial(tags: &[u8]) -> Option<bool> {
    let partial = match tags.first()? {
        b'P' => true,
        b'F' => false,
        _ => return None,
    };
    let others = tags.get(1..)?;
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.');
    (others.is_empty() || (others.starts_with(b":") && others.iter().all(is_tag))).then_some(partial)
}

/// Up to the next blank, and what is behind that.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn time(stamp: &str) -> Option<Time> {
    Stamp::parse(stamp).map(|Stamp { nanos, digits }| Time::Moment { nanos, digits })
}

struct Docker<'a> {
    time: Time,
    stream: Stream,
    /// The JSON string, with its quotes.
    log: &'a str,
}

impl<'a> Docker<'a> {
    fn text(&self) -> Option<Cow<'a, str>> {
        Cursor::new(self.log).string().ok()
    }

    /// Whether the text does not end with a line end; as `\n` or as any escape of it.
    fn partial(&self) -> bool {
        let text = self.log.strip_suffix('"').unwrap_or(self.log);
        let end = |escape: &str| {
            text.strip_suffix(escape).is_some_and(|before| {
                let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
                // An even number of them is that many halves of backslashes.
                backslashes.is_multiple_of(2)
            })
        };
        !(end("\\n") || end("\\u000a") || end("\\u000A"))
    }
}

/// An object of exactly Docker's members.
fn docker(line: &[u8]) -> Option<Docker<'_>> {
    let text = std::str::from_utf8(line).ok()?;
    let (mut log, mut stream, mut stamp, mut attrs) = (None, None, None, None);
    let mut cursor = Cursor::new(text);
    cursor
        .object(|cursor, name, _| {
            let member = match name.as_ref() {
                "log" => &mut log,
                "stream" => &mut stream,
                "time" => &mut stamp,
                "attrs" => &mut attrs,
                _ => return Err(cursor.error("a member that Docker does not write")),
            };
            let value = cursor.skip()?;
            if member.replace(value).is_some() {
                return Err(cursor.error("a member that is there twice"));
            }
            Ok::<(), JsonError>(())
        })
        .ok()?;
    if cursor.peek().is_some() || attrs.is_some_and(|attrs| !attrs.starts_with('{')) {
        return None;
    }
    Some(Docker {
        time: time(inside(stamp)?)?,
        stream: Stream::of(inside(stream)?.as_bytes())?,
        log: log.filter(|log| log.starts_with('"'))?,
    })
}

/// A JSON string without its quotes; escapes have no place in what Docker writes there.
fn inside(text: Option<&str>) -> Option<&str> {
    text?.strip_prefix('"')?.strip_suffix('"')
}
