/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of the model. Its own page tables are a rule, not memory: a linear
 * page leads to a physical one by the values of CR3 and CR4. The nested tables are
 * memory, walked as a processor does; what it finds, and what it keeps in its
 * TLB, must be the same at each access.
 */
#include "model.h"

#define ENTRY_ADDR	GENMASK_ULL(51, 12)
#define ENTRY_LARGE	BIT_ULL(7)
#define ENTRY_WRITE	BIT_ULL(1)	/* on both vendors */

static u64 guest_page(const struct model_guest *g, u64 page)
{
	return (page * 7 + (*g->cr3 >> PAGE_SHIFT) * 5 + (g->paging ? 3 : 0)) % MODEL_GUEST_PAGES;
}

/* Walk the nested table; false if the page is not mapped. What is found: its frame, and in
 * the other bits what the guest may do. */
static bool walk(const struct model_guest *g, u64 page, u64 *ret_found)
{
	u64 *table = __va(__sme_clr(g->root)), entry;
	int level;

	for (level = 4; level >= 1; level--) {
		entry = table[(page >> (9 * (level - 1))) & 511];
		if (!(entry & g->present))
			return false;
		if (level > 1 && (entry & ENTRY_LARGE))
			model_broken("a large page, which the scene never maps");
		table = __va(__sme_clr(entry) & ENTRY_ADDR);
	}
	*ret_found = entry & (ENTRY_ADDR | g->access);
	return true;
}

static void must_be(const struct model_guest *g, enum model_kind kind, struct model_tag tag,
		    u64 page, u64 kept)
{
	u64 truth = 0;

	walk(g, kind == MODEL_LINEAR ? guest_page(g, page) : page, &truth);
	if (kept != truth)
		model_broken("stale, tag %u root %#llx: %s page %llu leads to %#llx, now %#llx",
			     tag.id, tag.root, kind == MODEL_LINEAR ? "linear" : "physical", page,
			     kept, truth);
}

/* What the processor has of a page, or finds; false if it is not mapped. */
static bool translate(const struct model_guest *g, u64 page, u64 *ret_found)
{
	u64 physical = guest_page(g, page);

	if (model_tlb_find(MODEL_LINEAR, g->linear, page, ret_found)) {
		must_be(g, MODEL_LINEAR, g->linear, page, *ret_found);
		return true;
	}
	if (model_tlb_find(MODEL_PHYSICAL, g->physical, physical, ret_found)) {
		must_be(g, MODEL_PHYSICAL, g->physical, physical, *ret_found);
	} else {
		if (!walk(g, physical, ret_found))
			return false;
		model_tlb_fill(MODEL_PHYSICAL, g->physical, physical, *ret_found);
	}
	model_tlb_fill(MODEL_LINEAR, g->linear, page, *ret_found);
	return true;
}

/* One access. False: nested fault. */
static bool touch(struct model_guest *g, u64 page)
{
	u64 found = 0;

	g->write = model_chance(2);
	g->gpa = guest_page(g, page) << PAGE_SHIFT;
	g->mapped = translate(g, page, &found);
	return g->mapped && (!g->write || (found & ENTRY_WRITE));
}

enum model_end model_guest_run(struct model_guest *g)
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
		if (!touch(g, model_random(MODEL_GUEST_PAGES)))
			return MODEL_END_FAULT;
	}
	return MODEL_END_ACT;
}
