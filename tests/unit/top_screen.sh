#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The live table of vmmtrace top as people see it: in a terminal of 80x24 (tmux), with made-up VMs.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
grep -q '^#define HAVE_CURSES 1' config.h || skip_all "built without ncurses"
command -v tmux >/dev/null || skip_all "no tmux: ./dev setup"
dir=$(mktemp -d "${TMPDIR:-/tmp}/vmmtrace-test.XXXXXX") || exit 1
top=$PWD/tests/unit/top_screen
unset TMUX TMUX_PANE
export LC_ALL=C.UTF-8
count=0 patience=600

tm() { tmux -S "$dir/socket" -f /dev/null "$@"; }
trap 'tm kill-server 2>/dev/null; rm -rf "$dir"' EXIT
key() { tm send-keys "$@"; }
line_has() { sed -n "$1p" "$dir/screen" | grep -q -e "$2"; }
shot() { tm capture-pane -p >"$dir/screen"; }

# check NAME COMMAND...: it comes true of the screen.
check() {
	name=$1 tries=0
	shift
	count=$((count + 1))
	while shot; ! "$@"; do
		tries=$((tries + 1))
		if [ $tries -ge $patience ]; then
			patience=20
			echo "not ok $count - $name"
			sed 's/^/# /' "$dir/screen"
			return
		fi
		sleep 0.1
	done
	echo "ok $count - $name"
}
at() { check "$1" line_has "$2" "$3"; }
seen() { at "$1" '1,$' "$2"; }
rows_of() { [ "$(grep -c "$1" "$dir/screen")" = "$2" ]; }

# The terminal is as a shell wants it, and what was on it is there again.
restored() {
	seen "$1: it ends" '^ready>$'
	key "stty -a; echo status \$s" Enter
	seen "$1: the status is 0, and no key was lost" "^status 0"
	check "$1: the terminal is as it was" grep -q -e ' icanon.* echo ' "$dir/screen"
	check "$1: what was on it is there again" grep -q before "$dir/screen"
	key clear Enter
}
start() { key "echo before; $top $dir; s=\$?" Enter; }

tm new-session -d -x 80 -y 24 "PS1='ready>' exec sh" || skip_all "tmux does not start here"
key "trap : INT" Enter
start
seen "the table comes" "^vmmtrace top: 1 VM, 2 vCPUs, [0-9.,MG]* exits/s"
check "its columns" line_has 3 "^  VM NAME      EXIT        COUNT  RATE/s  TIME% p50us p99us  TOP KEY"
seen "the rows of a VM, whose name cannot move the cursor" '^   1 alpha?\[2J [A-Za-z]'
check "a row is one line, the last one has the keys" line_has 24 "^q quit  h help"
check "80 columns are enough" rows_of '.\{81\}' 0
key c
seen "c: all classes together" "every 0.05 s, sorted by time, all classes together"
check "in one row" line_has 4 "^   1 alpha?\[2J all .* software inter[a-z]* 6%"
check "and no other" rows_of alpha 1
key 1
seen "1: a row for each vCPU" "^   1 alpha?\[2J   1 all "
key c
key 1
seen "and back" "VM NAME      EXIT "
key s
seen "s: sorted by the next column" "sorted by rate"
check "the commonest class comes first" line_has 4 "alpha?\[2J software "
key '<'
key '<'
seen "<: by the one before" "sorted by name"
check "within a VM by class" line_has 4 "alpha?\[2J other "
key Down
key Down
key Up
at "arrows scroll, by one row each" 4 "alpha?\[2J IN  "
key End
seen "end: the last row" "alpha?\[2J software "
check "is the last of the screen" line_has 23 "alpha?\[2J software "
key Home
key h
seen "h: help" "^HELP"
check "tells the keys" grep -q "^space       pause" "$dir/screen"
key x
seen "any key ends it" "VM NAME      EXIT "
key Space
seen "space: pause" "PAUSED"
before=$(wc -c <"$dir/refreshed")
key c
seen "keys go on working" "all classes together, PAUSED"
key c
sleep 0.5
check "and nothing is read" [ "$(wc -c <"$dir/refreshed")" = "$before" ]
key Space
key '<'
touch "$dir/beta"
seen "a VM that comes" "2 VMs, 3 vCPUs"
seen "has a row" "^   2 beta      CPUID  .* 0x7 100%"
rm "$dir/beta"
seen "a VM that goes" "1 VM, 2 vCPUs"
touch "$dir/none"
seen "without VMs it says so" "no VM that you may see; waiting"
check "and shows an empty table" rows_of alpha 0
rm "$dir/none"
seen "and waits" "1 VM, 2 vCPUs"
key q
restored "q"
start
seen "again" "1 VM, 2 vCPUs"
key C-c
restored "ctrl-C"
for signal in TERM HUP INT; do
	start
	seen "again" "1 VM, 2 vCPUs"
	shell=$(tm list-panes -F '#{pane_pid}')
	kill -$signal "$(cat "/proc/$shell/task/$shell/children")"
	restored "SIG$signal"
done
start
seen "again" "1 VM, 2 vCPUs"
tm resize-window -x 70 -y 10
at "a smaller window is used as it is" 10 "^q quit"
key q
seen "and left" '^ready>$'
key "TERM=nonsense $top $dir; echo status \$?" Enter
seen "a terminal that is not known is told" "top: TERM=nonsense: not a terminal that is known"
seen "with status 1" "^status 1"
echo "1..$count"
