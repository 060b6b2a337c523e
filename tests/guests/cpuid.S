/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID: a thousand times, with a subleaf, and of the hypervisor. */
#include "guest.h"

	.code64
	.globl _start
_start:
	mov $1000, %ebp
1:	xor %eax, %eax
	xor %ecx, %ecx
	cpuid
	dec %ebp
	jnz 1b

	/* It writes 32 bits of four registers, which clears the others. */
	mov $-1, %rbx
	mov $-1, %rdx
	mov $0xffffffff00000000, %rax
	mov $0xffffffff00000005, %rcx
	cpuid
	mov %rax, %rsi
	or %rbx, %rsi
	or %rcx, %rsi
	or %rdx, %rsi
	shr $32, %rsi
	EXPECT(z)

	mov $0xd, %eax
	mov $1, %ecx
	cpuid

	mov $0x40000000, %eax
	xor %ecx, %ecx
	cpuid
	cmp $0x6e65704f, %ebx		/* "Open" */
	EXPECT(e)
	cmp $0x56445342, %ecx		/* "BSDV" */
	EXPECT(e)
	cmp $0x38354d4d, %edx		/* "MM58" */
	EXPECT(e)
	FINISH
