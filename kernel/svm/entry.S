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
	FRAME_PUSH_HOST

	FRAME_LOAD_GPRS

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
	FRAME_SAVE_GPRS

	/* Before any RET: the guest's return predictions must not be ours. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RETPOLINE
	VMM_UNTRAIN_RET

	FRAME_CLEAR_GPRS
	FRAME_POP_HOST
	RET
SYM_FUNC_END(svm_vmrun)
