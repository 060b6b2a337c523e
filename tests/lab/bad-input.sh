#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Bad input to `vmmtrace run`: one clear line, the right status, the VM gone, and
# what was recorded kept. One boot of the emulated host for all of it.
. "${srcdir:-.}/tests/lab/common.sh"
need amd

here=$(dirname "$0")
"$vmmtrace" lab --cpu amd --memory 1024 --out "$dir/out" --module kvm-amd \
	--add "$vmlinuz:/root/vmlinuz" --add "$initrd:/root/initrd.gz" \
	--add "$here/bad-input-host.sh:/root/host.sh" --add "$here/tap.sh" --add tests/lab/kvm_hold \
	--add tests/lab/as_user -- sh host.sh >"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" ran_to_its_end
for f in "$dir"/out/*.json "$dir"/out/*.ndjson; do
	case $f in
	*.env.json) ;;
	*/full.*) check "$(basename "$f"), cut by a full disk, can be repaired" \
			"$vmmtrace" verify --repair "$f" ;;
	*) check "what $(basename "$f") holds is whole" "$vmmtrace" verify "$f" ;;
	esac
done
check "a later recording on the same host begins without a loss" \
	sh -c '! grep "\"ev\":\"lost\"" "$1"' sh "$dir/out/sigTERM.ndjson"
plan
