#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# guests.sh CPU [GUEST...]: all tiny guests in one boot of an emulated host, each held to its .expect
# and to the emulator's own log of exits. Run from the top of the build tree.
# GUESTS_OUT=DIR keeps what they recorded.
cpu=$1
shift
src=${srcdir:-$(dirname "$0")/../..}
vmmtrace=${VMMTRACE:-./vmmtrace}
images=${GUEST_IMAGES:-tests/guests}
case $cpu in
amd) needs=qemu-system-x86_64 deterministic=--deterministic ;;
*) needs=bochs deterministic= ;;
esac
for program in $needs python3; do
	command -v $program >/dev/null || { echo "1..0 # SKIP no $program"; exit 0; }
done
[ $# -gt 0 ] || set -- $(cd "$images" && echo *.bin | sed 's/\.bin//g')

dir=$(mktemp -d "${TMPDIR:-/tmp}/guests.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
out=${GUESTS_OUT:-$dir/out}
check="$src/tests/guests/check.py"
python3 -B "$check" plan "$cpu" "$@" >"$dir/plan" || exit 1
add=
for guest in "$@"; do
	add="$add --add $images/$guest.bin"
done
# shellcheck disable=SC2086
"$vmmtrace" lab --cpu "$cpu" $deterministic --out "$out" --exit-log "$dir/log" --add "$dir/plan" \
	--add "$src/tests/guests/run-guests.sh" --add "$images/inject" $add -- \
	sh run-guests.sh plan 2>"$dir/err" || { sed 's/^/# /' "$dir/err"; exit 1; }
[ -z "${GUESTS_OUT:-}" ] || cp "$dir/log" "$out/exit-log"
python3 -B "$check" check "$cpu" "$out" "$vmmtrace" "$dir/log" "$@"
