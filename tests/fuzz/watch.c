// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that fail inside of the kernel, and guests that never exit by themselves.
 * A signal makes RUN return. Around a call with a fault injected all signals are
 * blocked: the fault could hit a signal's frame instead, which would end the process. There only
 * the end of the VM helps.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

#define ROUND_USECS 2000
#define DEAF_ROUNDS 3
#define MAX_WATCHED 8

static struct watched *_Atomic watched[MAX_WATCHED];
static pthread_t watcher;
static atomic_bool stop;
static atomic_ulong faults;

static void ignore(int sig)
{
	(void)sig;
}

void watch_begin(struct watched *w)
{
	memset(w, 0, sizeof(*w));
	w->thread = gettid();
	w->fail = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < MAX_WATCHED; i++) {
		struct watched *none = NULL;

		if (atomic_compare_exchange_strong(&watched[i], &none, w))
			return;
	}
}

static void look_at(struct watched *w)
{
	uint64_t turn = atomic_load(&w->turn);
	uint32_t vm = atomic_load(&w->vm);

	if (turn != w->seen || !(turn & 1) || !vm) {
		w->seen = turn;
		w->rounds = 0;
	} else if (!atomic_load(&w->deaf)) {
		tgkill(getpid(), w->thread, SIGUSR1);
	} else if (++w->rounds >= DEAF_ROUNDS) {
		atomic_store(&w->ended, true);
		vmm_term(atomic_load(&w->fd), vm);
	}
}

static void *watch(void *arg)
{
	for (; !atomic_load(&stop); usleep(ROUND_USECS))
		for (int i = 0; i < MAX_WATCHED; i++)
			if (atomic_load(&watched[i]))
				look_at(atomic_load(&watched[i]));
	return arg;
}

int watch_start(void)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	return pthread_create(&watcher, NULL, watch, NULL);
}

void watch_stop(void)
{
	atomic_store(&stop, true);
	pthread_join(watcher, NULL);
}

static void set_nth(const struct watched *w, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(w->fail, text, (size_t)len, 0) != len && nth)
		perror("fuzz: fail-nth");
}

/* What is left of the count: nothing, once it failed. */
static void count_fault(const struct watched *w)
{
	char text[16] = "";

	if (pread(w->fail, text, sizeof(text) - 1, 0) > 0 && !strtoul(text, NULL, 10))
		atomic_fetch_add(&faults, 1);
}

static int turn(struct watched *w, int fd, unsigned long cmd, void *arg)
{
	int err;

	atomic_fetch_add(&w->turn, 1);
	err = ioctl(fd, cmd, arg) ? -errno : 0;
	atomic_fetch_add(&w->turn, 1);
	return err;
}

int watched_call(struct watched *w, int fd, unsigned long cmd, void *arg, uint32_t run,
		 unsigned int nth)
{
	bool deaf = nth && w->fail >= 0;
	sigset_t all, before;
	int err;

	atomic_store(&w->fd, fd);
	atomic_store(&w->vm, run);
	atomic_store(&w->deaf, deaf);
	if (!deaf)
		return turn(w, fd, cmd, arg);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	set_nth(w, nth);
	err = turn(w, fd, cmd, arg);
	count_fault(w);
	set_nth(w, 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

unsigned int random_nth(struct random *r)
{
	return 1 + (unsigned int)random_below(r, 1ULL << random_below(r, 9));
}

unsigned long faults_injected(void)
{
	return atomic_load(&faults);
}
