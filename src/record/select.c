// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parent of a process, 0 if it is not known. */
static pid_t parent_of(pid_t pid)
{
	char path[48], line[512], *end;
	FILE *f;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* PID (NAME) STATE PPID; the name may have anything in it. */
	if (fgets(line, sizeof(line), f)) {
		end = strrchr(line, ')');
		if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(f);
	return parent;
}

static bool descends(pid_t pid, pid_t ancestor)
{
	while (pid > 1) {
		pid = parent_of(pid);
		if (pid == ancestor)
			return true;
	}
	return false;
}

bool select_names(const char *text, uint32_t vm, const char *name)
{
	char *end;

	if (*text >= '0' && *text <= '9') {
		unsigned long id = strtoul(text, &end, 10);

		if (!*end)
			return id == vm;
	}
	return !strcmp(text, name);
}

bool select_has(const struct select *s, uint32_t vm, const char *name, pid_t pid, bool running)
{
	unsigned int i;

	if (s->all)
		return true;
	for (i = 0; i < s->npids; i++)
		if (s->pids[i] == pid)
			return true;
	for (i = 0; running && i < s->nvms; i++)
		if (select_names(s->vms[i], vm, name))
			return true;
	return s->ancestor && descends(pid, s->ancestor);
}
