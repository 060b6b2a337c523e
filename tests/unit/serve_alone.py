# SPDX-License-Identifier: GPL-2.0-only
"""serve_alone.py VMMTRACE EXAMPLES UNITS: the service where there may be no /dev/vmm. Prints TAP."""
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback

vmmtrace = os.path.abspath(sys.argv[1])
units = os.path.abspath(sys.argv[3])
sys.path.insert(0, os.path.abspath(sys.argv[2]))
from vmmrpc import Vmm, VmmError  # noqa: E402

count = 0
dir = tempfile.mkdtemp(prefix="vmmtrace-test.")
path = dir + "/sock"
# Enough where the machine is busy; nothing waits for it to pass.
PATIENCE = 120


def check(name):
	def run(function):
		global count
		count += 1
		try:
			why = function()
			print("ok %d - %s%s" % (count, name, " # SKIP " + why if why else ""))
		except BaseException:
			print("not ok %d - %s" % (count, name))
			print("# " + traceback.format_exc().replace("\n", "\n# "))
		sys.stdout.flush()
	return run


class Service:
	"""With a socket for sd_notify: it is there when it says READY=1."""

	def __init__(self, *args, env=None, **popen):
		self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.told.settimeout(PATIENCE)
		name = tempfile.mktemp(dir=dir)
		self.told.bind(name)
		self.p = subprocess.Popen([vmmtrace, "serve", *args], stderr=subprocess.PIPE, text=True,
					  env={**os.environ, "NOTIFY_SOCKET": name, **(env or {})}, **popen)
		assert self.told.recv(100) == b"READY=1"

	def end(self):
		self.p.terminate()
		assert self.p.wait(PATIENCE) == 0
		told = self.told.recv(100)
		while told == b"WATCHDOG=1":
			told = self.told.recv(100)
		assert told == b"STOPPING=1", told
		assert self.p.stderr.read() == ""


def raw(at=path):
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(PATIENCE)
	s.connect(at)
	return s, s.makefile("rb")


def cut_off(f):
	try:
		return not f.read()
	except ConnectionResetError:	# as it had sent what was not read
		return True


def code(f):
	return json.loads(f.readline())["error"]["code"]


def fails(*args):
	p = subprocess.run([vmmtrace, "serve", *args], stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
	assert p.stderr.count("\n") == 1 and p.stderr.startswith("vmmtrace serve: "), p.stderr
	return p.returncode, p.stderr


@check("wrong usage: status 2, one line that names the option")
def _():
	for args in (["--limit-vms", "x"], ["--limit-vms", "513"], ["--limit-memory", "1"], ["--limit-vcpus", "-1"],
		     ["--limit-connections", "0"], ["--limit-rate", "0"], ["--limit-message", "10"],
		     ["--limit-message", "1G"], ["more"]):
		status, why = fails("--socket", path, *args)
		assert status == 2 and args[0] in why, (args, status, why)


@check("where it cannot listen: status 1, and why")
def _():
	open(dir + "/file", "w").close()
	for at, why in ((dir + "/file", "no socket"), (dir + "/none/sock", "No such file"), ("/" + "x" * 200, "107")):
		status, told = fails("--socket", at)
		assert status == 1 and why in told, told
	status, told = fails("--socket", path, "--group", "no-such-group")
	assert status == 1 and "no-such-group" in told
	assert os.path.exists(dir + "/file")


@check("the socket is there for everybody, and gone after SIGTERM")
def _():
	s = Service("--socket", path)
	assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
	s.end()
	assert not os.path.exists(path)


@check("a socket that nobody listens on is replaced, another service's is not")
def _():
	s = Service("--socket", path)
	s.p.kill()
	s.p.wait(PATIENCE)
	s = Service("--socket", path)
	status, told = fails("--socket", path)
	assert status == 1 and "another service" in told
	raw()
	s.end()


@check("without /dev/vmm the answer says so")
def _():
	if os.path.exists("/dev/vmm"):
		return "there is one here"
	s = Service("--socket", path)
	vmm = Vmm(path)
	for method in ("open", "list", "create", "limit"):
		try:
			vmm.call(method)
			raise AssertionError(method)
		except VmmError as e:
			assert e.code == -32000 and e.errno == "ENOENT" and "modprobe" in str(e)
	for at, why in ((path, "gives no descriptor"), (path + "2", "load the module"), ("", "load the module")):
		p = subprocess.run([vmmtrace, "vm", "info"], stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
				   env={**os.environ, "VMMTRACE_SOCKET": at})
		assert p.returncode == 1 and why in p.stderr, p.stderr
	s.end()


service = Service("--socket", path, "--limit-connections", "20", "--limit-message", "8K")


@check("what is no JSON, or no request, is answered, and the connection goes on")
def _():
	s, f = raw()
	for line, want in ((b"{", -32700), (b"[" * 8000, -32700), (b"\xff", -32700), (b"\0", -32700),
			   (b"1", -32600), (b"[]", -32600), (b"{}", -32600),
			   (b'{"jsonrpc":"2.0","id":1,"method":"x"}', -32601),
			   (b'{"jsonrpc":"2.0","id":1,"method":"list","params":1}', -32602),
			   (b'{"jsonrpc":"2.0","id":1,"method":"list","params":{"a":1}}', -32602),
			   (b'{"jsonrpc":"2.0","id":1,"method":"load","params":{"file":"/etc/passwd"}}', -32602),
			   (b'{"jsonrpc":"2.0","id":1,"method":"run","params":{"call":"term"}}', -32602)):
		s.sendall(line + b"\r\n")
		assert code(f) == want, line
	s.sendall(b"\n\n\r\n{}\n")
	assert code(f) == -32600


@check("many requests at once are answered in order")
def _():
	s, f = raw()
	s.sendall(b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"x"}\n' % n for n in range(1000)))
	assert [json.loads(f.readline())["id"] for _ in range(1000)] == list(range(1000))


@check("a request that comes byte by byte")
def _():
	s, f = raw()
	for byte in b'{"jsonrpc":"2.0","id":1,"method":"x"}\n':
		s.sendall(bytes([byte]))
	assert code(f) == -32601


@check("a message that is too long: told, and cut off")
def _():
	s, f = raw()
	try:
		for _ in range(1000):
			s.sendall(b"x" * 65536)
		raise AssertionError("all was taken")
	except OSError:
		pass
	assert code(f) == -32001 and cut_off(f)
	s, f = raw()
	s.sendall(b"x" * 8193 + b"\n" + b'{"jsonrpc":"2.0","id":1,"method":"x"}\n')
	assert code(f) == -32001 and cut_off(f)


@check("half a message, then the end: told, and cut off")
def _():
	s, f = raw()
	s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"x"}\n{"json')
	s.shutdown(socket.SHUT_WR)
	assert code(f) == -32601 and code(f) == -32001 and cut_off(f)


@check("who has said all is answered all")
def _():
	s, f = raw()
	s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"x"}\n' * 100)
	s.shutdown(socket.SHUT_WR)
	assert len(f.read().splitlines()) == 100


