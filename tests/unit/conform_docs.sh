#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# docs/conformance.md is the list of the suite's rows, and ioctl.md tells how many they are.
srcdir=${srcdir:-.}
echo 1..2
if tests/conform/conform --list | diff -u "$srcdir/docs/conformance.md" - >&2; then
	echo "ok 1 - docs/conformance.md"
else
	echo "not ok 1 - docs/conformance.md is not what the suite has; run make update-docs"
fi
rows=$(tests/conform/conform --count)
if grep -q "^$rows rows" "$srcdir/docs/ioctl.md"; then
	echo "ok 2 - docs/ioctl.md tells the number of rows"
else
	echo "not ok 2 - docs/ioctl.md: the suite has $rows rows; run make update-docs"
fi
