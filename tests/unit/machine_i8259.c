/* SPDX-License-Identifier: GPL-2.0-only */
/* The 8259A pair, held to Intel's data sheet. */
#include "machine_test.h"

#define MASTER 0
#define SLAVE 1

struct pics {
	struct i8259 p;
	struct i8259_event log[64];
	unsigned n;
};

static void on_event(void *ctx, const struct i8259_event *event)
{
	struct pics *s = ctx;

	assert_true(s->n < 64);
	s->log[s->n++] = *event;
}

static void command(struct pics *s, int chip, uint8_t value)
{
	i8259_write(&s->p.chip[chip], 0, 1, value);
}

static void data(struct pics *s, int chip, uint8_t value)
{
	i8259_write(&s->p.chip[chip], 1, 1, value);
}

static uint8_t status(struct pics *s, int chip)
{
	return i8259_read(&s->p.chip[chip], 0, 1);
}

static uint8_t mask(struct pics *s, int chip)
{
	return i8259_read(&s->p.chip[chip], 1, 1);
}

/* ICW1..ICW4 as a PC does: vectors 0x08 and 0x70. */
static void init_with(struct pics *s, uint8_t master_icw4, uint8_t slave_icw4)
{
	memset(s, 0, sizeof(*s));
	i8259_init(&s->p, on_event, s);
	command(s, MASTER, 0x11);
	data(s, MASTER, 0x08);
	data(s, MASTER, 0x04);
	data(s, MASTER, master_icw4);
	command(s, SLAVE, 0x11);
	data(s, SLAVE, 0x70);
	data(s, SLAVE, 0x02);
	data(s, SLAVE, slave_icw4);
}

static void init(struct pics *s)
{
	init_with(s, 0x01, 0x01);
}

static int ack(struct pics *s)
{
	uint32_t id;

	return i8259_ack(&s->p, &id);
}

static void raise(struct pics *s, unsigned irq)
{
	i8259_set_line(&s->p, irq, true);
}

static void lower(struct pics *s, unsigned irq)
{
	i8259_set_line(&s->p, irq, false);
}

static void edge_request_and_eoi(void **state)
{
	struct pics s;

	init(&s);
	assert_false(i8259_intr(&s.p));
	raise(&s, 3);
	assert_true(i8259_intr(&s.p));
	assert_int_equal(status(&s, MASTER), 0x08);	/* IRR is read by default */
	assert_int_equal(ack(&s), 0x0b);
	assert_false(i8259_intr(&s.p));
	assert_int_equal(status(&s, MASTER), 0x00);
	command(&s, MASTER, 0x0b);			/* OCW3: read ISR */
	assert_int_equal(status(&s, MASTER), 0x08);
	/* The line is still high: no edge, no new request, even after EOI. */
	command(&s, MASTER, 0x20);
	assert_int_equal(status(&s, MASTER), 0x00);
	assert_false(i8259_intr(&s.p));
	lower(&s, 3);
	raise(&s, 3);
	assert_true(i8259_intr(&s.p));
}

static void fixed_priority(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 7);
	raise(&s, 1);
	raise(&s, 5);
	assert_int_equal(ack(&s), 0x09);
	/* Lower ones wait for the EOI of the one in service; a higher one does not. */
	assert_false(i8259_intr(&s.p));
	raise(&s, 0);
	assert_int_equal(ack(&s), 0x08);
	command(&s, MASTER, 0x20);	/* non-specific: ends the highest, 0 */
	assert_false(i8259_intr(&s.p));
	command(&s, MASTER, 0x20);
	assert_int_equal(ack(&s), 0x0d);
	command(&s, MASTER, 0x65);	/* specific EOI of 5 */
	assert_int_equal(ack(&s), 0x0f);
	command(&s, MASTER, 0x20);
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x00);
}

static void input_zero(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 0);
	assert_true(i8259_intr(&s.p));
	command(&s, MASTER, 0x0c);
	assert_int_equal(status(&s, MASTER), 0x80);
	command(&s, MASTER, 0x20);
	raise(&s, 8);
	assert_int_equal(ack(&s), 0x70);
}

/* An EOI with nothing in service, rotating or not, changes nothing. */
static void eoi_of_nothing(void **state)
{
	struct pics s;

	init(&s);
	command(&s, MASTER, 0x20);
	command(&s, MASTER, 0xa0);
	command(&s, MASTER, 0x65);
	assert_int_equal(s.n, 0);
	raise(&s, 7);
	raise(&s, 0);
	assert_int_equal(ack(&s), 0x08);
}

