# SPDX-License-Identifier: GPL-2.0-only
"""Runs on the emulated host, see serve.sh: the service and its clients, good and bad. Prints TAP
without a plan. Each client is a process of a plain user's; nobody but root may open /dev/vmm."""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import traceback

import vmmrpc
from vmmrpc import VmmError

A, B = 1000, 1001
SOCKET = "/run/vmmtrace.sock"
LIMITS = ["--limit-vms", "3", "--limit-memory", "16M", "--limit-vcpus", "4",
	  "--limit-connections", "200"]
PAGE = [{"vmr_gpa": "0xfffff000", "vmr_size": 4096}]
TELL = "e680ebfc"		# 1: OUT %al, $0x80; JMP 1b
FOREVER = "fbebfe"		# STI; 1: JMP 1b
ON = {"vrs": {"vrs_gprs": {"rip": "+2"}}}
LOG = "/out/log"
count = 0


class Vmm(vmmrpc.Vmm):
	"""The example's client; what it was answered is told, to be held to the schema."""

	def call(self, method, **params):
		answer = super().call(method, **params)
		with open(LOG, "a") as log:
			log.write(json.dumps({"method": method, "params": params, "result": answer}) + "\n")
		return answer


def result(ok, name, why=""):
	global count
	count += 1
	print("%sok %d - %s" % ("" if ok else "not ", count, name))
	for line in str(why).splitlines() if not ok else []:
		print("# " + line)
	sys.stdout.flush()


def check(name):
	"""A function is a test of that name."""
	def run(function):
		try:
			signal.alarm(400)		# so that one that hangs is told
			function()
			signal.alarm(0)
			result(True, name)
		except BaseException:
			result(False, name, traceback.format_exc())
	return run


def until(condition):
	"""Wait for it; fails if it never comes."""
	for _ in range(1200):
		if condition():
			return
		time.sleep(0.05)
	raise AssertionError("never so")


def start(uid, function, *args):
	"""A process of the user's, which may be stopped by closing .stop; .told has what it said."""
	told, tell = os.pipe()
	pid = os.fork()
	if pid:
		os.close(tell)
		return pid, os.fdopen(told)
	status = 1
	try:
		os.close(told)
		os.setgroups([])
		os.setgid(uid)
		os.setuid(uid)
		function(os.fdopen(tell, "w", buffering=1), *args)
		status = 0
	except BaseException as e:
		os.write(2, traceback.format_exc().encode())
		os.write(tell, ("%s\n" % e).encode())
	os._exit(status)


def wait(pid):
	return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def as_user(uid, function, *args):
	"""What it says, line by line."""
	pid, told = start(uid, function, *args)
	lines = told.read().splitlines()
	assert wait(pid) == 0, lines
	return lines


def errno_of(vmm, method, **params):
	try:
		vmm.call(method, **params)
	except VmmError as e:
		return e.errno
	return None


def code_of(vmm, method, **params):
	try:
		vmm.call(method, **params)
	except VmmError as e:
		return e.code
	return None


def serve(*args, at=SOCKET):
	"""The service, when it answers."""
	p = subprocess.Popen(["vmmtrace", "serve", "--socket", at, *args], stderr=subprocess.PIPE, text=True)

	def there():
		assert p.poll() is None, p.stderr.read()
		try:
			Vmm(at).call("version")
			return True
		except OSError:
			return False
	until(there)
	return p


def guest(vmm, name, code):
	vm = vmm.call("create", vcp_name=name, vcp_memranges=PAGE)["vcp_id"]
	vmm.call("load", vm=vm, gpa="0xfffffff0", hex=code)
	vmm.call("reset", vrp_vm_id=vm)
	return vm


class Direct:
	"""The calls on a descriptor of one's own: vmmtrace vm batch, which libvmm gives one."""

	def __init__(self):
		self.p = subprocess.Popen(["vmmtrace", "vm", "batch"], stdin=subprocess.PIPE,
					  stdout=subprocess.PIPE, text=True, bufsize=1)

	def call(self, method, **params):
		self.p.stdin.write(json.dumps({"call": method, **params}) + "\n")
		answer = json.loads(self.p.stdout.readline())
		assert "error" not in answer, answer
		return answer

	run = Vmm.run


def open_files(pid):
	return len(os.listdir("/proc/%d/fd" % pid))


def children(pid):
	return open("/proc/%d/task/%d/children" % (pid, pid)).read().split()


