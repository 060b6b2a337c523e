#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The documents made from the schema are those that it makes today.
srcdir=${srcdir:-.}
echo 1..5
n=0
for pair in calls:calls.md events:events.md schema:timeline.schema.json rpc:rpc.schema.json \
	tracecompass:tracecompass.xml; do
	n=$((n + 1))
	what=${pair%%:*} file=${pair#*:}
	if trace/gen/gen "$what" | diff -u "$srcdir/docs/$file" - >&2; then
		echo "ok $n - docs/$file"
	else
		echo "not ok $n - docs/$file is not what the schema says; run make update-docs"
	fi
done
