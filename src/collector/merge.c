/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SLOTS 256

struct merge_slot {
	struct merge_slot *next;
	union vmmt_record rec;
};

struct merge_block {
	struct merge_block *next;
	struct merge_slot slots[BLOCK_SLOTS];
};

/* A ring of slots in the order of time; room is a power of two. */
struct merge_queue {
	struct merge_slot **slots;
	size_t head, count, room;
	uint64_t advanced;
};

static struct merge_slot **queue_at(const struct merge_queue *q, size_t i)
{
	return &q->slots[(q->head + i) & (q->room - 1)];
}

static uint64_t queue_time(const struct merge_queue *q)
{
	return (*queue_at(q, 0))->rec.head.time;
}

static int queue_grow(struct merge_queue *q)
{
	size_t room = q->room ? 2 * q->room : 64;
	struct merge_slot **slots = malloc(room * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < q->count; i++)
		slots[i] = *queue_at(q, i);
	free(q->slots);
	q->slots = slots;
	q->room = room;
	q->head = 0;
	return 0;
}

static struct merge_slot *slot_get(struct merge *m)
{
	struct merge_slot *slot;

	if (!m->unused) {
		struct merge_block *block = malloc(sizeof(*block));

		if (!block)
			return NULL;
		block->next = m->blocks;
		m->blocks = block;
		for (size_t i = 0; i < BLOCK_SLOTS; i++) {
			block->slots[i].next = m->unused;
			m->unused = &block->slots[i];
		}
	}
	slot = m->unused;
	m->unused = slot->next;
	return slot;
}

static void slot_put(struct merge *m, struct merge_slot *slot)
{
	slot->next = m->unused;
	m->unused = slot;
}

