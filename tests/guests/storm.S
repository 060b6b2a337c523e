/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port reads in a storm of interrupts: none of them is lost, done twice, or
 * gets another one's value, whenever RUN is left.
 */
#include "guest.h"

#define READS 3000

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	pic_init
	mov $PORT_SERIAL + 7, %edx
	mov $0x5a, %al
	out %al, %dx
	mov $0x34, %al			/* counter 0, mode 2: every 50 us */
	out %al, $PORT_PIT + 3
	mov $60, %al
	out %al, $PORT_PIT
	xor %al, %al
	out %al, $PORT_PIT
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
