/* SPDX-License-Identifier: GPL-2.0-only */
/* verify: what must be true of .ndjson. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/verify.h"
#include "src/collector/lines.h"

struct stream {
	uint32_t vm, vcpu;
	uint64_t next_seq;
	int64_t last_t;
	uint64_t lost;			/* records missing so far */
	/* Exits. */
	uint64_t exit, exit_lost;	/* the last one, and lost when it came */
	int64_t exit_t;
	bool exit_halted;		/* a HLT after which the vCPU slept */
	uint64_t nth[VMMT_NCLASS], nth_lost[VMMT_NCLASS];
};

struct verify_ndjson {
	struct stream **streams;
	size_t count, recent;
	struct line_key keys[VMMT_NEVENT][LINE_KEYS_MAX];
	size_t nkeys[VMMT_NEVENT];
};

/* One line, with what is needed again and again. */
struct line {
	const json_t *object;
	unsigned int event;
	int64_t t;
	uint64_t seq, exit;
};

struct verify_ndjson *verify_ndjson_new(void)
{
	struct verify_ndjson *s = calloc(1, sizeof(*s));

	for (unsigned int i = 1; s && i < VMMT_NEVENT; i++)
		s->nkeys[i] = line_keys(i, s->keys[i]);
	return s;
}

void verify_ndjson_free(struct verify_ndjson *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->streams[i]);
	free(s->streams);
	free(s);
}

static struct stream *get_stream(struct verify_ndjson *s, uint32_t vm, uint32_t vcpu)
{
	struct stream **streams, *stream;

	for (size_t i = 0; i < s->count; i++) {
		size_t at = (s->recent + i) % s->count;

		if (s->streams[at]->vm == vm && s->streams[at]->vcpu == vcpu) {
			s->recent = at;
			return s->streams[at];
		}
	}
	streams = realloc(s->streams, (s->count + 1) * sizeof(*streams));
	if (!streams)
		return NULL;
	s->streams = streams;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	stream->vm = vm;
	stream->vcpu = vcpu;
	stream->last_t = INT64_MIN;
	s->streams[s->count++] = stream;
	return stream;
}

static bool is_hex(const char *text)
{
	return text && !strncmp(text, "0x", 2) && text[2] && strlen(text) <= 18 &&
	       strspn(text + 2, "0123456789abcdef") == strlen(text + 2);
}

static bool has_value(unsigned int kind, const char *name)
{
	const struct vmmt_enum *e = vmmt_enum(kind);

	for (size_t i = 0; name && i < e->count; i++)
		if (!strcmp(e->values[i].name, name))
			return true;
	return false;
}

static void check_value(struct verify *v, const struct line_key *key, const json_t *value)
{
	const char *text = json_string_value(value);

	switch (key->kind) {
	case VMMT_KIND_dec:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			verify_fail(v, "\"%s\" is not a number from 0 up", key->name);
		break;
	case VMMT_KIND_ns:
		if (!json_is_integer(value))
			verify_fail(v, "\"%s\" is not a whole number of ns", key->name);
		break;
	case VMMT_KIND_hex:
		if (!is_hex(text))
			verify_fail(v, "\"%s\" is not a hex string", key->name);
		break;
	case VMMT_KIND_flag:
		if (!json_is_true(value))
			verify_fail(v, "\"%s\" is not true", key->name);
		break;
	case VMMT_KIND_text:
		if (!text)
			verify_fail(v, "\"%s\" is not a text", key->name);
		break;
	default:
		if (!has_value(key->kind, text))
			verify_fail(v, "\"%s\": %s is not a known value", key->name,
				    text ? text : "what is there");
	}
}

/* Every key known, every value of its kind, nothing missing. */
static void check_keys(const struct verify_ndjson *s, struct verify *v, const struct line *l)
{
	const struct line_key *keys = s->keys[l->event];
	size_t count = s->nkeys[l->event], at = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)l->object, name, value) {
		size_t tries = 0;

		while (tries < count && strcmp(keys[at].name, name)) {
			at = (at + 1) % count;
			tries++;
		}
		if (tries == count)
			verify_fail(v, "event %s has no key \"%s\"",
				    vmmt_event_info(l->event)->name, name);
		else
			check_value(v, &keys[at], value);
	}
	for (size_t i = 0; i < count; i++)
		if (keys[i].always && !json_object_get(l->object, keys[i].name))
			verify_fail(v, "\"%s\" is missing", keys[i].name);
}

/* Gapless but for what lost lines stand for. */
static void check_seq(struct verify *v, struct stream *st, const struct line *l)
{
	/* The host's stream (vm 0) is as old as the module: it begins anywhere. */
	bool anywhere = v->attached || !st->vm;
	uint64_t first = st->next_seq ? st->next_seq : anywhere ? l->seq : 1;

	if (l->seq != first)
		verify_fail(v, "seq %" PRIu64 " where %" PRIu64 " should be, and no lost line "
			    "stands for the difference", l->seq, first);
	st->next_seq = l->seq + 1;
	if (l->event == VMMT_EVENT_lost) {
		uint64_t count = verify_number(v, l->object, "count");

		if (verify_number(v, l->object, "from") != l->seq)
			verify_fail(v, "\"from\" of a lost line is not its seq");
		if (!count)
			verify_fail(v, "a lost line stands for no record");
		st->next_seq = l->seq + count;
		st->lost += count;
		v->lost += count;
	}
	if (l->t < st->last_t)
		verify_fail(v, "t %" PRId64 " comes after t %" PRId64 " in its stream", l->t,
			    st->last_t);
	st->last_t = l->t;
}

static int64_t get_ns(const struct line *l, const char *key)
{
	return json_integer_value(json_object_get(l->object, key));
}

