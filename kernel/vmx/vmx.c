// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU on VMX: its VMCS, its entries, its events. */
#include <linux/gfp.h>
#include <linux/slab.h>

#include <asm/apicdef.h>
#include <asm/debugreg.h>
#include <asm/mmu_context.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "vmx.h"

static_assert(FRAME_LAUNCHED == offsetof(struct vmm_frame, launched));
static_assert(FRAME_FAILED == offsetof(struct vmm_frame, failed));
static_assert(FRAME_HOST_RSP == offsetof(struct vmm_frame, host_rsp));

#define PENDING_BS	BIT_ULL(14)	/* a single step, SDM table 25-4 */
#define DR7_GD		BIT_ULL(13)	/* SDM 18.2.4 */

/* MSRs without exits: what the processor switches by itself or from the lists. */
static const u32 direct_rw[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

/* The bitmap has four parts: reads low, reads high, writes low, writes high
 * (SDM 25.6.9). */
static void allow_msr(u64 *bitmap, u32 index, bool write)
{
	unsigned long *part = (unsigned long *)((u8 *)bitmap + (write ? 2048 : 0) +
						(index >= 0xc0000000 ? 1024 : 0));

	__clear_bit(index & 0x1fff, part);
}

static void fill_msr_bitmap(u64 *bitmap)
{
	unsigned int i;

	memset(bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(direct_rw); i++) {
		allow_msr(bitmap, direct_rw[i], false);
		allow_msr(bitmap, direct_rw[i], true);
	}
	allow_msr(bitmap, MSR_IA32_TSC, false);
}

static void fill_lists(struct vmx_vcpu *vmx)
{
#define M(name, msr) \
	vmx->guest_list[VMX_LIST_##name].index = msr; \
	vmx->host_list[VMX_LIST_##name].index = msr;
	VMX_MSR_LIST(M)
#undef M
}

static void free_parts(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->vmcs);
	free_page((unsigned long)vmx->msr_bitmap);
	free_page((unsigned long)vmx->vapic);
	free_page((unsigned long)vmx->guest_list);
	kfree(vmx);
}

static int vmx_vcpu_init(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);

	if (!vmx)
		return -ENOMEM;
	vmx->vcpu = vcpu;
	vmx->loaded = -1;
	vmx->vmcs = (struct vmx_vmcs *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->msr_bitmap = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->vapic = (u32 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->guest_list = (struct vmx_list_entry *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->msr_bitmap || !vmx->vapic || !vmx->guest_list) {
		free_parts(vmx);
		return -ENOMEM;
	}
	vmx->host_list = vmx->guest_list + VMX_LIST_MAX;
	vmx->vmcs->revision = vmx_controls.revision;
	fill_msr_bitmap(vmx->msr_bitmap);
	fill_lists(vmx);
	/* Whatever the page was before: its launch state is now clear (SDM 25.11.3). */
	preempt_disable();
	if (vmx_vmclear(__pa(vmx->vmcs)))
		pr_err_once("VMCLEAR failed\n");
	preempt_enable();
	vcpu->arch = vmx;
	return 0;
}

static void vmx_vcpu_free(struct vmm_vcpu *vcpu)
{
	vmx_clear(to_vmx(vcpu));
	vmx_ept_ends();
	free_parts(to_vmx(vcpu));
	vcpu->arch = NULL;
}

static void set_exec(struct vmx_vcpu *vmx, u32 bit, bool on)
{
	vmx->exec_ctl = on ? vmx->exec_ctl | bit : vmx->exec_ctl & ~bit;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->exec_ctl);
}

/* DR0 to DR3 and DR6 are not switched by the processor: see handle.c. */
static void vmx_set_dr_live(struct vmm_vcpu *vcpu, bool live)
{
	vmx_begin(vcpu);
	set_exec(to_vmx(vcpu), CPU_BASED_MOV_DR_EXITING, !live);
	vmx_end();
}

static void init_lists(struct vmx_vcpu *vmx)
{
	vmcs_write(VM_EXIT_MSR_STORE_ADDR, __pa(vmx->guest_list));
	vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->guest_list));
	vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->host_list));
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, VMX_LIST_N);
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, VMX_LIST_N);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, VMX_LIST_N);
	vmx->list_count = VMX_LIST_N;
}

