# SPDX-License-Identifier: GPL-2.0-only
"""What kvm.sh asks of timelines of KVM's guests."""
import json
import re
import sys
from collections import Counter

import oracle

# ftrace names exits; the codes of those that the guests here make.
REASONS = {"npf": 0x400, "io": 0x7B, "msr": 0x7C, "cpuid": 0x72, "hlt": 0x78, "interrupt": 0x60,
           "vintr": 0x64, "hypercall": 0x81, "nmi": 0x61, "EPT_VIOLATION": 48, "EPT_MISCONFIG": 49,
           "IO_INSTRUCTION": 30, "MSR_READ": 31, "MSR_WRITE": 32, "CPUID": 10, "HLT": 12,
           "EXTERNAL_INTERRUPT": 1, "INTERRUPT_WINDOW": 7, "VMCALL": 18, "PREEMPTION_TIMER": 52}


def records(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def exits(recs):
    return [r for r in recs if r["ev"] == "exit"]


def processor(log, timeline):
    told = list(oracle.read_log(log))
    at, spare, wrong = oracle.compare(told, 0, oracle.exits_of(records(timeline)))
    assert not wrong, wrong
    assert at == len(told) and not spare, f"{len(told) - at} exits are in the log only"
    assert at > 100, at


def guest(timeline, rounds):
    n = int(rounds)
    recs = records(timeline)
    found = Counter(r["class"] for r in exits(recs))
    for name in ("cpuid", "rdmsr", "wrmsr", "io_in", "hypercall"):
        assert found[name] == n, (name, found[name])
    outs = Counter(int(r["key"], 16) for r in exits(recs) if r["class"] == "io_out")
    assert outs[0x80] == n and outs[0xF4] == 1, outs
    assert all(r["value"] == "0x5a" for r in exits(recs) if r.get("key") == "0x80"
               and r["class"] == "io_out")
    assert all(r["key"] == "0x277" for r in exits(recs) if r["class"] == "rdmsr")
    assert {r["value"] for r in exits(recs) if r["class"] == "rdmsr"} == {"0x7040600070406"}
    assert all(r["key"] == "0x1234" for r in exits(recs) if r["class"] == "hypercall")
    assert 0 < found["hlt"] <= n, found["hlt"]
    halts = [r for r in exits(recs) if "halted" in r]
    assert halts and all(r["halted"] > 0 for r in halts)
    faults = [r for r in recs if r["ev"] == "ept_fault"]
    touched = [r for r in faults if int(r["gpa"], 16) in range(0x200000, 0x200000 + n * 4096, 4096)]
    assert len(touched) == n and all(r["outcome"] == "mapped" and r["page"] == 4096 and
                                     r["access"] == "w" for r in touched), touched
    mmio = Counter((r["gpa"], r["access"]) for r in faults if r["outcome"] == "mmio")
    assert mmio == {("0x30000000", "w"): n, ("0x30000008", "r"): n}, mmio
    got = [r for r in recs if r["ev"] == "intr" and r["stage"] in ("injected", "reinjected")]
    assert len([r for r in got if r["stage"] == "injected"]) == n, got
    assert all(r["vector"] == 0x25 for r in got)
    ends = [r["what"] for r in recs if r["ev"] == "life"]
    assert ends == ["vm_made", "vcpu_made", "vcpu_ended", "vm_ended"], ends
    assert {r["end"] for r in exits(recs) if r["class"] in ("io_in",)} == {"userland"}
    assert {r["end"] for r in exits(recs) if r["class"] in ("cpuid", "hlt")} == {"resumed"}


def ftrace_events(path):
    """(event, rest) of each line: `task-pid [cpu] flags time: event: rest`."""
    with open(path, errors="replace") as f:
        for line in f:
            m = re.match(r"\s*.+-(\d+)\s+\[\d+\]\s+\S+\s+[\d.]+: (\w+): (.*)", line)
            if m:
                yield int(m[1]), m[2], m[3]


def ftrace_exit(rest):
    m = re.match(r"(?:vcpu (\d+) )?reason (\S+)(?: \S+)*? rip (0x[0-9a-f]+) info1? ?(0x[0-9a-f]+)", rest)
    return REASONS[m[2]], int(m[3], 16), int(m[4], 16)


def by_stream(recs, event, take):
    lists = {}
    for r in recs:
        if r["ev"] == event:
            lists.setdefault((r["vm"], r["vcpu"]), []).append(take(r))
    return sorted(lists.values())


def by_thread(events, wanted, take):
    lists = {}
    for tid, event, rest in events:
        if event == wanted:
            lists.setdefault(tid, []).append(take(rest))
    return lists


def same(threads, streams, what):
    """Each stream is one thread's; other threads are of VMs that were not recorded."""
    told = sorted(threads.values())
    for stream in streams:
        assert stream in told, f"{what}: {len(stream)} records are no thread's: {stream[:5]}"
        told.remove(stream)


def ftrace(path, timeline):
    recs, events = records(timeline), list(ftrace_events(path))
    number = lambda r, key: int(r.get(key, "0x0"), 16)
    assert not any(r["ev"] == "lost" for r in recs)
    threads = by_thread(events, "kvm_exit", ftrace_exit)
    same(threads, by_stream(recs, "exit", lambda r: (number(r, "reason"), number(r, "rip"),
                                                     number(r, "info1"))), "kvm_exit")
    fault = lambda rest: int(re.search(r"address (0x)?([0-9a-f]+)", rest)[2], 16)
    same(by_thread(events, "kvm_page_fault", fault),
         by_stream([r for r in recs if number(r, "flags")], "ept_fault",
                   lambda r: number(r, "gpa")), "kvm_page_fault")
    given = lambda rest: int(re.search(r"(?:IRQ )?(0x[0-9a-f]+)", rest)[1], 16)
    told = by_thread(events, "kvm_inj_virq", given)
    ours = by_stream([r for r in recs if r.get("stage") in ("injected", "reinjected")], "intr",
                     lambda r: r["vector"])
    # An entry may be prepared, given up, and prepared again.
    assert sum(map(len, ours)) <= sum(map(len, told.values())), (ours, told)
    assert not told or sum(map(len, ours)) > 0
    out = by_thread(events, "kvm_userspace_exit", lambda rest: rest)
    ended = sum(r["end"] == "userland" for r in exits(recs))
    assert 0 < ended <= sum(map(len, out.values())), (ended, out)


def vms(timeline, nvms, nvcpus):
    recs = records(timeline)
    streams = {(r["vm"], r["vcpu"]) for r in exits(recs)}
    assert streams == {(vm, vcpu) for vm in range(1, int(nvms) + 1) for vcpu in range(int(nvcpus))}
    made = [r for r in recs if r.get("what") == "vm_made"]
    assert [r["name"] for r in made] == ["kvm_guest"] * int(nvms), made
    assert len({r["pid"] for r in made}) == 1


def totals(recs):
    return recs[-1]["classes"]


def filtered(timeline):
    recs = records(timeline)
    assert {r["class"] for r in exits(recs)} == {"cpuid", "io_in"}
    n = totals(recs)
    assert n["cpuid"]["recorded"] == n["cpuid"]["counted"] == 5, n
    assert n["rdmsr"]["filtered"] == n["rdmsr"]["counted"] == 5, n
    assert n["rdmsr"]["recorded"] == 0
    assert not any(r["ev"] == "lost" for r in recs)


def lost(timeline):
    recs = records(timeline)
    gone = sum(c["lost"] for c in totals(recs).values())
    assert gone > 0
    assert totals(recs)["cpuid"]["counted"] == 60
    assert recs[-1]["lost"] == sum(r["count"] for r in recs if r["ev"] == "lost") >= gone


def found(timeline, rounds):
    recs = records(timeline)
    life = [(r["vm"], r["what"]) for r in recs if r["ev"] == "life"]
    assert life == [(1, "vm_found"), (1, "vcpu_ended"), (1, "vm_ended")], life
    assert totals(recs)["cpuid"]["counted"] == int(rounds)


def listed(path):
    with open(path) as f:
        (vm,) = json.load(f)
    assert vm["source"] == "kvm" and vm["name"] == "kvm_guest", vm
    assert vm["vms"] == 1 and vm["vcpus"] == 1 and vm["command"] == "./kvm_guest -w 5", vm


def bios(path, rounds):
    """Firmware that does nothing but CPUID, so many times, and then ends QEMU by isa-debug-exit."""
    image = bytearray(b"\xf4" * 65536)
    code = (bytes([0xBF, int(rounds), 0]) +        # mov $rounds, %di
            b"\x31\xc0\x0f\xa2\x4f\x75\xf9"       # 1: xor %ax, %ax; cpuid; dec %di; jnz 1b
            b"\xb0\x00\xe6\xf4\xf4")               # mov $0, %al; out %al, $0xf4; hlt
    image[0xFF00:0xFF00 + len(code)] = code
    image[0xFFF0:0xFFF3] = b"\xe9\x0d\xff"         # the reset vector: jmp 0xff00
    with open(path, "wb") as f:
        f.write(image)


def qemu(timeline, rounds):
    recs = records(timeline)
    assert [r["name"] for r in recs if r.get("what") == "vm_made"] == ["fred"]
    found = Counter(r["class"] for r in exits(recs))
    assert found["cpuid"] == int(rounds) and found["io_out"] == 1, found
    assert {r["mode"] for r in exits(recs)} == {"real"}


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
