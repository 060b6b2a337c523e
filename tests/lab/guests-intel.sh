#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tiny guests on Bochs' Intel host.
set -- intel
. "${srcdir:-.}/tests/lab/guests.sh"
