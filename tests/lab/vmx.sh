#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What only VMX has, on an emulated Intel host with two CPUs: entries that fail say which rule they
# broke, the host's NMIs come through while a guest runs, vCPUs move between CPUs.
. "${srcdir:-.}/tests/lab/common.sh"
need intel python3

"$vmmtrace" lab --cpu intel --smp 2 --timeout 1800 --module kvm-intel --out "$dir/out" --add tests/lab/kvm_hold \
	--add "${srcdir:-.}/tests/lab/vmx-host.sh:/root/host.sh" \
	--add "${srcdir:-.}/tests/lab/tap.sh" -- sh host.sh >"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" ran_to_its_end
for f in nmi moved; do
	check "the timeline $f is whole" "$vmmtrace" verify "$dir/out/$f.ndjson"
done
check "the host's NMI is an exit" grep -q '"ev":"exit".*"class":"nmi"' "$dir/out/nmi.ndjson"
check "the guest that was moved has exits on both CPUs" python3 -c '
import json, sys
cpus = {json.loads(l)["cpu"] for l in open(sys.argv[1]) if "\"ev\":\"exit\"" in l}
assert cpus == {0, 1}, cpus
' "$dir/out/moved.ndjson"
plan
