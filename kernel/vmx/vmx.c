// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU on VMX: its VMCS, its entries, its events. */
#include <linux/gfp.h>
#include <linux/slab.h>

#include <asm/cpufeature.h>
#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/segment.h>
#include <asm/trapnr.h>

#include "vmx.h"

static_assert(FRAME_LAUNCHED == offsetof(struct vmm_frame, launched));
static_assert(FRAME_FAILED == offsetof(struct vmm_frame, failed));

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
	vmx->guest_list = (struct vmx_list_entry *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->msr_bitmap || !vmx->guest_list) {
		free_parts(vmx);
		return -ENOMEM;
	}
	vmx->host_list = vmx->guest_list + VMX_LIST_N;
	vmx->vmcs->revision = vmx_controls.revision;
	fill_msr_bitmap(vmx->msr_bitmap);
	fill_lists(vmx);
	vcpu->arch = vmx;
	return 0;
}

static void vmx_vcpu_free(struct vmm_vcpu *vcpu)
{
	vmx_clear(to_vmx(vcpu));
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
	preempt_disable();
	vmx_make_current(to_vmx(vcpu));
	set_exec(to_vmx(vcpu), CPU_BASED_MOV_DR_EXITING, !live);
	preempt_enable();
}

static u64 eptp_of(const struct vmm_vm *vm)
{
	return __pa(vm->pt.root) | vmx_controls.eptp_flags;
}

static void init_controls(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct vmx_controls *c = &vmx_controls;

	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, c->pin);
	vmx->exec_ctl = c->primary;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->exec_ctl);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, c->secondary & ~SECONDARY_EXEC_ENABLE_VPID);
	vmcs_write(VM_EXIT_CONTROLS, c->exit);
	vmcs_write(VM_ENTRY_CONTROLS, c->entry);
	vmcs_write(EXCEPTION_BITMAP, BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC));
	vmcs_write(CR0_GUEST_HOST_MASK, c->cr0_fixed0 & ~(u64)(X86_CR0_PE | X86_CR0_PG));
	vmcs_write(CR4_GUEST_HOST_MASK, c->cr4_fixed0);
	vmcs_write(EPT_POINTER, eptp_of(vcpu->vm));
	vmcs_write(MSR_BITMAP, __pa(vmx->msr_bitmap));
	vmcs_write(VM_EXIT_MSR_STORE_ADDR, __pa(vmx->guest_list));
	vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->guest_list));
	vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->host_list));
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, VMX_LIST_N);
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, VMX_LIST_N);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, VMX_LIST_N);
	vmcs_write(VMCS_LINK_POINTER, ~0ULL);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
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
}

static void vmx_vcpu_reset(struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_clear(vmx);
	vcpu->frame.launched = 0;
	vcpu->window = false;
	vcpu->cpu = -1;
	preempt_disable();
	vmx_make_current(vmx);
	init_controls(vcpu);
	init_guest(vcpu);
	preempt_enable();
	vmx_write_regs(vcpu, VM_RWREGS_ALL, regs);
}

/* What belongs to the CPU, when the vCPU comes to it. SDM 25.5. */
static void write_host_cpu(void)
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
	vmcs_write(HOST_IA32_SYSENTER_CS, value);
	rdmsrl(MSR_IA32_SYSENTER_ESP, value);
	vmcs_write(HOST_IA32_SYSENTER_ESP, value);
	rdmsrl(MSR_IA32_SYSENTER_EIP, value);
	vmcs_write(HOST_IA32_SYSENTER_EIP, value);
	rdmsrl(MSR_IA32_CR_PAT, value);
	vmcs_write(HOST_IA32_PAT, value);
	rdmsrl(MSR_EFER, value);
	vmcs_write(HOST_IA32_EFER, value);
	vmcs_write(HOST_RIP, (unsigned long)vmx_vmexit);
	vmcs_write(TSC_OFFSET, vmm_tsc_offset);
}

