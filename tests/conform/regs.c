// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_RESETCPU, VMM_IOC_READREGS, VMM_IOC_WRITEREGS. */
#include "guest.h"

#include <cpuid.h>
#include <errno.h>
#include <unistd.h>

#define CR0_WP	0x10000ULL
#define CR4_PGE	0x80ULL
#define CR4_VMXE 0x2000ULL
#define EFER_SCE 1ULL
#define EFER_NXE 0x800ULL
/* DS, as the guests of this suite have it, but another DPL. */
#define AR_DATA_DPL3 0xc0f3

GUEST(64, forever, FOREVER);
GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");
GUEST(64, halt_off, "cli\n hlt\n");
GUEST(64, tell_crs,
      "mov %cr2, %rax\n out %eax, $0x80\n mov %cr8, %rax\n out %eax, $0x80\n"
      "mov $9, %eax\n mov %rax, %cr8\n mov $0x1234, %eax\n mov %rax, %cr2\n out %al, $0x80\n");
GUEST(64, tell_drs,
      "mov %dr0, %rax\n out %eax, $0x80\n mov %dr3, %rax\n out %eax, $0x80\n"
      "mov %dr6, %rax\n out %eax, $0x80\n mov %dr7, %rax\n out %eax, $0x80\n"
      "mov $0x5000, %eax\n mov %rax, %dr1\n out %al, $0x80\n");
GUEST(64, tell_msrs,
      "mov $0xc0000081, %ecx\n rdmsr\n out %eax, $0x80\n"	/* STAR */
      "mov $0xc0000102, %ecx\n rdmsr\n out %eax, $0x80\n"	/* KERNEL_GS_BASE */
      "mov $0xc0000080, %ecx\n rdmsr\n out %eax, $0x80\n"	/* EFER */
      "mov $0xc0000084, %ecx\n mov $0x777, %eax\n xor %edx, %edx\n wrmsr\n out %al, $0x80\n");
GUEST(64, tell_xcr0, "xor %ecx, %ecx\n xgetbv\n out %eax, $0x80\n");

/* Whether guests may have SSE in XCR0 (SDM 13.3). */
static bool has_xsave(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE);
}

/* Another value for every register, all of them such that a processor takes it. */
static struct vcpu_reg_state pattern(void)
{
	struct vcpu_reg_state regs = registers(LONG);
	unsigned int i;

	for (i = 0; i < VCPU_REGS_NGPRS; i++)
		regs.vrs_gprs[i] = 0x1000000000ULL * (i + 1) + i;
	regs.vrs_gprs[VCPU_REGS_RIP] = CODE + 8;
	regs.vrs_gprs[VCPU_REGS_RFLAGS] = RFLAGS_ONE | 0x8d5;
	regs.vrs_crs[VCPU_REGS_CR0] |= CR0_WP;
	regs.vrs_crs[VCPU_REGS_CR2] = 0xdead0000beefULL;
	regs.vrs_crs[VCPU_REGS_CR3] = PAGE_TABLES + 0x5000;
	regs.vrs_crs[VCPU_REGS_CR4] |= CR4_PGE;
	regs.vrs_crs[VCPU_REGS_CR8] = 5;
	regs.vrs_crs[VCPU_REGS_XCR0] = has_xsave() ? 3 : 1;
	for (i = 0; isa() == VMX && i < 4; i++)
		regs.vrs_crs[VCPU_REGS_PDPTE0 + i] = 0x1000 * i + 1;
	regs.vrs_msrs[VCPU_REGS_EFER] |= EFER_SCE | EFER_NXE;
	regs.vrs_msrs[VCPU_REGS_STAR] = 0x0023001000000000ULL;
	regs.vrs_msrs[VCPU_REGS_LSTAR] = 0xffffffff81000000ULL;
	regs.vrs_msrs[VCPU_REGS_CSTAR] = 0xffffffff81001000ULL;
	regs.vrs_msrs[VCPU_REGS_SFMASK] = 0x47700;
	regs.vrs_msrs[VCPU_REGS_KGSBASE] = 0xffff888000000000ULL;
	regs.vrs_msrs[VCPU_REGS_MISC_ENABLE] = 1;
	for (i = 0; i < VCPU_REGS_DR6; i++)
		regs.vrs_drs[i] = 0x7000 + 0x10 * i;
	regs.vrs_drs[VCPU_REGS_DR6] = 0xffff0ff1;
	regs.vrs_drs[VCPU_REGS_DR7] = 0x401;
	for (i = VCPU_REGS_ES; i <= VCPU_REGS_GS; i++) {
		regs.vrs_sregs[i].vsi_sel = (uint16_t)(0x18 + 8 * i);
		regs.vrs_sregs[i].vsi_limit = 0xfffff;
		regs.vrs_sregs[i].vsi_base = 0x10000 * i;
		if (i != VCPU_REGS_CS)
			regs.vrs_sregs[i].vsi_ar = AR_DATA_DPL3;
	}
	regs.vrs_sregs[VCPU_REGS_GS].vsi_ar = AR_UNUSABLE;
	regs.vrs_sregs[VCPU_REGS_TR].vsi_limit = 0x2067;
	regs.vrs_gdtr = (struct vcpu_segment_info) { .vsi_base = 0x4321000, .vsi_limit = 0x7f };
	regs.vrs_idtr = (struct vcpu_segment_info) { .vsi_base = 0x1234000, .vsi_limit = 0xff };
	return regs;
}

