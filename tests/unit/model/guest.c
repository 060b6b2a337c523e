/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of the model. Its own page tables are a rule, not memory: a linear
 * page leads to a physical one by the value of CR3. The nested tables are
 * memory, walked as a processor does; what it finds, and what it keeps in its
 * TLB, must be the same at each access.
 */
#include "model.h"

#define ENTRY_ADDR	GENMASK_ULL(51, 12)
#define ENTRY_LARGE	BIT_ULL(7)
#define ENTRY_WRITE	BIT_ULL(1)		/* on both vendors */

static u64 guest_page(u64 cr3, u64 page)
{
	return (page * 7 + (cr3 >> PAGE_SHIFT) * 5) % MODEL_GUEST_PAGES;
}

/* Walk the nested table; false if the page is not mapped. A frame is kept with
 * the permission to write. */
static bool walk(const struct model_guest *g, u64 page, u64 *ret_frame)
{
	u64 *table = __va(g->root), entry;
	int level;

	for (level = 4; level >= 1; level--) {
		entry = table[(page >> (9 * (level - 1))) & 511];
		if (!(entry & g->present))
			return false;
		if (level > 1 && (entry & ENTRY_LARGE))
			model_broken("a large page, which the scene never maps");
		table = __va(entry & ENTRY_ADDR);
	}
	*ret_frame = entry & (ENTRY_ADDR | ENTRY_WRITE);
	return true;
}

static void must_be(const struct model_guest *g, enum model_kind kind, struct model_tag tag,
		    u64 page, u64 frame)
{
	u64 truth = 0;

	walk(g, kind == MODEL_LINEAR ? guest_page(*g->cr3, page) : page, &truth);
	if (frame != truth)
		model_broken("stale translation under tag %u root %#llx: %s page %llu leads to %#llx, now %#llx",
			     tag.id, tag.root, kind == MODEL_LINEAR ? "linear" : "physical", page,
			     frame, truth);
}

/* One access. False: nested fault at *ret_gpa. */
static bool touch(struct model_guest *g, u64 page, u64 *ret_gpa)
{
	u64 physical = guest_page(*g->cr3, page), frame;

	*ret_gpa = physical << PAGE_SHIFT;
	g->write = model_chance(2);
	g->was_present = true;
	if (model_tlb_find(MODEL_LINEAR, g->linear, page, &frame)) {
		must_be(g, MODEL_LINEAR, g->linear, page, frame);
		return !g->write || (frame & ENTRY_WRITE);
	}
	if (model_tlb_find(MODEL_PHYSICAL, g->physical, physical, &frame)) {
		must_be(g, MODEL_PHYSICAL, g->physical, physical, frame);
	} else {
		g->was_present = walk(g, physical, &frame);
		if (!g->was_present)
			return false;
		model_tlb_fill(MODEL_PHYSICAL, g->physical, physical, frame);
	}
	model_tlb_fill(MODEL_LINEAR, g->linear, page, frame);
	return !g->write || (frame & ENTRY_WRITE);
}

enum model_end model_guest_run(struct model_guest *g, u64 *ret_gpa)
{
	unsigned int left = 1 + model_random(8);

	model_counts.entries++;
	model_tlb_entered();
	for (; left; left--) {
		model_yield();
		if (model_irq_pending() || model_chance(20))
			return MODEL_END_INTR;
		if (model_chance(6)) {
			/* The guest's own MOV to CR3, without an exit. */
			*g->cr3 = model_random(4) << PAGE_SHIFT;
			model_tlb_flush(true, false, &g->linear.id, NULL);
			continue;
		}
		if (!touch(g, model_random(MODEL_GUEST_PAGES), ret_gpa))
			return MODEL_END_FAULT;
	}
	return MODEL_END_ACT;
}
