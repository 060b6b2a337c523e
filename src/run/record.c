// SPDX-License-Identifier: GPL-2.0-only
/* The collector's thread, and what userland adds to the timeline. */
#include "run.h"

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/collector/source_vmm.h"

#define PERIOD_NS 20000000	/* rings are sized for far more */
#define USER_RING (4u << 20)
#define NTHREADS 2		/* vCPU, console */

struct record {
	const struct run *run;
	struct collector *collector;
	struct source_vmm *source;
	struct user_ring *rings[NTHREADS];
	struct user_stream streams[NTHREADS];
	int sources[NTHREADS];
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	uint64_t missed;
};

struct taker {
	struct record *rec;
	int source;
};

static void take_user(void *arg, const void *record, size_t size)
{
	struct taker *t = arg;

	collector_push(t->rec->collector, t->source, record, size);
}

/* Kernel rings first, so that what a thread did before it entered the guest is
 * never read later than the exit that followed. */
static void drain(struct record *rec)
{
	uint64_t tsc = tsc_now(rec->run);
	unsigned int i;

	source_vmm_drain(rec->source);
	for (i = 0; i < NTHREADS; i++) {
		struct taker t = { rec, rec->sources[i] };

		user_ring_drain(rec->rings[i], take_user, &t);
	}
	collector_advance_all(rec->collector, tsc);
}

static void reread(void *arg)
{
	struct record *rec = arg;

	source_vmm_drain(rec->source);
}

static void *collect(void *arg)
{
	struct timespec pause = { .tv_nsec = PERIOD_NS };
	struct record *rec = arg;

	while (!rec->stop) {
		drain(rec);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int start_thread(struct record *rec)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&rec->thread, NULL, collect, rec);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	rec->running = !err;
	return -err;
}

