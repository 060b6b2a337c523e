// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables of four levels, 4 KiB and 2 MiB leaves. EPT (SDM 29.3.2)
 * and AMD's nested tables (APM 15.25) have the same shape; the bits come from
 * the vendor's vmm_pt_format. While vCPUs run, entries are only added, so
 * processors walk without our lock. Only when none of the VM's is inside a RUN
 * may one change: vmm_pt_protect().
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
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
	return __va(__sme_clr(entry) & PT_ADDR);
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

/* Map the 2 MiB of an entry as 4 KiB pages, with the same accesses. */
static int pt_split(struct vmm_pt *pt, u64 *entry)
{
	u64 *table = pt_alloc(), leaf = *entry & ~PT_LARGE;
	unsigned int i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < PT_ENTRIES; i++)
		table[i] = leaf + ((u64)i << PAGE_SHIFT);
	WRITE_ONCE(*entry, __pa(table) | pt->format->table);
	return 0;
}

/* The table of the given level for gpa, made if need be. ERR_PTR(-ENOMEM), or
 * ERR_PTR(-EEXIST): a large page is in the way, and not to be split. */
static u64 *pt_walk(struct vmm_pt *pt, u64 gpa, int to, bool split)
{
	u64 *table = pt->root, *next;
	int level;

	for (level = PT_LEVELS; level > to; level--) {
		u64 *entry = &table[pt_index(gpa, level)];

		if (!(*entry & pt->format->present)) {
			next = pt_alloc();
			if (!next)
				return ERR_PTR(-ENOMEM);
			/* A processor may walk at once: contents first. */
			smp_store_release(entry, __pa(next) | pt->format->table);
		} else if (*entry & PT_LARGE) {
			if (!split)
				return ERR_PTR(-EEXIST);
			if (pt_split(pt, entry))
				return ERR_PTR(-ENOMEM);
		}
		table = pt_next(*entry);
	}
	return table;
}

/*
 * Map the 4 KiB page, or the 2 MiB, around gpa to host frame pfn (of the first
 * 4 KiB), for all accesses. Returns 0, -EEXIST if something is mapped there (another
 * vCPU was faster), or the 2 MiB cannot be mapped by one entry here, -ENOMEM. Sleeps.
 */
int vmm_pt_map(struct vmm_pt *pt, u64 gpa, u64 pfn, bool large)
{
	u64 *table, *entry;
	int err;

	if (large && !pt->format->large)
		return -EEXIST;
	mutex_lock(&pt->lock);
	table = pt_walk(pt, gpa, large ? 2 : 1, false);
	err = PTR_ERR_OR_ZERO(table);
	if (err)
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

/*
 * Permit only access (VMMT_ACCESS_*) to the 4 KiB page, or the 2 MiB, around gpa,
 * which host frame pfn holds; maps it if nothing does. No vCPU of the VM may be
 * inside a RUN, nor enter the guest before translations are flushed. Returns 0,
 * -EEXIST if the 2 MiB are mapped by smaller pages, or have to be, -ENOMEM. Sleeps.
 */
int vmm_pt_protect(struct vmm_pt *pt, u64 gpa, u64 pfn, bool large, u8 access)
{
	const struct vmm_pt_format *format = pt->format;
	u64 *table, *entry;
	int err;

	if (large && !format->large)
		return -EEXIST;
	mutex_lock(&pt->lock);
	table = pt_walk(pt, gpa, large ? 2 : 1, true);
	err = PTR_ERR_OR_ZERO(table);
	if (err)
		goto unlock;
	entry = &table[pt_index(gpa, large ? 2 : 1)];
	err = -EEXIST;
	if (large && (*entry & format->present) && !(*entry & PT_LARGE))
		goto unlock;
	WRITE_ONCE(*entry, (pfn << PAGE_SHIFT) | format->access[access] |
		   ((large ? format->large : format->leaf) & ~format->access_mask));
	err = 0;
unlock:
	mutex_unlock(&pt->lock);
	return err;
}

/* What the guest may do with the page at gpa (VMMT_ACCESS_*), 0 if it is not mapped. Any
 * context. */
u8 vmm_pt_access(struct vmm_pt *pt, u64 gpa)
{
	u64 *table = pt->root, entry = 0;
	int level;
	u8 access;

	for (level = PT_LEVELS; level >= 1; level--) {
		entry = READ_ONCE(table[pt_index(gpa, level)]);
		if (!(entry & pt->format->present))
			return VMMT_ACCESS_none;
		if (entry & PT_LARGE)
			break;
		table = pt_next(entry);
	}
	entry &= pt->format->access_mask;
	for (access = VMMT_ACCESS_rwx; access && pt->format->access[access] != entry; access--)
		;
	return access;
}
