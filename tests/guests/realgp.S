/* SPDX-License-Identifier: GPL-2.0-only */
/* Real mode: the #GP of an RDMSR that is refused comes without an error code. */
#include "guest.h"

#define VECTOR_GP 13

	.code16
	.globl _start
_start:
	push %ax			/* touch the stack first: see softint.S */
	pop %ax
	xor %ax, %ax
	mov %ax, %ds
	movw $gp - _start, %ds:VECTOR_GP * 4
	mov %cs, %ds:VECTOR_GP * 4 + 2
	mov %sp, %bp
	mov $0x1234, %ecx
	rdmsr
behind:	cmp %sp, %bp
	EXPECT(e)
	FINISH

gp:	pop %ax				/* IP, CS and flags are all there is */
	cmp $behind - 2 - _start, %ax
	EXPECT(e)
	push $behind - _start
	iret
