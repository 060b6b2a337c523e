/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel module as a source of the collector: loads the BPF programs,
 * attaches them to the tracepoints, and drains a ring for each CPU.
 */
#ifndef COLLECTOR_SOURCE_VMM_H
#define COLLECTOR_SOURCE_VMM_H

#include <stdint.h>

#include "collector.h"
#include "trace/filter.h"

struct source_vmm;

struct source_vmm_options {
	struct vmmt_filter filter;
	unsigned int ring_size;		/* bytes for each CPU, rounded up to a power of 2; 0: by itself */
	bool bell;			/* source_vmm_bell() tells when a VM is made or ended */
	/* Who finds no room in a ring waits: a vCPU without a limit, a VM's or the host's own
	 * stream for a second. What filter.vm leaves out does not. */
	bool lossless;
};

/* Open, load and attach. The collector gets a source for each CPU. On failure
 * a negative errno and one line in msg that says what to do. */
int source_vmm_open(struct collector *c, const struct source_vmm_options *options,
		    struct source_vmm **ret, char msg[SOURCE_MSG]);

/* From now on push records of this VM and of the host only; as long as it has no
 * id, VMMT_VM_LATER. Other VMs' records in the rings are passed over. With filter.vm
 * VMMT_VM_LATER they do not come there. */
void source_vmm_only(struct source_vmm *s, uint32_t vm);

/* To poll(2) for POLLIN; -1 without these two options. It tells, too, that somebody
 * waits for room. Draining resets it. */
int source_vmm_bell(const struct source_vmm *s);

/* Push what is in the rings. Returns the number of records. */
unsigned int source_vmm_drain(struct source_vmm *s);

/* Times that a program was skipped because it was running on that CPU
 * already: each is a record nobody got. */
uint64_t source_vmm_misses(const struct source_vmm *s);

/* What the filter refused so far of a stream; the seq that the module gave out
 * last in it is that much above the last that was pushed. */
void source_vmm_refused(const struct source_vmm *s, uint32_t vm, uint32_t vcpu,
			struct vmmt_refused *ret);

/* Detach; what is in the rings can still be drained. */
void source_vmm_detach(struct source_vmm *s);
void source_vmm_close(struct source_vmm *s);

#endif /* COLLECTOR_SOURCE_VMM_H */