def vms():
	info = subprocess.run(["vmmtrace", "vm", "info"], stdout=subprocess.PIPE, text=True)
	return json.loads(info.stdout)["vip_info"]


signal.signal(signal.SIGALRM, signal.default_int_handler)
open(LOG, "w").close()
os.chmod(LOG, 0o666)
service = serve(*LIMITS)
files = open_files(service.pid)

# ---- users ----


@check("nobody but root may open the device")
def _():
	def client(tell):
		try:
			os.open("/dev/vmm", os.O_RDWR)
		except PermissionError:
			tell.write("no\n")
	assert as_user(A, client) == ["no"]


@check("two users run guests at once, without a word about the service")
def _():
	run = ["vmmtrace", "run", "-q", "--flat", "cpuid.bin@0x10000", "--mode", "64", "-m", "4M"]

	def client(tell):
		tell.write("%d\n" % subprocess.run(run, stderr=subprocess.DEVNULL).returncode)
	both = [start(uid, client) for uid in (A, B)]
	told = [told.read() for _, told in both]
	assert [wait(pid) for pid, _ in both] == [0, 0] and told == ["0\n", "0\n"], told


@check("the example in Python")
def _():
	def client(tell):
		tell.write(subprocess.run(["/root/python3", "vmmrpc.py"], text=True, check=True,
					  stdout=subprocess.PIPE).stdout)
	told = as_user(A, client)
	assert told[:2] == ["io_out 0xe1 0x1234", "hlt"], told
	assert {"io_out", "hlt", "ept"} <= set(told[2].split()), told


@check("each call as a message")
def _():
	def client(tell):
		vmm = Vmm()
		vm = guest(vmm, "calls", TELL)
		vmm.call("version")
		vmm.call("limit")
		vmm.call("intr", vip_vm_id=vm, vip_intr=True)
		regs = vmm.call("readregs", vrwp_vm_id=vm)["vrwp_regs"]
		assert regs["vrs_gprs"]["rip"] == "0xfff0", regs
		vmm.call("writeregs", vrwp_vm_id=vm, vrwp_regs={"vrs_gprs": {"rbx": "0x42"}})
		assert vmm.call("readregs", vrwp_mask=1)["vrwp_regs"]["vrs_gprs"]["rbx"] == "0x42"
		vmm.run(vm)
		assert vmm.call("save", vm=vm, gpa="0xfffffff0", size=4) == {"size": 4, "hex": TELL}
		vmm.call("writeparams", vpp_vm_id=vm, vpp_pvclock_system_gpa=0)
		vmm.call("readparams", vpp_vm_id=vm)
		assert errno_of(vmm, "mprotect", vmep_vm_id=vm, vmep_sgpa="0x1000", vmep_size=4096,
				vmep_prot=1) == "EINVAL"
		vmm.call("sharemem", vsp_vm_id=vm)
		fd = vmm.open()
		assert os.readlink("/proc/self/fd/%d" % fd) == "/dev/vmm"
		os.close(fd)
	as_user(A, client)


@check("notifications are done, and not answered")
def _():
	def client(tell):
		vmm = Vmm()
		for method, params in (("create", {"vcp_memranges": PAGE}), ("frobnicate", {}),
				       ("open", {}), ("term", {"vtp_vm_id": 999999}), ("run", {"x": 1})):
			request = {"jsonrpc": "2.0", "method": method, "params": params}
			vmm.sock.sendall(json.dumps(request).encode() + b"\n")
		until(lambda: len(vmm.call("list")["vms"]) == 1)
		assert not vmm.fds
	as_user(A, client)


@check("a VM that a script makes is the user's")
def _():
	def client(tell):
		vmm = Vmm()
		guest(vmm, "script", TELL)
		assert [v["name"] for v in vmm.call("list")["vms"]] == ["script"]
		assert [v["vir_name"] for v in vmm.call("info")["vip_info"]] == ["script"]
		direct = Direct().call("info")["vip_info"]
		assert [v["vir_name"] for v in direct] == ["script"]
		status = open("/proc/%d/status" % direct[0]["vir_creator_pid"]).read()
		assert "Uid:\t1000\t1000\t1000\t1000" in status, status
		assert "CapPrm:\t0000000000000000" in status, status
	as_user(A, client)


@check("nothing is left of clients that have gone")
def _():
	until(lambda: not vms() and not children(service.pid))
	until(lambda: open_files(service.pid) <= files)


