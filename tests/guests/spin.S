/* SPDX-License-Identifier: GPL-2.0-only */
/* The timer's interrupt comes to a guest that waits for it without any exit. */
#include "guest.h"

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	pic_init
	mov $10, %ebp
1:	mov $23863, %ax			/* 20 ms: it waits when the time comes */
	pit_once
	sti
2:	cmpl $0, ticks(%rip)
	je 2b
	cli
	subl $1, ticks(%rip)
	EXPECT(z)
	dec %ebp
	jnz 1b
	FINISH

timer:	push %rax
	incl ticks(%rip)
	end_of_interrupt
	pop %rax
	iretq

ticks:	.long 0
	.balign 16
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)
