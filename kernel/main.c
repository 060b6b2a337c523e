// SPDX-License-Identifier: GPL-2.0-only
/* The module and its device: /dev/vmm, its ioctls, its statistics to map. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/tsc.h>

#include "core.h"

const struct vmm_ops *vmm_ops;

#define VMM_OP(ret, name, args) \
	DEFINE_STATIC_CALL_NULL(vmm_op_##name, *(((struct vmm_ops *)0)->name));
VMM_OPS(VMM_OP)
#undef VMM_OP

/* ---- the calls ---- */

/* A call on a VM runs with a reference to it. *arg is the kernel's copy of the
 * caller's structure, copied back after success if the call is _IOWR. */
static int ioc_create(struct file *file, struct vmm_vm *vm, void *arg)
{
	return vmm_vm_create(file, arg);
}

static int ioc_info(struct file *file, struct vmm_vm *vm, void *arg)
{
	return vmm_vm_info(file, arg);
}

static int ioc_resetcpu(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_resetcpu_params *vrp = arg;
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vrp->vrp_vcpu_id);

	return IS_ERR(vcpu) ? PTR_ERR(vcpu) : vmm_vcpu_reset(vcpu, &vrp->vrp_init_state);
}

static int ioc_intr(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_intr_params *vip = arg;
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vip->vip_vcpu_id);

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	WRITE_ONCE(vcpu->intr_pending, vip->vip_intr != 0);
	if (vip->vip_intr)
		vmm_vcpu_kick(vcpu);
	return 0;
}

static int ioc_readregs(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_rwregs_params *vrwp = arg;
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vrwp->vrwp_vcpu_id);

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	return vmm_vcpu_readregs(vcpu, vrwp->vrwp_mask, &vrwp->vrwp_regs);
}

static int ioc_writeregs(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_rwregs_params *vrwp = arg;
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vrwp->vrwp_vcpu_id);

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	return vmm_vcpu_writeregs(vcpu, vrwp->vrwp_mask, &vrwp->vrwp_regs);
}

static int ioc_readvmparams(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_rwvmparams_params *vpp = arg;
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vpp->vpp_vcpu_id);

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	if (vpp->vpp_mask & VM_RWVMPARAMS_PVCLOCK_SYSTEM_GPA)
		vpp->vpp_pvclock_system_gpa = READ_ONCE(vcpu->pvclock_gpa);
	if (vpp->vpp_mask & VM_RWVMPARAMS_PVCLOCK_VERSION)
		vpp->vpp_pvclock_version = READ_ONCE(vcpu->pvclock_version);
	return 0;
}

static int ioc_writevmparams(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_rwvmparams_params *vpp = arg;
	struct vmm_vcpu *vcpu = vmm_vm_vcpu(vm, vpp->vpp_vcpu_id);
	int err = 0;

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (vpp->vpp_mask & VM_RWVMPARAMS_PVCLOCK_VERSION)
		vcpu->pvclock_version = vpp->vpp_pvclock_version;
	if (vpp->vpp_mask & VM_RWVMPARAMS_PVCLOCK_SYSTEM_GPA)
		err = vmm_pvclock_set(vcpu, vpp->vpp_pvclock_system_gpa);
	mutex_unlock(&vcpu->lock);
	return err;
}

/* SHAREMEM: the ranges named must be the VM's own. */
static int ioc_sharemem(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vm_sharemem_params *vsp = arg;
	unsigned int i;

	if (vsp->vsp_nmemranges != vm->mem->nranges)
		return -EINVAL;
	for (i = 0; i < vm->mem->nranges; i++) {
		const struct vmm_range *range = &vm->mem->ranges[i];
		const struct vm_mem_range *vmr = &vsp->vsp_memranges[i];

		if (vmr->vmr_gpa != range->gpa || vmr->vmr_size != range->size ||
		    vmr->vmr_type != range->type)
			return -EINVAL;
	}
	for (i = 0; i < VMM_MAX_MEM_RANGES; i++)
		if (vsp->vsp_va[i])
			return -EINVAL;
	return vmm_mem_map(vm->mem, vsp->vsp_va);
}

static int ioc_mprotect_ept(struct file *file, struct vmm_vm *vm, void *arg)
{
	return vmm_vm_protect(vm, arg);
}

/* vrp_irq_id lies where a program of vmm(4) has padding, which it may never have
 * written: so it counts where the program has asked for our version. */
