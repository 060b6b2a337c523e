/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What came before a recording starts: pieces of records, each from a snapshot of all vCPUs
 * on. The oldest go, so that what is there reaches back as far as asked for, or as memory
 * permits.
 */
#ifndef RECORD_BEFORE_H
#define RECORD_BEFORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/record/held.h"
#include "src/record/vms.h"

#define BEFORE_BYTES (256u << 20)

struct piece {
	struct piece *next;		/* the next newer one */
	uint64_t number, ns;		/* when it began */
	struct held held;
	struct vms_mark *marks;		/* where the vCPUs were then */
	size_t nmarks;
};

struct before {
	struct piece *oldest, *newest;
	uint64_t bytes, ns;		/* of full pieces; how far back, CLOCK_MONOTONIC */
	uint64_t number;		/* of the newest */
	bool cut_short;			/* by want of memory */
};

/* A new piece begins now, with the VMs as they are; what is too old goes. 0 or -ENOMEM. */
int before_begin(struct before *b, struct vms *vms, uint64_t now);

/* Adds a record to the newest piece. 0 or -ENOMEM. */
int before_add(struct before *b, int source, const union vmmt_record *rec);

/* Is it time for a new piece? */
bool before_is_full(const struct before *b, uint64_t now);

/* The VMs as they were when the oldest piece began. */
void before_rewind(struct before *b, struct vms *vms);

/* Hands over all records, the oldest first. */
void before_each(const struct before *b,
		 void (*take)(void *arg, int source, const union vmmt_record *rec), void *arg);

void before_free(struct before *b);

#endif /* RECORD_BEFORE_H */
