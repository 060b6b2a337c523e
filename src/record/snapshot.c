// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/snapshot.h"

#include <stdbool.h>
#include <time.h>

#define TRIES 1000		/* before others get the CPU */

static uint64_t load(const __u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static bool try(const struct vmm_stats *st, struct snapshot *ret, const struct snapshot_ops *ops)
{
	uint64_t changes = load(&st->vs_changes);
	struct vmmt_refused refused;
	unsigned int i;

	if (changes & 1)
		return false;
	ops->refused(ops->arg, st->vs_vm, st->vs_vcpu, &refused);
	ret->exits = load(&st->vs_exits);
	ret->seq = load(&st->vs_seq) - refused.records;
	for (i = 0; i < VMMT_NCLASS; i++) {
		ret->counted[i] = load(&st->vs_class[i].vsc_counted);
		ret->filtered[i] = refused.exits[i];
	}
	return load(&st->vs_changes) == changes;
}

void snapshot_take(const struct vmm_stats *st, struct snapshot *ret,
		   const struct snapshot_ops *ops)
{
	struct timespec pause = { .tv_nsec = 50000 };
	unsigned int i;

	for (;;) {
		for (i = 0; i < TRIES; i++)
			if (try(st, ret, ops))
				return;
		ops->idle(ops->arg);
		nanosleep(&pause, NULL);
	}
}

/* The longest: the last one's if it grew since the first, else what the histogram of
 * the difference tells. */
static uint64_t max_of(const struct vmm_stats_class *a, const struct vmm_stats_class *b)
{
	unsigned int i;

	if (!a || b->vsc_max > a->vsc_max)
		return b->vsc_max;
	for (i = VMM_HIST_BUCKETS - 1; i; i--)
		if (b->vsc_hist[i] > a->vsc_hist[i])
			break;
	if (i + 1 == VMM_HIST_BUCKETS || vmm_hist_floor(i + 1) > b->vsc_max)
		return b->vsc_max;
	return vmm_hist_floor(i + 1);
}

static void class_add(struct vmm_stats_class *sum, const struct vmm_stats_class *a,
		      const struct vmm_stats_class *b)
{
	uint64_t max = max_of(a, b);
	unsigned int i;

	sum->vsc_counted += b->vsc_counted - (a ? a->vsc_counted : 0);
	sum->vsc_delivered += b->vsc_delivered - (a ? a->vsc_delivered : 0);
	sum->vsc_filtered += b->vsc_filtered - (a ? a->vsc_filtered : 0);
	sum->vsc_full += b->vsc_full - (a ? a->vsc_full : 0);
	sum->vsc_ticks += b->vsc_ticks - (a ? a->vsc_ticks : 0);
	for (i = 0; i < VMM_HIST_BUCKETS; i++)
		sum->vsc_hist[i] += b->vsc_hist[i] - (a ? a->vsc_hist[i] : 0);
	if (max > sum->vsc_max)
		sum->vsc_max = max;
}

void stats_add(struct vmm_stats *sum, const struct vmm_stats *begin, const struct vmm_stats *end)
{
	unsigned int i;

	sum->vs_exits += end->vs_exits - (begin ? begin->vs_exits : 0);
	sum->vs_records_full += end->vs_records_full - (begin ? begin->vs_records_full : 0);
	sum->vs_off += end->vs_off - (begin ? begin->vs_off : 0);
	sum->vs_wait += end->vs_wait - (begin ? begin->vs_wait : 0);
	for (i = 0; i < VMM_NSPAN; i++)
		sum->vs_spans[i] += end->vs_spans[i] - (begin ? begin->vs_spans[i] : 0);
	for (i = 0; i < VMMT_NCLASS; i++)
		class_add(&sum->vs_class[i], begin ? &begin->vs_class[i] : NULL,
			  &end->vs_class[i]);
}