static int ioc_version(struct file *file, struct vmm_vm *vm, void *arg)
{
	struct vmm_version *vv = arg;
	struct vmm_file *f = file->private_data;

	WRITE_ONCE(f->extended, true);
	vv->vv_abi = VMM_ABI_VERSION;
	vv->vv_schema = VMMT_SCHEMA_VERSION;
	vv->vv_isa = vmm_ops->isa;
	vv->vv_tsc_khz = tsc_khz;
	return 0;
}

static int ioc_clock(struct file *file, struct vmm_vm *vm, void *arg)
{
	vmm_emit_clock();
	return 0;
}

static int ioc_limit(struct file *file, struct vmm_vm *vm, void *arg)
{
	return vmm_file_limit(file, arg);
}

/* vm: the structure begins with a VM's id, which the file must have made. */
struct ioc {
	unsigned int cmd;
	int (*call)(struct file *file, struct vmm_vm *vm, void *arg);
	u8 nr;				/* VMMT_CALL_* */
	bool vm;
};

static const struct ioc iocs[] = {
	{ VMM_IOC_CREATE, ioc_create, VMMT_CALL_create, false },
	{ VMM_IOC_INFO, ioc_info, VMMT_CALL_info, false },
	{ VMM_IOC_RESETCPU, ioc_resetcpu, VMMT_CALL_resetcpu, true },
	{ VMM_IOC_INTR, ioc_intr, VMMT_CALL_intr, true },
	{ VMM_IOC_READREGS, ioc_readregs, VMMT_CALL_readregs, true },
	{ VMM_IOC_WRITEREGS, ioc_writeregs, VMMT_CALL_writeregs, true },
	{ VMM_IOC_READVMPARAMS, ioc_readvmparams, VMMT_CALL_readvmparams, true },
	{ VMM_IOC_WRITEVMPARAMS, ioc_writevmparams, VMMT_CALL_writevmparams, true },
	{ VMM_IOC_SHAREMEM, ioc_sharemem, VMMT_CALL_sharemem, true },
	{ VMM_IOC_MPROTECT_EPT, ioc_mprotect_ept, VMMT_CALL_mprotect_ept, true },
	{ VMM_IOC_VERSION, ioc_version, VMMT_CALL_other, false },
	{ VMM_IOC_CLOCK, ioc_clock, VMMT_CALL_other, false },
	{ VMM_IOC_LIMIT, ioc_limit, VMMT_CALL_other, false },
};

/* RUN is the call that counts: no allocation, no table. Its exits tell of it,
 * so only a RUN that fails is recorded as a call. */
static int do_run(struct file *file, struct vm_run_params __user *user, u64 begin)
{
	struct vm_run_params vrp;
	struct vmm_vcpu *vcpu;
	struct vmm_vm *vm;
	int err;

	if (copy_from_user(&vrp, user, sizeof(vrp)))
		return -EFAULT;
	vm = vmm_vm_get(file, vrp.vrp_vm_id);
	if (IS_ERR(vm)) {
		vmm_emit_call(NULL, VMMT_CALL_run, PTR_ERR(vm), begin);
		return PTR_ERR(vm);
	}
	vcpu = vmm_vm_vcpu(vm, vrp.vrp_vcpu_id);
	err = IS_ERR(vcpu) ? PTR_ERR(vcpu) : vmm_vcpu_run(vcpu, &vrp, begin);
	if (err)
		vmm_emit_call(vm, VMMT_CALL_run, err, begin);
	vmm_vm_put(vm);
	if (!err && copy_to_user(user, &vrp, sizeof(vrp)))
		err = -EFAULT;
	return err;
}

/* TERM frees the VM, so it is told in the host's stream. */
static int do_term(struct file *file, struct vm_terminate_params __user *user, u64 begin)
{
	struct vm_terminate_params vtp;
	struct vmm_vm *vm;
	int err;

	if (copy_from_user(&vtp, user, sizeof(vtp)))
		return -EFAULT;
	vm = vmm_vm_get_to_end(file, vtp.vtp_vm_id);
	err = IS_ERR(vm) ? PTR_ERR(vm) : vmm_vm_term(vm);
	vmm_emit_call(NULL, VMMT_CALL_term, err, begin);
	return err;
}

