//! The lab's scenarios, whole: the events that each step left, whatever their kind, and who is named for them.
//!
//! The answer key is the driver's own list of steps; what a step leaves is said here by a query. Not here: execs alone (`attribution`).

use crate::attribution::{Count, HEAD, Said, Sources, Store, compare, said, truth};
use crate::harness::corpus;
use serde_json::Value;
use std::fmt::Write as _;

/// What a step left, and who did it.
struct Left {
    step: &'static str,
    what: &'static str,
    /// A query; `None`: programs in containers that began then.
    query: Option<&'static str>,
    /// `None`: nobody is to be named.
    who: Option<&'static str>,
    /// Seconds after the step's end that belong to it.
    after: f64,
}

const fn left(
    step: &'static str,
    what: &'static str,
    query: Option<&'static str>,
    who: Option<&'static str>,
    after: f64,
) -> Left {
    Left { step, what, query, who, after }
}

const ALICE: Option<&str> = Some("alice@example.com");
const BOB_API: Option<&str> = Some("bob@example.com");
const MALLORY_API: Option<&str> = Some("mallory@example.com");
/// Requests that a person sent, and no controller.
const REQUESTS: Option<&str> = Some("source:kubernetes who.kind:user NOT who:system:*");

/// One row each. The steps a and C1, C3 (execs, copies, debug containers) have a table of their own.
const LEFT: &[Left] = &[
    left("S1", "processes of the Deployments' pods", None, ALICE, 1.5),
    left("B2", "requests, refused", REQUESTS, Some("carol@example.com"), 0.0),
    left("B3", "requests", REQUESTS, ALICE, 0.0),
    left("B3", "processes of the pod that scaling made", None, ALICE, 1.0),
    left("B5", "requests, refused", REQUESTS, Some("ci-bot"), 0.0),
    left("B13", "requests with one Audit-ID", Some("source:kubernetes audit_id:00000000-dead*"), ALICE, 0.0),
    left("A5", "requests, refused", REQUESTS, MALLORY_API, 0.0),
    left("B-ssh", "commands of the session", Some("source:linux login:bob action:executed"), Some("bob"), 0.0),
    left(
        "B-ssh",
        "the write into the watched program",
        Some("object:/var/lib/docker/docker login:bob"),
        Some("bob"),
        0.0,
    ),
    left("B-ssh", "processes of docker run and docker exec", None, Some("bob"), 0.0),
    left(
        "B-pwlogin",
        "commands of the session",
        Some("source:linux login:mallory action:executed"),
        Some("mallory"),
        0.0,
    ),
    left("D1", "commands of the session", Some("source:linux login:bob action:executed"), Some("bob"), 0.0),
    left("D1", "processes of the planted static pod", None, Some("bob"), 0.5),
    left("D1", "the kubelet's line of the pod", Some("source:kubelet action:syncloop-add raw:file"), Some("bob"), 0.0),
    left("D1", "the pod at the API server", Some("who:system:node:node-1 what:create kind:pods"), Some("bob"), 0.5),
    left(
        "D2",
        "the kubelet's line that the pod goes",
        Some("source:kubelet action:syncloop-remove raw:file"),
        Some("bob"),
        0.5,
    ),
    left("E1", "the binding, made by impersonation", REQUESTS, MALLORY_API, 0.0),
    left("E2", "what she then read", REQUESTS, MALLORY_API, 0.0),
    left("E3", "the deletion as alice", REQUESTS, MALLORY_API, 0.0),
    left("E3b", "requests as alice", REQUESTS, MALLORY_API, 0.0),
    left("E4", "the signing request and its approval as bob", REQUESTS, MALLORY_API, 0.0),
    left("E5", "requests, refused", REQUESTS, ALICE, 0.0),
    left("E6", "what she deleted", REQUESTS, MALLORY_API, 0.0),
    left("E7", "the kubelet behind the API server", REQUESTS, BOB_API, 0.0),
];

/// The person alone: what she acted as is told beside, and is not her.
fn real(said: Said) -> Said {
    match said {
        Said::Name { who, class } => Said::Name { who: who.split(" as ").next().unwrap().to_owned(), class },
        Said::OneOf(all) => {
            Said::OneOf(all.into_iter().map(|who| who.split(" as ").next().unwrap().to_owned()).collect())
        }
        Said::Unknown => Said::Unknown,
    }
}

#[test]
fn every_scenario() {
    let Some(corpus) = corpus() else { return };
    let dir = corpus.join("lab");
    let truth = truth(&dir);
    let mut table = String::new();
    for sources in Sources::EACH {
        let store = Store::of(&dir, sources);
        let mut rows = String::new();
        let (mut asked, mut right, mut wrong, mut nothing) = (0, 0, Vec::new(), Vec::new());
        for left in LEFT {
            let mut count = Count::default();
            // Some steps were done twice; the first is asked about.
            let step = truth.iter().find(|step| step["step"] == left.step).unwrap();
            let since = step["start"].as_f64().unwrap() - 0.05;
            let until = step["end"].as_f64().unwrap() + 0.05 + left.after;
            let events: Vec<Value> = match left.query {
                Some(query) => store.between(query, since, until),
                None => store.in_containers(since, until).into_iter().cloned().collect(),
            };
            for event in events {
                let id = event["id"].as_str().unwrap();
                let about = format!("{} {} {id}", left.step, left.what);
                count.add(left.who, false, &real(said(&store.why(id))), &about);
            }
            asked += count.sum();
            right += count.right.values().sum::<usize>();
            wrong.append(&mut count.wrong.clone());
            if sources == Sources::All && count.sum() == 0 {
                nothing.push(format!("{}: {}", left.step, left.what));
            }
            rows.push_str(&count.row(&format!("{}: {}", left.step, left.what)));
        }
        let _ = write!(table, "\nscenarios, {}\n\n{HEAD}{rows}", sources.name());
        println!("{table}");
        assert_eq!(nothing, Vec::<String>::new(), "steps that left nothing ask nothing");
        assert_eq!(wrong, Vec::<String>::new(), "{}", sources.name());
        if sources == Sources::All {
            assert!(right * 100 >= asked * 95, "{right} of {asked}");
        }
    }
    compare("scenarios", &table);
}
