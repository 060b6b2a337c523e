#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmmtrace lab keeps its promises: output, files and status come back whole; crashes and time-outs
# are told apart from the command's failure; deterministic runs are equal.
#
# Needs only the emulators and a host kernel (./dev setup), not vmm.ko.
# LAB_SELFTEST_CPUS="amd" leaves the slower Bochs hosts out.
# shellcheck disable=SC2016 # the quoted commands are for other shells

vmmtrace=${VMMTRACE:-./vmmtrace}
helpers=${LAB_SELFTEST_HELPERS:-tests/lab}
cpus=${LAB_SELFTEST_CPUS:-amd intel amd-bochs}
if [ ! -f "${VMMTRACE_CACHE:-${srcdir:-.}/.cache}/lab/${VMMTRACE_KRELEASE:-none}/vmlinuz" ]; then
	echo "1..0 # SKIP no kernel for the emulated hosts: ./dev setup"
	exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/lab-selftest.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tmp"
count=0

# check NAME COMMAND...: one result, true if COMMAND is.
check() {
	name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$dir/err" 2>/dev/null | tail -n 30
	fi
}

# lab ARG...: runs it; output in $dir/out.txt and $dir/err, status in $status.
lab() {
	TMPDIR=$dir/tmp "$vmmtrace" lab "$@" >"$dir/out.txt" 2>"$dir/err"
	status=$?
}

status_is() { [ "$status" = "$1" ]; }
output_is() { [ "$(cat "$dir/out.txt")" = "$1" ]; }
error_is_one_line() { [ "$(wc -l <"$dir/err")" = 1 ] && grep -q "$1" "$dir/err"; }
error_has() { grep -q "$1" "$dir/err"; }
nothing_left() { [ -z "$(ls -A "$dir/tmp")" ]; }
differ() { [ -s "$1" ] && [ -s "$2" ] && ! cmp -s "$1" "$2"; }
equal() { [ -s "$1" ] && cmp "$1" "$2"; }

usage_errors() {
	lab --help
	check "--help: status 0" status_is 0
	check "--help tells every option of the synopsis" sh -c 'for o in cpu smp memory deterministic \
		host-kernel add emulator-arg out timeout console module exit-log; do
		grep -q -e "--$o" "$1" || exit 1; done' sh "$dir/out.txt"
	while read -r args; do
		# shellcheck disable=SC2086
		lab $args
		check "usage error: $args" status_is 2
		check "one line about: $args" error_is_one_line .
	done <<-END
		-- true
		--cpu 8086 -- true
		--cpu amd
		--cpu amd --smp 0 -- true
		--cpu amd --smp two -- true
		--cpu amd --memory 1 -- true
		--cpu amd --timeout -1 -- true
		--cpu amd --no-such-option -- true
		--cpu amd --deterministic --smp 2 -- true
		--cpu intel --smp 2 --deterministic -- true
	END
	lab --cpu amd --add "$dir/missing" -- true
	check "--add of what is not there: status 1" status_is 1
	check "and one line" error_is_one_line missing
	lab --cpu amd --host-kernel "$0" -- true
	check "--host-kernel of what is no kernel: status 1" status_is 1
	check "and one line" error_is_one_line "not a Linux kernel"
	lab --cpu amd --no-vmm --module no_such_module -- true
	check "--module that is not there: status 1" status_is 1
	check "and one line" error_is_one_line no_such_module
}

# What a command writes and how it ends. $1: --cpu
plain_run() {
	head -c 3000000 "$vmmtrace" >"$dir/payload"
	lab --cpu "$1" --no-vmm --add "$dir/payload:data/in" --out "$dir/o.$1" -- sh -c '
		id -u; echo to stderr >&2
		mkdir -p "/out/a b/c"; cp data/in "/out/a b/c/copy"; : >/out/empty
		echo "#!/bin/sh" >/out/script; chmod +x /out/script
		ln -s /etc/passwd /out/link
		sleep 1000 & exit 42'
	check "$1: the command's status" status_is 42
	check "$1: its standard output, as root" output_is 0
	check "$1: its standard error" error_has "^to stderr$"
	check "$1: a file of 3 MB comes back whole" cmp -s "$dir/payload" "$dir/o.$1/a b/c/copy"
	check "$1: an empty file comes back" test -f "$dir/o.$1/empty" -a ! -s "$dir/o.$1/empty"
	check "$1: an executable one stays that" test -x "$dir/o.$1/script"
	check "$1: a link is left behind" test ! -e "$dir/o.$1/link" -a ! -L "$dir/o.$1/link"
	check "$1: and that is said" error_has "/out/link is neither"
	check "$1: no temporary files stay" nothing_left
}

# The host is what was asked for, and programs bring their libraries.
host_options() {
	lab --cpu amd --no-vmm --smp 2 --memory 512M --module kvm-amd --append mitigations=off \
		--add "$(command -v bash)" -- sh -c 'nproc; [ -c /dev/kvm ] && echo kvm
		grep -ow mitigations=off /proc/cmdline; ./bash -c "echo \$BASH_VERSION"
		[ "$(sed -n "s/MemTotal: *\([0-9]*\) kB/\1/p" /proc/meminfo)" -lt 524288 ] && echo small
		grep -qw svm /proc/cpuinfo && echo svm
		for d in /proc /sys /tmp /sys/kernel/tracing /sys/kernel/debug /sys/fs/bpf; do
			grep -q " $d " /proc/mounts || echo "$d is not mounted"; done'
	check "--smp, --module, --append, --add, --memory and mounts" output_is "2
kvm
mitigations=off
$("$(command -v bash)" -c 'echo $BASH_VERSION')
small
svm"
	check "status 0" status_is 0
	lab --cpu amd --no-vmm -- no-such-command
	check "a command that is not there: status 127, as in a shell" status_is 127
	lab --cpu amd --no-vmm -- sh -c 'kill -9 $$'
	check "a command killed by signal 9: status 137" status_is 137
}

