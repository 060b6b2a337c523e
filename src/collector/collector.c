/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/collector.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/collector/lttng.h"
#include "src/collector/merge.h"
#include "src/collector/names.h"
#include "src/collector/sink.h"

#define MAX_RECORDS 65536

struct collector {
	struct collector_options options;
	json_t *manifest;
	struct merge merge;
	struct clock_map clock;
	struct sink *sinks;
	bool failed;
	struct collector_stats stats;
	struct collector_count counts[VMMT_NCLASS];
	struct keys keys;
	struct vmmt_filter filter;
	uint64_t missed;
};

static const struct sink_ops *const formats[] = { &json_sink_ops, &ndjson_sink_ops, &ctf_sink_ops };

__attribute__((format(printf, 2, 3)))
static void report(struct collector *c, const char *format, ...)
{
	char line[4608];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (c->options.report)
		c->options.report(c->options.arg, line);
	else
		fprintf(stderr, "vmmtrace: %s\n", line);
}

/* Each failed output is told once; the others go on. */
static void check_sinks(struct collector *c)
{
	for (struct sink *s = c->sinks; s; s = s->next) {
		if (!s->out.error || s->out.reported)
			continue;
		s->out.reported = true;
		c->failed = true;
		report(c, "%s: %s; what was written before is kept (vmmtrace %s)",
		       s->out.path, strerror(s->out.error),
		       s->ops->open ? "export reads it" : "verify --repair");
	}
}

/* Is the record left out? Then it counts as filtered. */
static bool refuse(struct collector *c, const union vmmt_record *rec, struct merge_stream *stream)
{
	if (!c->filter.terms || vmmt_filter_wants(&c->filter, rec->head.event, rec))
		return false;
	stream->refused++;
	if (rec->head.event == VMMT_EVENT_exit)
		c->counts[rec->exit.class].filtered++;
	return true;
}

/* As if the stream had never had the records that were left out, so that in
 * the outputs, too, a gap means a loss. */
static const union vmmt_record *renumber(const union vmmt_record *rec, uint64_t refused,
					 union vmmt_record *room)
{
	memcpy(room, rec, rec->head.size);
	room->head.seq -= refused;
	if (room->head.event == VMMT_EVENT_lost)
		room->lost.from -= refused;
	return room;
}

static void deliver(void *arg, const union vmmt_record *rec, struct merge_stream *stream)
{
	struct collector *c = arg;
	union vmmt_record room;
	struct delivery d = { .clock = &c->clock };
	const struct vmmt_head *h = &rec->head;

	if (refuse(c, rec, stream))
		return;
	if (stream->refused)
		rec = renumber(rec, stream->refused, &room);
	d.rec = rec;
	c->stats.records++;
	if (h->event == VMMT_EVENT_clock)
		clock_add(&c->clock, &rec->clock);
	if (h->time > c->clock.told)
		c->clock.told = h->time;
	if (h->event == VMMT_EVENT_lost)
		c->stats.lost += rec->lost.count;
	if (h->event == VMMT_EVENT_exit) {
		const struct vmmt_exit *x = &rec->exit;

		d.adjacent = stream->last_exit && x->exit == stream->last_exit + 1;
		d.after_halt = d.adjacent && stream->halted;
		stream->last_exit = x->exit;
		stream->halted = x->class == VMMT_CLASS_hlt;
		c->stats.exits++;
		c->counts[x->class].recorded++;
		if (vmmt_class_info(x->class)->key != VMMT_KEY_none)
			keys_add(&c->keys, x->class, x->key);
	}
	for (struct sink *s = c->sinks; s; s = s->next)
		s->ops->record(s, &d);
}

static void late(void *arg, const union vmmt_record *rec)
{
	struct collector *c = arg;

	c->stats.late++;
	if (rec->head.event == VMMT_EVENT_exit)
		c->counts[rec->exit.class].lost++;
}

static void reread(void *arg)
{
	struct collector *c = arg;

	if (c->options.reread)
		c->options.reread(c->options.arg);
}

static json_t *make_manifest(const struct collector_options *o)
{
	json_t *m = json_pack("{s:i, s:s}", "schema", VMMT_SCHEMA_VERSION,
			      "generator", o->generator ? o->generator : "vmmtrace");

	if (m && o->source)
		json_object_set_new(m, "source", json_string(o->source));
	if (m && o->filter)
		json_object_set_new(m, "filter", json_string(o->filter));
	if (m && o->attached)
		json_object_set_new(m, "attached", json_true());
	if (m && o->manifest)
		json_object_set_new(m, "options", json_deep_copy(o->manifest));
	return m;
}

struct collector *collector_new(const struct collector_options *options)
{
	struct collector *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->options = *options;
	c->manifest = make_manifest(options);
	if (!c->manifest) {
		free(c);
		return NULL;
	}
	c->options.manifest = NULL;
	if (options->terms)
		c->filter = *options->terms;
	c->merge.attached = options->attached;
	c->merge.max_pending = options->max_records ? options->max_records : MAX_RECORDS;
	c->merge.hooks = (struct merge_hooks){ deliver, late, reread, c };
	return c;
}

