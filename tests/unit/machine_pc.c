/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole machine: ports, wiring, time, ends, and what Linux does to it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "machine_test.h"

static void unclaimed(void **state)
{
	struct pc pc;
	uint32_t v = 0x12345678;
	uint64_t w = 0;

	pc_start(&pc);
	assert_int_equal(machine_io(pc.m, 0x80, 1, true, &v), VMMT_DEVICE_none);
	assert_int_equal(v, 0xff);
	assert_int_equal(pc_in(&pc, 0xcf8, 2), 0xffff);
	assert_int_equal(pc_in(&pc, 0xcf8, 4), 0xffffffff);
	assert_int_equal(machine_io(pc.m, 0x3f8, 3, true, &v), VMMT_DEVICE_none);
	pc_out(&pc, 0x1234, 4, 1);
	assert_int_equal(machine_mmio(pc.m, 0xfec00000, 4, false, &w), VMMT_DEVICE_none);
	assert_int_equal(w, 0xffffffff);
	assert_int_equal(machine_mmio(pc.m, 0xfec00000, 8, false, &w), VMMT_DEVICE_none);
	assert_int_equal(w, UINT64_MAX);
	pc_stop(&pc);
}

struct named {
	uint16_t first, last;
	enum vmmt_device device;
};

/* Timelines name slices by the schema's list of ports: it must agree. */
static void schema_names_every_port(void **state)
{
#define NAMED(first, last, device) { first, last, VMMT_DEVICE_##device },
	static const struct named names[] = { VMMT_PORTS(NAMED) };
#undef NAMED
	struct pc pc;
	unsigned port, i, claimed = 0;

	pc_start(&pc);
	for (port = 0; port < 65536; port++) {
		uint32_t v;
		enum vmmt_device device = machine_io(pc.m, port, 1, true, &v);
		bool found = device == VMMT_DEVICE_none;

		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			found = found || (port >= names[i].first && port <= names[i].last &&
					  device == names[i].device);
		if (!found)
			fail_msg("port 0x%x is device %d, which the schema does not say", port,
				 device);
		claimed += device != VMMT_DEVICE_none;
	}
	assert_true(claimed > 0);
	pc_stop(&pc);
}

/* A 16-bit access to an 8-bit device is two cycles. */
static void wide_accesses_are_split(void **state)
{
	struct pc pc;

	pc_start(&pc);
	pc_out(&pc, 0x70, 2, 0x5a40);	/* index 0x40, value 0x5a */
	outb(&pc, 0x40, 0x70);
	assert_int_equal(inb(&pc, 0x71), 0x5a);
	assert_int_equal(pc_in(&pc, 0x70, 2), 0x5aff);
	pc_out(&pc, 0x3fb, 1, 0x83);
	pc_out(&pc, 0x3f8, 2, 0x1234);
	assert_int_equal(inb(&pc, 0x3f8), 0x34);
	assert_int_equal(inb(&pc, 0x3f9), 0x12);
	/* 0x61 is the speaker's, 0x62 and 0x63 nobody's, 0x64 the keyboard's. */
	assert_int_equal(pc_in(&pc, 0x61, 4) & 0xffffff00, 0x14ffff00);
	/* The last of a device's ports: what is beyond is its neighbour's. */
	assert_int_equal(pc_in(&pc, 0x3ff, 2) & 0xff00, 0xff00);
	assert_int_equal(pc_in(&pc, 0xffff, 4), 0xffffffff);
	pc_stop(&pc);
}

/* A PCI configuration address is no reset, although 0xcf9 lies within it. */
static void pci_probe_is_no_reset(void **state)
{
	struct pc pc;

	pc_start(&pc);
	pc_out(&pc, 0xcf8, 4, 0x8000ffff);
	assert_int_equal(pc_in(&pc, 0xcf8, 4), 0xffffffff);
	outb(&pc, 0x01, 0xcfb);
	assert_int_equal(machine_ended(pc.m, NULL), MACHINE_END_none);
	pc_stop(&pc);
}

