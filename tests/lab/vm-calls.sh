#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmmtrace vm: each call from the shell, on an emulated AMD host.
. "${srcdir:-.}/tests/lab/common.sh"
need amd python3

"$vmmtrace" lab --cpu amd --out "$dir/out" --add tests/lab/as_user \
	--add "${srcdir:-.}/tests/lab/vm-calls-host.sh:/root/host.sh" -- sh host.sh \
	>"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" ran_to_its_end

# answer LINE EXPRESSION: what the batch answered on that line, as a; Python says whether it is right.
answer() {
	check "batch, line $1: $2" python3 -c '
import json, sys
a = json.loads(open(sys.argv[1]).read().splitlines()[int(sys.argv[2]) - 1])
sys.exit(not eval(sys.argv[3]))' "$dir/out/batch" "$1" "$2"
}
answer 1 'a["call"] == "version" and a["vv_isa"] == 2'
answer 2 'a["call"] == "create" and a["vcp_id"] == 1 and len(a["vcp_memranges"]) == 2'
answer 3 'a == {"call": "load", "size": 6}'
answer 4 '[v["vir_name"] for v in a["vip_info"]] == ["shell"]'
answer 4 'a["vip_info"][0]["vir_vcpu_state"] == ["stopped"]'
answer 5 'a == {"call": "reset"}'
answer 6 'a["exit"] == "io_in" and a["vrp_exit"]["vei"]["vei_port"] == "0xe0"'
answer 6 'a["vrp_exit"]["vrs"]["vrs_gprs"]["rip"] == "0xfff0" and "vee" not in a["vrp_exit"]'
answer 7 'a["exit"] == "io_out" and a["vrp_exit"]["vei"]["vei_data"] == "0x1234"'
answer 8 'a["exit"] == "hlt" and a["vrp_irqready"] is True and "vei" not in a["vrp_exit"]'
answer 9 'a == {"call": "writeregs"}'
answer 10 'list(a["vrwp_regs"]) == ["vrs_gprs"]'
answer 10 'a["vrwp_regs"]["vrs_gprs"]["rbx"] == "0x42" and a["vrwp_regs"]["vrs_gprs"]["rax"] == "0x1234"'
answer 11 'a == {"call": "save", "size": 8, "hex": "e5e0e7e1fbf40000"}'
answer 12 'a == {"call": "intr"}'
answer 13 'a == {"call": "writeparams"}'
answer 14 'a["vpp_pvclock_system_gpa"] == "0x1001"'
answer 15 'a == {"call": "mprotect"}'
answer 16 'len(a["vsp_va"]) == 2'
answer 17 'a == {"call": "term"}'
answer 18 'a["error"] == "ENOENT" and "info" in a["message"]'
answer 19 'a["error"] == "usage" and "nonsense" in a["message"]'
answer 20 'a["error"] == "usage" and "vrp_foo" in a["message"]'
answer 21 'a["error"] == "usage" and "JSON" in a["message"]'
answer 22 'a["error"] == "ENOENT" and "/nowhere/file" in a["message"]'
plan
