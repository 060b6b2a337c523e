/* SPDX-License-Identifier: GPL-2.0-only */
/* From 64-bit mode to compatibility mode and back: CPUID and OUT there. */
#include "guest.h"

#define SEL_CODE32	0x28

	.code64
	.globl _start
_start:
	warm
	lgdt gdtr(%rip)
	push $SEL_CODE32
	lea 1f(%rip), %rax
	push %rax
	lretq
	.code32
1:	mov $SEL_DATA, %eax
	mov %eax, %ss
	xor %eax, %eax
	xor %ecx, %ecx
	.byte 0x66
	cpuid
	mov $0x55667788, %eax
	out %eax, $PORT_POST
	mov $IMAGE + (text - _start), %esi
	mov $PORT_POST, %edx
	mov $4, %ecx
	rep outsb
	ljmp $SEL_CODE, $IMAGE + (2f - _start)
	.code64
2:	xor %eax, %eax
	xor %ecx, %ecx
	cpuid
	FINISH

text:	.ascii "comp"
	.balign 8
gdt:	.quad 0, 0
	.quad 0x00af9b000000ffff	/* SEL_CODE */
	.quad 0x00cf93000000ffff	/* SEL_DATA */
	.quad 0
	.quad 0x00cf9b000000ffff	/* SEL_CODE32 */
table_register gdtr, gdt, 48
