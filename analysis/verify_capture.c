/* SPDX-License-Identifier: GPL-2.0-only */
/* verify: a .ctf capture, as the .ndjson that it stands for. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/capture.h"
#include "analysis/reader.h"
#include "analysis/verify.h"
#include "src/collector/lines.h"
#include "src/collector/sink.h"

/* Takes the records of a collector, as an output would. */
struct judge {
	struct sink sink;
	struct verify *v;
	struct verify_ndjson *state;
	char line[OUT_LINE_MAX];
};

static void judge_record(struct sink *s, const struct delivery *d)
{
	struct judge *j = (struct judge *)s;
	size_t len = (size_t)(ndjson_line(j->line, d) - j->line) - 1;
	json_t *event = reader_parse(j->line, len, READER_NDJSON);

	j->v->line++;
	if (event)
		verify_ndjson_event(j->state, j->v, event);
	else
		verify_fail(j->v, "a record with a text that is not UTF-8");
	json_decref(event);
}

static void judge_end(struct sink *s, const struct clock_map *clock, const json_t *totals)
{
}

static void judge_free(struct sink *s)
{
	verify_ndjson_free(((struct judge *)s)->state);
}

static const struct sink_ops judge_ops = {
	.size = sizeof(struct judge),
	.record = judge_record,
	.end = judge_end,
	.free = judge_free,
};

/* The first or the last line: an object with "ev" before it. */
static void judge_object(struct verify *v, struct verify_ndjson *state, const char *ev,
			 const json_t *object)
{
	json_t *line = json_pack("{s:s}", "ev", ev);

	json_object_update(line, (json_t *)object);
	verify_ndjson_event(state, v, line);
	json_decref(line);
}

static struct judge *add_judge(struct collector *c, struct verify *v)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->sink.ops = &judge_ops;
	j->sink.out.fd = -1;
	j->v = v;
	j->state = verify_ndjson_new();
	collector_add_sink(c, &j->sink);
	return j->state ? j : NULL;
}

/* What is cut short has no totals to be held to. */
static void judge_end_of(struct verify *v, struct verify_ndjson *state,
			 const struct capture *capture)
{
	if (capture_damage(capture)) {
		verify_fail(v, "cut short or damaged: %s (vmmtrace export keeps what is whole)",
			    capture_damage(capture));
	} else if (!capture_totals(capture)) {
		verify_fail(v, "cut short: there are no totals at its end (vmmtrace export keeps what is whole)");
	} else {
		judge_object(v, state, LINE_FOOTER, capture_totals(capture));
		if (capture_discarded(capture) != v->lost)
			verify_fail(v, "its packets tell of another number of lost records than its lost events");
	}
}

static int judge_all(struct verify *v, struct capture *capture, struct collector *c)
{
	struct judge *j = add_judge(c, v);
	const union vmmt_record *rec;
	int ret;

	ret = j ? collector_replay_clock(c, capture_clock(capture)) : -ENOMEM;
	if (ret)
		return ret;
	judge_object(v, j->state, LINE_HEADER, capture_manifest(capture));
	while ((ret = capture_next(capture, &rec)) > 0) {
		ret = collector_replay(c, rec, rec->head.size);
		if (ret == -EINVAL)
			verify_fail(v, "a record that cannot be");
		else if (ret)
			return ret;
	}
	v->line = 0;
	if (!ret)
		judge_end_of(v, j->state, capture);
	return ret;
}

int verify_capture(struct verify *v)
{
	struct collector_options options = { .generator = "verify" };
	struct capture *capture;
	struct collector *c;
	char msg[CAPTURE_MSG];
	int ret = capture_open(v->path, &capture, msg);

	if (ret == -EINVAL || ret == -EPROTO) {
		verify_fail(v, "%s", msg);
		return 0;
	}
	if (ret)
		return ret;
	options.attached = json_is_true(json_object_get(capture_manifest(capture), "attached"));
	c = collector_new(&options);
	ret = c ? judge_all(v, capture, c) : -ENOMEM;
	collector_free(c);
	capture_close(capture);
	return ret;
}
