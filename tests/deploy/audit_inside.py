"""The rules of deploy/audit/audit.rules, each triggered once and looked for: `audit` starts this in a mount namespace of its own and puts the kernel back.

`audit_inside.py SCRATCH PROGRAMS DEPONENT RULES`. Each trigger is a process of its own; its event must have this process's number, the rule's key and, for a watch, its path.
"""

import ctypes
import json
import mmap
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

BOUND_S = 60
UNSET = 4294967295
# What is a file though it does not look like one.
FILES = {"/etc/default/etcd", "/etc/default/kubelet", "/etc/sysconfig/kubelet", "/etc/crontab", "/etc/localtime", "/var/log/secure"}
# Calls by their numbers, x86-64 and i386, with arguments that do nothing.
CALLS = {
    "init_module": (175, 128, (0, 0, 0)),
    "finit_module": (313, 350, (-1, 0, 0)),
    "delete_module": (176, 129, (0, 0)),
    "mount": (165, 21, (0, 0, 0, 0)),
    "umount": (None, 22, (0,)),
    "umount2": (166, 52, (0, 0)),
    "unshare": (272, 310, (0,)),
    "setns": (308, 346, (-1, 0)),
    "ptrace": (101, 26, (None, 0, 0, 0)),
    "settimeofday": (164, 79, (0, 0)),
    "clock_settime": (227, 264, (1, 0)),
    "clock_settime64": (None, 404, (1, 0)),
    "stime": (None, 25, (0,)),
    "execve": (59, 11, (0, 0, 0)),
    "execveat": (322, 358, (-1, 0, 0, 0)),
}
CONNECT_32 = 362


class Rule:
    """A line of the file: a watch, or calls."""

    def __init__(self, line: str):
        self.line = line
        words = shlex.split(line)
        pairs = list(zip(words, words[1:]))
        self.watch = dict(pairs).get("-w")
        self.perm = dict(pairs).get("-p", "")
        fields = [value for word, value in pairs if word == "-F"]
        named = dict(field.split("=", 1) for field in fields if "=" in field and ">" not in field and "!" not in field)
        self.key = dict(pairs).get("-k") or named["key"]
        self.calls = dict(pairs).get("-S", "").split(",") if "-S" in words else []
        self.bits = 32 if named.get("arch") == "b32" else 64
        self.path = named.get("path")
        self.a0 = int(named.get("a0", "0"), 0)
        self.login = any(field.startswith("auid") for field in fields)


def rules(path: str) -> list:
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    active = [line for line in lines if line and not line.startswith("#")]
    assert "-e 2" not in active and "--loginuid-immutable" not in active, "that could not be undone here"
    return [Rule(line) for line in active if line.startswith(("-w", "-a"))]


def machine(scratch: str) -> None:
    """Copies in memory of the folders that rules name, which end with this namespace."""
    private = scratch + "/private"
    mount("-t", "tmpfs", "-o", "mode=755", "none", private)
    for folder in ("etc", "usr", "var", "opt", "root"):
        os.makedirs(f"{private}/{folder}")
        os.makedirs(f"{private}/{folder}.work")
        mount("-t", "overlay", "-o", f"lowerdir=/{folder},upperdir={private}/{folder},workdir={private}/{folder}.work", "none", f"/{folder}")
    mount("-t", "tmpfs", "-o", "mode=755", "none", "/run")
    os.makedirs("/run/deploy")


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def is_file(path: str) -> bool:
    known = os.path.isfile(path) or path in FILES
    name = os.path.basename(path)
    return known or "bin/" in path or (name.endswith((".yaml", ".env", ".log", ".conf", ".preload")) and not os.path.isdir(path))


