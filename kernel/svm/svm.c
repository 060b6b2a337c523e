// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU on SVM: its VMCB, its entries, its events. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/slab.h>

#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/mem_encrypt.h>
#include <asm/processor.h>
#include <asm/special_insns.h>
#include <asm/trapnr.h>

#include "svm.h"

/* What we ask to exit for. No CR access, no CR3, no RDTSC: the guest's own. */
static const u8 intercepts[] = {
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT, INTERCEPT_CPUID,
	INTERCEPT_INVD, INTERCEPT_HLT, INTERCEPT_INVLPGA, INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT,
	INTERCEPT_TASK_SWITCH, INTERCEPT_SHUTDOWN, INTERCEPT_VMRUN, INTERCEPT_VMMCALL,
	INTERCEPT_VMLOAD, INTERCEPT_VMSAVE, INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_RDTSCP, INTERCEPT_ICEBP, INTERCEPT_MONITOR, INTERCEPT_MWAIT, INTERCEPT_XSETBV,
	INTERCEPT_RDPMC, INTERCEPT_WBINVD, INTERCEPT_FERR_FREEZE,
};

static int svm_vcpu_init(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (struct vmcb *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	vcpu->frame.guest_pa = __sme_pa(svm->vmcb);
	vcpu->arch = svm;
	return 0;
}

static void svm_vcpu_free(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
	vcpu->arch = NULL;
}

/* DR0 to DR3 are not switched by the processor. Until the guest touches debug
 * registers it does not have them; then RUN loads them around each entry. */
static void svm_set_dr_live(struct vmm_vcpu *vcpu, bool live)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.intercepts[INTERCEPT_DR] = live ? 0 : U32_MAX;
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

static void init_controls(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *ctl = &svm->vmcb->control;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(intercepts); i++)
		svm_intercept(svm, intercepts[i], true);
	/* Watched because their delivery can loop inside the processor; #MC is the host's. */
	svm_intercept(svm, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_DB, true);
	svm_intercept(svm, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_AC, true);
	svm_intercept(svm, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_MC, true);
	svm_set_dr_live(vcpu, false);
	ctl->iopm_base_pa = __sme_set(page_to_phys(svm_iopm));
	ctl->msrpm_base_pa = __sme_set(page_to_phys(svm_msrpm));
	ctl->int_ctl = V_INTR_MASKING_MASK;
	ctl->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	ctl->nested_cr3 = __sme_pa(vcpu->vm->pt.root);
}

static void svm_vcpu_reset(struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	memset(svm->vmcb, 0, sizeof(*svm->vmcb));
	vcpu->cpu = -1;
	vcpu->window = 0;
	svm->nmi = 0;
	svm->entry_shadow = false;
	init_controls(vcpu);
	svm->vmcb->save.g_pat = vcpu->pat;
	svm_write_regs(vcpu, VM_RWREGS_ALL, regs);
}

/* What the CPU has cached is seen to when the entry is certain. */
static void svm_vcpu_load(struct vmm_vcpu *vcpu)
{
}

/* entry.S puts all of the host's state back after each exit. */
static void svm_vcpu_put(struct vmm_vcpu *vcpu)
{
}

/* A new ASID has no translations. */
static void svm_flush(struct vmm_vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->ncpus; i++)
		to_svm(vm->vcpus[i])->asid_generation = 0;
}

/* The vCPU has been elsewhere, or somebody else has been here. */
static noinline void come_here(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	int id = smp_processor_id();

	if (static_branch_unlikely(&vmm_paranoid)) {
		svm_forget_asids(cpu);
		vcpu->cpu_stale = true;
	}
	if (vcpu->cpu != id || svm->asid_generation != cpu->asid_generation)
		svm_new_asid(svm, cpu);
	if (vcpu->cpu != id) {
		svm->vmcb->control.tsc_offset = vmm_tsc_offset;
		svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
		vcpu->cpu = id;
	}
	if (vcpu->cpu_stale) {
		vcpu->frame.host_pa = __sme_set(page_to_phys(cpu->host));
		svm_vmsave(vcpu->frame.host_pa);
		if (cpu_feature_enabled(X86_FEATURE_OSPKE))
			svm->host_pkru = rdpkru();
		vcpu->cpu_stale = false;
	}
}

static void svm_prepare(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = vcpu->arch;
	struct vmcb *vmcb = svm->vmcb;

	vmcb->save.rax = vcpu->frame.gprs[VCPU_REGS_RAX];
	vmcb->save.rsp = vcpu->frame.gprs[VCPU_REGS_RSP];
	vmcb->save.rip = vcpu->frame.gprs[VCPU_REGS_RIP];
	vmcb->save.rflags = vcpu->frame.gprs[VCPU_REGS_RFLAGS];
	if (unlikely(svm->nmi & SVM_NMI_STEP))
		vmcb->save.rflags |= X86_EFLAGS_TF;
	vmcb->control.int_state = vcpu->shadow ? SVM_INTERRUPT_SHADOW_MASK : 0;
	vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
	svm->entry_rip = vmcb->save.rip;
	svm->entry_shadow = vcpu->shadow && !vmcb->control.event_inj;
	if (static_branch_unlikely(&vmm_paranoid) ||
	    unlikely(vcpu->cpu_stale || vcpu->cpu != smp_processor_id() ||
		     svm->asid_generation != this_cpu_ptr(&svm_cpus)->asid_generation))
		come_here(vcpu);
}