static bool seg_differ(const struct vcpu_segment_info *a, const struct vcpu_segment_info *b)
{
	return a->vsi_sel != b->vsi_sel || a->vsi_limit != b->vsi_limit ||
	       a->vsi_ar != b->vsi_ar || a->vsi_base != b->vsi_base;
}

/* The groups of registers that differ, as a mask. */
static uint64_t differ(const struct vcpu_reg_state *a, const struct vcpu_reg_state *b)
{
	uint64_t mask = 0;
	unsigned int i;

	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		if (seg_differ(&a->vrs_sregs[i], &b->vrs_sregs[i]))
			mask |= VM_RWREGS_SREGS;
	if (seg_differ(&a->vrs_gdtr, &b->vrs_gdtr) || seg_differ(&a->vrs_idtr, &b->vrs_idtr))
		mask |= VM_RWREGS_SREGS;
	if (memcmp(a->vrs_gprs, b->vrs_gprs, sizeof(a->vrs_gprs)))
		mask |= VM_RWREGS_GPRS;
	if (memcmp(a->vrs_crs, b->vrs_crs, sizeof(a->vrs_crs)))
		mask |= VM_RWREGS_CRS;
	if (memcmp(a->vrs_msrs, b->vrs_msrs, sizeof(a->vrs_msrs)))
		mask |= VM_RWREGS_MSRS;
	if (memcmp(a->vrs_drs, b->vrs_drs, sizeof(a->vrs_drs)))
		mask |= VM_RWREGS_DRS;
	return mask;
}

/* WRITEREGS by this mask changes these groups and no others. */
static void write_by(uint64_t mask, uint64_t groups)
{
	struct vcpu_reg_state before, after, p = pattern();
	struct guest g;

	make(&g, 1);
	MUST(reset(&g, LONG));
	before = regs_of(&g);
	EXPECT_EQ(differ(&before, &p), VM_RWREGS_ALL);
	MUST(writeregs(g.fd, g.id, 0, mask, &p));
	after = regs_of(&g);
	EXPECT_EQ(differ(&before, &after), groups);
	EXPECT_EQ(differ(&after, &p), VM_RWREGS_ALL & ~groups);
}

