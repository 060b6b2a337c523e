#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on the emulated host, see bad-input.sh. Prints TAP without a plan.
. ./tap.sh

# No VM is left behind: the module can be unloaded, or counts no user.
no_vm_left() { [ "$(cat /sys/module/vmm/refcnt)" = 0 ]; }

# bad NAME STATUS PATTERN ARG...: run with ARG; one line on stderr has PATTERN.
bad() {
	name=$1 want=$2 pattern=$3
	shift 3
	vmmtrace run -q "$@" >out 2>err </dev/null
	status=$?
	[ $status = "$want" ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "$pattern" err && no_vm_left
	result $? "$name"
}

boot="--kernel vmlinuz --initrd initrd.gz --memory 192M --append console=ttyS0"

head -c 100000 vmlinuz >truncated
echo "not a kernel at all" >text
: >empty
printf '\364' >hlt.bin			# HLT, interrupts off: ends by itself
printf '\353\376' >loop.bin		# JMP to itself
printf '\110\270\000\000\000\100\000\000\000\000\377\340' >nowhere.bin	# MOV RAX, 1G; JMP RAX

mkdir /tmp/dir.json
bad "a truncated kernel" 1 "truncated" --kernel truncated
bad "a file that is no kernel" 1 "text" --kernel text
bad "an empty file" 1 "empty" --kernel empty
bad "a kernel that is not there" 1 "none" --kernel none
bad "a directory" 1 "proc" --kernel /proc
bad "a kernel larger than memory" 1 "memory" --kernel vmlinuz --memory 8M
bad "an initrd that is not there" 1 "none" --kernel vmlinuz --initrd none
bad "a flat image larger than memory" 1 "memory" --flat vmlinuz@0x100000 --memory 4M
bad "memory of 0" 1 "memory" --flat hlt.bin@0x1000 --memory 0
bad "memory of 1 TiB" 1 "memory" --flat hlt.bin@0x1000 --memory 1T
bad "memory not page-aligned" 1 "4 KiB" --flat hlt.bin@0x1000 --memory 1000000
bad "no image" 2 "no image"
bad "two images" 2 "one image" --kernel vmlinuz --flat hlt.bin@0x1000
bad "a size that is none" 2 "size" --flat hlt.bin@0x1000 --memory lots
bad "an output of no known format" 2 "suffix" --flat hlt.bin@0x1000 -o x.txt
bad "an output that cannot be written" 1 "/nowhere/x.json" --flat hlt.bin@0x1000 -o /nowhere/x.json
bad "an output that is a directory" 1 "dir.json" --flat hlt.bin@0x1000 -o /tmp/dir.json
bad "a filter that is none" 2 "class" --flat hlt.bin@0x1000 -f class=nonsense -o /tmp/x.json
bad "a guest that jumps to where no memory is" 4 "RIP" --flat nowhere.bin@0x1000 --memory 2M \
	-o /out/nowhere.ndjson

# Memory that may not be pinned.
vmmtrace run -q --flat hlt.bin@0x1000 --memory 64M --caller-memory >out 2>err
status=$?
[ $status = 0 ]; result $? "root may pin the guest's memory"
(ulimit -l 1024; exec as_user 65534 /dev/vmm vmmtrace run -q --flat hlt.bin@0x1000 --memory 64M \
	--caller-memory) >out 2>err
status=$?
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q RLIMIT_MEMLOCK err && no_vm_left
result $? "RLIMIT_MEMLOCK too small"

# Users without permission.
as_user 65534 "" vmmtrace run -q --flat hlt.bin@0x1000 >out 2>err
status=$?
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "permission" err
result $? "no permission to open /dev/vmm"
as_user 65534 /dev/vmm vmmtrace run -q --flat hlt.bin@0x1000 -o /tmp/user.json >out 2>err
status=$?
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "CAP_BPF" err && no_vm_left
result $? "no permission to record"
as_user 65534 /dev/vmm vmmtrace run -q --flat hlt.bin@0x1000 >out 2>err
status=$?
[ $status = 0 ]
result $? "who may open /dev/vmm can run a guest"

# Signals in mid-run: the guest is stopped, the file is whole.
for signal in INT TERM; do
	vmmtrace run -q --flat loop.bin@0x1000 --memory 2M -o /out/sig$signal.ndjson \
		-o /out/sig$signal.json >out 2>err </dev/null &
	pid=$!
	soon started /out/sig$signal.ndjson
	kill -$signal $pid
	wait $pid
	status=$?
	[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "stopped by" err && no_vm_left
	result $? "SIG$signal in mid-run"
done
vmmtrace run -q $boot -o /tmp/kill.ndjson >out 2>err </dev/null &
pid=$!
soon started /tmp/kill.ndjson
kill -KILL $pid
wait $pid
status=$?
soon no_vm_left && [ -s /tmp/kill.ndjson ] && vmmtrace verify --repair /tmp/kill.ndjson >>out 2>>err
result $? "SIGKILL in mid-run: no VM left, the file can be repaired"

# A disk that fills up.
mkdir /tmp/small
mount -t tmpfs -o size=200k none /tmp/small
vmmtrace run -q $boot -o /tmp/small/full.json -o /tmp/small/full.ndjson -o /tmp/whole.json \
	>out 2>err </dev/null
status=$?
[ $status = 1 ] && [ "$(grep -c 'full.*No space' err)" = 2 ] && [ "$(wc -l <err)" = 2 ] && no_vm_left
result $? "a disk that fills up: one line a file, and the guest runs on"
grep -q "^init: Linux" out
result $? "the guest ran to its end all the same"
vmmtrace verify /tmp/whole.json >>out 2>>err
result $? "the other output is whole"
cp /tmp/small/full.* /out/

# KVM has the processor.
kvm_hold >held &
pid=$!
soon grep -q held held
bad "KVM holds the processor" 1 "modprobe -r kvm_amd" --flat hlt.bin@0x1000
kill $pid
wait $pid 2>/dev/null
rmmod kvm_amd
vmmtrace run -q --flat hlt.bin@0x1000 >out 2>err
status=$?
[ $status = 0 ]
result $? "and can be had again when KVM is gone"
rmmod vmm
bad_out=$(vmmtrace run -q --flat hlt.bin@0x1000 2>&1)
status=$?
echo "$bad_out" >err
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "modprobe vmm" err
result $? "no /dev/vmm"
vmmtrace doctor >out 2>err
status=$?
[ $status = 3 ] && grep -q "^no .*dev/vmm" out
result $? "doctor says so too"
