/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks: 32 bits to the marker port, which the module takes by itself. */
#include "guest.h"

	.code64
	.globl _start
_start:
	mov $PORT_MARK, %edx
	mov $0x1000, %eax
1:	out %eax, %dx
	inc %eax
	cmp $0x1000 + 100, %eax
	jne 1b
	mov $0xffffffff, %eax
	out %eax, %dx
	in %dx, %eax			/* a read is no mark */
	cmp $-1, %eax
	EXPECT(e)
	FINISH
