#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# paranoid.sh [CPU [GUEST...]]: with paranoid=1 the module lets the processor keep nothing between
# entries; the tiny guests then leave the same sequence of exits. Emulators keep nothing anyhow: here it
# shows that both ways work, on real processors that nothing is kept wrongly. On Bochs guests.sh does it,
# in its own boot.
cpu=${1:-amd}
[ $# = 0 ] || shift
. "${srcdir:-.}/tests/lab/common.sh"
images=tests/guests
# What storm and window do depends on the host's speed. QEMU dies when a second VM has hardware
# breakpoints.
except='storm|window'
case $cpu in
amd) deterministic=--deterministic except='storm|window|dr|dr6' ;;
*) deterministic= ;;
esac
need "$cpu" python3
[ $# -gt 0 ] || set -- $(cd "$images" && ls *.bin | sed 's/\.bin$//' | grep -vxE "$except")

python3 -B "${srcdir:-.}/tests/guests/check.py" plan "$cpu" "$@" >"$dir/plan" || exit 1
add=
for guest in "$@"; do
	add="$add --add $images/$guest.bin"
done
# shellcheck disable=SC2086
"$vmmtrace" lab --cpu "$cpu" $deterministic --out "$dir/out" --add "$dir/plan" \
	--add "${srcdir:-.}/tests/guests/run-guests.sh" --add "$images/inject" $add -- sh -c '
		mode=/sys/module/vmm/parameters/paranoid
		mkdir /out/normal /out/paranoid
		sh run-guests.sh plan /out/normal && cat $mode >/out/modes &&
		rmmod vmm && insmod /lab/vmm.ko paranoid=1 &&
		sh run-guests.sh plan /out/paranoid && cat $mode >>/out/modes' 2>"$dir/err" || {
	echo "Bail out! the emulated host: $(head -n 1 "$dir/err")"
	exit 1
}
check "the module took its parameter" test "$(tr -d '\n' <"$dir/out/modes")" = NY
while read -r guest rest; do
	check "$guest: the same sequence" "$vmmtrace" compare --sequence \
		"$dir/out/normal/$guest.ndjson" "$dir/out/paranoid/$guest.ndjson"
done <"$dir/plan"
plan
