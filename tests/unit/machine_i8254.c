/* SPDX-License-Identifier: GPL-2.0-only */
/* The 8254, held to Intel's data sheet tick by tick. */
#include "machine_test.h"

#include "src/machine/i8254.h"

struct pit {
	struct i8254 p;
	uint64_t edges;
};

static void on_tick(void *ctx, uint64_t edges)
{
	((struct pit *)ctx)->edges += edges;
}

static uint64_t base;

/* Stand in the middle of a CLK period: tick n after the start. */
static void at(uint64_t tick)
{
	test_now = base + (uint64_t)(((unsigned __int128)(2 * tick + 1) * NSEC_PER_SEC) /
				     (2 * I8254_HZ));
}

static void init(struct pit *t)
{
	memset(t, 0, sizeof(*t));
	base = test_now = 7 * NSEC_PER_SEC + 123;
	i8254_init(&t->p, &test_bus_clock, on_tick, t);
	at(0);
}

static void put(struct pit *t, unsigned port, uint8_t value)
{
	i8254_write(&t->p, port, 1, value);
}

static uint8_t get(struct pit *t, unsigned port)
{
	return i8254_read(&t->p, port, 1);
}

static void put16(struct pit *t, unsigned port, uint16_t value)
{
	put(t, port, value & 0xff);
	put(t, port, value >> 8);
}

/* Latch and read a 16-bit count. */
static uint16_t count(struct pit *t, unsigned port)
{
	uint8_t low;

	put(t, 3, port << 6);
	low = get(t, port);
	return low | get(t, port) << 8;
}

static void gate2(struct pit *t, bool level)
{
	i8254_speaker_write(&t->p, 0, 1, level);
}

/* OUT of a counter from tick first on, a character a tick. */
static const char *wave(struct pit *t, unsigned i, uint64_t first, unsigned n)
{
	static char text[64];
	unsigned k;

	assert_true(n < sizeof(text));
	for (k = 0; k < n; k++) {
		at(first + k);
		text[k] = i8254_out(&t->p, i) ? '#' : '_';
	}
	text[n] = '\0';
	return text;
}

/* "OUT does not go high until N + 1 CLK pulses after the count is written." */
static void mode0(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x30);
	assert_false(i8254_out(&t.p, 0));
	put16(&t, 0, 4);
	assert_string_equal(wave(&t, 0, 0, 8), "_____###");
	assert_int_equal(t.edges, 1);
	/* It counts on from 0xffff after terminal count; OUT stays high. */
	at(1 + 4 + 1);
	assert_int_equal(count(&t, 0), 0xffff);
	at(1 + 4 + 65536);
	assert_int_equal(count(&t, 0), 0);
	assert_true(i8254_out(&t.p, 0));
	assert_int_equal(t.edges, 1);
}

static void mode0_counts_down(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x30);
	put16(&t, 0, 1000);
	at(1);
	assert_int_equal(count(&t, 0), 1000);
	at(2);
	assert_int_equal(count(&t, 0), 999);
	at(1 + 1000);
	assert_int_equal(count(&t, 0), 0);
}

/* "Writing the first byte disables counting. OUT is set low immediately." */
static void mode0_new_count(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x30);
	put16(&t, 0, 10);
	at(20);
	assert_true(i8254_out(&t.p, 0));
	put(&t, 0, 3);
	assert_false(i8254_out(&t.p, 0));
	at(1000);
	assert_false(i8254_out(&t.p, 0));
	put(&t, 0, 0);
	assert_string_equal(wave(&t, 0, 1000, 6), "____##");
	assert_int_equal(t.edges, 2);
}

/* Nor does the old count run out between the two bytes. */
static void mode0_half_written(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x30);
	put16(&t, 0, 10);
	at(5);
	put(&t, 0, 3);
	assert_int_equal(i8254_deadline(&t.p), NO_DEADLINE);
	at(100);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 0);
	put(&t, 0, 0);
	at(103);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 0);
	at(104);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 1);
}

static void mode0_gate(void **state)
{
	struct pit t;

	init(&t);
	gate2(&t, true);
	put(&t, 3, 0xb0);
	put16(&t, 2, 100);
	at(11);
	gate2(&t, false);
	assert_int_equal(count(&t, 2), 90);
	at(500);
	assert_int_equal(count(&t, 2), 90);
	gate2(&t, true);
	at(500 + 89);
	assert_false(i8254_out(&t.p, 2));
	at(500 + 90);
	assert_true(i8254_out(&t.p, 2));
	/* Written while GATE is low it is loaded all the same: N pulses, not N + 1. */
	gate2(&t, false);
	put(&t, 3, 0xb0);
	put16(&t, 2, 5);
	at(699);
	assert_int_equal(count(&t, 2), 5);
	assert_false(i8254_out(&t.p, 2));
	at(700);
	gate2(&t, true);
	assert_string_equal(wave(&t, 2, 700, 7), "_____##");
}

