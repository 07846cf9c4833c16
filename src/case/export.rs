//! Making a case from a store.
//!
//! All answers rest on one checkpoint and one state of the index, and nothing of the moment at which it is made goes into it. Not here: the archive's form
//! (`archive`), what it looks like (`pages`).

use super::archive::{ArchiveError, Packer};
use super::manifest::{Asked, Counts, Covered, FORMAT, LogState, Manifest, Member, sums};
use super::{CaseError, EVENTS_MAX, README, pages};
use crate::evidence::VerifierKey;
use crate::model::Moment;
use crate::query::{AnswerError, Engine, Question, Search, Trailer, json, window_around};
use crate::render::Form;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;

/// Gaps that are listed; the rest is counted.
const GAPS_LISTED: u64 = 10_000;
/// What an Ed25519 key in PEM begins with (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Events by name, as `show` takes them.
    pub names: Vec<String>,
    /// Events by query, without a pipe; its limit is set here.
    pub search: Option<Search>,
    /// At most so many of the query, the oldest.
    pub limit: usize,
    /// What to call it.
    pub title: Option<String>,
}

/// What was made.
#[derive(Debug)]
pub struct Exported {
    /// The manifest.
    pub manifest: Manifest,
    /// Of the archive.
    pub sha256: String,
}

/// Writes the case. `progress` gets how many testimonies of how many are made.
///
/// # Errors
/// Nothing found, too much of it, records under no checkpoint yet, damage, the disk's.
pub fn export<W: Write>(
    engine: &Engine,
    ask: &Ask,
    key: Option<&VerifierKey>,
    out: W,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(W, Exported), CaseError> {
    let maker = Maker { engine, now: last(engine)? };
    let chosen = maker.chosen(ask)?;
    let mut head = Value::Null;
    maker.ask(&Question::Head, &mut |line| head = line)?;
    let text = |name: &str| head.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| head.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (since, until) = ask.search.as_ref().map_or((None, None), |search| (search.since, search.until));
    let covered = maker.covered(&chosen.events, (since, until))?;
    let (findings, found) = maker.findings(covered)?;
    let (gaps, missing) = maker.gaps()?;
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        title: ask.title.clone(),
        asked: Asked {
            ids: ask.names.clone(),
            query: ask.search.as_ref().map(|search| search.q.clone()),
            since: since.map(pages::time),
            until: until.map(pages::time),
            zone: ask.search.as_ref().and_then(|search| search.zone.clone()).unwrap_or_else(|| "UTC".to_owned()),
            limit: ask.limit,
        },
        log: LogState { origin: text("origin"), size: number("size"), root: text("root"), indexed: number("indexed") },
        covered: Covered { from: pages::time(covered.0), to: pages::time(covered.1) },
        counts: Counts {
            events: u64::try_from(chosen.events.len()).unwrap_or(u64::MAX),
            matched: chosen.matched,
            left_out: chosen.left_out,
            gaps: missing,
            findings: found,
        },
        files: Vec::new(),
    };
    let mut packer = Packer::new(out)?;
    let mut files = Vec::new();
    let mut add = |name: &str, bytes: &[u8]| {
        files.push(Member::of(name, bytes));
        packer.add(name, bytes)
    };
    add("README.txt", README.as_bytes())?;
    add("checkpoint.txt", text("checkpoint").as_bytes())?;
    let lines = chosen.events.values().map(pages::line).collect();
    add("events.txt", pages::events(&manifest, lines).as_bytes())?;
    for (done, id) in (0..).zip(chosen.events.keys()) {
        progress(done, manifest.counts.events);
        let line = maker.testimony(id, true)?;
        for (end, form) in [("html", Form::Html), ("json", Form::Json)] {
            let bytes = pages::testimony(form, &line).map_err(ArchiveError::from)?;
            add(&format!("events/{id}.{end}"), &bytes)?;
        }
    }
    add("findings.ndjson", findings.as_bytes())?;
    add("gaps.ndjson", gaps.as_bytes())?;
    if let Some(key) = key {
        add("key.pem", pem(key).as_bytes())?;
        add("key.vkey", format!("{key}\n").as_bytes())?;
    }
    manifest.files = files;
    let text = manifest.to_text();
    packer.add("manifest.json", text.as_bytes())?;
    let sums = sums(&manifest.files, &Member::of("manifest.json", text.as_bytes()));
    packer.add("sha256sums.txt", sums.as_bytes())?;
    let (out, sha256) = packer.finish()?;
    Ok((out, Exported { manifest, sha256 }))
}

