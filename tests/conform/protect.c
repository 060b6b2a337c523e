// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_MPROTECT_EPT, of vmm(4) up to 7.5. */
#include "guest.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE 0x1000ULL

GUEST(64, forever, FOREVER);
GUEST(64, halt_off, "cli\n hlt\n");
GUEST(64, write_data, "mov $0x20000, %ebx\n movb $0x5a, (%rbx)\n out %al, $0x80\n");
GUEST(64, call_data, "mov $0x20000, %ebx\n call *%rbx\n out %al, $0x80\n");

static int protect(struct guest *g, uint64_t gpa, uint64_t size, int prot)
{
	struct vm_mprotect_ept_params vmep = {
		.vmep_vm_id = g->id, .vmep_sgpa = gpa, .vmep_size = size, .vmep_prot = prot,
	};

	return call(g->fd, VMM_IOC_MPROTECT_EPT, &vmep);
}

#define PROTECT(name, err, gpa, size, prot) \
	void mprotect_##name(void) \
	{ \
		struct guest g; \
		\
		make(&g, 1); \
		EXPECT_ERR(protect(&g, gpa, size, prot), err); \
	}

PROTECT(whole, 0, 0, RAM_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC)
PROTECT(gpa_unaligned, EINVAL, 0x800, PAGE, PROT_READ)
PROTECT(size_unaligned, EINVAL, 0, 0x800, PROT_READ)
PROTECT(size_zero, EINVAL, 0, 0, PROT_READ)
PROTECT(wraps, EINVAL, -PAGE, 2 * PAGE, PROT_READ)
PROTECT(limit, EINVAL, 512ULL << 30, PAGE, PROT_READ)
PROTECT(none, EINVAL, 0, PAGE, PROT_NONE)
PROTECT(write_only, EINVAL, 0, PAGE, PROT_WRITE)
PROTECT(mmio, EINVAL, MMIO_GPA, PAGE, PROT_READ)
PROTECT(unknown, EINVAL, RAM_SIZE, PAGE, PROT_READ)
PROTECT(beyond, EINVAL, RAM_SIZE - PAGE, 2 * PAGE, PROT_READ)

/* Where vmd(8) has its devices, even if there is memory. */
void mprotect_devices(void)
{
	struct vm_create_params vcp = small_vm();
	struct guest g = { .fd = device() };

	vcp.vcp_memranges[0].vmr_gpa = 0xf0000000;
	MUST(call(g.fd, VMM_IOC_CREATE, &vcp));
	g.id = vcp.vcp_id;
	EXPECT_ERR(protect(&g, 0xf0000000, PAGE, PROT_READ), EINVAL);
}

void mprotect_terminated(void)
{
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_ERR(protect(&g, 0, PAGE, PROT_READ), EBUSY);
	EXPECT_ERR(protect(&g, 0, 0, PROT_READ), EBUSY);
}

void mprotect_running(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, forever);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	EXPECT_ERR(protect(&g, 0, PAGE, PROT_READ), EBUSY);
	MUST(interrupt(&g, thread));
}

/* A fault for what is forbidden, with the address; the access, once it is permitted. */
static void forbids(struct guest *g, int prot, uint8_t access)
{
	MUST(protect(g, DATA, PAGE, prot));
	EXPECT_EQ(run(g), reason(R_NESTED_FAULT));
	EXPECT_EQ(g->exit.vee.vee_fault_type, VEE_FAULT_PROTECT);
	EXPECT_EQ(g->exit.ve_gpa, DATA);
	EXPECT_EQ(g->exit.ve_access, access);
	MUST(protect(g, DATA, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	run_to_out(g);
}

void mprotect_write(void)
{
	struct guest g;

	START(&g, LONG, write_data);
	forbids(&g, PROT_READ | PROT_EXEC, 2);
	EXPECT_EQ(g.ram[DATA], 0x5a);
}

void mprotect_execute(void)
{
	struct guest g;

	START(&g, LONG, call_data);
	g.ram[DATA] = 0xc3;			/* RET */
	forbids(&g, PROT_READ | PROT_WRITE, 4);
}

void mprotect_caller(void)
{
	struct guest g;

	make(&g, 1);
	MUST(protect(&g, DATA, PAGE, PROT_READ));
	g.ram[DATA] = 1;
	EXPECT_EQ(g.ram[DATA], 1);
}
