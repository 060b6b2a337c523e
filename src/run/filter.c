// SPDX-License-Identifier: GPL-2.0-only
/* Filter expressions: NAME=VALUE[,NAME=VALUE]..., all of which must hold. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/names.h"

static int parse_classes(char *text, struct vmmt_filter *filter, char *msg)
{
	char *save = NULL, *word;
	int class;

	if (filter->classes) {
		snprintf(msg, FILTER_MSG, "class= comes twice; write class=A|B for either");
		return -EINVAL;
	}
	for (word = strtok_r(text, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
		class = vmmt_class_by_name(word);
		if (class < 0) {
			snprintf(msg, FILTER_MSG, "no exit class '%s'; docs/events.md lists them (io_in, io_out, cpuid, ...)", word);
			return -EINVAL;
		}
		filter->classes |= 1ull << class;
	}
	if (!filter->classes) {
		snprintf(msg, FILTER_MSG, "class= wants a name, such as io_in");
		return -EINVAL;
	}
	return 0;
}

static int parse_key(const char *text, struct vmmt_filter *filter, char *msg)
{
	char *end;

	if (filter->keyed) {
		snprintf(msg, FILTER_MSG, "key= comes twice; a range is written key=0x3f8..0x3ff");
		return -EINVAL;
	}
	errno = 0;
	filter->key_first = filter->key_last = strtoull(text, &end, 0);
	if (end != text && !strncmp(end, "..", 2)) {
		text = end + 2;
		filter->key_last = strtoull(text, &end, 0);
	}
	if (errno || end == text || *end || filter->key_last < filter->key_first) {
		snprintf(msg, FILTER_MSG, "key wants a number or a range, such as 0x3f8..0x3ff");
		return -EINVAL;
	}
	filter->keyed = 1;
	return 0;
}

int filter_parse(const char *text, struct vmmt_filter *ret, char msg[FILTER_MSG])
{
	struct vmmt_filter filter = {};
	char *copy = strdup(text), *save = NULL, *term;
	int err = copy ? 0 : -ENOMEM;

	snprintf(msg, FILTER_MSG, "out of memory");
	for (term = copy ? strtok_r(copy, ",", &save) : NULL; term && !err;
	     term = strtok_r(NULL, ",", &save)) {
		if (!strncmp(term, "class=", 6)) {
			err = parse_classes(term + 6, &filter, msg);
		} else if (!strncmp(term, "key=", 4)) {
			err = parse_key(term + 4, &filter, msg);
		} else {
			snprintf(msg, FILTER_MSG, "'%s' is neither class=... nor key=...", term);
			err = -EINVAL;
		}
	}
	free(copy);
	if (!err && !filter.classes && !filter.keyed) {
		snprintf(msg, FILTER_MSG, "nothing to filter by; give class=... or key=...");
		err = -EINVAL;
	}
	if (!err)
		*ret = filter;
	return err;
}
