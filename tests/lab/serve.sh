#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmmtrace serve, its clients good and bad, in one boot of an emulated AMD host.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

python=$(python3 -B "${srcdir:-.}/tests/lab/pack_python.py" "$dir") || skip_all "this Python cannot be packed"
# shellcheck disable=SC2086
"$vmmtrace" lab --cpu amd --smp 2 --memory 512M --timeout 1200 --out "$dir/out" $python --add tests/guests/cpuid.bin \
	--add "${srcdir:-.}/docs/examples/vmmrpc.py" --add "${srcdir:-.}/tests/lab/serve-host.py" \
	-- sh -c 'PYTHONHOME=/root/py ./python3 -B serve-host.py' >"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
[ "$status" = 0 ] || sed 's/^/# /' "$dir/err" | tail -n 40
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" [ "$status" = 0 ]
check "requests and results are as docs/rpc.schema.json says" python3 -B "${srcdir:-.}/tests/lab/rpc_schema.py" \
	"${srcdir:-.}/docs/rpc.schema.json" "$dir/out/log"
plan
