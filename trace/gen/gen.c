/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Documents made from the schema:
 *
 *	gen events	docs/events.md: what is recorded
 *	gen schema	docs/timeline.schema.json: JSON Schema of a line of .ndjson
 *	gen calls	docs/calls.md: the calls of /dev/vmm and their structures
 *	gen rpc		docs/rpc.schema.json: what vmmtrace serve takes and answers (rpc.c)
 *	gen tracecompass	docs/tracecompass.xml, see tracecompass.c
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "rpc.h"
#include "src/calls/calls.h"
#include "src/collector/lines.h"
#include "trace/gen/gen.h"

/* ---- docs/events.md ---- */

static const char *type_of(const struct vmmt_field *f)
{
	static char text[16];

	if (f->kind == VMMT_KIND_text)
		snprintf(text, sizeof(text), "char[%u]", f->size);
	else
		snprintf(text, sizeof(text), "u%u", f->size * 8u);
	return text;
}

static void print_fields(const struct vmmt_field *fields, size_t count)
{
	printf("| field | type | kind | what |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		const struct vmmt_field *f = &fields[i];
		const char *kind = vmmt_kind_name(f->kind);

		if (f->kind == VMMT_KIND_pad)
			continue;
		printf("| `%s` | %s | ", f->name, type_of(f));
		if (f->kind == VMMT_KIND_event)
			printf("[event](#events)");
		else if (f->kind == VMMT_KIND_class)
			printf("[class](#exit-classes)");
		else if (vmmt_enum(f->kind))
			printf("[%s](#values-of-%s)", kind, kind);
		else
			printf("%s", kind);
		printf(" | %s |\n", f->doc);
	}
	printf("\n");
}

static void print_keys(unsigned int event)
{
	struct line_key keys[LINE_KEYS_MAX];
	size_t count = line_keys(event, keys);

	printf("Keys in .ndjson:");
	for (size_t i = 0; i < count; i++)
		printf(keys[i].always ? " `%s`" : " [`%s`]", keys[i].name);
	printf("\n\n");
}

static void print_events(void)
{
	for (unsigned int id = 1; id < VMMT_NEVENT; id++) {
		const struct vmmt_event_info *info = vmmt_event_info(id);

		if (!info)
			continue;
		printf("### %s\n\n%u: %s. %s, %zu bytes.\n\n", info->name, id, info->doc,
		       info->kernel ? "Kernel tracepoint" : "Userland", info->size);
		print_fields(info->fields, info->count);
		print_keys(id);
	}
}

static void print_spans(void)
{
	printf("## Spans\n\n"
	       "The stamps of a vCPU's exits follow each other without a gap. What lies between them:\n\n"
	       "| span | what |\n|---|---|\n");
	for (size_t i = 0; i < vmmt_span_count; i++)
		printf("| `%s` | %s |\n", vmmt_spans[i].name, vmmt_spans[i].doc);
	printf("\n");
}

