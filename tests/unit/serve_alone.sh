#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# vmmtrace serve without /dev/vmm: its socket, bad clients, what systemd passes.
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3"; exit 0; }
exec python3 -B "${srcdir:-.}/tests/unit/serve_alone.py" "${VMMTRACE:-./vmmtrace}" \
	"${srcdir:-.}/docs/examples" src/serve
