// SPDX-License-Identifier: GPL-2.0-only
/* Registers in the VMCS's guest-state area (SDM 25.4.1), to and from vmm(4)'s. */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "vmx.h"

#define AR_UNUSABLE BIT(16)

/* The segments' fields follow one another in vmm(4)'s order, 2 apart. */
static u32 seg_field(u32 first, unsigned int i)
{
	return first + 2 * i;
}

/* Member by member, as the padding goes to userland. */
static void read_sregs(struct vcpu_reg_state *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_REGS_NSREGS; i++) {
		struct vcpu_segment_info *vsi = &regs->vrs_sregs[i];

		vsi->vsi_sel = (u16)vmcs_read(seg_field(GUEST_ES_SELECTOR, i));
		vsi->vsi_limit = (u32)vmcs_read(seg_field(GUEST_ES_LIMIT, i));
		vsi->vsi_ar = (u32)vmcs_read(seg_field(GUEST_ES_AR_BYTES, i));
		vsi->vsi_base = vmcs_read(seg_field(GUEST_ES_BASE, i));
	}
	regs->vrs_gdtr.vsi_sel = regs->vrs_idtr.vsi_sel = 0;
	regs->vrs_gdtr.vsi_ar = regs->vrs_idtr.vsi_ar = 0;
	regs->vrs_gdtr.vsi_limit = (u32)vmcs_read(GUEST_GDTR_LIMIT);
	regs->vrs_gdtr.vsi_base = vmcs_read(GUEST_GDTR_BASE);
	regs->vrs_idtr.vsi_limit = (u32)vmcs_read(GUEST_IDTR_LIMIT);
	regs->vrs_idtr.vsi_base = vmcs_read(GUEST_IDTR_BASE);
}

static void write_sregs(const struct vcpu_reg_state *regs)
{
	unsigned int i;

	for (i = 0; i < VCPU_REGS_NSREGS; i++) {
		const struct vcpu_segment_info *vsi = &regs->vrs_sregs[i];

		vmcs_write(seg_field(GUEST_ES_SELECTOR, i), vsi->vsi_sel);
		vmcs_write(seg_field(GUEST_ES_LIMIT, i), vsi->vsi_limit);
		vmcs_write(seg_field(GUEST_ES_AR_BYTES, i), vsi->vsi_ar & AR_UNUSABLE ? AR_UNUSABLE :
			   vsi->vsi_ar & 0xf0ff);
		vmcs_write(seg_field(GUEST_ES_BASE, i), vsi->vsi_base);
	}
	vmcs_write(GUEST_GDTR_LIMIT, regs->vrs_gdtr.vsi_limit);
	vmcs_write(GUEST_GDTR_BASE, regs->vrs_gdtr.vsi_base);
	vmcs_write(GUEST_IDTR_LIMIT, regs->vrs_idtr.vsi_limit);
	vmcs_write(GUEST_IDTR_BASE, regs->vrs_idtr.vsi_base);
}

/* Bits that VMX operation fixes, but for PE and PG with unrestricted guest. */
static u64 cr0_forced(void)
{
	return vmx_controls.cr0_fixed0 & ~(u64)(X86_CR0_PE | X86_CR0_PG);
}

bool vmx_cr0_valid(u64 value)
{
	return !(value & ~(vmx_controls.cr0_fixed1 & U32_MAX)) &&
	       !((value & X86_CR0_PG) && !(value & X86_CR0_PE)) &&
	       !((value & X86_CR0_NW) && !(value & X86_CR0_CD));
}

bool vmx_cr4_valid(u64 value)
{
	return !(value & ~vmx_controls.cr4_fixed1) && !(value & X86_CR4_VMXE);
}

bool vmx_crs_valid(const u64 *crs)
{
	return vmx_cr0_valid(crs[VCPU_REGS_CR0]) && vmx_cr4_valid(crs[VCPU_REGS_CR4]);
}

/* What the guest wrote shows in the shadow; what VMX needs is in the register. */
void vmx_set_cr0(struct vmx_vcpu *vmx, u64 value)
{
	vmx->cr0_shadow = value;
	vmcs_write(CR0_READ_SHADOW, value);
	vmcs_write(GUEST_CR0, value | cr0_forced());
}

void vmx_set_cr4(struct vmx_vcpu *vmx, u64 value)
{
	vmx->cr4_shadow = value;
	vmcs_write(CR4_READ_SHADOW, value);
	vmcs_write(GUEST_CR4, value | vmx_controls.cr4_fixed0);
}

/* As the guest sees it: bits it owns from the register, others from the shadow. */
static u64 guest_cr0(void)
{
	u64 mask = vmcs_read(CR0_GUEST_HOST_MASK);

	return (vmcs_read(GUEST_CR0) & ~mask) | (vmcs_read(CR0_READ_SHADOW) & mask);
}

