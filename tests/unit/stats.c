/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences of statistics, their percentiles and their hottest keys, against
 * keeping every single exit.
 */
#include <config.h>

#include "collector_test.h"

#include <pthread.h>

#include "src/stats/stats.h"
#include "src/stats/text.h"
#include "stats_made_up.h"

#define MANY 512

/* What a class did, and all that came of each key. */
struct counted {
	struct vmm_stats_class class;
	uint64_t count[MANY], ticks[MANY];
};

static struct counted now, before;
static struct stats_sum sum;

static int setup(void **state)
{
	memset(&now, 0, sizeof(now));
	memset(&before, 0, sizeof(before));
	stats_clear(&sum);
	return 0;
}

static void add(uint64_t key, uint64_t ticks)
{
	made_up_keyed(&now.class, key, 1, ticks);
	now.count[key]++;
	now.ticks[key] += ticks;
}

static void mark(void)
{
	before = now;
}

static uint64_t came(uint64_t key)
{
	return now.count[key] - before.count[key];
}

static void difference(void)
{
	stats_clear(&sum);
	stats_sum_add(&sum, &now.class, &before.class, true);
}

static void nothing_came(void **state)
{
	struct stats_key top;
	bool sure;

	difference();
	assert_false(stats_top_key(&sum, &top, &sure));
	assert_int_equal(stats_percentile(&sum, 0.99), 0);
	add(5, 10);
	add(0, 10);
	add(0, 10);
	stats_sum_add(&sum, &now.class, NULL, true);
	assert_true(stats_top_key(&sum, &top, &sure));
	assert_true(sure);
	assert_int_equal(top.key, 0);
	assert_int_equal(top.count, 2);
	mark();
	difference();
	assert_int_equal(sum.counted, 0);
	assert_false(stats_top_key(&sum, &top, &sure));
}

/* What came before does not matter; nor do the other vCPUs, if they do the same. */
static void percentiles_are_of_the_interval(void **state)
{
	for (int i = 0; i < 1000; i++)
		add(1, 1000000);
	mark();
	for (int i = 0; i < 98; i++)
		add(1, 500);
	add(1, 20000);
	add(1, 20000);
	for (int vcpus = 1; vcpus < 4; vcpus++) {
		stats_sum_add(&sum, &now.class, &before.class, true);
		assert_int_equal(sum.counted, 100 * vcpus);
		assert_int_equal(sum.ticks, (98 * 500 + 2 * 20000) * vcpus);
		assert_in_range(stats_percentile(&sum, 0.5), 500 * 15 / 16, 500 * 17 / 16);
		assert_in_range(stats_percentile(&sum, 0.99), 20000 * 15 / 16, 20000 * 17 / 16);
	}
}

/* The table of one class: each exit is in exactly one entry. */
static void no_exit_is_missed(void **state)
{
	uint64_t rng = 3, all = 0;

	for (int i = 1; i <= 20000; i++) {
		add(test_random(&rng) % (1 + test_random(&rng) % MANY), 1);
		all = 0;
		for (int set = 0; set < VMM_KEY_SETS; set++)
			for (int way = 0; way < VMM_KEY_WAYS; way++)
				all += now.class.vsc_keys[set][way].vsk_total;
		assert_int_equal(all, i);
		assert_int_equal(now.class.vsc_keys_seq & 1, 0);
	}
}

static uint64_t most(void)
{
	uint64_t max = 0;

	for (size_t i = 0; i < MANY; i++)
		max = came(i) > max ? came(i) : max;
	return max;
}

/* The ports that a guest's clock uses, and 0, alone and together: all are counted exactly. */
static void few_are_counted_exactly(void **state)
{
	static const uint64_t keys[] = { 0, 0x20, 0x21, 0x40, 0x43, 0x60, 0x61, 0x70, 0x71 };
	struct stats_key top;
	uint64_t rng = 1;
	bool sure;

	for (int round = 0; round < 50; round++) {
		mark();
		for (int i = 0; i < 1000; i++)
			add(keys[test_random(&rng) % (1 + round % 9)], test_random(&rng) % 5000);
		difference();
		assert_true(stats_top_key(&sum, &top, &sure));
		assert_true(sure);
		assert_int_equal(sum.unknown, 0);
		assert_int_equal(top.count, most());
		assert_int_equal(top.count, came(top.key));
		assert_int_equal(top.ticks, now.ticks[top.key] - before.ticks[top.key]);
	}
}

/* Any number, in the midst of a long life: never told to have come more often
 * than it did, nor missed by more than is said; what makes up most is found, and
 * what is called sure is. */
static void many_are_estimated(void **state)
{
	int surely = 0, found = 0;
	struct stats_key top;
	uint64_t rng = 2;
	bool sure;

	for (int round = 0; round < 400; round++) {
		uint64_t hot = test_random(&rng) % MANY, one_in = 1 + test_random(&rng) % 20;
		uint64_t keys = 1 + test_random(&rng) % MANY;

		mark();
		for (int i = 0; i < 3000; i++)
			add(test_random(&rng) % one_in ? test_random(&rng) % keys : hot, 7);
		difference();
		if (!stats_top_key(&sum, &top, &sure))
			continue;
		assert_true(top.count <= came(top.key));
		assert_true(top.count + sum.unknown >= came(top.key));
		assert_true(top.ticks <= 7 * came(top.key));
		found += top.key == hot;
		if (!sure)
			continue;
		surely++;
		assert_int_equal(top.count, came(top.key));
		assert_int_equal(top.count, most());
	}
	assert_true(surely > 10);
	assert_true(found > 200);
}

