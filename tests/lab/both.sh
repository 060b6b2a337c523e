#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every tiny guest takes the same way on AMD and on Intel: class, key and value of each exit, in order;
# or its .expect says where it does not, and why. Reads what guests-*.sh recorded.
. "${srcdir:-.}/tests/lab/common.sh"
need amd amd-bochs intel python3
for cpu in amd amd-bochs intel; do
	[ -f "tests/lab/guests-$cpu.out/exit-log" ] ||
		skip_all "no timelines from the $cpu host: its test of tiny guests did not run to the end"
done
# shellcheck disable=SC2046
python3 -B "${srcdir:-.}/tests/guests/check.py" both tests/lab "$vmmtrace" \
	$(cd tests/guests && echo *.bin | sed 's/\.bin//g')
