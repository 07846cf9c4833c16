//! Checking a case, by somebody who has nothing but the archive and, at best, the log's key.
//!
//! Members are read one after the other and forgotten; what remains is their hashes. Not here: the bounds (`archive`), a single testimony (`query::retell`).

use super::archive::{ArchiveError, ENTRIES_MAX, unpack};
use super::export::pem;
use super::manifest::{Manifest, Member, sums};
use super::{README, pages};
use crate::evidence::{Checkpoint, VerifierKey};
use crate::query::{Again, Compared, document, retell};
use crate::render::Form;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// Sentences about what is wrong or open; more are counted.
const SENTENCES_MAX: usize = 1_000;
/// Files that are there once, beside the testimonies.
const FILES: &[&str] = &[
    "README.txt",
    "checkpoint.txt",
    "events.txt",
    "findings.ndjson",
    "gaps.ndjson",
    "key.pem",
    "key.vkey",
    "manifest.json",
    "sha256sums.txt",
];
/// The ones of them that not every case has.
const OPTIONAL: &[&str] = &["key.pem", "key.vkey"];

/// Whether a file begins as a case does.
pub fn is_case(start: &[u8]) -> bool {
    start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// What came out of one testimony.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The event.
    pub event: String,
    /// Records whose bytes are there.
    pub records: usize,
    /// How many of them are proved to be in the log.
    pub proved: usize,
    /// Parts that came out the same.
    pub same: usize,
    /// Parts that did not, or are not decided.
    pub others: usize,
}

/// What checking a case gave.
#[derive(Debug, Default)]
pub struct Checked {
    /// Of the archive.
    pub sha256: String,
    /// What it says of itself.
    pub manifest: Option<Manifest>,
    /// Origin, size, root.
    pub checkpoint: Option<String>,
    /// A key was given, and all signatures hold with it.
    pub authenticated: bool,
    /// The key that is in it.
    pub key: Option<String>,
    /// Files.
    pub files: usize,
    /// One an event.
    pub told: Vec<Told>,
    /// What does not hold, each with its file.
    pub wrong: Vec<String>,
    /// What these records do not decide, each with its file.
    pub undecided: Vec<String>,
    /// What could not be checked.
    pub open: Vec<String>,
    /// Sentences that are not among them.
    pub more: usize,
}

/// Compares a testimony with somebody who has the log: its document and the event's id.
pub type Against<'a, E> = dyn FnMut(&[u8], &str) -> Result<Vec<Compared>, E> + 'a;

/// Checks a case. `against` may compare each testimony with a store; `progress` gets how many testimonies are done.
///
/// # Errors
/// No archive, one beyond the bounds, or the reader's; what `against` says.
pub fn check<E: From<ArchiveError>>(
    packed: impl Read,
    key: Option<&VerifierKey>,
    against: &mut Against<'_, E>,
    progress: &mut dyn FnMut(u64),
) -> Result<Checked, E> {
    let mut packed = HashedRead { inner: packed, hash: Sha256::new() };
    let mut walk = Walk { key, ..Walk::default() };
    unpack(&mut packed, &mut |name, bytes| {
        walk.member(name, &bytes, against)?;
        progress(u64::try_from(walk.checked.told.len()).unwrap_or(u64::MAX));
        Ok::<(), E>(())
    })?;
    // What the decoder did not want is of the file too.
    io::copy(&mut packed, &mut io::sink()).map_err(ArchiveError::from)?;
    walk.checked.sha256 = data_encoding::HEXLOWER.encode(&packed.hash.finalize());
    Ok(walk.end())
}

struct HashedRead<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for HashedRead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[derive(Default)]
struct Walk<'k> {
    key: Option<&'k VerifierKey>,
    checked: Checked,
    members: Vec<Member>,
    /// Small files as they are.
    texts: BTreeMap<&'static str, Vec<u8>>,
    lines: Vec<pages::Line>,
    /// Pages that are not what this program makes of the testimony.
    pages: Vec<String>,
}