static void print_durations(void)
{
	printf("## Durations\n\n"
	       "What one record tells of time, for [filters](man/vmmtrace-filter.7), beside its fields of the\n"
	       "kind ticks:\n\n"
	       "| event | duration | from | to | what |\n|---|---|---|---|---|\n");
#define DURATION(event, name, from, to, doc) \
	printf("| `" #event "` | `" #name "` | `" #from "` | `" #to "` | %s |\n", doc);
	VMMT_DURATIONS(DURATION)
#undef DURATION
	printf("\n");
}

static void print_enum(unsigned int kind)
{
	const struct vmmt_enum *e = vmmt_enum(kind);

	printf("### Values of %s\n\n| value | name | what |\n|---|---|---|\n", e->name);
	for (size_t i = 0; i < e->count; i++)
		printf("| %u | `%s` | %s |\n", e->values[i].value, e->values[i].name,
		       e->values[i].doc);
	printf("\n");
}

static const char *key_name(enum vmmt_key key)
{
	static const char *const names[] = {
#define KEY(name) [VMMT_KEY_##name] = #name
		KEY(none), KEY(port), KEY(msr), KEY(leaf), KEY(cr), KEY(dr), KEY(vector), KEY(gpa),
		KEY(rax),
#undef KEY
	};

	return key == VMMT_KEY_none ? "" : names[key];
}

static void print_classes(void)
{
	printf("## Exit classes\n\n| value | class | what | slice | key |\n|---|---|---|---|---|\n");
	for (unsigned int id = 0; id < VMMT_NCLASS; id++) {
		const struct vmmt_class_info *info = vmmt_class_info(id);

		printf("| %u | `%s` | %s | %s | %s |\n", id, info->name, info->doc, info->label,
		       key_name(info->key));
	}
	printf("\nFilters have names for two at once:");
#define GROUP(name, a, b) printf(" `" #name "` (`" #a "`, `" #b "`)");
	VMMT_CLASS_GROUPS(GROUP)
#undef GROUP
	printf(".\n\n");
}

static void print_code(uint32_t first, uint32_t last, const char *class, const char *name)
{
	printf(first == last ? "| %#x | | " : "| %#x | %#x | ", first, last);
	printf("`%s` | %s |\n", class, name);
}

static void print_codes(void)
{
#define CODE(first, last, class, name) print_code(first, last, #class, name);
	printf("## Raw exit codes\n\nWhat a code's class is before its details are looked at; "
	       "a read or write is told by those.\n\n"
	       "### AMD SVM\n\n| first | last | class | name |\n|---|---|---|---|\n");
	VMMT_SVM_CODES(CODE)
	printf("\n### Intel VMX\n\n| first | last | class | name |\n|---|---|---|---|\n");
	VMMT_VMX_CODES(CODE)
	printf("\n");
#undef CODE
}

static void print_names(void)
{
	printf("## Names of ports\n\nA later row stands above an earlier one.\n\n"
	       "| first | last | device |\n|---|---|---|\n");
#define PORT(first, last, device) printf("| %#x | %#x | %s |\n", first, last, #device);
	VMMT_PORTS(PORT)
#undef PORT
	printf("\n## Names of MSRs\n\n| MSR | name |\n|---|---|\n");
#define MSR(index, name) printf("| %#x | %s |\n", index, #name);
	VMMT_MSRS(MSR)
#undef MSR
}

static void events(void)
{
	printf("# What is recorded\n\n"
	       "<!-- Made from trace/schema.h by trace/gen; `make update-docs` writes it anew. -->\n\n"
	       "Schema version %d. Records are C structs (`trace/record.h`) in the kernel, in BPF and in\n"
	       "userland alike; [timeline.md](timeline.md) tells how they look in files.\n\n"
	       "Kinds of numbers: dec; hex, an address or bits; tsc, a stamp in raw TSC ticks; ticks, a\n"
	       "duration in TSC ticks; ns; flag, 0 or 1; or a value of the enumeration of that name. In\n"
	       ".ndjson, stamps are ns since time 0, durations ns; keys in brackets may be left out.\n\n"
	       "## Every record\n\n", VMMT_SCHEMA_VERSION);
	print_fields(vmmt_head_fields, vmmt_head_count);
	printf("## Events\n\n");
	print_events();
	print_spans();
	print_durations();
	print_classes();
	printf("## Enumerations\n\n");
	for (unsigned int kind = VMMT_KIND_ENUMS; kind < VMMT_NKIND; kind++)
		if (kind != VMMT_KIND_event && kind != VMMT_KIND_class)
			print_enum(kind);
	print_codes();
	print_names();
}

/* ---- docs/timeline.schema.json ---- */

static json_t *enum_schema(const struct vmmt_enum *e)
{
	json_t *values = json_array();

	for (size_t i = 0; i < e->count; i++)
		json_array_append_new(values, json_string(e->values[i].name));
	return json_pack("{s:o}", "enum", values);
}

static json_t *key_schema(const struct line_key *key)
{
	const struct vmmt_enum *e = vmmt_enum(key->kind);
	json_t *s;

	if (e)
		s = enum_schema(e);
	else if (key->kind == VMMT_KIND_dec)
		s = json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
	else if (key->kind == VMMT_KIND_ns)
		s = json_pack("{s:s}", "type", "integer");
	else if (key->kind == VMMT_KIND_flag)
		s = json_pack("{s:b}", "const", 1);
	else if (key->kind == VMMT_KIND_hex)
		s = json_pack("{s:s, s:s}", "type", "string", "pattern", "^0x[0-9a-f]{1,16}$");
	else
		s = json_pack("{s:s}", "type", "string");
	json_object_set_new(s, "description", json_string(key->doc));
	return s;
}

/* An object that has an ev of that name, these properties and no others. */
static json_t *object_schema(const char *ev, const char *doc, json_t *properties,
			     json_t *required)
{
	json_object_set_new(properties, "ev", json_pack("{s:s}", "const", ev));
	json_array_insert_new(required, 0, json_string("ev"));
	return json_pack("{s:s, s:s, s:o, s:o, s:b}", "type", "object", "description", doc,
			 "properties", properties, "required", required,
			 "additionalProperties", 0);
}

static json_t *event_schema(unsigned int event)
{
	struct line_key keys[LINE_KEYS_MAX];
	size_t count = line_keys(event, keys);
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 1; i < count; i++) {
		json_object_set_new(properties, keys[i].name, key_schema(&keys[i]));
		if (keys[i].always)
			json_array_append_new(required, json_string(keys[i].name));
	}
	return object_schema(vmmt_event_info(event)->name, vmmt_event_info(event)->doc, properties,
			     required);
}

