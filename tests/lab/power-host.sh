#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# power-host.sh WHAT: runs on the emulated host, see power.sh. Prints TAP without a plan.
count=0
result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else
		echo "not ok $count - $2"
		tail -n 5 ./*.err | sed 's/^/# /'
	fi
}

printf '\373\364\353\375' >idle.bin	# STI; HLT; again
printf '\364' >end.bin			# HLT, interrupts off: ends by itself
boot="--kernel vmlinuz --initrd initrd.gz --memory 192M --append console=ttyS0"

# guest NAME INPUT ARG...: runs in the background, recorded, on the CPUs in mask; its process is $NAME.
mask=f
guest() {
	name=$1 input=$2
	shift 2
	taskset $mask vmmtrace run -q --name "$name" "$@" -o "/out/$name.ndjson" <"$input" >"$name.out" 2>"$name.err" &
	eval "$name=$!"
}

# Guests that compute, that wait, and Linux, which does both; they run when this returns. The first
# stays on the CPU that is never unplugged: suspend and resume are all that it gets.
guests() {
	mkfifo busy.in
	mask=1 guest busy busy.in --flat busy.bin@0x10000 --memory 2M
	exec 3>busy.in
	guest idle /dev/null --flat idle.bin@0x1000 --memory 2M
	# shellcheck disable=SC2086
	guest linux /dev/null $boot
	until grep -q up busy.out && grep -q Linux linux.out; do
		sleep 0.1
	done
}

# ended NAME: whether the guest came to its own end.
ended() {
	eval "wait \$$1"
}

new_guest() {
	vmmtrace run -q --flat end.bin@0x1000 --memory 2M "$@" >new.out 2>new.err
}

# The host sleeps for two seconds; an emulator without a sleep wakes it at once.
host_sleeps() {
	dmesg -c >/dev/null
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	echo +2 >/sys/class/rtc/rtc0/wakealarm
	echo mem >/sys/power/state && dmesg | grep -q "Waking up from system sleep state S3"
	result $? "the host sleeps and wakes up"
}

# The initramfs that we came from, with another command; lab-init's configuration is its own.
write_initrd() {
	tr '\0' '\n' </lab/config | sed '/^arg=/d' >config
	printf 'arg=sh\narg=host.sh\narg=%s\n' "$1" >>config
	tr '\n' '\0' <config >/lab/config
	(cd / && find . -xdev ! -name vmlinuz ! -path './out/*' | cpio -o -H newc 2>/dev/null) >/tmp/initrd
}

case $1 in
sleep)
	guests
	host_sleeps
	new_guest
	result $? "a new guest runs after it"
	host_sleeps
	echo >&3
	for name in busy linux; do
		ended $name
		result $? "the guest $name goes on to its end"
	done
	kill -TERM "$idle"
	ended idle
	grep -q "stopped by" idle.err
	result $? "the guest that waits can be stopped"
	host_sleeps
	new_guest
	result $? "a guest runs after a sleep without guests"
	rmmod vmm
	result $? "the module can be unloaded"
	;;
kexec)
	guests
	write_initrd after-kexec
	./kexec vmlinuz /tmp/initrd
	result 1 "the next kernel starts"
	;;
after-*)
	new_guest -o /tmp/new.ndjson && vmmtrace verify /tmp/new.ndjson >>new.out 2>>new.err
	result $? "a guest runs in the kernel $1"
	rmmod vmm
	result $? "the module can be unloaded there"
	;;
reboot | poweroff)
	guests
	"$1" -f
	sleep 60
	;;
crash)
	write_initrd after-crash
	./kexec --panic vmlinuz /tmp/initrd
	result $? "a kernel for the crash is loaded"
	guests
	echo c >/proc/sysrq-trigger
	;;
esac
