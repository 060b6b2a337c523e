// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/trigger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "mark="

static int parse_nth(char *text, uint64_t *ret, char msg[FILTER_MSG])
{
	char *at = strrchr(text, '#'), *end;

	*ret = 1;
	if (!at)
		return 0;
	errno = 0;
	*ret = strtoull(at + 1, &end, 0);
	if (errno || at[1] < '0' || at[1] > '9' || *end || !*ret) {
		snprintf(msg, FILTER_MSG, "'%s': which one, as a number from 1 up: class=cpuid#1000",
			 at);
		return -EINVAL;
	}
	*at = 0;
	return 0;
}

int trigger_parse(const char *text, struct trigger *ret, char msg[FILTER_MSG])
{
	bool mark = !strncmp(text, MARK, strlen(MARK));
	struct trigger t = { .set = true };
	char *copy = NULL;
	int err = -ENOMEM;

	snprintf(msg, FILTER_MSG, "out of memory");
	if (asprintf(&copy, "%s%s", mark ? "event=mark,value=" : "",
		     mark ? text + strlen(MARK) : text) >= 0) {
		err = parse_nth(copy, &t.nth, msg);
		if (!err)
			err = filter_parse(copy, &t.filter, msg);
		free(copy);
	}
	if (!err)
		*ret = t;
	return err;
}

void trigger_compile(struct trigger *t, uint64_t khz)
{
	if (t->set)
		filter_compile(&t->filter, khz, &t->terms);
}

/* A term holds for records that it is not about: that meets no condition. */
static bool is_about(const struct vmmt_filter *f, unsigned int event)
{
	unsigned int i;

	for (i = 0; i < f->terms; i++)
		if (!f->term[i].ref[event].size)
			return false;
	return true;
}

bool trigger_met(struct trigger *t, const union vmmt_record *rec)
{
	if (!t->set || !is_about(&t->terms, rec->head.event) || !filter_match(&t->terms, rec))
		return false;
	return ++t->seen == t->nth;
}
