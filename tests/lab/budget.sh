#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# budget.sh [--update]: what exits cost, in instructions, held to tests/lab/budget.txt. On the
# deterministic host that is exact. A change that costs more comes with a new budget: --update.
. "${srcdir:-.}/tests/lab/common.sh"
tests=${srcdir:-.}/tests
need amd python3

guests=$(cd tests/guests && echo *.bin | sed 's/\.bin//g')
# shellcheck disable=SC2086
python3 -B "$tests/guests/check.py" plan amd $guests >"$dir/plan" || exit 1
add=
for guest in $guests; do
	add="$add --add tests/guests/$guest.bin"
done
# shellcheck disable=SC2086
"$vmmtrace" lab --cpu amd --deterministic --out "$dir/out" --add "$dir/plan" \
	--add "$tests/guests/run-guests.sh" --add tests/guests/inject --add tests/bench/exits $add -- \
	sh -c './exits >/out/exits.txt && sh run-guests.sh plan' 2>"$dir/err" || {
	echo "Bail out! the emulated host: $(head -n 1 "$dir/err")"
	exit 1
}
host="Linux $release, $(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/QEMU \1/p')"
python3 -B "$tests/lab/budget.py" "${1:---check}" "$tests/lab/budget.txt" "$dir/out" "$host"
