#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Guests on a host with two CPUs that come and go: virtualization is on where it
# must be, and nothing is lost when a vCPU moves between CPUs and their rings.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

"$vmmtrace" lab --cpu amd --smp 2 --memory 1536 --out "$dir/out" \
	--add "$vmlinuz:/root/vmlinuz" --add "$initrd:/root/initrd.gz" \
	--add "${srcdir:-.}/tests/lab/smp-host.sh:/root/host.sh" --add "${srcdir:-.}/tests/lab/tap.sh" \
	-- sh host.sh \
	>"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" ran_to_its_end
for f in boot boot--caller-memory; do
	check "the timeline of $f is whole" "$vmmtrace" verify "$dir/out/$f.ndjson"
	check "and nothing was lost" grep -q '"ev":"end".*"lost":0' "$dir/out/$f.ndjson"
	check "it has exits on both CPUs" python3 -c '
import json, sys
cpus = {json.loads(l)["cpu"] for l in open(sys.argv[1]) if "\"ev\":\"exit\"" in l}
assert cpus == {0, 1}, cpus
' "$dir/out/$f.ndjson"
done
for f in one other; do
	check "recorder $f has its own guest's exits and no other's" "$vmmtrace" verify "$dir/out/$f.ndjson"
done
plan