impl Walk<'_> {
    fn wrong(&mut self, what: String) {
        put(&mut self.checked.wrong, &mut self.checked.more, what);
    }

    fn member<E>(&mut self, name: &str, bytes: &[u8], against: &mut Against<'_, E>) -> Result<(), E> {
        self.members.push(Member::of(name, bytes));
        if let Some(known) = FILES.iter().find(|known| **known == name) {
            self.texts.insert(known, bytes.to_vec());
            return Ok(());
        }
        match name.strip_prefix("events/").and_then(|file| file.split_once('.')) {
            Some((id, "html")) if is_id(id) => {}
            Some((id, "json")) if is_id(id) => self.testimony(name, id, bytes, against)?,
            _ => self.wrong(format!("{name}: no case has such a file")),
        }
        Ok(())
    }

    fn testimony<E>(&mut self, name: &str, id: &str, bytes: &[u8], against: &mut Against<'_, E>) -> Result<(), E> {
        let (retold, told) = match (retell(bytes, self.key), document(bytes)) {
            (Ok(retold), Ok(told)) => (retold, told),
            (Err(error), _) | (_, Err(error)) => {
                self.wrong(format!("{name}: {error}"));
                return Ok(());
            }
        };
        if retold.event != id {
            self.wrong(format!("{name}: it is about event {}", shown(&retold.event)));
        }
        retold.wrong.iter().for_each(|wrong| self.wrong(format!("{name}: {wrong}")));
        let note = self.texts.get("checkpoint.txt").map(|note| String::from_utf8_lossy(note).into_owned());
        if !note.is_some_and(|note| retold.notes.iter().all(|other| *other == note)) {
            self.wrong(format!("{name}: its proof leads to another checkpoint than checkpoint.txt"));
        }
        if retold.records == 0 || retold.proved != retold.records {
            let (proved, records) = (retold.proved, retold.records);
            self.wrong(format!("{name}: {proved} of its {records} records are proved to be in the log"));
        }
        let mut parts = retold.parts.clone();
        for part in against(bytes, id)? {
            parts.push(Compared { part: format!("in the store: {}", part.part), again: part.again });
        }
        let Checked { wrong, undecided, open, more, .. } = &mut self.checked;
        // What is open is why something came out undecided; of the whole, it counts as that.
        retold.open.iter().for_each(|one| put(open, more, format!("{name}: {one}")));
        for part in &parts {
            match &part.again {
                Again::Same => {}
                Again::Differs(what) => put(wrong, more, format!("{name}: {} differs: {what}", part.part)),
                Again::Undecided(why) => put(undecided, more, format!("{name}: {}: {why}", part.part)),
            }
        }
        if retold.parts.is_empty() {
            put(undecided, more, format!("{name}: nothing of it could be made again"));
        }
        let same = parts.iter().filter(|part| part.again == Again::Same).count();
        self.checked.told.push(Told {
            event: id.to_owned(),
            records: retold.records,
            proved: retold.proved,
            same,
            others: parts.len() - same,
        });
        let page = format!("events/{id}.html");
        let made = pages::testimony(Form::Html, &json!({ "testimony": told })).unwrap_or_default();
        if !self.members.iter().rev().take(2).any(|member| *member == Member::of(&page, &made)) {
            self.pages.push(page);
        }
        self.lines.push(pages::line(told.get("event").unwrap_or(&Value::Null)));
        Ok(())
    }

    /// What only all of it shows.
    fn end(mut self) -> Checked {
        self.checked.files = self.members.len();
        for name in FILES.iter().filter(|name| !OPTIONAL.contains(name)) {
            if !self.texts.contains_key(*name) {
                self.wrong(format!("{name}: it is missing"));
            }
        }
        let origin = self.signed();
        let text = |name| self.texts.get(name).map(Vec::as_slice);
        match text("manifest.json").map(Manifest::parse) {
            Some(Ok(manifest)) => self.against_manifest(manifest, origin.as_ref()),
            Some(Err(error)) => self.wrong(format!("manifest.json: {error}")),
            None => {}
        }
        self.checked.authenticated = self.key.is_some() && self.checked.wrong.is_empty();
        self.checked
    }

    /// The checkpoint and its signature.
    fn signed(&mut self) -> Option<Checkpoint> {
        let read = |name| self.texts.get(name).map(|text| String::from_utf8_lossy(text).into_owned());
        let (note, pem_file, vkey) = (read("checkpoint.txt")?, read("key.pem"), read("key.vkey"));
        let inside = vkey.map(|vkey| VerifierKey::parse(vkey.trim_end_matches('\n')));
        match &inside {
            Some(Err(error)) => self.wrong(format!("key.vkey: {error}")),
            Some(Ok(key)) => {
                self.checked.key = Some(key.to_string());
                if self.texts.get("key.vkey").is_some_and(|text| *text != format!("{key}\n").into_bytes()) {
                    self.wrong("key.vkey: it is more than a key".to_owned());
                }
                if pem_file.is_none_or(|text| text != pem(key)) {
                    self.wrong("key.pem: it is not the key of key.vkey".to_owned());
                }
                if self.key.is_some_and(|given| given.to_string() != key.to_string()) {
                    self.wrong("key.vkey: it is not the key that was given".to_owned());
                }
            }
            None if pem_file.is_some() => self.wrong("key.pem: it is there without key.vkey".to_owned()),
            None => {}
        }
        let opened = match (self.key, &inside) {
            (Some(key), _) | (None, Some(Ok(key))) => Checkpoint::open(&note, key),
            _ => Checkpoint::parse_unauthenticated(&note),
        };
        match opened {
            Ok(checkpoint) => {
                let root = data_encoding::BASE64.encode(&checkpoint.root);
                self.checked.checkpoint = Some(format!("{} {} {root}", checkpoint.origin, checkpoint.size));
                Some(checkpoint)
            }
            Err(error) => {
                self.wrong(format!("checkpoint.txt: {error}"));
                None
            }
        }
    }

    fn against_manifest(&mut self, manifest: Manifest, checkpoint: Option<&Checkpoint>) {
        let (mut listed, mut files) = (BTreeMap::new(), Vec::new());
        for file in &manifest.files {
            if listed.insert(file.name.clone(), file.clone()).is_some() {
                self.wrong(format!("manifest.json: it names {} twice", shown(&file.name)));
            }
        }
        if manifest.files.len() > ENTRIES_MAX {
            self.wrong("manifest.json: it names more files than a case has".to_owned());
        }
        let mut of_manifest = None;
        for member in std::mem::take(&mut self.members) {
            match member.name.as_str() {
                "manifest.json" => of_manifest = Some(member),
                "sha256sums.txt" => {}
                name => {
                    match listed.remove(name) {
                        None => self.wrong(format!("{name}: it is not in the manifest")),
                        Some(file) if file.size != member.size || file.sha256 != member.sha256 => self.wrong(format!(
                            "{name}: it has {} bytes with SHA-256 {}, and the manifest says {} bytes with {}",
                            member.size,
                            member.sha256,
                            file.size,
                            shown(&file.sha256)
                        )),
                        Some(_) => {}
                    }
                    files.push(member);
                }
            }
        }
        listed.into_keys().for_each(|name| {
            self.wrong(format!("{}: the manifest names it, and it is missing", shown(&name)));
        });
        let expected = of_manifest.map(|member| sums(&manifest.files, &member).into_bytes());
        if self.texts.get("sha256sums.txt").is_some_and(|text| Some(text) != expected.as_ref()) {
            self.wrong("sha256sums.txt: it is not what manifest.json and its hash give".to_owned());
        }
        let log = &manifest.log;
        if let Some(checkpoint) = checkpoint {
            let root = data_encoding::BASE64.encode(&checkpoint.root);
            if (&log.origin, log.size, &log.root) != (&checkpoint.origin, checkpoint.size, &root) {
                self.wrong("manifest.json: its log is not that of checkpoint.txt".to_owned());
            }
        }
        let pages = files.iter().filter(|file| file.name.ends_with(".html")).count();
        let told = self.checked.told.len();
        if u64::try_from(told).ok() != Some(manifest.counts.events) || pages != told {
            let events = manifest.counts.events;
            self.wrong(format!(
                "manifest.json: it counts {events} events; there are {told} testimonies and {pages} pages"
            ));
        }
        let list = pages::events(&manifest, std::mem::take(&mut self.lines));
        let mut pages = std::mem::take(&mut self.pages);
        for (name, text) in [("events.txt", list.as_str()), ("README.txt", README)] {
            if self.texts.get(name).is_some_and(|is| is != text.as_bytes()) {
                pages.push(name.to_owned());
            }
        }
        let is_ours = manifest.program == env!("CARGO_PKG_VERSION");
        for name in pages {
            if is_ours {
                self.wrong(format!("{name}: it is not what this program makes of the rest"));
            } else {
                let by = shown(&manifest.program);
                let what = format!("{name}: it was made by version {by} and cannot be made again by this one");
                put(&mut self.checked.undecided, &mut self.checked.more, what);
            }
        }
        self.checked.manifest = Some(manifest);
    }
}

fn put(to: &mut Vec<String>, more: &mut usize, what: String) {
    if to.len() < SENTENCES_MAX { to.push(what) } else { *more += 1 }
}

fn is_id(text: &str) -> bool {
    crate::model::EventId::parse(text).is_some_and(|id| id.to_string() == text)
}

/// What an archive says, short.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
