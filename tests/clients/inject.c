// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject caller|kernel: exceptions and an NMI, injected with vrp_inject into
 * guests in real, protected and long mode. The guest asks for the next one in a
 * loop; its handlers tell the vector and the error code they found on the stack.
 */
#include "client.h"

#define MEMORY		0x100000
#define STUBS		0x2000		/* 16 bytes for each vector */
#define COMMON		0x3000
#define LOOP		0x3100
#define IDT		0x4000
#define GDT		0x5000
#define STACK		0x7000
#define PML4		0x8000		/* then PDPT, and a directory of 2 MiB pages */
#define ASK		0xe0
#define VECTOR		0xe1
#define ERROR		0xe2

/* The same bytes do in 16, 32 and 64 bits, but for the prefix of IRETQ. */
static const uint8_t loop[] = {
	0xe6, ASK,			/* out %al, $ASK */
	0xeb, 0xfc,			/* jmp to it */
};
static const uint8_t common[] = {
	0x58,				/* pop: the vector */
	0xe6, VECTOR,			/* out %al, $VECTOR */
	0x58,				/* pop: the error code */
	0xe7, ERROR,			/* out %ax or %eax, $ERROR */
	0x48, 0xcf,			/* iretq */
};

enum mode { REAL, PROTECTED, LONG };
static const char *const mode_name[] = { "real mode", "protected mode", "long mode" };
static enum mode mode;

/* Whether the processor pushes an error code: SDM volume 3, table 6-1. */
static int has_error(unsigned int vector)
{
	switch (vector) {
	case VMM_EX_DF: case VMM_EX_TS: case VMM_EX_NP: case VMM_EX_SS: case VMM_EX_GP:
	case VMM_EX_PF: case VMM_EX_AC:
		return mode != REAL;
	default:
		return 0;
	}
}

/* push $0 if there is no error code; push $vector; jmp COMMON */
static void put_stub(unsigned int vector)
{
	paddr_t gpa = STUBS + 16 * vector;
	uint8_t *p = memory(gpa), *start = p;
	int32_t distance;

	if (!has_error(vector)) {
		*p++ = 0x6a;
		*p++ = 0;
	}
	*p++ = 0x6a;
	*p++ = (uint8_t)vector;
	*p++ = 0xe9;
	distance = COMMON - ((int32_t)gpa + (int32_t)(p - start) + (mode == REAL ? 2 : 4));
	memcpy(p, &distance, mode == REAL ? 2 : 4);
}

static void put_gate(unsigned int vector)
{
	uint64_t stub = STUBS + 16 * vector;

	if (mode == REAL) {
		memcpy(memory(4 * vector), &(uint16_t [2]){ (uint16_t)stub, 0 }, 4);
		return;
	}
	/* Interrupt gates: SDM volume 3, figures 6-2 and 6-8. */
	put64(IDT + (mode == LONG ? 16 : 8) * vector, stub | 0x8ull << 16 | 0x8eull << 40);
	if (mode == LONG)
		put64(IDT + 16 * vector + 8, 0);
}

static void load(void)
{
	unsigned int i;

	memcpy(memory(LOOP), loop, sizeof(loop));
	memcpy(memory(COMMON), common, sizeof(common));
	if (mode != LONG)
		memory(COMMON)[6] = 0xcf;
	for (i = 0; i < 32; i++) {
		put_stub(i);
		put_gate(i);
	}
	put64(GDT + 0x8, mode == LONG ? 0x00af9b000000ffff : 0x00cf9b000000ffff);
	put64(GDT + 0x10, 0x00cf93000000ffff);
	put64(PML4, (PML4 + 0x1000) | PG_V | PG_RW);
	put64(PML4 + 0x1000, (PML4 + 0x2000) | PG_V | PG_RW);
	put64(PML4 + 0x2000, PG_V | PG_RW | PG_PS);
}

static void set_segments(struct vcpu_reg_state *vrs)
{
	struct vcpu_segment_info real = { 0, 0xffff, 0x0093, 0 };
	struct vcpu_segment_info code = { 0x8, 0xffffffff, mode == LONG ? 0xa09b : 0xc09b, 0 };
	struct vcpu_segment_info data = { 0x10, 0xffffffff, 0xc093, 0 };
	struct vcpu_segment_info idtr = { 0, 0xfff, 0, mode == REAL ? 0 : IDT };
	struct vcpu_segment_info gdtr = { 0, 0x17, 0, GDT };
	struct vcpu_segment_info ldtr = { 0, 0xffff, 0x0082, 0 };
	struct vcpu_segment_info tr = { 0, 0xffff, 0x008b, 0 };
	int i;

	for (i = VCPU_REGS_ES; i <= VCPU_REGS_GS; i++)
		vrs->vrs_sregs[i] = mode == REAL ? real : i == VCPU_REGS_CS ? code : data;
	vrs->vrs_sregs[VCPU_REGS_LDTR] = ldtr;
	vrs->vrs_sregs[VCPU_REGS_TR] = tr;
	vrs->vrs_gdtr = gdtr;
	vrs->vrs_idtr = idtr;
}

