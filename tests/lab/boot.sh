# SPDX-License-Identifier: GPL-2.0-only
# boot.sh CPU, to be sourced with it in $1. The main job: Debian's kernel boots to its init and power-off
# as a guest on that emulated host; the timeline is whole; two runs are equal to the byte.
cpu=$1
. "${srcdir:-.}/tests/lab/common.sh"
need "$cpu" python3
case $cpu in
amd) host="--deterministic --memory 1536" clock="icount): 1 ns is 1 instruction" most=9 ;;
intel) host="--memory 768" clock="bochs): " most='[67]' ;;
esac

boot() { # NAME ARG...
	name=$1
	shift
	# shellcheck disable=SC2086
	"$vmmtrace" lab --cpu "$cpu" $host --out "$dir/$name" "$@" \
		--add "$vmlinuz:/root/vmlinuz" --add "$initrd:/root/initrd.gz" -- \
		vmmtrace run --kernel vmlinuz --initrd initrd.gz --memory 192M --append "$append" \
		--rtc 1767225600 -o /out/boot.json -o /out/boot.ndjson >"$dir/$name.out" 2>"$dir/$name.err"
	echo $? >"$dir/$name.status"
}

# The emulator's log of VM exits does not disturb what runs: the second boot is without it.
boot a --exit-log "$dir/exit-log"
boot b
check "the boot ends with status 0" [ "$(cat "$dir/a.status")" = 0 ]
check "init says that it is up" grep -q "^init: Linux $release is up after" "$dir/a.out"
check "the guest powered off" grep -q "guest powered off" "$dir/a.err"
check "the summary says what the host's time is worth" \
	grep -q "emulated host ($clock" "$dir/a.err"
check "nothing was lost" grep -q "filtered + 0 lost" "$dir/a.err"
check "the summary names the port that was read most often" \
	grep -q "^IN .* 0x3fd serial0 $most[0-9]%$" "$dir/a.err"
check "the summary says which device took userland's time" \
	grep -q "^user .* serial0 [0-9.]*, .*other [0-9.]*$" "$dir/a.err"
check "the summary fits in 80 columns" sh -c '! grep -n ".\{81\}" "$1"' sh "$dir/a.err"
for format in json ndjson; do
	check "verify accepts boot.$format" "$vmmtrace" verify "$dir/a/boot.$format"
	check "equal runs write equal boot.$format" cmp "$dir/a/boot.$format" "$dir/b/boot.$format"
done
check "the timeline has each exit that the processor took, once and in order" \
	env PYTHONPATH="${srcdir:-.}/tests/guests" PYTHONDONTWRITEBYTECODE=1 python3 -c '
import json, sys
import oracle
log = list(oracle.read_log(sys.argv[1]))
records = (json.loads(line) for line in open(sys.argv[2]))
at, spare, wrong = oracle.compare(log, 0, oracle.exits_of(r for r in records if r["ev"] in ("exit", "lost")))
assert not wrong, wrong
assert len(log) - at <= spare, f"{len(log) - at} exits are in the log only"
assert at > 30000, at
print(at, "exits agree")
' "$dir/exit-log" "$dir/a/boot.ndjson"
check "their consoles are equal" cmp "$dir/a.out" "$dir/b.out"
check "Python's json module loads the timeline" python3 -c '
import json, sys
events = json.load(open(sys.argv[1]))
assert len(events) > 30000, len(events)
assert events[0]["ph"] == "M"
' "$dir/a/boot.json"
check "compare --sequence finds the runs equal" \
	"$vmmtrace" compare --sequence "$dir/a/boot.ndjson" "$dir/b/boot.ndjson"
plan
