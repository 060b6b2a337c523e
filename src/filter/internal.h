/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of src/filter. */
#ifndef FILTER_INTERNAL_H
#define FILTER_INTERNAL_H

#include <stddef.h>

#include "src/collector/names.h"
#include "src/filter/filter.h"

/* Bounds of a text that is part of another. */
struct word {
	const char *at;
	size_t len;
};

/* One field, wherever it occurs. */
struct field {
	const char *name;
	uint8_t kind;			/* enum vmmt_kind; VMMT_KIND_ticks for durations */
	bool key, vm, vcpu;		/* it is that one */
	struct vmmt_ref ref[VMMT_NEVENT];
};

enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };

struct parser {
	const char *text, *at;
	char *msg;
};

/* Says what is wrong with a part of the text, or with where it should be (len
 * 0). Returns -EINVAL. */
__attribute__((format(printf, 3, 4)))
int filter_fail(struct parser *p, struct word where, const char *format, ...);

bool word_is(struct word w, const char *text);

/* fields.c: false if there is no such field. */
bool field_find(struct word name, struct field *ret);
/* Each name that can be filtered by, once, in the order of the schema. */
void field_names(void (*take)(void *arg, const char *name), void *arg);
/* The event is one that only vm= refuses, or none does. */
bool field_event_stays(unsigned int event);
/* Is there a stamp of that name? They are in no unit that one could give. */
bool field_is_stamp(struct word name);

/* values.c: what is behind the operator, up to a comma or the end. */
int values_parse(struct parser *p, const struct field *field, enum op op, struct filter_term *term);

/* numbers.c: a number, decimal or 0x; a duration with its unit, in ns. False: it is none. */
bool number_parse(struct word w, uint64_t *ret);
bool duration_parse(struct word w, uint64_t *ret);

#endif /* FILTER_INTERNAL_H */
