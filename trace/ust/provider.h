/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The LTTng-UST provider "vmmtrace", stamped from the schema: one event for
 * each kind of record, with all its fields; and two for each of UST_SPANS.
 * LTTng includes this file over and over, and makes something else of it each
 * time.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER vmmtrace
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "trace/ust/provider.h"

#if !defined(TRACE_UST_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define TRACE_UST_PROVIDER_H

#include <lttng/tracepoint.h>

#include "trace/record.h"
#include "trace/ust/ust.h"

/* How LTTng shows a field of each kind. A kind that is not listed here is an
 * enumeration, which LTTng knows by the same name. */
#define UST_KIND_dec	, UST_INTEGER
#define UST_KIND_hex	, UST_HEX
#define UST_KIND_tsc	, UST_INTEGER
#define UST_KIND_ticks	, UST_INTEGER
#define UST_KIND_ns	, UST_INTEGER
#define UST_KIND_flag	, UST_INTEGER
#define UST_KIND_pad	, UST_NOTHING

#define UST_INTEGER(type, name, kind)	lttng_ust_field_integer(__##type, name, rec->name)
#define UST_HEX(type, name, kind)	lttng_ust_field_integer_hex(__##type, name, rec->name)
#define UST_VALUE_OF(type, name, kind) \
	lttng_ust_field_enum(vmmtrace, kind, __##type, name, rec->name)
#define UST_NOTHING(type, name, kind)

/* The second of the arguments: of a listed kind what stands behind its comma. */
#define UST_SECOND(a, b, ...) b
#define UST_CHOOSE(...) UST_SECOND(__VA_ARGS__)
#define UST_FIELD(type, name, kind, doc) \
	UST_CHOOSE(UST_KIND_##kind, UST_VALUE_OF, )(type, name, kind)
#define UST_TEXT(name, size, doc) lttng_ust_field_array_text(char, name, rec->name, size)

#define UST_VALUE(value, name, ...) lttng_ust_field_enum_value(#name, value)
#define UST_ENUM(NAME, name) \
LTTNG_UST_TRACEPOINT_ENUM(vmmtrace, name, LTTNG_UST_TP_ENUM_VALUES(VMMT_ENUM_##NAME(UST_VALUE)))
VMMT_ENUMS(UST_ENUM)

#define UST_EVENT(id, name, doc, NAME) \
LTTNG_UST_TRACEPOINT_EVENT(vmmtrace, name, \
	LTTNG_UST_TP_ARGS(const struct vmmt_##name *, rec), \
	LTTNG_UST_TP_FIELDS( \
		VMMT_HEAD_FIELDS(UST_FIELD, UST_TEXT) \
		VMMT_##NAME##_FIELDS(UST_FIELD, UST_TEXT) \
	) \
)
VMMT_EVENTS(UST_EVENT)

#define UST_SPAN(name, doc) \
LTTNG_UST_TRACEPOINT_EVENT(vmmtrace, name##_begin, LTTNG_UST_TP_ARGS(), LTTNG_UST_TP_FIELDS()) \
LTTNG_UST_TRACEPOINT_EVENT(vmmtrace, name##_end, \
	LTTNG_UST_TP_ARGS(__u64, records), \
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(__u64, records, records)) \
)
UST_SPANS(UST_SPAN)

#endif /* TRACE_UST_PROVIDER_H */

#include <lttng/tracepoint-event.h>
