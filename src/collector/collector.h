/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The collector: records in, timelines out. Sources push the records they
 * read; the collector merges them by time, puts each stream in the order of
 * seq, writes a lost record where records are missing, and hands everything
 * to the outputs. Memory is bounded whatever the sources do.
 *
 * One thread calls all of this. In a loop:
 *
 *	tsc = rdtsc();
 *	for each kernel ring, then each ring of a userland thread:
 *		for each record there: collector_push(c, source, record, size);
 *	collector_advance_all(c, tsc);
 *
 * Kernel rings come first, so that what a thread did before it entered the
 * guest is never read later than the exit that followed.
 *
 * What sources promise: seq counts only records that are offered to a reader
 * or dropped for want of room, not those that their own filter refused. Nor
 * does it in the outputs count those that the collector's filter refused.
 */
#ifndef COLLECTOR_COLLECTOR_H
#define COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "src/collector/keys.h"
#include "trace/filter.h"
#include "trace/record.h"

struct collector;

/* Room for one line of a source that cannot be opened. */
#define SOURCE_MSG 256

struct collector_options {
	const char *generator;	/* program and version, for the outputs */
	const json_t *manifest;	/* object: what the result depends on; NULL none */
	const char *filter;	/* expression the recorder filters by, NULL none:
				 * exits may then be missing without being lost */
	const struct vmmt_filter *terms;	/* of that expression: what they refuse is left
						 * out and counted as filtered; NULL: nothing is */
	const char *source;	/* where records come from, if not from vmm.ko: "kvm" */
	bool attached;		/* streams may begin anywhere, not at seq 1 */
	uint64_t khz;		/* TSC frequency, should no clock record ever come */
	size_t max_records;	/* held for merging before the oldest is let go; 0: 65536 */
	int gz_level;		/* 1 to 9; 0: 1, the fastest */
	/* Sees each record before it is taken, which has size bytes only; false: it
	 * is not taken. NULL: all are. */
	bool (*wanted)(void *arg, int source, const union vmmt_record *rec);
	/* For records that were made elsewhere, which replay() gives: */
	const char *from;	/* FROM.env.json tells of it; NULL: this process does */
	const char *host;	/* boot id of that host's kernel; NULL: this host */
	/* Reads every ring once more and pushes what is there. */
	void (*reread)(void *arg);
	/* Takes one line without newline: an output failed. NULL: stderr. */
	void (*report)(void *arg, const char *line);
	void *arg;
};

/* Exits of one class. counted = recorded + filtered + lost. */
struct collector_count {
	uint64_t counted, recorded, filtered, lost;
};

/* The last seq that a stream gave out, so that a loss at its end shows. */
struct collector_stream_end {
	uint32_t vm, vcpu;
	uint64_t seq;
};

/* What the source counted by itself, independently of what arrived. */
struct collector_totals {
	struct collector_count class[VMMT_NCLASS];	/* recorded is not read */
	bool rest_lost;		/* nor is lost: it is what was counted, but is neither
				 * recorded nor filtered */
	const struct collector_stream_end *streams;
	size_t nstreams;
	uint64_t missed;	/* of all lost records: the recorder was busy on that CPU */
};

struct collector_stats {
	uint64_t records;	/* given to the outputs, lost records included */
	uint64_t exits;
	uint64_t lost;		/* records that lost records stand for */
	uint64_t late;		/* came after they had been called lost; dropped */
	uint64_t malformed;	/* neither event nor size known; dropped */
	uint64_t forced;	/* let go before every source had come as far */
};

/* NULL: out of memory. options are copied; manifest gets a reference. */
struct collector *collector_new(const struct collector_options *options);

/* The suffixes there are. */
#define COLLECTOR_FORMATS ".json .json.gz .ndjson .ndjson.gz .ctf"

/* Adds an output file; its suffix chooses the format: COLLECTOR_FORMATS. Makes
 * or replaces the file (.ctf: a directory), and FILE.env.json beside it. On
 * failure reports one line and returns -EINVAL (no such format, or a file
 * that is an output already), -ENOMEM or the errno of open(2). */
int collector_add_output(struct collector *c, const char *path);

/* Bytes of an output, or a negative errno. */
int64_t collector_output_size(const char *path);

/* Removes an output and its FILE.env.json. 0 or a negative errno. */
int collector_output_remove(const char *path);

/* Is there a format for that name? Touches nothing. */
bool collector_knows_suffix(const char *path);

/* Adds a source: its index, or -ENOMEM. Records wait until every source has
 * advanced beyond them. */
int collector_add_source(struct collector *c);

/* One record, copied. Order within a source need not be perfect. 0, -EINVAL
 * (malformed: counted and dropped) or -ENOMEM. */
int collector_push(struct collector *c, int source, const void *record, size_t size);

/* The source (every source) will deliver nothing older than tsc. What all
 * sources have passed goes to the outputs. */
void collector_advance(struct collector *c, int source, uint64_t tsc);
void collector_advance_all(struct collector *c, uint64_t tsc);

/* The source ended; its index is not used again. */
void collector_end_source(struct collector *c, int source);

/*
 * In place of sources: records as an earlier collector put them out, in that
 * order, lost records among them; first the clock record that was time 0. They
 * go to the outputs at once. Where records are missing that no lost record
 * stands for, one is made. Returns 0 or -ENOMEM; of the record also -EINVAL
 * (malformed: counted and dropped).
 */
int collector_replay_clock(struct collector *c, const struct vmmt_clock *first);
int collector_replay(struct collector *c, const union vmmt_record *rec, size_t size);

/* Writes out what outputs have buffered, so that others can read it. */
void collector_flush(struct collector *c);

/* No more records: all that wait go out, then the totals, and the outputs are
 * closed. totals NULL: what arrived is all there was. Returns 0, or -EIO if
 * an output failed at any time. */
int collector_finish(struct collector *c, const struct collector_totals *totals);

/* Seq was the last of that stream before the recording: it begins behind it, and
 * what is missing from there on is lost. Before its first record. 0 or -ENOMEM. */
int collector_begin_stream(struct collector *c, uint32_t vm, uint32_t vcpu, uint64_t seq);

/* After collector_finish(): begins anew, without outputs, streams and counts, and with
 * another time 0. Sources stay as they are. */
void collector_restart(struct collector *c);

/* Is there an output that has not failed? */
bool collector_writes(const struct collector *c);

/* Did an output fail? (It was reported; the other outputs go on.) */
bool collector_failed(const struct collector *c);

struct collector_stats collector_stats(const struct collector *c);

/* The totals as the outputs have them; valid after collector_finish. */
const struct collector_count *collector_counts(const struct collector *c);

/* The keys of the exits that were recorded, for classes that have one. */
const struct keys *collector_keys(const struct collector *c);

/* NULL is legal. Without collector_finish the outputs stay as if cut there. */
void collector_free(struct collector *c);

#endif /* COLLECTOR_COLLECTOR_H */
