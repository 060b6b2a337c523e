/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module counted of a vCPU up to one moment between two of its exits. */
#ifndef RECORD_SNAPSHOT_H
#define RECORD_SNAPSHOT_H

#include <stdint.h>

#include "kernel/uapi/vmm_stats.h"
#include "trace/filter.h"
#include "trace/record.h"

struct snapshot {
	uint64_t exits;
	uint64_t seq;			/* last of its stream, as the recorder numbers them */
	uint64_t counted[VMMT_NCLASS], filtered[VMMT_NCLASS];
};

struct snapshot_ops {
	/* What the recorder's filter refused of a stream so far. */
	void (*refused)(void *arg, uint32_t vm, uint32_t vcpu, struct vmmt_refused *ret);
	/* Reads the rings. Called as long as the vCPU is in the midst of an exit: it may
	 * be on this very CPU, or wait for room in a ring. */
	void (*idle)(void *arg);
	void *arg;
};

/* All of it belongs to the same moment. */
void snapshot_take(const struct vmm_stats *st, struct snapshot *ret,
		   const struct snapshot_ops *ops);

/* sum += end - begin (NULL: nothing), of all that adds up; vsc_max is an upper bound. */
void stats_add(struct vmm_stats *sum, const struct vmm_stats *begin, const struct vmm_stats *end);

#endif /* RECORD_SNAPSHOT_H */
