// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "stats.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "src/collector/names.h"
#include "text.h"

#define TRIES 100

/* ---- snapshots ---- */

static uint64_t load(const __u64 *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static void copy(void *to, const void *from, size_t size)
{
	size_t i;

	for (i = 0; i < size / sizeof(__u64); i++)
		((__u64 *)to)[i] = load((const __u64 *)from + i);
}

/* The writer makes the sequence odd, changes keys, and makes it even again. If
 * it was interrupted meanwhile it takes longer than a few tries. */
static void copy_keys(struct vmm_stats_class *to, const struct vmm_stats_class *from)
{
	uint64_t seq;
	int i;

	for (i = 0; i < TRIES; i++) {
		seq = load(&from->vsc_keys_seq);
		copy(to->vsc_keys, from->vsc_keys, sizeof(to->vsc_keys));
		to->vsc_keys_seq = seq;
		if (!(seq & 1) && load(&from->vsc_keys_seq) == seq)
			return;
		sched_yield();
	}
	to->vsc_keys_seq |= 1;
}

void stats_snapshot(struct vmm_stats *to, const struct vmm_stats *from)
{
	unsigned int i;

	for (i = 0; i < VMMT_NCLASS; i++) {
		const struct vmm_stats_class *class = &from->vs_class[i];

		if (!load(&class->vsc_counted))
			continue;
		copy(to->vs_class[i].vsc_hist, class->vsc_hist, sizeof(class->vsc_hist));
		copy_keys(&to->vs_class[i], class);
		to->vs_class[i].vsc_ticks = load(&class->vsc_ticks);
		to->vs_class[i].vsc_max = load(&class->vsc_max);
		to->vs_class[i].vsc_full = load(&class->vsc_full);
		to->vs_class[i].vsc_filtered = load(&class->vsc_filtered);
		to->vs_class[i].vsc_delivered = load(&class->vsc_delivered);
		to->vs_class[i].vsc_counted = load(&class->vsc_counted);
	}
	copy(to, from, offsetof(struct vmm_stats, vs_class));
}

/* ---- differences ---- */

static struct stats_key *key_of(struct stats_sum *sum, uint64_t key)
{
	unsigned int i;

	for (i = 0; i < sum->nkeys; i++)
		if (sum->keys[i].key == key)
			return &sum->keys[i];
	if (sum->nkeys == STATS_KEYS)
		return NULL;
	sum->keys[sum->nkeys] = (struct stats_key){ .key = key };
	return &sum->keys[sum->nkeys++];
}

/* The same entry in the set as it was, NULL if it is new. One that is free has a key, too: 0. */
static const struct vmm_stats_key *entry_before(const struct vmm_stats_key *now,
						const struct vmm_stats_key *set)
{
	unsigned int way;

	for (way = 0; set && way < VMM_KEY_WAYS; way++)
		if (set[way].vsk_total && set[way].vsk_key == now->vsk_key &&
		    set[way].vsk_more == now->vsk_more)
			return &set[way];
	return NULL;
}

/* How often its key came since the set was as it was, as far as it counted. */
static uint64_t entry_count(const struct vmm_stats_key *now, const struct vmm_stats_key *set)
{
	const struct vmm_stats_key *was = entry_before(now, set);

	if (!now->vsk_total)
		return 0;
	return now->vsk_total - (was ? was->vsk_total : now->vsk_more);
}

/* Exits of the class whose key no entry counted in that time. */
static uint64_t unknown_keys(const struct vmm_stats_class *now,
			     const struct vmm_stats_class *before)
{
	uint64_t unknown = 0;
	unsigned int i, way;

	for (i = 0; i < VMM_KEY_SETS; i++) {
		const struct vmm_stats_key *set = before ? before->vsc_keys[i] : NULL;

		for (way = 0; way < VMM_KEY_WAYS; way++) {
			unknown += now->vsc_keys[i][way].vsk_total - (set ? set[way].vsk_total : 0);
			unknown -= entry_count(&now->vsc_keys[i][way], set);
		}
	}
	return unknown;
}

static void add_entry(struct stats_sum *sum, const struct vmm_stats_key *now,
		      const struct vmm_stats_key *set, bool partial)
{
	const struct vmm_stats_key *was = entry_before(now, set);
	uint64_t count = entry_count(now, set);
	struct stats_key *key = count ? key_of(sum, now->vsk_key) : NULL;

	if (!key)
		return;
	key->count += count;
	key->ticks += now->vsk_ticks - (was ? was->vsk_ticks : 0);
	/* A new one is exact, too, if nobody had its place before. */
	key->whole += partial && (was || !now->vsk_more);
}

static void add_keys(struct stats_sum *sum, const struct vmm_stats_class *now,
		     const struct vmm_stats_class *before)
{
	uint64_t unknown = unknown_keys(now, before);
	unsigned int i, way;

	sum->unknown += unknown;
	sum->partial += unknown != 0;
	for (i = 0; i < VMM_KEY_SETS; i++)
		for (way = 0; way < VMM_KEY_WAYS; way++)
			add_entry(sum, &now->vsc_keys[i][way],
				  before ? before->vsc_keys[i] : NULL, unknown != 0);
}

void stats_sum_add(struct stats_sum *sum, const struct vmm_stats_class *now,
	       const struct vmm_stats_class *before, bool with_keys)
{
	unsigned int i;

	sum->counted += now->vsc_counted - (before ? before->vsc_counted : 0);
	sum->ticks += now->vsc_ticks - (before ? before->vsc_ticks : 0);
	if (now->vsc_max > sum->max)
		sum->max = now->vsc_max;
	for (i = 0; i < VMM_HIST_BUCKETS; i++)
		sum->hist[i] += now->vsc_hist[i] - (before ? before->vsc_hist[i] : 0);
	if (!with_keys)
		return;
	if ((now->vsc_keys_seq & 1) || (before && before->vsc_keys_seq & 1)) {
		sum->unknown += now->vsc_counted - (before ? before->vsc_counted : 0);
		sum->partial++;
		return;
	}
	add_keys(sum, now, before);
}

void stats_clear(struct stats_sum *sum)
{
	memset(sum, 0, offsetof(struct stats_sum, keys));
}

/* ---- what they tell ---- */

uint64_t stats_percentile(const struct stats_sum *sum, double share)
{
	uint64_t n = 0, upto = 0, want, low, high, middle;
	unsigned int i;

	for (i = 0; i < VMM_HIST_BUCKETS; i++)
		n += sum->hist[i];
	want = (uint64_t)((double)n * share);
	for (i = 0; i < VMM_HIST_BUCKETS; i++) {
		upto += sum->hist[i];
		if (upto > want)
			break;
	}
	if (i == VMM_HIST_BUCKETS)
		return 0;
	low = vmm_hist_floor(i);
	high = i + 1 < VMM_HIST_BUCKETS ? vmm_hist_floor(i + 1) : low;
	middle = low + (high - low) / 2;
	return middle < sum->max ? middle : sum->max;
}

bool stats_top_key(const struct stats_sum *sum, struct stats_key *ret, bool *ret_sure)
{
	const struct stats_key *top = NULL, *key;
	uint64_t second = 0;

	for (key = sum->keys; key < sum->keys + sum->nkeys; key++) {
		if (!top || key->count > top->count ||
		    (key->count == top->count && key->key < top->key)) {
			second = top ? top->count : 0;
			top = key;
		} else if (key->count > second) {
			second = key->count;
		}
	}
	if (!top)
		return false;
	*ret = *top;
	*ret_sure = top->whole == sum->partial && top->count - second >= sum->unknown;
	return true;
}

json_t *stats_json(unsigned int class, const struct stats_sum *sum)
{
	json_t *object = json_pack("{s:s s:I s:I s:I s:I s:I}",
		"class", vmmt_class_info(class)->name, "count", (json_int_t)sum->counted,
		"ticks", (json_int_t)sum->ticks,
		"p50", (json_int_t)stats_percentile(sum, 0.50),
		"p99", (json_int_t)stats_percentile(sum, 0.99), "max", (json_int_t)sum->max);
	struct stats_key top;
	char key[24], name[48];
	json_t *top_key;
	bool sure;

	if (vmmt_class_info(class)->key == VMMT_KEY_none || !stats_top_key(sum, &top, &sure))
		return object;
	snprintf(key, sizeof(key), "0x%llx", (unsigned long long)top.key);
	stats_text_key(class, top.key, sizeof(name), name, sizeof(name));
	top_key = json_pack("{s:s s:s s:I s:b}", "key", key, "name", name, "count",
			    (json_int_t)top.count, "exact", (int)sure);
	if (top.ticks)
		json_object_set_new(top_key, "ticks", json_integer((json_int_t)top.ticks));
	json_object_set_new(object, "top_key", top_key);
	return object;
}
