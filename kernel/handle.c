// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each exit means, once it is decoded: the same for both vendors. A
 * handler says VMM_RESUME, VMM_USERLAND or VMM_INJECTED; a negative errno ends
 * the vCPU and is what RUN returns.
 */
#include <linux/sched/signal.h>

#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "core.h"

#define RAX(v) ((v)->frame.gprs[VCPU_REGS_RAX])
#define RBX(v) ((v)->frame.gprs[VCPU_REGS_RBX])
#define RCX(v) ((v)->frame.gprs[VCPU_REGS_RCX])
#define RDX(v) ((v)->frame.gprs[VCPU_REGS_RDX])
#define RIP(v) ((v)->frame.gprs[VCPU_REGS_RIP])
#define RFLAGS(v) ((v)->frame.gprs[VCPU_REGS_RFLAGS])

/* Whether the guest could take an external interrupt at its next entry. */
bool vmm_irq_ready(const struct vmm_vcpu *vcpu)
{
	return (RFLAGS(vcpu) & X86_EFLAGS_IF) && !vcpu->shadow &&
	       !vcpu->reinject.info && !vcpu->inject.info;
}

/* Whether the guest could take an NMI at its next entry. */
bool vmm_nmi_ready(const struct vmm_vcpu *vcpu)
{
	return !vcpu->nmi_blocked && !vcpu->shadow && !vcpu->reinject.info && !vcpu->inject.info;
}

/* Give the guest a hardware exception at its next entry, by its true type. */
void vmm_inject_exception(struct vmm_vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	vcpu->inject.info = VMM_EVENT(VMMT_ITYPE_exception, vector) |
			    (has_error ? VMM_EVENT_ERROR : 0);
	vcpu->inject.error = error;
	vcpu->inject.irq_id = 0;
}

/*
 * The exiting instruction was emulated: go behind it. len is its length without
 * prefixes, for a processor that does not tell. That ends an interrupt shadow (SDM 3.4.3.2, 6.8.3),
 * and traps if TF is set.
 */
void vmm_skip(struct vmm_vcpu *vcpu, unsigned int len)
{
	u64 next = vcpu->x.next_rip;

	if (!next)
		next = RIP(vcpu) + vmm_insn_len(vcpu, len);
	vcpu->rec.ilen = (u8)(next - RIP(vcpu));
	RIP(vcpu) = next;
	vcpu->shadow = false;
	if (RFLAGS(vcpu) & X86_EFLAGS_TF)
		vmm_op(single_step)(vcpu);
}

/* The instruction that exited faults. In real mode no exception has an error code (SDM 21.1.4). */
int vmm_inject_gp(struct vmm_vcpu *vcpu)
{
	vmm_inject_exception(vcpu, X86_TRAP_GP, vcpu->rec.mode != VMMT_MODE_real, 0);
	return VMM_INJECTED;
}

static int inject_ud(struct vmm_vcpu *vcpu)
{
	vmm_inject_exception(vcpu, X86_TRAP_UD, false, 0);
	return VMM_INJECTED;
}

static int handle_cpuid(struct vmm_vcpu *vcpu)
{
	u32 r[4];

	vcpu->rec.key = (u32)RAX(vcpu);
	vcpu->rec.value = (u32)RCX(vcpu);
	vmm_cpuid(vcpu, (u32)RAX(vcpu), (u32)RCX(vcpu), r);
	RAX(vcpu) = r[0];
	RBX(vcpu) = r[1];
	RCX(vcpu) = r[2];
	RDX(vcpu) = r[3];
	vmm_skip(vcpu, 2);
	return VMM_RESUME;
}

static int handle_rdmsr(struct vmm_vcpu *vcpu)
{
	u64 value;

	vcpu->rec.key = (u32)RCX(vcpu);
	if (vmm_rdmsr(vcpu, (u32)RCX(vcpu), &value))
		return vmm_inject_gp(vcpu);
	vcpu->rec.value = value;
	RAX(vcpu) = (u32)value;
	RDX(vcpu) = value >> 32;
	vmm_skip(vcpu, 2);
	return VMM_RESUME;
}

static int handle_wrmsr(struct vmm_vcpu *vcpu)
{
	u64 value = (RDX(vcpu) << 32) | (u32)RAX(vcpu);

	vcpu->rec.key = (u32)RCX(vcpu);
	vcpu->rec.value = value;
	if (vmm_wrmsr(vcpu, (u32)RCX(vcpu), value))
		return vmm_inject_gp(vcpu);
	vmm_skip(vcpu, 2);
	return VMM_RESUME;
}

/* Userland sleeps until there is something to wake for; with interrupts off
 * there never is. */
