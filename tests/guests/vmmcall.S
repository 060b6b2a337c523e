/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls: there are none, so #UD. The processor's own instruction exits; the other vendor's is
 * undefined to it. */
#include "guest.h"

.macro undefined insn
	\insn
	decl nfaults(%rip)
	EXPECT(z)
.endm
.macro calls own other
	mov $5, %eax
	undefined \own
	mov $0x1122334455667788, %rax
	undefined \own
	undefined \other
.endm

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	intel
	jz 1f
	calls vmmcall vmcall
	jmp 2f
1:	calls vmcall vmmcall
2:	FINISH

ud:	incl nfaults(%rip)
	addq $3, (%rsp)
	iretq

nfaults: .long 0
	.balign 16
idt:	no_gates 6
	gate ud
table_register idtr, idt, (7 * 16)
