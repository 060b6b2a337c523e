/* SPDX-License-Identifier: GPL-2.0-only */
/* The rings of userland's threads. */
#include <config.h>

#include "collector_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "src/collector/user_ring.h"

static uint64_t seen[100000];
static size_t nseen;

static void take(void *arg, const void *record, size_t size)
{
	const struct vmmt_dev *r = record;

	assert_int_equal(size, sizeof(*r));
	assert_int_equal(r->size, sizeof(*r));
	assert_int_equal(r->event, VMMT_EVENT_dev);
	assert_int_equal(r->value, r->seq * 3);
	seen[nseen++] = r->seq;
}

static void push(struct user_stream *s)
{
	struct vmmt_dev r = { .begin = 5, .value = (s->seq + 1) * 3 };

	user_stream_dev(s, 10 + s->seq, &r);
}

static void head_is_filled(void **state)
{
	struct user_ring *ring = user_ring_new(4096);
	struct vmmt_intr r = { .irq = 4, .stage = VMMT_STAGE_raised };
	struct user_stream s;

	user_stream_init(&s, ring, 3, 2);
	user_stream_intr(&s, 77, &r);
	assert_int_equal(r.event, VMMT_EVENT_intr);
	assert_int_equal(r.size, sizeof(r));
	assert_int_equal(r.vm, 3);
	assert_int_equal(r.vcpu, VMMT_VCPU_USER + 2);
	assert_int_equal(r.seq, 1);
	assert_int_equal(r.time, 77);
	user_stream_intr(&s, 78, &r);
	assert_int_equal(r.seq, 2);
	user_ring_free(ring);
}

/* Full: what does not fit is counted, what is there stays, and there is room
 * again once it was read. */
static void full(void **state)
{
	struct user_ring *ring = user_ring_new(4096);
	size_t fits = 4096 / sizeof(struct vmmt_dev);
	struct user_stream s;

	nseen = 0;
	user_stream_init(&s, ring, 1, 0);
	for (size_t i = 0; i < fits + 5; i++)
		push(&s);
	assert_int_equal(user_ring_lost(ring), 5);
	assert_int_equal(user_ring_drain(ring, take, NULL), fits);
	assert_int_equal(seen[fits - 1], fits);
	push(&s);
	assert_int_equal(user_ring_drain(ring, take, NULL), 1);
	/* The lost ones show as a gap in seq. */
	assert_int_equal(seen[fits], fits + 6);
	assert_int_equal(user_ring_drain(ring, take, NULL), 0);
	user_ring_free(ring);
}

/* Many times around the end of the data, at every offset. */
static void wraps(void **state)
{
	struct user_ring *ring = user_ring_new(4096);
	struct user_stream s;

	nseen = 0;
	user_stream_init(&s, ring, 1, 0);
	for (int i = 0; i < 5000; i++) {
		for (int j = 0; j <= i % 7; j++)
			push(&s);
		user_ring_drain(ring, take, NULL);
	}
	assert_int_equal(user_ring_lost(ring), 0);
	assert_int_equal(nseen, s.seq);
	for (size_t i = 0; i < nseen; i++)
		assert_int_equal(seen[i], i + 1);
	user_ring_free(ring);
}

static void *produce(void *arg)
{
	struct user_stream *s = arg;

	for (int i = 0; i < 100000; i++) {
		push(s);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* A writer and a reader at once: whatever was not lost arrives whole, once
 * and in order. */
static void two_threads(void **state)
{
	struct user_ring *ring = user_ring_new(8192);
	struct user_stream s;
	pthread_t thread;

	nseen = 0;
	user_stream_init(&s, ring, 1, 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &s), 0);
	while (nseen + user_ring_lost(ring) < 100000)
		if (!user_ring_drain(ring, take, NULL))
			sched_yield();
	pthread_join(thread, NULL);
	assert_int_equal(nseen + user_ring_lost(ring), 100000);
	for (size_t i = 1; i < nseen; i++)
		assert_true(seen[i] > seen[i - 1]);
	user_ring_free(ring);
}

static void *produce_some(void *arg)
{
	for (int i = 0; i < 2000; i++)
		push(arg);
	return NULL;
}

/* Lossless mode, with a ring that most records find full: each arrives. */
static void lossless(void **state)
{
	struct user_ring *ring = user_ring_new(4096);
	struct user_stream s;
	pthread_t thread;

	nseen = 0;
	user_stream_init(&s, ring, 1, 0);
	s.lossless = true;
	assert_int_equal(pthread_create(&thread, NULL, produce_some, &s), 0);
	while (nseen < 2000)
		if (!user_ring_drain(ring, take, NULL))
			sched_yield();
	pthread_join(thread, NULL);
	assert_int_equal(user_ring_lost(ring), 0);
	for (size_t i = 0; i < nseen; i++)
		assert_int_equal(seen[i], i + 1);
	user_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_filled),
		cmocka_unit_test(full),
		cmocka_unit_test(wraps),
		cmocka_unit_test(two_threads),
		cmocka_unit_test(lossless),
	};

	return RUN_TESTS(tests);
}
