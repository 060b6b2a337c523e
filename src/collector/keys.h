/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The key that the exits of a class are about most often (port, MSR, leaf,
 * address), in memory that does not grow with the number of keys: the
 * space-saving algorithm (Metwally, Agrawal, El Abbadi, 2005). A class with at
 * most KEYS_KEPT different keys is counted exactly.
 */
#ifndef COLLECTOR_KEYS_H
#define COLLECTOR_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/record.h"

#define KEYS_KEPT 64

struct key_count {
	uint64_t key;
	uint64_t count;		/* at least this often */
	uint64_t more;		/* and at most so many times more */
};

/* All zero is empty. */
struct keys {
	struct {
		unsigned int used;
		struct key_count kept[KEYS_KEPT];
	} class[VMMT_NCLASS];
};

/* One exit of the class was about key. */
void keys_add(struct keys *k, unsigned int class, uint64_t key);

/* The key that is known to have come most often; false if there was none.
 * *ret_sure: no other came more often, and its count is exact. */
bool keys_top(const struct keys *k, unsigned int class, struct key_count *ret, bool *ret_sure);

#endif /* COLLECTOR_KEYS_H */
