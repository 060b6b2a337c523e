#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# life.sh [N]: N processes with a VM, each killed in mid-RUN, one after another on one emulated host
# with two CPUs; then the module can be unloaded. ./dev soak life has 10,000.
rounds=${1:-100}
set --
. "${srcdir:-.}/tests/lab/common.sh"
need amd

"$vmmtrace" lab --cpu amd --smp 2 --timeout 7200 --add tests/conform/rounds -- \
	sh -c "./rounds $rounds; rmmod vmm && ! [ -e /dev/vmm ]" >"$dir/tap" 2>"$dir/err"
status=$?
grep -v '^1\.\.' "$dir/tap"
[ "$status" = 0 ] || sed 's/^/# /' "$dir/err"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "all rounds were made" [ "$count" = 4 ]
check "then the module can be unloaded, and the host is well" [ "$status" = 0 ]
plan
