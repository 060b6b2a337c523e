/* SPDX-License-Identifier: GPL-2.0-only */
/* The .ndjson writer: one flat object a line, see lines.h. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "src/collector/fmt.h"
#include "src/collector/lines.h"
#include "src/collector/sink.h"

static void put_object(struct out *o, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (!text) {
		o->error = ENOMEM;
		return;
	}
	out_text(o, text, strlen(text));
	out_text(o, "\n", 1);
	free(text);
}

static json_t *keys_json(void)
{
	struct line_key keys[LINE_KEYS_MAX];
	json_t *all = json_object();

	for (unsigned int event = 1; event < VMMT_NEVENT; event++) {
		size_t count = line_keys(event, keys);
		json_t *list = json_array();

		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_string(keys[i].name));
		if (count)
			json_object_set_new(all, vmmt_event_info(event)->name, list);
		else
			json_decref(list);
	}
	return all;
}

static int ndjson_begin(struct sink *s, const json_t *manifest)
{
	json_t *header = json_pack("{s:s, s:s}", "ev", LINE_HEADER, "unit", "ns");

	if (!header)
		return -ENOMEM;
	json_object_update(header, (json_t *)manifest);
	json_object_set_new(header, "keys", keys_json());
	put_object(&s->out, header);
	json_decref(header);
	return 0;
}

/* Names with their quotes, in pieces of one size: copied whole, with no call. */
struct quoted {
	char text[23];
	uint8_t len;
};

#define QUOTED(value, vname, ...) [value] = { "\"" #vname "\"", sizeof(#vname) + 1 },
#define ENUM(NAME, ename) \
static const struct quoted quoted_##ename[] = { VMMT_ENUM_##NAME(QUOTED) };
VMMT_ENUMS(ENUM)
#undef ENUM
#undef QUOTED

