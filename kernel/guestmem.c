// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the guest sees it: a walk of its page tables (SDM 4.3 to
 * 4.5) to fetch the bytes of an instruction. Used where the processor does
 * not tell an instruction's length or bytes.
 */
#include <linux/mm.h>

#include "core.h"

static int read_entry(void *ctx, u64 gpa, unsigned int size, u64 *ret)
{
	void *p = vmm_mem_kaddr(ctx, gpa);

	if (!p)
		return -EFAULT;
	*ret = size == 8 ? READ_ONCE(*(u64 *)p) : READ_ONCE(*(u32 *)p);
	return 0;
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
		if (vmm_walk(&pg, gla + done, read_entry, vcpu->vm->mem, &gpa))
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

	x->ninsn = vmm_fetch(vcpu, vcpu->frame.gprs[VCPU_REGS_RIP], x->insn, sizeof(x->insn));
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
