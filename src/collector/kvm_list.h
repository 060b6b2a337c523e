/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of KVM's VMs. */
#ifndef COLLECTOR_KVM_LIST_H
#define COLLECTOR_KVM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KVM_NAME 64

/* The guest's name among QEMU's arguments, each ended by a NUL. False: none. */
bool kvm_qemu_name(const char *args, size_t size, char name[KVM_NAME]);

/* The same for a process that runs. */
bool kvm_process_name(uint32_t pid, char name[KVM_NAME]);

#endif /* COLLECTOR_KVM_LIST_H */
