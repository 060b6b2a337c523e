/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that a guest does not get: of the virtualization extension,
 * MONITOR and MWAIT, RDPMC.
 */
#include "guest.h"

	.code64
	.globl _start

.macro undefined insn:vararg
	mov $0x20000, %eax
	xor %ecx, %ecx
	xor %edx, %edx
	lea 1f(%rip), %rbx
	\insn
1:	decl nundefined(%rip)
	EXPECT(z)
.endm

_start:
	warm
	lidt idtr(%rip)
	intel
	jz 3f
	.irp insn, vmrun, vmload, vmsave, stgi, clgi, skinit, invlpga
	undefined \insn
	.endr
	jmp 4f
3:	undefined vmclear (%rsp)
	undefined vmptrld (%rsp)
	undefined vmptrst (%rsp)
	undefined vmread %rdx, %rcx
	undefined vmwrite %rcx, %rdx
	undefined vmlaunch
	undefined vmresume
4:	undefined monitor
	undefined mwait

	xor %ecx, %ecx
	lea 2f(%rip), %rbx
	rdpmc
2:	decl nfaults(%rip)
	EXPECT(z)
	FINISH

	/* RBX is where to go on. */
gp:	add $8, %rsp
	incl nfaults(%rip)
	mov %rbx, (%rsp)
	iretq
ud:	incl nundefined(%rip)
	mov %rbx, (%rsp)
	iretq

nfaults: .long 0
nundefined: .long 0
	.balign 16
idt:	no_gates 6
	gate ud
	no_gates 6
	gate gp
table_register idtr, idt, (14 * 16)
