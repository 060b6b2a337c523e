#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Programs written for vmm(4), on Bochs' Intel host.
set -- intel
. "${srcdir:-.}/tests/lab/clients.sh"
