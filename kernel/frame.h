/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What entry.S and C share. The registers have vmm(4)'s indices. Offsets are
 * checked against the struct in vcpu.c.
 */
#ifndef VMM_FRAME_H
#define VMM_FRAME_H

#define FRAME_RAX	(0 * 8)
#define FRAME_RCX	(1 * 8)
#define FRAME_RDX	(2 * 8)
#define FRAME_RBX	(3 * 8)
#define FRAME_RSP	(4 * 8)
#define FRAME_RBP	(5 * 8)
#define FRAME_RSI	(6 * 8)
#define FRAME_RDI	(7 * 8)
#define FRAME_R8	(8 * 8)
#define FRAME_R9	(9 * 8)
#define FRAME_R10	(10 * 8)
#define FRAME_R11	(11 * 8)
#define FRAME_R12	(12 * 8)
#define FRAME_R13	(13 * 8)
#define FRAME_R14	(14 * 8)
#define FRAME_R15	(15 * 8)
#define FRAME_CR2	(18 * 8)
#define FRAME_T_ENTER	(19 * 8)
#define FRAME_T_EXIT	(20 * 8)
#define FRAME_GUEST_PA	(21 * 8)
#define FRAME_HOST_PA	(22 * 8)
#define FRAME_LAUNCHED	(23 * 8)
#define FRAME_FAILED	(23 * 8 + 4)

#ifndef __ASSEMBLY__
#include "vmm.h"

struct vmm_frame {
	u64 gprs[VCPU_REGS_NGPRS];
	u64 cr2;
	u64 t_enter;		/* TSC, last thing before entry */
	u64 t_exit;		/* TSC, first thing after exit */
	u64 guest_pa;		/* SVM: VMCB of the guest */
	u64 host_pa;		/* SVM: where VMSAVE put the host's state */
	u32 launched;		/* VMX: VMRESUME, not VMLAUNCH */
	u32 failed;		/* VMX: there was no entry */
};
#endif

#endif /* VMM_FRAME_H */
