/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 32-bit protected mode: without paging, with 32-bit paging (4 KiB and 4 MiB
 * pages), with PAE (4 KiB and 2 MiB). Code runs where linear and physical
 * addresses differ, so that one who mistakes the two reads other bytes.
 */
#include "guest.h"

#define HIGH	0xc0000000		/* 4 KiB pages: this image's first */
#define LARGE	0x80000000		/* a large page from 0 */
#define OFFSET(label) (label - _start)
#define ADDR(label) (IMAGE + OFFSET(label))
#define CR0_PG	0x80000000
#define P_RW	3
#define P_LARGE	0x83

	.code32
	.globl _start

/* Run the exits below once at HIGH and once through the large page. */
.macro at base
	mov $\base + OFFSET(exits), %eax
	call *%eax
.endm

_start:
	call exits
	mov $ADDR(pd), %eax
	mov %eax, %cr3
	mov $0x10, %eax			/* PSE */
	mov %eax, %cr4
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	at HIGH
	at LARGE + IMAGE
	mov %cr0, %eax
	and $~CR0_PG, %eax
	mov %eax, %cr0

	mov $ADDR(pdpt), %eax
	mov %eax, %cr3
	mov $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	at HIGH
	at LARGE + IMAGE
	FINISH

	.org 0x100
exits:	xor %eax, %eax
	xor %ecx, %ecx
	.byte 0x66
	cpuid
	mov $0x11223344, %eax
	out %eax, $PORT_POST
	mov $PORT_POST, %edx
	call 1f				/* a string that lies in this page */
1:	pop %esi
	add $text - 1b, %esi
	mov $4, %ecx
	cld
	rep outsb
	ret
text:	.ascii "prot"

	.org PAGE
	/* 32-bit paging: the first 4 MiB, the large page, and the table. */
pd:	.long P_LARGE
	.org pd - _start + (LARGE >> 22) * 4
	.long P_LARGE
	.org pd - _start + (HIGH >> 22) * 4
	.long ADDR(pt) + P_RW
	.org 2 * PAGE
pt:	.long IMAGE + P_RW

	.org 3 * PAGE
pdpt:	.quad ADDR(pd0) + 1
	.quad 0
	.quad ADDR(pd0) + 1		/* LARGE */
	.quad ADDR(pd3) + 1		/* HIGH */
	.org 4 * PAGE
pd0:	.quad P_LARGE
	.org 5 * PAGE
pd3:	.quad ADDR(pt3) + P_RW
	.org 6 * PAGE
pt3:	.quad IMAGE + P_RW
	.org 7 * PAGE
