// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile guests: random bytes as code with instructions mixed in that exit or
 * change the machine, random control registers and descriptor tables, page
 * tables that the guest writes over, and storms of events. A guest may end in any
 * way; the host may not notice. COUNT is the number of calls of RUN.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

#define MEMORY (2UL << 20)
#define CODE 0x8000
#define CODE_SIZE 0x4000
#define HOST_TABLES 0xfffffe0000000000	/* Linux maps its descriptor tables from there */
#define MAX_RUNS 400
#define MAX_KICKS 5			/* in a row: it loops, or waits */

struct guest {
	struct random random;
	enum start start;
	int fd;
	uint32_t vm;
	unsigned char *memory;
	struct vm_exit exit;
	uint64_t runs, ended, killed;
};

/* Instructions that a hypervisor has to do with: CPUID, MSRs, HLT, XSETBV; MOV CR
 * and DR, CLTS, LMSW; descriptor tables, segments, far jumps, IRET; port I/O; flags and
 * software interrupts; SVM's and VMX's own; caches and TSC; SYSENTER and SYSCALL;
 * strings; ECX for MSRs; jumps. Operands come by chance. */
static const struct insn {
	const char *bytes;
	size_t length;
	enum { CR4 = 1, CR8, EFER } writes;
} insns[] = {
#define W(bytes, what) { bytes, sizeof(bytes) - 1, what }
#define I(bytes) W(bytes, 0)
	I("\x0f\xa2"), I("\x0f\x30"), I("\x0f\x32"), I("\xf4"), I("\x0f\x01\xd1"),
	I("\x0f\x01\xd0"), I("\x0f\x22\xc0"), I("\x0f\x22\xd8"), W("\x0f\x22\xe0", CR4),
	W("\x44\x0f\x22\xc0", CR8), I("\x0f\x20\xc0"), I("\x0f\x20\xd8"), I("\x44\x0f\x20\xc0"),
	I("\x0f\x06"), I("\x0f\x01\xf0"), I("\x0f\x21\xf8"), I("\x0f\x23\xf8"),
	I("\x0f\x23\xc0"), I("\x0f\x01\x10"), I("\x0f\x01\x18"), I("\x0f\x00\xd0"),
	I("\x0f\x00\xd8"), I("\x8e\xd0"), I("\x8e\xd8"), I("\x8e\xe0"), I("\xea"), I("\xff\x28"),
	I("\xcb"), I("\xcf"), I("\xe4\x80"), I("\xe6\x80"), I("\xed"), I("\xef"), I("\x6c"),
	I("\x6f"), I("\xf3\x6e"), I("\xf3\x6d"), I("\xe6\xf5"), I("\xfa"), I("\xfb"),
	I("\xfb\xf4"), I("\x9d"), I("\x9c"), I("\xcd\x80"), I("\xcc"), I("\xf1"), I("\xce"),
	I("\x0f\x01\xd8"), I("\x0f\x01\xd9"), I("\x0f\x01\xda"), I("\x0f\x01\xdb"),
	I("\x0f\x01\xdc"), I("\x0f\x01\xdd"), I("\x0f\x01\xde"), I("\x0f\x01\xdf"),
	I("\x0f\x01\xc1"), I("\x0f\x01\xc2"), I("\x0f\x01\xc4"), I("\x0f\x01\xc8"),
	I("\x0f\x01\xc9"), I("\x0f\x08"), I("\x0f\x09"), I("\x0f\x33"), I("\x0f\x31"),
	I("\x0f\x01\xf9"), I("\xf3\x90"), I("\x0f\x37"), I("\x0f\x34"), I("\x0f\x35"),
	I("\x0f\x05"), I("\x0f\x07"), I("\x0f\x01\xf8"), I("\x0f\x01\x38"), I("\xf3\xaa"),
	I("\xf3\xa4"), I("\x0f\xae\x00"), I("\x0f\xae\x08"), I("\x0f\xc7\x08"),
	I("\x9b\xdb\xe3"), I("\xb9\x00\x00\x00\xc0"), W("\xb9\x80\x00\x00\xc0", EFER),
	I("\xb9\x01\x4d\x56\x4b"), I("\x31\xc0"), I("\x31\xc9"), I("\xeb\xfe"), I("\xeb\x80"),
	I("\xe9\x00\xf0\xff\xff"),
#undef I
#undef W
};

