/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What userland adds to a timeline: one ring and one stream per thread, so
 * that a record costs its writer a copy and no lock. One thread writes, the
 * collector's thread reads.
 */
#ifndef COLLECTOR_USER_RING_H
#define COLLECTOR_USER_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

/* A single-producer, single-consumer ring of records. */
struct user_ring {
	/* Bytes written and read since the beginning. */
	_Alignas(64) _Atomic uint64_t head;	/* [producer] */
	uint64_t seen_tail;			/* [producer] */
	_Atomic uint64_t lost;			/* [producer] records without room */
	_Alignas(64) _Atomic uint64_t tail;	/* [consumer] */
	_Alignas(64) uint64_t size;		/* [I] of data, a power of two */
	unsigned char *data;			/* [I] */
};

/* size: bytes, rounded up to a power of two, at least 4096. NULL: no memory. */
struct user_ring *user_ring_new(size_t size);
void user_ring_free(struct user_ring *ring);

/* Producer: is there room for so many bytes? */
bool user_ring_has_room(struct user_ring *ring, size_t size);

/* Producer: copies one record (a multiple of 8 bytes). 0, or -ENOSPC: there
 * was no room and the record is counted as lost. */
int user_ring_push(struct user_ring *ring, const void *record, size_t size);

/* Consumer: hands over all that is there. Returns how many records. */
size_t user_ring_drain(struct user_ring *ring,
		       void (*take)(void *arg, const void *record, size_t size), void *arg);

/* Either side: records lost so far for want of room. */
static inline uint64_t user_ring_lost(const struct user_ring *ring)
{
	return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}

/* Numbers of the streams of a VM's threads: the one that runs vCPU n is n;
 * other threads (timers, console, disks) count from USER_THREAD_OTHER. */
#define USER_THREAD_OTHER 64

/* The producer's side: fills the head of each record. */
struct user_stream {
	struct user_ring *ring;
	uint64_t seq;
	uint32_t vm, vcpu;
	bool lossless;			/* set at any time: wait for room */
};

void user_stream_init(struct user_stream *s, struct user_ring *ring, uint32_t vm,
		      unsigned int thread);

/*
 * Each pushes one record whose time is now (raw TSC). The caller fills the
 * fields after the head, and head.exit if it knows the exit it belongs to.
 * A full ring shows as a gap in seq; in lossless mode they sleep until there is room.
 */
void user_stream_dev(struct user_stream *s, uint64_t now, struct vmmt_dev *rec);
void user_stream_req(struct user_stream *s, uint64_t now, struct vmmt_req *rec);
void user_stream_intr(struct user_stream *s, uint64_t now, struct vmmt_intr *rec);

#endif /* COLLECTOR_USER_RING_H */
