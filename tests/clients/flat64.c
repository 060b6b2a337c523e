// SPDX-License-Identifier: GPL-2.0-only
/*
 * flat64 caller|kernel: a guest entered as vmd(8) enters a kernel: paging on,
 * long mode with a 32-bit code segment, memory with holes of every type. It goes
 * to 64-bit code by itself.
 */
#include "client.h"

#define KIB		1024ul
#define MIB		(1024 * KIB)
#define GDT_PAGE	0x10000
#define PML4_PAGE	0x11000
#define PML3_PAGE	0x12000
#define PML2_PAGE	0x13000
#define CODE32		0x100000
#define CODE64		0x100100
#define TEXT		0x100200
#define RESULT		0x200000
#define MMIO		0xf0000000ul
#define COM1		0x3f8

static const uint8_t code32[] = {
	0xb8, 0x44, 0x33, 0x22, 0x11,	/* mov $0x11223344, %eax */
	0xe7, 0x80,			/* out %eax, $0x80 */
	0xea, 0x00, 0x01, 0x10, 0x00, 0x18, 0x00,	/* ljmp $0x18, $CODE64 */
};
static const uint8_t code64[] = {
	0x48, 0xb8, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, /* movabs $..., %rax */
	0x48, 0xa3, 0x00, 0x00, 0x20, 0, 0, 0, 0, 0,	/* movabs %rax, RESULT */
	0xb8, 0x00, 0x00, 0x00, 0x40,	/* mov $0x40000000, %eax */
	0x0f, 0xa2,			/* cpuid */
	0x89, 0x1c, 0x25, 0x10, 0x00, 0x20, 0x00,	/* mov %ebx, RESULT + 0x10 */
	0x89, 0x0c, 0x25, 0x14, 0x00, 0x20, 0x00,	/* mov %ecx, RESULT + 0x14 */
	0x89, 0x14, 0x25, 0x18, 0x00, 0x20, 0x00,	/* mov %edx, RESULT + 0x18 */
	0xbe, 0x00, 0x02, 0x10, 0x00,	/* mov $TEXT, %esi */
	0xba, 0xf8, 0x03, 0x00, 0x00,	/* mov $COM1, %edx */
	0xac,				/* 1: lodsb */
	0x84, 0xc0,			/* test %al, %al */
	0x74, 0x03,			/* jz 2f */
	0xee,				/* out %al, (%dx) */
	0xeb, 0xf8,			/* jmp 1b */
	0x66, 0xba, 0x10, 0x05,		/* 2: mov $0x510, %dx */
	0xed,				/* in (%dx), %eax */
	0x48, 0x89, 0x04, 0x25, 0x20, 0x00, 0x20, 0x00,	/* mov %rax, RESULT + 0x20 */
	0xfb,				/* sti */
	0xf4,				/* hlt */
	0x48, 0x89, 0x3c, 0x25, 0x28, 0x00, 0x20, 0x00,	/* mov %rdi, RESULT + 0x28 */
	0x4c, 0x89, 0x3c, 0x25, 0x30, 0x00, 0x20, 0x00,	/* mov %r15, RESULT + 0x30 */
	0x48, 0xc7, 0xc3, 0x00, 0x00, 0x00, 0xf0,	/* mov $-0x10000000, %rbx */
	0x89, 0xdb,			/* mov %ebx, %ebx */
	0x8a, 0x03,			/* mov (%rbx), %al: where no memory is */
	0xf4,				/* hlt */
};
static const char text[] = "64 bits";

/* The state of vmd(8)'s vm.c for a kernel. */
static const struct vcpu_reg_state flat64 = {
	.vrs_gprs[VCPU_REGS_RFLAGS] = 0x2,
	.vrs_gprs[VCPU_REGS_RIP] = CODE32,
	.vrs_gprs[VCPU_REGS_RSP] = 0xF000,
	.vrs_crs[VCPU_REGS_CR0] = CR0_ET | CR0_PE | CR0_PG,
	.vrs_crs[VCPU_REGS_CR3] = PML4_PAGE,
	.vrs_crs[VCPU_REGS_CR4] = CR4_PAE | CR4_PSE,
	.vrs_crs[VCPU_REGS_XCR0] = XFEATURE_X87,
	.vrs_sregs[VCPU_REGS_CS] = { 0x8, 0xFFFFFFFF, 0xC09F, 0x0 },
	.vrs_sregs[VCPU_REGS_DS] = { 0x10, 0xFFFFFFFF, 0xC093, 0x0 },
	.vrs_sregs[VCPU_REGS_ES] = { 0x10, 0xFFFFFFFF, 0xC093, 0x0 },
	.vrs_sregs[VCPU_REGS_FS] = { 0x10, 0xFFFFFFFF, 0xC093, 0x0 },
	.vrs_sregs[VCPU_REGS_GS] = { 0x10, 0xFFFFFFFF, 0xC093, 0x0 },
	.vrs_sregs[VCPU_REGS_SS] = { 0x10, 0xFFFFFFFF, 0xC093, 0x0 },
	.vrs_gdtr = { 0x0, 0xFFFF, 0x0, GDT_PAGE },
	.vrs_idtr = { 0x0, 0xFFFF, 0x0, 0x0 },
	.vrs_sregs[VCPU_REGS_LDTR] = { 0x0, 0xFFFF, 0x0082, 0x0 },
	.vrs_sregs[VCPU_REGS_TR] = { 0x0, 0xFFFF, 0x008B, 0x0 },
	.vrs_msrs[VCPU_REGS_EFER] = EFER_LME | EFER_LMA,
	.vrs_drs[VCPU_REGS_DR6] = 0xFFFF0FF0,
	.vrs_drs[VCPU_REGS_DR7] = 0x400,
};

