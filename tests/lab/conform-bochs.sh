#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The conformance suite on Bochs' AMD host, whose processor checks what QEMU's does not. Without races,
# as it has one CPU, and without what this processor gets wrong: docs/hacking.md, Traps, has it all.
set -- amd-bochs --emulator-arg=panic:action=fatal,cpu0=report -- --except many \
	inject_pf_cr2 regs_guest_crs cr_cr0_pg_without_pe cr_trap_flag
. "${srcdir:-.}/tests/lab/conform.sh"
