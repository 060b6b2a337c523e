/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where time went, from the module's statistics, as tables on stderr for terminals of 80
 * columns, and as JSON.
 */
#ifndef RECORD_TABLES_H
#define RECORD_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "kernel/uapi/vmm_stats.h"
#include "src/collector/collector.h"

#define TABLES_COLUMNS 80

struct tables {
	const struct vmm_stats *stats;
	uint64_t khz;
	const struct keys *keys;		/* of exits that were recorded; NULL: those in stats */
	void (*user)(void *arg, int used);	/* the rest of the line about userland; may be NULL */
	void *arg;
	bool waits;		/* tell what was waited for room */
};

/* The time of each span, and the exits by class. */
void tables_print(const struct tables *t);
json_t *tables_spans_json(const struct tables *t);
json_t *tables_exits_json(const struct tables *t);

double tables_ms(const struct tables *t, uint64_t ticks);

/* The time of all spans together. */
uint64_t tables_ticks(const struct vmm_stats *st);

/* An emulated host (vmmtrace lab) says so on its kernel's command line. */
void tables_print_host(void);

/* A file that was written, if it is there. */
void tables_print_file(const char *path);

struct tables_losses {
	uint64_t lost;		/* records of all kinds */
	uint64_t full, missed;	/* why */
	bool many;		/* vCPUs */
	bool lossless;		/* the wait for room was cut short */
};

/* Counts of all classes, NULL none, together. */
void tables_sum(const struct collector_count *counts, struct collector_count *ret);

/* That sum; why records are missing, and what to do. */
void tables_print_counts(const struct collector_count *counts, const struct tables_losses *l);

#endif /* RECORD_TABLES_H */