/* Hardware-triggered one-shot: N pulses wide, begun by the CLK after GATE. */
static void mode1(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0xb2);
	put16(&t, 2, 3);
	assert_string_equal(wave(&t, 2, 0, 5), "#####");
	at(10);
	gate2(&t, true);
	assert_string_equal(wave(&t, 2, 10, 7), "#___###");
	/* Retriggered in mid-pulse the pulse is extended. */
	at(20);
	gate2(&t, false);
	gate2(&t, true);
	at(22);
	gate2(&t, false);
	gate2(&t, true);
	assert_string_equal(wave(&t, 2, 22, 6), "____##");
	/* A new count waits for the next trigger. */
	at(30);
	put16(&t, 2, 1);
	assert_string_equal(wave(&t, 2, 30, 4), "####");
	at(34);
	gate2(&t, false);
	gate2(&t, true);
	assert_string_equal(wave(&t, 2, 34, 4), "#_##");
}

static void mode2(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x34);
	put16(&t, 0, 4);
	/* Loaded at 1; low for the one CLK in which the count is 1. */
	assert_string_equal(wave(&t, 0, 0, 14), "####_###_###_#");
	assert_int_equal(t.edges, 3);
	at(1 + 4 * 1000 + 1);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 1000);
	assert_int_equal(count(&t, 0), 3);
	at(1 + 4 * 1000 + 3);
	assert_int_equal(count(&t, 0), 1);
}

/* "The new count will be loaded at the end of the current counting cycle." */
static void mode2_new_count(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x34);
	put16(&t, 0, 5);
	at(3);
	put16(&t, 0, 3);
	assert_string_equal(wave(&t, 0, 0, 14), "#####_##_##_##");
	assert_int_equal(t.edges, 3);
}

static void mode2_gate(void **state)
{
	struct pit t;

	init(&t);
	gate2(&t, true);
	put(&t, 3, 0xb4);
	put16(&t, 2, 4);
	at(4);
	assert_false(i8254_out(&t.p, 2));
	gate2(&t, false);	/* sets OUT high at once */
	assert_string_equal(wave(&t, 2, 4, 6), "######");
	at(20);
	gate2(&t, true);	/* and starts anew */
	assert_string_equal(wave(&t, 2, 20, 9), "####_###_");
	/* A count written while GATE is low waits for it. */
	gate2(&t, false);
	put16(&t, 2, 3);
	at(40);
	put(&t, 3, 0xe8);
	assert_int_equal(get(&t, 2) & 0x40, 0x40);
	gate2(&t, true);
	at(41);
	put(&t, 3, 0xe8);
	assert_int_equal(get(&t, 2) & 0x40, 0);
	assert_string_equal(wave(&t, 2, 41, 7), "##_##_#");
}

static void mode3_even(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x36);
	put16(&t, 0, 6);
	assert_string_equal(wave(&t, 0, 0, 14), "####___###___#");
	assert_int_equal(t.edges, 2);
	at(1 + 60);
	assert_int_equal(count(&t, 0), 6);
	at(1 + 61);
	assert_int_equal(count(&t, 0), 4);
	at(1 + 62);
	assert_int_equal(count(&t, 0), 2);
	at(1 + 63);
	assert_int_equal(count(&t, 0), 6);
}

/* Odd: high for (N + 1) / 2, low for (N - 1) / 2. */
static void mode3_odd(void **state)
{
	struct pit t;
	static const uint16_t counts[] = { 4, 2, 0, 4, 2 };
	unsigned i;

	init(&t);
	put(&t, 3, 0x36);
	put16(&t, 0, 5);
	assert_string_equal(wave(&t, 0, 0, 12), "####__###__#");
	for (i = 0; i < 5; i++) {
		at(1 + 50 + i);
		assert_int_equal(count(&t, 0), counts[i]);
	}
}

/* A new count is taken at the end of the current half-cycle. */
static void mode3_new_count(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x36);
	put16(&t, 0, 8);
	at(2);
	put16(&t, 0, 4);
	/* High 1..4 of the old, then low 2, high 2 of the new. */
	assert_string_equal(wave(&t, 0, 0, 12), "#####__##__#");
	assert_int_equal(t.edges, 2);
}

