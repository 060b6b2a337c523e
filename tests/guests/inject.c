// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject [-o FILE]... IMAGE: runs inject.S through the calls of vmm(4) and
 * injects into it, with vrp_inject, every exception there is, an NMI and one
 * more while its handler runs, and external interrupts that can and cannot be
 * taken at once. Records the run
 * as vmmtrace run does. Status: 0, 1 failed, 4 the guest says something is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "inject.h"
#include "src/collector/source_vmm.h"
#include "src/lib/libvmm.h"
#include "src/machine/boot.h"
#include "src/machine/ports.h"

_Static_assert(SCRATCH == MACHINE_SCRATCH_GPA, "guest.h has the scratch device's address");
_Static_assert(PORT_EXIT == MACHINE_PORT_DEBUGEXIT, "guest.h has the debug-exit port");

#define MEMORY	(1u << 20)
#define IRQ_ID	7
#define MAX_RUNS 1000

struct injection {
	uint8_t answer;		/* DO_*: to the guest's question before it */
	uint8_t type, vector;
	uint32_t error;
};

/* The order of inject.expect. #AC pushes zero, whatever is asked for. Not here: vectors
 * that are reserved, or of features that no guest has (#VE, #CP). */
static const struct injection injections[] = {
#define EX(vector, error) { DO_AGAIN, VCPU_INJECT_EX, vector, error }
	EX(0, 0), EX(1, 0), EX(3, 0), EX(5, 0), EX(6, 0), EX(7, 0), EX(8, 0), EX(10, 0x10a0),
	EX(11, 0x11b0), EX(12, 0x12c0), EX(13, 0x13d0), EX(14, 0x14), EX(16, 0), EX(17, 0),
	EX(18, 0), EX(19, 0),
#undef EX
	{ DO_AGAIN, VCPU_INJECT_NMI, VECTOR_NMI, 0 },
	{ DO_OPEN, VCPU_INJECT_INTR, INJECT_INTR, 0 },
	{ DO_ASK_OPEN, VCPU_INJECT_NONE, 0, 0 },
	{ DO_AGAIN, VCPU_INJECT_INTR, INJECT_INTR, 0 },
};
#define NINJECTIONS (sizeof(injections) / sizeof(injections[0]))

struct client {
	int fd;
	uint32_t vm;
	unsigned int isa;
	const struct vmm_stats *stats;
	struct collector *collector;
	struct source_vmm *source;
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(-err));
	return 1;
}

static void set_registers(const struct boot_state *boot, struct vcpu_reg_state *regs)
{
	unsigned int i;

	memcpy(regs->vrs_gprs, boot->gpr, sizeof(boot->gpr));
	regs->vrs_gprs[VCPU_REGS_RIP] = boot->rip;
	regs->vrs_gprs[VCPU_REGS_RFLAGS] = boot->rflags;
	regs->vrs_crs[VCPU_REGS_CR0] = boot->cr0;
	regs->vrs_crs[VCPU_REGS_CR3] = boot->cr3;
	regs->vrs_crs[VCPU_REGS_CR4] = boot->cr4;
	regs->vrs_crs[VCPU_REGS_XCR0] = 1;
	regs->vrs_msrs[VCPU_REGS_EFER] = boot->efer;
	regs->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	regs->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		regs->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = boot->seg[i].selector, .vsi_limit = boot->seg[i].limit,
			.vsi_ar = boot->seg[i].ar, .vsi_base = boot->seg[i].base,
		};
	regs->vrs_gdtr.vsi_base = boot->gdtr.base;
	regs->vrs_gdtr.vsi_limit = boot->gdtr.limit;
	regs->vrs_idtr.vsi_base = boot->idtr.base;
	regs->vrs_idtr.vsi_limit = boot->idtr.limit;
}

static int make(struct client *c, const char *image)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 1, .vcp_ncpus = 1, .vcp_name = "inject",
		.vcp_memranges = { { .vmr_size = MEMORY, .vmr_type = VM_MEM_RAM } },
	};
	struct vm_resetcpu_params vrp = {};
	struct machine_ram ram = { .size = MEMORY, .type = MACHINE_RAM };
	struct guest_memory memory;
	struct boot_state boot = {};
	char msg[MACHINE_MSG];
	int err;

	err = vmm_create(c->fd, &vcp);
	if (err)
		return fail("CREATE", err);
	c->vm = vrp.vrp_vm_id = vcp.vcp_id;
	ram.host = (void *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	guest_memory_init(&memory, &ram, 1);
	err = boot_flat(&memory, image, IMAGE, BOOT_FLAT64, &boot, msg);
	if (err)
		return fail(msg, err);
	set_registers(&boot, &vrp.vrp_init_state);
	err = vmm_reset_cpu(c->fd, &vrp);
	if (err)
		return fail("RESETCPU", err);
	err = vmm_map_stats(c->fd, c->vm, 0, &c->stats);
	return err ? fail("statistics", err) : 0;
}