static void equal_priority_waits_for_eoi(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 4);
	ack(&s);
	lower(&s, 4);
	raise(&s, 4);
	assert_false(i8259_intr(&s.p));
	command(&s, MASTER, 0x64);
	assert_int_equal(ack(&s), 0x0c);
}

static void masks(void **state)
{
	struct pics s;

	init(&s);
	assert_int_equal(mask(&s, MASTER), 0x00);	/* ICW1 clears IMR */
	data(&s, MASTER, 0x10);
	assert_int_equal(mask(&s, MASTER), 0x10);
	raise(&s, 4);
	assert_false(i8259_intr(&s.p));
	assert_int_equal(status(&s, MASTER), 0x10);	/* masked, but requested */
	data(&s, MASTER, 0x00);
	assert_int_equal(ack(&s), 0x0c);
}

static void cascade(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 12);
	assert_int_equal(status(&s, MASTER), 0x04);
	assert_int_equal(ack(&s), 0x74);
	command(&s, MASTER, 0x0b);
	command(&s, SLAVE, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x04);
	assert_int_equal(status(&s, SLAVE), 0x10);
	/* The slave ranks as master's input 2: above 3, below 1. */
	raise(&s, 3);
	assert_false(i8259_intr(&s.p));
	raise(&s, 1);
	assert_int_equal(ack(&s), 0x09);
	command(&s, MASTER, 0x61);
	command(&s, SLAVE, 0x64);
	command(&s, MASTER, 0x62);
	assert_int_equal(ack(&s), 0x0b);
}

static void cascade_serves_the_next(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 14);
	raise(&s, 8);
	assert_int_equal(ack(&s), 0x70);
	command(&s, SLAVE, 0x20);
	command(&s, MASTER, 0x20);
	assert_true(i8259_intr(&s.p));
	assert_int_equal(ack(&s), 0x76);
	command(&s, SLAVE, 0x20);
	command(&s, MASTER, 0x20);
	assert_false(i8259_intr(&s.p));
}

/* Without special fully nested mode a slave in service locks out its betters. */
static void special_fully_nested(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 12);
	ack(&s);
	raise(&s, 8);
	assert_false(i8259_intr(&s.p));
	init_with(&s, 0x11, 0x01);
	raise(&s, 12);
	ack(&s);
	raise(&s, 8);
	assert_int_equal(ack(&s), 0x70);
}

static void masked_cascade(void **state)
{
	struct pics s;

	init(&s);
	data(&s, MASTER, 0x04);
	raise(&s, 9);
	assert_false(i8259_intr(&s.p));
	data(&s, MASTER, 0x00);
	assert_int_equal(ack(&s), 0x71);
}

static void spurious_master(void **state)
{
	struct pics s;
	uint32_t id = 99;

	init(&s);
	raise(&s, 4);
	assert_true(i8259_intr(&s.p));
	lower(&s, 4);		/* gone before INTA */
	assert_false(i8259_intr(&s.p));
	assert_int_equal(i8259_ack(&s.p, &id), 0x0f);
	assert_int_equal(id, 0);
	/* It sets no in-service bit: that is how a handler knows it. */
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x00);
}

static void spurious_slave(void **state)
{
	struct pics s;
	uint32_t id = 99;

	init(&s);
	raise(&s, 12);
	/* The request goes away between the two INTA pulses. */
	s.p.chip[SLAVE].irr = 0;
	assert_int_equal(i8259_ack(&s.p, &id), 0x77);
	assert_int_equal(id, 0);
	command(&s, SLAVE, 0x0b);
	assert_int_equal(status(&s, SLAVE), 0x00);
	/* The master served its input 2 and wants an EOI. */
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x04);
}

static void rotate_on_eoi(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 0);
	raise(&s, 3);
	assert_int_equal(ack(&s), 0x08);
	command(&s, MASTER, 0xa0);	/* rotate on non-specific EOI: 0 is lowest now */
	lower(&s, 0);
	raise(&s, 0);
	assert_int_equal(ack(&s), 0x0b);
	command(&s, MASTER, 0xe3);	/* rotate on specific EOI: 3 is lowest */
	raise(&s, 6);
	assert_int_equal(ack(&s), 0x0e);
}

