#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tiny guests on Bochs' AMD host: next-RIP save, decode assists, strict entry checks.
set -- amd-bochs
. "${srcdir:-.}/tests/lab/guests.sh"
