// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the guest sees it: a walk of its page tables (SDM 4.3 to
 * 4.5) to fetch the bytes of an instruction. Used where the processor does
 * not tell an instruction's length or bytes.
 */
#include <linux/mm.h>

#include "core.h"

/* Reads an entry, and notes where it was for the cache. */
static int read_entry(void *ctx, u64 gpa, unsigned int size, u64 *ret)
{
	struct vmm_vcpu *vcpu = ctx;
	struct vmm_code_cache *code = &vcpu->code;
	void *p = vmm_mem_kaddr(vcpu->vm->mem, gpa);

	if (!p)
		return -EFAULT;
	*ret = size == 8 ? READ_ONCE(*(u64 *)p) : READ_ONCE(*(u32 *)p);
	if (code->n < VMM_WALK_MAX) {
		code->walked[code->n].entry = PTR_ALIGN_DOWN((const u64 *)p, sizeof(u64));
		code->walked[code->n].value = READ_ONCE(*code->walked[code->n].entry);
		code->n++;
	}
	return 0;
}

/*
 * The cache holds for 64-bit code only, where CR3 alone says which tables are
 * in force: CR0.PG, CR4.PAE, CR4.LA57 and EFER.LMA cannot change without
 * leaving it (SDM 4.1.2).
 */
static u8 *cached_page(const struct vmm_vcpu *vcpu, u64 page)
{
	const struct vmm_code_cache *code = &vcpu->code;
	unsigned int i;

	if (vcpu->rec.mode != VMMT_MODE_long64 || code->page != page || code->cr3 != vcpu->x.cr3)
		return NULL;
	for (i = 0; i < code->n; i++)
		if (READ_ONCE(*code->walked[i].entry) != code->walked[i].value)
			return NULL;
	return code->host;
}

/* Host address of the guest's page of code at a linear address, or NULL. */
static u8 *code_page(struct vmm_vcpu *vcpu, const struct vmm_paging *pg, u64 page)
{
	struct vmm_code_cache *code = &vcpu->code;
	u64 gpa;

	code->n = 0;
	code->host = NULL;
	if (vmm_walk(pg, page, read_entry, vcpu, &gpa))
		return NULL;
	code->cr3 = pg->cr3;
	code->page = page;
	code->host = vmm_mem_kaddr(vcpu->vm->mem, gpa);
	return code->host;
}

/* Copy up to len bytes of code at RIP; returns how many could be read. */
static unsigned int fetch(struct vmm_vcpu *vcpu, const struct vmm_paging *pg, u8 *buf,
			  unsigned int len)
{
	u64 rip = vcpu->frame.gprs[VCPU_REGS_RIP];
	u64 gla = pg->cs_long ? rip : (pg->cs_base + rip) & U32_MAX;
	unsigned int done = 0, n;
	u8 *p;

	while (done < len) {
		p = code_page(vcpu, pg, (gla + done) & PAGE_MASK);
		if (!p)
			break;
		n = min_t(unsigned int, len - done, PAGE_SIZE - offset_in_page(gla + done));
		memcpy(buf + done, p + offset_in_page(gla + done), n);
		done += n;
	}
	return done;
}

/* The bytes of the instruction at RIP, into vcpu->x. */
void vmm_fetch_insn(struct vmm_vcpu *vcpu)
{
	struct vmm_paging pg;

	vmm_op(paging)(vcpu, &pg);
	vcpu->x.ninsn = fetch(vcpu, &pg, vcpu->x.insn, sizeof(vcpu->x.insn));
}

/* A legacy prefix, or REX in 64-bit code (SDM volume 2, 2.1.1, 2.2.1). */
static bool is_prefix(u8 byte, bool cs_long)
{
	if (byte == 0x0f)
		return false;
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
	case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return cs_long && (byte & 0xf0) == 0x40;
	}
}

/*
 * Length of the instruction that exited, one of those that always exit for
 * what they are. len is its length without prefixes, which is the answer
 * if its first byte is none, and if it cannot be read.
 */
unsigned int vmm_insn_len(struct vmm_vcpu *vcpu, unsigned int len)
{
	u64 rip = vcpu->frame.gprs[VCPU_REGS_RIP];
	const u8 *page = cached_page(vcpu, rip & PAGE_MASK);
	struct vmm_exit_state *x = &vcpu->x;
	bool cs_long = vcpu->rec.mode == VMMT_MODE_long64;
	unsigned int i = 0;

	if (page && !is_prefix(READ_ONCE(page[offset_in_page(rip)]), cs_long))
		return len;
	vmm_fetch_insn(vcpu);
	while (i < x->ninsn && is_prefix(x->insn[i], cs_long))
		i++;
	return i < x->ninsn ? i + len : len;
}

/*
 * Prefixes of an INS or OUTS, where the processor does not tell them: the
 * segment of an OUTS (DS unless overridden) and the address size, into vcpu->x
 * (SDM volume 2, 2.1.1).
 */
void vmm_insn_string(struct vmm_vcpu *vcpu)
{
	struct vmm_exit_state *x = &vcpu->x;
	bool small = false;
	unsigned int i;

	vmm_fetch_insn(vcpu);
	x->seg = VCPU_REGS_DS;
	for (i = 0; i < x->ninsn; i++) {
		switch (x->insn[i]) {
		case 0x26: x->seg = VCPU_REGS_ES; continue;
		case 0x2e: x->seg = VCPU_REGS_CS; continue;
		case 0x36: x->seg = VCPU_REGS_SS; continue;
		case 0x3e: x->seg = VCPU_REGS_DS; continue;
		case 0x64: x->seg = VCPU_REGS_FS; continue;
		case 0x65: x->seg = VCPU_REGS_GS; continue;
		case 0x67: small = true; continue;
		case 0x66: case 0xf0: case 0xf2: case 0xf3:
			continue;
		}
		break;
	}
	switch (vcpu->rec.mode) {
	case VMMT_MODE_long64:
		x->addr_size = small ? 4 : 8;
		break;
	case VMMT_MODE_prot32:
	case VMMT_MODE_compat:
		x->addr_size = small ? 2 : 4;
		break;
	default:
		x->addr_size = small ? 4 : 2;
	}
}
