/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/lines.h"

#include <string.h>

struct list {
	struct line_key *keys;
	size_t count;
};

static void add(struct list *l, const char *name, const char *doc, unsigned int kind, bool always)
{
	if (l->count < LINE_KEYS_MAX)
		l->keys[l->count++] = (struct line_key){ name, doc, kind, always };
}

static void add_head(struct list *l, bool in_exit)
{
	static const size_t order[] = {
#define AT(name) offsetof(struct vmmt_head, name)
		AT(event), AT(vm), AT(vcpu), AT(seq), AT(time), AT(exit), AT(cpu), AT(isa),
#undef AT
	};
	const struct vmmt_field *f;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (f = vmmt_head_fields; f->offset != order[i]; f++)
			;
		if (!strcmp(f->name, "event"))
			add(l, "ev", f->doc, f->kind, true);
		else if (!strcmp(f->name, "time"))
			add(l, "t", "nanoseconds from time 0 to the last stamp in the record",
			    VMMT_KIND_ns, true);
		else if (!strcmp(f->name, "exit"))
			add(l, f->name, f->doc, f->kind, in_exit);
		else
			add(l, f->name, f->doc, f->kind, f->kind == VMMT_KIND_dec);
	}
}

/* A span that some exits do not have. */
static bool span_optional(const char *name)
{
	return !strcmp(name, "return") || !strcmp(name, "user") || !strcmp(name, "halted") ||
	       !strcmp(name, "reentry");
}

static bool has_none(unsigned int kind)
{
	const struct vmmt_enum *e = vmmt_enum(kind);

	for (size_t i = 0; e && i < e->count; i++)
		if (!strcmp(e->values[i].name, "none"))
			return true;
	return false;
}

static void add_field(struct list *l, unsigned int event, const struct vmmt_field *f)
{
	bool always = !line_optional(event, f->offset);
	unsigned int kind = f->kind;

	if (kind == VMMT_KIND_pad)
		return;
	if (event == VMMT_EVENT_exit && kind == VMMT_KIND_tsc)
		return;
	if (event == VMMT_EVENT_clock && f->offset == offsetof(struct vmmt_clock, real))
		return;
	if (kind == VMMT_KIND_tsc || kind == VMMT_KIND_ticks)
		kind = VMMT_KIND_ns;
	if (event == VMMT_EVENT_exit && f->offset == offsetof(struct vmmt_exit, cpl))
		always = false;
	if (kind == VMMT_KIND_flag || kind == VMMT_KIND_text || has_none(kind))
		always = false;
	add(l, f->name, f->doc, kind, always);
}

size_t line_keys(unsigned int event, struct line_key keys[LINE_KEYS_MAX])
{
	const struct vmmt_event_info *info = vmmt_event_info(event);
	struct list l = { keys, 0 };

	if (!info)
		return 0;
	add_head(&l, event == VMMT_EVENT_exit);
	if (event == VMMT_EVENT_exit)
		for (size_t i = 0; i < vmmt_span_count; i++)
			add(&l, vmmt_spans[i].name, vmmt_spans[i].doc, VMMT_KIND_ns,
			    !span_optional(vmmt_spans[i].name));
	if (event == VMMT_EVENT_clock)
		add(&l, "tsc", "raw TSC at the stamp", VMMT_KIND_hex, true);
	for (size_t i = 0; i < info->count; i++)
		add_field(&l, event, &info->fields[i]);
	return l.count;
}
