// SPDX-License-Identifier: GPL-2.0-only
/* A VM and what is in it before its first instruction. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/calls/calls.h"

int guest_open(struct run *r)
{
	int fd = calls_open(&r->version, r->why, sizeof(r->why));

	if (fd < 0)
		return fd;
	r->fd = fd;
	return 0;
}

static bool module_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

static int explain_create(struct run *r, int err)
{
	const char *kvm = module_loaded("kvm_amd") ? "kvm_amd" :
			  module_loaded("kvm_intel") ? "kvm_intel" : NULL;
	struct rlimit lock = {};

	switch (-err) {
	case EIO:
		if (kvm)
			snprintf(r->why, sizeof(r->why), "KVM holds this processor's virtualization: end its guests and unload it (modprobe -r %s)", kvm);
		else
			snprintf(r->why, sizeof(r->why), "virtualization cannot be switched on: the kernel log says why (dmesg | grep vmm:)");
		break;
	case ENOMEM:
		getrlimit(RLIMIT_MEMLOCK, &lock);
		if (r->opt->caller_memory && lock.rlim_cur < r->opt->memory)
			snprintf(r->why, sizeof(r->why), "RLIMIT_MEMLOCK (%llu KiB) is too small for %llu KiB of guest memory: raise it (ulimit -l), or leave --caller-memory out",
				 (unsigned long long)lock.rlim_cur >> 10,
				 (unsigned long long)r->opt->memory >> 10);
		else
			snprintf(r->why, sizeof(r->why), "not enough memory for a guest of %llu MiB: ask for less (--memory)",
				 (unsigned long long)r->opt->memory >> 20);
		break;
	case EDQUOT:
		snprintf(r->why, sizeof(r->why), "more than this user may have: ask for less (--memory), or end other VMs (vmmtrace vm limit tells the limits)");
		break;
	default:
		snprintf(r->why, sizeof(r->why), "the VM cannot be made: %s", strerror(-err));
	}
	return err;
}

static int own_memory(struct run *r, unsigned int i, struct vm_mem_range *vmr)
{
	void *p = mmap(NULL, vmr->vmr_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	r->own_memory[i] = p;
	vmr->vmr_va = (uintptr_t)p;
	return 0;
}

/* Memory as the machine lays it out, and the hole for devices below 4 GiB. */
static int fill_ranges(struct run *r, struct vm_create_params *vcp)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < r->nram && !err; i++) {
		struct vm_mem_range *vmr = &vcp->vcp_memranges[vcp->vcp_nmemranges];

		if (r->ram[i].gpa >= MACHINE_4G && vmr[-1].vmr_type != VM_MEM_MMIO) {
			*vmr = (struct vm_mem_range){
				.vmr_gpa = MACHINE_HOLE, .vmr_size = MACHINE_4G - MACHINE_HOLE,
				.vmr_type = VM_MEM_MMIO,
			};
			vcp->vcp_nmemranges++;
			vmr++;
		}
		vmr->vmr_gpa = r->ram[i].gpa;
		vmr->vmr_size = r->ram[i].size;
		vmr->vmr_type = r->ram[i].type == MACHINE_RAM ? VM_MEM_RAM : VM_MEM_RESERVED;
		if (r->opt->caller_memory)
			err = own_memory(r, i, vmr);
		vcp->vcp_nmemranges++;
	}
	if (!err && r->ram[r->nram - 1].gpa < MACHINE_4G)
		vcp->vcp_memranges[vcp->vcp_nmemranges++] = (struct vm_mem_range){
			.vmr_gpa = MACHINE_HOLE, .vmr_size = MACHINE_4G - MACHINE_HOLE,
			.vmr_type = VM_MEM_MMIO,
		};
	return err;
}

static void take_addresses(struct run *r, const struct vm_create_params *vcp)
{
	unsigned int i, k;

	for (i = 0; i < r->nram; i++)
		for (k = 0; k < vcp->vcp_nmemranges; k++)
			if (vcp->vcp_memranges[k].vmr_gpa == r->ram[i].gpa)
				r->ram[i].host = (void *)(uintptr_t)vcp->vcp_memranges[k].vmr_va;
}

