/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own types: VM, vCPU, guest memory, and the operations that
 * a virtualization extension provides. Nothing here belongs to one vendor.
 *
 * Letters at members: [I] set before publication, constant then; [v] the vCPU's
 * lock; [r] only the thread inside RUN; [m] the memory's lock; [a] atomic or
 * READ_ONCE/WRITE_ONCE.
 */
#ifndef VMM_CORE_H
#define VMM_CORE_H

#undef pr_fmt
#define pr_fmt(fmt) "vmm: " fmt

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/jump_label.h>
#include <linux/static_call.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/uidgid.h>

#include <asm/fpu/types.h>
#include <asm/pvclock-abi.h>

#include "compat.h"
#include "frame.h"
#include "vmm_stats.h"
#include "record.h"
#include "walk.h"
#include "vmm.h"

struct page;
struct vm_area_struct;
struct vmm_charge;
struct vmm_vm;

/* ---- guest memory: mem.c ---- */

struct vmm_range {
	u64 gpa, size;		/* [I] bytes, page aligned */
	int type;		/* [I] VM_MEM_* */
	u64 va;			/* [I] in the creator */
	bool pinned;		/* [I] the creator's pages, not ours */
	struct page **pages;	/* [m] one for each 4 KiB; NULL not there yet */
};

struct vmm_mem {
	refcount_t refs;
	struct mutex lock;
	unsigned int nranges;	/* [I] */
	u64 size;		/* [I] bytes that are not MMIO */
	u64 pinned;		/* [I] pages charged to locked_mm */
	u64 present;		/* [m] pages there */
	struct mm_struct *locked_mm; /* [I] */
	struct vmm_charge *charge; /* [I] */
	struct vmm_range ranges[VMM_MAX_MEM_RANGES];
};

struct vmm_mem *vmm_mem_create(struct vm_create_params *vcp, struct vmm_charge *charge);
void vmm_mem_put(struct vmm_mem *mem);
int vmm_mem_map(struct vmm_mem *mem, vmm_vaddr_t va[VMM_MAX_MEM_RANGES]);
struct vmm_range *vmm_mem_find(struct vmm_mem *mem, u64 gpa);
struct page *vmm_mem_page(struct vmm_mem *mem, struct vmm_range *range, u64 gpa);
bool vmm_mem_contiguous(struct vmm_range *range, u64 gpa);
void *vmm_mem_kaddr(struct vmm_mem *mem, u64 gpa);

/* ---- nested page tables: pgtable.c ---- */

/* Bits of a vendor's nested page table entries. */
struct vmm_pt_format {
	u64 table;		/* entry that points to a table */
	u64 leaf;		/* entry that maps 4 KiB, all accesses */
	u64 large;		/* entry that maps 2 MiB, all accesses; 0: there is none */
	u64 present;		/* any of these set: present */
	u64 access_mask;	/* which bits tell the accesses permitted, and */
	u64 access[8];		/* their values by VMMT_ACCESS_*; rwx: as in leaf */
};

struct vmm_pt {
	struct mutex lock;
	const struct vmm_pt_format *format;	/* [I] */
	u64 *root;				/* [I] */
};

int vmm_pt_init(struct vmm_pt *pt, const struct vmm_pt_format *format);
void vmm_pt_free(struct vmm_pt *pt);
int vmm_pt_map(struct vmm_pt *pt, u64 gpa, u64 pfn, bool large);
int vmm_pt_protect(struct vmm_pt *pt, u64 gpa, u64 pfn, bool large, u8 access);
u8 vmm_pt_access(struct vmm_pt *pt, u64 gpa);

/* ---- vCPU ---- */

/* An event for the guest, in VMX's interruption-information format (SDM
 * 25.8.3), which AMD's EVENTINJ shares but for the place of nothing we use. */
#define VMM_EVENT_VALID		(1u << 31)
#define VMM_EVENT_ERROR		(1u << 11)
#define VMM_EVENT_TYPE_SHIFT	8
#define VMM_EVENT(type, vector)	(VMM_EVENT_VALID | ((type) << VMM_EVENT_TYPE_SHIFT) | (vector))
#define vmm_event_vector(e)	((e) & 0xff)
#define vmm_event_type(e)	(((e) >> VMM_EVENT_TYPE_SHIFT) & 7)

