#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on the emulated host, see clients.sh. Prints TAP without a plan.
count=0
run() {
	"$@" >out 2>err
	status=$?
	while IFS= read -r line; do
		case $line in
		"ok - "* | "not ok - "*)
			count=$((count + 1))
			echo "${line%% - *} $count - ${line#* - }"
			;;
		*) echo "$line" ;;
		esac
	done <out
	count=$((count + 1))
	if [ $status = 0 ]; then
		echo "ok $count - $*"
	else
		echo "not ok $count - $*: status $status"
		sed 's/^/# /' err
		dmesg | grep vmm: | tail -n 5 | sed 's/^/# /'
	fi
}

# ok STATUS NAME
ok() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
	fi
}

# What a program of vmm(4) leaves in padding does not get into records.
tracing=/sys/kernel/tracing
echo 1 >$tracing/events/vmm/enable
run ./reset kernel
echo 0 >$tracing/events/vmm/enable
cat $tracing/trace >trace
grep -q 'vmm_intr:.*stage=0x3 ' trace
ok $? "its interrupt is recorded"
! grep 'vmm_intr:.*irq_id=0x[1-9a-f]' trace
ok $? "without a name"

for memory in kernel caller; do
	run ./reset $memory
	run ./flat64 $memory
	run ./inject $memory
	run ./protect $memory
	run ./share $memory fork
	run ./share $memory pass
done
# Where there are two CPUs.
[ "$(nproc)" = 1 ] || run ./ldt kernel
[ "$(cat /sys/module/vmm/refcnt)" = 0 ]
ok $? "no VM is left"