/* READREGS by this mask gives these groups, and leaves the rest of the caller's alone. */
static void read_by(uint64_t mask, uint64_t groups)
{
	struct vcpu_reg_state regs, filled, p = pattern();
	struct guest g;

	make(&g, 1);
	MUST(reset(&g, LONG));
	MUST(writeregs(g.fd, g.id, 0, VM_RWREGS_ALL, &p));
	memset(&filled, 0x5a, sizeof(filled));
	regs = filled;
	MUST(readregs(g.fd, g.id, 0, mask, &regs));
	EXPECT_EQ(differ(&regs, &filled), groups);
	EXPECT_EQ(differ(&regs, &p), VM_RWREGS_ALL & ~groups);
}

#define MASK(name, mask, groups) \
	void regs_write_##name(void) { write_by(mask, groups); } \
	void regs_read_##name(void) { read_by(mask, groups); }
CONFORM_MASKS(MASK)

/* ---- what the guest sees of it, and what is seen of the guest ---- */

void regs_guest_crs(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, tell_crs);
	regs = registers(LONG);
	regs.vrs_crs[VCPU_REGS_CR2] = 0xabcd000;
	regs.vrs_crs[VCPU_REGS_CR8] = 7;
	set_regs(&g, VM_RWREGS_CRS, &regs);
	EXPECT_OUT(&g, 0xabcd000);
	EXPECT_OUT(&g, 7);
	run_to_out(&g);
	regs = regs_of(&g);
	EXPECT_EQ(regs.vrs_crs[VCPU_REGS_CR8], 9);
	EXPECT_EQ(regs.vrs_crs[VCPU_REGS_CR2], 0x1234);
}

void regs_guest_drs(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, tell_drs);
	regs = registers(LONG);
	regs.vrs_drs[0] = 0x1000;
	regs.vrs_drs[3] = 0x3000;
	regs.vrs_drs[VCPU_REGS_DR6] = 0xffff0ff2;
	regs.vrs_drs[VCPU_REGS_DR7] = 0x400;
	set_regs(&g, VM_RWREGS_DRS, &regs);
	EXPECT_OUT(&g, 0x1000);
	EXPECT_OUT(&g, 0x3000);
	EXPECT_OUT(&g, 0xffff0ff2);
	EXPECT_OUT(&g, 0x400);
	run_to_out(&g);
	EXPECT_EQ(regs_of(&g).vrs_drs[1], 0x5000);
}

void regs_guest_msrs(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, tell_msrs);
	regs = registers(LONG);
	regs.vrs_msrs[VCPU_REGS_STAR] = 0x12345678;
	regs.vrs_msrs[VCPU_REGS_KGSBASE] = 0x77777000;
	set_regs(&g, VM_RWREGS_MSRS, &regs);
	EXPECT_OUT(&g, 0x12345678);
	EXPECT_OUT(&g, 0x77777000);
	EXPECT_OUT(&g, EFER_LME | EFER_LMA);
	run_to_out(&g);
	EXPECT_EQ(regs_of(&g).vrs_msrs[VCPU_REGS_SFMASK], 0x777);
}

void regs_guest_xcr0(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	if (!has_xsave())
		not_here("a host without XSAVE");
	START(&g, LONG, tell_xcr0);
	regs = registers(LONG);
	regs.vrs_crs[VCPU_REGS_CR4] |= CR4_OSXSAVE;
	regs.vrs_crs[VCPU_REGS_XCR0] = 3;
	set_regs(&g, VM_RWREGS_CRS, &regs);
	EXPECT_OUT(&g, 3);
}

/* Bits can be taken away too, and the processor's own bit for SVM never shows. */
void regs_efer(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	make(&g, 1);
	MUST(reset(&g, PROT32));
	EXPECT_EQ(regs_of(&g).vrs_msrs[VCPU_REGS_EFER], 0);
	regs = registers(PROT32);
	regs.vrs_msrs[VCPU_REGS_EFER] = EFER_SCE | EFER_NXE;
	set_regs(&g, VM_RWREGS_MSRS, &regs);
	EXPECT_EQ(regs_of(&g).vrs_msrs[VCPU_REGS_EFER], EFER_SCE | EFER_NXE);
	regs.vrs_msrs[VCPU_REGS_EFER] = EFER_SCE;
	set_regs(&g, VM_RWREGS_MSRS, &regs);
	EXPECT_EQ(regs_of(&g).vrs_msrs[VCPU_REGS_EFER], EFER_SCE);
}

