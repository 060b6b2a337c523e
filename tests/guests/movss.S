/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MOV SS holds traps back for one instruction. Where that one exits, its trap
 * comes behind it; where it is cut off by a nested fault, too.
 */
#include "guest.h"

#define UNTOUCHED 0x20000

	.code64
	.globl _start

.macro step insn:vararg
	lea 1f(%rip), %r14
	mov %ss, %ebx
	xor %eax, %eax
	xor %ecx, %ecx
	push $0x102			/* TF */
	popfq
	mov %ebx, %ss			/* no trap behind this */
	\insn
1:	decl ntraps(%rip)
	EXPECT(z)
.endm

_start:
	warm
	lidt idtr(%rip)
	step nop
	step cpuid
	step mov %al, UNTOUCHED
	FINISH

db:	cmp %r14, (%rsp)
	EXPECT(e)
	incl ntraps(%rip)
	andl $~0x100, 16(%rsp)
	iretq

ntraps:	.long 0
	.balign 16
idt:	no_gates 1
	gate db
table_register idtr, idt, (2 * 16)
