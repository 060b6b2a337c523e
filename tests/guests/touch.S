/* SPDX-License-Identifier: GPL-2.0-only */
/* The first touch of a 4 KiB page exits; no later one does. */
#include "guest.h"

#define READ_FIRST	0x20000
#define WRITE_FIRST	0x60000
#define PAGES		64

	.code64
	.globl _start

/* Run an instruction for each of the pages from RBX. */
.macro each_page insn:vararg
	mov $PAGES, %ecx
	mov %ebx, %edi
1:	\insn
	add $PAGE, %edi
	dec %ecx
	jnz 1b
.endm

_start:
	mov $READ_FIRST, %ebx
	xor %eax, %eax
	each_page or 0x123(%rdi), %al	/* memory starts as zeros */
	test %al, %al
	EXPECT(z)
	mov $WRITE_FIRST, %ebx
	each_page movb $0x5a, 0x456(%rdi)

	/* Again, and the other way round. */
	mov $READ_FIRST, %ebx
	each_page movb $0xa5, 0xfff(%rdi)
	mov $WRITE_FIRST, %ebx
	xor %eax, %eax
	each_page or 0x456(%rdi), %al
	cmp $0x5a, %al
	EXPECT(e)

	/* Code: four functions, each on a page of its own; twice. */
	mov $2, %ebp
2:	call code1
	call code2
	call code3
	call code4
	dec %ebp
	jnz 2b
	/* An instruction of which the first half is there already. */
	call split
	FINISH

	.irp n, 1, 2, 3, 4
	.org _start + \n * PAGE
code\n:	ret
	.endr
	.org _start + 5 * PAGE - 2
split:	mov $0, %eax
	ret