static int handle_hlt(struct vmm_vcpu *vcpu)
{
	vmm_skip(vcpu, 1);
	if (vcpu->nmi.info && !vcpu->nmi_blocked)
		return VMM_RESUME;
	if (!(RFLAGS(vcpu) & X86_EFLAGS_IF) && !vcpu->inject.info)
		return -EIO;
	return VMM_USERLAND;
}

/* XSETBV, SDM volume 2: CPL 0, XCR0 only, a valid combination. */
static int handle_xsetbv(struct vmm_vcpu *vcpu)
{
	u64 value = (RDX(vcpu) << 32) | (u32)RAX(vcpu);

	vcpu->rec.key = (u32)RCX(vcpu);
	vcpu->rec.value = value;
	if (vcpu->rec.cpl || (u32)RCX(vcpu) || !vmm_xcr0_valid(value))
		return vmm_inject_gp(vcpu);
	vcpu->xcr0 = value;
	vmm_skip(vcpu, 3);
	return VMM_RESUME;
}

/* All port I/O is userland's, but for writes to the marker port. */
static int handle_io(struct vmm_vcpu *vcpu)
{
	struct vmmt_exit *rec = &vcpu->rec;

	if (rec->class == VMMT_CLASS_io_out && rec->key == VMMT_MARK_PORT && !rec->string) {
		vmm_aux_mark(vcpu, rec->value);
		vmm_skip(vcpu, 1);
		return VMM_RESUME;
	}
	vcpu->last_input = rec->string ? VMM_INPUT_GPRS : VMM_INPUT_IO;
	return VMM_USERLAND;
}

/* Nothing that a page would help: userland emulates the instruction, or does
 * something about the protection. It gets the instruction's bytes. */
static int pass_fault(struct vmm_vcpu *vcpu, u8 fault, u8 outcome)
{
	if (!vcpu->x.ninsn)
		vmm_fetch_insn(vcpu);
	vmm_aux_ept(vcpu, outcome, 0, vcpu->frame.t_exit);
	vcpu->x.fault = fault;
	vcpu->last_input = VMM_INPUT_GPRS;
	return VMM_USERLAND;
}

/* The page is there: another vCPU was faster, or its protection forbids this. */
static int handle_present(struct vmm_vcpu *vcpu, u64 gpa)
{
	u8 may = vmm_pt_access(&vcpu->vm->pt, gpa);

	if ((may & vcpu->x.access) != vcpu->x.access) {
		vcpu->x.present = may;
		return pass_fault(vcpu, VEE_FAULT_PROTECT, VMMT_OUTCOME_denied);
	}
	vmm_aux_ept(vcpu, VMMT_OUTCOME_spurious, 0, vcpu->frame.t_exit);
	return VMM_RESUME;
}

static int map_fault(struct vmm_vcpu *vcpu, struct vmm_range *range, u64 gpa)
{
	struct vmm_vm *vm = vcpu->vm;
	struct page *page = vmm_mem_page(vm->mem, range, gpa);
	bool large;
	int err;

	if (!page)
		return -ENOMEM;
	large = vmm_mem_contiguous(range, gpa);
	if (large) {
		unsigned long pfn = ALIGN_DOWN(page_to_pfn(page), PMD_SIZE / PAGE_SIZE);

		err = vmm_pt_map(&vm->pt, gpa, pfn, true);
		if (!err)
			goto mapped;
		if (err == -ENOMEM)
			return err;
	}
	large = false;
	err = vmm_pt_map(&vm->pt, gpa, page_to_pfn(page), false);
	if (err == -EEXIST)
		return handle_present(vcpu, gpa);
	if (err)
		return err;
mapped:
	vmm_aux_ept(vcpu, VMMT_OUTCOME_mapped, large ? PMD_SIZE : PAGE_SIZE, vcpu->frame.t_exit);
	return VMM_RESUME;
}

static int handle_ept(struct vmm_vcpu *vcpu)
{
	u64 gpa = vcpu->x.gpa;
	struct vmm_range *range = vmm_mem_find(vcpu->vm->mem, gpa);
	int did;

	vcpu->rec.key = gpa;
	vcpu->rec.value = vcpu->x.access;
	if (range && range->type == VM_MEM_MMIO)
		return pass_fault(vcpu, VEE_FAULT_MMIO_ASSIST, VMMT_OUTCOME_mmio);
	did = range ? map_fault(vcpu, range, gpa) : -EINVAL;
	if (did < 0) {
		vmm_aux_ept(vcpu, VMMT_OUTCOME_denied, 0, vcpu->frame.t_exit);
		pr_info_ratelimited("vm %u vcpu %u: no memory at guest-physical %#llx (%d), RIP %#llx\n",
				    vcpu->vm->id, vcpu->id, gpa, did, RIP(vcpu));
	}
	return did;
}

/* An #AC that the guest did not ask for: the host has it raised for locks across cache lines, and has
 * done something about it, or about this process. */