int guest_make(struct run *r)
{
	struct vm_create_params vcp = { .vcp_ncpus = 1 };
	char msg[MACHINE_MSG];
	int err;

	err = machine_layout(r->opt->memory, r->ram, &r->nram, msg);
	if (err) {
		snprintf(r->why, sizeof(r->why), "%s", msg);
		return err;
	}
	err = fill_ranges(r, &vcp);
	if (err)
		return explain_create(r, err);
	snprintf(vcp.vcp_name, sizeof(vcp.vcp_name), "%s", r->opt->name);
	err = vmm_create(r->fd, &vcp);
	if (err)
		return explain_create(r, err);
	r->vm = vcp.vcp_id;
	take_addresses(r, &vcp);
	guest_memory_init(&r->memory, r->ram, r->nram);
	err = vmm_map_stats(r->fd, r->vm, 0, &r->stats);
	if (err)
		snprintf(r->why, sizeof(r->why), "cannot map the statistics of the VM: %s",
			 strerror(-err));
	return err;
}

static void set_registers(const struct boot_state *boot, struct vcpu_reg_state *regs)
{
	unsigned int i;

	memcpy(regs->vrs_gprs, boot->gpr, sizeof(boot->gpr));
	regs->vrs_gprs[VCPU_REGS_RIP] = boot->rip;
	regs->vrs_gprs[VCPU_REGS_RFLAGS] = boot->rflags;
	regs->vrs_crs[VCPU_REGS_CR0] = boot->cr0;
	regs->vrs_crs[VCPU_REGS_CR3] = boot->cr3;
	regs->vrs_crs[VCPU_REGS_CR4] = boot->cr4;
	regs->vrs_crs[VCPU_REGS_XCR0] = 1;
	regs->vrs_msrs[VCPU_REGS_EFER] = boot->efer;
	regs->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;	/* SDM table 10-1 */
	regs->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		regs->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = boot->seg[i].selector, .vsi_limit = boot->seg[i].limit,
			.vsi_ar = boot->seg[i].ar, .vsi_base = boot->seg[i].base,
		};
	regs->vrs_gdtr.vsi_base = boot->gdtr.base;
	regs->vrs_gdtr.vsi_limit = boot->gdtr.limit;
	regs->vrs_idtr.vsi_base = boot->idtr.base;
	regs->vrs_idtr.vsi_limit = boot->idtr.limit;
}

int guest_load(struct run *r)
{
	const struct run_options *opt = r->opt;
	struct vm_resetcpu_params vrp = { .vrp_vm_id = r->vm };
	struct boot_state boot = {};
	char msg[MACHINE_MSG] = "";
	int err;

	switch (opt->image) {
	case RUN_IMAGE_LINUX:
		err = boot_bzimage(&r->memory, opt->kernel, opt->initrd, opt->append, &boot, msg);
		break;
	case RUN_IMAGE_MULTIBOOT:
		err = boot_multiboot(&r->memory, opt->kernel, opt->append, opt->modules,
				     opt->nmodules, &boot, msg);
		break;
	default:
		err = boot_flat(&r->memory, opt->kernel, opt->flat_addr, opt->flat_mode, &boot, msg);
	}
	if (err) {
		snprintf(r->why, sizeof(r->why), "%s", msg);
		return err;
	}
	set_registers(&boot, &vrp.vrp_init_state);
	err = vmm_reset_cpu(r->fd, &vrp);
	if (err)
		snprintf(r->why, sizeof(r->why), "the vCPU cannot be given its first state: %s",
			 strerror(-err));
	return err;
}

void guest_end(struct run *r)
{
	if (r->vm)
		vmm_term(r->fd, r->vm);
	r->vm = 0;
}

void guest_free(struct run *r)
{
	unsigned int i;

	guest_end(r);
	machine_destroy(r->machine);
	vmm_unmap_stats(r->stats);
	for (i = 0; i < r->nram; i++) {
		if (r->own_memory[i])
			munmap(r->own_memory[i], r->ram[i].size);
		else if (r->ram[i].host)
			munmap(r->ram[i].host, r->ram[i].size);
	}
	if (r->fd >= 0)
		close(r->fd);
}
