#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# All of the conformance suite on QEMU's AMD host, with two CPUs.
set -- amd --smp 2 --
. "${srcdir:-.}/tests/lab/conform.sh"
