// SPDX-License-Identifier: GPL-2.0-only
/* The one file that LTTng's probes are made in. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "provider.h"

#include "ust.h"

const unsigned int ust_schema = VMMT_SCHEMA_VERSION;

void ust_emit(const union vmmt_record *rec)
{
	switch (rec->head.event) {
#define EMIT(id, name, doc, NAME) \
	case id: \
		lttng_ust_tracepoint(vmmtrace, name, &rec->name); \
		break;
	VMMT_EVENTS(EMIT)
#undef EMIT
	}
}

void ust_span(enum ust_span span, bool end, __u64 records)
{
	switch (span) {
#define SPAN(name, doc) \
	case UST_SPAN_##name: \
		if (end) \
			lttng_ust_tracepoint(vmmtrace, name##_end, records); \
		else \
			lttng_ust_tracepoint(vmmtrace, name##_begin); \
		break;
	UST_SPANS(SPAN)
#undef SPAN
	}
}
