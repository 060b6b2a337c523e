# SPDX-License-Identifier: GPL-2.0-only
"""
What a tiny guest's timeline must hold: NAME.expect, and the comparison.

A line is one exit with the records that go with it, or one stage of an event:

  CLASS [KEY [VALUE]] [END] [string] [rep] [FIELD=VALUE]... [-> DEVICE [VALUE] [FIELD=VALUE]...]
  ept GPA ACCESS OUTCOME [PAGE] ...         with its ept_fault record
  mark VALUE                                an OUT to the marker port, with its mark record
  intr STAGE VECTOR [TYPE] [FIELD=VALUE]... a stage that the module records
  user STAGE [VECTOR] [FIELD=VALUE]...      a stage that the interrupt controller records

What is left out of KEY and VALUE is 0; END is what the class usually ends with. After -> comes the
access that the machine served; "?" stands for a value that is not known beforehand, FIELD=same for
that of the record before.
Numbers may be sums and products with i, the round of the enclosing repeat, in one word.

  run NAME=VALUE...    how it is run and ends: mode, memory, end, status, hosts; see DEFAULTS
  differs HOST: REASON the sequence of its exits is another there than on the other hosts
  use NAME             the lines of NAME.inc
  repeat N ... end     and LINE *N for a single one
  maybe LINE           a record that may be there, and if so there
  TAG[,TAG]...: LINE   only on hosts with those tags, or without: !TAG. Tags: svm vmx qemu bochs;
                       hosts= knows TAGS|TAGS, too

Interrupts of the host (classes intr and nmi) come when they come and are left out of the comparison.
"""
import os
import re

TAGS = {"amd": {"svm", "qemu"}, "amd-bochs": {"svm", "bochs"}, "intel": {"vmx", "bochs"}}
DEFAULTS = {"mode": "64", "memory": "1M", "end": "debug_exit", "status": "0", "with": "vmmtrace",
            "hosts": "", "only": ""}
ACCESS = {"r": 1, "w": 2, "x": 4}
USUAL_END = {"io_in": "userland", "io_out": "userland", "hlt": "userland", "shutdown": "userland",
             "exception": "injected"}
OUTCOME_END = {"mmio": "userland", "denied": "killed"}
ENDS = {"resumed", "userland", "injected", "killed"}
STAGES = {"raised", "window", "injected", "reinjected", "acknowledged", "end", "dropped"}
HOST_CLASSES = {"intr", "nmi"}
MARK_PORT = 0xEE0
FIRST_USER = 0xFE00
VM_STREAM = 0xFFFF


class BadExpectation(Exception):
    pass


class Item:
    """One record that must be there: the values of some of its fields."""

    def __init__(self, where, fields, owner=None, maybe=False):
        self.where = where
        self.fields = fields
        self.owner = owner      # of an access: the exit it belongs to
        self.maybe = maybe
        self.actual = None

    def mismatch(self, rec, last):
        for name, want in self.fields.items():
            have = field(rec, name)
            if want == "same":
                want = field(last, name)
            if want is not ANY and have != want:
                return f"{name} is {show(have)}, not {show(want)}"
        return None


ANY = object()


def show(value):
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def field(rec, name):
    """A field as a number where it is one; what is left out of a line is 0."""
    value = rec.get(name, 0)
    if isinstance(value, str) and value.startswith("0x"):
        return int(value, 16)
    return value


def number(word, i, where):
    if word == "?":
        return ANY
    try:
        if not re.fullmatch(r"[0-9a-fxA-Fi()+*&%<>-]+", word):
            raise ValueError
        return eval(word, {"__builtins__": {}}, {"i": i})
    except (ValueError, SyntaxError, NameError, TypeError):
        raise BadExpectation(f"{where}: '{word}' is no number") from None


