#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Timelines as their users meet them: read by Python, judged by the program.
srcdir=${srcdir:-.}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $1"; }

# status WANTED NAME COMMAND...: the command's status; its output to $dir/said.
status() {
	wanted=$1 name=$2
	shift 2
	"$@" >"$dir/said" 2>&1
	got=$?
	if [ $got = "$wanted" ]; then
		ok "$name"
	else
		sed 's/^/# /' "$dir/said"
		not_ok "$name: status $got, not $wanted"
	fi
}

# says NAME TEXT: the command before said that.
says() {
	if grep -qF -- "$2" "$dir/said"; then
		ok "$1"
	else
		sed 's/^/# /' "$dir/said"
		not_ok "$1: did not say '$2'"
	fi
}

sample() { tests/unit/collector_sample "$@"; }

echo 1..32
sample 1 20000 0 "$dir/a.json"
sample 1 20000 0 "$dir/a.ndjson"
sample 1 20000 0 "$dir/same.ndjson"
sample 2 20000 300 "$dir/lossy.json.gz"
sample 2 20000 300 "$dir/lossy.ndjson.gz"

if command -v python3 >/dev/null; then
	for f in a.json a.ndjson lossy.json.gz lossy.ndjson.gz; do
		status 0 "python reads $f" python3 "$srcdir/tests/unit/check_timeline.py" \
			--schema "$srcdir/docs/timeline.schema.json" "$dir/$f"
	done
else
	for f in 1 2 3 4; do ok "python reads it # SKIP no python3"; done
fi

for f in a.json a.ndjson lossy.json.gz lossy.ndjson.gz; do
	status 0 "verify accepts $f" ./vmmtrace verify "$dir/$f"
done
status 0 "verify takes several files" ./vmmtrace verify "$dir/a.json" "$dir/a.ndjson"
says "and says a line for each" "a.ndjson: whole: 20,000 exits counted = 20,000 recorded"
sed 's/"nth":3,/"nth":4,/' "$dir/a.ndjson" >"$dir/bad.ndjson"
status 3 "verify refuses a changed file" ./vmmtrace verify "$dir/bad.ndjson"
says "with the line" "bad.ndjson:"
status 1 "verify of no file" ./vmmtrace verify "$dir/none.json"
status 2 "verify of nothing" ./vmmtrace verify
status 2 "verify with a wrong option" ./vmmtrace verify --mend "$dir/a.json"
says "says which" "--mend"
status 0 "verify --help" ./vmmtrace verify --help

head -c 100000 "$dir/a.json" >"$dir/cut.json"
status 3 "verify refuses a cut file" ./vmmtrace verify "$dir/cut.json"
says "and tells of the repair" "--repair"
status 0 "verify --repair" ./vmmtrace verify --repair "$dir/cut.json"
if python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/cut.json" 2>/dev/null ||
   ! command -v python3 >/dev/null; then
	ok "what was repaired loads"
else
	not_ok "what was repaired loads"
fi

status 0 "compare: equal runs" ./vmmtrace compare --sequence "$dir/a.ndjson" "$dir/same.ndjson"
says "says how much is equal" "equal: $(grep '"ev":"exit"' "$dir/a.ndjson" |
	grep -cv '"class":"intr"' | sed 's/...$/,&/') exits on 2 vCPUs"
sed '/"class":"intr"/s/"value":"[^"]*"/"value":"0x7777"/' "$dir/a.ndjson" >"$dir/host.ndjson"
status 1 "a file with other interrupts of the host" cmp "$dir/a.ndjson" "$dir/host.ndjson"
status 0 "compare: the host is not the guest" \
	./vmmtrace compare --sequence "$dir/a.ndjson" "$dir/host.ndjson"
# One exit's value is another: the first of the vCPU's that has it.
awk '/"ev":"exit"/ && /"vcpu":1,/ && !/"class":"intr"/ && !done {
	if (/wrmsr/) {
		done = sub(/"value":"0x[0-9a-f]*"/, "\"value\":\"0x7777\"")
		print before >where
	}
	before++
} { print }' before=0 where="$dir/where" "$dir/a.ndjson" >"$dir/other.ndjson"
status 3 "compare: runs that differ" ./vmmtrace compare --sequence "$dir/a.ndjson" "$dir/other.ndjson"
says "says where" "vm 1 vcpu 1: the first $(cat "$dir/where") exits are equal"
says "and what" "0x7777"
status 2 "compare without --sequence" ./vmmtrace compare "$dir/a.ndjson" "$dir/same.ndjson"
status 2 "compare with one file" ./vmmtrace compare --sequence "$dir/a.ndjson"
status 1 "compare with a .json" ./vmmtrace compare --sequence "$dir/a.ndjson" "$dir/a.json"
head -n 1000 "$dir/a.ndjson" >"$dir/short.ndjson"
status 1 "compare with a cut file" ./vmmtrace compare --sequence "$dir/short.ndjson" "$dir/a.ndjson"
