#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Where no emulator is installed each of EMULATED_TESTS is skipped, and says so.
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
IFS=:
for path in $PATH; do
	for program in "$path"/*; do
		case ${program##*/} in
		qemu* | bochs*) ;;
		*) [ -e "$dir/${program##*/}" ] || ln -s "$program" "$dir/${program##*/}" ;;
		esac
	done
done
unset IFS
count=0
for test in $EMULATED_TESTS; do
	count=$((count + 1))
	PATH=$dir sh "${srcdir:-.}/$test" >"$dir/.out" 2>&1
	if grep -q '^1\.\.0 # SKIP .*setup' "$dir/.out" && ! grep -q '^ok\|^not ok' "$dir/.out"; then
		echo "ok $count - $test is skipped"
	else
		echo "not ok $count - $test is skipped"
		head -n 5 "$dir/.out" | sed 's/^/# /'
	fi
done
[ $count -gt 0 ] || echo "# no test that needs an emulator was to be run"
echo "1..$count"
