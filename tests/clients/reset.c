// SPDX-License-Identifier: GPL-2.0-only
/*
 * reset caller|kernel: a guest in real mode at the reset vector, FFFFFFF0, with
 * its memory split below 640 KiB and below 4 GiB. Port accesses of both
 * directions and sizes, a string instruction, an interrupt.
 */
#include "client.h"

#define KIB		1024ul
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define TOP		(64 * MIB - 640 * KIB)
#define SEGMENT		0xffff0000ul	/* base of CS at reset */
#define ENTRY		0xff00u
#define LOW		0x0600
#define HANDLER		0x0b5d

/* Low memory is at hand through DS and ES, whose bases are 0. */
static const uint8_t reset_vector[] = {
	0xe9, 0x0d, 0xff,		/* jmp ENTRY: fff3 + ff0d is (1)ff00 */
};
static const uint8_t entry[] = {
	0xb8, 0xcd, 0xab,		/* mov $0xabcd, %ax */
	0xe7, 0x80,			/* out %ax, $0x80 */
	0xe4, 0x61,			/* in $0x61, %al */
	0xa2, 0x00, 0x05,		/* mov %al, 0x500 */
	0xbf, 0x10, 0x05,		/* mov $0x510, %di */
	0xba, 0x60, 0x00,		/* mov $0x60, %dx */
	0x6c,				/* insb */
	0x66, 0x89, 0x3e, 0x20, 0x05,	/* mov %edi, 0x520 */
	0xea, 0x00, 0x06, 0x00, 0x00,	/* ljmp $0, $LOW: an IRET would change CS' base */
};
static const uint8_t low[] = {
	0xbc, 0x00, 0x08,		/* mov $0x800, %sp */
	0xfb,				/* sti */
	0xf4,				/* hlt */
	0xe6, 0x81,			/* out %al, $0x81 */
	0xf4,				/* hlt */
};
static const uint8_t handler[] = {
	0xe4, 0xf0,			/* in $0xf0, %al */
	0xcf,				/* iret */
};

static const struct vcpu_reg_state flat16 = {
	.vrs_gprs[VCPU_REGS_RFLAGS] = 0x2,
	.vrs_gprs[VCPU_REGS_RIP] = 0xFFF0,
	.vrs_crs[VCPU_REGS_CR0] = CR0_CD | CR0_NW | CR0_ET,
	.vrs_crs[VCPU_REGS_XCR0] = XFEATURE_X87,
	.vrs_sregs[VCPU_REGS_CS] = { 0xF000, 0xFFFF, 0x0093, 0xFFFF0000 },
	.vrs_sregs[VCPU_REGS_DS] = { 0x0, 0xFFFF, 0x0093, 0x0 },
	.vrs_sregs[VCPU_REGS_ES] = { 0x0, 0xFFFF, 0x0093, 0x0 },
	.vrs_sregs[VCPU_REGS_FS] = { 0x0, 0xFFFF, 0x0093, 0x0 },
	.vrs_sregs[VCPU_REGS_GS] = { 0x0, 0xFFFF, 0x0093, 0x0 },
	.vrs_sregs[VCPU_REGS_SS] = { 0x0, 0xFFFF, 0x0093, 0x0 },
	.vrs_gdtr = { 0x0, 0xFFFF, 0x0082, 0x0 },
	.vrs_idtr = { 0x0, 0xFFFF, 0x0082, 0x0 },
	.vrs_sregs[VCPU_REGS_LDTR] = { 0x0, 0xFFFF, 0x0082, 0x0 },
	.vrs_sregs[VCPU_REGS_TR] = { 0x0, 0xFFFF, 0x008B, 0x0 },
	.vrs_drs[VCPU_REGS_DR6] = 0xFFFF0FF0,
	.vrs_drs[VCPU_REGS_DR7] = 0x400,
};

static void load(void)
{
	uint16_t vector[2] = { HANDLER, 0 };

	memcpy(memory(0xFFFFFFF0), reset_vector, sizeof(reset_vector));
	memcpy(memory(SEGMENT + ENTRY), entry, sizeof(entry));
	memcpy(memory(LOW), low, sizeof(low));
	memcpy(memory(0x20 * 4), vector, sizeof(vector));
	memcpy(memory(HANDLER), handler, sizeof(handler));
}