/* NULL for a value without a name. */
static inline __attribute__((always_inline))
const struct quoted *quoted_name(unsigned int kind, uint64_t v)
{
	switch (kind) {
#define ENUM(NAME, ename) \
	case VMMT_KIND_##ename: \
		if (v >= sizeof(quoted_##ename) / sizeof(quoted_##ename[0])) \
			return NULL; \
		return quoted_##ename[v].len ? &quoted_##ename[v] : NULL;
	VMMT_ENUMS(ENUM)
#undef ENUM
	default:
		return NULL;
	}
}

/* One key and its value. kind is constant in every call: only one case is
 * left of the switch. */
static inline __attribute__((always_inline))
char *put_field(char *p, const char *key, size_t len, unsigned int kind, uint64_t v,
		const struct delivery *d)
{
	const struct quoted *name;

	if (kind >= VMMT_KIND_ENUMS) {
		name = quoted_name(kind, v);
		if (name && !memcmp(name->text, "\"none\"", 6))
			return p;
		p = fmt_bytes(p, key, len);
		if (!name)
			return fmt_u64(p, v);
		memcpy(p, name->text, sizeof(name->text));
		return p + name->len;
	}
	switch (kind) {
	case VMMT_KIND_dec:
		return fmt_u64(fmt_bytes(p, key, len), v);
	case VMMT_KIND_hex:
		return fmt_hex(fmt_bytes(p, key, len), v);
	case VMMT_KIND_tsc:
		return fmt_s64(fmt_bytes(p, key, len), clock_ns(d->clock, v));
	case VMMT_KIND_ticks:
		return fmt_u64(fmt_bytes(p, key, len), clock_duration(d->clock, v));
	case VMMT_KIND_ns:
		return fmt_s64(fmt_bytes(p, key, len), (int64_t)(v - d->clock->first.mono));
	case VMMT_KIND_flag:
		return v ? FMT_LIT(fmt_bytes(p, key, len), "true") : p;
	default:
		return p;
	}
}

#define PUT(p, key, kind, v, d) \
	put_field(p, ",\"" key "\":", sizeof(",\"" key "\":") - 1, kind, v, d)

static inline __attribute__((always_inline))
char *put_head(char *p, const struct vmmt_head *h, const struct delivery *d)
{
	p = PUT(p, "vm", VMMT_KIND_dec, h->vm, d);
	p = PUT(p, "vcpu", VMMT_KIND_dec, h->vcpu, d);
	p = PUT(p, "seq", VMMT_KIND_dec, h->seq, d);
	p = PUT(p, "t", VMMT_KIND_tsc, h->time, d);
	if (h->exit)
		p = PUT(p, "exit", VMMT_KIND_dec, h->exit, d);
	p = PUT(p, "cpu", VMMT_KIND_dec, h->cpu, d);
	return PUT(p, "isa", VMMT_KIND_isa, h->isa, d);
}

#define SPAN(p, name, from, to) fmt_s64(FMT_LIT(p, ",\"" #name "\":"), (to) - (from))

/* The time from the end of the vCPU's previous exit to the end of this one. */
static char *put_spans(char *p, const struct vmmt_exit *x, const struct delivery *d)
{
	int64_t prev = clock_ns(d->clock, x->t_prev), traced = clock_ns(d->clock, x->t_traced);
	int64_t enter = clock_ns(d->clock, x->t_enter), left = clock_ns(d->clock, x->t_exit);
	int64_t handled = clock_ns(d->clock, x->t_handled), run = traced;

	p = SPAN(p, guest, enter, left);
	p = SPAN(p, kernel, left, handled);
	/* Stamps that are one were not told apart: there is no such span. */
	if (x->t_out && x->t_out != x->t_handled)
		p = SPAN(p, return, handled, clock_ns(d->clock, x->t_out));
	p = SPAN(p, trace, prev, traced);
	if (x->t_run) {
		run = clock_ns(d->clock, x->t_run);
		if (d->after_halt)
			p = SPAN(p, halted, traced, run);
		else
			p = SPAN(p, user, traced, run);
	}
	if ((x->t_run ? x->t_run : x->t_traced) == x->t_enter)
		return p;
	return SPAN(p, reentry, run, enter);
}

/* Before its fields: what a line has that the schema has in another form. */
static inline __attribute__((always_inline))
char *put_derived(char *p, unsigned int event, const struct delivery *d)
{
	if (event == VMMT_EVENT_exit)
		return put_spans(p, &d->rec->exit, d);
	if (event == VMMT_EVENT_clock)
		return PUT(p, "tsc", VMMT_KIND_hex, d->rec->clock.time, d);
	return p;
}

/* Is that field of the record left out? All but the values of the record is
 * constant where this is used. */
static inline __attribute__((always_inline))
bool left_out(unsigned int event, size_t offset, unsigned int kind, uint64_t v,
	      const union vmmt_record *rec)
{
	if (event == VMMT_EVENT_exit) {
		unsigned int class = rec->exit.class;

		if (kind == VMMT_KIND_tsc)
			return true;
		if (offset == offsetof(struct vmmt_exit, key))
			return !v && vmmt_class_info(class)->key == VMMT_KEY_none;
		if (offset == offsetof(struct vmmt_exit, cpl))
			return v == VMMT_CPL_NONE;
		if (offset == offsetof(struct vmmt_exit, value))
			return !v && !vmmt_class_has_value(class);
	}
	if (event == VMMT_EVENT_clock && offset == offsetof(struct vmmt_clock, real))
		return true;
	return !v && line_optional(event, offset);
}

#define FIELD(type, fname, fkind, doc) \
	if (!left_out(event, offsetof(record, fname), VMMT_KIND_##fkind, r->fname, d->rec)) \
		p = PUT(p, #fname, VMMT_KIND_##fkind, r->fname, d);
#define TEXT(fname, fsize, doc) \
	if (r->fname[0]) \
		p = fmt_json(FMT_LIT(p, ",\"" #fname "\":"), r->fname, sizeof(r->fname));
#define EVENT(id, ename, doc, NAME) \
static char *put_##ename(char *p, const struct delivery *d) \
{ \
	typedef struct vmmt_##ename record; \
	const unsigned int event = VMMT_EVENT_##ename; \
	const record *r = &d->rec->ename; \
	\
	p = FMT_LIT(p, "{\"ev\":\"" #ename "\""); \
	p = put_head(p, &r->head, d); \
	p = put_derived(p, event, d); \
	VMMT_##NAME##_FIELDS(FIELD, TEXT) \
	return FMT_LIT(p, "}\n"); \
}
VMMT_EVENTS(EVENT)
#undef EVENT
#undef FIELD
#undef TEXT

char *ndjson_line(char *p, const struct delivery *d)
{
	static char *(*const put[])(char *, const struct delivery *) = {
#define EVENT(id, ename, doc, NAME) [id] = put_##ename,
		VMMT_EVENTS(EVENT)
#undef EVENT
	};

	return put[d->rec->head.event](p, d);
}

static void ndjson_record(struct sink *s, const struct delivery *d)
{
	out_commit(&s->out, ndjson_line(out_reserve(&s->out), d));
}

static void ndjson_end(struct sink *s, const struct clock_map *clock, const json_t *totals)
{
	json_t *footer = json_pack("{s:s}", "ev", LINE_FOOTER);

	(void)clock;
	json_object_update(footer, (json_t *)totals);
	put_object(&s->out, footer);
	json_decref(footer);
}

const struct sink_ops ndjson_sink_ops = {
	.suffix = ".ndjson",
	.size = sizeof(struct sink),
	.begin = ndjson_begin,
	.record = ndjson_record,
	.end = ndjson_end,
};
