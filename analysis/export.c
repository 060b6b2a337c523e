/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "analysis/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/capture.h"
#include "analysis/verify.h"
#include "src/collector/names.h"

struct export {
	const struct export_options *o;
	struct capture *capture;
	struct collector *collector;
	struct vmmt_filter terms;
	/* What was read. */
	uint64_t records, exits, lost;
	uint64_t seen[VMMT_NCLASS];
	struct collector_totals totals;
};

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* A filter upon a filter: both hold. */
static char *filter_text(const char *old, const char *new)
{
	char *text = NULL;

	if (!old || !new)
		return old || new ? strdup(old ? old : new) : NULL;
	return asprintf(&text, "%s,%s", old, new) < 0 ? NULL : text;
}

static int open_outputs(struct export *x, char *msg)
{
	const json_t *m = capture_manifest(x->capture);
	char *filter = filter_text(json_string_value(json_object_get(m, "filter")), x->o->filter_text);
	struct collector_options options = {
		.generator = json_string_value(json_object_get(m, "generator")),
		.manifest = json_object_get(m, "options"),
		.filter = filter, .terms = x->o->filter_text ? &x->terms : NULL,
		.attached = json_is_true(json_object_get(m, "attached")),
		.from = x->o->path, .host = capture_host(x->capture),
	};
	int err;

	filter_compile(&x->o->filter, capture_clock(x->capture)->khz, &x->terms);
	x->collector = collector_new(&options);
	free(filter);
	err = x->collector ? collector_replay_clock(x->collector, capture_clock(x->capture)) :
			     -ENOMEM;
	if (err)
		snprintf(msg, EXPORT_MSG, "%s", strerror(-err));
	for (size_t i = 0; !err && i < x->o->noutputs; i++) {
		if (same_file(x->o->path, x->o->outputs[i])) {
			snprintf(msg, EXPORT_MSG, "%s: it is the capture itself; name another file",
				 x->o->outputs[i]);
			return -EINVAL;
		}
		err = collector_add_output(x->collector, x->o->outputs[i]);
	}
	return err;
}

static int read_all(struct export *x)
{
	const union vmmt_record *rec;
	int ret;

	while ((ret = capture_next(x->capture, &rec)) > 0) {
		if (rec->head.event == VMMT_EVENT_exit && rec->exit.class >= VMMT_NCLASS)
			return -EBADMSG;
		x->records++;
		if (rec->head.event == VMMT_EVENT_lost)
			x->lost += rec->lost.count;
		if (rec->head.event == VMMT_EVENT_exit) {
			x->exits++;
			x->seen[rec->exit.class]++;
		}
		ret = collector_replay(x->collector, rec, rec->head.size);
		if (ret)
			return ret;
	}
	return ret;
}

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* Takes the totals over, which must tell of what was read. */
static bool agrees(struct export *x, const json_t *totals, const char *what, uint64_t read,
		   char *msg)
{
	uint64_t told = number(totals, what);

	if (told == read)
		return true;
	snprintf(msg, EXPORT_MSG, "its totals tell of %" PRIu64 " %s, but %" PRIu64
		 " are in it; vmmtrace verify says what is wrong", told, what, read);
	return false;
}

static bool take_totals(struct export *x, const json_t *totals, char *msg)
{
	const json_t *classes = json_object_get(totals, "classes");

	if (!agrees(x, totals, "records", x->records, msg) ||
	    !agrees(x, totals, "exits", x->exits, msg) ||
	    !agrees(x, totals, "lost", x->lost, msg))
		return false;
	for (unsigned int i = 0; i < VMMT_NCLASS; i++) {
		const char *name = vmmt_class_info(i)->name;
		const json_t *class = json_object_get(classes, name);
		struct collector_count *count = &x->totals.class[i];
		uint64_t told = number(class, "recorded");

		if (told != x->seen[i]) {
			snprintf(msg, EXPORT_MSG, "its totals tell of %" PRIu64 " %s exits, but %"
				 PRIu64 " are in it; vmmtrace verify says what is wrong", told,
				 name, x->seen[i]);
			return false;
		}
		count->counted = number(class, "counted");
		count->filtered = number(class, "filtered");
		count->lost = number(class, "lost");
	}
	x->totals.missed = number(totals, "missed");
	return true;
}

/* True if the capture is whole. */
static bool judge(struct export *x, char *msg)
{
	const json_t *totals = capture_totals(x->capture);
	const char *damage = capture_damage(x->capture);

	if (!damage && totals)
		return take_totals(x, totals, msg);
	if (damage)
		snprintf(msg, EXPORT_MSG, "cut short or damaged (%s); what is whole was exported",
			 damage);
	else
		snprintf(msg, EXPORT_MSG, "cut short: there are no totals at its end; what is there was exported");
	return false;
}

/* What ends without totals, and still is what its suffix says. */
static void close_cut(struct export *x)
{
	uint64_t events;
	bool changed;

	collector_free(x->collector);
	x->collector = NULL;
	for (size_t i = 0; i < x->o->noutputs; i++)
		if (!capture_is(x->o->outputs[i]))
			verify_repair(x->o->outputs[i], &events, &changed);
}

static void add_counts(const struct export *x, struct export_result *ret)
{
	const struct collector_count *counts = collector_counts(x->collector);

	for (unsigned int i = 0; i < VMMT_NCLASS; i++) {
		ret->exits.counted += counts[i].counted;
		ret->exits.recorded += counts[i].recorded;
		ret->exits.filtered += counts[i].filtered;
		ret->exits.lost += counts[i].lost;
	}
}

int export_capture(const struct export_options *o, struct export_result *ret,
		   char msg[EXPORT_MSG])
{
	struct export x = { .o = o };
	bool whole;
	int err;

	msg[0] = '\0';
	*ret = (struct export_result){ 0 };
	err = capture_open(o->path, &x.capture, msg);
	if (!err)
		err = open_outputs(&x, msg);
	if (err)
		goto out;
	err = read_all(&x);
	if (err) {
		snprintf(msg, EXPORT_MSG, "cannot be read: %s", strerror(-err));
		goto out;
	}
	whole = judge(&x, msg);
	if (whole)
		err = collector_finish(x.collector, &x.totals);
	else if (collector_failed(x.collector))
		err = -EIO;
	if (err)
		msg[0] = '\0';
	ret->records = collector_stats(x.collector).records;
	add_counts(&x, ret);
	if (!whole)
		close_cut(&x);
	err = err ? err : !whole;
out:
	collector_free(x.collector);
	capture_close(x.capture);
	return err;
}
