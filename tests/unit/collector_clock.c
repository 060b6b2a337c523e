/* SPDX-License-Identifier: GPL-2.0-only */
/* TSC to nanoseconds: continuous, monotone, and after CLOCK_MONOTONIC. */
#include <config.h>

#include "collector_test.h"

#include "src/collector/clock.h"

#define KHZ 3000000ull		/* three ticks a nanosecond */

static void add(struct clock_map *map, uint64_t tsc, uint64_t mono)
{
	struct vmmt_clock r = { HEAD(clock, 0, VMMT_VCPU_VM, 1, tsc, 0), .mono = mono,
				.khz = KHZ };

	assert_int_equal(clock_add(map, &r), 0);
}

/* Time 0 is the first record; then the nominal frequency, both ways. */
static void nominal(void **state)
{
	struct clock_map map = { 0 };

	add(&map, 9000, 123456);
	assert_int_equal(clock_ns(&map, 9000), 0);
	assert_int_equal(clock_ns(&map, 9003), 1);
	assert_int_equal(clock_ns(&map, 9000 + 3000000000ull), 1000000000);
	assert_int_equal(clock_ns(&map, 9000 + 30000000000000ull), 10000000000000);
	assert_int_equal(clock_ns(&map, 6000), -1000);
	assert_int_equal(clock_duration(&map, 600), 200);
	clock_free(&map);
}

/* The processor runs at 3.001 GHz, 333 ppm fast. Each second's record brings
 * the map back to CLOCK_MONOTONIC; it never steps, back or forward. */
static void follows_monotonic(void **state)
{
	struct clock_map map = { 0 };
	uint64_t tsc = 1000, mono = 777, last_tsc = 0;
	int64_t last = 0, at_end[100];

	for (int second = 0; second < 100; second++) {
		add(&map, tsc, mono);
		for (int i = 0; i < 1000; i++) {
			uint64_t t = tsc + (uint64_t)i * 3001000;
			int64_t ns = clock_ns(&map, t);

			if (last_tsc) {
				int64_t step = ns - last;

				/* A step is a millisecond, within a part in a thousand. */
				assert_true(step > 999000 - 1000 && step < 1001000 + 1000);
			}
			last = ns;
			last_tsc = t;
		}
		tsc += 3001000000ull;
		mono += 1000000000;
		at_end[second] = clock_ns(&map, tsc) - (int64_t)(mono - 777);
	}
	/* The first second is off by what the nominal frequency is. */
	assert_in_range(at_end[0], 333000, 334000);
	for (int second = 2; second < 100; second++)
		assert_in_range(at_end[second] + 10, 0, 20);
	clock_free(&map);
}

/* The host sleeps for eight hours. CLOCK_MONOTONIC stands still, the TSC does
 * not: the sleep is in the map, and time goes on at its pace behind it. */
static void sleeps_with_the_tsc_running(void **state)
{
	const uint64_t second = 1000000000, hours = 8 * 3600 * second;
	uint64_t mono = 5 * second, tsc = 1000;
	struct clock_map map = { 0 };
	int64_t before;

	for (int i = 0; i < 20; i++) {
		uint64_t real = 1700000000 * second + mono + (i < 10 ? 0 : hours);
		struct vmmt_clock r = { HEAD(clock, 0, VMMT_VCPU_VM, 1, tsc, 0), .mono = mono,
					.real = real, .khz = KHZ };

		before = i ? clock_ns(&map, tsc) : 0;
		assert_int_equal(clock_add(&map, &r), 0);
		assert_int_equal(clock_ns(&map, tsc), before);
		assert_in_range(clock_duration(&map, 3 * second), second - 100, second + 100);
		mono += second;
		tsc += 3 * second + (i == 9 ? 3 * hours : 0);
	}
	assert_in_range(before, 18 * second + hours, 20 * second + hours);
	clock_free(&map);
}

/* What was once asked is answered the same whatever came since. */
static void answers_do_not_change(void **state)
{
	struct clock_map map = { 0 };
	int64_t first[500];
	uint64_t rng = 1;

	for (uint64_t i = 0; i < 500; i++) {
		uint64_t tsc = i * 3000000000ull;

		add(&map, tsc, i * 1000000000ull + test_random(&rng) % 500000);
		first[i] = clock_ns(&map, tsc + 1234567890);
	}
	for (uint64_t i = 0; i < 500; i++)
		assert_int_equal(clock_ns(&map, i * 3000000000ull + 1234567890), first[i]);
	clock_free(&map);
}

/* Two reads that are close tell more about noise than about frequency. */
static void close_records_are_ignored(void **state)
{
	struct clock_map map = { 0 };

	add(&map, 0, 1000);
	add(&map, 300, 9000);
	add(&map, 200, 9000);
	assert_int_equal(clock_ns(&map, 3000000000ull), 1000000000);
	clock_free(&map);
}

/* Suspended, stepped, broken: time still never steps back. */
static void never_steps_back(void **state)
{
	struct clock_map map = { 0 };
	uint64_t rng = 7, tsc = 0, mono = 0;
	int64_t last = INT64_MIN;

	for (int i = 0; i < 2000; i++) {
		add(&map, tsc, mono);
		for (uint64_t t = tsc; t < tsc + 3000000000ull; t += 300000000) {
			int64_t ns = clock_ns(&map, t);

			assert_true(ns >= last);
			/* 100 ms at the nominal frequency, and no leap. */
			assert_true(last == INT64_MIN || ns - last < 5000000000);
			last = ns;
		}
		tsc += 3000000000ull;
		mono += test_random(&rng) % 4000000000;
	}
	clock_free(&map);
}

/* A record that waited: what was told with stamps behind it stays so, and at
 * the end of the interval the map is as right as ever. */
static void late(void **state)
{
	struct clock_map map = { 0 };
	int64_t told;

	add(&map, 0, 0);
	add(&map, 3000000000ull, 1000100000);
	map.told = 6300000000ull;
	told = clock_ns(&map, map.told);
	add(&map, 6000000000ull, 2000200000);
	assert_int_equal(clock_ns(&map, 6300000000ull), told);
	assert_in_range(clock_ns(&map, 9000000000ull), 3000299900, 3000300100);
	/* So late that there is nothing left of the interval. */
	map.told = 11900000000ull;
	told = clock_ns(&map, map.told);
	add(&map, 9000000000ull, 3000300000);
	assert_int_equal(clock_ns(&map, map.told), told);
	assert_int_equal(map.tsc, 6000000000ull);
	clock_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nominal),
		cmocka_unit_test(follows_monotonic),
		cmocka_unit_test(sleeps_with_the_tsc_running),
		cmocka_unit_test(answers_do_not_change),
		cmocka_unit_test(close_records_are_ignored),
		cmocka_unit_test(never_steps_back),
		cmocka_unit_test(late),
	};

	return RUN_TESTS(tests);
}
