/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of the machine share: cmocka speaking TAP, a clock that
 * the test turns, and bus cycles on a whole machine. */
#ifndef MACHINE_TEST_H
#define MACHINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/machine/bus.h"
#include "src/machine/machine.h"

#define RUN_TESTS(tests) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))

#define USEC 1000ull
#define MSEC 1000000ull

static uint64_t test_now;

static inline uint64_t test_clock(void *ctx)
{
	(void)ctx;
	return test_now;
}

static const struct bus_clock test_bus_clock = { test_clock, NULL };

/* ---- a whole machine, and what it told ---- */

struct pc {
	struct machine *m;
	struct i8259_event log[2048];
	unsigned nlog;
	char console[1024];
	unsigned nconsole;
	uint32_t marks[8];
	unsigned nmarks;
	unsigned kicks, rearms, ends;
	enum machine_end end;
	uint32_t status;
	uint64_t io_ns;		/* time a port access takes */
};

static inline uint64_t pc_now(void *ctx)
{
	(void)ctx;
	return test_now;
}

static inline void pc_irq(void *ctx, const struct i8259_event *event)
{
	struct pc *pc = ctx;

	assert_true(pc->nlog < sizeof(pc->log) / sizeof(pc->log[0]));
	pc->log[pc->nlog++] = *event;
}

static inline void pc_console(void *ctx, uint8_t byte)
{
	struct pc *pc = ctx;

	assert_true(pc->nconsole < sizeof(pc->console) - 1);
	pc->console[pc->nconsole++] = byte;
}

static inline void pc_mark(void *ctx, uint32_t value)
{
	struct pc *pc = ctx;

	assert_true(pc->nmarks < 8);
	pc->marks[pc->nmarks++] = value;
}

static inline void pc_kick(void *ctx)
{
	((struct pc *)ctx)->kicks++;
}

static inline void pc_rearm(void *ctx)
{
	((struct pc *)ctx)->rearms++;
}

static inline void pc_ended(void *ctx, enum machine_end end, uint32_t status)
{
	struct pc *pc = ctx;

	pc->ends++;
	pc->end = end;
	pc->status = status;
}

/* 2026-01-02 03:04:05 UTC, a Friday. */
#define PC_EPOCH 1767323045

static inline void pc_start(struct pc *pc)
{
	struct machine_config config = {
		.callbacks = {
			.now_ns = pc_now, .console = pc_console, .irq = pc_irq,
			.mark = pc_mark, .kick = pc_kick, .rearm = pc_rearm,
			.ended = pc_ended, .ctx = pc,
		},
		.rtc_base = PC_EPOCH,
		.scratch = true,
	};

	memset(pc, 0, sizeof(*pc));
	test_now = 5 * NSEC_PER_SEC;
	assert_int_equal(machine_create(&config, &pc->m), 0);
}

static inline void pc_stop(struct pc *pc)
{
	machine_destroy(pc->m);
}

static inline uint32_t pc_in(struct pc *pc, uint16_t port, unsigned size)
{
	uint32_t value = 0xdeadbeef;

	machine_io(pc->m, port, size, true, &value);
	test_now += pc->io_ns;
	return value;
}

static inline void pc_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value)
{
	machine_io(pc->m, port, size, false, &value);
	test_now += pc->io_ns;
}

static inline uint8_t inb(struct pc *pc, uint16_t port)
{
	return pc_in(pc, port, 1);
}

static inline void outb(struct pc *pc, uint8_t value, uint16_t port)
{
	pc_out(pc, port, 1, value);
}

/* Let time pass the way a run loop does: stop at each deadline. */
static inline void pc_sleep(struct pc *pc, uint64_t ns)
{
	uint64_t end = test_now + ns, t;

	while ((t = machine_next_deadline(pc->m)) <= end) {
		if (t > test_now)
			test_now = t;
		machine_run_timers(pc->m);
	}
	test_now = end;
	machine_run_timers(pc->m);
}

/* Linux' init_8259A: vectors 0x30 and 0x38, all masked at its end. */
static inline void pc_init_pics(struct pc *pc)
{
	outb(pc, 0xff, 0x21);
	outb(pc, 0x11, 0x20);
	outb(pc, 0x30, 0x21);
	outb(pc, 0x04, 0x21);
	outb(pc, 0x01, 0x21);
	outb(pc, 0x11, 0xa0);
	outb(pc, 0x38, 0xa1);
	outb(pc, 0x02, 0xa1);
	outb(pc, 0x01, 0xa1);
	outb(pc, 0xff, 0x21);
	outb(pc, 0xff, 0xa1);
}

#endif /* MACHINE_TEST_H */
