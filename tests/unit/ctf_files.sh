#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Captures (.ctf) as their users meet them: read by babeltrace2, exported and judged by the program.
srcdir=${srcdir:-.}
dir=$(mktemp -d "${TMPDIR:-/tmp}/ctf-files.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0

# status WANTED NAME COMMAND...: the command's status; its output to $dir/said.
status() {
	wanted=$1 name=$2
	shift 2
	"$@" >"$dir/said" 2>&1
	got=$?
	n=$((n + 1))
	if [ $got = "$wanted" ]; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' "$dir/said"
		echo "not ok $n - $name: status $got, not $wanted"
	fi
}

# says TEXT: the command before said that.
says() {
	cp "$dir/said" "$dir/says"
	status 0 "and says: $1" grep -F -- "$1" "$dir/says"
}

# equal CAPTURE NDJSON: read by babeltrace2, it is what the lines say.
equal() {
	name="babeltrace2 reads $1 without complaint, each field as in $2"
	if command -v babeltrace2 >/dev/null && command -v python3 >/dev/null; then
		status 0 "$name" python3 -B "$srcdir/tests/unit/ctf_equals.py" "$dir/$1" "$dir/$2"
	else
		n=$((n + 1))
		echo "ok $n - $name # SKIP no babeltrace2 or no python3 (./dev setup)"
	fi
}

status 0 "every kind of record, values at the ends of their ranges" \
	tests/unit/ctf_sample 9000 "$dir/any.ctf" "$dir/any.ndjson"
equal any.ctf any.ndjson
status 0 "more files than one, by CPU" [ -f "$dir/any.ctf/cpu9" ]
tests/unit/collector_sample 1 20000 0 "$dir/a.ctf"
tests/unit/collector_sample 1 20000 0 "$dir/a.ndjson"
equal a.ctf a.ndjson
tests/unit/collector_sample 2 20000 300 "$dir/lossy.ctf"
tests/unit/collector_sample 2 20000 300 "$dir/lossy.ndjson"
equal lossy.ctf lossy.ndjson

status 0 "export makes several formats at once" \
	./vmmtrace export "$dir/a.ctf" -o "$dir/b.ndjson" -o "$dir/b.json" -o "$dir/b.ctf"
says "20,000 exits counted = 20,000 recorded + 0 filtered + 0 lost"
status 0 "what is exported is what would have been recorded" cmp "$dir/a.ndjson" "$dir/b.ndjson"
status 0 "a capture of a capture is equal" diff -r "$dir/a.ctf" "$dir/b.ctf"
status 0 "verify accepts captures" ./vmmtrace verify "$dir/a.ctf" "$dir/lossy.ctf" "$dir/b.ctf"
says "a.ctf: whole: 20,000 exits counted = 20,000 recorded"
status 0 "export filters" ./vmmtrace export -f class=hlt "$dir/a.ctf" -o "$dir/hlt.ndjson"
status 0 "verify accepts what it filtered" ./vmmtrace verify "$dir/hlt.ndjson"
says "20,000 exits counted = $(grep -c '"class":"hlt"' "$dir/a.ndjson" | sed 's/...$/,&/') recorded"

# Cut in a packet: not even its beginning is of use.
cut=$(($(wc -c <"$dir/a.ctf/cpu0") / 3))
head -c $cut "$dir/a.ctf/cpu0" >"$dir/cpu0" && mv "$dir/cpu0" "$dir/a.ctf/cpu0"
status 3 "verify refuses a cut capture" ./vmmtrace verify "$dir/a.ctf"
says "cpu0, from byte"
says "vmmtrace export"
status 3 "export keeps what is whole" \
	./vmmtrace export "$dir/a.ctf" -o "$dir/cut.ctf" -o "$dir/cut.ndjson"
says "cut short or damaged (cpu0, from byte"
if command -v babeltrace2 >/dev/null; then
	lines=$(grep -c . "$dir/cut.ndjson")
	babeltrace2 "$dir/cut.ctf" >"$dir/text" 2>"$dir/err"
	status 0 "babeltrace2 reads it" [ "$(grep -c . "$dir/text")" = $((lines - 1)) ]
	status 0 "without complaint" [ ! -s "$dir/err" ]
fi
status 3 "verify tells that there are no totals" ./vmmtrace verify "$dir/cut.ndjson"
says "no totals"

status 1 "verify --repair of a capture" ./vmmtrace verify --repair "$dir/a.ctf"
says "vmmtrace export"
status 1 "export of no capture" ./vmmtrace export "$dir/none.ctf" -o "$dir/x.json"
says "No such file"
status 1 "export of a timeline" ./vmmtrace export "$dir/b.ndjson" -o "$dir/x.json"
says "b.ndjson"
status 2 "export without output" ./vmmtrace export "$dir/b.ctf"
status 2 "export without capture" ./vmmtrace export -o "$dir/x.json"
status 1 "export onto itself" ./vmmtrace export "$dir/b.ctf" -o "$dir/b.ctf"
says "the capture itself"
status 0 "and it is still there" ./vmmtrace verify "$dir/b.ctf"
status 0 "export --help" ./vmmtrace export --help
echo "1..$n"
