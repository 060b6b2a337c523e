/* SPDX-License-Identifier: GPL-2.0-only */
/* HLT, woken by the timer's interrupt. */
#include "guest.h"

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	pic_init
	mov $10, %ebp
1:	mov $5966, %ax			/* 5 ms */
	pit_once
	sti
halt:	hlt
awake:	cli
	subl $1, ticks(%rip)
	EXPECT(z)
	dec %ebp
	jnz 1b
	FINISH

timer:	lea awake(%rip), %rax		/* back behind the HLT */
	cmp %rax, (%rsp)
	EXPECT(e)
	incl ticks(%rip)
	end_of_interrupt
	iretq

ticks:	.long 0
	.balign 16
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)