void regs_segments(void)
{
	struct vcpu_reg_state regs;
	struct guest g;
	enum mode m;

	for (m = REAL; m <= LONG; m++) {
		START(&g, m, tell);
		regs = registers(m);
		run_to_out(&g);
		EXPECT_EQ(differ(&g.exit.vrs, &regs) & VM_RWREGS_SREGS, 0);
		close(g.fd);
	}
}

/* ---- values that no processor takes ---- */

static void refused(uint64_t mask, struct vcpu_reg_state regs)
{
	struct vcpu_reg_state before, after;
	struct guest g;

	START(&g, LONG, tell);
	before = regs_of(&g);
	EXPECT_ERR(writeregs(g.fd, g.id, 0, mask, &regs), EINVAL);
	after = regs_of(&g);
	EXPECT_EQ(differ(&before, &after), 0);
	run_to_out(&g);
	close(g.fd);
}

/* RESETCPU with them: EIO, and the vCPU stays as it was. */
static void reset_refused(struct vcpu_reg_state regs)
{
	struct vcpu_reg_state before, after;
	struct guest g;

	START(&g, LONG, tell);
	run_to_out(&g);
	before = regs_of(&g);
	EXPECT_ERR(reset_to(&g, &regs), EIO);
	after = regs_of(&g);
	EXPECT_EQ(differ(&before, &after), 0);
	close(g.fd);
}

void regs_bad_xcr0(void)
{
	static const uint64_t bad[] = { 0, 2, 5, 1ULL << 63 | 1, 1 << 3 | 1 };
	struct vcpu_reg_state regs = registers(LONG);
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		regs.vrs_crs[VCPU_REGS_XCR0] = bad[i];
		refused(VM_RWREGS_CRS, regs);
	}
}

void regs_bad_cr0(void)
{
	struct vcpu_reg_state regs = registers(LONG);

	regs.vrs_crs[VCPU_REGS_CR0] |= CR0_NW;
	refused(VM_RWREGS_CRS, regs);
	reset_refused(regs);
	regs = registers(LONG);
	regs.vrs_crs[VCPU_REGS_CR0] |= 1ULL << 32;
	refused(VM_RWREGS_CRS, regs);
	reset_refused(regs);
}

void regs_bad_cr4(void)
{
	struct vcpu_reg_state regs = registers(LONG);

	regs.vrs_crs[VCPU_REGS_CR4] |= 1ULL << 32;
	refused(VM_RWREGS_CRS, regs);
	reset_refused(regs);
	if (isa() != VMX)
		return;
	regs = registers(LONG);
	regs.vrs_crs[VCPU_REGS_CR4] |= CR4_VMXE;
	refused(VM_RWREGS_CRS, regs);
	reset_refused(regs);
}

/* MOV to DR6 or DR7 faults on them, in the host too. */
void regs_bad_drs(void)
{
	struct vcpu_reg_state regs = registers(LONG);

	regs.vrs_drs[VCPU_REGS_DR6] |= 1ULL << 32;
	refused(VM_RWREGS_DRS, regs);
	reset_refused(regs);
	regs = registers(LONG);
	regs.vrs_drs[VCPU_REGS_DR7] |= 1ULL << 63;
	refused(VM_RWREGS_DRS, regs);
	reset_refused(regs);
}

/* ---- when ---- */

void regs_terminated(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	regs = regs_of(&g);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RIP], CODE + 2);
	MUST(writeregs(g.fd, g.id, 0, VM_RWREGS_ALL, &regs));
}

void regs_never_reset(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	make(&g, 1);
	regs = regs_of(&g);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RIP], 0);
}

struct waiter {
	struct guest *g;
	int (*call)(struct guest *g);
	volatile bool done;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;
	int err = w->call(w->g);

	w->done = true;
	return (void *)(intptr_t)err;
}

