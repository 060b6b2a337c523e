// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMM_IOC_MPROTECT_EPT: what the guest may do with its memory, page by page.
 * The creator's own mapping is not concerned, nor what the module does for the
 * guest.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>

#include "core.h"

static_assert(PROT_READ == VMMT_ACCESS_r && PROT_WRITE == VMMT_ACCESS_w &&
	      PROT_EXEC == VMMT_ACCESS_x);

/* Devices of vmd(8) are there. */
#define MMIO_START	0xf0000000ULL
#define MMIO_END	0x100000000ULL

/* vmm(4)'s rules: whole pages, all of them memory, and an access that page tables
 * can express. */
static int check(const struct vmm_vm *vm, const struct vm_mprotect_ept_params *vmep)
{
	u64 gpa = vmep->vmep_sgpa, end;
	struct vmm_range *range;

	if (!vmep->vmep_size || !PAGE_ALIGNED(gpa | vmep->vmep_size) ||
	    check_add_overflow(gpa, (u64)vmep->vmep_size, &end))
		return -EINVAL;
	if (!(vmep->vmep_prot & VMMT_ACCESS_rwx) ||
	    (vmep->vmep_prot & VMMT_ACCESS_rw) == VMMT_ACCESS_w)
		return -EINVAL;
	if (gpa < MMIO_END && end > MMIO_START)
		return -EINVAL;
	for (; gpa < end; gpa = range->gpa + range->size) {
		range = vmm_mem_find(vm->mem, gpa);
		if (!range || range->type == VM_MEM_MMIO)
			return -EINVAL;
	}
	return 0;
}

static void release(struct vmm_vm *vm, u64 held)
{
	for (; held; held &= held - 1)
		smp_store_release(&vm->vcpus[__ffs(held)]->state, VCPU_STATE_STOPPED);
}

/* Keep all vCPUs of the VM out of RUN, as if each were in one; returns which are
 * held, 0 if one was in a RUN. Those that have ended need not be. */
static u64 hold(struct vmm_vm *vm)
{
	u64 held = 0;
	unsigned int i;
	u8 state;

	for (i = 0; i < vm->ncpus; i++) {
		state = cmpxchg(&vm->vcpus[i]->state, VCPU_STATE_STOPPED, VCPU_STATE_RUNNING);
		if (state == VCPU_STATE_RUNNING) {
			release(vm, held);
			return 0;
		}
		held |= state == VCPU_STATE_STOPPED ? BIT_ULL(i) : 0;
	}
	return held;
}

/* Protect what one entry maps: 2 MiB if they are all in the range and in one
 * block, else 4 KiB. Returns how many bytes that was, or -EFAULT, -ENOMEM. */
static long protect_at(struct vmm_vm *vm, u64 gpa, u64 left, u8 access)
{
	struct vmm_range *range = vmm_mem_find(vm->mem, gpa);
	struct page *page = vmm_mem_page(vm->mem, range, gpa);
	int err;

	if (!page)
		return -EFAULT;
	if (IS_ALIGNED(gpa, PMD_SIZE) && left >= PMD_SIZE && vmm_mem_contiguous(range, gpa)) {
		err = vmm_pt_protect(&vm->pt, gpa, page_to_pfn(page), true, access);
		if (err != -EEXIST)
			return err ? err : PMD_SIZE;
	}
	err = vmm_pt_protect(&vm->pt, gpa, page_to_pfn(page), false, access);
	return err ? err : PAGE_SIZE;
}

/* All vCPUs are held. Whatever was done, it was done before the flush. */
static int protect(struct vmm_vm *vm, const struct vm_mprotect_ept_params *vmep)
{
	u8 access = vmep->vmep_prot & VMMT_ACCESS_rwx;
	u64 gpa = vmep->vmep_sgpa, end = gpa + vmep->vmep_size;
	long done = 0;

	for (; gpa < end && done >= 0; gpa += done) {
		if (fatal_signal_pending(current))
			done = -EINTR;
		else
			done = protect_at(vm, gpa, end - gpa, access);
		if (done < 0)
			break;
		cond_resched();
	}
	vmm_op(flush)(vm);
	return done < 0 ? (int)done : 0;
}

/*
 * VMM_IOC_MPROTECT_EPT. Returns 0, -ENOENT (no such vCPU), -EBUSY (it is not
 * stopped, or another of the VM is inside a RUN), -EINVAL; -EFAULT or -ENOMEM if
 * memory is short, -EINTR if the caller is being killed: then the pages in front
 * have the new protection. Meanwhile RUN and RESETCPU are -EBUSY.
 */
int vmm_vm_protect(struct vmm_vm *vm, const struct vm_mprotect_ept_params *vmep)
{
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vmep->vmep_vcpu_id);
	u64 held;
	int err;

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	held = hold(vm);
	err = held & BIT_ULL(vcpu->id) ? check(vm, vmep) : -EBUSY;
	if (!err)
		err = protect(vm, vmep);
	release(vm, held);
	return err;
}
