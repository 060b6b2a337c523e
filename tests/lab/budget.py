# SPDX-License-Identifier: GPL-2.0-only
"""budget.py --check|--update BUDGET OUT HOST: hold what exits cost to a budget.

OUT is what the tiny guests and the bench of exits left on the deterministic host,
where a nanosecond is an instruction. The cost of a guest's class is the median of
its exits: kernel, return, reentry and trace, without the guest's and userland's own
time. What host interrupts cost is the host's, and what they cut into is left out.
BUDGET has a line each: "guest class instructions". It was taken on the host that
its first line names; another kernel or emulator costs something else, and there
only gross excess fails. Prints TAP.

The host's tick may fall into the only exit that a guest takes of a class, wherever
the host's files and addresses happen to put it. So few such rows may be above their
budget, by as much as a tick costs; what costs more by itself shows in more rows.
"""
import glob
import json
import os
import statistics
import sys

SAME_HOST, OTHER_HOST = 0.02, 0.20
SPANS = ("kernel", "return", "reentry", "trace")
HEAD = "# host: "
# Guests and exits whose cost depends on when the host's tick comes.
TIMED, TIMED_EXITS = {"window"}, {("storm", "window")}
TICK = 500  # instructions, the least
MAX_HIT = 3  # rows


def cost_of_guests(out):
    costs = {}
    for path in sorted(glob.glob(os.path.join(out, "*.ndjson"))):
        guest = os.path.basename(path).removesuffix(".ndjson")
        if guest in TIMED:
            continue
        with open(path) as f:
            for record in map(json.loads, f):
                if record["ev"] == "exit" and record["class"] != "intr" and \
                        (guest, record["class"]) not in TIMED_EXITS:
                    cost = sum(record.get(span, 0) for span in SPANS)
                    costs.setdefault((guest, record["class"]), []).append(cost)
    once = {key for key, values in costs.items() if len(values) == 1}
    return {key: statistics.median_low(values) for key, values in costs.items()}, once


def cost_of_bench(path):
    """Lines of tests/bench/exits: what the guest does, untraced, traced, ..."""
    with open(path) as f:
        rows = [line.split() for line in f.readlines()[2:]]
    costs = {}
    for name, untraced, traced, *_ in rows:
        costs["bench", f"{name}-untraced"] = int(untraced)
        costs["bench", f"{name}-traced"] = int(traced)
    return costs


def load(path):
    with open(path) as f:
        lines = f.read().splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return lines[0].removeprefix(HEAD), {(guest, what): int(cost) for guest, what, cost in rows}


def save(path, host, costs):
    with open(path, "w") as f:
        print(HEAD + host, file=f)
        print("# Instructions an exit, by guest and class: tests/lab/budget.sh --update.", file=f)
        for (guest, what), cost in costs.items():
            print(guest, what, cost, file=f)


def hit_by_tick(budget, costs, once):
    """The rows that a tick may have fallen into, if they are few."""
    hit = {key for key in once & budget.keys() if costs[key] >= budget[key] + TICK}
    return hit if len(hit) <= MAX_HIT else set()


def check(path, host, costs, once):
    taken_on, budget = load(path)
    allowed = SAME_HOST if host == taken_on else OTHER_HOST
    if host != taken_on:
        print(f"# the budget is from {taken_on}; on {host} only {OTHER_HOST:.0%} more fails")
    hit = hit_by_tick(budget, costs, once)
    keys = sorted(budget.keys() | costs.keys())
    for number, key in enumerate(keys, 1):
        was, now = budget.get(key), costs.get(key)
        fits = was is not None and now is not None and (now <= was * (1 + allowed) or key in hit)
        print("ok" if fits else "not ok", number, "-", *key, "within the budget")
        if key in hit:
            print(f"# {now} instructions, the budget says {was}: a tick of the host")
        elif not fits:
            print(f"# {now} instructions, the budget says {was};"
                  " if that is meant: tests/lab/budget.sh --update")
    print(f"1..{len(keys)}")


def main():
    mode, path, out, host = sys.argv[1:]
    guests, once = cost_of_guests(out)
    costs = cost_of_bench(os.path.join(out, "exits.txt")) | guests
    if mode == "--update":
        save(path, host, costs)
    else:
        check(path, host, costs, once)


main()
