/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The LTTng-UST provider as it presents itself to LTTng at the start of a
 * program; no session is needed for that. The collector's tables of the schema,
 * which are stamped by other means, say what has to be there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lttng/tracepoint-types.h>
#include <lttng/ust-events.h>

#include "src/collector/names.h"
#include "trace/ust/ust.h"

/* The linker's names for the section with this program's tracepoints. */
extern struct lttng_ust_tracepoint *const __start_lttng_ust_tracepoints_ptrs[];
extern struct lttng_ust_tracepoint *const __stop_lttng_ust_tracepoints_ptrs[];

static const struct lttng_ust_probe_desc *provider;
static unsigned int registrations;

/* In the place of LTTng's own: the constructor of the probes calls it. */
struct lttng_ust_registered_probe *
lttng_ust_probe_register(const struct lttng_ust_probe_desc *desc)
{
	provider = desc;
	registrations++;
	return (struct lttng_ust_registered_probe *)&registrations;	/* opaque to it */
}

void lttng_ust_probe_unregister(struct lttng_ust_registered_probe *probe)
{
}

#define SPAN(name, doc) #name "_begin", #name "_end",
static const char *const spans[] = { UST_SPANS(SPAN) };
#undef SPAN
#define NSPANS (sizeof(spans) / sizeof(spans[0]) / 2)

static bool is_tracepoint(const char *event)
{
	struct lttng_ust_tracepoint *const *tp;

	for (tp = __start_lttng_ust_tracepoints_ptrs; tp < __stop_lttng_ust_tracepoints_ptrs; tp++)
		if (!strcmp((*tp)->provider_name, "vmmtrace") && !strcmp((*tp)->event_name, event))
			return true;
	return false;
}

static const struct lttng_ust_event_desc *find_event(const char *name)
{
	for (unsigned int i = 0; i < provider->nr_events; i++)
		if (!strcmp(provider->event_desc[i]->event_name, name))
			return provider->event_desc[i];
	fail_msg("no event %s", name);
	return NULL;
}

static void registers_once(void **state)
{
	assert_int_equal(registrations, 1);
	assert_string_equal(provider->provider_name, "vmmtrace");
	assert_int_equal(provider->nr_events, VMMT_NEVENT - 1 + 2 * NSPANS);
}

static void each_event_is_a_tracepoint(void **state)
{
	for (unsigned int id = 1; id < VMMT_NEVENT; id++)
		if (!is_tracepoint(vmmt_event_info(id)->name))
			fail_msg("no tracepoint vmmtrace:%s", vmmt_event_info(id)->name);
	for (size_t i = 0; i < 2 * NSPANS; i++)
		if (!is_tracepoint(spans[i]))
			fail_msg("no tracepoint vmmtrace:%s", spans[i]);
}

/* Integers in their own width and base, enumerations by name, texts as arrays. */
static void check_type(const struct lttng_ust_type_common *type, const struct vmmt_field *field)
{
	const struct vmmt_enum *e = vmmt_enum(field->kind);

	if (e) {
		const struct lttng_ust_type_enum *t = (const void *)type;
		char name[64];

		snprintf(name, sizeof(name), "vmmtrace_%s", e->name);
		assert_int_equal(type->type, lttng_ust_type_enum);
		assert_string_equal(t->desc->name, name);
		assert_int_equal(t->desc->nr_entries, e->count);
		type = t->container_type;
	}
	if (field->kind == VMMT_KIND_text) {
		assert_int_equal(type->type, lttng_ust_type_array);
		assert_int_equal(((const struct lttng_ust_type_array *)type)->length, field->size);
	} else {
		const struct lttng_ust_type_integer *t = (const void *)type;

		assert_int_equal(type->type, lttng_ust_type_integer);
		assert_int_equal(t->size, 8 * field->size);
		assert_int_equal(t->signedness, 0);
		assert_int_equal(t->base, field->kind == VMMT_KIND_hex ? 16 : 10);
	}
}

static size_t check_fields(const struct lttng_ust_event_desc *desc, size_t next,
			   const struct vmmt_field *fields, size_t count)
{
	const struct lttng_ust_tracepoint_class *class = desc->tp_class;

	for (size_t i = 0; i < count; i++) {
		if (fields[i].kind == VMMT_KIND_pad)
			continue;
		assert_true(next < class->nr_fields);
		assert_string_equal(class->fields[next]->name, fields[i].name);
		check_type(class->fields[next++]->type, &fields[i]);
	}
	return next;
}

static void events_have_all_fields(void **state)
{
	for (unsigned int id = 1; id < VMMT_NEVENT; id++) {
		const struct vmmt_event_info *info = vmmt_event_info(id);
		const struct lttng_ust_event_desc *desc = find_event(info->name);
		size_t n = check_fields(desc, 0, vmmt_head_fields, vmmt_head_count);

		n = check_fields(desc, n, info->fields, info->count);
		assert_int_equal(desc->tp_class->nr_fields, n);
	}
}

static void enumerations_name_their_values(void **state)
{
	const struct lttng_ust_tracepoint_class *class = find_event("exit")->tp_class;

	for (size_t i = 0; i < class->nr_fields; i++) {
		const struct lttng_ust_type_enum *t = (const void *)class->fields[i]->type;

		if (strcmp(class->fields[i]->name, "class"))
			continue;
		for (unsigned int k = 0; k < t->desc->nr_entries; k++) {
			const struct lttng_ust_enum_entry *entry = t->desc->entries[k];

			assert_string_equal(entry->string, vmmt_class_info(k)->name);
			assert_int_equal(entry->start.value, k);
			assert_int_equal(entry->end.value, k);
		}
		return;
	}
	fail_msg("an exit without class");
}

static void unknown_events_are_ignored(void **state)
{
	union vmmt_record rec = { 0 };

	ust_emit(&rec);
	rec.head.event = VMMT_NEVENT;
	ust_emit(&rec);
	rec.head.event = UINT16_MAX;
	ust_emit(&rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_once),
		cmocka_unit_test(each_event_is_a_tracepoint),
		cmocka_unit_test(events_have_all_fields),
		cmocka_unit_test(enumerations_name_their_values),
		cmocka_unit_test(unknown_events_are_ignored),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
