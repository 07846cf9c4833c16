//! Which process sent a request to the API server, and which one a packet is of: on small records made by hand, and in the lab.
//!
//! Each begins with a story that is linked; then each key of it is changed alone. Not here: other links of the node (`correlation_node`) and of the API (`correlation_api`).

use crate::correlation_api::{ALICE, BOB, id, request, with};
use crate::harness::{Scratch, corpus};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;

/// The second of the audit log at which requests of second 0 are.
const ZERO: u32 = 1_795_514_400;
const AGENT: &str = "kubectl/v1.32.4 (linux/amd64) kubernetes/4cb5f07";
const DELETE: &str = "kubectl -n shop delete cm app";

/// A process: number, session, file, and how it was called; started at ms.
type Started<'a> = (u64, u32, u32, &'a str, &'a str);

fn auditd(processes: &[Started<'_>], more: &str) -> String {
    let mut lines = String::new();
    let mut serial = 0;
    for (ms, pid, session, exe, line) in processes {
        serial += 1;
        let stamp = format!("msg=audit({}.{:03}:{serial})", u64::from(ZERO) + ms / 1000, ms % 1000);
        let words: Vec<&str> = line.split(' ').collect();
        writeln!(lines, "type=SYSCALL {stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=1 a2=1 a3=0 items=1 ppid=1 pid={pid} auid=150{session} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses={session} comm=\"x\" exe=\"{exe}\" key=\"k\"").unwrap();
        write!(lines, "type=EXECVE {stamp}: argc={}", words.len()).unwrap();
        for (number, word) in words.iter().enumerate() {
            write!(lines, " a{number}=\"{word}\"").unwrap();
        }
        lines.push('\n');
    }
    // Something at the end: what the kernel recorded goes on.
    writeln!(
        lines,
        "{more}type=DAEMON_ROTATE msg=audit({}.000:999): op=rotate-logs auid=0 pid=1 uid=0 ses=1 res=success",
        ZERO + 3000
    )
    .unwrap();
    lines
}

/// The kubelet of node `node-1` comes from this address.
fn kubelet(address: &str) -> Value {
    with(request(1, "system:node:node-1", "get", "/nodes", "node-1"), &[("/sourceIPs", vec![address].into())])
}

fn delete(at: u32, who: &str) -> Value {
    let members = [("/userAgent", AGENT.into()), ("/sourceIPs", vec!["127.0.0.1"].into())];
    with(request(at, who, "delete", "/configmaps", "app"), &members)
}

fn store(requests: &[Value], audit: &str, kernel: &str) -> Scratch {
    let scratch = Scratch::new();
    let text: String = requests.iter().map(|record| format!("{record}\n")).collect();
    for (name, text) in [("api.log", text.as_str()), ("audit.log", audit), ("kernel.log", kernel)] {
        if !text.is_empty() {
            let path = scratch.write(name, text);
            let path = path.to_str().unwrap();
            scratch.ok(&["ingest", "-q", "--store", "store", "--node", "node-1", "--cluster", "lab", path]);
        }
    }
    scratch
}

fn why(scratch: &Scratch, what: &str) -> Value {
    serde_json::from_str(&scratch.ok(&["why", what, "--store", "store", "-o", "json"]).out).unwrap()
}

/// Class of the ground, its processes, and how its chain ends: `CONSISTENT [501] login`.
fn sender(scratch: &Scratch, at: u32) -> String {
    let why = why(scratch, &id(at));
    assert_eq!(why["root"]["kind"], "credential", "the credential stays the root");
    let of = |ground: &&Value| ground["of"] == why["event"] && ground["chain"][0]["link"]["rule"] == "client-request";
    let Some(ground) = why["grounds"].as_array().into_iter().flatten().find(of) else { return "none".to_owned() };
    let link = &ground["chain"][0]["link"];
    let mut pids: Vec<u64> = link["candidates"].as_array().unwrap().iter().map(|one| pid(scratch, one)).collect();
    pids.sort_unstable();
    format!("{} {pids:?} {}", link["class"].as_str().unwrap(), ground["root"]["kind"].as_str().unwrap())
}

fn pid(scratch: &Scratch, id: &Value) -> u64 {
    let found = scratch.ok(&["show", id.as_str().unwrap(), "--store", "store", "-o", "ndjson"]).lines();
    found[0]["how"]["pid"].as_u64().unwrap()
}

const KUBECTL: Started<'static> = (9_900, 501, 2, "/usr/bin/kubectl", DELETE);

fn of(processes: &[Started<'_>], requests: &[Value]) -> String {
    let mut requests = requests.to_vec();
    requests.push(kubelet("127.0.0.1"));
    sender(&store(&requests, &auditd(processes, ""), ""), 10)
}

#[test]
fn a_request_leads_to_the_process_that_fits_beside_its_credential() {
    assert_eq!(of(&[KUBECTL], &[delete(10, ALICE)]), "CONSISTENT [501] login");
    let scratch = store(&[kubelet("127.0.0.1"), delete(10, ALICE)], &auditd(&[KUBECTL], ""), "");
    let process = &scratch.search("how.pid:501")[0];
    let links = scratch.ok(&["links", process["id"].as_str().unwrap(), "--store", "store", "-o", "ndjson"]).lines();
    let sent = links.iter().find(|link| link["rule"] == "client-request").unwrap();
    assert_eq!(sent["to_event"]["how"]["audit_id"], id(10), "the other way too");
    let told = scratch.ok(&["why", &id(10), "--store", "store"]).out;
    assert!(told.contains("consistent with step 1 having been sent by this process:"), "{told}");
    assert!(told.contains("client-request") && !told.contains("did it: CONSISTENT"), "{told}");
}

#[test]
fn each_key_of_a_sender_alone_breaks_the_link() {
    let request = || delete(10, ALICE);
    for (what, process, record) in [
        ("the object", (9_900, 501, 2, "/usr/bin/kubectl", "kubectl -n shop delete cm other"), request()),
        ("the namespace", (9_900, 501, 2, "/usr/bin/kubectl", "kubectl -n pay delete cm app"), request()),
        ("the verb", (9_900, 501, 2, "/usr/bin/kubectl", "kubectl -n shop get cm app -o yaml"), request()),
        ("whom it acts as", (9_900, 501, 2, "/usr/bin/kubectl", "kubectl --as=bob -n shop delete cm app"), request()),
        ("the program", (9_900, 501, 2, "/usr/bin/rm", "rm -n shop delete cm app"), request()),
        ("it began after", (10_100, 501, 2, "/usr/bin/kubectl", DELETE), request()),
        ("the horizon", (9_900, 501, 2, "/usr/bin/kubectl", DELETE), {
            let late = "2026-11-24T10:01:10.200000Z";
            with(request(), &[("/requestReceivedTimestamp", late.into()), ("/stageTimestamp", late.into())])
        }),
        ("the address", KUBECTL, with(request(), &[("/sourceIPs", vec!["10.0.0.7"].into())])),
        ("the last address counts", KUBECTL, with(request(), &[("/sourceIPs", vec!["127.0.0.1", "10.0.0.7"].into())])),
        ("the client's name", KUBECTL, with(request(), &[("/userAgent", "helm/v3".into())])),
        ("a component's request", KUBECTL, with(request(), &[("/user/username", "system:kube-scheduler".into())])),
    ] {
        assert_eq!(of(&[process], &[record]), "none", "{what}");
    }
    // No kubelet says that the API server is on this node.
    let scratch = store(&[kubelet("10.0.0.1"), delete(10, ALICE)], &auditd(&[KUBECTL], ""), "");
    assert_eq!(sender(&scratch, 10), "none");
    // Its number was given away.
    assert_eq!(of(&[KUBECTL, (9_950, 501, 3, "/usr/bin/ls", "ls")], &[delete(10, ALICE)]), "none");
}

#[test]
fn several_that_fit_are_several_candidates() {
    let other = (9_800, 777, 3, "/usr/bin/kubectl", DELETE);
    assert_eq!(of(&[KUBECTL, other], &[delete(10, ALICE)]), "AMBIGUOUS [501, 777] ambiguous", "two admins at once");
    let renamed = (9_800, 777, 3, "/tmp/evil", DELETE);
    assert_eq!(
        of(&[KUBECTL, renamed], &[delete(10, ALICE)]),
        "AMBIGUOUS [501, 777] ambiguous",
        "a program of that name"
    );
    let elsewhere = (9_800, 777, 3, "/usr/bin/kubectl", "kubectl -n shop apply -f x.yaml");
    assert_eq!(of(&[KUBECTL, elsewhere], &[delete(10, ALICE)]), "CONSISTENT [501] login");
    let from_file = (9_800, 777, 3, "/usr/bin/kubectl", "kubectl delete -f x.yaml");
    assert_eq!(of(&[KUBECTL, from_file], &[delete(10, ALICE)]), "CONSISTENT [501] login", "a name goes before a file");
    let twice = [delete(10, ALICE), with(delete(10, ALICE), &[("/auditID", id(11).into())])];
    assert_eq!(of(&[KUBECTL, from_file], &twice), "AMBIGUOUS [501, 777] ambiguous", "two requests, and a file for one");
}

#[test]
fn a_forged_client_name_is_found_in_the_arguments_of_curl() {
    let uri = "/api/v1/namespaces/shop/configmaps/app";
    let record = with(delete(10, ALICE), &[("/requestURI", uri.into()), ("/userAgent", "kubectl/v1".into())]);
    let curl = |agent: &str| format!("curl -A {agent} -X DELETE https://127.0.0.1:6443{uri}");
    let (forged, honest) = (curl("kubectl/v1"), curl("else/v1"));
    fn run(line: &str) -> Started<'_> {
        (9_800, 777, 3, "/usr/bin/curl", line)
    }
    assert_eq!(of(&[run(forged.as_str())], std::slice::from_ref(&record)), "CONSISTENT [777] login");
    assert_eq!(of(&[run(forged.as_str()), KUBECTL], std::slice::from_ref(&record)), "AMBIGUOUS [501, 777] ambiguous");
    assert_eq!(of(&[run(honest.as_str())], &[record]), "none");
}

#[test]
fn one_process_is_not_that_of_two_users() {
    let two = [delete(10, ALICE), delete(11, BOB)];
    assert_eq!(of(&[KUBECTL], &two), "AMBIGUOUS [501] ambiguous");
    let later = (10_900, 502, 3, "/usr/bin/kubectl", DELETE);
    assert_eq!(of(&[KUBECTL, later], &two), "CONSISTENT [501] login", "the other user's has another process");
}

#[test]
fn what_was_not_recorded_leaves_it_open() {
    let off =
        format!("type=CONFIG_CHANGE msg=audit({}.950:90): op=set audit_enabled=0 old=1 auid=0 ses=1 res=1\n", ZERO + 9);
    let scratch = store(&[kubelet("::1"), delete(10, ALICE)], &auditd(&[KUBECTL], &off), "");
    assert_eq!(sender(&scratch, 10), "AMBIGUOUS [501] ambiguous");
}

/// A packet that a rule logged: ms, port of this side, port of the other.
fn packet(ms: u64, from: u16, to: u16) -> String {
    format!(
        "2026-11-24T10:00:{:02},{:03}000+00:00 conn IN=lo OUT= MAC=00:00 SRC=127.0.0.1 DST=127.0.0.1 LEN=60 PROTO=TCP SPT={from} DPT={to} SYN\n",
        ms / 1000,
        ms % 1000
    )
}

/// connect() to 127.0.0.1 and a port.
fn connect(ms: u64, pid: u32, port: u16) -> String {
    let stamp = format!("msg=audit({}.{:03}:{})", u64::from(ZERO) + ms / 1000, ms % 1000, 100 + u64::from(pid));
    format!(
        "type=SYSCALL {stamp}: arch=c000003e syscall=42 success=no exit=-115 a0=3 a1=1 a2=10 a3=0 items=0 ppid=1 pid={pid} auid=1502 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=2 comm=\"x\" exe=\"/usr/bin/x\" key=\"net\"\ntype=SOCKADDR {stamp}: saddr=0200{port:04X}7F0000010000000000000000\n"
    )
}

/// Class and number of candidates of the packet from that port.
fn of_packet(audit: &str, kernel: &str, port: u16) -> String {
    let scratch = store(&[], audit, kernel);
    let found = scratch.search(&format!("how.net.sport:{port}"));
    assert_eq!(found.len(), 1, "{found:?}");
    let why = why(&scratch, found[0]["id"].as_str().unwrap());
    let link = &why["chain"][0]["link"];
    if link.is_null() {
        return "none".to_owned();
    }
    assert_eq!(link["rule"], "firewall-connection");
    let pids: Vec<u64> = link["candidates"].as_array().unwrap().iter().map(|one| pid(&scratch, one)).collect();
    format!("{} {pids:?}", link["class"].as_str().unwrap())
}

#[test]
fn a_packet_leads_to_the_connection_that_fits() {
    let line = packet(10_010, 40_001, 10_250);
    assert_eq!(of_packet(&auditd(&[], &connect(10_000, 501, 10_250)), &line, 40_001), "CONSISTENT [501]");
    for (what, audit) in [
        ("the port", connect(10_000, 501, 10_251)),
        ("after it", connect(12_000, 501, 10_250)),
        ("the horizon", connect(4_000, 501, 10_250)),
        ("nothing", String::new()),
    ] {
        assert_eq!(of_packet(&auditd(&[], &audit), &line, 40_001), "none", "{what}");
    }
    let two = connect(9_990, 501, 10_250) + &connect(10_000, 777, 10_250);
    assert!(of_packet(&auditd(&[], &two), &line, 40_001).starts_with("AMBIGUOUS ["));
    let more = line.clone() + &packet(10_020, 40_002, 10_250);
    let one = auditd(&[], &connect(10_000, 501, 10_250));
    assert_eq!(of_packet(&one, &more, 40_001), "AMBIGUOUS [501]", "another connection, whose process is not recorded");
}

#[test]
fn a_packet_leads_to_the_client_whose_url_names_the_other_side() {
    let line = packet(10_010, 40_001, 10_250);
    let curl = (9_990, 501, 2, "/usr/bin/curl", "curl -sk -d cmd=id https://127.0.0.1:10250/run/shop/web/app");
    assert_eq!(of_packet(&auditd(&[curl], ""), &line, 40_001), "CONSISTENT [501]");
    assert_eq!(of_packet(&auditd(&[curl], ""), &packet(10_010, 40_001, 6_443), 40_001), "none", "another port");
    let elsewhere = (9_990, 501, 2, "/usr/bin/curl", "curl -sk https://127.0.0.2:10250/run/shop/web/app");
    assert_eq!(of_packet(&auditd(&[elsewhere], ""), &line, 40_001), "none", "another address");
}

#[test]
fn the_lab_names_no_wrong_process() {
    let Some(lab) = corpus().map(|corpus| corpus.join("lab")).filter(|lab| lab.is_dir()) else { return };
    let scratch = Scratch::new();
    for name in ["audit.log", "k8s-audit.log", "kernel.log"] {
        let path = lab.join(name);
        let path = path.to_str().unwrap();
        scratch.ok(&["ingest", "-q", "--store", "store", "--node", "node-1", "--cluster", "lab", path]);
    }
    // Whose credential each kubeconfig of the lab holds.
    let users: HashMap<&str, &str> = HashMap::from([
        ("admin", "kubernetes-admin"),
        ("alice", "alice@example.com"),
        ("bob", "bob@example.com"),
        ("carol", "carol@example.com"),
        ("mallory", "mallory@example.com"),
        ("ci-bot", "ci-bot"),
    ]);
    let mut named = HashMap::new();
    for request in scratch.search("source:kubernetes how.user_agent:kubectl* NOT what.object.kind:events") {
        let why = why(&scratch, request["id"].as_str().unwrap());
        let of = |one: &&Value| one["of"] == why["event"] && one["chain"][0]["link"]["rule"] == "client-request";
        let Some(ground) = why["grounds"].as_array().into_iter().flatten().find(of) else { continue };
        let class = ground["chain"][0]["link"]["class"].as_str().unwrap();
        assert!(matches!(class, "CONSISTENT" | "AMBIGUOUS"), "{class}");
        if class == "AMBIGUOUS" {
            continue;
        }
        let argv: Vec<&str> = ground["chain"][1]["event"]["how"]["argv"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap())
            .collect();
        let line = argv.join(" ");
        let holder = line.split(".kubeconfig").next().and_then(|before| before.rsplit(['/', '=']).next()).unwrap();
        assert_eq!(request["who"]["name"], users[holder], "{line}");
        let name = request["what"]["object"]["name"].as_str().unwrap_or_default();
        assert!(
            line.contains(name) || line.contains("deploy/") || line.contains(" -l ") || line.contains(" -f "),
            "{name}: {line}"
        );
        let kind = request["what"]["object"]["kind"].as_str().unwrap_or_default().to_owned();
        named.insert(format!("{} {kind} {name}", request["how"]["verb"].as_str().unwrap()), line);
    }
    assert!(named.len() >= 25, "{}", named.len());
    let framed = &named["delete configmaps app-cfg"];
    assert!(framed.contains("mallory.kubeconfig") && framed.contains("--as=alice@example.com"), "{framed}");
    let approved = &named["update certificatesigningrequests/approval bob-renewal"];
    assert!(
        approved.contains("mallory.kubeconfig") && approved.ends_with("certificate approve bob-renewal"),
        "{approved}"
    );
}
