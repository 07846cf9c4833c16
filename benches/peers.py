#!/usr/bin/env python3
"""What a user would pick instead, over the same events in the same run: ausearch, ripgrep and jq on the raw files, DuckDB and chdb on the events as JSON.

    DEPONENT=target/release/deponent DEPONENT_CORPUS=/path/to/corpus python3 benches/peers.py DIR [ROUNDS]

DIR gets the stores of all of them (some 3 GB). Needs: pip install duckdb chdb; ripgrep, jq, zstd; ausearch (AUSEARCH=path). What is missing is left out and said.
Each tool answers each question ROUNDS times (5), the tools alternating; medians in ms. A tool that keeps a process (DuckDB, chdb, a served deponent) is
asked in it; ausearch, ripgrep and jq start anew, as at a command line.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

DEPONENT = os.path.abspath(os.environ.get("DEPONENT", "target/release/deponent"))
LARGE = os.path.join(os.environ["DEPONENT_CORPUS"], "large")
AUSEARCH = os.environ.get("AUSEARCH", shutil.which("ausearch") or "")


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, names in os.walk(path) for f in names)


def timed(what):
    started = time.monotonic()
    result = what()
    return time.monotonic() - started, result


def run(command, check=True, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode}")
    return done.stdout


class Deponent:
    name = "deponent"

    def __init__(self, folder, audit, requests):
        self.store = os.path.join(folder, "store")
        environment = dict(os.environ, XDG_STATE_HOME=os.path.join(folder, "keys"))
        command = [DEPONENT, "ingest", "-q", "--store", self.store, "--node", "n", "--cluster", "c", audit, requests]
        self.ingest, _ = timed(lambda: run(command, env=environment))
        self.bytes = size(self.store)
        config = os.path.join(folder, "config.toml")
        with open(config, "w") as file:
            file.write(f"store = '{self.store}'\n[access]\nanonymous = ['auditor']\n")
        command = [DEPONENT, "serve", "-c", config, "--listen", "127.0.0.1:0"]
        self.server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for line in self.server.stderr:
            if " at http://" in line:
                self.url = line.split(" at ")[1].strip()
                break

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)

    def ask(self, question):
        kind, q, more = question["deponent"]
        if kind == "count":
            return self.get("/v1/stats/count", q=q)["count"]
        if kind == "events":
            return len(self.get("/v1/events", q=q, limit=more)["items"])
        if kind == "top":
            return self.get("/v1/stats/top", q=q, field=more, limit=10)["items"][0]["count"]
        return len(self.get("/v1/stats/hist", q=q, width=more)["items"])

    def end(self):
        self.server.terminate()


DUCKDB_COLUMNS = {
    "source": "source",
    "happened": "when.event",
    "who": "who.name",
    "auid": "who.login.auid",
    "action": "what.action",
    "outcome": "what.outcome",
    "path": "what.object.path",
    "exe": "how.exe",
    "audit_id": "how.audit_id",
}


class DuckDb:
    name = "DuckDB"

    def __init__(self, folder, events):
        import duckdb

        path = os.path.join(folder, "events.duckdb")
        self.connection = duckdb.connect(path)
        self.connection.execute("SET threads TO 2")
        # Its reader of JSON refuses objects of unlike shape, so each event is one value, with a column for what is asked.
        columns = ", ".join(f"json->>'$.{path}' AS {name}" for name, path in DUCKDB_COLUMNS.items())
        create = f"CREATE TABLE e AS SELECT json AS j, {columns} FROM read_ndjson_objects('{events}', maximum_object_size=67108864)"
        self.ingest, _ = timed(lambda: self.connection.execute(create))
        self.connection.execute("CHECKPOINT")
        self.bytes = size(path)

    def ask(self, question):
        rows = self.connection.execute(question["duckdb"]).fetchall()
        return rows[0][0] if len(rows) == 1 and isinstance(rows[0][0], int) else len(rows)

    def end(self):
        self.connection.close()


class ChDb:
    name = "chdb"

    def __init__(self, folder, events):
        from chdb import session

        path = os.path.join(folder, "chdb")
        self.session = session.Session(path)
        self.session.query("SET max_threads = 2")
        self.session.query("CREATE TABLE e (j JSON) ENGINE = MergeTree ORDER BY tuple()")
        insert = f"INSERT INTO e SELECT json FROM file('{events}', 'JSONAsObject', 'json JSON')"
        self.ingest, _ = timed(lambda: self.session.query(insert))
        self.bytes = size(path)

    def ask(self, question):
        lines = str(self.session.query(question["chdb"], "CSV")).strip().split("\n")
        return int(lines[0]) if len(lines) == 1 and lines[0].isdigit() else len(lines)

    def end(self):
        self.session.close()


class Shell:
    """A pipeline that reads the raw files for each question."""

    def __init__(self, name, key, places):
        self.name, self.key, self.places, self.ingest, self.bytes = name, key, places, None, None

    def ask(self, question):
        if self.key not in question:
            return None
        text = run(["bash", "-c", question[self.key].format(**self.places)], check=False)
        return int(text.strip() or 0)

    def end(self):
        pass


QUESTIONS = [
    {
        "name": "requests that were refused, count",
        "deponent": ("count", "source:kubernetes outcome:denied", None),
        "duckdb": "SELECT count(*) FROM e WHERE source='kubernetes' AND outcome='denied'",
        "chdb": "SELECT count() FROM e WHERE j.source='kubernetes' AND j.what.outcome='denied'",
        "rg": "jq -c 'select(.responseStatus.code==403 and .stage!=\"RequestReceived\").auditID' {requests} | sort -u | wc -l",
    },
    {
        "name": "one request by its Audit-ID",
        "deponent": ("events", "audit_id:{audit_id}", 10),
        "duckdb": "SELECT j FROM e WHERE audit_id='{audit_id}'",
        "chdb": "SELECT j FROM e WHERE j.how.audit_id='{audit_id}'",
        "rg": "rg -c -F '{audit_id}' {{requests}}",
    },
    {
        "name": "who asked most",
        "deponent": ("top", "source:kubernetes", "who.name"),
        "duckdb": "SELECT who, count(*) n FROM e WHERE source='kubernetes' GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
        "chdb": "SELECT toString(j.who.name) AS w, count() n FROM e WHERE j.source='kubernetes' GROUP BY w ORDER BY n DESC LIMIT 10",
        "rg": "jq -r .user.username {requests} | sort | uniq -c | sort -rn | head -10 | wc -l",
    },
    {
        "name": "executions by one login, newest 50",
        "deponent": ("events", "source:linux action:executed who.login.auid:{auid}", 50),
        "duckdb": "SELECT j FROM e WHERE source='linux' AND action='executed' AND auid='{auid}' ORDER BY happened DESC LIMIT 50",
        "chdb": "SELECT j FROM e WHERE j.source='linux' AND j.what.action='executed' AND toString(j.who.login.auid)='{auid}' ORDER BY toString(j.`when`.event) DESC LIMIT 50",
        "ausearch": "{{ausearch}} -if {{audit}} -ul {auid} -sc execve --raw 2>/dev/null | wc -l",
    },
    {
        "name": "files below a folder, count",
        "deponent": ("count", "source:linux path:/usr/*", None),
        "duckdb": "SELECT count(*) FROM e WHERE source='linux' AND path LIKE '/usr/%'",
        "chdb": "SELECT count() FROM e WHERE j.source='linux' AND startsWith(toString(j.what.object.path), '/usr/')",
        "ausearch": "{ausearch} -if {audit} -f /usr/ --raw 2>/dev/null | rg -c type=SYSCALL",
    },
    {
        "name": "what failed, by hour",
        "deponent": ("hist", "source:linux outcome:failure", "1h"),
        "duckdb": "SELECT substring(happened, 1, 13) h, count(*) FROM e WHERE source='linux' AND outcome='failure' GROUP BY 1",
        "chdb": "SELECT substring(toString(j.`when`.event), 1, 13) h, count() FROM e WHERE j.source='linux' AND j.what.outcome='failure' GROUP BY h",
    },
    {
        "name": "programs started most",
        "deponent": ("top", "source:linux action:executed", "how.exe"),
        "duckdb": "SELECT exe, count(*) n FROM e WHERE source='linux' AND action='executed' GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
        "chdb": "SELECT toString(j.how.exe) x, count() n FROM e WHERE j.source='linux' AND j.what.action='executed' GROUP BY x ORDER BY n DESC LIMIT 10",
    },
    {
        "name": "a regular expression over the raw records, count",
        "deponent": ("count", 'raw=~"py(env|thon)[0-9.]+/lib"', None),
        "rg": "rg -c 'py(env|thon)[0-9.]+/lib' {audit} {requests} | cut -d: -f2 | paste -sd+ | bc",
    },
]


def main():
    folder = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    audit, requests = os.path.join(folder, "audit.log"), os.path.join(folder, "k8s.log")
    for name, path in [("audit-large.log.zst", audit), ("k8s-audit-large.log.zst", requests)]:
        run(["zstd", "-dqf", os.path.join(LARGE, name), "-o", path])
    raw = size(audit) + size(requests)
    ours = Deponent(folder, audit, requests)
    tools = [ours]
    events = os.path.join(folder, "events.ndjson")
    with open(events, "wb") as file:
        subprocess.run([DEPONENT, "search", "-q", "--server", ours.url, "-o", "ndjson", "-n", "0", "*"], stdout=file, check=True)
    for tool in (DuckDb, ChDb):
        try:
            tools.append(tool(folder, events))
        except Exception as error:  # a peer that is not there, or refuses, is no fault of this run
            print(f"{tool.name} is left out: {error}")
    places = {"audit": audit, "requests": requests, "ausearch": AUSEARCH}
    if shutil.which("rg") and shutil.which("jq"):
        tools.append(Shell("ripgrep, jq", "rg", places))
    if AUSEARCH:
        tools.append(Shell("ausearch", "ausearch", places))
    some = ours.get("/v1/events", q="source:kubernetes what:create", limit=1)["items"][0]
    logins = ours.get("/v1/stats/top", q="source:linux action:executed", field="who.login.auid", limit=1)["items"]
    values = {"audit_id": some["how"]["audit_id"], "auid": logins[0]["value"]}
    for question in QUESTIONS:
        for key, text in question.items():
            if isinstance(text, str) and any(f"{{{name}}}" in text for name in values):
                question[key] = text.format(**values)
        kind, q, more = question["deponent"]
        for name, value in values.items():
            q = q.replace(f"{{{name}}}", str(value))
        question["deponent"] = (kind, q, more)
    print(f"\nraw {raw / 1e6:.0f} MB, as JSON {size(events) / 1e6:.0f} MB\n\n| tool | ingest, s | bytes of raw |\n|---|---|---|")
    for tool in tools:
        kept = "-" if tool.bytes is None else f"{100 * tool.bytes / raw:.1f} %"
        print(f"| {tool.name} | {'-' if tool.ingest is None else f'{tool.ingest:.1f}'} | {kept} |")
    print("\n| question | " + " | ".join(tool.name for tool in tools) + " |\n|---" * 1 + "|---" * len(tools) + "|")
    for question in QUESTIONS:
        times, answers = {tool.name: [] for tool in tools}, {}
        for _ in range(rounds):
            for tool in tools:
                key = {"deponent": "deponent", "DuckDB": "duckdb", "chdb": "chdb", "ripgrep, jq": "rg", "ausearch": "ausearch"}[tool.name]
                if key not in question:
                    continue
                try:
                    took, answers[tool.name] = timed(lambda: tool.ask(question))
                except Exception as error:
                    answers[tool.name] = f"error: {str(error)[:60]}"
                    continue
                times[tool.name].append(took * 1000)
        cells = [
            f"{statistics.median(times[tool.name]):.1f} ({answers.get(tool.name)})" if times[tool.name] else str(answers.get(tool.name, "-"))
            for tool in tools
        ]
        print(f"| {question['name']} | " + " | ".join(cells) + " |", flush=True)
    for tool in tools:
        tool.end()


main()
