/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The .ctf capture: a directory that holds a trace of the Common Trace Format,
 * version 1.8. What the writer (ctf.c, ctf_metadata.c) and the reader
 * (analysis/capture.c) agree on, beside the text in `metadata` that tells it
 * to everybody else.
 *
 *	metadata	the layout, stamped from the schema; in its env block
 *			the manifest and the first clock record
 *	cpuN		records emitted on host CPU N, as they were
 *	collector	lost records; last, the totals
 *
 * A file is a row of whole packets: a header, then events, each an id, a time
 * stamp and the record's own bytes. Stamps are CLOCK_MONOTONIC in ns, as the
 * clock map tells it, and no two in a capture are equal: each is at least 1 ns
 * after the one before. So the files merge into the order of the collector
 * again, here and in every other reader.
 */
#ifndef COLLECTOR_CTF_H
#define COLLECTOR_CTF_H

#include <stdint.h>

#define CTF_MAGIC 0xc1fc1fc1u
#define CTF_METADATA "metadata"
#define CTF_COLLECTOR "collector"
#define CTF_CPU "cpu%u"

enum ctf_stream { CTF_STREAM_CPU, CTF_STREAM_COLLECTOR };

/* The id of the event that holds the totals; records have those of the schema. */
#define CTF_ID_END 0xfffe

/* Of the collector's packets all but cpu_id, which is the last. */
struct ctf_packet {
	uint32_t magic;
	uint8_t uuid[16];		/* the trace's */
	uint32_t stream;
	uint64_t begin, end;		/* stamps of the first and last event */
	uint64_t content_size, packet_size;	/* in bits; equal */
	uint64_t number;		/* in its file, from 0 */
	uint64_t discarded;		/* records lost so far, in the collector's file */
	uint32_t cpu;
} __attribute__((packed));

struct ctf_event {
	uint16_t id;
	uint64_t stamp;
} __attribute__((packed));

static inline uint32_t ctf_packet_header(enum ctf_stream stream)
{
	return stream == CTF_STREAM_CPU ? sizeof(struct ctf_packet) :
					  sizeof(struct ctf_packet) - sizeof(uint32_t);
}

/* No packet is longer; a reader needs no more memory than this. */
#define CTF_PACKET_MAX (256 * 1024)

#endif /* COLLECTOR_CTF_H */
