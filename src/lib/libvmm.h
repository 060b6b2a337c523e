/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * libvmm: the calls of vmm(4), typed. Each returns 0 or a negative errno;
 * nothing is cached and no policy is added. Thread-safe as the calls are.
 */
#ifndef LIBVMM_H
#define LIBVMM_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm.h"
#include "vmm_stats.h"

#define VMM_DEVICE "/dev/vmm"
#define VMM_SOCKET "/run/vmmtrace.sock"

#ifdef __cplusplus
extern "C" {
#endif

/* Open the device; without permission, through the service (vmmtrace serve) that listens at
 * $VMMTRACE_SOCKET, or VMM_SOCKET. Returns a descriptor (close-on-exec) or a negative errno;
 * -ECONNREFUSED: there is a service, and it gives none. */
int vmm_open(void);

int vmm_version(int fd, struct vmm_version *ret);
int vmm_clock(int fd);
int vmm_limit(int fd, struct vmm_limit *vl);
int vmm_create(int fd, struct vm_create_params *vcp);
int vmm_run(int fd, struct vm_run_params *vrp);
int vmm_info(int fd, struct vm_info_params *vip);
int vmm_term(int fd, uint32_t vm);
int vmm_reset_cpu(int fd, const struct vm_resetcpu_params *vrp);
int vmm_intr(int fd, uint32_t vm, uint32_t vcpu, bool pending);
int vmm_read_regs(int fd, struct vm_rwregs_params *vrwp);
int vmm_write_regs(int fd, const struct vm_rwregs_params *vrwp);
int vmm_read_vmparams(int fd, struct vm_rwvmparams_params *vpp);
int vmm_write_vmparams(int fd, const struct vm_rwvmparams_params *vpp);
int vmm_sharemem(int fd, struct vm_sharemem_params *vsp);
int vmm_mprotect_ept(int fd, const struct vm_mprotect_ept_params *vmep);

/* Map the statistics of a vCPU, read-only. Undo with vmm_unmap_stats. They
 * stay readable after the VM ended. -EPROTO: another version. */
int vmm_map_stats(int fd, uint32_t vm, uint32_t vcpu, const struct vmm_stats **ret);
void vmm_unmap_stats(const struct vmm_stats *stats);

/* Neutral class of a raw exit reason (enum vmmt_class; for port and MSR
 * accesses that of the read). isa: enum vmmt_isa. */
unsigned int vmm_exit_class(unsigned int isa, uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif /* LIBVMM_H */