/* What one vCPU cannot tell, the sum of several does not claim. */
static void vcpus_together(void **state)
{
	static struct counted other;
	struct stats_key top;
	bool sure;

	for (int i = 0; i < 10; i++) {
		made_up_keyed(&now.class, 0x3f8, 1, 10);
		made_up_keyed(&other.class, i % 2 ? 0x3f8 : 0x60, 1, 10);
	}
	stats_sum_add(&sum, &now.class, NULL, true);
	stats_sum_add(&sum, &other.class, NULL, true);
	assert_true(stats_top_key(&sum, &top, &sure));
	assert_true(sure);
	assert_int_equal(top.key, 0x3f8);
	assert_int_equal(top.count, 15);
	assert_int_equal(top.ticks, 150);
	for (uint64_t page = 0; page < 100; page++)
		made_up_keyed(&other.class, page << 12, 1, 10);
	stats_clear(&sum);
	stats_sum_add(&sum, &now.class, NULL, true);
	stats_sum_add(&sum, &other.class, NULL, true);
	assert_true(stats_top_key(&sum, &top, &sure));
	assert_false(sure);
}

/* ---- snapshots of what somebody writes ---- */

static struct vmm_stats written, copied;
static bool written_all;

static void *write_keys(void *arg)
{
	struct vmm_stats_class *class = &written.vs_class[VMMT_CLASS_ept];
	uint64_t rng = 4;

	for (int i = 0; i < 300000; i++) {
		WRITE_ONCE(class->vsc_counted, class->vsc_counted + 1);
		vmm_key_count(class, test_random(&rng) % MANY);
	}
	__atomic_store_n(&written_all, true, __ATOMIC_RELEASE);
	return NULL;
}

/* No entry is half of one key and half of another, and none is there twice or
 * not at all. */
static void snapshots_are_whole(void **state)
{
	const struct vmm_stats_class *class = &copied.vs_class[VMMT_CLASS_ept];
	uint64_t all = 0, last = 0;
	pthread_t thread;
	int whole = 0;

	assert_int_equal(pthread_create(&thread, NULL, write_keys, NULL), 0);
	for (bool end = false; !end; ) {
		end = __atomic_load_n(&written_all, __ATOMIC_ACQUIRE);
		stats_snapshot(&copied, &written);
		if (class->vsc_keys_seq & 1)
			continue;
		whole++;
		last = all;
		all = 0;
		for (int set = 0; set < VMM_KEY_SETS; set++) {
			const struct vmm_stats_key *key = class->vsc_keys[set];

			assert_true(key[0].vsk_total >= key[0].vsk_more);
			assert_true(key[1].vsk_total >= key[1].vsk_more);
			assert_true(key[0].vsk_key != key[1].vsk_key || !key[1].vsk_total);
			all += key[0].vsk_total + key[1].vsk_total;
		}
		assert_true(all >= last);
	}
	pthread_join(thread, NULL);
	assert_true(whole > 0);
	assert_int_equal(all, 300000);
	assert_int_equal(class->vsc_counted, 300000);
}

/* Keys that were between two places are none, and their count is missed by no one. */
static void keys_in_between_are_none(void **state)
{
	struct stats_key top;
	bool sure;

	for (int i = 0; i < 5; i++)
		add(9, 1);
	now.class.vsc_keys_seq |= 1;
	difference();
	assert_int_equal(sum.counted, 5);
	assert_int_equal(sum.unknown, 5);
	assert_false(stats_top_key(&sum, &top, &sure));
}

/* ---- text ---- */

static void numbers_fit(void **state)
{
	char buf[STATS_TEXT];

	assert_string_equal(stats_text_count(0, buf), "0");
	assert_string_equal(stats_text_count(999999, buf), "999,999");
	assert_string_equal(stats_text_count(1000000, buf), "1.000M");
	assert_string_equal(stats_text_count(12345678, buf), "12.35M");
	assert_string_equal(stats_text_count(3.14159e12, buf), "3.142T");
	for (double n = 1; n < 1.8e19; n *= 1.37) {
		assert_in_range(strlen(stats_text_count(n, buf)), 1, 7);
		assert_in_range(strlen(stats_text_us(n / 1e7, buf)), 1, n / 1e7 < 1e9 ? 5 : 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_came, setup),
		cmocka_unit_test_setup(percentiles_are_of_the_interval, setup),
		cmocka_unit_test_setup(no_exit_is_missed, setup),
		cmocka_unit_test_setup(few_are_counted_exactly, setup),
		cmocka_unit_test_setup(many_are_estimated, setup),
		cmocka_unit_test_setup(vcpus_together, setup),
		cmocka_unit_test_setup(snapshots_are_whole, setup),
		cmocka_unit_test_setup(keys_in_between_are_none, setup),
		cmocka_unit_test_setup(numbers_fit, setup),
	};

	return RUN_TESTS(tests);
}
