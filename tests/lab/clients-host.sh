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

for memory in kernel caller; do
	run ./reset $memory
	run ./flat64 $memory
	run ./inject $memory
	run ./protect $memory
	run ./share $memory fork
	run ./share $memory pass
done
count=$((count + 1))
if [ "$(cat /sys/module/vmm/refcnt)" = 0 ]; then
	echo "ok $count - no VM is left"
else
	echo "not ok $count - no VM is left"
fi
