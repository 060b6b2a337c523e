// SPDX-License-Identifier: GPL-2.0-only
/* Registers in the VMCB's save area (APM appendix B), to and from vmm(4)'s. */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "svm.h"

#define AR_UNUSABLE	BIT(16)
#define ATTR_P		BIT(7)
#define ATTR_L		BIT(9)

/* The VMCB packs an attribute's bits 15:12 into 11:8 (APM 15.5.1). */
static void put_segment(struct vmcb_seg *seg, const struct vcpu_segment_info *vsi)
{
	seg->selector = vsi->vsi_sel;
	seg->limit = vsi->vsi_limit;
	seg->base = vsi->vsi_base;
	seg->attrib = vsi->vsi_ar & AR_UNUSABLE ? 0 :
		      (vsi->vsi_ar & 0xff) | ((vsi->vsi_ar >> 4) & 0xf00);
}

/* Member by member, as the padding goes to userland. */
static void get_segment(const struct vmcb_seg *seg, struct vcpu_segment_info *vsi)
{
	vsi->vsi_sel = seg->selector;
	vsi->vsi_limit = seg->limit;
	vsi->vsi_base = seg->base;
	vsi->vsi_ar = (seg->attrib & 0xff) | ((seg->attrib & 0xf00) << 4) |
		      (seg->attrib & ATTR_P ? 0 : AR_UNUSABLE);
}

/* The VMCB's segments in vmm(4)'s order. */
#define SEGMENTS(S) \
	S(ES, es) S(CS, cs) S(SS, ss) S(DS, ds) S(FS, fs) S(GS, gs) S(LDTR, ldtr) S(TR, tr)

static void read_sregs(const struct vmcb_save_area *save, struct vcpu_reg_state *regs)
{
#define S(NAME, name) get_segment(&save->name, &regs->vrs_sregs[VCPU_REGS_##NAME]);
	SEGMENTS(S)
#undef S
	get_segment(&save->gdtr, &regs->vrs_gdtr);
	get_segment(&save->idtr, &regs->vrs_idtr);
	regs->vrs_gdtr.vsi_ar = regs->vrs_idtr.vsi_ar = 0;
}

static void write_sregs(struct svm_vcpu *svm, const struct vcpu_reg_state *regs)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

#define S(NAME, name) put_segment(&save->name, &regs->vrs_sregs[VCPU_REGS_##NAME]);
	SEGMENTS(S)
#undef S
	put_segment(&save->gdtr, &regs->vrs_gdtr);
	put_segment(&save->idtr, &regs->vrs_idtr);
	save->cpl = (save->ss.attrib >> 5) & 3;
	svm_dirty(svm, SVM_CLEAN_SEG);
	svm_dirty(svm, SVM_CLEAN_DT);
}

/* What VMRUN refuses of CR0 and CR4 alone (APM 15.5.1). */
bool svm_crs_valid(const u64 *crs)
{
	u64 cr0 = crs[VCPU_REGS_CR0];

	return !upper_32_bits(cr0) && !((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD)) &&
	       !upper_32_bits(crs[VCPU_REGS_CR4]);
}

static void write_crs(struct svm_vcpu *svm, const u64 *crs)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	u32 *int_ctl = &svm->vmcb->control.int_ctl;

	save->cr0 = crs[VCPU_REGS_CR0];
	save->cr2 = crs[VCPU_REGS_CR2];
	save->cr3 = crs[VCPU_REGS_CR3];
	save->cr4 = crs[VCPU_REGS_CR4];
	*int_ctl = (*int_ctl & ~V_TPR_MASK) | (crs[VCPU_REGS_CR8] & V_TPR_MASK);
	/* A new CR3 without the guest's own MOV leaves old translations: as if
	 * the vCPU had just come to its CPU. That makes the VMCB dirty, too. */
	svm->asid_generation = 0;
}

static void write_msrs(struct svm_vcpu *svm, const u64 *msrs)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

	save->efer = msrs[VCPU_REGS_EFER] | EFER_SVME;
	save->star = msrs[VCPU_REGS_STAR];
	save->lstar = msrs[VCPU_REGS_LSTAR];
	save->cstar = msrs[VCPU_REGS_CSTAR];
	save->sfmask = msrs[VCPU_REGS_SFMASK];
	save->kernel_gs_base = msrs[VCPU_REGS_KGSBASE];
	svm_dirty(svm, SVM_CLEAN_CR);
}