int merge_add_queue(struct merge *m)
{
	struct merge_queue *queues;
	size_t *heap;

	queues = realloc(m->queues, (m->nqueues + 1) * sizeof(*queues));
	if (!queues)
		return -ENOMEM;
	m->queues = queues;
	heap = realloc(m->heap, (m->nqueues + 1) * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	m->heap = heap;
	queues[m->nqueues] = (struct merge_queue){ 0 };
	return (int)m->nqueues++;
}

int merge_push(struct merge *m, size_t queue, const void *record, size_t size)
{
	struct merge_queue *q = &m->queues[queue];
	struct merge_slot *slot;
	size_t i;

	if (q->count == q->room && queue_grow(q))
		return -ENOMEM;
	slot = slot_get(m);
	if (!slot)
		return -ENOMEM;
	memcpy(&slot->rec, record, size);
	/* A ring is nearly sorted: its writers stamp first, then get in line. */
	for (i = q->count++; i > 0; i--) {
		struct merge_slot *before = *queue_at(q, i - 1);

		if (before->rec.head.time <= slot->rec.head.time)
			break;
		*queue_at(q, i) = before;
	}
	*queue_at(q, i) = slot;
	m->pending++;
	return 0;
}

void merge_advance(struct merge *m, size_t queue, uint64_t tsc)
{
	if (tsc > m->queues[queue].advanced)
		m->queues[queue].advanced = tsc;
}

static uint64_t watermark(const struct merge *m)
{
	uint64_t min = UINT64_MAX;

	for (size_t i = 0; i < m->nqueues; i++)
		if (m->queues[i].advanced < min)
			min = m->queues[i].advanced;
	return min;
}

/* Ties go to the source that was added first, so that equal input gives
 * equal output. */
static bool heap_before(const struct merge *m, size_t a, size_t b)
{
	uint64_t ta = queue_time(&m->queues[m->heap[a]]);
	uint64_t tb = queue_time(&m->queues[m->heap[b]]);

	return ta < tb || (ta == tb && m->heap[a] < m->heap[b]);
}

static void heap_down(struct merge *m, size_t i)
{
	for (;;) {
		size_t least = i, child = 2 * i + 1, tmp;

		if (child < m->heap_count && heap_before(m, child, least))
			least = child;
		if (child + 1 < m->heap_count && heap_before(m, child + 1, least))
			least = child + 1;
		if (least == i)
			return;
		tmp = m->heap[i];
		m->heap[i] = m->heap[least];
		m->heap[least] = tmp;
		i = least;
	}
}

static void heap_build(struct merge *m)
{
	m->heap_count = 0;
	for (size_t i = 0; i < m->nqueues; i++)
		if (m->queues[i].count)
			m->heap[m->heap_count++] = i;
	for (size_t i = m->heap_count / 2; i-- > 0;)
		heap_down(m, i);
}

static struct merge_slot *heap_pop(struct merge *m)
{
	struct merge_queue *q = &m->queues[m->heap[0]];
	struct merge_slot *slot = *queue_at(q, 0);

	q->head++;
	q->count--;
	m->pending--;
	if (!q->count)
		m->heap[0] = m->heap[--m->heap_count];
	heap_down(m, 0);
	return slot;
}

static size_t stream_hash(uint32_t vm, uint32_t vcpu)
{
	return (vm * 2654435761u) ^ (vcpu * 40503u);
}

static struct merge_stream *stream_find(struct merge_stream *streams, size_t room,
					uint32_t vm, uint32_t vcpu)
{
	size_t i = stream_hash(vm, vcpu) & (room - 1);

	while (streams[i].next_seq && (streams[i].vm != vm || streams[i].vcpu != vcpu))
		i = (i + 1) & (room - 1);
	return &streams[i];
}

static int streams_grow(struct merge *m)
{
	size_t room = m->streams_room ? 2 * m->streams_room : 64;
	struct merge_stream *streams = calloc(room, sizeof(*streams));

	if (!streams)
		return -ENOMEM;
	for (size_t i = 0; i < m->streams_room; i++) {
		struct merge_stream *s = &m->streams[i];

		if (s->next_seq)
			*stream_find(streams, room, s->vm, s->vcpu) = *s;
	}
	free(m->streams);
	m->streams = streams;
	m->streams_room = room;
	return 0;
}

struct merge_stream *merge_stream(struct merge *m, uint32_t vm, uint32_t vcpu)
{
	struct merge_stream *s;

	if (2 * (m->nstreams + 1) > m->streams_room && streams_grow(m))
		return NULL;
	s = stream_find(m->streams, m->streams_room, vm, vcpu);
	if (!s->next_seq) {
		*s = (struct merge_stream){ .vm = vm, .vcpu = vcpu, .next_seq = 1 };
		m->nstreams++;
	}
	return s;
}

/* When the record before which others are missing can have begun at most. */
static uint64_t gap_end(const union vmmt_record *rec)
{
	if (rec->head.event == VMMT_EVENT_exit && rec->exit.t_prev)
		return rec->exit.t_prev;
	return rec->head.time;
}

static void deliver_lost(struct merge *m, struct merge_stream *s, uint64_t seq, uint64_t time)
{
	struct vmmt_lost lost = {
		.event = VMMT_EVENT_lost, .size = sizeof(lost),
		.vm = s->vm, .vcpu = s->vcpu, .seq = s->next_seq, .exit = s->last_exit,
		.time = time > s->last_time ? time : s->last_time,
		.from = s->next_seq, .count = seq - s->next_seq, .since = s->last_time,
	};
	union vmmt_record rec = { .lost = lost };

	m->hooks.deliver(m->hooks.arg, &rec, s);
	s->last_time = lost.time;
}

/* The stream's next record; what lies before it is lost by now. */
static void stream_put(struct merge *m, struct merge_stream *s, const union vmmt_record *rec)
{
	uint64_t seq = rec->head.seq;

	if (seq < s->next_seq) {
		m->hooks.late(m->hooks.arg, rec);
	} else {
		if (seq > s->next_seq)
			deliver_lost(m, s, seq, gap_end(rec));
		s->next_seq = seq + 1;
		m->hooks.deliver(m->hooks.arg, rec, s);
		s->last_time = rec->head.time;
	}
}

/* Takes the stream's records before seq out of all queues, sorted by seq. */
static struct merge_slot *take_before(struct merge *m, const struct merge_stream *s, uint64_t seq)
{
	struct merge_slot *list = NULL;

	for (size_t i = 0; i < m->nqueues; i++) {
		struct merge_queue *q = &m->queues[i];
		size_t kept = 0;

		for (size_t j = 0; j < q->count; j++) {
			struct merge_slot *slot = *queue_at(q, j), **at = &list;
			const struct vmmt_head *h = &slot->rec.head;

			if (h->vm != s->vm || h->vcpu != s->vcpu || h->seq >= seq) {
				*queue_at(q, kept++) = slot;
				continue;
			}
			while (*at && (*at)->rec.head.seq <= h->seq)
				at = &(*at)->next;
			slot->next = *at;
			*at = slot;
		}
		m->pending -= q->count - kept;
		q->count = kept;
	}
	return list;
}

/* Records before this one are missing: they may wait in another ring. Returns the
 * stream, which may have moved. */
static struct merge_stream *fill_gap(struct merge *m, struct merge_stream *s, uint64_t seq)
{
	uint32_t vm = s->vm, vcpu = s->vcpu;
	struct merge_slot *list, *next;

	if (m->hooks.reread)
		m->hooks.reread(m->hooks.arg);
	s = stream_find(m->streams, m->streams_room, vm, vcpu);
	for (list = take_before(m, s, seq); list; list = next) {
		next = list->next;
		stream_put(m, s, &list->rec);
		slot_put(m, list);
	}
	heap_build(m);
	return s;
}

/* The stream of a record, which may be its first. */
static struct merge_stream *stream_begin(struct merge *m, const struct vmmt_head *h)
{
	size_t before = m->nstreams;
	struct merge_stream *s = merge_stream(m, h->vm, h->vcpu);

	/* The host's stream (vm 0) is as old as the module. */
	if (s && (m->attached || !h->vm) && m->nstreams != before)
		s->next_seq = h->seq;
	return s;
}

static void route(struct merge *m, struct merge_slot *slot)
{
	const struct vmmt_head *h = &slot->rec.head;
	struct merge_stream *s = stream_begin(m, h);

	if (!s) {
		m->hooks.late(m->hooks.arg, &slot->rec);
		slot_put(m, slot);
		return;
	}
	if (h->seq > s->next_seq)
		s = fill_gap(m, s, h->seq);
	stream_put(m, s, &slot->rec);
	slot_put(m, slot);
}

int merge_replay(struct merge *m, const union vmmt_record *rec)
{
	const struct vmmt_head *h = &rec->head;
	struct merge_stream *s = stream_begin(m, h);

	if (!s)
		return -ENOMEM;
	stream_put(m, s, rec);
	if (h->event == VMMT_EVENT_lost && s->next_seq == h->seq + 1)
		s->next_seq = h->seq + rec->lost.count;
	return 0;
}

void merge_release(struct merge *m, bool all)
{
	uint64_t mark = all ? UINT64_MAX : watermark(m);

	if (m->busy)
		return;
	m->busy = true;
	heap_build(m);
	while (m->heap_count) {
		if (!all && queue_time(&m->queues[m->heap[0]]) >= mark) {
			if (!merge_over(m))
				break;
			m->forced++;
		}
		route(m, heap_pop(m));
	}
	m->busy = false;
}

const union vmmt_record *merge_find(const struct merge *m, unsigned int event)
{
	const union vmmt_record *found = NULL;

	for (size_t i = 0; i < m->nqueues; i++) {
		const struct merge_queue *q = &m->queues[i];

		for (size_t j = 0; j < q->count; j++) {
			const union vmmt_record *rec = &(*queue_at(q, j))->rec;

			if (rec->head.event != event)
				continue;
			if (!found || rec->head.time < found->head.time)
				found = rec;
			break;
		}
	}
	return found;
}

uint64_t merge_oldest(const struct merge *m)
{
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < m->nqueues; i++)
		if (m->queues[i].count && queue_time(&m->queues[i]) < oldest)
			oldest = queue_time(&m->queues[i]);
	return m->pending ? oldest : 0;
}

void merge_end_stream(struct merge *m, struct merge_stream *s, uint64_t seq)
{
	if (seq < s->next_seq)
		return;
	deliver_lost(m, s, seq + 1, s->last_time);
	s->next_seq = seq + 1;
}

void merge_forget_streams(struct merge *m)
{
	free(m->streams);
	m->streams = NULL;
	m->nstreams = m->streams_room = 0;
}

void merge_free(struct merge *m)
{
	struct merge_block *next;

	for (size_t i = 0; i < m->nqueues; i++)
		free(m->queues[i].slots);
	for (; m->blocks; m->blocks = next) {
		next = m->blocks->next;
		free(m->blocks);
	}
	free(m->queues);
	free(m->heap);
	free(m->streams);
	*m = (struct merge){ 0 };
}
