/* SPDX-License-Identifier: GPL-2.0-only */
/* Intel 8259A data sheet; ELCR from the 82371 (PIIX) data sheet. */
#include "i8259.h"

#include <string.h>

#define CASCADE		2	/* master's input that the slave's INT drives */

#define ICW1_IC4	0x01
#define ICW1_SNGL	0x02
#define ICW1		0x10
#define ICW4_AEOI	0x02
#define ICW4_SFNM	0x10
#define OCW3		0x08
#define OCW3_RIS	0x01
#define OCW3_RR		0x02
#define OCW3_P		0x04
#define OCW3_SMM	0x20
#define OCW3_ESMM	0x40

static bool is_master(const struct i8259_chip *c)
{
	return c == &c->pair->chip[0];
}

/* The cascade input is wiring between the two chips, not a request. */
static bool is_cascade(const struct i8259_chip *c, unsigned n)
{
	return is_master(c) && n == CASCADE;
}

static void emit(struct i8259_chip *c, enum vmmt_stage stage, unsigned n, uint32_t id,
		 uint32_t count)
{
	struct i8259_event event = {
		.stage = stage,
		.irq = c->first_irq + n,
		.irq_id = id,
		.count = count,
	};

	if (!c->pair->event)
		return;
	if (stage == VMMT_STAGE_acknowledged || stage == VMMT_STAGE_end)
		event.vector = c->vector | n;
	c->pair->event(c->pair->ctx, &event);
}

static uint32_t new_id(struct i8259 *p)
{
	if (++p->last_id == 0)
		p->last_id = 1;
	return p->last_id;
}

static void request(struct i8259_chip *c, unsigned n)
{
	c->irr |= 1u << n;
	if (is_cascade(c, n))
		return;
	c->irr_id[n] = new_id(c->pair);
	emit(c, VMMT_STAGE_raised, n, c->irr_id[n], 0);
}

static void withdraw(struct i8259_chip *c, unsigned n)
{
	if (!(c->irr & 1u << n))
		return;
	c->irr &= ~(1u << n);
	if (is_cascade(c, n))
		return;
	emit(c, VMMT_STAGE_dropped, n, c->irr_id[n], 0);
	c->irr_id[n] = 0;
}

static void merge(struct i8259_chip *c, unsigned n, uint64_t count)
{
	if (count && !is_cascade(c, n))
		emit(c, VMMT_STAGE_dropped, n, c->irr_id[n],
		     count < UINT32_MAX ? count : UINT32_MAX);
}

static void chip_line(struct i8259_chip *c, unsigned n, bool level)
{
	uint8_t bit = 1u << n;

	if (!!(c->line & bit) == level)
		return;
	c->line ^= bit;
	if (!level)
		withdraw(c, n);
	else if (c->irr & bit)
		merge(c, n, 1);
	else
		request(c, n);
}

/*
 * The input whose request the chip would pass on, -1 if none: not masked, and
 * of higher priority than all in service ("fully nested"). In special mask
 * mode, what is in service and masked inhibits nothing; in special fully
 * nested mode, the slave being served does not inhibit the slave.
 */
static int chip_pick(const struct i8259_chip *c)
{
	uint8_t pending = c->irr & ~c->imr, serving = c->isr;
	unsigned i, n;

	if (c->init_step || !pending)
		return -1;
	if (c->special_mask)
		serving &= ~c->imr;
	if (c->special_nested && is_master(c))
		serving &= ~(1u << CASCADE);
	for (i = 1; i <= 8; i++) {
		n = (c->lowest + i) & 7;
		if (serving & 1u << n)
			return -1;
		if (pending & 1u << n)
			return n;
	}
	return -1;
}

/* To be called whenever the slave's INT may have changed. */
static void update_cascade(struct i8259 *p)
{
	chip_line(&p->chip[0], CASCADE, chip_pick(&p->chip[1]) >= 0);
}

