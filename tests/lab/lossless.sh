#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Lossless mode, on a host with two CPUs and rings of the least size: nothing is lost, by whomever
# else it is recorded, and the timeline shows the waits; whatever happens in mid-wait, the wait ends.
# Without it records are lost, and each of them is accounted for.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

"$vmmtrace" lab --cpu amd --smp 2 --memory 1024 --out "$dir/out" ${LOSSLESS_HOST:-} \
	--add tests/lab/storm --add "${srcdir:-.}/tests/lab/lossless-host.sh:/root/host.sh" -- sh host.sh \
	>"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" [ "$status" = 0 ]

whole="python3 -B ${srcdir:-.}/tests/lab/lossless.py"
for f in L1 D1 LL1 LL2 LN1 LN2 NL1 NL2; do
	check "the timelines of $f are whole" "$vmmtrace" verify "$dir/out/$f.ndjson" "$dir/out/$f.json"
done
for f in L1 LL1 LL2 LN1 NL2; do
	check "$f has every record, once" $whole all "$dir/out/$f.ndjson" 1500
	check "and shows on both vCPUs where they waited" $whole waits "$dir/out/$f.ndjson" "$dir/out/$f.json"
done
check "without lossless mode records of both vCPUs were lost" $whole lost "$dir/out/D1.ndjson"
for f in one other; do
	check "recording $f of two is whole" "$vmmtrace" verify "$dir/out/$f.ndjson"
	check "and nothing was lost" grep -q '"ev":"end".*"lost":0,' "$dir/out/$f.ndjson"
	check "the summary tells the waits" grep -Eq '^ring wait +[0-9]' "$dir/out/$f.err"
done
plan
