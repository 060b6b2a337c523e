#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# ./dev soak fuzz: a million random calls and as many runs of hostile guests, on a kernel that
# watches (debug-kernel.sh), with allocations and copies that fail. In pieces of FUZZ_PIECE;
# FUZZ_CALLS and FUZZ_RUNS say how many in all, FUZZ_SEED with which seed it begins. QEMU dies of
# some guests (tests/fuzz/fuzz.h): that is counted, and the next piece goes on. Run in the build
# directory, by tests/soak/run.
set -u
root=${srcdir:?}
seed=${FUZZ_SEED:-1} piece=${FUZZ_PIECE:-10000}
calls=${FUZZ_CALLS:-1000000} runs=${FUZZ_RUNS:-1000000}
debug=${VMMTRACE_CACHE:-$root/.cache}/debug
tree=$(sh "$root/tests/soak/debug-kernel.sh" "$debug") || exit 1
VMMTRACE_KRELEASE=$(make -s -C "$tree" kernelrelease)
VMMTRACE_CACHE=$debug FUZZ_TIMEOUT=7200
export VMMTRACE_KRELEASE VMMTRACE_CACHE FUZZ_TIMEOUT
mkdir -p debug && cd debug || exit 1
{
	[ -f Makefile ] || "$root/configure" --with-linux="$tree"
	make -j"$(nproc)" && make tests/fuzz/fuzz
} >build.log 2>&1 || {
	tail -n 20 build.log
	exit 1
}

# A piece's log shows that those who watch were awake, each of these once.
watchers='no page is lost
no memory leaked
locks were watched to the end
calls:.* [1-9][0-9]* faults
guests:.* [1-9][0-9]* faults'
all_watched() {
	echo "$watchers" | while IFS= read -r what; do
		grep -q "^\(ok\|#\) .*$what" log || exit 1
	done
}
# Whether the calls, or guests, of a piece were made and the kernel had nothing to say.
fine() { grep -q "^ok.* $1, seed" log && grep -q "^ok.*reports nothing of the ${1##* }" log; }
# How many a piece makes of those that are left; some in any case, so that it is like any other.
share() {
	n=$1
	[ "$n" -le "$piece" ] || n=$piece
	[ "$n" -ge 2000 ] || n=2000
	echo "$n"
}

# One piece: what it did is added up, also where the emulator died in the middle.
run_piece() {
	n_calls=$(share $((calls - done_calls)))
	n_runs=$(share $((runs - done_runs)))
	sh "$root/tests/lab/fuzz.sh" "$seed" "$n_calls" "$n_runs" --memory 2048 \
		--append kasan_multi_shot --append no_debug_objects --append page_owner=on \
		--append watchdog_thresh=60 --append rcupdate.rcu_cpu_stall_timeout=120 >log 2>&1
	grep '^# calls: \|^# guests: ' log | sed "s/^#/# seed $seed,/"
	if grep -v 'the emulated host ran to its end' log | grep -q '^not ok\|^Bail out'; then
		result=bad
	elif grep -q 'the emulator itself died' log; then
		result=died
		died=$((died + 1))
		echo "# seed $seed: the emulator died"
	elif grep -q '^ok.*the emulated host ran to its end' log && all_watched; then
		result=good
	else
		result=bad
	fi
	[ $result = bad ] || ! fine "random calls" || done_calls=$((done_calls + n_calls))
	[ $result = bad ] || ! fine "runs of hostile guests" || done_runs=$((done_runs + n_runs))
	[ $result = bad ] || return 0
	bad=$((bad + 1))
	cp log "fuzz-$seed.log"
	echo "not ok - seed $seed: debug/fuzz-$seed.log in the build directory"
}

echo "# $calls calls and $runs runs of guests, $piece of each on one emulated host after another"
bad=0 died=0 done_calls=0 done_runs=0 begin=$(date +%s)
while [ $done_calls -lt "$calls" ] || [ $done_runs -lt "$runs" ]; do
	run_piece
	echo "# $done_calls calls, $done_runs runs of guests in $((($(date +%s) - begin) / 60)) minutes;" \
		"the emulator died $died times"
	seed=$((seed + 100000))
	if [ $bad = 3 ] || [ $died = 200 ]; then break; fi
done
[ $bad = 0 ] && [ $died -lt 200 ]
status=$?
[ $status = 0 ] && echo "ok 1 - no report" || echo "not ok 1 - $bad pieces with a report"
echo "1..1"
exit $status
