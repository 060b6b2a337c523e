// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file of the device may have, and for whom: VMM_IOC_LIMIT. A VM is
 * charged from CREATE on, before it takes any memory, until that is free.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/slab.h>

#include "core.h"

static DEFINE_MUTEX(limit_lock);
static LIST_HEAD(charges);		/* limit_lock */
static atomic64_t last_file;

/* A new file: no limits, nobody's. */
int vmm_file_open(struct file *file)
{
	struct vmm_file *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return -ENOMEM;
	f->user = INVALID_UID;
	f->id = atomic64_inc_return(&last_file);
	f->memory = U64_MAX;
	f->vms = f->vcpus = U32_MAX;
	file->private_data = f;
	return 0;
}

void vmm_file_free(struct file *file)
{
	kfree(file->private_data);
}

/* The user that the file is for, INVALID_UID if it is for whoever calls. */
kuid_t vmm_file_user(const struct file *file)
{
	const struct vmm_file *f = file->private_data;

	return KUIDT_INIT(READ_ONCE(f->user.val));
}

/* Make the file a user's, unless it is another's. */
static int set_user(struct vmm_file *f, u32 uid)
{
	kuid_t user = make_kuid(current_user_ns(), uid);

	if (uid == VMM_LIMIT_NO_USER)
		return 0;
	if (!uid_valid(user))
		return -EINVAL;
	if (uid_valid(f->user))
		return uid_eq(f->user, user) ? 0 : -EPERM;
	if (!uid_eq(user, current_euid()) && !capable(CAP_SETUID))
		return -EPERM;
	WRITE_ONCE(f->user.val, __kuid_val(user));
	return 0;
}

/* VMM_IOC_LIMIT. Returns 0, -EINVAL (no such user here), -EPERM. */
int vmm_file_limit(struct file *file, struct vmm_limit *vl)
{
	struct vmm_file *f = file->private_data;
	int err;

	mutex_lock(&limit_lock);
	err = set_user(f, vl->vl_uid);
	if (!err) {
		f->memory = min_t(u64, f->memory, vl->vl_memory);
		f->vms = min(f->vms, vl->vl_vms);
		f->vcpus = min(f->vcpus, vl->vl_vcpus);
		*vl = (struct vmm_limit) {
			.vl_memory = f->memory, .vl_vms = f->vms, .vl_vcpus = f->vcpus,
			.vl_uid = from_kuid(current_user_ns(), f->user),
		};
	}
	mutex_unlock(&limit_lock);
	return err;
}

/* Whether the file's limits count what is charged. */
static bool counts(const struct vmm_file *f, const struct vmm_charge *charge)
{
	return uid_valid(f->user) ? uid_eq(charge->uid, f->user) : charge->file == f->id;
}

static int check(const struct vmm_file *f, const struct vmm_charge *charge)
{
	u64 vms = 1, memory = charge->memory, vcpus = charge->vcpus, all = charge->vcpus;
	struct vmm_charge *other;

	list_for_each_entry(other, &charges, link) {
		all += other->vcpus;
		if (!counts(f, other))
			continue;
		vms++;
		memory += other->memory;
		vcpus += other->vcpus;
	}
	if (vms > f->vms || memory > f->memory || vcpus > f->vcpus)
		return -EDQUOT;
	return all > VMM_MAX_VCPUS ? -ENOMEM : 0;
}

/* Charge a VM that is being made. ERR_PTR(-EDQUOT): it would exceed a limit of its file,
 * ERR_PTR(-ENOMEM): this host's vCPUs. */
struct vmm_charge *vmm_charge(struct vmm_vm *vm, u64 memory, u32 vcpus)
{
	const struct vmm_file *f = vm->owner->private_data;
	struct vmm_charge *charge = kzalloc(sizeof(*charge), GFP_KERNEL_ACCOUNT);
	int err;

	if (!charge)
		return ERR_PTR(-ENOMEM);
	charge->file = f->id;
	charge->uid = vm->uid;
	charge->memory = memory;
	charge->vcpus = vcpus;
	mutex_lock(&limit_lock);
	err = check(f, charge);
	if (!err)
		list_add(&charge->link, &charges);
	mutex_unlock(&limit_lock);
	if (!err)
		return charge;
	kfree(charge);
	return ERR_PTR(err);
}

/* The vCPUs are gone. The rest is charged as long as somebody has the memory mapped. */
void vmm_uncharge_vcpus(struct vmm_charge *charge)
{
	mutex_lock(&limit_lock);
	charge->vcpus = 0;
	mutex_unlock(&limit_lock);
}

/* The memory is free, too. */
void vmm_uncharge(struct vmm_charge *charge)
{
	mutex_lock(&limit_lock);
	list_del(&charge->link);
	mutex_unlock(&limit_lock);
	kfree(charge);
}