static void ends_once(struct pc *pc, enum machine_end end, uint32_t status)
{
	uint32_t got = 77;

	assert_int_equal(pc->ends, 1);
	assert_int_equal(pc->end, end);
	assert_int_equal(pc->status, status);
	assert_int_equal(machine_ended(pc->m, &got), end);
	assert_int_equal(got, status);
	/* The first reason stays. */
	machine_end(pc->m, MACHINE_END_failed, 9);
	pc_out(pc, 0xf4, 1, 3);
	assert_int_equal(pc->ends, 1);
	assert_int_equal(machine_ended(pc->m, &got), end);
	assert_int_equal(got, status);
	pc_stop(pc);
}

static void ends(void **state)
{
	struct pc pc;

	pc_start(&pc);
	assert_int_equal(machine_ended(pc.m, NULL), MACHINE_END_none);
	pc_out(&pc, 0xf4, 1, 0);
	ends_once(&pc, MACHINE_END_debug_exit, 0);

	pc_start(&pc);
	pc_out(&pc, 0xf4, 4, 0xcafe1234);
	ends_once(&pc, MACHINE_END_debug_exit, 0xcafe1234);

	pc_start(&pc);
	outb(&pc, 0xfe, 0x64);
	ends_once(&pc, MACHINE_END_reset, 0);

	pc_start(&pc);
	outb(&pc, 0xd1, 0x64);	/* output port, bit 0 low */
	assert_int_equal(pc.ends, 0);
	outb(&pc, 0xfe, 0x60);
	ends_once(&pc, MACHINE_END_reset, 0);

	pc_start(&pc);
	outb(&pc, 0x02, 0xcf9);
	assert_int_equal(pc.ends, 0);
	outb(&pc, 0x06, 0xcf9);
	ends_once(&pc, MACHINE_END_reset, 0);

	pc_start(&pc);
	outb(&pc, 0x02, 0x92);	/* A20 only */
	assert_int_equal(inb(&pc, 0x92), 0x02);
	assert_int_equal(pc.ends, 0);
	outb(&pc, 0x03, 0x92);
	ends_once(&pc, MACHINE_END_reset, 0);

	pc_start(&pc);
	pc_out(&pc, 0x604, 2, 0x1c00);	/* no SLP_EN */
	assert_int_equal(pc.ends, 0);
	pc_out(&pc, 0x604, 2, 0x2000);
	ends_once(&pc, MACHINE_END_power_off, 0);

	pc_start(&pc);
	outb(&pc, 0x20, 0x605);
	ends_once(&pc, MACHINE_END_power_off, 0);

	pc_start(&pc);
	machine_end(pc.m, MACHINE_END_triple_fault, 0);
	ends_once(&pc, MACHINE_END_triple_fault, 0);
}

static void end_texts(void **state)
{
	assert_string_equal(machine_end_text(MACHINE_END_power_off), "guest powered off");
	assert_non_null(machine_end_text(99));
}

static void marks(void **state)
{
	struct pc pc;
	uint32_t v = 0xfeedface;

	pc_start(&pc);
	assert_int_equal(machine_io(pc.m, MACHINE_MARK_PORT, 4, false, &v), VMMT_DEVICE_mark);
	pc_out(&pc, MACHINE_MARK_PORT, 4, 0);
	assert_int_equal(pc.nmarks, 2);
	assert_int_equal(pc.marks[0], 0xfeedface);
	assert_int_equal(pc.marks[1], 0);
	assert_int_equal(pc_in(&pc, MACHINE_MARK_PORT, 4), 0xffffffff);
	pc_stop(&pc);
}

static uint64_t mmio_read(struct pc *pc, uint64_t gpa, unsigned size)
{
	uint64_t v = 0;

	assert_int_equal(machine_mmio(pc->m, gpa, size, false, &v), VMMT_DEVICE_scratch);
	return v;
}