static void mode4(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x38);
	assert_true(i8254_out(&t.p, 0));
	put16(&t, 0, 3);
	/* Low for one CLK, N + 1 pulses after the write. */
	assert_string_equal(wave(&t, 0, 0, 9), "####_####");
	assert_int_equal(t.edges, 1);
	at(1 + 3 + 1);
	assert_int_equal(count(&t, 0), 0xffff);
	/* One shot: no second strobe. */
	at(1 + 3 + 65536 + 5);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 1);
	put16(&t, 0, 2);
	assert_string_equal(wave(&t, 0, 65545, 6), "###_##");
}

static void mode4_retriggered(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x38);
	put16(&t, 0, 5);
	at(3);
	put(&t, 0, 5);		/* the first byte does not disturb the count */
	at(4);
	put(&t, 0, 0);
	assert_string_equal(wave(&t, 0, 4, 9), "######_##");
	assert_int_equal(t.edges, 1);
}

static void mode5(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0xba);
	put16(&t, 2, 3);
	assert_string_equal(wave(&t, 2, 0, 6), "######");
	at(10);
	gate2(&t, true);
	assert_string_equal(wave(&t, 2, 10, 7), "####_##");
	/* GATE's level does not matter once triggered. */
	at(20);
	gate2(&t, false);
	gate2(&t, true);
	at(21);
	gate2(&t, false);
	assert_string_equal(wave(&t, 2, 21, 5), "###_#");
}

static void count_zero_is_the_largest(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x34);
	put16(&t, 0, 0);
	at(1);
	assert_int_equal(count(&t, 0), 0);
	at(2);
	assert_int_equal(count(&t, 0), 0xffff);
	at(65536);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 0);
	at(65537);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 1);
}

static void bcd(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x35);
	put16(&t, 0, 0x1000);
	at(2);
	assert_int_equal(count(&t, 0), 0x0999);
	at(1 + 1000);
	assert_int_equal(count(&t, 0), 0x1000);
	put(&t, 3, 0x31);
	put16(&t, 0, 0x0002);
	at(1001 + 1 + 3);
	assert_int_equal(count(&t, 0), 0x9999);
	put(&t, 3, 0x35);
	put16(&t, 0, 0);	/* 10000 */
	at(1005 + 2);
	assert_int_equal(count(&t, 0), 0x9999);
}

/* LSB only, MSB only. */
static void access_modes(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x14);
	put(&t, 0, 0x20);
	at(1);
	assert_int_equal(get(&t, 0), 0x20);
	assert_int_equal(get(&t, 0), 0x20);
	at(1 + 0x20);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 1);
	put(&t, 3, 0x24);
	put(&t, 0, 0x12);
	at(34 + 1);
	assert_int_equal(get(&t, 0), 0x11);
	put(&t, 3, 0x00);	/* latched: one byte, the high one */
	assert_int_equal(get(&t, 0), 0x11);
	at(34 + 0x211);
	assert_int_equal(get(&t, 0), 0x0f);
}

static void latch_holds(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x34);
	put16(&t, 0, 0x5555);
	at(1 + 0x55);
	put(&t, 3, 0x00);
	at(1 + 0x1055);
	put(&t, 3, 0x00);	/* ignored: the first latch was not read yet */
	assert_int_equal(get(&t, 0), 0x00);
	at(1 + 0x2055);
	assert_int_equal(get(&t, 0), 0x55);
	/* Read: now the counting element itself again, byte by byte. */
	assert_int_equal(get(&t, 0), 0x00);
	assert_int_equal(get(&t, 0), 0x35);
}

