# SPDX-License-Identifier: GPL-2.0-only
# On the emulated host: ctf.sh's runs. A guest is recorded whole, in an LTTng session, killed, and with
# a disk that is full.
guest="vmmtrace run --flat storm.bin@0x10000 -m 16M --rtc 0"

# 4: the guest found that interrupts did not come as often as they should, on a host that is slow.
ends() {
	"$@"
	case $? in
	0 | 4) return 0 ;;
	*) return 1 ;;
	esac
}

ends $guest -o /out/whole.ctf -o /out/whole.ndjson -o /out/whole.json || echo "the first run" >>/out/wrong

mkdir -p /var/run
export HOME=/root LTTNG_UST_ALLOW_BLOCKING=1 VMMTRACE_LTTNG=/root/vmmtrace-ust.so
{
	lttng-sessiond --no-kernel --background --consumerd64-path=/usr/lib/lttng-consumerd &&
		lttng --no-sessiond create storm --output=/out/ust &&
		lttng --no-sessiond enable-channel --userspace --blocking-timeout=inf all &&
		lttng --no-sessiond enable-event --userspace --channel=all 'vmmtrace:*' &&
		lttng --no-sessiond start &&
		ends $guest --lttng -o /out/ust.ctf -o /out/ust.ndjson &&
		lttng --no-sessiond destroy
} >/out/lttng.log 2>&1 || echo "the LTTng session" >>/out/wrong

# Killed when something has been written.
$guest -q -o /out/killed.ctf &
pid=$!
while [ ! -s /out/killed.ctf/cpu0 ] && kill -0 $pid; do sleep 0.1; done
kill -KILL $pid || echo "it ended before it was killed" >>/out/wrong
wait $pid

mkdir /small && mount -t tmpfs -o size=400k none /small
# Where the host is so busy that the guest, which looks at the time, finds fault, it runs again.
for _ in 1 2 3; do
	rm -rf /small/full.ctf
	$guest -q -o /small/full.ctf -o /out/full.ndjson 2>/out/full.err
	status=$?
	[ $status = 4 ] || break
done
echo $status >/out/full.status
cp -r /small/full.ctf /out
exit 0
