/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMs that the caller may see, and two snapshots of each vCPU's statistics:
 * what came between them is what top shows. One thread.
 */
#ifndef TOP_HOST_H
#define TOP_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/lib/libvmm.h"

struct top_vcpu {
	const struct vmm_stats *map;
	struct vmm_stats *now, *before;
};

struct top_vm {
	uint32_t id;
	char name[VMM_MAX_NAME_LEN];	/* printable, ASCII */
	bool ended;			/* since the last refresh: this one is its last */
	unsigned int ncpus;
	struct top_vcpu *vcpus;
};

struct top_host {
	int fd;
	uint64_t tsc_khz;
	const char *only;		/* NULL: all; else an id or a name */
	struct top_vm *vms;		/* by id */
	size_t nvms;
	uint64_t refreshed;		/* ns, CLOCK_MONOTONIC; 0: never */
	double interval;		/* seconds since the refresh before */
};

/* See what runs now, and what came since the last time. The first time nothing
 * came of what is there; a VM that is new later counts from its beginning, and
 * one that ended is kept for one refresh more. Returns 0 or a negative errno:
 * -ENOMEM, -EPROTO for a module of another version, or INFO's. */
int top_host_refresh(struct top_host *host);

void top_host_free(struct top_host *host);

#endif /* TOP_HOST_H */
