#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is what babeltrace2 reads in a .ctf what the .ndjson of the same run says, event by event and field
by field? Nothing of ours takes part: times are converted here anew.

ctf_equals.py FILE.ctf FILE.ndjson
"""
import json
import re
import subprocess
import sys

VALUE = re.compile(r'''\s*(\w+)\ =\ (?:
    \(\ "(?P<enum>[^"]*)"\ :\ container\ =\ (?P<of>\d+)\ \) |
    \(\ <unknown>\ :\ container\ =\ (?P<unknown>\d+)\ \) |
    "(?P<text>(?:[^"\\]|\\.)*)" |
    (?P<number>0x[0-9A-F]+|\d+))(?:,|\s*$)''', re.X | re.S)
EVENT = re.compile(r'\[(\d+)\] vmmtrace:(\w+): (?:\{ cpu_id = (\d+) \}, )?\{(.*)\}$', re.S)
STAMPS = ("t_prev", "t_traced", "t_run", "t_enter", "t_exit", "t_handled", "t_out")
OWN = ("event", "size", "verdict", "time") + STAMPS     # in .ndjson in another form, or not at all
SHOWN = set()
ESCAPES = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def plain(escape):
    return chr(int(escape[1], 16)) if escape[1] else ESCAPES.get(escape[2], escape[2])


def fields(text):
    at, found = 0, {}
    while at < len(text.rstrip()):
        m = VALUE.match(text, at)
        assert m, f"not understood: {text[at:at + 80]!r}"
        name, at = m.group(1), m.end()
        if m["enum"] is not None:
            found[name] = (m["enum"], int(m["of"]))
        elif m["text"] is not None:
            found[name] = re.sub(r"\\(?:x([0-9a-f]{2})|(.))", plain, m["text"])
        else:
            found[name] = int(m["unknown"] or m["number"], 0)
    return found


def events(path):
    done = subprocess.run(["babeltrace2", "--clock-cycles", "--no-delta", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    said = done.stderr.decode()
    text = done.stdout.decode("latin-1")
    for line in re.split(r"\n(?=\[\d)", text.rstrip("\n")):
        m = EVENT.match(line)
        assert m, f"not understood: {line[:80]!r}"
        yield int(m[1]), m[2], m[3], fields(m[4])
    yield None, said, None, None


class Clock:
    """docs/timeline.md: nominal frequency at first, then led back to CLOCK_MONOTONIC by each clock
    record within an interval as long as the last."""

    def __init__(self, first):
        self.first = self.last = first
        self.pieces = [(first["time"], 0, self.slope(1000000, first["khz"]))]
        self.slept = 0

    @staticmethod
    def slope(ns, ticks):
        return -(-(ns << 48) // ticks)

    def add(self, rec):
        ticks, ns = rec["time"] - self.last["time"], rec["mono"] - self.last["mono"]
        if ticks < rec["khz"] * 100 or ns <= 0:
            return
        here = self.ns(rec["time"])
        target = max(rec["mono"] - self.first["mono"] + ns, here + ns // 2)
        self.pieces.append((rec["time"], here, self.slope(target - here, ticks)))
        self.last = rec

    def ns(self, tsc):
        at, ns, slope = next((p for p in reversed(self.pieces) if tsc >= p[0]), self.pieces[0])
        return ns + ((tsc - at) * slope >> 48) if tsc >= at else ns - ((at - tsc) * slope >> 48)

    def duration(self, ticks):
        return ticks * self.pieces[-1][2] >> 48


def spans(rec, clock):
    """The durations of an exit, by its stamps; user and halted are one. Some are not there where both
    stamps are one."""
    t = {name: clock.ns(rec[name]) for name in STAMPS if rec[name]}
    t.setdefault("t_prev", clock.ns(0))
    run = t.get("t_run", t["t_traced"])
    yield "trace", t["t_traced"] - t["t_prev"]
    yield "reentry", None if (rec["t_run"] or rec["t_traced"]) == rec["t_enter"] else t["t_enter"] - run
    yield "guest", t["t_exit"] - t["t_enter"]
    yield "kernel", t["t_handled"] - t["t_exit"]
    yield "return", (t["t_out"] - t["t_handled"]
                     if rec["t_out"] and rec["t_out"] != rec["t_handled"] else None)
    yield "user", run - t["t_traced"] if "t_run" in t else None


def same(name, value, said, clock, event):
    """A field, and what the line has under its name (None: nothing)."""
    number = value[1] if isinstance(value, tuple) else value
    if event == "clock" and name == "mono":
        return said == number - clock.first["mono"]
    if isinstance(value, str):
        # babeltrace2 2.0 shows an empty text as one that it has shown before.
        stale, shown = value in SHOWN, said is not None
        SHOWN.add(value)
        return said == value if shown else stale or not value
    if said is None:
        none = value[0] == "none" if isinstance(value, tuple) else name == "cpl" and number == 255
        return not number or none
    if isinstance(value, tuple):
        return said == value[0]
    if said is True:
        return number > 0
    if isinstance(said, str):
        return said == hex(number)
    if name in ("begin", "since"):
        return said == clock.ns(number)
    if name in ("off", "wait", "resolve"):
        return said == clock.duration(number)
    return said == number


def differences(event, rec, line, clock):
    names = set(rec) - set(OWN)
    if line["ev"] != event or rec["event"][0] != event:
        yield "ev"
    if line["t"] != clock.ns(rec["time"]):
        yield "t"
    for name in names:
        if name.startswith("pad") or (event == "clock" and name == "real"):
            continue
        if not same(name, rec[name], line.get(name), clock, event):
            yield name
    known = names | {"ev", "t"}
    if event == "clock":
        known.add("tsc")
        if line["tsc"] != hex(rec["time"]):
            yield "tsc"
    if event == "exit":
        for name, ns in spans(rec, clock):
            said = line.get(name, line.get("halted") if name == "user" else None)
            known |= {name, "halted"}
            if said != ns:
                yield name
    yield from set(line) - known


def main(ctf, ndjson):
    with open(ndjson, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    clock, last, count = None, 0, 0
    first = next(rec for _, event, _, rec in events(ctf) if event == "clock")
    for stamp, event, cpu, rec in events(ctf):
        if stamp is None:
            lost = sum(line.get("count", 0) for line in lines if line["ev"] == "lost")
            told = sum(map(int, re.findall(r"discarded (\d+) event", event)))
            assert lost == told, f"{lost} records are lost, babeltrace2 says {told}"
            assert lost or not event, f"babeltrace2 warns: {event}"
            break
        count += 1
        line = lines[count]
        if event == "end":
            totals = json.loads(rec["totals"])
            assert {"ev": "end", **totals} == line, f"totals: {totals} and {line}"
            continue
        clock = clock or Clock(first)
        if event == "clock":
            clock.add(rec)
        wrong = sorted(differences(event, rec, line, clock))
        assert not wrong, f"event {count}, {', '.join(wrong)}: {rec} and {line}"
        assert event == "lost" or int(cpu) == rec["cpu"], f"event {count}: in the file of CPU {cpu}"
        due = first["mono"] + clock.ns(rec["time"])
        assert stamp == max(due, last + 1), f"event {count}: stamp {stamp}, due at {due}"
        last = stamp
    assert count == len(lines) - 1, f"{count} events, {len(lines) - 1} lines"
    print(f"{count} events are equal")


main(*sys.argv[1:])
