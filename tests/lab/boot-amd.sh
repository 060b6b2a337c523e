#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's kernel boots as a guest on QEMU's AMD host.
set -- amd
. "${srcdir:-.}/tests/lab/boot.sh"
