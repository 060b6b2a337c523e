/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port reads in a storm of interrupts: none of them is lost, done twice, or
 * gets another one's value, whenever RUN is left. An interrupt comes as often
 * as eight exits take here: half of the time or more goes to interrupts.
 */
#include "guest.h"

#define READS 3000

/* Counter 0, mode 2: every CX periods of 838 ns. */
.macro pit_every
	mov $0x34, %al
	out %al, $PORT_PIT + 3
	mov %cl, %al
	out %al, $PORT_PIT
	mov %ch, %al
	out %al, $PORT_PIT
.endm

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	pic_init
	mov $PORT_SERIAL + 7, %edx
	mov $0x5a, %al
	out %al, %dx
	mov $0xffff, %cx
	pit_every
	.rept 8
	in $PORT_POST, %al
	.endr
	xor %al, %al			/* latch counter 0 */
	out %al, $PORT_PIT + 3
	in $PORT_PIT, %al
	mov %al, %cl
	in $PORT_PIT, %al
	mov %al, %ch
	neg %cx
	pit_every
	sti
	mov $READS, %ebp
1:	mov $0x1234567812345678, %rax
	in %dx, %al
	mov $0x123456781234565a, %rbx
	cmp %rbx, %rax
	EXPECT(e)
	xor %eax, %eax
	in $PORT_POST, %eax
	cmp $-1, %eax
	EXPECT(e)
	dec %ebp
	jnz 1b
	cli
	cmpl $100, ticks(%rip)		/* it was a storm */
	EXPECT(a)
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
