#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# debug-kernel.sh DIR: build, in DIR, a kernel for the emulated hosts that watches vmm.ko: Debian's
# linux-source-6.1 with debug-kernel.config. 20 minutes if nothing else runs, 3 GB. Prints the build
# tree to configure --with-linux=; DIR/lab/RELEASE is what VMMTRACE_CACHE=DIR finds. Quick when
# it is there.
set -eu
dir=$1
config=$(cd "$(dirname "$0")" && pwd)/debug-kernel.config
tree=$dir/linux-debug
package=linux-source-6.1
say() { echo "debug-kernel: $*" >&2; }
tell_progress() {
	awk '/^  (CC|AS)/ && ++n % 200 == 0 { print "debug-kernel: " n " of about 1300 files" }' >&2
}

[ -f "/usr/src/$package.tar.xz" ] || {
	echo "debug-kernel: needs Debian's packages $package flex bison bc libelf-dev libssl-dev" >&2
	exit 1
}
mkdir -p "$dir"
[ -f "$tree/Makefile" ] || {
	say "unpacking $package"
	rm -rf "$tree.new"
	mkdir "$tree.new"
	tar -C "$tree.new" --strip-components=1 -xf "/usr/src/$package.tar.xz"
	mv "$tree.new" "$tree"
}
cd "$tree"
if ! cmp -s "$config" .debug-kernel.config; then
	say "building (20 minutes on two idle processors)"
	KCONFIG_ALLCONFIG=$config make -s tinyconfig >/dev/null 2>&1
	scripts/kconfig/merge_config.sh -m .config "$config" >/dev/null 2>&1
	make -s olddefconfig >/dev/null 2>&1
	{ make -j"$(nproc)" bzImage modules 2>&1 || echo failed; } | tee build.log | tell_progress
	[ "$(tail -n 1 build.log)" != failed ] || {
		tail -n 20 build.log >&2
		exit 1
	}
	release=$(make -s kernelrelease)
	mkdir -p "$dir/lab/$release/lib/modules"
	make -s INSTALL_MOD_PATH="$dir/lab/$release" modules_install >/dev/null
	cp arch/x86/boot/bzImage "$dir/lab/$release/vmlinuz"
	cp "$config" .debug-kernel.config
fi
echo "$tree"
