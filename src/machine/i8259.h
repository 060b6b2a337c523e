/* SPDX-License-Identifier: GPL-2.0-only */
/* Two cascaded 8259A interrupt controllers and their edge/level registers. */
#ifndef MACHINE_I8259_H
#define MACHINE_I8259_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/record.h"

/*
 * One stage in the life of an interrupt request.
 *   raised        IRR was set; irq_id is new, vector 0
 *   acknowledged  INTA; irq_id 0 and irq 7 or 15 for a spurious one
 *   end           EOI
 *   dropped       count > 0: so many edges found IRR already set and were
 *                 merged into irq_id; count 0: the line fell, or the chip was
 *                 initialized, before irq_id was acknowledged
 */
struct i8259_event {
	enum vmmt_stage stage;
	uint8_t irq;
	uint8_t vector;
	uint32_t irq_id;
	uint32_t count;
};

typedef void (*i8259_event_fn)(void *ctx, const struct i8259_event *event);

struct i8259_chip {
	struct i8259 *pair;
	uint8_t first_irq;	/* 0 master, 8 slave */
	uint8_t irr, isr, imr;
	uint8_t line;		/* level of the inputs */
	uint8_t elcr;		/* inputs that are level-triggered */
	uint8_t elcr_mask;	/* inputs that can be */
	uint8_t vector;		/* ICW2 */
	uint8_t lowest;		/* input of lowest priority */
	uint8_t init_step;	/* ICW awaited: 2, 3, 4; 0 none */
	bool want_icw4, single;
	bool auto_eoi, rotate_on_aeoi;
	bool special_mask, special_nested;
	bool poll, read_isr;
	uint32_t irr_id[8], isr_id[8];
};

struct i8259 {
	struct i8259_chip chip[2];	/* master, slave */
	uint32_t last_id;
	i8259_event_fn event;
	void *ctx;
};

/* Power-on state: no input high, nothing masked, not yet initialized. */
void i8259_init(struct i8259 *p, i8259_event_fn event, void *ctx);

/* Input irq (0..15, not 2) goes to level. */
void i8259_set_line(struct i8259 *p, unsigned irq, bool level);

/* Input irq, high, goes low and high again: an edge-triggered input makes a
 * new request unless one is pending. */
void i8259_dip(struct i8259 *p, unsigned irq);

/* count rising edges on irq since the last call. The request stays latched
 * whatever the line did since the last of them. */
void i8259_pulse(struct i8259 *p, unsigned irq, uint64_t count);

/* Is IRR set for irq? */
bool i8259_requested(const struct i8259 *p, unsigned irq);

/* Level of the INT output. */
bool i8259_intr(const struct i8259 *p);

/* The INTA cycles. Returns the vector, 0..255; *ret_id gets the id of the
 * request, 0 for a spurious interrupt. */
int i8259_ack(struct i8259 *p, uint32_t *ret_id);

/* Bus cycles of one chip (dev: struct i8259_chip), and of 0x4d0 (struct i8259). */
uint32_t i8259_read(void *dev, unsigned offset, unsigned size);
void i8259_write(void *dev, unsigned offset, unsigned size, uint32_t value);
uint32_t i8259_elcr_read(void *dev, unsigned offset, unsigned size);
void i8259_elcr_write(void *dev, unsigned offset, unsigned size, uint32_t value);

#endif /* MACHINE_I8259_H */