static void scratch(void **state)
{
	const uint64_t base = MACHINE_SCRATCH_GPA;
	struct pc pc;
	uint64_t v = 0x1122334455667788;

	pc_start(&pc);
	machine_mmio(pc.m, base + 16, 8, true, &v);
	assert_true(mmio_read(&pc, base + 16, 8) == v);
	assert_int_equal(mmio_read(&pc, base + 17, 1), 0x77);
	assert_int_equal(mmio_read(&pc, base + 18, 2), 0x5566);
	v = 0xff;
	machine_mmio(pc.m, base + 20, 1, true, &v);
	assert_int_equal(mmio_read(&pc, base + 20, 4), 0x112233ff);
	assert_int_equal(mmio_read(&pc, base + 0xff8, 4), 1);
	assert_int_equal(mmio_read(&pc, base + 0xff8, 4), 2);
	v = 100;
	machine_mmio(pc.m, base + 0xff8, 4, true, &v);
	assert_int_equal(mmio_read(&pc, base + 0xff8, 4), 101);
	/* Not past the end of the page, nor before it. */
	assert_int_equal(machine_mmio(pc.m, base + 0xffd, 4, false, &v), VMMT_DEVICE_none);
	assert_int_equal(machine_mmio(pc.m, base - 1, 4, false, &v), VMMT_DEVICE_none);
	assert_int_equal(machine_mmio(pc.m, base, 3, false, &v), VMMT_DEVICE_none);
	assert_int_equal(machine_mmio(pc.m, UINT64_MAX, 8, false, &v), VMMT_DEVICE_none);
	pc_stop(&pc);
}

static void create_refuses(void **state)
{
	struct machine_config config = { .nram = 0 };
	struct machine *m = (void *)1;

	assert_int_equal(machine_create(&config, &m), -EINVAL);
	assert_ptr_equal(m, (void *)1);
	config.callbacks.now_ns = test_clock;
	config.nram = MACHINE_MAX_RANGES + 1;
	assert_int_equal(machine_create(&config, &m), -EINVAL);
	machine_destroy(NULL);
}

/* Guests that ask the NVRAM learn the memory size. */
static void memory_in_nvram(void **state)
{
	struct machine_config config = { .callbacks.now_ns = test_clock };
	struct machine_ram ram[MACHINE_MAX_RANGES];
	char msg[MACHINE_MSG];
	struct pc pc = { 0 };
	unsigned n;

	assert_int_equal(machine_layout(6ull << 30, ram, &config.nram, msg), 0);
	config.ram = ram;
	assert_int_equal(machine_create(&config, &pc.m), 0);
	assert_memory_equal(machine_memory(pc.m, &n), ram, sizeof(ram));
	assert_int_equal(n, MACHINE_MAX_RANGES);
	outb(&pc, 0x35, 0x70);
	assert_int_equal(inb(&pc, 0x71), 0xef);	/* 0xf0000000 less 16 MiB, by 64 KiB */
	outb(&pc, 0x5c, 0x70);
	assert_int_equal(inb(&pc, 0x71), 0x90);	/* 2304 MiB from 4 GiB on */
	pc_stop(&pc);
}

/* With no callbacks but the clock a machine works, and tells nobody. */
static void callbacks_are_optional(void **state)
{
	struct machine_config config = { .callbacks.now_ns = test_clock };
	struct pc pc = { 0 };
	uint64_t v;

	assert_int_equal(machine_create(&config, &pc.m), 0);
	pc_init_pics(&pc);
	outb(&pc, 0x00, 0x21);
	outb(&pc, 'x', 0x3f8);
	pc_out(&pc, MACHINE_MARK_PORT, 4, 1);
	outb(&pc, 0x34, 0x43);
	outb(&pc, 0x10, 0x40);
	outb(&pc, 0x00, 0x40);
	test_now += MSEC;
	machine_run_timers(pc.m);
	assert_true(machine_irq_pending(pc.m));
	outb(&pc, 0x00, 0xf4);
	assert_int_equal(machine_ended(pc.m, NULL), MACHINE_END_debug_exit);
	assert_int_equal(machine_mmio(pc.m, MACHINE_SCRATCH_GPA, 4, false, &v), VMMT_DEVICE_none);
	pc_stop(&pc);
}

