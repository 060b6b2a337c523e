/* SPDX-License-Identifier: GPL-2.0-only */
/* Records in memory, in the order in which they came. All zero: none. */
#ifndef RECORD_HELD_H
#define RECORD_HELD_H

#include <stddef.h>

#include "trace/record.h"

struct held {
	unsigned char *data;
	size_t used, room;
};

/* 0 or -ENOMEM. source: the collector's number of it. */
int held_add(struct held *h, int source, const union vmmt_record *rec);

/* Hands all of them over, in order. */
void held_each(const struct held *h,
	       void (*take)(void *arg, int source, const union vmmt_record *rec), void *arg);

void held_free(struct held *h);

#endif /* RECORD_HELD_H */
