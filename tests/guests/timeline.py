# SPDX-License-Identifier: GPL-2.0-only
"""
Both forms of a timeline, read with nothing but Python's json module, and what must hold for any of
them. Independent of vmmtrace verify on purpose.
"""
import json
from collections import Counter, defaultdict
from decimal import Decimal

SPANS = ("trace", "user", "halted", "reentry", "guest", "kernel", "return")
FIRST_USER = 0xFE00


def load_ndjson(path):
    """Header, records, footer."""
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    if len(lines) < 2 or lines[0].get("ev") != "vmmtrace" or lines[-1].get("ev") != "end":
        raise ValueError(f"{path}: no header or no footer")
    return lines[0], lines[1:-1], lines[-1]


def load_json(path):
    """The events; times in ns, exactly."""
    with open(path) as f:
        events = json.load(f, parse_float=Decimal)
    for e in events:
        for name in ("ts", "dur"):
            if name in e:
                e[name] = int(e[name] * 1000)
    return events


def check_records(records, footer):
    """What must hold for the lines of any .ndjson without losses."""
    wrong = []
    seq = {}
    for r in records:
        stream = (r["vm"], r["vcpu"])
        # The host's own stream is older than any recording.
        want = seq.get(stream, r["seq"] if r["vm"] == 0 else 1)
        if r["seq"] != want or (r["ev"] == "lost" and r["vm"]):
            wrong.append(f"stream {stream}: {r['ev']}, seq {r['seq']} where {want} comes")
            break
        seq[stream] = want + (r["count"] if r["ev"] == "lost" else 1)
    exits = [r for r in records if r["ev"] == "exit"]
    nth = Counter()
    for n, r in enumerate(exits, 1):
        nth[r["class"]] += 1
        if r["exit"] != n or r["nth"] != nth[r["class"]]:
            wrong.append(f"exit {n}: its ordinals are {r['exit']} and {r['nth']} of {r['class']}")
            break
    for before, r in zip(exits, exits[1:]):
        spans = sum(r.get(name, 0) for name in SPANS)
        if r["t"] - before["t"] != spans:
            wrong.append(f"exit {r['exit']}: spans add up to {spans} of {r['t'] - before['t']} ns")
            break
    wrong += _check_aux([r for r in records if r["vcpu"] < FIRST_USER])
    wrong += _check_totals(exits, records, footer)
    return wrong


def _check_aux(stream):
    """Records of an exit come right before it; an event is given to the guest between the exit
    that it names and the next, which says so; an exit for a window was asked for because an
    interrupt waited."""
    wrong = []
    last, given, waits = 0, None, False
    for r in stream:
        if r["ev"] == "exit":
            told = int(r.get("injected", "0x0"), 16)
            want = given and 0x80000000 | given
            if (want or 0) != told & 0x800007FF:
                wrong.append(f"exit {r['exit']}: injected is {told:#x}, the record said {want}")
            last, given = r["exit"], None
            if r["class"] == "window":
                if not waits:
                    wrong.append(f"exit {last} is for a window, but nothing waits")
                waits = False
        elif r["ev"] == "intr":
            if r["exit"] != last:
                wrong.append(f"{r['stage']} after exit {last} names exit {r['exit']}")
            if r["stage"] == "window":
                waits = True
                continue
            waits &= r["itype"] != "intr"
            kinds = {"intr": 0, "nmi": 2, "exception": 3, "softint": 4}
            given = kinds[r["itype"]] << 8 | r.get("vector", 0)
        elif r["exit"] != last + 1:
            wrong.append(f"{r['ev']} before exit {last + 1} names exit {r['exit']}")
    return wrong[:3]


def _check_totals(exits, records, footer):
    wrong = []
    counts = Counter(r["class"] for r in exits)
    if footer["records"] != len(records) or footer["exits"] != len(exits):
        wrong.append(f"the footer tells {footer['records']} records, {footer['exits']} exits")
    for name in set(counts) | set(footer["classes"]):
        c = footer["classes"].get(name, {"counted": 0, "recorded": 0, "filtered": 0, "lost": 0})
        if c["counted"] != c["recorded"] + c["filtered"] + c["lost"] or c["recorded"] != counts[name]:
            wrong.append(f"{counts[name]} exits of class {name}, the footer tells {c}")
    return wrong


