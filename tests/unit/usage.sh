#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Wrong usage, and files that are not what they should be: one line on stderr that names the verb and
# what is wrong, and the right status. No /dev/vmm is needed to say any of this.
vmmtrace=$(cd "$(dirname "${VMMTRACE:-./vmmtrace}")" && pwd)/vmmtrace
dir=$(mktemp -d) && cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT
count=0

# bad STATUS PATTERN VERB ARG...
bad() {
	want=$1 pattern=$2 verb=$3
	shift 2
	"$vmmtrace" "$@" >out 2>err </dev/null
	status=$?
	count=$((count + 1))
	if [ $status = "$want" ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] &&
		grep -q "^vmmtrace $verb: " err && grep -q -e "$pattern" err; then
		echo "ok $count - vmmtrace $*"
	else
		echo "not ok $count - vmmtrace $*"
		sed 's/^/# /' err
		echo "# status $status"
	fi
}

printf '\364' >hlt.bin
echo text >text.json
printf '' >empty.ndjson
printf '{"ev":"vmmtrace","schema":9999,"keys":{}}\n' >other.ndjson
mkdir dir.ndjson
flat="run --flat hlt.bin@0x1000"

for verb in run record list top export verify compare doctor serve vm; do
	bad 2 "^[^']* --bogus: no such option" $verb --bogus
	bad 2 "^[^']* -y: no such option" $verb -yz
	bad 2 "^[^']* --help: it takes no argument" $verb --help=yes
done
bad 2 "^[^']* --bogus: no such option" lab --bogus
bad 2 "no image" run
bad 2 "hlt.bin: .*--kernel" run hlt.bin
bad 2 "^[^']* --kernel: its argument is missing" run --kernel
bad 2 "^[^']* -m: its argument is missing" $flat -m
bad 2 "^[^']* -m: its argument is missing" $flat -qm
bad 2 "^[^']* --quiet: it takes no argument" $flat --quiet=1
bad 2 "FILE@ADDR" run --flat hlt.bin
bad 2 "one image" $flat --kernel hlt.bin
bad 2 "16, 32 or 64" $flat --mode 8
bad 2 "mode belongs to --flat" run --kernel hlt.bin --mode 16
bad 2 "append belongs to" $flat --append quiet
bad 2 "initrd belongs to" $flat --initrd hlt.bin
bad 2 "module belongs to" $flat --module hlt.bin
bad 2 "memory -5: not a size" $flat --memory -5
bad 2 "memory 5Q: not a size" $flat --memory 5Q
bad 2 "memory 99999999T: not a size" $flat --memory 99999999T
bad 2 "at most 63 characters" $flat --name "$(printf '%064d' 0)"
bad 2 "rtc never" $flat --rtc never
bad 2 "max-exits -1" $flat --max-exits -1
bad 2 "off, hist or full" $flat --trace some
bad 2 "suffix chooses" $flat -o x
bad 2 "o needs --trace full" $flat --trace hist -o x.json
bad 2 "lttng needs --trace full" $flat --trace hist --lttng
bad 2 "suffix chooses" $flat -o x.ctf.gz
bad 2 "full needs an output" $flat --trace full
bad 2 "from 4K to 1G" $flat --ring-size 1 -o x.json
bad 2 "ring-size belongs to -o" $flat --ring-size 1M
bad 2 "lossless belongs to -o" $flat --lossless
bad 2 "f belongs to -o" $flat -f key=0x3f8
bad 2 "f: at character 1, 'nonsense': no such field; there are event" $flat -f nonsense -o x.json
bad 2 "f: at character 7, 'nonsense': class is one of" $flat -f class=nonsense -o x.json
bad 2 "f: at character 7: class is one of" $flat -f class= -o x.json
bad 2 "dur is a duration" $flat -f 'dur>=10' -o x.json
bad 2 "class= comes twice" $flat -f class=io_in,class=hlt -o x.json
bad 2 "key= comes twice" $flat -f key=1,key=2 -o x.json
bad 2 "the range ends before it begins" $flat -f key=5..1 -o x.json
bad 2 "a term is missing" $flat -f , -o x.json
bad 2 "nothing to filter by" $flat -f "" -o x.json
bad 2 "which VMs" record -o x.json
bad 2 "no output" record -a
bad 2 "suffix chooses" record -a -o x
bad 2 "p 0: not the number" record -p 0 -o x.json
bad 2 "p me: not the number" record -p me -o x.json
bad 2 "a is all VMs" record -a --vm 1 -o x.json
bad 2 "leave -a" record -a -o x.json -- true
bad 2 "for 5x: not a time" record -a --for 5x -o x.json
bad 2 "for 0s: not a time" record -a --for 0s -o x.json
bad 2 "rotate 1K: a size from 64K up" record -a --rotate 1K -o x.json
bad 2 "rotate often: a size" record -a --rotate often -o x.json
bad 2 "keep belongs to --rotate" record -a --keep 1 -o x.json
bad 2 "keep 0: a number" record -a --rotate 1s --keep 0 -o x.json
bad 2 "before belongs to --start-when" record -a --before 1s -o x.json
bad 2 "start-when: .*no such field" record -a --start-when nonsense=1 -o x.json
bad 2 "start-when: '#0': which one" record -a --start-when class=cpuid#0 -o x.json
bad 2 "stop-when: '#': which one" record -a --stop-when class=cpuid# -o x.json
bad 2 "f: at character 1, 'nonsense': no such field" record -a -f nonsense -o x.json
bad 2 "from 4K to 1G" record -a --ring-size 1 -o x.json
bad 2 "now: no arguments" list now
bad 2 "name one capture" export -o x.json
bad 2 "name one capture" export a.ctf b.ctf -o x.json
bad 2 "name an output" export a.ctf
bad 2 "suffix chooses" export a.ctf -o x
bad 2 "one filter only" export a.ctf -o x.json -f class=hlt -f class=hlt
bad 2 "nonsense" export a.ctf -o x.json -f class=nonsense
bad 1 "none.ctf: No such file" export none.ctf -o x.json
bad 1 "text.json: Not a directory" export text.json -o x.json
bad 1 "dir.ndjson: no capture" export dir.ndjson -o x.json
bad 2 "name a FILE" verify
bad 1 "none.json: No such file" verify none.json
bad 1 "dir.ndjson: Is a directory" verify dir.ndjson
bad 1 "none.json: .*No such file" verify --repair none.json
bad 1 "text.json: not a timeline" verify --repair text.json
bad 1 "hlt.bin: only .json" verify --repair hlt.bin
bad 2 "only --sequence" compare empty.ndjson empty.ndjson
bad 2 "name two files" compare --sequence
bad 2 "name two files" compare --sequence empty.ndjson
bad 1 "none: No such file" compare --sequence none none
bad 1 "dir.ndjson: Is a directory" compare --sequence dir.ndjson dir.ndjson
bad 1 "empty.ndjson: not an .ndjson timeline" compare --sequence empty.ndjson text.json
bad 1 "other.ndjson: another schema" compare --sequence other.ndjson text.json
bad 2 "no terminal: use --batch or --json" top
bad 2 "delay 0: give seconds" top -b -d 0
bad 2 "delay soon: give seconds" top -b -d soon
bad 2 "times 0: give a number" top -b -n 0
bad 2 "times -1: give a number" top -b -n -1
bad 2 "sort size: time, rate" top -b -s size
bad 2 "give one of them" top --batch --json
bad 2 "a VM is --vm web" top -b web
bad 2 "no arguments" doctor now
echo "1..$count"
