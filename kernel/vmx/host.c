// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's state around a stay in the guest: what an exit loads from the
 * VMCS (SDM 25.5), and what it leaves in a state of its own (SDM 28.5) and we
 * put back when the thread leaves the CPU, or RUN.
 */
#include <linux/percpu.h>

#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>

#include "vmx.h"

DEFINE_STATIC_KEY_FALSE(vmx_perf_switched);

/* What belongs to the CPU, when a vCPU comes to it. The VMCS is current. */
void vmx_write_host_cpu(void)
{
	int cpu = smp_processor_id();
	struct desc_ptr idt;
	u64 value;

	store_idt(&idt);
	vmcs_write(HOST_IDTR_BASE, idt.address);
	vmcs_write(HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_FS_SELECTOR, 0);
	vmcs_write(HOST_GS_SELECTOR, 0);
	rdmsrl(MSR_GS_BASE, value);
	vmcs_write(HOST_GS_BASE, value);
	rdmsrl(MSR_IA32_SYSENTER_CS, value);
	vmcs_write(HOST_IA32_SYSENTER_CS, (u32)value);
	rdmsrl(MSR_IA32_SYSENTER_ESP, value);
	vmcs_write(HOST_IA32_SYSENTER_ESP, value);
	rdmsrl(MSR_IA32_SYSENTER_EIP, value);
	vmcs_write(HOST_IA32_SYSENTER_EIP, value);
	rdmsrl(MSR_IA32_CR_PAT, value);
	vmcs_write(HOST_IA32_PAT, value);
	rdmsrl(MSR_EFER, value);
	vmcs_write(HOST_IA32_EFER, value);
	vmcs_write(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write(HOST_RIP, (unsigned long)vmx_vmexit);
	vmcs_write(TSC_OFFSET, vmm_tsc_offset);
}

/* What belongs to the thread, and to this moment: before the first entry of a RUN, and
 * after the thread was off the CPU. Interrupts off, the VMCS is current. */
void vmx_save_host(struct vmx_vcpu *vmx)
{
	struct vmx_host *host = &vmx->host;

	rdmsrl(MSR_FS_BASE, host->fs_base);
	vmcs_write(HOST_FS_BASE, host->fs_base);
#define M(name, msr) rdmsrl(msr, vmx->host_list[VMX_LIST_##name].value);
	VMX_MSR_LIST(M)
#undef M
	host->debugctl = get_debugctlmsr();
	savesegment(ds, host->ds);
	savesegment(es, host->es);
	savesegment(fs, host->fs);
	savesegment(gs, host->gs);
	vmx->l1d_flush = true;
}

/* Selectors that hardly any thread has: of descriptors in its LDT, or of 32-bit code. */
static void restore_selectors(struct vmx_vcpu *vmx)
{
	const struct vmx_host *host = &vmx->host;

	loadsegment(ds, host->ds);
	loadsegment(es, host->es);
	if (host->fs) {
		loadsegment(fs, host->fs);
		wrmsrl(MSR_FS_BASE, host->fs_base);
	}
	if (host->gs) {
		load_gs_index(host->gs);
		wrmsrl(MSR_KERNEL_GS_BASE, vmx->host_list[VMX_LIST_KGSBASE].value);
	}
}

/* An exit leaves fixed limits in TR and GDTR: the first hides the I/O permission
 * bitmap of processes, the second more than the table. Selectors are null. Preemption off. */
void vmx_restore_host(struct vmx_vcpu *vmx)
{
	const struct vmx_host *host = &vmx->host;

	if (!vmx->host.gone)
		return;
	vmx->host.gone = false;
	invalidate_tss_limit();
	load_fixmap_gdt(smp_processor_id());
	if (unlikely(host->ds | host->es | host->fs | host->gs))
		restore_selectors(vmx);
}

/* Whether the host has counters that perf may want to stop in guests. */
void vmx_host_init(void)
{
	int n = 0;

	preempt_disable();
	perf_guest_get_msrs(&n, NULL);
	preempt_enable();
	if (n)
		static_branch_enable(&vmx_perf_switched);
}

static void write_list_count(struct vmx_vcpu *vmx, u32 count)
{
	if (vmx->list_count == count)
		return;
	vmx->list_count = count;
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, count);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, count);
}

/*
 * perf says which of its MSRs have another value in the guest: counters that exclude guests,
 * and PEBS, which would write its records through the guest's page tables. It changes DEBUGCTL by
 * interrupt, while this thread is inside RUN. Interrupts off.
 */
void vmx_switch_perf(struct vmx_vcpu *vmx)
{
	u32 count = VMX_LIST_N;
	const struct perf_guest_switch_msr *msrs;
	int n, i;

	vmx->host.debugctl = get_debugctlmsr();
	msrs = perf_guest_get_msrs(&n, NULL);
	for (i = 0; i < n && count < VMX_LIST_MAX; i++) {
		if (msrs[i].host == msrs[i].guest)
			continue;
		vmx->guest_list[count] = (struct vmx_list_entry){ msrs[i].msr, 0, msrs[i].guest };
		vmx->host_list[count] = (struct vmx_list_entry){ msrs[i].msr, 0, msrs[i].host };
		count++;
	}
	write_list_count(vmx, count);
}
