/* SPDX-License-Identifier: GPL-2.0-only */
/* The state in which an image is entered. */
#include "boot.h"

#include <errno.h>
#include <string.h>

#include "image.h"

#define CR0_PE		0x00000001
#define CR0_ET		0x00000010
#define CR0_PG		0x80000000
#define CR4_PAE		0x20
#define EFER_LME	0x100
#define EFER_LMA	0x400
#define RFLAGS_ONE	0x2

/* Access rights; all accessed, which VM entry demands of code. */
#define AR_CODE16	0x009b
#define AR_DATA16	0x0093
#define AR_CODE32	0xc09b
#define AR_DATA32	0xc093
#define AR_CODE64	0xa09b
#define AR_TSS		0x008b
#define AR_UNUSABLE	0x10000

/* The descriptor table: the selectors that Linux' boot protocol asks for. */
#define SEL_CODE	0x10
#define SEL_DATA	0x18
#define SEL_TSS		0x20
#define GDT_SIZE	0x30
#define TSS_LIMIT	0x67

#define PTE_P_RW	0x3
#define PTE_2M		0x80
#define MAPPED_GIB	4

static struct boot_segment flat(uint16_t selector, uint32_t ar)
{
	return (struct boot_segment){ .selector = selector, .limit = UINT32_MAX, .ar = ar };
}

/* The 8-byte descriptor of a segment with base 0 (SDM volume 3, 3.4.5). */
static uint64_t descriptor(uint32_t ar, uint32_t limit)
{
	if (ar & 0x8000)
		limit >>= 12;
	return (limit & 0xffff) | (uint64_t)(ar & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(ar >> 12 & 0xf) << 52;
}

static void set_segments(struct boot_state *s, uint32_t code_ar)
{
	unsigned i;

	for (i = BOOT_ES; i <= BOOT_GS; i++)
		s->seg[i] = flat(SEL_DATA, AR_DATA32);
	s->seg[BOOT_CS] = flat(SEL_CODE, code_ar);
	s->seg[BOOT_TR] = (struct boot_segment){
		.selector = SEL_TSS, .limit = TSS_LIMIT, .ar = AR_TSS };
}

static void set_real_segments(struct boot_state *s, uint64_t entry)
{
	unsigned i;

	for (i = BOOT_ES; i <= BOOT_GS; i++)
		s->seg[i] = (struct boot_segment){ .limit = 0xffff, .ar = AR_DATA16 };
	s->seg[BOOT_CS] = (struct boot_segment){
		.selector = entry >> 4, .limit = 0xffff, .ar = AR_CODE16,
		.base = entry & ~0xfull };
	s->seg[BOOT_TR] = (struct boot_segment){ .limit = 0xffff, .ar = AR_TSS };
	s->rip = entry & 0xf;
	s->idtr = (struct boot_table){ .base = 0, .limit = 0x3ff };
}

static void write_gdt(struct guest_memory *mem, uint64_t gpa, uint32_t code_ar)
{
	uint8_t *gdt = guest_ptr(mem, gpa, GDT_SIZE);

	memset(gdt, 0, GDT_SIZE);
	put64(gdt + SEL_CODE, descriptor(code_ar, UINT32_MAX));
	put64(gdt + SEL_DATA, descriptor(AR_DATA32, UINT32_MAX));
	put64(gdt + SEL_TSS, descriptor(AR_TSS, TSS_LIMIT));
}

/* One PML4, one PDPT, and a page directory for each GiB. */
static void write_page_tables(struct guest_memory *mem, uint64_t gpa)
{
	uint8_t *t = guest_ptr(mem, gpa, (2 + MAPPED_GIB) * MACHINE_PAGE);
	uint64_t i;

	memset(t, 0, 2 * MACHINE_PAGE);
	put64(t, (gpa + MACHINE_PAGE) | PTE_P_RW);
	for (i = 0; i < MAPPED_GIB; i++)
		put64(t + MACHINE_PAGE + 8 * i, (gpa + (2 + i) * MACHINE_PAGE) | PTE_P_RW);
	for (i = 0; i < MAPPED_GIB * 512; i++)
		put64(t + 2 * MACHINE_PAGE + 8 * i, i << 21 | PTE_P_RW | PTE_2M);
}

static int place(struct guest_memory *mem, uint64_t pages, const char *what, uint64_t *ret_gpa,
		 char msg[MACHINE_MSG])
{
	if (!guest_place(mem, pages * MACHINE_PAGE, MACHINE_PAGE, 0, MACHINE_LOW_END, ret_gpa))
		return 0;
	return boot_fail(msg, -ENOMEM, "%s: leaves no %llu KiB below 640 KiB for boot data; "
			 "load it elsewhere or give the guest more memory", what,
			 (unsigned long long)(pages * MACHINE_PAGE >> 10));
}

int boot_enter(struct guest_memory *mem, enum boot_mode mode, uint64_t entry, const char *what,
	       struct boot_state *ret, char msg[MACHINE_MSG])
{
	struct boot_state s = { .rip = entry, .rflags = RFLAGS_ONE, .cr0 = CR0_ET };
	uint64_t stack, gdt, tables;
	uint32_t code_ar = mode == BOOT_FLAT64 ? AR_CODE64 : AR_CODE32;
	int err;

	s.seg[BOOT_LDTR].ar = AR_UNUSABLE;
	err = place(mem, 1, what, &stack, msg);
	if (err)
		return err;
	s.gpr[BOOT_RSP] = stack + MACHINE_PAGE;
	if (mode == BOOT_REAL16) {
		/* SP is 16 bits wide: a stack further up gets a base of its own. */
		set_real_segments(&s, entry);
		s.seg[BOOT_SS].base = stack;
		s.seg[BOOT_SS].selector = stack >> 4;
		s.gpr[BOOT_RSP] = MACHINE_PAGE;
		goto done;
	}
	err = place(mem, 1, what, &gdt, msg);
	if (err)
		return err;
	write_gdt(mem, gdt, code_ar);
	set_segments(&s, code_ar);
	s.gdtr = (struct boot_table){ .base = gdt, .limit = GDT_SIZE - 1 };
	s.cr0 |= CR0_PE;
	if (mode == BOOT_FLAT64) {
		err = place(mem, 2 + MAPPED_GIB, what, &tables, msg);
		if (err)
			return err;
		write_page_tables(mem, tables);
		s.cr0 |= CR0_PG;
		s.cr3 = tables;
		s.cr4 = CR4_PAE;
		s.efer = EFER_LME | EFER_LMA;
	}
done:
	*ret = s;
	return 0;
}