/* The timer's interrupt, from OUT0 to EOI, with one id throughout. */
static void timer_interrupt(void **state)
{
	struct pc pc;
	uint32_t id;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xfe, 0x21);
	assert_int_equal(machine_next_deadline(pc.m), NO_DEADLINE);
	outb(&pc, 0x34, 0x43);
	outb(&pc, 0xa9, 0x40);
	outb(&pc, 0x04, 0x40);	/* 1193: about 1 kHz */
	assert_int_equal(pc.rearms, 1);	/* the timer thread must be told */
	pc_sleep(&pc, MSEC / 2);
	assert_false(machine_irq_pending(pc.m));
	assert_int_equal(pc.kicks, 0);
	pc_sleep(&pc, MSEC);
	assert_true(machine_irq_pending(pc.m));
	assert_int_equal(pc.kicks, 1);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x30);
	assert_int_not_equal(id, 0);
	assert_false(machine_irq_pending(pc.m));
	outb(&pc, 0x60, 0x20);
	assert_int_equal(pc.nlog, 3);
	assert_int_equal(pc.log[0].stage, VMMT_STAGE_raised);
	assert_int_equal(pc.log[1].stage, VMMT_STAGE_acknowledged);
	assert_int_equal(pc.log[2].stage, VMMT_STAGE_end);
	assert_int_equal(pc.log[0].irq_id, id);
	assert_int_equal(pc.log[1].irq_id, id);
	assert_int_equal(pc.log[2].irq_id, id);
	pc_stop(&pc);
}

/* Ten periods pass before the guest takes the interrupt: one is delivered,
 * nine are counted as merged into it, and no wake-up was needed for them. */
static void missed_periods(void **state)
{
	struct pc pc;
	uint32_t id;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xfe, 0x21);
	outb(&pc, 0x34, 0x43);
	outb(&pc, 0xa9, 0x40);
	outb(&pc, 0x04, 0x40);
	pc_sleep(&pc, MSEC + 10 * USEC);
	assert_int_equal(machine_next_deadline(pc.m), NO_DEADLINE);
	test_now += 9 * MSEC;
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x30);
	assert_int_equal(pc.nlog, 3);
	assert_int_equal(pc.log[1].stage, VMMT_STAGE_dropped);
	assert_int_equal(pc.log[1].count, 9);
	assert_int_equal(pc.log[1].irq_id, id);
	outb(&pc, 0x60, 0x20);
	assert_false(machine_irq_pending(pc.m));
	assert_true(machine_next_deadline(pc.m) < test_now + MSEC);
	pc_stop(&pc);
}

static void rearm_only_when_earlier(void **state)
{
	struct pc pc;
	uint64_t t;

	pc_start(&pc);
	outb(&pc, 0x38, 0x43);
	outb(&pc, 0x00, 0x40);
	outb(&pc, 0x80, 0x40);
	t = machine_next_deadline(pc.m);
	pc.rearms = 0;
	outb(&pc, 0x00, 0x40);
	outb(&pc, 0xf0, 0x40);
	assert_true(machine_next_deadline(pc.m) > t);
	assert_int_equal(pc.rearms, 0);
	outb(&pc, 0x00, 0x40);
	outb(&pc, 0x10, 0x40);
	assert_int_equal(pc.rearms, 1);
	assert_true(machine_next_deadline(pc.m) < t);
	pc_stop(&pc);
}

static void rtc_interrupts_by_irq8(void **state)
{
	struct pc pc;
	uint32_t id;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xfb, 0x21);
	outb(&pc, 0xfe, 0xa1);
	pc_out(&pc, 0x70, 2, 0x120b);
	outb(&pc, 0x0c, 0x70);
	inb(&pc, 0x71);
	pc_sleep(&pc, NSEC_PER_SEC);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x38);
	outb(&pc, 0x0c, 0x70);
	assert_int_equal(inb(&pc, 0x71) & 0x90, 0x90);
	pc_stop(&pc);
}

static void console(void **state)
{
	struct pc pc;
	uint32_t id;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xef, 0x21);
	outb(&pc, 'h', 0x3f8);
	outb(&pc, 'i', 0x3f8);
	assert_string_equal(pc.console, "hi");
	outb(&pc, 0x0b, 0x3fc);
	outb(&pc, 0x01, 0x3f9);
	assert_int_equal(machine_console_input(pc.m, "q", 1), 1);
	assert_int_equal(pc.kicks, 1);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x34);
	assert_int_equal(inb(&pc, 0x3f8), 'q');
	pc_stop(&pc);
}

/* A receiver timeout needs a deadline of its own. */
static void console_timeout(void **state)
{
	struct pc pc;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xef, 0x21);
	outb(&pc, 0xc7, 0x3fa);
	outb(&pc, 0x0b, 0x3fc);
	outb(&pc, 0x01, 0x3f9);
	machine_console_input(pc.m, "q", 1);
	assert_false(machine_irq_pending(pc.m));
	assert_int_equal(pc.rearms, 1);
	pc_sleep(&pc, MSEC);
	assert_true(machine_irq_pending(pc.m));
	pc_stop(&pc);
}

