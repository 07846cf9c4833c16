//! `testify` for people: prose that a court can read. Six questions, each claim with its grade, who asserts it, what it does not show, and its exhibits.
//!
//! Records stand once, as numbered exhibits: log entry, record, SHA-256. The document is made here, block by block (`document`), and written as `text`,
//! `markdown` or `html`. Not here: how claims are worded (`query::testimony`), links (`link`).

mod document;
mod html;
mod markdown;
mod text;

use super::link::{behind, body, brief, finding, head, list, paint_of_class, paint_of_root, verdict};
use super::why::{ground_name, sent_by};
use super::{Look, Renderer, Safe, Style, Word, sentence, whole};
use crate::query::json::{at, each_text, text};
use crate::time::Zone;
use document::Block;
use serde_json::Value;
use std::io::{self, Write};

/// What each grade says, in the order of their strength.
const GRADES: &[(&str, &str)] = &[
    ("PROVEN", "a trusted recorder wrote it, or an identifier that nobody else can choose is equal on both sides"),
    (
        "STRONG",
        "two or more independent keys agree, nothing else fits, and both sources are complete over the time in question",
    ),
    ("CONSISTENT", "nothing else that is recorded fits, but less than that is shown"),
    ("AMBIGUOUS", "several fit, and the records do not tell which"),
    ("CONTRADICTED", "something that was compared disagrees"),
    ("UNKNOWN", "the records do not say"),
];

/// In which form a testimony is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Markdown,
    Html,
}

/// Writes testimonies.
pub(super) struct Testimony {
    look: Look,
    shape: Shape,
}

impl Testimony {
    pub(super) fn new(look: Look, shape: Shape) -> Testimony {
        // Colours are for terminals.
        let style = Style { on: look.style.on && shape == Shape::Text };
        Testimony { look: Look { style, ..look }, shape }
    }
}

impl Renderer for Testimony {
    fn event(&mut self, out: &mut dyn Write, answer: &Value) -> io::Result<()> {
        let told = answer.get("testimony").unwrap_or(answer);
        let blocks = Told { look: &self.look, told, exhibits: Exhibits::default(), blocks: Vec::new() }.blocks()?;
        match self.shape {
            Shape::Text => text::write(out, &blocks, &self.look.style),
            Shape::Markdown => markdown::write(out, &blocks),
            Shape::Html => html::write(out, &blocks),
        }
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// A document in the making.
struct Told<'t> {
    look: &'t Look,
    told: &'t Value,
    exhibits: Exhibits,
    blocks: Vec<Block>,
}

impl Told<'_> {
    fn blocks(mut self) -> io::Result<Vec<Block>> {
        let told = self.told;
        let event = told.get("event").unwrap_or(&Value::Null);
        let (steps, root) = (list(told, "chain"), told.get("root").unwrap_or(&Value::Null));
        let id = text(event, "id").unwrap_or("without an id".into());
        self.put(Block::Title("Testimony".to_owned()));
        self.say(format!("This is what the records kept by deponent say about event {}:", Word(&id)));
        let sentence = sentence(&brief(event), self.look);
        self.say(sentence);
        self.put(Block::Verdict(paint_of_root(root), verdict(root, steps)));
        for claim in list(told, "claims") {
            self.claim(claim, event);
        }
        self.heading("How it came about");
        if steps.len() < 2 {
            self.say("No earlier event is known.");
        }
        self.chain(steps)?;
        self.grounds(list(told, "grounds"), steps)?;
        self.findings(&[list(told, "findings"), list(told, "noticed")].concat())?;
        self.heading("What is not proved");
        for line in each_text(told, "not_proved") {
            self.put(Block::Item(Safe(&line).to_string()));
        }
        self.grades();
        self.list_exhibits();
        self.check(&id, steps);
        Ok(self.blocks)
    }

    fn put(&mut self, block: Block) {
        self.blocks.push(block);
    }

    fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    fn say(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Say(text.into()));
    }

    fn claim(&mut self, claim: &Value, event: &Value) {
        let question = text(claim, "question").unwrap_or("unnamed".into());
        let title = match question.as_ref() {
            "who" => "Who did it?".to_owned(),
            "what" => "What was done?".to_owned(),
            "when" => "When?".to_owned(),
            "where" => "Where?".to_owned(),
            "why" => "Why did it happen?".to_owned(),
            "how" => "How was it done?".to_owned(),
            other => format!("{}?", Word(other)),
        };
        self.heading(title);
        let said = text(claim, "claim").unwrap_or("the records do not say".into());
        self.say(Safe(&said).to_string());
        if let Some(time) = (question == "when").then(|| self.elsewhere(event)).flatten() {
            self.say(time);
        }
        if question == "who" {
            for one in list(self.told, "root.candidates") {
                let name = text(one, "name").unwrap_or("somebody without a name".into());
                let acted = text(one, "as").map(|name| format!(" as {}", Word(&name))).unwrap_or_default();
                let by = text(one, "event").map(|id| format!(", by event {}", Word(&id))).unwrap_or_default();
                self.put(Block::Note("Candidate", None, format!("{}{acted}{by}.", Word(&name))));
            }
        }
        let grade = text(claim, "grade").unwrap_or("UNKNOWN".into());
        let by = text(claim, "asserted_by").map(|by| format!(", by the word of {}", asserter(&by))).unwrap_or_default();
        self.put(Block::Note("Grade", Some(paint_of_class(&grade)), format!("{}{by}.", Word(&grade))));
        for limit in each_text(claim, "limits") {
            self.put(Block::Note("Limit", None, format!("{}.", Safe(limit.trim_end_matches('.')))));
        }
        let numbers: Vec<usize> = list(claim, "evidence").iter().map(|record| self.exhibits.number(record)).collect();
        let evidence = match numbers.as_slice() {
            [] => "none.".to_owned(),
            [one] => format!("exhibit {one}."),
            _ => format!("exhibits {}.", ranges(numbers)),
        };
        self.put(Block::Note("Evidence", None, evidence));
    }

    /// The time of an event in the zone that was asked for, where that is another one than the records'.
    fn elsewhere(&self, event: &Value) -> Option<String> {
        let time = text(event, "when.event").filter(|_| self.look.zone != Zone::default())?;
        Some(format!("In the time zone that was asked for: {}.", self.look.time(&time)))
    }

    /// A chain (effect first, as answers have it), told from the cause on.
    fn chain(&mut self, steps: &[Value]) -> io::Result<()> {
        for (number, step) in steps.iter().rev().enumerate() {
            let event = step.get("event").unwrap_or(&Value::Null);
            let told =
                text(step, "told").map_or_else(|| sentence(&brief(event), self.look), |told| Safe(&told).to_string());
            let mut lines: Vec<String> = self.elsewhere(event).into_iter().collect();
            let id = text(event, "id").unwrap_or("without an id".into());
            lines.push(format!("event {}", Word(&id)));
            if let Some(link) = step.get("link") {
                lines.push(format!("{}: {}", self.from(number, link), head(link, self.look)));
                let mut compared = Vec::new();
                body(&mut compared, self.look, link, "")?;
                lines.extend(String::from_utf8_lossy(&compared).lines().map(str::to_owned));
                let numbers: Vec<usize> =
                    list(link, "evidence").iter().map(|record| self.exhibits.number(record)).collect();
                if !numbers.is_empty() {
                    lines.push(format!("exhibits {}", ranges(numbers)));
                }
            }
            self.put(Block::Step(number + 1, told, lines));
        }
        Ok(())
    }

    /// How a step is said to be linked: an ambiguous one to none of the steps above it.
    fn from(&self, number: usize, link: &Value) -> &'static str {
        match (number, text(link, "class").as_deref()) {
            (_, Some("AMBIGUOUS")) => "how it may be linked to an earlier event",
            (0, _) => "linked to an earlier event",
            _ => "linked to the step above",
        }
    }

    fn grounds(&mut self, grounds: &[Value], steps: &[Value]) -> io::Result<()> {
        if grounds.is_empty() {
            return Ok(());
        }
        self.heading("What made it possible");
        self.say("What steps rest on besides their causes. It says who made them possible, never who did it.");
        for ground in grounds {
            let chain = list(ground, "chain");
            let root = ground.get("root").unwrap_or(&Value::Null);
            let rule = chain.first().and_then(|step| text(step, "link.rule")).unwrap_or_default();
            let of = text(ground, "of").unwrap_or_default();
            // The chain tells the effect first, and people read the cause first.
            let place = steps.iter().rev().position(|step| text(step, "event.id").as_deref() == Some(&*of));
            let of = place.map_or_else(|| format!("Event {}", Word(&of)), |place| format!("Step {}", place + 1));
            let here = of.replacen("Step", "step", 1).replacen("Event", "event", 1);
            let sender = chain.first().and_then(|first| sent_by(first, &here));
            self.say(sender.unwrap_or_else(|| format!("{of} rests on {}:", ground_name(&rule))));
            self.chain(chain)?;
            self.put(Block::Note("Behind it", None, format!("{}.", behind(root, chain).trim_end_matches('.'))));
        }
        Ok(())
    }

    fn findings(&mut self, findings: &[Value]) -> io::Result<()> {
        if !findings.is_empty() {
            self.heading("What is missing or contradicts itself");
        }
        for one in findings {
            let mut lines = Vec::new();
            finding(&mut lines, self.look, one, "")?;
            for line in String::from_utf8_lossy(&lines).lines() {
                self.put(Block::Item(line.trim_start().to_owned()));
            }
            self.exhibits.add(list(one, "evidence"));
        }
        Ok(())
    }

    /// The grades that occur, explained.
    fn grades(&mut self) {
        let told = self.told;
        let grounds = list(told, "grounds").iter();
        let chains = std::iter::once(list(told, "chain")).chain(grounds.map(|ground| list(ground, "chain")));
        let mut used: Vec<_> = list(told, "claims").iter().filter_map(|claim| text(claim, "grade")).collect();
        used.extend(chains.flatten().filter_map(|step| text(step, "link.class")));
        self.heading("What the grades mean");
        for (grade, meaning) in GRADES.iter().filter(|(grade, _)| used.iter().any(|used| used == grade)) {
            self.put(Block::Item(format!("{grade}: {meaning}.")));
        }
    }

    fn list_exhibits(&mut self) {
        self.heading("Exhibits");
        if self.exhibits.known.is_empty() {
            self.say("None.");
            return;
        }
        self.say("Records as deponent received them, each named by its place in the log (entry and number) and by the SHA-256 of its bytes, which other bytes do not have.");
        for (number, exhibit) in self.exhibits.known.iter().enumerate() {
            let hash = Word(&exhibit.sha256);
            let (leaf, record) = (Word(&exhibit.leaf), Word(&exhibit.record));
            let event = Word(&exhibit.event);
            let line = format!("{:>3}. event {event}, leaf {leaf}, record {record}, sha256 {hash}", number + 1);
            self.blocks.push(Block::Code(line));
        }
    }

    fn check(&mut self, id: &str, steps: &[Value]) {
        self.heading("How to check it");
        match text(self.told, "checkpoint") {
            Some(checkpoint) => self.say(format!(
                "The exhibits are entries of a signed, append-only log; its checkpoint (name, number of entries, hash over all of them): {}.",
                Safe(&checkpoint)
            )),
            None => {
                self.say("The exhibits are entries of a log that no signed checkpoint covers yet; ask again later.");
            }
        }
        if let Some(note) = text(self.told, "signed_checkpoint") {
            self.say("The checkpoint as it was signed:");
            self.put(Block::Copy(note.lines().map(|line| whole(line) + "\n").collect()));
        }
        let id = argument(id, "ID");
        self.say("With the public key of the log (VKEY), which must have come another way than this document:");
        for command in [
            format!("deponent testify {id} --proofs -o json > testimony.json"),
            "deponent verify testimony.json --key VKEY".to_owned(),
            format!("deponent prove {id} > {id}.proof && deponent verify {id}.proof --key VKEY"),
            "deponent verify --links --store DIR --key VKEY --head HEAD".to_owned(),
        ] {
            self.put(Block::Code(command));
        }
        self.say("The second command hashes the records again, follows their proofs to the signed checkpoint, and runs the rules again on them; the last one does so with the whole log, which alone shows that nothing else fits.");
        let mut rules: Vec<_> = steps.iter().filter_map(|step| text(step, "link.rule")).collect();
        rules.sort();
        rules.dedup();
        if !rules.is_empty() {
            self.say("What each rule compares, and what of it can be forged:");
        }
        for rule in rules {
            self.put(Block::Code(format!("deponent rules {}", argument(&rule, "NAME"))));
        }
        if let Some(proof) = text(self.told, "proof") {
            self.heading("Proof that the exhibits are in the log");
            self.say("From its first line to its last, saved as FILE.proof: deponent verify FILE.proof --key VKEY");
            self.put(Block::Copy(proof.lines().map(|line| whole(line) + "\n").collect()));
        }
    }
}