def prepare(all_rules: list) -> None:
    """What each rule watches is there before it is loaded; in a folder a program, to be read, written, changed and run."""
    for rule in all_rules:
        path = rule.watch or rule.path
        if path is None:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if path.endswith(".sock"):
            if not os.path.exists(path):
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(path)
                listener.listen(64)
                LISTENERS.append(listener)
        elif is_file(path):
            # The machine's own program is not run, and no link stands for what is watched. Accounts must stay.
            if "bin/" in path or os.path.islink(path):
                remove(path)
                shutil.copy("/bin/true", path)
            elif not os.path.exists(path):
                open(path, "w", encoding="utf-8").close()
        else:
            os.makedirs(path, exist_ok=True)
            shutil.copy("/bin/true", path + "/deploy-test")


LISTENERS = []


def remove(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)


def child(action) -> int:
    """Runs an action in a process of its own; its number."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except OSError:
            pass  # recorded too
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return pid


def append(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))


def of_watch(rule: Rule) -> list:
    """For each permission of a watch: (what, path, action)."""
    path = rule.watch if is_file(rule.watch) or rule.watch.endswith(".sock") else rule.watch + "/deploy-test"
    is_socket = path.endswith(".sock")
    actions = {
        "r": lambda: os.close(os.open(path, os.O_RDONLY)),
        "w": (lambda: os.utime(path)) if is_socket else (lambda: append(path)),
        "a": lambda: os.chmod(path, stat.S_IMODE(os.stat(path).st_mode)),
        "x": lambda: os.execv(path, [path]),
    }
    wanted = [perm for perm in rule.perm if not (perm == "w" and is_socket)]
    return [(perm, path, actions[perm]) for perm in wanted]


def number(call: str, bits: int):
    return CALLS[call][0 if bits == 64 else 1]


def call32(code, words) -> None:
    function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int] * 5)(code)
    function(*(list(words) + [0] * 5)[:5])


def machine_code() -> int:
    """int 0x80 with four arguments, below 4 GiB, so that the calls are those of i386; its address."""
    code = bytes.fromhex("53 89f8 89f3 4189c9 89d1 4489ca 4489c6 cd80 5b c3")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    map_32bit = 0x40
    where = libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | map_32bit, -1, 0)
    ctypes.memmove(where, code, len(code))
    return where


def has_32bit(code: int) -> bool:
    pid = os.fork()
    if pid == 0:
        call32(code, [20])  # getpid
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def log_in() -> None:
    with open("/proc/self/loginuid", "w", encoding="ascii") as file:
        file.write("1000")


def connect(rule: Rule, code: int) -> None:
    if rule.login:
        log_in()
        peer, address = socket.socket(socket.AF_INET), (socket.AF_INET.to_bytes(2, "little") + (9).to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8))
    else:
        peer, address = socket.socket(socket.AF_UNIX), socket.AF_UNIX.to_bytes(2, "little") + rule.path.encode() + b"\0"
    if rule.bits == 64:
        libc = ctypes.CDLL(None)
        libc.connect(peer.fileno(), address, len(address))
        return
    ctypes.memmove(code + 2048, address, len(address))
    call32(code, [CONNECT_32, peer.fileno(), code + 2048, len(address)])


def of_calls(rule: Rule, code: int) -> list:
    """For each call of a rule: (what, path, action)."""
    found = []
    for call in rule.calls:
        if call == "connect":
            found.append((call, rule.path, lambda: connect(rule, code)))
            continue
        which, words = number(call, rule.bits), [rule.a0 if word is None else word for word in CALLS[call][2]]
        if rule.bits == 32:
            found.append((call, None, lambda which=which, words=words: call32(code, [which, *words])))
        else:
            found.append((call, None, lambda which=which, words=words: ctypes.CDLL(None).syscall(which, *words)))
    return found


def until(what: str, holds) -> None:
    end = time.monotonic() + BOUND_S
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {BOUND_S} s"
        time.sleep(0.05)


def start_auditd(programs: str, scratch: str):
    os.makedirs("/run/deploy/audit/plugins")
    with open("/run/deploy/audit/auditd.conf", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o640)
        file.write(
            "log_file = /run/deploy/audit/audit.log\nlog_format = ENRICHED\nflush = INCREMENTAL_ASYNC\nfreq = 50\nmax_log_file = 64\n"
            "max_log_file_action = IGNORE\nspace_left = 2\nadmin_space_left = 1\nplugin_dir = /run/deploy/audit/plugins\n"
        )
    daemon = subprocess.Popen([programs + "/auditd", "-n", "-s", "nochange", "-c", "/run/deploy/audit"], stdin=subprocess.DEVNULL)
    with open(scratch + "/auditd.pid", "w", encoding="ascii") as file:
        file.write(str(daemon.pid))

    def is_there() -> bool:
        status = subprocess.run([programs + "/auditctl", "-s"], capture_output=True, text=True, check=True).stdout
        assert daemon.poll() is None, "auditd ended"
        return f"pid {daemon.pid}\n" in status

    until("auditd takes over", is_there)
    return daemon


def events(deponent: str) -> list:
    """All that deponent makes of auditd's log."""
    env = {**os.environ, "XDG_STATE_HOME": "/run/deploy/keys"}
    here = ["--store", "/run/deploy/store", "-q"]
    subprocess.run([deponent, "ingest", *here, "--node", "test", "--cluster", "test", "/run/deploy/audit/audit.log"], check=True, env=env, cwd="/run/deploy")
    said = subprocess.run([deponent, "search", *here, "-o", "ndjson", "-n", "0", "key:*"], check=True, env=env, cwd="/run/deploy", capture_output=True, text=True)
    return [json.loads(line) for line in said.stdout.splitlines()]


