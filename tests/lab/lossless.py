# SPDX-License-Identifier: GPL-2.0-only
"""What tests/lab/storm left: python's own JSON, and counts known beforehand.

all NDJSON ROUNDS: each vCPU has its exits and marks, and no stream has a gap.
waits NDJSON JSON: both vCPUs waited; each wait lies within the span of tracing, and
    the slices named so tell of the same waits.
lost NDJSON: records of both vCPUs are missing.
"""
import collections
import json
import sys

VCPUS = {0, 1}


def lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def every(path, rounds):
    seqs, counts = collections.defaultdict(list), collections.Counter()
    for r in lines(path):
        if "seq" in r:
            assert r["ev"] != "lost", r
            seqs[r["vm"], r["vcpu"]].append(r["seq"])
        if r["ev"] == "exit":
            counts[r["vcpu"], r["class"]] += 1
        if r["ev"] == "mark":
            counts[r["vcpu"], "mark"] += 1
    for stream, seq in seqs.items():
        first = seq[0] if stream[0] == 0 else 1
        assert seq == list(range(first, first + len(seq))), stream
    for vcpu in VCPUS:
        assert counts[vcpu, "cpuid"] == counts[vcpu, "mark"] == rounds, counts
        assert counts[vcpu, "io_out"] == 2 * rounds, counts
        assert counts[vcpu, "hlt"] == 1, counts


def waits(ndjson, timeline):
    waited = collections.defaultdict(list)
    for r in lines(ndjson):
        if r["ev"] == "exit" and "wait" in r:
            assert 0 < r["wait"] <= r["trace"], r
            waited[r["vcpu"]].append(r["wait"])
    assert waited.keys() == VCPUS, waited.keys()
    with open(timeline) as f:
        events = json.load(f)
    shown = collections.Counter(e["tid"] % 1000 - 1 for e in events if e.get("name") == "ring wait")
    for vcpu in VCPUS:
        assert shown[vcpu] == len(waited[vcpu]), (shown, len(waited[vcpu]))


def lost(path):
    missing = collections.Counter()
    for r in lines(path):
        if r["ev"] == "lost":
            missing[r["vcpu"]] += r["count"]
    assert all(missing[vcpu] > 0 for vcpu in VCPUS), missing


if sys.argv[1] == "all":
    every(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] == "waits":
    waits(sys.argv[2], sys.argv[3])
else:
    lost(sys.argv[2])
