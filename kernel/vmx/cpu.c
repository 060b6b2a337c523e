// SPDX-License-Identifier: GPL-2.0-only
/* VMX on a CPU: is it there, switch it on and off, whose VMCS is current. */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
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

/* The MSRs that tell which controls may and must be 1 (SDM A.3 to A.5). */
static const struct {
	const char *name;
	u32 msr;
	u32 *value;
} control_sets[] = {
	{ "pin-based controls", MSR_IA32_VMX_TRUE_PINBASED_CTLS, &vmx_controls.pin },
	{ "processor-based controls", MSR_IA32_VMX_TRUE_PROCBASED_CTLS, &vmx_controls.primary },
	{ "secondary controls", MSR_IA32_VMX_PROCBASED_CTLS2, &vmx_controls.secondary },
	{ "VM-exit controls", MSR_IA32_VMX_TRUE_EXIT_CTLS, &vmx_controls.exit },
	{ "VM-entry controls", MSR_IA32_VMX_TRUE_ENTRY_CTLS, &vmx_controls.entry },
};
enum { PIN, PRIMARY, SECONDARY, EXIT, ENTRY };

/* What we ask for (SDM 25.6 to 25.8), in the manual's words. What is not needed is taken
 * where it is there. */
static const struct {
	u8 set;
	bool needed;
	u32 bit;
	const char *name;
} controls[] = {
	{ PIN, true, PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ PIN, true, PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ PIN, true, PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ PRIMARY, true, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls" },
	{ PRIMARY, true, CPU_BASED_USE_TSC_OFFSETTING, "use TSC offsetting" },
	{ PRIMARY, true, CPU_BASED_HLT_EXITING, "HLT exiting" },
	{ PRIMARY, true, CPU_BASED_MWAIT_EXITING, "MWAIT exiting" },
	{ PRIMARY, true, CPU_BASED_MONITOR_EXITING, "MONITOR exiting" },
	{ PRIMARY, true, CPU_BASED_RDPMC_EXITING, "RDPMC exiting" },
	{ PRIMARY, true, CPU_BASED_MOV_DR_EXITING, "MOV-DR exiting" },
	{ PRIMARY, true, CPU_BASED_UNCOND_IO_EXITING, "unconditional I/O exiting" },
	{ PRIMARY, true, CPU_BASED_USE_MSR_BITMAPS, "use MSR bitmaps" },
	{ PRIMARY, true, CPU_BASED_TPR_SHADOW, "use TPR shadow" },
	{ SECONDARY, true, SECONDARY_EXEC_ENABLE_EPT, "enable EPT" },
	{ SECONDARY, true, SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ SECONDARY, false, SECONDARY_EXEC_ENABLE_VPID, "enable VPID" },
	{ SECONDARY, false, SECONDARY_EXEC_WBINVD_EXITING, "WBINVD exiting" },
	{ SECONDARY, false, SECONDARY_EXEC_ENCLS_EXITING, "enable ENCLS exiting" },
	{ EXIT, true, VM_EXIT_HOST_ADDR_SPACE_SIZE, "host address-space size" },
	{ EXIT, true, VM_EXIT_SAVE_DEBUG_CONTROLS, "save debug controls" },
	{ EXIT, true, VM_EXIT_SAVE_IA32_PAT, "save IA32_PAT" },
	{ EXIT, true, VM_EXIT_LOAD_IA32_PAT, "load IA32_PAT" },
	{ EXIT, true, VM_EXIT_SAVE_IA32_EFER, "save IA32_EFER" },
	{ EXIT, true, VM_EXIT_LOAD_IA32_EFER, "load IA32_EFER" },
	{ ENTRY, true, VM_ENTRY_LOAD_DEBUG_CONTROLS, "load debug controls" },
	{ ENTRY, true, VM_ENTRY_LOAD_IA32_PAT, "load IA32_PAT" },
	{ ENTRY, true, VM_ENTRY_LOAD_IA32_EFER, "load IA32_EFER" },
};

/* The value of one set of controls: those that must be 1, and what we ask for. */
static int check_set(unsigned int set, char *why, size_t size)
{
	u32 must, may, value;
	unsigned int i;

	if (rdmsr_safe(control_sets[set].msr, &must, &may)) {
		snprintf(why, size, "VMX without %s", control_sets[set].name);
		return -EOPNOTSUPP;
	}
	value = must;
	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		if (controls[i].set != set)
			continue;
		value |= controls[i].bit & may;
		if (controls[i].needed && !(may & controls[i].bit)) {
			snprintf(why, size, "VMX without \"%s\" (bit %d of its %s)", controls[i].name,
				 ffs(controls[i].bit) - 1, control_sets[set].name);
			return -EOPNOTSUPP;
		}
	}
	*control_sets[set].value = value;
	return 0;
}

/* SDM A.10: INVVPID, and its type "all contexts". */
#define EPT_VPID_CAP_INVVPID_ALL	(BIT_ULL(32) | BIT_ULL(42))

