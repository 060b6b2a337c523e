/* SPDX-License-Identifier: GPL-2.0-only */
/* Which VMs are recorded. */
#ifndef RECORD_SELECT_H
#define RECORD_SELECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SELECT_MAX 64

struct select {
	bool all;
	pid_t pids[SELECT_MAX];		/* of these processes */
	unsigned int npids;
	const char *vms[SELECT_MAX];	/* of these names or ids; those that are there now */
	unsigned int nvms;
	pid_t ancestor;			/* of processes that descend from this one; 0 none */
};

/* Is it one of those? running: it was there when the recording began. */
bool select_has(const struct select *s, uint32_t vm, const char *name, pid_t pid, bool running);

/* Does that text name the VM, by its id or its name? */
bool select_names(const char *text, uint32_t vm, const char *name);

#endif /* RECORD_SELECT_H */
