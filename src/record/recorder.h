/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recorder: a collector with its outputs, the sources it reads, the rings of
 * userland's own threads, and the thread that polls them all. One program may
 * have several.
 *
 *	recorder_new()			outputs are there, or cannot be
 *	recorder_open_vmm(), ...	sources; records gather in their rings
 *	recorder_add_thread()		for each thread with records of its own
 *	recorder_start()		the thread reads; or nobody, and the caller does, by
 *	recorder_read()			... every 20 ms
 *	recorder_stop()			sources detached, all is read
 *	recorder_finish()		totals are written, outputs closed
 *
 * Before recorder_start() and after recorder_stop() all belongs to the caller.
 */
#ifndef RECORD_RECORDER_H
#define RECORD_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "kernel/uapi/vmm_stats.h"
#include "src/collector/collector.h"
#include "src/collector/source_vmm.h"
#include "src/collector/user_ring.h"

#define RECORDER_MSG SOURCE_MSG

struct recorder;

struct recorder_options {
	const char *const *outputs;	/* files, see collector_add_output() */
	unsigned int noutputs;
	const json_t *manifest;		/* what the result depends on */
	const char *filter;		/* text of what the sources filter by, NULL none */
	const char *source;		/* see collector_options */
	const struct vmmt_filter *terms;	/* the same, see collector_options */
	bool attached;			/* streams may begin anywhere, not at seq 1 */
	uint64_t khz;			/* TSC frequency */
	uint64_t (*now)(void *arg);	/* TSC as records tell it; NULL: RDTSC */
	/* See collector_options. */
	bool (*wanted)(void *arg, int source, const union vmmt_record *rec);
	void *arg;
};

/* What a recorder reads; each source has these functions. */
struct recorder_source {
	void *source;
	unsigned int (*drain)(void *source);		/* push what is there; how many */
	uint64_t (*misses)(const void *source);		/* records that nobody was offered */
	void (*detach)(void *source);			/* what is there can still be read */
	void (*close)(void *source);
};

/* On failure a negative errno; one line in msg says what to do, or msg is empty
 * as the collector has told already. */
int recorder_new(const struct recorder_options *options, struct recorder **ret,
		 char msg[RECORDER_MSG]);

/* Adds a source, which is the recorder's from now on, on failure too: then it is
 * closed. It pushes to recorder_collector(). 0 or -ENOMEM. */
int recorder_add_source(struct recorder *r, const struct recorder_source *source);
struct collector *recorder_collector(struct recorder *r);

/* Adds the module as a source: see source_vmm_open(). */
int recorder_open_vmm(struct recorder *r, const struct source_vmm_options *options,
		      char msg[RECORDER_MSG]);

/* See source_vmm_bell(). */
int recorder_bell(const struct recorder *r);

/* Of the module's records only those of this VM and of the host; no VM's at first
 * with UINT32_MAX. */
void recorder_only(struct recorder *r, uint32_t vm);

/* A ring for a thread that makes records; it is the recorder's. NULL: no memory. */
struct user_ring *recorder_add_thread(struct recorder *r);

/* More outputs. 0, or a negative errno when the collector has told why. */
int recorder_add_outputs(struct recorder *r, const char *const *outputs, unsigned int n);

/* Take what is there. */
void recorder_read(struct recorder *r);

/* Read every 20 ms from now on, and when the bell tells. 0 or a negative errno. */
int recorder_start(struct recorder *r);

/* Stop reading, detach from the sources, and take what is still there. Legal at
 * any time, and more than once. */
void recorder_stop(struct recorder *r);

/* Write the totals, in which missed is filled in, and close the outputs. totals NULL: what
 * arrived is all there was. 0, or -EIO if an output failed at any time. */
int recorder_finish(struct recorder *r, struct collector_totals *totals);

/* The same with what the module counted of the one vCPU that was recorded, from its first
 * exit to its end. */
int recorder_finish_vcpu(struct recorder *r, const struct vmm_stats *st);

/* See source_vmm_refused(). */
void recorder_refused(const struct recorder *r, uint32_t vm, uint32_t vcpu,
		      struct vmmt_refused *ret);

/* Records that nobody was offered, as the recorder's
 * programs were running on their CPU already. */
uint64_t recorder_missed(const struct recorder *r);

/* Stops if need be. NULL is legal. Without recorder_finish() the outputs stay as if
 * cut there. */
void recorder_free(struct recorder *r);

#endif /* RECORD_RECORDER_H */