static void read_back(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x34);
	put(&t, 3, 0xe2);		/* status of counter 0 */
	assert_int_equal(get(&t, 0), 0x80 | 0x40 | 0x34);	/* OUT, no count yet */
	put16(&t, 0, 0x1234);
	put(&t, 3, 0xe2);
	assert_int_equal(get(&t, 0) & 0x40, 0x40);	/* not loaded before the next CLK */
	put(&t, 3, 0xe2);
	at(1);
	put(&t, 3, 0xe2);	/* ignored: the first status was not read yet */
	assert_int_equal(get(&t, 0) & 0x40, 0x40);
	put(&t, 3, 0xe2);
	assert_int_equal(get(&t, 0), 0x80 | 0x34);
	/* Status and count together: the status is read first. */
	put(&t, 3, 0x70);
	put16(&t, 1, 0x0100);
	at(3);
	put(&t, 3, 0xc6);
	at(50);
	assert_int_equal(get(&t, 0), 0x80 | 0x34);
	assert_int_equal(get(&t, 0), 0x32);
	assert_int_equal(get(&t, 0), 0x12);
	assert_int_equal(get(&t, 1), 0x30);
	assert_int_equal(get(&t, 1), 0xff);
	assert_int_equal(get(&t, 1), 0x00);
	/* A count written but not yet taken is null. */
	put16(&t, 0, 0x4000);
	put(&t, 3, 0xe2);
	assert_int_equal(get(&t, 0) & 0x40, 0x40);
	at(1 + 0x1234);
	put(&t, 3, 0xe2);
	assert_int_equal(get(&t, 0) & 0x40, 0);
}

static void mode_x10_and_x11(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x3c);	/* 110 is mode 2 */
	put16(&t, 0, 3);
	assert_string_equal(wave(&t, 0, 0, 8), "###_##_#");
}

/* The deadline is the edge: not a nanosecond early, none missed. */
static void deadlines(void **state)
{
	struct pit t;
	static const uint8_t modes[] = { 0x34, 0x36 };
	uint64_t i, first, when;
	unsigned m;

	for (m = 0; m < 2; m++) {
		init(&t);
		assert_int_equal(i8254_deadline(&t.p), NO_DEADLINE);
		put(&t, 3, modes[m]);
		put16(&t, 0, 11932);	/* 100 Hz */
		first = i8254_deadline(&t.p);
		for (i = 0; i < 100; i++) {
			when = i8254_deadline(&t.p);
			test_now = when - 1;
			i8254_run(&t.p);
			assert_int_equal(t.edges, i);
			test_now = when;
			i8254_run(&t.p);
			assert_int_equal(t.edges, i + 1);
		}
		/* 99 periods of 11932 ticks, to the nanosecond of rounding. */
		when -= first;
		first = 99ull * 11932 * NSEC_PER_SEC / I8254_HZ;
		assert_in_range(when, first, first + 1);
	}
}

static void deadline_of_one_shots(void **state)
{
	struct pit t;
	static const uint8_t modes[] = { 0x30, 0x38 };
	uint64_t when;
	unsigned m;

	for (m = 0; m < 2; m++) {
		init(&t);
		put(&t, 3, modes[m]);
		assert_int_equal(i8254_deadline(&t.p), NO_DEADLINE);
		put16(&t, 0, 5000);
		when = i8254_deadline(&t.p);
		test_now = when - 1;
		i8254_run(&t.p);
		assert_int_equal(t.edges, 0);
		test_now = when;
		i8254_run(&t.p);
		assert_int_equal(t.edges, 1);
		assert_int_equal(i8254_deadline(&t.p), NO_DEADLINE);
	}
}

static void rising_out_by_control_word(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x30);	/* mode 0: OUT low */
	assert_int_equal(t.edges, 0);
	put(&t, 3, 0x38);	/* mode 4: OUT high: an edge on a real chip */
	assert_int_equal(t.edges, 1);
}

/* Whoever looks at the counter first, no edge is lost or told twice. */
static void reading_reports_edges(void **state)
{
	struct pit t;

	init(&t);
	put(&t, 3, 0x34);
	put16(&t, 0, 10);
	at(1 + 25);
	count(&t, 0);
	get(&t, 0);
	get(&t, 0);
	assert_int_equal(t.edges, 2);
	at(1 + 35);
	get(&t, 0);
	assert_int_equal(t.edges, 3);
	at(1 + 45);
	i8254_out(&t.p, 0);
	assert_int_equal(t.edges, 4);
	at(1 + 55);
	put(&t, 3, 0xb0);	/* another counter's business */
	assert_int_equal(t.edges, 5);
	i8254_run(&t.p);
	assert_int_equal(t.edges, 5);
}

/* Counts that the data sheet forbids must do no harm. */
static void illegal_counts(void **state)
{
	static const uint8_t modes[] = { 0x34, 0x36 };
	struct pit t;
	unsigned m;

	for (m = 0; m < 2; m++) {
		init(&t);
		put(&t, 3, modes[m]);
		put16(&t, 0, 1);
		at(100000);
		i8254_run(&t.p);
		count(&t, 0);
		assert_int_equal(t.edges, 0);
		put16(&t, 0, 2);
		at(100011);
		i8254_run(&t.p);
		assert_in_range(t.edges, 4, 5);
	}
	init(&t);
	put(&t, 3, 0x35);
	put16(&t, 0, 0xffff);	/* no BCD digits */
	at(70000);
	i8254_run(&t.p);
	count(&t, 0);
}

