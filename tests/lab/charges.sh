#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What a VM takes in the kernel is charged to the memory cgroup that made it, and given back.
. "${srcdir:-.}/tests/lab/common.sh"
need amd

"$vmmtrace" lab --cpu amd --out "$dir/out" --add "${srcdir:-.}/tests/lab/tap.sh" -- sh -c '
. ./tap.sh
cd /sys/fs/cgroup && echo +memory >cgroup.subtree_control && mkdir vm || exit 1
told() { cp vm/memory.stat "/out/$1"; }
touched() { [ "$(sed -n "s/^kernel //p" vm/memory.stat)" -gt 2200000 ]; }
given_back() { [ "$(sed -n "s/^kernel //p" vm/memory.stat)" -lt 200000 ]; }
printf "\353\376" >/root/loop.bin		# JMP to itself
told before
(echo 0 >vm/cgroup.procs; exec vmmtrace run -q --flat /root/loop.bin@0x200000 --memory 4M) </dev/null &
soon touched
told during
kill %1
wait
# Some is freed after a grace period only.
soon given_back
told after
' 2>"$dir/err" || { echo "Bail out! the emulated host: $(head -n 1 "$dir/err")"; exit 1; }

value() { sed -n "s/^$2 //p" "$dir/out/$1"; }
grew() { [ $(($(value during "$1") - $(value before "$1"))) -ge "$2" ]; }

check "the statistics of its vCPU are charged" grew vmalloc 100000
check "the memory that the guest touched is charged, 2 MiB at once" grew kernel 2200000
check "the statistics are given back" [ "$(value after vmalloc)" = "$(value before vmalloc)" ]
check "the memory is given back" [ "$(value after kernel)" -lt 200000 ]
plan