def check_summary(summary, records, key_kinds):
    """What vmmtrace run --json told: counts from the module, keys and devices from its own."""
    exits = [r for r in records if r["ev"] == "exit"]
    counts = Counter(r["class"] for r in exits)
    told = {c["class"]: c["count"] for c in summary["classes"]}
    if told != dict(counts):
        return [f"the summary tells {told}, recorded are {dict(counts)}"]
    wrong = []
    for c in summary["classes"]:
        keys = Counter(r["key"] for r in exits if r["class"] == c["class"] and "key" in r)
        top = c.get("top_key")
        if not top:
            if keys and key_kinds[c["class"]] != "none":
                wrong.append(f"no hottest key of class {c['class']}")
        elif keys[top["key"]] < top["count"] or (
                top["exact"] and not top["count"] == keys[top["key"]] == max(keys.values())):
            wrong.append(f"the hottest key of {c['class']} is not {top}")
    accesses = Counter()
    for r in records:
        if r["ev"] == "dev":
            accesses[r.get("device", "none")] += r["count"]
    told = {d["device"]: d["accesses"] for d in summary["devices"]}
    if told != {name: n for name, n in accesses.items() if n}:
        wrong.append(f"the summary tells of accesses {told}, recorded are {dict(accesses)}")
    return wrong


def check_interrupts(records):
    """irq_id leads from the line that was raised to the injection, and none is used twice."""
    wrong = []
    raised = [r["irq_id"] for r in records if r["ev"] == "intr" and r["stage"] == "raised"]
    if len(raised) != len(set(raised)) or 0 in raised:
        wrong.append("an irq_id is used again")
    acknowledged = set()
    for r in records:
        if r["ev"] != "intr":
            continue
        if r["stage"] == "acknowledged":
            acknowledged.add(r.get("irq_id"))
            if r.get("irq_id") not in raised:
                wrong.append(f"irq_id {r.get('irq_id')} was acknowledged but never raised")
    for r in records:
        if r["ev"] == "intr" and r["stage"] == "injected" and r["itype"] == "intr" and raised:
            if r.get("irq_id") not in acknowledged:
                wrong.append(f"irq_id {r.get('irq_id')} was injected but never acknowledged")
    return wrong


def check_events(events):
    """Order, nesting and ids of a .json."""
    wrong = []
    threads = defaultdict(list)
    for e in events:
        if e["ph"] != "M":
            threads[(e["pid"], e["tid"])].append(e)
    for thread, list_ in threads.items():
        wrong += _check_thread(thread, list_)
    flows = Counter((e["ph"], e["id"]) for e in events if e["ph"] in "sf")
    for (ph, id_), n in flows.items():
        if n != 1:
            wrong.append(f"flow id {id_}: {n} events {ph}")
        if ph == "f" and ("s", id_) not in flows:
            wrong.append(f"flow id {id_} ends but never began")
    pairs = Counter((e["ph"], e["cat"], e["id"]) for e in events if e["ph"] in "be")
    for (ph, cat, id_), n in pairs.items():
        if n != 1 or pairs[("e" if ph == "b" else "b", cat, id_)] != 1:
            wrong.append(f"async id {id_} of {cat} is not one pair")
    return wrong[:5]


def _check_thread(thread, events):
    wrong = []
    last, open_ = None, []
    for e in events:
        ts = e["ts"]
        if last is not None and ts < last:
            wrong.append(f"thread {thread}: {e.get('name')} at {ts} ns comes after {last} ns")
        last = ts
        if e["ph"] != "X":
            continue
        while open_ and open_[-1] <= ts:
            open_.pop()
        if open_ and ts + e["dur"] > open_[-1]:
            wrong.append(f"thread {thread}: {e['name']} at {ts} ns reaches out of the slice around it")
        open_.append(ts + e["dur"])
    return wrong


def check_agree(events, records, footer):
    """The two forms tell the same."""
    wrong = []
    slices = Counter(e["cat"] for e in events if e["ph"] == "X" and 1 <= e["tid"] % 1000 < 500)
    exits = Counter(r["class"] for r in records if r["ev"] == "exit")
    for name in exits:
        if slices[name] != exits[name]:
            wrong.append(f"{slices[name]} slices of class {name}, {exits[name]} lines")
    numbers = sorted(e["args"]["n"] for e in events
                     if e["ph"] == "X" and e["cat"] in exits and "n" in e.get("args", {}))
    if numbers != sorted(r["exit"] for r in records if r["ev"] == "exit"):
        wrong.append("the slices have other ordinals than the lines")
    ends = [e["args"] for e in events if e["ph"] == "M" and e["name"] == "end"]
    if ends != [{k: v for k, v in footer.items() if k != "ev"}]:
        wrong.append(f"the totals are {ends} and {footer}")
    return wrong
