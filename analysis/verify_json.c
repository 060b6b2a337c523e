/* SPDX-License-Identifier: GPL-2.0-only */
/* verify: what must be true of .json, the Trace Event Format as we write it. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/verify.h"
#include "src/collector/names.h"

#define DEPTH 4			/* slices within slices */

struct slice {
	int64_t from, to;	/* ns */
	bool exit;		/* of a vCPU's exit: takes one child, strictly inside */
	bool child;		/* has to be such a child */
	unsigned int children;
};

struct thread {
	uint64_t pid, tid;
	int64_t last;		/* ts of the last event */
	struct slice stack[DEPTH];
	unsigned int depth;
	uint64_t exit, lost;	/* last ordinal, and records lost since */
};

/* A set of numbers that only grows. */
struct ids {
	uint64_t *slots;	/* 0: empty */
	size_t count, room;
};

struct verify_json {
	struct thread **threads;
	size_t count, recent;
	struct ids flows, flow_ends, asyncs, async_ends;
};

static const struct known_key {
	const char *key, *phases;	/* which ph have it */
	bool always;
} known_keys[] = {
	{ "ph", "MXsfibeC", true }, { "name", "MXsfibeC", true }, { "pid", "MXsfibeC", true },
	{ "tid", "MXsfibeC", true }, { "ts", "XsfibeC", true }, { "dur", "X", true },
	{ "cat", "Xsfibe", true }, { "id", "sfbe", true }, { "bp", "f", true },
	{ "s", "i", true }, { "args", "MCib", true }, { "args", "X", false },
};

struct verify_json *verify_json_new(void)
{
	return calloc(1, sizeof(struct verify_json));
}

void verify_json_free(struct verify_json *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->threads[i]);
	free(s->threads);
	free(s->flows.slots);
	free(s->flow_ends.slots);
	free(s->asyncs.slots);
	free(s->async_ends.slots);
	free(s);
}

static uint64_t *ids_slot(uint64_t *slots, size_t room, uint64_t id)
{
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15ull >> 20) & (room - 1);

	while (slots[i] && slots[i] != id)
		i = (i + 1) & (room - 1);
	return &slots[i];
}

static bool ids_has(const struct ids *ids, uint64_t id)
{
	return ids->room && *ids_slot(ids->slots, ids->room, id) == id;
}

static void ids_add(struct ids *ids, uint64_t id)
{
	if (2 * (ids->count + 1) > ids->room) {
		size_t room = ids->room ? 2 * ids->room : 1024;
		uint64_t *slots = calloc(room, sizeof(*slots));

		if (!slots)
			return;
		for (size_t i = 0; i < ids->room; i++)
			if (ids->slots[i])
				*ids_slot(slots, room, ids->slots[i]) = ids->slots[i];
		free(ids->slots);
		ids->slots = slots;
		ids->room = room;
	}
	*ids_slot(ids->slots, ids->room, id) = id;
	ids->count++;
}

static struct thread *get_thread(struct verify_json *s, uint64_t pid, uint64_t tid)
{
	struct thread **threads, *t;

	for (size_t i = 0; i < s->count; i++) {
		size_t at = (s->recent + i) % s->count;

		if (s->threads[at]->pid == pid && s->threads[at]->tid == tid) {
			s->recent = at;
			return s->threads[at];
		}
	}
	threads = realloc(s->threads, (s->count + 1) * sizeof(*threads));
	if (!threads)
		return NULL;
	s->threads = threads;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->pid = pid;
	t->tid = tid;
	s->threads[s->count++] = t;
	return t;
}

static const char *text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "";
}

static void check_keys(struct verify *v, const json_t *event, char ph)
{
	const size_t count = sizeof(known_keys) / sizeof(known_keys[0]);
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)event, name, value) {
		for (i = 0; i < count; i++)
			if (!strcmp(known_keys[i].key, name) && strchr(known_keys[i].phases, ph))
				break;
		if (i == count)
			verify_fail(v, "an event with ph %c has no key \"%s\"", ph, name);
	}
	for (i = 0; i < count; i++)
		if (known_keys[i].always && strchr(known_keys[i].phases, ph) &&
		    !json_object_get(event, known_keys[i].key))
			verify_fail(v, "\"%s\" is missing", known_keys[i].key);
}

