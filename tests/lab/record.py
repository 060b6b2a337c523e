# SPDX-License-Identifier: GPL-2.0-only
"""
What files of vmmtrace record must tell: record.py WHAT ARG..., see check_WHAT().
"""
import json
import sys

import oracle

# What a record tells that depends on no recorder: durations are rounded from another time 0.
EXACT = ("vm", "vcpu", "exit", "nth", "class", "key", "value", "rip", "reason", "info1", "info2", "end")


def records(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def exits(path, vm=None):
    return [r for r in records(path) if r["ev"] == "exit" and vm in (None, r["vm"])]


def check_processor(log_path, path):
    """The first VM's exits are the first in the emulator's log, so an ordinal tells where to look."""
    log = list(oracle.read_log(log_path))
    mine = [r for r in records(path) if r["ev"] in ("exit", "lost") and r["vm"] == 1]
    first = next(r["exit"] for r in mine if r["ev"] == "exit")
    at, _, wrong = oracle.compare(log, first - 1, oracle.exits_of(mine))
    assert not wrong, wrong
    assert at - first + 1 > 50, f"only {at - first + 1} exits"


def check_same(full, path):
    """Exits that two recorders have of the same VM are the same."""
    known = {r["exit"]: r for r in exits(full)}
    mine = exits(path)
    assert len(mine) > 50, len(mine)
    for r in mine:
        other = known[r["exit"]]
        for name in EXACT:
            assert r.get(name) == other.get(name), (name, r, other)


def check_list(path):
    vms = json.load(open(path))
    assert len(vms) == 1, vms
    vm = vms[0]
    assert (vm["vm"], vm["name"], vm["vcpus"], vm["memory"]) == (1, "storm", 1, 2 << 20), vm
    assert vm["exits"] >= 100 and vm["exits_per_s"] > 0, vm
    assert vm["command"].startswith("vmmtrace run -q --name storm"), vm


def check_summary(path, timeline):
    s = json.load(open(path))
    n = len(exits(timeline))
    assert s["end"] == "time" and s["exits"] == n == s["records"]["counted"], (s, n)
    assert s["vms"][0]["exits"] == n and not s["vms"][0]["whole"] and not s["vms"][0]["ended"], s
    assert sum(c["count"] for c in s["classes"]) == n, s


def totals(path):
    return records(path)[-1]


def check_lost(*paths):
    n = sum(totals(p)["lost"] for p in paths)
    assert n > 0, "nothing was lost"
    for path in paths:
        t = totals(path)
        counted = sum(c["counted"] for c in t["classes"].values())
        seen = [r["exit"] for r in exits(path)]
        # All exits from the first that was seen to the last; more only where records are missing.
        assert not seen or counted >= seen[-1] - seen[0] + 1, (path, counted, seen[0], seen[-1])


def check_refused(path):
    t = totals(path)
    assert t["exits"] == 0 and t["classes"]["io_out"]["filtered"] > 50, t
    assert t["lost"] == 0, t


def check_joined(*paths):
    assert len(paths) >= 2, paths
    last = last_seq = None
    for path in sorted(paths):
        mine = [r for r in records(path) if r["ev"] not in ("vmmtrace", "end") and r["vcpu"] == 0]
        assert last_seq is None or mine[0]["seq"] == last_seq + 1, (path, mine[0], last_seq)
        x = [r["exit"] for r in mine if r["ev"] == "exit"]
        assert x == [*range(x[0], x[0] + len(x))], path
        assert last is None or x[0] == last + 1, (path, x[0], last)
        last, last_seq = x[-1], mine[-1]["seq"]
        assert totals(path)["lost"] == 0


def check_vms(path, n):
    found = {r["vm"] for r in exits(path)}
    assert len(found) == int(n), found


def whats(path):
    return [r["what"] for r in records(path) if r["ev"] == "life"]


def check_ends(path):
    assert whats(path)[-2:] == ["vcpu_ended", "vm_ended"], whats(path)
    life = [r for r in records(path) if r["ev"] == "life" and r["what"] == "vcpu_ended"]
    assert exits(path)[-1]["exit"] == life[0]["exit"]


def check_all(path, n):
    """That many VMs, each from its making to its end."""
    assert whats(path).count("vm_made") == whats(path).count("vm_ended") == int(n), whats(path)
    for end in [r for r in records(path) if r["ev"] == "life" and r["what"] == "vcpu_ended"]:
        ordinals = [r["exit"] for r in exits(path, end["vm"])]
        assert ordinals == [*range(1, end["exit"] + 1)], (ordinals, end)
    assert totals(path)["lost"] == 0


def marks_of(path):
    return [r["value"] for r in records(path) if r["ev"] == "mark"]


def check_marks(path, *values):
    assert marks_of(path) == [*values], marks_of(path)


def check_between(path):
    """From mark 0x1234 to 0x5678, between which the guest takes 100 CPUIDs, and the moments around."""
    assert marks_of(path) == ["0x1234", "0x5678"], marks_of(path)
    first, last = (r["exit"] for r in records(path) if r["ev"] == "mark")
    own = [r for r in exits(path) if first < r["exit"] < last and r["class"] == "cpuid"]
    assert len(own) == 100, len(own)


def check_nth(path, n):
    own = [r for r in exits(path) if r["class"] == "cpuid"]
    assert own[int(n) - 1]["nth"] == int(n), own[int(n) - 1]
    assert exits(path)[0]["exit"] == 1 and totals(path)["lost"] == 0


def check_empty(path):
    assert exits(path) == [] and totals(path)["classes"] == {}, totals(path)


def check_before(path, ns):
    """More than that long before the recording began, which lasted 300 ms."""
    mine = exits(path)
    assert mine[-1]["t"] - mine[0]["t"] >= int(ns), (mine[0], mine[-1])
    assert totals(path)["lost"] == 0


globals()["check_" + sys.argv[1]](*sys.argv[2:])
