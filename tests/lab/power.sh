#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# power.sh [CPU [WHAT...]]: hosts that sleep (S3), start another kernel, reboot, power off or crash
# while guests run. Virtualization is off where it has to be and comes back where it must; neither
# guests nor timelines notice that the host slept.
cpu=${1:-amd}
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- sleep kexec reboot poweroff crash
. "${srcdir:-.}/tests/lab/common.sh"
need "$cpu"

# What the emulators leave to the host's kernel: Bochs counts deadlines of the APIC's timer from its
# own start, not by the TSC, which S3 sets back.
case $cpu in
amd) host="--smp 2 --memory 1024" ;;
*) host="--memory 512 --append lapic=notscdeadline" ;;
esac

# on_host WHAT ARG...: one boot; its TAP is ours.
on_host() {
	name=$1
	shift
	# shellcheck disable=SC2086
	"$vmmtrace" lab --cpu "$cpu" $host --console --out "$dir/$name" --add tests/lab/kexec \
		--add "$vmlinuz:/root/vmlinuz" --add "$initrd:/root/initrd.gz" \
		--add tests/lab/busy.bin --add "${srcdir:-.}/tests/lab/power-host.sh:/root/host.sh" "$@" -- \
		sh host.sh "$name" >"$dir/$name.tap" 2>"$dir/$name.err"
	status=$?
	awk -v n="$count" '/^(not )?ok / { sub(/ok [0-9]+/, "ok " ++n) } { print }' \
		"$dir/$name.tap"
	count=$((count + $(grep -c '^\(not \)\?ok ' "$dir/$name.tap")))
}

no_complaint() { ! grep -E 'BUG:|Oops|WARNING: CPU|INFO: |vmm: VM|vmm: virtualization' "$dir/$what.err"; }
to_its_end() {
	[ "$status" = 0 ] && return
	echo "status $status"
	grep -m 1 -A 40 -E 'BUG:|Oops' "$dir/$what.err" || tail -n 20 "$dir/$what.err"
	false
}
ended() { grep -q "the emulated host ended before the command did" "$dir/$what.err"; }

for what in "$@"; do
	case $what in
	sleep)
		on_host sleep
		check "the host that slept ran to its end" to_its_end
		for f in "$dir"/sleep/*.ndjson; do
			check "the timeline of $(basename "$f" .ndjson) is whole" "$vmmtrace" verify "$f"
			check "and nothing was lost" grep -q '"ev":"end".*"lost":0' "$f"
		done
		;;
	kexec)
		on_host kexec
		check "the kernel after it ran to its end" to_its_end
		;;
	reboot | poweroff)
		on_host "$what"
		check "$what while guests run ends the host" ended
		;;
	crash)
		on_host crash --append crashkernel=256M
		check "the kernel crashed as it should" grep -q "sysrq triggered crash" "$dir/crash.err"
		;;
	esac
	check "the host's kernel had nothing to complain of" no_complaint
done
plan