struct vmm_event {
	u32 info;		/* 0 none */
	u32 error;
	u32 irq_id;
};

/* What the vendor's decoder tells of an exit beyond its record. */
struct vmm_exit_state {
	u64 next_rip;		/* 0: not known */
	u64 cr3;		/* where next_rip may not be known */
	u64 gpa, gla;
	bool gla_valid;
	u8 access;		/* VMMT_ACCESS_* bits of a nested fault */
	u8 present;
	u8 fault;		/* VEE_FAULT_*: what userland is asked to do about it */
	u8 addr_size;		/* bytes */
	u8 seg;			/* VCPU_REGS_*, 0xff not known */
	u8 encoding;		/* port access: 0 DX, 1 immediate */
	u8 ninsn;		/* instruction bytes known */
	u8 insn[15];
};

/*
 * Where the guest's code lies in host memory, as its page tables said. Good
 * as long as each entry that was read still has its value: nothing else needs
 * to be invalidated. NULL host: nothing cached.
 */
#define VMM_WALK_MAX 5

struct vmm_code_cache {
	u64 cr3;
	u64 page;			/* linear address */
	u8 *host;
	unsigned int n;
	struct { const u64 *entry; u64 value; } walked[VMM_WALK_MAX];
};

/* Exits asked for when such an event can be taken. */
#define VMM_WINDOW_INTR	BIT(0)
#define VMM_WINDOW_NMI	BIT(1)

/* What RUN takes from vrp_exit, by what the last RUN returned for. */
#define VMM_INPUT_NONE	0
#define VMM_INPUT_IO	1	/* RIP, and RAX of an IN */
#define VMM_INPUT_GPRS	2	/* all general registers, RIP and RFLAGS */

#define VMM_END_NONE	0xff

/* Records that wait for the exit record of the same batch. */
#define VMM_AUX_MAX 6

struct vmm_vcpu {
	struct vmm_frame frame;		/* [r] registers and stamps, for entry.S */
	struct mutex lock;
	struct vmm_vm *vm;		/* [I] */
	u32 id;				/* [I] */
	u8 state;			/* [a] VCPU_STATE_* */
	bool ready;			/* [v] RESETCPU gave it a state */
	int running_cpu;		/* [a] CPU it is about to enter on or in the guest, else -1 */
	bool intr_pending;		/* [a] VMM_IOC_INTR, vrp_intr_pending */
	int cpu;			/* [r] CPU of the last entry, -1 none */
	void *arch;			/* [I] the vendor's part */

	/* Guest state the neutral code keeps. [v] */
	u64 xcr0;
	u64 dr[4];			/* DR0 to DR3 */
	u64 pat;
	u64 misc_enable;
	bool dr_live;			/* the guest's DR0-3 go in at entry */
	u8 waiting;			/* VMM_WINDOW_*: exits wanted when such an event can be taken */
	u8 window;			/* set by the vendor: those it has asked for */
	bool shadow;			/* STI or MOV SS blocks interrupts */
	bool nmi_blocked;		/* from an NMI's delivery to its handler's IRET */
	struct vmm_event reinject;	/* cut off by an exit */
	struct vmm_event inject;	/* exception, from a handler or userland */
	struct vmm_event nmi;		/* from userland, until it can be taken */
	struct vmm_event irq;		/* external interrupt from userland, until it can be taken */
	struct vmm_exit_state x;
	struct vmm_code_cache code;
	u64 pvclock_gpa;		/* with bit 0 as the guest wrote it */
	u32 pvclock_version;
	struct pvclock_vcpu_time_info pvclock_base;	/* what the guest was told */
	struct fpu_guest fpu;

	u8 last_input;			/* VMM_INPUT_*: what the next RUN takes in. [v] */