/* What EPT and VPIDs can do, after the controls have been chosen. */
static int check_ept(char *why, size_t size)
{
	struct vmx_controls *c = &vmx_controls;
	u64 cap = 0;

	rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &cap);
	if (!(cap & VMX_EPT_PAGE_WALK_4_BIT)) {
		snprintf(why, size, "EPT without tables of 4 levels");
		return -EOPNOTSUPP;
	}
	if (!(cap & VMX_EPTP_WB_BIT)) {
		snprintf(why, size, "EPT without write-back tables");
		return -EOPNOTSUPP;
	}
	if (!(cap & VMX_EPT_INVEPT_BIT) ||
	    !(cap & (VMX_EPT_EXTENT_GLOBAL_BIT | VMX_EPT_EXTENT_CONTEXT_BIT))) {
		snprintf(why, size, "EPT without INVEPT");
		return -EOPNOTSUPP;
	}
	c->invept_one = cap & VMX_EPT_EXTENT_CONTEXT_BIT;
	c->invept_all = cap & VMX_EPT_EXTENT_GLOBAL_BIT;
	if ((cap & EPT_VPID_CAP_INVVPID_ALL) != EPT_VPID_CAP_INVVPID_ALL)
		c->secondary &= ~SECONDARY_EXEC_ENABLE_VPID;
	/* A guest that runs code in a page while it changes that page's size brings such a
	 * processor to a machine check, unless the page is small in EPT (iTLB multihit). */
	if (!(cap & VMX_EPT_2MB_PAGE_BIT) ||
	    (boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off()))
		vmx_pt_format.large = 0;
	c->eptp_flags = VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 |
			(cap & VMX_EPT_AD_BIT ? VMX_EPTP_AD_ENABLE_BIT : 0);
	return 0;
}

static int check_controls(char *why, size_t size)
{
	struct vmx_controls *c = &vmx_controls;
	unsigned int set;
	u64 basic;
	int err;

	if (rdmsrl_safe(MSR_IA32_VMX_BASIC, &basic) || !(basic & VMX_BASIC_TRUE_CTLS)) {
		snprintf(why, size, "VMX without the TRUE capability MSRs (IA32_VMX_BASIC bit 55)");
		return -EOPNOTSUPP;
	}
	c->revision = basic & 0x7fffffff;
	c->string_info = basic & VMX_BASIC_INOUT;
	for (set = 0; set < ARRAY_SIZE(control_sets); set++) {
		err = check_set(set, why, size);
		if (err)
			return err;
	}
	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, c->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, c->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, c->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, c->cr4_fixed1);
	return check_ept(why, size);
}

/* Whether this host has what the module needs; if not, why names it. */
int vmx_check(char *why, size_t size)
{
	u64 feature = 0;

	/* Not boot_cpu_has(): the kernel forgets VMX that firmware locked off. */
	if (boot_cpu_data.cpuid_level < 1 || !(cpuid_ecx(1) & BIT(5))) {
		snprintf(why, size, "the processor has no VMX (CPUID 1 ECX bit 5), or firmware hides it");
		return -EOPNOTSUPP;
	}
	rdmsrl_safe(MSR_IA32_FEAT_CTL, &feature);
	if ((feature & FEAT_CTL_LOCKED) && !(feature & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		snprintf(why, size, "VMX is locked off by firmware (IA32_FEATURE_CONTROL): enable it in the setup");
		return -EOPNOTSUPP;
	}
#ifdef X86_FEATURE_FRED
	if (cpu_feature_enabled(X86_FEATURE_FRED)) {
		snprintf(why, size, "the host takes its events by FRED: boot it with fred=off");
		return -EOPNOTSUPP;
	}
#endif
	return check_controls(why, size);
}

void vmx_hw_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpus, cpu);

		free_page((unsigned long)vc->vmxon);
		vc->vmxon = NULL;
	}
	vmx_l1d_exit();
}

int vmx_hw_init(void)
{
	int cpu, err;

	err = vmx_l1d_init();
	if (err)
		return err;
	vmx_host_init();
	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpus, cpu);

		INIT_LIST_HEAD(&vc->loaded);
		vc->vmxon = (struct vmx_vmcs *)get_zeroed_page(GFP_KERNEL);
		if (!vc->vmxon) {
			vmx_hw_exit();
			return -ENOMEM;
		}
		vc->vmxon->revision = vmx_controls.revision;
	}
	return 0;
}

/* VMXON faults unless this is locked with VMX allowed (SDM 24.7). */
static int enable_feature(void)
{
	u64 want = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX, feature;

	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &feature) || (feature & want) == want)
		return 0;	/* some emulated processors have no such MSR */
	if (feature & FEAT_CTL_LOCKED)
		return -EIO;
	return wrmsrl_safe(MSR_IA32_FEAT_CTL, feature | want);
}

/* Switch VMX on, on this CPU, interrupts off (SDM 24.7). -EBUSY if somebody
 * else has it. */
int vmx_cpu_on(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);

	if (cr4_read_shadow() & X86_CR4_VMXE) {
		pr_err_ratelimited("another hypervisor has VMX on CPU %d: unload it (modprobe -r kvm_intel)\n",
				   smp_processor_id());
		return -EBUSY;
	}
	if (enable_feature()) {
		pr_err_ratelimited("firmware locked VMX off on CPU %d alone (IA32_FEATURE_CONTROL)\n",
				   smp_processor_id());
		return -EIO;
	}
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (vmx_vmxon(__pa(vc->vmxon))) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		pr_err_ratelimited("VMXON failed on CPU %d\n", smp_processor_id());
		return -EIO;
	}
	vmx_tlb_cpu_on(vc);
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
	vmx->vcpu->cpu = -1;
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
	intel_pt_handle_vmx(0);
}

/* In a crash, perhaps from an NMI: no list can be trusted, and whose VMCS is in
 * the processor does not matter any more. */
void vmx_cpu_emergency_off(void)
{
	vmx_vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}
