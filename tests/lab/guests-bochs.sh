#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tiny guests on Bochs' AMD host: next-RIP save, decode assists, strict entry checks. These four; with
# all of them that host does not last to the end yet (./dev soak ryzen).
set -- amd-bochs cpuid io hlt touch
. "${srcdir:-.}/tests/lab/guests.sh"