static void speaker_port(void **state)
{
	struct pit t;
	unsigned i, toggles = 0;
	uint8_t v, last;

	init(&t);
	i8254_speaker_write(&t.p, 0, 1, 0xff);
	assert_int_equal(i8254_speaker_read(&t.p, 0, 1) & 0x0f, 0x03);
	i8254_speaker_write(&t.p, 0, 1, 0);
	assert_int_equal(i8254_speaker_read(&t.p, 0, 1) & 0x0f, 0);
	/* The refresh bit toggles every 15 us. */
	last = i8254_speaker_read(&t.p, 0, 1) & 0x10;
	for (i = 0; i < 1500; i++) {
		test_now += USEC;
		v = i8254_speaker_read(&t.p, 0, 1) & 0x10;
		toggles += v != last;
		last = v;
	}
	assert_in_range(toggles, 98, 101);
}

/* Linux' pit_hpet_ptimer_calibrate_cpu: wait for OUT2 after 50 ms. */
static void linux_calibrates_by_out2(void **state)
{
	const uint16_t latch = I8254_HZ / 20;
	struct pit t;
	uint64_t start;

	init(&t);
	i8254_speaker_write(&t.p, 0, 1, (i8254_speaker_read(&t.p, 0, 1) & ~0x02) | 0x01);
	put(&t, 3, 0xb0);
	put16(&t, 2, latch);
	start = test_now;
	while (!(i8254_speaker_read(&t.p, 0, 1) & 0x20))
		test_now += USEC;
	assert_in_range(test_now - start, 50 * MSEC - 5 * USEC, 50 * MSEC + 5 * USEC);
}

/* Linux' quick_pit_calibrate: the high byte of counter 2 goes down by one
 * each 256 ticks, whatever the low byte read first is. */
static void linux_calibrates_by_msb(void **state)
{
	struct pit t;
	uint8_t expect = 0xff, v;
	uint64_t last = 0, now;

	init(&t);
	i8254_speaker_write(&t.p, 0, 1, 0x01);
	put(&t, 3, 0xb0);
	put(&t, 2, 0xff);
	put(&t, 2, 0xff);
	/* It starts at the next CLK: Linux reads once to let that pass. */
	get(&t, 2);
	get(&t, 2);
	test_now += USEC;
	get(&t, 2);
	assert_int_equal(get(&t, 2), 0xff);
	while (expect > 0xe0) {
		get(&t, 2);
		v = get(&t, 2);
		test_now += USEC;
		if (v == expect)
			continue;
		assert_int_equal(v, expect - 1);
		expect = v;
		now = test_now;
		if (last)
			assert_in_range(now - last, 256 * NSEC_PER_SEC / I8254_HZ - 2 * USEC,
					256 * NSEC_PER_SEC / I8254_HZ + 2 * USEC);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode0),
		cmocka_unit_test(mode0_counts_down),
		cmocka_unit_test(mode0_new_count),
		cmocka_unit_test(mode0_half_written),
		cmocka_unit_test(mode0_gate),
		cmocka_unit_test(mode1),
		cmocka_unit_test(mode2),
		cmocka_unit_test(mode2_new_count),
		cmocka_unit_test(mode2_gate),
		cmocka_unit_test(mode3_even),
		cmocka_unit_test(mode3_odd),
		cmocka_unit_test(mode3_new_count),
		cmocka_unit_test(mode4),
		cmocka_unit_test(mode4_retriggered),
		cmocka_unit_test(mode5),
		cmocka_unit_test(count_zero_is_the_largest),
		cmocka_unit_test(bcd),
		cmocka_unit_test(access_modes),
		cmocka_unit_test(latch_holds),
		cmocka_unit_test(read_back),
		cmocka_unit_test(mode_x10_and_x11),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(deadline_of_one_shots),
		cmocka_unit_test(rising_out_by_control_word),
		cmocka_unit_test(reading_reports_edges),
		cmocka_unit_test(illegal_counts),
		cmocka_unit_test(speaker_port),
		cmocka_unit_test(linux_calibrates_by_out2),
		cmocka_unit_test(linux_calibrates_by_msb),
	};

	return RUN_TESTS(tests);
}
