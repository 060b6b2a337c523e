// SPDX-License-Identifier: GPL-2.0-only
/* VMX on a CPU: is it there, switch it on and off, whose VMCS is current. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>

#include "vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);
struct vmx_controls vmx_controls;

/* EPT entries, SDM 29.3.2: read, write, execute; write-back, ignoring PAT. */
#define EPT_R		BIT_ULL(0)
#define EPT_W		BIT_ULL(1)
#define EPT_X		BIT_ULL(2)
#define EPT_RWX		(EPT_R | EPT_W | EPT_X)
#define EPT_WB_IPAT	((6ULL << 3) | BIT_ULL(6))
struct vmm_pt_format vmx_pt_format = {
	.table = EPT_RWX,
	.leaf = EPT_RWX | EPT_WB_IPAT,
	.large = EPT_RWX | EPT_WB_IPAT | BIT_ULL(7),
	.present = EPT_RWX,
	/* As on the other vendor, what may be written or executed can be read; without
	 * that many processors take no entry (SDM 29.3.3.1). */
	.access_mask = EPT_RWX,
	.access = {
		[VMMT_ACCESS_r] = EPT_R,
		[VMMT_ACCESS_w] = EPT_R | EPT_W,
		[VMMT_ACCESS_rw] = EPT_R | EPT_W,
		[VMMT_ACCESS_x] = EPT_R | EPT_X,
		[VMMT_ACCESS_rx] = EPT_R | EPT_X,
		[VMMT_ACCESS_wx] = EPT_RWX,
		[VMMT_ACCESS_rwx] = EPT_RWX,
	},
};

/* Controls: what must be 1, what may be; want must be allowed, like is taken
 * if it is. SDM A.2 to A.5. */
static int adjust(u32 msr, u32 want, u32 like, u32 *ret)
{
	u32 must, may;

	if (rdmsr_safe(msr, &must, &may))
		return -EOPNOTSUPP;
	if (want & ~may)
		return -EOPNOTSUPP;
	*ret = want | must | (like & may);
	return 0;
}

static int check_controls(char *why, size_t size)
{
	struct vmx_controls *c = &vmx_controls;
	u64 basic, ept = 0;
	bool true_ctls;

	if (rdmsrl_safe(MSR_IA32_VMX_BASIC, &basic))
		goto none;
	c->revision = basic & 0x7fffffff;
	c->string_info = basic & BIT_ULL(54);
	true_ctls = basic & BIT_ULL(55);
	if (adjust(true_ctls ? MSR_IA32_VMX_TRUE_PINBASED_CTLS : MSR_IA32_VMX_PINBASED_CTLS,
		   PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING, PIN_BASED_VIRTUAL_NMIS, &c->pin))
		goto none;
	if (adjust(true_ctls ? MSR_IA32_VMX_TRUE_PROCBASED_CTLS : MSR_IA32_VMX_PROCBASED_CTLS,
		   CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING |
		   CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_USE_MSR_BITMAPS |
		   CPU_BASED_MOV_DR_EXITING | CPU_BASED_RDPMC_EXITING | CPU_BASED_CR8_LOAD_EXITING |
		   CPU_BASED_CR8_STORE_EXITING | CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, 0,
		   &c->primary)) {
		snprintf(why, size, "VMX without secondary controls or MSR bitmaps");
		return -EOPNOTSUPP;
	}
	if (adjust(MSR_IA32_VMX_PROCBASED_CTLS2,
		   SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST,
		   SECONDARY_EXEC_ENABLE_VPID, &c->secondary)) {
		snprintf(why, size, "VMX without EPT and unrestricted guest");
		return -EOPNOTSUPP;
	}
	if (adjust(true_ctls ? MSR_IA32_VMX_TRUE_EXIT_CTLS : MSR_IA32_VMX_EXIT_CTLS,
		   VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_SAVE_IA32_EFER | VM_EXIT_LOAD_IA32_EFER |
		   VM_EXIT_SAVE_IA32_PAT | VM_EXIT_LOAD_IA32_PAT | VM_EXIT_SAVE_DEBUG_CONTROLS, 0,
		   &c->exit) ||
	    adjust(true_ctls ? MSR_IA32_VMX_TRUE_ENTRY_CTLS : MSR_IA32_VMX_ENTRY_CTLS,
		   VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_LOAD_IA32_PAT | VM_ENTRY_LOAD_DEBUG_CONTROLS,
		   0, &c->entry)) {
		snprintf(why, size, "VMX that does not switch EFER and PAT");
		return -EOPNOTSUPP;
	}
	rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &ept);
	if (!(ept & VMX_EPT_PAGE_WALK_4_BIT) || !(ept & VMX_EPTP_WB_BIT)) {
		snprintf(why, size, "EPT without 4-level write-back tables");
		return -EOPNOTSUPP;
	}
	c->eptp_flags = VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 |
			(ept & VMX_EPT_AD_BIT ? VMX_EPTP_AD_ENABLE_BIT : 0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, c->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, c->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, c->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, c->cr4_fixed1);
	return 0;
