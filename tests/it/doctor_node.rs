//! `doctor`: what a node's kernel, its services and its API server record, each check with what makes it say each of its states.
//!
//! Not here: files, certificates, disks, stores, the command (`doctor`).

use crate::doctor::{host, is, named, put, tails};
use crate::harness::{Scratch, root};
use deponent::doctor::{self, State};
use deponent::source::AuditStatus;
use std::io;

const GOOD: AuditStatus =
    AuditStatus { enabled: 1, failure: 1, rate_limit: 0, backlog_limit: 8_192, lost: 0, backlog: 3 };

#[test]
fn the_kernel_audits() {
    let of = |status: AuditStatus| doctor::kernel(&Ok(status), "quiet audit=0");
    for check in of(AuditStatus { failure: 2, enabled: 2, ..GOOD }).iter().chain(&of(GOOD)) {
        is(check, State::Ok, "");
    }
    is(named(&of(AuditStatus { enabled: 2, ..GOOD }), "kernel audit"), State::Ok, "locked (-e 2)");
    is(named(&of(AuditStatus { enabled: 0, ..GOOD }), "kernel audit"), State::Fail, "GRUB_CMDLINE_LINUX");
    is(&doctor::kernel(&Ok(AuditStatus { enabled: 0, ..GOOD }), "quiet")[0], State::Fail, "auditctl -e 1");
    is(named(&of(AuditStatus { failure: 0, ..GOOD }), "audit failure mode"), State::Warn, "auditctl -f 1");
    is(named(&of(AuditStatus { backlog_limit: 64, ..GOOD }), "audit backlog"), State::Warn, "auditctl -b 8192");
    is(named(&of(AuditStatus { backlog_limit: 0, ..GOOD }), "audit backlog"), State::Ok, "");
    is(named(&of(AuditStatus { lost: 7, ..GOOD }), "audit lost"), State::Warn, "7 records");
    is(named(&of(AuditStatus { rate_limit: 100, ..GOOD }), "audit rate limit"), State::Warn, "auditctl -r 0");
    let refused = |code| doctor::kernel(&Err(io::Error::from_raw_os_error(code)), "");
    is(&refused(1)[0], State::Unknown, "CAP_AUDIT_CONTROL");
    is(&refused(111)[0], State::Unknown, "hostNetwork");
    is(&refused(93)[0], State::Fail, "CONFIG_AUDIT");
}

fn shipped_rules() -> String {
    std::fs::read_to_string(root().join("deploy/audit/audit.rules")).unwrap()
}

#[test]
fn rules_that_are_missing_are_named() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path("etc")).unwrap();
    std::fs::create_dir_all(scratch.path("usr/bin")).unwrap();
    let host = host(&scratch);
    let of = |text: &str| doctor::loaded(&host, &Ok(text.to_owned()));
    let all = shipped_rules();
    is(&of(&all)[0], State::Ok, "all of deploy/audit/audit.rules");
    assert_eq!(of(&all).len(), 1);
    is(&of("No rules\n")[0], State::Fail, "augenrules --load");
    is(&doctor::loaded(&host, &Err("auditctl: refused".to_owned()))[0], State::Unknown, "refused");
    // As auditctl prints them.
    let printed = all.replace("-F auid!=unset", "-F auid!=-1");
    is(&of(&printed)[0], State::Ok, "");
    let without = |word: &str| all.lines().filter(|line| !line.contains(word)).collect::<Vec<_>>().join("\n");
    is(named(&of(&without("/etc/passwd")), "audit rules: coverage"), State::Warn, "1 missing: identity (/etc/passwd)");
    let exec = of(&without("execve"));
    is(named(&exec, "audit rules: exec"), State::Fail, "-S execve,execveat");
    // Narrowed by a login: what kubectl exec starts has none.
    let narrow = all.replace("-S execve,execveat -F key=exec", "-S execve,execveat -F auid>=1000 -F key=exec");
    is(named(&of(&narrow), "audit rules: exec"), State::Fail, "no link");
    // Only one of the two architectures.
    let half = without("arch=b32 -S execve");
    is(named(&of(&half), "audit rules: exec"), State::Fail, "");
    // Fewer permissions, and a folder above that has more.
    let weak = all.replace("-w /etc/passwd -p wa", "-w /etc/passwd -p w");
    is(named(&of(&weak), "audit rules: coverage"), State::Warn, "/etc/passwd");
    is(
        &of(&(without("/etc/passwd") + "\n-a always,exit -F dir=/etc -F perm=rwxa -F key=identity\n"))[0],
        State::Ok,
        "",
    );
    // What is not on this machine is not missed.
    is(&of(&without("/var/lib/etcd"))[0], State::Ok, "");
    let keys = all.replace("key=exec", "key=rootcmd");
    is(named(&of(&keys), "audit rules: keys"), State::Warn, "another key than here: exec");
    is(named(&of(&(all.clone() + "\n-a never,task\n")), "audit rules"), State::Fail, "10-no-audit.rules");
    is(
        named(&of(&(all.clone() + "\n-a always,exclude -F msgtype=PROCTITLE\n")), "audit rules"),
        State::Warn,
        "msgtype PROCTITLE",
    );
    is(
        named(&of(&(all + "\n-a never,exit -S execve -F exe=/usr/bin/runc\n")), "audit rules"),
        State::Warn,
        "execve (exe=/usr/bin/runc)",
    );
}

