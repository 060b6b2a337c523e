/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87, SSE and AVX registers outlast exits, those that userland deals with
 * and those after which the thread has slept included.
 */
#include "guest.h"

	.code64
	.globl _start

.macro check
	vmovdqu %ymm0, result(%rip)
	vmovdqu %ymm15, result + 32(%rip)
	fstl result + 64(%rip)
	.irp n, 0, 8, 16, 24, 32, 40, 48, 56, 64
	mov pattern + \n(%rip), %rax
	cmp %rax, result + \n(%rip)
	EXPECT(e)
	.endr
	stmxcsr result(%rip)
	cmpl $0x7f80, result(%rip)
	EXPECT(e)
	fnstcw result(%rip)
	cmpw $0x0f7f, result(%rip)
	EXPECT(e)
.endm

_start:
	warm
	lidt idtr(%rip)
	pic_init
	mov %cr4, %rax
	or $0x40600, %rax		/* OSXSAVE, OSXMMEXCPT, OSFXSR */
	mov %rax, %cr4
	xor %ecx, %ecx
	xor %edx, %edx
	mov $7, %eax
	xsetbv
	vmovdqu pattern(%rip), %ymm0
	vmovdqu pattern + 32(%rip), %ymm15
	fninit
	fldcw control(%rip)
	fldl pattern + 64(%rip)
	ldmxcsr rounding(%rip)
	check

	xor %eax, %eax
	cpuid
	check
	out %al, $PORT_POST
	check
	mov $11932, %ax			/* 10 ms */
	pit_once
	sti
	hlt
	cli
	check
	FINISH

timer:	push %rax
	end_of_interrupt
	pop %rax
	iretq

	.balign 32
pattern: .quad 0x0123456789abcdef, 0x1111111111111111, 0x2222222222222222, 0x3333333333333333
	.quad 0x4444444444444444, 0x5555555555555555, 0x6666666666666666, 0x7777777777777777
	.double 1.25
	.balign 32
result:	.fill 72
rounding: .long 0x7f80			/* MXCSR: towards zero, all masked */
control: .word 0x0f7f			/* towards zero, all masked */
	.balign 16
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)
