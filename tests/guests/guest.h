/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tiny guests share. A guest is one file of assembly, linked to a
 * flat image at IMAGE and entered at its first byte: in 64-bit mode with the
 * first 4 GiB mapped one to one, or as its .expect says. It checks by itself
 * what it can see, and ends through the debug-exit port: with 0, or with the
 * number of the source line that did not hold.
 */
#ifndef GUEST_H
#define GUEST_H

#include "trace/schema.h"

#define IMAGE		0x10000
#define PAGE		0x1000
/* Scratch device: registers that keep what is written, and a counter. */
#define SCRATCH		0xfeb00000

#define PORT_PIC	0x20
#define PORT_PIT	0x40
#define PORT_POST	0x80		/* no device: reads give ones */
#define PORT_EXIT	0xf4
#define PORT_SERIAL	0x3f8
#define PORT_MARK	VMMT_MARK_PORT

#ifdef __ASSEMBLER__

#define SEL_CODE	0x10		/* of the descriptor table the guest starts with */
#define SEL_DATA	0x18
#define VECTOR_TIMER	0x20

/* Ends the guest with this line's number unless the condition holds. */
#define EXPECT(cc)	j##cc 77f; mov $__LINE__, %eax; jmp fail; 77:
/* The end of the code: all is well. */
#define FINISH		xor %eax, %eax; fail: out %eax, $PORT_EXIT; cli; hlt
/* For handlers of what must not come. */
#define UNEXPECTED	mov $__LINE__, %eax; jmp fail

/* An interrupt gate of 64-bit mode, to a label of this image. */
.macro gate handler
	.word \handler - _start, SEL_CODE, 0x8e00, IMAGE >> 16
	.quad 0
.endm
.macro no_gates count
	.fill 2 * \count, 8, 0
.endm

/* A table that LIDT or LGDT loads in 64-bit mode. */
.macro table_register name, table, size
\name:	.word \size - 1
	.quad \table
.endm

/*
 * Touch the stack and the descriptor table, so that the delivery of an event
 * meets no nested page fault there. The exits: warm.expect.
 */
.macro warm
	sub $16, %rsp
	sgdt (%rsp)
	mov 2(%rsp), %rax
	mov (%rax), %al
	add $16, %rsp
.endm

/* Sets ZF on Intel's processors: what the vendors' extensions are called differs. Clobbers RAX to
 * RDX. The exit: intel.inc. */
.macro intel
	xor %eax, %eax
	xor %ecx, %ecx
	cpuid
	cmp $0x756e6547, %ebx		/* "Genu" */
.endm

/* Interrupt controller: vectors from VECTOR_TIMER, only the timer's line
 * open. The exits: pic.expect. */
.macro pic_init
	mov $0x11, %al			/* ICW1: edges, cascade, ICW4 follows */
	out %al, $PORT_PIC
	mov $VECTOR_TIMER, %al
	out %al, $PORT_PIC + 1
	mov $0x04, %al			/* ICW3: second chip on line 2 */
	out %al, $PORT_PIC + 1
	mov $0x01, %al			/* ICW4: 8086 */
	out %al, $PORT_PIC + 1
	mov $0xfe, %al
	out %al, $PORT_PIC + 1
.endm

/* One interrupt after the count in AX, in periods of 838 ns. Clobbers AX. */
.macro pit_once
	push %rax
	mov $0x30, %al			/* counter 0, both bytes, mode 0 */
	out %al, $PORT_PIT + 3
	pop %rax
	out %al, $PORT_PIT
	mov %ah, %al
	out %al, $PORT_PIT
.endm

.macro end_of_interrupt
	mov $0x20, %al
	out %al, $PORT_PIC
.endm

#endif /* __ASSEMBLER__ */
#endif /* GUEST_H */
