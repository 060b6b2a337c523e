// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs: made and freed with their VM; RESETCPU, READREGS, WRITEREGS, kicks. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include <asm/fpu/api.h>
#include <asm/tsc.h>

#include "core.h"

#define CHECK_FRAME(name, member) static_assert(FRAME_##name == offsetof(struct vmm_frame, member))
CHECK_FRAME(RAX, gprs[VCPU_REGS_RAX]);
CHECK_FRAME(RSP, gprs[VCPU_REGS_RSP]);
CHECK_FRAME(R15, gprs[VCPU_REGS_R15]);
CHECK_FRAME(CR2, cr2);
CHECK_FRAME(T_ENTER, t_enter);
CHECK_FRAME(T_EXIT, t_exit);
CHECK_FRAME(GUEST_PA, guest_pa);
CHECK_FRAME(HOST_PA, host_pa);

/* Charged to the memory cgroup, which vmalloc_user() would not be. */
static struct vmm_stats *stats_alloc(void)
{
	struct vmm_stats *st = __vmalloc(PAGE_ALIGN(sizeof(*st)), GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!st)
		return NULL;
	st->vs_version = VMM_STATS_VERSION;
	st->vs_size = sizeof(*st);
	st->vs_tsc_khz = tsc_khz;
	return st;
}

/* A vCPU of a VM that is being made. Returns ERR_PTR(-ENOMEM) and the
 * vendor's errors. */
struct vmm_vcpu *vmm_vcpu_create(struct vmm_vm *vm, u32 id)
{
	struct vmm_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	mutex_init(&vcpu->lock);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->state = VCPU_STATE_STOPPED;
	vcpu->cpu = vcpu->running_cpu = -1;
	vcpu->stats = stats_alloc();
	if (!vcpu->stats)
		goto free;
	if (!fpu_alloc_guest_fpstate(&vcpu->fpu))
		goto free;
	err = vmm_op(vcpu_init)(vcpu);
	if (err)
		goto free;
	return vcpu;
free:
	vmm_vcpu_destroy(vcpu);
	return ERR_PTR(err);
}

/* Nobody is inside and nobody can find it. NULL is fine. */
void vmm_vcpu_destroy(struct vmm_vcpu *vcpu)
{
	if (!vcpu)
		return;
	vmm_forget_branches(vcpu);
	if (vcpu->arch)
		vmm_op(vcpu_free)(vcpu);
	if (vcpu->fpu.fpstate)
		fpu_free_guest_fpstate(&vcpu->fpu);
	vfree(vcpu->stats);
	kfree(vcpu);
}

/* Map a vCPU's statistics, or their beginning, into a process: -EINVAL if it
 * asks for more. The mapping keeps the pages, not the vCPU. */
int vmm_vcpu_map_stats(struct vmm_vcpu *vcpu, struct vm_area_struct *vma)
{
	char *from = (char *)vcpu->stats;
	unsigned long at;
	int err = 0;

	if (vma->vm_end - vma->vm_start > PAGE_ALIGN(sizeof(*vcpu->stats)))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	for (at = vma->vm_start; !err && at < vma->vm_end; at += PAGE_SIZE, from += PAGE_SIZE)
		err = vm_insert_page(vma, at, vmalloc_to_page(from));
	return err;
}

/* The VM has its id now; its vCPUs' statistics tell it. */
void vmm_vm_publish_stats(struct vmm_vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->ncpus; i++) {
		vm->vcpus[i]->stats->vs_vm = vm->id;
		vm->vcpus[i]->stats->vs_vcpu = i;
		vm->vcpus[i]->stats->vs_tsc_offset = vmm_tsc_offset;
	}
}

/* A suspend set the TSC back by so many ticks, see vmm_vm_set_back(): what was
 * stamped before tells the time of the new count, and the next entry writes
 * the guest's TSC offset. */
void vmm_vcpu_set_back(struct vmm_vcpu *vcpu, u64 ticks)
{
	vcpu->stats->vs_tsc_offset = vmm_tsc_offset;
	vcpu->cpu = -1;
	if (!vcpu->t_prev)
		return;
	vcpu->t_prev -= ticks;
	vcpu->t_traced -= ticks;
	vcpu->t_last_exit -= ticks;
}

static void reset_neutral(struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs)
{
	memcpy(vcpu->dr, regs->vrs_drs, sizeof(vcpu->dr));
	vcpu->xcr0 = XFEATURE_MASK_FP;
	vcpu->pat = 0x0007040600070406ULL;	/* SDM 12.12.4: value after reset */
	vcpu->misc_enable = regs->vrs_msrs[VCPU_REGS_MISC_ENABLE];
	vcpu->dr_live = false;
	vcpu->shadow = false;
	vcpu->waiting = 0;
	vcpu->nmi_blocked = false;
	vcpu->reinject = vcpu->inject = vcpu->nmi = vcpu->irq = (struct vmm_event){};
	vcpu->pvclock_gpa = 0;
	vcpu->last_input = VMM_INPUT_NONE;
}

