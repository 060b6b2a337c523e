// SPDX-License-Identifier: GPL-2.0-only
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define AR_DATA16	0x0093
#define AR_CODE32	0xc09b
#define AR_DATA32	0xc093
#define AR_CODE64	0xa09b
#define AR_TSS		0x008b
#define AR_USER		0x60		/* DPL 3 */

/* Exceptions that push an error code, SDM table 6-1. */
#define WITH_ERROR	((1u << 8) | (0x1fu << 10) | (1u << 17))
#define STUB_SIZE	16

void make(struct guest *g, unsigned int ncpus)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 2, .vcp_ncpus = ncpus, .vcp_name = "conform",
		.vcp_memranges = {
			{ .vmr_size = RAM_SIZE },
			{ .vmr_gpa = MMIO_GPA, .vmr_size = MMIO_SIZE, .vmr_type = VM_MEM_MMIO },
		},
	};

	memset(g, 0, sizeof(*g));
	g->fd = device();
	MUST(call(g->fd, VMM_IOC_CREATE, &vcp));
	g->id = vcp.vcp_id;
	g->ram = (uint8_t *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
}

void load(struct guest *g, const uint8_t *code, size_t size)
{
	memcpy(g->ram + CODE, code, size);
}

struct guest other_vcpu(const struct guest *g, uint32_t vcpu)
{
	return (struct guest) { .fd = g->fd, .id = g->id, .vcpu = vcpu, .ram = g->ram,
				.mode = g->mode };
}

struct vm_sharemem_params share_params(const struct guest *g)
{
	return (struct vm_sharemem_params) {
		.vsp_vm_id = g->id, .vsp_nmemranges = 2,
		.vsp_memranges = {
			{ .vmr_size = RAM_SIZE },
			{ .vmr_gpa = MMIO_GPA, .vmr_size = MMIO_SIZE, .vmr_type = VM_MEM_MMIO },
		},
	};
}

/* ---- registers ---- */

static struct vcpu_segment_info segment(uint16_t sel, uint32_t ar, uint32_t limit)
{
	return (struct vcpu_segment_info) { .vsi_sel = sel, .vsi_limit = limit, .vsi_ar = ar };
}

static void real_segments(struct vcpu_reg_state *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_REGS_LDTR; i++)
		regs->vrs_sregs[i] = segment(0, AR_DATA16, 0xffff);
	/* Of the type that a reset gives it, SDM table 10-1. */
	regs->vrs_sregs[VCPU_REGS_CS] = segment(CODE >> 4, AR_DATA16, 0xffff);
	regs->vrs_sregs[VCPU_REGS_CS].vsi_base = CODE;
	regs->vrs_gprs[VCPU_REGS_RIP] = 0;
	regs->vrs_idtr = (struct vcpu_segment_info) { .vsi_limit = 0x3ff };
}

static void flat_segments(struct vcpu_reg_state *regs, enum mode mode)
{
	unsigned int i;

	for (i = 0; i < VCPU_REGS_LDTR; i++)
		regs->vrs_sregs[i] = segment(SEL_DATA, AR_DATA32, UINT32_MAX);
	regs->vrs_sregs[VCPU_REGS_CS] = segment(SEL_CODE, mode == LONG ? AR_CODE64 : AR_CODE32,
						UINT32_MAX);
	regs->vrs_gdtr = (struct vcpu_segment_info) { .vsi_base = GDT, .vsi_limit = 0x37 };
	regs->vrs_idtr = (struct vcpu_segment_info) { .vsi_base = IDT, .vsi_limit = 0xfff };
}

struct vcpu_reg_state registers(enum mode mode)
{
	struct vcpu_reg_state regs = {};

	regs.vrs_gprs[VCPU_REGS_RIP] = CODE;
	regs.vrs_gprs[VCPU_REGS_RSP] = STACK;
	regs.vrs_gprs[VCPU_REGS_RFLAGS] = RFLAGS_ONE;
	regs.vrs_crs[VCPU_REGS_XCR0] = 1;
	regs.vrs_crs[VCPU_REGS_CR0] = CR0_ET | CR0_NE;
	regs.vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	regs.vrs_drs[VCPU_REGS_DR7] = 0x400;
	if (mode == REAL) {
		real_segments(&regs);
	} else {
		flat_segments(&regs, mode);
		regs.vrs_crs[VCPU_REGS_CR0] |= CR0_PE;
	}
	regs.vrs_sregs[VCPU_REGS_LDTR].vsi_ar = AR_UNUSABLE;
	regs.vrs_sregs[VCPU_REGS_TR] = segment(mode == REAL ? 0 : SEL_TSS, AR_TSS, 0x67);
	if (mode == LONG) {
		regs.vrs_crs[VCPU_REGS_CR0] |= CR0_PG;
		regs.vrs_crs[VCPU_REGS_CR3] = PAGE_TABLES;
		regs.vrs_crs[VCPU_REGS_CR4] = CR4_PAE;
		regs.vrs_msrs[VCPU_REGS_EFER] = EFER_LME | EFER_LMA;
	}
	return regs;
}