#[test]
fn auditd_keeps_its_logs() {
    let scratch = Scratch::new();
    let host = host(&scratch);
    is(&doctor::auditd_conf(&host), State::Unknown, "auditd.conf");
    for (text, state, wanted) in [
        (
            "log_format = ENRICHED\nmax_log_file = 50\nnum_logs = 10\nmax_log_file_action = rotate\n",
            State::Ok,
            "10 logs of 50",
        ),
        ("log_format = ENRICHED\nmax_log_file = 8\nnum_logs = 5\n", State::Warn, "max_log_file = 50"),
        ("log_format = RAW\nmax_log_file = 50\nnum_logs = 10\n", State::Warn, "log_format = ENRICHED"),
        ("log_format = ENRICHED\nmax_log_file_action = IGNORE\n", State::Warn, "max_log_file_action = ROTATE"),
        ("log_format = ENRICHED\nmax_log_file_action = KEEP_LOGS\n", State::Ok, "KEEP_LOGS"),
        ("max_log_file_action = suspend\n", State::Fail, "SUSPEND"),
        ("write_logs = no\n", State::Fail, "write_logs = yes"),
    ] {
        put(&scratch, "etc/audit/auditd.conf", text);
        is(&doctor::auditd_conf(&host), state, wanted);
    }
}

#[test]
fn logs_of_the_node_are_looked_at() {
    let scratch = Scratch::new();
    let host = host(&scratch);
    let tail = tails("[[tail]]\npaths = ['/var/log/app/*.log', '/var/log/auth.log']");
    is(&doctor::rotation(&host, &tail), State::Unknown, "grep -r copytruncate");
    put(&scratch, "etc/logrotate.conf", "weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n");
    put(&scratch, "etc/logrotate.d/other", "/var/log/elsewhere/*.log {\n  copytruncate\n}\n");
    is(&doctor::rotation(&host, &tail), State::Ok, "no copytruncate");
    put(
        &scratch,
        "etc/logrotate.d/app",
        "\"/var/log/app/web.log\" /var/log/auth.log {\n  daily\n  postrotate\n  copytruncate\n  endscript\n}\n",
    );
    is(&doctor::rotation(&host, &tail), State::Ok, "");
    put(&scratch, "etc/logrotate.d/app", "/var/log/app/web.log\n/var/log/auth.log\n{\n  copytruncate\n}\n");
    is(&doctor::rotation(&host, &tail), State::Warn, "/var/log/app/web.log, /var/log/auth.log");
    put(&scratch, "etc/logrotate.d/app", "/var/log/auth.log {\n nocopytruncate\n}\n/var/log/app/*.log {\n}\n");
    put(&scratch, "etc/logrotate.conf", "copytruncate\n");
    is(&doctor::rotation(&host, &tail), State::Warn, "over /var/log/app/*.log:");

    is(&doctor::containerd(&host), State::Unknown, "config.toml");
    put(&scratch, "etc/containerd/config.toml", "version = 3\n");
    is(&doctor::containerd(&host), State::Warn, "level info");
    put(&scratch, "etc/containerd/config.toml", "[debug]\nlevel = 'debug'\n");
    is(&doctor::containerd(&host), State::Ok, "level debug");
    put(&scratch, "etc/containerd/config.toml", "[debug\n");
    is(&doctor::containerd(&host), State::Unknown, "containerd config dump");

    is(&doctor::kubelet(&host)[0], State::Unknown, "config.yaml");
    put(
        &scratch,
        "var/lib/kubelet/config.yaml",
        "kind: KubeletConfiguration\ncontainerLogMaxSize: 1Mi\nlogging:\n  verbosity: 0\n",
    );
    is(&doctor::kubelet(&host)[0], State::Warn, "verbosity 0");
    is(&doctor::kubelet(&host)[1], State::Warn, "containerLogMaxSize 1Mi");
    put(&scratch, "var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--pod-infra=x --v=5\"\n");
    is(&doctor::kubelet(&host)[0], State::Ok, "verbosity 5");
    put(&scratch, "var/lib/kubelet/config.yaml", "containerLogMaxSize: 1000k\n");
    is(&doctor::kubelet(&host)[1], State::Unknown, "in Mi");
    put(&scratch, "var/lib/kubelet/config.yaml", "logging:\n  verbosity: 4\n");
    is(&doctor::kubelet(&host)[1], State::Ok, "10Mi");
    put(&scratch, "var/lib/kubelet/config.yaml", "a: [\n");
    is(&doctor::kubelet(&host)[0], State::Unknown, "config.yaml");
}