	/* Records. [r] */
	u64 seq;
	u64 nexit;
	u64 t_prev, t_traced, t_run, t_last_exit;
	u64 off, off_since;
	u64 wait, wait_exit;		/* for room in a ring; of which exit record that is told */
	u64 t_handled;
	u8 pending_end;			/* VMMT_END_* of a record RUN still has to finish */
	unsigned long noted;		/* jiffies when RCU was last told */
	bool cpu_stale;			/* host state of this CPU must be saved again */
	struct vm_exit out;
	struct vmmt_exit rec;
	unsigned int naux;
	union {
		struct vmmt_head head;
		struct vmmt_ept_fault ept;
		struct vmmt_intr intr;
		struct vmmt_mark mark;
	} aux[VMM_AUX_MAX];
	struct vmm_stats *stats;	/* [I] mapped by whoever may see them */
	struct vmm_stats_class *last_class;	/* of the last exit, NULL before the first. [r] */
	struct vmm_stats_key *last_key;	/* in it: that exit's. [r] */
	struct preempt_notifier notifier;
};

/* ---- files of the device ---- */

struct vmm_file {
	bool extended;			/* [a] its program knows vrp_irq_id */
	kuid_t user;			/* [a] whose VMs it is for; INVALID_UID: the caller's */
	u64 id;				/* [I] no other file ever has it */
	u64 memory;			/* limit_lock: bytes in all */
	u32 vms, vcpus;			/* limit_lock */
};

/* What one VM takes. */
struct vmm_charge {
	struct list_head link;		/* limit_lock */
	u64 file;			/* [I] id of the file it was made on */
	kuid_t uid;			/* [I] */
	u64 memory;			/* [I] */
	u32 vcpus;			/* limit_lock; 0 when the VM is gone */
};

/* ---- VM ---- */

struct vmm_vm {
	refcount_t refs;
	struct rcu_head rcu;
	struct file *owner;		/* [I] the file it was created on */
	bool extended;			/* [I] its program knows vrp_irq_id */
	u32 id;				/* [I] */
	struct completion gone;		/* no reference left */
	char name[VMM_MAX_NAME_LEN];	/* [I] */
	struct mm_struct *mm;		/* [I] the creator's, grabbed */
	struct pid *creator;		/* [I] */
	kuid_t uid;			/* [I] */
	bool dying;			/* [a] */
	unsigned int ncpus;		/* [I] */
	struct vmm_vcpu *vcpus[VMM_MAX_VCPUS_PER_VM]; /* [I] */
	struct vmm_mem *mem;		/* [I] */
	struct vmm_pt pt;
	struct mutex seq_lock;
	u64 seq;			/* seq_lock: records of the VM's own stream */
};

/* What a handler says about an exit; a negative errno kills the vCPU. */
#define VMM_RESUME	0
#define VMM_USERLAND	1
#define VMM_INJECTED	2

/*
 * What a virtualization extension provides: OP(return type, name, arguments).
 * check          0, or -EOPNOTSUPP with what is missing in why
 * hw_init        memory shared by all vCPUs; hw_exit undoes it
 * cpu_on         on this CPU, interrupts on or off; cpu_off undoes it
 * cpu_emergency_off  the same in a crash: touches nothing but the processor
 * crs_valid      whether the processor takes these control registers (vmm(4)'s order)
 * vcpu_reset     controls, and the state of regs (vmm(4) RESETCPU)
 * vcpu_load      preemption off, interrupts on: bring the vCPU to this CPU; the
 *                entry may still be given up
 * vcpu_put       preemption off: the thread leaves RUN or this CPU
 * flush          no vCPU of the VM is inside a RUN: before any enters the guest
 *                again, forget what processors cached of its nested page tables
 * prepare        interrupts off: state for this entry, which follows in any case,
 *                after inject and window
 * enter          interrupts off: one stay in the guest, stamps included
 * exit_irqoff    interrupts still off: what cannot wait
 * decode         reads every exit field, once, into vcpu->rec and vcpu->x
 * handle         exits that only this vendor has
 * inject         give vcpu an event at the next entry
 * single_step    an instruction was emulated with TF set: trap behind it
 * get_msr, set_msr  the vendor's own MSRs; -ENOENT: not one of them
 * window         interrupts off: ask for exits when events of these kinds can be
 *                taken (VMM_WINDOW_*), and for no other
 */