none:
	snprintf(why, size, "the processor's VMX tells no capabilities");
	return -EOPNOTSUPP;
}

/* Whether this host has what the module needs; if not, why names it. */
int vmx_check(char *why, size_t size)
{
	u64 feature = 0;

	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		snprintf(why, size, "the processor has no VMX (CPUID 1 ECX bit 5), or firmware hides it");
		return -EOPNOTSUPP;
	}
	rdmsrl_safe(MSR_IA32_FEAT_CTL, &feature);
	if ((feature & FEAT_CTL_LOCKED) && !(feature & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		snprintf(why, size, "VMX is locked off by firmware (FEATURE_CONTROL): enable it in the setup");
		return -EOPNOTSUPP;
	}
	return check_controls(why, size);
}

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpus, cpu);

		free_page((unsigned long)vc->vmxon);
		vc->vmxon = NULL;
	}
}

int vmx_hw_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpus, cpu);

		INIT_LIST_HEAD(&vc->loaded);
		vc->vmxon = (struct vmx_vmcs *)get_zeroed_page(GFP_KERNEL);
		if (!vc->vmxon) {
			free_all();
			return -ENOMEM;
		}
		vc->vmxon->revision = vmx_controls.revision;
	}
	return 0;
}

void vmx_hw_exit(void)
{
	free_all();
}

/* Switch VMX on, on this CPU, interrupts off (SDM 24.7). -EBUSY if somebody
 * else has it. */
int vmx_cpu_on(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	u64 feature = 0;

	if (cr4_read_shadow() & X86_CR4_VMXE) {
		pr_err_ratelimited("another hypervisor has VMX on CPU %d: unload it (modprobe -r kvm_intel)\n",
				   smp_processor_id());
		return -EBUSY;
	}
	rdmsrl_safe(MSR_IA32_FEAT_CTL, &feature);
	if (!(feature & FEAT_CTL_LOCKED))
		wrmsrl_safe(MSR_IA32_FEAT_CTL, feature | FEAT_CTL_LOCKED |
			    FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (vmx_vmxon(__pa(vc->vmxon))) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		pr_err_ratelimited("VMXON failed on CPU %d\n", smp_processor_id());
		return -EIO;
	}
	return 0;
}

/* VMCLEAR on this CPU, interrupts off: its VMCS is complete in memory and may
 * be loaded elsewhere (SDM 25.11.3). */
static void clear_here(void *arg)
{
	struct vmx_vcpu *vmx = arg;
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);

	if (vmx->loaded != smp_processor_id())
		return;
	if (vmx_vmclear(__pa(vmx->vmcs)))
		pr_err_once("VMCLEAR failed\n");
	if (vc->current_vcpu == vmx)
		vc->current_vcpu = NULL;
	list_del(&vmx->link);
	vmx->vcpu->frame.launched = 0;
	/* Whoever sees -1 may load it: everything above comes first. */
	smp_store_release(&vmx->loaded, -1);
}

/* Off every CPU. Interrupts on; may be called from any. */
void vmx_clear(struct vmx_vcpu *vmx)
{
	int cpu = smp_load_acquire(&vmx->loaded);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_here, vmx, 1);
}

/* Make the vCPU's VMCS current on this CPU: preemption off, interrupts on. */
void vmx_make_current(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	unsigned long flags;

	if (vc->current_vcpu == vmx)
		return;
	if (vmx->loaded != smp_processor_id())
		vmx_clear(vmx);
	local_irq_save(flags);
	if (vmx_vmptrld(__pa(vmx->vmcs)))
		pr_err_once("VMPTRLD failed\n");
	vc->current_vcpu = vmx;
	if (vmx->loaded < 0) {
		list_add(&vmx->link, &vc->loaded);
		vmx->loaded = smp_processor_id();
	}
	local_irq_restore(flags);
}

/* Switch VMX off, on this CPU, interrupts off: first every VMCS it has. */
void vmx_cpu_off(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx, *next;

	list_for_each_entry_safe(vmx, next, &vc->loaded, link)
		clear_here(vmx);
	vmx_vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

/* In a crash, perhaps from an NMI: no list can be trusted, and whose VMCS is in
 * the processor does not matter any more. */
void vmx_cpu_emergency_off(void)
{
	vmx_vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}
