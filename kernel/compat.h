/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels this module builds for. The only file that
 * knows a version; for C and for assembly.
 */
#ifndef VMM_COMPAT_H
#define VMM_COMPAT_H

#include <linux/version.h>

#ifdef __ASSEMBLY__

#include <asm/nospec-branch.h>
/* 6.6 gave the way out of a guest a name of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define VMM_UNTRAIN_RET UNTRAIN_RET_VM
#else
#define VMM_UNTRAIN_RET UNTRAIN_RET
#endif

#else /* !__ASSEMBLY__ */

#include <linux/device/class.h>
#include <linux/mm.h>
#include <linux/reboot.h>

#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>

/* Keep one guest's branch history from another's: IBPB where the kernel uses
 * it. The kernel's own wrapper is not for modules on every version. */
static inline void vmm_branch_barrier(void)
{
	if (boot_cpu_has(X86_FEATURE_USE_IBPB))
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

/* While guests run, some AMD processors have to speculate less (SRSO), and the kernel leaves it to
 * the hypervisor to say when. */
static inline void vmm_speculate_less(bool on)
{
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
	u64 value;

	if (!cpu_feature_enabled(X86_FEATURE_SRSO_BP_SPEC_REDUCE))
		return;
	rdmsrl(MSR_ZEN4_BP_CFG, value);
	value &= ~BIT_ULL(MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	wrmsrl(MSR_ZEN4_BP_CFG, value | (u64)on << MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
#endif
}

/* A guest ran on this CPU: where the kernel keeps guests' branch predictions from userland
 * (VMSCAPE), it has to be told. Preemption off. */
static inline void vmm_guest_was_here(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/* Vma flags became read-only to drivers in 6.3. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* Tell RCU that this CPU is about to be in a guest: a quiescent state. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define vmm_note_guest() rcu_virt_note_context_switch()
#else
#define vmm_note_guest() rcu_virt_note_context_switch(smp_processor_id())
#endif

/* Suspend and resume hooks got an argument in 6.19, and some stable kernels
 * took that over: Kbuild looks which it is. */
#include <linux/syscore_ops.h>
#ifdef VMM_HAVE_REGISTER_SYSCORE
#define VMM_SYSCORE_ARGS void *unused
#define VMM_SYSCORE(name, suspend_fn, resume_fn) \
	static const struct syscore_ops name##_ops = { .suspend = suspend_fn, .resume = resume_fn }; \
	static struct syscore name = { .ops = &name##_ops }
#define vmm_register_syscore(s) register_syscore(s)
#define vmm_unregister_syscore(s) unregister_syscore(s)
#else
#define VMM_SYSCORE_ARGS void
#define VMM_SYSCORE(name, suspend_fn, resume_fn) \
	static struct syscore_ops name = { .suspend = suspend_fn, .resume = resume_fn }
#define vmm_register_syscore(s) register_syscore_ops(s)
#define vmm_unregister_syscore(s) unregister_syscore_ops(s)
#endif

/* Crash and emergency reboot: since 6.6 the owner of virtualization registers
 * a callback; before, the kernel itself looks for EFER.SVME and CR4.VMXE. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define VMM_EMERGENCY_CALLBACK 1
#include <asm/reboot.h>
#endif

#endif /* __ASSEMBLY__ */

#endif /* VMM_COMPAT_H */