static void load(void)
{
	uint64_t i;

	put64(GDT_PAGE + 0x08, 0x00cf9f000000ffff);
	put64(GDT_PAGE + 0x10, 0x00cf93000000ffff);
	put64(GDT_PAGE + 0x18, 0x00af9b000000ffff);
	/* Addresses of 4 GiB, as they are. */
	put64(PML4_PAGE, PG_V | PML3_PAGE);
	for (i = 0; i < 4; i++)
		put64(PML3_PAGE + 8 * i, (PML2_PAGE + i * 0x1000) | PG_V | PG_RW | PG_u);
	for (i = 0; i < 4 * 512; i++)
		put64(PML2_PAGE + 8 * i, PG_V | PG_RW | PG_u | PG_PS | (NBPD_L2 * i));
	memcpy(memory(CODE32), code32, sizeof(code32));
	memcpy(memory(CODE64), code64, sizeof(code64));
	memcpy(memory(TEXT), text, sizeof(text));
}

static void add_range(paddr_t gpa, size_t size, int type)
{
	struct vm_mem_range *vmr = &vcp.vcp_memranges[vcp.vcp_nmemranges++];

	vmr->vmr_gpa = gpa;
	vmr->vmr_size = size;
	vmr->vmr_type = type;
}

static void registers(void)
{
	struct vm_rwregs_params vrwp;

	memset(&vrwp, 0, sizeof(vrwp));
	vrwp.vrwp_vm_id = vcp.vcp_id;
	vrwp.vrwp_mask = VM_RWREGS_ALL;
	check(ioctl(vmm_fd, VMM_IOC_READREGS, &vrwp) == 0 &&
	    vrwp.vrwp_regs.vrs_crs[VCPU_REGS_CR3] == PML4_PAGE &&
	    vrwp.vrwp_regs.vrs_msrs[VCPU_REGS_EFER] == (EFER_LME | EFER_LMA) &&
	    vrwp.vrwp_regs.vrs_sregs[VCPU_REGS_CS].vsi_sel == 0x18,
	    "READREGS reads CR3, EFER and CS");
	vrwp.vrwp_mask = VM_RWREGS_GPRS;
	vrwp.vrwp_regs.vrs_gprs[VCPU_REGS_RDI] = 0x0102030405060708;
	vrwp.vrwp_regs.vrs_gprs[VCPU_REGS_R15] = 0xf0f0f0f0f0f0f0f0;
	check(ioctl(vmm_fd, VMM_IOC_WRITEREGS, &vrwp) == 0, "WRITEREGS writes RDI and R15");
}

int main(int argc, char **argv)
{
	char got[sizeof(text)] = "";
	enum what what;
	uint64_t value;
	size_t i;

	add_range(0, 640 * KIB, VM_MEM_RAM);
	add_range(640 * KIB, 384 * KIB, VM_MEM_RESERVED);
	add_range(MIB, 15 * MIB, VM_MEM_RAM);
	add_range(MMIO, 4 * MIB, VM_MEM_MMIO);
	create("flat64", generation(argc, argv), load);
	reset(&flat64);

	check(expect_out(0x80, "by 32-bit code") == 0x11223344, "it writes EAX");
	for (i = 0; i < sizeof(text) - 1; i++)
		got[i] = (char)expect_out(COM1, "by 64-bit code");
	check(!strcmp(got, text), "the guest wrote \"%s\"", got);
	expect_in(0x510, 0xfedcba98, "of four bytes");
	what = run();
	check(what == HALT, "HLT");
	memcpy(&value, memory(RESULT), sizeof(value));
	check(value == 0x123456789abcdef0, "a value of 64 bits lies in memory");
	memcpy(&value, memory(RESULT + 0x20), sizeof(value));
	check(value == 0xfedcba98, "IN of four bytes clears the upper half of RAX");
	check(!memcmp(memory(RESULT + 0x10), VMM_HV_SIGNATURE, 12), "CPUID says " VMM_HV_SIGNATURE);
	registers();
	what = run();
	memcpy(&value, memory(RESULT + 0x28), sizeof(value));
	check(value == 0x0102030405060708, "the guest has the RDI of WRITEREGS");
	memcpy(&value, memory(RESULT + 0x30), sizeof(value));
	check(value == 0xf0f0f0f0f0f0f0f0, "and its R15");
	check(what == FAULT && vm_exit.vee.vee_fault_type == VEE_FAULT_MMIO_ASSIST,
	    "an access to a range of devices is passed on");
	/* Emulate it, as the program's own decoder would: two bytes, AL. */
	vm_exit.vrs.vrs_gprs[VCPU_REGS_RAX] = 0x99;
	vm_exit.vrs.vrs_gprs[VCPU_REGS_RIP] += 2;
	what = run();
	check(what == HALT && vm_exit.vrs.vrs_gprs[VCPU_REGS_RAX] == 0x99,
	    "and goes on with the registers it is given");
	return finish();
}
