#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On the emulated host: host.sh SEED CALLS RUNS, see fuzz.sh. Prints TAP without a plan.
count=0
debug=/sys/kernel/debug
result() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
	sed 's/^/# /' log
}

# A page fault that runs out of memory, as it does where it is made to, comes again, and tells so.
report='BUG:|KASAN|UBSAN|WARNING:|Oops|INFO: |possible |general protection|leaked|stall'
report="$report|kmemleak: [0-9]+ new"
reports() { dmesg | grep -E "$report" | grep -v 'VM_FAULT_OOM leaked out'; }
nothing_new() { # NAME
	reports >after
	: >log
	cmp -s before after || dmesg | tail -n 200 >log
	[ ! -s log ]
	result $? "the kernel reports nothing$1"
}

# Pages that the calls took, by page_owner=on; not what lies there for the kernel's own purposes.
lost_pages() {
	awk -v RS= '/(vmm_ioctl|vmm_mmap|mem_fault)\+.*\[vmm\]/ &&
		!/slab|kasan_|stack_depot|pte_alloc|vmap_|_alloc_kernel|kmemleak/' $debug/page_owner
}
pinned_pages() {
	awk '/^nr_foll_pin_acquired/ { n += $2 } /^nr_foll_pin_released/ { n -= $2 }
		END { print n + 0 }' /proc/vmstat
}

mount -t debugfs debugfs $debug 2>/dev/null
# Where the kernel can let allocations and copies fail: also those that may sleep, those of single
# pages, and quietly.
for what in failslab fail_page_alloc fail_usercopy; do
	[ -d $debug/$what ] || continue
	for no in ignore-gfp-wait ignore-gfp-highmem; do
		[ ! -f $debug/$what/$no ] || echo N >$debug/$what/$no
	done
	[ ! -f $debug/$what/min-order ] || echo 0 >$debug/$what/min-order
	echo 0 >$debug/$what/verbose
done
dmesg -n 1	# what fails on purpose warns; dmesg has it all the same
reports >before
./fuzz calls "$1" "$2" >log 2>&1
result $? "$2 random calls, seed $1"
nothing_new " of the calls"
./fuzz guests "$1" "$3" >log 2>&1
result $? "$3 runs of hostile guests, seed $1"
nothing_new " of the guests"
[ "$(cat /sys/module/vmm/refcnt)" = 0 ]
result $? "no VM is left"
pinned_pages >log
[ "$(cat log)" = 0 ] && : >log
result $? "no page is pinned"
if grep -q page_owner=on /proc/cmdline; then
	lost_pages >log
	[ ! -s log ]
	result $? "no page is lost"
fi
rmmod vmm 2>log
result $? "the module can be unloaded"
if [ -f $debug/kmemleak ]; then
	echo "kmemleak is off" >log
	echo scan >$debug/kmemleak && sleep 6 && echo scan >$debug/kmemleak &&
		cat $debug/kmemleak >log
	[ ! -s log ]
	result $? "no memory leaked"
fi
: >log
if [ -f /proc/lockdep_stats ]; then
	grep -q 'debug_locks: *1' /proc/lockdep_stats
	result $? "locks were watched to the end"
fi
nothing_new ""
exit 0
