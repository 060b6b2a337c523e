/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of control registers that a processor refuses, or this one. */
#include "guest.h"

#define CR0_NW	(1 << 29)
#define CR4_VMXE	(1 << 13)

	.code64
	.globl _start

/* A refused write: #GP, and the register is as before. */
.macro refused register, bits
	mov %\register, %r12
	lea 1f(%rip), %rbx
	mov %r12, %rax
	or $(\bits), %rax
	mov %rax, %\register
1:	decl nfaults(%rip)
	EXPECT(z)
	mov %\register, %rax
	cmp %r12, %rax
	EXPECT(e)
.endm

_start:
	warm
	lidt idtr(%rip)
	refused cr0, CR0_NW		/* without CD */
	refused cr4, CR4_VMXE
	FINISH

gp:	add $8, %rsp
	incl nfaults(%rip)
	mov %rbx, (%rsp)
	iretq

nfaults: .long 0
	.balign 16
idt:	no_gates 13
	gate gp
table_register idtr, idt, (14 * 16)