static void init_controls(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct vmx_controls *c = &vmx_controls;

	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, c->pin);
	vmx->exec_ctl = c->primary;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->exec_ctl);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, c->secondary);
	if (c->secondary & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write(ENCLS_EXITING_BITMAP, ~0ULL);
	vmcs_write(VM_EXIT_CONTROLS, c->exit);
	vmcs_write(VM_ENTRY_CONTROLS, c->entry);
	/* #DB and #AC: their delivery can loop inside the processor. #MC is the host's. */
	vmcs_write(EXCEPTION_BITMAP, BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC));
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmx_init_crs();
	vmcs_write(EPT_POINTER, vmx_eptp(vcpu->vm));
	vmcs_write(MSR_BITMAP, __pa(vmx->msr_bitmap));
	/* CR8 is what is in that page, and never in the way of an interrupt. */
	vmcs_write(VIRTUAL_APIC_PAGE_ADDR, __pa(vmx->vapic));
	vmcs_write(TPR_THRESHOLD, 0);
	vmcs_write(VMCS_LINK_POINTER, ~0ULL);
	init_lists(vmx);
}

static void init_guest(struct vmm_vcpu *vcpu)
{
	vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write(GUEST_SYSENTER_CS, 0);
	vmcs_write(GUEST_SYSENTER_ESP, 0);
	vmcs_write(GUEST_SYSENTER_EIP, 0);
	vmcs_write(GUEST_IA32_PAT, vcpu->pat);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	/* What struct vmx_exit says that the VMCS has. */
	vmcs_write(GUEST_RIP, 0);
	vmcs_write(GUEST_RSP, 0);
	vmcs_write(GUEST_RFLAGS, 0);
	vmcs_write(HOST_CR3, 0);
	vmcs_write(HOST_CR4, 0);
}

static void vmx_vcpu_reset(struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_clear(vmx);
	vmx->exit = (struct vmx_exit){};
	vmx->host = (struct vmx_host){};
	vcpu->frame.launched = 0;
	vcpu->frame.host_rsp = 0;
	vcpu->window = 0;
	vcpu->cpu = -1;
	vmx_begin(vcpu);
	vmcs_write(HOST_RSP, 0);
	init_controls(vcpu);
	init_guest(vcpu);
	vmx_end();
	vmx_write_regs(vcpu, VM_RWREGS_ALL, regs);
}

static void vmx_vcpu_load(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	int id = smp_processor_id();

	/* What the processor has of the VMCS goes to memory, and the rest is as on another CPU. */
	if (static_branch_unlikely(&vmm_paranoid))
		vmx_clear(vmx);
	vmx_make_current(vmx);
	if (vcpu->cpu != id) {
		vmx_write_host_cpu();
		vmx_come_here(vcpu, cpu);
		vcpu->cpu = id;
		vcpu->cpu_stale = true;
	}
	if (vmx->vpid_generation != cpu->vpid_generation)
		vmx_new_vpid(vmx, cpu);
}

static void vmx_vcpu_put(struct vmm_vcpu *vcpu)
{
	vmx_restore_host(to_vmx(vcpu));
}

static noinstr void vmx_enter(struct vmm_vcpu *vcpu)
{
	vcpu->frame.failed = 0;
	native_write_cr2(vcpu->frame.cr2);
	if (static_branch_unlikely(&vmx_l1d_flushed))
		vmx_l1d_flush(vcpu->arch);
	vmx_vmenter(&vcpu->frame);
	vcpu->frame.cr2 = native_read_cr2();
}

