/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * INS and OUTS: 1, 2 and 4 bytes, REP, both directions, across a page. The
 * serial port in loopback gives back what it is sent, sixteen bytes deep.
 */
#include "guest.h"

#define NOBODY 0x510

	.code64
	.globl _start
_start:
	mov $PORT_SERIAL + 4, %edx	/* MCR: loopback */
	mov $0x10, %al
	out %al, %dx
	mov $PORT_SERIAL + 2, %edx	/* FCR: FIFO on, empty */
	mov $0x07, %al
	out %al, %dx
	mov $PORT_SERIAL, %edx

	/* One element: RCX is not looked at, the index moves by one. */
	cld
	xor %ecx, %ecx
	lea text(%rip), %rsi
	lea text(%rip), %rbx
	outsb
	sub %rbx, %rsi
	cmp $1, %rsi
	EXPECT(e)
	lea buffer(%rip), %rdi
	insb
	cmpb $'a', buffer(%rip)
	EXPECT(e)
	test %rcx, %rcx
	EXPECT(z)

	/* Up: sixteen bytes that lie on two pages, there and back. */
	lea text(%rip), %rsi
	mov $16, %ecx
	rep outsb
	test %rcx, %rcx
	EXPECT(z)
	lea text + 16(%rip), %rbx
	cmp %rbx, %rsi
	EXPECT(e)
	lea split(%rip), %rdi
	mov $16, %ecx
	rep insb
	lea split + 16(%rip), %rbx
	cmp %rbx, %rdi
	EXPECT(e)
	mov text(%rip), %rax
	cmp %rax, split(%rip)
	EXPECT(e)
	mov text + 8(%rip), %rax
	cmp %rax, split + 8(%rip)
	EXPECT(e)

	/* Down: the last byte goes first. */
	std
	lea text + 3(%rip), %rsi
	mov $4, %ecx
	rep outsb
	lea text - 1(%rip), %rbx
	cmp %rbx, %rsi
	EXPECT(e)
	cld
	lea buffer(%rip), %rdi
	mov $4, %ecx
	rep insb
	cmpl $0x61626364, buffer(%rip)	/* "dcba" */
	EXPECT(e)

	/* Two and four bytes; nobody answers. */
	mov $NOBODY, %edx
	lea text(%rip), %rsi
	outsw
	outsl
	lea text + 6(%rip), %rbx
	cmp %rbx, %rsi
	EXPECT(e)
	lea buffer(%rip), %rdi
	movq $0, buffer(%rip)
	insw
	cmpq $0xffff, buffer(%rip)
	EXPECT(e)
	insl
	mov $0x0000ffffffffffff, %rax
	cmp %rax, buffer(%rip)
	EXPECT(e)
	mov $4, %ecx
	lea text(%rip), %rsi
	rep outsw
	mov $4, %ecx
	rep outsl
	lea text + 24(%rip), %rbx
	cmp %rbx, %rsi
	EXPECT(e)

	/* 32-bit addresses clear the upper halves of index and count. */
	mov $0xabcd00000000, %rcx
	mov $0xabcd00000000, %rsi
	lea text(%rip), %ebx
	or %rbx, %rsi
	or $2, %rcx
	addr32 rep outsb
	test %rcx, %rcx
	EXPECT(z)
	lea text + 2(%rip), %rbx
	cmp %rbx, %rsi
	EXPECT(e)
	FINISH

text:	.ascii "abcdefghijklmnopqrstuvwxyz"
	.balign 16
buffer:	.quad 0
	/* Eight bytes on this page, eight on the next. */
	.org _start + PAGE - 8
split:	.fill 16