/* The spans fill the time since the previous exit exactly. */
static void check_spans(struct verify *v, const struct stream *st, const struct line *l,
			bool adjacent)
{
	bool halted = json_object_get(l->object, "halted") != NULL;
	bool user = json_object_get(l->object, "user") != NULL;
	int64_t sum = 0;

	for (size_t i = 0; i < vmmt_span_count; i++) {
		int64_t ns = get_ns(l, vmmt_spans[i].name);

		if (ns < 0)
			verify_fail(v, "span %s is %" PRId64 " ns", vmmt_spans[i].name, ns);
		sum += ns;
	}
	if (halted && user)
		verify_fail(v, "both halted and user");
	if (!adjacent)
		return;
	if (sum != l->t - st->exit_t)
		verify_fail(v, "the spans are %" PRId64 " ns, but %" PRId64
			    " ns went by since the previous exit", sum, l->t - st->exit_t);
	if ((halted && !st->exit_halted) || (user && st->exit_halted))
		verify_fail(v, "%s, but the previous exit was %s HLT",
			    user ? "user" : "halted", user ? "a" : "no");
}

static const char *get_text(const struct line *l, const char *key)
{
	const char *text = json_string_value(json_object_get(l->object, key));

	return text ? text : "";
}

static void check_class(struct verify *v, struct stream *st, const struct line *l)
{
	int class = vmmt_class_by_name(get_text(l, "class"));
	uint64_t nth = verify_number(v, l->object, "nth"), expected;

	if (class < 0)
		return;
	v->seen[class]++;
	if (vmmt_class_info((unsigned int)class)->key != VMMT_KEY_none &&
	    !json_object_get(l->object, "key"))
		verify_fail(v, "\"key\" is missing; class %s has one",
			    vmmt_class_info((unsigned int)class)->name);
	expected = st->nth[class] ? st->nth[class] + 1 : v->attached ? nth : 1;
	if (nth < expected || (nth - expected > st->lost - st->nth_lost[class] && !v->filtered))
		verify_fail(v, "nth %" PRIu64 " of class %s where %" PRIu64 " should be", nth,
			    vmmt_class_info((unsigned int)class)->name, expected);
	st->nth[class] = nth;
	st->nth_lost[class] = st->lost;
}

static void check_exit(struct verify *v, struct stream *st, const struct line *l)
{
	uint64_t expected = st->exit ? st->exit + 1 : v->attached ? l->exit : 1;
	bool user = !strcmp(get_text(l, "end"), "userland");

	if (!st->exit)
		v->vcpus++;
	if (l->exit < expected ||
	    (l->exit - expected > st->lost - st->exit_lost && !v->filtered))
		verify_fail(v, "exit %" PRIu64 " where %" PRIu64 " should be", l->exit, expected);
	check_spans(v, st, l, st->exit && l->exit == st->exit + 1);
	check_class(v, st, l);
	if (user && !v->kvm && !json_object_get(l->object, "return"))
		verify_fail(v, "\"return\" is missing; the exit ended in userland");
	st->exit = l->exit;
	st->exit_lost = st->lost;
	st->exit_t = l->t;
	st->exit_halted = (user || v->kvm) && !strcmp(get_text(l, "class"), "hlt");
}

/* What belongs to an exit comes between the exits before and after it. */
static void check_belongs(struct verify *v, const struct stream *st, const struct line *l)
{
	uint64_t most = st->exit + 1 + st->lost - st->exit_lost;

	if (!st->exit && v->attached)
		return;
	if (l->exit < st->exit || (l->exit > most && !v->filtered))
		verify_fail(v, "belongs to exit %" PRIu64 ", but comes after exit %" PRIu64,
			    l->exit, st->exit);
}

static void check_event(struct verify_ndjson *s, struct verify *v, struct line *l)
{
	uint64_t vm = verify_number(v, l->object, "vm");
	uint64_t vcpu = verify_number(v, l->object, "vcpu");
	struct stream *st = get_stream(s, (uint32_t)vm, (uint32_t)vcpu);

	l->seq = verify_number(v, l->object, "seq");
	l->t = get_ns(l, "t");
	l->exit = (uint64_t)get_ns(l, "exit");
	v->records++;
	check_keys(s, v, l);
	if (!st)
		return;
	check_seq(v, st, l);
	if (l->event == VMMT_EVENT_exit)
		check_exit(v, st, l);
	else if (vcpu < VMMT_VCPU_USER && l->event != VMMT_EVENT_lost)
		check_belongs(v, st, l);
}

static void check_header(struct verify *v, const json_t *object, const char *ev)
{
	if (strcmp(ev, LINE_HEADER)) {
		verify_fail(v, "the first line is no header");
		v->stop = true;
		return;
	}
	verify_manifest(v, object);
}

void verify_ndjson_event(struct verify_ndjson *s, struct verify *v, const json_t *object)
{
	const char *ev = json_string_value(json_object_get(object, "ev"));
	struct line l = { .object = object };

	if (!v->begun) {
		check_header(v, object, ev ? ev : "");
		return;
	}
	if (ev && !strcmp(ev, LINE_FOOTER)) {
		v->ended = true;
		json_decref(v->totals);
		v->totals = json_incref((json_t *)object);
		if (verify_number(v, object, "records") != v->records)
			verify_fail(v, "totals tell of another number of records than the %" PRIu64
				    " in the file", v->records);
		return;
	}
	l.event = ev ? vmmt_event_by_name(ev) : 0;
	if (!l.event)
		verify_fail(v, "there is no event \"%s\"", ev ? ev : "");
	else
		check_event(s, v, &l);
}
