#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs on the emulated host, see vm-calls.sh. Prints TAP without a plan.
count=0
result() { # OK NAME
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else
		echo "not ok $count - $2"
		sed 's/^/# /' err out | tail -n 5
		echo "# status $status"
	fi
}

# call NAME STATUS PATTERN ARG...: PATTERN is on stdout; or, with another status than 0, in one
# line on stderr, and stdout is empty.
call() {
	name=$1 want=$2 pattern=$3
	shift 3
	vmmtrace vm "$@" >out 2>err
	status=$?
	if [ "$want" = 0 ]; then
		[ $status = 0 ] && [ "$(wc -l <out)" = 1 ] && grep -q -e "$pattern" out
	else
		[ $status = "$want" ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "$pattern" err && [ ! -s out ]
	fi
	result $? "$name"
}

# IN, OUT of what was read, STI, HLT at the reset vector.
cat >lines <<'END'
{"call":"version"}
# a comment, and an empty line

{"call":"create","vcp_name":"shell","vcp_memranges":[{"vmr_size":"640K"},{"vmr_gpa":"0xfffff000","vmr_size":4096}]}
{"call":"load","gpa":"0xfffffff0","hex":"e5e0e7e1fbf4"}
{"call":"info"}
{"call":"reset"}
{"call":"run"}
{"call":"run","vrp_exit":{"vei":{"vei_data":"0x1234"},"vrs":{"vrs_gprs":{"rip":"+2"}}}}
{"call":"run","vrp_exit":{"vrs":{"vrs_gprs":{"rip":"+2"}}}}
{"call":"writeregs","vrwp_regs":{"vrs_gprs":{"rbx":"0x42"}}}
{"call":"readregs","vrwp_mask":1}
{"call":"save","gpa":"0xfffffff0","size":8}
{"call":"intr","vip_intr":true}
{"call":"writeparams","vpp_pvclock_system_gpa":"0x1001"}
{"call":"readparams"}
{"call":"mprotect","vmep_sgpa":"0x1000","vmep_size":4096,"vmep_prot":1}
{"call":"sharemem"}
{"call":"term"}
{"call":"run"}
{"call":"nonsense"}
{"call":"run","vrp_foo":1}
{"call":
{"call":"load","file":"/nowhere/file"}
END
vmmtrace vm batch lines >/out/batch 2>err
status=$?
[ $status = 2 ] && [ ! -s err ]
result $? "a batch goes on after errors, and its status is that of the worst"
head -n 17 lines | vmmtrace vm batch >out 2>err
status=$?
[ $status = 0 ] && [ "$(wc -l <out)" = 15 ]
result $? "a batch without errors, from standard input: status 0"
printf '{"call":"term","vtp_vm_id":99}\n{"call":"info"}\n' >lines
vmmtrace vm batch -e lines >out 2>err
status=$?
[ $status = 1 ] && [ "$(wc -l <out)" = 1 ]
result $? "with -e it ends at the first"

# One call at a time, on a descriptor of the shell's.
exec 3<>/dev/vmm
echo '{"vcp_name":"held","vcp_memranges":[{"vmr_size":4096}]}' >create
call "create, from a file" 0 '"vcp_id":3' create --fd 3 @create
call "info sees it from another process" 0 '"held"' info
call "reset" 0 '{}' reset --fd 3 '{"vrp_vm_id":3}'
call "readregs" 0 '"rip":"0xfff0"' readregs --fd 3 '{"vrwp_vm_id":3}'
call "run is for the process that made it" 1 'EPERM.*batch' run --fd 3 '{"vrp_vm_id":3}'
call "term on another descriptor" 1 'EPERM.*--fd' term '{"vtp_vm_id":3}'
call "term, from standard input" 0 '{}' term --fd 3 - <<'END'
{"vtp_vm_id":3}
END
call "term again" 1 'ENOENT.*info' term --fd 3 '{"vtp_vm_id":3}'
exec 3>&-
vmmtrace vm create @create >out 2>err
status=$?
[ $status = 0 ] && grep -q '"vcp_id":4' out && grep -q "ends now" err
result $? "create without --fd says that its VM is gone"
call "it is gone" 0 '"vip_info":\[\]' info

exec 3<>/dev/vmm
call "limit lowers what is given" 0 '"vl_memory":1048576,"vl_vms":4294967295' limit --fd 3 '{"vl_memory":"1M"}'
call "and tells what is set" 0 '"vl_memory":1048576' limit --fd 3
call "create beyond it" 1 'EDQUOT.*vmmtrace vm limit' create --fd 3 '{"vcp_memranges":[{"vmr_size":"2M"}]}'
call "limit for a user" 0 '"vl_uid":1000' limit --fd 3 '{"vl_uid":1000}'
call "and then for another" 1 "EPERM.*another user's" limit --fd 3 '{"vl_uid":1001}'
exec 3>&-

call "create of nothing" 1 'EINVAL.*ranges' create
call "a descriptor of something else" 1 'descriptor 0.*not /dev/vmm' info --fd 0 </dev/null
call "a descriptor that is none" 1 'descriptor 77.*not /dev/vmm' info --fd 77
call "no call" 2 'name a call'
call "a call that is none" 2 'frobnicate' frobnicate
call "an option that is none" 2 '-x' info -x
call "--fd without a number" 2 'number' info --fd x
call "what is no JSON" 2 'JSON' info '{'
call "what is no object" 2 'object' info '[]'
call "a member that is none" 2 'vip_foo' info '{"vip_foo":1}'
call "a file that is not there" 2 '/nowhere' info @/nowhere
as_user 65534 "" vmmtrace vm info >out 2>err
status=$?
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q permission err
result $? "no permission"
count=$((count + 1))
[ "$(cat /sys/module/vmm/refcnt)" = 0 ] && echo "ok $count - no VM is left" || echo "not ok $count - no VM is left"
