#!/usr/bin/env python3
"""Asks a running collector `why` for the programs that were started in containers, and prints how long the answers took.

    benches/why.py http://127.0.0.1:7363 [QUESTIONS]

The first question of a commit also counts the span of the API server's events. Not here: other latencies (`latency.py`)."""
import json
import sys
import time
import urllib.parse
import urllib.request

server, questions = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
query = urllib.parse.urlencode({"q": "syscall:execve exe:/bin/busybox outcome:success", "limit": questions, "order": "asc"})
asked = urllib.request.Request(f"{server}/v1/events?{query}", headers={"Accept": "application/x-ndjson"})
lines = urllib.request.urlopen(asked).read().decode().splitlines()
ids = [event["id"] for event in map(json.loads, lines) if "id" in event]
times = []
for event in ids:
    start = time.perf_counter()
    urllib.request.urlopen(f"{server}/v1/events/{event}/why").read()
    times.append((time.perf_counter() - start) * 1000)
times.sort()
if not times:
    sys.exit("no program of a container in that store")
print(f"{len(times)} questions: p50 {times[len(times) // 2]:.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms")
