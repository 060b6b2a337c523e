/* SPDX-License-Identifier: GPL-2.0-only */
/* The MC146818, held to Motorola's data sheet. */
#include "machine_test.h"

#include "src/machine/mc146818.h"

struct rtc {
	struct mc146818 r;
	bool level;
	unsigned edges;
};

static void set_line(void *ctx, bool level)
{
	struct rtc *t = ctx;

	t->edges += level && !t->level;
	t->level = level;
}

static void init_at(struct rtc *t, int64_t epoch)
{
	const struct bus_line line = { .set = set_line, .ctx = t };

	memset(t, 0, sizeof(*t));
	test_now = 3 * NSEC_PER_SEC + 77;
	mc146818_init(&t->r, &test_bus_clock, &line, epoch);
}

static void init(struct rtc *t)
{
	init_at(t, PC_EPOCH);
}

static uint8_t get(struct rtc *t, uint8_t reg)
{
	mc146818_write(&t->r, 0, 1, reg);
	return mc146818_read(&t->r, 1, 1);
}

static void put(struct rtc *t, uint8_t reg, uint8_t value)
{
	mc146818_write(&t->r, 0, 1, reg);
	mc146818_write(&t->r, 1, 1, value);
}

static void assert_time(struct rtc *t, uint8_t year, uint8_t month, uint8_t day, uint8_t weekday,
			uint8_t hour, uint8_t minute, uint8_t second)
{
	assert_int_equal(get(t, 9), year);
	assert_int_equal(get(t, 8), month);
	assert_int_equal(get(t, 7), day);
	assert_int_equal(get(t, 6), weekday);
	assert_int_equal(get(t, 4), hour);
	assert_int_equal(get(t, 2), minute);
	assert_int_equal(get(t, 0), second);
}

static void set_time(struct rtc *t, uint8_t year, uint8_t month, uint8_t day, uint8_t weekday,
		     uint8_t hour, uint8_t minute, uint8_t second)
{
	put(t, 11, get(t, 11) | 0x80);
	put(t, 9, year);
	put(t, 8, month);
	put(t, 7, day);
	put(t, 6, weekday);
	put(t, 4, hour);
	put(t, 2, minute);
	put(t, 0, second);
	put(t, 11, get(t, 11) & ~0x80);
}

static void sleep_ns(struct rtc *t, uint64_t ns)
{
	test_now += ns;
	mc146818_run(&t->r);
}

static void starts_in_bcd(void **state)
{
	struct rtc t;

	init(&t);
	assert_int_equal(get(&t, 11) & 0x06, 0x02);	/* BCD, 24 hours */
	assert_int_equal(get(&t, 13), 0x80);		/* RAM and time are valid */
	assert_time(&t, 0x26, 0x01, 0x02, 6, 0x03, 0x04, 0x05);
	assert_int_equal(get(&t, 0x32), 0x20);
	assert_int_equal(mc146818_read(&t.r, 0, 1), 0xff);
}

static void runs(void **state)
{
	struct rtc t;

	init(&t);
	sleep_ns(&t, NSEC_PER_SEC - 1);
	assert_int_equal(get(&t, 0), 0x05);
	sleep_ns(&t, 1);
	assert_int_equal(get(&t, 0), 0x06);
	sleep_ns(&t, (86400ull + 3600 + 60) * NSEC_PER_SEC);
	assert_time(&t, 0x26, 0x01, 0x03, 7, 0x04, 0x05, 0x06);
}

static void carries(void **state)
{
	struct rtc t;

	init(&t);
	set_time(&t, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x59);
	put(&t, 0x32, 0x19);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_time(&t, 0x00, 0x01, 0x01, 7, 0x00, 0x00, 0x00);
	assert_int_equal(get(&t, 0x32), 0x20);
	set_time(&t, 0x24, 0x02, 0x28, 7, 0x23, 0x59, 0x59);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_time(&t, 0x24, 0x02, 0x29, 1, 0x00, 0x00, 0x00);
	set_time(&t, 0x25, 0x02, 0x28, 6, 0x23, 0x59, 0x59);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_time(&t, 0x25, 0x03, 0x01, 7, 0x00, 0x00, 0x00);
}

