/* SPDX-License-Identifier: GPL-2.0-only */
/* The 8254 programmable interval timer and the PC's port 0x61. */
#ifndef MACHINE_I8254_H
#define MACHINE_I8254_H

#include "bus.h"

#define I8254_HZ 1193182

/*
 * One counter. Times are in CLK ticks since i8254_init. The counting element
 * is not stepped: what it holds, and OUT, follow from the tick it was loaded
 * at and what it was loaded with.
 */
struct i8254_counter {
	uint8_t control;	/* RW, mode and BCD bits of the control word */
	uint8_t mode;		/* 0..5 */
	uint8_t access;		/* 1 low byte, 2 high byte, 3 low then high */
	bool bcd;
	bool gate;
	bool idle_out;		/* OUT before the counting element is loaded */
	bool loaded;		/* there is a count, or will be at the next CLK */
	bool running;		/* elapsed time runs on from start; else it is held */
	bool unused_count;	/* a count was written that is not loaded yet */
	uint32_t count;		/* count written last, 1..65536; 0 none */
	uint32_t n;		/* count that was loaded */
	uint64_t start;		/* tick of the load */
	int64_t held;		/* ticks counted before GATE stopped it */
	uint64_t switch_at;	/* if next_n: tick at which next_n is loaded */
	uint32_t next_n;
	uint64_t seen;		/* tick up to which rising edges were reported */
	uint16_t last;		/* content before the load */
	bool write_high, read_high;	/* the high byte is next (access 3) */
	uint8_t low;		/* low byte written first */
	uint8_t latched;	/* bytes of the output latch left to read */
	uint16_t latch;
	bool status_latched;
	uint8_t status;
};

struct i8254 {
	const struct bus_clock *clock;
	uint64_t t0;
	struct i8254_counter counter[3];
	uint64_t deadline;	/* what i8254_deadline tells */
	uint8_t port61;		/* bits 0 and 1 */
	void (*tick)(void *ctx, uint64_t edges);
	void *ctx;
};

/* All counters without mode and count, OUT high; GATE of 0 and 1 tied high.
 * tick is called with the number of rising edges of OUT0 since the last call. */
void i8254_init(struct i8254 *p, const struct bus_clock *clock,
		void (*tick)(void *ctx, uint64_t edges), void *ctx);

/* Report the edges of OUT0 up to now. */
void i8254_run(struct i8254 *p);

/* Time in ns of the next edge of OUT0, or of a step on the way to it. */
static inline uint64_t i8254_deadline(const struct i8254 *p)
{
	return p->deadline;
}

/* Level of OUT of counter i. */
bool i8254_out(struct i8254 *p, unsigned i);

/* Bus cycles of 0x40..0x43 and of 0x61 (dev: struct i8254). */
uint32_t i8254_read(void *dev, unsigned offset, unsigned size);
void i8254_write(void *dev, unsigned offset, unsigned size, uint32_t value);
uint32_t i8254_speaker_read(void *dev, unsigned offset, unsigned size);
void i8254_speaker_write(void *dev, unsigned offset, unsigned size, uint32_t value);

#endif /* MACHINE_I8254_H */