/* Whether the processor would take these registers. What it would refuse only
 * in combination shows at the next entry. MOV to DR6 or DR7 faults if a bit of
 * the upper half is set (SDM 17.2.6), in the host too. */
static bool regs_valid(u64 mask, const struct vcpu_reg_state *regs)
{
	if ((mask & VM_RWREGS_DRS) &&
	    (upper_32_bits(regs->vrs_drs[VCPU_REGS_DR6]) ||
	     upper_32_bits(regs->vrs_drs[VCPU_REGS_DR7])))
		return false;
	return !(mask & VM_RWREGS_CRS) || vmm_op(crs_valid)(regs->vrs_crs);
}

/* VMM_IOC_RESETCPU; waits for a RUN in progress. Returns 0, -EBUSY unless stopped,
 * -EIO if the processor cannot have that state; then nothing has changed. */
int vmm_vcpu_reset(struct vmm_vcpu *vcpu, const struct vcpu_reg_state *regs)
{
	int err = -EBUSY;

	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (READ_ONCE(vcpu->state) != VCPU_STATE_STOPPED)
		goto unlock;
	err = -EIO;
	if (!regs_valid(VM_RWREGS_ALL, regs))
		goto unlock;
	reset_neutral(vcpu, regs);
	memcpy(vcpu->frame.gprs, regs->vrs_gprs, sizeof(vcpu->frame.gprs));
	vmm_op(vcpu_reset)(vcpu, regs);
	vcpu->ready = true;
	vmm_emit_life(vcpu->vm, vcpu, VMMT_LIFE_vcpu_reset, 0);
	err = 0;
unlock:
	mutex_unlock(&vcpu->lock);
	return err;
}

/* Registers of a stopped vCPU by mask, called with its lock held. */
void vmm_vcpu_get_regs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs)
{
	if (mask & VM_RWREGS_GPRS)
		memcpy(regs->vrs_gprs, vcpu->frame.gprs, sizeof(regs->vrs_gprs));
	if (mask & VM_RWREGS_CRS)
		regs->vrs_crs[VCPU_REGS_XCR0] = vcpu->xcr0;
	if (mask & VM_RWREGS_MSRS)
		regs->vrs_msrs[VCPU_REGS_MISC_ENABLE] = vcpu->misc_enable;
	if (mask & VM_RWREGS_DRS)
		memcpy(regs->vrs_drs, vcpu->dr, sizeof(vcpu->dr));
	vmm_op(read_regs)(vcpu, mask, regs);
}

/* VMM_IOC_READREGS; waits for a RUN in progress. 0, or -EINTR if killed. */
int vmm_vcpu_readregs(struct vmm_vcpu *vcpu, u64 mask, struct vcpu_reg_state *regs)
{
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	vmm_vcpu_get_regs(vcpu, mask, regs);
	mutex_unlock(&vcpu->lock);
	return 0;
}

/* VMM_IOC_WRITEREGS; waits for a RUN in progress. 0, -EINVAL for a value that
 * the processor would not take: then nothing has changed; -EINTR if killed. */
int vmm_vcpu_writeregs(struct vmm_vcpu *vcpu, u64 mask, const struct vcpu_reg_state *regs)
{
	if ((mask & VM_RWREGS_CRS) && !vmm_xcr0_valid(regs->vrs_crs[VCPU_REGS_XCR0]))
		return -EINVAL;
	if (!regs_valid(mask, regs))
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	vmm_op(write_regs)(vcpu, mask, regs);
	if (mask & VM_RWREGS_GPRS)
		memcpy(vcpu->frame.gprs, regs->vrs_gprs, sizeof(regs->vrs_gprs));
	if (mask & VM_RWREGS_CRS)
		vcpu->xcr0 = regs->vrs_crs[VCPU_REGS_XCR0];
	if (mask & VM_RWREGS_MSRS)
		vcpu->misc_enable = regs->vrs_msrs[VCPU_REGS_MISC_ENABLE];
	if (mask & VM_RWREGS_DRS)
		memcpy(vcpu->dr, regs->vrs_drs, sizeof(vcpu->dr));
	mutex_unlock(&vcpu->lock);
	return 0;
}

static void kicked(void *unused)
{
}

/*
 * Make the vCPU leave the guest, if it is in it or about to enter: what the
 * caller stored before (a flag) is seen before the next entry. Pairs with the
 * barrier in run.c. Interrupts must be on.
 */
void vmm_vcpu_kick(struct vmm_vcpu *vcpu)
{
	int cpu;

	smp_mb();
	cpu = READ_ONCE(vcpu->running_cpu);
	if (cpu >= 0)
		smp_call_function_single(cpu, kicked, NULL, 0);
}
