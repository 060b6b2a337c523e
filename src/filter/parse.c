// SPDX-License-Identifier: GPL-2.0-only
/* Filter expressions: terms with commas between, all of which must hold. */
#include <config.h>

#include "src/filter/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 32		/* characters of a wrong part that are shown */

int filter_fail(struct parser *p, struct word where, const char *format, ...)
{
	int len = snprintf(p->msg, FILTER_MSG, "at character %zu", where.at - p->text + 1);
	va_list args;

	if (where.len) {
		len += snprintf(p->msg + len, FILTER_MSG - (size_t)len, ", '");
		for (size_t i = 0; i < where.len && i < SHOWN; i++) {
			char c = where.at[i];

			p->msg[len++] = c >= ' ' && c <= '~' ? c : '?';
		}
		len += snprintf(p->msg + len, FILTER_MSG - (size_t)len, "%s'",
				where.len > SHOWN ? "..." : "");
	}
	len += snprintf(p->msg + len, FILTER_MSG - (size_t)len, ": ");
	va_start(args, format);
	vsnprintf(p->msg + len, FILTER_MSG - (size_t)len, format, args);
	va_end(args);
	return -EINVAL;
}

struct names {
	char text[FILTER_MSG];
	size_t len;
};

static void add_name(void *arg, const char *name)
{
	struct names *n = arg;

	if (n->len < sizeof(n->text))
		n->len += (size_t)snprintf(n->text + n->len, sizeof(n->text) - n->len, " %s", name);
}

static int fail_field(struct parser *p, struct word name)
{
	struct names names = {};

	if (!name.len)
		return filter_fail(p, name, "a term is missing here: a field, an operator and a "
				   "value, such as class=io");
	if (field_is_stamp(name))
		return filter_fail(p, name, "stamps are not filtered by; durations are guest, "
				   "kernel, dur, off and so on");
	field_names(add_name, &names);
	return filter_fail(p, name, "no such field; there are%s", names.text);
}

static int parse_op(struct parser *p, enum op *ret)
{
	static const struct {
		const char *text;
		enum op op;
	} ops[] = {
		{ "!=", OP_NE }, { "<=", OP_LE }, { ">=", OP_GE }, { "=", OP_EQ }, { "<", OP_LT },
		{ ">", OP_GT },
	};

	p->at += strspn(p->at, " ");
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strncmp(p->at, ops[i].text, strlen(ops[i].text)))
			continue;
		p->at += strlen(ops[i].text);
		*ret = ops[i].op;
		return 0;
	}
	return filter_fail(p, (struct word){ p->at, 0 },
			   "an operator should be here: = != < <= > or >=");
}

/* Two demands on a field that no value can meet are a mistake. */
static int check_twice(struct parser *p, struct word name, const struct field *field,
		       const struct filter *f, const bool *equal)
{
	for (unsigned int i = 0; i < f->count; i++)
		if (equal[i] && !memcmp(f->term[i].term.ref, field->ref, sizeof(field->ref)))
			return filter_fail(p, name, "%s= comes twice; for either write %s=A|B",
					   field->name, field->name);
	return 0;
}

static int parse_term(struct parser *p, struct filter *f, bool *equal)
{
	struct filter_term *term = &f->term[f->count];
	struct field field;
	enum op op = OP_EQ;
	struct word name;
	int err;

	p->at += strspn(p->at, " ");
	name = (struct word){ p->at, strspn(p->at, "abcdefghijklmnopqrstuvwxyz"
						   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") };
	if (f->count == VMMT_FILTER_TERMS)
		return filter_fail(p, name, "at most %d terms", VMMT_FILTER_TERMS);
	if (!name.len || !field_find(name, &field))
		return fail_field(p, name);
	p->at += name.len;
	err = parse_op(p, &op);
	if (!err && op == OP_EQ)
		err = check_twice(p, name, &field, f, equal);
	if (err)
		return err;
	memcpy(term->term.ref, field.ref, sizeof(field.ref));
	err = values_parse(p, &field, op, term);
	if (err)
		return err;
	equal[f->count++] = op == OP_EQ;
	return 0;
}

int filter_parse(const char *text, struct filter *ret, char msg[FILTER_MSG])
{
	struct parser p = { .text = text, .at = text, .msg = msg };
	bool equal[VMMT_FILTER_TERMS];
	struct filter f = {};
	int err;

	if (!text[strspn(text, " ")]) {
		snprintf(msg, FILTER_MSG, "nothing to filter by; give terms such as "
			 "class=io,key=0x3f8..0x3ff,dur>=10us");
		return -EINVAL;
	}
	for (;;) {
		err = parse_term(&p, &f, equal);
		if (err)
			return err;
		if (!*p.at)
			break;
		p.at++;		/* a comma: nothing else ends a value */
	}
	*ret = f;
	return 0;
}

/* The least tick count that is that many nanoseconds long. */
static uint64_t ticks_of(uint64_t ns, uint64_t khz)
{
	unsigned __int128 ticks = ((unsigned __int128)ns * khz + 999999) / 1000000;

	return ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}

void filter_compile(const struct filter *f, uint64_t khz, struct vmmt_filter *ret)
{
	*ret = (struct vmmt_filter){ .terms = f->count };
	for (unsigned int i = 0; i < f->count; i++) {
		struct vmmt_term *t = &ret->term[i];

		*t = f->term[i].term;
		for (unsigned int j = 0; j < t->ranges && f->term[i].ns && khz; j++) {
			t->range[j].first = ticks_of(t->range[j].first, khz);
			if (t->range[j].last != UINT64_MAX)
				t->range[j].last = ticks_of(t->range[j].last + 1, khz) - 1;
		}
	}
}

bool filter_match(const struct vmmt_filter *f, const union vmmt_record *rec)
{
	const struct vmmt_head *head = &rec->head;

	if (f->vm && head->vm && head->vm != f->vm)
		return false;
	return head->event >= VMMT_NEVENT || vmmt_filter_wants(f, head->event, rec);
}
