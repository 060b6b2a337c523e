/* SPDX-License-Identifier: GPL-2.0-only */
/* What the collector and the writers of formats share. */
#ifndef COLLECTOR_SINK_H
#define COLLECTOR_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "src/collector/clock.h"
#include "src/collector/collector.h"
#include "src/collector/out.h"

/* One record on its way out. */
struct delivery {
	const union vmmt_record *rec;
	const struct clock_map *clock;
	/* Exit records: what is known of the vCPU's previous exit. */
	bool adjacent;		/* it was recorded: exit ordinals differ by 1 */
	bool after_halt;	/* adjacent, and a HLT */
};

struct sink;

/* Writers format into sink->out and never look at errors: a failed output
 * swallows what it gets. */
struct sink_ops {
	const char *suffix;
	size_t size;		/* of the struct that begins with struct sink */
	/* Makes what is written to, and sets out.path. NULL: a file, by out_open(). */
	int (*open)(struct sink *sink, const char *path);
	/* manifest: the object that tells what this is, see collector.c. */
	int (*begin)(struct sink *sink, const json_t *manifest);
	void (*record)(struct sink *sink, const struct delivery *d);
	void (*end)(struct sink *sink, const struct clock_map *clock, const json_t *totals);
	void (*flush)(struct sink *sink);	/* NULL: out_flush() */
	void (*free)(struct sink *sink);
};

struct sink {
	const struct sink_ops *ops;
	struct sink *next;
	struct out out;
	const char *host;	/* of the records, see collector_options */
};

extern const struct sink_ops json_sink_ops, ndjson_sink_ops, ctf_sink_ops;

/* Adds a sink that is no file: out.path is NULL. The collector frees it. */
void collector_add_sink(struct collector *c, struct sink *sink);

/* Removes a capture. 0, or a negative errno: -ENOTEMPTY, it holds other files. */
int ctf_remove(const char *path);

/* Writes the line of a record; p has room for OUT_LINE_MAX. */
char *ndjson_line(char *p, const struct delivery *d);

/* A text of any encoding as a JSON string: what is not UTF-8 is taken for
 * Latin-1. NULL: out of memory. */
json_t *json_text(const char *text);

/* Writes PATH.env.json: where and when a timeline was made. clock: the first
 * clock record, NULL if none is known yet. Returns 0 or a negative errno. */
int env_write(const char *path, const struct vmmt_clock *clock);

/* Writes PATH.env.json as FROM.env.json is; if there is none, nothing. */
int env_copy(const char *path, const char *from);

#endif /* COLLECTOR_SINK_H */
