// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/collector.h"

int files_init(struct files *f, const char *const *outputs, unsigned int noutputs,
	       bool numbered, unsigned int keep)
{
	*f = (struct files){ .outputs = outputs, .noutputs = noutputs, .numbered = numbered,
			     .keep = keep };
	f->paths = calloc(noutputs ? noutputs : 1, sizeof(*f->paths));
	return f->paths ? 0 : -ENOMEM;
}

/* Where the suffix begins: that of the format, before that of its compression. */
static size_t stem(const char *path)
{
	size_t len = strlen(path);

	if (len > 3 && !strcmp(path + len - 3, ".gz"))
		len -= 3;
	while (len > 0 && path[len - 1] != '.' && path[len - 1] != '/')
		len--;
	return len > 0 && path[len - 1] == '.' ? len - 1 : strlen(path);
}

static char *name(const struct files *f, unsigned int i, unsigned int number)
{
	const char *path = f->outputs[i];
	size_t at = stem(path);
	char *text = NULL;

	if (!f->numbered)
		return strdup(path);
	if (asprintf(&text, "%.*s.%04u%s", (int)at, path, number, path + at) < 0)
		return NULL;
	return text;
}

int files_next(struct files *f)
{
	unsigned int i;

	f->number++;
	for (i = 0; i < f->noutputs; i++) {
		free(f->paths[i]);
		f->paths[i] = name(f, i, f->number);
		if (!f->paths[i])
			return -ENOMEM;
	}
	return 0;
}

void files_done(const struct files *f)
{
	unsigned int i;
	char *old;

	if (!f->keep || f->number <= f->keep)
		return;
	for (i = 0; i < f->noutputs; i++) {
		old = name(f, i, f->number - f->keep);
		if (old)
			collector_output_remove(old);
		free(old);
	}
}

uint64_t files_size(const struct files *f)
{
	int64_t most = 0, size;
	unsigned int i;

	for (i = 0; i < f->noutputs; i++) {
		size = collector_output_size(f->paths[i]);
		most = size > most ? size : most;
	}
	return (uint64_t)most;
}

void files_free(struct files *f)
{
	unsigned int i;

	for (i = 0; f->paths && i < f->noutputs; i++)
		free(f->paths[i]);
	free(f->paths);
	*f = (struct files){};
}
