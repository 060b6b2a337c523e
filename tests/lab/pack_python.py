# SPDX-License-Identifier: GPL-2.0-only
"""pack_python.py DIR: what an emulated host needs to run Python: prints the options of
`vmmtrace lab` that bring it, with what the tests import; PYTHONHOME is /root/py there."""
import sys
import zipfile

import array, errno, fcntl, json, os, resource, select, signal, socket, struct, subprocess  # noqa
import threading, time, traceback  # noqa
import encodings.ascii, encodings.latin_1, encodings.utf_8  # noqa

version = "%d.%d" % sys.version_info[:2]
dest = "/root/py/lib/"
home = os.path.dirname(os.__file__)
path = os.path.join(sys.argv[1], "stdlib.zip")
adds = [os.path.realpath(sys.executable) + ":/root/python3",
	path + ":" + dest + "python" + version.replace(".", "") + ".zip"]
with zipfile.ZipFile(path, "w") as z:
	files = {getattr(module, "__file__", None) for name, module in sys.modules.items()
		 if name != "__main__"}
	for file in sorted(files - {None}):
		if file.endswith(".py"):
			z.write(file, os.path.relpath(file, home))
		else:
			adds.append(file + ":" + dest + "python" + version + "/lib-dynload/" +
				    os.path.basename(file))
print(" ".join("--add " + add for add in adds))