@check("another's VM is not seen, and not ended")
def _():
	def owner(tell):
		vmm = Vmm()
		tell.write("%d\n" % guest(vmm, "mine", TELL))
		signal.pause()

	def other(tell, vm):
		vmm = Vmm()
		assert vmm.call("list") == {"vms": []}
		assert errno_of(vmm, "term", vtp_vm_id=vm) == "EPERM"
		assert errno_of(vmm, "stats", vm=vm) == "EPERM"
		for method in ("run", "reset", "intr", "readregs", "writeregs", "readparams"):
			name = "vrwp_vm_id" if "regs" in method else "vip_vm_id" \
				if method == "intr" else "vpp_vm_id" if "params" in method else "vrp_vm_id"
			assert errno_of(vmm, method, **{name: vm}) == "EPERM", method

	pid, told = start(A, owner)
	vm = int(told.readline())
	as_user(B, other, vm)
	assert [v["vir_id"] for v in vms()] == [vm]
	os.kill(pid, signal.SIGKILL)
	wait(pid)
	until(lambda: not vms())


@check("a user's limits hold over all descriptors and scripts, and for each user alone")
def _():
	def client(tell):
		scripts = [Vmm() for _ in range(2)]
		for vmm in scripts:
			guest(vmm, "script", TELL)
		direct = Direct()
		guest(direct, "direct", TELL)
		assert errno_of(scripts[0], "create", vcp_memranges=PAGE) == "EDQUOT"
		direct.p.stdin.write(json.dumps({"call": "create", "vcp_memranges": PAGE}) + "\n")
		assert json.loads(direct.p.stdout.readline())["error"] == "EDQUOT"
		scripts[1].call("term", vtp_vm_id=scripts[1].call("list")["vms"][0]["vm"])
		assert errno_of(scripts[0], "create", vcp_memranges=[{"vmr_size": "16M"}]) == "EDQUOT"
		assert errno_of(scripts[0], "create", vcp_ncpus=3, vcp_memranges=PAGE) == "EDQUOT"
		limit = scripts[0].call("limit")
		assert limit == {"vl_memory": 16 << 20, "vl_vms": 3, "vl_vcpus": 4, "vl_uid": A}, limit
		tell.write("full\n")
		signal.pause()

	pid, told = start(A, client)
	assert told.readline() == "full\n"
	as_user(B, lambda tell: guest(Vmm(), "other", TELL))
	os.kill(pid, signal.SIGKILL)
	wait(pid)
	until(lambda: not vms())


@check("a RUN that does not end holds nobody up, and can be ended")
def _():
	def client(tell):
		vmm, other = Vmm(), Vmm()
		vm = guest(vmm, "forever", FOREVER)
		request = {"jsonrpc": "2.0", "id": "run", "method": "run", "params": {"vrp_vm_id": vm}}
		runs = 0

		def run():
			vmm.sock.sendall(json.dumps(request).encode() + b"\n")
		run()
		for n in range(20):
			other.call("list")
			vmm.sock.sendall(b'{"jsonrpc":"2.0","id":%d,"method":"version"}\n' % n)
			answer = vmm.receive()
			while answer["id"] == "run":	# it may come back for nothing
				run()
				runs += 1
				answer = vmm.receive()
			assert answer["id"] == n
		other.call("term", vtp_vm_id=vm)
		answer = vmm.receive()
		while "error" not in answer:
			run()
			answer = vmm.receive()
		assert answer["error"]["data"]["errno"] == "ENOENT", answer
		guest(vmm, "again", TELL)
	as_user(A, client)


@check("SIGKILL of a client: its VMs are gone, nobody else's")
def _():
	def killed(tell, how):
		vmm = how()
		guest(vmm, "killed", FOREVER)
		tell.write("made\n")
		while True:
			vmm.call("run")

	def other(tell):
		vmm = Direct()
		vm = guest(vmm, "other", TELL)
		tell.write("%s\n" % vmm.run(vm)["exit"])
		sys.stdin.readline()
		for _ in range(100):
			assert vmm.run(vm, vrp_exit=ON)["exit"] == "io_out"
		tell.write("on\n")

	go, stop = os.pipe()
	stdin = os.dup(0)
	os.dup2(go, 0)
	sys.stdin = os.fdopen(os.dup(0))
	pid, told = start(B, other)
	assert told.readline() == "io_out\n"
	for how in (Vmm, Direct):
		victim, made = start(A, killed, how)
		assert made.readline() == "made\n"
		os.kill(victim, signal.SIGKILL)
		wait(victim)
		until(lambda: [v["vir_name"] for v in vms()] == ["other"])
	os.write(stop, b"\n")
	assert told.readline() == "on\n" and wait(pid) == 0
	os.dup2(stdin, 0)


