/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's general registers and flags outlast exits of every kind. */
#include "guest.h"

	.code64
	.globl _start

/* Registers that no instruction here has for its own: RSI, RDI, RBP, RSP and
 * R8 to R15; with \more those that OUT leaves alone, too. */
.macro each do more=0
	.irp reg, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	\do \reg
	.endr
	.if \more
	.irp reg, rbx, rcx
	\do \reg
	.endr
	.endif
.endm
.macro fill reg
	inc %rax
	imul %rdx, %rax
	mov %rax, %\reg
.endm
.macro same reg
	inc %rax
	imul %rdx, %rax
	cmp %rax, %\reg
	EXPECT(e)
.endm
.macro seed
	mov $0x5851f42d4c957f2d, %rdx
	mov $1, %eax
.endm

_start:
	warm
	seed
	each fill
	mov %rsp, saved(%rip)
	xor %eax, %eax
	xor %ecx, %ecx
	std
	cpuid
	pushfq
	cld
	testl $0x400, (%rsp)		/* DF */
	EXPECT(nz)
	add $8, %rsp
	cmp %rsp, saved(%rip)
	EXPECT(e)
	seed
	each same

	seed
	each fill 1
	stc
	mov $PORT_POST, %edx
	out %eax, %dx
	jc 1f
	UNEXPECTED
1:	cmp $PORT_POST, %rdx
	EXPECT(e)
	seed
	each same 1

	seed
	each fill 1
	mov $PORT_MARK, %edx
	out %eax, %dx
	seed
	each same 1

	seed
	each fill 1
	mov 0x20000, %dl		/* a nested fault */
	seed
	each same 1
	cmp %rsp, saved(%rip)
	EXPECT(e)
	FINISH

	.balign 8
saved:	.quad 0
