// SPDX-License-Identifier: GPL-2.0-only
/* What guests start with: registers, page tables, code. */
#include <cpuid.h>
#include <string.h>

#include "fuzz.h"

/* What lies where, of each part; interrupts in real mode come by way of address 0. */
#define GDT 0x400
#define IDT_32 0x800
#define IDT_64 0x1000
#define TABLES 0x2000
#define STACK 0x7000
#define CODE_16 (1 * 8)			/* selectors */
#define CODE_32 (2 * 8)
#define CODE_64 (3 * 8)
#define DATA (4 * 8)
#define EFER_LME 0x100
#define CR4_PAE 0x20
#define DR7_NONE 0x400
#define NOP 0x90
#define TSS_AVAILABLE 0x89
#define TSS_BUSY 0x8b

static void set_table(struct vcpu_segment_info *table, uint64_t base, uint32_t size)
{
	table->vsi_base = base;
	table->vsi_limit = size - 1;
}

static void set_segments(struct vcpu_reg_state *s, uint16_t code, uint32_t code_ar, uint32_t limit,
			 uint32_t data_ar)
{
	for (int i = 0; i < VCPU_REGS_NSREGS; i++)
		s->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = code ? DATA : 0, .vsi_limit = limit, .vsi_ar = data_ar };
	s->vrs_sregs[VCPU_REGS_CS].vsi_sel = code;
	s->vrs_sregs[VCPU_REGS_CS].vsi_ar = code_ar;
	s->vrs_sregs[VCPU_REGS_LDTR].vsi_ar = 0x82;
	s->vrs_sregs[VCPU_REGS_TR].vsi_ar = TSS_BUSY;
	s->vrs_sregs[VCPU_REGS_LDTR].vsi_limit = s->vrs_sregs[VCPU_REGS_TR].vsi_limit = 0xffff;
	set_table(&s->vrs_gdtr, GDT, 0x400);
	set_table(&s->vrs_idtr, 0, 0x400);
}

void start_state(enum start start, struct vcpu_reg_state *s)
{
	memset(s, 0, sizeof(*s));
	s->vrs_gprs[VCPU_REGS_RIP] = CODE;
	s->vrs_gprs[VCPU_REGS_RSP] = STACK;
	s->vrs_gprs[VCPU_REGS_RFLAGS] = 2;
	s->vrs_crs[VCPU_REGS_XCR0] = 1;
	s->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	s->vrs_drs[VCPU_REGS_DR7] = DR7_NONE;
	switch (start) {
	case START_REAL:
		s->vrs_crs[VCPU_REGS_CR0] = 0x60000010;
		set_segments(s, 0, 0x9b, 0xffff, 0x93);
		break;
	case START_PROTECTED:
		s->vrs_crs[VCPU_REGS_CR0] = 0x31;
		set_segments(s, CODE_32, 0xc09b, ~0u, 0xc093);
		set_table(&s->vrs_idtr, IDT_32, 0x800);
		break;
	default:
		s->vrs_crs[VCPU_REGS_CR0] = 0x80000031;
		s->vrs_crs[VCPU_REGS_CR3] = TABLES;
		s->vrs_crs[VCPU_REGS_CR4] = 0x20;
		s->vrs_msrs[VCPU_REGS_EFER] = 0x500;
		set_segments(s, CODE_64, 0xa09b, ~0u, 0xc093);
		set_table(&s->vrs_idtr, IDT_64, 0x1000);
	}
}

/* Map the first GiB one to one for long mode. */
static void start_page_tables(unsigned char *memory)
{
	uint64_t *table = (uint64_t *)(memory + TABLES);

	table[0] = (TABLES + 0x1000) | 3;
	table[512] = (TABLES + 0x2000) | 3;
	for (uint64_t i = 0; i < 512; i++)
		table[1024 + i] = (i << 21) | 0x83;
}

