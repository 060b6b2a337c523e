/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes other formats of a capture, through the sinks that recorded it. */
#ifndef ANALYSIS_EXPORT_H
#define ANALYSIS_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/collector/collector.h"
#include "src/filter/filter.h"

#define EXPORT_MSG 400	/* bytes of a message */

struct export_options {
	const char *path;		/* the capture */
	const char *const *outputs;	/* see collector_add_output() */
	size_t noutputs;
	const char *filter_text;	/* NULL: all records */
	struct filter filter;
};

struct export_result {
	uint64_t records;		/* in the outputs */
	struct collector_count exits;	/* of all classes, as the outputs tell them */
};

/*
 * Writes the outputs. Without a filter they are what the recorder would have
 * written directly, byte for byte. 0: done, and every count of the capture's
 * totals was found in it. 1: not whole, msg says why: what could be read is in
 * the outputs, which then have no totals. Negative errno: msg says why, or is
 * empty as the collector has told already.
 */
int export_capture(const struct export_options *o, struct export_result *ret,
		   char msg[EXPORT_MSG]);

#endif /* ANALYSIS_EXPORT_H */
