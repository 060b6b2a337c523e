// SPDX-License-Identifier: GPL-2.0-only
/* The recorder of a run, and what userland adds to the timeline. */
#include "run.h"

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/lttng.h"
#include "src/record/recorder.h"

#define NTHREADS 2		/* vCPU, others */

struct record {
	struct recorder *recorder;
	struct user_ring *rings[NTHREADS];
	struct user_stream streams[NTHREADS];
	bool ready;			/* all that is needed to record is there */
};

static uint64_t now(void *arg)
{
	return tsc_now(arg);
}

static int add_threads(struct record *rec)
{
	unsigned int i;

	for (i = 0; i < NTHREADS; i++) {
		rec->rings[i] = recorder_add_thread(rec->recorder);
		if (!rec->rings[i])
			return -ENOMEM;
	}
	return 0;
}

static int add_lttng(struct recorder *recorder, char msg[RECORDER_MSG])
{
	char why[LTTNG_MSG];
	int err = lttng_load(why);

	if (err)
		snprintf(msg, RECORDER_MSG, "--lttng: %s", why);
	return err ? err : lttng_add(recorder_collector(recorder));
}

/* Outputs and their manifest. On failure see recorder_new(). */
static int make_recorder(struct run *r, struct record *rec, const struct vmmt_filter *terms,
			 char msg[RECORDER_MSG])
{
	const struct run_options *opt = r->opt;
	json_t *manifest = run_manifest(r);
	struct recorder_options options = {
		.outputs = opt->outputs, .noutputs = opt->noutputs, .manifest = manifest,
		.filter = opt->filter_text, .terms = terms, .khz = r->version.vv_tsc_khz,
		.now = now, .arg = r,
	};
	int err = recorder_new(&options, &rec->recorder, msg);

	json_decref(manifest);
	return err || !opt->lttng ? err : add_lttng(rec->recorder, msg);
}

/* Outputs, programs, rings. Before the VM is made, so that nothing is missed.
 * On failure one line is in why, or has been reported by the collector. */
int record_start(struct run *r)
{
	const struct run_options *opt = r->opt;
	struct source_vmm_options source = {
		.ring_size = opt->ring_size, .lossless = opt->lossless,
	};
	struct record *rec = calloc(1, sizeof(*rec));
	char msg[RECORDER_MSG] = "out of memory";
	int err = -ENOMEM;

	filter_compile(&opt->filter, r->version.vv_tsc_khz, &source.filter);
	if (opt->lossless)
		source.filter.vm = VMMT_VM_LATER;	/* others do not wait for it */
	r->record = rec;
	if (rec)
		err = make_recorder(r, rec, &source.filter, msg);
	if (!err)
		err = recorder_open_vmm(rec->recorder, &source, msg);
	if (err) {
		snprintf(r->why, sizeof(r->why), "%s", msg);
		return err;
	}
	/* Others may run guests here: their records are not for this timeline. */
	recorder_only(rec->recorder, VMMT_VM_LATER);
	err = add_threads(rec);
	if (!err)
		err = vmm_clock(r->fd);
	if (err)
		snprintf(r->why, sizeof(r->why), "recording cannot start: %s", strerror(-err));
	rec->ready = !err;
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
	rec->streams[0].lossless = rec->streams[1].lossless = r->opt->lossless;
	recorder_only(rec->recorder, r->vm);
	err = recorder_start(rec->recorder);
	if (err)
		snprintf(r->why, sizeof(r->why), "recording cannot start: %s", strerror(-err));
	return err;
}

/* After the VM ended: the last records, the totals, the files closed. */
int record_stop(struct run *r)
{
	struct record *rec = r->record;

	if (!rec || !rec->ready)
		return 0;
	recorder_stop(rec->recorder);
	return r->stats ? recorder_finish_vcpu(rec->recorder, r->stats) :
			  recorder_finish(rec->recorder, NULL);
}

void record_free(struct run *r)
{
	if (!r->record)
		return;
	recorder_free(r->record->recorder);
	free(r->record);
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

static struct collector *collector_of(const struct run *r)
{
	return r->record ? recorder_collector(r->record->recorder) : NULL;
}

const struct collector_count *record_counts(const struct run *r)
{
	return r->record ? collector_counts(collector_of(r)) : NULL;
}

uint64_t record_missed(const struct run *r)
{
	return r->record ? recorder_missed(r->record->recorder) : 0;
}

uint64_t record_lost(const struct run *r)
{
	return r->record ? collector_stats(collector_of(r)).lost : 0;
}
