/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one emulator does not exit for: INVD; INT1, which traps behind itself.
 */
#include "guest.h"

	.code64
	.globl _start
_start:
	warm
	lidt idtr(%rip)
	invd				/* does nothing */
	.byte 0x66
	invd
	.byte 0xf1
behind:	decl ntraps(%rip)
	EXPECT(z)
	FINISH

db:	lea behind(%rip), %rax
	cmp %rax, (%rsp)
	EXPECT(e)
	incl ntraps(%rip)
	iretq

ntraps: .long 0
	.balign 16
idt:	no_gates 1
	gate db
table_register idtr, idt, (2 * 16)