static bool is_split_lock(struct vmm_vcpu *vcpu)
{
	struct vmm_paging pg;

	if (!boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT))
		return false;
	vmm_op(paging)(vcpu, &pg);
	if (vcpu->rec.cpl == 3 && (RFLAGS(vcpu) & X86_EFLAGS_AC) && (pg.cr0 & X86_CR0_AM))
		return false;
	return handle_guest_split_lock(RIP(vcpu)) || signal_pending(current);
}

/* #AC and #DB are watched because their delivery can hold the processor for
 * ever (CVE-2015-5307, CVE-2015-8104); the guest gets them all the same. */
static int handle_exception(struct vmm_vcpu *vcpu)
{
	u8 vector = (u8)vcpu->rec.key;

	switch (vector) {
	case X86_TRAP_DB:
		vmm_inject_exception(vcpu, vector, false, 0);
		return VMM_INJECTED;
	case X86_TRAP_AC:
		if (is_split_lock(vcpu))
			return VMM_RESUME;
		vmm_inject_exception(vcpu, vector, true, 0);
		return VMM_INJECTED;
	case X86_TRAP_MC:
		return VMM_RESUME;	/* the host has seen to it */
	default:
		return vmm_op(handle)(vcpu);
	}
}

/* INT1, the only one of its class that is asked for: its #DB, too, could hold the processor. */
static int handle_softint(struct vmm_vcpu *vcpu)
{
	if (vcpu->rec.key != X86_TRAP_DB)
		return vmm_op(handle)(vcpu);
	vmm_skip(vcpu, 1);
	vmm_inject_exception(vcpu, X86_TRAP_DB, false, 0);
	return VMM_INJECTED;
}

/* What waited and can be taken now does not wait any more. An NMI goes first. */
static int handle_window(struct vmm_vcpu *vcpu)
{
	u8 still = vcpu->waiting;

	if (vmm_nmi_ready(vcpu))
		still &= ~VMM_WINDOW_NMI;
	if (vmm_irq_ready(vcpu) && !vcpu->nmi.info)
		still &= ~VMM_WINDOW_INTR;
	vmm_want_window(vcpu, still);
	return VMM_RESUME;
}

/* A first touch of debug registers: from now on they are the guest's. */
static int handle_dr(struct vmm_vcpu *vcpu)
{
	vcpu->dr_live = true;
	vmm_op(set_dr_live)(vcpu, true);
	return VMM_RESUME;
}

/* Deal with the exit that vcpu->rec and vcpu->x describe. May sleep. */
int vmm_handle_exit(struct vmm_vcpu *vcpu)
{
	vcpu->last_input = VMM_INPUT_NONE;
	/* A switch costs a comparison a level; the commonest go first. */
	if (vcpu->rec.class <= VMMT_CLASS_io_out && vcpu->rec.class)
		return handle_io(vcpu);
	if (vcpu->rec.class == VMMT_CLASS_cpuid)
		return handle_cpuid(vcpu);
	switch (vcpu->rec.class) {
	case VMMT_CLASS_rdmsr:
		return handle_rdmsr(vcpu);
	case VMMT_CLASS_wrmsr:
		return handle_wrmsr(vcpu);
	case VMMT_CLASS_hlt:
		return handle_hlt(vcpu);
	case VMMT_CLASS_ept:
		return handle_ept(vcpu);
	case VMMT_CLASS_intr:
	case VMMT_CLASS_nmi:
		return VMM_RESUME;
	case VMMT_CLASS_window:
		return handle_window(vcpu);
	case VMMT_CLASS_exception:
		return handle_exception(vcpu);
	case VMMT_CLASS_softint:
		return handle_softint(vcpu);
	case VMMT_CLASS_dr_read:
	case VMMT_CLASS_dr_write:
		return handle_dr(vcpu);
	case VMMT_CLASS_shutdown:
		return VMM_USERLAND;
	case VMMT_CLASS_xsetbv:
		return handle_xsetbv(vcpu);
	case VMMT_CLASS_hypercall:
		vcpu->rec.key = RAX(vcpu);
		return inject_ud(vcpu);
	case VMMT_CLASS_virt:
	case VMMT_CLASS_monitor:
	case VMMT_CLASS_mwait:
	case VMMT_CLASS_rdtsc:
		return inject_ud(vcpu);
	case VMMT_CLASS_rdpmc:
		return vmm_inject_gp(vcpu);
	case VMMT_CLASS_invd:
	case VMMT_CLASS_wbinvd:
		vmm_skip(vcpu, 2);
		return VMM_RESUME;
	case VMMT_CLASS_pause:
		vmm_skip(vcpu, 2);
		return VMM_RESUME;
	default:
		return vmm_op(handle)(vcpu);
	}
}
