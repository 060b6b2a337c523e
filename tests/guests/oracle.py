# SPDX-License-Identifier: GPL-2.0-only
"""
The emulator's own log of VM exits against the exits of timelines: every exit the processor took is
in a timeline once, in order, with the same code and qualification; or a loss accounts for it.
"""
import re

EXIT = re.compile(r"^EXIT code=(\w+) info1=(\w+) info2=(\w+) rip=(\w+)")


def read_log(path):
    """Exits as (code, info1, info2, rip), in the order the processor took them."""
    with open(path, errors="replace") as f:
        for line in f:
            match = EXIT.match(line)
            if match:
                yield tuple(int(n, 16) for n in match.groups())


def exits_of(records):
    """The same of a timeline's records: one tuple an exit, and ("lost", n) where n records are
    missing."""
    for r in records:
        if r["ev"] == "exit":
            yield tuple(int(r.get(n, "0x0"), 16) for n in ("reason", "info1", "info2", "rip"))
        elif r["ev"] == "lost" and r["vcpu"] < 0xFE00:
            yield "lost", r["count"]


def compare(log, at, exits):
    """Follows exits in the list log from index at. Returns the index behind the last of them, how
    many more entries of the log losses may account for, and what does not agree, None if all
    does."""
    spare = n = 0
    for want in exits:
        if want[0] == "lost":
            spare += want[1]
            continue
        n += 1
        while at < len(log) and log[at] != want and spare:
            at += 1
            spare -= 1
        if at == len(log):
            return at, spare, f"exit {n} is in the timeline only: {show(want)}"
        if log[at] != want:
            return at, spare, f"exit {n}: the processor's {show(log[at])}, ours {show(want)}"
        at += 1
    return at, spare, None


def show(values):
    return "code %#x info1 %#x info2 %#x rip %#x" % values