/* ---- tables in the guest's memory ---- */

static void put(struct guest *g, uint32_t at, uint64_t value)
{
	memcpy(g->ram + at, &value, sizeof(value));
}

static uint64_t get(const struct guest *g, uint64_t at, unsigned int size)
{
	uint64_t value = 0;

	EXPECT(at + size <= RAM_SIZE);
	memcpy(&value, g->ram + at, size);
	return value;
}

/* Descriptor of a segment with base 0 (SDM volume 3, 3.4.5). */
static uint64_t descriptor(uint32_t ar, uint32_t limit)
{
	if (ar & 0x8000)
		limit >>= 12;
	return (limit & 0xffff) | (uint64_t)(ar & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(ar >> 12 & 0xf) << 52;
}

/* 4 GiB in pages of 2 MiB, for user mode too. */
static void write_page_tables(struct guest *g)
{
	uint32_t i;

	put(g, PAGE_TABLES, (PAGE_TABLES + 0x1000) | 7);
	for (i = 0; i < 4; i++)
		put(g, PAGE_TABLES + 0x1000 + 8 * i, (PAGE_TABLES + 0x1000 * (i + 2)) | 7);
	for (i = 0; i < 4 * 512; i++)
		put(g, PAGE_TABLES + 0x2000 + 8 * i, (uint64_t)i << 21 | 0x87);
}

static void write_gdt(struct guest *g, uint32_t code_ar)
{
	put(g, GDT + SEL_CODE, descriptor(code_ar, UINT32_MAX));
	put(g, GDT + SEL_DATA, descriptor(AR_DATA32, UINT32_MAX));
	put(g, GDT + SEL_TSS, descriptor(AR_TSS, 0x67));
	put(g, GDT + (SEL_USER_CODE & ~7), descriptor(code_ar | AR_USER, UINT32_MAX));
	put(g, GDT + (SEL_USER_DATA & ~7), descriptor(AR_DATA32 | AR_USER, UINT32_MAX));
}

/* PUSH vector; OUT AL, PORT_TRAP; drop it and an error code; IRET. */
static void write_stub(struct guest *g, unsigned int vector)
{
	unsigned int word = g->mode == LONG ? 8 : g->mode == PROT32 ? 4 : 2, n = 0;
	bool error = g->mode != REAL && vector < 32 && (WITH_ERROR >> vector & 1);
	uint8_t *stub = g->ram + STUBS + STUB_SIZE * vector;

	stub[n++] = 0x6a;
	stub[n++] = (uint8_t)vector;
	stub[n++] = 0xe6;
	stub[n++] = PORT_TRAP;
	if (g->mode == LONG)
		stub[n++] = 0x48;
	stub[n++] = 0x83;
	stub[n++] = 0xc4;
	stub[n++] = (uint8_t)(word * (error ? 2 : 1));
	if (g->mode == LONG)
		stub[n++] = 0x48;
	stub[n++] = 0xcf;
}

static void write_idt(struct guest *g)
{
	unsigned int i;
	uint64_t at;

	/* The stack of handlers that are entered from user mode: in the TSS, at 0. */
	if (g->mode == LONG)
		put(g, 4, STACK - 0x800);
	for (i = 0; i < 256; i++) {
		at = STUBS + STUB_SIZE * i;
		write_stub(g, i);
		if (g->mode == REAL) {
			uint16_t vector[2] = { (uint16_t)at, 0 };

			memcpy(g->ram + 4 * i, vector, sizeof(vector));
			continue;
		}
		put(g, IDT + (g->mode == LONG ? 16 : 8) * i,
		    (at & 0xffff) | SEL_CODE << 16 | 0x8e0000000000ULL | (at >> 16) << 48);
		if (g->mode == LONG)
			put(g, IDT + 16 * i + 8, 0);
	}
}

int reset_to(struct guest *g, const struct vcpu_reg_state *regs)
{
	struct vm_resetcpu_params vrp = {
		.vrp_vm_id = g->id, .vrp_vcpu_id = g->vcpu, .vrp_init_state = *regs,
	};

	memset(&g->exit, 0, sizeof(g->exit));
	return call(g->fd, VMM_IOC_RESETCPU, &vrp);
}

int reset(struct guest *g, enum mode mode)
{
	struct vcpu_reg_state regs = registers(mode);

	g->mode = mode;
	if (mode == LONG)
		write_page_tables(g);
	write_gdt(g, mode == LONG ? AR_CODE64 : AR_CODE32);
	write_idt(g);
	return reset_to(g, &regs);
}

/* ---- running ---- */

int run_once(struct guest *g)
{
	int err;

	g->run.vrp_vm_id = g->id;
	g->run.vrp_vcpu_id = g->vcpu;
	g->run.vrp_exit = &g->exit;
	err = call(g->fd, VMM_IOC_RUN, &g->run);
	memset(&g->run.vrp_inject, 0, sizeof(g->run.vrp_inject));
	return err;
}

int run_on(struct guest *g)
{
	int err;

	do
		err = run_once(g);
	while (!err && g->run.vrp_exit_reason == VM_EXIT_NONE && !g->stop);
	return err;
}

uint16_t run(struct guest *g)
{
	MUST(run_on(g));
	return g->run.vrp_exit_reason;
}

void run_to_io(struct guest *g)
{
	EXPECT_EQ(run(g), reason(R_IO));
	g->exit.vrs.vrs_gprs[VCPU_REGS_RIP] += g->exit.vei.vei_insn_len;
}

uint32_t run_to_out(struct guest *g)
{
	run_to_io(g);
	EXPECT_EQ(g->exit.vei.vei_port, PORT);
	EXPECT_EQ(g->exit.vei.vei_dir, VEI_DIR_OUT);
	return g->exit.vei.vei_data & (UINT32_MAX >> (32 - 8 * g->exit.vei.vei_size));
}

static struct trap trap_on_stack(const struct guest *g)
{
	unsigned int word = g->mode == LONG ? 8 : g->mode == PROT32 ? 4 : 2;
	uint64_t sp = g->exit.vrs.vrs_gprs[VCPU_REGS_RSP];
	struct trap t = {};

	t.vector = (uint8_t)get(g, sp, word);
	sp += word;
	t.has_error = g->mode != REAL && t.vector < 32 && (WITH_ERROR >> t.vector & 1);
	if (t.has_error) {
		t.error = get(g, sp, word);
		sp += word;
	}
	t.rip = get(g, sp, word);
	t.rflags = get(g, sp + 2 * word, word);
	return t;
}

bool run_to_out_or_trap(struct guest *g, struct trap *ret_trap)
{
	run_to_io(g);
	if (g->exit.vei.vei_port == PORT_TRAP) {
		*ret_trap = trap_on_stack(g);
		return false;
	}
	EXPECT_EQ(g->exit.vei.vei_port, PORT);
	return true;
}

struct trap run_to_trap(struct guest *g)
{
	struct trap t;

	EXPECT(!run_to_out_or_trap(g, &t));
	return t;
}

struct vcpu_reg_state regs_of(struct guest *g)
{
	struct vcpu_reg_state regs = {};

	MUST(readregs(g->fd, g->id, g->vcpu, VM_RWREGS_ALL, &regs));
	return regs;
}

void set_regs(struct guest *g, uint64_t mask, const struct vcpu_reg_state *regs)
{
	MUST(writeregs(g->fd, g->id, g->vcpu, mask, regs));
	if (mask & VM_RWREGS_GPRS)
		memcpy(g->exit.vrs.vrs_gprs, regs->vrs_gprs, sizeof(regs->vrs_gprs));
}

void set_gpr(struct guest *g, unsigned int index, uint64_t value)
{
	struct vcpu_reg_state regs = regs_of(g);

	/* An instruction that userland has finished stays finished. */
	if (g->exit.ve_exit)
		regs.vrs_gprs[VCPU_REGS_RIP] = g->exit.vrs.vrs_gprs[VCPU_REGS_RIP];
	regs.vrs_gprs[index] = value;
	set_regs(g, VM_RWREGS_GPRS, &regs);
}

static void *thread_main(void *arg)
{
	struct guest *g = arg;
	int err = run_on(g);

	g->done = true;
	return (void *)(intptr_t)err;
}

static void nothing(int signal)
{
	(void)signal;
}

void run_in_thread(struct guest *g, pthread_t *thread)
{
	struct sigaction sa = { .sa_handler = nothing };

	EXPECT(!sigaction(SIGUSR1, &sa, NULL));
	g->stop = g->done = false;
	EXPECT(!pthread_create(thread, NULL, thread_main, g));
}

int join(pthread_t thread)
{
	void *ret;

	EXPECT(!pthread_join(thread, &ret));
	return (int)(intptr_t)ret;
}

/* The first signal may come just before the thread enters RUN. */
int interrupt(struct guest *g, pthread_t thread)
{
	g->stop = true;
	do {
		EXPECT(!pthread_kill(thread, SIGUSR1));
		pause_ms(5);
	} while (!g->done);
	g->stop = false;
	return join(thread);
}

bool is_running(const struct guest *g)
{
	return info_of(g->fd, g->id).vir_vcpu_state[g->vcpu] == VCPU_STATE_RUNNING;
}