/* What belongs to the thread, whenever it may have changed. */
static void write_host_thread(struct vmx_vcpu *vmx)
{
	u64 value;

	rdmsrl(MSR_FS_BASE, value);
	vmcs_write(HOST_FS_BASE, value);
	vmcs_write(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write(HOST_CR4, cr4_read_shadow());
#define M(name, msr) rdmsrl(msr, vmx->host_list[VMX_LIST_##name].value);
	VMX_MSR_LIST(M)
#undef M
}

static void vmx_vcpu_load(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_make_current(vmx);
	if (vcpu->cpu != smp_processor_id()) {
		write_host_cpu();
		vcpu->cpu = smp_processor_id();
		vcpu->cpu_stale = true;
	}
	if (vcpu->cpu_stale) {
		write_host_thread(vmx);
		vcpu->cpu_stale = false;
	}
}

/* An exit leaves fixed limits in TR and GDTR (SDM 28.5.2): the first hides the
 * I/O permission bitmap of processes, the second more than the table. */
static void vmx_vcpu_put(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx->limits_gone)
		return;
	vmx->limits_gone = false;
	invalidate_tss_limit();
	load_fixmap_gdt(smp_processor_id());
}

static void invept_here(void *arg)
{
	u64 eptp = eptp_of(arg);

	if (__this_cpu_read(vmm_hw_on) && vmx_invept(VMX_EPT_EXTENT_CONTEXT, eptp) &&
	    vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0))
		pr_err_once("INVEPT failed\n");
}

/* A CPU keeps guest-physical mappings of a vCPU that has left it (SDM 29.4.2). */
static void vmx_flush(struct vmm_vm *vm)
{
	on_each_cpu(invept_here, vm, 1);
}

static noinstr void vmx_enter(struct vmm_vcpu *vcpu)
{
	vcpu->frame.failed = 0;
	native_write_cr2(vcpu->frame.cr2);
	vmx_vmenter(&vcpu->frame);
	vcpu->frame.cr2 = native_read_cr2();
}

/* Before each entry, interrupts off: state that the neutral code changed. */
static void vmx_prepare(struct vmm_vcpu *vcpu)
{
	u32 blocked = vcpu->shadow ? GUEST_INTR_STATE_STI : 0;
	u32 old = to_vmx(vcpu)->exit.interruptibility;

	if (vcpu->shadow && (old & GUEST_INTR_STATE_MOV_SS))
		blocked = GUEST_INTR_STATE_MOV_SS;
	vmcs_write(GUEST_RIP, vcpu->frame.gprs[VCPU_REGS_RIP]);
	vmcs_write(GUEST_RSP, vcpu->frame.gprs[VCPU_REGS_RSP]);
	vmcs_write(GUEST_RFLAGS, vcpu->frame.gprs[VCPU_REGS_RFLAGS]);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocked | (old & GUEST_INTR_STATE_NMI));
	vmcs_write(HOST_CR3, __get_current_cr3_fast());
	if (vcpu->dr_live)
		set_debugreg(to_vmx(vcpu)->dr6, 6);
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
		*e = (struct vmx_exit) {
			.reason = EXIT_REASON_INVALID_STATE | BIT(31),
			.qualification = vmcs_read(VM_INSTRUCTION_ERROR),
			.rip = vcpu->frame.gprs[VCPU_REGS_RIP],
		};
		vcpu->frame.t_exit = rdtsc();
		return;
	}
	vcpu->frame.launched = 1;
	vmx->limits_gone = true;
	vmx_read_exit(vcpu);
	if ((e->reason & 0xffff) != EXIT_REASON_EXCEPTION_NMI)
		return;
	/* The host's own: its handlers run as if it had come outside. */
	if (vmm_event_type(e->intr_info) == VMMT_ITYPE_nmi)
		vmx_host_nmi();
	else if (vmm_event_vector(e->intr_info) == X86_TRAP_MC)
		vmx_host_mce();
}

static void vmx_inject(struct vmm_vcpu *vcpu, const struct vmm_event *event)
{
	if (event->info & VMM_EVENT_ERROR)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, event->error);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, event->info);
	to_vmx(vcpu)->irq_id = event->irq_id;
}

static void vmx_window(struct vmm_vcpu *vcpu, bool on)
{
	if (on == vcpu->window)
		return;
	vcpu->window = on;
	preempt_disable();
	vmx_make_current(to_vmx(vcpu));
	set_exec(to_vmx(vcpu), CPU_BASED_INTR_WINDOW_EXITING, on);
	preempt_enable();
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
