/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records, and what userland does, as events of LTTng-UST, for programs that
 * were asked for it: nothing of LTTng is in the process before lttng_load().
 * Until then each of these is a load and a branch.
 */
#ifndef COLLECTOR_LTTNG_H
#define COLLECTOR_LTTNG_H

#include <stdbool.h>
#include <stdint.h>

#include "src/collector/collector.h"
#include "trace/record.h"
#include "trace/ust/ust.h"

struct lttng {
	void (*emit)(const union vmmt_record *rec);
	void (*span)(enum ust_span span, bool end, __u64 records);
};

extern const struct lttng *lttng;	/* NULL: not loaded */

#define LTTNG_MSG 240

/*
 * Loads the provider, and so LTTng-UST with its threads; if a session daemon
 * runs, waits until it knows of this process (3 s at most, or what
 * LTTNG_UST_REGISTER_TIMEOUT says). Before other threads emit. 0, or a negative
 * errno with one line in msg.
 */
int lttng_load(char msg[LTTNG_MSG]);

/* After lttng_load(): the collector's records are emitted as they go out, but
 * those of our own threads, who emit them at once. 0 or -ENOMEM. */
int lttng_add(struct collector *c);

static inline void lttng_emit(const void *record)
{
	if (lttng)
		lttng->emit(record);
}

static inline void lttng_begin(enum ust_span span)
{
	if (lttng)
		lttng->span(span, false, 0);
}

static inline void lttng_end(enum ust_span span, uint64_t records)
{
	if (lttng)
		lttng->span(span, true, records);
}

#endif /* COLLECTOR_LTTNG_H */
