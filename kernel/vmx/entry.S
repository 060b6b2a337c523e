/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stay in a VMX guest (SDM 27.1, 28.1). Called with interrupts off and the
 * vCPU's VMCS current. Registers come from and go to struct vmm_frame; RSP,
 * RIP and RFLAGS are in the VMCS. frame.failed becomes 1 if there was no entry.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#include "../compat.h"
#include "../frame.h"

#define VMCS_HOST_RSP 0x6c14

.section .noinstr.text, "ax"

/* void vmx_vmenter(struct vmm_frame *frame) */
SYM_FUNC_START(vmx_vmenter)
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdi

	mov $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax

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

	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, FRAME_T_ENTER(%rdi)
	/* CF: launched. What follows leaves it alone. */
	btl $0, FRAME_LAUNCHED(%rdi)
	mov FRAME_RAX(%rdi), %rax
	mov FRAME_RDX(%rdi), %rdx
	mov FRAME_RDI(%rdi), %rdi

	VM_CLEAR_CPU_BUFFERS
	/* For the unwinder: the stack at vmx_vmexit is the one here. */
	UNWIND_HINT_SAVE
	jnc .Llaunch
	vmresume
	jmp .Lfailed
.Llaunch:
	vmlaunch
	jmp .Lfailed

/* The host RIP in the VMCS. */
SYM_INNER_LABEL(vmx_vmexit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push %rdx
	push %rax
	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	mov 16(%rsp), %rdx
	mov %rax, FRAME_T_EXIT(%rdx)
	mov %rdx, %rax
	pop %rdx
	mov %rdx, FRAME_RAX(%rax)
	pop %rdx
	mov %rdx, FRAME_RDX(%rax)
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
.Lout:
	/* Before any RET: the guest's return predictions must not be ours. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, X86_FEATURE_RSB_VMEXIT_LITE

	/* Nothing of the guest stays where speculation could use it. */
	xor %eax, %eax
	xor %ecx, %ecx
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d

	pop %rdi
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
	RET

.Lfailed:
	mov (%rsp), %rdi
	movl $1, FRAME_FAILED(%rdi)
	jmp .Lout
SYM_FUNC_END(vmx_vmenter)
