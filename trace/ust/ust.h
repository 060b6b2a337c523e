/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records for LTTng-UST sessions: provider "vmmtrace", see provider.h. It is a
 * shared object, vmmtrace-ust.so, that is loaded when somebody asks for it
 * (src/collector/lttng.h): whoever has it in its process has LTTng-UST's own
 * threads too, which wait for a session daemon from then on.
 */
#ifndef TRACE_UST_UST_H
#define TRACE_UST_UST_H

#include <stdbool.h>

#include "trace/record.h"

/* Beside the records, userland's own work, as two events each, NAME_begin and
 * NAME_end: S(name, doc). The doc is of what NAME_end counts in "records". */
#define UST_SPANS(S) \
	S(drain,  "read from rings into the collector") \
	S(output, "put out by the collector to timelines")

#define UST_S(name, doc) UST_SPAN_##name,
enum ust_span { UST_SPANS(UST_S) };
#undef UST_S

/* What records the provider knows: VMMT_SCHEMA_VERSION. */
extern const unsigned int ust_schema;

/*
 * Give a record to the LTTng sessions that have its event enabled; without one
 * that is a load and a branch. A record of an unknown event is nobody's. Any
 * thread, any time.
 */
void ust_emit(const union vmmt_record *rec);

/* A span begins (records is not looked at) or ends. */
void ust_span(enum ust_span span, bool end, __u64 records);

#endif /* TRACE_UST_UST_H */
