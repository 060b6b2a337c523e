// SPDX-License-Identifier: GPL-2.0-only
/*
 * share caller|kernel fork|pass: guest memory shared into a second process with
 * SHAREMEM, as vmd(8) has its devices in processes of their own. The second one
 * inherits the descriptor, or is passed it over a socket.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include "client.h"

#define MEMORY		0x100000
#define CODE		0x1000
#define QUESTION	0x2000
#define ANSWER		0x80000

/* Real mode, all segments at 0. */
static const uint8_t code[] = {
	0xc7, 0x06, 0x00, 0x20, 0x34, 0x12,	/* movw $0x1234, QUESTION */
	0xe6, 0x80,			/* out %al, $0x80 */
	0xb8, 0x00, 0x80,		/* mov $0x8000, %ax */
	0x8e, 0xd8,			/* mov %ax, %ds */
	0xa1, 0x00, 0x00,		/* mov 0, %ax: at ANSWER */
	0xe7, 0x81,			/* out %ax, $0x81 */
	0xf4,				/* hlt */
};

static void load(void)
{
	memcpy(memory(CODE), code, sizeof(code));
}

static void start(void)
{
	struct vcpu_segment_info segment = { 0, 0xffff, 0x0093, 0 };
	struct vcpu_reg_state vrs;

	first_state(&vrs, CODE, segment, segment);
	vrs.vrs_idtr.vsi_limit = 0x3ff;
	reset(&vrs);
}

static void pass(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) != 1)
		err(1, "sendmsg");
}

static int receive(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		err(1, "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* One byte: the other's turn. */
static void wait_for(int sock)
{
	char byte;

	if (read(sock, &byte, 1) != 1)
		errx(1, "the other process is gone");
}

static void tell(int sock)
{
	if (write(sock, "", 1) != 1)
		err(1, "write");
}

static void share(struct vm_sharemem_params *vsp)
{
	memset(vsp, 0, sizeof(*vsp));
	vsp->vsp_vm_id = vcp.vcp_id;
	vsp->vsp_nmemranges = vcp.vcp_nmemranges;
	memcpy(vsp->vsp_memranges, vcp.vcp_memranges, sizeof(vsp->vsp_memranges));
	vsp->vsp_memranges[0].vmr_size += 0x1000;
	check(ioctl(vmm_fd, VMM_IOC_SHAREMEM, vsp) == -1 && errno == EINVAL,
	    "SHAREMEM of other ranges: EINVAL");
	vsp->vsp_memranges[0].vmr_size -= 0x1000;
	check(ioctl(vmm_fd, VMM_IOC_SHAREMEM, vsp) == 0 && vsp->vsp_va[0], "SHAREMEM");
}

/* The second process. */
static int second(int sock, int passed)
{
	struct vm_sharemem_params vsp;
	uint8_t *p;

	if (passed)
		vmm_fd = receive(sock);
	share(&vsp);
	if (!vsp.vsp_va[0])
		return 1;
	p = (uint8_t *)vsp.vsp_va[0];
	check(!memcmp(p + CODE, code, sizeof(code)), "the second process sees the guest's code");
	check(ioctl(vmm_fd, VMM_IOC_RUN, &vrp) == -1 && errno == EPERM,
	    "RUN is the creator's: EPERM");
	tell(sock);
	wait_for(sock);
	check(*(uint16_t *)(p + QUESTION) == 0x1234, "it sees what the guest writes");
	*(uint16_t *)(p + ANSWER) = 0x5678;
	tell(sock);
	wait_for(sock);
	check(*(uint16_t *)(p + QUESTION) == 0x1234, "its mapping outlives the VM");
	check(ioctl(vmm_fd, VMM_IOC_SHAREMEM, &vsp) == -1 && errno == ENOENT,
	    "SHAREMEM of a VM that is gone: ENOENT");
	fflush(stdout);
	return failures != 0;
}

int main(int argc, char **argv)
{
	int sock[2], passed, status = 1;
	pid_t child;

	if (argc != 3)
		errx(2, "usage: share caller|kernel fork|pass");
	passed = !strcmp(argv[2], "pass");
	vcp.vcp_nmemranges = 1;
	vcp.vcp_memranges[0].vmr_size = MEMORY;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock))
		err(1, "socketpair");
	create("share", generation(argc, argv), load);
	start();
	fflush(stdout);
	child = fork();
	if (child == -1)
		err(1, "fork");
	if (!child) {
		if (passed)
			close(vmm_fd);
		close(sock[0]);
		_exit(second(sock[1], passed));
	}
	close(sock[1]);
	if (passed)
		pass(sock[0], vmm_fd);
	wait_for(sock[0]);
	expect_out(0x80, "the question is written");
	check(*(uint16_t *)memory(QUESTION) == 0x1234, "the first process sees it");
	tell(sock[0]);
	wait_for(sock[0]);
	check(expect_out(0x81, "the answer was read") == 0x5678,
	    "the guest sees what the second process writes");
	finish();
	tell(sock[0]);
	check(waitpid(child, &status, 0) == child && status == 0,
	    "the second process saw all that");
	return failures != 0;
}
