/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Image loaders: put a guest's program into its memory and say with which
 * registers its first vCPU starts. Images are hostile input: every offset and
 * length in them is checked before use.
 *
 * All return 0 or a negative errno with a one-line message in msg that names
 * the file, what is wrong and what to do.
 */
#ifndef MACHINE_BOOT_H
#define MACHINE_BOOT_H

#include "memory.h"

/* Numbered as the processor encodes them. */
enum boot_gpr {
	BOOT_RAX, BOOT_RCX, BOOT_RDX, BOOT_RBX, BOOT_RSP, BOOT_RBP, BOOT_RSI, BOOT_RDI,
	BOOT_R8, BOOT_R15 = 15, BOOT_NGPR,
};
enum boot_seg {
	BOOT_ES, BOOT_CS, BOOT_SS, BOOT_DS, BOOT_FS, BOOT_GS, BOOT_LDTR, BOOT_TR, BOOT_NSEG,
};

/* ar: access rights in VMX format (Intel SDM volume 3, table 24-2): type, S,
 * DPL, P in bits 0-7; AVL, L, D, G in bits 12-15; bit 16 unusable. */
struct boot_segment {
	uint16_t selector;
	uint32_t limit, ar;
	uint64_t base;
};

struct boot_table {
	uint64_t base;
	uint16_t limit;
};

struct boot_state {
	uint64_t gpr[BOOT_NGPR];
	uint64_t rip, rflags;
	uint64_t cr0, cr3, cr4, efer;
	struct boot_segment seg[BOOT_NSEG];
	struct boot_table gdtr, idtr;
};

/* State in which a program starts. */
enum boot_mode {
	BOOT_REAL16,	/* real mode; CS base so that CS:IP is the address */
	BOOT_FLAT32,	/* protected mode, flat 4 GiB segments, no paging */
	BOOT_FLAT64,	/* 64-bit mode, first 4 GiB mapped one to one */
};

/* Linux bzImage by the 64-bit boot protocol (2.12 and later). initrd and
 * cmdline may be NULL. */
int boot_bzimage(struct guest_memory *mem, const char *kernel, const char *initrd,
		 const char *cmdline, struct boot_state *ret, char msg[MACHINE_MSG]);

/* Multiboot 1 image (ELF, or addresses in its header), with modules: each a
 * file name, from the first blank on its command line. */
int boot_multiboot(struct guest_memory *mem, const char *kernel, const char *cmdline,
		   const char *const *modules, unsigned nmodules, struct boot_state *ret,
		   char msg[MACHINE_MSG]);

/* A raw file at gpa, entered at its first byte. */
int boot_flat(struct guest_memory *mem, const char *file, uint64_t gpa, enum boot_mode mode,
	      struct boot_state *ret, char msg[MACHINE_MSG]);

/* Fill the state for mode, entered at entry, with a stack of one page; what it
 * needs in memory (descriptor table, page tables, stack) goes below 640 KiB.
 * -ENOMEM if there is no room; what names the image for the message. */
int boot_enter(struct guest_memory *mem, enum boot_mode mode, uint64_t entry, const char *what,
	       struct boot_state *ret, char msg[MACHINE_MSG]);

#endif /* MACHINE_BOOT_H */
