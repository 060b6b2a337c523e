/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX's own part of a vCPU and of a CPU. SDM is Intel's manual, volume 3. */
#ifndef VMM_VMX_H
#define VMM_VMX_H

#include <asm/vmx.h>

#include "../core.h"
#include "insn.h"
#include "fields.h"

/* MSRs that the processor loads and stores from lists at entry and exit (SDM
 * 25.7.2): what VMLOAD and VMSAVE do on the other vendor. */
#define VMX_MSR_LIST(M) \
	M(STAR, MSR_STAR) M(LSTAR, MSR_LSTAR) M(CSTAR, MSR_CSTAR) \
	M(SFMASK, MSR_SYSCALL_MASK) M(KGSBASE, MSR_KERNEL_GS_BASE)
enum {
#define M(name, msr) VMX_LIST_##name,
	VMX_MSR_LIST(M)
#undef M
	VMX_LIST_N
};

struct vmx_list_entry {
	u32 index;
	u32 reserved;
	u64 value;
};

/* One page for both lists, half each; what the host counts with perf follows the rest. */
#define VMX_LIST_MAX	(PAGE_SIZE / 2 / sizeof(struct vmx_list_entry))

struct vmx_vmcs {
	u32 revision;
	u32 abort;
	u8 data[PAGE_SIZE - 8];
};

/*
 * What an exit says, read before interrupts are opened: later the VMCS may
 * have to be loaded again. RIP, RSP, RFLAGS and interruptibility are also what
 * the VMCS has, and are written to it when they change.
 */
struct vmx_exit {
	u32 reason, idt_info, idt_error, intr_info, insn_len, insn_info, interruptibility;
	u32 cs_ar, ss_ar;
	bool real, long_mode;
	u64 qualification, gpa, gla, rip, rsp, rflags;
};

/* What an exit does not give back to the host, or puts there from the VMCS. */
struct vmx_host {
	u64 cr3, cr4;			/* as the VMCS has them */
	u64 debugctl;
	u64 fs_base;
	u16 ds, es, fs, gs;
	bool gone;			/* there was an exit since they were saved */
};

struct vmx_vcpu {
	struct vmx_vmcs *vmcs;
	u64 *msr_bitmap;
	u32 *vapic;			/* virtual-APIC page, for CR8 */
	struct vmx_list_entry *guest_list, *host_list;	/* one page for both */
	struct list_head link;		/* of the CPU it is loaded on; that CPU, interrupts off */
	struct vmm_vcpu *vcpu;
	int loaded;			/* CPU whose VMCS cache has it, -1 none */
	u64 vpid_generation;		/* of the CPU it last ran on; 0: it needs a new VPID */
	u32 exec_ctl;			/* primary controls, as last written */
	u32 list_count;			/* of MSRs loaded, as last written */
	u64 dr6;
	u32 irq_id;
	bool l1d_flush;			/* something but this vCPU ran here since the last entry */
	struct vmx_host host;
	struct vmx_exit exit;
};

struct vmx_cpu {
	struct vmx_vmcs *vmxon;
	struct vmx_vcpu *current_vcpu;	/* whose VMCS is current */
	struct list_head loaded;
	u64 vpid_generation;
	u32 next_vpid;
	u64 ept_generation;		/* VMs that had ended at the last INVEPT */
};
DECLARE_PER_CPU(struct vmx_cpu, vmx_cpus);

/* Controls this host allows, chosen once at load (SDM 25.6, appendix A). */
struct vmx_controls {
	u32 revision, pin, primary, secondary, exit, entry;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 eptp_flags;
	bool string_info;		/* INS and OUTS exits tell segment and size */
	bool invept_one, invept_all;	/* what INVEPT can flush: one context, all */
};
extern struct vmx_controls vmx_controls;

static inline struct vmx_vcpu *to_vmx(const struct vmm_vcpu *vcpu)
{
	return vcpu->arch;
}

/* entry.S */
void vmx_vmenter(struct vmm_frame *frame);
void vmx_vmexit(void);

/* cpu.c */
int vmx_check(char *why, size_t size);
int vmx_hw_init(void);
void vmx_hw_exit(void);
int vmx_cpu_on(void);
void vmx_cpu_off(void);
void vmx_cpu_emergency_off(void);
void vmx_make_current(struct vmx_vcpu *vmx);
void vmx_clear(struct vmx_vcpu *vmx);
extern struct vmm_pt_format vmx_pt_format;

/* The vCPU's VMCS is current between these; preemption is off. */
static inline void vmx_begin(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	vmx_make_current(to_vmx(vcpu));
}

static inline void vmx_end(void)
{
	preempt_enable();
}

/* tlb.c */
void vmx_tlb_cpu_on(struct vmx_cpu *cpu);
void vmx_new_vpid(struct vmx_vcpu *vmx, struct vmx_cpu *cpu);
void vmx_come_here(struct vmm_vcpu *vcpu, struct vmx_cpu *cpu);
void vmx_flush(struct vmm_vm *vm);
void vmx_ept_ends(void);
u64 vmx_eptp(const struct vmm_vm *vm);

/* Nothing that was translated for the guest before holds at its next entry. */
static inline void vmx_flush_guest(struct vmx_vcpu *vmx)
{
	vmx->vpid_generation = 0;
}

/* host.c */
void vmx_write_host_cpu(void);
void vmx_save_host(struct vmx_vcpu *vmx);
void vmx_restore_host(struct vmx_vcpu *vmx);
void vmx_host_init(void);
void vmx_switch_perf(struct vmx_vcpu *vmx);
DECLARE_STATIC_KEY_FALSE(vmx_perf_switched);

/* l1d.c */
int vmx_l1d_init(void);
void vmx_l1d_exit(void);
void vmx_l1d_flush(struct vmx_vcpu *vmx);
DECLARE_STATIC_KEY_FALSE(vmx_l1d_flushed);

/* cr.c */
void vmx_init_crs(void);
void vmx_set_cr0(u64 value);
void vmx_set_cr4(u64 value);
u64 vmx_cr0(void);
u64 vmx_cr4(void);
bool vmx_crs_valid(const u64 *crs);
bool vmx_pdpte_valid(u64 entry);
void vmx_set_efer(u64 efer);
u64 vmx_read_efer(struct vmm_vcpu *vcpu);
int vmx_write_efer(struct vmm_vcpu *vcpu, u64 value);
int vmx_handle_cr(struct vmm_vcpu *vcpu);

/* regs.c */
void vmx_read_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs);
void vmx_write_regs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs);
void vmx_write_pat(struct vmm_vcpu *vcpu, u64 value);
int vmx_get_msr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value);
int vmx_set_msr(struct vmm_vcpu *vcpu, u32 index, u64 value);
void vmx_paging(struct vmm_vcpu *vcpu, struct vmm_paging *paging);

/* decode.c */
void vmx_read_exit(struct vmm_vcpu *vcpu);
void vmx_decode(struct vmm_vcpu *vcpu);
int vmx_handle(struct vmm_vcpu *vcpu);

/* dump.c, rules.c: after a failed entry */
#define VMX_RULE 96
const char *vmx_exit_name(u32 reason);
void vmx_tell_entry_failure(struct vmm_vcpu *vcpu);
bool vmx_guest_rule(char why[VMX_RULE]);

#endif /* VMM_VMX_H */
