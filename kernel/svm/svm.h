/* SPDX-License-Identifier: GPL-2.0-only */
/* SVM's own part of a vCPU and of a CPU. APM is AMD's manual, volume 2. */
#ifndef VMM_SVM_H
#define VMM_SVM_H

#include <asm/svm.h>

#include "../core.h"
#include "insn.h"

/* VMCB clean bits, APM 15.15.3: a cleared bit makes the processor read that
 * part of the VMCB again. */
enum svm_clean {
	SVM_CLEAN_INTERCEPTS, SVM_CLEAN_IOPM_MSRPM, SVM_CLEAN_ASID, SVM_CLEAN_TPR, SVM_CLEAN_NP,
	SVM_CLEAN_CR, SVM_CLEAN_DR, SVM_CLEAN_DT, SVM_CLEAN_SEG, SVM_CLEAN_CR2, SVM_CLEAN_LBR,
	SVM_CLEAN_AVIC,
};
#define SVM_CLEAN_ALL GENMASK(SVM_CLEAN_AVIC, 0)

/*
 * How far the guest is with an NMI, bits of svm_vcpu.nmi. The processor does not
 * say when a handler's IRET has been executed: it exits before it, and we step
 * over it if an NMI is waiting (APM 15.21.9).
 */
#define SVM_NMI_HANDLER	BIT(0)		/* it runs: its IRET exits */
#define SVM_NMI_AT_IRET	BIT(1)		/* that IRET is about to be executed */
#define SVM_NMI_STEP	BIT(2)		/* RFLAGS.TF is ours at this entry, to exit behind it */

struct svm_vcpu {
	struct vmcb *vmcb;
	u32 nmi;			/* SVM_NMI_* */
	u64 iret_rip;			/* SVM_NMI_AT_IRET: of that IRET */
	u64 asid_generation;		/* of the CPU it last ran on */
	u64 entry_rip;
	bool entry_shadow;
	u32 irq_id;			/* of the event last injected */
	u32 host_pkru;
};

struct svm_cpu {
	struct page *hsave;		/* VM_HSAVE_PA: the processor's own */
	struct page *host;		/* VMSAVE of the host's state */
	u64 asid_generation;
	u32 next_asid, max_asid;
};
DECLARE_PER_CPU(struct svm_cpu, svm_cpus);

static inline struct svm_vcpu *to_svm(const struct vmm_vcpu *vcpu)
{
	return vcpu->arch;
}

static inline void svm_dirty(struct svm_vcpu *svm, enum svm_clean bit)
{
	svm->vmcb->control.clean &= ~BIT(bit);
}

static inline void svm_intercept(struct svm_vcpu *svm, unsigned int bit, bool on)
{
	u32 *word = &svm->vmcb->control.intercepts[bit / 32];

	if (on)
		*word |= BIT(bit % 32);
	else
		*word &= ~BIT(bit % 32);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

/* entry.S */
void svm_vmrun(struct vmm_frame *frame);

/* cpu.c */
int svm_check(char *why, size_t size);
int svm_hw_init(void);
void svm_hw_exit(void);
int svm_cpu_on(void);
void svm_cpu_off(void);
void svm_forget_asids(struct svm_cpu *cpu);
void svm_new_asid(struct svm_vcpu *svm, struct svm_cpu *cpu);
extern struct page *svm_msrpm, *svm_iopm;
extern struct vmm_pt_format svm_pt_format;

/* regs.c */
bool svm_crs_valid(const u64 *crs);
void svm_read_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs);
void svm_write_regs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs);
u64 svm_read_efer(struct vmm_vcpu *vcpu);
int svm_write_efer(struct vmm_vcpu *vcpu, u64 value);
void svm_write_pat(struct vmm_vcpu *vcpu, u64 value);
int svm_get_msr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value);
int svm_set_msr(struct vmm_vcpu *vcpu, u32 index, u64 value);
void svm_paging(struct vmm_vcpu *vcpu, struct vmm_paging *paging);

/* decode.c */
void svm_decode(struct vmm_vcpu *vcpu);
int svm_handle(struct vmm_vcpu *vcpu);

#endif /* VMM_SVM_H */