#define VMM_OPS(OP) \
	OP(int, check, (char *why, size_t size)) \
	OP(int, hw_init, (void)) \
	OP(void, hw_exit, (void)) \
	OP(int, cpu_on, (void)) \
	OP(void, cpu_off, (void)) \
	OP(void, cpu_emergency_off, (void)) \
	OP(int, vcpu_init, (struct vmm_vcpu *vcpu)) \
	OP(void, vcpu_free, (struct vmm_vcpu *vcpu)) \
	OP(bool, crs_valid, (const u64 *crs)) \
	OP(void, vcpu_reset, (struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs)) \
	OP(void, vcpu_load, (struct vmm_vcpu *vcpu)) \
	OP(void, vcpu_put, (struct vmm_vcpu *vcpu)) \
	OP(void, flush, (struct vmm_vm *vm)) \
	OP(void, prepare, (struct vmm_vcpu *vcpu)) \
	OP(void, enter, (struct vmm_vcpu *vcpu)) \
	OP(void, exit_irqoff, (struct vmm_vcpu *vcpu)) \
	OP(void, decode, (struct vmm_vcpu *vcpu)) \
	OP(int, handle, (struct vmm_vcpu *vcpu)) \
	OP(void, inject, (struct vmm_vcpu *vcpu, const struct vmm_event *event)) \
	OP(void, window, (struct vmm_vcpu *vcpu, u8 want)) \
	OP(void, set_dr_live, (struct vmm_vcpu *vcpu, bool live)) \
	OP(void, read_regs, (struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs)) \
	OP(void, write_regs, (struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs)) \
	OP(u64, read_efer, (struct vmm_vcpu *vcpu)) \
	OP(int, write_efer, (struct vmm_vcpu *vcpu, u64 value)) \
	OP(void, write_pat, (struct vmm_vcpu *vcpu, u64 value)) \
	OP(int, get_msr, (struct vmm_vcpu *vcpu, u32 index, u64 *ret_value)) \
	OP(int, set_msr, (struct vmm_vcpu *vcpu, u32 index, u64 value)) \
	OP(void, single_step, (struct vmm_vcpu *vcpu)) \
	OP(void, paging, (struct vmm_vcpu *vcpu, struct vmm_paging *paging))

struct vmm_ops {
	const char *name;		/* as people know it */
	u8 isa;				/* VMMT_ISA_* */
	const struct vmm_pt_format *pt;
#define VMM_OP(ret, name, args) ret (*name) args;
	VMM_OPS(VMM_OP)
#undef VMM_OP
};

extern const struct vmm_ops *vmm_ops;

/* The same as direct calls, patched in when the vendor is known: vmm_op(x)(...). */
#define VMM_OP(ret, name, args) DECLARE_STATIC_CALL(vmm_op_##name, ret args);
VMM_OPS(VMM_OP)
#undef VMM_OP
#define vmm_op(name) static_call(vmm_op_##name)
extern const struct vmm_ops vmm_svm_ops, vmm_vmx_ops;

/* ---- the rooms ---- */

/* hw.c: virtualization on all CPUs */
DECLARE_PER_CPU(bool, vmm_hw_on);
DECLARE_STATIC_KEY_FALSE(vmm_paranoid);
int vmm_hw_get(void);
void vmm_hw_put(void);
int vmm_hw_init(void);
void vmm_hw_exit(void);
extern u64 vmm_tsc_offset;

/* The TSC as guests and readers of records see it: where a suspend set the
 * processor's back, it goes on. Within the module stamps are raw. */
static inline u64 vmm_tsc(u64 raw)
{
	return raw + vmm_tsc_offset;
}

/* limit.c */
int vmm_file_open(struct file *file);
void vmm_file_free(struct file *file);
kuid_t vmm_file_user(const struct file *file);
int vmm_file_limit(struct file *file, struct vmm_limit *vl);
struct vmm_charge *vmm_charge(struct vmm_vm *vm, u64 memory, u32 vcpus);
void vmm_uncharge_vcpus(struct vmm_charge *charge);
void vmm_uncharge(struct vmm_charge *charge);

