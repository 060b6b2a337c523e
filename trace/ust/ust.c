// SPDX-License-Identifier: GPL-2.0-only
/* The one file that LTTng's probes are made in. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "provider.h"

#include "ust.h"

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
