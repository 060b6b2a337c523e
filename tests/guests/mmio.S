/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory-mapped I/O: each access exits, and userland does it. All widths, the
 * moves that drivers use, with sign and zero extension; STOS.
 */
#include "guest.h"

#define COUNTER	0xff8			/* each read gives one more */

	.code64
	.globl _start
_start:
	mov $SCRATCH, %ebx

	/* Writes of 1, 2, 4 and 8 bytes, from registers and immediate. */
	mov $0x8877665544332211, %rax
	mov %rax, (%rbx)
	mov %al, 8(%rbx)
	mov %ax, 10(%rbx)
	mov %eax, 12(%rbx)
	movb $0x80, 16(%rbx)
	movw $0x8001, 18(%rbx)
	movl $0x80000002, 20(%rbx)
	movq $-3, 24(%rbx)		/* 32 bits, sign-extended */

	/* Reads: 32 bits clear the upper half, 8 and 16 leave the rest. */
	mov (%rbx), %rcx
	cmp %rax, %rcx
	EXPECT(e)
	mov $-1, %rcx
	mov 8(%rbx), %cl
	mov $0xffffffffffffff11, %rdx
	cmp %rdx, %rcx
	EXPECT(e)
	mov 10(%rbx), %cx
	mov $0xffffffffffff2211, %rdx
	cmp %rdx, %rcx
	EXPECT(e)
	mov 12(%rbx), %ecx
	mov $0x44332211, %edx
	cmp %rdx, %rcx
	EXPECT(e)
	mov 24(%rbx), %rcx
	cmp $-3, %rcx
	EXPECT(e)

	/* Extensions. */
	movzbl 16(%rbx), %ecx
	cmp $0x80, %rcx
	EXPECT(e)
	movzwl 18(%rbx), %ecx
	cmp $0x8001, %rcx
	EXPECT(e)
	movsbq 16(%rbx), %rcx
	cmp $-0x80, %rcx
	EXPECT(e)
	movswl 18(%rbx), %ecx
	mov $0xffff8001, %edx
	cmp %rdx, %rcx
	EXPECT(e)
	movslq 20(%rbx), %rcx
	mov $0xffffffff80000002, %rdx
	cmp %rdx, %rcx
	EXPECT(e)

	/* High bytes, registers that need REX, an index and a segment base. */
	mov $0x1234, %edx
	mov %dh, 32(%rbx)
	mov $0x77, %sil
	mov %sil, 33(%rbx)
	mov $0x99, %r9d
	mov %r9b, 34(%rbx)
	mov $4, %ecx
	mov 28(%rbx, %rcx), %r10w
	cmp $0x7712, %r10w
	EXPECT(e)
	mov $0xc0000100, %ecx		/* FS base: does not exit */
	mov $SCRATCH, %eax
	xor %edx, %edx
	wrmsr
	xor %edx, %edx
	mov %fs:32, %dh
	cmp $0x1200, %edx
	EXPECT(e)
	movabs %al, SCRATCH + 35

	/* A device that does something at each access. */
	mov COUNTER(%rbx), %ecx
	mov COUNTER(%rbx), %edx
	dec %edx
	cmp %ecx, %edx
	EXPECT(e)

	/* STOS: an exit for each element, up and down. */
	mov $0x1122334455667788, %rax
	lea 64(%rbx), %rdi
	stosb
	lea 65(%rbx), %rcx
	cmp %rcx, %rdi
	EXPECT(e)
	lea 72(%rbx), %rdi
	mov $4, %ecx
	rep stosw
	test %rcx, %rcx
	EXPECT(z)
	mov $2, %ecx
	rep stosl
	mov $2, %ecx
	rep stosq
	lea 104(%rbx), %rcx
	cmp %rcx, %rdi
	EXPECT(e)
	std
	mov $2, %ecx
	lea 124(%rbx), %rdi
	rep stosl
	cld
	lea 116(%rbx), %rcx
	cmp %rcx, %rdi
	EXPECT(e)
	mov 96(%rbx), %rcx
	cmp %rax, %rcx
	EXPECT(e)

	/* Addresses with no device: reads give ones, writes go nowhere. */
	mov PAGE(%rbx), %ecx
	cmp $-1, %ecx
	EXPECT(e)
	mov %ecx, PAGE(%rbx)
	FINISH
