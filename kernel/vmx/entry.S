/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stay in a VMX guest (SDM 27.1, 28.1). Called with interrupts off and the
 * vCPU's VMCS current. Registers come from and go to struct vmm_frame; RSP,
 * RIP and RFLAGS are in the VMCS. frame.failed becomes 1 if there was no entry.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/frame.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/percpu.h>
#include <asm/unwind_hints.h>

#include "../compat.h"
#include "../frame.h"

#define VMCS_HOST_RSP 0x6c14

.section .noinstr.text, "ax"

/* void vmx_vmenter(struct vmm_frame *frame) */
SYM_FUNC_START(vmx_vmenter)
	FRAME_PUSH_HOST

	cmp %rsp, FRAME_HOST_RSP(%rdi)
	je .Lsame_stack
	mov %rsp, FRAME_HOST_RSP(%rdi)
	mov $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
.Lsame_stack:

	FRAME_LOAD_GPRS

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
	FRAME_SAVE_GPRS
.Lout:
	/* Before any RET: the guest's return predictions must not be ours. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, X86_FEATURE_RSB_VMEXIT_LITE
	/* IBRS as retpoline's replacement has to be written after each exit, changed or not. */
	ALTERNATIVE "jmp .Lno_ibrs", "", X86_FEATURE_KERNEL_IBRS
	mov $MSR_IA32_SPEC_CTRL, %ecx
	mov PER_CPU_VAR(x86_spec_ctrl_current), %rax
	mov %rax, %rdx
	shr $32, %rdx
	wrmsr
.Lno_ibrs:
	CLEAR_BRANCH_HISTORY_VMEXIT

	FRAME_CLEAR_GPRS
	FRAME_POP_HOST
	RET

.Lfailed:
	mov (%rsp), %rdi
	movl $1, FRAME_FAILED(%rdi)
	jmp .Lout
SYM_FUNC_END(vmx_vmenter)
