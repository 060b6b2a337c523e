/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a timeline whole? Every key and value known, threads in order, slices
 * nested, ids unique, a vCPU's time accounted for, and
 * counted = recorded + filtered + lost for every class of exits.
 */
#ifndef ANALYSIS_VERIFY_H
#define ANALYSIS_VERIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "trace/record.h"

#define VERIFY_SHOWN 10		/* violations that are printed one by one */

/* One run over one file. */
struct verify {
	const char *path;
	FILE *to;			/* where violations go */
	unsigned long line;
	unsigned long violations;
	bool stop;			/* the rest cannot be judged */
	bool begun, ended;		/* first event, totals were seen */
	bool filtered, attached, kvm;	/* what the first event says */
	uint64_t records, vcpus;
	uint64_t lost;			/* records that are told to be missing */
	uint64_t seen[VMMT_NCLASS];	/* exits */
	json_t *totals;
};

/* Judges the file: 0 it is whole, 1 it is not (what is wrong was printed to
 * the stream), or a negative errno: it could not be read. On 0 one line that
 * sums it up was printed. */
int verify_file(const char *path, FILE *to);

/*
 * Repairs a file that was cut at any byte: all whole events before the cut are
 * kept, in a file that ends as it should but has no totals. Replaces the file
 * by one rename(2); a file that needs no repair is left alone. Returns 0 with
 * the number of events kept and whether anything had to be done, -EINVAL (not
 * a timeline), -EOPNOTSUPP (its name has no suffix of one) or another negative
 * errno; then nothing was changed.
 */
int verify_repair(const char *path, uint64_t *ret_events, bool *ret_changed);

/* ---- between verify.c and the two formats ---- */

__attribute__((format(printf, 2, 3)))
void verify_fail(struct verify *v, const char *format, ...);

/* The first event's object tells the schema: sets begun, filtered, attached,
 * or stop if this program cannot judge it. */
void verify_manifest(struct verify *v, const json_t *manifest);

/* A member that must be an integer not below 0; fails and returns 0 if not. */
uint64_t verify_number(struct verify *v, const json_t *object, const char *key);

/* The .ctf capture at v->path, but for its totals. 0 or a negative errno. */
int verify_capture(struct verify *v);

struct verify_json;
struct verify_ndjson;

struct verify_json *verify_json_new(void);
void verify_json_event(struct verify_json *s, struct verify *v, const json_t *event);
void verify_json_free(struct verify_json *s);

struct verify_ndjson *verify_ndjson_new(void);
void verify_ndjson_event(struct verify_ndjson *s, struct verify *v, const json_t *event);
void verify_ndjson_free(struct verify_ndjson *s);

#endif /* ANALYSIS_VERIFY_H */