bad_ends() {
	lab --cpu amd --no-vmm -- sh -c 'echo before; echo c >/proc/sysrq-trigger; sleep 100'
	check "a host that crashes: status 1" status_is 1
	check "one line says so" error_has "^vmmtrace lab: the emulated host crashed: .*sysrq"
	check "what the command wrote before is there" output_is before
	lab --cpu amd --no-vmm --timeout 3 -- sleep 1000
	check "time-out: status 1" status_is 1
	check "and said" error_has "no end after 3 s"
	lab --cpu amd --no-vmm --emulator-arg -no-such-option -- true
	check "an emulator that does not start: status 1" status_is 1
	check "its own words are shown" error_has no-such-option
	lab --cpu amd --no-vmm --module kvm-intel -- true
	check "a module that the host refuses: status 1" status_is 1
	check "and which" error_has "kvm-intel.ko did not load"
	lab --cpu amd --no-vmm -- sh -c 'echo "<0>BUG: planted" >/dev/kmsg'
	check "a kernel that found a bug in itself: status 1" status_is 1
	check "and its words" error_has "broken: .*BUG: planted"
	lab --cpu amd --no-vmm -- sh -c 'echo "<3>WARNING: CPU: planted" >/dev/kmsg; exit 5'
	check "a kernel that warned: the command's status" status_is 5
	check "and its words" error_is_one_line "warned .*planted"
	check "no temporary files stay" nothing_left
}

# The output appears while the command runs; TERM ends all.
interrupted() {
	mkfifo "$dir/fifo"
	TMPDIR=$dir/tmp "$vmmtrace" lab --cpu amd --no-vmm -- sh -c 'echo ready; sleep 1000' \
		>"$dir/fifo" 2>"$dir/err" &
	pid=$!
	read -r line <"$dir/fifo"
	check "output appears while the command runs" test "$line" = ready
	emulators=$(pgrep -P "$pid")
	check "an emulator runs" test -n "$emulators"
	kill -TERM "$pid"
	wait "$pid"
	status=$?
	check "ended by TERM: status 143" status_is 143
	# shellcheck disable=SC2086
	check "the emulator is gone" sh -c '! kill -0 "$@" 2>/dev/null' sh $emulators
	check "no temporary files stay" nothing_left
}

# Equal commands give equal runs, down to the last tick. $1: --cpu
deterministic() {
	for i in 1 2; do
		lab --cpu "$1" --no-vmm --deterministic --add "$helpers/clocks" --out "$dir/d$i" -- sh -c '
			clocks; clocks >/out/1; sleep 1; clocks >/out/2; ls -lai / >/out/ls; dmesg >/out/dmesg'
		check "$1: deterministic run $i" status_is 0
		mv "$dir/out.txt" "$dir/out$i.txt"
		# The second time, the machine is busier and the time of day another.
		sleep 1
	done
	check "$1: equal standard output" equal "$dir/out1.txt" "$dir/out2.txt"
	check "$1: equal files" diff -r "$dir/d1" "$dir/d2"
	check "$1: with the kernel's log among them" test -s "$dir/d1/dmesg"
	check "$1: time goes on within a run" differ "$dir/d1/1" "$dir/d1/2"
	rm -rf "$dir/d1" "$dir/d2"
}

exit_log() {
	lab --cpu amd --no-vmm --module kvm-amd --add "$helpers/kvm_cpuid" --exit-log "$dir/exits" \
		-- kvm_cpuid
	check "a guest under KVM, with --exit-log: status 0" status_is 0
	# AMD APM volume 2, appendix C: 72h is CPUID, 7Bh is IOIO.
	check "20 exits for CPUID" test "$(grep -c '^EXIT code=0x72 ' "$dir/exits")" = 20
	check "one exit for OUT" test "$(grep -c '^EXIT code=0x7b ' "$dir/exits")" = 1
	check "as many entries as exits" test "$(grep -c ^EXIT "$dir/exits")" = \
		"$(grep -c ^ENTRY "$dir/exits")"
	check "nothing else in it" sh -c '! grep -qvE "^(EXIT|ENTRY|INJECT)( [a-z0-9]+=[0-9A-Za-z]+)+$" "$1"' sh "$dir/exits"
}

if ! command -v qemu-system-x86_64 >/dev/null; then
	echo "1..0 # SKIP no emulators here; run ./dev setup"
	exit 0
fi
lab --cpu amd --no-vmm --timeout 300 -- true
if grep -q "dev setup" "$dir/err"; then
	echo "1..0 # SKIP $(sed 's/^vmmtrace lab: //' "$dir/err")"
	exit 0
fi
check "a host boots" status_is 0
usage_errors
host_options
bad_ends
interrupted
exit_log
for cpu in $cpus; do
	plain_run "$cpu"
	deterministic "$cpu"
done
echo "1..$count"
