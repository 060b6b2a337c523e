// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which translations a CPU may keep (SDM 29.4).
 *
 * Linear and combined mappings are tagged with a VPID. VPIDs are handed out
 * per CPU: a vCPU gets a new one when it comes to a CPU, and when what was
 * translated before must go. When they are used up a new generation begins
 * with a flush of all.
 *
 * Guest-physical mappings are tagged with the address of the EPT's root alone.
 * Entries are added, and when pages are protected every CPU flushes. So what is
 * left is a root that gets the address of one whose VM has ended: a CPU that has
 * not flushed since then does so before it runs a vCPU that is new to it.
 */
#include <linux/atomic.h>
#include <linux/smp.h>

#include "vmx.h"

#define FIRST_VPID	1	/* 0 is the host's */
#define LAST_VPID	0xffff

static atomic64_t vms_ended = ATOMIC64_INIT(1);

u64 vmx_eptp(const struct vmm_vm *vm)
{
	return __pa(vm->pt.root) | vmx_controls.eptp_flags;
}

/* VMX was switched on: nothing that this CPU may still know is ours. */
void vmx_tlb_cpu_on(struct vmx_cpu *cpu)
{
	cpu->vpid_generation++;
	cpu->next_vpid = LAST_VPID + 1;
	cpu->ept_generation = 0;
}

/* A VPID on this CPU that nobody has used since the last flush. The VMCS is
 * current. Without VPIDs each entry flushes (SDM 29.4.3.1). */
void vmx_new_vpid(struct vmx_vcpu *vmx, struct vmx_cpu *cpu)
{
	if (vmx_controls.secondary & SECONDARY_EXEC_ENABLE_VPID) {
		if (cpu->next_vpid > LAST_VPID) {
			cpu->vpid_generation++;
			cpu->next_vpid = FIRST_VPID;
			if (vmx_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0))
				pr_err_once("INVVPID failed\n");
		}
		vmcs_write(VIRTUAL_PROCESSOR_ID, (u16)cpu->next_vpid++);
	}
	vmx->vpid_generation = cpu->vpid_generation;
}

static void flush_ept(u64 type, u64 eptp)
{
	if (vmx_invept(type, eptp))
		pr_err_once("INVEPT failed\n");
}

/* A vCPU has come to this CPU, preemption off. */
void vmx_come_here(struct vmm_vcpu *vcpu, struct vmx_cpu *cpu)
{
	u64 ended = atomic64_read(&vms_ended);

	vmx_flush_guest(to_vmx(vcpu));
	if (!vmx_controls.invept_all) {
		flush_ept(VMX_EPT_EXTENT_CONTEXT, vmx_eptp(vcpu->vm));
	} else if (cpu->ept_generation != ended || static_branch_unlikely(&vmm_paranoid)) {
		cpu->ept_generation = ended;
		flush_ept(VMX_EPT_EXTENT_GLOBAL, 0);
	}
}

static void flush_here(void *vm)
{
	if (!__this_cpu_read(vmm_hw_on))
		return;		/* when it is switched on nothing is known */
	if (vmx_controls.invept_one)
		flush_ept(VMX_EPT_EXTENT_CONTEXT, vmx_eptp(vm));
	else
		flush_ept(VMX_EPT_EXTENT_GLOBAL, 0);
}

/* Pages of the VM have been protected, and none of its vCPUs is inside a RUN. Any CPU may
 * still have its guest-physical mappings. */
void vmx_flush(struct vmm_vm *vm)
{
	on_each_cpu(flush_here, vm, 1);
}

/* A VM ends; its EPT is freed after this. */
void vmx_ept_ends(void)
{
	atomic64_inc(&vms_ended);
}
