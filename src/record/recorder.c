// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PERIOD_NS 20000000	/* rings are sized for far more */
#define USER_RING (4u << 20)

struct thread {
	struct recorder *recorder;
	struct user_ring *ring;
	int source;		/* of the collector */
};

struct recorder {
	struct collector *collector;
	uint64_t (*now)(void *arg);
	void *arg;
	struct recorder_source *sources;
	size_t nsources;
	struct source_vmm *vmm;		/* one of these, NULL none */
	struct thread *threads;
	size_t nthreads;
	pthread_t thread;
	bool running, detached;
	_Atomic bool stop;
	uint64_t missed;
};

static uint64_t rdtsc(void *unused)
{
	return __builtin_ia32_rdtsc();
}

static void take_user(void *arg, const void *record, size_t size)
{
	struct thread *t = arg;

	collector_push(t->recorder->collector, t->source, record, size);
}

static void drain_sources(void *arg)
{
	struct recorder *r = arg;
	size_t i;

	for (i = 0; i < r->nsources; i++)
		r->sources[i].drain(r->sources[i].source);
}

/* Sources first, so that what a thread did before it entered the guest is never
 * read later than the exit that followed. */
static void drain(struct recorder *r)
{
	uint64_t tsc = r->now(r->arg);
	size_t i;

	drain_sources(r);
	for (i = 0; i < r->nthreads; i++)
		user_ring_drain(r->threads[i].ring, take_user, &r->threads[i]);
	collector_advance_all(r->collector, tsc);
}

int recorder_new(const struct recorder_options *options, struct recorder **ret,
		 char msg[RECORDER_MSG])
{
	struct recorder *r = calloc(1, sizeof(*r));
	struct collector_options collector = {
		.generator = "vmmtrace " PACKAGE_VERSION, .manifest = options->manifest,
		.filter = options->filter, .terms = options->terms,
		.attached = options->attached, .khz = options->khz,
		.reread = drain_sources, .arg = r,
	};
	unsigned int i;
	int err = 0;

	msg[0] = 0;
	if (r)
		r->collector = collector_new(&collector);
	if (!r || !r->collector) {
		free(r);
		snprintf(msg, RECORDER_MSG, "out of memory");
		return -ENOMEM;
	}
	r->now = options->now ? options->now : rdtsc;
	r->arg = options->arg;
	for (i = 0; !err && i < options->noutputs; i++)
		err = collector_add_output(r->collector, options->outputs[i]);
	if (err)
		recorder_free(r);
	else
		*ret = r;
	return err;
}

struct collector *recorder_collector(struct recorder *r)
{
	return r->collector;
}

int recorder_add_source(struct recorder *r, const struct recorder_source *source)
{
	struct recorder_source *sources;

	sources = reallocarray(r->sources, r->nsources + 1, sizeof(*sources));
	if (!sources) {
		source->close(source->source);
		return -ENOMEM;
	}
	r->sources = sources;
	sources[r->nsources++] = *source;
	return 0;
}

static unsigned int vmm_drain(void *source)
{
	return source_vmm_drain(source);
}

static uint64_t vmm_misses(const void *source)
{
	return source_vmm_misses(source);
}

static void vmm_detach(void *source)
{
	source_vmm_detach(source);
}

static void vmm_close(void *source)
{
	source_vmm_close(source);
}

int recorder_open_vmm(struct recorder *r, const struct source_vmm_options *options,
		      char msg[RECORDER_MSG])
{
	struct recorder_source source = {
		.drain = vmm_drain, .misses = vmm_misses, .detach = vmm_detach, .close = vmm_close,
	};
	struct source_vmm *vmm;
	int err = source_vmm_open(r->collector, options, &vmm, msg);

	if (err)
		return err;
	source.source = vmm;
	err = recorder_add_source(r, &source);
	if (err)
		snprintf(msg, RECORDER_MSG, "out of memory");
	else
		r->vmm = vmm;
	return err;
}

void recorder_only(struct recorder *r, uint32_t vm)
{
	source_vmm_only(r->vmm, vm);
}

struct user_ring *recorder_add_thread(struct recorder *r)
{
	struct thread *threads = reallocarray(r->threads, r->nthreads + 1, sizeof(*threads)), *t;

	if (!threads)
		return NULL;
	r->threads = threads;
	t = &threads[r->nthreads];
	*t = (struct thread){ r, user_ring_new(USER_RING), collector_add_source(r->collector) };
	if (!t->ring || t->source < 0) {
		user_ring_free(t->ring);
		return NULL;
	}
	r->nthreads++;
	return t->ring;
}

static void *collect(void *arg)
{
	struct timespec pause = { .tv_nsec = PERIOD_NS };
	struct recorder *r = arg;

	while (!r->stop) {
		drain(r);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int recorder_start(struct recorder *r)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&r->thread, NULL, collect, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	r->running = !err;
	return -err;
}

void recorder_stop(struct recorder *r)
{
	size_t i;

	if (r->running) {
		r->stop = true;
		pthread_join(r->thread, NULL);
		r->running = false;
	}
	if (r->detached)
		return;
	r->detached = true;
	for (i = 0; i < r->nsources; i++) {
		r->sources[i].detach(r->sources[i].source);
		r->missed += r->sources[i].misses(r->sources[i].source);
	}
	drain(r);
}

static void add_window(struct collector_totals *totals, const struct recorder_window *w,
		       const struct vmmt_refused *refused)
{
	static const struct vmm_stats_class zero;
	unsigned int i;

	for (i = 0; i < VMMT_NCLASS; i++) {
		const struct vmm_stats_class *a = w->begin ? &w->begin->vs_class[i] : &zero;
		const struct vmm_stats_class *b = &w->end->vs_class[i];
		uint64_t counted = b->vsc_counted - a->vsc_counted;

		totals->class[i].counted += counted;
		totals->class[i].filtered += refused->exits[i];
		totals->class[i].lost += counted - (b->vsc_filtered - a->vsc_filtered) -
					 (b->vsc_delivered - a->vsc_delivered);
	}
}

int recorder_finish(struct recorder *r, const struct recorder_window *windows, size_t n)
{
	struct collector_stream_end *ends = calloc(n ? n : 1, sizeof(*ends));
	struct collector_totals totals = { .streams = ends, .nstreams = n, .missed = r->missed };
	struct vmmt_refused refused;
	size_t i;
	int err;

	if (!ends)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct vmm_stats *st = windows[i].end;

		source_vmm_refused(r->vmm, st->vs_vm, st->vs_vcpu, &refused);
		add_window(&totals, &windows[i], &refused);
		ends[i] = (struct collector_stream_end){ st->vs_vm, st->vs_vcpu,
							 st->vs_seq - refused.records };
	}
	err = collector_finish(r->collector, n ? &totals : NULL);
	free(ends);
	return err;
}

uint64_t recorder_missed(const struct recorder *r)
{
	return r->missed;
}

void recorder_free(struct recorder *r)
{
	size_t i;

	if (!r)
		return;
	if (r->running)
		recorder_stop(r);
	for (i = 0; i < r->nsources; i++)
		r->sources[i].close(r->sources[i].source);
	for (i = 0; i < r->nthreads; i++)
		user_ring_free(r->threads[i].ring);
	collector_free(r->collector);
	free(r->sources);
	free(r->threads);
	free(r);
}
