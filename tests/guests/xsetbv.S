/* SPDX-License-Identifier: GPL-2.0-only */
/* XSETBV: values that may be, and those that fault. */
#include "guest.h"

#define CR4_OSXSAVE	(1 << 18)

	.code64
	.globl _start

.macro set index, value
	mov $\index, %ecx
	mov $(\value) & 0xffffffff, %eax
	mov $(\value) >> 32, %edx
	xsetbv
.endm
.macro valid value
	set 0, \value
	xor %ecx, %ecx
	xgetbv
	cmp $\value, %eax
	EXPECT(e)
.endm
.macro invalid index, value
	set \index, \value
	decl nfaults(%rip)
	EXPECT(z)
.endm

_start:
	warm
	lidt idtr(%rip)
	set 0, 1			/* without CR4.OSXSAVE: #UD, no exit */
	decl nundefined(%rip)
	EXPECT(z)
	mov %cr4, %rax
	or $CR4_OSXSAVE, %rax
	mov %rax, %cr4

	valid 1				/* x87 */
	valid 3				/* and SSE */
	mov $0xd, %eax
	xor %ecx, %ecx
	cpuid				/* the size of what is enabled */
	cmp $576, %ebx
	EXPECT(e)
	test $4, %al			/* what may be enabled: AVX, on the hosts we test */
	EXPECT(nz)
	valid 7
	mov $0xd, %eax
	xor %ecx, %ecx
	cpuid
	cmp $832, %ebx
	EXPECT(e)

	invalid 0, 0			/* x87 must be on */
	invalid 0, 2
	invalid 0, 5			/* AVX without SSE */
	invalid 0, 0x8000000000000001
	invalid 1, 1			/* no such register */
	xor %ecx, %ecx
	xgetbv
	cmp $7, %eax
	EXPECT(e)
	FINISH

ud:	incl nundefined(%rip)
	addq $3, (%rsp)
	iretq
gp:	add $8, %rsp
	incl nfaults(%rip)
	addq $3, (%rsp)
	iretq

nfaults: .long 0
nundefined: .long 0
	.balign 16
idt:	no_gates 6
	gate ud
	no_gates 6
	gate gp
table_register idtr, idt, (14 * 16)