static void set_priority(void **state)
{
	struct pics s;

	init(&s);
	command(&s, MASTER, 0xc4);	/* 4 lowest, 5 highest */
	raise(&s, 0);
	raise(&s, 4);
	raise(&s, 5);
	assert_int_equal(ack(&s), 0x0d);
	command(&s, MASTER, 0x20);
	assert_int_equal(ack(&s), 0x08);
	command(&s, MASTER, 0x20);
	assert_int_equal(ack(&s), 0x0c);
}

static void auto_eoi(void **state)
{
	struct pics s;

	init_with(&s, 0x03, 0x01);
	raise(&s, 2 + 1);
	assert_int_equal(ack(&s), 0x0b);
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x00);
	raise(&s, 6);
	assert_int_equal(ack(&s), 0x0e);
	/* Rotating: the one just served becomes the lowest. */
	command(&s, MASTER, 0x80);
	raise(&s, 5);
	assert_int_equal(ack(&s), 0x0d);
	lower(&s, 5);
	raise(&s, 5);
	lower(&s, 6);
	raise(&s, 6);
	assert_int_equal(ack(&s), 0x0e);
	assert_int_equal(ack(&s), 0x0d);
	/* Not rotating any more: 5 stays the lowest, 6 the highest. */
	command(&s, MASTER, 0x00);
	lower(&s, 6);
	raise(&s, 6);
	assert_int_equal(ack(&s), 0x0e);
	lower(&s, 6);
	raise(&s, 6);
	lower(&s, 0);
	raise(&s, 0);
	assert_int_equal(ack(&s), 0x0e);
}

/* The slave's INT falls during INTA: its next request is a new edge. */
static void auto_eoi_of_the_slave(void **state)
{
	struct pics s;

	init_with(&s, 0x03, 0x03);
	raise(&s, 9);
	raise(&s, 12);
	assert_int_equal(ack(&s), 0x71);
	assert_true(i8259_intr(&s.p));
	assert_int_equal(ack(&s), 0x74);
	assert_false(i8259_intr(&s.p));
}

static void special_mask(void **state)
{
	struct pics s;

	init(&s);
	raise(&s, 2 + 1);
	ack(&s);
	raise(&s, 6);
	assert_false(i8259_intr(&s.p));
	command(&s, MASTER, 0x68);	/* set special mask mode */
	data(&s, MASTER, 0x08);		/* 3, in service, masked: lower ones get through */
	assert_int_equal(ack(&s), 0x0e);
	/* A non-specific EOI does not end what is masked. */
	command(&s, MASTER, 0x20);
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x08);
	command(&s, MASTER, 0x48);	/* reset it */
	raise(&s, 7);
	assert_false(i8259_intr(&s.p));
}

static void poll(void **state)
{
	struct pics s;

	init(&s);
	command(&s, MASTER, 0x0c);
	assert_int_equal(status(&s, MASTER), 0x00);	/* nothing requested */
	raise(&s, 5);
	raise(&s, 6);
	command(&s, MASTER, 0x0c);
	assert_int_equal(status(&s, MASTER), 0x85);
	/* The poll was an INTA: 5 is in service and the next read is a status read. */
	assert_int_equal(status(&s, MASTER), 0x40);
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x20);
	assert_false(i8259_intr(&s.p));
}

static void level_triggered(void **state)
{
	struct pics s;

	init(&s);
	i8259_elcr_write(&s.p, 1, 1, 0xff);
	assert_int_equal(i8259_elcr_read(&s.p, 1, 1), 0xde);	/* 8 and 13 are edges */
	i8259_elcr_write(&s.p, 0, 1, 0xff);
	assert_int_equal(i8259_elcr_read(&s.p, 0, 1), 0xf8);	/* 0, 1 and 2 too */
	raise(&s, 11);
	assert_int_equal(ack(&s), 0x73);
	assert_int_equal(status(&s, SLAVE) & 0x08, 0x08);
	command(&s, SLAVE, 0x63);
	command(&s, MASTER, 0x62);
	assert_int_equal(ack(&s), 0x73);	/* still high: again */
	lower(&s, 11);
	command(&s, SLAVE, 0x63);
	command(&s, MASTER, 0x62);
	assert_false(i8259_intr(&s.p));
}

