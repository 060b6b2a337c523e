/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/user_ring.h"
#include "src/collector/lttng.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MIN_SIZE 4096
#define PAUSE_NS 200000	/* between two looks whether there is room */

struct user_ring *user_ring_new(size_t size)
{
	struct user_ring *ring;
	size_t room = MIN_SIZE;

	while (room < size)
		room *= 2;
	ring = aligned_alloc(64, sizeof(*ring));
	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	ring->size = room;
	ring->data = malloc(room);
	if (!ring->data) {
		free(ring);
		return NULL;
	}
	return ring;
}

void user_ring_free(struct user_ring *ring)
{
	if (!ring)
		return;
	free(ring->data);
	free(ring);
}

/* Copies at most two pieces: up to the end of the data, and from its start. */
static void copy_in(struct user_ring *ring, uint64_t at, const void *from, size_t size)
{
	size_t offset = at & (ring->size - 1);
	size_t first = size < ring->size - offset ? size : ring->size - offset;

	memcpy(ring->data + offset, from, first);
	memcpy(ring->data, (const char *)from + first, size - first);
}

static void copy_out(const struct user_ring *ring, uint64_t at, void *to, size_t size)
{
	size_t offset = at & (ring->size - 1);
	size_t first = size < ring->size - offset ? size : ring->size - offset;

	memcpy(to, ring->data + offset, first);
	memcpy((char *)to + first, ring->data, size - first);
}

bool user_ring_has_room(struct user_ring *ring, size_t size)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head + size - ring->seen_tail <= ring->size)
		return true;
	ring->seen_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	return head + size - ring->seen_tail <= ring->size;
}

int user_ring_push(struct user_ring *ring, const void *record, size_t size)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (!user_ring_has_room(ring, size)) {
		atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
		return -ENOSPC;
	}
	copy_in(ring, head, record, size);
	atomic_store_explicit(&ring->head, head + size, memory_order_release);
	return 0;
}

size_t user_ring_drain(struct user_ring *ring,
		       void (*take)(void *arg, const void *record, size_t size), void *arg)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	union vmmt_record rec;
	size_t count = 0;

	while (tail != head) {
		copy_out(ring, tail, &rec.head, sizeof(rec.head));
		copy_out(ring, tail, &rec, rec.head.size);
		tail += rec.head.size;
		/* Room for the producer before the record is worked on. */
		atomic_store_explicit(&ring->tail, tail, memory_order_release);
		take(arg, &rec, rec.head.size);
		count++;
	}
	return count;
}

void user_stream_init(struct user_stream *s, struct user_ring *ring, uint32_t vm,
		      unsigned int thread)
{
	*s = (struct user_stream){ ring, 0, vm, VMMT_VCPU_USER + thread, false };
}

static void push(struct user_stream *s, uint64_t now, unsigned int event, struct vmmt_head *h,
		 size_t size)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int cpu = sched_getcpu();

	h->event = (uint16_t)event;
	h->size = (uint16_t)size;
	h->cpu = cpu < 0 ? 0 : (uint16_t)cpu;
	h->isa = VMMT_ISA_none;
	h->verdict = VMMT_VERDICT_none;
	h->vm = s->vm;
	h->vcpu = s->vcpu;
	h->seq = ++s->seq;
	h->time = now;
	while (s->lossless && !user_ring_has_room(s->ring, size))
		nanosleep(&pause, NULL);
	lttng_emit(h);
	user_ring_push(s->ring, h, size);
}

void user_stream_dev(struct user_stream *s, uint64_t now, struct vmmt_dev *rec)
{
	push(s, now, VMMT_EVENT_dev, &rec->head, sizeof(*rec));
}

void user_stream_req(struct user_stream *s, uint64_t now, struct vmmt_req *rec)
{
	push(s, now, VMMT_EVENT_req, &rec->head, sizeof(*rec));
}

void user_stream_intr(struct user_stream *s, uint64_t now, struct vmmt_intr *rec)
{
	push(s, now, VMMT_EVENT_intr, &rec->head, sizeof(*rec));
}
