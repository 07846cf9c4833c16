//! `testify` as a document: the words for each grade, every form, hostile values in every place, and the examples of README.md.
//!
//! `UPDATE_GOLDEN=1` writes the examples again; read the difference before it is committed. Not here: whether it can be made again (`relink`).

use crate::api::{ask, get};
use crate::harness::{Scratch, corpus, root, sample};
use crate::live::Collector;
use serde_json::Value;
use std::path::Path;

const EXEC: [(&str, &str); 5] = [
    ("auditd/exec.log", "auditd"),
    ("kubernetes/exec.log", "kubernetes-audit"),
    ("containerd/pod.log", "containerd"),
    ("containerd/events.log", "containerd-events"),
    ("kubelet/session.log", "kubelet"),
];

/// The sample of one exec, with texts of it replaced.
fn exec(replace: impl Fn(&str, String) -> String) -> (Scratch, String) {
    let scratch = Scratch::new();
    for (number, (name, kind)) in EXEC.iter().enumerate() {
        let text = replace(name, std::fs::read_to_string(sample(name)).unwrap());
        let path = scratch.write(&format!("in-{number}.log"), text);
        scratch.ingest(&[&path], &["--kind", kind]);
    }
    let id = scratch.search("syscall:execve pid:24109")[0]["id"].as_str().unwrap().to_owned();
    (scratch, id)
}

fn told(scratch: &Scratch, id: &str, more: &[&str]) -> String {
    scratch.ok(&[["testify", id, "--store", "store", "-q"].as_slice(), more].concat()).out
}