class Expectation:
    def __init__(self, directory, name, host, classes):
        self.directory = directory
        self.name = name
        self.tags = TAGS[host]
        self.classes = classes
        self.options = dict(DEFAULTS)
        self.differs = {}       # host: why
        self.vcpu = []          # records of the vCPU's stream
        self.user = []          # records of the userland machine
        self._lines(self._read(name + ".expect"), 0)

    def has_tags(self, text):
        """Whether the host has all tags of a list such as svm,!qemu, or of one of several: qemu|vmx."""
        return any(all((tag.lstrip("!") in self.tags) != tag.startswith("!")
                       for tag in filter(None, one.split(","))) for one in text.split("|"))

    def _read(self, name):
        with open(os.path.join(self.directory, name)) as f:
            for n, line in enumerate(f, 1):
                line = line.split("#")[0].strip()
                tagged = re.match(r"((?:[,!]|svm|vmx|qemu|bochs)+):\s*(.*)", line)
                if tagged:
                    if not self.has_tags(tagged[1]):
                        continue
                    line = tagged[2]
                if line:
                    yield f"{name}:{n}", line

    def _lines(self, lines, i):
        lines = list(lines)
        at = 0
        while at < len(lines):
            where, line = lines[at]
            at += 1
            words = line.split()
            if words[0] == "use":
                self._lines(self._read(words[1] + ".inc"), i)
            elif words[0] == "repeat":
                block, at = self._block(lines, at, where)
                for k in range(int(words[1], 0)):
                    self._lines(block, k)
            elif re.fullmatch(r"\*\d+", words[-1]):
                for k in range(int(words[-1][1:])):
                    self._record(where, words[:-1], k)
            else:
                self._record(where, words, i)

    def _block(self, lines, at, where):
        depth = 1
        for end in range(at, len(lines)):
            word = lines[end][1].split()[0]
            depth += (word == "repeat") - (word == "end")
            if not depth:
                return lines[at:end], end + 1
        raise BadExpectation(f"{where}: repeat without end")

    def _record(self, where, words, i):
        kind = words[0]
        if kind == "maybe":
            before = len(self.vcpu)
            self._record(where, words[1:], i)
            for item in self.vcpu[before:]:
                item.maybe = True
        elif kind == "run":
            for word in words[1:]:
                name, value = word.split("=")
                if name not in DEFAULTS:
                    raise BadExpectation(f"{where}: no option {name}")
                self.options[name] = value
        elif kind == "differs":
            host, _, why = " ".join(words[1:]).partition(": ")
            if host not in TAGS or not why:
                raise BadExpectation(f"{where}: differs HOST: REASON")
            self.differs[host] = why
        elif kind in ("intr", "user") and len(words) > 1 and words[1] in STAGES:
            self._stage(where, words, i)
        elif kind == "mark":
            self.vcpu.append(Item(where, {"ev": "mark", "value": number(words[1], i, where)}))
            self._exit(where, "io_out", [hex(MARK_PORT), words[1], "resumed"], i)
        elif kind == "ept":
            self._fault(where, words[1:], i)
        elif kind in self.classes:
            self._exit(where, kind, words[1:], i)
        else:
            raise BadExpectation(f"{where}: no exit class '{kind}'")

    def _stage(self, where, words, i):
        fields = {"ev": "intr", "stage": words[1], "error": 0}
        rest = words[2:]
        if rest and "=" not in rest[0]:
            fields["vector"] = number(rest.pop(0), i, where)
        if rest and "=" not in rest[0]:
            fields["itype"] = rest.pop(0)
        self._fields(where, fields, rest, i)
        (self.vcpu if words[0] == "intr" else self.user).append(Item(where, fields))

    def _fields(self, where, fields, words, i):
        for word in words:
            name, _, value = word.partition("=")
            if not value:
                raise BadExpectation(f"{where}: what is '{word}'?")
            fields[name] = number(value, i, where) if value[0].isdigit() else value

    def _fault(self, where, words, i):
        gpa, access, outcome = words[:3]
        rest = words[3:]
        page = 0
        if rest and rest[0][0].isdigit():
            page = number(rest.pop(0), i, where)
        gpa = number(gpa, i, where)
        self.vcpu.append(Item(where, {"ev": "ept_fault", "gpa": gpa, "access": access,
                                      "outcome": outcome, "page": page}))
        end = OUTCOME_END.get(outcome, "resumed")
        self._exit(where, "ept", [hex(gpa), str(ACCESS[access]), end] + rest, i)

    def _exit(self, where, name, words, i):
        device = None
        if "->" in words:
            device = words[words.index("->") + 1:]
            words = words[:words.index("->")]
        fields = {"ev": "exit", "class": name, "key": 0, "value": 0,
                  "end": USUAL_END.get(name, "resumed"), "string": 0, "rep": 0}
        numbers = ["key", "value"]
        rest = []
        for word in words:
            if word in ENDS:
                fields["end"] = word
            elif word in ("string", "rep"):
                fields[word] = True
            elif "=" in word:
                rest.append(word)
            elif numbers:
                fields[numbers.pop(0)] = number(word, i, where)
            else:
                raise BadExpectation(f"{where}: what is '{word}'?")
        self._fields(where, fields, rest, i)
        item = Item(where, fields)
        self.vcpu.append(item)
        if device:
            self._access(where, item, device, i)

    def _access(self, where, item, words, i):
        x = item.fields
        write = x["class"] == "io_out" or (x["class"] == "ept" and x["value"] == ACCESS["w"])
        fields = {"ev": "dev", "device": 0 if words[0] == "none" else words[0], "addr": x["key"],
                  "devop": "write" if write else "read", "count": 1}
        rest = words[1:]
        if x["class"] == "io_out" and not x["string"]:
            fields["value"] = x["value"]
        if rest and "=" not in rest[0]:
            fields["value"] = number(rest.pop(0), i, where)
        if "value" not in fields:
            raise BadExpectation(f"{where}: the value that the device had is missing, or '?'")
        self._fields(where, fields, rest, i)
        self.user.append(Item(where, fields, item))


