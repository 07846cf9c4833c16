//! An investigator's twenty questions, each answered by one command on the lab. `docs/questions.md` shows what they print.
//!
//! Not here: whether the answers are right for every event (`attribution`, `scenarios`, `traces`).

use crate::harness::{Scratch, corpus, root};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A question, our command, what its answer must say, and what ausearch, jq and others need for it.
struct Asked {
    question: &'static str,
    /// `ID` stands for the event that `of` finds.
    command: &'static [&'static str],
    of: &'static str,
    says: &'static [&'static str],
    others: &'static str,
}

const TROJAN: &str = "object:/var/lib/docker/docker login:bob exe:*dash";
const PLANTED: &str = "object:*/manifests/kube-proxy.yaml login:bob exe:*tee what:opened-file";

const ASKED: &[Asked] = &[
    Asked {
        question: "Who exec'd into a pod on a day?",
        command: &["search", "what:exec object:web-55956fc998-sjcqk", "--since", "2026-11-23", "--until", "2026-11-24"],
        of: "",
        says: &["alice@example.com", "bob@example.com"],
        others: r#"`jq 'select(.objectRef.subresource=="exec" and .objectRef.name=="web-…")'` over every rotated file, then join the stages"#,
    },
    Asked {
        question: "What did a person do around an event?",
        command: &["timeline", "who:bob*", "--around", "ID:1s"],
        of: PLANTED,
        says: &["tee /etc/kubernetes/manifests/kube-proxy.yaml"],
        others: "Timesketch, after an import of each log",
    },
    Asked {
        question: "Which human is behind root's write below /var/lib/docker?",
        command: &["why", "ID"],
        of: TROJAN,
        says: &["login bob (auid 1502, ses 9) did it: PROVEN"],
        others: "`ausearch -k audit-docker -i`, `ausearch --session 9`, sshd's log, `grep` by time",
    },
    Asked {
        question: "Who has read a secret?",
        command: &["readers", "secrets/shop/db"],
        of: "",
        says: &["alice@example.com: get", "system:serviceaccount:shop:web: list", "mallory@example.com: list"],
        others: "`jq` for get, list and watch; lists of the whole namespace, mounts and execs are missed",
    },
    Asked {
        question: "Who deleted it, and is that in the log?",
        command: &["why", "ID"],
        of: "what:delete kind:configmaps object:app-cfg",
        says: &["mallory@example.com as alice@example.com", "PROVEN"],
        others: "`jq 'select(.verb==\"delete\")'`: names alice where `impersonatedUser` is not read",
    },
    Asked {
        question: "Did anyone touch Docker's folder outside of the maintenance window?",
        command: &["search", "key:audit-docker NOT clock:20:59..21:00 login:*"],
        of: "",
        says: &[],
        others: "`ausearch -k audit-docker -ts … -te …` once a day: there are no daily windows",
    },
    Asked {
        question: "Whose failed login was followed by a successful one, from one address?",
        command: &[
            "search",
            "| sequence by src within 10m [what:tried-to-log-in outcome:failure] [what:logged-in outcome:success]",
        ],
        of: "",
        says: &["127.0.0.1"],
        others: "EQL: `sequence by source.ip with maxspan=10m …`",
    },
    Asked {
        question: "What did a service account do?",
        command: &["timeline", "sa:shop/web"],
        of: "",
        says: &["list secrets in namespace shop", "from 127.0.0.66"],
        others: "Lucene, with each colon escaped",
    },
    Asked {
        question: "Which processes ran in a container?",
        command: &["tree", "ID"],
        of: PLANTED,
        says: &["cat /host/etc/shadow"],
        others: "Elastic's session view, for containers that its own agent saw",
    },
    Asked {
        question: "What was done in that shell session?",
        command: &["replay", "session:node-1/9"],
        of: "",
        says: &["docker run", "auid 1502"],
        others: "`aureport --tty`, where pam_tty_audit was on",
    },
    Asked {
        question: "Who is refused most?",
        command: &["top", "who", "outcome:denied", "--since", "2026-11-23"],
        of: "",
        says: &["mallory", "system:anonymous"],
        others: "Loki: `topk(10, sum by (user) (count_over_time(…)))`",
    },
    Asked {
        question: "How much happened, by five minutes?",
        command: &["hist", "5m", "ns:shop"],
        of: "",
        says: &["2026-11-23T20:55:00Z"],
        others: "a `date_histogram`",
    },
    Asked {
        question: "Which connections left the cluster's network?",
        command: &["search", "what:connected dst:* NOT dst:10.0.0.0/8"],
        of: "",
        says: &[],
        others: "Quickwit and Loki know no networks; Elastic needs a field of type ip",
    },
    Asked {
        question: "Was anything lost?",
        command: &["gaps"],
        of: "",
        says: &[],
        others: "nothing: a log does not say what is not in it",
    },
    Asked {
        question: "Prove that the event was there and is unaltered.",
        command: &["prove", "ID"],
        of: TROJAN,
        says: &["deponent-proof/v1"],
        others: "nothing",
    },
    Asked {
        question: "Who acted as whom?",
        command: &["search", "source:kubernetes who.as:*"],
        of: "",
        says: &["mallory@example.com as alice@example.com", "mallory@example.com as breakglass"],
        others: "`jq 'select(.impersonatedUser)'`",
    },
    Asked {
        question: "Who gave her those rights?",
        command: &["why", "ID"],
        of: "who:mallory@example.com what:list kind:secrets outcome:success",
        says: &["the right", "create clusterrolebindings innocuous-view", "mallory@example.com as breakglass"],
        others: "`jq .requestObject` over all bindings, by hand",
    },
    Asked {
        question: "Did this write cause that container?",
        command: &["why", "SANDBOX", "--to", "ID"],
        of: PLANTED,
        says: &["manifest-pod", "kubelet-pod"],
        others: "nothing",
    },
    Asked {
        question: "Give the court everything about it.",
        command: &["case", "export", "ID", "--to", "case12.tar.zst"],
        of: PLANTED,
        says: &["case12.tar.zst: 1 events", "sha256"],
        others: "a Timesketch export: no proofs",
    },
    Asked {
        question: "What is suspicious of itself?",
        command: &["findings"],
        of: "",
        says: &["TOKEN_OUT_OF_PLACE", "TRACE_DELETED"],
        others: "rules of Sigma or Falco, event by event",
    },
];