/* vm.c */
int vmm_vm_create(struct file *owner, struct vm_create_params *vcp);
int vmm_vm_term(struct vmm_vm *vm);
void vmm_vm_release(struct file *owner);
struct vmm_vm *vmm_vm_get(struct file *owner, u32 id);
struct vmm_vm *vmm_vm_get_to_end(struct file *file, u32 id);
struct vmm_vm *vmm_vm_get_any(u32 id);
void vmm_vm_put(struct vmm_vm *vm);
struct vmm_vcpu *vmm_vm_vcpu(struct vmm_vm *vm, u32 id);
int vmm_vm_info(struct file *file, struct vm_info_params *vip);
bool vmm_vm_may_see(const struct file *file, const struct vmm_vm *vm);
void vmm_vm_set_back(u64 ticks);

/* vcpu.c */
struct vmm_vcpu *vmm_vcpu_create(struct vmm_vm *vm, u32 id);
void vmm_vcpu_destroy(struct vmm_vcpu *vcpu);
int vmm_vcpu_map_stats(struct vmm_vcpu *vcpu, struct vm_area_struct *vma);
void vmm_vm_publish_stats(struct vmm_vm *vm);
void vmm_vcpu_get_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs);
int vmm_vcpu_reset(struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs);
int vmm_vcpu_readregs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs);
int vmm_vcpu_writeregs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs);
void vmm_vcpu_kick(struct vmm_vcpu *vcpu);
void vmm_vcpu_set_back(struct vmm_vcpu *vcpu, u64 ticks);

/* protect.c */
int vmm_vm_protect(struct vmm_vm *vm, const struct vm_mprotect_ept_params *vmep);

/* run.c */
int vmm_vcpu_run(struct vmm_vcpu *vcpu, struct vm_run_params *vrp, u64 t_run);
void vmm_want_window(struct vmm_vcpu *vcpu, u8 want);
void vmm_forget_branches(const struct vmm_vcpu *vcpu);

/* handle.c: what each exit means */
int vmm_handle_exit(struct vmm_vcpu *vcpu);
bool vmm_irq_ready(const struct vmm_vcpu *vcpu);
bool vmm_nmi_ready(const struct vmm_vcpu *vcpu);
void vmm_inject_exception(struct vmm_vcpu *vcpu, u8 vector, bool has_error, u32 error);
int vmm_inject_gp(struct vmm_vcpu *vcpu);
void vmm_skip(struct vmm_vcpu *vcpu, unsigned int len);

/* cpuid.c, msr.c, pvclock.c */
void vmm_cpuid(struct vmm_vcpu *vcpu, u32 leaf, u32 sub, u32 r[4]);
void vmm_cpuid_init(void);
bool vmm_xcr0_valid(u64 xcr0);
bool vmm_pat_valid(u64 pat);
extern u64 vmm_host_xcr0;		/* XCR0 of the host, which never changes; 0: no XSAVE */
int vmm_rdmsr(struct vmm_vcpu *vcpu, u32 index, u64 *ret_value);
int vmm_wrmsr(struct vmm_vcpu *vcpu, u32 index, u64 value);
int vmm_pvclock_set(struct vmm_vcpu *vcpu, u64 gpa);
void vmm_pvclock_update(struct vmm_vcpu *vcpu, u64 tsc);
int vmm_wallclock_write(struct vmm_vcpu *vcpu, u64 gpa);

/* guestmem.c: the guest's own view of memory */
void vmm_fetch_insn(struct vmm_vcpu *vcpu);
unsigned int vmm_insn_len(struct vmm_vcpu *vcpu, unsigned int len);
void vmm_insn_string(struct vmm_vcpu *vcpu);

/* exit.c: the choke point */
void vmm_exit_finish(struct vmm_vcpu *vcpu, u8 end, u64 t_handled, u64 t_out);
void vmm_aux_ept(struct vmm_vcpu *vcpu, u8 outcome, u64 page, u64 since);
void vmm_aux_intr(struct vmm_vcpu *vcpu, u8 stage, const struct vmm_event *event);
void vmm_aux_mark(struct vmm_vcpu *vcpu, u64 value);
void vmm_emit_life(struct vmm_vm *vm, struct vmm_vcpu *vcpu, u8 what, u64 info);
void vmm_emit_call(struct vmm_vm *vm, u8 call, int err, u64 begin);
void vmm_emit_clock(void);
void vmm_clock_start(void);
void vmm_clock_stop(void);

#endif /* VMM_CORE_H */