/* Microseconds with three decimals: whole nanoseconds. */
static int64_t get_ns(struct verify *v, const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);
	double ns = json_number_value(value) * 1000;
	int64_t whole = ns >= 0 && ns < 9e18 ? (int64_t)(ns + 0.5) : -1;

	if (!json_is_number(value) || whole < 0 || ns - (double)whole > 0.01 ||
	    ns - (double)whole < -0.01) {
		verify_fail(v, "\"%s\" is not a time in us with whole ns", key);
		return 0;
	}
	return whole;
}

static uint64_t get_id(struct verify *v, const json_t *event)
{
	const char *text = text_of(event, "id");
	char *end = NULL;
	uint64_t id = 0;

	if (!strncmp(text, "0x", 2))
		id = strtoull(text, &end, 16);
	if (!id || *end)
		verify_fail(v, "id \"%s\" is no hex string above 0", text);
	return id;
}

/* Slices that ended before ts are not around it any more; nor are, for a slice
 * that begins at ts, those that end there. */
static void pop(struct thread *t, int64_t ts, bool at_end)
{
	while (t->depth && (t->stack[t->depth - 1].to < ts ||
			    (at_end && t->stack[t->depth - 1].to == ts)))
		t->depth--;
}

/* An exit's slice on a vCPU's thread: the ordinals have no gap. */
static void check_exit(struct verify *v, struct thread *t, const json_t *event, int class)
{
	uint64_t n = verify_number(v, json_object_get(event, "args"), "n");
	uint64_t expected = t->exit ? t->exit + 1 : v->attached ? n : 1;

	v->seen[class]++;
	if (!t->exit)
		v->vcpus++;
	if (n < expected || (n - expected > t->lost && !v->filtered))
		verify_fail(v, "exit %" PRIu64 " where %" PRIu64 " should be", n, expected);
	t->exit = n;
	t->lost = 0;
}

static void check_lost(struct verify *v, struct thread *t, const json_t *event)
{
	uint64_t count = verify_number(v, json_object_get(event, "args"), "count");

	t->lost += count;
	v->lost += count;
}

static void check_nesting(struct verify *v, struct thread *t, const struct slice *slice)
{
	struct slice *parent;

	pop(t, slice->from, true);
	parent = t->depth ? &t->stack[t->depth - 1] : NULL;
	if (parent && slice->to > parent->to)
		verify_fail(v, "the slice ends after the one that it is in");
	if (parent && slice->exit)
		verify_fail(v, "an exit within a slice");
	if (slice->child && (!parent || !parent->exit))
		verify_fail(v, "the slice is in no exit");
	if (parent && parent->exit) {
		if (slice->from <= parent->from || slice->to >= parent->to)
			verify_fail(v, "the slice is not strictly inside the exit");
		if (++parent->children > 1)
			verify_fail(v, "more than one slice inside the exit");
	}
	if (t->depth == DEPTH)
		verify_fail(v, "slices nest too deep");
	else
		t->stack[t->depth++] = *slice;
}

static void check_slice(struct verify *v, struct thread *t, const json_t *event, int64_t ts)
{
	const char *cat = text_of(event, "cat");
	bool vcpu = t->pid >= 1000 && t->tid > t->pid && t->tid <= t->pid + 64;
	struct slice slice = { .from = ts, .to = ts + get_ns(v, event, "dur") };
	int class = vmmt_class_by_name(cat);

	slice.exit = vcpu && class >= 0;
	slice.child = vcpu && (!strcmp(cat, "device") || !strcmp(cat, "halted") ||
			       !strcmp(cat, "wait"));
	if (slice.exit)
		check_exit(v, t, event, class);
	else if (vcpu && !strcmp(cat, "lost"))
		check_lost(v, t, event);
	else if (!slice.child && (vcpu || (strcmp(cat, "device") && strcmp(cat, "irq"))))
		verify_fail(v, "there are no slices of category \"%s\" on this thread", cat);
	check_nesting(v, t, &slice);
}

