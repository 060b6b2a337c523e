#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on the emulated host, see top.sh. Prints TAP without a plan.
count=0
result() { # OK NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else
		echo "not ok $count - $2"
		tail -n 5 err out | sed 's/^/# /'
	fi
}
# until_true COMMAND...: waits for it, and says whether it came true.
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || return 1
		sleep 0.1
	done
}
has() { grep -q -e "$1" "$2" 2>/dev/null; }

vmmtrace top --batch -n 2 -d 0.05 >out 2>err
[ $? = 0 ] && [ "$(grep -c '^no VM that you may see; waiting$' out)" = 2 ]
result $? "without VMs --batch says so, and ends after as many refreshes as were wanted"
vmmtrace top --json -n 1 -d 0.05 >out 2>err
[ $? = 0 ] && grep -q '"vms":\[\]' out
result $? "so does --json"

call() {
	echo "$1" >&3
	read -r answer <&4
}

# guest NAME N COMMAND...: with COMMAND as vmmtrace vm batch, once top has seen the VM, N (in hex,
# low byte first) times CPUID of leaf 0, three OUTs, STI, HLT. It stays until it is told to end.
guest() {
	name=$1 code=bf${2}6631c00fa24f75f8e680e6ede680fbf4 stepped=',"vrp_exit":{"vrs":{"vrs_gprs":{"rip":"+2"}}}'
	shift 2
	mkfifo "/tmp/$name.in" "/tmp/$name.out"
	"$@" <"/tmp/$name.in" >"/tmp/$name.out" &
	exec 3>"/tmp/$name.in" 4<"/tmp/$name.out"
	call "{\"call\":\"create\",\"vcp_name\":\"$name\",\"vcp_ncpus\":2,\"vcp_memranges\":[{\"vmr_gpa\":\"0xfffff000\",\"vmr_size\":\"4K\"}]}"
	until_true has "\"name\":\"$name\"" "/tmp/$name.seen" || return
	call "{\"call\":\"load\",\"gpa\":\"0xfffff000\",\"hex\":\"$code\"}"
	call '{"call":"load","gpa":"0xfffffff0","hex":"e90df0"}'
	call '{"call":"reset"}'
	next=
	while :; do		# RUN may return without an exit, too
		call "{\"call\":\"run\"$next}"
		case $answer in
		*'"exit":"hlt"'*) break ;;
		*'"exit":"io_out"'*) next=$stepped ;;
		*'"error"'*) break ;;
		*) next= ;;
		esac
	done
	echo "$answer" >"/tmp/$name.ran"
	until_true [ -e "/tmp/$name.end" ]
	exec 3>&-
	wait
}

# Root sees all; the user, who has no capabilities, what is his own.
ln -s /out/root.ndjson /tmp/one.seen
ln -s /out/user.ndjson /tmp/two.seen
vmmtrace top --json -d 0.05 >/out/root.ndjson 2>err &
root=$!
as_user 65534 /dev/vmm sh -c 'exec vmmtrace top --json -d 0.05' >/out/user.ndjson 2>err.user &
user=$!
until_true [ -s /out/root.ndjson ] && until_true [ -s /out/user.ndjson ]
guest one e803 vmmtrace vm batch 2>err &
one=$!
until_true has '"exit":"hlt"' /tmp/one.ran
result $? "the first guest ran"
guest two f401 as_user 65534 /dev/vmm vmmtrace vm batch 2>err.two &
two=$!
until_true has '"exit":"hlt"' /tmp/two.ran
result $? "and the second one, of a user without privileges"

vmmtrace top --batch -n 1 -d 0.1 >/out/batch 2>err
result $? "--batch"
vmmtrace top --batch -1 -s count -n 1 -d 0.1 --vm two >/out/batch.two 2>err
result $? "--batch of one VM, by name"
vmmtrace top --batch -c -n 1 -d 0.1 --vm 1 >/out/batch.1 2>err
result $? "and by id"
touch /tmp/one.end /tmp/two.end
wait $one $two
until_true has '"name":"one","ended":true' /out/root.ndjson &&
	until_true has '"name":"two","ended":true' /out/root.ndjson &&
	until_true has '"name":"two","ended":true' /out/user.ndjson
result $? "VMs that ended are told to have, once more"
kill $root
wait $root
result $? "SIGTERM ends it with status 0"
kill $user
wait $user
result $? "the user's too"

vmmtrace top --json >/dev/full 2>err -d 0.05 -n 3
[ $? = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "standard output: No space" err
result $? "a full disk is told"
vmmtrace top >out 2>err </dev/null
[ $? = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "--batch" err
result $? "without a terminal it says what to use"
rmmod vmm
result $? "nothing holds the module"
