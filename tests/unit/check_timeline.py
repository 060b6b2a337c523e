#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads timelines as others would, with nothing of ours but the JSON Schema:
.json is one array whose events are sorted per thread, nest, and have ids that
are used once; every line of .ndjson fits the schema.

check_timeline.py [--schema FILE] TIMELINE...
"""
import gzip
import json
import sys
from decimal import Decimal


class Wrong(Exception):
    pass


def open_text(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def check_threads(events):
    threads = {}
    for event in events:
        if "ts" in event:
            threads.setdefault((event["pid"], event["tid"]), []).append(event)
    for thread, timed in threads.items():
        stack, last = [], Decimal(-1)
        for event in timed:
            ts = event["ts"]
            if ts < last:
                raise Wrong(f"thread {thread}: ts steps back at {event}")
            last = ts
            if event["ph"] != "X":
                continue
            while stack and stack[-1] <= ts:
                stack.pop()
            end = ts + event["dur"]
            if stack and end > stack[-1]:
                raise Wrong(f"thread {thread}: {event} ends after what it is in")
            stack.append(end)
    return len(threads)


def check_ids(events):
    begun, ended = set(), set()
    for event in events:
        key = ("flow" if event["ph"] in "sf" else "async", event.get("id"))
        if event["ph"] in "sb":
            if key in begun:
                raise Wrong(f"id used again: {event}")
            begun.add(key)
        elif event["ph"] in "fe":
            if key not in begun or key in ended:
                raise Wrong(f"nothing to end: {event}")
            ended.add(key)


def check_flows(events):
    """Both ends of an arrow lie on a slice of their thread."""
    slices = {}
    for event in events:
        if event["ph"] == "X":
            slices.setdefault((event["pid"], event["tid"]), []).append(event)
    for event in events:
        if event["ph"] not in "sf":
            continue
        on = [s for s in slices.get((event["pid"], event["tid"]), [])
              if s["ts"] <= event["ts"] <= s["ts"] + s["dur"]]
        if not on:
            raise Wrong(f"not on a slice: {event}")


def check_json(path):
    with open_text(path) as f:
        events = json.load(f, parse_float=Decimal)
    if events[0]["name"] != "vmmtrace" or events[-1]["name"] != "end":
        raise Wrong("manifest or totals are not where they should be")
    check_ids(events)
    check_flows(events)
    return f"{len(events)} events on {check_threads(events)} threads"


def check_ndjson(path, validator):
    count = 0
    with open_text(path) as f:
        for count, line in enumerate(f, 1):
            obj = json.loads(line)
            if validator:
                validator.validate(obj)
    return f"{count} lines" + ("" if validator else ", not held to the schema")


def load_validator(path):
    try:
        import jsonschema
    except ImportError:
        return None
    with open(path) as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    by_ev = {s["properties"]["ev"]["const"]: jsonschema.Draft202012Validator(s)
             for s in schema["oneOf"]}

    class ByEvent:
        """One of the schemas fits: the one that ev names."""
        @staticmethod
        def validate(obj):
            by_ev[obj["ev"]].validate(obj)
    return ByEvent


def main(args):
    validator = None
    if args and args[0] == "--schema":
        validator = load_validator(args[1])
        args = args[2:]
    for path in args:
        try:
            if ".ndjson" in path:
                said = check_ndjson(path, validator)
            else:
                said = check_json(path)
        except Exception as error:  # whatever a reader trips over
            print(f"{path}: {type(error).__name__}: {error}")
            return 1
        print(f"{path}: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