/// A key as OpenSSL reads it.
pub(super) fn pem(key: &VerifierKey) -> String {
    let text = key.to_string();
    // name+hash+base64 of a byte for the kind and the key.
    let key = text.splitn(3, '+').nth(2).and_then(|key| data_encoding::BASE64.decode(key.as_bytes()).ok());
    let key = key.as_deref().and_then(|key| key.get(1..)).unwrap_or_default();
    let spki = data_encoding::BASE64.encode(&[&SPKI, key].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
}

/// The time of the last event of a store: silences last until then, whenever somebody asks.
fn last(engine: &Engine) -> Result<Moment, CaseError> {
    let mut events = Vec::new();
    let search = Search { q: "*".to_owned(), limit: Some(1), ..Search::default() };
    engine.answer(&Question::Search(search), Moment { nanos: 0, digits: 0 }, &mut |line| {
        events.push(line);
        Ok(())
    })?;
    Ok(Moment { nanos: window_around(&events, 0).map_or(0, |(at, _)| at), digits: 9 })
}

struct Chosen {
    /// By id.
    events: BTreeMap<String, Value>,
    matched: u64,
    left_out: u64,
}

struct Maker<'e> {
    engine: &'e Engine,
    now: Moment,
}

impl Maker<'_> {
    fn ask(&self, question: &Question, each: &mut dyn FnMut(Value)) -> Result<Trailer, AnswerError> {
        // A query's own relative times are of the moment at which it is asked.
        let now = if matches!(question, Question::Search(_)) { crate::time::now() } else { self.now };
        self.engine.answer(question, now, &mut |line| {
            each(line);
            Ok(())
        })
    }

    fn chosen(&self, ask: &Ask) -> Result<Chosen, CaseError> {
        let mut chosen = Chosen { events: BTreeMap::new(), matched: 0, left_out: 0 };
        let mut lines = Vec::new();
        let mut put = |mut line: Value| {
            // The events alone: their records come with their testimonies.
            line.as_object_mut().map(|line| line.remove("records"));
            lines.push(line);
        };
        if !ask.names.is_empty() {
            self.ask(&Question::Show { names: ask.names.clone() }, &mut put)?;
        }
        if let Some(search) = &ask.search {
            let limit = Some(ask.limit.min(EVENTS_MAX));
            let mut search = Search { limit, ascending: true, after: None, records: false, ..search.clone() };
            let trailer = self.ask(&Question::Search(search.clone()), &mut put)?;
            if trailer.lost > 0 {
                return Err(CaseError::Lost { lost: trailer.lost });
            }
            chosen.matched = trailer.count;
            if trailer.next.is_some() {
                search.limit = None;
                search.q = format!("{} | count", search.q);
                let counted = |line: Value| line.get("count").and_then(Value::as_u64).unwrap_or(0);
                self.ask(&Question::Search(search), &mut |line| chosen.matched = counted(line))?;
                chosen.left_out = chosen.matched.saturating_sub(trailer.count);
            }
        }
        for line in lines {
            let id = line.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            chosen.events.insert(id, line);
        }
        match chosen.events.len() {
            0 => Err(CaseError::Nothing),
            count if count > EVENTS_MAX => Err(CaseError::Events { count }),
            _ => Ok(chosen),
        }
    }

    fn testimony(&self, id: &str, proofs: bool) -> Result<Value, AnswerError> {
        let mut told = Value::Null;
        self.ask(&Question::Testify { name: id.to_owned(), proofs }, &mut |line| told = line)?;
        Ok(told)
    }

    /// From the first to the last of what was asked for and of the events themselves.
    fn covered(
        &self,
        events: &BTreeMap<String, Value>,
        asked: (Option<i64>, Option<i64>),
    ) -> Result<(i64, i64), CaseError> {
        let times = events.values().filter_map(|event| window_around(std::slice::from_ref(event), 0));
        let (from, to) =
            times.fold((i64::MAX, i64::MIN), |(from, to), (since, until)| (from.min(since), to.max(until)));
        Ok((asked.0.map_or(from, |since| from.min(since)), asked.1.map_or(to, |until| to.max(until))))
    }

    fn findings(&self, (since, until): (i64, i64)) -> Result<(String, u64), CaseError> {
        let (mut text, mut count, mut is_cut) = (String::new(), 0u64, false);
        let question = Question::Findings { since: Some(since), until: Some(until) };
        let asked = self.ask(&question, &mut |line| {
            is_cut = line.get("limit").is_some();
            count += u64::from(!is_cut);
            text.push_str(&json::line(&line));
            text.push('\n');
        });
        match asked {
            // The last line says so.
            Err(AnswerError::Limit(_)) if is_cut => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        Ok((text, count))
    }

    fn gaps(&self) -> Result<(String, u64), CaseError> {
        let (mut text, mut count) = (String::new(), 0u64);
        let mut put = |line: &Value| {
            text.push_str(&json::line(line));
            text.push('\n');
        };
        self.ask(&Question::Gaps, &mut |line| {
            count += 1;
            if count <= GAPS_LISTED {
                put(&line);
            }
        })?;
        if count > GAPS_LISTED {
            put(&json!({ "limit": format!("{} further gaps are not listed", count - GAPS_LISTED) }));
        }
        Ok((text, count))
    }
}
