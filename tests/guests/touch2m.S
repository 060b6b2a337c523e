/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first touch of 2 MiB maps all of it at once; where a range of memory
 * does not cover 2 MiB, 4 KiB.
 */
#include "guest.h"

#define MIB2	0x200000

	.code64
	.globl _start
_start:
	mov $MIB2, %edi
	mov $7, %ecx			/* up to 16 MiB */
1:	mov 0x1234(%rdi), %al
	movb $1, (%rdi)
	movb $1, MIB2 - 1(%rdi)
	add $MIB2, %edi
	dec %ecx
	jnz 1b
	movb $1, 0x100000		/* this range begins at 1 MiB */
	movb $1, 0x101000
	movb $1, 0x100fff
	FINISH