static void chip_eoi(struct i8259_chip *c, unsigned n)
{
	uint8_t bit = 1u << n;
	uint32_t id = c->isr_id[n];

	if (!(c->isr & bit))
		return;
	c->isr &= ~bit;
	c->isr_id[n] = 0;
	if (!is_cascade(c, n))
		emit(c, VMMT_STAGE_end, n, id, 0);
	/* A level that still stands asks again. */
	if ((c->elcr & c->line & bit) && !(c->irr & bit))
		request(c, n);
}

/* INTA, or a poll, takes request n. Returns its id. */
static uint32_t chip_ack(struct i8259_chip *c, unsigned n)
{
	uint32_t id = c->irr_id[n];

	c->irr &= ~(1u << n);
	c->irr_id[n] = 0;
	c->isr |= 1u << n;
	c->isr_id[n] = id;
	if (!is_cascade(c, n))
		emit(c, VMMT_STAGE_acknowledged, n, id, 0);
	if (c->auto_eoi) {
		chip_eoi(c, n);
		if (c->rotate_on_aeoi)
			c->lowest = n;
	}
	/* INT drops during INTA; it rises anew if another request remains. */
	if (!is_master(c)) {
		chip_line(&c->pair->chip[0], CASCADE, false);
		update_cascade(c->pair);
	}
	return id;
}

static int spurious(struct i8259_chip *c)
{
	emit(c, VMMT_STAGE_acknowledged, 7, 0, 0);
	return c->vector | 7;
}

int i8259_ack(struct i8259 *p, uint32_t *ret_id)
{
	struct i8259_chip *master = &p->chip[0], *slave = &p->chip[1];
	int n = chip_pick(master), s;

	*ret_id = 0;
	if (n < 0)
		return spurious(master);
	if (n != CASCADE) {
		*ret_id = chip_ack(master, n);
		return master->vector | n;
	}
	s = chip_pick(slave);
	chip_ack(master, n);
	if (s < 0)
		return spurious(slave);
	*ret_id = chip_ack(slave, s);
	return slave->vector | s;
}

bool i8259_intr(const struct i8259 *p)
{
	return chip_pick(&p->chip[0]) >= 0;
}

void i8259_set_line(struct i8259 *p, unsigned irq, bool level)
{
	chip_line(&p->chip[irq >> 3], irq & 7, level);
	update_cascade(p);
}

void i8259_dip(struct i8259 *p, unsigned irq)
{
	struct i8259_chip *c = &p->chip[irq >> 3];
	uint8_t bit = 1u << (irq & 7);

	if ((c->line & bit) && !(c->irr & bit) && !(c->elcr & bit))
		request(c, irq & 7);
	update_cascade(p);
}

void i8259_pulse(struct i8259 *p, unsigned irq, uint64_t count)
{
	struct i8259_chip *c = &p->chip[irq >> 3];
	unsigned n = irq & 7;

	if (!count)
		return;
	if (!(c->irr & 1u << n)) {
		request(c, n);
		count--;
	}
	merge(c, n, count);
	update_cascade(p);
}

bool i8259_requested(const struct i8259 *p, unsigned irq)
{
	return p->chip[irq >> 3].irr & 1u << (irq & 7);
}

/* ICW1: the edge detectors are reset, so a line that is high already must
 * fall and rise again to make a request. */
static void icw1(struct i8259_chip *c, uint8_t value)
{
	unsigned n;

	for (n = 0; n < 8; n++)
		withdraw(c, n);
	c->isr = 0;
	memset(c->isr_id, 0, sizeof(c->isr_id));
	c->imr = 0;
	c->lowest = 7;
	c->special_mask = false;
	c->read_isr = false;
	c->poll = false;
	c->rotate_on_aeoi = false;
	c->auto_eoi = false;
	c->special_nested = false;
	c->want_icw4 = value & ICW1_IC4;
	c->single = value & ICW1_SNGL;
	c->init_step = 2;
	for (n = 0; n < 8; n++)
		if (c->elcr & c->line & 1u << n)
			request(c, n);
}

