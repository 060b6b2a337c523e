#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on the emulated host, see kvm.sh: records KVM's guests, and has ftrace tell of the same.
tracing=/sys/kernel/tracing
echo 32768 >$tracing/buffer_size_kb
echo 0 >$tracing/trace

# told NAME COMMAND...: what ftrace tells of KVM meanwhile goes to /out/NAME.ftrace.
told() {
	name=$1
	shift
	for event in exit entry page_fault inj_virq userspace_exit; do
		echo 1 >$tracing/events/kvm/kvm_$event/enable
	done
	"$@" 2>"/out/$name.err"
	echo $? >"/out/$name.status"
	echo 0 >$tracing/events/kvm/enable
	cat $tracing/trace >"/out/$name.ftrace"
	echo 0 >$tracing/trace
}

record() { # NAME ARG...
	name=$1
	shift
	told "$name" vmmtrace record --kvm -o "/out/$name.ndjson" -o "/out/$name.json" "$@"
}

# Fields of the guest's processes, and how many times the kernel's log complains.
status_of() {
	"$@" >/out/status.out 2>/out/status.err
	echo $?
}

case $1 in
one) # The first: all VM exits of this host are in the emulator's log.
	record one -- ./kvm_guest 10
	;;
many)
	record many -- ./kvm_guest -c 2 -v 3 10
	record filtered -f 'class=cpuid|io_in' -- ./kvm_guest 5
	record lost --ring-size 4K -- sh -c './kvm_guest 60 & wait'

	# A process that has its VM already; another's are none of it.
	mkfifo go
	./kvm_guest -w 5 <go &
	pid=$!
	exec 3>go
	until ls -l /proc/$pid/fd | grep -q kvm-vcpu; do sleep 0.1; done
	vmmtrace list >/out/list
	vmmtrace list --json >/out/list.json
	(
		# Until its programs are attached: 18 on AMD.
		until pidof vmmtrace >recorder &&
			[ "$(ls -l "/proc/$(cat recorder)/fd" | grep -c bpf_link)" -ge 18 ]; do
			sleep 0.2
		done
		sleep 1
		./kvm_guest 3
		echo >&3
	) &
	record found -p $pid
	wait

	status_of vmmtrace record --kvm -p 999999 -o /out/none.json >/out/nobody.status
	cp /out/status.err /out/nobody.err
	rmmod kvm_amd kvm
	status_of vmmtrace record --kvm -a -o /out/none.json >/out/nokvm.status
	cp /out/status.err /out/nokvm.err
	;;
qemu) # A guest of QEMU's: what list calls it, and its exits.
	set -- ./qemu-system-x86_64 -L /root -name guest=fred,debug-threads=on -accel kvm -M pc -m 16 \
		-nodefaults -display none -bios bios.bin -device isa-debug-exit,iobase=0xf4,iosize=1
	record qemu -- "$@"
	"$@" -S &
	until vmmtrace list 2>/dev/null >/out/list; do sleep 1; done
	kill $!
	;;
esac
dmesg | grep -A25 -E "WARNING: CPU|BUG:|Oops" >/out/dmesg || :
