/* SPDX-License-Identifier: GPL-2.0-only */
/* RDTSCP: CPUID says that there is none, so #UD. */
#include "guest.h"

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	rdtscp
	decl nundefined(%rip)
	EXPECT(z)
	FINISH

ud:	incl nundefined(%rip)
	addq $3, (%rsp)
	iretq

nundefined: .long 0
	.balign 16
idt:	no_gates 6
	gate ud
table_register idtr, idt, (7 * 16)
