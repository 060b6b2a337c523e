/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls: there are none, so #UD, both vendors' instructions. */
#include "guest.h"

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	mov $5, %eax
	vmmcall
	decl nfaults(%rip)
	EXPECT(z)
	mov $0x1122334455667788, %rax
	vmmcall
	decl nfaults(%rip)
	EXPECT(z)
	mov $7, %eax
	vmcall
	decl nfaults(%rip)
	EXPECT(z)
	FINISH

ud:	incl nfaults(%rip)
	addq $3, (%rsp)
	iretq

nfaults: .long 0
	.balign 16
idt:	no_gates 6
	gate ud
table_register idtr, idt, (7 * 16)
