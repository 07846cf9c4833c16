//! The uid that an exec webhook gives a session, on the sample of one exec: what it proves, and who may have written it instead.
//!
//! Not here: sessions without it (`correlation`).

use crate::correlation::{ingest, lines, lines_with_another_session, why};
use crate::harness::Scratch;

const UID: &str = "dbbf5fca-c955-4922-99d2-27a50212071c";
const OTHER_UID: &str = "da83c434-91f0-4696-a04e-75d08b6d80b2";

/// The first process's arguments, behind these words.
fn begins_with(files: &mut [Vec<String>], words: &[&str]) {
    let first = r#"argc=3 a0="sh" a1="-c" a2="#;
    let mut argv: Vec<String> = words.iter().enumerate().map(|(at, word)| format!("a{at}=\"{word}\"")).collect();
    argv.extend([format!("a{}=\"sh\"", words.len()), format!("a{}=\"-c\"", words.len() + 1)]);
    let whole = format!("argc={} {} a{}=", words.len() + 3, argv.join(" "), words.len() + 2);
    let line = files[0].iter_mut().find(|line| line.contains(first)).unwrap();
    *line = line.replace(first, &whole);
}

/// What the webhook has put into the record of a user's session.
fn annotated(files: &mut [Vec<String>], user: &str, uid: &str) {
    let of = |line: &&mut String| line.contains(r#""subresource":"exec""#) && line.contains(user);
    let mut count = 0;
    for line in files[1].iter_mut().filter(of).filter(|line| line.contains(r#""annotations":{"#)) {
        let with = format!(r#""annotations":{{"execmetadata.spo.io/SPO_EXEC_REQUEST_UID":"{uid}","#);
        *line = line.replace(r#""annotations":{"#, &with);
        count += 1;
    }
    assert!(count > 0, "{user}");
}

/// Who is at the end, and the class of the link to the session.
fn session_of(files: &[Vec<String>]) -> (String, String) {
    let scratch = Scratch::new();
    ingest(&scratch, files);
    let why = why(&scratch);
    let links = why["chain"].as_array().unwrap().iter().map(|step| &step["link"]);
    let class = links.filter(|link| link["rule"] == "session-exec").find_map(|link| link["class"].as_str());
    let root = &why["root"];
    let name = root["name"].as_str().or(root["kind"].as_str()).unwrap();
    (name.to_owned(), class.unwrap_or("none").to_owned())
}

fn is(files: &[Vec<String>], name: &str, class: &str, what: &str) {
    assert_eq!(session_of(files), (name.to_owned(), class.to_owned()), "{what}");
}

fn variable(uid: &str) -> String {
    format!("SPO_EXEC_REQUEST_UID={uid}")
}

#[test]
fn a_uid_that_the_webhook_gave_proves_whose_exec_it_is() {
    let mut files = lines();
    begins_with(&mut files, &["env", &variable(UID)]);
    is(&files, "alice@example.com", "STRONG", "without the API server's word it is no key");
    annotated(&mut files, "alice@example.com", UID);
    is(&files, "alice@example.com", "PROVEN", "");
    let mut crowd = lines_with_another_session();
    begins_with(&mut crowd, &["env", &variable(UID)]);
    annotated(&mut crowd, "alice@example.com", UID);
    is(&crowd, "alice@example.com", "PROVEN", "the other session has none");
    annotated(&mut crowd, "mallory@example.com", OTHER_UID);
    is(&crowd, "alice@example.com", "PROVEN", "the other session has another uid");
}

#[test]
fn a_uid_of_another_session_or_of_several_proves_nothing() {
    let mut files = lines();
    begins_with(&mut files, &["env", &variable(OTHER_UID)]);
    annotated(&mut files, "alice@example.com", UID);
    is(&files, "unknown", "none", "nobody's uid");
    let mut two = lines_with_another_session();
    begins_with(&mut two, &["env", &variable(UID)]);
    annotated(&mut two, "alice@example.com", UID);
    annotated(&mut two, "mallory@example.com", UID);
    is(&two, "alice@example.com", "STRONG", "both have it: only the other keys tell");
    let mut no_uid = lines();
    begins_with(&mut no_uid, &["env", &variable("1")]);
    annotated(&mut no_uid, "alice@example.com", "1");
    is(&no_uid, "alice@example.com", "STRONG", "not of the form that the API server makes");
}

#[test]
fn a_uid_that_somebody_wrote_himself_proves_nothing() {
    // His own command= parameters.
    let own = |files: &mut Vec<Vec<String>>| {
        for line in files[1].iter_mut().filter(|line| line.contains(r#""subresource":"exec""#)) {
            let with = format!("command=env&command=SPO_EXEC_REQUEST_UID%3D{OTHER_UID}&command=sh");
            *line = line.replacen("command=sh", &with, 1);
        }
    };
    let mut files = lines();
    own(&mut files);
    begins_with(&mut files, &["env", &variable(OTHER_UID)]);
    annotated(&mut files, "alice@example.com", OTHER_UID);
    is(&files, "alice@example.com", "STRONG", "the client's words, not the webhook's");
    let mut both = lines();
    own(&mut both);
    begins_with(&mut both, &["env", &variable(UID), "env", &variable(OTHER_UID)]);
    annotated(&mut both, "alice@example.com", UID);
    is(&both, "alice@example.com", "PROVEN", "the webhook's words stand before the client's");
    // A child of the first process.
    for (uid, class) in [(OTHER_UID, "PROVEN"), (UID, "STRONG")] {
        let mut child = lines();
        begins_with(&mut child, &["env", &variable(UID)]);
        annotated(&mut child, "alice@example.com", UID);
        let cat = r#"argc=2 a0="cat" a1="/etc/shadow""#;
        let with = format!(r#"argc=4 a0="env" a1="{}" a2="cat" a3="/etc/shadow""#, variable(uid));
        let line = child[0].iter_mut().find(|line| line.contains(cat)).unwrap();
        *line = line.replace(cat, &with);
        is(&child, "alice@example.com", class, uid);
    }
}