/// A name in a command that somebody may paste into a shell: what does not look like an id or a rule (a server may say anything) is left to the reader.
fn argument<'a>(name: &'a str, placeholder: &'a str) -> &'a str {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if plain && name.bytes().next().is_some_and(|first| first != b'-') { name } else { placeholder }
}

/// `1 to 6, 9, 10`: numbers in order, each once.
fn ranges(mut numbers: Vec<usize>) -> String {
    numbers.sort_unstable();
    numbers.dedup();
    let parts = numbers.chunk_by(|one, next| one + 1 == *next).map(|run| match run {
        [first, _, .., last] => format!("{first} to {last}"),
        few => few.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Who says so, as prose.
fn asserter(by: &str) -> String {
    match by {
        "kernel" => "the kernel of the node".to_owned(),
        "apiserver" => "the API server".to_owned(),
        "runtime" => "the container runtime".to_owned(),
        "kubelet" => "the kubelet of the node".to_owned(),
        "daemon" => "a program on the node".to_owned(),
        "client" => "the client itself, who may say anything".to_owned(),
        other => Word(other).to_string(),
    }
}

#[derive(PartialEq, Eq)]
struct Exhibit {
    event: String,
    leaf: String,
    record: String,
    sha256: String,
}

/// Records in the order in which they are first named.
#[derive(Default)]
struct Exhibits {
    known: Vec<Exhibit>,
    numbers: std::collections::HashMap<String, usize>,
}

impl Exhibits {
    fn add(&mut self, records: &[Value]) {
        for record in records {
            self.number(record);
        }
    }

    /// The number of a record, from 1.
    fn number(&mut self, record: &Value) -> usize {
        let part = |name: &str| text(record, name).map_or_else(|| "unknown".to_owned(), std::borrow::Cow::into_owned);
        let key = crate::query::json::line(&serde_json::json!([
            at(record, "event"),
            at(record, "leaf"),
            at(record, "record"),
            at(record, "sha256")
        ]));
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        self.known.push(Exhibit {
            event: part("event"),
            leaf: part("leaf"),
            record: part("record"),
            sha256: part("sha256"),
        });
        self.numbers.insert(key, self.known.len());
        self.known.len()
    }
}
