// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers that exit. Policy of vmm(4): a read of one that is
 * not known faults, a write is discarded. What only one vendor has is its own
 * get_msr and set_msr operation; they answer -ENOENT for the rest.
 */
#include <asm/msr-index.h>
#include <uapi/asm/kvm_para.h>

#include "core.h"

/* Valid memory types of PAT (SDM 12.12.2): 0, 1, 4 to 7. */
bool vmm_pat_valid(u64 pat)
{
	unsigned int i;

	for (i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return false;
	return true;
}

/* Read an MSR. Returns 0, or -EFAULT for #GP. */
int vmm_rdmsr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value)
{
	int err = vmm_op(get_msr)(vcpu, index, ret_value);

	if (err != -ENOENT)
		return err;
	switch (index) {
	case MSR_EFER:
		*ret_value = vmm_op(read_efer)(vcpu);
		return 0;
	case MSR_IA32_CR_PAT:
		*ret_value = vcpu->pat;
		return 0;
	case MSR_IA32_UCODE_REV:
	case MSR_IA32_PLATFORM_ID:
		*ret_value = 0;
		return 0;
	case MSR_KVM_SYSTEM_TIME_NEW:
		*ret_value = vcpu->pvclock_gpa;
		return 0;
	default:
		return -EFAULT;
	}
}

/* Write an MSR. Returns 0, or -EFAULT for #GP. */
int vmm_wrmsr(struct vmm_vcpu *vcpu, u32 index, u64 value)
{
	int err = vmm_op(set_msr)(vcpu, index, value);

	if (err != -ENOENT)
		return err;
	switch (index) {
	case MSR_EFER:
		return vmm_op(write_efer)(vcpu, value);
	case MSR_IA32_CR_PAT:
		if (!vmm_pat_valid(value))
			return -EFAULT;
		vcpu->pat = value;
		vmm_op(write_pat)(vcpu, value);
		return 0;
	case MSR_KVM_SYSTEM_TIME_NEW:
		return vmm_pvclock_set(vcpu, value) ? -EFAULT : 0;
	case MSR_KVM_WALL_CLOCK_NEW:
		return vmm_wallclock_write(vcpu, value) ? -EFAULT : 0;
	default:
		return 0;
	}
}
