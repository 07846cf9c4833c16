//! Which fields of an application's lines answer which question.
//!
//! Inside: the usual names, and the text form in which an operator's own ones stand in configuration and in batch headers. Not here: reading the fields
//! (`deponent_parsers::container`).

use std::fmt;

/// A question, its name in configuration, and the fields that usually answer it, the best first.
const QUESTIONS: [(&str, &[&str]); 6] = [
    (
        "actor",
        &[
            "user",
            "username",
            "user_name",
            "userName",
            "user.name",
            "user.id",
            "user.email",
            "user_id",
            "userId",
            "uid",
            "sub",
            "subject",
            "principal",
            "actor",
            "actor.name",
            "account",
            "login",
            "email",
            "remote_user",
        ],
    ),
    ("action", &["action", "event.action", "event", "operation", "op", "activity", "verb"]),
    ("object", &["object", "resource", "target", "path", "uri", "url", "http.url", "request_uri", "request"]),
    ("outcome", &["outcome", "event.outcome", "result", "status", "status_code", "http.status_code", "code"]),
    (
        "address",
        &[
            "remote_addr",
            "client_ip",
            "clientIP",
            "client.ip",
            "source.ip",
            "src_ip",
            "ip",
            "remote",
            "peer",
            "address",
        ],
    ),
    ("method", &["method", "http.method", "http.request.method", "request_method"]),
];
/// Names that one question may have.
const NAMES_MAX: usize = 32;
/// Bytes of the text form.
const TEXT_BYTES_MAX: usize = 2_048;

/// Names of fields by question; a question without names has the usual ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    names: [Vec<String>; QUESTIONS.len()],
}

/// What can be asked of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Who.
    Actor,
    /// Did what.
    Action,
    /// To what.
    Object,
    /// With what outcome: a word, or a status of HTTP.
    Outcome,
    /// From where.
    Address,
    /// By which method of HTTP.
    Method,
}

impl Mapping {
    /// The text form: `actor=user,sub;action=event`. Empty text: the usual names.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Mapping, String> {
        let mut mapping = Mapping::default();
        if text.len() > TEXT_BYTES_MAX {
            return Err(too_long(text.len()));
        }
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (question, names) =
                part.split_once('=').ok_or_else(|| format!("`{}` is not `question=field,field`", part.trim()))?;
            let names: Vec<&str> = names.split(',').map(str::trim).collect();
            mapping.set(question.trim(), &names)?;
        }
        Ok(mapping)
    }

    /// Sets the names of a question.
    ///
    /// # Errors
    /// What is wrong with them, for people.
    pub fn set(&mut self, question: &str, names: &[&str]) -> Result<(), String> {
        let known = QUESTIONS.iter().position(|(name, _)| *name == question);
        let slot = known.and_then(|at| self.names.get_mut(at)).ok_or_else(|| {
            let all: Vec<&str> = QUESTIONS.iter().map(|(name, _)| *name).collect();
            format!("`{question}` is none of: {}", all.join(", "))
        })?;
        // What the text form could not say again.
        let odd = |name: &&&str| {
            name.trim() != **name
                || name.is_empty()
                || name.contains([',', ';', '='])
                || name.chars().any(char::is_control)
        };
        if let Some(name) = names.iter().find(odd) {
            return Err(format!(
                "`{question}`: {name:?} is no name of a field: it may not be empty, hold , ; = or have blanks around it"
            ));
        }
        if names.is_empty() || names.len() > NAMES_MAX {
            return Err(format!("`{question}` has {} names; 1 to {NAMES_MAX} are possible", names.len()));
        }
        *slot = names.iter().map(|name| (*name).to_owned()).collect();
        match self.to_string().len() {
            bytes if bytes > TEXT_BYTES_MAX => Err(too_long(bytes)),
            _ => Ok(()),
        }
    }

    /// The names of the fields that answer a question, the best first.
    pub fn names(&self, question: Question) -> impl Iterator<Item = &str> {
        let at = question as usize;
        let own = self.names.get(at).map(Vec::as_slice).unwrap_or_default();
        let usual: &[&str] = if own.is_empty() { QUESTIONS.get(at).map_or(&[], |(_, names)| names) } else { &[] };
        own.iter().map(String::as_str).chain(usual.iter().copied())
    }
}

fn too_long(bytes: usize) -> String {
    format!("the names are {bytes} bytes together; at most {TEXT_BYTES_MAX} fit")
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = QUESTIONS.iter().zip(&self.names).filter(|(_, names)| !names.is_empty());
        for (number, ((question, _), names)) in set.enumerate() {
            let between = if number == 0 { "" } else { ";" };
            write!(f, "{between}{question}={}", names.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let mapping = Mapping::parse("action=event ; actor=sub, user.id").unwrap();
        assert_eq!(mapping.to_string(), "actor=sub,user.id;action=event");
        assert_eq!(Mapping::parse(&mapping.to_string()).unwrap(), mapping);
        assert_eq!(mapping.names(Question::Actor).collect::<Vec<_>>(), ["sub", "user.id"]);
        assert!(mapping.names(Question::Object).any(|name| name == "path"), "the usual ones");
        assert_eq!(Mapping::parse("").unwrap(), Mapping::default());
        for wrong in ["who=x", "actor", "actor=", "actor=a,,b", "actor=a\nb", &"x".repeat(3_000)] {
            assert!(Mapping::parse(wrong).is_err(), "{wrong}");
        }
        // Whatever was set can be read again: a header that could not would fall back to the usual names.
        let mut mapping = Mapping::default();
        let long = "x".repeat(100);
        assert!(mapping.set("actor", &[" a"]).is_err() && mapping.set("actor", &["a,b"]).is_err());
        assert!(mapping.set("actor", &[long.as_str(); 30]).is_err());
    }
}
