/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's counters in .json: every 10 ms, where they changed, the share of its
 * vCPUs' time that was spent in the guest, exits per ms, and guest memory
 * touched so far.
 */
#include <config.h>

#include "src/collector/json.h"

static struct json_window *window(struct json_counters *c, int64_t number)
{
	return &c->windows[number & (WINDOWS - 1)];
}

static void begin(struct json_counters *c, int64_t number)
{
	if (c->begun)
		return;
	c->begun = true;
	c->first = c->last = number;
	c->shown_guest = c->shown_exits = c->shown_touched = UINT64_MAX;
}

static char *put_head(char *p, const struct json_vm *vm, const char *name, int64_t number)
{
	p = fmt_str(FMT_LIT(p, "{\"ph\":\"C\",\"name\":\""), name);
	return json_where(FMT_LIT(p, "\""), vm, TID_COUNTER, number * WINDOW_NS);
}

/* One decimal, from tenths. */
static void put_tenths(struct json_sink *js, const struct json_vm *vm, const char *name,
		       const char *key, int64_t number, uint64_t tenths)
{
	char *p = put_head(out_reserve(&js->sink.out), vm, name, number);

	p = fmt_str(FMT_LIT(p, ",\"args\":{\""), key);
	p = fmt_u64(FMT_LIT(p, "\":"), tenths / 10);
	*p++ = '.';
	*p++ = (char)('0' + tenths % 10);
	out_commit(&js->sink.out, FMT_LIT(p, "}},\n"));
}

static void put_bytes(struct json_sink *js, const struct json_vm *vm, int64_t number,
		      uint64_t bytes)
{
	char *p = put_head(out_reserve(&js->sink.out), vm, "RAM touched", number);

	p = fmt_u64(FMT_LIT(p, ",\"args\":{\"bytes\":"), bytes);
	out_commit(&js->sink.out, FMT_LIT(p, "}},\n"));
}

/* Writes the oldest open window and opens it for the time WINDOWS later. */
static void close_first(struct json_sink *js, struct json_vm *vm)
{
	struct json_counters *c = &vm->counters;
	struct json_window *w = window(c, c->first);
	uint64_t all = (uint64_t)WINDOW_NS * (vm->nvcpus ? vm->nvcpus : 1);
	uint64_t guest = (w->guest * 1000 + all / 2) / all, exits = w->exits;

	c->touched += w->touched;
	if (guest > 1000)
		guest = 1000;
	if (guest != c->shown_guest)
		put_tenths(js, vm, "guest", "%", c->first, guest);
	if (exits != c->shown_exits)
		put_tenths(js, vm, "exits", "per ms", c->first, exits);
	if (c->touched != c->shown_touched)
		put_bytes(js, vm, c->first, c->touched);
	c->shown_guest = guest;
	c->shown_exits = exits;
	c->shown_touched = c->touched;
	*w = (struct json_window){ 0 };
	c->first++;
}

/* The vCPU has come to ns. Windows that every vCPU has passed are closed; so
 * are those that are too old to wait for a vCPU that sleeps. */
static void advance(struct json_sink *js, struct json_vm *vm, struct json_vcpu *v, int64_t ns)
{
	struct json_counters *c = &vm->counters;
	int64_t number = ns / WINDOW_NS, least = number;

	v->progress = ns;
	if (number > c->last)
		c->last = number;
	if (number <= c->first)
		return;
	for (unsigned int i = 0; i < JSON_VCPUS; i++)
		if (vm->vcpus[i] && vm->vcpus[i]->progress / WINDOW_NS < least)
			least = vm->vcpus[i]->progress / WINDOW_NS;
	while (c->first < least || c->first + WINDOWS <= number)
		close_first(js, vm);
}

void json_count_exit(struct json_sink *js, struct json_vm *vm, struct json_vcpu *v,
		     int64_t enter, int64_t left)
{
	struct json_counters *c = &vm->counters;
	int64_t at, end;

	begin(c, enter / WINDOW_NS);
	at = c->first * WINDOW_NS;
	/* Window by window: a stay may be longer than all that are open. */
	for (at = enter > at ? enter : at; at < left; at = end) {
		advance(js, vm, v, at);
		end = (at / WINDOW_NS + 1) * WINDOW_NS;
		if (end > left)
			end = left;
		window(c, at / WINDOW_NS)->guest += (uint64_t)(end - at);
	}
	advance(js, vm, v, left);
	window(c, left / WINDOW_NS < c->first ? c->first : left / WINDOW_NS)->exits++;
}

void json_count_touched(struct json_vm *vm, int64_t ns, uint64_t bytes)
{
	struct json_counters *c = &vm->counters;
	int64_t number = ns / WINDOW_NS;

	begin(c, number);
	if (number < c->first)
		number = c->first;
	if (number >= c->first + WINDOWS)
		number = c->first + WINDOWS - 1;
	if (number > c->last)
		c->last = number;
	window(c, number)->touched += bytes;
}

void json_count_end(struct json_sink *js, struct json_vm *vm)
{
	struct json_counters *c = &vm->counters;

	while (c->begun && c->first <= c->last)
		close_first(js, vm);
}
