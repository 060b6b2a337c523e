#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmmtrace list and record on an emulated host with two CPUs: VMs are attached to in mid-run, and each file is
# whole: what it tells of the first VM is what the emulator's own log and that VM's own recorder tell.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

"$vmmtrace" lab --cpu amd --smp 2 --memory 1024 --out "$dir/out" --exit-log "$dir/exit-log" \
	--add tests/lab/as_user --add tests/lab/marks.bin:/root/marks.bin \
	--add "${srcdir:-.}/tests/lab/record-host.sh:/root/host.sh" -- \
	sh host.sh >"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" [ "$status" = 0 ]
for f in "$dir"/out/*.ndjson "$dir"/out/*.json; do
	case $f in
	*.env.json | */list.json) ;;
	*) check "$(basename "$f") is whole" "$vmmtrace" verify "$f" ;;
	esac
done

told() { # NAME WHAT ARG...: see record.py
	name=$1
	shift
	check "$name" env PYTHONPATH="${srcdir:-.}/tests/guests" PYTHONDONTWRITEBYTECODE=1 \
		python3 "${srcdir:-.}/tests/lab/record.py" "$@"
}
out=$dir/out
told "the list is the VM's" list "$out/list.json"
for f in a b c time.0001 time.0002; do
	told "$f.ndjson has each exit that the processor took meanwhile" processor "$dir/exit-log" \
		"$out/$f.ndjson"
done
for f in a b c filter; do
	told "$f.ndjson tells the same as the VM's own recorder" same "$out/full.ndjson" "$out/$f.ndjson"
done
told "the summary as JSON agrees with the file" summary "$out/b.summary" "$out/b.ndjson"
told "records were lost with rings of the least size, and told" lost "$out"/tiny?.ndjson
told "a filter refuses what it does not want, and counts it" refused "$out/none.ndjson"
told "nothing lies between files of 400 ms" joined "$out"/time.*.ndjson
told "nothing lies between files of 128 KiB" joined "$out"/size.*.ndjson
told "two VMs are in one file" vms "$out/both.ndjson" 2
told "one VM of two is in its file" vms "$out/other.ndjson" 1
told "a VM's end is in its file" ends "$out/ends.ndjson"
told "a command's VM is there from its first exit to its end" all "$out/command.ndjson" 1
told "so are three at once" all "$out/three.ndjson" 3
told "and no other" all "$out/alone.ndjson" 1
told "a command without a VM leaves none" all "$out/no-vm.ndjson" 0
told "a guest's marks are there, and all its exits" marks "$out/marks.ndjson" 0x1234 0x5678
told "a recording begins and ends with marks" between "$out/start.ndjson"
told "what came before a mark is there, from the first exit on" all "$out/before.ndjson" 1
told "and so is the mark" marks "$out/before.ndjson" 0x1234 0x5678
told "a recording ends at the 200th exit of its class" nth "$out/stop.ndjson" 200
told "nothing is recorded if its condition is not met" empty "$out/never.ndjson"
told "what came before is there" before "$out/run.ndjson" 100000000
told "files follow each other after a condition" joined "$out"/cycle.*.ndjson
plan
