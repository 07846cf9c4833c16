"""The agent's two capabilities are enough to read what it must read, and each of them is needed: `capabilities.py DEPONENT`, as root.

`serve` reads with the same code as the agent, so it stands for it: files of another user (0600 in a folder of 0700) and the kernel's audit group, with the capabilities that
deploy/kustomize/base/agent.yaml gives, and with one less.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOUND_S = 60
FILE, GROUP = "audit.log", "netlink:audit"


def given() -> list:
    documents = yaml.safe_load_all((ROOT / "deploy/kustomize/base/agent.yaml").read_text())
    (agent,) = [one for one in documents if one["kind"] == "DaemonSet"]
    (container,) = agent["spec"]["template"]["spec"]["containers"]
    return container["securityContext"]["capabilities"]["add"]


def joined(pid: int) -> bool:
    """Whether a process has a socket of audit (9) in its first group."""
    rows = [line.split() for line in pathlib.Path("/proc/net/netlink").read_text().splitlines()]
    return any(row[1:4] == ["9", str(pid), "00000001"] for row in rows)


def states(deponent: str, capabilities: list) -> dict:
    """What becomes of each source: whether it is read."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        logs = here / "logs"
        logs.mkdir()
        shutil.copy(ROOT / "samples/auditd/exec.log", logs / FILE)
        os.chmod(logs / FILE, 0o600)
        os.chmod(logs, 0o700)
        for path in (logs / FILE, logs):
            os.chown(path, 1000, 1000)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            url = f"127.0.0.1:{one.getsockname()[1]}"
        tails = "".join(f"[[tail]]\npaths = ['{path}']\nkind = 'auditd'\n" for path in (logs / FILE, GROUP))
        (here / "config.toml").write_text(f"store = '{here}/store'\nlisten = '{url}'\nnode = 'n'\n[access]\nanonymous = ['auditor', 'operator']\n{tails}")
        bounding = ",".join(["-all", *("+" + one.lower() for one in capabilities)])
        env = {"XDG_STATE_HOME": f"{here}/keys", "PATH": "/usr/bin:/bin"}
        command = ["setpriv", f"--bounding-set={bounding}", "--no-new-privs", deponent, "serve", "--config", str(here / "config.toml")]
        serve = subprocess.Popen(command, env=env, cwd=here, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + BOUND_S
            while time.monotonic() < end and serve.poll() is None:
                said = subprocess.run([deponent, "--server", f"http://{url}", "sources", "-q", "-o", "json"], capture_output=True, text=True, env=env, cwd=here)
                sources = {one["source"].split(":", 1)[1]: one for one in json.loads(said.stdout or "[]")}
                decided = {name: one["records"] > 0 or bool(one.get("last_error")) for name, one in sources.items()}
                file, refused = str(logs / FILE), bool(sources.get(GROUP, {}).get("last_error"))
                if decided.get(file) and (refused or joined(serve.pid)):
                    return {FILE: sources[file]["records"] > 0, GROUP: not refused}
                time.sleep(0.1)
        finally:
            serve.terminate()
            serve.wait(BOUND_S)
    raise SystemExit(f"deploy: FAILED capabilities {capabilities}: serve does not say what it reads")


def main(deponent: str) -> int:
    why = None
    if os.geteuid() != 0:
        why = "not root"
    elif os.readlink("/proc/self/ns/user") != "user:[4026531837]":
        why = "in a container (not the first user namespace)"
    elif not shutil.which("setpriv") or not pathlib.Path(deponent).exists():
        why = "no setpriv, or no deponent"
    if why:
        print(f"deploy: SKIPPED capabilities: {why}")
        return 0
    all_of_them = given()
    expected = {(): {FILE: True, GROUP: True}, ("DAC_READ_SEARCH",): {FILE: False, GROUP: True}, ("AUDIT_READ",): {FILE: True, GROUP: False}}
    failed = 0
    for without, wanted in expected.items():
        said = states(deponent, [one for one in all_of_them if one not in without])
        if said != wanted:
            failed = 1
            print(f"deploy: FAILED capabilities {all_of_them} without {list(without)}: {said}, not {wanted}")
    if not failed:
        print(f"deploy: {' and '.join(all_of_them)} are enough, and needed")
    return failed


sys.exit(main(*sys.argv[1:]))
