// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's time. Its next deadline is a POSIX timer whose signal goes to
 * the vCPU thread: RUN returns for it, and the thread does what is due. That
 * way one thread owns the machine and no other one competes for the CPU.
 */
#include "run.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMER_SIGNAL SIGRTMIN
/* After a signal to stop: how often it is said again, should one be missed. */
#define STOP_AGAIN_NS 10000000

volatile sig_atomic_t run_timer_fired, run_stop_signal;
static struct run *running;

uint64_t run_now_ns(void *unused)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void set_timer(struct run *r, uint64_t ns, int flags)
{
	struct itimerspec its = {
		.it_value = { .tv_sec = (time_t)(ns / 1000000000u),
			      .tv_nsec = (long)(ns % 1000000000u) },
	};

	timer_settime(r->timer, flags, &its, NULL);
}

/*
 * The signal may come when the thread is about to call RUN, after it looked at
 * the flag: RUN copies vrp when it begins, so what is written there either
 * makes the guest exit, or RUN had begun and returns for the signal.
 */
static void leave_guest(void)
{
	uint64_t one = 1;

	running->vrp.vrp_intr_pending = 1;
	if (write(running->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void on_timer(int sig)
{
	int saved = errno;

	run_timer_fired = 1;
	leave_guest();
	if (run_stop_signal)
		set_timer(running, STOP_AGAIN_NS, 0);
	errno = saved;
}

static void on_stop(int sig)
{
	int saved = errno;

	run_stop_signal = sig;
	if (!pthread_equal(pthread_self(), running->vcpu_thread))
		pthread_kill(running->vcpu_thread, TIMER_SIGNAL);
	else
		on_timer(sig);
	errno = saved;
}

int run_clock_start(struct run *r)
{
	struct sigaction timer = { .sa_handler = on_timer }, stop = { .sa_handler = on_stop };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TIMER_SIGNAL,
	};

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	running = r;
	r->vcpu_thread = pthread_self();
	r->armed = UINT64_MAX;
	if (timer_create(CLOCK_MONOTONIC, &event, &r->timer))
		return -errno;
	r->have_timer = true;
	sigaction(TIMER_SIGNAL, &timer, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	return 0;
}

/* Set the timer to the machine's next deadline, if that has changed. */
void run_clock_arm(struct run *r)
{
	uint64_t next = machine_next_deadline(r->machine);

	if (next == r->armed || run_stop_signal)
		return;
	r->armed = next;
	set_timer(r, next == UINT64_MAX ? 0 : next, TIMER_ABSTIME);
}

void run_clock_stop(struct run *r)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (!r->have_timer)
		return;
	timer_delete(r->timer);
	r->have_timer = false;
	sigaction(TIMER_SIGNAL, &ignore, NULL);
}