const HEAD: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

#[test]
fn the_shipped_policy_leaves_nothing_out() {
    let text = std::fs::read_to_string(root().join("deploy/audit/audit-policy.yaml")).unwrap();
    for check in doctor::policy(&text) {
        is(&check, State::Ok, "");
    }
}

#[test]
fn what_a_policy_leaves_out_is_said() {
    let shipped = std::fs::read_to_string(root().join("deploy/audit/audit-policy.yaml")).unwrap();
    let before = |rule: &str| doctor::policy(&shipped.replacen("rules:\n", &format!("rules:\n  - {rule}\n"), 1));
    for (rule, name, state, wanted) in [
        (
            "{level: None, resources: [{group: '', resources: ['pods/*']}]}",
            "policy: into containers",
            State::Fail,
            "create pods/exec (rule 1)",
        ),
        (
            "{level: None, resources: [{group: '', resources: ['*/portforward']}]}",
            "policy: into containers",
            State::Fail,
            "pods/portforward",
        ),
        (
            "{level: Metadata, omitStages: [RequestReceived], resources: [{group: '', resources: ['pods/exec']}]}",
            "policy: into containers",
            State::Warn,
            "RequestReceived omitted",
        ),
        (
            "{level: None, verbs: [get], resources: [{group: '', resources: [nodes/proxy]}]}",
            "policy: ports of kubelets",
            State::Fail,
            "get nodes/proxy",
        ),
        (
            "{level: None, verbs: [list], resources: [{group: '', resources: [secrets]}]}",
            "policy: secrets",
            State::Fail,
            "list secrets",
        ),
        (
            "{level: RequestResponse, resources: [{group: ''}]}",
            "policy: secrets",
            State::Warn,
            "secrets are written into the log",
        ),
        ("{level: None, namespaces: [kube-system]}", "policy: secrets", State::Fail, "in kube-system (rule 1)"),
        ("{level: None, users: ['system:admin']}", "policy: rights", State::Fail, "of system:admin (rule 1)"),
        (
            "{level: None, userGroups: ['system:masters']}",
            "policy: certificates",
            State::Fail,
            "of group system:masters",
        ),
        ("{level: None, userGroups: ['system:authenticated']}", "policy: pods", State::Fail, "create pods (rule 1)"),
        (
            "{level: RequestResponse, resources: [{group: authentication.k8s.io}]}",
            "policy: token reviews",
            State::Warn,
            "RequestResponse",
        ),
        (
            "{level: None, resources: [{group: authentication.k8s.io}]}",
            "policy: token reviews",
            State::Warn,
            "not recorded",
        ),
        (
            "{level: Metadata, resources: [{group: '', resources: ['serviceaccounts/token']}]}",
            "policy: tokens of service accounts",
            State::Warn,
            "Metadata, not Request",
        ),
        (
            "{level: Metadata, resources: [{group: certificates.k8s.io}]}",
            "policy: certificates",
            State::Warn,
            "too little",
        ),
        (
            "{level: Request, resources: [{group: rbac.authorization.k8s.io}]}",
            "policy: rights of the cluster",
            State::Warn,
            "Request, not RequestResponse",
        ),
        ("{level: None, resources: [{group: apps}]}", "policy: workloads", State::Warn, "not recorded"),
        ("{level: Metadata, resources: [{group: batch}]}", "policy: jobs", State::Warn, "too little"),
        ("{level: None, verbs: [get, list, watch]}", "policy: everything else", State::Warn, "get configmaps"),
        ("{level: Metadata, ressources: [{group: batch}]}", "audit policy", State::Warn, "rule 1: ressources"),
        (
            "{level: Metadata, omitStages: [ResponseComplete]}",
            "policy: secrets",
            State::Warn,
            "ResponseComplete omitted",
        ),
    ] {
        is(named(&before(rule), name), state, wanted);
    }
    // Rules for other requests change nothing: URLs, single objects, other verbs, those who have not said who they are.
    for rule in [
        "{level: None, nonResourceURLs: ['*']}",
        "{level: None, resources: [{group: '', resources: [secrets], resourceNames: [harmless]}]}",
        "{level: None, verbs: [proxy]}",
        "{level: None, resources: [{group: '', resources: ['pods/status']}]}",
    ] {
        assert!(before(rule).iter().all(|check| check.state == State::Ok), "{rule}: {:?}", before(rule));
    }
    // The first rule that matches decides: behind the others a rule takes nothing away.
    assert!(doctor::policy(&format!("{shipped}\n  - level: None\n")).iter().all(|check| check.state == State::Ok));
    // No rule matches: nothing is recorded.
    let short = format!("{HEAD}rules:\n- level: Metadata\n  verbs: [create]\n");
    is(named(&doctor::policy(&short), "policy: secrets"), State::Fail, "get secrets (no rule)");
    let omitted = format!("{HEAD}omitStages: [RequestReceived]\nrules:\n- level: RequestResponse\n");
    is(named(&doctor::policy(&omitted), "policy: into containers"), State::Warn, "RequestReceived omitted");
    for (text, wanted) in [
        (format!("{HEAD}rules: []\n"), "does not start"),
        (format!("{HEAD}rules: [{{level: All}}]\n"), "`All` is none of"),
        ("kind: Pod\n".to_owned(), "no `kind: Policy`"),
        ("kind: Policy\napiVersion: audit.k8s.io/v1beta1\n".to_owned(), "v1beta1"),
        ("a: [\n".to_owned(), ""),
    ] {
        is(&doctor::policy(&text)[0], State::Fail, wanted);
    }
    // JSON is YAML.
    let json = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}"#;
    is(named(&doctor::policy(json), "policy: secrets"), State::Ok, "");
}

