#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On the emulated host: run the guests of a plan (check.py plan), a line each. Their results go to
# the directory given after it, else /out: NAME.ndjson, NAME.json, NAME.summary, NAME.err, NAME.status.

# Timers have a resolution of 4 ms until the kernel trusts its TSC, about a second after boot.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q "resolution: 1 nsecs" /proc/timer_list && break
	sleep 0.2
done
out=${2:-/out}
while read -r name with mode memory; do
	case $with in
	inject)
		set -- ./inject -o "$out/$name.ndjson" -o "$out/$name.json" "$name.bin" ;;
	*)
		set -- vmmtrace run --flat "$name.bin@0x10000" --mode "$mode" -m "$memory" -n "$name" \
			--rtc 0 --ring-size 8M --max-exits 100000 --json -o "$out/$name.ndjson" -o "$out/$name.json" ;;
	esac
	timeout 10 "$@" >"$out/$name.summary" 2>"$out/$name.err" </dev/null
	echo $? >"$out/$name.status"
done <"$1"
dmesg | grep vmm: >"$out/dmesg"
exit 0