/// Logs whose stamps have a year.
const LOGS: &[&str] = &["audit", "k8s-audit", "containerd", "containerd-events", "kubelet"];

/// Lines of an answer that the page shows.
const SHOWN: usize = 12;
const WIDE: usize = 150;

#[test]
fn twenty_questions() {
    let Some(corpus) = corpus() else { return };
    let scratch = Scratch::new();
    let lab = corpus.join("lab");
    let mut files: Vec<PathBuf> = LOGS.iter().map(|name| lab.join(format!("{name}.log"))).collect();
    files.push(lab.join("pods"));
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    scratch.ingest(&paths, &[]);
    let id = |query: &str| -> String {
        let found = scratch.search(query);
        found.first().unwrap_or_else(|| panic!("{query} finds nothing"))["id"].as_str().unwrap()[..10].to_owned()
    };
    let mut page = String::new();
    for (number, asked) in ASKED.iter().enumerate() {
        let event = if asked.of.is_empty() { String::new() } else { id(asked.of) };
        let sandbox = id("source:containerd what:created-sandbox pod:kube-proxy-node-1");
        let words: Vec<String> =
            asked.command.iter().map(|word| word.replace("ID", &event).replace("SANDBOX", &sandbox)).collect();
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.extend(["--store", "store"]);
        let run = scratch.run(&arguments);
        assert!([0, 1, 4].contains(&run.code), "{words:?}: {} {}", run.code, run.err);
        for text in asked.says {
            assert!(run.out.contains(text), "{words:?} does not say {text}: {}", run.out);
        }
        let quoted: Vec<String> = words
            .iter()
            .map(|word| if word.contains([' ', '*', '|']) { format!("'{word}'") } else { word.clone() })
            .collect();
        let _ = write!(page, "\n## {}. {}\n\n    deponent {}\n\n", number + 1, asked.question, quoted.join(" "));
        if !asked.of.is_empty() {
            let _ = write!(page, "of the event that `{}` finds. ", asked.of);
        }
        let _ = write!(page, "Others: {}.\n\n```\n", asked.others);
        // What is signed, and when records were received, differs from store to store.
        let is_own = matches!(asked.command[0], "prove" | "case");
        let lines: Vec<&str> = run.out.lines().filter(|_| !is_own).collect();
        for line in lines.iter().take(SHOWN) {
            let cut: String = line.chars().take(WIDE).collect();
            let _ = writeln!(page, "{}{}", cut.trim_end(), if line.chars().count() > WIDE { " …" } else { "" });
        }
        match lines.len() {
            0 if is_own => page.push_str("(a document with this store's own signature)\n"),
            0 => page.push_str("(nothing)\n"),
            more if more > SHOWN => {
                let _ = writeln!(page, "… {} lines more", more - SHOWN);
            }
            _ => {}
        }
        page.push_str("```\n");
    }
    compare(&page);
}

/// `docs/questions.md` says what was found; `UPDATE_GOLDEN=1` writes it.
fn compare(found: &str) {
    let path = root().join("docs/questions.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let start = "<!-- questions -->\n";
    let from = page.find(start).unwrap() + start.len();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{}{found}", &page[..from])).unwrap();
        return;
    }
    assert_eq!(&page[from..], found, "docs/questions.md is not what was found; UPDATE_GOLDEN=1 writes it");
}
