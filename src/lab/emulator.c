/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulator's process: start it, pass on what comes from it, end it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/lab/frame.h"
#include "src/lab/internal.h"

#define TICK_MS	200	/* how often the console and the clock are looked at */

struct process {
	pid_t pid;
	int output;		/* its standard output; -1 after its end */
	int signals;		/* signalfd */
	int console;		/* the console's file, or -1 */
	int64_t start, deadline;	/* ms */
	bool boot_said, end_seen;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static _Noreturn void exec_emulator(struct lab_run *run, int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log = open(run->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	/* An emulator must not outlive us, nor take the terminal's Ctrl-C before we do. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	sigprocmask(SIG_UNBLOCK, &run->signals, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, 0);
	dup2(output, 1);
	dup2(log, 2);
	execvp(run->argv.v[0], run->argv.v);
	_exit(127);
}

static int start(struct lab_run *run, struct process *process)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	if (fcntl(fds[1], F_SETPIPE_SZ, LAB_PIPE_SIZE) != LAB_PIPE_SIZE)
		goto close_pipe;
	process->pid = fork();
	if (process->pid < 0)
		goto close_pipe;
	if (!process->pid)
		exec_emulator(run, fds[1]);
	close(fds[1]);
	process->output = fds[0];
	return 0;

close_pipe:
	close(fds[0]);
	close(fds[1]);
	return -EAGAIN;
}

/* Takes what the emulator wrote. Returns 0 at the end of its output. */
static int take_output(struct lab_run *run, struct process *process)
{
	char buf[LAB_READ_SIZE];
	ssize_t n = read(process->output, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n == 0) {
		close(process->output);
		process->output = -1;
		return 0;
	}
	return lab_channel_feed(&run->channel, buf, n) ?: 1;
}

static void show_console(struct lab_run *run, struct process *process)
{
	char buf[4096];
	ssize_t n;

	if (!run->opts->console)
		return;
	if (process->console < 0)
		process->console = open(run->console, O_RDONLY | O_CLOEXEC);
	while (process->console >= 0 && (n = read(process->console, buf, sizeof(buf))) > 0)
		if (write(STDERR_FILENO, buf, n) != n)
			return;
}

static void look_at_state(struct lab_run *run, const struct lab_emulator *emulator,
			  struct process *process)
{
	int64_t now = now_ms(), end = now + emulator->shutdown_seconds * INT64_C(1000);

	if (run->channel.ready && !process->boot_said) {
		process->boot_said = true;
		lab_note("booted in %.1f s", (now - process->start) / 1e3);
	}
	/* The command has ended: the host may still take its time to power off, but no more. */
	if (run->channel.ended && !process->end_seen) {
		process->end_seen = true;
		if (process->deadline > end)
			process->deadline = end;
	}
}

static enum lab_end follow(struct lab_run *run, const struct lab_emulator *emulator,
			   struct process *process, int *ret_signal)
{
	struct signalfd_siginfo info;
	int more;

	while (process->output >= 0) {
		struct pollfd fds[2] = {
			{ .fd = process->output, .events = POLLIN },
			{ .fd = process->signals, .events = POLLIN },
		};

		poll(fds, 2, TICK_MS);
		if (fds[1].revents && read(process->signals, &info, sizeof(info)) == sizeof(info)) {
			*ret_signal = info.ssi_signo;
			return LAB_END_SIGNAL;
		}
		if (fds[0].revents) {
			more = take_output(run, process);
			if (more < 0)
				return LAB_END_ERROR;
		}
		look_at_state(run, emulator, process);
		show_console(run, process);
		if (now_ms() >= process->deadline)
			return LAB_END_TIMEOUT;
	}
	return LAB_END_EXITED;
}

enum lab_end lab_emulator_run(struct lab_run *run, const struct lab_emulator *emulator,
			      int *ret_signal)
{
	struct process process = { .output = -1, .console = -1, .start = now_ms() };
	enum lab_end end;
	int err, status;

	process.signals = signalfd(-1, &run->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	process.deadline = process.start + run->opts->timeout * INT64_C(1000);
	err = start(run, &process);
	if (err) {
		lab_error("%s cannot be started: %s", emulator->name, strerror(-err));
		end = LAB_END_ERROR;
	} else {
		end = follow(run, emulator, &process, ret_signal);
		kill(-process.pid, SIGKILL);
		if (waitpid(process.pid, &status, 0) == process.pid && WIFSIGNALED(status) &&
		    WTERMSIG(status) != SIGKILL)
			run->died_of = WTERMSIG(status);
		show_console(run, &process);
	}
	if (process.output >= 0)
		close(process.output);
	if (process.console >= 0)
		close(process.console);
	close(process.signals);
	return end;
}
