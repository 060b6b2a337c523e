/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual-8086 mode: CPUID there, and the way back through #GP. */
#include "guest.h"

#define OFFSET(label) (label - _start)
#define ADDR(label) (IMAGE + OFFSET(label))
#define SEL_TSS	0x20

	.code32
	.globl _start
_start:
	lgdt ADDR(gdtr)
	lidt ADDR(idtr)
	mov $SEL_TSS, %ax
	ltr %ax
	movl %esp, ADDR(tss) + 4	/* ESP0, SS0: the way back */
	movl $SEL_DATA, ADDR(tss) + 8
	pushl $0			/* GS, FS, DS, ES */
	pushl $0
	pushl $0
	pushl $0
	pushl $IMAGE >> 4		/* SS, ESP */
	pushl $0xff0
	pushl $0x20002			/* VM */
	pushl $IMAGE >> 4		/* CS, EIP */
	pushl $OFFSET(vm86)
	iret

	.code16
vm86:	xor %eax, %eax
	xor %ecx, %ecx
	.byte 0x66
	cpuid
	hlt				/* privileged: #GP, no exit */

	.code32
gp:	cmpl $0, (%esp)
	EXPECT(e)
	cmpl $OFFSET(gp) - 1, 4(%esp)
	EXPECT(e)
	cmpl $IMAGE >> 4, 8(%esp)
	EXPECT(e)
	FINISH

	.balign 8
gdt:	.quad 0, 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
	.word 0x67, OFFSET(tss), 0x8901, 0
gdtr:	.word 39
	.long ADDR(gdt)
	.balign 8
tss:	.fill 0x68
	.balign 8
idt:	.fill 13, 8, 0
	.word OFFSET(gp), SEL_CODE, 0x8e00, 1
idtr:	.word 14 * 8 - 1
	.long ADDR(idt)