static json_t *header_schema(void)
{
	return object_schema(LINE_HEADER, "the first line",
		json_pack("{s:{s:s}, s:{s:i}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:b}, s:{s:s}, s:{s:s}}",
			  "unit", "const", "ns", "schema", "const", VMMT_SCHEMA_VERSION,
			  "generator", "type", "string", "source", "const", "kvm",
			  "filter", "type", "string",
			  "attached", "const", 1, "options", "type", "object",
			  "keys", "type", "object"),
		json_pack("[s, s, s, s]", "unit", "schema", "generator", "keys"));
}

static json_t *count_schema(void)
{
	return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
}

static json_t *footer_schema(void)
{
	json_t *names = json_array();
	json_t *count = json_pack("{s:s, s:{s:o, s:o, s:o, s:o}, s:[s, s, s, s], s:b}",
				  "type", "object", "properties", "counted", count_schema(),
				  "recorded", count_schema(), "filtered", count_schema(),
				  "lost", count_schema(), "required", "counted", "recorded",
				  "filtered", "lost", "additionalProperties", 0);

	for (unsigned int id = 0; id < VMMT_NCLASS; id++)
		json_array_append_new(names, json_string(vmmt_class_info(id)->name));
	return object_schema(LINE_FOOTER, "the last line: totals",
		json_pack("{s:o, s:o, s:o, s:o, s:{s:s, s:{s:o}, s:o}}",
			  "records", count_schema(), "exits", count_schema(), "lost",
			  count_schema(), "missed", count_schema(), "classes", "type", "object", "propertyNames",
			  "enum", names, "additionalProperties", count),
		json_pack("[s, s, s, s]", "records", "exits", "lost", "classes"));
}

