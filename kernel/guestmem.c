// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the guest sees it: a walk of its page tables (SDM 4.3 to
 * 4.5) to fetch the bytes of an instruction. Used where the processor does
 * not tell an instruction's length or bytes.
 */
#include <linux/mm.h>

#include <asm/processor-flags.h>
#include <asm/msr-index.h>

#include "core.h"

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_ADDR	GENMASK_ULL(51, 12)

static bool read_entry(struct vmm_vcpu *vcpu, u64 gpa, unsigned int size, u64 *ret)
{
	void *p = vmm_mem_kaddr(vcpu->vm->mem, gpa);

	if (!p)
		return false;
	*ret = size == 8 ? READ_ONCE(*(u64 *)p) : READ_ONCE(*(u32 *)p);
	return *ret & PTE_PRESENT;
}

/* 32-bit paging, SDM 4.3. */
static bool walk_32(struct vmm_vcpu *vcpu, const struct vmm_paging *pg, u64 gla, u64 *ret_gpa)
{
	u64 entry;

	gla &= U32_MAX;
	if (!read_entry(vcpu, (pg->cr3 & 0xfffff000) + (gla >> 22) * 4, 4, &entry))
		return false;
	if ((entry & PTE_LARGE) && (pg->cr4 & X86_CR4_PSE)) {
		*ret_gpa = (entry & 0xffc00000) | ((entry & 0x1fe000) << 19) | (gla & 0x3fffff);
		return true;
	}
	if (!read_entry(vcpu, (entry & 0xfffff000) + ((gla >> 12) & 0x3ff) * 4, 4, &entry))
		return false;
	*ret_gpa = (entry & 0xfffff000) | (gla & 0xfff);
	return true;
}

/* PAE, 4-level and 5-level paging, SDM 4.4 and 4.5. */
static bool walk_64(struct vmm_vcpu *vcpu, const struct vmm_paging *pg, u64 gla, u64 *ret_gpa)
{
	bool lma = pg->efer & EFER_LMA;
	int level = !lma ? 3 : (pg->cr4 & X86_CR4_LA57) ? 5 : 4;
	u64 table = lma ? pg->cr3 & PTE_ADDR : pg->cr3 & 0xffffffe0;
	u64 entry, mask;

	if (!lma)
		gla &= U32_MAX;
	for (; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		if (!read_entry(vcpu, table + ((gla >> shift) & 0x1ff) * 8, 8, &entry))
			return false;
		mask = BIT_ULL(shift) - 1;
		if (level == 1 || (level <= (lma ? 3 : 2) && (entry & PTE_LARGE))) {
			*ret_gpa = (entry & PTE_ADDR & ~mask) | (gla & mask);
			return true;
		}
		table = entry & PTE_ADDR;
	}
	return false;
}

static bool translate(struct vmm_vcpu *vcpu, const struct vmm_paging *pg, u64 gla, u64 *ret_gpa)
{
	if (!(pg->cr0 & X86_CR0_PG)) {
		*ret_gpa = gla & U32_MAX;
		return true;
	}
	if (pg->cr4 & X86_CR4_PAE)
		return walk_64(vcpu, pg, gla, ret_gpa);
	return walk_32(vcpu, pg, gla, ret_gpa);
}

/* Copy up to len bytes of code at RIP; returns how many could be read. */
int vmm_fetch(struct vmm_vcpu *vcpu, u64 rip, u8 *buf, unsigned int len)
{
	struct vmm_paging pg;
	unsigned int done = 0, n;
	u64 gla, gpa;
	u8 *p;

	vmm_ops->paging(vcpu, &pg);
	gla = pg.cs_long ? rip : (pg.cs_base + rip) & U32_MAX;
	while (done < len) {
		if (!translate(vcpu, &pg, gla + done, &gpa))
			break;
		p = vmm_mem_kaddr(vcpu->vm->mem, gpa);
		if (!p)
			break;
		n = min_t(unsigned int, len - done, PAGE_SIZE - offset_in_page(gpa));
		memcpy(buf + done, p, n);
		done += n;
	}
	return done;
}

static bool is_prefix(u8 byte, bool cs_long)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
	case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return cs_long && (byte & 0xf0) == 0x40;
	}
}

/* Bytes after 0F of the opcodes that exit: the opcode alone, or with ModRM
 * (all of these have only register forms, or the 01 group's fixed ones). */
static unsigned int length_0f(u8 op)
{
	switch (op) {
	case 0x01:			/* VMMCALL, XSETBV, MONITOR, ... */
	case 0x20: case 0x21: case 0x22: case 0x23:	/* MOV CR, DR */
		return 3;
	case 0x08: case 0x09:		/* INVD, WBINVD */
	case 0x30: case 0x32: case 0x33: /* WRMSR, RDMSR, RDPMC */
	case 0x31: case 0xa2:		/* RDTSC, CPUID */
	case 0x06:			/* CLTS */
		return 2;
	default:
		return 0;
	}
}

/*
 * Length of the instruction that exited, by its opcode, prefixes included: the
 * ones that have fixed lengths and can exit. 0 if it is none of these or
 * cannot be read.
 */
unsigned int vmm_insn_len(struct vmm_vcpu *vcpu)
{
	struct vmm_exit_state *x = &vcpu->x;
	struct vmm_paging pg;
	unsigned int i = 0, n;

	if (!x->ninsn)
		x->ninsn = vmm_fetch(vcpu, vcpu->frame.gprs[VCPU_REGS_RIP], x->insn,
				     sizeof(x->insn));
	vmm_ops->paging(vcpu, &pg);
	while (i < x->ninsn && is_prefix(x->insn[i], pg.cs_long))
		i++;
	if (i >= x->ninsn)
		return 0;
	if (x->insn[i] == 0xf4)		/* HLT */
		return i + 1;
	if (x->insn[i] != 0x0f || i + 1 >= x->ninsn)
		return 0;
	n = length_0f(x->insn[i + 1]);
	return n ? i + n : 0;
}

/* Segment of an OUTS, whose default is DS: the last override prefix counts
 * (SDM volume 2, 2.1.1). */
u8 vmm_insn_seg(struct vmm_vcpu *vcpu)
{
	struct vmm_exit_state *x = &vcpu->x;
	u8 seg = VCPU_REGS_DS;
	unsigned int i;

	x->ninsn = vmm_fetch(vcpu, vcpu->frame.gprs[VCPU_REGS_RIP], x->insn, sizeof(x->insn));
	for (i = 0; i < x->ninsn; i++) {
		switch (x->insn[i]) {
		case 0x26: seg = VCPU_REGS_ES; break;
		case 0x2e: seg = VCPU_REGS_CS; break;
		case 0x36: seg = VCPU_REGS_SS; break;
		case 0x3e: seg = VCPU_REGS_DS; break;
		case 0x64: seg = VCPU_REGS_FS; break;
		case 0x65: seg = VCPU_REGS_GS; break;
		case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
			break;
		default:
			return seg;
		}
	}
	return seg;
}
