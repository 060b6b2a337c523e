/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stay in an SVM guest (APM 15.5). Called with interrupts off and GIF 0.
 * Registers come from and go to struct vmm_frame; RAX, RSP, RIP and RFLAGS
 * are in the VMCB. The stamps are as near to VMRUN as they can be: the few
 * instructions inside them are the same at each entry.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>

#include "../compat.h"
#include "../frame.h"

.section .noinstr.text, "ax"

/* void svm_vmrun(struct vmm_frame *frame) */
SYM_FUNC_START(svm_vmrun)
	push %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
	push %rdi

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

	/* The host's interrupts may end the stay; with GIF 0 none comes before. */
	sti
	mov FRAME_GUEST_PA(%rdi), %rax
	vmload %rax

	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, FRAME_T_ENTER(%rdi)
	mov FRAME_GUEST_PA(%rdi), %rax
	mov FRAME_RDX(%rdi), %rdx
	mov FRAME_RDI(%rdi), %rdi

	VM_CLEAR_CPU_BUFFERS
	vmrun %rax

	push %rdx
	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	mov 8(%rsp), %rdx
	mov %rax, FRAME_T_EXIT(%rdx)
	cli
	mov FRAME_GUEST_PA(%rdx), %rax
	vmsave %rax
	mov FRAME_HOST_PA(%rdx), %rax
	vmload %rax

	mov %rdx, %rax
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

	/* Before any RET: the guest's return predictions must not be ours. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RETPOLINE
	VMM_UNTRAIN_RET

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
SYM_FUNC_END(svm_vmrun)