static void check_flow(struct verify_json *s, struct verify *v, struct thread *t,
		       const json_t *event, int64_t ts, char ph)
{
	uint64_t id = get_id(v, event);

	pop(t, ts, false);
	if (!t->depth)
		verify_fail(v, "the arrow's end is not on a slice");
	if (ph == 's') {
		if (ids_has(&s->flows, id))
			verify_fail(v, "id %s is used again", text_of(event, "id"));
		ids_add(&s->flows, id);
		return;
	}
	if (!ids_has(&s->flows, id))
		verify_fail(v, "an arrow ends that never began");
	if (ids_has(&s->flow_ends, id))
		verify_fail(v, "the arrow ends a second time");
	ids_add(&s->flow_ends, id);
}

static void check_async(struct verify_json *s, struct verify *v, const json_t *event, char ph)
{
	uint64_t id = get_id(v, event);

	if (ph == 'b') {
		if (ids_has(&s->asyncs, id))
			verify_fail(v, "id %s is used again", text_of(event, "id"));
		ids_add(&s->asyncs, id);
		return;
	}
	if (!ids_has(&s->asyncs, id) || ids_has(&s->async_ends, id))
		verify_fail(v, "id %s ends, but it is not open", text_of(event, "id"));
	ids_add(&s->async_ends, id);
}

static void check_meta(struct verify *v, const json_t *event, const char *name)
{
	static const char *const known[] = { "clock", "process_name", "process_sort_index",
					     "thread_name", "thread_sort_index" };

	if (!strcmp(name, "end")) {
		v->ended = true;
		json_decref(v->totals);
		v->totals = json_incref(json_object_get(event, "args"));
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i], name))
			return;
	verify_fail(v, "there is no metadata event \"%s\"", name);
}

static void check_instant(struct verify *v, const json_t *event)
{
	if (strcmp(text_of(event, "s"), "t"))
		verify_fail(v, "\"s\" is not \"t\"");
	if (!strcmp(text_of(event, "cat"), "lost"))
		v->lost += verify_number(v, json_object_get(event, "args"), "count");
}

static void check_counter(struct verify *v, const json_t *event)
{
	const json_t *args = json_object_get(event, "args");

	if (json_object_size(args) != 1 ||
	    !json_is_number(json_object_iter_value(json_object_iter((json_t *)args))))
		verify_fail(v, "a counter needs one number");
}

static void check_timed(struct verify_json *s, struct verify *v, const json_t *event, char ph)
{
	struct thread *t = get_thread(s, verify_number(v, event, "pid"),
				      verify_number(v, event, "tid"));
	int64_t ts = get_ns(v, event, "ts");

	if (!t)
		return;
	if (ts < t->last)
		verify_fail(v, "ts steps back on its thread, by %" PRId64 " ns", t->last - ts);
	t->last = ts;
	if (ph == 'X')
		check_slice(v, t, event, ts);
	else if (ph == 's' || ph == 'f')
		check_flow(s, v, t, event, ts, ph);
	else if (ph == 'b' || ph == 'e')
		check_async(s, v, event, ph);
	else if (ph == 'i')
		check_instant(v, event);
	else
		check_counter(v, event);
}

void verify_json_event(struct verify_json *s, struct verify *v, const json_t *event)
{
	const char *ph = text_of(event, "ph"), *name = text_of(event, "name");

	if (!v->begun) {
		if (strcmp(ph, "M") || strcmp(name, "vmmtrace")) {
			verify_fail(v, "not a timeline of vmmtrace: the first event does not say so");
			v->stop = true;
			return;
		}
		verify_manifest(v, json_object_get(event, "args"));
		return;
	}
	if (!*ph || ph[1] || !strchr("MXsfibeC", *ph)) {
		verify_fail(v, "there is no event with ph \"%s\"", ph);
		return;
	}
	check_keys(v, event, *ph);
	if (!verify_number(v, event, "pid") || !verify_number(v, event, "tid"))
		verify_fail(v, "pid and tid must be above 0");
	if (*ph == 'M')
		check_meta(v, event, name);
	else
		check_timed(s, v, event, *ph);
}