/* A burst of output within one interrupt is one more request, not sixteen. */
static void transmit_burst_is_one_request(void **state)
{
	struct pc pc;
	uint32_t id;
	unsigned i, before;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xef, 0x21);
	outb(&pc, 0x07, 0x3fa);
	outb(&pc, 0x0b, 0x3fc);
	outb(&pc, 0x02, 0x3f9);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x34);
	assert_int_equal(inb(&pc, 0x3fa), 0xc2);
	before = pc.nlog;
	for (i = 0; i < 16; i++)
		outb(&pc, 'x', 0x3f8);
	assert_int_equal(pc.nlog, before + 1);
	outb(&pc, 0x64, 0x20);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x34);
	/* The handler that sends without reading IIR gets its next one, too. */
	outb(&pc, 'y', 0x3f8);
	outb(&pc, 0x64, 0x20);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x34);
	pc_stop(&pc);
}

static void foreign_lines(void **state)
{
	struct pc pc;
	uint32_t id;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xdb, 0x21);
	outb(&pc, 0xf7, 0xa1);
	assert_int_equal(machine_irq_line(pc.m, 2, true), -EINVAL);
	assert_int_equal(machine_irq_line(pc.m, 16, true), -EINVAL);
	assert_int_equal(machine_irq_line(pc.m, 11, true), 0);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x3b);
	assert_int_equal(machine_irq_line(pc.m, 5, true), 0);
	assert_false(machine_irq_pending(pc.m));	/* below the cascade */
	outb(&pc, 0x63, 0xa0);
	outb(&pc, 0x62, 0x20);
	assert_int_equal(machine_irq_ack(pc.m, &id), 0x35);
	pc_stop(&pc);
}

/* Linux' i8042 driver finds a controller and no devices, without waiting for
 * an answer that never comes. */
static uint8_t kbd_answer(struct pc *pc)
{
	assert_int_equal(inb(pc, 0x64) & 0x03, 0x01);
	return inb(pc, 0x60);
}

static void linux_probes_i8042(void **state)
{
	struct pc pc;
	uint8_t config;

	pc_start(&pc);
	assert_int_equal(inb(&pc, 0x64) & 0x13, 0x10);	/* flush: empty; not locked */
	outb(&pc, 0x20, 0x64);
	config = kbd_answer(&pc);
	assert_int_equal(config & 0x40, 0x40);
	outb(&pc, 0x60, 0x64);
	outb(&pc, (config | 0x30) & ~0x03, 0x60);
	outb(&pc, 0xaa, 0x64);
	assert_int_equal(kbd_answer(&pc), 0x55);
	/* Auxiliary port: the loop test fails quickly, and so does the port's. */
	outb(&pc, 0xd3, 0x64);
	outb(&pc, 0x5a, 0x60);
	assert_int_equal(inb(&pc, 0x64) & 0x21, 0x01);
	inb(&pc, 0x60);
	outb(&pc, 0xa9, 0x64);
	assert_in_range(kbd_answer(&pc), 0x01, 0x04);
	/* Keyboard: a command to it is answered, as not there. */
	outb(&pc, 0x60, 0x64);
	outb(&pc, 0x45, 0x60);
	pc_init_pics(&pc);
	outb(&pc, 0xfd, 0x21);
	outb(&pc, 0xf2, 0x60);
	assert_true(machine_irq_pending(pc.m));
	assert_int_equal(inb(&pc, 0x64) & 0x41, 0x41);
	assert_int_equal(inb(&pc, 0x60), 0xfe);
	assert_int_equal(inb(&pc, 0x64) & 0x41, 0x00);
	pc_stop(&pc);
}

