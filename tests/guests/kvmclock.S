/* SPDX-License-Identifier: GPL-2.0-only */
/* The paravirtual clock: a page that tells the time, and the wall clock. */
#include "guest.h"

#define WALL_CLOCK	0x4b564d00
#define SYSTEM_TIME	0x4b564d01
#define CLOCK		0x20000
#define WALL		0x21000

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	mov $SYSTEM_TIME, %ecx
	rdmsr				/* not asked for yet */
	or %edx, %eax
	EXPECT(z)
	mov $CLOCK + 1, %eax
	xor %edx, %edx
	wrmsr
	rdmsr
	cmp $CLOCK + 1, %eax
	EXPECT(e)

	/* Its version is even and not 0, the TSC stamp is in the past. */
	mov CLOCK, %eax
	test %eax, %eax
	EXPECT(nz)
	test $1, %al
	EXPECT(z)
	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	mov CLOCK + 8, %rbx
	test %rbx, %rbx
	EXPECT(nz)
	cmp %rbx, %rax
	EXPECT(ae)

	/* Later than 2020. */
	mov $WALL_CLOCK, %ecx
	mov $WALL, %eax
	xor %edx, %edx
	wrmsr
	cmpl $1577836800, WALL + 4
	EXPECT(ae)

	/* No memory there: the write faults. */
	mov $SYSTEM_TIME, %ecx
	mov $0xe0000001, %eax
	wrmsr
	decl nfaults(%rip)
	EXPECT(z)
	/* Off. */
	xor %eax, %eax
	wrmsr
	FINISH

gp:	add $8, %rsp
	incl nfaults(%rip)
	addq $2, (%rsp)
	iretq

nfaults:	.long 0
	.balign 16
idt:	no_gates 13
	gate gp
table_register idtr, idt, (14 * 16)
