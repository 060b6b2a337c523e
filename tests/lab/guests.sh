# SPDX-License-Identifier: GPL-2.0-only
# guests.sh CPU [GUEST...]: all tiny guests in one boot of an emulated host, each held to its .expect
# and to the emulator's own log of exits. What they recorded stays in tests/lab/guests-CPU.out, or
# GUESTS_OUT. On Bochs a few run again at the end, with paranoid=1 (paranoid.sh), into its directory
# paranoid. GUESTS_HOST: more options for the host.
cpu=$1
shift
out=${GUESTS_OUT:-tests/lab/guests-$cpu.out}
. "${srcdir:-.}/tests/lab/common.sh"
images=tests/guests
check=${srcdir:-.}/tests/guests/check.py
paranoid='cr|inject|mmio|regs'
case $cpu in
amd) options=--deterministic paranoid= ;;
# A guest's triple fault is Bochs' panic before it is an exit, and can be gone on from once: so that
# guest is the first, and the next triple fault, the host's, ends the emulator.
amd-bochs) options=--emulator-arg=panic:action=fatal,cpu0=report ;;
*) options= ;;
esac
need "$cpu" python3
rm -rf "$out"
[ $# -gt 0 ] || set -- triple $(cd "$images" && echo *.bin | sed 's/\.bin//g; s/ triple / /')

python3 -B "$check" plan "$cpu" "$@" >"$dir/plan" || exit 1
grep -E "^($paranoid) " "$dir/plan" >"$dir/plan.paranoid"
add=
for guest in "$@"; do
	add="$add --add $images/$guest.bin"
done
mkdir -p tests/lab
# shellcheck disable=SC2086
"$vmmtrace" lab --cpu "$cpu" --timeout 1800 $options ${GUESTS_HOST:-} --out "$out" --exit-log "$dir/log" \
	--add "$dir/plan" --add "$dir/plan.paranoid" --add "${srcdir:-.}/tests/guests/run-guests.sh" \
	--add "$images/inject" $add -- sh -c '
		sh run-guests.sh plan && { [ ! -s plan.paranoid ] || {
			mkdir /out/paranoid && rmmod vmm && insmod /lab/vmm.ko paranoid=1 &&
			grep -q Y /sys/module/vmm/parameters/paranoid &&
			sh run-guests.sh plan.paranoid /out/paranoid
		}; }' 2>"$dir/err" || {
	echo "Bail out! the emulated host: $(head -n 1 "$dir/err")"
	exit 1
}
grep 'kernel warned' "$dir/err" | sed 's/^/Bail out! /' | grep . && exit 1
cp "$dir/log" "$out/exit-log"
python3 -B "$check" check "$cpu" "$out" "$vmmtrace" "$dir/log" "$@"
