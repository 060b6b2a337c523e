// SPDX-License-Identifier: GPL-2.0-only
/* /dev/vmm, and what to say if it is not there. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trace/record.h"

static void explain(int err, char *msg, size_t size)
{
	switch (-err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		snprintf(msg, size, "no " VMM_DEVICE ": load the module (modprobe vmm), or use an emulated host (vmmtrace lab --cpu amd -- vmmtrace ...)");
		break;
	case EACCES:
	case EPERM:
		snprintf(msg, size, "no permission to open " VMM_DEVICE ": run as root, join the group that owns it, or have it served (vmmtrace serve)");
		break;
	case ECONNREFUSED:
		snprintf(msg, size, "vmmtrace serve gives no descriptor of " VMM_DEVICE ": its answer to {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"open\"} says why");
		break;
	default:
		snprintf(msg, size, "cannot open " VMM_DEVICE ": %s", strerror(-err));
	}
}

int calls_check(int fd, struct vmm_version *ret, char *msg, size_t size)
{
	struct vmm_version v = {};
	int err = vmm_version(fd, &v);

	if (err == -EBADF || err == -ENOTTY || err == -EINVAL) {
		snprintf(msg, size, "descriptor %d is not " VMM_DEVICE ": open it in the shell (exec %d<>" VMM_DEVICE ")", fd, fd);
		return err;
	}
	if (err || v.vv_abi != VMM_ABI_VERSION || v.vv_schema != VMMT_SCHEMA_VERSION) {
		snprintf(msg, size, "vmm.ko speaks version %u.%u, this vmmtrace %u.%u: load the module that belongs to it",
			 v.vv_abi, v.vv_schema, VMM_ABI_VERSION, VMMT_SCHEMA_VERSION);
		return err ? err : -EPROTO;
	}
	*ret = v;
	return 0;
}

int calls_open_device(char *msg, size_t size)
{
	int fd = open(VMM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	fd = -errno;
	explain(fd, msg, size);
	return fd;
}

int calls_open(struct vmm_version *ret, char *msg, size_t size)
{
	int fd = vmm_open(), err;

	if (fd < 0) {
		explain(fd, msg, size);
		return fd;
	}
	err = calls_check(fd, ret, msg, size);
	if (!err)
		return fd;
	close(fd);
	return err;
}