static void binary_and_twelve_hours(void **state)
{
	struct rtc t;

	init(&t);
	put(&t, 11, 0x06);
	set_time(&t, 26, 11, 22, 1, 23, 59, 59);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_time(&t, 26, 11, 23, 2, 0, 0, 0);
	put(&t, 11, 0x00);
	set_time(&t, 0x26, 0x11, 0x22, 1, 0x11, 0x59, 0x59);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_int_equal(get(&t, 4), 0x92);	/* 12 PM is noon */
	sleep_ns(&t, 3600 * NSEC_PER_SEC);
	assert_int_equal(get(&t, 4), 0x81);
	sleep_ns(&t, 11 * 3600 * NSEC_PER_SEC);
	assert_int_equal(get(&t, 4), 0x12);	/* 12 AM is midnight */
	assert_int_equal(get(&t, 7), 0x23);
}

static void set_stops_updates(void **state)
{
	struct rtc t;

	init(&t);
	put(&t, 11, 0x82);
	get(&t, 12);
	sleep_ns(&t, 10 * NSEC_PER_SEC);
	assert_int_equal(get(&t, 0), 0x05);
	assert_int_equal(get(&t, 12) & 0x10, 0);
	put(&t, 11, 0x02);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_int_equal(get(&t, 0), 0x06);
	/* SET clears UIE. */
	put(&t, 11, 0x92);
	assert_int_equal(get(&t, 11), 0x82);
}

/* UIP rises 244 us before an update that takes 1984 us; the time may be read
 * for at least 244 us after UIP was seen low. */
static void update_in_progress(void **state)
{
	struct rtc t;
	uint64_t high = 0, i;

	init(&t);
	for (i = 0; i < 1000000; i++) {
		test_now += USEC;
		high += get(&t, 10) >> 7;
	}
	assert_in_range(high, 244 + 1984 - 2, 244 + 1984 + 2);
	for (i = 0; i < 2; i++) {
		uint8_t before;

		while (!(get(&t, 10) & 0x80))
			test_now += USEC;
		before = get(&t, 0);
		test_now += 243 * USEC;
		assert_int_equal(get(&t, 0), before);
		while (get(&t, 10) & 0x80)
			test_now += USEC;
		assert_int_not_equal(get(&t, 0), before);
	}
	put(&t, 11, 0x82);	/* SET: no update, no UIP */
	for (i = 0; i < 2000; i++) {
		test_now += MSEC;
		assert_int_equal(get(&t, 10) & 0x80, 0);
	}
}

static void divider_reset(void **state)
{
	struct rtc t;

	init(&t);
	put(&t, 10, 0x76);
	sleep_ns(&t, 5 * NSEC_PER_SEC);
	assert_int_equal(get(&t, 0), 0x05);
	put(&t, 10, 0x26);
	/* The first update comes half a second later. */
	sleep_ns(&t, NSEC_PER_SEC / 2 - 1);
	assert_int_equal(get(&t, 0), 0x05);
	sleep_ns(&t, 1);
	assert_int_equal(get(&t, 0), 0x06);
}

static void update_interrupt(void **state)
{
	struct rtc t;

	init(&t);
	get(&t, 12);
	assert_int_equal(mc146818_deadline(&t.r), NO_DEADLINE);
	put(&t, 11, 0x12);
	assert_int_equal(mc146818_deadline(&t.r), 4 * NSEC_PER_SEC + 77);
	sleep_ns(&t, NSEC_PER_SEC - 1);
	assert_false(t.level);
	sleep_ns(&t, 1);
	assert_true(t.level);
	/* Reading C clears the flags and releases the line. */
	assert_int_equal(get(&t, 12) & 0xb0, 0x90);
	assert_false(t.level);
	assert_int_equal(get(&t, 12), 0x00);
	sleep_ns(&t, 3 * NSEC_PER_SEC);
	assert_int_equal(t.edges, 2);
}

/* Setting a rate, which Linux does on the running clock, moves no update. */
static void rate_leaves_the_second_alone(void **state)
{
	struct rtc t;

	init(&t);
	sleep_ns(&t, NSEC_PER_SEC - 10 * USEC);
	assert_int_equal(get(&t, 10), 0xa6);
	put(&t, 10, 0x23);
	assert_int_equal(get(&t, 10), 0xa3);
	sleep_ns(&t, 10 * USEC);
	assert_int_equal(get(&t, 0), 0x06);
	assert_int_equal(get(&t, 10), 0x23);
}