/// A manifest as kubeadm writes it, with these options.
fn manifest(scratch: &Scratch, options: &[&str]) -> Option<doctor::Apiserver> {
    let options: String = options.iter().map(|option| format!("    - --{option}\n")).collect();
    let text = format!(
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n{options}    name: kube-apiserver\n    volumeMounts:\n    \
         - mountPath: /etc/kubernetes/audit\n      name: policy\n    - mountPath: /var/log/audit\n      name: log\n  volumes:\n  - hostPath:\n      path: /etc/k8s\n    \
         name: policy\n  - hostPath:\n      path: /var/log/kubernetes\n    name: log\n"
    );
    put(scratch, "etc/kubernetes/manifests/kube-apiserver.yaml", &text);
    doctor::manifest(&host(scratch)).unwrap()
}

#[test]
fn options_of_the_api_server_are_looked_at() {
    let scratch = Scratch::new();
    assert_eq!(doctor::manifest(&host(&scratch)).unwrap(), None);
    let followed = tails("[[tail]]\npaths = ['/var/log/kubernetes/*.log']");
    let of = |options: &[&str]| doctor::of_flags(&manifest(&scratch, options).unwrap(), &followed);
    let log = "audit-log-path=/var/log/audit/audit.log";
    let (name, kept, writing) =
        ("audit log of the API server", "rotation of the audit log", "writing of the audit log");
    is(&of(&[])[0], State::Fail, "nothing is written");
    is(&of(&["audit-log-path=-"])[0], State::Warn, "lines among those");
    is(&of(&["audit-webhook-config-file=/x"])[0], State::Warn, "the webhook alone");
    is(&of(&["audit-log-path=/tmp/audit.log"])[0], State::Fail, "in no volume");
    is(named(&of(&[log]), name), State::Ok, "/var/log/kubernetes/audit.log, and followed");
    let elsewhere = doctor::of_flags(&manifest(&scratch, &[log]).unwrap(), &[]);
    is(named(&elsewhere, name), State::Warn, "paths = [\"/var/log/kubernetes/audit.log\"]");
    is(named(&of(&[log]), kept), State::Ok, "no bound");
    is(named(&of(&[log, "audit-log-maxbackup=2"]), kept), State::Warn, "maxbackup 2");
    is(named(&of(&[log, "audit-log-maxage=1"]), kept), State::Warn, "maxage 1 ");
    is(named(&of(&[log, "audit-log-maxbackup=20", "audit-log-maxage=30"]), kept), State::Ok, "");
    is(named(&of(&[log]), writing), State::Ok, "blocking");
    is(named(&of(&[log, "audit-log-mode=batch"]), writing), State::Warn, "blocking-strict");
    is(named(&of(&[log, "audit-log-format=legacy"]), writing), State::Fail, "json");
    is(named(&of(&[log, "audit-log-truncate-enabled"]), writing), State::Warn, "large events");
    let hook = |options: &[&str]| {
        let all: Vec<&str> = [log, "audit-webhook-config-file=/x"].iter().chain(options).copied().collect();
        named(&of(&all), "audit webhook").clone()
    };
    let (fast, soon) = ("audit-webhook-batch-throttle-qps=50", "audit-webhook-batch-max-wait=1s");
    is(&hook(&[fast, soon]), State::Ok, "batch");
    is(&hook(&[soon]), State::Warn, "10 batches a second");
    is(&hook(&[fast]), State::Warn, "up to 30s");
    is(&hook(&[fast, soon, "audit-webhook-batch-buffer-size=100"]), State::Warn, "room for 100");
    is(&hook(&["audit-webhook-mode=blocking-strict"]), State::Warn, "waits for the collector");
    is(&hook(&[fast, soon, "audit-webhook-truncate-enabled=true"]), State::Warn, "left out");

    let host = host(&scratch);
    let policy = |options: &[&str]| doctor::policy_of_manifest(&host, &manifest(&scratch, options).unwrap());
    is(&policy(&[]).unwrap_err(), State::Fail, "no --audit-policy-file");
    is(&policy(&["audit-policy-file=/p.yaml"]).unwrap_err(), State::Fail, "in no volume");
    let inside = ["audit-policy-file=/etc/kubernetes/audit/p.yaml"];
    is(&policy(&inside).unwrap_err(), State::Fail, "/etc/k8s/p.yaml");
    std::fs::create_dir_all(scratch.path("etc/k8s/p.yaml")).unwrap();
    is(&policy(&inside).unwrap_err(), State::Unknown, "--policy FILE");
    std::fs::remove_dir(scratch.path("etc/k8s/p.yaml")).unwrap();
    put(&scratch, "etc/k8s/p.yaml", "kind: Policy\n");
    assert_eq!(policy(&inside).unwrap(), "kind: Policy\n");
    put(&scratch, "etc/kubernetes/manifests/kube-apiserver.yaml", "spec: {containers: []}\n");
    assert!(doctor::manifest(&host).unwrap_err().contains("no container"));
}

#[test]
fn yaml_that_could_grow_or_mislead_is_refused() {
    let many = format!("[{}]", "a,".repeat(100_001));
    for (text, wanted) in [
        ("a: &x [1]\nb: *x", "anchors"),
        ("a: *x", "unknown anchor"),
        ("a: 1\na: 2", "twice"),
        ("? [a]\n: 1", "not text"),
        (&"[".repeat(100), "within each other"),
        (&many, "more than 100000 values"),
    ] {
        is(&doctor::policy(text)[0], State::Fail, wanted);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_of_a_policy_panics(text in "(kind: Policy\napiVersion: audit.k8s.io/v1\n)?[ \\-a:?&*!|>'\"{}\\[\\]\n\t#,%]{0,120}") {
        proptest::prop_assert!(!doctor::policy(&text).is_empty());
    }
}
