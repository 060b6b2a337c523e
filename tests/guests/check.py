#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Tiny guests on an emulated host.

  check.py plan HOST GUEST...      what to run there, for run-guests.sh
  check.py check HOST OUT VMMTRACE LOG GUEST...
                                   TAP: the results in the directory OUT against NAME.expect and the
                                   emulator's log of exits; LOG may be -: not logged. What ran
                                   again with paranoid=1 is in OUT/paranoid, and takes the same way
  check.py both DIR VMMTRACE GUEST...
                                   TAP: the Intel host's timelines in DIR/guests-HOST.out against those
                                   of the AMD hosts
HOST is a processor of vmmtrace lab. VMMTRACE is the program, for its verify verb.
"""
import json
import os
import re
import subprocess
import sys

import expect
import oracle
import timeline

HERE = os.path.dirname(os.path.abspath(__file__))


def exit_classes():
    """Names of the exit classes, and what kind of key each has, from the schema."""
    with open(os.path.join(HERE, "../../trace/exits.h")) as f:
        return dict(re.findall(r"^\s*C\(\d+,\s*(\w+),.*\s(\w+)\)", f.read(), re.M))


class Tap:
    def __init__(self):
        self.prefix = ""
        self.count = self.failed = 0

    def result(self, name, wrong):
        self.count += 1
        if wrong:
            self.failed += 1
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {self.prefix}{name}")
        for line in wrong or []:
            print(f"# {line}")

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {self.prefix}{name} # SKIP {why}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def load(host, name, classes):
    return expect.Expectation(HERE, name, host, classes)


def plan(host, names):
    classes = exit_classes()
    for name in names:
        e = load(host, name, classes)
        if e.has_tags(e.options["hosts"]):
            print(name, e.options["with"], e.options["mode"], e.options["memory"])
    return 0


def read(out, name):
    try:
        with open(os.path.join(out, name)) as f:
            return f.read().strip()
    except OSError as e:
        return str(e)


def verify(vmmtrace, path):
    done = subprocess.run([vmmtrace, "verify", path], capture_output=True, text=True)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines() or ["failed"]


def check_end(e, out):
    """How the run ended: its status, and the reason it gave."""
    wrong = []
    status = read(out, f"{e.name}.status")
    if status != e.options["status"]:
        wrong.append(f"status {status}, not {e.options['status']}")
    if e.options["with"] == "vmmtrace":
        try:
            summary = json.loads(read(out, f"{e.name}.summary"))
            if summary["end"] != e.options["end"]:
                wrong.append(f"it ended by {summary['end']}, not {e.options['end']}")
            if summary["end"] == "debug_exit" and summary["status"]:
                wrong.append(f"the guest failed: line {summary['status']} of {e.name}.S or guest.h")
        except ValueError:
            wrong.append("no summary")
    return wrong + (read(out, f"{e.name}.err").splitlines() if wrong else [])


def check_life(e, records):
    got = [r["what"] for r in records if r["ev"] == "life"]
    want = ["vm_made", "vcpu_made", "vcpu_reset", "vcpu_ended", "vm_ended"]
    if any(i.fields.get("end") == "killed" for i in e.vcpu):
        want.insert(3, "vcpu_killed")
    return [] if got == want else [f"its life is {got}, not {want}"]


def check_guest(tap, e, out, vmmtrace):
    """All that is checked of one guest. Returns its records."""
    name = e.name
    tap.result(f"{name}: ends as it should", check_end(e, out))
    paths = [os.path.join(out, f"{name}.{suffix}") for suffix in ("ndjson", "json")]
    try:
        _, records, footer = timeline.load_ndjson(paths[0])
    except (OSError, ValueError, KeyError) as error:
        tap.result(f"{name}: .ndjson loads", [str(error)])
        return []
    tap.result(f"{name}: exits and records, in order",
               expect.compare(e, records) + check_life(e, records))
    wrong = timeline.check_records(records, footer) + timeline.check_interrupts(records)
    if e.options["with"] == "vmmtrace" and not wrong:
        wrong += timeline.check_summary(json.loads(read(out, f"{name}.summary")), records,
                                        e.classes)
    tap.result(f"{name}: ordinals, spans, totals", wrong)
    try:
        events = timeline.load_json(paths[1])
        wrong = timeline.check_events(events) + timeline.check_agree(events, records, footer)
    except (OSError, ValueError, KeyError) as error:
        wrong = [repr(error)]
    tap.result(f"{name}: .json is sorted, nests, and agrees", wrong)
    tap.result(f"{name}: vmmtrace verify accepts both",
               [line for path in paths for line in verify(vmmtrace, path)])
    return records


def compare_sequence(vmmtrace, path, other):
    """Status and words of vmmtrace compare --sequence: 0 the same, 3 not."""
    done = subprocess.run([vmmtrace, "compare", "--sequence", path, other],
                          capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).splitlines() or ["nothing was said"]


def check(host, out, vmmtrace, log_path, names):
    classes = exit_classes()
    tap = Tap()
    log = [] if log_path == "-" else list(oracle.read_log(log_path))
    at = 0
    again = os.path.join(out, "paranoid")
    ran = [(name, out) for name in names]
    ran += [(name, again) for name in names if os.path.exists(os.path.join(again, f"{name}.status"))]
    for name, directory in ran:
        e = load(host, name, classes)
        if not e.has_tags(e.options["hosts"]):
            continue
        tap.prefix = "paranoid: " if directory == again else ""
        records = check_guest(tap, e, directory, vmmtrace)
        if log_path != "-":
            at, _, wrong = oracle.compare(log, at, oracle.exits_of(records))
            tap.result(f"{name}: every exit the processor took", [wrong] if wrong else [])
        if directory == again:
            status, said = compare_sequence(vmmtrace, *(os.path.join(d, f"{name}.ndjson")
                                                        for d in (out, again)))
            tap.result(f"{name}: the same exits as without", said if status else [])
    tap.prefix = ""
    if log_path != "-":
        left = len(log) - at
        tap.result("no exit that is in no timeline",
                   [f"{left}, the first: {oracle.show(log[at])}"] if left else [])
    return tap.end()


def compare_hosts(tap, vmmtrace, other, e, path, intel_path):
    """Whether the guest took the same way on an AMD host as on the Intel one, as it should or not."""
    why = e.differs.get(other) or e.differs.get("intel")
    status, said = compare_sequence(vmmtrace, path, intel_path)
    if not why:
        tap.result(f"{e.name}: the same exits on {other} as on intel", said if status else [])
        return
    wrong = {0: [f"they are equal: its .expect says that they are not: {why}"], 3: []}
    tap.result(f"{e.name}: other exits on {other} than on intel, as {why}",
               wrong.get(status, said))


def both(directory, vmmtrace, names):
    classes = exit_classes()
    tap = Tap()

    def recorded(host, name):
        return os.path.join(directory, f"guests-{host}.out", f"{name}.ndjson")

    for name in names:
        e = load("intel", name, classes)
        others = [host for host in ("amd", "amd-bochs") if os.path.exists(recorded(host, name))]
        if not others and e.differs.get("amd"):
            tap.result(f"{name}: not on AMD, as {e.differs['amd']}", [])
        elif not os.path.exists(recorded("intel", name)) or not others:
            tap.result(f"{name}: runs on both vendors' processors", [f"AMD: {others or 'none'}"])
        for other in others:
            compare_hosts(tap, vmmtrace, other, e, recorded(other, name), recorded("intel", name))
    return tap.end()


def main(argv):
    if len(argv) > 3 and argv[1] == "plan":
        return plan(argv[2], argv[3:])
    if len(argv) > 6 and argv[1] == "check":
        return check(argv[2], argv[3], argv[4], argv[5], argv[6:])
    if len(argv) > 4 and argv[1] == "both":
        return both(argv[2], argv[3], argv[4:])
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv))
