/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interrupt that is pending while IF is 0 comes as soon as it can: after
 * the instruction behind STI, and at once after a POPF.
 */
#include "guest.h"

	.code64
	.globl _start

/* The timer's interrupt, pending. The pause is far longer than the timer's period on every host: 10 ms
 * at 1 GHz. The exit behind it is for Bochs, which as long as a guest keeps its IF clear does not
 * leave it for the host's interrupts. */
.macro pending
	mov $1193, %ax			/* 1 ms */
	pit_once
	rdtsc
	shl $32, %rdx
	lea 10000000(%rax, %rdx), %rsi
9:	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	cmp %rsi, %rax
	jb 9b
	xor %eax, %eax
	out %al, $PORT_POST
	cmpl $0, ticks(%rip)
	EXPECT(e)
.endm
.macro came
	cli
	subl $1, ticks(%rip)
	EXPECT(z)
.endm

_start:
	warm
	lidt idtr(%rip)
	pic_init

	lea 1f(%rip), %rbx
	pending
	sti
	nop
1:	nop
	came

	lea 1f(%rip), %rbx
	pending
	push $0x202
	popfq
1:	nop
	came

	/* The instruction behind STI exits by itself; so it is done. */
	lea expected(%rip), %rdi
	lea 1f(%rip), %rbx
	mov %rbx, (%rdi)
	pending
	xor %eax, %eax
	sti
	cpuid
1:	nop
	came
	FINISH

	/* Where it came: in RBX, or where that does not outlast the instruction. */
timer:	mov expected(%rip), %rax
	test %rax, %rax
	cmovz %rbx, %rax
	cmp %rax, (%rsp)
	EXPECT(e)
	incl ticks(%rip)
	end_of_interrupt
	iretq

ticks:	.long 0
	.balign 16
expected: .quad 0
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)
