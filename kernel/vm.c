// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs: made by CREATE, found by id, ended by TERM or when the file they were
 * created on is released.
 *
 * vmm_lock guards the table. Looking up takes a reference under RCU; TERM takes the
 * VM out of the table, kicks its vCPUs, and frees it once the last reference
 * is gone, so a RUN in progress always has its VM.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "core.h"

static DEFINE_XARRAY(vms);		/* by id; changed under vmm_lock */
static DEFINE_MUTEX(vmm_lock);
static u32 last_id;			/* vmm_lock */
static unsigned int nvms;		/* vmm_lock */

/* ---- find ---- */

/* The VM with this id, whoever made it, with a reference; NULL if there is none. */
struct vmm_vm *vmm_vm_get_any(u32 id)
{
	struct vmm_vm *vm;

	rcu_read_lock();
	vm = xa_load(&vms, id);
	if (vm && !refcount_inc_not_zero(&vm->refs))
		vm = NULL;
	rcu_read_unlock();
	return vm;
}

/* The VM with this id for a caller on this file, with a reference, or
 * ERR_PTR(-ENOENT), ERR_PTR(-EPERM) if it was made on another. */
struct vmm_vm *vmm_vm_get(struct file *owner, u32 id)
{
	struct vmm_vm *vm = vmm_vm_get_any(id);

	if (!vm)
		return ERR_PTR(-ENOENT);
	if (vm->owner != owner) {
		vmm_vm_put(vm);
		return ERR_PTR(-EPERM);
	}
	return vm;
}

/* The same for TERM, which may also come on another file of the VM's user, from who
 * may kill that user's processes. */
struct vmm_vm *vmm_vm_get_to_end(struct file *file, u32 id)
{
	struct vmm_vm *vm = vmm_vm_get_any(id);

	if (!vm)
		return ERR_PTR(-ENOENT);
	if (vm->owner != file &&
	    (!uid_eq(vm->uid, vmm_file_user(file)) || !capable(CAP_KILL))) {
		vmm_vm_put(vm);
		return ERR_PTR(-EPERM);
	}
	return vm;
}

void vmm_vm_put(struct vmm_vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		complete(&vm->gone);
}

/* A vCPU of a VM, ERR_PTR(-ENOENT) if it has none of this index. */
struct vmm_vcpu *vmm_vm_vcpu(struct vmm_vm *vm, u32 id)
{
	return id < vm->ncpus ? vm->vcpus[array_index_nospec(id, vm->ncpus)] : ERR_PTR(-ENOENT);
}

/* A suspend set the TSC back by so many ticks. Interrupts off, all tasks
 * frozen, no other CPU: so without a lock. */
void vmm_vm_set_back(u64 ticks)
{
	struct vmm_vm *vm;
	unsigned long id;
	unsigned int i;

	xa_for_each(&vms, id, vm)
		for (i = 0; i < vm->ncpus; i++)
			vmm_vcpu_set_back(vm->vcpus[i], ticks);
}

/* ---- create ---- */

/* vmm(4)'s rules for the ranges of CREATE; how many bytes of memory they are. */
static int check_ranges(const struct vm_create_params *vcp, u64 *ret_memory)
{
	u64 next = 0, memory = 0;
	unsigned int i;

	if (!vcp->vcp_nmemranges || vcp->vcp_nmemranges > VMM_MAX_MEM_RANGES)
		return -EINVAL;
	for (i = 0; i < vcp->vcp_nmemranges; i++) {
		const struct vm_mem_range *vmr = &vcp->vcp_memranges[i];

		if (!vmr->vmr_size ||
		    !PAGE_ALIGNED(vmr->vmr_gpa | vmr->vmr_va | vmr->vmr_size))
			return -EINVAL;
		if (vmr->vmr_gpa >= VMM_MAX_VM_MEM_SIZE ||
		    vmr->vmr_size > VMM_MAX_VM_MEM_SIZE - vmr->vmr_gpa)
			return -EINVAL;
		if (vmr->vmr_gpa < next)
			return -EINVAL;
		next = vmr->vmr_gpa + vmr->vmr_size;
		if (vmr->vmr_type != VM_MEM_MMIO)
			memory += vmr->vmr_size;
	}
	*ret_memory = memory;
	return memory ? 0 : -EINVAL;
}

static void vm_free(struct vmm_vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->ncpus; i++)
		vmm_vcpu_destroy(vm->vcpus[i]);
	vmm_pt_free(&vm->pt);
	if (vm->mem)
		vmm_uncharge_vcpus(vm->mem->charge);
	vmm_mem_put(vm->mem);
	put_pid(vm->creator);
	if (vm->mm)
		mmdrop(vm->mm);
	kfree_rcu(vm, rcu);
}

