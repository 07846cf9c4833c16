"""Asks a collector for an event until it is there and says what is true, or until the bound; tells how long that took.

`found.py URL BEGAN TALLY WHAT QUERY TRUTH…`: BEGAN is when the action began (seconds since 1970). A TRUTH is `path=value`, a member of the event's JSON (docs/query.md): a
list is its values with blanks between, nothing behind `=` means that there is no such member. `link:RULE=CLASS` is a link that leads to the event. One event must hold
all of them. TALLY gets a line: the seconds from BEGAN, or `missing`.
"""

import json
import sys
import time
import urllib.parse
import urllib.request

BOUND_S = 60


def main(url: str, began: str, tally: str, what: str, query: str, *truths: str) -> int:
    expected = [tuple(truth.split("=", 1)) for truth in truths]
    deadline = time.time() + BOUND_S
    while True:
        events = ask(f"{url}/v1/events?limit=100&q={urllib.parse.quote(query)}")["items"]
        after = time.time() - float(began)
        wrong = [untrue(url, event, expected) for event in events]
        if [] in wrong:
            print(f"live: found {what} after {after:.2f} s: {query}", flush=True)
            note(tally, f"{after:.2f}")
            return 0
        if time.time() > deadline:
            break
        time.sleep(0.02)
    print(f"live: MISSING {what}: {query}: {len(events)} events", flush=True)
    for event, reasons in list(zip(events, wrong))[:3]:
        print(f"  {'; '.join(reasons)}\n  {json.dumps(event)}")
    note(tally, "missing")
    return 1


def untrue(url: str, event: dict, expected: list) -> list:
    said = [(path, value, member(url, event, path, value)) for path, value in expected]
    return [f"{path} is {found!r}, not {value!r}" for path, value, found in said if found != value]


def member(url: str, event: dict, path: str, value: str) -> str:
    if path.startswith("link:"):
        links = ask(f"{url}/v1/events/{event['id']}/links")
        classes = [link["class"] for link in links["items"] if link["rule"] == path.removeprefix("link:") and link["to"] == event["id"]]
        return value if value in classes else " ".join(classes)
    found = event
    for name in path.split("."):
        found = found.get(name, {}) if isinstance(found, dict) else {}
    if found == {}:
        return ""
    return " ".join(found) if isinstance(found, list) else str(found)


def ask(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
        return json.load(answer)


def note(tally: str, line: str) -> None:
    with open(tally, "a", encoding="utf-8") as file:
        file.write(f"{line}\n")


sys.exit(main(*sys.argv[1:]))