static void i8042_configuration(void **state)
{
	struct pc pc;
	uint8_t config;

	pc_start(&pc);
	outb(&pc, 0x20, 0x64);
	config = kbd_answer(&pc);
	outb(&pc, 0xad, 0x64);
	outb(&pc, 0xa7, 0x64);
	outb(&pc, 0x20, 0x64);
	assert_int_equal(kbd_answer(&pc), config | 0x30);
	outb(&pc, 0xae, 0x64);
	outb(&pc, 0xa8, 0x64);
	outb(&pc, 0x20, 0x64);
	assert_int_equal(kbd_answer(&pc), config & ~0x30);
	outb(&pc, 0xd0, 0x64);
	assert_int_equal(kbd_answer(&pc) & 0x03, 0x03);	/* no reset, A20 open */
	outb(&pc, 0xaa, 0x64);
	kbd_answer(&pc);
	assert_int_equal(inb(&pc, 0x64) & 0x14, 0x14);
	/* Pulses of other lines, and commands nobody knows, are no reset. */
	outb(&pc, 0xff, 0x64);
	outb(&pc, 0xc0, 0x64);
	outb(&pc, 0x7e, 0x64);
	assert_int_equal(machine_ended(pc.m, NULL), MACHINE_END_none);
	outb(&pc, 0xf0, 0x64);
	assert_int_equal(machine_ended(pc.m, NULL), MACHINE_END_reset);
	pc_stop(&pc);
}

/* What the auxiliary port says comes without keyboard interrupt. */
static void i8042_interrupts(void **state)
{
	struct pc pc;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xfd, 0x21);
	outb(&pc, 0xd4, 0x64);
	outb(&pc, 0xf2, 0x60);
	assert_int_equal(inb(&pc, 0x64) & 0x61, 0x61);
	assert_false(machine_irq_pending(pc.m));
	inb(&pc, 0x60);
	outb(&pc, 0xd2, 0x64);
	outb(&pc, 0x1c, 0x60);
	assert_true(machine_irq_pending(pc.m));
	assert_int_equal(inb(&pc, 0x60), 0x1c);
	assert_false(machine_irq_pending(pc.m));
	outb(&pc, 0x60, 0x64);
	outb(&pc, 0x44, 0x60);	/* interrupt off */
	outb(&pc, 0xd2, 0x64);
	outb(&pc, 0x1c, 0x60);
	assert_false(machine_irq_pending(pc.m));
	pc_stop(&pc);
}

/* Linux' native_machine_emergency_restart by keyboard. */
static void linux_reboots(void **state)
{
	struct pc pc;
	unsigned i;

	pc_start(&pc);
	for (i = 0; i < 0x10000 && inb(&pc, 0x64) & 0x02; i++)
		;
	assert_int_equal(i, 0);
	outb(&pc, 0xfe, 0x64);
	assert_int_equal(machine_ended(pc.m, NULL), MACHINE_END_reset);
	pc_stop(&pc);
}

/* Linux' mach_get_cmos_time: wait for UIP to go low, read, and the sum is the
 * time the machine was started with. */
static unsigned cmos(struct pc *pc, uint8_t reg)
{
	outb(pc, reg, 0x70);
	return inb(pc, 0x71);
}

static void linux_reads_the_clock(void **state)
{
	struct pc pc;

	pc_start(&pc);
	pc.io_ns = USEC;
	while (cmos(&pc, 10) & 0x80)
		;
	assert_int_equal(cmos(&pc, 0), 0x05);
	assert_int_equal(cmos(&pc, 2), 0x04);
	assert_int_equal(cmos(&pc, 4), 0x03);
	assert_int_equal(cmos(&pc, 7), 0x02);
	assert_int_equal(cmos(&pc, 8), 0x01);
	assert_int_equal(cmos(&pc, 9), 0x26);
	assert_int_equal(cmos(&pc, 11) & 0x04, 0);
	pc_stop(&pc);
}

#define LATCH 4773	/* 1193182 Hz / 250 */

/* Linux' clockevent: shut down, periodic, one-shot, over and over. */
static unsigned count_ticks(struct pc *pc, uint64_t ns)
{
	uint64_t end = test_now + ns, t;
	unsigned n = 0;
	uint32_t id;

	for (;;) {
		while (machine_irq_pending(pc->m)) {
			assert_int_equal(machine_irq_ack(pc->m, &id), 0x30);
			outb(pc, 0x60, 0x20);
			n++;
		}
		t = machine_next_deadline(pc->m);
		if (t > end)
			break;
		test_now = t;
		machine_run_timers(pc->m);
	}
	test_now = end;
	return n;
}