static int do_call(struct file *file, const struct ioc *ioc, void __user *user, u64 begin)
{
	size_t size = _IOC_SIZE(ioc->cmd);
	struct vmm_vm *vm = NULL;
	void *arg = NULL;
	int err = 0;

	if (size) {
		arg = _IOC_DIR(ioc->cmd) & _IOC_WRITE ? memdup_user(user, size) :
							kzalloc(size, GFP_KERNEL);
		if (IS_ERR_OR_NULL(arg))
			return arg ? PTR_ERR(arg) : -ENOMEM;
	}
	if (ioc->vm) {
		vm = vmm_vm_get(file, *(u32 *)arg);
		if (IS_ERR(vm)) {
			err = PTR_ERR(vm);
			vm = NULL;
		}
	}
	if (!err)
		err = ioc->call(file, vm, arg);
	if (ioc->nr != VMMT_CALL_other)
		vmm_emit_call(vm, ioc->nr, err, begin);
	if (vm)
		vmm_vm_put(vm);
	if (!err && (_IOC_DIR(ioc->cmd) & _IOC_READ) && copy_to_user(user, arg, size))
		err = -EFAULT;
	kfree(arg);
	return err;
}

static long vmm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	u64 begin = rdtsc();
	unsigned int i;

	if (cmd == VMM_IOC_RUN)
		return do_run(file, user, begin);
	if (cmd == VMM_IOC_TERM)
		return do_term(file, user, begin);
	for (i = 0; i < ARRAY_SIZE(iocs); i++)
		if (iocs[i].cmd == cmd)
			return do_call(file, &iocs[i], user, begin);
	return -ENOTTY;
}

/* ---- statistics ---- */

/* Map a vCPU's statistics, read only. The VM is kept until they are unmapped
 * no longer than the mapping call: the pages themselves live on. */
static int vmm_mmap(struct file *file, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct vmm_vcpu *vcpu;
	struct vmm_vm *vm;
	int err;

	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EACCES;
	vm = vmm_vm_get_any((u32)(offset >> 32));
	if (!vm)
		return -ENOENT;
	vcpu = vmm_vm_vcpu(vm, (u32)offset >> 24);
	err = IS_ERR(vcpu) ? PTR_ERR(vcpu) : 0;
	if (!err && (offset & (BIT(24) - 1)))
		err = -EINVAL;
	if (!err && vm->owner != file && !vmm_vm_may_see(file, vm))
		err = -EPERM;
	if (!err) {
		vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
		err = vmm_vcpu_map_stats(vcpu, vma);
	}
	vmm_vm_put(vm);
	return err;
}

static int vmm_open(struct inode *inode, struct file *file)
{
	return vmm_file_open(file);
}

static int vmm_release(struct inode *inode, struct file *file)
{
	vmm_vm_release(file);
	vmm_file_free(file);
	return 0;
}

static const struct file_operations vmm_fops = {
	.owner = THIS_MODULE,
	.open = vmm_open,
	.unlocked_ioctl = vmm_ioctl,
	.mmap = vmm_mmap,
	.release = vmm_release,
};

static struct miscdevice vmm_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vmm",
	.fops = &vmm_fops,
	.mode = 0660,
};

/* ---- load and unload ---- */

static const struct vmm_ops *const vendors[] __initconst = { &vmm_svm_ops, &vmm_vmx_ops };

static void __init bind_ops(const struct vmm_ops *ops)
{
	vmm_ops = ops;
#define VMM_OP(ret, name, args) static_call_update(vmm_op_##name, ops->name);
	VMM_OPS(VMM_OP)
#undef VMM_OP
}

/* The extension this host has; logs what each one misses if there is none. */
static int __init choose_vendor(void)
{
	char why[2][96];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vendors); i++) {
		if (!vendors[i]->check(why[i], sizeof(why[i]))) {
			bind_ops(vendors[i]);
			return 0;
		}
	}
	for (i = 0; i < ARRAY_SIZE(vendors); i++)
		pr_err("no %s: %s\n", vendors[i]->name, why[i]);
	return -EOPNOTSUPP;
}

static int __init vmm_init(void)
{
	int err = choose_vendor();

	if (err)
		return err;
	vmm_cpuid_init();
	err = vmm_hw_init();
	if (err)
		return err;
	preempt_notifier_inc();
	err = misc_register(&vmm_device);
	if (err)
		goto undo;
	pr_info("%s, virtualization is switched on with the first VM\n", vmm_ops->name);
	return 0;
undo:
	preempt_notifier_dec();
	vmm_hw_exit();
	return err;
}

static void __exit vmm_exit(void)
{
	misc_deregister(&vmm_device);
	preempt_notifier_dec();
	vmm_hw_exit();
	rcu_barrier();
}

module_init(vmm_init);
module_exit(vmm_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("virtual machine monitor made to be measured, with the API of vmm(4)");
MODULE_VERSION("0.1.0");