/* While the line is high nothing more can happen to it. */
static void no_deadline_while_requesting(void **state)
{
	struct rtc t;

	init(&t);
	get(&t, 12);
	put(&t, 11, 0x72);
	sleep_ns(&t, 100 * MSEC);
	assert_true(t.level);
	assert_int_equal(mc146818_deadline(&t.r), NO_DEADLINE);
	get(&t, 12);
	assert_true(mc146818_deadline(&t.r) < test_now + MSEC);
}

/* A flag is set whether its interrupt is enabled or not. */
static void flag_before_enable(void **state)
{
	struct rtc t;

	init(&t);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_false(t.level);
	put(&t, 11, 0x12);
	assert_true(t.level);
	put(&t, 11, 0x02);
	assert_false(t.level);
	assert_int_equal(get(&t, 12) & 0x90, 0x10);
}

static void periodic_rate(struct rtc *t, uint8_t rs, uint64_t hz)
{
	uint64_t t0 = test_now, deadline, n = 0;

	put(t, 10, 0x20 | rs);
	put(t, 11, 0x42);
	get(t, 12);
	while (test_now < t0 + NSEC_PER_SEC) {
		deadline = mc146818_deadline(&t->r);
		assert_true(deadline > test_now);
		test_now = deadline - 1;
		mc146818_run(&t->r);
		assert_false(t->level);
		test_now = deadline;
		mc146818_run(&t->r);
		assert_true(t->level);
		assert_int_equal(get(t, 12) & 0xc0, 0xc0);
		n++;
	}
	assert_in_range(n, hz, hz + 1);
	put(t, 11, 0x02);
}

static void periodic_interrupt(void **state)
{
	struct rtc t;

	init(&t);
	periodic_rate(&t, 3, 8192);
	periodic_rate(&t, 6, 1024);
	periodic_rate(&t, 15, 2);
	periodic_rate(&t, 1, 256);
	periodic_rate(&t, 2, 128);
	put(&t, 10, 0x20);
	put(&t, 11, 0x42);
	get(&t, 12);
	assert_int_equal(mc146818_deadline(&t.r), NO_DEADLINE);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_int_equal(get(&t, 12) & 0x40, 0);
}

static void alarm_interrupt(void **state)
{
	struct rtc t;

	init(&t);
	put(&t, 5, 0x03);
	put(&t, 3, 0x05);
	put(&t, 1, 0x02);
	get(&t, 12);
	put(&t, 11, 0x22);
	sleep_ns(&t, 56 * NSEC_PER_SEC);
	assert_false(t.level);
	sleep_ns(&t, NSEC_PER_SEC);	/* 03:05:02 */
	assert_true(t.level);
	assert_int_equal(get(&t, 12) & 0xf0, 0xf0);	/* all flags, whatever is enabled */
	/* Don't care in all three: every second. */
	put(&t, 5, 0xff);
	put(&t, 3, 0xc0);
	put(&t, 1, 0xc5);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_true(t.level);
	get(&t, 12);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_true(t.level);
	get(&t, 12);
	/* Not missed when nobody looked for days. */
	put(&t, 5, 0x03);
	put(&t, 3, 0x05);
	put(&t, 1, 0x02);
	sleep_ns(&t, 3 * 86400ull * NSEC_PER_SEC);
	assert_int_equal(get(&t, 12) & 0x20, 0x20);
}

static void nvram(void **state)
{
	struct rtc t;
	unsigned i;

	init(&t);
	for (i = 14; i < 128; i++)
		if (i != 0x32)
			put(&t, i, i ^ 0x5a);
	put(&t, 0x80 | 0x40, 0x11);	/* bit 7 of the index masks NMI */
	assert_int_equal(get(&t, 0x40), 0x11);
	put(&t, 0x40, 0x40 ^ 0x5a);
	for (i = 14; i < 128; i++)
		if (i != 0x32)
			assert_int_equal(get(&t, i), i ^ 0x5a);
	put(&t, 12, 0xff);	/* C and D are read only */
	put(&t, 13, 0x00);
	assert_int_equal(get(&t, 13), 0x80);
	assert_int_equal(get(&t, 12) & 0x0f, 0);
}

