// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 terminal fault: on processors that have it, a guest can read whatever is
 * in the first-level data cache. So the cache is flushed before entries, as the
 * host's l1tf= says: always, or when something but this vCPU may have left its
 * data there. Other hosts pay nothing.
 */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/jump_label.h>

#include <asm/barrier.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "vmx.h"

#define FILL_ORDER	4
#define FILL_SIZE	(PAGE_SIZE << FILL_ORDER)	/* twice a cache of 32 KiB */
#define CACHE_LINE	64

DEFINE_STATIC_KEY_FALSE(vmx_l1d_flushed);
static DEFINE_STATIC_KEY_FALSE(flush_always);
static DEFINE_STATIC_KEY_FALSE(flush_by_msr);
static const u8 *fill;

/* The host's l1tf=. A kernel without KVM for Intel does not tell modules: then always. */
static enum l1tf_mitigations host_mitigation(void)
{
#if IS_ENABLED(CONFIG_KVM_INTEL)
	return l1tf_mitigation;
#else
	return cpu_mitigations_off() ? L1TF_MITIGATION_OFF : L1TF_MITIGATION_FULL;
#endif
}

static bool needed(void)
{
	u64 capabilities = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF) || host_mitigation() == L1TF_MITIGATION_OFF)
		return false;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, capabilities);
	return !(capabilities & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

/* Choose what entries do, by the processor and the host's l1tf=. -ENOMEM. */
int vmx_l1d_init(void)
{
	if (!needed())
		return 0;
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		static_branch_enable(&flush_by_msr);
	} else {
		fill = (const u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, FILL_ORDER);
		if (!fill)
			return -ENOMEM;
	}
	if (host_mitigation() >= L1TF_MITIGATION_FULL)
		static_branch_enable(&flush_always);
	static_branch_enable(&vmx_l1d_flushed);
	return 0;
}

void vmx_l1d_exit(void)
{
	static_branch_disable(&vmx_l1d_flushed);
	free_pages((unsigned long)fill, FILL_ORDER);
	fill = NULL;
}

/* Whether an interrupt came since the last flush: its handler touched anything. */
static __always_inline bool interrupted(void)
{
#if IS_ENABLED(CONFIG_KVM_INTEL)
	bool was = kvm_get_cpu_l1tf_flush_l1d();

	kvm_clear_cpu_l1tf_flush_l1d();
	return was;
#else
	return true;
#endif
}

/* Fill the cache with nothing: first the translations, so that their walks do not come in
 * between. */
static __always_inline void displace(void)
{
	unsigned int i;

	for (i = 0; i < FILL_SIZE; i += PAGE_SIZE)
		(void)READ_ONCE(fill[i]);
	barrier_nospec();
	for (i = 0; i < FILL_SIZE; i += CACHE_LINE)
		(void)READ_ONCE(fill[i]);
	barrier_nospec();
}

/* Right before an entry, interrupts off, if vmx_l1d_flushed. */
noinstr void vmx_l1d_flush(struct vmx_vcpu *vmx)
{
	bool flush = interrupted() || vmx->l1d_flush;

	vmx->l1d_flush = false;
	if (!flush && !static_branch_unlikely(&flush_always))
		return;
	if (static_branch_likely(&flush_by_msr))
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		displace();
}
