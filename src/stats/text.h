/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts, times and keys for people, in as many columns as there are. */
#ifndef STATS_TEXT_H
#define STATS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "stats.h"

#define STATS_TEXT 32		/* room for any of the numbers */

/* One digit grouping for all counts: 28,950. */
const char *stats_text_grouped(uint64_t n, char buf[STATS_TEXT]);

/* A count in seven columns, whatever it is: 28,950 or 3.14M. */
const char *stats_text_count(double n, char buf[STATS_TEXT]);

/* Microseconds in five columns, whatever they are. */
const char *stats_text_us(double us, char buf[STATS_TEXT]);

/* A key of that class and its name: both, or one, or the beginning of a long
 * number. */
void stats_text_key(unsigned int class, uint64_t key, int room, char *text, size_t size);

/* The hottest key and its share, in at most room columns; - where none is known.
 * ~: it came at least that often. */
void stats_text_top(unsigned int class, const struct stats_sum *sum, int room, char *text,
		    size_t size);

#endif /* STATS_TEXT_H */
