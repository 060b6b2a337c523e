#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on an emulated Intel host with two CPUs, see vmx.sh. Prints TAP without a plan.
. ./tap.sh
cpu1=/sys/devices/system/cpu/cpu1/online
printf '\353\376' >loop.bin
printf '\346\200\353\374' >ports.bin
run() { # IMAGE ARG...: in the background, as $pid
	image=$1
	shift
	vmmtrace run -q --flat "$image@0x1000" --memory 2M "$@" >out 2>err </dev/null &
	pid=$!
}
# move MASK: the guest's threads go to these CPUs.
move() {
	for task in /proc/$pid/task/*; do
		taskset -p "$1" "${task##*/}" >/dev/null 2>&1
	done
	sleep 0.3
}
stop() { kill -TERM $pid && wait $pid; grep -q "stopped by" err; }

kvm_hold >held &
holder=$!
soon grep -q held held
vmmtrace run -q --flat loop.bin@0x1000 >out 2>err
[ $? = 1 ] && grep -q "modprobe -r kvm_intel" err
result $? "KVM has the processor: the message says what to unload"
kill $holder
wait $holder 2>/dev/null
rmmod kvm_intel

# Registers that no processor takes: RUN ends the vCPU, and the kernel log says for which rule. It
# tells of ten in five seconds.
broken() { # RULE REGISTERS
	dmesg -c >/dev/null
	{
		echo '{"call":"create","vcp_memranges":[{"vmr_size":4096}]}'
		echo '{"call":"reset"}'
		echo "{\"call\":\"writeregs\",\"vrwp_regs\":{$2}}"
		echo '{"call":"run"}'
	} | vmmtrace vm batch >out 2>err
	dmesg >>err
	tail -n 1 out | grep -q '"error":"EINVAL"' && grep -q -e "VM entry failed.*$1" err
	result $? "RUN: $1"
}
broken "TR: its type is not a busy TSS" '"vrs_sregs":{"tr":{"vsi_ar":"0x82"}}'
broken "CS: its type is neither accessed code nor 3" '"vrs_sregs":{"cs":{"vsi_ar":"0x98"}}'
broken "DS: its limit is above 1 MiB" '"vrs_sregs":{"ds":{"vsi_limit":"0x100000"}}'
broken "LDTR: its base is not canonical" '"vrs_sregs":{"ldtr":{"vsi_base":"0x8000000000000000"}}'
broken "CR3 beyond" '"vrs_crs":{"cr3":"0x4000000000000000"}'
broken "RFLAGS lacks bit 1" '"vrs_gprs":{"rflags":0}'
broken "RFLAGS has reserved bits" '"vrs_gprs":{"rflags":"0x8002"}'
broken "IDTR's limit" '"vrs_idtr":{"vsi_limit":"0x10000"}'
broken "IA-32e mode without CR0.PG" '"vrs_msrs":{"efer":"0x500"}'
broken "MSR 0xc0000082 cannot be loaded" '"vrs_msrs":{"lstar":"0x8000000000000000"}'

# The host's NMI, to the CPU that is in the guest.
run loop.bin -o /out/nmi.ndjson
soon started /out/nmi.ndjson
move 2
dmesg -c >/dev/null
taskset 1 sh -c 'echo l >/proc/sysrq-trigger'
soon sh -c 'dmesg | grep -q "NMI backtrace for cpu 1"'
result $? "the host's NMI comes through while a guest runs"
[ -d /proc/$pid ]
result $? "and the guest goes on"
stop
result $? "until it is stopped"

run ports.bin -o /out/moved.ndjson
for _ in 1 2 3 4 5; do
	move 1
	move 2
	echo 0 >$cpu1
	sleep 0.2
	echo 1 >$cpu1
done
[ -d /proc/$pid ]
result $? "a guest goes on while it is moved, and CPU 1 comes and goes"
stop
result $? "until it is stopped"
! dmesg | grep -e "VMCLEAR failed" -e "VMPTRLD failed" -e "VMWRITE of field" -e "INVVPID failed" \
	-e "INVEPT failed" -e "BUG:" -e "WARNING:" >err
result $? "no instruction of VMX failed"
rmmod vmm
result $? "the module can be unloaded"