/* ICW2..ICW4. What ICW3 wires is fixed on a PC. */
static void icw_next(struct i8259_chip *c, uint8_t value)
{
	switch (c->init_step) {
	case 2:
		c->vector = value & 0xf8;
		c->init_step = !c->single ? 3 : c->want_icw4 ? 4 : 0;
		break;
	case 3:
		c->init_step = c->want_icw4 ? 4 : 0;
		break;
	default:
		c->auto_eoi = value & ICW4_AEOI;
		c->special_nested = value & ICW4_SFNM;
		c->init_step = 0;
		break;
	}
}

/* The in-service input that a non-specific EOI ends, -1 if none. */
static int top_in_service(const struct i8259_chip *c)
{
	uint8_t serving = c->special_mask ? c->isr & ~c->imr : c->isr;
	unsigned i, n;

	for (i = 1; i <= 8; i++) {
		n = (c->lowest + i) & 7;
		if (serving & 1u << n)
			return n;
	}
	return -1;
}

static void ocw2(struct i8259_chip *c, uint8_t value)
{
	int n = value & 7;

	switch (value >> 5) {
	case 0:	/* clear rotate in automatic EOI mode */
		c->rotate_on_aeoi = false;
		break;
	case 4:	/* set it */
		c->rotate_on_aeoi = true;
		break;
	case 1:	/* non-specific EOI */
	case 5:	/* the same, rotating */
		n = top_in_service(c);
		if (n < 0)
			break;
		if (value & 0x80)
			c->lowest = n;
		chip_eoi(c, n);
		break;
	case 7:	/* specific EOI, rotating */
		c->lowest = n;
		/* fall through */
	case 3:	/* specific EOI */
		chip_eoi(c, n);
		break;
	case 6:	/* set priority */
		c->lowest = n;
		break;
	default:	/* 2: no operation */
		break;
	}
}

static void ocw3(struct i8259_chip *c, uint8_t value)
{
	if (value & OCW3_ESMM)
		c->special_mask = value & OCW3_SMM;
	if (value & OCW3_RR)
		c->read_isr = value & OCW3_RIS;
	c->poll = value & OCW3_P;
}

void i8259_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct i8259_chip *c = dev;

	(void)size;
	if (offset == 0 && value & ICW1)
		icw1(c, value);
	else if (offset == 0 && value & OCW3)
		ocw3(c, value);
	else if (offset == 0)
		ocw2(c, value);
	else if (c->init_step)
		icw_next(c, value);
	else
		c->imr = value;
	update_cascade(c->pair);
}

/* The read after a poll command is an INTA for this chip alone. */
static uint8_t poll_read(struct i8259_chip *c)
{
	int n = chip_pick(c);

	c->poll = false;
	if (n < 0)
		return 0;
	chip_ack(c, n);
	return 0x80 | n;
}

uint32_t i8259_read(void *dev, unsigned offset, unsigned size)
{
	struct i8259_chip *c = dev;

	(void)size;
	if (c->poll)
		return poll_read(c);
	if (offset == 1)
		return c->imr;
	if (c->read_isr)
		return c->isr;
	return c->irr | (c->elcr & c->line);
}

uint32_t i8259_elcr_read(void *dev, unsigned offset, unsigned size)
{
	struct i8259 *p = dev;

	(void)size;
	return p->chip[offset].elcr;
}

void i8259_elcr_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct i8259 *p = dev;
	struct i8259_chip *c = &p->chip[offset];
	uint8_t fresh = value & c->elcr_mask & ~c->elcr;
	unsigned n;

	(void)size;
	c->elcr = value & c->elcr_mask;
	for (n = 0; n < 8; n++)
		if ((fresh & c->line & ~c->irr & ~c->isr) & 1u << n)
			request(c, n);
	update_cascade(p);
}

void i8259_init(struct i8259 *p, i8259_event_fn event, void *ctx)
{
	unsigned i;

	memset(p, 0, sizeof(*p));
	p->event = event;
	p->ctx = ctx;
	for (i = 0; i < 2; i++) {
		p->chip[i].pair = p;
		p->chip[i].first_irq = 8 * i;
		p->chip[i].lowest = 7;
	}
	/* Timer, keyboard, cascade, clock and coprocessor are edges. */
	p->chip[0].elcr_mask = 0xf8;
	p->chip[1].elcr_mask = 0xde;
}
