/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* At one clock record a second: over nine hours before old pieces merge. */
#define PIECES_MAX	32768
/* What CLOCK_REALTIME must be ahead for a sleep, not a correction, in ns. */
#define SLEEP_MIN	500000000

static uint64_t slope_of(uint64_t ns, uint64_t ticks)
{
	/* Rounded up, so that whole nanoseconds do not end one below. */
	return (uint64_t)((((unsigned __int128)ns << 48) + ticks - 1) / ticks);
}

static int add_piece(struct clock_map *map, struct clock_piece piece)
{
	if (map->count == map->room && map->room < PIECES_MAX) {
		size_t room = map->room ? 2 * map->room : 64;
		struct clock_piece *pieces = realloc(map->pieces, room * sizeof(*pieces));

		if (!pieces)
			return -ENOMEM;
		map->pieces = pieces;
		map->room = room;
	}
	if (map->count == map->room) {
		map->count -= map->room / 2;
		memmove(map->pieces, map->pieces + map->room / 2,
			map->count * sizeof(*map->pieces));
	}
	map->pieces[map->count++] = piece;
	return 0;
}

static int start(struct clock_map *map, const struct vmmt_clock *r)
{
	uint64_t khz = r->khz ? r->khz : 1000000;

	map->first = *r;
	map->tsc = r->time;
	map->mono = r->mono;
	map->real = r->real;
	return add_piece(map, (struct clock_piece){ r->time, 0, slope_of(1000000, khz) });
}

/*
 * How much of an interval the host slept, if the TSC ran on meanwhile: time did
 * too, as stamps behind the sleep have been converted by now. CLOCK_MONOTONIC
 * stood still, CLOCK_REALTIME did not.
 */
static uint64_t slept(const struct clock_map *map, const struct vmmt_clock *r, uint64_t ns,
		      uint64_t nominal)
{
	uint64_t real = r->real - map->real;

	if (r->real <= map->real || real < ns + SLEEP_MIN)
		return 0;
	return nominal > ns + (real - ns) / 2 ? nominal - ns : 0;
}

int clock_add(struct clock_map *map, const struct vmmt_clock *r)
{
	uint64_t ticks = r->time - map->tsc, ns = r->mono - map->mono, khz, sleep;
	struct clock_piece piece = { .tsc = r->time > map->told ? r->time : map->told };
	uint64_t late = piece.tsc - r->time;
	int64_t target, least;
	int err;

	if (!map->count)
		return start(map, r);
	khz = r->khz ? r->khz : 1000000;
	if (r->time <= map->tsc || r->mono <= map->mono || ticks < khz * 100 ||
	    late > ticks / 2)
		return 0;
	sleep = slept(map, r, ns, clock_scale(ticks, slope_of(1000000, khz)));
	map->slept += sleep;
	ns += sleep;
	piece.ns = clock_ns(map, piece.tsc);
	target = (int64_t)(r->mono - map->first.mono + map->slept + ns);
	/* However far off: forward, and at least at half the true pace. */
	least = piece.ns + (int64_t)((unsigned __int128)(ns / 2) * (ticks - late) / ticks);
	if (target < least)
		target = least;
	piece.slope = slope_of((uint64_t)(target - piece.ns), ticks - late);
	err = add_piece(map, piece);
	if (err)
		return err;
	map->tsc = r->time;
	map->mono = r->mono;
	map->real = r->real;
	return 0;
}

int64_t clock_ns_far(const struct clock_map *map, uint64_t tsc)
{
	const struct clock_piece *piece = &map->pieces[map->count - 1];

	while (piece > map->pieces && tsc < piece->tsc)
		piece--;
	if (tsc < piece->tsc)
		return piece->ns - (int64_t)clock_scale(piece->tsc - tsc, piece->slope);
	return piece->ns + (int64_t)clock_scale(tsc - piece->tsc, piece->slope);
}

void clock_free(struct clock_map *map)
{
	free(map->pieces);
	*map = (struct clock_map){ 0 };
}