/* Between CLGI and STGI not even an NMI comes: the segment bases and the
 * syscall MSRs are the guest's for a while. */
static noinstr void svm_enter(struct vmm_vcpu *vcpu)
{
	/* The host's last quotient is not for the guest to see. */
	if (static_cpu_has_bug(X86_BUG_DIV0))
		svm_clear_divider();
	svm_clgi();
	svm_vmrun(&vcpu->frame);
	svm_stgi();
}

/* A machine check that we intercepted is the host's to look at. A VMRUN that
 * refused its VMCB need not have flushed. The guest may set CR4.PKE, though CPUID does not tell
 * of it, and then write PKRU, which nothing else gives back to the host. */
static void svm_exit_irqoff(struct vmm_vcpu *vcpu)
{
	u32 code = to_svm(vcpu)->vmcb->control.exit_code;

	if (cpu_feature_enabled(X86_FEATURE_OSPKE) && rdpkru() != to_svm(vcpu)->host_pkru)
		wrpkru(to_svm(vcpu)->host_pkru);
	if (unlikely(code == SVM_EXIT_EXCP_BASE + X86_TRAP_MC))
		svm_host_mce();
	else if (unlikely(code == SVM_EXIT_ERR))
		svm_forget_asids(this_cpu_ptr(&svm_cpus));
}

static void svm_inject(struct vmm_vcpu *vcpu, const struct vmm_event *event)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.event_inj = event->info;
	svm->vmcb->control.event_inj_err = event->error;
	svm->irq_id = event->irq_id;
	if (vmm_event_type(event->info) == VMMT_ITYPE_nmi) {
		svm->nmi = SVM_NMI_HANDLER;
		svm_intercept(svm, INTERCEPT_IRET, true);
	}
}

/*
 * A virtual interrupt that is intercepted when it could be taken: that is the
 * window (APM 15.21). Not during a shadow: a processor that does not keep it
 * over VMRUN would open the window before the shadowed instruction, and an
 * interrupt between STI and HLT is a wake-up lost.
 */
static void intr_window(struct svm_vcpu *svm, bool on)
{
	struct vmcb_control_area *ctl = &svm->vmcb->control;

	ctl->int_ctl &= ~V_IRQ_INJECTION_BITS_MASK;
	if (on)
		ctl->int_ctl |= V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK;
	ctl->int_vector = 0;
	svm_intercept(svm, INTERCEPT_VINTR, on);
	svm_dirty(svm, SVM_CLEAN_TPR);
}

/*
 * There is no window for NMIs. While a handler runs, its IRET exits; what then is in the way,
 * that IRET or the instruction of a shadow, is single-stepped. Not together with an event, whose
 * frame would show the guest our TF: then the NMI waits for the next exit.
 */
static void svm_window(struct vmm_vcpu *vcpu, u8 want)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (vcpu->shadow)
		want &= ~VMM_WINDOW_INTR;
	if ((want ^ vcpu->window) & VMM_WINDOW_INTR)
		intr_window(svm, want & VMM_WINDOW_INTR);
	svm->nmi &= ~SVM_NMI_STEP;
	if ((want & VMM_WINDOW_NMI) && !(svm->nmi & SVM_NMI_HANDLER) &&
	    !svm->vmcb->control.event_inj &&
	    !(vcpu->frame.gprs[VCPU_REGS_RFLAGS] & X86_EFLAGS_TF))
		svm->nmi |= SVM_NMI_STEP;
	vcpu->window = want;
}

static void svm_single_step(struct vmm_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->save.dr6 |= DR_STEP;
	svm_dirty(svm, SVM_CLEAN_DR);
	vmm_inject_exception(vcpu, X86_TRAP_DB, false, 0);
}

const struct vmm_ops vmm_svm_ops = {
	.name = "AMD SVM",
	.isa = VMMT_ISA_svm,
	.pt = &svm_pt_format,
	.check = svm_check,
	.hw_init = svm_hw_init,
	.hw_exit = svm_hw_exit,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.cpu_emergency_off = svm_cpu_off,
	.vcpu_init = svm_vcpu_init,
	.vcpu_free = svm_vcpu_free,
	.crs_valid = svm_crs_valid,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.flush = svm_flush,
	.prepare = svm_prepare,
	.enter = svm_enter,
	.exit_irqoff = svm_exit_irqoff,
	.decode = svm_decode,
	.handle = svm_handle,
	.inject = svm_inject,
	.window = svm_window,
	.set_dr_live = svm_set_dr_live,
	.read_regs = svm_read_regs,
	.write_regs = svm_write_regs,
	.read_efer = svm_read_efer,
	.write_efer = svm_write_efer,
	.write_pat = svm_write_pat,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.single_step = svm_single_step,
	.paging = svm_paging,
};