/* Answer the guest's question and inject what is next. */
static void answer(struct vm_run_params *vrp, size_t i)
{
	const struct injection *next = i < NINJECTIONS ? &injections[i] : NULL;

	vrp->vrp_exit->vei.vei_data &= ~0xffu;
	vrp->vrp_exit->vei.vei_data |= next ? next->answer : DO_END;
	if (!next)
		return;
	vrp->vrp_inject = (struct vcpu_inject_event){
		.vie_type = next->type, .vie_vector = next->vector, .vie_errorcode = next->error,
	};
	vrp->vrp_irq_id = next->type == VCPU_INJECT_INTR ? IRQ_ID : 0;
}

/* A handler tells its vector. Into the first of the NMI's another one is injected. */
static void told(struct vm_run_params *vrp, unsigned int *ret_nmis)
{
	if ((uint32_t)vrp->vrp_exit->vei.vei_data == VECTOR_NMI && (*ret_nmis)++ == 0)
		vrp->vrp_inject = (struct vcpu_inject_event){
			.vie_type = VCPU_INJECT_NMI, .vie_vector = VECTOR_NMI,
		};
}

/* Until the guest ends: its status, or negative. */
static int run(struct client *c)
{
	struct vm_exit exit = {};
	struct vm_run_params vrp = { .vrp_vm_id = c->vm, .vrp_exit = &exit };
	unsigned int class, runs, nmis = 0;
	size_t i = 0;
	int err;

	for (runs = 0; runs < MAX_RUNS; runs++) {
		err = vmm_run(c->fd, &vrp);
		if (err)
			return err;
		memset(&vrp.vrp_inject, 0, sizeof(vrp.vrp_inject));
		if (vrp.vrp_exit_reason == VM_EXIT_NONE)
			continue;
		class = vmm_exit_class(c->isa, vrp.vrp_exit_reason);
		if (class != VMMT_CLASS_io_in)
			return -EPROTO;
		exit.vrs.vrs_gprs[VCPU_REGS_RIP] += exit.vei.vei_insn_len;
		if (exit.vei.vei_port == PORT_EXIT)
			return (int)exit.vei.vei_data;
		if (exit.vei.vei_port == PORT_ASK && exit.vei.vei_dir == VEI_DIR_IN)
			answer(&vrp, i++);
		if (exit.vei.vei_port == PORT_VECTOR)
			told(&vrp, &nmis);
	}
	return -ETIMEDOUT;
}

static int record_start(struct client *c, char **outputs, int noutputs, uint64_t khz)
{
	struct collector_options options = { .generator = "inject", .khz = khz };
	struct source_vmm_options source = {};
	char msg[SOURCE_MSG];
	int i;

	c->collector = collector_new(&options);
	if (!c->collector)
		return fail("collector", -ENOMEM);
	for (i = 0; i < noutputs; i++)
		if (collector_add_output(c->collector, outputs[i]))
			return 1;
	if (source_vmm_open(c->collector, &source, &c->source, msg)) {
		fprintf(stderr, "inject: %s\n", msg);
		return 1;
	}
	return 0;
}

static int record_stop(struct client *c)
{
	struct collector_totals totals = {};
	struct collector_stream_end end;
	unsigned int i;

	source_vmm_detach(c->source);
	source_vmm_drain(c->source);
	for (i = 0; i < VMMT_NCLASS; i++) {
		totals.class[i].counted = c->stats->vs_class[i].vsc_counted;
		totals.class[i].lost = totals.class[i].counted - c->stats->vs_class[i].vsc_delivered;
	}
	end = (struct collector_stream_end){ c->vm, 0, c->stats->vs_seq };
	totals.streams = &end;
	totals.nstreams = 1;
	return collector_finish(c->collector, &totals) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct client c = {};
	struct vmm_version version;
	char *outputs[8];
	int noutputs = 0, opt, err, status;

	while ((opt = getopt(argc, argv, "o:")) == 'o' && noutputs < 8)
		outputs[noutputs++] = optarg;
	if (opt != -1 || optind != argc - 1) {
		fprintf(stderr, "Usage: inject [-o FILE]... IMAGE\n");
		return 2;
	}
	c.fd = vmm_open();
	if (c.fd < 0)
		return fail(VMM_DEVICE, c.fd);
	err = vmm_version(c.fd, &version);
	if (err)
		return fail("VERSION", err);
	c.isa = version.vv_isa;
	if (noutputs && record_start(&c, outputs, noutputs, version.vv_tsc_khz))
		return 1;
	if (make(&c, argv[optind]))
		return 1;
	status = run(&c);
	vmm_term(c.fd, c.vm);
	err = noutputs ? record_stop(&c) : 0;
	if (status < 0)
		return fail("RUN", status);
	if (status)
		fprintf(stderr, "inject: the guest ended with %d: a line of its source\n", status);
	return status ? 4 : err;
}
