/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested faults during the delivery of an event: of its descriptor table, of
 * the segment's descriptor, of the stack. Every one cuts the delivery off;
 * the event is given again, and comes once.
 */
#include "guest.h"

	.code64
	.globl _start

/* Go to the next copy of the table, on a page nobody has touched yet, and of
 * the stack. */
.macro fresh n
	lidt idtr\n(%rip)
	lea stack\n + PAGE(%rip), %rsp
.endm
.macro came vector
	cmpl $\vector, last(%rip)
	EXPECT(e)
	decl count(%rip)
	EXPECT(z)
.endm

_start:
	/* #GP that the hypervisor gives: an MSR nobody has. */
	fresh 1
	mov $0x1234, %ecx
	mov $2, %ebx
	rdmsr
	came 13
	/* #UD that the processor gives. */
	fresh 2
	ud2
	came 6
	/* An external interrupt. */
	pic_init
	mov $1193, %ax
	pit_once
	fresh 3
	sti
	hlt
	cli
	came 0x21
	FINISH

	/* RBX bytes to go over; %eax what came. */
gp:	add $8, %rsp
	mov $13, %eax
	jmp 1f
ud:	mov $2, %ebx
	mov $6, %eax
1:	add %rbx, (%rsp)
	mov %eax, last(%rip)
	incl count(%rip)
	xor %ebx, %ebx
	iretq
timer:	end_of_interrupt
	mov $0x21, %eax
	jmp 1b

last:	.long 0
count:	.long 0
	.irp n, 1, 2, 3
table_register idtr\n, idt\n, ((VECTOR_TIMER + 1) * 16)
	.endr

	.irp n, 1, 2, 3
	.org _start + (2 * \n - 1) * PAGE
idt\n:	no_gates 6
	gate ud
	no_gates 6
	gate gp
	no_gates (VECTOR_TIMER - 14)
	gate timer
	.org _start + 2 * \n * PAGE
stack\n:
	.endr
	.org _start + 7 * PAGE