/* In a shadow a pending single step has to agree with TF (SDM 27.3.1.5). That, and IF, which
 * STI's shadow needs, may have been changed from outside. */
static void check_pending_step(struct vmm_vcpu *vcpu)
{
	u64 pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	u64 want = vcpu->frame.gprs[VCPU_REGS_RFLAGS] & X86_EFLAGS_TF ? PENDING_BS : 0;

	if ((pending & PENDING_BS) != want)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, pending ^ PENDING_BS);
}

static void write_interruptibility(struct vmm_vcpu *vcpu, struct vmx_exit *e)
{
	u32 blocked = vcpu->nmi_blocked ? GUEST_INTR_STATE_NMI : 0;

	if (vcpu->shadow) {
		if (e->interruptibility & GUEST_INTR_STATE_MOV_SS)
			blocked |= GUEST_INTR_STATE_MOV_SS;
		else if (vcpu->frame.gprs[VCPU_REGS_RFLAGS] & X86_EFLAGS_IF)
			blocked |= GUEST_INTR_STATE_STI;
		check_pending_step(vcpu);
	}
	if (blocked != e->interruptibility)
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocked);
	e->interruptibility = blocked;
}

/* CR3 and CR4 are not only the thread's: other CPUs may ask for changes by interrupt. */
static void write_host_crs(struct vmx_host *host)
{
	u64 cr3 = __get_current_cr3_fast(), cr4 = cr4_read_shadow();

	if (cr3 != host->cr3)
		vmcs_write(HOST_CR3, cr3);
	if (cr4 != host->cr4)
		vmcs_write(HOST_CR4, cr4);
	host->cr3 = cr3;
	host->cr4 = cr4;
}

/* Before each entry, interrupts off: state that the neutral code changed. */
static void vmx_prepare(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmx_exit *e = &vmx->exit;
	const u64 *gprs = vcpu->frame.gprs;

	if (vcpu->cpu_stale) {
		vmx_save_host(vmx);
		vcpu->cpu_stale = false;
	}
	if (e->rip != gprs[VCPU_REGS_RIP])
		vmcs_write(GUEST_RIP, e->rip = gprs[VCPU_REGS_RIP]);
	if (e->rsp != gprs[VCPU_REGS_RSP])
		vmcs_write(GUEST_RSP, e->rsp = gprs[VCPU_REGS_RSP]);
	if (e->rflags != gprs[VCPU_REGS_RFLAGS])
		vmcs_write(GUEST_RFLAGS, e->rflags = gprs[VCPU_REGS_RFLAGS]);
	write_interruptibility(vcpu, e);
	write_host_crs(&vmx->host);
	if (static_branch_unlikely(&vmx_perf_switched))
		vmx_switch_perf(vmx);
	if (vcpu->dr_live)
		set_debugreg(vmx->dr6, 6);
}

/* The host's own events end a stay too: its handlers run as if they had come outside. */
static void host_events(const struct vmx_exit *e)
{
	u32 reason = e->reason & 0xffff;

	if (reason == EXIT_REASON_MCE_DURING_VMENTRY)
		vmx_host_mce();
	if (reason != EXIT_REASON_EXCEPTION_NMI)
		return;
	if (vmm_event_type(e->intr_info) == VMMT_ITYPE_nmi)
		vmx_host_nmi();
	else if (vmm_event_vector(e->intr_info) == X86_TRAP_MC)
		vmx_host_mce();
}

