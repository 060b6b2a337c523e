// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal as the guest's COM1. Output is gathered and written when the
 * guest ends a line, halts, or the buffer is full. Input is read by a thread
 * of its own; Ctrl-A x ends the guest, Ctrl-A Ctrl-A is one Ctrl-A.
 */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_A 1

static char out[4096];
static size_t nout;
static struct termios saved_termios;
static bool raw, reading;
static pthread_t reader;
static int stop_fd = -1;

void run_console_flush(void)
{
	size_t done = 0;
	ssize_t n;

	while (done < nout) {
		n = write(STDOUT_FILENO, out + done, nout - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;		/* nobody listens: the guest runs on */
		done += (size_t)n;
	}
	nout = 0;
}

/* On the vCPU's thread, with the machine's lock. */
void run_console_byte(void *ctx, uint8_t byte)
{
	out[nout++] = (char)byte;
	if (byte == '\n' || nout == sizeof(out))
		run_console_flush();
}

/* Takes Ctrl-A commands out of what was typed. Returns what is left, -1 for
 * Ctrl-A x. */
static ssize_t filter_input(char *buf, ssize_t n)
{
	static bool escape;
	ssize_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (!escape && buf[i] == CTRL_A && raw) {
			escape = true;
			continue;
		}
		if (escape && (buf[i] == 'x' || buf[i] == 'X'))
			return -1;
		escape = false;
		buf[kept++] = buf[i];
	}
	return kept;
}

/* The chip takes what it has room for; the rest is offered again. */
static void offer(struct run *r, const char *buf, size_t n)
{
	struct pollfd pfd = { .fd = stop_fd, .events = POLLIN };

	while (n) {
		size_t took = machine_console_input(r->machine, buf, n);

		buf += took;
		n -= took;
		if (n && poll(&pfd, 1, 10) > 0)
			return;
	}
}

static void *read_input(void *arg)
{
	struct run *r = arg;
	struct pollfd pfd[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN },
	};
	char buf[256];
	ssize_t n;

	for (;;) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			break;
		if (pfd[1].revents)
			break;
		if (!pfd[0].revents)
			continue;
		n = read(STDIN_FILENO, buf, sizeof(buf));
		if (n <= 0)
			break;
		n = filter_input(buf, n);
		if (n < 0) {
			pthread_kill(r->vcpu_thread, SIGTERM);
			break;
		}
		offer(r, buf, (size_t)n);
	}
	return NULL;
}

static void make_raw(void)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved_termios))
		return;
	t = saved_termios;
	t.c_iflag &= ~(tcflag_t)(ICRNL | IXON | ISTRIP | INLCR);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static bool stdin_is_null(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

/* Without input there is no thread. Returns 0 or a negative errno. */
int run_console_start(struct run *r)
{
	sigset_t all, old;
	int err;

	if (stdin_is_null())
		return 0;
	stop_fd = eventfd(0, EFD_CLOEXEC);
	if (stop_fd < 0)
		return -errno;
	make_raw();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&reader, NULL, read_input, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	reading = !err;
	return -err;
}

void run_console_stop(struct run *r)
{
	uint64_t one = 1;

	run_console_flush();
	if (reading && write(stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(reader, NULL);
	reading = false;
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_termios);
	raw = false;
	if (stop_fd >= 0)
		close(stop_fd);
	stop_fd = -1;
}