/* Who makes the VM, and for whom. */
static void vm_belongs(struct vmm_vm *vm, struct file *owner)
{
	const struct vmm_file *f = owner->private_data;
	kuid_t user = vmm_file_user(owner);

	vm->owner = owner;
	vm->extended = READ_ONCE(f->extended);
	vm->uid = uid_valid(user) ? user : current_euid();
	vm->creator = get_task_pid(current, PIDTYPE_TGID);
	vm->mm = current->mm;
	mmgrab(vm->mm);
}

/* A VM that nobody can find yet. */
static struct vmm_vm *vm_alloc(struct file *owner, struct vm_create_params *vcp, u64 memory)
{
	struct vmm_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	struct vmm_charge *charge;
	struct vmm_vcpu *vcpu;
	struct vmm_mem *mem;
	int err;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	refcount_set(&vm->refs, 1);
	init_completion(&vm->gone);
	mutex_init(&vm->seq_lock);
	vm_belongs(vm, owner);
	strscpy(vm->name, vcp->vcp_name, sizeof(vm->name));
	charge = vmm_charge(vm, memory, vcp->vcp_ncpus);
	err = PTR_ERR_OR_ZERO(charge);
	if (err)
		goto free;
	mem = vmm_mem_create(vcp, charge);
	err = PTR_ERR_OR_ZERO(mem);
	if (err)
		goto free;
	vm->mem = mem;
	err = vmm_pt_init(&vm->pt, vmm_ops->pt);
	if (err)
		goto free;
	while (vm->ncpus < vcp->vcp_ncpus) {
		vcpu = vmm_vcpu_create(vm, vm->ncpus);
		err = PTR_ERR_OR_ZERO(vcpu);
		if (err)
			goto free;
		vm->vcpus[vm->ncpus++] = vcpu;
	}
	return vm;
free:
	vm_free(vm);
	return ERR_PTR(err);
}

/* Give the VM an id and let it be found: from then on another thread may end
 * it, so the id is returned apart. */
static int vm_publish(struct vmm_vm *vm, u32 *ret_id)
{
	int err = -ENOMEM;
	unsigned int i;

	mutex_lock(&vmm_lock);
	if (last_id == U32_MAX)		/* ids are not used twice */
		goto unlock;
	vm->id = last_id + 1;
	err = xa_reserve(&vms, vm->id, GFP_KERNEL_ACCOUNT);
	if (err)
		goto unlock;
	*ret_id = ++last_id;
	if (!nvms++)
		vmm_clock_start();
	vmm_vm_publish_stats(vm);
	vmm_emit_life(vm, NULL, VMMT_LIFE_vm_made, 0);
	for (i = 0; i < vm->ncpus; i++)
		vmm_emit_life(vm, vm->vcpus[i], VMMT_LIFE_vcpu_made, 0);
	xa_store(&vms, vm->id, vm, GFP_KERNEL_ACCOUNT);
unlock:
	mutex_unlock(&vmm_lock);
	return err;
}

/* VMM_IOC_CREATE, its checks in vmm(4)'s order. Returns 0, -EIO (no
 * virtualization), -EINVAL, -EDQUOT (the file's limits), -ENOMEM. */
int vmm_vm_create(struct file *owner, struct vm_create_params *vcp)
{
	vmm_vaddr_t va[VMM_MAX_MEM_RANGES];
	struct vmm_vm *vm;
	unsigned int i;
	u64 memory;
	u32 id;
	int err;

	err = vmm_hw_get();
	if (err)
		return err;
	err = check_ranges(vcp, &memory);
	if (err)
		goto put_hw;
	err = -EINVAL;
	if (!vcp->vcp_ncpus || vcp->vcp_ncpus > VMM_MAX_VCPUS_PER_VM || vcp->vcp_sev ||
	    vcp->vcp_seves)
		goto put_hw;
	vm = vm_alloc(owner, vcp, memory);
	err = PTR_ERR_OR_ZERO(vm);
	if (err)
		goto put_hw;
	for (i = 0; i < VMM_MAX_MEM_RANGES; i++)
		va[i] = vcp->vcp_memranges[i].vmr_va;
	err = vmm_mem_map(vm->mem, va);
	if (!err)
		err = vm_publish(vm, &id);
	if (err)
		goto free_vm;
	for (i = 0; i < vcp->vcp_nmemranges; i++)
		vcp->vcp_memranges[i].vmr_va = va[i];
	vcp->vcp_id = id;
	vcp->vcp_poscbit = 0;
	memset(vcp->vcp_asid, 0, sizeof(vcp->vcp_asid));
	return 0;
free_vm:
	for (i = 0; i < vcp->vcp_nmemranges; i++)
		if (err && va[i] != vcp->vcp_memranges[i].vmr_va)
			vm_munmap(va[i], vcp->vcp_memranges[i].vmr_size);
	vm_free(vm);
put_hw:
	vmm_hw_put();
	return err;
}

