// SPDX-License-Identifier: GPL-2.0-only
/* An SVM exit, read once: from the VMCB's control area (APM 15.6, appendix C)
 * to the neutral record. */
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "svm.h"

/* EXITINFO1 of a nested page fault, APM 15.25.6. */
#define NPF_PRESENT	BIT_ULL(0)
#define NPF_WRITE	BIT_ULL(1)
#define NPF_FETCH	BIT_ULL(4)

#define ATTR_L		BIT(9)
#define ATTR_DB		BIT(10)

/* Class of a raw code, stamped from the schema. */
static u8 class_of(u32 code)
{
	/* A switch costs a comparison a level; the commonest go first. */
	if (code == SVM_EXIT_IOIO)
		return VMMT_CLASS_io_in;
	if (code == SVM_EXIT_CPUID)
		return VMMT_CLASS_cpuid;
	switch (code) {
#define X(lo, hi, class, name) case lo ... hi: return VMMT_CLASS_##class;
	VMMT_SVM_CODES(X)
#undef X
	default:
		return VMMT_CLASS_other;
	}
}

static u8 mode_of(const struct vmcb_save_area *save)
{
	if (!(save->cr0 & X86_CR0_PE))
		return VMMT_MODE_real;
	if (save->rflags & X86_EFLAGS_VM)
		return VMMT_MODE_vm86;
	if (save->efer & EFER_LMA)
		return save->cs.attrib & ATTR_L ? VMMT_MODE_long64 : VMMT_MODE_compat;
	return save->cs.attrib & ATTR_DB ? VMMT_MODE_prot32 : VMMT_MODE_prot16;
}

/* IOIO, EXITINFO1: APM 15.10.2. The effective segment comes with decode assists. */
static void decode_io(struct vmm_vcpu *vcpu, const struct vmcb_control_area *ctl)
{
	u32 info = (u32)ctl->exit_info_1;
	struct vmmt_exit *rec = &vcpu->rec;
	struct vmm_exit_state *x = &vcpu->x;

	rec->class = info & SVM_IOIO_TYPE_MASK ? VMMT_CLASS_io_in : VMMT_CLASS_io_out;
	rec->key = info >> 16;
	rec->width = (info >> SVM_IOIO_SIZE_SHIFT) & 7;
	rec->string = !!(info & SVM_IOIO_STR_MASK);
	rec->rep = !!(info & SVM_IOIO_REP_MASK);
	x->addr_size = ((info >> SVM_IOIO_ASIZE_SHIFT) & 7) << 1;
	x->next_rip = ctl->exit_info_2;
	rec->ilen = (u8)(x->next_rip - rec->rip);
	if (rec->class == VMMT_CLASS_io_out && !rec->string)
		rec->value = vcpu->frame.gprs[VCPU_REGS_RAX] & (U32_MAX >> (32 - 8 * rec->width));
	if (!rec->string)
		return;
	if (boot_cpu_has(X86_FEATURE_DECODEASSISTS))
		x->seg = (info >> 10) & 7;
	else
		vmm_insn_string(vcpu);
	if (rec->class == VMMT_CLASS_io_in)
		x->seg = VCPU_REGS_ES;
}

static void decode_npf(struct vmm_vcpu *vcpu, const struct vmcb_control_area *ctl)
{
	u64 info = ctl->exit_info_1;
	struct vmm_exit_state *x = &vcpu->x;

	x->gpa = ctl->exit_info_2;
	x->gla_valid = false;
	x->gla = 0;
	x->access = info & NPF_FETCH ? VMMT_ACCESS_x : info & NPF_WRITE ? VMMT_ACCESS_w :
								       VMMT_ACCESS_r;
	x->present = info & NPF_PRESENT ? VMMT_ACCESS_rwx : VMMT_ACCESS_none;
	if (boot_cpu_has(X86_FEATURE_DECODEASSISTS)) {
		x->ninsn = min_t(u8, ctl->insn_len & 15, sizeof(x->insn));
		memcpy(x->insn, ctl->insn_bytes, x->ninsn);
	}
}

/* INT3 or INTO of the guest, whose event looks like one that was injected; but
 * that is cut off where the guest was entered. */
