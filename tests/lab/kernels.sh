#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every kernel whose headers are here: vmm.ko compiles without a warning from gcc (W=1), objtool or
# sparse. On those that the other tests do not use, tiny guests run: all of them on AMD, and on Intel
# one for each way in and out.
. "${srcdir:-.}/tests/lab/common.sh"
need sparse amd intel python3

build() {
	mkdir "$dir/$1" && cp -r "${srcdir:-.}/kernel" "${srcdir:-.}/trace" "$dir/$1/" &&
		env -u MAKEFLAGS -u CFLAGS -u CPPFLAGS -u LDFLAGS make -C "/usr/src/linux-headers-$1" \
			M="$(cd "$dir/$1" && pwd)/kernel" W=1 C=2 CHECK=sparse modules >"$dir/$1.log" 2>&1 &&
		! grep -iE 'warning|error:' "$dir/$1.log"
}

guests() { # RELEASE CPU [GUEST...]
	host="--host-kernel $cache/$1/vmlinuz --no-vmm --module $dir/$1/kernel/vmm.ko"
	shift
	GUESTS_HOST=$host GUESTS_OUT=$dir/guests sh "${srcdir:-.}/tests/lab/guests.sh" "$@" >"$dir/tap"
	grep -v '^ok' "$dir/tap"
	! grep -E '^not ok|^Bail|SKIP' "$dir/tap" && grep -q '^ok' "$dir/tap"
}

filters() { # RELEASE
	FILTER_HOST="--host-kernel $cache/$1/vmlinuz --no-vmm --module $dir/$1/kernel/vmm.ko" \
		sh "${srcdir:-.}/tests/lab/filter.sh" >"$dir/tap"
	grep -v '^ok' "$dir/tap"
	! grep -E '^not ok|^Bail|SKIP' "$dir/tap" && grep -q '^ok' "$dir/tap"
}

# KVM has virtualization, and its callback for a crash, from the moment it is loaded (6.12).
beside_kvm() { # RELEASE
	"$vmmtrace" lab --cpu amd --host-kernel "$cache/$1/vmlinuz" --no-vmm --module kvm-amd \
		--add "$dir/$1/kernel/vmm.ko" -- \
		sh -c 'insmod vmm.ko && rmmod vmm && ! dmesg | grep -A9 "WARNING: CPU"'
}

others=0
for path in /usr/src/linux-headers-*-cloud-amd64; do
	other=${path#/usr/src/linux-headers-}
	check "vmm.ko compiles for $other without a warning" build "$other"
	[ "$other" != "$release" ] && [ -f "$cache/$other/vmlinuz" ] || continue
	check "tiny guests run on $other, AMD" guests "$other" amd
	check "tiny guests run on $other, Intel" guests "$other" intel cpuid io hlt touch window nested
	check "filters mean the same in BPF and outside on $other" filters "$other"
	check "vmm.ko is loaded beside KVM on $other, without a complaint" beside_kvm "$other"
	others=$((others + 1))
done
[ $others -gt 0 ] || echo "ok $((count += 1)) # SKIP no other kernel than $release: ./dev setup --all"
plan