/* Whether the call waits while the guest runs; it goes on when RUN has returned. */
static bool waited(int (*fn)(struct guest *g))
{
	struct guest g, other;
	struct waiter w = { .g = &other, .call = fn };
	pthread_t runner, waiter;
	bool ret;

	START(&g, LONG, forever);
	other = other_vcpu(&g, 0);
	run_in_thread(&g, &runner);
	EVENTUALLY(is_running(&g));
	EXPECT(!pthread_create(&waiter, NULL, wait_in_thread, &w));
	pause_ms(50);
	ret = !w.done;
	MUST(interrupt(&g, runner));
	MUST(join(waiter));
	close(g.fd);
	return ret;
}

/* A RUN may come back at any time, and is repeated; who does not wait never finds it so. */
static void waits(int (*fn)(struct guest *g))
{
	unsigned int tries = 20;

	while (!waited(fn))
		EXPECT(--tries);
}

static int read_all(struct guest *g)
{
	struct vcpu_reg_state regs = {};

	return readregs(g->fd, g->id, 0, VM_RWREGS_ALL, &regs);
}

static int write_none(struct guest *g)
{
	struct vcpu_reg_state regs = {};

	return writeregs(g->fd, g->id, 0, 0, &regs);
}

static int reset_long(struct guest *g)
{
	return reset(g, LONG);
}

void regs_read_waits(void)
{
	waits(read_all);
}

void regs_write_waits(void)
{
	waits(write_none);
}

void reset_waits(void)
{
	waits(reset_long);
}

/* ---- RESETCPU ---- */

void reset_registers(void)
{
	struct vcpu_reg_state regs, p = pattern();
	struct guest g;

	make(&g, 1);
	MUST(reset_to(&g, &p));
	p.vrs_crs[VCPU_REGS_XCR0] = 1;	/* whatever is asked for */
	regs = regs_of(&g);
	EXPECT_EQ(differ(&regs, &p), 0);
}

void reset_xcr0(void)
{
	struct vcpu_reg_state regs = registers(LONG);
	struct guest g;

	make(&g, 1);
	regs.vrs_crs[VCPU_REGS_XCR0] = 0;
	MUST(reset_to(&g, &regs));
	EXPECT_EQ(regs_of(&g).vrs_crs[VCPU_REGS_XCR0], 1);
}

void reset_again(void)
{
	struct guest g;

	START(&g, LONG, tell);
	run_to_out(&g);
	MUST(reset(&g, LONG));
	run_to_out(&g);
	MUST(reset(&g, PROT32));
	run_to_out(&g);
	MUST(reset(&g, REAL));
	run_to_out(&g);
}

void reset_terminated(void)
{
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_ERR(reset(&g, LONG), EBUSY);
	EXPECT_ERR(run_once(&g), EBUSY);
}

/* An interrupt that waits is not for the vCPU that comes after. */
void reset_events(void)
{
	struct guest g;

	START(&g, LONG, tell);
	run_to_out(&g);
	g.run.vrp_inject = (struct vcpu_inject_event) {
		.vie_type = VCPU_INJECT_INTR, .vie_vector = 0x50,
	};
	run_to_out(&g);
	MUST(reset(&g, LONG));
	set_gpr(&g, VCPU_REGS_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
	run_to_out(&g);
	run_to_out(&g);
}

void reset_pvclock(void)
{
	struct vm_rwvmparams_params vpp = {
		.vpp_mask = VM_RWVMPARAMS_ALL, .vpp_pvclock_system_gpa = DATA | 1,
	};
	struct guest g;

	START(&g, LONG, tell);
	vpp.vpp_vm_id = g.id;
	MUST(call(g.fd, VMM_IOC_WRITEVMPARAMS, &vpp));
	MUST(reset(&g, LONG));
	MUST(call(g.fd, VMM_IOC_READVMPARAMS, &vpp));
	EXPECT_EQ(vpp.vpp_pvclock_system_gpa, 0);
}