bool on_qemu(void)
{
	unsigned int eax, name[3];

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

void spare_emulator(struct vcpu_reg_state *s, enum start start)
{
	if (!on_qemu())
		return;
	s->vrs_sregs[VCPU_REGS_TR].vsi_ar = TSS_AVAILABLE;
	s->vrs_drs[VCPU_REGS_DR7] = DR7_NONE;
	s->vrs_crs[VCPU_REGS_CR4] |= CR4_PAE;
	if (start != START_LONG)
		s->vrs_msrs[VCPU_REGS_EFER] &= ~(uint64_t)EFER_LME;
}

/* Instructions that a hypervisor has to do with: CPUID, MSRs, HLT, XSETBV; MOV CR
 * and DR, CLTS, LMSW; descriptor tables, segments, far jumps, IRET; port I/O; flags and
 * software interrupts; SVM's and VMX's own; caches and TSC; SYSENTER and SYSCALL;
 * strings; ECX for MSRs; jumps. Operands come by chance. */
static const struct insn {
	const char *bytes;
	size_t length;
	enum { CR4 = 1, CR8, EFER, DR7 } writes;
} insns[] = {
#define W(bytes, what) { bytes, sizeof(bytes) - 1, what }
#define I(bytes) W(bytes, 0)
	I("\x0f\xa2"), I("\x0f\x30"), I("\x0f\x32"), I("\xf4"), I("\x0f\x01\xd1"),
	I("\x0f\x01\xd0"), I("\x0f\x22\xc0"), I("\x0f\x22\xd8"), W("\x0f\x22\xe0", CR4),
	W("\x44\x0f\x22\xc0", CR8), I("\x0f\x20\xc0"), I("\x0f\x20\xd8"), I("\x44\x0f\x20\xc0"),
	I("\x0f\x06"), I("\x0f\x01\xf0"), I("\x0f\x21\xf8"), W("\x0f\x23\xf8", DR7),
	I("\x0f\x23\xc0"), I("\x0f\x01\x10"), I("\x0f\x01\x18"), I("\x0f\x00\xd0"),
	I("\x0f\x00\xd8"), I("\x8e\xd0"), I("\x8e\xd8"), I("\x8e\xe0"), I("\xea"), I("\xff\x28"),
	I("\xcb"), I("\xcf"), I("\xe4\x80"), I("\xe6\x80"), I("\xed"), I("\xef"), I("\x6c"),
	I("\x6f"), I("\xf3\x6e"), I("\xf3\x6d"), I("\xe6\xf5"), I("\xfa"), I("\xfb"),
	I("\xfb\xf4"), I("\x9d"), I("\x9c"), I("\xcd\x80"), I("\xcc"), I("\xf1"), I("\xce"),
	I("\x0f\x01\xd8"), I("\x0f\x01\xd9"), I("\x0f\x01\xda"), I("\x0f\x01\xdb"),
	I("\x0f\x01\xdc"), I("\x0f\x01\xdd"), I("\x0f\x01\xde"), I("\x0f\x01\xdf"),
	I("\x0f\x01\xc1"), I("\x0f\x01\xc2"), I("\x0f\x01\xc4"), I("\x0f\x01\xc8"),
	I("\x0f\x01\xc9"), I("\x0f\x08"), I("\x0f\x09"), I("\x0f\x33"), I("\x0f\x31"),
	I("\x0f\x01\xf9"), I("\xf3\x90"), I("\x0f\x37"), I("\x0f\x34"), I("\x0f\x35"),
	I("\x0f\x05"), I("\x0f\x07"), I("\x0f\x01\xf8"), I("\x0f\x01\x38"), I("\xf3\xaa"),
	I("\xf3\xa4"), I("\x0f\xae\x00"), I("\x0f\xae\x08"), I("\x0f\xc7\x08"),
	I("\x9b\xdb\xe3"), I("\xb9\x00\x00\x00\xc0"), W("\xb9\x80\x00\x00\xc0", EFER),
	I("\xb9\x01\x4d\x56\x4b"), I("\x31\xc0"), I("\x31\xc9"), I("\xeb\xfe"), I("\xeb\x80"),
	I("\xe9\x00\xf0\xff\xff"),
#undef I
#undef W
};

/* See spare_emulator(): a guest that has LME does not write CR4, and one that has not
 * gets none. A write to CR8 while an interrupt window is open makes QEMU 7.2 abort, and
 * so may DR7. */
static bool would_kill_emulator(enum start start, const struct insn *insn)
{
	if (!insn->writes || !on_qemu())
		return false;
	if (start == NR_STARTS || insn->writes == CR8 || insn->writes == DR7)
		return true;
	return insn->writes == (start == START_LONG ? CR4 : EFER);
}

/* What a MOV to CR0 becomes behind a REX or LOCK prefix. */
static bool would_be_cr8(unsigned char prefix, const struct insn *insn)
{
	return on_qemu() && !memcmp(insn->bytes, "\x0f\x22", 2) &&
	       ((prefix & 0xf0) == 0x40 || prefix == 0xf0);
}

static void random_code(struct random *r, enum start start, void *to, size_t size)
{
	unsigned char *at = to, *end = at + size;

	random_bytes(r, to, size);
	while (at < end - 8) {
		const struct insn *insn = &insns[random_below(r, sizeof(insns) / sizeof(insns[0]))];

		if (would_kill_emulator(start, insn))
			continue;
		if (at > (unsigned char *)to && would_be_cr8(at[-1], insn))
			at[-1] = NOP;
		memcpy(at, insn->bytes, insn->length);
		at += insn->length + (one_in(r, 3) ? random_below(r, 6) : 0);
	}
}

/* A way into the code: most of them good. Each mode has gates of its own. */
static uint64_t random_gate(struct random *r, unsigned int selector)
{
	uint64_t entry = CODE + random_below(r, CODE_SIZE);

	if (one_in(r, 32))
		return random64(r);
	return selector ? 0x00008e0000000000 | selector << 16 | entry : entry;
}

static void fill_tables(struct random *r, unsigned char *memory)
{
	uint32_t *vectors = (uint32_t *)memory;
	uint64_t *gdt = (uint64_t *)(memory + GDT);
	uint64_t *gates = (uint64_t *)(memory + IDT_32);

	for (int i = 0; i < 256; i++)
		vectors[i] = (uint32_t)random_gate(r, 0);
	for (int i = 0; i < 256; i++)
		gates[i] = random_gate(r, CODE_32);
	gates = (uint64_t *)(memory + IDT_64);
	for (int i = 0; i < 256; i++)
		gates[2 * i] = random_gate(r, CODE_64);
	for (int i = 5; i < 32; i++)
		gdt[i] = random64(r);
	gdt[CODE_16 / 8] = 0x00009b000000ffff;
	gdt[CODE_32 / 8] = 0x00cf9b000000ffff;
	gdt[CODE_64 / 8] = 0x00af9b000000ffff;
	gdt[DATA / 8] = 0x00cf93000000ffff;
}

/* One to one, then spoiled here and there; the guest's own stores do the rest. */
static void fill_page_tables(struct random *r, unsigned char *memory)
{
	uint64_t *table = (uint64_t *)(memory + TABLES);

	start_page_tables(memory);
	for (uint64_t n = random_below(r, 8); n; n--)
		table[random_below(r, 1536)] = random_edge(r) | 7;
}

void random_guest(struct random *r, enum start start, void *memory)
{
	fill_tables(r, memory);
	fill_page_tables(r, memory);
	random_code(r, start, (unsigned char *)memory + CODE, CODE_SIZE);
}