def compare(expectation, records):
    """Returns what does not agree, as lines; none if all does."""
    only = set(filter(None, expectation.options["only"].split("|")))
    vcpu = [r for r in records if r["vcpu"] < FIRST_USER and r["ev"] != "lost"]
    user = [r for r in records if FIRST_USER <= r["vcpu"] < VM_STREAM]
    wanted, used = expectation.vcpu, expectation.user
    if only:
        vcpu = [r for r in vcpu if r["ev"] == "exit" and r["class"] in only]
        used = []
        user = []
    vcpu = [r for r in vcpu if r["ev"] != "exit" or r["class"] not in HOST_CLASSES]
    return _match("vCPU", wanted, vcpu) or _match("machine", used, user)


def _match(what, items, records):
    at = 0
    for n, rec in enumerate(records):
        before = [f"  before it {brief(r)}" for r in reversed(records[max(0, n - 3):n])]
        last = records[n - 1]
        while at < len(items) and items[at].maybe and items[at].mismatch(rec, last):
            at += 1
        if at == len(items):
            return [f"{what} record {n + 1} is one too many of {len(records)}: {brief(rec)}"]
        item = items[at]
        why = item.mismatch(rec, last)
        if not why and item.owner and item.owner.actual["exit"] != rec.get("exit"):
            why = f"exit is {rec.get('exit')}, not {item.owner.actual['exit']}"
        if why:
            return [f"{what} record {n + 1}, {item.where}: {why}", f"  it is {brief(rec)}"] + before
        item.actual = rec
        at += 1
    missing = [item for item in items[at:] if not item.maybe]
    if missing:
        return [f"{what} record {len(records) + 1} is missing: {missing[0].where}; "
                f"{len(items)} are expected"]
    return []


def brief(rec):
    names = ("ev", "class", "key", "value", "end", "stage", "vector", "itype", "error", "gpa",
             "access", "outcome", "page", "device", "devop", "addr", "count", "rip", "ilen",
             "vectoring", "exit", "seq")
    return " ".join(f"{n}={rec[n]}" for n in names if n in rec)
