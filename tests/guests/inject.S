/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes what inject.c injects, and tells it the vector and the error code.
 * A read from PORT_ASK is answered with what to do next.
 */
#include "guest.h"
#include "inject.h"

	.code64
	.globl _start

/* Every vector's own few bytes. Those with an error code: SDM table 6-1. */
#define HAS_ERROR(n) ((INJECT_WITH_ERROR >> (n)) & 1)

_start:
	warm
	lidt idtr(%rip)
	mov %rsp, %rbx
ask:	cmp %rsp, %rbx
	EXPECT(e)
	in $PORT_ASK, %al
	cmp $DO_AGAIN, %al
	je ask
	cmp $DO_OPEN, %al
	je open
	cmp $DO_ASK_OPEN, %al
	je ask_open
	FINISH

	/* Interrupts on for two instructions. */
open:	sti
	nop
	cli
	jmp ask
	/* Ask with interrupts on. */
ask_open:
	sti
	nop
	in $PORT_ASK, %al
	cli
	jmp ask

	.balign 16
stubs:
	.set n, 0
	.rept 33
	.if !(HAS_ERROR(n) && n < 32)
	push $0
	.endif
	push $(n + (INJECT_INTR - 32) * (n / 32))
	jmp common
	.balign 16
	.set n, n + 1
	.endr

	/* No handler comes within another: an NMI waits for the IRET of the one before. */
common:	push %rax
	incl depth(%rip)
	cmpl $1, depth(%rip)
	EXPECT(e)
	mov 8(%rsp), %eax
	out %eax, $PORT_VECTOR
	mov 16(%rsp), %eax
	out %eax, $PORT_ERROR
	decl depth(%rip)
	pop %rax
	add $16, %rsp
	iretq

depth:	.long 0

.macro stub_gate n
	.word stubs - _start + 16 * \n, SEL_CODE, 0x8e00, IMAGE >> 16
	.quad 0
.endm
	.balign 16
idt:
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	stub_gate \n
	.endr
	no_gates (INJECT_INTR - 32)
	stub_gate 32
table_register idtr, idt, ((INJECT_INTR + 1) * 16)
