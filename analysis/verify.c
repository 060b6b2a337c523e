/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "analysis/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "analysis/capture.h"
#include "analysis/reader.h"
#include "analysis/text.h"
#include "src/collector/names.h"

void verify_fail(struct verify *v, const char *format, ...)
{
	va_list args;

	if (v->violations++ >= VERIFY_SHOWN)
		return;
	if (v->line)
		fprintf(v->to, "%s:%lu: ", v->path, v->line);
	else
		fprintf(v->to, "%s: ", v->path);
	va_start(args, format);
	vfprintf(v->to, format, args);
	va_end(args);
	fputc('\n', v->to);
}

uint64_t verify_number(struct verify *v, const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	if (json_is_integer(member) && json_integer_value(member) >= 0)
		return (uint64_t)json_integer_value(member);
	verify_fail(v, "\"%s\" is %s", key, member ? "not a number from 0 up" : "missing");
	return 0;
}

void verify_manifest(struct verify *v, const json_t *manifest)
{
	const json_t *schema = json_object_get(manifest, "schema"), *source;

	v->begun = true;
	v->filtered = json_object_get(manifest, "filter") != NULL;
	v->attached = json_is_true(json_object_get(manifest, "attached"));
	source = json_object_get(manifest, "source");
	v->kvm = source && !strcmp(json_is_string(source) ? json_string_value(source) : "", "kvm");
	if (source && !v->kvm)
		verify_fail(v, "\"source\" is not \"kvm\"");
	if (!json_is_integer(schema)) {
		verify_fail(v, "no schema version in the first event");
		v->stop = true;
	} else if (json_integer_value(schema) != VMMT_SCHEMA_VERSION) {
		verify_fail(v, "schema %lld; this program knows schema %d",
			    (long long)json_integer_value(schema), VMMT_SCHEMA_VERSION);
		v->stop = true;
	}
}

static void check_class(struct verify *v, const char *name, const json_t *count,
			uint64_t *ret_lost)
{
	uint64_t counted, recorded, filtered, lost;
	int class = vmmt_class_by_name(name);

	if (class < 0) {
		verify_fail(v, "totals: there is no class \"%s\"", name);
		return;
	}
	counted = verify_number(v, count, "counted");
	recorded = verify_number(v, count, "recorded");
	filtered = verify_number(v, count, "filtered");
	lost = verify_number(v, count, "lost");
	if (counted != recorded + filtered + lost)
		verify_fail(v, "%s: %" PRIu64 " exits counted, but %" PRIu64 " recorded + %" PRIu64
			    " filtered + %" PRIu64 " lost", name, counted, recorded, filtered,
			    lost);
	if (recorded != v->seen[class])
		verify_fail(v, "%s: %" PRIu64 " exits were recorded, but %" PRIu64
			    " are in the file", name, recorded, v->seen[class]);
	*ret_lost += lost;
}

/* The totals against what is in the file. */
static void check_totals(struct verify *v)
{
	const json_t *classes = json_object_get(v->totals, "classes");
	uint64_t lost = 0, exits = 0;
	const char *name;
	json_t *count;

	json_object_foreach((json_t *)classes, name, count)
		check_class(v, name, count, &lost);
	for (unsigned int i = 0; i < VMMT_NCLASS; i++) {
		exits += v->seen[i];
		if (v->seen[i] && !json_object_get(classes, vmmt_class_info(i)->name))
			verify_fail(v, "totals: class %s is missing", vmmt_class_info(i)->name);
	}
	if (verify_number(v, v->totals, "exits") != exits)
		verify_fail(v, "totals tell of another number of exits than the %" PRIu64
			    " in the file", exits);
	if (verify_number(v, v->totals, "lost") != v->lost)
		verify_fail(v, "totals tell of another number of lost records than the %" PRIu64
			    " that lost events stand for", v->lost);
	if (json_object_get(v->totals, "missed"))
		verify_number(v, v->totals, "missed");
	if (lost > v->lost)
		verify_fail(v, "%" PRIu64 " exits were lost, but lost events stand for %" PRIu64
			    " records only", lost, v->lost);
}

