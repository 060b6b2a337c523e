// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "libvmm.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "trace/record.h"

static int call(int fd, unsigned long cmd, const void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

int vmm_open(void)
{
	int fd = open(VMM_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int vmm_version(int fd, struct vmm_version *ret)
{
	return call(fd, VMM_IOC_VERSION, ret);
}

int vmm_clock(int fd)
{
	return call(fd, VMM_IOC_CLOCK, NULL);
}

int vmm_limit(int fd, struct vmm_limit *vl)
{
	return call(fd, VMM_IOC_LIMIT, vl);
}

int vmm_create(int fd, struct vm_create_params *vcp)
{
	return call(fd, VMM_IOC_CREATE, vcp);
}

int vmm_run(int fd, struct vm_run_params *vrp)
{
	return call(fd, VMM_IOC_RUN, vrp);
}

int vmm_info(int fd, struct vm_info_params *vip)
{
	return call(fd, VMM_IOC_INFO, vip);
}

int vmm_term(int fd, uint32_t vm)
{
	struct vm_terminate_params vtp = { .vtp_vm_id = vm };

	return call(fd, VMM_IOC_TERM, &vtp);
}

int vmm_reset_cpu(int fd, const struct vm_resetcpu_params *vrp)
{
	return call(fd, VMM_IOC_RESETCPU, vrp);
}

int vmm_intr(int fd, uint32_t vm, uint32_t vcpu, bool pending)
{
	struct vm_intr_params vip = {
		.vip_vm_id = vm, .vip_vcpu_id = vcpu, .vip_intr = pending,
	};

	return call(fd, VMM_IOC_INTR, &vip);
}

int vmm_read_regs(int fd, struct vm_rwregs_params *vrwp)
{
	return call(fd, VMM_IOC_READREGS, vrwp);
}

int vmm_write_regs(int fd, const struct vm_rwregs_params *vrwp)
{
	return call(fd, VMM_IOC_WRITEREGS, vrwp);
}

int vmm_read_vmparams(int fd, struct vm_rwvmparams_params *vpp)
{
	return call(fd, VMM_IOC_READVMPARAMS, vpp);
}

int vmm_write_vmparams(int fd, const struct vm_rwvmparams_params *vpp)
{
	return call(fd, VMM_IOC_WRITEVMPARAMS, vpp);
}

int vmm_sharemem(int fd, struct vm_sharemem_params *vsp)
{
	return call(fd, VMM_IOC_SHAREMEM, vsp);
}

int vmm_mprotect_ept(int fd, const struct vm_mprotect_ept_params *vmep)
{
	return call(fd, VMM_IOC_MPROTECT_EPT, vmep);
}

int vmm_map_stats(int fd, uint32_t vm, uint32_t vcpu, const struct vmm_stats **ret)
{
	const struct vmm_stats *st = mmap(NULL, sizeof(*st), PROT_READ, MAP_SHARED, fd,
					  (off_t)VMM_STATS_OFFSET(vm, vcpu));

	if (st == MAP_FAILED)
		return -errno;
	if (st->vs_version != VMM_STATS_VERSION || st->vs_size != sizeof(*st)) {
		munmap((void *)st, sizeof(*st));
		return -EPROTO;
	}
	*ret = st;
	return 0;
}

void vmm_unmap_stats(const struct vmm_stats *stats)
{
	if (stats)
		munmap((void *)stats, sizeof(*stats));
}

unsigned int vmm_exit_class(unsigned int isa, uint32_t reason)
{
#define X(first, last, class, name) case first ... last: return VMMT_CLASS_##class;
	if (isa == VMMT_ISA_svm) {
		switch (reason) {
		VMMT_SVM_CODES(X)
		}
	} else {
		switch (reason) {
		VMMT_VMX_CODES(X)
		}
	}
#undef X
	return VMMT_CLASS_other;
}
