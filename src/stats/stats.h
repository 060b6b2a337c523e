/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the module's statistics (vmm_stats.h): what came between two
 * snapshots, of one vCPU or of several together. Whoever wants all that came
 * takes a snapshot and nothing before it.
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "trace/record.h"
#include "vmm_stats.h"

#define STATS_KEYS (64 * VMM_KEY_SETS * VMM_KEY_WAYS)	/* of all the vCPUs that a VM can have */

struct stats_key {
	uint64_t key;
	uint64_t count;			/* at least this often */
	uint64_t ticks;			/* of those */
	unsigned int whole;		/* of stats_sum's partial, those where it is exact */
};

/* Exits of a class, or of several classes together. All zero is none. */
struct stats_sum {
	uint64_t counted;
	uint64_t ticks, max;		/* max: of the whole life */
	uint64_t hist[VMM_HIST_BUCKETS];
	uint64_t unknown;		/* exits whose key is not known */
	unsigned int partial;		/* vCPUs where there are such */
	unsigned int nkeys;
	struct stats_key keys[STATS_KEYS];
};

/* Copy statistics that somebody writes: the histogram of a class lags its count
 * by what came meanwhile, never the other way round, and its keys are those of
 * one moment. Where that cannot be had, vsc_keys_seq is odd in the copy. Only
 * classes that have occurred are touched. */
void stats_snapshot(struct vmm_stats *to, const struct vmm_stats *from);

/* Add what a vCPU counted from one snapshot, NULL for its beginning, to another.
 * Keys are of one class: with_keys is false where several are added. */
void stats_sum_add(struct stats_sum *sum, const struct vmm_stats_class *now,
	       const struct vmm_stats_class *before, bool with_keys);

/* Empty it again. */
void stats_clear(struct stats_sum *sum);

/* Ticks below which that share of the exits lie: the middle of the bucket it
 * falls into, off by 6.25 % at most; 0 if there are none. */
uint64_t stats_percentile(const struct stats_sum *sum, double share);

/* The key that is known to have come most often; false if none is. *ret_sure: no
 * other came more often, and its count is exact. */
bool stats_top_key(const struct stats_sum *sum, struct stats_key *ret, bool *ret_sure);

/* For programs: {class, count, ticks, p50, p99, max, top_key}. */
json_t *stats_json(unsigned int class, const struct stats_sum *sum);

#endif /* STATS_STATS_H */