/* See spare_emulator(): a guest that has LME does not write CR4, and one that has not
 * gets none. A write to CR8 while an interrupt window is open makes QEMU 7.2 abort. */
static bool would_kill_emulator(const struct guest *g, const struct insn *insn)
{
	return on_qemu() && insn->writes &&
	       (insn->writes == CR8 || insn->writes == (g->start == START_LONG ? CR4 : EFER));
}

static void fill_code(struct guest *g)
{
	unsigned char *at = g->memory + CODE, *end = at + CODE_SIZE;

	random_bytes(&g->random, at, CODE_SIZE);
	while (at < end - 8) {
		const struct insn *insn =
			&insns[random_below(&g->random, sizeof(insns) / sizeof(insns[0]))];

		if (would_kill_emulator(g, insn))
			continue;
		memcpy(at, insn->bytes, insn->length);
		at += insn->length + (one_in(&g->random, 3) ? random_below(&g->random, 6) : 0);
	}
}

/* Descriptors and gates, most of them present, that lead into the code. */
static void fill_tables(struct guest *g)
{
	uint64_t *table = (uint64_t *)g->memory;

	for (int i = 0; i < 512; i++)
		table[i] = one_in(&g->random, 4) ? random64(&g->random) :
			   0x00008e0000100000 | (CODE + random_below(&g->random, CODE_SIZE));
	table[1] = 0x00af9b000000ffff;
	table[2] = 0x00cf93000000ffff;
}

/* One to one, then spoiled here and there; the guest's own stores do the rest. */
static void fill_page_tables(struct guest *g)
{
	uint64_t *table = (uint64_t *)(g->memory + 0x2000);

	start_page_tables(g->memory);
	for (uint64_t n = random_below(&g->random, 8); n; n--)
		table[random_below(&g->random, 1536)] = random_edge(&g->random) | 7;
}

static void spoil_state(struct guest *g, struct vcpu_reg_state *s)
{
	uint64_t n = random_below(&g->random, 4);

	for (int i = 0; i < 16; i++)
		s->vrs_gprs[i] = random_edge(&g->random);
	s->vrs_gprs[VCPU_REGS_RSP] = random_below(&g->random, MEMORY);
	s->vrs_gprs[VCPU_REGS_RIP] = CODE + random_below(&g->random, CODE_SIZE);
	s->vrs_gprs[VCPU_REGS_RFLAGS] |= random64(&g->random) & 0x247fd5;
	while (n--) {
		switch (random_below(&g->random, 5)) {
		case 0: s->vrs_crs[VCPU_REGS_CR0] ^= 1ULL << random_below(&g->random, 32); break;
		case 1: s->vrs_crs[VCPU_REGS_CR4] ^= 1ULL << random_below(&g->random, 24); break;
		case 2: s->vrs_msrs[VCPU_REGS_EFER] ^= 1ULL << random_below(&g->random, 16); break;
		case 3: s->vrs_sregs[random_below(&g->random, 8)].vsi_ar ^=
				1u << random_below(&g->random, 17); break;
		case 4: s->vrs_crs[VCPU_REGS_CR3] = random_edge(&g->random); break;
		}
	}
	spare_emulator(s, g->start);
}

static int guest_begin(struct guest *g)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 2, .vcp_ncpus = 1, .vcp_name = "hostile",
		.vcp_memranges = { { .vmr_size = MEMORY },
				   { .vmr_gpa = MEMORY, .vmr_size = 1 << 20, .vmr_type = VM_MEM_MMIO } },
	};
	struct vm_resetcpu_params reset = {};
	int err = vmm_create(g->fd, &vcp);

	if (err)
		return err;
	g->vm = reset.vrp_vm_id = vcp.vcp_id;
	g->memory = (unsigned char *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	g->start = (enum start)random_below(&g->random, NR_STARTS);
	fill_tables(g);
	fill_page_tables(g);
	fill_code(g);
	start_state(g->start, &reset.vrp_init_state);
	spoil_state(g, &reset.vrp_init_state);
	memset(&g->exit, 0, sizeof(g->exit));
	err = vmm_reset_cpu(g->fd, &reset);
	return err == -EIO ? 1 : err;	/* a state that this processor does not take */
}

