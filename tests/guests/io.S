/* SPDX-License-Identifier: GPL-2.0-only */
/* IN and OUT of 1, 2 and 4 bytes, the port in the instruction and in DX. */
#include "guest.h"

#define NOBODY 0x510

	.code64
	.globl _start
_start:
	mov $0x123456789abcdef0, %rax
	mov %rax, %rbx
	out %al, $PORT_POST
	out %ax, $PORT_POST
	out %eax, $PORT_POST
	mov $NOBODY, %edx
	out %al, %dx
	out %ax, %dx
	out %eax, %dx
	cmp %rbx, %rax
	EXPECT(e)

	/* Nobody answers: ones. Narrow reads leave the rest of RAX alone. */
	in $PORT_POST, %al
	mov $0x123456789abcdeff, %rcx
	cmp %rcx, %rax
	EXPECT(e)
	in $PORT_POST, %ax
	mov $0x123456789abcffff, %rcx
	cmp %rcx, %rax
	EXPECT(e)
	in $PORT_POST, %eax
	mov $0xffffffff, %ecx
	cmp %rcx, %rax
	EXPECT(e)
	mov %rbx, %rax
	in %dx, %al
	cmp $0xff, %al
	EXPECT(e)
	in %dx, %ax
	cmp $0xffff, %ax
	EXPECT(e)
	in %dx, %eax
	cmp %rcx, %rax
	EXPECT(e)

	/* A register that keeps what is written: the serial port's scratch. */
	mov $PORT_SERIAL + 7, %edx
	mov $0x5a, %al
	out %al, %dx
	xor %eax, %eax
	in %dx, %al
	cmp $0x5a, %eax
	EXPECT(e)
	FINISH
