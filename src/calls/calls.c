// SPDX-License-Identifier: GPL-2.0-only
/* The tables, stamped from the lists. */
#include <config.h>

#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "trace/record.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- names ---- */

#define E(name, value) { #name, value },
#define NAMES(list) \
	static const struct calls_name values_##list[] = { CALLS_ENUM_##list(E) }; \
	static const struct calls_names enum_##list = { #list, values_##list, \
							COUNT(values_##list) };
CALLS_ENUMS(NAMES)
#undef NAMES
static const struct calls_names enum_dec, enum_hex, enum_flag;	/* these have none */
#define NAMES(list) \
	static const struct calls_name elements_##list[] = { CALLS_NAMES_##list(E) }; \
	static const struct calls_names names_##list = { #list, elements_##list, \
							 COUNT(elements_##list) };
CALLS_NAMES(NAMES)
#undef NAMES
#undef E

/* ---- structures ---- */

#define OF(m)	(((cur *)0)->m)
#define BASE(m, w, d) \
	.name = #m, .doc = d, .offset = offsetof(cur, m), .align = _Alignof(__typeof__(OF(m))), \
	.way = CALLS_##w
#define ONE(m)	.size = sizeof(OF(m)), .n = 1
#define MANY(m)	.size = sizeof(OF(m)[0]), .n = COUNT(OF(m)), .array = true

#define KIND(k)	.kind = CALLS_KIND_##k, .values = &enum_##k

/* cur is the structure whose members these are. */
#define N(m, w, k, d) \
	{ BASE(m, w, d), ONE(m), KIND(k), .negative = _Generic(OF(m), int: true, default: false) },
#define A(m, w, k, c, d) { BASE(m, w, d), MANY(m), KIND(k), .count = #c },
#define R(m, w, l, d) { BASE(m, w, d), MANY(m), KIND(hex), .names = &names_##l },
#define T(m, w, d) { BASE(m, w, d), ONE(m), .kind = CALLS_KIND_text },
#define B(m, w, d) { BASE(m, w, d), ONE(m), .kind = CALLS_KIND_bytes },
#define S(m, w, s, d) { BASE(m, w, d), ONE(m), .kind = CALLS_KIND_struct, .of = struct_##s },
#define Q(m, w, s, l, d) \
	{ BASE(m, w, d), MANY(m), .kind = CALLS_KIND_struct, .of = struct_##s, \
	  .names = &names_##l },
#define L(m, w, s, c, d) \
	{ BASE(m, w, d), MANY(m), .kind = CALLS_KIND_struct, .of = struct_##s, .count = #c },
#define P(m, w, s, c, d) \
	{ BASE(m, w, d), ONE(m), .kind = CALLS_KIND_pointer, .of = struct_##s, .count = #c },

#define STRUCT(s) \
static const struct calls_struct *struct_##s(void) \
{ \
	typedef struct s cur; \
	static const struct calls_member members[] = { CALLS_##s(N, A, R, T, B, S, Q, L, P) }; \
	static const struct calls_struct table = { #s, sizeof(cur), COUNT(members), members }; \
\
	return &table; \
}
CALLS_STRUCTS(STRUCT)
#undef STRUCT

const struct calls_struct *calls_structs(size_t i)
{
#define STRUCT(s) struct_##s,
	static const struct calls_struct *(*const all[])(void) = { CALLS_STRUCTS(STRUCT) };
#undef STRUCT

	return i < COUNT(all) ? all[i]() : NULL;
}

const struct calls_member *calls_member(const struct calls_struct *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->members[i].name, name))
			return &s->members[i];
	return NULL;
}

/* ---- calls ---- */

const struct calls_call calls_list[] = {
#define C(id, name, doc, NAME, s, word) \
	{ id, #name, "VMM_IOC_" #NAME, #word, doc, VMM_IOC_##NAME, struct_##s },
	VMMT_CALLS(C)
	VMMT_OWN_CALLS(C)
#undef C
	{ 0, "load", "", "load", "fill guest memory that is mapped here", 0, struct_calls_memory },
	{ 0, "save", "", "save", "read guest memory that is mapped here", 0, struct_calls_memory },
};
const size_t calls_count = COUNT(calls_list);

const struct calls_call *calls_by_word(const char *word)
{
	for (size_t i = 0; i < calls_count; i++)
		if (!strcmp(calls_list[i].word, word))
			return &calls_list[i];
	return NULL;
}

/* ---- errors ---- */

const char *calls_advice(const struct calls_call *call, int err)
{
#define X(which, number, text) \
	if ((!strcmp(#which, "other") || !strcmp(#which, call->name)) && err == number) \
		return text;
	CALLS_ERRORS(X)
#undef X
	return "";
}

const char *calls_errno_name(int err)
{
	static char number[16];
	const char *name = strerrorname_np(err);

	if (name)
		return name;
	snprintf(number, sizeof(number), "%d", err);
	return number;
}
