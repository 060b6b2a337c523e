#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# initrd.sh INIT OUT: an initial ramdisk whose one program is INIT. Equal inputs
# give equal archives: no times, owners or inode numbers.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/root" "$dir/root/dev" "$dir/root/proc"
cp "$1" "$dir/root/init"
find "$dir/root" -exec touch -h -d @0 {} +
(cd "$dir/root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) |
	gzip -n -1 >"$2.tmp"
mv "$2.tmp" "$2"
