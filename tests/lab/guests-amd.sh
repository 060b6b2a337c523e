#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tiny guests on QEMU's AMD host: no next-RIP save, no decode assists.
set -- amd
. "${srcdir:-.}/tests/lab/guests.sh"
