// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU thread: RUN, and what its exits ask of userland. */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool ended(const struct run *r)
{
	return run_stop_signal || machine_ended(r->machine, NULL) != MACHINE_END_none;
}

/* Timers that are due, and the next one. */
static void keep_time(struct run *r)
{
	if (run_timer_fired) {
		run_timer_fired = 0;
		r->armed = UINT64_MAX;
		machine_run_timers(r->machine);
		r->rearm = true;
	}
	if (r->rearm) {
		r->rearm = false;
		run_clock_arm(r);
	}
}

/* HLT: sleep until the machine has an interrupt. */
static void halt(struct run *r)
{
	struct pollfd pfd = { .fd = r->wake_fd, .events = POLLIN };
	uint64_t count;

	run_console_flush();
	while (!machine_irq_pending(r->machine) && !ended(r)) {
		keep_time(r);
		if (machine_irq_pending(r->machine))
			break;
		if (poll(&pfd, 1, -1) > 0 && read(r->wake_fd, &count, sizeof(count)) < 0)
			return;
	}
}

/* Give the guest the interrupt that the controller holds out, if it can take
 * one, and have RUN come back for the next. */
static void offer_interrupt(struct run *r, bool ready)
{
	struct vm_run_params *vrp = &r->vrp;
	uint32_t id;

	memset(&vrp->vrp_inject, 0, sizeof(vrp->vrp_inject));
	vrp->vrp_irq_id = 0;
	if (ready && machine_irq_pending(r->machine)) {
		vrp->vrp_inject.vie_type = VCPU_INJECT_INTR;
		vrp->vrp_inject.vie_vector = (uint8_t)machine_irq_ack(r->machine, &id);
		vrp->vrp_irq_id = id;
	}
	vrp->vrp_intr_pending = machine_irq_pending(r->machine);
}

/* What RUN failed with is how the guest ended. */
static void died(struct run *r, int err)
{
	uint64_t rip = r->exit.vrs.vrs_gprs[VCPU_REGS_RIP];
	struct vm_rwregs_params vrwp = { .vrwp_vm_id = r->vm, .vrwp_mask = VM_RWREGS_GPRS };

	if (!vmm_read_regs(r->fd, &vrwp))
		rip = vrwp.vrwp_regs.vrs_gprs[VCPU_REGS_RIP];
	if (err == -EIO) {
		machine_end(r->machine, MACHINE_END_halted, 0);
		return;
	}
	snprintf(r->why, sizeof(r->why), "the guest cannot be run on from RIP %#llx: %s; the kernel log says more (dmesg | grep vmm:)",
		 (unsigned long long)rip,
		 err == -EINVAL ? "an address without memory, or a state the processor refuses" :
				  strerror(-err));
	machine_end(r->machine, MACHINE_END_failed, (uint32_t)-err);
}

/* What the exit asks for. RUN also returns after exits that were dealt with. */
static void handle_exit(struct run *r)
{
	unsigned int class = vmm_exit_class(r->version.vv_isa, r->vrp.vrp_exit_reason);
	int err = 0;

	switch (class) {
	case VMMT_CLASS_io_in:
		if (r->exit.vei.vei_size)
			err = guest_io(r);
		break;
	case VMMT_CLASS_ept:
		if (r->exit.vee.vee_fault_type == VEE_FAULT_MMIO_ASSIST)
			err = guest_mmio(r);
		break;
	case VMMT_CLASS_hlt:
		halt(r);
		break;
	case VMMT_CLASS_shutdown:
		machine_end(r->machine, MACHINE_END_triple_fault, 0);
		break;
	}
	if (err)
		machine_end(r->machine, MACHINE_END_failed, (uint32_t)-err);
}

void guest_loop(struct run *r)
{
	bool ready = false;
	int err;

	r->vrp.vrp_vm_id = r->vm;
	r->vrp.vrp_exit = &r->exit;
	while (!ended(r)) {
		keep_time(r);
		offer_interrupt(r, ready);
		/* A signal from here on makes RUN return: see clock.c. */
		if (run_timer_fired || run_stop_signal)
			r->vrp.vrp_intr_pending = 1;
		err = vmm_run(r->fd, &r->vrp);
		ready = !err && r->vrp.vrp_irqready;
		if (err) {
			died(r, err);
			return;
		}
		if (r->vrp.vrp_exit_reason != VM_EXIT_NONE)
			handle_exit(r);
		if (r->opt->max_exits && r->stats->vs_exits >= r->opt->max_exits) {
			snprintf(r->why, sizeof(r->why), "the guest was stopped after %llu exits (--max-exits)",
				 (unsigned long long)r->stats->vs_exits);
			machine_end(r->machine, MACHINE_END_failed, 0);
		}
	}
}
