/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations that a CPU keeps. They go only by the flushes that the manuals
 * promise; a real processor may forget any at any time, which helps nobody who
 * relies on a flush.
 */
#include "model.h"

#define SETS	512
#define WAYS	4

struct entry {
	bool valid;
	enum model_kind kind;
	struct model_tag tag;
	u64 page, frame;
	unsigned long stay;		/* that filled it */
};

static struct entry tlbs[MODEL_CPUS][SETS][WAYS];
static unsigned long stays[MODEL_CPUS];		/* in a guest, so far */

void model_tlb_init(void)
{
	memset(tlbs, 0, sizeof(tlbs));
}

void model_tlb_entered(void)
{
	stays[smp_processor_id()]++;
}

/* The set of this CPU's entries where a translation may be. */
static struct entry *set_of(enum model_kind kind, struct model_tag tag, u64 page)
{
	u64 n = page + 31 * tag.id + 131 * (tag.root >> PAGE_SHIFT) + 7 * kind;

	return tlbs[smp_processor_id()][n % SETS];
}

static struct entry *find(enum model_kind kind, struct model_tag tag, u64 page)
{
	struct entry *e, *set = set_of(kind, tag, page);

	for (e = set; e < set + WAYS; e++)
		if (e->valid && e->kind == kind && e->tag.id == tag.id &&
		    e->tag.root == tag.root && e->page == page)
			return e;
	return NULL;
}

bool model_tlb_find(enum model_kind kind, struct model_tag tag, u64 page, u64 *ret_frame)
{
	const struct entry *e = find(kind, tag, page);

	if (!e)
		return false;
	*ret_frame = e->frame;
	model_counts.reused += e->stay != stays[smp_processor_id()];
	return true;
}

void model_tlb_fill(enum model_kind kind, struct model_tag tag, u64 page, u64 frame)
{
	struct entry *set = set_of(kind, tag, page), *e = set;

	while (e < set + WAYS && e->valid)
		e++;
	if (e == set + WAYS)
		e = set + model_random(WAYS);
	*e = (struct entry){ true, kind, tag, page, frame, stays[smp_processor_id()] };
}

void model_tlb_spoil(u32 first_id, u32 last_id, u64 root)
{
	u64 page;

	for (; first_id <= last_id; first_id++) {
		struct model_tag tag = { first_id, root };

		model_tlb_flush(true, true, &first_id, &root);
		for (page = 0; page < MODEL_GUEST_PAGES; page++) {
			model_tlb_fill(MODEL_LINEAR, tag, page, PAGE_SIZE);
			model_tlb_fill(MODEL_PHYSICAL, tag, page, PAGE_SIZE);
		}
	}
}

void model_tlb_flush(bool linear, bool physical, const u32 *id, const u64 *root)
{
	struct entry *e = tlbs[smp_processor_id()][0], *end = e + SETS * WAYS;

	for (; e < end; e++)
		if ((e->kind == MODEL_LINEAR ? linear : physical) &&
		    (!id || e->tag.id == *id) && (!root || e->tag.root == *root))
			e->valid = false;
}
