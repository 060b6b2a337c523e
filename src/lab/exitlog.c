/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulator's own log of VM exits, in one form for both emulators. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/lab/internal.h"

int lab_exit_log(const struct lab_run *run, const struct lab_emulator *emulator)
{
	FILE *from = fopen(run->exits, "re"), *to;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!from) {
		lab_error("%s wrote no log of VM exits", emulator->name);
		return -ENOENT;
	}
	to = fopen(run->opts->exit_log, "we");
	if (!to) {
		err = -errno;
		lab_error("--exit-log %s: %s", run->opts->exit_log, strerror(errno));
		goto close_from;
	}
	while (getline(&line, &size, from) >= 0)
		emulator->exit_line(line, to);
	free(line);
	if (ferror(to) | fclose(to)) {
		err = -EIO;
		lab_error("--exit-log %s: cannot be written", run->opts->exit_log);
	}
close_from:
	fclose(from);
	return err;
}
