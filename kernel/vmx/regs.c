// SPDX-License-Identifier: GPL-2.0-only
/* Registers in the VMCS's guest-state area (SDM 25.4.1), to and from vmm(4)'s. */
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "vmx.h"

#define AR_UNUSABLE	BIT(16)
#define AR_KNOWN	0xf0ff
#define TPR_CLASS(tpr)	(((tpr) >> 4) & 0xf)	/* what CR8 is, SDM 11.8.6.1 */

/* The segments' fields follow one another in vmm(4)'s order. Member by member, as the
 * padding goes to userland. */
static void read_sregs(struct vcpu_reg_state *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_REGS_NSREGS; i++) {
		struct vcpu_segment_info *vsi = &regs->vrs_sregs[i];

		vsi->vsi_sel = (u16)vmcs_read_segment(i, SELECTOR);
		vsi->vsi_limit = (u32)vmcs_read_segment(i, LIMIT);
		vsi->vsi_ar = (u32)vmcs_read_segment(i, AR_BYTES);
		vsi->vsi_base = vmcs_read_segment(i, BASE);
	}
	regs->vrs_gdtr.vsi_sel = regs->vrs_idtr.vsi_sel = 0;
	regs->vrs_gdtr.vsi_ar = regs->vrs_idtr.vsi_ar = 0;
	regs->vrs_gdtr.vsi_limit = vmcs_read(GUEST_GDTR_LIMIT);
	regs->vrs_gdtr.vsi_base = vmcs_read(GUEST_GDTR_BASE);
	regs->vrs_idtr.vsi_limit = vmcs_read(GUEST_IDTR_LIMIT);
	regs->vrs_idtr.vsi_base = vmcs_read(GUEST_IDTR_BASE);
}

static void write_sregs(const struct vcpu_reg_state *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_REGS_NSREGS; i++) {
		const struct vcpu_segment_info *vsi = &regs->vrs_sregs[i];
		u32 ar = vsi->vsi_ar & AR_UNUSABLE ? AR_UNUSABLE : vsi->vsi_ar & AR_KNOWN;

		vmcs_write_segment(i, SELECTOR, vsi->vsi_sel);
		vmcs_write_segment(i, LIMIT, vsi->vsi_limit);
		vmcs_write_segment(i, AR_BYTES, ar);
		vmcs_write_segment(i, BASE, vsi->vsi_base);
	}
	vmcs_write(GUEST_GDTR_LIMIT, regs->vrs_gdtr.vsi_limit);
	vmcs_write(GUEST_GDTR_BASE, regs->vrs_gdtr.vsi_base);
	vmcs_write(GUEST_IDTR_LIMIT, regs->vrs_idtr.vsi_limit);
	vmcs_write(GUEST_IDTR_BASE, regs->vrs_idtr.vsi_base);
}

/* The task priority in the virtual-APIC page. */
static u32 *vtpr(struct vmm_vcpu *vcpu)
{
	return &to_vmx(vcpu)->vapic[APIC_TASKPRI / sizeof(u32)];
}

static void read_crs(struct vmm_vcpu *vcpu, u64 *crs)
{
	unsigned int i;

	crs[VCPU_REGS_CR0] = vmx_cr0();
	crs[VCPU_REGS_CR2] = vcpu->frame.cr2;
	crs[VCPU_REGS_CR3] = vmcs_read(GUEST_CR3);
	crs[VCPU_REGS_CR4] = vmx_cr4();
	crs[VCPU_REGS_CR8] = TPR_CLASS(*vtpr(vcpu));
	for (i = 0; i < 4; i++)
		crs[VCPU_REGS_PDPTE0 + i] = vmx_vmread(GUEST_PDPTR0 + 2 * i);
}

