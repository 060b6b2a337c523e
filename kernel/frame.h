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
#define FRAME_HOST_RSP	(24 * 8)

#ifdef __ASSEMBLY__

/* The registers a C function must keep, and the frame's address on top. */
.macro FRAME_PUSH_HOST
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdi
.endm

.macro FRAME_POP_HOST
	pop %rdi
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
.endm

/* All but RAX, RDX and RDI, which points to the frame. */
.macro FRAME_LOAD_GPRS
	mov FRAME_RCX(%rdi), %rcx
	mov FRAME_RBX(%rdi), %rbx
	mov FRAME_RBP(%rdi), %rbp
	mov FRAME_RSI(%rdi), %rsi
	mov FRAME_R8(%rdi), %r8
	mov FRAME_R9(%rdi), %r9
	mov FRAME_R10(%rdi), %r10
	mov FRAME_R11(%rdi), %r11
	mov FRAME_R12(%rdi), %r12
	mov FRAME_R13(%rdi), %r13
	mov FRAME_R14(%rdi), %r14
	mov FRAME_R15(%rdi), %r15
.endm

/* All but RAX, which points to the frame, and RDX. */
.macro FRAME_SAVE_GPRS
	mov %rcx, FRAME_RCX(%rax)
	mov %rbx, FRAME_RBX(%rax)
	mov %rbp, FRAME_RBP(%rax)
	mov %rsi, FRAME_RSI(%rax)
	mov %rdi, FRAME_RDI(%rax)
	mov %r8, FRAME_R8(%rax)
	mov %r9, FRAME_R9(%rax)
	mov %r10, FRAME_R10(%rax)
	mov %r11, FRAME_R11(%rax)
	mov %r12, FRAME_R12(%rax)
	mov %r13, FRAME_R13(%rax)
	mov %r14, FRAME_R14(%rax)
	mov %r15, FRAME_R15(%rax)
.endm

/* Nothing of the guest stays where speculation could use it. */
.macro FRAME_CLEAR_GPRS
	xor %eax, %eax
	xor %ecx, %ecx
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
.endm

#else /* !__ASSEMBLY__ */

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
	u64 host_rsp;		/* VMX: as the VMCS has it */
};

#endif /* __ASSEMBLY__ */

#endif /* VMM_FRAME_H */
