/* SPDX-License-Identifier: GPL-2.0-only */
/* The merge: what goes in by many rings comes out in order, once, or is told
 * to be lost. */
#include <config.h>

#include "collector_test.h"

#include "src/collector/merge.h"

#define MAX_OUT 40000

static struct {
	struct merge m;
	struct { uint32_t vm, vcpu; uint64_t seq, time, count; bool lost; } out[MAX_OUT];
	size_t nout, nlate, nreread;
	void (*on_reread)(void);
} t;

static void deliver(void *arg, const union vmmt_record *rec, struct merge_stream *stream)
{
	const struct vmmt_head *h = &rec->head;

	assert_true(t.nout < MAX_OUT);
	assert_int_equal(stream->vm, h->vm);
	assert_int_equal(stream->vcpu, h->vcpu);
	t.out[t.nout].vm = h->vm;
	t.out[t.nout].vcpu = h->vcpu;
	t.out[t.nout].seq = h->seq;
	t.out[t.nout].time = h->time;
	t.out[t.nout].lost = h->event == VMMT_EVENT_lost;
	t.out[t.nout].count = t.out[t.nout].lost ? rec->lost.count : 1;
	if (t.out[t.nout].lost) {
		assert_int_equal(rec->lost.from, h->seq);
		assert_int_equal(h->size, sizeof(struct vmmt_lost));
	}
	t.nout++;
}

static void late(void *arg, const union vmmt_record *rec)
{
	t.nlate++;
}

static void reread(void *arg)
{
	t.nreread++;
	if (t.on_reread)
		t.on_reread();
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.m.hooks = (struct merge_hooks){ deliver, late, reread, NULL };
	t.m.max_pending = 100000;
	for (int i = 0; i < 3; i++)
		assert_int_equal(merge_add_queue(&t.m), i);
	return 0;
}

static int teardown(void **state)
{
	merge_free(&t.m);
	return 0;
}

static void push(size_t queue, uint32_t vcpu, uint64_t seq, uint64_t time)
{
	struct vmmt_mark r = { HEAD(mark, 1, vcpu, seq, time, 0) };

	assert_int_equal(merge_push(&t.m, queue, &r, sizeof(r)), 0);
}

static void advance_all(uint64_t tsc)
{
	for (size_t i = 0; i < 3; i++)
		merge_advance(&t.m, i, tsc);
	merge_release(&t.m, false);
}

static void expect(size_t i, uint32_t vcpu, uint64_t seq)
{
	assert_true(i < t.nout);
	assert_int_equal(t.out[i].vcpu, vcpu);
	assert_int_equal(t.out[i].seq, seq);
	assert_false(t.out[i].lost);
}

static void expect_lost(size_t i, uint32_t vcpu, uint64_t from, uint64_t count)
{
	assert_true(i < t.nout);
	assert_true(t.out[i].lost);
	assert_int_equal(t.out[i].vcpu, vcpu);
	assert_int_equal(t.out[i].seq, from);
	assert_int_equal(t.out[i].count, count);
}

static void by_time(void **state)
{
	push(0, 0, 1, 10);
	push(0, 0, 2, 40);
	push(1, 1, 1, 20);
	push(2, 2, 1, 30);
	advance_all(100);
	assert_int_equal(t.nout, 4);
	expect(0, 0, 1);
	expect(1, 1, 1);
	expect(2, 2, 1);
	expect(3, 0, 2);
}

/* Equal stamps: the source that was added first, always. */
static void ties(void **state)
{
	for (uint64_t seq = 1; seq <= 20; seq++)
		for (size_t queue = 3; queue-- > 0;)
			push(queue, (uint32_t)queue, seq, 10 * (seq / 4));
	advance_all(100);
	assert_int_equal(t.nout, 60);
	for (size_t i = 1; i < t.nout; i++)
		if (t.out[i].time == t.out[i - 1].time)
			assert_true(t.out[i].vcpu >= t.out[i - 1].vcpu);
}

/* Far more streams than the table has room for at first. */
static void many_streams(void **state)
{
	for (uint64_t seq = 1; seq <= 9; seq++)
		for (uint32_t vcpu = 0; vcpu < 1000; vcpu++)
			if (seq != 5)
				push(vcpu % 3, vcpu, seq, seq * 1000 + vcpu);
	merge_release(&t.m, true);
	assert_int_equal(t.nout, 9 * 1000);
	assert_int_equal(t.nlate, 0);
	for (size_t i = 0; i < t.nout; i++)
		assert_true(t.out[i].lost == (t.out[i].seq == 5));
}

/* A record waits until every source has come beyond it. */
static void waits_for_the_slowest(void **state)
{
	push(0, 0, 1, 10);
	push(1, 1, 1, 20);
	merge_advance(&t.m, 0, 100);
	merge_advance(&t.m, 1, 100);
	merge_release(&t.m, false);
	assert_int_equal(t.nout, 0);
	merge_advance(&t.m, 2, 15);
	merge_release(&t.m, false);
	assert_int_equal(t.nout, 1);
	/* "Nothing older than 20": one at 20 may still come. */
	merge_advance(&t.m, 2, 20);
	merge_release(&t.m, false);
	assert_int_equal(t.nout, 1);
	push(2, 2, 1, 20);
	advance_all(21);
	assert_int_equal(t.nout, 3);
}

/* Two writers of a ring may get in line in another order than they stamped. */
static void unsorted_ring(void **state)
{
	push(0, 0, 1, 30);
	push(0, 1, 1, 10);
	push(0, 2, 1, 20);
	advance_all(100);
	expect(0, 1, 1);
	expect(1, 2, 1);
	expect(2, 0, 1);
}

