// SPDX-License-Identifier: GPL-2.0-only
/* One run: made, recorded, ended, told. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The machine has an interrupt for a vCPU that is in the guest or halted. */
static void kick(void *ctx)
{
	struct run *r = ctx;
	uint64_t one = 1;

	if (pthread_equal(pthread_self(), r->vcpu_thread))
		return;		/* it looks before it enters */
	vmm_intr(r->fd, r->vm, 0, true);
	if (write(r->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* An earlier deadline; devices with deadlines are used by the vCPU thread only. */
static void rearm(void *ctx)
{
	struct run *r = ctx;

	r->rearm = true;
}

static int make_machine(struct run *r)
{
	struct machine_config config = {
		.callbacks = {
			.now_ns = run_now_ns,
			.console = run_console_byte,
			.irq = record_irq,
			.kick = kick,
			.rearm = rearm,
			.ctx = r,
		},
		.ram = r->ram,
		.nram = r->nram,
		.rtc_base = r->opt->rtc_base >= 0 ? r->opt->rtc_base : time(NULL),
		.scratch = true,
	};
	int err = machine_create(&config, &r->machine);

	if (err)
		snprintf(r->why, sizeof(r->why), "the machine cannot be made: %s", strerror(-err));
	return err;
}

static int prepare(struct run *r)
{
	int err = guest_open(r);

	if (!err && (r->opt->noutputs || r->opt->lttng))
		err = record_start(r);
	if (!err)
		err = guest_make(r);
	if (!err)
		err = record_vm(r);
	if (!err)
		err = make_machine(r);
	if (!err)
		err = guest_load(r);
	if (!err)
		err = run_clock_start(r);
	if (!err)
		err = run_console_start(r);
	return err;
}

static int status_of(const struct run *r, enum machine_end end, uint32_t value)
{
	switch (end) {
	case MACHINE_END_power_off:
	case MACHINE_END_halted:
	case MACHINE_END_reset:
		return STATUS_DONE;
	case MACHINE_END_debug_exit:
		return value ? STATUS_GUEST : STATUS_DONE;
	case MACHINE_END_none:
		return STATUS_FAILED;
	default:
		return STATUS_GUEST;
	}
}

static void say(const struct run *r)
{
	if (r->why[0])
		fprintf(stderr, "vmmtrace run: %s\n", r->why);
}

int run_guest(const struct run_options *opt)
{
	struct run r = { .opt = opt, .fd = -1, .wake_fd = -1, .vcpu_thread = pthread_self() };
	enum machine_end end = MACHINE_END_none;
	int status = STATUS_FAILED, err;
	uint32_t value = 0;

	signal(SIGPIPE, SIG_IGN);
	r.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = r.wake_fd < 0 ? -errno : prepare(&r);
	if (!err) {
		guest_loop(&r);
		end = machine_ended(r.machine, &value);
		status = status_of(&r, end, value);
	}
	run_clock_stop(&r);
	run_console_stop(&r);
	if (end == MACHINE_END_none && run_stop_signal)
		snprintf(r.why, sizeof(r.why), "stopped by %s; what was recorded is kept",
			 run_stop_signal == SIGINT ? "SIGINT" : "a signal");
	say(&r);
	guest_end(&r);
	if (record_stop(&r) && status != STATUS_GUEST)
		status = STATUS_FAILED;
	if (!err && opt->trace != RUN_TRACE_OFF)
		run_summary(&r, end, value);
	record_free(&r);
	guest_free(&r);
	if (r.wake_fd >= 0)
		close(r.wake_fd);
	return status;
}
