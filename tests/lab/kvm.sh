#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# KVM's guests are recorded: what KVM's own tracepoints told ftrace of the same run is in the timelines,
# and what the processor did, on each kernel that there is.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

host() { # RELEASE SCENARIO ARG...
	out=$dir/$1
	kernel=$cache/$1/vmlinuz
	scenario=$2
	shift 2
	"$vmmtrace" lab --cpu amd --no-vmm --host-kernel "$kernel" --module kvm-amd --add tests/lab/kvm_guest \
		--add "${srcdir:-.}/tests/lab/kvm-host.sh:/root/host.sh" --out "$out" "$@" -- \
		sh host.sh "$scenario"
}

judge() { python3 -B "${srcdir:-.}/tests/lab/kvm.py" "$@"; }

for kernel in "$cache"/*/vmlinuz; do
	r=$(basename "$(dirname "$kernel")")
	o=$dir/$r
	PYTHONPATH=${srcdir:-.}/tests/guests
	export PYTHONPATH
	check "$r: the host runs a guest of KVM" host "$r" one --exit-log "$dir/exit-log"
	check "$r: recorded, with status 0" [ "$(cat "$o/one.status")" = 0 ]
	check "$r: each exit of the processor is there, once and in order" \
		judge processor "$dir/exit-log" "$o/one.ndjson"
	check "$r: the guest's exits are as many as it makes" judge guest "$o/one.ndjson" 10
	check "$r: the host runs many" host "$r" many --smp 2
	for name in one many found; do
		check "$r: $name: exits, faults and interrupts are those of ftrace" \
			judge ftrace "$o/$name.ftrace" "$o/$name.ndjson"
	done
	for name in one many filtered lost found; do
		check "$r: verify accepts $name" "$vmmtrace" verify "$o/$name.ndjson" "$o/$name.json"
	done
	check "$r: three VMs of two vCPUs each" judge vms "$o/many.ndjson" 3 2
	check "$r: a filter leaves the rest out, and counts it" judge filtered "$o/filtered.ndjson"
	check "$r: a ring without room loses, and says so" judge lost "$o/lost.ndjson"
	check "$r: of a VM that was there, and of no other" judge found "$o/found.ndjson" 5
	check "$r: list shows its process" grep -Eq "^ *kvm kvm_guest +1 .* ./kvm_guest -w 5" "$o/list"
	check "$r: ... as JSON, too" judge listed "$o/list.json"
	check "$r: a process that is not there is told" grep -q "process 999999 has no VM of KVM" "$o/nobody.err"
	check "$r: ... with status 1" [ "$(cat "$o/nobody.status")" = 1 ]
	check "$r: without KVM, what to do is told" grep -q "modprobe kvm_amd" "$o/nokvm.err"
	check "$r: ... with status 1" [ "$(cat "$o/nokvm.status")" = 1 ]
	check "$r: the kernel complained of nothing" [ ! -s "$o/dmesg" ]
done

# The guest of a QEMU on the emulated host.
vapic=/usr/share/qemu/kvmvapic.bin
if [ -f $vapic ]; then
	o=$dir/$release
	judge bios "$dir/bios.bin" 10
	check "QEMU runs a guest by KVM" host "$release" qemu --memory 2048 --add "$dir/bios.bin" \
		--add $vapic --add "$(command -v qemu-system-x86_64)"
	check "list shows it by its name" grep -Eq "^ *kvm fred +1 " "$o/list"
	check "it is recorded, by that name" judge qemu "$o/qemu.ndjson" 10
	check "verify accepts it" "$vmmtrace" verify "$o/qemu.ndjson" "$o/qemu.json"
else
	echo "ok $((count += 1)) # SKIP no $vapic (qemu-system-data)"
fi
plan