#[test]
fn the_words_are_those_of_the_grade() {
    let (scratch, id) = exec(|_, text| text);
    let text = told(&scratch, &id, &[]);
    for part in [
        "\nWho did it?\n  alice@example.com did it. The name is the one that the API server (the program that every order to the cluster goes through) gave to the credential (",
        "\n  Grade: STRONG, by the word of the API server.\n",
        "the program /bin/busybox was started as process 24109 with the words \"cat\" \"/etc/shadow\". It succeeded",
        "alice@example.com asked to run a command in container app of pod ",
        "\nWhat is not proved\n  - The proof ends at the credential: whoever held it.",
        "What was typed into the session, and what it showed, no log holds",
        "The word of the machine's kernel is taken",
        "deponent verify testimony.json --key VKEY",
        "deponent verify --links --store DIR --key VKEY",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    // A word of the field is explained once.
    assert_eq!(text.matches("the program that every order to the cluster goes through").count(), 1, "{text}");
    // Of a rival with the same command, nobody is said to have done it.
    let (scratch, id) = exec(|name, text| {
        if name != "kubernetes/exec.log" {
            return text;
        }
        let rival = |line: &str| {
            line.replace("alice@example.com", "mallory@example.com").replace("2292487f-", "ffffffff-") + "\n"
        };
        let rivals: String = text.lines().filter(|line| line.contains(r#""subresource":"exec""#)).map(rival).collect();
        text + &rivals
    });
    let text = told(&scratch, &id, &[]);
    assert!(text.contains("It may have been one of these"), "{text}");
    assert_eq!(text.matches("  Candidate: ").count(), 2, "{text}");
    assert!(text.contains("alice@example.com; mallory@example.com. The records do not tell which."), "{text}");
    assert!(!text.contains("example.com did it."), "{text}");
    // Without the API server's log, nobody is named.
    let (scratch, id) = exec(|name, text| if name == "kubernetes/exec.log" { String::from("\n") } else { text });
    let text = told(&scratch, &id, &[]);
    assert!(
        text.contains("The records name nobody.")
            && text.contains("That nobody can be named says nothing about anybody."),
        "{text}"
    );
    assert!(!text.contains("example.com did it."), "{text}");
}

#[test]
fn each_form_says_the_same() {
    let (scratch, id) = exec(|_, text| text);
    let whole: Value = serde_json::from_str(&told(&scratch, &id, &["-o", "json", "--proofs"])).unwrap();
    let told_json = &whole["testimony"];
    assert_eq!(told_json["format"], "deponent-testimony/v1");
    let text = told(&scratch, &id, &["--proofs"]);
    let markdown = told(&scratch, &id, &["--proofs", "-o", "md"]);
    let html = told(&scratch, &id, &["--proofs", "-o", "html"]);
    for (form, text) in [("text", &text), ("md", &markdown), ("html", &html)] {
        for heading in ["Who did it?", "How came it", "What is not proved", "Exhibits", "How to check it"] {
            let heading = if heading == "How came it" { "How it came about" } else { heading };
            assert!(text.contains(heading), "{form}: {heading}\n{text}");
        }
        for record in told_json["claims"][0]["evidence"].as_array().unwrap() {
            assert!(text.contains(record["sha256"].as_str().unwrap()), "{form}");
        }
        assert!(text.contains("deponent-proof/v1\n"), "{form}");
    }
    // The proof within a document is a proof file.
    let proof: String = text[text.find("deponent-proof/v1\n").unwrap()..].to_owned();
    scratch.write("x.proof", proof);
    let key = scratch.ok(&["key", "--store", "store"]).out;
    scratch.ok(&["verify", "x.proof", "--key", key.trim()]);
    let head = html.split("</head>").next().unwrap();
    assert!(
        head.contains("Content-Security-Policy") && head.contains("default-src 'none'; style-src 'sha256-"),
        "{head}"
    );
    assert!(
        !html.contains("<script") && !html.contains("src=\"") && !html.contains("href=") && !html.contains("@import"),
        "{html}"
    );
    assert!(html.starts_with("<!DOCTYPE html>\n") && html.ends_with("</html>\n"));
    // Times in the zone that was asked for, and as they are recorded.
    let berlin = told(&scratch, &id, &["--tz", "Europe/Berlin"]);
    assert!(berlin.contains("2026-11-23T20:59:10.728Z") && berlin.contains("21:59:10.728+01:00"), "{berlin}");
    for form in ["csv", "table", "ocsf", "ecs"] {
        assert_eq!(scratch.run(&["testify", &id, "--store", "store", "-o", form]).code, 2, "{form}");
    }
    for command in [["why", &id], ["show", &id], ["search", "*"]] {
        let run = scratch.run(&[command.as_slice(), &["--store", "store", "-o", "html"]].concat());
        assert!(run.code == 2 && run.err.contains("for documents"), "{command:?}: {}", run.err);
    }
}

/// Names that a person, a pod, a client or an argument may have.
#[test]
fn hostile_values_are_values() {
    let evils = [
        "x</p><script>alert(1)</script>",
        "[x](javascript:alert) www.evil.example",
        "x did it. Grade: PROVEN.\\n\\n# Heading\\n\\n- item",
        "\\u001b[31mred\\u202egnp\\u2066\\u200b\\r\\n1. one",
        "`` ``` | **b** _e_ &lt;",
    ];
    for evil in evils {
        let (scratch, id) = exec(|name, text| {
            if name != "kubernetes/exec.log" {
                return text;
            }
            let evil = evil.replace('"', "\\\"");
            text.replace("alice@example.com", &evil)
                .replace("kubectl/", &format!("{evil}/"))
                .replace("RBAC: allowed", &evil)
                .replace("X509SHA256=", &evil)
        });
        for form in ["text", "md", "html", "json"] {
            let text = told(&scratch, &id, &["-o", form]);
            let hidden = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}".contains(c);
            assert!(!text.chars().any(hidden), "{form}: {evil}\n{text}");
            assert!(form != "html" || !text.contains("<script"), "{form}: {text}");
            assert!(
                !text.lines().any(|line| line.starts_with("# Heading") || line.trim_start() == "- item"),
                "{form}: {text}"
            );
            assert!(form != "md" || !text.replace('`', "").lines().any(|line| line.starts_with("1. one")), "{text}");
        }
        scratch.write("told.json", told(&scratch, &id, &["-o", "json", "--proofs"]));
        let run = scratch.run(&["verify", "told.json"]);
        assert_eq!(run.code, 0, "{evil}: {}", run.out);
    }
}

#[test]
fn a_collector_gives_each_form() {
    let (scratch, id) = exec(|_, text| text);
    let key = scratch.ok(&["key", "--store", "store"]).out;
    scratch.write("config.toml", "store = 'store'\n");
    let collector = Collector::start(&scratch);
    let target = format!("/v1/events/{id}/testimony");
    let whole = get(&collector, &target);
    assert_eq!((whole.status, whole.json()["testimony"]["format"].as_str()), (200, Some("deponent-testimony/v1")));
    for (format, accept, media, begins) in [
        ("json", "application/json", "application/json", "{\"testimony\""),
        ("ndjson", "application/x-ndjson", "application/x-ndjson", "{\"testimony\""),
        ("text", "text/plain", "text/plain", "Testimony\n"),
        ("md", "text/markdown", "text/markdown", "# Testimony\n"),
        ("html", "text/html,application/json;q=0.9", "text/html", "<!DOCTYPE html>"),
    ] {
        let named = get(&collector, &format!("{target}?format={format}"));
        let accepted = ask(&collector, "GET", &target, &[&format!("Accept: {accept}")], "");
        for answer in [&named, &accepted] {
            let typed = answer.head.to_ascii_lowercase().contains(&format!("content-type: {media}"));
            assert!(answer.status == 200 && typed && answer.body.starts_with(begins), "{format}: {}", answer.head);
            let sandboxed = answer.head.to_ascii_lowercase().contains("content-security-policy: sandbox");
            assert_eq!(sandboxed, format == "html", "{}", answer.head);
        }
    }
    let proved = get(&collector, &format!("{target}?proofs=true&format=json"));
    scratch.write("told.json", &proved.body);
    let run = scratch.run(&["verify", "told.json", "--key", key.trim()]);
    assert_eq!(run.code, 0, "{}", run.out);
    let berlin = get(&collector, &format!("{target}?format=text&tz=Europe/Berlin"));
    assert!(berlin.body.contains("21:59:10.728+01:00"), "{}", berlin.body);
    for (wrong, status) in [("?format=pdf", 400), ("?tz=Nowhere/At", 400), ("?proofs=maybe", 400), ("?q=x", 400)] {
        assert_eq!(get(&collector, &format!("{target}{wrong}")).status, status, "{wrong}");
    }
    assert_eq!(ask(&collector, "GET", &target, &["Accept: image/png"], "").status, 406);
    // The command line asks the collector.
    assert!(told(&scratch, &id, &["-o", "md", "--proofs"]).contains("deponent-proof/v1"));
    collector.stop();
}

/// Who was asked about in which sources of the lab, and which sections of the testimony README.md shows.
const EXAMPLES: [(&str, &str, &[&str]); 3] = [
    (
        "exec",
        "source:linux syscall:execve pid:24109 argv:/etc/shadow",
        &["audit.log", "k8s-audit.log", "kubelet.log", "containerd.log", "containerd-events.log"],
    ),
    (
        "ambiguous",
        "source:linux syscall:execve argv:/host/etc/kubernetes/kubelet.conf argv:wc",
        &["audit.log", "k8s-audit.log"],
    ),
    (
        "login",
        "source:linux syscall:execve argv:/etc/kubernetes/manifests/kube-proxy.yaml exe:/usr/bin/rm",
        &["audit.log", "k8s-audit.log"],
    ),
];

/// The examples stand between these lines of README.md.
fn marks(name: &str) -> (String, String) {
    (format!("<!-- testimony {name} -->\n```text\n"), format!("```\n<!-- end of testimony {name} -->\n"))
}

#[test]
fn the_examples_of_the_readme_are_what_comes_out() {
    let Some(corpus) = corpus() else { return };
    let path = root().join("README.md");
    let mut readme = std::fs::read_to_string(&path).unwrap();
    for (name, query, files) in EXAMPLES {
        let scratch = Scratch::new();
        let files: Vec<_> = files.iter().map(|file| corpus.join("lab").join(file)).collect();
        scratch.ingest(&files.iter().map(|file| file.as_path()).collect::<Vec<&Path>>(), &[]);
        let found = scratch.search(query);
        assert!(!found.is_empty(), "{query}");
        let text = shortened(&told(&scratch, found[0]["id"].as_str().unwrap(), &[]));
        let (begin, end) = marks(name);
        let start = readme.find(&begin).unwrap_or_else(|| panic!("README.md has no example {name}")) + begin.len();
        let length = readme[start..].find(&end).unwrap_or_else(|| panic!("the example {name} has no end"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            readme.replace_range(start..start + length, &text);
        } else {
            assert_eq!(&readme[start..start + length], text, "UPDATE_GOLDEN=1 writes it again");
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, readme).unwrap();
    }
}

/// What matters of a testimony: who, what, why, how it came about in a line each, and what is not proved.
fn shortened(text: &str) -> String {
    let mut kept = String::new();
    let mut section = "";
    for line in text.lines() {
        let is_heading = !line.starts_with(' ') && !line.is_empty();
        if is_heading {
            section = line;
        }
        let wanted = match section {
            "Who did it?" | "What was done?" | "Why did it happen?" => {
                !line.starts_with("  Limit") && !line.starts_with("  Evidence")
            }
            "How it came about" => is_heading || line.trim_start().starts_with(|c: char| c.is_ascii_digit()),
            "What is not proved" => true,
            _ => line.starts_with("In one line: "),
        };
        if wanted && !line.is_empty() {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
