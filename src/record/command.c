// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_both(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* The child: waits for the other end to be closed or gone, then tells an error of exec
 * by the second pipe. */
static void child(const int go[2], const int failed[2], char *const *argv)
{
	sigset_t none;
	char byte;
	int err;

	close(go[1]);
	close(failed[0]);
	if (read(go[0], &byte, 1) != 1)
		_exit(1);	/* the recording did not begin */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	err = errno;
	if (write(failed[1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(err == ENOENT ? 127 : 126);
}

int command_start(struct command *c, char *const *argv)
{
	int go[2], failed[2], err;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(failed, O_CLOEXEC)) {
		err = -errno;
		close_both(go);
		return err;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	c->pid = fork();
	if (c->pid < 0) {
		err = -errno;
		c->pid = 0;
		close_both(go);
		close_both(failed);
		return err;
	}
	if (!c->pid)
		child(go, failed, argv);
	close(go[0]);
	close(failed[1]);
	c->go_fd = go[1];
	c->failed_fd = failed[0];
	c->waits = true;
	return 0;
}

int command_go(struct command *c)
{
	int err = 0;

	if (write(c->go_fd, "", 1) != 1)
		err = -errno;
	close(c->go_fd);
	if (!err && read(c->failed_fd, &err, sizeof(err)) > 0)
		err = -err;
	close(c->failed_fd);
	c->waits = false;
	if (err)
		c->status = err == -ENOENT ? 127 : 126;
	return err;
}

bool command_ended(struct command *c)
{
	int status;
	pid_t pid;

	while (c->pid && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != c->pid)
			continue;
		c->ended = true;
		c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return c->ended;
}

void command_signal(const struct command *c, int sig)
{
	if (c->pid && !c->ended)
		kill(c->pid, sig);
}

void command_free(struct command *c)
{
	if (!c->waits)
		return;
	close(c->go_fd);
	close(c->failed_fd);
	waitpid(c->pid, NULL, 0);
}
