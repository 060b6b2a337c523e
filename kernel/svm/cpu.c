// SPDX-License-Identifier: GPL-2.0-only
/* SVM on a CPU: is it there, switch it on and off, hand out ASIDs. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/percpu.h>

#include <asm/cpufeature.h>
#include <asm/mem_encrypt.h>
#include <asm/msr.h>
#include <asm/pgtable_types.h>
#include <asm/processor.h>

#include "svm.h"

#define IOPM_ORDER	2	/* 12 KiB, APM 15.10.1 */
#define MSRPM_ORDER	1	/* 8 KiB, APM 15.11 */
#define FIRST_ASID	1	/* 0 is the host's */

DEFINE_PER_CPU(struct svm_cpu, svm_cpus);
struct page *svm_msrpm, *svm_iopm;

/* Nested tables have the format of the host's own, as user pages (APM 15.25.5). */
struct vmm_pt_format svm_pt_format = {
	.table = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED,
	.leaf = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY,
	.large = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_PSE,
	.present = _PAGE_PRESENT,
	/* There is no permission to read: what is present can be read (APM 15.25.5). */
	.access_mask = _PAGE_PRESENT | _PAGE_RW | _PAGE_NX,
	.access = {
		[VMMT_ACCESS_r] = _PAGE_PRESENT | _PAGE_NX,
		[VMMT_ACCESS_w] = _PAGE_PRESENT | _PAGE_RW | _PAGE_NX,
		[VMMT_ACCESS_rw] = _PAGE_PRESENT | _PAGE_RW | _PAGE_NX,
		[VMMT_ACCESS_x] = _PAGE_PRESENT,
		[VMMT_ACCESS_rx] = _PAGE_PRESENT,
		[VMMT_ACCESS_wx] = _PAGE_PRESENT | _PAGE_RW,
		[VMMT_ACCESS_rwx] = _PAGE_PRESENT | _PAGE_RW,
	},
};

/* What a guest reads and writes without an exit: what VMLOAD and VMSAVE
 * switch (APM 15.5.2). Read only: TSC, HWCR, P-state 0. */
static const u32 direct_rw[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

static const u32 direct_read[] = { MSR_IA32_TSC, MSR_K7_HWCR, MSR_AMD_PSTATE_DEF_BASE };

/* Bit of an MSR's read permission in the map; write is the next. APM 15.11. */
static unsigned int msrpm_bit(u32 index)
{
	if (index < 0x2000)
		return index * 2;
	if (index - 0xc0000000 < 0x2000)
		return 0x800 * 8 + (index - 0xc0000000) * 2;
	return 0x1000 * 8 + (index - 0xc0010000) * 2;
}

/* Whether this host has what the module needs; if not, why names it. */
int svm_check(char *why, size_t size)
{
	u64 vm_cr;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		snprintf(why, size, "the processor has no SVM (CPUID 8000_0001 ECX bit 2), or firmware hides it");
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		snprintf(why, size, "SVM without nested paging (CPUID 8000_000A EDX bit 0)");
		return -EOPNOTSUPP;
	}
	if (!rdmsrl_safe(MSR_VM_CR, &vm_cr) && (vm_cr & SVM_VM_CR_SVM_DIS_MASK)) {
		snprintf(why, size, "SVM is switched off by firmware (VM_CR.SVMDIS): enable it in the setup");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpus, cpu);

		if (sc->hsave)
			__free_page(sc->hsave);
		if (sc->host)
			__free_page(sc->host);
		sc->hsave = sc->host = NULL;
	}
	if (svm_msrpm)
		__free_pages(svm_msrpm, MSRPM_ORDER);
	if (svm_iopm)
		__free_pages(svm_iopm, IOPM_ORDER);
	svm_msrpm = svm_iopm = NULL;
}

static void fill_maps(void)
{
	unsigned long *map = page_address(svm_msrpm);
	unsigned int i;

	memset(page_address(svm_iopm), 0xff, PAGE_SIZE << IOPM_ORDER);
	memset(map, 0xff, PAGE_SIZE << MSRPM_ORDER);
	for (i = 0; i < ARRAY_SIZE(direct_rw); i++) {
		__clear_bit(msrpm_bit(direct_rw[i]), map);
		__clear_bit(msrpm_bit(direct_rw[i]) + 1, map);
	}
	for (i = 0; i < ARRAY_SIZE(direct_read); i++)
		__clear_bit(msrpm_bit(direct_read[i]), map);
}

int svm_hw_init(void)
{
	int cpu;

	svm_pt_format.table |= sme_me_mask;
	svm_pt_format.leaf |= sme_me_mask;
	svm_pt_format.large |= sme_me_mask;
	svm_msrpm = alloc_pages(GFP_KERNEL, MSRPM_ORDER);
	svm_iopm = alloc_pages(GFP_KERNEL, IOPM_ORDER);
	if (!svm_msrpm || !svm_iopm)
		goto free;
	fill_maps();
	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpus, cpu);

		sc->hsave = alloc_page(GFP_KERNEL | __GFP_ZERO);
		sc->host = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!sc->hsave || !sc->host)
			goto free;
	}
	return 0;
free:
	free_all();
	return -ENOMEM;
}

void svm_hw_exit(void)
{
	free_all();
}

/* No vCPU has an ASID on this CPU any more; the next entry flushes. Interrupts
 * off, on that CPU. */
void svm_forget_asids(struct svm_cpu *cpu)
{
	cpu->asid_generation++;
	cpu->next_asid = cpu->max_asid + 1;
}

/* Switch SVM on, on this CPU (APM 15.4). -EBUSY if somebody else has it. */
int svm_cpu_on(void)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		pr_err_ratelimited("another hypervisor has SVM on CPU %d: unload it (modprobe -r kvm_amd)\n",
				   smp_processor_id());
		return -EBUSY;
	}
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, __sme_set(page_to_phys(sc->hsave)));
	vmm_speculate_less(true);
	sc->max_asid = max_t(u32, cpuid_ebx(0x8000000a), 2) - 1;
	svm_forget_asids(sc);
	return 0;
}

/* Switch SVM off, on this CPU, in a crash too. GIF must be 1 afterwards (APM 15.17). */
void svm_cpu_off(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	svm_stgi();
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	vmm_speculate_less(false);
}

/*
 * The vCPU is new on this CPU: an ASID that no other has used since the last
 * flush (APM 15.16), and nothing of the VMCB is clean (15.15.1). When ASIDs are
 * used up a new generation begins with a flush of all, by the entry that must
 * follow.
 */
void svm_new_asid(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
	if (cpu->next_asid > cpu->max_asid) {
		cpu->asid_generation++;
		cpu->next_asid = FIRST_ASID;
		svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->asid_generation = cpu->asid_generation;
	svm->vmcb->control.asid = cpu->next_asid++;
	svm->vmcb->control.clean = 0;
}
