#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# fuzz.sh [SEED CALLS RUNS [LAB-ARG...]]: fuzz the ioctls of /dev/vmm, and run hostile guests, on an
# emulated host; whatever its kernel then reports is a failure. Without arguments the short slice.
. "${srcdir:-.}/tests/lab/common.sh"
need amd
seed=${1:-1} calls=${2:-20000} runs=${3:-8000}
[ $# -lt 3 ] || shift 3
"$vmmtrace" lab --cpu amd --smp 2 --timeout "${FUZZ_TIMEOUT:-300}" --add tests/fuzz/fuzz \
	--add "${srcdir:-.}/tests/lab/fuzz-host.sh:/root/host.sh" "$@" -- \
	sh host.sh "$seed" "$calls" "$runs" >"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" ran_to_its_end
plan
