/* SPDX-License-Identifier: GPL-2.0-only */
/* The MC146818 real-time clock with 128 bytes of NVRAM. */
#ifndef MACHINE_MC146818_H
#define MACHINE_MC146818_H

#include "bus.h"

#define MC146818_RAM 128

struct mc146818 {
	const struct bus_clock *clock;
	struct bus_line line;
	uint8_t index;
	uint8_t reg[MC146818_RAM];
	bool stopped;		/* the divider is held in reset */
	uint64_t next_update;	/* ns at which the second after the current one starts */
	uint64_t divider_start;	/* ns at which the divider was released */
	uint64_t divider_seen;	/* 32768 Hz ticks since then that were looked at */
	bool level;		/* of the line */
	uint64_t deadline;	/* what mc146818_deadline tells */
};

/* The time of day starts at epoch (seconds since 1970, UTC), BCD, 24 h. */
void mc146818_init(struct mc146818 *r, const struct bus_clock *clock,
		   const struct bus_line *line, int64_t epoch);

/* Set the NVRAM cells that tell the memory size: bytes below and above 4 GiB. */
void mc146818_set_memory(struct mc146818 *r, uint64_t low, uint64_t high);

/* Update time and flags up to now, and the line. */
void mc146818_run(struct mc146818 *r);

/* Time in ns at which an enabled interrupt source may fire. */
static inline uint64_t mc146818_deadline(const struct mc146818 *r)
{
	return r->deadline;
}

/* Bus cycles of 0x70 and 0x71 (dev: struct mc146818). */
uint32_t mc146818_read(void *dev, unsigned offset, unsigned size);
void mc146818_write(void *dev, unsigned offset, unsigned size, uint32_t value);

#endif /* MACHINE_MC146818_H */
