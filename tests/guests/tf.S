/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single steps over instructions that exit: one trap behind each, whoever
 * emulates it.
 */
#include "guest.h"

	.code64
	.globl _start

/* Single-step an instruction: #DB must come behind it, once. */
.macro step insn:vararg
	lea 1f(%rip), %r14
	lea text(%rip), %rsi
	mov $PORT_POST, %edx
	mov $0x8b, %ecx
	xor %eax, %eax
	push $0x102			/* TF */
	popfq				/* traps from behind the next instruction on */
	\insn
1:	decl ntraps(%rip)		/* the handler has cleared TF */
	EXPECT(z)
.endm

_start:
	warm
	lidt idtr(%rip)
	mov $SCRATCH, %edi
	movb $0, (%rdi)
	step nop
	step cpuid
	step rdmsr
	step outb %al, %dx
	step inb %dx, %al
	step outb %al, $PORT_POST
	step outsb
	step mov %eax, (%rdi)
	step mov (%rdi), %eax
	FINISH

db:	cmp %r14, (%rsp)
	EXPECT(e)
	incl ntraps(%rip)
	andl $~0x100, 16(%rsp)
	iretq

ntraps:	.long 0
text:	.ascii "text"
	.balign 16
idt:	no_gates 1
	gate db
table_register idtr, idt, (2 * 16)