@check("SIGKILL of a script's session: the script is told, and may go on")
def _():
	def client(tell):
		vmm = Vmm()
		guest(vmm, "session", TELL)
		os.kill(vmm.call("info")["vip_info"][0]["vir_creator_pid"], signal.SIGKILL)
		until(lambda: not vmm.call("list")["vms"])
		while errno_of(vmm, "create", vcp_memranges=PAGE) == "ECONNRESET":
			pass
		assert len(vmm.call("list")["vms"]) == 1
	as_user(A, client)


# ---- bad clients ----

def raw():
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(120)
	s.connect(SOCKET)
	return s, s.makefile("rb")


def bad_lines(tell):
	s, f = raw()
	for line in (b"{", b"[", b"[1]", b"1", b"{}", b'{"jsonrpc":"2.0","id":1}', b"[" * 60000, b"\0",
		     b'{"a":' * 10000, b'"\xff\xfe"', os.urandom(500).replace(b"\n", b"") + b"{"):
		s.sendall(line + b"\n")
		assert json.loads(f.readline())["error"]["code"] in (-32700, -32600), line[:20]
	vmm = Vmm()
	assert code_of(vmm, "frobnicate") == -32601
	assert code_of(vmm, "load", vm=1, file="/etc/shadow") == -32602
	assert code_of(vmm, "run", call="create") == -32602
	for method in ("open", "list", "info", "stats", "term", "limit", "version", "create", "run",
		       "reset", "intr", "readregs", "writeregs", "readparams", "writeparams",
		       "sharemem", "mprotect", "load", "save"):
		assert code_of(vmm, method, nonsense=1) == -32602, method
	for value in ("x", -1, 1 << 40, None, [], {}, 1.5, True):
		assert code_of(vmm, "term", vtp_vm_id=value) == -32602, value
	assert code_of(vmm, "create", vcp_memranges=7) == -32602
	assert code_of(vmm, "create", vcp_name="x" * 1000) == -32602


def endless(tell):
	s, f = raw()
	try:
		for _ in range(1024):
			s.sendall(b"x" * 65536)
		raise AssertionError("64 MiB were taken")
	except (BrokenPipeError, ConnectionResetError):
		tell.write("cut off\n")
	assert json.loads(f.readline())["error"]["code"] == -32001


def half(tell):
	s, f = raw()
	s.sendall(b'{"jsonrpc":"2.0","id":1,"met')
	s.shutdown(socket.SHUT_WR)
	assert json.loads(f.readline())["error"]["code"] == -32001
	assert f.read() == b""
	raw()[0].sendall(b'{"jsonrpc"')		# and goes away


def slow(tell):
	s, f = raw()
	s.sendall(b'{"jsonrpc":"2.0","id":1,"met')
	assert json.loads(f.readline())["error"]["code"] == -32001
	assert f.read() == b""


def flood(tell):
	"""Asks and asks, and never reads."""
	s, f = raw()
	s.settimeout(2)
	try:
		for _ in range(1 << 20):
			s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"version"}\n' * 100)
		raise AssertionError("all was taken")
	except socket.timeout:
		tell.write("stopped\n")


def idle(tell):
	some = [raw() for _ in range(200)]
	s, f = raw()
	assert json.loads(f.readline())["error"]["code"] == -32001
	assert f.read() == b""
	some[0][0].sendall(b'{"jsonrpc":"2.0","id":1,"method":"version"}\n')
	assert json.loads(some[0][1].readline())["id"] == 1
	tell.write("idle\n")
	signal.pause()


def hoarder(tell):
	"""Takes descriptors and never reads; the service holds a few at most."""
	s, f = raw()
	s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"open"}\n' * 1000)
	tell.write("asked\n")
	signal.pause()


def good(tell):
	vmm = Vmm()
	vm = guest(vmm, "good", TELL)
	n = 0
	vmm.run(vm)
	tell.write("begun\n")
	while not os.path.exists("/run/stop"):
		assert vmm.run(vm, vrp_exit=ON)["exit"] == "io_out"
		n += 1
	assert len(vmm.call("list")["vms"]) == 1
	tell.write("%d\n" % n)


