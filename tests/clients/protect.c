// SPDX-License-Identifier: GPL-2.0-only
/*
 * protect caller|kernel: page protections on guest memory, with MPROTECT_EPT. The
 * guest reads, writes and calls where it is told; a forbidden access comes out
 * as VEE_FAULT_PROTECT, and succeeds once it is permitted.
 */
#include "client.h"

#define MIB		0x100000ul
#define CODE		0x1000
#define GDT		0x2000
#define STACK		0x8000
#define LOW		0x20000ul	/* in small pages */
#define HIGH		0x312000ul	/* where a large page may be */
#define COMMAND		0xe0		/* reads an address and one of these */
#define DONE		0xe1
enum { READ, WRITE, CALL };

static const uint8_t code[] = {
	0xe5, COMMAND,			/* 0: in $COMMAND, %eax */
	0x89, 0xc3,			/* mov %eax, %ebx */
	0x83, 0xe3, 0xfc,		/* and $~3, %ebx */
	0x83, 0xe0, 0x03,		/* and $3, %eax */
	0x74, 0x0b,			/* jz 1f */
	0x48,				/* dec %eax */
	0x74, 0x0e,			/* jz 2f */
	0xff, 0xd3,			/* call *%ebx */
	0xb0, CALL,			/* mov $CALL, %al */
	0xe6, DONE,			/* out %al, $DONE */
	0xeb, 0xe9,			/* jmp 0b */
	0x8a, 0x03,			/* 1: mov (%ebx), %al */
	0xe6, DONE,			/* out %al, $DONE */
	0xeb, 0xe3,			/* jmp 0b */
	0xc6, 0x03, 0x5a,		/* 2: movb $0x5a, (%ebx) */
	0xb0, WRITE,			/* mov $WRITE, %al */
	0xe6, DONE,			/* out %al, $DONE */
	0xeb, 0xda,			/* jmp 0b */
};

static void load(void)
{
	memcpy(memory(CODE), code, sizeof(code));
	put64(GDT + 0x8, 0x00cf9b000000ffff);
	put64(GDT + 0x10, 0x00cf93000000ffff);
	*memory(LOW + 4) = 0xc3;		/* ret */
	*memory(HIGH + 4) = 0xc3;
}

static void start(void)
{
	struct vcpu_segment_info code_segment = { 0x8, 0xffffffff, 0xc09b, 0 };
	struct vcpu_segment_info data = { 0x10, 0xffffffff, 0xc093, 0 };
	struct vcpu_reg_state vrs;

	first_state(&vrs, CODE, code_segment, data);
	vrs.vrs_gprs[VCPU_REGS_RSP] = STACK;
	vrs.vrs_crs[VCPU_REGS_CR0] |= CR0_PE;
	vrs.vrs_gdtr = (struct vcpu_segment_info){ 0, 0x17, 0, GDT };
	reset(&vrs);
}

static int protect(paddr_t gpa, size_t size, int prot)
{
	struct vm_mprotect_ept_params vmep;

	memset(&vmep, 0, sizeof(vmep));
	vmep.vmep_vm_id = vcp.vcp_id;
	vmep.vmep_sgpa = gpa;
	vmep.vmep_size = size;
	vmep.vmep_prot = prot;
	return ioctl(vmm_fd, VMM_IOC_MPROTECT_EPT, &vmep) == -1 ? errno : 0;
}

/* The access that was tried last ends with the OUT, or faults. */
static int done(void)
{
	enum what what = run();

	if (what == PORT && vm_exit.vei.vei_port == DONE) {
		advance();
		return 1;
	}
	if (what != FAULT)
		errx(1, "unexpected exit %#x", vrp.vrp_exit_reason);
	return 0;
}

static int guest_can(unsigned int command, paddr_t gpa)
{
	enum what what = run();

	if (what != PORT || vm_exit.vei.vei_port != COMMAND)
		errx(1, "unexpected exit %#x", vrp.vrp_exit_reason);
	vm_exit.vei.vei_data = (uint32_t)gpa | command;
	advance();
	return done();
}

static int is_protect(void)
{
	return vm_exit.vee.vee_fault_type == VEE_FAULT_PROTECT;
}

