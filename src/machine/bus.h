/* SPDX-License-Identifier: GPL-2.0-only */
/* What every chip model shares: bus cycles, the clock, interrupt lines. */
#ifndef MACHINE_BUS_H
#define MACHINE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define NO_DEADLINE UINT64_MAX
#define NSEC_PER_SEC 1000000000ull

/* A bus cycle. offset counts from the first port (or address) of the range
 * the device claimed; size is 1, 2 or 4 bytes and never above the width the
 * range was claimed with. Unused high bits of the value are 0. */
typedef uint32_t (*bus_read_fn)(void *dev, unsigned offset, unsigned size);
typedef void (*bus_write_fn)(void *dev, unsigned offset, unsigned size, uint32_t value);

/* The only clock of the models: nanoseconds that never step back. */
struct bus_clock {
	uint64_t (*now_ns)(void *ctx);
	void *ctx;
};

static inline uint64_t bus_now(const struct bus_clock *clock)
{
	return clock->now_ns(clock->ctx);
}

/* An interrupt request output. */
struct bus_line {
	void (*set)(void *ctx, bool level);
	/* Optional: the line, now high, went low and high again at once. */
	void (*dip)(void *ctx);
	void *ctx;
};

#endif /* MACHINE_BUS_H */
