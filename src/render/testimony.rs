//! `testify` for people: prose that a court can read. Six questions, each claim with its grade, who asserts it, what it does not show, and its exhibits.
//!
//! Records stand once, at the end, as numbered exhibits: log entry, record, SHA-256. Not here: how claims are worded (`query::testimony`), chains (`why`).

use super::link::{finding, list, paint_of_class, paint_of_root, verdict};
use super::why::{chain, grounds};
use super::{Look, Paint, Renderer, Safe, Word, sentence};
use crate::query::json::{at, each_text, text};
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

/// Writes testimonies.
pub(super) struct Testimony {
    look: Look,
}

impl Testimony {
    pub(super) fn new(look: Look) -> Testimony {
        Testimony { look }
    }
}

impl Renderer for Testimony {
    fn event(&mut self, out: &mut dyn Write, answer: &Value) -> io::Result<()> {
        let told = answer.get("testimony").unwrap_or(answer);
        let event = told.get("event").unwrap_or(&Value::Null);
        let mut exhibits = Exhibits::default();
        let steps = list(told, "chain");
        let root = told.get("root").unwrap_or(&Value::Null);
        self.heading(out, "Testimony")?;
        let id = text(event, "id").unwrap_or("without an id".into());
        writeln!(out, "This is what the records kept by deponent say about event {}:", Word(&id))?;
        writeln!(out, "  {}", sentence(event, &self.look))?;
        writeln!(out, "\nIn one line: {}", self.look.style.paint(paint_of_root(root), verdict(root, steps)))?;
        let claims = list(told, "claims");
        for claim in claims {
            self.claim(out, claim, &mut exhibits)?;
        }
        self.heading(out, "\nHow it came about")?;
        if steps.is_empty() {
            writeln!(out, "No earlier event is known.")?;
        }
        chain(out, &self.look, steps)?;
        grounds(out, &self.look, list(told, "grounds"), steps)?;
        let findings = list(told, "findings");
        if !findings.is_empty() {
            self.heading(out, "\nWhat is missing or contradicts itself")?;
        }
        for one in findings {
            finding(out, &self.look, one, "")?;
            exhibits.add(list(one, "evidence"));
        }
        self.limits(out, root)?;
        let besides = list(told, "grounds").iter().flat_map(|ground| list(ground, "chain"));
        for link in steps.iter().chain(besides).filter_map(|step| step.get("link")) {
            exhibits.add(list(link, "evidence"));
        }
        self.exhibits(out, &exhibits)?;
        self.grades(out, claims, steps)?;
        self.verification(out, told, &id, steps)
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

impl Testimony {
    fn heading(&self, out: &mut dyn Write, title: &str) -> io::Result<()> {
        let bare = title.trim_start_matches('\n');
        let before = title.get(..title.len() - bare.len()).unwrap_or_default();
        writeln!(out, "{before}{}", self.look.style.paint(Paint::Heading, bare))
    }

    fn claim(&self, out: &mut dyn Write, claim: &Value, exhibits: &mut Exhibits) -> io::Result<()> {
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
        self.heading(out, &format!("\n{title}"))?;
        let said = text(claim, "claim").unwrap_or("the records do not say".into());
        writeln!(out, "  {}", Safe(&said))?;
        let grade = text(claim, "grade").unwrap_or("UNKNOWN".into());
        let grade = self.look.style.paint(paint_of_class(&grade), Word(&grade));
        let by = text(claim, "asserted_by").map(|by| format!(", asserted by {}", asserter(&by))).unwrap_or_default();
        writeln!(out, "  Grade: {grade}{by}.")?;
        for limit in each_text(claim, "limits") {
            writeln!(out, "  Limit: {}.", Safe(limit.trim_end_matches('.')))?;
        }
        let numbers: Vec<usize> = list(claim, "evidence").iter().map(|record| exhibits.number(record)).collect();
        match numbers.as_slice() {
            [] => writeln!(out, "  Evidence: none."),
            [one] => writeln!(out, "  Evidence: exhibit {one}."),
            _ => writeln!(out, "  Evidence: exhibits {}.", ranges(numbers)),
        }
    }

    /// What no record shows, whatever the grade.
    fn limits(&self, out: &mut dyn Write, root: &Value) -> io::Result<()> {
        self.heading(out, "\nWhat this does not show")?;
        let end = match text(root, "kind").as_deref() {
            Some("credential") => {
                "The proof ends at the credential: whoever held it. It does not show whose hands were on the keyboard."
            }
            Some("login") => {
                "The proof ends at the login: whoever logged in under that name. It does not show whose hands were on the keyboard."
            }
            Some("ambiguous") => {
                "It does not show which of those named did it. For each of them the proof ends at the credential: whoever held it."
            }
            _ => "It does not show who did it. That nobody can be named says nothing about anybody.",
        };
        writeln!(out, "  {end}")?;
        for missing in each_text(root, "missing") {
            writeln!(out, "  Not shown: {}.", Safe(missing.trim_end_matches('.')))?;
        }
        writeln!(
            out,
            "  The log proves that the records have not been altered since deponent received them; that they were true when they were written, it cannot prove."
        )
    }

    fn exhibits(&self, out: &mut dyn Write, exhibits: &Exhibits) -> io::Result<()> {
        self.heading(out, "\nExhibits")?;
        if exhibits.known.is_empty() {
            writeln!(out, "  none")?;
        }
        for (number, exhibit) in exhibits.known.iter().enumerate() {
            let hash = Word(&exhibit.sha256);
            let (leaf, record) = (Word(&exhibit.leaf), Word(&exhibit.record));
            writeln!(
                out,
                "  {:>3}. event {}, leaf {leaf}, record {record}, sha256 {hash}",
                number + 1,
                Word(&exhibit.event)
            )?;
        }
        Ok(())
    }

    /// The grades that occur, explained.
    fn grades(&self, out: &mut dyn Write, claims: &[Value], steps: &[Value]) -> io::Result<()> {
        let mut used: Vec<_> = claims.iter().filter_map(|claim| text(claim, "grade")).collect();
        used.extend(steps.iter().filter_map(|step| text(step, "link.class")));
        self.heading(out, "\nWhat the grades mean")?;
        for (grade, meaning) in GRADES.iter().filter(|(grade, _)| used.iter().any(|used| used == grade)) {
            writeln!(out, "  {grade}: {meaning}.")?;
        }
        Ok(())
    }

    fn verification(&self, out: &mut dyn Write, told: &Value, id: &str, steps: &[Value]) -> io::Result<()> {
        self.heading(out, "\nHow to verify it")?;
        match text(told, "checkpoint") {
            Some(checkpoint) => {
                writeln!(out, "  The exhibits are entries of a signed, append-only log: {}.", Safe(&checkpoint))?
            }
            None => writeln!(
                out,
                "  The exhibits are entries of a log that no signed checkpoint covers yet; ask again later."
            )?,
        }
        let mut ids: Vec<_> = steps.iter().filter_map(|step| text(step, "event.id")).collect();
        if ids.is_empty() {
            ids.push(id.into());
        }
        writeln!(out, "  The proof of an event's records, for somebody who has neither this store nor deponent:")?;
        for id in ids {
            writeln!(out, "    deponent prove {0} > {0}.proof", argument(&id, "ID"))?;
        }
        writeln!(out, "  Its check, with a key that came another way: deponent verify FILE.proof --key VKEY")?;
        writeln!(out, "  The whole log: deponent verify --store DIR --key VKEY --head HEAD")?;
        let mut rules: Vec<_> = steps.iter().filter_map(|step| text(step, "link.rule")).collect();
        rules.sort();
        rules.dedup();
        for rule in rules {
            let rule = argument(&rule, "NAME");
            writeln!(out, "  What the rule {rule} compares and what can be forged: deponent rules {rule}")?;
        }
        writeln!(
            out,
            "  The raw records and the versions of the rules, to run the rules again: deponent testify {} -o json",
            argument(id, "ID")
        )
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
