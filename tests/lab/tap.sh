# SPDX-License-Identifier: GPL-2.0-only
# For scripts that run on the emulated host; to be sourced. TAP without a plan.
# shellcheck shell=sh
count=0

# result STATUS NAME: one result; a failed one shows the ends of the files out and err.
result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else
		echo "not ok $count - $2"
		tail -n 12 out err 2>/dev/null | sed 's/^/# /'
	fi
}

# soon COMMAND...: waits until it succeeds, however busy the host is; fails after two minutes.
soon() {
	tries=1200
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# started FILE: the guest whose .ndjson that is has taken an exit.
started() { grep -q '"ev":"exit"' "$1" 2>/dev/null; }
