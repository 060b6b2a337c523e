/* SPDX-License-Identifier: GPL-2.0-only */
/* The command whose VMs are recorded: it waits until the recording is on. */
#ifndef RECORD_COMMAND_H
#define RECORD_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid;			/* 0: none */
	int go_fd, failed_fd;		/* it waits for a byte; it tells why exec failed */
	bool waits, ended;
	int status;			/* as a shell tells it */
};

/* Forks; argv is executed at command_go(). Processes that it leaves behind become
 * children of this one, so that they can be told from others. 0 or a negative errno. */
int command_start(struct command *c, char *const *argv);

/* 0, or -errno if there is no such program: then the command has ended with 126 or 127. */
int command_go(struct command *c);

/* Has it ended? Collects whoever has. */
bool command_ended(struct command *c);

/* A command that still waits is not executed. */
void command_free(struct command *c);

/* A signal that told this program to stop is passed on. */
void command_signal(const struct command *c, int sig);

#endif /* RECORD_COMMAND_H */