static void write_crs(struct vmm_vcpu *vcpu, const u64 *crs)
{
	unsigned int i;

	vmx_set_cr0(crs[VCPU_REGS_CR0]);
	vmx_set_cr4(crs[VCPU_REGS_CR4]);
	vmcs_write(GUEST_CR3, crs[VCPU_REGS_CR3]);
	vcpu->frame.cr2 = crs[VCPU_REGS_CR2];
	*vtpr(vcpu) = (u32)(crs[VCPU_REGS_CR8] & 0xf) << 4;
	for (i = 0; i < 4; i++)
		vmcs_write_field(GUEST_PDPTR0 + 2 * i, crs[VCPU_REGS_PDPTE0 + i]);
}

void vmx_read_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_begin(vcpu);
	if (mask & VM_RWREGS_SREGS)
		read_sregs(regs);
	if (mask & VM_RWREGS_CRS)
		read_crs(vcpu, regs->vrs_crs);
	if (mask & VM_RWREGS_MSRS) {
		regs->vrs_msrs[VCPU_REGS_EFER] = vmcs_read(GUEST_IA32_EFER);
#define M(name, msr) regs->vrs_msrs[VCPU_REGS_##name] = vmx->guest_list[VMX_LIST_##name].value;
		VMX_MSR_LIST(M)
#undef M
	}
	if (mask & VM_RWREGS_DRS) {
		regs->vrs_drs[VCPU_REGS_DR6] = vmx->dr6;
		regs->vrs_drs[VCPU_REGS_DR7] = vmcs_read(GUEST_DR7);
	}
	vmx_end();
}

void vmx_write_regs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_begin(vcpu);
	if (mask & VM_RWREGS_SREGS)
		write_sregs(regs);
	if (mask & VM_RWREGS_CRS)
		write_crs(vcpu, regs->vrs_crs);
	if (mask & VM_RWREGS_MSRS) {
		vmx_set_efer(regs->vrs_msrs[VCPU_REGS_EFER]);
#define M(name, msr) vmx->guest_list[VMX_LIST_##name].value = regs->vrs_msrs[VCPU_REGS_##name];
		VMX_MSR_LIST(M)
#undef M
	}
	if (mask & VM_RWREGS_DRS) {
		vmx->dr6 = regs->vrs_drs[VCPU_REGS_DR6];
		vmcs_write(GUEST_DR7, regs->vrs_drs[VCPU_REGS_DR7]);
	}
	if (mask & (VM_RWREGS_CRS | VM_RWREGS_MSRS))
		vmx_flush_guest(vmx);
	vmx_end();
}

void vmx_write_pat(struct vmm_vcpu *vcpu, u64 value)
{
	vmx_begin(vcpu);
	vmcs_write(GUEST_IA32_PAT, value);
	vmx_end();
}

/* MSRs that Intel processors have. */
int vmx_get_msr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value)
{
	switch (index) {
	case MSR_IA32_MISC_ENABLE:
		*ret_value = vcpu->misc_enable;
		return 0;
	case MSR_IA32_FEAT_CTL:
		*ret_value = 1;		/* locked, nothing enabled */
		return 0;
	default:
		return -ENOENT;
	}
}

int vmx_set_msr(struct vmm_vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case MSR_IA32_MISC_ENABLE:
		vcpu->misc_enable = value;
		return 0;
	case MSR_IA32_SMM_MONITOR_CTL:
	case MSR_IA32_FEAT_CTL:
		return -EFAULT;
	default:
		return -ENOENT;
	}
}

void vmx_paging(struct vmm_vcpu *vcpu, struct vmm_paging *paging)
{
	vmx_begin(vcpu);
	paging->cr0 = vmcs_read(GUEST_CR0);
	paging->cr3 = vmcs_read(GUEST_CR3);
	paging->cr4 = vmx_cr4();
	paging->efer = vmcs_read(GUEST_IA32_EFER);
	paging->cs_base = vmcs_read(GUEST_CS_BASE);
	paging->cs_long = (paging->efer & EFER_LMA) &&
			  (vmcs_read(GUEST_CS_AR_BYTES) & BIT(13));
	vmx_end();
}
