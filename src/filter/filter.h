/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter expressions, the same for every verb: vmmtrace-filter(7) is their
 * manual. An expression is parsed, compiled for a host's TSC into the terms of
 * trace/filter.h, and these are given to the BPF programs, to the collector,
 * or asked about one record after the other.
 *
 *	fields.c	the fields of the schema that can be filtered by
 *	values.c	what is written behind an operator, as ranges and sets
 *	parse.c		the terms
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/filter.h"

#define FILTER_MSG 768

/* A parsed expression; durations are in nanoseconds. */
struct filter {
	unsigned int count;
	struct filter_term {
		struct vmmt_term term;
		bool ns;			/* its ranges are durations */
	} term[VMMT_FILTER_TERMS];
};

/* 0, or -EINVAL with one line in msg: what is wrong, where, what is allowed. */
int filter_parse(const char *text, struct filter *ret, char msg[FILTER_MSG]);

/* The terms, durations in ticks of a TSC of that many kHz (0: 1 ns a tick). A
 * duration of so many ticks is taken for the whole nanoseconds in it. */
void filter_compile(const struct filter *f, uint64_t khz, struct vmmt_filter *ret);

/* Is the record wanted? What no filter refuses (clock, lost), always. */
bool filter_match(const struct vmmt_filter *f, const union vmmt_record *rec);

#endif /* FILTER_FILTER_H */