void svm_read_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs)
{
	const struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	const struct vmcb_save_area *save = &vmcb->save;

	if (mask & VM_RWREGS_SREGS)
		read_sregs(save, regs);
	if (mask & VM_RWREGS_CRS) {
		regs->vrs_crs[VCPU_REGS_CR0] = save->cr0;
		regs->vrs_crs[VCPU_REGS_CR2] = save->cr2;
		regs->vrs_crs[VCPU_REGS_CR3] = save->cr3;
		regs->vrs_crs[VCPU_REGS_CR4] = save->cr4;
		regs->vrs_crs[VCPU_REGS_CR8] = vmcb->control.int_ctl & V_TPR_MASK;
		memset(&regs->vrs_crs[VCPU_REGS_PDPTE0], 0, 4 * sizeof(u64));
	}
	if (mask & VM_RWREGS_MSRS) {
		regs->vrs_msrs[VCPU_REGS_EFER] = save->efer & ~EFER_SVME;
		regs->vrs_msrs[VCPU_REGS_STAR] = save->star;
		regs->vrs_msrs[VCPU_REGS_LSTAR] = save->lstar;
		regs->vrs_msrs[VCPU_REGS_CSTAR] = save->cstar;
		regs->vrs_msrs[VCPU_REGS_SFMASK] = save->sfmask;
		regs->vrs_msrs[VCPU_REGS_KGSBASE] = save->kernel_gs_base;
	}
	if (mask & VM_RWREGS_DRS) {
		regs->vrs_drs[VCPU_REGS_DR6] = save->dr6;
		regs->vrs_drs[VCPU_REGS_DR7] = save->dr7;
	}
}

void svm_write_regs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (mask & VM_RWREGS_SREGS)
		write_sregs(svm, regs);
	if (mask & VM_RWREGS_CRS)
		write_crs(svm, regs->vrs_crs);
	if (mask & VM_RWREGS_MSRS)
		write_msrs(svm, regs->vrs_msrs);
	if (mask & VM_RWREGS_DRS) {
		svm->vmcb->save.dr6 = regs->vrs_drs[VCPU_REGS_DR6];
		svm->vmcb->save.dr7 = regs->vrs_drs[VCPU_REGS_DR7];
		svm_dirty(svm, SVM_CLEAN_DR);
	}
}

/* EFER.SVME must be set in the VMCB and is none of the guest's business. */
u64 svm_read_efer(struct vmm_vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.efer & ~EFER_SVME;
}

/* The guest writes EFER (APM 3.1.7). Returns 0, or -EFAULT for #GP: reserved
 * bits, or LME changed while paging is on. */
int svm_write_efer(struct vmm_vcpu *vcpu, u64 value)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_save_area *save = &svm->vmcb->save;
	u64 known = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_FFXSR;

	if (value & ~known)
		return -EFAULT;
	if ((save->cr0 & X86_CR0_PG) && ((value ^ save->efer) & EFER_LME))
		return -EFAULT;
	save->efer = (value & ~EFER_LMA) | (save->efer & EFER_LMA) | EFER_SVME;
	svm_dirty(svm, SVM_CLEAN_CR);
	return 0;
}

void svm_write_pat(struct vmm_vcpu *vcpu, u64 value)
{
	to_svm(vcpu)->vmcb->save.g_pat = value;
	svm_dirty(to_svm(vcpu), SVM_CLEAN_NP);
}

/* MSRs that AMD processors have: LFENCE serializes; no interrupt messages. */
int svm_get_msr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value)
{
	switch (index) {
	case MSR_K8_INT_PENDING_MSG:
		*ret_value = 0;
		return 0;
	case MSR_AMD64_DE_CFG:
		*ret_value = BIT_ULL(1);
		return 0;
	default:
		return -ENOENT;
	}
}

int svm_set_msr(struct vmm_vcpu *vcpu, u32 index, u64 value)
{
	return -ENOENT;
}

void svm_paging(struct vmm_vcpu *vcpu, struct vmm_paging *paging)
{
	const struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	paging->cr0 = save->cr0;
	paging->cr3 = save->cr3;
	paging->cr4 = save->cr4;
	paging->efer = save->efer;
	paging->cs_base = save->cs.base;
	paging->cs_long = (save->efer & EFER_LMA) && (save->cs.attrib & ATTR_L);
}
