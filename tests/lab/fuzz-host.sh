#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On the emulated host: host.sh SEED CALLS RUNS, see fuzz.sh. Prints TAP without a plan.
count=0
result() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
	sed 's/^/# /' log
}
reports() { dmesg | grep -E 'BUG:|KASAN|UBSAN|WARNING:|Oops|INFO: |possible |kmemleak: [0-9]+ new|general protection|leaked|stall'; }

mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
# Where the kernel can let allocations and copies fail: also those that may sleep, and quietly.
for what in failslab fail_page_alloc fail_usercopy; do
	[ -d /sys/kernel/debug/$what ] || continue
	[ ! -f /sys/kernel/debug/$what/ignore-gfp-wait ] || echo N >/sys/kernel/debug/$what/ignore-gfp-wait
	echo 0 >/sys/kernel/debug/$what/verbose
done
dmesg -n 1	# what fails on purpose warns; dmesg has it all the same
reports >before
./fuzz calls "$1" "$2" >log 2>&1
result $? "$2 random calls, seed $1"
./fuzz guests "$1" "$3" >log 2>&1
result $? "$3 runs of hostile guests, seed $1"
: >log
[ "$(cat /sys/module/vmm/refcnt)" = 0 ]
result $? "no VM is left"
rmmod vmm 2>log
result $? "the module can be unloaded"
if [ -f /sys/kernel/debug/kmemleak ]; then
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak >log
	[ ! -s log ]
	result $? "no memory leaked"
fi
reports >after
cmp -s before after
status=$?
[ $status = 0 ] && : >log || dmesg | tail -n 100 >log
result $status "the kernel reports nothing"
exit 0