static void memory_size(void **state)
{
	struct rtc t;

	init(&t);
	mc146818_set_memory(&t.r, 256 << 20, 0);
	assert_int_equal(get(&t, 0x15) | get(&t, 0x16) << 8, 640);
	assert_int_equal(get(&t, 0x17) | get(&t, 0x18) << 8, 0xffff);
	assert_int_equal(get(&t, 0x30) | get(&t, 0x31) << 8, 0xffff);
	assert_int_equal(get(&t, 0x34) | get(&t, 0x35) << 8, (240 << 20) / 65536);
	mc146818_set_memory(&t.r, 0xf0000000, 5ull << 30);
	assert_int_equal(get(&t, 0x34) | get(&t, 0x35) << 8, (0xf0000000 - (16 << 20)) / 65536);
	assert_int_equal(get(&t, 0x5b) | get(&t, 0x5c) << 8 | get(&t, 0x5d) << 16, 5 * 16384);
	mc146818_set_memory(&t.r, 8 << 20, 0);
	assert_int_equal(get(&t, 0x17) | get(&t, 0x18) << 8, 7168);
	assert_int_equal(get(&t, 0x34) | get(&t, 0x35) << 8, 0);
}

/* Nonsense in the registers must do no harm. */
static void hostile_time(void **state)
{
	struct rtc t;
	unsigned i, pass;

	for (pass = 0; pass < 4; pass++) {
		init(&t);
		put(&t, 11, pass << 1);
		for (i = 0; i < 10; i++)
			put(&t, i, 0xff);
		put(&t, 0x32, 0xff);
		sleep_ns(&t, NSEC_PER_SEC);
		put(&t, 8, 0);
		put(&t, 7, 0);
		put(&t, 6, 0);
		put(&t, 0x32, 0);
		sleep_ns(&t, 100000 * NSEC_PER_SEC);
		assert_in_range(get(&t, 8), 1, 0x12);
	}
}

/* A clock that was let alone for years, or started before 1970. */
static void far_times(void **state)
{
	struct rtc t;

	init_at(&t, -1);
	assert_time(&t, 0x69, 0x12, 0x31, 4, 0x23, 0x59, 0x59);
	sleep_ns(&t, NSEC_PER_SEC);
	assert_time(&t, 0x70, 0x01, 0x01, 5, 0x00, 0x00, 0x00);
	init(&t);
	sleep_ns(&t, 366 * 86400ull * NSEC_PER_SEC);
	assert_time(&t, 0x27, 0x01, 0x03, 1, 0x03, 0x04, 0x05);
}

/* Linux' mc146818_set_time: SET, divider reset, write, release both. */
static void linux_sets_time(void **state)
{
	struct rtc t;
	uint8_t control, freq;

	init(&t);
	control = get(&t, 11);
	put(&t, 11, control | 0x80);
	freq = get(&t, 10);
	put(&t, 10, freq | 0x70);
	put(&t, 9, 0x30);
	put(&t, 8, 0x06);
	put(&t, 7, 0x15);
	put(&t, 4, 0x12);
	put(&t, 2, 0x34);
	put(&t, 0, 0x56);
	put(&t, 11, control);
	put(&t, 10, freq);
	sleep_ns(&t, NSEC_PER_SEC / 2);
	assert_int_equal(get(&t, 0), 0x57);
	assert_int_equal(get(&t, 9), 0x30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_in_bcd),
		cmocka_unit_test(runs),
		cmocka_unit_test(carries),
		cmocka_unit_test(binary_and_twelve_hours),
		cmocka_unit_test(set_stops_updates),
		cmocka_unit_test(update_in_progress),
		cmocka_unit_test(divider_reset),
		cmocka_unit_test(update_interrupt),
		cmocka_unit_test(rate_leaves_the_second_alone),
		cmocka_unit_test(no_deadline_while_requesting),
		cmocka_unit_test(flag_before_enable),
		cmocka_unit_test(periodic_interrupt),
		cmocka_unit_test(alarm_interrupt),
		cmocka_unit_test(nvram),
		cmocka_unit_test(memory_size),
		cmocka_unit_test(hostile_time),
		cmocka_unit_test(far_times),
		cmocka_unit_test(linux_sets_time),
	};

	return RUN_TESTS(tests);
}
