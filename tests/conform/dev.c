// SPDX-License-Identifier: GPL-2.0-only
/* The device; the VM that a call is about. */
#include "conform.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void dev_node(void)
{
	struct stat st;

	EXPECT(!stat(DEVICE, &st));
	EXPECT(S_ISCHR(st.st_mode));
	EXPECT_EQ(st.st_mode & 07777, 0660);
}

void dev_open_twice(void)
{
	int a = device(), b = device();
	uint32_t id = create_small(a);

	EXPECT(create_small(b) != id);
}

void dev_unknown(void)
{
	unsigned long unknown[] = {
		_IO('V', 0), _IO('V', 12), _IO('V', 0xff), _IO('W', 1),
		_IOWR('V', 1, char[8]), _IOW('V', 4, char[8]), _IOWR('V', 2, char[600]),
	};
	size_t i;
	int fd = device();

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		EXPECT_ERR(call(fd, unknown[i], NULL), ENOTTY);
}

void dev_read(void)
{
	char byte = 0;
	int fd = device();

	EXPECT(read(fd, &byte, 1) < 0 && errno == EINVAL);
	EXPECT(write(fd, &byte, 1) < 0 && errno == EINVAL);
}

#define EFAULTS(name, NAME) \
	void dev_efault_##name(void) { EXPECT_ERR(call(device(), VMM_IOC_##NAME, NULL), EFAULT); }
CONFORM_CALLS(EFAULTS)

/* The results go back into the structure, which is read-only here. */
void dev_result_readonly(void)
{
	struct vm_info_params *vip = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(vip != MAP_FAILED);
	EXPECT_ERR(call(device(), VMM_IOC_INFO, vip), EFAULT);
}

void dev_result_on_failure(void)
{
	struct vm_create_params vcp = small_vm(), before;

	vcp.vcp_ncpus = 0;
	vcp.vcp_id = 77;
	vcp.vcp_asid[3] = 5;
	before = vcp;
	EXPECT_ERR(call(device(), VMM_IOC_CREATE, &vcp), EINVAL);
	EXPECT(!memcmp(&vcp, &before, sizeof(vcp)));
}

/* ---- the VM and the vCPU that a call names ---- */

/* Any call on a VM: its structure begins with the ids. */
static int attempt(int fd, unsigned long cmd, uint32_t id, uint32_t vcpu)
{
	union {
		uint32_t ids[2];
		struct vm_run_params run;
		char room[4096];
	} arg = { .ids = { id } };
	static struct vm_exit exit;

	if (_IOC_SIZE(cmd) > sizeof(uint32_t))
		arg.ids[1] = vcpu;
	if (cmd == VMM_IOC_RUN)
		arg.run.vrp_exit = &exit;
	return call(fd, cmd, &arg);
}

static void unknown_vm(unsigned long cmd)
{
	int fd = device();
	uint32_t id = create_small(fd);

	EXPECT_ERR(attempt(fd, cmd, 0, 0), ENOENT);
	EXPECT_ERR(attempt(fd, cmd, id + 1, 0), ENOENT);
	EXPECT_ERR(attempt(fd, cmd, UINT32_MAX, 0), ENOENT);
}

static void ended_vm(unsigned long cmd)
{
	int fd = device();
	uint32_t id = create_small(fd);

	MUST(term(fd, id));
	EXPECT_ERR(attempt(fd, cmd, id, 0), ENOENT);
}

/* Also root's, also of the same process. */
static void others_vm(unsigned long cmd)
{
	uint32_t id = create_small(device());

	EXPECT_ERR(attempt(device(), cmd, id, 0), EPERM);
}

static void unknown_vcpu(unsigned long cmd)
{
	int fd = device();
	uint32_t id = create_small(fd);

	EXPECT_ERR(attempt(fd, cmd, id, 1), ENOENT);
	EXPECT_ERR(attempt(fd, cmd, id, VMM_MAX_VCPUS_PER_VM), ENOENT);
	EXPECT_ERR(attempt(fd, cmd, id, UINT32_MAX), ENOENT);
	EXPECT_ERR(attempt(device(), cmd, id, 1), EPERM);
}

#define FIND_VM(name, NAME) \
	void find_unknown_##name(void) { unknown_vm(VMM_IOC_##NAME); } \
	void find_ended_##name(void) { ended_vm(VMM_IOC_##NAME); } \
	void find_others_##name(void) { others_vm(VMM_IOC_##NAME); }
CONFORM_ON_VM(FIND_VM)

#define FIND_VCPU(name, NAME) \
	void find_vcpu_##name(void) { unknown_vcpu(VMM_IOC_##NAME); }
CONFORM_ON_VCPU(FIND_VCPU)
