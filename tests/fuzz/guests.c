// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile guests: random bytes as code with instructions mixed in that exit or
 * change the machine, random control registers and descriptor tables, page
 * tables that the guest writes over, and storms of events. A guest may end in any
 * way; the host may not notice. Now and then something fails in the kernel meanwhile. COUNT is the
 * number of calls of RUN.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "trace/record.h"

#define SMALL (256UL << 10)
#define LARGE (2UL << 20)		/* which the module maps at once */
#define MMIO (1UL << 20)		/* behind it */
#define HOST_TABLES 0xfffffe0000000000	/* Linux maps its descriptor tables from there */
#define MAX_RUNS 100
#define MAX_RESETS 8			/* after triple faults */
#define MAX_KICKS 2			/* in a row: it loops, or waits */

struct guest {
	struct random random;
	enum start start;
	int fd;
	uint32_t vm, isa;
	unsigned char *memory;
	size_t size;			/* bytes of it */
	struct vm_exit exit;
	struct watched watched;
	uint64_t runs, ended, killed;
};

static void spoil_state(struct guest *g, struct vcpu_reg_state *s)
{
	uint64_t n = random_below(&g->random, 4);

	for (int i = 0; i < 16; i++)
		s->vrs_gprs[i] = random_edge(&g->random);
	s->vrs_gprs[VCPU_REGS_RSP] = random_below(&g->random, g->size + MMIO);
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

static int guest_reset(struct guest *g)
{
	struct vm_resetcpu_params reset = { .vrp_vm_id = g->vm };
	int err;

	start_state(g->start, &reset.vrp_init_state);
	spoil_state(g, &reset.vrp_init_state);
	err = vmm_reset_cpu(g->fd, &reset);
	return err == -EIO ? 1 : err;	/* a state that this processor does not take */
}

static int guest_begin(struct guest *g)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 2, .vcp_ncpus = 1, .vcp_name = "hostile",
		.vcp_memranges = { { .vmr_type = VM_MEM_RAM },
				   { .vmr_size = MMIO, .vmr_type = VM_MEM_MMIO } },
	};
	int err;

	g->size = one_in(&g->random, 4) ? LARGE : SMALL;
	vcp.vcp_memranges[0].vmr_size = vcp.vcp_memranges[1].vmr_gpa = g->size;
	err = vmm_create(g->fd, &vcp);
	if (err)
		return err;
	g->vm = vcp.vcp_id;
	g->memory = (unsigned char *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	g->start = (enum start)random_below(&g->random, NR_STARTS);
	random_guest(&g->random, g->start, g->memory);
	memset(&g->exit, 0, sizeof(g->exit));
	return guest_reset(g);
}

static void guest_end(struct guest *g)
{
	count_exits(g->fd, g->vm, 1);
	vmm_term(g->fd, g->vm);
	munmap(g->memory, g->size);
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

/* A triple fault; the memory stays what the guest has made of it. */
static bool shut_down(const struct guest *g, const struct vm_run_params *run)
{
	return run->vrp_exit_reason != VM_EXIT_NONE &&
	       vmm_exit_class(g->isa, run->vrp_exit_reason) == VMMT_CLASS_shutdown;
}

/* RUN, with a fault now and then. What could not be copied is no error of the guest's. */
static int run_once(struct guest *g, struct vm_run_params *run)
{
	unsigned int nth = one_in(&g->random, 16) ? random_nth(&g->random) : 0;
	int err = watched_call(&g->watched, g->fd, VMM_IOC_RUN, run, g->vm, nth);

	g->runs++;
	return nth && err == -EFAULT ? 0 : err;
}

/* Until it ends or had its share: 0, or the errno of the call that failed. */
static int guest_live(struct guest *g)
{
	bool stormy = one_in(&g->random, 2);
	int err = 0, kicks = 0, resets = 0;

	atomic_store(&g->watched.ended, false);
	for (int i = 0; i < MAX_RUNS && kicks < MAX_KICKS && !err; i++) {
		struct vm_run_params run = { .vrp_vm_id = g->vm, .vrp_exit = &g->exit };

		if (stormy && !kicks)
			storm(g, &run);
		err = run_once(g, &run);
		kicks = run.vrp_exit_reason == VM_EXIT_NONE ? kicks + 1 : 0;
		if (!err && shut_down(g, &run))
			err = resets++ < MAX_RESETS ? guest_reset(g) : 1;
		else if (!kicks)
			answer(g);
	}
	return err;
}

/* An errno that RUN must not give is returned. */
static int guest_run(struct guest *g)
{
	int err = guest_live(g);

	if (err > 0)
		return 0;
	if (err == -ENOENT && atomic_load(&g->watched.ended))
		return 0;
	g->killed += err != 0;
	if (err && tells_of_host(g)) {
		fprintf(stderr, "fuzz: registers of the host's kernel in a guest's\n");
		return -EFAULT;
	}
	return err == -EINVAL || err == -EIO || err == -ENOMEM ? 0 : err;
}

int fuzz_guests(uint64_t seed, uint64_t count)
{
	static struct guest g;
	struct vmm_version version;
	int err;

	g.fd = vmm_open();
	watch_begin(&g.watched);
	err = g.fd < 0 ? g.fd : vmm_version(g.fd, &version);
	g.isa = version.vv_isa;
	err = err ? err : -watch_start();
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
	printf("guests: %lu, %lu of them ended by the module, %lu calls of RUN, %lu faults\n",
	       (unsigned long)g.ended, (unsigned long)g.killed, (unsigned long)g.runs,
	       faults_injected());
	watch_stop();
	print_exits("guests");
	if (err)
		fprintf(stderr, "fuzz: guest %lu: %s\n", (unsigned long)g.ended, strerror(-err));
	return err ? 1 : 0;
}