static void icw1_resets(void **state)
{
	struct pics s;

	init(&s);
	i8259_elcr_write(&s.p, 0, 1, 0x40);
	raise(&s, 6);
	raise(&s, 4);
	raise(&s, 5);
	ack(&s);
	command(&s, MASTER, 0xc3);
	data(&s, MASTER, 0xff);
	command(&s, MASTER, 0x11);
	raise(&s, 3);
	assert_false(i8259_intr(&s.p));		/* not while it is initialized */
	data(&s, MASTER, 0x40);
	data(&s, MASTER, 0x04);
	data(&s, MASTER, 0x01);
	assert_int_equal(mask(&s, MASTER), 0x00);
	/* High lines must fall before they can request again; a level asks on. */
	assert_int_equal(status(&s, MASTER), 0x48);
	assert_int_equal(ack(&s), 0x43);
	command(&s, MASTER, 0x20);
	assert_int_equal(ack(&s), 0x46);
	lower(&s, 6);
	command(&s, MASTER, 0x20);
	assert_false(i8259_intr(&s.p));
	lower(&s, 5);
	raise(&s, 5);
	raise(&s, 0);
	assert_int_equal(ack(&s), 0x40);	/* 0 is highest again */
	command(&s, MASTER, 0x20);
	assert_int_equal(ack(&s), 0x45);
}

static void icw_count(void **state)
{
	struct pics s;

	init(&s);
	command(&s, MASTER, 0x12);	/* single, no ICW4 */
	data(&s, MASTER, 0x50);
	data(&s, MASTER, 0xa5);		/* already OCW1 */
	assert_int_equal(mask(&s, MASTER), 0xa5);
	command(&s, MASTER, 0x10);	/* cascade, no ICW4 */
	data(&s, MASTER, 0x50);
	data(&s, MASTER, 0x04);
	data(&s, MASTER, 0x5a);
	assert_int_equal(mask(&s, MASTER), 0x5a);
	command(&s, MASTER, 0x13);	/* single, ICW4 */
	data(&s, MASTER, 0x50);
	data(&s, MASTER, 0x03);
	data(&s, MASTER, 0xc3);
	assert_int_equal(mask(&s, MASTER), 0xc3);
	raise(&s, 3);
	assert_int_equal(ack(&s), 0x53);
	command(&s, MASTER, 0x0b);
	assert_int_equal(status(&s, MASTER), 0x00);	/* the ICW4 said automatic EOI */
	/* Without ICW4 all that it sets is off. */
	init_with(&s, 0x13, 0x01);
	command(&s, MASTER, 0x10);
	data(&s, MASTER, 0x08);
	data(&s, MASTER, 0x04);
	raise(&s, 12);
	assert_int_equal(ack(&s), 0x74);
	raise(&s, 8);
	assert_false(i8259_intr(&s.p));
}

/* The life of a request: every rising edge has an id or is merged into one. */
static void ids(void **state)
{
	struct pics s;
	uint32_t id, first;

	init(&s);
	raise(&s, 4);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.log[0].stage, VMMT_STAGE_raised);
	assert_int_equal(s.log[0].irq, 4);
	assert_int_equal(s.log[0].vector, 0);	/* not yet assigned */
	first = s.log[0].irq_id;
	assert_int_not_equal(first, 0);
	i8259_pulse(&s.p, 4, 3);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.log[1].stage, VMMT_STAGE_dropped);
	assert_int_equal(s.log[1].irq_id, first);
	assert_int_equal(s.log[1].count, 3);
	assert_int_equal(i8259_ack(&s.p, &id), 0x0c);
	assert_int_equal(id, first);
	assert_int_equal(s.log[2].stage, VMMT_STAGE_acknowledged);
	assert_int_equal(s.log[2].vector, 0x0c);
	i8259_pulse(&s.p, 4, 2);	/* while in service: one request, one merged */
	assert_int_equal(s.log[3].stage, VMMT_STAGE_raised);
	assert_int_not_equal(s.log[3].irq_id, first);
	assert_int_equal(s.log[4].stage, VMMT_STAGE_dropped);
	assert_int_equal(s.log[4].count, 1);
	command(&s, MASTER, 0x20);
	assert_int_equal(s.log[5].stage, VMMT_STAGE_end);
	assert_int_equal(s.log[5].irq_id, first);
	assert_int_equal(s.n, 6);
	i8259_pulse(&s.p, 5, 1);
	i8259_pulse(&s.p, 5, 0);
	assert_int_equal(s.n, 7);
}

