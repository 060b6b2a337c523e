// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit costs, as the guest's own RDTSC sees it: round trips of CPUID,
 * RDMSR and OUT, the last to userland and back with a client that does nothing
 * else. Untraced, and with the recorder attached. On a deterministic emulated
 * host a tick is an instruction.
 *
 *	vmmtrace lab --cpu amd --deterministic --add tests/bench/exits -- exits
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/source_vmm.h"
#include "src/lib/libvmm.h"

#define ROUNDS 64
#define TABLES 0x2000
#define CODE 0x8000
#define RESULTS 0x10000
#define STR_(x) #x
#define STR(x) STR_(x)

/* Each measures ROUNDS times and stores 32-bit differences at R12. */
#define MEASURE(name, setup, insn) \
	"1:	rdtsc\n" \
	"	mov %eax, %r14d\n" setup insn \
	"	rdtsc\n" \
	"	sub %r14d, %eax\n" \
	"	mov %eax, (%r12)\n" \
	"	add $4, %r12\n" \
	"	dec %r13d\n" \
	"	jnz 1b\n" \
	"	mov $" STR(ROUNDS) ", %r13d\n"

/* All have the same frame: two instructions between the stamps beside the one
 * that is measured. */
asm(".pushsection .rodata\n"
    ".globl guest_code, guest_code_end\n"
    "guest_code:\n"
    "	mov $" STR(RESULTS) ", %r12d\n"
    "	mov $" STR(ROUNDS) ", %r13d\n"
    MEASURE("frame", "	mov $0, %eax\n	mov $0, %ecx\n", "")
    MEASURE("cpuid", "	mov $0, %eax\n	mov $0, %ecx\n", "	cpuid\n")
    MEASURE("rdmsr", "	mov $0, %eax\n	mov $0x277, %ecx\n", "	rdmsr\n")
    MEASURE("out", "	mov $0, %eax\n	mov $0x80, %edx\n", "	out %al, %dx\n")
    "	hlt\n"
    "guest_code_end:\n"
    ".popsection\n");
extern const char guest_code[], guest_code_end[];

static const char *const names[] = { "frame", "cpuid", "rdmsr", "out" };
#define NNAMES 4

struct guest {
	int fd;
	uint32_t vm;
	char *memory;
};

/* 64-bit mode, the first GiB mapped one to one. */
static int make_guest(struct guest *g)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 1, .vcp_ncpus = 1,
		.vcp_memranges = { { .vmr_size = 1 << 20 } }, .vcp_name = "bench",
	};
	struct vm_resetcpu_params vrp = {};
	struct vcpu_reg_state *s = &vrp.vrp_init_state;
	uint64_t *table;
	int err, i;

	g->fd = vmm_open();
	err = g->fd < 0 ? g->fd : vmm_create(g->fd, &vcp);
	if (err)
		return err;
	g->vm = vcp.vcp_id;
	g->memory = (char *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	table = (uint64_t *)(g->memory + TABLES);
	table[0] = (TABLES + 0x1000) | 3;
	table[512] = (TABLES + 0x2000) | 3;
	for (i = 0; i < 512; i++)
		table[1024 + i] = ((uint64_t)i << 21) | 0x83;
	memcpy(g->memory + CODE, guest_code, (size_t)(guest_code_end - guest_code));

	vrp.vrp_vm_id = g->vm;
	s->vrs_gprs[VCPU_REGS_RIP] = CODE;
	s->vrs_gprs[VCPU_REGS_RFLAGS] = 2;
	s->vrs_crs[VCPU_REGS_CR0] = 0x80000031;
	s->vrs_crs[VCPU_REGS_CR3] = TABLES;
	s->vrs_crs[VCPU_REGS_CR4] = 0x20;
	s->vrs_crs[VCPU_REGS_XCR0] = 1;
	s->vrs_msrs[VCPU_REGS_EFER] = 0x500;
	s->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	s->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		s->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = 0x10, .vsi_limit = ~0u, .vsi_ar = 0xc093 };
	s->vrs_sregs[VCPU_REGS_CS].vsi_sel = 8;
	s->vrs_sregs[VCPU_REGS_CS].vsi_ar = 0xa09b;
	s->vrs_sregs[VCPU_REGS_LDTR].vsi_ar = 0x82;
	s->vrs_sregs[VCPU_REGS_TR].vsi_ar = 0x8b;
	return vmm_reset_cpu(g->fd, &vrp);
}

/* To its HLT, which ends the vCPU as interrupts are off. */
static int run(struct guest *g)
{
	struct vm_exit exit = {};
	struct vm_run_params vrp = { .vrp_vm_id = g->vm, .vrp_exit = &exit };
	int err;

	for (;;) {
		err = vmm_run(g->fd, &vrp);
		if (err)
			return err == -5 ? 0 : err;
		if (exit.vei.vei_size)
			exit.vrs.vrs_gprs[VCPU_REGS_RIP] += exit.vei.vei_insn_len;
	}
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int measure(uint32_t median[NNAMES])
{
	uint32_t values[ROUNDS];
	struct guest g;
	int err = make_guest(&g), i;

	if (!err)
		err = run(&g);
	for (i = 0; !err && i < NNAMES; i++) {
		memcpy(values, g.memory + RESULTS + i * sizeof(values), sizeof(values));
		qsort(values, ROUNDS, sizeof(values[0]), by_value);
		median[i] = values[ROUNDS / 2];
	}
	if (!err)
		err = vmm_term(g.fd, g.vm);
	return err;
}

int main(void)
{
	struct collector_options options = { .generator = "bench", .khz = 1000000 };
	struct source_vmm_options source = {};
	struct collector *c = collector_new(&options);
	uint32_t off[NNAMES], on[NNAMES];
	struct source_vmm *s = NULL;
	char msg[SOURCE_MSG] = "";
	int err = measure(off), i;

	if (!err)
		err = source_vmm_open(c, &source, &s, msg);
	if (!err)
		err = measure(on);
	if (err) {
		fprintf(stderr, "exits: %s\n", msg[0] ? msg : strerror(-err));
		return 1;
	}
	printf("%-8s %10s %10s   ticks a round trip, frame taken off, median of %d\n", "guest does",
	       "untraced", "traced", ROUNDS);
	for (i = 1; i < NNAMES; i++)
		printf("%-10s %8u %10u\n", names[i], off[i] - off[0], on[i] - on[0]);
	source_vmm_close(s);
	collector_free(c);
	return 0;
}
