#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmmtrace top on an emulated AMD host: what it tells of guests whose exits are known, over their
# whole life, to root and to a user without privileges.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

"$vmmtrace" lab --cpu amd --out "$dir/out" --add tests/lab/as_user \
	--add "${srcdir:-.}/tests/lab/top-host.sh:/root/host.sh" -- sh host.sh \
	>"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" [ "$status" = 0 ]

# says NAME FILE EXPRESSION: of what top told in FILE. sums[vm][class] is what came in all,
# keys[vm][class][key] how often a key is told to have come at least.
says() {
	check "$1" python3 -c '
import collections, json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
sums = collections.defaultdict(collections.Counter)
keys = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
totals, exits, exact = {}, collections.Counter(), True
for vm in (vm for line in lines for vm in line["vms"]):
    for vcpu in vm["vcpus"]:
        exits[vm["name"]] += vcpu["exits"]
        assert sum(c["count"] for c in vcpu["classes"]) == vcpu["exits"]
        assert vcpu["vcpu"] == 0 or not vcpu["exits"]
        for c in vcpu["classes"]:
            sums[vm["name"]][c["class"]] += c["count"]
            totals[vm["name"], c["class"]] = c["total"]
            assert c["p50"] <= c["p99"] <= c["max"]
            if "top_key" in c:
                keys[vm["name"]][c["class"]][c["top_key"]["key"]] += c["top_key"]["count"]
                exact = exact and c["top_key"]["exact"]
print(dict(sums), keys)
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$2" "$3"
}
root=$dir/out/root.ndjson user=$dir/out/user.ndjson
for vm in one two; do
	says "$vm: the exits of its life are as many as it is known to take" "$root" \
		"(sums['$vm']['cpuid'], sums['$vm']['io_out'], sums['$vm']['hlt']) ==
		({'one': 1000, 'two': 500}['$vm'], 3, 1)"
	says "$vm: and no other, but what host interrupts and first touches cost" "$root" \
		"set(sums['$vm']) <= {'cpuid', 'io_out', 'hlt', 'ept', 'intr'} and sums['$vm']['ept'] > 0"
	says "$vm: its differences add up to its totals" "$root" \
		"all(totals['$vm', c] == n for c, n in sums['$vm'].items() if n)"
	says "$vm: its hottest keys" "$root" \
		"keys['$vm']['cpuid'] == {'0x0': sums['$vm']['cpuid']} and
		keys['$vm']['io_out'].most_common(1)[0][0] == '0x80' and exact"
done
says "the user sees his own VM, and as much of it" "$user" \
	"list(sums) == ['two'] and sums['two']['cpuid'] == 500"
says "a VM is gone from the line after its last" "$root" \
	"all(not v['ended'] or v['vm'] not in [w['vm'] for w in b['vms']]
	for a, b in zip(lines, lines[1:]) for v in a['vms'])"
says "each line tells when, and of how long" "$root" \
	"all(0 < l['interval'] < 600 for l in lines) and
	all(a['time'] < b['time'] for a, b in zip(lines, lines[1:]))"
check "the table has both VMs" grep -q '^2 VMs, 4 vCPUs' "$dir/out/batch"
check "and what they did so far" grep -q '^   1 one       CPUID       1,000       0    0.0     -     -  -$' \
	"$dir/out/batch"
check "sorted, of one VM, by vCPU" [ "$(sed -n 3p "$dir/out/batch.two" | tr -s ' ' | cut -d' ' -f2-6)" = \
	"2 two 0 CPUID 500" ]
check "and no other VM's" grep -q '^1 VM, 2 vCPUs' "$dir/out/batch.two"
check "all classes in one row" grep -q '^   1 one       all ' "$dir/out/batch.1"
plan
