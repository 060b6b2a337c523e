// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/record.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { STATUS_DONE, STATUS_FAILED, STATUS_NO = 3 };

/* The recording may end before the command does: then it goes on alone. */
static void wait_for_command(struct session *s)
{
	struct pollfd fd = { .fd = s->stop_fd, .events = POLLIN };
	struct signalfd_siginfo info;

	while (!command_ended(&s->command)) {
		poll(&fd, 1, -1);
		while (read(s->stop_fd, &info, sizeof(info)) == sizeof(info))
			if (info.ssi_signo != SIGINT && info.ssi_signo != SIGCHLD)
				command_signal(&s->command, (int)info.ssi_signo);
	}
}

static void session_free(struct session *s)
{
	command_free(&s->command);
	recorder_free(s->recorder);
	vms_free(&s->vms);
	files_free(&s->files);
	before_free(&s->before);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static void say(const struct session *s)
{
	if (s->why[0])
		fprintf(stderr, "vmmtrace record: %s\n", s->why);
}

/* Records, and says what there was. */
static int record(struct session *s)
{
	enum session_end end = session_run(s);
	int err = session_close(s);

	say(s);
	if (err && err != -EIO)
		fprintf(stderr, "vmmtrace record: the totals cannot be written: %s\n",
			strerror(-err));
	record_report(s, end);
	if (s->waiting && !err)
		fprintf(stderr, "vmmtrace record: --start-when was not met: nothing is recorded\n");
	if (s->waiting && !err && end != SESSION_FAILED)
		return STATUS_NO;
	return err || s->output_failed || end == SESSION_FAILED ? STATUS_FAILED : STATUS_DONE;
}

int record_vms(const struct record_options *opt)
{
	struct session *s = calloc(1, sizeof(*s));
	int status = STATUS_FAILED;

	if (!s) {
		fprintf(stderr, "vmmtrace record: out of memory\n");
		return status;
	}
	s->opt = opt;
	s->fd = s->stop_fd = s->vms.fd = -1;
	if (session_open(s)) {
		say(s);
		status = s->command.status ? s->command.status : STATUS_FAILED;
	} else {
		status = record(s);
		if (opt->command)
			wait_for_command(s);
		if (s->command.status)
			status = s->command.status;
	}
	session_free(s);
	return status;
}
