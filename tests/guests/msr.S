/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers: known and unknown ones, those that do not exit,
 * and values that a processor refuses.
 */
#include "guest.h"

#define EFER	0xc0000080
#define PAT	0x277

	.code64
	.globl _start

/* Read into RAX. */
.macro read index
	mov $\index, %ecx
	rdmsr
	shl $32, %rdx
	or %rdx, %rax
.endm

.macro write index, value
	mov $\index, %ecx
	mov $(\value) >> 32, %edx
	mov $(\value) & 0xffffffff, %eax
	wrmsr
.endm

/* The access must fault; the handler counts, and goes on behind it. */
.macro faults
	decl nfaults(%rip)
	EXPECT(z)
.endm

_start:
	warm
	lidt idtr(%rip)

	/* Known ones. SVME in EFER is none of the guest's business. */
	read EFER
	cmp $0x500, %rax
	EXPECT(e)
	read PAT
	mov $0x0007040600070406, %rbx
	cmp %rbx, %rax
	EXPECT(e)
	read 0x8b			/* microcode revision */
	test %rax, %rax
	EXPECT(z)

	/* One that nobody has: a read faults, a write is discarded. */
	read 0x1234
	faults
	write 0x1234, 0x1122334455667788
	cmpl $0, nfaults(%rip)
	EXPECT(e)
	read 0x1b			/* there is no APIC */
	faults

	/* What was written is read again. */
	write EFER, 0xd00		/* NXE */
	read EFER
	cmp $0xd00, %rax
	EXPECT(e)
	write PAT, 0x0007010600070106
	read PAT
	mov $0x0007010600070106, %rbx
	cmp %rbx, %rax
	EXPECT(e)

	/* A reserved bit, LME with paging on, a memory type there is not. */
	write EFER, 0x80500
	faults
	write EFER, 0x400
	faults
	write PAT, 0x0007040600070402
	faults

	/* These do not exit, and outlast an exit. */
	.irp index, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102, 0x175, 0x176
	write \index, 0x7654300000 + \index
	.endr
	write 0x174, 0x18
	write 0xc0000084, 0x47700
	xor %eax, %eax
	cpuid
	.irp index, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102, 0x175, 0x176
	read \index
	mov $0x7654300000 + \index, %rbx
	cmp %rbx, %rax
	EXPECT(e)
	.endr
	read 0x174
	cmp $0x18, %rax
	EXPECT(e)
	read 0xc0000084
	cmp $0x47700, %rax
	EXPECT(e)
	read 0x10			/* TSC */
	cmpl $0, nfaults(%rip)
	EXPECT(e)
	FINISH

gp:	cmpq $0, (%rsp)
	EXPECT(e)
	add $8, %rsp
	incl nfaults(%rip)
	addq $2, (%rsp)
	iretq

nfaults:	.long 0
	.balign 16
idt:	no_gates 13
	gate gp
table_register idtr, idt, (14 * 16)
