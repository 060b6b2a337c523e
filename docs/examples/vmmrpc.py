#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client of `vmmtrace serve`: JSON-RPC 2.0, a line a message, over a Unix socket.

	vmm = Vmm()
	vmm.call("list")                     # a method, with its params by name
	fd = vmm.open()                      # or /dev/vmm itself, for ioctls

As a program it makes a guest of seven bytes, runs it, and tells what it did.
"""
import json
import os
import socket
import sys


class VmmError(Exception):
	"""The service's answer was an error: code, message, and data["errno"] of a call."""

	def __init__(self, error):
		super().__init__(error["message"])
		self.code = error["code"]
		self.errno = error.get("data", {}).get("errno")


class Vmm:
	def __init__(self, path=None):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.connect(path or os.environ.get("VMMTRACE_SOCKET", "/run/vmmtrace.sock"))
		self.buffer = b""
		self.fds = []
		self.last_id = 0

	def call(self, method, **params):
		"""Call a method and wait for its result."""
		self.last_id += 1
		request = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}
		self.sock.sendall(json.dumps(request).encode() + b"\n")
		answer = self.receive()
		if "error" in answer:
			raise VmmError(answer["error"])
		return answer["result"]

	def receive(self):
		"""The next answer; descriptors that come along are in self.fds."""
		while b"\n" not in self.buffer:
			data, fds, _, _ = socket.recv_fds(self.sock, 65536, 4)
			if not data:
				raise ConnectionError("the service has hung up")
			self.buffer += data
			self.fds += fds
		line, self.buffer = self.buffer.split(b"\n", 1)
		return json.loads(line)

	def run(self, vm, **params):
		"""RUN until the guest wants something: it may come back for nothing at any time."""
		result = self.call("run", vrp_vm_id=vm, **params)
		while result.get("exit", "intr") in ("intr", "nmi"):
			result = self.call("run", vrp_vm_id=vm)
		return result

	def open(self):
		"""A descriptor of /dev/vmm, with this user's limits."""
		self.call("open")
		return self.fds.pop(0)


def main():
	vmm = Vmm(*sys.argv[1:2])
	# One page that ends at the reset vector: MOV $0x1234, %AX; OUT %AX, $0xe1; STI; HLT.
	vm = vmm.call("create", vcp_name="python",
		      vcp_memranges=[{"vmr_gpa": "0xfffff000", "vmr_size": 4096}])["vcp_id"]
	vmm.call("load", gpa="0xfffffff0", hex="b83412e7e1fbf4")
	vmm.call("reset")
	out = vmm.run(vm)
	print(out["exit"], out["vrp_exit"]["vei"]["vei_port"], out["vrp_exit"]["vei"]["vei_data"])
	print(vmm.run(vm, vrp_exit={"vrs": {"vrs_gprs": {"rip": "+2"}}})["exit"])
	print("classes:", " ".join(sorted(vmm.call("stats", vm=vm)["classes"])))
	vmm.call("term", vtp_vm_id=vm)


if __name__ == "__main__":
	main()
