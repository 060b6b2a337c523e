/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines of .ndjson: which keys a record of each event has. Derived from
 * the schema by these rules, for the writer, verify, the JSON Schema and the
 * documentation alike:
 *
 * - the head gives ev, vm, vcpu, seq, t (time), exit, cpu and isa;
 * - stamps are nanoseconds since time 0; ticks are nanoseconds;
 * - an exit has the spans of VMMT_SPANS, in ns, instead of its stamps;
 * - a clock has the raw TSC, and CLOCK_MONOTONIC since time 0; never the date;
 * - 64-bit addresses and bits are hex strings;
 * - left out: a flag that is 0, a value named none, an empty text, zero where
 *   it says that there is nothing to tell, and a span whose stamps are one.
 */
#ifndef COLLECTOR_LINES_H
#define COLLECTOR_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "src/collector/names.h"

#define LINE_KEYS_MAX 64

/* The first line's and the last line's "ev". */
#define LINE_HEADER "vmmtrace"
#define LINE_FOOTER "end"

struct line_key {
	const char *name, *doc;
	unsigned int kind;	/* as in the schema; VMMT_KIND_ns for times */
	bool always;		/* never left out */
};

/* The keys of an event's line in their order, "ev" included. Returns how many
 * were put into keys, 0 for an unknown event. */
size_t line_keys(unsigned int event, struct line_key keys[LINE_KEYS_MAX]);

/* Fields whose zero says that there is nothing to tell: O(event, field). */
#define LINE_OPTIONAL(O) \
	O(exit, off) O(exit, wait) O(exit, vectoring) O(exit, vecerror) O(exit, injected) \
	O(exit, ilen) O(exit, width) O(exit, info1) O(exit, info2) O(exit, key) O(exit, value) \
	O(ept_fault, gva) O(ept_fault, page) O(ept_fault, resolve) \
	O(intr, irq_id) O(intr, error) O(intr, vector) O(intr, count) \
	O(call, err) \
	O(life, memory) O(life, tsc_offset) O(life, tsc_scale) O(life, info) O(life, pid) \
	O(req, bytes) O(req, status)

/* Is that field of that event one of them? Folds to a constant. */
static inline __attribute__((always_inline))
bool line_optional(unsigned int event, size_t offset)
{
#define OPT(ename, fname) \
	|| (event == VMMT_EVENT_##ename && offset == offsetof(struct vmmt_##ename, fname))
	return false LINE_OPTIONAL(OPT);
#undef OPT
}

#endif /* COLLECTOR_LINES_H */
