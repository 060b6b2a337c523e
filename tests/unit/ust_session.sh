#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# LTTng sessions of our own. One records a record of each event; babeltrace2 has
# to show what was emitted, field by field. One records a recorder that was asked
# for LTTng; its events have to be those of its timeline.
skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

for program in lttng-sessiond lttng babeltrace2; do
	command -v $program >/dev/null || skip "no $program (Debian packages lttng-tools, babeltrace2)"
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/ust-session.XXXXXX") || exit 1
daemon=
cleanup() {
	[ -z "$daemon" ] || kill "$daemon"
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
cp tests/unit/ust_sample tests/unit/ust_guest trace/ust/vmmtrace-ust.so "$dir"

# Root's session daemon is the one of the whole system: as root, be nobody.
if [ "$(id -u)" = 0 ]; then
	chown -R 65534:65534 "$dir"
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
	as=
fi
HOME=$dir LTTNG_HOME=$dir LTTNG_UST_REGISTER_TIMEOUT=30000
export HOME LTTNG_HOME LTTNG_UST_REGISTER_TIMEOUT
# Events wait for room rather than that they are dropped.
LTTNG_UST_ALLOW_BLOCKING=1 VMMTRACE_LTTNG=$dir/vmmtrace-ust.so
export LTTNG_UST_ALLOW_BLOCKING VMMTRACE_LTTNG
unset LTTNG_SESSIOND_PATH
cd "$dir" || exit 1

$as lttng-sessiond --no-kernel >sessiond.log 2>&1 &
daemon=$!
tries=100
while ! $as lttng --no-sessiond list >/dev/null 2>&1; do
	tries=$((tries - 1))
	if [ $tries = 0 ] || ! kill -0 $daemon 2>/dev/null; then
		sed 's/^/# /' sessiond.log
		echo "1..1"
		echo "not ok 1 - the session daemon starts"
		exit 0
	fi
	sleep 0.2
done

# session NAME OUTPUT PROGRAM...: what the program emits, in the trace NAME.
session() {
	name=$1 output=$2
	shift 2
	{
		$as lttng --no-sessiond create "$name" --output="$dir/$name" &&
			$as lttng --no-sessiond enable-channel --userspace --blocking-timeout=inf all &&
			$as lttng --no-sessiond enable-event --userspace --channel=all 'vmmtrace:*' &&
			$as lttng --no-sessiond start
	} | sed 's/^/# /'
	$as "$@" >"$output"
	# It is not lost on the way: destroy waits until all has been written.
	$as lttng --no-sessiond destroy "$name" | sed 's/^/# /'
}

n=0
check() { # NAME COMMAND...
	name=$1
	shift
	n=$((n + 1))
	if "$@" >check.out 2>&1; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' check.out | head -n 40
		echo "not ok $n - $name"
	fi
}

session sample wanted ./ust_sample
count=$(grep -c . wanted)
babeltrace2 sample 2>babeltrace.log | sed 's/.*\(vmmtrace:.*\){ cpu_id = [0-9]* }, /\1/' >got
check "$count events recorded" [ "$count" -gt 0 -a "$(grep -c . got)" = "$count" ]
check "each field as it was emitted" diff wanted got

session guest threads ./ust_guest 20000 guest.ndjson
$as ./ust_guest 100 >alone
babeltrace2 guest >text 2>babeltrace.log
events() { grep -c " vmmtrace:$1: " text; }
lines() { grep -c "\"ev\":\"$1\"" guest.ndjson; }
check "babeltrace2 reads the recorder's session" [ ! -s babeltrace.log ]
for event in exit ept_fault mark clock life lost; do
	check "as many $event events as the timeline has" \
		[ "$(events $event)" = "$(lines $event)" -a "$(lines $event)" -gt 0 ]
done
check "a thread of userland emits its own records, once" [ "$(events dev)" = 1 ]
check "spans begin and end" \
	[ "$(events output_begin)" -gt 1 -a "$(events output_begin)" = "$(events output_end)" ]
check "what went out in spans is all there is in the timeline" \
	[ "$(sed -n 's/.*output_end: .*{ records = \([0-9]*\) }.*/\1/p' text |
		awk '{ n += $1 } END { print n }')" = "$(($(grep -c . guest.ndjson) - 2))" ]
check "LTTng's threads are there when it was asked for" [ "$(cat threads)" -gt 1 ]
check "and not otherwise" [ "$(cat alone)" = 1 ]
VMMTRACE_LTTNG=$dir/none.so
check "a provider that is missing is told" sh -c '! ./ust_guest 10 none.ndjson 2>said; grep "no LTTng-UST provider .*none.so" said'
echo "1..$n"
