/* SPDX-License-Identifier: GPL-2.0-only */
/* A hardware task switch, which no guest of today asks for. */
#include "guest.h"

#define ADDR(label) (IMAGE + (label - _start))
#define TSS_AR		0x89		/* present, available, 32 bits */

	.code32
	.globl _start
_start:
	lgdt gdtr - _start + IMAGE
	mov $8, %ax
	ltr %ax
	ljmp $16, $0
	FINISH

.macro tss label
	.word 0x67, \label - _start
	.byte IMAGE >> 16, TSS_AR, 0, 0
.endm
	.balign 8
gdt:	.quad 0
	tss old
	tss new
gdtr:	.word 3 * 8 - 1
	.long ADDR(gdt)
	.balign 16
old:	.fill 0x68, 1, 0
	.balign 16
new:	.fill 0x68, 1, 0
