// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables of four levels, 4 KiB and 2 MiB leaves. EPT (SDM 29.3.2)
 * and AMD's nested tables (APM 15.25) have the same shape; the bits come from
 * the vendor's vmm_pt_format. Entries are only added until the VM ends, so
 * processors walk without our lock.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "core.h"

#define PT_LEVELS	4
#define PT_ENTRIES	512
#define PT_ADDR		GENMASK_ULL(51, 12)
#define PT_LARGE	BIT_ULL(7)

static unsigned int pt_index(u64 gpa, int level)
{
	return (gpa >> (12 + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

static u64 *pt_next(u64 entry)
{
	return __va(entry & PT_ADDR);
}

static u64 *pt_alloc(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

int vmm_pt_init(struct vmm_pt *pt, const struct vmm_pt_format *format)
{
	mutex_init(&pt->lock);
	pt->format = format;
	pt->root = pt_alloc();
	return pt->root ? 0 : -ENOMEM;
}

static void pt_free_level(struct vmm_pt *pt, u64 *table, int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < PT_ENTRIES; i++)
		if ((table[i] & pt->format->present) && !(table[i] & PT_LARGE))
			pt_free_level(pt, pt_next(table[i]), level - 1);
	free_page((unsigned long)table);
}

void vmm_pt_free(struct vmm_pt *pt)
{
	if (pt->root)
		pt_free_level(pt, pt->root, PT_LEVELS);
	pt->root = NULL;
}

/* The table of the given level for gpa, made if need be; NULL: no memory, or
 * a large page is in the way. */
static u64 *pt_walk(struct vmm_pt *pt, u64 gpa, int to)
{
	u64 *table = pt->root, *next;
	int level;

	for (level = PT_LEVELS; level > to; level--) {
		u64 *entry = &table[pt_index(gpa, level)];

		if (!(*entry & pt->format->present)) {
			next = pt_alloc();
			if (!next)
				return NULL;
			/* A processor may walk at once: contents first. */
			smp_store_release(entry, __pa(next) | pt->format->table);
		} else if (*entry & PT_LARGE) {
			return NULL;
		}
		table = pt_next(*entry);
	}
	return table;
}

/*
 * Map the 4 KiB page, or the 2 MiB, around gpa to host frame pfn (of the first
 * 4 KiB). Returns 0, -EEXIST if another vCPU was faster, -ENOMEM. Sleeps.
 */
int vmm_pt_map(struct vmm_pt *pt, u64 gpa, u64 pfn, bool large)
{
	int err = -ENOMEM;
	u64 *table, *entry;

	mutex_lock(&pt->lock);
	table = pt_walk(pt, gpa, large ? 2 : 1);
	if (!table)
		goto unlock;
	entry = &table[pt_index(gpa, large ? 2 : 1)];
	err = -EEXIST;
	if (*entry & pt->format->present)
		goto unlock;
	WRITE_ONCE(*entry, (pfn << PAGE_SHIFT) | (large ? pt->format->large : pt->format->leaf));
	err = 0;
unlock:
	mutex_unlock(&pt->lock);
	return err;
}

/* The leaf entry that maps gpa, 0 if none does. Any context. */
u64 vmm_pt_lookup(struct vmm_pt *pt, u64 gpa, bool *ret_large)
{
	u64 *table = pt->root, entry;
	int level;

	for (level = PT_LEVELS; level >= 1; level--) {
		entry = READ_ONCE(table[pt_index(gpa, level)]);
		if (!(entry & pt->format->present))
			return 0;
		if (level == 1 || (entry & PT_LARGE)) {
			*ret_large = level > 1;
			return entry;
		}
		table = pt_next(entry);
	}
	return 0;
}