/* INFO as its users call it: first for the size, then for the list. */
static void look_up(void)
{
	struct vm_info_params vip;
	struct vm_info_result *info, *ours = NULL;
	size_t i;

	memset(&vip, 0, sizeof(vip));
	check(ioctl(vmm_fd, VMM_IOC_INFO, &vip) == 0 && vip.vip_size >= sizeof(*info) &&
	    vip.vip_info_ct == 0, "INFO tells the size it needs");
	info = calloc(1, vip.vip_size);
	vip.vip_info = info;
	check(ioctl(vmm_fd, VMM_IOC_INFO, &vip) == 0 && vip.vip_info_ct > 0, "INFO lists VMs");
	for (i = 0; i < vip.vip_info_ct; i++)
		if (info[i].vir_id == vcp.vcp_id)
			ours = &info[i];
	check(ours && !strcmp(ours->vir_name, vcp.vcp_name) && ours->vir_ncpus == 1 &&
	    ours->vir_memory_size == 64 * MIB && ours->vir_creator_pid == getpid(),
	    "INFO knows this one");
	free(info);
}

static void string_input(void)
{
	uint64_t *gprs = vm_exit.vrs.vrs_gprs;
	enum what what = run();

	check(what == PORT && vm_exit.vei.vei_string == 1 && vm_exit.vei.vei_rep == 0 &&
	    vm_exit.vei.vei_dir == VEI_DIR_IN && vm_exit.vei.vei_port == 0x60 &&
	    vm_exit.vei.vei_size == 1, "INS from port 0x60");
	check((gprs[VCPU_REGS_RDI] & 0xffff) == 0x510 &&
	    vm_exit.vrs.vrs_sregs[VCPU_REGS_ES].vsi_base == 0, "INS to 0:510");
	*memory(0x510) = 0x5a;
	gprs[VCPU_REGS_RDI]++;
	advance();
}

int main(int argc, char **argv)
{
	enum what what;
	uint32_t data;

	vcp.vcp_nmemranges = 2;
	vcp.vcp_memranges[0].vmr_size = 640 * KIB;
	vcp.vcp_memranges[1].vmr_gpa = 4 * GIB - TOP;
	vcp.vcp_memranges[1].vmr_size = TOP;
	/* A structure that was never cleared, as malloc(3) gives it. */
	memset(&vrp, 0xa5, sizeof(vrp));
	memset(&vrp.vrp_inject, 0, sizeof(vrp.vrp_inject));
	vrp.vrp_vcpu_id = 0;
	vrp.vrp_intr_pending = 0;
	create("reset", generation(argc, argv), load);
	look_up();
	reset(&flat16);

	data = expect_out(0x80, "the first instruction but a jump");
	check(data == 0xabcd && vm_exit.vei.vei_size == 2, "it writes AX");
	check(vm_exit.vrs.vrs_sregs[VCPU_REGS_CS].vsi_base == 0xffff0000 &&
	    vm_exit.vrs.vrs_gprs[VCPU_REGS_RIP] == ENTRY + 5, "CS:IP is above FFFF0000");
	check(!vrp.vrp_irqready, "no interrupt can be taken yet");
	expect_in(0x61, 0x42, "into low memory");
	string_input();
	what = run();
	check(what == HALT, "HLT");
	check(*memory(0x500) == 0x42, "the byte of IN lies in memory");
	check(*memory(0x510) == 0x5a && *(uint16_t *)memory(0x520) == 0x511, "that of INS too");

	check(vrp.vrp_irqready, "an interrupt can be taken");
	vrp.vrp_inject.vie_type = VCPU_INJECT_INTR;
	vrp.vrp_inject.vie_vector = 0x20;
	expect_in(0xf0, 0x77, "in the interrupt's handler");
	check(!vrp.vrp_irqready, "no interrupt can be taken in there");
	data = expect_out(0x81, "behind the HLT");
	check(data == 0x77, "with what the handler read");
	what = run();
	check(what == HALT, "HLT again");
	return finish();
}
