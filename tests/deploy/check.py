"""What `deploy/` holds, as far as it can be checked without a cluster: `check.py DEPONENT` (the program; without it what needs it is skipped).

Rendered manifests against the schemas of two versions of Kubernetes, the chart against the kustomize base, what pods may do, configurations against the program, the audit
policy's answers, alert rules and dashboard against the metrics in `src/`. Not here: the audit rules on a kernel (`audit`).
"""

import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request

import jsonschema
import kubernetes_validate
import promql_parser
import yaml
from helm_python.chart import Chart, lint

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
VERSIONS = ["1.30", "1.37"]
KUBECTL = pathlib.Path(sys.executable).parent / "kubectl"
BOUND_S = 60
failures = []


def check(holds: bool, what: str) -> None:
    if not holds:
        failures.append(what)
        print(f"deploy: FAILED {what}")


# --- Manifests -------------------------------------------------------------------------------------------------------------------------------------------------


def kustomized(folder: str) -> list:
    said = subprocess.run([KUBECTL, "kustomize", DEPLOY / "kustomize" / folder], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(said.stdout))


def charted(values: dict, name: str = "deponent") -> list:
    rendered = Chart.load(str(DEPLOY / "helm/deponent")).render(values, name=name, namespace="deponent", is_install=True)
    files = [text for path, text in rendered.items() if path.endswith(".yaml")]
    return [document for text in files for document in yaml.safe_load_all(text) if document]


def valid(objects: list, of: str) -> None:
    for one, version in itertools.product(objects, VERSIONS):
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            check(False, f"{of}: {one['kind']} {one['metadata']['name']} for Kubernetes {version}: {error.message}")


def of_kind(objects: list, kind: str) -> dict:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


ALLOWED = {"DaemonSet": {"DAC_READ_SEARCH", "AUDIT_READ"}, "StatefulSet": set()}


def harmless(objects: list, of: str) -> None:
    """What pods may do: no more than is written here."""
    check(not {one["kind"] for one in objects} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}, f"{of}: nothing has rights in the API")
    for account in of_kind(objects, "ServiceAccount").values():
        check(account["automountServiceAccountToken"] is False, f"{of}: account {account['metadata']['name']} has a token")
    for kind, capabilities in ALLOWED.items():
        for name, one in of_kind(objects, kind).items():
            pod = one["spec"]["template"]["spec"]
            check(pod["automountServiceAccountToken"] is False, f"{of}: {name} has a token")
            check(pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, f"{of}: {name} has no seccomp profile")
            if kind == "StatefulSet":
                check(pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0, f"{of}: {name} runs as root")
                check(not {"hostPID", "hostNetwork", "hostIPC"} & set(pod), f"{of}: {name} is in the node's namespaces")
            check("hostIPC" not in pod, f"{of}: {name} is in the node's IPC namespace")
            for container in pod["containers"]:
                context = container["securityContext"]
                check(context["readOnlyRootFilesystem"] is True, f"{of}: {name} may write its own files")
                check(context["allowPrivilegeEscalation"] is False and context["privileged"] is False, f"{of}: {name} may gain rights")
                check(context["capabilities"]["drop"] == ["ALL"], f"{of}: {name} keeps capabilities")
                check(set(context["capabilities"].get("add", [])) <= capabilities, f"{of}: {name} has more capabilities than it needs")
                check("memory" in container["resources"]["limits"], f"{of}: {name} has no limit of memory")
                check(re.fullmatch(r"deponent(:0\.1\.0|@sha256:[0-9a-f]{64})", container["image"]) is not None, f"{of}: {name}: {container['image']}")
                writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
                hosts = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
                check(writable & hosts <= {"state"}, f"{of}: {name} may write to the node: {writable & hosts}")
    for policy in of_kind(objects, "NetworkPolicy").values():
        check(policy["spec"]["policyTypes"] == ["Ingress", "Egress"] and not policy["spec"].get("egress"), f"{of}: the collector may connect")


def pod_of(objects: list, kind: str) -> dict:
    """A pod's spec without what differs by design: the hash in names of ConfigMaps."""
    (one,) = of_kind(objects, kind).values()
    text = json.dumps(one["spec"]["template"]["spec"], sort_keys=True)
    return json.loads(re.sub(r"(deponent-(agent|collector))-[a-z0-9]{10}\b", r"\1", text))


