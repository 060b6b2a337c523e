#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Filters mean the same in BPF and in the collector: both at once, on an emulated host. Two recorders,
# of which one refuses what the other keeps, do not disturb each other. FILTER_HOST: more options for
# the host.
. "${srcdir:-.}/tests/lab/common.sh"
need amd

add=
for guest in storm io msr touch cpuid hlt; do
	add="$add --add tests/guests/$guest.bin"
done
# shellcheck disable=SC2086
"$vmmtrace" lab --cpu amd ${FILTER_HOST:-} --add "${srcdir:-.}/tests/lab/filter-host.sh" \
	--add tests/lab/filter $add -- sh filter-host.sh >"$dir/tap" 2>"$dir/err"
status=$?
while read -r line; do
	case $line in
	"ok "*) echo "ok $((count += 1)) - ${line#ok }" ;;
	"not ok "*) echo "not ok $((count += 1)) - ${line#not ok }" ;;
	*) echo "# $line" ;;
	esac
done <"$dir/tap"
[ "$status" = 0 ] || sed 's/^/# /' "$dir/err"
check "the host went through all of them, and is well" [ "$status $count" = "0 14" ]
plan
