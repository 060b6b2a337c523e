#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# An LTTng session of our own records a record of each event; babeltrace2 has
# to show what was emitted, field by field.
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
cp tests/unit/ust_sample "$dir"

# Root's session daemon is the one of the whole system: as root, be nobody.
if [ "$(id -u)" = 0 ]; then
	chown -R 65534:65534 "$dir"
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
	as=
fi
HOME=$dir LTTNG_HOME=$dir LTTNG_UST_REGISTER_TIMEOUT=30000
export HOME LTTNG_HOME LTTNG_UST_REGISTER_TIMEOUT
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

{
	$as lttng --no-sessiond create sample --output="$dir/trace" &&
		$as lttng --no-sessiond enable-event --userspace 'vmmtrace:*' &&
		$as lttng --no-sessiond start
} | sed 's/^/# /'
$as ./ust_sample >wanted
# It is not lost on the way: destroy waits until all has been written.
$as lttng --no-sessiond destroy | sed 's/^/# /'

echo 1..2
count=$(grep -c . wanted)
babeltrace2 trace 2>babeltrace.log | sed 's/.*\(vmmtrace:.*\){ cpu_id = [0-9]* }, /\1/' >got
if [ "$count" -gt 0 ] && [ "$(grep -c . got)" = "$count" ]; then
	echo "ok 1 - $count events recorded"
else
	sed 's/^/# /' babeltrace.log
	echo "not ok 1 - $count events recorded"
fi
if diff wanted got >difference; then
	echo "ok 2 - each field as it was emitted"
else
	sed 's/^/# /' difference
	echo "not ok 2 - each field as it was emitted"
fi
