/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Emits a record of each event, every field with a value of its own, and the
 * begin and end of each span, and prints what babeltrace2 has to show for it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/collector/names.h"
#include "trace/ust/ust.h"

static unsigned int counter;

static void set(void *rec, const struct vmmt_field *field)
{
	const struct vmmt_enum *e = vmmt_enum(field->kind);
	uint64_t value = ++counter * 0x0fedcba987654321ull;

	if (e)
		value = e->values[counter % e->count].value;
	if (field->kind == VMMT_KIND_text)
		snprintf((char *)rec + field->offset, field->size, "text %u", counter);
	else
		memcpy((char *)rec + field->offset, &value, field->size);
}

static void show(const void *rec, const struct vmmt_field *field, const char *before)
{
	uint64_t value;

	if (field->kind == VMMT_KIND_pad)
		return;
	printf("%s%s = ", before, field->name);
	if (field->kind == VMMT_KIND_text) {
		printf("\"%s\"", (const char *)rec + field->offset);
		return;
	}
	value = vmmt_field_get(rec, field);
	if (vmmt_enum(field->kind))
		printf("( \"%s\" : container = %" PRIu64 " )",
		       vmmt_value_name(field->kind, value).text, value);
	else
		printf(field->kind == VMMT_KIND_hex ? "0x%" PRIX64 : "%" PRIu64, value);
}

int main(void)
{
	for (unsigned int id = 1; id < VMMT_NEVENT; id++) {
		const struct vmmt_event_info *info = vmmt_event_info(id);
		union vmmt_record rec = { 0 };

		for (size_t i = 0; i < vmmt_head_count; i++)
			set(&rec, &vmmt_head_fields[i]);
		for (size_t i = 0; i < info->count; i++)
			set(&rec, &info->fields[i]);
		rec.head.event = (__u16)id;
		ust_emit(&rec);
		printf("vmmtrace:%s: { ", info->name);
		for (size_t i = 0; i < vmmt_head_count; i++)
			show(&rec, &vmmt_head_fields[i], i ? ", " : "");
		for (size_t i = 0; i < info->count; i++)
			show(&rec, &info->fields[i], ", ");
		puts(" }");
	}
#define SPAN(name, doc) \
	ust_span(UST_SPAN_##name, false, 0); \
	puts("vmmtrace:" #name "_begin: { }"); \
	ust_span(UST_SPAN_##name, true, ++counter); \
	printf("vmmtrace:" #name "_end: { records = %u }\n", counter);
	UST_SPANS(SPAN)
	return 0;
}
