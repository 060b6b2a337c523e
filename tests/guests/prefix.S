/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prefixes before instructions that exit: the next one begins behind all of
 * them. A page may end between the bytes of one.
 */
#include "guest.h"

	.code64
	.globl _start

/* These bytes, with the registers an MSR access or CPUID takes. */
.macro bytes list:vararg
	mov $0xc0000080, %ecx		/* EFER */
	mov $0x500, %eax
	xor %edx, %edx
	.byte \list
.endm

_start:
	warm
	lidt idtr(%rip)
	pic_init
	bytes 0x48, 0x0f, 0xa2					/* CPUID */
	bytes 0x66, 0x0f, 0xa2
	bytes 0x2e, 0x0f, 0xa2
	bytes 0x66, 0x67, 0x3e, 0x4f, 0x0f, 0xa2
	bytes 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x0f, 0xa2
	bytes 0x48, 0x0f, 0x32					/* RDMSR */
	bytes 0x67, 0x0f, 0x32
	bytes 0x48, 0x0f, 0x30					/* WRMSR */
	bytes 0x64, 0x41, 0x0f, 0x30
	mov $PORT_POST, %edx
	.byte 0x48, 0xef					/* OUT %eax, %dx */
	.byte 0x66, 0x67, 0xef					/* OUT %ax, %dx */
	.byte 0x2e, 0xe4, PORT_POST				/* IN $PORT_POST, %al */
	mov %cr4, %rax
	or $1 << 18, %rax		/* OSXSAVE */
	mov %rax, %cr4
	xor %ecx, %ecx
	xor %edx, %edx
	mov $1, %eax
	.byte 0x48, 0x0f, 0x01, 0xd1				/* XSETBV */
	mov $1193, %ax
	pit_once
	sti
	.byte 0x66, 0xf4					/* HLT */
awake:	cli
	xor %eax, %eax
	xor %ecx, %ecx
	jmp split
back:	FINISH

timer:	lea awake(%rip), %rax
	cmp %rax, (%rsp)
	EXPECT(e)
	end_of_interrupt
	iretq

	.balign 16
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)

	/* CPUID on two pages, the second of which nobody has touched yet. */
	.org _start + PAGE - 1
split:	cpuid
	jmp back