static void page(paddr_t gpa, const char *what)
{
	check(guest_can(WRITE, gpa) && guest_can(READ, gpa) && guest_can(CALL, gpa + 4),
	    "%s: all is permitted", what);
	*memory(gpa) = 0;
	check(protect(gpa, 0x1000, PROT_READ | PROT_EXEC) == 0, "%s: PROT_READ | PROT_EXEC", what);
	check(guest_can(READ, gpa) && guest_can(CALL, gpa + 4), "%s: reads and runs", what);
	check(!guest_can(WRITE, gpa) && is_protect() && *memory(gpa) == 0,
	    "%s: a write is passed on, and does nothing", what);
	check(!done() && is_protect(), "%s: and again", what);
	check(protect(gpa, 0x1000, PROT_READ | PROT_WRITE) == 0, "%s: PROT_READ | PROT_WRITE",
	    what);
	check(done() && *memory(gpa) == 0x5a, "%s: it is permitted now", what);
	check(guest_can(READ, gpa), "%s: so is reading", what);
	check(!guest_can(CALL, gpa + 4) && is_protect(), "%s: running is passed on", what);
	check(protect(gpa, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "%s: all again", what);
	check(done(), "%s: and runs", what);
}

static void neighbours(void)
{
	check(protect(HIGH, 0x1000, PROT_READ) == 0, "one page within 2 MiB");
	check(guest_can(WRITE, HIGH - 0x1000) && guest_can(WRITE, HIGH + 0x1000),
	    "its neighbours are as they were");
	check(!guest_can(WRITE, HIGH + 0xffc) && is_protect(), "it is not, up to its end");
	check(protect(2 * MIB, 2 * MIB, PROT_READ | PROT_WRITE) == 0 && done(), "all of 2 MiB");
	check(!guest_can(CALL, HIGH + 4) && is_protect(), "forbid what they forbid");
	check(protect(0, 8 * MIB, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 && done(),
	    "all of the memory");
	check(protect(4 * MIB, 4 * MIB, PROT_READ) == 0, "what nobody has touched");
	check(!guest_can(WRITE, 6 * MIB) && is_protect(), "is protected when it is touched");
	check(protect(4 * MIB, 4 * MIB, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 && done(),
	    "and all is well again");
}

static void refused(void)
{
	struct vm_mprotect_ept_params vmep;

	check(protect(LOW + 1, 0x1000, PROT_READ) == EINVAL, "an odd address: EINVAL");
	check(protect(LOW, 0x800, PROT_READ) == EINVAL, "an odd size: EINVAL");
	check(protect(LOW, 0, PROT_READ) == EINVAL, "a size of 0: EINVAL");
	check(protect(LOW, 0x1000, PROT_WRITE) == EINVAL, "write without read: EINVAL");
	check(protect(LOW, 0x1000, PROT_NONE) == EINVAL, "no permission: EINVAL");
	check(protect(7 * MIB, 2 * MIB, PROT_READ) == EINVAL, "beyond memory: EINVAL");
	check(protect(LOW, -LOW, PROT_READ) == EINVAL, "to the end of addresses: EINVAL");
	check(protect(-0x1000ul, 0x2000, PROT_READ) == EINVAL, "around the end: EINVAL");
	check(protect(0xf0000000, 0x1000, PROT_READ) == EINVAL, "among the devices: EINVAL");
	memset(&vmep, 0, sizeof(vmep));
	vmep.vmep_vm_id = vcp.vcp_id;
	vmep.vmep_vcpu_id = 1;
	check(ioctl(vmm_fd, VMM_IOC_MPROTECT_EPT, &vmep) == -1 && errno == ENOENT,
	    "no such vCPU: ENOENT");
	vmep.vmep_vm_id = ~0u;
	check(ioctl(vmm_fd, VMM_IOC_MPROTECT_EPT, &vmep) == -1 && errno == ENOENT,
	    "no such VM: ENOENT");
}

int main(int argc, char **argv)
{
	vcp.vcp_nmemranges = 1;
	vcp.vcp_memranges[0].vmr_size = 8 * MIB;
	create("protect", generation(argc, argv), load);
	start();
	refused();
	page(LOW, "a small page");
	page(HIGH, "a page above 2 MiB");
	neighbours();
	return finish();
}
