// SPDX-License-Identifier: GPL-2.0-only
/* The fields of the schema that can be filtered by. */
#include <config.h>

#include "src/filter/internal.h"

#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	uint16_t event, from, to;
} durations[] = {
#define DURATION(event, name, from, to, doc) \
	{ #name, VMMT_EVENT_##event, offsetof(struct vmmt_##event, from), \
	  offsetof(struct vmmt_##event, to) },
	VMMT_DURATIONS(DURATION)
#undef DURATION
};

bool word_is(struct word w, const char *text)
{
	return strlen(text) == w.len && !memcmp(text, w.at, w.len);
}

/* Without clock records there is no time, without life records no names, and
 * lost records are the proof. */
bool field_event_stays(unsigned int event)
{
	return event == VMMT_EVENT_clock || event == VMMT_EVENT_lost || event == VMMT_EVENT_life;
}

/* Stamps have no unit that one could give, texts no order; seq is numbered
 * anew for what is kept; size and verdict are the transport's. */
static bool usable(const struct vmmt_field *f, bool head)
{
	if (f->kind == VMMT_KIND_tsc || f->kind == VMMT_KIND_text || f->kind == VMMT_KIND_pad ||
	    f->kind == VMMT_KIND_verdict)
		return false;
	return !head || (strcmp(f->name, "size") && strcmp(f->name, "seq"));
}

static bool head_applies(const struct vmmt_field *f, unsigned int event)
{
	return !field_event_stays(event) || (event == VMMT_EVENT_life && !strcmp(f->name, "vm"));
}

static void add_ref(struct field *field, unsigned int event, const struct vmmt_field *f)
{
	field->name = f->name;
	field->kind = f->kind;
	field->ref[event] = (struct vmmt_ref){ .offset = f->offset, .size = (uint8_t)f->size };
}

static void find_in_event(struct word name, unsigned int event, struct field *field)
{
	const struct vmmt_event_info *info = vmmt_event_info(event);

	for (size_t i = 0; i < vmmt_head_count; i++) {
		const struct vmmt_field *f = &vmmt_head_fields[i];

		if (usable(f, true) && head_applies(f, event) && word_is(name, f->name))
			add_ref(field, event, f);
	}
	for (size_t i = 0; i < info->count && !field_event_stays(event); i++)
		if (usable(&info->fields[i], false) && word_is(name, info->fields[i].name))
			add_ref(field, event, &info->fields[i]);
}

static void find_duration(struct word name, struct field *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		if (!word_is(name, durations[i].name))
			continue;
		field->name = durations[i].name;
		field->kind = VMMT_KIND_ticks;
		field->ref[durations[i].event] = (struct vmmt_ref){
			.offset = durations[i].to, .since = durations[i].from, .size = 8,
		};
	}
}

bool field_find(struct word name, struct field *ret)
{
	struct field field = {};

	for (unsigned int event = 1; event < VMMT_NEVENT; event++)
		find_in_event(name, event, &field);
	find_duration(name, &field);
	if (!field.name)
		return false;
	field.key = !strcmp(field.name, "key");
	field.vm = !strcmp(field.name, "vm");
	field.vcpu = !strcmp(field.name, "vcpu");
	*ret = field;
	return true;
}

bool field_is_stamp(struct word name)
{
	if (word_is(name, "time"))
		return true;
	for (unsigned int event = 1; event < VMMT_NEVENT; event++) {
		const struct vmmt_event_info *info = vmmt_event_info(event);

		for (size_t i = 0; i < info->count; i++)
			if (info->fields[i].kind == VMMT_KIND_tsc &&
			    word_is(name, info->fields[i].name))
				return true;
	}
	return false;
}

/* Is the i-th field of the event the first of its name? */
static bool is_first(unsigned int event, size_t i)
{
	const char *name = vmmt_event_info(event)->fields[i].name;

	for (unsigned int before = 1; before < event; before++) {
		const struct vmmt_event_info *info = vmmt_event_info(before);

		for (size_t j = 0; j < info->count && !field_event_stays(before); j++)
			if (!strcmp(info->fields[j].name, name))
				return false;
	}
	return true;
}

void field_names(void (*take)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < vmmt_head_count; i++)
		if (usable(&vmmt_head_fields[i], true))
			take(arg, vmmt_head_fields[i].name);
	for (unsigned int event = 1; event < VMMT_NEVENT; event++) {
		const struct vmmt_event_info *info = vmmt_event_info(event);

		for (size_t i = 0; i < info->count && !field_event_stays(event); i++)
			if (usable(&info->fields[i], false) && is_first(event, i))
				take(arg, info->fields[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		bool told = false;

		for (size_t j = 0; j < i; j++)
			told |= !strcmp(durations[j].name, durations[i].name);
		if (!told)
			take(arg, durations[i].name);
	}
}
