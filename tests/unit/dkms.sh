#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# dkms(8) itself builds vmm.ko from what make install-dkms installs.
release=${VMMTRACE_KRELEASE:?} kdir=${KDIR:?}
for program in dkms modinfo; do
	PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || {
		echo "1..0 # SKIP no $program: ./dev setup"
		exit 0
	}
done
PATH=$PATH:/usr/sbin:/sbin
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
count=0
check() { # NAME COMMAND...
	name=$1
	shift
	count=$((count + 1))
	if "$@" >"$dir/log" 2>&1; then echo "ok $count - $name"; else
		echo "not ok $count - $name"
		tail -n 20 "$dir/log" | sed 's/^/# /'
	fi
}
mkdir "$dir/tree" "$dir/modules"
# It signs, and would make a key for this machine.
mok_signing_key=$dir/key mok_certificate=$dir/certificate
export mok_signing_key mok_certificate
check "make install-dkms" make -s install-dkms DESTDIR="$dir"
package=$(ls "$dir/usr/src")
dkms() {
	command dkms "$1" --dkmstree "$dir/tree" --sourcetree "$dir/usr/src" --installtree "$dir/modules" \
		-m "${package%-*}" -v "${package##*-}" -k "$release" --kernelsourcedir "$kdir" --no-depmod
}
check "dkms add" dkms add
check "dkms build" dkms build
ko=$(find "$dir/tree" -name 'vmm.ko*' -path '*module*')
check "the module is for $release" sh -c 'modinfo -F vermagic "$1" | grep -q "^$2 "' sh "$ko" "$release"
echo "1..$count"
