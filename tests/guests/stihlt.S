/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * STI;HLT never loses a wake-up: an interrupt that is pending at the STI is
 * taken after the HLT began, not between the two. The interrupt comes at a
 * different time in every round: before the STI, about at it, and after the
 * HLT. Taken too early, the HLT sleeps for ever; then the run times out.
 */
#include "guest.h"

#define ROUNDS 400

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	pic_init
	xor %ebp, %ebp
1:	imul $37, %ebp, %eax		/* timer: 1 to 512 periods */
	and $511, %eax
	inc %eax
	pit_once
	imul $4091, %ebp, %ecx		/* and a pause in the guest */
	and $0x1ffff, %ecx
	inc %ecx
2:	dec %ecx
	jnz 2b
	sti
	hlt
awake:	cli
	subl $1, ticks(%rip)
	EXPECT(z)
	inc %ebp
	cmp $ROUNDS, %ebp
	jne 1b
	FINISH

timer:	lea awake(%rip), %rax
	cmp %rax, (%rsp)
	EXPECT(e)
	incl ticks(%rip)
	end_of_interrupt
	iretq

ticks:	.long 0
	.balign 16
idt:	no_gates VECTOR_TIMER
	gate timer
table_register idtr, idt, ((VECTOR_TIMER + 1) * 16)