static void print_summary(struct verify *v)
{
	const json_t *classes = json_object_get(v->totals, "classes");
	static const char *const keys[] = { "counted", "recorded", "filtered", "lost" };
	char text[4][TEXT_NUMBER], records[TEXT_NUMBER];
	const char *name;
	json_t *count;

	for (int i = 0; i < 4; i++) {
		uint64_t sum = 0;

		json_object_foreach((json_t *)classes, name, count)
			sum += (uint64_t)json_integer_value(json_object_get(count, keys[i]));
		text_number(text[i], sum);
	}
	fprintf(v->to, "%s: whole: %s exits counted = %s recorded + %s filtered + %s lost; "
		"%s records of all kinds, %" PRIu64 " vCPU%s, schema %d\n", v->path, text[0],
		text[1], text[2], text[3],
		text_number(records, (uint64_t)json_integer_value(
				json_object_get(v->totals, "records"))),
		v->vcpus, v->vcpus == 1 ? "" : "s", VMMT_SCHEMA_VERSION);
}

/* What read_lines keeps from line to line. */
struct lines {
	struct verify_json *json;
	struct verify_ndjson *ndjson;
	enum reader_format format;
	bool closed;			/* the end of the file should be next */
};

static void judge_line(struct verify *v, struct lines *l, const char *line, size_t len)
{
	bool array = l->format == READER_JSON;
	json_t *event;

	if (array && v->line == 1)
		return;
	if (l->closed)
		verify_fail(v, "there is more after the end");
	if (array && v->ended && !strcmp(line, "]")) {
		l->closed = true;
		return;
	}
	event = reader_parse(line, len, l->format);
	if (!event) {
		verify_fail(v, "not one whole event");
		return;
	}
	if (array)
		verify_json_event(l->json, v, event);
	else
		verify_ndjson_event(l->ndjson, v, event);
	if (array && (line[len - 1] == ',') == v->ended)
		verify_fail(v, v->ended ? "a comma after the last event" :
					  "no comma after the event");
	l->closed = !array && v->ended;
	json_decref(event);
}

/* The lines of a file, up to its end or to where nothing can be judged. */
static int read_lines(struct verify *v, struct reader *r, struct lines *l)
{
	size_t len;
	char *line;
	int ret;

	for (;;) {
		ret = reader_line(r, &line, &len);
		if (ret <= 0)
			break;
		v->line = reader_number(r);
		if (v->line == 1)
			l->format = reader_format(line);
		if (l->format == READER_UNKNOWN) {
			verify_fail(v, "not a timeline of vmmtrace");
			return 0;
		}
		if (!reader_unterminated(r))
			judge_line(v, l, line, len);
		if (v->stop)
			return 0;
	}
	v->line = 0;
	if (!ret && !reader_number(r))
		verify_fail(v, "empty");
	else if (!ret && (!l->closed || reader_cut(r)))
		verify_fail(v, "cut short: %s (vmmtrace verify --repair keeps what is whole)",
			    v->ended ? "its end is missing" : "there are no totals at its end");
	return ret;
}

static int verify_lines(struct verify *v)
{
	struct lines l = { verify_json_new(), verify_ndjson_new(), READER_UNKNOWN, false };
	struct reader *r = NULL;
	int ret = -ENOMEM;

	if (l.json && l.ndjson)
		ret = reader_open(v->path, &r);
	if (!ret)
		ret = read_lines(v, r, &l);
	if (ret == -EFBIG) {
		verify_fail(v, "a line of more than %d bytes; not a timeline of vmmtrace",
			    READER_LINE_MAX);
		ret = 0;
	}
	verify_json_free(l.json);
	verify_ndjson_free(l.ndjson);
	reader_close(r);
	return ret;
}

int verify_file(const char *path, FILE *to)
{
	struct verify v = { .path = path, .to = to };
	int ret = capture_is(path) ? verify_capture(&v) : verify_lines(&v);

	if (ret)
		goto out;
	if (v.totals && !v.stop)
		check_totals(&v);
	if (v.violations > VERIFY_SHOWN)
		fprintf(to, "%s: and %lu more\n", path, v.violations - VERIFY_SHOWN);
	if (!v.violations)
		print_summary(&v);
	ret = v.violations != 0;
out:
	json_decref(v.totals);
	return ret;
}
