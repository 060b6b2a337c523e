#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on an emulated host with two CPUs, see lossless.sh. Prints TAP without a plan.
count=0
result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else
		echo "not ok $count - $2"
		tail -n 5 out err 2>/dev/null | sed 's/^/# /'
	fi
}

# until_true COMMAND...: waits for it, up to two minutes.
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		sleep 0.2
	done
}

# asleep N STATE: whether N threads of the guest are in that state.
asleep() {
	[ "$(cat /proc/$pid/task/*/stat 2>/dev/null | grep -c ") $2 ")" = "$1" ]
}

# ended STATUS: whether the guest's process ended, and so.
ended() {
	wait $pid
	[ $? = "$1" ]
}

no_vm_left() {
	[ "$(cat /sys/module/vmm/refcnt)" = 0 ]
}

# A recorder that never reads, and a guest whose two vCPUs wait for it.
hold() {
	storm hold >held 2>err &
	holder=$!
	until_true grep -q attached held
	storm guest "$1" >out 2>>err &
	pid=$!
	until_true asleep 2 D
}

end_hold() {
	kill -KILL $holder
	wait $holder 2>/dev/null
}

# Two vCPUs, rings of the least size: one recorder, with and without; then several.
for kinds in L D LL LN NL; do
	storm record $kinds 1500 /out/$kinds >/out/$kinds.told 2>err
	result $? "a storm on two vCPUs, recorded by $kinds"
done

# Two recordings at once, each of its own guest.
printf '\276\150\006\346\200\017\242\116\165\371\364' >own.bin	# SI = 1640: OUT, CPUID
recorders=
for name in one other; do
	vmmtrace run --lossless --ring-size 4K --flat own.bin@0x1000 --mode 16 --memory 2M \
		-o "/out/$name.ndjson" >out 2>"/out/$name.err" </dev/null &
	recorders="$recorders $!"
done
for recorder in $recorders; do
	wait "$recorder"
	result $? "vmmtrace run --lossless beside another one"
done

hold 300
result $? "without a reader both vCPUs wait"
end_hold
ended 0 && grep -q 'vcpu 1: exits' out && ! grep -q 'wait 0 ' out
result $? "SIGKILL of the recorder in mid-wait: the guest goes on to its end"

hold 0
kill -KILL $pid
ended 137
result $? "SIGKILL of the guest's process in mid-wait ends it"
end_hold
until_true no_vm_left
result $? "and its VM"

hold 0
kill -USR1 $pid
ended 0
result $? "TERM of the VM in mid-wait ends it"
end_hold

hold 0
kill -STOP $pid
until_true asleep 3 T
result $? "SIGSTOP in mid-wait stops all threads"
kill -CONT $pid
until_true asleep 2 D
result $? "and SIGCONT has them wait again"
echo 0 >/sys/class/rtc/rtc0/wakealarm
echo +2 >/sys/class/rtc/rtc0/wakealarm
echo mem >/sys/power/state && dmesg | grep -q "Waking up from system sleep state S3"
result $? "in mid-wait the host can sleep"
until_true asleep 2 D
result $? "and when it is awake they wait again"
kill -TERM $pid
ended 143
result $? "SIGTERM in mid-wait ends the process"
end_hold

until_true no_vm_left && rmmod vmm
result $? "the module can be unloaded"
! dmesg | grep -E 'BUG:|WARNING: CPU|Oops:|Call Trace:'
result $? "the kernel did not complain"