good_pid, good_told = start(B, good)
begun = good_told.readline()
for client in (bad_lines, endless, half, slow, flood):
	@check("a bad client: " + client.__name__)
	def _():
		as_user(A, client)
pids = []
for client in (idle, hoarder):
	@check("a bad client: " + client.__name__)
	def _():
		pid, told = start(A if client == idle else A + 2, client)
		pids.append(pid)
		assert told.readline() in ("idle\n", "asked\n")


@check("of a client that takes no descriptors few are held")
def _():
	# 200 idle connections, the good client's and its session, the hoarder's.
	until(lambda: open_files(service.pid) > files + 200)
	time.sleep(1)
	assert open_files(service.pid) < files + 220, open_files(service.pid)


for pid in pids:
	os.kill(pid, signal.SIGKILL)
	wait(pid)
open("/run/stop", "w").close()


@check("a good client did not notice")
def _():
	n = good_told.read().strip()
	assert begun == "begun\n" and wait(good_pid) == 0 and int(n) > 100, n


@check("and nothing is left of the bad ones")
def _():
	until(lambda: open_files(service.pid) <= files and not children(service.pid))
	assert not vms()


# ---- the service ends ----

def survivor(tell):
	vmm = Direct()
	vm = guest(vmm, "survivor", TELL)
	vmm.run(vm)
	tell.write("%d\n" % vm)
	while not os.path.exists("/run/stop2"):
		assert vmm.run(vm, vrp_exit=ON)["exit"] == "io_out"
	again = Vmm()
	assert [v["vm"] for v in again.call("list")["vms"]] == [vm]
	assert again.call("stats", vm=vm)["exits"] > 0
	guest(again, "two", TELL)
	guest(again, "three", TELL)
	assert errno_of(again, "create", vcp_memranges=PAGE) == "EDQUOT"
	again.call("term", vtp_vm_id=vm)
	tell.write("all right\n")


@check("SIGKILL of the service: guests run on, scripts' VMs end, and the next one knows them")
def _():
	global service
	pid, told = start(A, survivor)
	vm = int(told.readline())
	script, made = start(B, lambda tell: (guest(Vmm(), "script", FOREVER), tell.write("made\n"),
					      signal.pause()))
	assert made.readline() == "made\n"
	service.kill()
	service.wait()
	until(lambda: [v["vir_id"] for v in vms()] == [vm])
	assert os.waitpid(pid, os.WNOHANG) == (0, 0) and os.path.exists(SOCKET)
	service = serve(*LIMITS)
	open("/run/stop2", "w").close()
	assert told.readline() == "all right\n" and wait(pid) == 0
	os.kill(script, signal.SIGKILL)
	wait(script)


@check("a second service at the same place is refused")
def _():
	p = subprocess.run(["vmmtrace", "serve"], stderr=subprocess.PIPE, text=True, timeout=300)
	assert p.returncode == 1 and "another service" in p.stderr, p.stderr


@check("SIGTERM: status 0, and the socket is gone")
def _():
	service.terminate()
	assert service.wait() == 0 and not os.path.exists(SOCKET)
	assert service.stderr.read() == ""


@check("--group and VMMTRACE_SOCKET: elsewhere, for members")
def _():
	open("/etc/group", "a").write("guests:x:1001:\n")
	other = "/run/other.sock"
	p = serve("--group", "guests", at=other)
	os.environ["VMMTRACE_SOCKET"] = other
	try:
		st = os.stat(other)
		assert st.st_mode & 0o777 == 0o660 and st.st_gid == 1001
		as_user(B, lambda tell: Vmm().call("version"))
		assert as_user(B, lambda tell: tell.write("%d\n" % Direct().call("limit")["vl_uid"])) == ["1001"]

		def refused(tell):
			try:
				Vmm()
			except PermissionError:
				tell.write("no\n")
		assert as_user(A, refused) == ["no"]
	finally:
		del os.environ["VMMTRACE_SOCKET"]
		p.terminate()
		p.wait()


@check("without a service a plain user is told what to do")
def _():
	def client(tell):
		p = subprocess.run(["vmmtrace", "vm", "info"], stderr=subprocess.PIPE, text=True)
		tell.write("%d %s" % (p.returncode, p.stderr))
	told = as_user(A, client)
	assert len(told) == 1 and told[0].startswith("1 ") and "serve" in told[0], told


@check("no VM is left")
def _():
	until(lambda: open("/sys/module/vmm/refcnt").read() == "0\n")
