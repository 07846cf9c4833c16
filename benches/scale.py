#!/usr/bin/env python3
"""Does correlation stay linear? Repeats one recorded node over 72 hours, imports it, and asks `why`.

    benches/scale.py CORPUS/overlap WORK MILLIONS...       such as 1 3 10

Each repetition of the run (five logs, 20,000 events in two minutes, 134 exec sessions) is moved in time, and every id in it (containers,
pods, Audit-IDs, execs, sandboxes, serials, pids) is another one, also where auditd wrote it in hexadecimal; names and commands stay the same, so
that each pod name comes back hundreds of times. One event in a hundred is written an hour too late. For each size: WORK/N holds the logs and
the store (0.8 GB a million events; the logs are deleted after the import), and a line is printed: import, bytes, memory, and
latencies of a count from the files by a new process, of eight searches, and of `why` at 40 places of the 72 hours. Needs GNU time."""
import calendar
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request

QUESTIONS = ["what:exec", "outcome:denied", "exe:/usr/bin/*", "who:kubernetes-admin", "path:/etc/*", "verb:create ns:lab", "syscall:execve outcome:failure", "kind:secrets"]
HOURS, LATE = 72, 0.01
PER_COPY, SERIALS, FIRST = 20_368, 6_387, 1_795_472_539  # of the run: events, serials of auditd, seconds of its first record
PID_FROM, PIDS, PID_SPAN = 20_000, 8_000, 4_150_000  # its pids, and pid_max
ID = rb"(?<![0-9a-fA-F])[0-9a-f]{64}(?![0-9a-fA-F])|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
STAMP = rb"2026-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
TOKEN = re.compile(rb"(?P<id>" + ID + rb")|(?P<iso>" + STAMP + rb")|audit\((?P<sec>\d+)(?P<ms>\.\d+):(?P<serial>\d+)\)"
                   rb"|(?m:^)(?P<level>[IWEF])(?P<klog>\d{4} \d\d:\d\d:\d\d)|proctitle=(?P<hex>[0-9A-F]{16,})"
                   rb"|(?P<pid>\bo?p?pid[=\":]+)(?P<number>\d{5,})|\badm(?P<exec>\d{4})\b")


def moved_id(old, copy):
    return b"%08x" % (int(old[:8], 16) ^ (copy * 0x9E3779B1 & 0xFFFFFFFF)) + old[8:]


