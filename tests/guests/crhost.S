/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bits of CR0 and CR4 that are not the guest's alone everywhere: writes that
 * change them do all else that the same write asks for, PAE paging and IA-32e
 * mode included, and reads show what was written.
 */
#include "guest.h"

#define HIGH	0xc0000000		/* this image's first page, with PAE */
#define OFFSET(label) (label - _start)
#define ADDR(label) (IMAGE + OFFSET(label))
#define CR0_PLAIN	0x00000031	/* NE, ET, PE */
#define CR0_NE	0x00000020
#define CR0_CD	0x40000000
#define CR0_PG	0x80000000
#define CR4_PAE	0x20
#define CR4_MCE	0x40
#define EFER	0xc0000080
#define EFER_LME	0x100
#define EFER_LMA	0x400
#define P_RW	3
#define P_LARGE	0x83

	.code32
	.globl _start

.macro cr0 value
	mov $(\value), %eax
	mov %eax, %cr0
	mov %cr0, %ecx
	cmp %eax, %ecx
	EXPECT(e)
.endm
.macro cr4 value
	mov $(\value), %eax
	mov %eax, %cr4
	mov %cr4, %ecx
	cmp %eax, %ecx
	EXPECT(e)
.endm
.macro efer_is value
	mov $EFER, %ecx
	rdmsr
	cmp $(\value), %eax
	EXPECT(e)
.endm

_start:
	cr0 CR0_PLAIN
	cr0 CR0_PLAIN | CR0_CD
	cr0 CR0_PLAIN
	cr0 CR0_PLAIN & ~CR0_NE
	cr4 CR4_MCE
	cr4 0

	/* PAE paging and NE at once; then NE again, the tables staying. */
	mov $ADDR(pdpt), %eax
	mov %eax, %cr3
	cr4 CR4_PAE | CR4_MCE
	cr0 CR0_PLAIN | CR0_PG
	mov $HIGH + OFFSET(high), %eax
	call *%eax
	cr0 (CR0_PLAIN & ~CR0_NE) | CR0_PG
	cr4 CR4_PAE
	mov $HIGH + OFFSET(high), %eax
	call *%eax
	cr0 CR0_PLAIN

	/* To IA-32e mode and back. */
	mov $ADDR(pml4), %eax
	mov %eax, %cr3
	mov $EFER, %ecx
	mov $EFER_LME, %eax
	xor %edx, %edx
	wrmsr
	cr0 (CR0_PLAIN & ~CR0_NE) | CR0_PG
	efer_is EFER_LME | EFER_LMA
	cr0 CR0_PLAIN
	efer_is EFER_LME
	FINISH

	.org 0x200
high:	call 1f				/* RIP is what only these tables map */
1:	pop %eax
	cmp $HIGH + OFFSET(1b), %eax
	EXPECT(e)
	ret

	.org PAGE
pdpt:	.quad ADDR(pd0) + 1
	.quad 0, 0
	.quad ADDR(pd3) + 1		/* HIGH */
	.org 2 * PAGE
pd0:	.quad P_LARGE
	.org 3 * PAGE
pd3:	.quad ADDR(pt3) + P_RW
	.org 4 * PAGE
pt3:	.quad IMAGE + P_RW
	.org 5 * PAGE
pml4:	.quad ADDR(pdpt4) + P_RW
	.org 6 * PAGE
pdpt4:	.quad ADDR(pd0) + P_RW
	.org 7 * PAGE
