/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM as a source of the collector: loads BPF programs, attaches them to KVM's
 * tracepoints, and drains a ring for each CPU. VMs are numbered from 1 in the
 * order in which they are met. Stamps are CLOCK_MONOTONIC in ns: collectors of
 * this source have khz 1000000 and source "kvm", and advance to
 * source_kvm_now().
 */
#ifndef COLLECTOR_SOURCE_KVM_H
#define COLLECTOR_SOURCE_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "collector.h"
#include "trace/filter.h"

#define SOURCE_KVM "kvm"
#define SOURCE_KVM_KHZ 1000000

struct source_kvm;

struct source_kvm_options {
	struct vmmt_filter filter;	/* with durations in ns; its vm is not looked at */
	unsigned int ring_size;		/* bytes for each CPU, rounded up to a power of 2; 0: by itself */
	/* Only VMs of these processes; descend: and of those that they started. */
	const uint32_t *pids;
	size_t npids;			/* 0: all VMs */
	bool descend;
};

/* Open, load and attach. The collector gets a source for each CPU, and one for
 * the clock. On failure a negative errno and one line in msg that says what to
 * do. */
int source_kvm_open(struct collector *c, const struct source_kvm_options *options,
		    struct source_kvm **ret, char msg[SOURCE_MSG]);

uint64_t source_kvm_now(void);

/* Push what is in the rings. Returns the number of records. */
unsigned int source_kvm_drain(struct source_kvm *s);

/* Times that a program was skipped because it was running on that CPU already,
 * and vCPUs that there was no room for: records that nobody got. */
uint64_t source_kvm_misses(const struct source_kvm *s);

/* Detach; what is in the rings can still be drained. */
void source_kvm_detach(struct source_kvm *s);

/* What the programs counted, after the last drain. The streams in it are the
 * source's. 0 or -ENOMEM. */
int source_kvm_totals(struct source_kvm *s, struct collector_totals *ret);

/* NULL is legal. */
void source_kvm_close(struct source_kvm *s);

/* A process that has VMs of KVM. */
struct source_kvm_process {
	uint32_t pid;
	unsigned int vms, vcpus;
	char name[64];		/* QEMU's -name, else the command's */
};

/* The processes with VMs, by pid; free() the list. Returns how many, or a
 * negative errno. Those of others are seen by root only. */
int source_kvm_list(struct source_kvm_process **ret);

#endif /* COLLECTOR_SOURCE_KVM_H */
