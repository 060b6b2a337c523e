#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# ./dev soak fuzz: a million random calls and as many runs of hostile guests, on a kernel that watches
# (debug-kernel.sh), with allocations that fail. In pieces: FUZZ_CALLS and FUZZ_RUNS say how many in
# all, FUZZ_SEED with which seed it begins. QEMU dies of some guests (tests/fuzz/fuzz.h): that is
# counted, and the next piece goes on. Run in the build directory, by tests/soak/run.
set -u
root=${srcdir:?}
seed=${FUZZ_SEED:-1} calls=${FUZZ_CALLS:-1000000} runs=${FUZZ_RUNS:-1000000} piece=50000
debug=${VMMTRACE_CACHE:-$root/.cache}/debug
tree=$(sh "$root/tests/soak/debug-kernel.sh" "$debug") || exit 1
VMMTRACE_KRELEASE=$(make -s -C "$tree" kernelrelease)
VMMTRACE_CACHE=$debug FUZZ_TIMEOUT=3000
export VMMTRACE_KRELEASE VMMTRACE_CACHE FUZZ_TIMEOUT
mkdir -p debug && cd debug || exit 1
{
	[ -f Makefile ] || "$root/configure" --with-linux="$tree"
	make -j"$(nproc)" && make check TESTS=
} >build.log 2>&1 || {
	tail -n 20 build.log
	exit 1
}

bad=0 died=0 done_calls=0 done_runs=0
while [ $done_calls -lt "$calls" ] || [ $done_runs -lt "$runs" ]; do
	sh "$root/tests/lab/fuzz.sh" "$seed" $piece $piece \
		--append kasan_multi_shot --append no_debug_objects >log 2>&1
	if grep -q 'the emulator itself died' log; then
		died=$((died + 1))
		echo "# seed $seed: the emulator died"
	elif grep -q '^not ok\|^Bail out' log || ! grep -q '^1\.\.' log; then
		bad=$((bad + 1))
		cp log "fuzz-$seed.log"
		echo "not ok - seed $seed: debug/fuzz-$seed.log in the build directory"
	fi
	grep '^# calls:\|^# guests:' log | sed "s/^#/# seed $seed,/"
	grep -q '^ok.*random calls' log && done_calls=$((done_calls + piece))
	grep -q '^ok.*hostile guests' log && done_runs=$((done_runs + piece))
	seed=$((seed + 1000))
	[ $bad -lt 3 ] && [ $died -lt 200 ] || break
done
[ $bad = 0 ] && echo "ok 1 - no report" || echo "not ok 1 - $bad pieces with a report"
echo "# $done_calls calls, $done_runs runs of guests; the emulator died $died times"
echo "1..1"
[ $bad = 0 ]
