// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/before.h"

#include <errno.h>
#include <stdlib.h>

#define PIECES 8		/* that the time asked for is made of */
#define LEAST_NS 50000000	/* of one */

static void piece_free(struct piece *p)
{
	vms_free_marks(p->marks, p->nmarks);
	held_free(&p->held);
	free(p);
}

static void drop_oldest(struct before *b, struct vms *vms)
{
	struct piece *p = b->oldest;

	b->oldest = p->next;
	b->bytes -= p->held.used;
	piece_free(p);
	vms_drop(vms, b->oldest->number);
}

/* The second oldest reaches back far enough; or there is too much. */
static void drop_old(struct before *b, struct vms *vms, uint64_t now)
{
	while (b->oldest->next && b->oldest->next->ns + b->ns <= now)
		drop_oldest(b, vms);
	while (b->oldest->next && b->bytes > BEFORE_BYTES) {
		drop_oldest(b, vms);
		b->cut_short = true;
	}
}

int before_begin(struct before *b, struct vms *vms, uint64_t now)
{
	struct piece *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	if (vms_marks(vms, &p->marks, &p->nmarks)) {
		free(p);
		return -ENOMEM;
	}
	p->number = ++b->number;
	p->ns = now;
	if (b->newest) {
		b->bytes += b->newest->held.used;
		b->newest->next = p;
	} else {
		b->oldest = p;
	}
	b->newest = p;
	drop_old(b, vms, now);
	return 0;
}

int before_add(struct before *b, int source, const union vmmt_record *rec)
{
	return held_add(&b->newest->held, source, rec);
}

bool before_is_full(const struct before *b, uint64_t now)
{
	uint64_t ns = b->ns / PIECES > LEAST_NS ? b->ns / PIECES : LEAST_NS;

	return now - b->newest->ns >= ns || b->newest->held.used > BEFORE_BYTES / PIECES;
}

void before_rewind(struct before *b, struct vms *vms)
{
	vms_rewind(vms, b->oldest->marks, b->oldest->nmarks);
}

void before_each(const struct before *b,
		 void (*take)(void *arg, int source, const union vmmt_record *rec), void *arg)
{
	const struct piece *p;

	for (p = b->oldest; p; p = p->next)
		held_each(&p->held, take, arg);
}

void before_free(struct before *b)
{
	struct piece *next;

	for (; b->oldest; b->oldest = next) {
		next = b->oldest->next;
		piece_free(b->oldest);
	}
	*b = (struct before){};
}
