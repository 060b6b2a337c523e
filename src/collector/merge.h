/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of many sources into one order: by time over the sources, by seq
 * within a stream, with lost records in the gaps.
 */
#ifndef COLLECTOR_MERGE_H
#define COLLECTOR_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

struct merge_slot;
struct merge_queue;
struct merge_block;

/* What is known of a stream, for whoever takes its records. */
struct merge_stream {
	uint32_t vm, vcpu;
	uint64_t next_seq;
	uint64_t last_time;
	uint64_t last_exit;	/* ordinal of the last exit record, 0 none */
	bool halted;		/* that was a HLT */
	uint64_t refused;	/* records that the taker left out */
};

struct merge_hooks {
	/* One record in its place. May change what it likes in the stream but
	 * next_seq. */
	void (*deliver)(void *arg, const union vmmt_record *rec, struct merge_stream *stream);
	/* A record that came after it had been called lost. */
	void (*late)(void *arg, const union vmmt_record *rec);
	/* Asks every source once more; pushes what comes. May be NULL. */
	void (*reread)(void *arg);
	void *arg;
};

struct merge {
	struct merge_hooks hooks;
	bool attached;			/* streams may begin at any seq */
	size_t max_pending;
	size_t pending;			/* records in queues */
	uint64_t forced;
	bool busy;			/* in merge_release */
	struct merge_queue *queues;
	size_t nqueues;
	size_t *heap;			/* queues that have records, oldest first */
	size_t heap_count;
	struct merge_slot *unused;
	struct merge_block *blocks;
	struct merge_stream *streams;	/* open hash */
	size_t nstreams, streams_room;
};

/* The index of a new queue, or -ENOMEM. It blocks all until it advances. */
int merge_add_queue(struct merge *m);

/* Copies a record of a known event and right size. 0 or -ENOMEM. */
int merge_push(struct merge *m, size_t queue, const void *record, size_t size);

/* The queue will get nothing older than tsc. */
void merge_advance(struct merge *m, size_t queue, uint64_t tsc);

/* Delivers what every queue has passed, and the oldest above max_pending.
 * all: delivers everything. No-op while it is running already. */
void merge_release(struct merge *m, bool all);

/* The oldest queued record of that event, NULL if there is none. */
const union vmmt_record *merge_find(const struct merge *m, unsigned int event);

/* Time of the oldest record that waits, 0 if none does. */
uint64_t merge_oldest(const struct merge *m);

/* Is there more in the queues than may be? */
static inline bool merge_over(const struct merge *m)
{
	return m->pending > m->max_pending;
}

/* The stream, made if need be; NULL if out of memory. The pointer holds until
 * the next call. */
struct merge_stream *merge_stream(struct merge *m, uint32_t vm, uint32_t vcpu);

/* seq was the last the stream gave out: what is missing up to it is lost. */
void merge_end_stream(struct merge *m, struct merge_stream *s, uint64_t seq);

/* As if no stream had been seen yet; with empty queues. */
void merge_forget_streams(struct merge *m);

/* Delivers a record that has its place already, a lost record too. What is
 * missing before it is lost. 0 or -ENOMEM. */
int merge_replay(struct merge *m, const union vmmt_record *rec);

void merge_free(struct merge *m);

#endif /* COLLECTOR_MERGE_H */