static void guest_end(struct guest *g)
{
	vmm_term(g->fd, g->vm);
	munmap(g->memory, MEMORY);
	g->ended++;
}

/* What a storm of events gives to the guest at this entry. */
static void storm(struct guest *g, struct vm_run_params *run)
{
	run->vrp_intr_pending = one_in(&g->random, 3);
	switch (random_below(&g->random, 6)) {
	case 0:
		run->vrp_inject.vie_type = VCPU_INJECT_INTR;
		run->vrp_inject.vie_vector = (uint8_t)random64(&g->random);
		break;
	case 1:
		run->vrp_inject.vie_type = VCPU_INJECT_EX;
		run->vrp_inject.vie_vector = (uint8_t)random_below(&g->random, 33);
		run->vrp_inject.vie_errorcode = (uint32_t)random64(&g->random);
		break;
	case 2:
		run->vrp_inject.vie_type = VCPU_INJECT_NMI;
		break;
	}
}

static void answer(struct guest *g)
{
	g->exit.vei.vei_data = (uint32_t)random64(&g->random);
	if (!one_in(&g->random, 10))
		g->exit.vrs.vrs_gprs[VCPU_REGS_RIP] += 1 + random_below(&g->random, 4);
	if (one_in(&g->random, 10))
		g->exit.vrs.vrs_gprs[random_below(&g->random, VCPU_REGS_NGPRS)] =
			random_edge(&g->random);
}

/* Whether the registers of an ended guest are those of a host's kernel. */
static bool tells_of_host(struct guest *g)
{
	struct vm_rwregs_params regs = { .vrwp_vm_id = g->vm, .vrwp_mask = VM_RWREGS_ALL };
	const struct vcpu_reg_state *s = &regs.vrwp_regs;

	return !vmm_read_regs(g->fd, &regs) && s->vrs_gdtr.vsi_base >= HOST_TABLES &&
	       s->vrs_gdtr.vsi_base != ~0ULL && s->vrs_gdtr.vsi_limit == 0x7f;
}

/* Until it ends or had its share; an errno that RUN must not give is returned. */
static int guest_run(struct guest *g)
{
	bool stormy = one_in(&g->random, 2);
	int err = 0, kicks = 0;

	for (int i = 0; i < MAX_RUNS && kicks < MAX_KICKS && !err; i++) {
		struct vm_run_params run = { .vrp_vm_id = g->vm, .vrp_exit = &g->exit };

		if (stormy && !kicks)
			storm(g, &run);
		err = vmm_run(g->fd, &run);
		g->runs++;
		kicks = run.vrp_exit_reason == VM_EXIT_NONE ? kicks + 1 : 0;
		if (!kicks)
			answer(g);
	}
	g->killed += err != 0;
	if (err && tells_of_host(g)) {
		fprintf(stderr, "fuzz: registers of the host's kernel in a guest's\n");
		return -EFAULT;
	}
	return err == -EINVAL || err == -EIO || err == -ENOMEM ? 0 : err;
}

static void ignore(int sig)
{
	(void)sig;
}

int fuzz_guests(uint64_t seed, uint64_t count)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 2000 }, { 0, 2000 } };
	struct guest g = { .fd = vmm_open() };
	int err = g.fd < 0 ? g.fd : 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (!err && g.runs < count) {
		/* Each guest by its own seed: FUZZ_VERBOSE tells it, and it can be run alone. */
		g.random.state = seed + g.ended;
		if (getenv("FUZZ_VERBOSE"))
			dprintf(1, "guest %lu\n", (unsigned long)g.random.state);
		err = guest_begin(&g);
		if (err < 0)
			break;
		err = err ? 0 : guest_run(&g);
		guest_end(&g);
	}
	printf("guests: %lu, %lu of them ended by the module, %lu calls of RUN\n",
	       (unsigned long)g.ended, (unsigned long)g.killed, (unsigned long)g.runs);
	if (err)
		fprintf(stderr, "fuzz: guest %lu: %s\n", (unsigned long)g.ended, strerror(-err));
	return err ? 1 : 0;
}
