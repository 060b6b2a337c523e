// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "libvmm.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "trace/record.h"

static int call(int fd, unsigned long cmd, const void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

/* ---- opening ---- */

/* A connection to the service at that path; -1 if there is none. */
static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 30 };
	int sock;

	if (strlen(path) >= sizeof(to.sun_path))
		return -1;
	strcpy(to.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -1;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(sock, (struct sockaddr *)&to, sizeof(to)))
		return sock;
	close(sock);
	return -1;
}

/* The descriptor that comes with the answer; -1 if none does. */
static int receive_fd(int sock)
{
	char text[512];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int fd;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	cmsg = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Ask the service for a descriptor. Returns err if nobody serves. */
static int open_through(const char *path, int err)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"open\"}\n";
	int sock = connect_to(path), fd = -1;

	if (sock < 0)
		return err;
	if (send(sock, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1)
		fd = receive_fd(sock);
	close(sock);
	return fd < 0 ? -ECONNREFUSED : fd;
}

int vmm_open(void)
{
	const char *path = secure_getenv("VMMTRACE_SOCKET");
	int fd = open(VMM_DEVICE, O_RDWR | O_CLOEXEC), err = -errno;

	if (fd >= 0)
		return fd;
	if (err != -EACCES && err != -EPERM && !(err == -ENOENT && path))
		return err;
	return open_through(path ? path : VMM_SOCKET, err);
}

/* ---- the calls ---- */

int vmm_version(int fd, struct vmm_version *ret)
{
	return call(fd, VMM_IOC_VERSION, ret);
}

int vmm_clock(int fd)
{
	return call(fd, VMM_IOC_CLOCK, NULL);
}

int vmm_limit(int fd, struct vmm_limit *vl)
{
	return call(fd, VMM_IOC_LIMIT, vl);
}

int vmm_create(int fd, struct vm_create_params *vcp)
{
	return call(fd, VMM_IOC_CREATE, vcp);
}

int vmm_run(int fd, struct vm_run_params *vrp)
{
	return call(fd, VMM_IOC_RUN, vrp);
}

int vmm_info(int fd, struct vm_info_params *vip)
{
	return call(fd, VMM_IOC_INFO, vip);
}

int vmm_term(int fd, uint32_t vm)
{
	struct vm_terminate_params vtp = { .vtp_vm_id = vm };

	return call(fd, VMM_IOC_TERM, &vtp);
}

int vmm_reset_cpu(int fd, const struct vm_resetcpu_params *vrp)
{
	return call(fd, VMM_IOC_RESETCPU, vrp);
}

int vmm_intr(int fd, uint32_t vm, uint32_t vcpu, bool pending)
{
	struct vm_intr_params vip = {
		.vip_vm_id = vm, .vip_vcpu_id = vcpu, .vip_intr = pending,
	};

	return call(fd, VMM_IOC_INTR, &vip);
}

int vmm_read_regs(int fd, struct vm_rwregs_params *vrwp)
{
	return call(fd, VMM_IOC_READREGS, vrwp);
}

int vmm_write_regs(int fd, const struct vm_rwregs_params *vrwp)
{
	return call(fd, VMM_IOC_WRITEREGS, vrwp);
}

int vmm_read_vmparams(int fd, struct vm_rwvmparams_params *vpp)
{
	return call(fd, VMM_IOC_READVMPARAMS, vpp);
}

int vmm_write_vmparams(int fd, const struct vm_rwvmparams_params *vpp)
{
	return call(fd, VMM_IOC_WRITEVMPARAMS, vpp);
}

int vmm_sharemem(int fd, struct vm_sharemem_params *vsp)
{
	return call(fd, VMM_IOC_SHAREMEM, vsp);
}

int vmm_mprotect_ept(int fd, const struct vm_mprotect_ept_params *vmep)
{
	return call(fd, VMM_IOC_MPROTECT_EPT, vmep);
}

int vmm_map_stats(int fd, uint32_t vm, uint32_t vcpu, const struct vmm_stats **ret)
{
	const struct vmm_stats *st = mmap(NULL, sizeof(*st), PROT_READ, MAP_SHARED, fd,
					  (off_t)VMM_STATS_OFFSET(vm, vcpu));

	if (st == MAP_FAILED)
		return -errno;
	if (st->vs_version != VMM_STATS_VERSION || st->vs_size != sizeof(*st)) {
		munmap((void *)st, sizeof(*st));
		return -EPROTO;
	}
	*ret = st;
	return 0;
}

void vmm_unmap_stats(const struct vmm_stats *stats)
{
	if (stats)
		munmap((void *)stats, sizeof(*stats));
}

unsigned int vmm_exit_class(unsigned int isa, uint32_t reason)
{
#define X(first, last, class, name) case first ... last: return VMMT_CLASS_##class;
	if (isa == VMMT_ISA_svm) {
		switch (reason) {
		VMMT_SVM_CODES(X)
		}
	} else {
		switch (reason) {
		VMMT_VMX_CODES(X)
		}
	}
#undef X
	return VMMT_CLASS_other;
}
