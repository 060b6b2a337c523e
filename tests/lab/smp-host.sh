#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on an emulated host with two CPUs, see smp.sh. Prints TAP without a plan.
. ./tap.sh
cpu1=/sys/devices/system/cpu/cpu1/online
boot="--kernel vmlinuz --initrd initrd.gz --memory 192M --append console=ttyS0"

for memory in "" --caller-memory; do
	# CPUs come and go, and the thread is moved about, while a guest boots.
	# shellcheck disable=SC2086
	vmmtrace run -q $boot $memory -o "/out/boot$memory.ndjson" >out 2>err </dev/null &
	pid=$!
	moves=0
	while kill -0 $pid 2>/dev/null; do
		for mask in 1 2 3; do
			for task in /proc/$pid/task/*; do
				taskset -p $mask "${task##*/}" >/dev/null 2>&1
			done
			sleep 0.2
		done
		echo 0 >$cpu1 && sleep 0.3
		echo 1 >$cpu1 && sleep 0.3
		moves=$((moves + 1))
	done
	wait $pid
	status=$?
	[ $status = 0 ] && grep -q "^init: Linux" out && [ $moves -gt 2 ]
	result $? "a guest boots while CPU 1 comes and goes $memory"
done

# Two recorders, each with its own guest, see both guests' exits and keep those of theirs.
printf '\346\355\353\374' >ports.bin
recorders=
for name in one other; do
	vmmtrace run -q --flat ports.bin@0x1000 --memory 2M -o "/out/$name.ndjson" >out 2>err </dev/null &
	recorders="$recorders $!"
done
soon started /out/one.ndjson && soon started /out/other.ndjson
# shellcheck disable=SC2086
kill -TERM $recorders
wait

# Off at the last TERM: a CPU that comes up afterwards has no virtualization on.
[ "$(cat /sys/module/vmm/refcnt)" = 0 ]
result $? "no VM is left"
echo 0 >$cpu1 && echo 1 >$cpu1
result $? "CPU 1 goes and comes without a VM"

# A CPU that is off when the first VM is made, and comes while it runs.
echo 0 >$cpu1
printf '\353\376' >loop.bin
vmmtrace run -q --flat loop.bin@0x1000 --memory 2M -o /tmp/late.ndjson >out 2>err </dev/null &
pid=$!
soon started /tmp/late.ndjson
echo 1 >$cpu1
for task in /proc/$pid/task/*; do
	taskset -p 2 "${task##*/}" >/dev/null
done
soon grep -q '"cpu":1,' /tmp/late.ndjson
moved=$?
kill -TERM $pid
wait $pid
[ $? = 1 ] && grep -q "stopped by" err && [ $moved = 0 ]
result $? "a guest moves to a CPU that came after it"
rmmod vmm
result $? "the module can be unloaded"
