/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that never halts, for tests/lab/power.sh: says "up", then reads the
 * TSC over and over, which must not step back. At each interrupt of the timer,
 * 10 ms apart, it looks whether the serial line has a byte: that is its end.
 */
#include "tests/guests/guest.h"

	.code64
	.globl _start
_start:
	lea up(%rip), %rsi
	mov $3, %ecx
	mov $PORT_SERIAL, %edx
	rep outsb
	lidt idtr(%rip)
	pic_init
	mov $0x34, %al			/* counter 0, both bytes, mode 2: periodic */
	out %al, $PORT_PIT + 3
	mov $11932 & 0xff, %al
	out %al, $PORT_PIT
	mov $11932 >> 8, %al
	out %al, $PORT_PIT
	sti
	xor %ebx, %ebx
1:	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	cmp %rbx, %rax
	EXPECT(ae)
	mov %rax, %rbx
	xor %eax, %eax
	xchg %eax, ticks(%rip)
	test %eax, %eax
	jz 1b
	mov $PORT_SERIAL + 5, %edx	/* line status */
	in %dx, %al
	test $1, %al
	jz 1b
	cli
	FINISH

timer:	push %rax
	movl $1, ticks(%rip)
	end_of_interrupt
	pop %rax
	iretq

up:	.ascii "up\n"
ticks:	.long 0
	.balign 16
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)