/* ---- end ---- */

/* Out of the table already: wait for those inside, then free. May sleep. */
static void vm_end(struct vmm_vm *vm)
{
	unsigned int i;

	WRITE_ONCE(vm->dying, true);
	for (i = 0; i < vm->ncpus; i++)
		vmm_vcpu_kick(vm->vcpus[i]);
	vmm_vm_put(vm);
	wait_for_completion(&vm->gone);
	for (i = 0; i < vm->ncpus; i++)
		vmm_emit_life(vm, vm->vcpus[i], VMMT_LIFE_vcpu_ended, 0);
	vmm_emit_life(vm, NULL, VMMT_LIFE_vm_ended, 0);
	mutex_lock(&vmm_lock);
	if (!--nvms)
		vmm_clock_stop();
	mutex_unlock(&vmm_lock);
	vm_free(vm);
	vmm_hw_put();
}

/* Take a VM out of the table; false if somebody was faster. */
static bool vm_unpublish(struct vmm_vm *vm)
{
	bool mine;

	mutex_lock(&vmm_lock);
	mine = xa_cmpxchg(&vms, vm->id, vm, NULL, GFP_KERNEL) == vm;
	mutex_unlock(&vmm_lock);
	return mine;
}

/* VMM_IOC_TERM, with the caller's reference, which it takes. Returns 0, or
 * -EBUSY if another TERM is at it. */
int vmm_vm_term(struct vmm_vm *vm)
{
	bool mine = vm_unpublish(vm);

	vmm_vm_put(vm);
	if (!mine)
		return -EBUSY;
	vm_end(vm);
	return 0;
}

/* One of a file's VMs, taken out of the table, or NULL. */
static struct vmm_vm *unpublish_one(struct file *owner)
{
	struct vmm_vm *vm;
	unsigned long id;

	mutex_lock(&vmm_lock);
	xa_for_each(&vms, id, vm)
		if (vm->owner == owner) {
			xa_erase(&vms, id);
			break;
		}
	mutex_unlock(&vmm_lock);
	return vm;
}

/* The file is being released: its VMs end. */
void vmm_vm_release(struct file *owner)
{
	struct vmm_vm *vm;

	while ((vm = unpublish_one(owner)))
		vm_end(vm);
}

/* ---- info ---- */

/* Whether the caller, on this file, may see this VM in INFO, and its statistics. */
bool vmm_vm_may_see(const struct file *file, const struct vmm_vm *vm)
{
	kuid_t user = vmm_file_user(file);

	if (uid_valid(user))
		return uid_eq(vm->uid, user);
	return uid_eq(vm->uid, current_euid()) || capable(CAP_SYS_ADMIN);
}

static void fill_info(const struct vmm_vm *vm, struct vm_info_result *vir)
{
	unsigned int i;

	vir->vir_memory_size = vm->mem->size;
	vir->vir_used_size = READ_ONCE(vm->mem->present) << PAGE_SHIFT;
	vir->vir_ncpus = vm->ncpus;
	for (i = 0; i < VMM_MAX_VCPUS_PER_VM; i++)
		vir->vir_vcpu_state[i] = i < vm->ncpus ? READ_ONCE(vm->vcpus[i]->state) :
							 VCPU_STATE_UNKNOWN;
	vir->vir_creator_pid = pid_vnr(vm->creator);
	vir->vir_id = vm->id;
	memcpy(vir->vir_name, vm->name, sizeof(vir->vir_name));
}

/*
 * VMM_IOC_INFO: the VMs that the caller may see, newest first. A buffer that
 * is too small is no error: vip_size tells what it takes. The caller's memory
 * is touched without the lock, as a page of it may take for ever to come.
 */
int vmm_vm_info(struct file *file, struct vm_info_params *vip)
{
	struct vm_info_result *list = NULL;
	size_t count = 0, size, i;
	struct vmm_vm *vm;
	unsigned long id;
	int err = 0;

	mutex_lock(&vmm_lock);
	xa_for_each(&vms, id, vm)
		count += vmm_vm_may_see(file, vm);
	size = count * sizeof(*list);
	vip->vip_info_ct = 0;
	if (vip->vip_size < size) {
		vip->vip_size = size;
		goto unlock;
	}
	list = kvzalloc(size, GFP_KERNEL);
	if (!list) {
		err = -ENOMEM;
		goto unlock;
	}
	i = count;
	xa_for_each(&vms, id, vm)
		if (i && vmm_vm_may_see(file, vm))
			fill_info(vm, &list[--i]);
	vip->vip_info_ct = count;
unlock:
	mutex_unlock(&vmm_lock);
	if (!err && vip->vip_info_ct && copy_to_user((void __user *)vip->vip_info, list, size))
		err = -EFAULT;
	kvfree(list);
	return err;
}
