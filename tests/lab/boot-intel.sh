#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's kernel boots as a guest on Bochs' Intel host.
set -- intel
. "${srcdir:-.}/tests/lab/boot.sh"