static void id_of_a_slave_and_of_the_withdrawn(void **state)
{
	struct pics s;
	uint32_t id;

	init(&s);
	raise(&s, 8);
	lower(&s, 8);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.log[1].stage, VMMT_STAGE_dropped);
	assert_int_equal(s.log[1].count, 0);
	assert_int_equal(s.log[1].irq_id, s.log[0].irq_id);
	raise(&s, 8);
	ack(&s);
	command(&s, SLAVE, 0x60);
	command(&s, MASTER, 0x62);
	/* The cascade itself is no interrupt: raised, acknowledged, end. */
	assert_int_equal(s.n, 5);
	assert_int_equal(s.log[3].irq, 8);
	assert_int_equal(s.log[3].vector, 0x70);
	assert_int_equal(s.log[4].stage, VMMT_STAGE_end);
	id = s.log[4].irq_id;
	assert_int_equal(id, s.log[2].irq_id);
	assert_int_not_equal(id, s.log[0].irq_id);
}

static void dip(void **state)
{
	struct pics s;

	init(&s);
	i8259_dip(&s.p, 4);	/* a low line cannot dip */
	assert_int_equal(s.n, 0);
	raise(&s, 4);
	i8259_dip(&s.p, 4);	/* requested already: the same request */
	assert_int_equal(s.n, 1);
	ack(&s);
	i8259_dip(&s.p, 4);	/* in service: a new one */
	assert_int_equal(s.n, 3);
	assert_int_equal(s.log[2].stage, VMMT_STAGE_raised);
	command(&s, MASTER, 0x20);
	assert_int_equal(ack(&s), 0x0c);
}

/* Linux' probe_8259A, on a chip that nobody initialized. */
static void linux_probe(void **state)
{
	struct pics s;

	memset(&s, 0, sizeof(s));
	i8259_init(&s.p, on_event, &s);
	data(&s, SLAVE, 0xff);
	data(&s, MASTER, 0xfb);
	assert_int_equal(mask(&s, MASTER), 0xfb);
	assert_int_equal(mask(&s, SLAVE), 0xff);
}

/* Linux' mask_and_ack_8259A, and its test whether an IRQ was real. */
static void linux_mask_and_ack(void **state)
{
	struct pics s;

	init(&s);
	data(&s, MASTER, 0xfb);
	data(&s, SLAVE, 0xfe);
	raise(&s, 8);
	assert_int_equal(ack(&s), 0x70);
	mask(&s, SLAVE);
	data(&s, SLAVE, 0xff);
	command(&s, SLAVE, 0x60);
	command(&s, MASTER, 0x62);
	lower(&s, 8);
	raise(&s, 8);		/* while masked */
	assert_false(i8259_intr(&s.p));
	data(&s, SLAVE, 0xfe);
	assert_int_equal(ack(&s), 0x70);
	command(&s, SLAVE, 0x0b);
	assert_int_equal(status(&s, SLAVE) & 1, 1);
	command(&s, SLAVE, 0x0a);
	assert_int_equal(status(&s, SLAVE) & 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_request_and_eoi),
		cmocka_unit_test(fixed_priority),
		cmocka_unit_test(input_zero),
		cmocka_unit_test(eoi_of_nothing),
		cmocka_unit_test(equal_priority_waits_for_eoi),
		cmocka_unit_test(masks),
		cmocka_unit_test(cascade),
		cmocka_unit_test(cascade_serves_the_next),
		cmocka_unit_test(special_fully_nested),
		cmocka_unit_test(masked_cascade),
		cmocka_unit_test(spurious_master),
		cmocka_unit_test(spurious_slave),
		cmocka_unit_test(rotate_on_eoi),
		cmocka_unit_test(set_priority),
		cmocka_unit_test(auto_eoi),
		cmocka_unit_test(auto_eoi_of_the_slave),
		cmocka_unit_test(special_mask),
		cmocka_unit_test(poll),
		cmocka_unit_test(level_triggered),
		cmocka_unit_test(icw1_resets),
		cmocka_unit_test(icw_count),
		cmocka_unit_test(ids),
		cmocka_unit_test(id_of_a_slave_and_of_the_withdrawn),
		cmocka_unit_test(dip),
		cmocka_unit_test(linux_probe),
		cmocka_unit_test(linux_mask_and_ack),
	};

	return RUN_TESTS(tests);
}
