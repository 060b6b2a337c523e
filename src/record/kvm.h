/* SPDX-License-Identifier: GPL-2.0-only */
/* `vmmtrace record --kvm`: KVM's VMs, that others run or that a command starts. */
#ifndef RECORD_KVM_H
#define RECORD_KVM_H

#include "src/record/record.h"

/* The same as record_vms() for KVM's VMs; files are not cut into many. */
int record_kvm(const struct record_options *opt);

#endif /* RECORD_KVM_H */