static void vmx_exit_irqoff(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmx_exit *e = &vmx->exit;

	if (vcpu->dr_live) {
		get_debugreg(vmx->dr6, 6);
		set_debugreg(DR6_RESERVED, 6);
	}
	if (unlikely(vcpu->frame.failed)) {
		e->reason = EXIT_REASON_INVALID_STATE | VMX_EXIT_REASONS_FAILED_VMENTRY;
		e->qualification = vmcs_read(VM_INSTRUCTION_ERROR);
		e->idt_info = e->intr_info = 0;
		vcpu->frame.t_exit = rdtsc();
		return;
	}
	vmx->host.gone = true;
	if (unlikely(vmx->host.debugctl))
		update_debugctlmsr(vmx->host.debugctl);
	vmx_read_exit(vcpu);
	/* An entry that fails launches nothing (SDM 27.8). */
	if (likely(!(e->reason & VMX_EXIT_REASONS_FAILED_VMENTRY)))
		vcpu->frame.launched = 1;
	host_events(e);
}

/* A #DB's delivery clears DR7.GD, but not that of one that is injected (SDM 27.6.1). */
static void clear_general_detect(void)
{
	u64 dr7 = vmcs_read(GUEST_DR7);

	if (dr7 & DR7_GD)
		vmcs_write(GUEST_DR7, dr7 & ~DR7_GD);
}

static void vmx_inject(struct vmm_vcpu *vcpu, const struct vmm_event *event)
{
	if (event->info == VMM_EVENT(VMMT_ITYPE_exception, X86_TRAP_DB))
		clear_general_detect();
	if (event->info & VMM_EVENT_ERROR)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, event->error);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, event->info);
	to_vmx(vcpu)->irq_id = event->irq_id;
}

/*
 * SDM 26.2: at the next instruction before which such an event could be taken. The window for NMIs
 * may be open in STI's shadow, where an NMI cannot be injected (SDM 27.3.1.5). Interrupts are
 * enabled then, and their window opens right behind it.
 */
static void vmx_window(struct vmm_vcpu *vcpu, u8 want)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 ctl = vmx->exec_ctl & ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);
	bool sti = vcpu->shadow && !(vmx->exit.interruptibility & GUEST_INTR_STATE_MOV_SS);

	if ((want & VMM_WINDOW_INTR) || ((want & VMM_WINDOW_NMI) && sti))
		ctl |= CPU_BASED_INTR_WINDOW_EXITING;
	if ((want & VMM_WINDOW_NMI) && !sti)
		ctl |= CPU_BASED_NMI_WINDOW_EXITING;
	vcpu->window = want;
	if (ctl == vmx->exec_ctl)
		return;
	vmx->exec_ctl = ctl;
	vmx_begin(vcpu);
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, ctl);
	vmx_end();
}

static void vmx_single_step(struct vmm_vcpu *vcpu)
{
	to_vmx(vcpu)->dr6 |= DR_STEP;
	vmm_inject_exception(vcpu, X86_TRAP_DB, false, 0);
}

const struct vmm_ops vmm_vmx_ops = {
	.name = "Intel VMX",
	.isa = VMMT_ISA_vmx,
	.pt = &vmx_pt_format,
	.check = vmx_check,
	.hw_init = vmx_hw_init,
	.hw_exit = vmx_hw_exit,
	.cpu_on = vmx_cpu_on,
	.cpu_off = vmx_cpu_off,
	.cpu_emergency_off = vmx_cpu_emergency_off,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_free = vmx_vcpu_free,
	.crs_valid = vmx_crs_valid,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_put = vmx_vcpu_put,
	.flush = vmx_flush,
	.prepare = vmx_prepare,
	.enter = vmx_enter,
	.exit_irqoff = vmx_exit_irqoff,
	.decode = vmx_decode,
	.handle = vmx_handle,
	.inject = vmx_inject,
	.window = vmx_window,
	.set_dr_live = vmx_set_dr_live,
	.read_regs = vmx_read_regs,
	.write_regs = vmx_write_regs,
	.read_efer = vmx_read_efer,
	.write_efer = vmx_write_efer,
	.write_pat = vmx_write_pat,
	.get_msr = vmx_get_msr,
	.set_msr = vmx_set_msr,
	.single_step = vmx_single_step,
	.paging = vmx_paging,
};
