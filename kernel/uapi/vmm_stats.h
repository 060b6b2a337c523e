/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Statistics of one vCPU, kept by the module whether anyone records or not,
 * and mapped read-only (VMM_STATS_OFFSET). Only the vCPU's thread writes;
 * each counter is one aligned 64-bit store, so a reader sees whole numbers
 * that lag by at most one exit. vs_changes makes them agree with each other.
 */
#ifndef VMM_UAPI_VMM_STATS_H
#define VMM_UAPI_VMM_STATS_H

#include <linux/types.h>

#include "schema.h"

/*
 * Log-linear histogram of ticks: values below 8 have a bucket each; above,
 * each power of two has 8 buckets of equal width, so a bucket's middle is off
 * by at most 1/16 (6.25 %). Values from 2^43 are in the last bucket.
 */
#define VMM_HIST_SUB_BITS	3
#define VMM_HIST_SUB		(1 << VMM_HIST_SUB_BITS)
#define VMM_HIST_OCTAVES	40
#define VMM_HIST_BUCKETS	(VMM_HIST_SUB * (VMM_HIST_OCTAVES + 1))

/* Bucket of a value. */
static inline unsigned int vmm_hist_bucket(__u64 ticks)
{
	unsigned int octave;

	if (ticks < VMM_HIST_SUB)
		return (unsigned int)ticks;
	octave = (63 ^ (unsigned int)__builtin_clzll(ticks)) - VMM_HIST_SUB_BITS;
	if (octave >= VMM_HIST_OCTAVES)
		return VMM_HIST_BUCKETS - 1;
	return ((octave + 1) << VMM_HIST_SUB_BITS) +
	       ((unsigned int)(ticks >> octave) & (VMM_HIST_SUB - 1));
}

/* Least value of a bucket. */
static inline __u64 vmm_hist_floor(unsigned int bucket)
{
	unsigned int octave = bucket >> VMM_HIST_SUB_BITS;

	if (!octave)
		return bucket;
	return (__u64)(VMM_HIST_SUB + (bucket & (VMM_HIST_SUB - 1))) << (octave - 1);
}

/* Index into vs_spans. */
#define VMM_SPAN(name, doc) VMM_SPAN_##name,
enum vmm_stats_span { VMMT_SPANS(VMM_SPAN) VMM_NSPAN };
#undef VMM_SPAN

#define VMM_STATS_CLASSES	40

/*
 * One key of a class of exits: a port, an MSR, an address ... (schema.h). It came
 * at least vsk_total - vsk_more times, and at most vsk_total times.
 */
struct vmm_stats_key {
	__u64	vsk_key;
	__u64	vsk_total;
	__u64	vsk_more;
	__u64	vsk_ticks;		/* of those times that are counted for sure */
};

/*
 * A class has 8 sets of 2 keys, and a key belongs to one set: space-saving
 * (Metwally, Agrawal, El Abbadi, 2005) within a set. One that has no place takes
 * that of the rarer of the two, whose vsk_total becomes its vsk_more. So the keys
 * are exact while no set has had a third, and a key that makes up more than half
 * of its set's exits is always there. All vsk_total of a class together are the
 * exits of the class, whatever came. An entry whose vsk_more has not changed is
 * about the same key, and counts every time it comes. All is 0 at first.
 */
#define VMM_KEY_SET_BITS	3
#define VMM_KEY_SETS		(1 << VMM_KEY_SET_BITS)
#define VMM_KEY_WAYS		2

/*
 * One class of exits. vsc_counted is the exits taken; of these, vsc_delivered,
 * vsc_filtered and vsc_full tell the recorder's verdict; of several recorders,
 * filtered means that none wanted it. The histogram holds
 * the time from an exit to the next entry, tracing and halting taken off; it
 * is entered at that entry, so it may lag vsc_counted by one, as vsk_ticks does.
 * vsc_keys_seq is odd while keys change places, and another one afterwards.
 */
struct vmm_stats_class {
	__u64	vsc_counted;
	__u64	vsc_delivered;
	__u64	vsc_filtered;
	__u64	vsc_full;
	__u64	vsc_ticks;		/* sum of what the histogram holds */
	__u64	vsc_max;
	__u64	vsc_keys_seq;
	struct vmm_stats_key vsc_keys[VMM_KEY_SETS][VMM_KEY_WAYS];
	__u64	vsc_hist[VMM_HIST_BUCKETS];
};

struct vmm_stats {
	__u32	vs_version;		/* VMM_STATS_VERSION */
	__u32	vs_size;		/* sizeof(struct vmm_stats) */
	__u32	vs_vm;
	__u32	vs_vcpu;
	__u64	vs_tsc_khz;
	__u64	vs_tsc_offset;		/* TSC + this is the time of records and of the guest's TSC */
	/* Odd while an exit is being counted and recorded. What lies between two
	 * reads of the same even number is the state after vs_exits exits. */
	__u64	vs_changes;
	__u64	vs_exits;		/* of all classes */
	__u64	vs_seq;			/* last seq given out in this vCPU's stream */
	__u64	vs_records;		/* records of this vCPU's stream, all kinds */
	__u64	vs_records_delivered;
	__u64	vs_records_filtered;
	__u64	vs_records_full;
	__u64	vs_off;			/* ticks off the CPU */
	__u64	vs_wait;		/* ticks waited for ring space */
	__u64	vs_spans[VMM_NSPAN];	/* ticks */
	struct vmm_stats_class vs_class[VMM_STATS_CLASSES];
};
#define VMM_STATS_VERSION	4

#endif /* VMM_UAPI_VMM_STATS_H */
