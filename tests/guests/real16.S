/* SPDX-License-Identifier: GPL-2.0-only */
/* Real mode: CPUID, port I/O, strings, INT n through the table at 0. */
#include "guest.h"

	.code16
	.globl _start
_start:
	xor %eax, %eax
	mov $1, %ecx
	cpuid
	xor %eax, %eax
	xor %ecx, %ecx
	.byte 0x67
	cpuid
	mov $0x11223344, %eax
	out %al, $PORT_POST
	out %ax, $PORT_POST
	out %eax, $PORT_POST
	mov $0x510, %dx
	in %dx, %ax
	cmp $0x1122ffff, %eax
	EXPECT(e)
	in %dx, %eax
	cmp $-1, %eax
	EXPECT(e)

	/* Strings: 16-bit index and count; DS:SI by default, then CS. */
	mov %cs, %ax
	mov %ax, %ds
	mov $0xabcd0000 + (text - _start), %esi
	mov $0xabcd0004, %ecx
	rep outsb
	cmp $0xabcd0000 + (text + 4 - _start), %esi
	EXPECT(e)
	cmp $0xabcd0000, %ecx
	EXPECT(e)
	xor %ax, %ax
	mov %ax, %ds
	mov $text - _start, %si
	cs outsb

	/* The table at 0 has the interrupt's offset and segment. */
	movw $soft - _start, %ds:0x30 * 4
	mov %cs, %ds:0x30 * 4 + 2
	mov $0x1111, %bx
	push %bx			/* touch the stack first: see softint.S */
	pop %bx
	int $0x30
	cmp $0x2222, %bx
	EXPECT(e)
	FINISH

soft:	xor %eax, %eax
	xor %ecx, %ecx
	cpuid
	mov $0x2222, %bx
	iret

text:	.ascii "real"