/* A vCPU that moved: its records are in two rings, one read after the other,
 * and stamps are equal or even cross. seq decides. */
static void migration(void **state)
{
	push(1, 0, 3, 50);
	push(0, 0, 1, 30);
	push(0, 0, 2, 51);
	push(0, 0, 4, 50);
	advance_all(100);
	assert_int_equal(t.nout, 4);
	for (uint64_t seq = 1; seq <= 4; seq++)
		expect(seq - 1, 0, seq);
	assert_int_equal(t.nlate, 0);
}

static void late_ring(void)
{
	if (t.nreread == 1)
		push(2, 0, 2, 15);
}

/* Before anything is called lost, every ring is read once more. */
static void reread_finds_it(void **state)
{
	t.on_reread = late_ring;
	push(0, 0, 1, 10);
	push(0, 0, 3, 20);
	advance_all(100);
	assert_int_equal(t.nreread, 1);
	assert_int_equal(t.nout, 3);
	for (uint64_t seq = 1; seq <= 3; seq++)
		expect(seq - 1, 0, seq);
}

static void gap_is_lost(void **state)
{
	push(0, 0, 1, 10);
	push(0, 0, 5, 50);
	push(0, 0, 6, 60);
	advance_all(100);
	assert_int_equal(t.nreread, 1);
	assert_int_equal(t.nout, 4);
	expect(0, 0, 1);
	expect_lost(1, 0, 2, 3);
	expect(2, 0, 5);
	expect(3, 0, 6);
}

/* Streams count from 1: what is missing before the first record shows too. */
static void first_is_missing(void **state)
{
	push(0, 0, 3, 10);
	advance_all(100);
	expect_lost(0, 0, 1, 2);
	expect(1, 0, 3);
}

static void attached_begins_anywhere(void **state)
{
	t.m.attached = true;
	push(0, 0, 1000, 10);
	push(0, 0, 1002, 20);
	advance_all(100);
	assert_int_equal(t.nout, 3);
	expect(0, 0, 1000);
	expect_lost(1, 0, 1001, 1);
}

/* It was called lost; nothing may contradict that now. */
static void after_the_loss(void **state)
{
	push(0, 0, 1, 10);
	push(0, 0, 3, 30);
	advance_all(100);
	push(1, 0, 2, 20);
	push(1, 0, 3, 30);
	push(0, 0, 4, 110);
	advance_all(200);
	assert_int_equal(t.nlate, 2);
	assert_int_equal(t.nout, 4);
	expect(3, 0, 4);
}

static void end_of_a_stream(void **state)
{
	push(0, 0, 1, 10);
	advance_all(100);
	merge_end_stream(&t.m, merge_stream(&t.m, 1, 0), 1);
	assert_int_equal(t.nout, 1);
	merge_end_stream(&t.m, merge_stream(&t.m, 1, 0), 4);
	assert_int_equal(t.nout, 2);
	expect_lost(1, 0, 2, 3);
	merge_end_stream(&t.m, merge_stream(&t.m, 1, 9), 2);
	expect_lost(2, 9, 1, 2);
}

/* A source that hangs does not make memory grow: the oldest go first. */
static void bounded(void **state)
{
	t.m.max_pending = 100;
	for (uint64_t seq = 1; seq <= 5000; seq++) {
		push(seq % 2, 0, seq, seq * 10);
		merge_release(&t.m, false);
		assert_true(t.m.pending <= 100);
	}
	assert_int_equal(t.m.forced, 4900);
	merge_release(&t.m, true);
	assert_int_equal(t.nout, 5000);
	for (uint64_t seq = 1; seq <= 5000; seq++)
		expect(seq - 1, 0, seq);
}

/* Streams that migrate, rings polled at random times, records dropped at
 * random: each record comes out once and in order, or lies in a lost record. */
static void everything_at_once(void **state)
{
	uint64_t rng = 99, tsc = 1000, seq[20] = { 0 }, dropped = 0, lost = 0, out[20] = { 0 };
	uint64_t sent = 0, got = 0;

	for (int i = 0; i < 20000; i++) {
		uint32_t vcpu = (uint32_t)(test_random(&rng) % 20);

		tsc += test_random(&rng) % 3;
		seq[vcpu]++;
		if (test_random(&rng) % 50 == 0) {
			dropped++;
		} else {
			push(test_random(&rng) % 3, vcpu, seq[vcpu], tsc);
			sent++;
		}
		if (test_random(&rng) % 100 == 0)
			advance_all(tsc);
	}
	merge_release(&t.m, true);
	for (uint32_t vcpu = 0; vcpu < 20; vcpu++)
		merge_end_stream(&t.m, merge_stream(&t.m, 1, vcpu), seq[vcpu]);
	for (size_t i = 0; i < t.nout; i++) {
		uint32_t vcpu = t.out[i].vcpu;

		assert_int_equal(t.out[i].seq, out[vcpu] + 1);
		out[vcpu] += t.out[i].count;
		if (t.out[i].lost)
			lost += t.out[i].count;
		else
			got++;
		if (i && !t.out[i].lost && !t.out[i - 1].lost)
			assert_true(t.out[i].time >= t.out[i - 1].time);
	}
	assert_int_equal(lost, dropped);
	assert_int_equal(got, sent);
	assert_int_equal(t.nlate, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_time), TEST(ties), TEST(many_streams), TEST(waits_for_the_slowest), TEST(unsorted_ring), TEST(migration),
		TEST(reread_finds_it), TEST(gap_is_lost), TEST(first_is_missing),
		TEST(attached_begins_anywhere), TEST(after_the_loss), TEST(end_of_a_stream),
		TEST(bounded), TEST(everything_at_once),
	};

	return RUN_TESTS(tests);
}
