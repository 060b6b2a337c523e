/* SPDX-License-Identifier: GPL-2.0-only */
/* Control registers, read and written in the ways there are. */
#include "guest.h"

#define CR4_OSXSAVE	(1 << 18)
#define CR4_PGE		(1 << 7)

	.code64
	.globl _start
_start:
	mov %cr0, %rax
	mov %rax, %rbx
	or $8, %rax			/* TS */
	mov %rax, %cr0
	smsw %ecx
	test $8, %cl
	EXPECT(nz)
	clts
	mov %cr0, %rcx
	cmp %rbx, %rcx
	EXPECT(e)
	or $2, %bl			/* MP */
	lmsw %bx
	mov %cr0, %rcx
	cmp %rbx, %rcx
	EXPECT(e)

	mov $0x12345678, %eax
	mov %rax, %cr2
	mov %cr2, %rcx
	cmp %rax, %rcx
	EXPECT(e)
	mov %cr3, %rax
	mov %rax, %cr3
	mov %cr4, %rax
	or $CR4_PGE, %rax
	mov %rax, %cr4
	mov $7, %eax
	mov %rax, %cr8
	mov %cr8, %rcx
	cmp %rax, %rcx
	EXPECT(e)
	invlpg (%rsp)

	/* They outlast an exit, and CPUID shows OSXSAVE as CR4 has it. */
	mov $1, %eax
	xor %ecx, %ecx
	cpuid
	test $1 << 27, %ecx
	EXPECT(z)
	mov %cr4, %rax
	or $CR4_OSXSAVE, %rax
	mov %rax, %cr4
	mov $1, %eax
	cpuid
	test $1 << 27, %ecx
	EXPECT(nz)
	mov %cr8, %rcx
	cmp $7, %rcx
	EXPECT(e)
	mov %cr2, %rcx
	cmp $0x12345678, %rcx
	EXPECT(e)
	mov %cr0, %rcx
	test $2, %cl
	EXPECT(nz)
	FINISH
