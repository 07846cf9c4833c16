"""Asks a collector for an event until it is there, and whether it says what is true.

`found.py URL BEGAN TALLY WHAT QUERY TRUTH…`: BEGAN is when the action began (seconds since 1970). A TRUTH is `path=value`, a member of the event's JSON (docs/query.md): a
list is its values with blanks between, nothing behind `=` means that there is no such member. `link:RULE=CLASS` is a link that leads to the event. One event must hold
all of them. The line that TALLY gets is the seconds that it took, or `missing`.
"""

import json
import sys
import time
import urllib.parse
import urllib.request

BOUND_S = 3


def main(url: str, began: str, tally: str, what: str, query: str, *truths: str) -> int:
    expected = [tuple(truth.split("=", 1)) for truth in truths]
    end = time.time() + BOUND_S
    first = None
    while True:
        events = ask(f"{url}/v1/events?limit=100&q={urllib.parse.quote(query)}")["items"]
        now = time.time()
        if events and first is None:
            first = now - float(began)
        wrong = [[f"{path} is {said!r}, not {value!r}" for path, value in expected if (said := member(url, event, path, value)) != value] for event in events]
        if [] in wrong:
            event = events[wrong.index([])]
            note(tally, f"{first:.2f}")
            print(f"live: found {what} after {first:.2f} s: {query}: event {event['id']}")
            return 0
        if now >= end:
            break
        time.sleep(0.02)
    note(tally, "missing")
    print(f"live: MISSING {what}: {query}: {len(events)} events")
    for event, reasons in zip(events[:3], wrong):
        print(f"  {'; '.join(reasons)}\n  {json.dumps(event)}")
    return 1


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