static bool soft_exception(const struct vmm_vcpu *vcpu, u32 info)
{
	u8 vector = vmm_event_vector(info);

	if (vmm_event_type(info) != VMMT_ITYPE_exception || (vector != 3 && vector != 4))
		return false;
	return vcpu->rec.injected != info || vcpu->rec.rip != to_svm(vcpu)->entry_rip;
}

/*
 * An event whose delivery the exit cut off is given again (APM 15.20). A soft
 * one is not: its instruction runs again. One emulator calls an interrupt an
 * exception here; no exception has a vector of 32 or above.
 */
static void decode_vectoring(struct vmm_vcpu *vcpu, const struct vmcb_control_area *ctl)
{
	u32 info = ctl->exit_int_info, type = vmm_event_type(info);
	u8 vector = vmm_event_vector(info);

	vcpu->rec.vectoring = info & VMM_EVENT_VALID ? info : 0;
	vcpu->rec.vecerror = 0;
	if (!(info & VMM_EVENT_VALID))
		return;
	if (info & VMM_EVENT_ERROR)
		vcpu->rec.vecerror = ctl->exit_int_info_err;
	if (type == VMMT_ITYPE_softint || soft_exception(vcpu, info))
		return;
	if (type == VMMT_ITYPE_exception && vector >= 32)
		info = VMM_EVENT(VMMT_ITYPE_intr, vector);
	vcpu->reinject.info = info;
	vcpu->reinject.error = ctl->exit_int_info_err;
	vcpu->reinject.irq_id = vmm_event_type(info) == VMMT_ITYPE_intr ? to_svm(vcpu)->irq_id : 0;
}

/* The shadow of STI and MOV SS. A processor that does not take it back at
 * VMRUN (an emulator) also forgets it at an exit of the same instruction. */
static bool decode_shadow(const struct svm_vcpu *svm, const struct vmcb *vmcb)
{
	if (vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK)
		return true;
	return svm->entry_shadow && svm->entry_rip == vmcb->save.rip;
}

/*
 * A VMRUN that the processor refused leaves the state as it was (APM 15.5.1). One
 * emulator saves the host's there: that is for nobody to see.
 */
static void decode_refused(struct vmm_vcpu *vcpu, struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (save->rip == svm->entry_rip)
		return;
	memset(save, 0, sizeof(*save));
	vcpu->frame.gprs[VCPU_REGS_RAX] = 0;
	vcpu->frame.gprs[VCPU_REGS_RSP] = 0;
	vcpu->frame.gprs[VCPU_REGS_RIP] = svm->entry_rip;
	vcpu->frame.gprs[VCPU_REGS_RFLAGS] = X86_EFLAGS_FIXED;
	vcpu->rec.rip = svm->entry_rip;
	vcpu->rec.cpl = 0;
	vcpu->rec.mode = VMMT_MODE_real;
}

/* Whether the guest is still busy with an NMI. Behind our own step TF is ours, unless an IRET
 * has just loaded the guest's. */
static void decode_nmi(struct vmm_vcpu *vcpu, struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;
	bool returned = (svm->nmi & SVM_NMI_AT_IRET) && vmcb->save.rip != svm->iret_rip;
	bool step = svm->nmi & SVM_NMI_STEP;

	svm->nmi &= returned ? 0 : ~SVM_NMI_STEP;
	vcpu->nmi_blocked = svm->nmi;
	if (!step)
		return;
	if (!returned)
		vcpu->frame.gprs[VCPU_REGS_RFLAGS] &= ~(u64)X86_EFLAGS_TF;
	if (vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + X86_TRAP_DB) {
		vcpu->rec.class = VMMT_CLASS_window;
		vmcb->save.dr6 &= ~(u64)DR_STEP;
		svm_dirty(svm, SVM_CLEAN_DR);
	}
}