def pieces(record, known):
    """The record as bytes and functions of (copy, seconds)."""
    out, end = [], 0
    for found in TOKEN.finditer(record):
        out.append(record[end:found.start()])
        end = found.end()
        if found["id"]:
            out.append(lambda copy, _, old=found["id"]: moved_id(old, copy))
        elif found["iso"]:
            form = b"%Y-%m-%d" + found["iso"][10:11] + b"%H:%M:%S"
            at = calendar.timegm(time.strptime(found["iso"].decode(), form.decode()))
            out.append(lambda _, by, at=at, form=form: time.strftime(form.decode(), time.gmtime(at + by)).encode())
        elif found["sec"]:
            out.append(lambda copy, by, m=(int(found["sec"]), found["ms"], int(found["serial"])): b"audit(%d%s:%d)" % (m[0] + by, m[1], m[2] + copy * SERIALS))
        elif found["pid"]:
            out.append(lambda copy, _, m=(found["pid"], int(found["number"])): b"%s%d" % (m[0], PID_FROM + (m[1] - PID_FROM + copy * PIDS) % PID_SPAN))
        elif found["exec"]:  # of `ctr task exec --exec-id`
            out.append(lambda copy, _, number=int(found["exec"]): b"adm%d" % (number + copy * 10_000))
        elif found["klog"]:
            at = calendar.timegm(time.strptime("2026" + found["klog"].decode(), "%Y%m%d %H:%M:%S"))
            out.append(lambda _, by, at=at, level=found["level"]: level + time.strftime("%m%d %H:%M:%S", time.gmtime(at + by)).encode())
        else:
            raw = bytes.fromhex(found["hex"][:len(found["hex"]) // 2 * 2].decode())
            ids = [i for i in re.finditer(rb"[0-9a-f]{12,64}", raw) if i[0][:12] in known]
            out.append(lambda copy, _, raw=raw, ids=ids: b"proctitle=" + moved_hex(raw, ids, copy))
    return out + [record[end:]]


def moved_hex(raw, ids, copy):
    for found in ids:
        raw = raw[:found.start()] + moved_id(found[0], copy) + raw[found.end():]
    return raw.hex().upper().encode()


def records(name, data):
    """Lines; of auditd the lines of an event together."""
    out, serial = [], None
    for line in data.splitlines(True):
        found = re.search(rb"msg=audit\([\d.]+:(\d+)\)", line) if name == "audit.log" else None
        if found and found[1] == serial:
            out[-1] += line
        else:
            out.append(line)
        serial = found[1] if found else None
    return out


def generate(corpus, folder, copies):
    names = ["audit.log", "k8s-audit.log", "containerd.log", "containerd-events.log", "kubelet.log"]
    texts = {name: open(os.path.join(corpus, name), "rb").read() for name in names}
    known = {i[:12] for text in texts.values() for i in re.findall(ID, text)}
    step, chance, size = HOURS * 3600 // copies, random.Random(7), 0
    for name in names:
        templates = [pieces(record, known) for record in records(name, texts[name])]
        late = {}
        with open(os.path.join(folder, name), "wb") as out:
            for copy in range(copies):
                by, lines = copy * step, []
                for template in templates:
                    line = b"".join(piece if isinstance(piece, bytes) else piece(copy, by) for piece in template)
                    if chance.random() < LATE:
                        late.setdefault(min(copies - 1, copy + max(1, 3600 // step)), []).append(line)
                    else:
                        lines.append(line)
                lines += late.pop(copy, [])
                size += sum(map(len, lines))
                out.writelines(lines)
            out.writelines(line for rest in late.values() for line in rest)
    return size


def get(url):
    """The lines of an answer, as objects."""
    asked = urllib.request.Request(url, headers={"Accept": "application/x-ndjson"})
    return [json.loads(line) for line in urllib.request.urlopen(asked).read().splitlines()]


def search(server):
    """Eight questions, ten times each in random order, the first 100 events in full."""
    chance, times = random.Random(7), []
    asked = QUESTIONS * 10
    chance.shuffle(asked)
    for question in asked:
        start = time.perf_counter()
        get(f"{server}/v1/events?{urllib.parse.urlencode({'q': question, 'limit': 100})}")
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def ask(server, copies):
    times, classes, chance = [], {}, random.Random(7)
    for place in range(40):
        since = FIRST + HOURS * 3600 // copies * (copies * place // 40) + chance.randrange(20, 80)
        query = urllib.parse.urlencode({"q": "syscall:execve exe:/bin/busybox outcome:success", "limit": 5, "order": "asc", "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))})
        for line in get(f"{server}/v1/events?{query}"):
            event = line.get("id")
            if event is None:
                continue
            start = time.perf_counter()
            answer = get(f"{server}/v1/events/{event}/why")[0]
            times.append((time.perf_counter() - start) * 1000)
            key = answer["root"].get("class") or answer["root"]["kind"]
            classes[key] = classes.get(key, 0) + 1
    return sorted(times), classes


def main(corpus, work, millions):
    binary = os.environ.get("DEPONENT", "target/release/deponent")
    print("million events | raw GB | import s | events/s | import MiB | store GB | opened and counted ms | search p50 ms | p99 ms | why p50 ms | p99 ms | serve MiB | answers", flush=True)
    for million in millions:
        folder = os.path.join(work, million)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "logs"))
        copies = max(1, round(float(million) * 1e6 / PER_COPY))
        size = generate(corpus, os.path.join(folder, "logs"), copies)
        store = os.path.join(folder, "store")
        start = time.perf_counter()
        done = subprocess.run(["/usr/bin/time", "-f", "peak %M", binary, "ingest", os.path.join(folder, "logs"), "--store", store, "--cluster", "c", "--node", "node-1"], capture_output=True, text=True)
        took = time.perf_counter() - start
        if done.returncode != 0:
            sys.exit(done.stderr)
        shutil.rmtree(os.path.join(folder, "logs"))
        # What follows is about questions: what the import still has to write, and the files that go, are not to be waited for.
        os.sync()
        disk = sum(os.path.getsize(os.path.join(at, f)) for at, _, files in os.walk(store) for f in files)
        start = time.perf_counter()
        subprocess.run([binary, "search", "-q", "--store", store, "* | count"], check=True, stdout=subprocess.DEVNULL)
        opened = (time.perf_counter() - start) * 1000
        port = 17363
        config = os.path.join(folder, "config.toml")
        open(config, "w").write("[access]\nanonymous = ['auditor']\n")
        serving = subprocess.Popen([binary, "serve", "--config", config, "--store", store, "--listen", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{server}/healthz").read()
                    break
                except OSError:
                    time.sleep(0.1)
            found = search(server)
            times, classes = ask(server, copies)
            peak = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{serving.pid}/status").read())[1]) // 1024
        finally:
            serving.terminate()
            serving.wait()
        count = int(re.search(r"([\d,]+) new events", done.stdout + done.stderr)[1].replace(",", ""))
        print(f"{count / 1e6:.2f} | {size / 1e9:.2f} | {took:.0f} | {count / took:,.0f} | {int(done.stderr.split()[-1]) // 1024} | {disk / 1e9:.2f} | {opened:.0f} | {found[len(found) // 2]:.1f} | {found[len(found) * 99 // 100]:.1f} | {times[len(times) // 2]:.1f} | {times[len(times) * 99 // 100]:.1f} | {peak} | {len(times)} {classes}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
