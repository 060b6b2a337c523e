#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# rpc.sh [SEED ROUNDS]: random and mutated messages to the service; from a seed of today's if none is given.
echo 1..1
if tests/fuzz/rpc "${srcdir:-.}/tests/fuzz/rpc.corpus" ${1:+"$@"} >rpc.fuzz 2>&1; then
	echo "ok 1 - $(cat rpc.fuzz)"
else
	echo "not ok 1 - messages to the service"
	sed 's/^/# /' rpc.fuzz
fi
rm -f rpc.fuzz
