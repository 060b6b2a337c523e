/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A condition for a recording to start or stop: a filter expression that a record meets, all
 * of whose terms are about that record; EXPR#N: the N-th such record. mark=VALUE is short
 * for event=mark,value=VALUE.
 */
#ifndef RECORD_TRIGGER_H
#define RECORD_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "src/filter/filter.h"

struct trigger {
	bool set;			/* there is such a condition */
	struct filter filter;
	struct vmmt_filter terms;	/* after trigger_compile() */
	uint64_t nth, seen;
};

/* 0, or -EINVAL with one line in msg. */
int trigger_parse(const char *text, struct trigger *ret, char msg[FILTER_MSG]);

void trigger_compile(struct trigger *t, uint64_t khz);

/* Does this record meet it? Counts those that do. */
bool trigger_met(struct trigger *t, const union vmmt_record *rec);

#endif /* RECORD_TRIGGER_H */
