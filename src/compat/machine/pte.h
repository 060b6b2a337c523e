/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * <machine/pte.h>, for programs written for OpenBSD's vmm(4), which write and
 * walk a guest's page tables. SDM volume 3, 4.5.
 */
#ifndef VMM_COMPAT_MACHINE_PTE_H
#define VMM_COMPAT_MACHINE_PTE_H

#include <stdint.h>

typedef uint64_t pt_entry_t;

#define L1_SHIFT	12
#define L2_SHIFT	21
#define L3_SHIFT	30
#define L4_SHIFT	39
#define L1_MASK		0x00000000001ff000UL
#define L2_MASK		0x000000003fe00000UL
#define L3_MASK		0x0000007fc0000000UL
#define L4_MASK		0x0000ff8000000000UL
#define NBPD_L1		(1UL << L1_SHIFT)
#define NBPD_L2		(1UL << L2_SHIFT)
#define NBPD_L3		(1UL << L3_SHIFT)
#define NBPD_L4		(1UL << L4_SHIFT)

#define PG_V		0x0000000000000001UL	/* present */
#define PG_RW		0x0000000000000002UL	/* may be written */
#define PG_u		0x0000000000000004UL	/* for user mode */
#define PG_PROT		0x0000000000000006UL
#define PG_WT		0x0000000000000008UL	/* write-through */
#define PG_N		0x0000000000000010UL	/* not cached */
#define PG_U		0x0000000000000020UL	/* accessed */
#define PG_M		0x0000000000000040UL	/* dirty */
#define PG_PS		0x0000000000000080UL	/* large page */
#define PG_PAT		0x0000000000000080UL	/* PAT, in an entry for 4 KiB */
#define PG_G		0x0000000000000100UL	/* global */
#define PG_NX		0x8000000000000000UL	/* no execution */
#define PG_FRAME	0x000ffffffffff000UL
#define PG_LGFRAME	0x000fffffffe00000UL

#endif /* VMM_COMPAT_MACHINE_PTE_H */