static bool ends_in(const char *text, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(text + len - n, suffix, n);
}

static const struct sink_ops *format_of(const char *path, bool *ret_gz)
{
	size_t len = strlen(path);
	bool gz = ends_in(path, len, ".gz");

	if (gz)
		len -= 3;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!ends_in(path, len, formats[i]->suffix))
			continue;
		*ret_gz = gz;
		return gz && formats[i]->open ? NULL : formats[i];
	}
	return NULL;
}

bool collector_knows_suffix(const char *path)
{
	bool gz;

	return format_of(path, &gz);
}

static bool is_output_already(const struct collector *c, const char *path)
{
	struct stat a, b;

	if (stat(path, &a) || (!S_ISREG(a.st_mode) && !S_ISDIR(a.st_mode)))
		return false;
	for (const struct sink *s = c->sinks; s; s = s->next)
		if (s->out.path && !stat(s->out.path, &b) &&
		    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return true;
	return false;
}

static void sink_free(struct sink *s)
{
	if (!s)
		return;
	out_close(&s->out);
	if (s->ops->free)
		s->ops->free(s);
	free(s);
}

void collector_add_sink(struct collector *c, struct sink *sink)
{
	struct sink **at;

	for (at = &c->sinks; *at; at = &(*at)->next)
		;
	*at = sink;
}

static int open_sink(const struct collector *c, struct sink *s, const char *path, bool gz)
{
	int level = c->options.gz_level ? c->options.gz_level : 1, err;

	s->out.fd = -1;
	s->host = c->options.host;
	err = s->ops->open ? s->ops->open(s, path) : out_open(&s->out, path, gz ? level : 0);
	return err ? err : s->ops->begin(s, c->manifest);
}

static int put_env(const struct collector *c, const char *path, const struct vmmt_clock *clock)
{
	return c->options.from ? env_copy(path, c->options.from) : env_write(path, clock);
}

int collector_add_output(struct collector *c, const char *path)
{
	struct sink *s = NULL;
	const struct sink_ops *ops;
	bool gz;
	int err;

	ops = format_of(path, &gz);
	if (!ops) {
		report(c, "%s: the suffix names no format; there are " COLLECTOR_FORMATS, path);
		return -EINVAL;
	}
	if (is_output_already(c, path)) {
		report(c, "%s: given twice; each output needs a file of its own", path);
		return -EINVAL;
	}
	err = -ENOMEM;
	s = calloc(1, ops->size);
	if (!s)
		goto fail;
	s->ops = ops;
	err = open_sink(c, s, path, gz);
	if (err)
		goto fail;
	err = put_env(c, path, NULL);
	if (err)
		report(c, "%s.env.json: %s; the timeline is written without it", path,
		       strerror(-err));
	collector_add_sink(c, s);
	return 0;
fail:
	report(c, "%s: cannot be written: %s", path, strerror(-err));
	sink_free(s);
	return err;
}

int collector_add_source(struct collector *c)
{
	return merge_add_queue(&c->merge);
}

/* Without a clock no time can be told: the first clock record starts it,
 * wherever in the queues it is. */
static bool clock_ready(struct collector *c, bool must)
{
	const union vmmt_record *rec;
	struct vmmt_clock nominal = { .khz = c->options.khz };

	if (clock_started(&c->clock))
		return true;
	rec = merge_find(&c->merge, VMMT_EVENT_clock);
	if (rec)
		return !clock_add(&c->clock, &rec->clock);
	if (!must && !merge_over(&c->merge))
		return false;
	nominal.time = merge_oldest(&c->merge);
	return !clock_add(&c->clock, &nominal);
}

static void release(struct collector *c, bool all)
{
	uint64_t before = c->stats.records;

	if (c->merge.busy || !clock_ready(c, all))
		return;
	lttng_begin(UST_SPAN_output);
	merge_release(&c->merge, all);
	check_sinks(c);
	lttng_end(UST_SPAN_output, c->stats.records - before);
}

/* lost records come from a collector, not from a source. */
static bool well_formed(const struct vmmt_head *h, size_t size, bool lost)
{
	const struct vmmt_event_info *info;

	if (size < sizeof(*h) || size > sizeof(union vmmt_record))
		return false;
	info = vmmt_event_info(h->event);
	if (!info || info->size != size || !h->seq || (h->event == VMMT_EVENT_lost && !lost))
		return false;
	return h->event != VMMT_EVENT_exit || ((const struct vmmt_exit *)h)->class < VMMT_NCLASS;
}

int collector_push(struct collector *c, int source, const void *record, size_t size)
{
	int err;

	if (!well_formed(record, size, false)) {
		c->stats.malformed++;
		return -EINVAL;
	}
	if (c->options.wanted && !c->options.wanted(c->options.arg, source, record))
		return 0;
	err = merge_push(&c->merge, (size_t)source, record, size);
	if (err)
		return err;
	if (merge_over(&c->merge))
		release(c, false);
	return 0;
}

void collector_advance(struct collector *c, int source, uint64_t tsc)
{
	merge_advance(&c->merge, (size_t)source, tsc);
	release(c, false);
}

void collector_advance_all(struct collector *c, uint64_t tsc)
{
	for (size_t i = 0; i < c->merge.nqueues; i++)
		merge_advance(&c->merge, i, tsc);
	release(c, false);
}

void collector_end_source(struct collector *c, int source)
{
	collector_advance(c, source, UINT64_MAX);
}

int collector_replay_clock(struct collector *c, const struct vmmt_clock *first)
{
	return clock_add(&c->clock, first);
}

int collector_replay(struct collector *c, const union vmmt_record *rec, size_t size)
{
	int err;

	if (!well_formed(&rec->head, size, true)) {
		c->stats.malformed++;
		return -EINVAL;
	}
	err = merge_replay(&c->merge, rec);
	check_sinks(c);
	return err;
}

void collector_flush(struct collector *c)
{
	for (struct sink *s = c->sinks; s; s = s->next) {
		if (s->ops->flush)
			s->ops->flush(s);
		else
			out_flush(&s->out);
	}
	check_sinks(c);
}

static void take_totals(struct collector *c, const struct collector_totals *totals)
{
	for (size_t i = 0; i < VMMT_NCLASS; i++) {
		struct collector_count *own = &c->counts[i];

		if (!totals) {
			own->counted = own->recorded + own->filtered + own->lost;
			continue;
		}
		own->counted = totals->class[i].counted;
		own->filtered += totals->class[i].filtered;
		if (!totals->rest_lost)
			own->lost += totals->class[i].lost;
		else if (own->counted > own->recorded + own->filtered)
			own->lost = own->counted - own->recorded - own->filtered;
		else
			own->lost = 0;
	}
	c->missed = totals ? totals->missed : 0;
	for (size_t i = 0; totals && i < totals->nstreams; i++) {
		const struct collector_stream_end *end = &totals->streams[i];
		struct merge_stream *s = merge_stream(&c->merge, end->vm, end->vcpu);

		if (s)
			merge_end_stream(&c->merge, s, end->seq);
	}
}

static json_t *totals_json(const struct collector *c)
{
	json_t *classes = json_object(), *all;

	for (unsigned int i = 0; i < VMMT_NCLASS; i++) {
		const struct collector_count *n = &c->counts[i];

		if (!n->counted && !n->recorded)
			continue;
		json_object_set_new(classes, vmmt_class_info(i)->name,
			json_pack("{s:I, s:I, s:I, s:I}",
				  "counted", (json_int_t)n->counted,
				  "recorded", (json_int_t)n->recorded,
				  "filtered", (json_int_t)n->filtered,
				  "lost", (json_int_t)n->lost));
	}
	all = json_pack("{s:I, s:I, s:I}", "records", (json_int_t)c->stats.records,
			"exits", (json_int_t)c->stats.exits, "lost", (json_int_t)c->stats.lost);
	if (c->missed)
		json_object_set_new(all, "missed", json_integer((json_int_t)c->missed));
	json_object_set_new(all, "classes", classes);
	return all;
}

int collector_finish(struct collector *c, const struct collector_totals *totals)
{
	json_t *summary;

	release(c, true);
	clock_ready(c, true);
	take_totals(c, totals);
	summary = totals_json(c);
	for (struct sink *s = c->sinks; s; s = s->next) {
		s->ops->end(s, &c->clock, summary);
		if (s->out.path)
			put_env(c, s->out.path, &c->clock.first);
		out_finish(&s->out);
	}
	json_decref(summary);
	check_sinks(c);
	return c->failed ? -EIO : 0;
}

int collector_begin_stream(struct collector *c, uint32_t vm, uint32_t vcpu, uint64_t seq)
{
	struct merge_stream *s = merge_stream(&c->merge, vm, vcpu);

	if (!s)
		return -ENOMEM;
	s->next_seq = seq + 1;
	return 0;
}

static void free_sinks(struct collector *c)
{
	struct sink *next;

	for (; c->sinks; c->sinks = next) {
		next = c->sinks->next;
		sink_free(c->sinks);
	}
}

void collector_restart(struct collector *c)
{
	free_sinks(c);
	merge_forget_streams(&c->merge);
	clock_free(&c->clock);
	c->stats = (struct collector_stats){};
	memset(c->counts, 0, sizeof(c->counts));
	memset(&c->keys, 0, sizeof(c->keys));
	c->missed = 0;
}

bool collector_writes(const struct collector *c)
{
	const struct sink *s = c->sinks;

	while (s && s->out.error)
		s = s->next;
	return s != NULL;
}

bool collector_failed(const struct collector *c)
{
	return c->failed;
}

struct collector_stats collector_stats(const struct collector *c)
{
	struct collector_stats stats = c->stats;

	stats.forced = c->merge.forced;
	return stats;
}

const struct collector_count *collector_counts(const struct collector *c)
{
	return c->counts;
}

const struct keys *collector_keys(const struct collector *c)
{
	return &c->keys;
}

void collector_free(struct collector *c)
{
	if (!c)
		return;
	free_sinks(c);
	merge_free(&c->merge);
	clock_free(&c->clock);
	json_decref(c->manifest);
	free(c);
}