def config_in(objects: list, file: str) -> dict:
    texts = [one["data"][file] for one in objects if one["kind"] == "ConfigMap" and file in one["data"]]
    check(len(texts) == 1, f"{file} is in {len(texts)} ConfigMaps")
    return tomllib.loads(texts[0])


def manifests() -> None:
    base = kustomized("base")
    for folder in ("base", "example"):
        objects = kustomized(folder)
        valid(objects, f"kustomize/{folder}")
        harmless(objects, f"kustomize/{folder}")
    chart = charted({})
    valid(chart, "chart")
    harmless(chart, "chart")
    for kind in ALLOWED:
        check(pod_of(base, kind) == pod_of(chart, kind), f"the pods of base and chart differ: {kind}")
    for kind in ("NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"):
        check(set(of_kind(base, kind)) == set(of_kind(chart, kind)), f"base and chart differ in {kind}")
    for file in ("agent.toml", "config.toml"):
        check(config_in(base, file) == config_in(chart, file), f"{file} of base and chart differ")
    print(f"deploy: {len(base)} objects of kustomize and {len(chart)} of the chart, for Kubernetes {' and '.join(VERSIONS)}")


def chart_values() -> None:
    folder = DEPLOY / "helm/deponent"
    schema = json.loads((folder / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    defaults = yaml.safe_load((folder / "values.yaml").read_text())
    jsonschema.validate(defaults, schema)
    digest = "sha256:" + "0" * 64
    good = [
        {"agent": {"enabled": False}},
        {"collector": {"enabled": False}, "agent": {"collector": "https://deponent.example:7364"}},
        {"agent": {"kernelAudit": False, "dockerContainers": True, "seLinuxOptions": {"type": "spc_t"}, "podAnnotations": {"a": "b"}}},
        {"image": {"digest": digest}, "imagePullSecrets": [{"name": "pull"}], "networkPolicy": {"enabled": False}},
        {"collector": {"store": {"size": "1Ti", "storageClassName": "fast"}, "service": {"type": "LoadBalancer", "annotations": {"a": "b"}}}},
        {"collector": {"extraConfig": "[webhook]\nlisten = '0.0.0.0:7366'\n", "doors": [{"name": "webhook", "port": 7366}]}},
        {"networkPolicy": {"search": [{"podSelector": {}}], "metrics": []}},
        {"collector": {"extraConfig": "[limits]\nanswer_s = 30\n"}, "agent": {"extraTails": "[[tail]]\npaths = ['/var/log/app.log']\n"}},
    ]
    for values in good:
        objects = charted(values)
        valid(objects, f"chart with {values}")
        harmless(objects, f"chart with {values}")
        for one in of_kind(objects, "ConfigMap").values():
            for text in one["data"].values():
                tomllib.loads(text)
    agents = charted({"agent": {"kernelAudit": False}})
    (agent,) = of_kind(agents, "DaemonSet").values()
    check("hostNetwork" not in agent["spec"]["template"]["spec"], "kernelAudit: false leaves hostNetwork")
    check("netlink:audit" not in str(config_in(agents, "agent.toml")), "kernelAudit: false leaves netlink:audit")
    check(all("my-deponent" in one["metadata"]["name"] for one in charted({}, "my")), "names of another release")
    bad = [{"cluster": "a b"}, {"agents": {}}, {"agent": {"spoolMiB": 1}}, {"agent": {"colector": ""}}, {"image": {"digest": "0"}}, {"networkPolicy": {"nodes": ["any"]}}, {"networkPolicy": {"search": []}}]
    for values in bad:
        try:
            Chart.load(str(folder)).validate_schema(values)
        except Exception:  # whatever the library calls it
            continue
        check(False, f"the chart takes {values}")
    said = lint(str(folder), strict=True, quiet=True)
    check(not said.get("errors"), f"helm lint: {said}")
    print(f"deploy: {len(good)} sets of values rendered, {len(bad)} refused")


# --- Configurations --------------------------------------------------------------------------------------------------------------------------------------------


def fields(file: str, struct: str) -> set:
    """Names of a struct's fields."""
    body = re.search(rf"struct {struct} \{{(.*?)\n\}}", (ROOT / file).read_text(), re.S).group(1)
    return set(re.findall(r"^    (?:pub(?:\([a-z]+\))? )?([a-z_]+):", body, re.M))


def configurations() -> None:
    known, limits = fields("src/config/agent.rs", "Written"), fields("src/config/agent.rs", "WrittenLimits")
    door = fields("src/config/door.rs", "Written")
    tails = tomllib.loads((ROOT / "config.toml").read_text())["tail"]
    usual = [(tail["paths"], tail.get("kind")) for tail in tails if "node" not in tail]
    for folder in ("base", "example"):
        agent = tomllib.loads((DEPLOY / f"kustomize/{folder}/agent.toml").read_text())
        collector = tomllib.loads((DEPLOY / f"kustomize/{folder}/config.toml").read_text())
        check(set(agent) <= known, f"{folder}/agent.toml: {set(agent) - known}")
        check(set(agent["limits"]) <= limits, f"{folder}/agent.toml: {set(agent['limits']) - limits}")
        check(set(collector["agents"]) == door, f"{folder}/config.toml: [agents] is not {door}")
        check(agent["cluster"] == collector["cluster"], f"{folder}: two clusters")
        own = [(tail["paths"], tail.get("kind")) for tail in agent["tail"]]
        check([tail for tail in own if tail[0] != ["netlink:audit"]] == usual, f"{folder}/agent.toml follows other files than config.toml")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Running:
    """A program that ends with the block."""

    def __init__(self, *command: str, env: dict, cwd: pathlib.Path):
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(BOUND_S)


def until(what: str, holds) -> bool:
    end = time.monotonic() + BOUND_S
    while not holds():
        if time.monotonic() > end:
            check(False, f"{what}: not within {BOUND_S} s")
            return False
        time.sleep(0.1)
    return True


def got(url: str):
    """Status and body; nothing where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None, ""


def only_container(kind: str) -> dict:
    (one,) = of_kind(kustomized("base"), kind).values()
    (container,) = one["spec"]["template"]["spec"]["containers"]
    return container


def replaced(file: str, here: pathlib.Path, changes: dict) -> pathlib.Path:
    """The base's own file with other ports and folders, and nothing else."""
    text = (DEPLOY / "kustomize/base" / file).read_text()
    for old, new in changes.items():
        check(old in text, f"{file} lacks {old}")
        text = text.replace(old, new)
    (here / file).write_text(text)
    return here / file


def names_of(page: str) -> set:
    return set(re.findall(r"^# TYPE (deponent_[a-z_]+)", page, re.M))


def as_in_pods(here: pathlib.Path) -> tuple:
    """As root: what stands before the commands of collector and agent, so that they have the rights that their pods have, and folders as volumes are mounted."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("deploy: SKIPPED users and capabilities of pods: not root, or no setpriv")
        return [], []
    (one,) = of_kind(kustomized("base"), "StatefulSet").values()
    context = one["spec"]["template"]["spec"]["securityContext"]
    user, group = context["runAsUser"], context["fsGroup"]
    for folder in ("store", "keys"):
        # The kubelet makes them: root's, of the group, which may write.
        (here / folder).mkdir()
        os.chown(here / folder, 0, group)
        (here / folder).chmod(0o2775)
    os.chown(here / "collector/tls.key", 0, group)
    here.chmod(0o755)
    added = only_container("DaemonSet")["securityContext"]["capabilities"]["add"]
    bounding = ",".join(["-all", *("+" + name.lower() for name in added)])
    collector = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
    return collector, ["setpriv", f"--bounding-set={bounding}", "--no-new-privs"]


def runs(deponent: str) -> None:
    """Certificates of `init pki`, a collector and an agent by the base's own configurations, arguments and rights, probed as the kubelet does."""
    collector, agent = only_container("StatefulSet"), only_container("DaemonSet")
    paths = {collector[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        env = {"XDG_STATE_HOME": f"{here}/keys", "PATH": "/usr/bin:/bin"}
        pki = [os.path.abspath(deponent), "init", "pki", "--cluster", "kubernetes", "--collector", "localhost", "--out", "pki"]
        subprocess.run(pki, check=True, env=env, cwd=here, capture_output=True)
        for who in ("collector", "agent"):
            tls = here / who
            tls.mkdir()
            for file, name in ((f"{who}.crt", "tls.crt"), (f"{who}.key", "tls.key"), ("ca.crt", "ca.crt")):
                shutil.copy(here / "pki" / file, tls / name)
            # As the volume of a secret has it.
            (tls / "tls.key").chmod(0o440)
        collector_rights, agent_rights = as_in_pods(here)
        if collector_rights:
            # The collector's user may not be able to enter the folder where it was built.
            deponent = shutil.copy(deponent, here / "deponent")
        search, door, page, health = free_port(), free_port(), free_port(), free_port()
        changes = {"0.0.0.0:7363": f"127.0.0.1:{search}", "0.0.0.0:7364": f"127.0.0.1:{door}", "0.0.0.0:9363": f"127.0.0.1:{health}"}
        config = replaced("config.toml", here, {**changes, "/var/lib/deponent/store": f"{here}/store", "/etc/deponent/tls": f"{here}/collector"})
        changes = {"deponent-collector.deponent.svc:7364": f"localhost:{door}", "0.0.0.0:7365": f"127.0.0.1:{page}", '"/var/log': f'"{here}/log'}
        agent_config = replaced("agent.toml", here, {**changes, "/var/lib/deponent-agent": f"{here}/state", "/etc/deponent/tls": f"{here}/agent"})
        arguments = [word.replace("/etc/deponent/agent.toml", str(agent_config)).replace("$(NODE_NAME)", "node-1") for word in agent["args"]]

        def probed() -> bool:
            return all(got(f"http://127.0.0.1:{health}{path}")[0] == 200 for path in paths)

        check(not probed(), "the probe succeeds without a collector")
        # Whether an agent can deliver is no reason to kill it.
        check(agent["livenessProbe"]["httpGet"]["path"] == "/livez", "an agent is killed when it cannot deliver")
        with Running(*agent_rights, deponent, *arguments, env=env, cwd=here) as node:
            live, ready = (f"http://127.0.0.1:{page}{agent[name]['httpGet']['path']}" for name in ("livenessProbe", "readinessProbe"))
            until("an agent without a collector is alive", lambda: node.poll() is not None or got(live)[0] == 200)
            serve = [word.replace("/etc/deponent/config.toml", str(config)) for word in collector["args"]]
            with Running(*collector_rights, deponent, *serve, env=env, cwd=here) as server:
                until("the probe finds the collector", lambda: server.poll() is not None or probed())
                until("the agent is ready", lambda: node.poll() is not None or got(ready)[0] == 200)
                check(node.poll() is None and server.poll() is None, "agent and collector run")
                sent = re.compile(r"^deponent_agent_receipts_total [1-9]", re.M)
                until("a receipt comes", lambda: sent.search(got(f"http://127.0.0.1:{page}/metrics")[1]) is not None)
                served = names_of(got(f"http://127.0.0.1:{page}/metrics")[1]) | names_of(got(f"http://127.0.0.1:{health}/metrics")[1])
                # As `kubectl exec` and somebody elsewhere do.
                add = [*collector_rights, deponent, "-c", str(config), "token", "add", "jane", "--role", "operator"]
                token = subprocess.run(add, env=env, cwd=here, capture_output=True, text=True)
                check(token.returncode == 0, f"a token is made: {token.stderr}")
                (here / "token").write_text(token.stdout)
                ask = [deponent, "--server", f"https://localhost:{search}", "--ca", "pki/ca.crt", "--token-file", "token", "agents"]
                agents = subprocess.run(ask, env=env, cwd=here, capture_output=True, text=True)
                check("node-1" in agents.stdout, f"its holder asks: {agents.stderr}")
    used = set().union(*(metrics_of(expression) for _, expression in expressions()))
    unused = served - used - {"deponent_build_info"}
    check(not unused, f"no panel or rule uses {unused}")
    print(f"deploy: collector and agent run by their own manifests' files; {len(served)} metrics")


# --- Metrics ---------------------------------------------------------------------------------------------------------------------------------------------------


def expressions() -> list:
    groups = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())["groups"]
    found = []
    for rule in (rule for group in groups for rule in group["rules"]):
        check(set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, f"{rule['alert']}: {set(rule)}")
        check(rule["labels"].get("severity") in ("info", "warning", "critical"), f"{rule['alert']}: no severity")
        check(set(rule["annotations"]) == {"summary", "description"}, f"{rule['alert']}: annotations")
        check(re.fullmatch(r"\d+[smhd]", rule.get("for", "0s")) is not None, f"{rule['alert']}: for")
        found.append((rule["alert"], rule["expr"]))
    board = json.loads((DEPLOY / "grafana/deponent.json").read_text())
    ids = [panel["id"] for panel in board["panels"]]
    check(len(ids) == len(set(ids)), "panels with one id")
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            found.append((panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$agent", ".*")))
    check("deponent_" in str(board["templating"]), "the dashboard's variable asks for no metric")
    return found


def metrics_of(expression: str) -> set:
    return set(re.findall(r"\bdeponent_[a-z_]+", expression))


def written_in(folder: str) -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.rs")))


def metrics() -> None:
    source, of_agent = written_in("src"), written_in("src/agent")
    # Until the agent has metrics nobody can say whether these are they.
    agent_has = "spool_max_bytes" in of_agent
    unknown = set()
    everything = expressions()
    for name, expression in everything:
        try:
            promql_parser.parse(expression)
        except ValueError as error:
            check(False, f"{name}: {error}")
        for metric in metrics_of(expression):
            short = metric.removeprefix("deponent_")
            there = f'"{short}"' in source or f"{metric} " in source or f'"{short.removeprefix("agent_")}"' in of_agent
            if not there and short.startswith("agent_") and not agent_has:
                unknown.add(metric)
                continue
            check(there, f"{name}: src/ has no {metric}")
    if unknown:
        print(f"deploy: SKIPPED {len(unknown)} metrics of the agent: this version has none")
    print(f"deploy: {len(everything)} expressions of alert rules and dashboard")


# --- The audit policy ------------------------------------------------------------------------------------------------------------------------------------------

WRITES = ["create", "update", "patch", "delete", "deletecollection"]
STAGES = {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"}
# (user's group, verbs, group, resource) and what is recorded of it.
ANSWERS = [
    ("", WRITES + ["get", "list", "watch"], "", "secrets", "Metadata"),
    ("system:masters", WRITES, "", "configmaps", "Metadata"),
    ("", ["create"], "authentication.k8s.io", "tokenreviews", "Metadata"),
    ("system:nodes", ["create"], "", "serviceaccounts/token", "Request"),
    ("", ["create", "get"], "", "pods/exec", "Request"),
    ("", ["create", "get"], "", "pods/attach", "Request"),
    ("", ["create", "get"], "", "pods/portforward", "Request"),
    ("", ["create", "get"], "", "nodes/proxy", "Request"),
    ("", WRITES, "", "pods", "RequestResponse"),
    ("", ["create"], "", "pods/binding", "RequestResponse"),
    ("system:nodes", ["patch"], "", "pods/status", "RequestResponse"),
    ("system:nodes", ["patch"], "", "nodes/status", "Metadata"),
    ("", ["patch", "update"], "", "pods/ephemeralcontainers", "RequestResponse"),
    ("", WRITES, "apps", "deployments", "RequestResponse"),
    ("", ["patch", "update"], "apps", "deployments/scale", "RequestResponse"),
    ("", ["patch", "update"], "apps", "deployments/status", "Metadata"),
    ("", WRITES, "apps", "replicasets", "RequestResponse"),
    ("", WRITES, "batch", "cronjobs", "RequestResponse"),
    ("", WRITES, "rbac.authorization.k8s.io", "clusterrolebindings", "RequestResponse"),
    ("", WRITES, "certificates.k8s.io", "certificatesigningrequests", "RequestResponse"),
    ("", ["update", "patch"], "certificates.k8s.io", "certificatesigningrequests/approval", "RequestResponse"),
    ("", ["update", "patch"], "certificates.k8s.io", "certificatesigningrequests/status", "RequestResponse"),
    ("", ["create"], "authorization.k8s.io", "subjectaccessreviews", "RequestResponse"),
    ("", WRITES, "", "namespaces", "RequestResponse"),
    ("", ["get", "list", "watch"], "", "pods", "Metadata"),
    ("", WRITES, "example.com", "widgets", "Metadata"),
    ("", ["update"], "coordination.k8s.io", "leases", "Metadata"),
]


def matches(rule: dict, group: str, verb: str, api: str, resource: str) -> bool:
    if "nonResourceURLs" in rule or (rule.get("verbs") and verb not in rule["verbs"]):
        return False
    if rule.get("userGroups") and group not in rule["userGroups"]:
        return False
    listed = rule.get("resources")
    return not listed or any(one["group"] == api and (not one.get("resources") or resource in one["resources"]) for one in listed)


def policy() -> None:
    said = yaml.safe_load((DEPLOY / "audit/audit-policy.yaml").read_text())
    check((said["apiVersion"], said["kind"]) == ("audit.k8s.io/v1", "Policy"), "the audit policy's kind")
    check(said["omitManagedFields"] is True and "omitStages" not in said, "the audit policy as a whole")
    for rule in said["rules"]:
        allowed = {"level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages"}
        check(set(rule) <= allowed, f"audit policy: {set(rule) - allowed}")
        check(rule["level"] in ("None", "Metadata", "Request", "RequestResponse"), f"audit policy: {rule['level']}")
        check(set(rule.get("omitStages", [])) <= STAGES, "audit policy: stages")
        check("nonResourceURLs" not in rule or "resources" not in rule, "audit policy: a rule is for objects or for other URLs")
        for one in rule.get("resources", []):
            check(set(one) <= {"group", "resources", "resourceNames"} and "group" in one, f"audit policy: {one}")
    check(said["rules"][-1] == {"level": "Metadata"}, "audit policy: the last rule takes everything else")
    for group, verbs, api, resource, level in ANSWERS:
        for verb in verbs:
            rule = next(rule for rule in said["rules"] if matches(rule, group, verb, api, resource))
            check(rule["level"] == level, f"audit policy: {verb} {api}/{resource} is recorded at {rule['level']}, not {level}")
            often = resource in ("leases", "events", "nodes/status")
            check(often or "omitStages" not in rule, f"audit policy: {resource} lacks a stage (request-stages)")
    config = yaml.safe_load((DEPLOY / "audit/webhook-kubeconfig.yaml").read_text())
    (context,) = [one["context"] for one in config["contexts"] if one["name"] == config["current-context"]]
    check([context["cluster"]] == [one["name"] for one in config["clusters"]], "webhook-kubeconfig: cluster")
    check([context["user"]] == [one["name"] for one in config["users"]], "webhook-kubeconfig: user")
    check(config["clusters"][0]["cluster"]["server"].startswith("https://"), "webhook-kubeconfig: server")
    print(f"deploy: {len(said['rules'])} rules of the audit policy, {sum(len(verbs) for _, verbs, *_ in ANSWERS)} requests")


# --- The image -------------------------------------------------------------------------------------------------------------------------------------------------


def image() -> None:
    """What .dockerignore leaves is enough for Cargo and for every file that the source includes; and no more than a few MB."""
    words = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    check(words[0] == "*", ".dockerignore does not begin with everything")
    with tempfile.TemporaryDirectory() as folder:
        context = pathlib.Path(folder)
        for word in words[1:]:
            for path in ROOT.glob(word.removeprefix("!")):
                there = context / path.relative_to(ROOT)
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(path, there, ignore=shutil.ignore_patterns("target")) if path.is_dir() else shutil.copy(path, there)
        said = subprocess.run(["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"], cwd=context, capture_output=True, text=True)
        check(said.returncode == 0, f"Cargo in the image's context: {said.stderr}")
        for path in sorted(context.glob("src/**/*.rs")):
            text = path.read_text().split("#[cfg(test)]\nmod ")[0]
            if path.stem.endswith("tests"):
                continue
            for included in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', text):
                check((path.parent / included).exists(), f"{path.relative_to(context)} includes {included}, which .dockerignore leaves out")


def hosts() -> None:
    """No registry's name: whoever runs this has his own."""
    named = re.compile(r"\b(ghcr\.io|quay\.io|docker\.io|gcr\.io|registry\.k8s\.io|[a-z0-9-]+\.azurecr\.io|[a-z0-9.-]+\.amazonaws\.com)\b")
    for path in [*DEPLOY.rglob("*"), ROOT / "docs/deploying.md"]:
        if path.is_file():
            found = named.search(path.read_text())
            check(found is None, f"{path.relative_to(ROOT)} names {found and found.group(0)}")


def main(deponent: str) -> int:
    manifests()
    chart_values()
    configurations()
    metrics()
    policy()
    image()
    hosts()
    if pathlib.Path(deponent).exists():
        runs(os.path.abspath(deponent))
    else:
        print(f"deploy: SKIPPED what needs the program: there is no {deponent}")
    return 1 if failures else 0


sys.exit(main(*sys.argv[1:]))
