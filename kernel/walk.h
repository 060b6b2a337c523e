/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A walk of the guest's page tables (SDM 4.3 to 4.5), for the module and for
 * the userland machine alike. The caller says how to read an entry.
 */
#ifndef VMM_WALK_H
#define VMM_WALK_H

#include <linux/types.h>

/* How the guest translates addresses just now. */
struct vmm_paging {
	__u64 cr0, cr3, cr4, efer, cs_base;
	__u8 cs_long;			/* 64-bit code */
};

#define VMM_CR0_PG	(1ULL << 31)
#define VMM_CR4_PSE	(1ULL << 4)
#define VMM_CR4_PAE	(1ULL << 5)
#define VMM_CR4_LA57	(1ULL << 12)
#define VMM_EFER_LMA	(1ULL << 10)

#define VMM_PTE_PRESENT	(1ULL << 0)
#define VMM_PTE_LARGE	(1ULL << 7)
#define VMM_PTE_ADDR	0x000ffffffffff000ULL

/* Read size (4 or 8) bytes of guest-physical memory; 0 or negative. */
typedef int (*vmm_read_entry)(void *ctx, __u64 gpa, unsigned int size, __u64 *ret);

/* 32-bit paging, SDM 4.3. */
static inline int vmm_walk_32(const struct vmm_paging *pg, __u64 gla, vmm_read_entry read,
			      void *ctx, __u64 *ret_gpa)
{
	__u64 entry;

	gla &= 0xffffffff;
	if (read(ctx, (pg->cr3 & 0xfffff000) + (gla >> 22) * 4, 4, &entry) ||
	    !(entry & VMM_PTE_PRESENT))
		return -1;
	if ((entry & VMM_PTE_LARGE) && (pg->cr4 & VMM_CR4_PSE)) {
		*ret_gpa = (entry & 0xffc00000) | ((entry & 0x1fe000) << 19) | (gla & 0x3fffff);
		return 0;
	}
	if (read(ctx, (entry & 0xfffff000) + ((gla >> 12) & 0x3ff) * 4, 4, &entry) ||
	    !(entry & VMM_PTE_PRESENT))
		return -1;
	*ret_gpa = (entry & 0xfffff000) | (gla & 0xfff);
	return 0;
}

/* PAE, 4-level and 5-level paging, SDM 4.4 and 4.5. */
static inline int vmm_walk_64(const struct vmm_paging *pg, __u64 gla, vmm_read_entry read,
			      void *ctx, __u64 *ret_gpa)
{
	int lma = !!(pg->efer & VMM_EFER_LMA);
	int level = !lma ? 3 : (pg->cr4 & VMM_CR4_LA57) ? 5 : 4;
	__u64 table = lma ? pg->cr3 & VMM_PTE_ADDR : pg->cr3 & 0xffffffe0;
	__u64 entry, mask;

	if (!lma)
		gla &= 0xffffffff;
	for (; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		if (read(ctx, table + ((gla >> shift) & 0x1ff) * 8, 8, &entry) ||
		    !(entry & VMM_PTE_PRESENT))
			return -1;
		mask = (1ULL << shift) - 1;
		if (level == 1 || (level <= (lma ? 3 : 2) && (entry & VMM_PTE_LARGE))) {
			*ret_gpa = (entry & VMM_PTE_ADDR & ~mask) | (gla & mask);
			return 0;
		}
		table = entry & VMM_PTE_ADDR;
	}
	return -1;
}

/* Guest-physical address of a linear one. Returns 0, or -1 if it is not mapped
 * or a table lies outside of memory. Permissions are not looked at. */
static inline int vmm_walk(const struct vmm_paging *pg, __u64 gla, vmm_read_entry read, void *ctx,
			   __u64 *ret_gpa)
{
	if (!(pg->cr0 & VMM_CR0_PG)) {
		*ret_gpa = gla & 0xffffffff;
		return 0;
	}
	if (pg->cr4 & VMM_CR4_PAE)
		return vmm_walk_64(pg, gla, read, ctx, ret_gpa);
	return vmm_walk_32(pg, gla, read, ctx, ret_gpa);
}

#endif /* VMM_WALK_H */
