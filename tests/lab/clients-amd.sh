#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Programs written for vmm(4), on QEMU's AMD host.
set -- amd
. "${srcdir:-.}/tests/lab/clients.sh"