@check("half a message for 30 seconds: told, and cut off")
def _():
	s, f = raw()
	s.sendall(b'{"json')
	assert code(f) == -32001 and cut_off(f)


@check("who does not read the answers is not read any more, others are")
def _():
	s, f = raw()
	s.settimeout(1)
	try:
		for _ in range(10000):
			s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"x"}\n' * 100)
		raise AssertionError("all was taken")
	except socket.timeout:
		pass
	other, g = raw()
	other.sendall(b"{}\n")
	assert code(g) == -32600
	assert code(f) == -32601


def served():
	"""A connection that is answered: it may be refused while those of earlier checks are not quite gone."""
	for _ in range(1000):
		s, f = raw()
		try:
			s.sendall(b"{}\n")
			if code(f) == -32600:
				return s, f
		except (OSError, ValueError):
			pass
		time.sleep(0.01)
	raise AssertionError("never served")


@check("a connection too many: told, and cut off")
def _():
	some = [served() for _ in range(20)]
	s, f = raw()
	assert code(f) == -32001 and cut_off(f)
	some[19][0].sendall(b"{}\n")
	assert code(some[19][1]) == -32600


@check("nothing is left of them")
def _():
	s, f = raw()
	for _ in range(1000):
		s.sendall(b"{}\n")
		assert code(f) == -32600
		if len(os.listdir("/proc/%d/fd" % service.p.pid)) <= 7:
			break
	else:
		raise AssertionError(os.listdir("/proc/%d/fd" % service.p.pid))
	service.end()


@check("a rate: what comes faster waits, and is not lost")
def _():
	s = Service("--socket", path, "--limit-rate", "50")
	c, f = raw()
	c.sendall(b"{}\n" * 120)
	for _ in range(120):
		assert code(f) == -32600
	s.end()


@check("a socket that systemd passes, and its watchdog")
def _():
	listening = socket.socket(socket.AF_UNIX)
	listening.bind(dir + "/passed")
	listening.listen()

	def pass_it():
		os.dup2(listening.fileno(), 3)
		os.environ["LISTEN_PID"] = str(os.getpid())
	script = 'LISTEN_PID=$$ exec "$0" serve'
	told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	told.settimeout(PATIENCE)
	told.bind(dir + "/notify")
	p = subprocess.Popen(["sh", "-c", script, vmmtrace], preexec_fn=pass_it, pass_fds=[3], stderr=subprocess.PIPE,
			     env={**os.environ, "LISTEN_FDS": "1", "NOTIFY_SOCKET": dir + "/notify",
				  "WATCHDOG_USEC": "200000"})
	assert told.recv(100) == b"READY=1"
	for _ in range(3):
		assert told.recv(100) == b"WATCHDOG=1"
	c, f = raw(dir + "/passed")
	c.sendall(b"{}\n")
	assert code(f) == -32600
	p.terminate()
	assert p.wait(PATIENCE) == 0 and p.stderr.read() == b"" and os.path.exists(dir + "/passed")


@check("systemd takes the units")
def _():
	if not shutil.which("systemd-analyze"):
		return "no systemd-analyze (Debian package systemd)"
	text = open(units + "/vmmtrace.service").read()
	exe = [line for line in text.splitlines() if line.startswith("ExecStart=")][0].split("=")[1].split()[0]
	# Where it will be installed there may be nothing yet.
	open(dir + "/vmmtrace.service", "w").write(text.replace(exe, vmmtrace))
	src = units if os.path.exists(units + "/vmmtrace.socket") else os.path.join(sys.path[0], "../../src/serve")
	shutil.copy(src + "/vmmtrace.socket", dir)
	p = subprocess.run(["systemd-analyze", "verify", "--man=no", dir + "/vmmtrace.service", dir + "/vmmtrace.socket"],
			   stderr=subprocess.PIPE, text=True)
	ours = [line for line in p.stderr.splitlines() if "vmmtrace" in line]
	assert not ours, ours


shutil.rmtree(dir)
print("1..%d" % count)
