/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TSC ticks to nanoseconds: one continuous, monotone, piecewise-linear map,
 * extended as clock records arrive. A tick has the same nanosecond whenever it
 * is asked for, and no stamp ever steps back.
 *
 * Time 0 is the first clock record; from there time runs at the nominal
 * frequency. Each further clock record starts a new piece where the old one
 * stands, at the slope that meets CLOCK_MONOTONIC one interval later, if
 * the clocks go on as they did. So nothing has to wait for a clock
 * record to come, and the map follows CLOCK_MONOTONIC. It does not where the
 * host slept (suspend) and the TSC ran on: there time runs on with the TSC.
 */
#ifndef COLLECTOR_CLOCK_H
#define COLLECTOR_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

struct clock_piece {
	uint64_t tsc;		/* where it begins */
	int64_t ns;
	uint64_t slope;		/* ns per tick, times 2^48 */
};

struct clock_map {
	struct clock_piece *pieces;
	size_t count, room;
	struct vmmt_clock first;	/* time 0 */
	uint64_t tsc, mono, real;	/* last clock record that counted */
	uint64_t slept;		/* ns that the host slept and the TSC did not */
	uint64_t told;		/* set by the user: the newest stamp whose time was told */
};

/* Has a first clock record been seen? */
static inline int clock_started(const struct clock_map *map)
{
	return map->count != 0;
}

/* The first call sets time 0; later ones extend the map. Records less than
 * 100 ms after the last that counted tell nothing new and are ignored, as are
 * those that step back. One that comes late, as it waited for room in a ring,
 * changes no time that was told already; much too late, it is ignored, too.
 * Returns 0 or -ENOMEM. */
int clock_add(struct clock_map *map, const struct vmmt_clock *record);

/* Nanoseconds since time 0; negative before it. */
int64_t clock_ns_far(const struct clock_map *map, uint64_t tsc);

static inline uint64_t clock_scale(uint64_t ticks, uint64_t slope)
{
	return (uint64_t)(((unsigned __int128)ticks * slope) >> 48);
}

static inline int64_t clock_ns(const struct clock_map *map, uint64_t tsc)
{
	const struct clock_piece *last = &map->pieces[map->count - 1];

	if (tsc < last->tsc)
		return clock_ns_far(map, tsc);
	return last->ns + (int64_t)clock_scale(tsc - last->tsc, last->slope);
}

/* Length of a duration, at the present slope. */
static inline uint64_t clock_duration(const struct clock_map *map, uint64_t ticks)
{
	return clock_scale(ticks, map->pieces[map->count - 1].slope);
}

void clock_free(struct clock_map *map);

#endif /* COLLECTOR_CLOCK_H */
