#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The conformance suite on Bochs' Intel host; it has one CPU, so without races.
set -- intel -- --except many
. "${srcdir:-.}/tests/lab/conform.sh"
