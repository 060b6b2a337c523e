/* SPDX-License-Identifier: GPL-2.0-only */
/* Records for LTTng-UST sessions: provider "vmmtrace", see provider.h. */
#ifndef TRACE_UST_UST_H
#define TRACE_UST_UST_H

#include "trace/record.h"

/*
 * Give a record to the LTTng sessions that have its event enabled; without one
 * that is a load and a branch. A record of an unknown event is nobody's. Any
 * thread, any time.
 *
 * Whoever links this gets LTTng-UST's own threads with it, which wait for a
 * session daemon from the program's start on.
 */
void ust_emit(const union vmmt_record *rec);

#endif /* TRACE_UST_UST_H */