static u64 guest_cr4(void)
{
	u64 mask = vmcs_read(CR4_GUEST_HOST_MASK);

	return (vmcs_read(GUEST_CR4) & ~mask) | (vmcs_read(CR4_READ_SHADOW) & mask);
}

static void set_efer(u64 efer)
{
	u32 entry = (u32)vmcs_read(VM_ENTRY_CONTROLS) & ~VM_ENTRY_IA32E_MODE;

	vmcs_write(GUEST_IA32_EFER, efer);
	vmcs_write(VM_ENTRY_CONTROLS, entry | (efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0));
}

static void read_crs(struct vmm_vcpu *vcpu, u64 *crs)
{
	unsigned int i;

	crs[VCPU_REGS_CR0] = guest_cr0();
	crs[VCPU_REGS_CR2] = vcpu->frame.cr2;
	crs[VCPU_REGS_CR3] = vmcs_read(GUEST_CR3);
	crs[VCPU_REGS_CR4] = guest_cr4();
	crs[VCPU_REGS_CR8] = to_vmx(vcpu)->cr8;
	for (i = 0; i < 4; i++)
		crs[VCPU_REGS_PDPTE0 + i] = vmcs_read(GUEST_PDPTR0 + 2 * i);
}

static void write_crs(struct vmm_vcpu *vcpu, const u64 *crs)
{
	unsigned int i;

	vmx_set_cr0(to_vmx(vcpu), crs[VCPU_REGS_CR0]);
	vmx_set_cr4(to_vmx(vcpu), crs[VCPU_REGS_CR4]);
	vmcs_write(GUEST_CR3, crs[VCPU_REGS_CR3]);
	vcpu->frame.cr2 = crs[VCPU_REGS_CR2];
	to_vmx(vcpu)->cr8 = crs[VCPU_REGS_CR8] & 0xf;
	for (i = 0; i < 4; i++)
		vmcs_write(GUEST_PDPTR0 + 2 * i, crs[VCPU_REGS_PDPTE0 + i]);
}

/* A vCPU's VMCS is current between these; preemption is off. */
static void begin(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	vmx_make_current(to_vmx(vcpu));
}

static void end(void)
{
	preempt_enable();
}

void vmx_read_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	begin(vcpu);
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
	end();
}

void vmx_write_regs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	begin(vcpu);
	if (mask & VM_RWREGS_SREGS)
		write_sregs(regs);
	if (mask & VM_RWREGS_CRS)
		write_crs(vcpu, regs->vrs_crs);
	if (mask & VM_RWREGS_MSRS) {
		set_efer(regs->vrs_msrs[VCPU_REGS_EFER]);
#define M(name, msr) vmx->guest_list[VMX_LIST_##name].value = regs->vrs_msrs[VCPU_REGS_##name];
		VMX_MSR_LIST(M)
#undef M
	}
	if (mask & VM_RWREGS_DRS) {
		vmx->dr6 = regs->vrs_drs[VCPU_REGS_DR6];
		vmcs_write(GUEST_DR7, regs->vrs_drs[VCPU_REGS_DR7]);
	}
	end();
}

u64 vmx_read_efer(struct vmm_vcpu *vcpu)
{
	u64 efer;

	begin(vcpu);
	efer = vmcs_read(GUEST_IA32_EFER);
	end();
	return efer;
}

/* The guest writes EFER (SDM 2.2.1). -EFAULT for #GP: reserved bits, or LME
 * changed while paging is on. */
int vmx_write_efer(struct vmm_vcpu *vcpu, u64 value)
{
	u64 old;
	int err = -EFAULT;

	begin(vcpu);
	old = vmcs_read(GUEST_IA32_EFER);
	if (value & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
		goto out;
	if ((vmcs_read(GUEST_CR0) & X86_CR0_PG) && ((value ^ old) & EFER_LME))
		goto out;
	set_efer((value & ~(u64)EFER_LMA) | (old & EFER_LMA));
	err = 0;
out:
	end();
	return err;
}

void vmx_write_pat(struct vmm_vcpu *vcpu, u64 value)
{
	begin(vcpu);
	vmcs_write(GUEST_IA32_PAT, value);
	end();
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
	begin(vcpu);
	paging->cr0 = vmcs_read(GUEST_CR0);
	paging->cr3 = vmcs_read(GUEST_CR3);
	paging->cr4 = guest_cr4();
	paging->efer = vmcs_read(GUEST_IA32_EFER);
	paging->cs_base = vmcs_read(GUEST_CS_BASE);
	paging->cs_long = (paging->efer & EFER_LMA) &&
			  (vmcs_read(GUEST_CS_AR_BYTES) & BIT(13));
	end();
}
