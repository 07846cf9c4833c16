"""Latency of a running collector: structured searches (first 100 events in full, each query many times, in random order), and a new line's way
from its file into an answer; what a store of small batches takes on disk.

python3 benches/latency.py DEPONENT STORE…      prints p50 and p99 in ms a store and query, the age of new lines when they are found, and the disk
                                                of a log (STORE.log of the first) that came a few lines at a time
"""
import http.client
import os
import random
import re
import subprocess
import sys
import time
import urllib.parse

QUERIES = {
    "audit-large": ["exe:/usr/bin/*", "outcome:failure", "what:executed", "pid:1..500", "path:/etc/*", "auid:1000", "outcome:denied", "*"],
    "k8s-audit-large": ["verb:create", "what:exec", "outcome:denied", "who:system:serviceaccount:*", "kind:secrets", "ns:kube-system verb:get", "code:404", "*"],
}
TIMES = 60


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]


def measure(deponent, store):
    config = store + ".toml"
    with open(config, "w") as file:
        file.write(f'store = "{store}"\n[access]\nanonymous = ["auditor"]\n')
    server = subprocess.Popen([deponent, "serve", "-c", config, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            found = re.search(r"at http://([\d.]+):(\d+)", line)
            if found:
                break
        connection = http.client.HTTPConnection(found[1], int(found[2]))
        name = store.rsplit("/", 1)[-1]
        times = {query: [] for query in QUERIES[name]}
        asked = [query for query in times for _ in range(TIMES)]
        random.Random(7).shuffle(asked)
        for query in asked:
            start = time.perf_counter()
            connection.request("GET", "/v1/events?limit=100&q=" + urllib.parse.quote(query))
            body = connection.getresponse().read()
            times[query].append(1000 * (time.perf_counter() - start))
            assert b'"complete":' in body[-500:], body[-500:]
        everything = [value for values in times.values() for value in values]
        for query, values in times.items():
            print(f"search {name} {query!r} p50={percentile(values, .5):.2f}ms p99={percentile(values, .99):.2f}ms")
        print(f"search {name} all p50={percentile(everything, .5):.2f}ms p99={percentile(everything, .99):.2f}ms")
    finally:
        server.terminate()
        server.wait()


LINE = "type=USER_LOGIN msg=audit(1795467576.448:{}): pid=1 uid=0 auid=1502 ses=5 msg='op=login id=1502 exe=\"/usr/sbin/sshd\" res=success'\n"


def freshness(deponent, folder, lines=20):
    os.makedirs(folder)
    log, config = folder + "/audit.log", folder + "/config.toml"
    with open(config, "w") as file:
        file.write(f'store = "{folder}/store"\n[access]\nanonymous = ["auditor"]\n[[tail]]\npaths = ["{log}"]\n')
    server = subprocess.Popen([deponent, "serve", "-c", config, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            found = re.search(r"at http://([\d.]+):(\d+)", line)
            if found:
                break
        connection = http.client.HTTPConnection(found[1], int(found[2]))
        ages = []
        for serial in range(lines):
            with open(log, "a") as file:
                file.write(LINE.format(serial))
            start = time.perf_counter()
            while True:
                connection.request("GET", "/v1/events?limit=0&q=" + urllib.parse.quote("* | count"))
                if f'{{"count":{serial + 1}}}' in connection.getresponse().read().decode():
                    break
                time.sleep(0.005)
            ages.append(1000 * (time.perf_counter() - start))
            time.sleep(random.Random(serial).random())
        print(f"new line found after p50={percentile(ages, .5):.0f}ms max={max(ages):.0f}ms")
    finally:
        server.terminate()
        server.wait()


def trickle(deponent, source, folder, pause, lines=20, seconds=40):
    """A log that grows by `lines` lines every `pause` seconds, followed with the defaults; sizes after a stop."""
    os.makedirs(folder)
    log, config = folder + "/audit.log", folder + "/config.toml"
    with open(config, "w") as file:
        file.write(f'store = "{folder}/store"\n[access]\nanonymous = ["auditor"]\n[[tail]]\npaths = ["{log}"]\n')
    server = subprocess.Popen([deponent, "serve", "-c", config, "--listen", "127.0.0.1:0"], stderr=subprocess.DEVNULL)
    try:
        with open(source, "rb") as given, open(log, "ab", buffering=0) as file:
            for _ in range(int(seconds / pause)):
                file.write(b"".join(given.readline() for _ in range(lines)))
                time.sleep(pause)
        time.sleep(3)
    finally:
        server.terminate()
        server.wait()
    raw = os.path.getsize(log)
    rooms = {room: int(subprocess.check_output(["du", "-sb", f"{folder}/store/{room}"]).split()[0]) for room in ("", "batches", "wal", "log", "index", "state")}
    account = subprocess.check_output([deponent, "verify", "--store", f"{folder}/store"], text=True, stderr=subprocess.STDOUT)
    kept = " ".join(f"{room or 'all'}={100 * bytes / raw:.2f}%" for room, bytes in rooms.items())
    print(f"trickle of {raw / seconds / 1000:.0f} kB/s: {account.split(',')[0]}, {raw} bytes, kept {kept}")



for path in sys.argv[2:]:
    measure(sys.argv[1], path)
freshness(sys.argv[1], sys.argv[2] + "-freshness")
for number, pause in enumerate([0.025, 0.1, 0.4]):
    trickle(sys.argv[1], sys.argv[2] + ".log", f"{sys.argv[2]}-trickle-{number}", pause)
