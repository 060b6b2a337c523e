/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DR6 tells why #DB came: single step or breakpoint, found by the processor or
 * by who emulated the instruction.
 */
#include "guest.h"

#define B0	0x0001
#define B1	0x0002
#define BS	0x4000

	.code64
	.globl _start

/* The one #DB since the last had these bits in DR6. */
.macro reason bits
	decl ntraps(%rip)
	EXPECT(z)
	cmpl $\bits, bits(%rip)
	EXPECT(e)
.endm
.macro step insn:vararg
	push $0x102			/* TF */
	popfq
	\insn
	reason BS
.endm

_start:
	warm
	lidt idtr(%rip)
	xor %eax, %eax
	mov %rax, %dr6			/* the first touch */
	step nop
	xor %eax, %eax
	xor %ecx, %ecx
	step cpuid
	step out %al, $PORT_POST

	lea target(%rip), %rax
	mov %rax, %dr0
	lea watched(%rip), %rax
	mov %rax, %dr1
	mov $0x402, %eax		/* G0: execution */
	mov %rax, %dr7
target:	nop
	reason B0
	mov $0x00d00408, %eax		/* G1: writes of 4 bytes */
	mov %rax, %dr7
	movl $5, watched(%rip)
	reason B1
	FINISH

db:	mov %dr6, %rax
	and $0xe00f, %eax
	mov %eax, bits(%rip)
	xor %eax, %eax
	mov %rax, %dr6
	incl ntraps(%rip)
	orl $0x10000, 16(%rsp)		/* RF: go over the breakpoint */
	andl $~0x100, 16(%rsp)
	iretq

	.balign 8
watched: .long 0
ntraps:	.long 0
bits:	.long 0
	.balign 16
idt:	no_gates 1
	gate db
table_register idtr, idt, (2 * 16)
