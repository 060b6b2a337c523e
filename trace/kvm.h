/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs on KVM's tracepoints and their reader share. */
#ifndef VMMT_KVM_H
#define VMMT_KVM_H

#include <linux/types.h>

#include "filter.h"

/* Set before loading. */
struct vmmt_kvm_config {
	struct vmmt_filter filter;
	__u32 isa;		/* enum vmmt_isa */
	__u32 only;		/* VMs of the processes in the map `pids` only, */
	__u32 descend;		/* and of those that these started */
	__u32 pad;
};

#define VMMT_KVM_CLASSES 64

/* Of one vCPU; what the entries of the map `vcpus` begin with. */
struct vmmt_kvm_counts {
	__u32 vm, vcpu;
	__u64 seq;		/* last that was given out */
	__u64 counted[VMMT_KVM_CLASSES], filtered[VMMT_KVM_CLASSES], lost[VMMT_KVM_CLASSES];
};

/* Of one VM; what the entries of the map `vms` begin with. */
struct vmmt_kvm_vm {
	__u32 id;
	__u32 wanted;
	__u64 seq;
};

#endif /* VMMT_KVM_H */
