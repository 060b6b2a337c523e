/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers: the first touch exits, then they are the guest's. A
 * breakpoint on code traps before the instruction, one on data behind it.
 */
#include "guest.h"

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	lea watched(%rip), %rax
	mov %rax, %dr1			/* the first touch */
	lea target(%rip), %rax
	mov %rax, %dr0
	mov %dr1, %rcx
	lea watched(%rip), %rax
	cmp %rax, %rcx
	EXPECT(e)

	/* Code at DR0. */
	mov $0x402, %eax		/* G0: execution */
	mov %rax, %dr7
	lea target(%rip), %rbx
	xor %edx, %edx
target:	inc %edx
	cmp $1, %edx
	EXPECT(e)
	subl $1, ntraps(%rip)
	EXPECT(z)

	/* A write of four bytes at DR1; a read there is none. */
	mov $0x00d00408, %eax		/* G1: writes of 4 bytes */
	mov %rax, %dr7
	mov watched(%rip), %ecx
	cmpl $0, ntraps(%rip)
	EXPECT(e)
	lea 1f(%rip), %rbx
	movl $5, watched(%rip)
1:	subl $1, ntraps(%rip)
	EXPECT(z)

	/* They outlast an exit. */
	xor %eax, %eax
	xor %ecx, %ecx
	cpuid
	lea 2f(%rip), %rbx
	movl $6, watched(%rip)
2:	subl $1, ntraps(%rip)
	EXPECT(z)
	mov $0x400, %eax
	mov %rax, %dr7
	mov %dr0, %rcx
	lea target(%rip), %rax
	cmp %rax, %rcx
	EXPECT(e)
	FINISH

	/* RBX is where it must come. */
db:	cmp %rbx, (%rsp)
	EXPECT(e)
	incl ntraps(%rip)
	orl $0x10000, 16(%rsp)		/* RF: go over the breakpoint */
	iretq

	.balign 8
watched: .long 0
ntraps:	.long 0
	.balign 16
idt:	no_gates 1
	gate db
table_register idtr, idt, (2 * 16)
