// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/lttng.h"

#define PERIOD_MS 20		/* rings are sized for far more */
#define USER_RING (4u << 20)

struct thread {
	struct recorder *recorder;
	struct user_ring *ring;
	int source;		/* of the collector */
};

struct recorder {
	struct collector *collector;
	uint64_t (*now)(void *arg);
	bool (*wanted)(void *arg, int source, const union vmmt_record *rec);
	void *arg;
	struct recorder_source *sources;
	size_t nsources;
	struct source_vmm *vmm;		/* one of these, NULL none */
	struct thread *threads;
	size_t nthreads;
	pthread_t thread;
	bool running, detached, draining;
	_Atomic bool stop;
	uint64_t missed;		/* once detached */
	uint64_t missed_before;		/* told in earlier files */
};

static uint64_t rdtsc(void *unused)
{
	return __builtin_ia32_rdtsc();
}

static bool wanted(void *arg, int source, const union vmmt_record *rec)
{
	struct recorder *r = arg;

	return r->wanted(r->arg, source, rec);
}

static void take_user(void *arg, const void *record, size_t size)
{
	struct thread *t = arg;

	collector_push(t->recorder->collector, t->source, record, size);
}

/* Also called when the collector misses a record, which may be while it is given
 * others: a ring is not read within its own reading. */
static size_t drain_sources(struct recorder *r)
{
	size_t count = 0, i;

	if (r->draining)
		return 0;
	r->draining = true;
	for (i = 0; i < r->nsources; i++)
		count += r->sources[i].drain(r->sources[i].source);
	r->draining = false;
	return count;
}

static void reread(void *arg)
{
	drain_sources(arg);
}

/* Sources first, so that what a thread did before it entered the guest is never
 * read later than the exit that followed. */
void recorder_read(struct recorder *r)
{
	uint64_t tsc = r->now(r->arg);
	size_t count, i;

	lttng_begin(UST_SPAN_drain);
	count = drain_sources(r);
	for (i = 0; i < r->nthreads; i++)
		count += user_ring_drain(r->threads[i].ring, take_user, &r->threads[i]);
	lttng_end(UST_SPAN_drain, count);
	collector_advance_all(r->collector, tsc);
}

int recorder_add_outputs(struct recorder *r, const char *const *outputs, unsigned int n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = collector_add_output(r->collector, outputs[i]);
	return err;
}

int recorder_new(const struct recorder_options *options, struct recorder **ret,
		 char msg[RECORDER_MSG])
{
	struct recorder *r = calloc(1, sizeof(*r));
	struct collector_options collector = {
		.generator = "vmmtrace " PACKAGE_VERSION, .manifest = options->manifest,
		.source = options->source, .filter = options->filter, .terms = options->terms,
		.attached = options->attached, .khz = options->khz,
		.wanted = options->wanted ? wanted : NULL, .reread = reread, .arg = r,
	};
	int err;

	msg[0] = 0;
	if (r)
		r->collector = collector_new(&collector);
	if (!r || !r->collector) {
		free(r);
		snprintf(msg, RECORDER_MSG, "out of memory");
		return -ENOMEM;
	}
	r->now = options->now ? options->now : rdtsc;
	r->wanted = options->wanted;
	r->arg = options->arg;
	err = recorder_add_outputs(r, options->outputs, options->noutputs);
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

int recorder_bell(const struct recorder *r)
{
	return source_vmm_bell(r->vmm);
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
	struct recorder *r = arg;
	struct pollfd bell = { .fd = r->vmm ? recorder_bell(r) : -1, .events = POLLIN };

	while (!r->stop) {
		recorder_read(r);
		poll(&bell, 1, PERIOD_MS);
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
	for (i = 0; i < r->nsources; i++)
		r->sources[i].detach(r->sources[i].source);
	r->missed = recorder_missed(r);
	r->detached = true;
	recorder_read(r);
}

int recorder_finish(struct recorder *r, struct collector_totals *totals)
{
	uint64_t missed = recorder_missed(r);

	if (totals)
		totals->missed = missed - r->missed_before;
	r->missed_before = missed;
	return collector_finish(r->collector, totals);
}

int recorder_finish_vcpu(struct recorder *r, const struct vmm_stats *st)
{
	struct collector_stream_end end = { st->vs_vm, st->vs_vcpu, st->vs_seq };
	struct collector_totals totals = { .rest_lost = true, .streams = &end, .nstreams = 1 };
	struct vmmt_refused refused;
	unsigned int i;

	source_vmm_refused(r->vmm, st->vs_vm, st->vs_vcpu, &refused);
	end.seq -= refused.records;
	for (i = 0; i < VMMT_NCLASS; i++) {
		totals.class[i].counted = st->vs_class[i].vsc_counted;
		totals.class[i].filtered = refused.exits[i];
	}
	return recorder_finish(r, &totals);
}

void recorder_refused(const struct recorder *r, uint32_t vm, uint32_t vcpu,
		      struct vmmt_refused *ret)
{
	source_vmm_refused(r->vmm, vm, vcpu, ret);
}

uint64_t recorder_missed(const struct recorder *r)
{
	uint64_t missed = r->missed;
	size_t i;

	for (i = 0; !r->detached && i < r->nsources; i++)
		missed += r->sources[i].misses(r->sources[i].source);
	return missed;
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