static int add_threads(struct record *rec)
{
	unsigned int i;

	for (i = 0; i < NTHREADS; i++) {
		rec->rings[i] = user_ring_new(USER_RING);
		rec->sources[i] = collector_add_source(rec->collector);
		if (!rec->rings[i] || rec->sources[i] < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Outputs, programs, rings. Before the VM is made, so that nothing is missed.
 * On failure one line is in why, or has been reported by the collector. */
int record_start(struct run *r)
{
	const struct run_options *opt = r->opt;
	struct source_vmm_options source = { .ring_size = opt->ring_size };
	struct record *rec = calloc(1, sizeof(*rec));
	struct collector_options options = {
		.generator = "vmmtrace " PACKAGE_VERSION, .filter = opt->filter_text,
		.terms = &source.filter, .khz = r->version.vv_tsc_khz, .reread = reread, .arg = rec,
	};
	json_t *manifest = run_manifest(r);
	char msg[SOURCE_MSG];
	unsigned int i;
	int err = -ENOMEM;

	filter_compile(&opt->filter, r->version.vv_tsc_khz, &source.filter);
	options.manifest = manifest;
	r->record = rec;
	if (rec) {
		rec->run = r;
		rec->collector = collector_new(&options);
	}
	json_decref(manifest);
	if (!rec || !rec->collector) {
		snprintf(r->why, sizeof(r->why), "out of memory");
		return err;
	}
	for (i = 0; i < opt->noutputs; i++) {
		err = collector_add_output(rec->collector, opt->outputs[i]);
		if (err)
			return err;
	}
	err = source_vmm_open(rec->collector, &source, &rec->source, msg);
	if (err) {
		snprintf(r->why, sizeof(r->why), "%s", msg);
		return err;
	}
	/* Others may run guests here: their records are not for this timeline. */
	source_vmm_only(rec->source, UINT32_MAX);
	err = add_threads(rec);
	if (!err)
		err = vmm_clock(r->fd);
	if (err)
		snprintf(r->why, sizeof(r->why), "recording cannot start: %s", strerror(-err));
	return err;
}

/* The VM has its id, so its records can be told from others': reading begins. On failure one line
 * is in why. */
int record_vm(struct run *r)
{
	struct record *rec = r->record;
	int err;

	if (!rec)
		return 0;
	user_stream_init(&rec->streams[0], rec->rings[0], r->vm, 0);
	user_stream_init(&rec->streams[1], rec->rings[1], r->vm, USER_THREAD_OTHER);
	source_vmm_only(rec->source, r->vm);
	err = start_thread(rec);
	if (err)
		snprintf(r->why, sizeof(r->why), "recording cannot start: %s", strerror(-err));
	return err;
}

static void fill_totals(const struct run *r, struct collector_totals *totals,
			struct collector_stream_end *end)
{
	const struct vmm_stats *st = r->stats;
	struct vmmt_refused refused;
	unsigned int i;

	source_vmm_refused(r->record->source, st->vs_vm, 0, &refused);
	for (i = 0; i < VMMT_NCLASS; i++) {
		const struct vmm_stats_class *c = &st->vs_class[i];

		totals->class[i].counted = c->vsc_counted;
		totals->class[i].filtered = refused.exits[i];
		totals->class[i].lost = c->vsc_counted - c->vsc_delivered - c->vsc_filtered;
	}
	*end = (struct collector_stream_end){ .vm = st->vs_vm, .vcpu = 0 };
	end->seq = st->vs_seq - refused.records;
	totals->streams = end;
	totals->nstreams = 1;
	totals->missed = r->record->missed;
}

/* After the VM ended: the last records, the totals, the files closed. */
int record_stop(struct run *r)
{
	struct record *rec = r->record;
	struct collector_totals totals = {};
	struct collector_stream_end end;

	if (!rec)
		return 0;
	if (rec->running) {
		rec->stop = true;
		pthread_join(rec->thread, NULL);
		rec->running = false;
	}
	if (!rec->source || !rec->rings[NTHREADS - 1])
		return 0;
	source_vmm_detach(rec->source);
	rec->missed = source_vmm_misses(rec->source);
	drain(rec);
	if (!r->stats)
		return collector_finish(rec->collector, NULL);
	fill_totals(r, &totals, &end);
	return collector_finish(rec->collector, &totals);
}

void record_free(struct run *r)
{
	struct record *rec = r->record;
	unsigned int i;

	if (!rec)
		return;
	source_vmm_close(rec->source);
	for (i = 0; i < NTHREADS; i++)
		user_ring_free(rec->rings[i]);
	collector_free(rec->collector);
	free(rec);
	r->record = NULL;
}

/* An access of the vCPU's thread to a device; now is when it was done. */
void record_dev(struct run *r, uint64_t now, struct vmmt_dev *rec)
{
	if (!r->record)
		return;
	rec->head.exit = r->exit.ve_exit;
	user_stream_dev(&r->record->streams[0], now, rec);
}

/* From the interrupt controller, on whichever thread made it happen. */
void record_irq(void *ctx, const struct i8259_event *event)
{
	struct run *r = ctx;
	struct vmmt_intr rec = {
		.irq_id = event->irq_id, .stage = event->stage, .vector = event->vector,
		.itype = VMMT_ITYPE_intr, .irq = event->irq, .count = event->count,
	};
	bool own = pthread_equal(pthread_self(), r->vcpu_thread);

	if (!r->record || !r->vm)
		return;
	if (own)
		rec.head.exit = r->exit.ve_exit;
	user_stream_intr(&r->record->streams[own ? 0 : 1], tsc_now(r), &rec);
}

const struct collector_count *record_counts(const struct run *r)
{
	return r->record ? collector_counts(r->record->collector) : NULL;
}

const struct keys *record_keys(const struct run *r)
{
	return r->record ? collector_keys(r->record->collector) : NULL;
}

uint64_t record_missed(const struct run *r)
{
	return r->record ? r->record->missed : 0;
}

uint64_t record_lost(const struct run *r)
{
	return r->record ? collector_stats(r->record->collector).lost : 0;
}
