#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on the emulated host, see record.sh. Prints TAP without a plan.
count=0
result() { # OK NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else
		echo "not ok $count - $2"
		sed 's/^/# /' err | tail -n 5
		echo "# status $status"
	fi
}

# record ARG...: status, out and err of it.
record() {
	vmmtrace record "$@" >out 2>err
	status=$?
}

# bad NAME STATUS PATTERN COMMAND...: one line on stderr has PATTERN.
bad() {
	name=$1 want=$2 pattern=$3
	shift 3
	"$@" >out 2>err </dev/null
	status=$?
	[ $status = "$want" ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "$pattern" err
	result $? "$name"
}

# The exits that a VM took, by its name.
exits_of() { vmmtrace list --json | sed -n "/\"name\": \"$1\"/,/}/s/.*\"exits\": \([0-9]*\).*/\1/p"; }

# until_exits NAME N: it has taken that many.
until_exits() {
	while exits=$(exits_of "$1"); [ "${exits:-0}" -lt "$2" ]; do
		sleep 0.1
	done
}

printf '\346\355\353\374' >storm.bin	# OUT 0xed, AL; JMP to it
printf '\017\242\353\374' >cpuid.bin	# CPUID; JMP to it
printf '\364' >hlt.bin			# HLT, interrupts off: ends by itself
guest() { # NAME IMAGE ARG...
	name=$1 image=$2
	shift 2
	vmmtrace run -q --name "$name" --flat "$image@0x1000" --memory 2M "$@" >/dev/null 2>&1 </dev/null &
}

# ---- list ----

vmmtrace list >out 2>err
status=$?
[ $status = 0 ] && [ ! -s out ] && grep -q "no VM" err
result $? "list without VMs"

# The first VM's exits are the first of the emulator's log. It is recorded by its own run, too.
guest storm storm.bin -o /out/full.ndjson
storm=$!
until_exits storm 100
vmmtrace list >out 2>err
status=$?
[ $status = 0 ] && grep -q "^ *1 storm  *1  *2  .* $storm vmmtrace run -q --name storm" out
result $? "list shows a VM, its exits and its process"
vmmtrace list --json >/out/list.json 2>err
status=$?
[ $status = 0 ]
result $? "list --json"
as_user 65534 /dev/vmm vmmtrace list --json >out 2>err
status=$?
[ $status = 0 ] && [ "$(cat out)" = "[]" ]
result $? "list shows a plain user no VM of others"

# ---- attach and detach ----

record -o /out/a.ndjson -o /out/a.json --vm storm --for 300ms
[ $status = 0 ] && grep -q "^vm 1 \"storm\": .* exits since then, runs on" err && grep -q " 0 lost" err
result $? "attached by name in mid-run, for a time"
record --json -o /out/b.ndjson --vm 1 --for 300ms
[ $status = 0 ]
result $? "attached by id, a second time"
cp out /out/b.summary
vmmtrace record -q -o /out/c.ndjson -p $storm >out 2>err &
pid=$!
until grep -q '"ev":"exit"' /out/c.ndjson 2>/dev/null; do sleep 0.1; done
kill -INT $pid
wait $pid
status=$?
[ $status = 0 ] && [ ! -s err ]
result $? "attached by process, ended by SIGINT"
vmmtrace record -q -o /tmp/killed.ndjson -a >out 2>err &
pid=$!
until grep -q '"ev":"exit"' /tmp/killed.ndjson 2>/dev/null; do sleep 0.1; done
kill -KILL $pid
wait $pid 2>/dev/null
vmmtrace verify --repair /tmp/killed.ndjson >out 2>err
status=$?
[ $status = 0 ] && until_exits storm $(($(exits_of storm) + 100))
result $? "a recorder that is killed: its file can be repaired, the VM runs on"

# Losses at attach, in the midst and at detach.
i=0
while [ $i -lt 8 ]; do
	i=$((i + 1))
	record -q --ring-size 4K -o /out/tiny$i.ndjson -o /out/tiny$i.json --vm storm --for 100ms
	[ $status = 0 ] || break
done
result $status "rings of the least size"
record -q -f class=io_out -o /out/filter.ndjson --vm storm --for 300ms
[ $status = 0 ]
result $? "with a filter"
record -q -f class=cpuid -o /out/none.ndjson --vm storm --for 300ms
[ $status = 0 ]
result $? "with a filter that nothing meets"

# ---- parts ----

record -o /out/time.ndjson -o /out/time.json --vm storm --for 2s --rotate 400ms
[ $status = 0 ] && grep -q "files of each output" err && ls /out/time.0003.json >>out 2>>err
result $? "a new file every 400 ms"
record -q -o /out/size.ndjson --vm storm --for 3s --rotate 128K
[ $status = 0 ] && ls /out/size.0002.ndjson >>out 2>>err
result $? "a new file every 128 KiB"
record -q -o /tmp/keep.ndjson.gz --vm storm --for 2s --rotate 200ms --keep 2
ls /tmp/keep* >out
[ $status = 0 ] && [ "$(wc -l <out)" = 4 ] && vmmtrace verify /tmp/keep.*.ndjson.gz >>out 2>>err &&
	! grep -q "keep.0001" out
result $? "of these the newest two are kept"

# ---- two VMs ----

guest other cpuid.bin
other=$!
until_exits other 100
record -q -o /out/both.ndjson -o /out/both.json -a --for 500ms
[ $status = 0 ]
result $? "two VMs into one file"
record -q -o /out/other.ndjson --vm other --for 300ms
[ $status = 0 ]
result $? "one of two"
vmmtrace record -q -o /out/ends.ndjson --vm other >out 2>err &
pid=$!
until grep -q '"ev":"exit"' /out/ends.ndjson 2>/dev/null; do sleep 0.1; done
kill $other
wait $pid
status=$?
[ $status = 0 ] && [ ! -s err ]
result $? "the recording ends with the VM"
kill $storm
wait $storm

# ---- a command ----

record -o /out/command.ndjson -- sh -c 'vmmtrace run -q --flat hlt.bin@0x1000 --memory 2M; exit 7'
[ $status = 7 ] && grep -q "exits from the first on, ended" err
result $? "a command's status is passed on, and its VM recorded from the first exit"
record -q -o /out/three.ndjson -- sh -c 'for i in 1 2 3; do
	vmmtrace run -q --name "three $i" --flat storm.bin@0x1000 --memory 2M --max-exits 20000 &
	done; wait'
[ $status = 0 ]
result $? "three VMs of a command's children"
guest stranger cpuid.bin
stranger=$!
until_exits stranger 1
record -q -o /out/alone.ndjson -- vmmtrace run -q --name own --flat hlt.bin@0x1000 --memory 2M
[ $status = 0 ]
result $? "others' VMs are not recorded"
kill $stranger
wait $stranger
record -q -o /out/no-vm.ndjson -- true
[ $status = 0 ]
result $? "a command without VMs"
# shellcheck disable=SC2016
record -q -o /out/signal.ndjson -- sh -c 'kill -KILL $$'
[ $status = 137 ]
result $? "a command that a signal ends"
bad "a command that is not there" 127 "nonesuch: cannot be started" \
	vmmtrace record -q -o /tmp/x.ndjson -- nonesuch

# ---- conditions ----

guest_for() { # ARG...: record the guest with the marks
	record -q "$@" -- sh -c 'vmmtrace run -q --name marks --flat marks.bin@0x100000 --memory 4M \
		--max-exits 3000; true'
}
guest_for -o /out/marks.ndjson
[ $status = 0 ]
result $? "a guest that marks"
guest_for -o /out/start.ndjson -o /out/start.json --start-when mark=0x1234 --stop-when mark=0x5678
[ $status = 0 ]
result $? "from a mark to another"
guest_for -o /out/before.ndjson --start-when mark=0x5678 --before 1h
[ $status = 0 ]
result $? "from a mark, and an hour before it"
guest_for -o /out/stop.ndjson --stop-when class=cpuid#200
[ $status = 0 ]
result $? "up to the 200th exit of a class"
guest_for -o /out/never.ndjson --start-when 'event=exit,guest>1000s'
[ $status = 3 ] && grep -q "not met" err
result $? "a condition that is not met"
guest still cpuid.bin
still=$!
until_exits still 100
record -o /out/run.ndjson -o /out/run.json --vm still --start-when 'class=cpuid#2000' \
	--before 100ms --for 300ms
[ $status = 0 ]
result $? "a running VM, from the 2000th exit on, and what came before"
record -q -o /out/cycle.ndjson --vm still --start-when 'class=cpuid#1000' --for 1s --rotate 300ms
[ $status = 0 ]
result $? "with files that follow each other"
kill $still
wait $still

# ---- bad input ----

guest storm storm.bin
storm=$!
until_exits storm 10
bad "no such VM" 1 "no VM nobody" vmmtrace record -o /tmp/x.ndjson --vm nobody
bad "no such id" 1 "no VM 99" vmmtrace record -o /tmp/x.ndjson --vm storm --vm 99
bad "a process without VMs" 1 "process 1 has no VM" vmmtrace record -o /tmp/x.ndjson -p 1
bad "an output that cannot be written" 1 "/nowhere/x.json" vmmtrace record -o /nowhere/x.json -a
bad "no permission to open /dev/vmm" 1 "permission" \
	as_user 65534 "" vmmtrace record -o /tmp/y.ndjson -a
bad "no permission to list" 1 "permission" as_user 65534 "" vmmtrace list
bad "no permission to record" 1 "CAP_BPF" as_user 65534 /dev/vmm vmmtrace record -o /tmp/y.ndjson -a

mkdir /tmp/small
mount -t tmpfs -o size=200k none /tmp/small
record -q -o /tmp/small/full.ndjson -o /out/beside.ndjson --vm storm --for 2s
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'full.ndjson: No space' err
result $? "a disk that fills up: one line, and the other output goes on"
mv /tmp/small/full.ndjson /tmp/full.ndjson
vmmtrace verify --repair /tmp/full.ndjson >out 2>err
status=$?
[ $status = 0 ]
result $? "what fitted can be repaired"
rm /tmp/small/*
record -q -o /tmp/small/full.ndjson --vm storm
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ]
result $? "the only output fails: the recording ends"
kill $storm
wait $storm
[ "$(cat /sys/module/vmm/refcnt)" = 0 ]
result $? "nothing is left behind"
rmmod vmm
bad "no module" 1 "modprobe vmm" vmmtrace record -o /tmp/x.ndjson -a
bad "nor is there one to list from" 1 "modprobe vmm" vmmtrace list