static void schema(void)
{
	json_t *kinds = json_array(), *all;

	json_array_append_new(kinds, header_schema());
	for (unsigned int event = 1; event < VMMT_NEVENT; event++)
		if (vmmt_event_info(event))
			json_array_append_new(kinds, event_schema(event));
	json_array_append_new(kinds, footer_schema());
	all = json_pack("{s:s, s:s, s:o}", "$schema", "https://json-schema.org/draft/2020-12/schema",
			"title", "a line of a vmmtrace timeline (.ndjson)", "oneOf", kinds);
	json_dumpf(all, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	printf("\n");
	json_decref(all);
}

/* ---- docs/calls.md ---- */

/* A member's type in C, but that sizes are told. */
static void print_type(const struct calls_member *m)
{
	if (m->kind == CALLS_KIND_text || m->kind == CALLS_KIND_bytes) {
		printf("%s[%zu]", m->kind == CALLS_KIND_text ? "char" : "u8", m->size);
		return;
	}
	if (m->kind == CALLS_KIND_pointer)
		printf("*[%s](#struct-%s)", m->of()->name, m->of()->name);
	else if (m->kind == CALLS_KIND_struct)
		printf("[%s](#struct-%s)", m->of()->name, m->of()->name);
	else
		printf("%c%zu", m->negative ? 's' : 'u', 8 * m->size);
	if (m->array)
		printf("[%zu]", m->n);
}

static void print_names_of(const struct calls_names *names, const char *what)
{
	if (!names || !names->n)
		return;
	printf("; %s:", what);
	for (size_t i = 0; i < names->n; i++)
		printf(" `%s` %d%s", names->list[i].name, names->list[i].value,
		       i + 1 < names->n ? "," : "");
}

static void print_struct(const struct calls_struct *s)
{
	static const char *const ways[] = { "", "in", "out", "in, out" };

	printf("### struct %s\n\n%zu bytes.\n\n| member | offset | type | | what |\n|---|---|---|---|---|\n",
	       s->name, s->size);
	for (size_t i = 0; i < s->n; i++) {
		const struct calls_member *m = &s->members[i];

		printf("| `%s` | %zu | ", m->name, m->offset);
		print_type(m);
		printf(" | %s | %s", ways[m->way], m->doc);
		print_names_of(m->values, "values");
		print_names_of(m->names, "elements");
		printf(" |\n");
	}
	printf("\n");
}

/* A table of the errors of a call that every call does not have. A bar would end a cell. */
static void print_errors(const struct calls_call *call, const struct calls_call *every)
{
	bool any = false;

	for (int err = 1; err < 134; err++) {
		const char *text = calls_advice(call, err);

		if (!*text || (every && !strcmp(text, calls_advice(every, err))))
			continue;
		if (!any)
			printf("| error | what it means, and what to do |\n|---|---|\n");
		any = true;
		printf("| %s | ", calls_errno_name(err));
		for (; *text; text++)
			printf(*text == '|' ? "\\|" : "%c", *text);
		printf(" |\n");
	}
	if (any)
		printf("\n");
}

static void print_call(const struct calls_call *call)
{
	printf("### %s\n\n`%s` (%#lx), [struct %s](#struct-%s): %s. In `vmmtrace vm`: `%s`.\n\n",
	       call->macro + strlen("VMM_IOC_"), call->macro, call->cmd, call->arg()->name,
	       call->arg()->name, call->doc, call->word);
	print_errors(call, calls_by_word("version"));
}

static void calls(void)
{
	const struct calls_struct *s;

	printf("# The calls of /dev/vmm\n\n"
	       "<!-- Made from trace/calls.h and src/calls by trace/gen; `make update-docs` writes it anew. -->\n\n"
	       "vmm(4) and [ioctl.md](ioctl.md) tell what they do, and where that differs from OpenBSD's. In JSON\n"
	       "(`vmmtrace vm`) members, values and elements have these names. An error that a call has for\n"
	       "a reason of its own stands with it.\n\n## Calls\n\n");
	for (size_t i = 0; i < calls_count; i++)
		if (calls_list[i].cmd)
			print_call(&calls_list[i]);
	printf("### Errors of every call\n\n");
	print_errors(calls_by_word("version"), NULL);
	printf("## Structures\n\n");
	for (size_t i = 0; (s = calls_structs(i)); i++)
		print_struct(s);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "events")) {
		events();
	} else if (argc == 2 && !strcmp(argv[1], "schema")) {
		schema();
	} else if (argc == 2 && !strcmp(argv[1], "calls")) {
		calls();
	} else if (argc == 2 && !strcmp(argv[1], "rpc")) {
		rpc_schema();
	} else if (argc == 2 && !strcmp(argv[1], "tracecompass")) {
		tracecompass();
	} else {
		fprintf(stderr, "Usage: gen events|schema|calls|rpc|tracecompass\n");
		return 2;
	}
	return fflush(stdout) ? 1 : 0;
}
