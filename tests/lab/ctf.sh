#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Captures (.ctf) and LTTng-UST on an emulated AMD host, with a real guest: babeltrace2 reads in them what
# the timelines of the same run say; what is exported is what was recorded directly; what a recorder that
# was killed and a full disk leave is readable.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3 babeltrace2 lttng lttng-sessiond
consumerd=$(ls /usr/lib/*/lttng/libexec/lttng-consumerd 2>/dev/null)
xsd=/usr/share/xml/lttng/session.xsd
if [ ! -f trace/ust/vmmtrace-ust.so ] || [ ! -x tests/unit/ust_sample ]; then
	skip_all "vmmtrace is built without LTTng-UST or cmocka: ./dev setup"
fi
if [ ! -f "$consumerd" ] || [ ! -f $xsd ]; then
	skip_all "LTTng is not where Debian has it"
fi

# ust_sample brings LTTng-UST's libraries.
"$vmmtrace" lab --cpu amd --memory 1024 --timeout 1800 --out "$dir/out" --add tests/guests/storm.bin \
	--add "${srcdir:-.}/tests/lab/ctf-host.sh:/root/host.sh" --add tests/unit/ust_sample \
	--add trace/ust/vmmtrace-ust.so:/root/vmmtrace-ust.so --add /usr/bin/lttng:/usr/bin/lttng \
	--add /usr/bin/lttng-sessiond:/usr/bin/lttng-sessiond --add $xsd:$xsd \
	--add "$consumerd:/usr/lib/lttng-consumerd" -- sh host.sh >"$dir/said" 2>&1
status=$?
sed 's/^/# /' "$dir/said" | tail -n 100
check "the emulated host ran to its end" [ $status = 0 ]
out=$dir/out
check "all that should end well did" sh -c '! cat "$1/wrong" "$1/lttng.log"' sh "$out"

equals() { python3 -B "${srcdir:-.}/tests/unit/ctf_equals.py" "$@"; }
for run in whole ust; do
	check "verify accepts $run.ctf" "$vmmtrace" verify "$out/$run.ctf"
	check "babeltrace2 reads $run.ctf without complaint, each field as in $run.ndjson" \
		equals "$out/$run.ctf" "$out/$run.ndjson"
done
check "whole.ctf is exported" \
	"$vmmtrace" export "$out/whole.ctf" -o "$dir/whole.ndjson" -o "$dir/whole.json"
for format in ndjson json; do
	check "its .$format is the one that was recorded directly" \
		cmp "$out/whole.$format" "$dir/whole.$format"
done

babeltrace2 --clock-seconds "$out/ust" >"$dir/ust.txt" 2>"$dir/ust.err"
check "babeltrace2 reads the LTTng session without complaint" [ ! -s "$dir/ust.err" ]
for event in exit ept_fault dev intr call life clock; do
	events=$(grep -c " vmmtrace:$event: " "$dir/ust.txt")
	check "it has as many $event events as the timeline: $events" \
		[ "$events" -gt 0 -a "$events" = "$(grep -c "\"ev\":\"$event\"" "$out/ust.ndjson")" ]
done
check "read together, capture and session tell the same record at the same time" \
	sh -c 'babeltrace2 --clock-seconds "$1/ust" "$1/ust.ctf" >both.txt && python3 -B - both.txt <<-END
	import re, sys
	times = {}
	for line in open(sys.argv[1]):
	    m = re.match(r"\[([0-9.]+)\].* vmmtrace:dev: .* vcpu = (\d+), seq = (\d+),", line)
	    if m:
	        times.setdefault((m[2], m[3]), []).append(float(m[1]))
	assert len(times) > 5000 and all(len(t) == 2 for t in times.values()), len(times)
	off = sorted(abs(a - b) for a, b in times.values())
	print("median", off[len(off) // 2], "most", off[-1])
	# An hour off is another time zone, a second off another clock.
	assert off[len(off) // 2] < 0.1, off[len(off) // 2]
	END
	status=$?; rm -f both.txt; exit $status' sh "$out"

for run in killed full; do
	check "verify says that $run.ctf is cut short" \
		sh -c '"$1" verify "$2"; [ $? = 3 ]' sh "$vmmtrace" "$out/$run.ctf"
	check "what there is of $run.ctf is exported" sh -c '
		"$1" export "$2/$3.ctf" -o "$2/$3-made.ndjson" -o "$2/$3-made.ctf"
		[ $? = 3 ] && grep "\"ev\":\"exit\"" "$2/$3-made.ndjson" | grep -q .' sh \
		"$vmmtrace" "$out" $run
	check "babeltrace2 reads that" sh -c 'babeltrace2 "$1" >/dev/null 2>"$1.err" && [ ! -s "$1.err" ]' sh \
		"$out/$run-made.ctf"
done
check "a full disk fails the run" [ "$(cat "$out/full.status")" = 1 ]
check "and is told in one line" [ "$(grep -c 'full.ctf: No space left' "$out/full.err")" = 1 ]
check "the other output is whole" "$vmmtrace" verify "$out/full.ndjson"
check "what fitted is what the other output begins with" python3 -c '
import sys
made, whole = (open(f).read().splitlines()[1:] for f in sys.argv[1:])
assert len(made) > 1000 and made == whole[:len(made)], len(made)' \
	"$out/full-made.ndjson" "$out/full.ndjson"
plan