static void start(void)
{
	struct vcpu_reg_state vrs;

	memset(&vrs, 0, sizeof(vrs));
	vrs.vrs_gprs[VCPU_REGS_RFLAGS] = 0x2;
	vrs.vrs_gprs[VCPU_REGS_RIP] = LOOP;
	vrs.vrs_gprs[VCPU_REGS_RSP] = STACK;
	vrs.vrs_crs[VCPU_REGS_CR0] = CR0_ET | (mode != REAL ? CR0_PE : 0);
	vrs.vrs_crs[VCPU_REGS_XCR0] = XFEATURE_X87;
	vrs.vrs_drs[VCPU_REGS_DR6] = 0xFFFF0FF0;
	vrs.vrs_drs[VCPU_REGS_DR7] = 0x400;
	if (mode == LONG) {
		vrs.vrs_crs[VCPU_REGS_CR0] |= CR0_PG;
		vrs.vrs_crs[VCPU_REGS_CR3] = PML4;
		vrs.vrs_crs[VCPU_REGS_CR4] = CR4_PAE | CR4_PSE;
		vrs.vrs_msrs[VCPU_REGS_EFER] = EFER_LME | EFER_LMA;
	}
	set_segments(&vrs);
	reset(&vrs);
}

/* The guest is in its loop: inject, and see that the handler with this vector ran
 * and the guest is where it was. */
static void inject(uint8_t type, uint8_t vector, uint32_t error)
{
	uint32_t told, code = 0;
	enum what what;
	int ok;

	vrp.vrp_inject.vie_type = type;
	vrp.vrp_inject.vie_vector = vector;
	vrp.vrp_inject.vie_errorcode = error;
	what = run();
	told = vm_exit.vei.vei_data & 0xff;
	ok = what == PORT && vm_exit.vei.vei_port == VECTOR && told == vector;
	if (ok) {
		advance();
		what = run();
		code = vm_exit.vei.vei_data & (vm_exit.vei.vei_size == 2 ? 0xffff : ~0u);
		ok = what == PORT && vm_exit.vei.vei_port == ERROR;
		advance();
	}
	check(ok, "%s: vector %u reaches its handler (%u)", mode_name[mode], vector, told);
	if (!ok)
		exit(1);
	check(code == (has_error(vector) && vector != VMM_EX_AC ? error : 0),
	    "%s: vector %u has error code %#x", mode_name[mode], vector, code);
	what = run();
	check(what == PORT && vm_exit.vei.vei_port == ASK &&
	    vm_exit.vrs.vrs_gprs[VCPU_REGS_RSP] == STACK, "%s: and its stack is even",
	    mode_name[mode]);
	advance();
}

int main(int argc, char **argv)
{
	static const uint8_t vectors[] = {
		VMM_EX_DE, VMM_EX_DB, VMM_EX_BP, VMM_EX_BR, VMM_EX_UD, VMM_EX_NM, VMM_EX_DF,
		VMM_EX_TS, VMM_EX_NP, VMM_EX_SS, VMM_EX_GP, VMM_EX_PF, VMM_EX_MF, VMM_EX_AC,
		VMM_EX_MC, VMM_EX_XM,
	};
	const char *with = generation(argc, argv);
	struct vm_terminate_params vtp;
	size_t i;

	for (mode = REAL; mode <= LONG; mode++) {
		memset(&vcp, 0, sizeof(vcp));
		memset(&vrp, 0, sizeof(vrp));
		memset(&vm_exit, 0, sizeof(vm_exit));
		vcp.vcp_nmemranges = 1;
		vcp.vcp_memranges[0].vmr_size = MEMORY;
		create("inject", with, load);
		start();
		expect_out(ASK, mode_name[mode]);
		for (i = 0; i < sizeof(vectors); i++)
			inject(VCPU_INJECT_EX, vectors[i], 0x1080u + 8u * vectors[i]);
		inject(VCPU_INJECT_NMI, VMM_EX_NMI, 0);
		vtp.vtp_vm_id = vcp.vcp_id;
		check(ioctl(vmm_fd, VMM_IOC_TERM, &vtp) == 0, "TERM");
		close(vmm_fd);
	}
	return failures != 0;
}
