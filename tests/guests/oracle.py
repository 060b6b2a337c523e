# SPDX-License-Identifier: GPL-2.0-only
"""
The emulator's own log of VM exits against the exits of timelines: every exit the processor took is
in a timeline once, in order, with the same code and qualification; or a loss accounts for it.
"""
FIELDS = {"code": "reason", "info1": "info1", "info2": "info2", "rip": "rip"}


def read_log(path):
    """Exits as the processor took them, each a dict of what the emulator told: code, info1, and
    mostly info2 and rip."""
    with open(path, errors="replace") as f:
        for line in f:
            words = line.split()
            if words and words[0] == "EXIT":
                yield {k: int(v, 16) for k, v in (word.split("=") for word in words[1:])}


def exits_of(records):
    """The same of a timeline's records; and {"lost": n} where n records are missing."""
    for r in records:
        if r["ev"] == "exit":
            yield {told: int(r.get(name, "0x0"), 16) for told, name in FIELDS.items()}
        elif r["ev"] == "lost" and r["vcpu"] < 0xFE00:
            yield {"lost": r["count"]}


def same(told, ours):
    return all(ours[name] == value for name, value in told.items())


def compare(log, at, exits):
    """Follows exits in the list log from index at. Returns the index behind the last of them, how
    many more entries of the log losses may account for, and what does not agree, None if all
    does."""
    spare = n = 0
    for ours in exits:
        if "lost" in ours:
            spare += ours["lost"]
            continue
        n += 1
        while at < len(log) and spare and not same(log[at], ours):
            at += 1
            spare -= 1
        if at == len(log):
            return at, spare, f"exit {n} is in the timeline only: {show(ours)}"
        if not same(log[at], ours):
            return at, spare, f"exit {n}: the processor's {show(log[at])}; ours {show(ours)}"
        at += 1
    return at, spare, None


def show(exit_):
    return " ".join(f"{name} {value:#x}" for name, value in exit_.items())