void svm_decode(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	const struct vmcb_control_area *ctl = &vmcb->control;
	struct vmmt_exit *rec = &vcpu->rec;

	vcpu->frame.gprs[VCPU_REGS_RAX] = vmcb->save.rax;
	vcpu->frame.gprs[VCPU_REGS_RSP] = vmcb->save.rsp;
	vcpu->frame.gprs[VCPU_REGS_RIP] = vmcb->save.rip;
	vcpu->frame.gprs[VCPU_REGS_RFLAGS] = vmcb->save.rflags;
	vcpu->shadow = decode_shadow(svm, vmcb);
	rec->reason = ctl->exit_code;
	rec->info1 = ctl->exit_info_1;
	rec->info2 = ctl->exit_info_2;
	rec->rip = vmcb->save.rip;
	rec->cpl = vmcb->save.cpl;
	rec->mode = mode_of(&vmcb->save);
	rec->class = class_of(ctl->exit_code);
	rec->key = rec->value = 0;
	rec->ilen = rec->width = rec->rep = rec->string = 0;
	vcpu->x.next_rip = boot_cpu_has(X86_FEATURE_NRIPS) ? ctl->next_rip : 0;
	vcpu->x.cr3 = vmcb->save.cr3;
	vcpu->x.ninsn = 0;
	vcpu->x.seg = 0xff;
	vcpu->x.addr_size = 0;
	vcpu->x.access = 0;
	decode_vectoring(vcpu, ctl);
	vmcb->control.event_inj = 0;
	vmcb->control.clean = SVM_CLEAN_ALL;
	if (unlikely(svm->nmi))
		decode_nmi(vcpu, svm);

	if (rec->class == VMMT_CLASS_cpuid)
		return;
	switch (rec->class) {
	case VMMT_CLASS_io_in:
		decode_io(vcpu, ctl);
		break;
	case VMMT_CLASS_rdmsr:
		if (ctl->exit_info_1)
			rec->class = VMMT_CLASS_wrmsr;
		break;
	case VMMT_CLASS_ept:
		decode_npf(vcpu, ctl);
		break;
	case VMMT_CLASS_exception:
		rec->key = ctl->exit_code - SVM_EXIT_EXCP_BASE;
		break;
	case VMMT_CLASS_entryfail:
		decode_refused(vcpu, svm);
		break;
	case VMMT_CLASS_softint:
		if (ctl->exit_code == SVM_EXIT_ICEBP)
			rec->key = X86_TRAP_DB;
		break;
	case VMMT_CLASS_cr_read:
	case VMMT_CLASS_cr_write:
	case VMMT_CLASS_dr_read:
	case VMMT_CLASS_dr_write:
		rec->key = ctl->exit_code & 0xf;
		break;
	}
}

/*
 * Exits without a neutral meaning. An IRET ends an NMI's handler. An SMI stays
 * pending and is taken when the host's interrupts open (APM 15.13.3). None of
 * the others was asked for.
 */
int svm_handle(struct vmm_vcpu *vcpu)
{
	const struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	switch (vcpu->rec.reason) {
	case SVM_EXIT_SMI:
		return VMM_RESUME;
	case SVM_EXIT_IRET:
		to_svm(vcpu)->nmi = SVM_NMI_AT_IRET;
		to_svm(vcpu)->iret_rip = vcpu->rec.rip;
		svm_intercept(to_svm(vcpu), INTERCEPT_IRET, false);
		return VMM_RESUME;
	}
	if (vcpu->rec.class == VMMT_CLASS_entryfail)
		pr_info_ratelimited("vm %u vcpu %u: VMRUN refused the guest's state (APM 15.5.1): RIP %#llx RFLAGS %#llx CR0 %#llx CR3 %#llx CR4 %#llx EFER %#llx CS %#x/%#x ASID %u EVENTINJ %#x\n",
				    vcpu->vm->id, vcpu->id, vmcb->save.rip, vmcb->save.rflags,
				    vmcb->save.cr0, vmcb->save.cr3, vmcb->save.cr4, vmcb->save.efer,
				    vmcb->save.cs.selector, vmcb->save.cs.attrib,
				    vmcb->control.asid, vmcb->control.event_inj);
	else
		pr_info_ratelimited("vm %u vcpu %u: exit %#x cannot be handled, RIP %#llx info %#llx %#llx\n",
				    vcpu->vm->id, vcpu->id, vcpu->rec.reason, vcpu->rec.rip,
				    vcpu->rec.info1, vcpu->rec.info2);
	return -EINVAL;
}
