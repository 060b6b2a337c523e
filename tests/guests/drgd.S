/* SPDX-License-Identifier: GPL-2.0-only */
/* DR7.GD: a touch of a debug register is #DB, whose handler may touch them. */
#include "guest.h"

#define GD	0x2000
#define BD	0x2000			/* in DR6 */

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	mov $0x400 | GD, %eax
	mov %rax, %dr7			/* the first touch */
	mov $0x1234, %ecx
guarded: mov %dr0, %rcx
	cmp $0x1234, %ecx		/* gone over, not done */
	EXPECT(e)
	cmpl $1, ntraps(%rip)
	EXPECT(e)
	mov %dr7, %rax
	cmp $0x400, %eax
	EXPECT(e)
	FINISH

db:	incl ntraps(%rip)
	cmpl $1, ntraps(%rip)		/* not for what follows */
	EXPECT(e)
	mov %dr7, %rax
	test $GD, %eax
	EXPECT(z)
	mov %dr6, %rax
	test $BD, %eax
	EXPECT(nz)
	addq $3, (%rsp)
	iretq

	.balign 8
ntraps:	.long 0
	.balign 16
idt:	no_gates 1
	gate db
table_register idtr, idt, (2 * 16)
