/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested faults during the delivery of INT n and INT3: these are not given
 * again but executed again, and come once.
 */
#include "guest.h"

	.code64
	.globl _start

/* A copy of the table on a page nobody has touched yet, and of the stack. */
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
	warm
	fresh 1
	lea 1f(%rip), %rbx
	int $0x20
1:	came 0x20
	fresh 2
	lea 1f(%rip), %rbx
	int3
1:	came 3
	FINISH

	/* RBX is where it goes on. */
bp:	mov $3, %eax
	jmp 1f
soft:	mov $0x20, %eax
1:	cmp %rbx, (%rsp)
	jne fail
	mov %eax, last(%rip)
	incl count(%rip)
	iretq

last:	.long 0
count:	.long 0
	.irp n, 1, 2
table_register idtr\n, idt\n, (0x21 * 16)
	.endr

	.irp n, 1, 2
	.org _start + (2 * \n - 1) * PAGE
idt\n:	no_gates 3
	gate bp
	no_gates (0x20 - 4)
	gate soft
	.org _start + 2 * \n * PAGE
stack\n:
	.endr
	.org _start + 5 * PAGE
