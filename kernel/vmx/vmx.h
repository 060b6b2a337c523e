/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX's own part of a vCPU and of a CPU. SDM is Intel's manual, volume 3. */
#ifndef VMM_VMX_H
#define VMM_VMX_H

#include <asm/vmx.h>

#include "../core.h"
#include "insn.h"

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

struct vmx_vmcs {
	u32 revision;
	u32 abort;
	u8 data[PAGE_SIZE - 8];
};

/* What an exit says, read before interrupts are opened: later the VMCS may
 * have to be loaded again. */
struct vmx_exit {
	u32 reason, idt_info, idt_error, intr_info, insn_len, insn_info, interruptibility;
	u32 cs_ar, ss_ar, entry_ctl;
	u64 qualification, gpa, gla, rip, rsp, rflags, cr0, cr3;
};

struct vmx_vcpu {
	struct vmx_vmcs *vmcs;
	u64 *msr_bitmap;
	struct vmx_list_entry *guest_list, *host_list;	/* one page for both */
	struct list_head link;		/* of the CPU it is loaded on; that CPU, interrupts off */
	struct vmm_vcpu *vcpu;
	int loaded;			/* CPU whose VMCS cache has it, -1 none */
	u16 vpid;
	u32 exec_ctl;			/* primary controls, as last written */
	u64 cr0_shadow, cr4_shadow;
	u64 cr8;
	u64 dr6;
	u32 irq_id;
	bool limits_gone;		/* TR and GDTR limits of this CPU are those of an exit */
	struct vmx_exit exit;
};

struct vmx_cpu {
	struct vmx_vmcs *vmxon;
	struct vmx_vcpu *current_vcpu;	/* whose VMCS is current */
	struct list_head loaded;
};
DECLARE_PER_CPU(struct vmx_cpu, vmx_cpus);

/* Controls this host allows, chosen once at load (SDM 25.6, appendix A). */
struct vmx_controls {
	u32 revision, pin, primary, secondary, exit, entry;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 eptp_flags;
	bool string_info;		/* INS and OUTS exits tell segment and size */
};
extern struct vmx_controls vmx_controls;

static inline struct vmx_vcpu *to_vmx(const struct vmm_vcpu *vcpu)
{
	return vcpu->arch;
}

static __always_inline u64 vmcs_read(u32 field)
{
	return vmx_vmread(field);
}

/* Fields and values are ours, so a failure is a bug: told once, not ignored. */
static __always_inline void vmcs_write(u32 field, u64 value)
{
	if (unlikely(vmx_vmwrite(field, value)))
		pr_err_once("VMWRITE of field %#x failed\n", field);
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

/* regs.c */
bool vmx_crs_valid(const u64 *crs);
void vmx_read_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs);
void vmx_write_regs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs);
void vmx_set_cr0(struct vmx_vcpu *vmx, u64 value);
void vmx_set_cr4(struct vmx_vcpu *vmx, u64 value);
bool vmx_cr0_valid(u64 value);
bool vmx_cr4_valid(u64 value);
u64 vmx_read_efer(struct vmm_vcpu *vcpu);
int vmx_write_efer(struct vmm_vcpu *vcpu, u64 value);
void vmx_write_pat(struct vmm_vcpu *vcpu, u64 value);
int vmx_get_msr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value);
int vmx_set_msr(struct vmm_vcpu *vcpu, u32 index, u64 value);
void vmx_paging(struct vmm_vcpu *vcpu, struct vmm_paging *paging);

/* decode.c */
void vmx_read_exit(struct vmm_vcpu *vcpu);
void vmx_decode(struct vmm_vcpu *vcpu);
int vmx_handle(struct vmm_vcpu *vcpu);

#endif /* VMM_VMX_H */
