/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * <dev/vmm/vmm.h>, for programs written for OpenBSD's vmm(4). The calls and
 * their structures are those of <vmmtrace/vmm.h>; here is what else such
 * programs take from their headers.
 */
#ifndef VMM_COMPAT_DEV_VMM_VMM_H
#define VMM_COMPAT_DEV_VMM_VMM_H

#include <vmmtrace/vmm.h>

typedef vmm_paddr_t paddr_t;
typedef vmm_vaddr_t vaddr_t;

#define VMM_MAX_DISKS_PER_VM	4
#define VMM_MAX_NICS_PER_VM	4

/* RAX of a VMCALL */
#define HVCALL_FORCED_ABORT	0x1234

#include <machine/vmmvar.h>

#endif /* VMM_COMPAT_DEV_VMM_VMM_H */
