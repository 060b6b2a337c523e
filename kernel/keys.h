/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of keys that a class of exits is about (vmm_stats.h). Every exit is
 * counted here: one that has the first key of its set, as nearly all have, in a
 * few instructions. Unit tests compile this too.
 */
#ifndef VMM_KEYS_H
#define VMM_KEYS_H

#include "vmm_stats.h"

/* Fibonacci hashing: neighbours, as ports are, and pages get sets of their own. */
static inline unsigned int vmm_key_set(__u64 key)
{
	return ((__u32)key * 0x9e3779b1u) >> (32 - VMM_KEY_SET_BITS);
}

/* The way that key gets, where the first has another one: the second, which moves
 * to the front when it has come more often, or one that is free. */
static noinline struct vmm_stats_key *vmm_key_second(struct vmm_stats_class *class,
						     struct vmm_stats_key set[VMM_KEY_WAYS],
						     __u64 key)
{
	struct vmm_stats_key second = set[1], *way = &set[1];

	if (second.vsk_key == key && second.vsk_total < set[0].vsk_total) {
		way->vsk_total++;
		return way;
	}
	if (!second.vsk_total) {
		way = set[0].vsk_total ? &set[1] : &set[0];
		way->vsk_key = key;
		smp_wmb();
		WRITE_ONCE(class->vsc_keys_seq, class->vsc_keys_seq + 2);
		smp_wmb();
		way->vsk_total = 1;
		return way;
	}
	if (second.vsk_key != key)
		second = (struct vmm_stats_key){ key, second.vsk_total, second.vsk_total, 0 };
	second.vsk_total++;
	WRITE_ONCE(class->vsc_keys_seq, class->vsc_keys_seq + 1);
	smp_wmb();
	if (second.vsk_total > set[0].vsk_total) {
		set[1] = set[0];
		way = &set[0];
	}
	*way = second;
	smp_wmb();
	WRITE_ONCE(class->vsc_keys_seq, class->vsc_keys_seq + 1);
	return way;
}

/* One more exit of the class was about key. The entry that counts it is good
 * until the next one. */
static inline struct vmm_stats_key *vmm_key_count(struct vmm_stats_class *class, __u64 key)
{
	struct vmm_stats_key *set = class->vsc_keys[vmm_key_set(key)];

	if (set->vsk_key != key)
		return vmm_key_second(class, set, key);
	set->vsk_total++;
	return set;
}

#endif /* VMM_KEYS_H */
