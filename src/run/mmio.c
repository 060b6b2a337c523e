// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-mapped I/O: Zydis decodes the instruction, we do the access. The
 * moves that drivers use on devices; anything else ends the guest with a line
 * that shows the bytes.
 */
#include "run.h"

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/walk.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>

#define SEG_DB		(1u << 14)
#define RFLAGS_DF	(1u << 10)

static int cannot(struct run *r, const char *what)
{
	const struct vm_exit_eptviolation *vee = &r->exit.vee;
	char bytes[3 * 15 + 1] = "";
	unsigned int i;

	for (i = 0; i < sizeof(vee->vee_insn_bytes); i++)
		snprintf(bytes + 3 * i, 4, " %02x", vee->vee_insn_bytes[i]);
	snprintf(r->why, sizeof(r->why), "%s at guest-physical %#llx, RIP %#llx, bytes%s", what,
		 (unsigned long long)r->exit.ve_gpa,
		 (unsigned long long)r->exit.vrs.vrs_gprs[VCPU_REGS_RIP], bytes);
	return -ENOTSUP;
}

static int decode(struct run *r, const struct vmm_paging *pg, ZydisDecodedInstruction *insn,
		  ZydisDecodedOperand *ops)
{
	const struct vm_exit_eptviolation *vee = &r->exit.vee;
	bool wide = r->exit.vrs.vrs_sregs[VCPU_REGS_CS].vsi_ar & SEG_DB;
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder,
			 pg->cs_long ? ZYDIS_MACHINE_MODE_LONG_64 :
			 pg->efer & VMM_EFER_LMA ? wide ? ZYDIS_MACHINE_MODE_LONG_COMPAT_32 :
							  ZYDIS_MACHINE_MODE_LONG_COMPAT_16 :
			 wide ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
			 pg->cs_long ? ZYDIS_STACK_WIDTH_64 :
			 wide ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, vee->vee_insn_bytes,
						 sizeof(vee->vee_insn_bytes), insn, ops)))
		return cannot(r, "an instruction that cannot be decoded");
	return 0;
}

/* The general register that a Zydis one lies in, and where: AH to BH are the
 * second byte. NULL for any other register. */
static uint64_t *find_register(struct run *r, ZydisRegister reg, unsigned int *ret_shift)
{
	ZyanI16 id = ZydisRegisterGetId(reg);

	*ret_shift = 0;
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH) {
		*ret_shift = 8;
		return &r->exit.vrs.vrs_gprs[reg - ZYDIS_REGISTER_AH];
	}
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
		if (reg >= ZYDIS_REGISTER_SPL)
			id = (ZyanI16)(reg - ZYDIS_REGISTER_SPL + 4);
		break;
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		break;
	default:
		return NULL;
	}
	return id >= 0 && id < 16 ? &r->exit.vrs.vrs_gprs[id] : NULL;
}

static int read_operand(struct run *r, const ZydisDecodedOperand *op, uint64_t *ret)
{
	unsigned int shift;
	uint64_t *reg;

	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		*ret = op->imm.value.u;
		return 0;
	}
	reg = op->type == ZYDIS_OPERAND_TYPE_REGISTER ?
	      find_register(r, op->reg.value, &shift) : NULL;
	if (!reg)
		return -ENOTSUP;
	*ret = *reg >> shift;
	return 0;
}

static int write_register(struct run *r, const ZydisDecodedOperand *op, uint64_t value)
{
	unsigned int shift, bits = op->size;
	uint64_t *reg = op->type == ZYDIS_OPERAND_TYPE_REGISTER ?
			find_register(r, op->reg.value, &shift) : NULL;
	uint64_t mask;

	if (!reg)
		return -ENOTSUP;
	/* A write of 32 bits clears the upper half (SDM volume 1, 3.4.1.1). */
	if (bits >= 32) {
		*reg = bits == 32 ? (uint32_t)value : value;
		return 0;
	}
	mask = ((1ull << bits) - 1) << shift;
	*reg = (*reg & ~mask) | ((value << shift) & mask);
	return 0;
}

static enum vmmt_device access_device(struct run *r, unsigned int width, bool write,
				      uint64_t *value)
{
	return machine_mmio(r->machine, r->exit.ve_gpa, width, write, value);
}

