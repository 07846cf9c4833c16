#!/usr/bin/env python3
"""Checks exported events against the published OCSF schema.

Reads NDJSON on standard input; exits with 1 and the first errors on standard error when an event does not fit, with 2 when there is none.
Needs: pip install ocsf-json-schema==1.2.0 jsonschema (the schema is inside; no network).
"""

import functools
import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.8.0"
ERRORS_MAX = 20
SCHEMA = OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION))


@functools.cache
def validator(class_uid, profiles):
    name = SCHEMA.lookup_class_name_from_uid(class_uid)
    return Draft202012Validator(SCHEMA.get_class_schema(name, list(profiles)))


def errors(event):
    metadata = event.get("metadata", {})
    if metadata.get("version") != VERSION:
        yield f"metadata.version is {metadata.get('version')!r}, not {VERSION!r}"
        return
    try:
        check = validator(event.get("class_uid"), tuple(sorted(metadata.get("profiles", []))))
    except ValueError as error:
        yield str(error)
        return
    for error in check.iter_errors(event):
        yield f"{error.json_path}: {error.message[:300]}"
    if event.get("type_uid") != event.get("class_uid", 0) * 100 + event.get("activity_id", 0):
        yield "type_uid is not class_uid * 100 + activity_id"


def main():
    events = bad = 0
    classes = {}
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        events += 1
        event = json.loads(line)
        classes[event.get("class_uid")] = classes.get(event.get("class_uid"), 0) + 1
        for error in errors(event):
            bad += 1
            if bad <= ERRORS_MAX:
                print(f"line {number}, class {event.get('class_uid')}: {error}", file=sys.stderr)
    print(f"{events} events, {bad} errors, classes {dict(sorted(classes.items(), key=str))}", file=sys.stderr)
    return 2 if events == 0 else int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
