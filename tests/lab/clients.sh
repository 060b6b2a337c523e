# SPDX-License-Identifier: GPL-2.0-only
# clients.sh CPU: programs written for vmm(4), in one boot of an emulated host; to be sourced with the
# CPU as argument. Each prints its own results.
cpu=$1
. "${srcdir:-.}/tests/lab/common.sh"
need "$cpu"

# Two CPUs where the emulator is fast enough.
smp=1
[ "$cpu" != amd ] || smp=2
"$vmmtrace" lab --cpu "$cpu" --smp $smp --add "${srcdir:-.}/tests/lab/clients-host.sh:/root/host.sh" \
	--add tests/clients/reset --add tests/clients/flat64 --add tests/clients/inject \
	--add tests/clients/share --add tests/clients/protect --add tests/clients/ldt -- sh host.sh \
	>"$dir/tap" 2>"$dir/err"
status=$?
cat "$dir/tap"
[ "$status" = 0 ] || sed 's/^/# /' "$dir/err"
count=$(grep -c '^\(not \)\?ok ' "$dir/tap")
check "the emulated host ran to its end" ran_to_its_end
plan