static void linux_clockevent(void **state)
{
	struct pc pc;
	unsigned i;

	pc_start(&pc);
	pc_init_pics(&pc);
	outb(&pc, 0xfe, 0x21);
	outb(&pc, 0x34, 0x43);		/* periodic, HZ=250 */
	outb(&pc, LATCH & 0xff, 0x40);
	outb(&pc, LATCH >> 8, 0x40);
	assert_in_range(count_ticks(&pc, NSEC_PER_SEC), 249, 250);
	outb(&pc, 0x30, 0x43);		/* shut down */
	outb(&pc, 0x00, 0x40);
	outb(&pc, 0x00, 0x40);
	outb(&pc, 0x38, 0x43);		/* one-shot */
	count_ticks(&pc, MSEC);
	for (i = 0; i < 100; i++) {
		outb(&pc, 0xe8, 0x40);
		outb(&pc, 0x03, 0x40);
		assert_int_equal(count_ticks(&pc, 10 * MSEC), 1);
	}
	assert_int_equal(machine_next_deadline(pc.m), NO_DEADLINE);
	pc_stop(&pc);
}

/* vCPU, timer and console threads at once; for the sanitizers to judge. */
static atomic_bool stop;

static uint64_t ticking_now(void *ctx)
{
	static atomic_uint_least64_t t;

	return atomic_fetch_add(&t, 1000);
}

static void *timer_thread(void *arg)
{
	while (!atomic_load(&stop)) {
		machine_next_deadline(arg);
		machine_run_timers(arg);
	}
	return NULL;
}

static void *console_thread(void *arg)
{
	while (!atomic_load(&stop))
		machine_console_input(arg, "abc", 3);
	return NULL;
}

static void threads(void **state)
{
	struct machine_config config = { .callbacks.now_ns = ticking_now };
	struct pc pc = { 0 };
	pthread_t timer, input;
	unsigned i, taken = 0, received = 0;
	uint32_t id;

	assert_int_equal(machine_create(&config, &pc.m), 0);
	pc_init_pics(&pc);
	outb(&pc, 0xee, 0x21);
	outb(&pc, 0x34, 0x43);
	outb(&pc, 0x40, 0x40);
	outb(&pc, 0x00, 0x40);
	outb(&pc, 0x0b, 0x3fc);
	outb(&pc, 0x01, 0x3f9);
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&timer, NULL, timer_thread, pc.m), 0);
	assert_int_equal(pthread_create(&input, NULL, console_thread, pc.m), 0);
	for (i = 0; i < 20000 || !taken || !received; i++) {
		if (inb(&pc, 0x3fd) & 1) {
			assert_true(strchr("abc", inb(&pc, 0x3f8)) != NULL);
			received++;
		}
		if (!machine_irq_pending(pc.m))
			continue;
		machine_irq_ack(pc.m, &id);
		outb(&pc, 0x20, 0x20);
		taken++;
	}
	atomic_store(&stop, true);
	pthread_join(timer, NULL);
	pthread_join(input, NULL);
	pc_stop(&pc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unclaimed),
		cmocka_unit_test(schema_names_every_port),
		cmocka_unit_test(wide_accesses_are_split),
		cmocka_unit_test(pci_probe_is_no_reset),
		cmocka_unit_test(ends),
		cmocka_unit_test(end_texts),
		cmocka_unit_test(marks),
		cmocka_unit_test(scratch),
		cmocka_unit_test(create_refuses),
		cmocka_unit_test(memory_in_nvram),
		cmocka_unit_test(callbacks_are_optional),
		cmocka_unit_test(timer_interrupt),
		cmocka_unit_test(missed_periods),
		cmocka_unit_test(rearm_only_when_earlier),
		cmocka_unit_test(rtc_interrupts_by_irq8),
		cmocka_unit_test(console),
		cmocka_unit_test(console_timeout),
		cmocka_unit_test(transmit_burst_is_one_request),
		cmocka_unit_test(foreign_lines),
		cmocka_unit_test(linux_probes_i8042),
		cmocka_unit_test(i8042_configuration),
		cmocka_unit_test(i8042_interrupts),
		cmocka_unit_test(linux_reboots),
		cmocka_unit_test(linux_reads_the_clock),
		cmocka_unit_test(linux_clockevent),
		cmocka_unit_test(threads),
	};

	return RUN_TESTS(tests);
}
