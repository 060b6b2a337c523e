# SPDX-License-Identifier: GPL-2.0-only
# For tests that run a guest on an emulated host; to be sourced. Prints TAP.
# shellcheck shell=sh
vmmtrace=${VMMTRACE:-./vmmtrace}
release=${VMMTRACE_KRELEASE:?the kernel release that vmm.ko was built for}
cache=${VMMTRACE_CACHE:-${srcdir:-.}/.cache}/lab
vmlinuz=$cache/$release/vmlinuz
initrd=${VMMTRACE_INITRD:-demo-initrd.gz}
append="console=ttyS0 panic=-1"
count=0

dir=$(mktemp -d "${TMPDIR:-/tmp}/vmmtrace-test.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# need HOST|PROGRAM...: skip all unless the programs are here; a host stands for its emulator.
need() {
	for program; do
		case $program in
		amd) program=qemu-system-x86_64 ;;
		amd-bochs | intel) program=bochs ;;
		esac
		command -v "$program" >/dev/null || skip_all "no $program: ./dev setup"
	done
}

# check NAME COMMAND...: one result, true if COMMAND is.
check() {
	name=$1
	shift
	count=$((count + 1))
	if "$@" >"$dir/check.out" 2>&1; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$dir/check.out" | tail -n 50
	fi
}

# The lab's own end, from $status; if it was another, what it said, from $dir/err.
ran_to_its_end() {
	[ "$status" = 0 ] && return
	echo "status $status"
	tail -n 20 "$dir/err"
	false
}

plan() { echo "1..$count"; }

[ -f "$vmlinuz" ] || skip_all "no kernel for the emulated hosts: ./dev setup"