static uint64_t extend(uint64_t value, unsigned int width, bool sign)
{
	unsigned int shift = 64 - 8 * width;

	return sign ? (uint64_t)((int64_t)(value << shift) >> shift) : (value << shift) >> shift;
}

/* MOV, MOVZX, MOVSX, MOVSXD: one operand is the device. */
static int do_move(struct run *r, const ZydisDecodedInstruction *insn,
		   const ZydisDecodedOperand *ops)
{
	bool write = ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
	const ZydisDecodedOperand *mem = &ops[write ? 0 : 1], *other = &ops[write ? 1 : 0];
	bool sign = insn->mnemonic == ZYDIS_MNEMONIC_MOVSX ||
		    insn->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
	unsigned int width = mem->size / 8;
	uint64_t value = 0, begin = tsc_now(r);
	enum vmmt_device device;

	if (mem->type != ZYDIS_OPERAND_TYPE_MEMORY || !width || width > 8)
		return -ENOTSUP;
	if (write && read_operand(r, other, &value))
		return -ENOTSUP;
	value = extend(value, width, false);
	device = access_device(r, width, write, &value);
	guest_accessed(r, begin, device, write, r->exit.ve_gpa, value, width, 1);
	return write ? 0 : write_register(r, other, extend(value, width, sign));
}

/* STOS to a device: one element, and again while REP says so: RIP stays, the
 * next one exits again. */
static int do_store_string(struct run *r, const ZydisDecodedInstruction *insn, bool *ret_again)
{
	uint64_t *gprs = r->exit.vrs.vrs_gprs;
	uint64_t value = gprs[VCPU_REGS_RAX], begin = tsc_now(r);
	unsigned int width = insn->operand_width / 8;
	uint64_t mask = insn->address_width == 64 ? UINT64_MAX : (1ull << insn->address_width) - 1;
	bool rep = insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
				       ZYDIS_ATTRIB_HAS_REPNE);
	int64_t step = gprs[VCPU_REGS_RFLAGS] & RFLAGS_DF ? -(int64_t)width : width;
	enum vmmt_device device;

	if (insn->mnemonic == ZYDIS_MNEMONIC_STOSB)
		width = 1, step = step < 0 ? -1 : 1;
	value = extend(value, width, false);
	device = access_device(r, width, true, &value);
	guest_accessed(r, begin, device, true, r->exit.ve_gpa, value, width, 1);
	gprs[VCPU_REGS_RDI] = (gprs[VCPU_REGS_RDI] & ~mask) |
			      ((gprs[VCPU_REGS_RDI] + (uint64_t)step) & mask);
	if (rep) {
		gprs[VCPU_REGS_RCX] = (gprs[VCPU_REGS_RCX] & ~mask) |
				      ((gprs[VCPU_REGS_RCX] - 1) & mask);
		*ret_again = gprs[VCPU_REGS_RCX] & mask;
	}
	return 0;
}

int guest_mmio(struct run *r)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	struct vmm_paging pg;
	bool again = false;
	int err;

	guest_paging(r, &pg);
	err = decode(r, &pg, &insn, ops);
	if (err)
		return err;
	switch (insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		err = do_move(r, &insn, ops);
		break;
	case ZYDIS_MNEMONIC_STOSB:
	case ZYDIS_MNEMONIC_STOSW:
	case ZYDIS_MNEMONIC_STOSD:
	case ZYDIS_MNEMONIC_STOSQ:
		err = do_store_string(r, &insn, &again);
		break;
	default:
		err = -ENOTSUP;
	}
	if (err)
		return cannot(r, "an access to device memory by an instruction that is not supported");
	if (!again)
		r->exit.vrs.vrs_gprs[VCPU_REGS_RIP] += insn.length;
	return 0;
}

#else /* !HAVE_ZYDIS */

int guest_mmio(struct run *r)
{
	snprintf(r->why, sizeof(r->why), "an access to device memory at %#llx: this vmmtrace was built without Zydis (libzydis-dev)",
		 (unsigned long long)r->exit.ve_gpa);
	return -ENOTSUP;
}

#endif