def paths(event: dict) -> set:
    what = event["what"]
    return {object.get("path") for object in [what.get("object") or {}, *what.get("objects", [])]} | {event["how"].get("exe")}


def fits(event: dict, rule: Rule, what: str, path) -> bool:
    if rule.key not in event.get("why", {}).get("keys", []):
        return False
    if rule.calls and event["how"].get("syscall") != what:
        return False
    return path is None or path in paths(event)


def main(scratch: str, programs: str, deponent: str, file: str) -> int:
    all_rules = rules(file)
    machine(scratch)
    prepare(all_rules)
    code = machine_code()
    daemon = start_auditd(programs, scratch)
    subprocess.run([programs + "/auditctl", "-e", "1"], check=True, stdout=subprocess.DEVNULL)
    loaded = subprocess.run([programs + "/auditctl", "-R", file], capture_output=True, text=True)
    listed = subprocess.run([programs + "/auditctl", "-l"], capture_output=True, text=True, check=True).stdout.splitlines()
    if len(listed) != len(all_rules):
        print(f"deploy: {len(all_rules)} rules, {len(listed)} loaded\n{loaded.stderr}")
        return 1
    done = []
    compat = has_32bit(code)
    for rule in all_rules:
        if rule.bits == 32 and not compat:
            print(f"deploy: SKIPPED {rule.line}: this kernel has no 32 bit calls")
            continue
        for what, path, action in of_calls(rule, code) if rule.calls else of_watch(rule):
            done.append((rule, what, path, child(action)))
    marker = child(lambda: os.execv("/bin/true", ["true", "deploy-end"]))

    def is_written() -> bool:
        with open("/run/deploy/audit/audit.log", encoding="utf-8", errors="replace") as log:
            return any(f" pid={marker} " in line and "SYSCALL" in line for line in log)

    until("auditd writes the last event", is_written)
    subprocess.run([programs + "/auditctl", "-D"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(BOUND_S)
    of_process = {}
    for event in events(deponent):
        of_process.setdefault(event["how"].get("pid"), []).append(event)
    missing = 0
    for rule, what, path, pid in done:
        there = of_process.get(pid, [])
        if not any(fits(event, rule, what, path) for event in there):
            missing += 1
            seen = [(event["why"]["keys"], event["how"].get("syscall"), sorted(filter(None, paths(event)))) for event in there]
            print(f"deploy: MISSING {rule.line}: {what} {path or ''}; seen of process {pid}: {seen[:3]}")
    print(f"deploy: {len(all_rules)} audit rules, {len(done)} actions, {len(done) - missing} found by deponent")
    return 1 if missing else 0


sys.exit(main(*sys.argv[1:]))
