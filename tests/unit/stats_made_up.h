/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics as the module makes them, with its own table of keys. */
#ifndef STATS_MADE_UP_H
#define STATS_MADE_UP_H

#include <stdint.h>

#define noinline __attribute__((noinline, unused))
#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include "kernel/keys.h"

/* n exits more that took so many ticks each. */
static inline void made_up_exits(struct vmm_stats_class *class, uint64_t n, uint64_t ticks)
{
	class->vsc_counted += n;
	class->vsc_ticks += n * ticks;
	class->vsc_hist[vmm_hist_bucket(ticks)] += n;
	if (ticks > class->vsc_max)
		class->vsc_max = ticks;
}

/* n exits more about a key that took so many ticks each. */
static inline void made_up_keyed(struct vmm_stats_class *class, uint64_t key, uint64_t n,
				 uint64_t ticks)
{
	made_up_exits(class, n, ticks);
	while (n--)
		vmm_key_count(class, key)->vsk_ticks += ticks;
}

#endif /* STATS_MADE_UP_H */
