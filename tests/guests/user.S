/* SPDX-License-Identifier: GPL-2.0-only */
/* Privilege level 3: CPUID, and OUT where IOPL allows it. */
#include "guest.h"

#define SEL_CODE0	0x10
#define SEL_DATA3	0x2b
#define SEL_CODE3	0x33
#define P_RW_USER	7
#define EFER		0xc0000080
#define STAR		0xc0000081
#define LSTAR		0xc0000082
#define OFFSET(label)	(label - _start)
#define ADDR(label)	(IMAGE + OFFSET(label))

	.code64
	.globl _start
_start:
	warm
	lgdt gdtr(%rip)
	mov $ADDR(pml4), %eax
	mov %rax, %cr3
	mov $EFER, %ecx
	mov $0x501, %eax		/* SCE */
	xor %edx, %edx
	wrmsr
	mov $STAR, %ecx
	xor %eax, %eax
	mov $SEL_CODE0, %edx
	wrmsr
	mov $LSTAR, %ecx
	mov $ADDR(kernel), %eax
	xor %edx, %edx
	wrmsr
	mov %rsp, %rbp
	push $SEL_DATA3
	push %rbp
	push $0x3002			/* IOPL 3 */
	push $SEL_CODE3
	lea user(%rip), %rax
	push %rax
	iretq

user:	xor %eax, %eax
	xor %ecx, %ecx
	.byte 0x48
	cpuid
	mov $0x3333, %eax
	out %eax, $PORT_POST
	movb $1, 0x20000		/* a nested fault */
	syscall
kernel:	FINISH

	.balign 8
gdt:	.quad 0, 0
	.quad 0x00af9b000000ffff	/* SEL_CODE0 */
	.quad 0x00cf93000000ffff
	.quad 0
	.quad 0x00cff3000000ffff	/* SEL_DATA3 */
	.quad 0x00affb000000ffff	/* SEL_CODE3 */
table_register gdtr, gdt, 56
	.org PAGE
pml4:	.quad ADDR(pdpt) + P_RW_USER
	.org 2 * PAGE
pdpt:	.quad ADDR(pd) + P_RW_USER
	.org 3 * PAGE
pd:	.quad 0x80 + P_RW_USER		/* 2 MiB from 0 */
	.org 4 * PAGE
