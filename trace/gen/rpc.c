// SPDX-License-Identifier: GPL-2.0-only
/* docs/rpc.schema.json: requests of vmmtrace serve, and their results, from the tables. */
#include <config.h>

#include "rpc.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "src/calls/calls.h"
#include "src/collector/names.h"
#include "src/serve/methods.h"
#include "src/serve/rpc.h"
#include "trace/record.h"

static json_t *described(json_t *schema, const char *doc)
{
	if (doc && *doc)
		json_object_set_new(schema, "description", json_string(doc));
	return schema;
}

static json_t *object(json_t *properties)
{
	return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
			 "additionalProperties", 0);
}

static json_t *ref(const char *prefix, const char *name)
{
	return json_pack("{s:s++}", "$ref", "#/$defs/", prefix, name);
}

static json_t *names_schema(const struct calls_names *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(list, json_string(names->list[i].name));
	return json_pack("{s:[{s:o}, {s:s}]}", "anyOf", "enum", list, "type", "integer");
}

static json_t *number_schema(const struct calls_member *m, bool in)
{
	if (in)
		return ref("", "number");
	if (m->kind == CALLS_KIND_flag)
		return json_pack("{s:s}", "type", "boolean");
	if (m->values->n)
		return names_schema(m->values);
	return m->kind == CALLS_KIND_hex ? ref("", "hex") :
					   json_pack("{s:[s, s]}", "type", "integer", "string");
}

static json_t *element_schema(const struct calls_member *m, bool in)
{
	switch (m->kind) {
	case CALLS_KIND_text:
	case CALLS_KIND_bytes:
		return json_pack("{s:s}", "type", "string");
	case CALLS_KIND_struct:
	case CALLS_KIND_pointer:
		return ref(in ? "in." : "out.", m->of()->name);
	default:
		return number_schema(m, in);
	}
}

static json_t *member_schema(const struct calls_struct *s, const struct calls_member *m, bool in)
{
	bool many = m->array || (m->kind == CALLS_KIND_pointer && calls_member(s, m->count));
	json_t *properties;

	if (m->names) {
		properties = json_object();
		for (size_t i = 0; i < m->names->n; i++)
			json_object_set_new(properties, m->names->list[i].name,
					    element_schema(m, in));
		return described(object(properties), m->doc);
	}
	if (!many)
		return described(element_schema(m, in), m->doc);
	return described(json_pack("{s:s, s:o}", "type", "array", "items", element_schema(m, in)),
			 m->doc);
}

/* Members that go one of these ways. */
static json_t *members(const struct calls_struct *s, unsigned int ways, bool in)
{
	json_t *properties = json_object();

	for (size_t i = 0; i < s->n; i++)
		if (s->members[i].way & ways)
			json_object_set_new(properties, s->members[i].name,
					    member_schema(s, &s->members[i], in));
	return properties;
}

static json_t *structs(void)
{
	json_t *defs = json_pack("{s:{s:[s, s, s], s:s}, s:{s:s, s:s}}", "number", "type",
				 "integer", "string", "boolean", "description",
				 "an integer; a string in decimal or 0x, with K, M or G, or +N "
				 "to add; or a name",
				 "hex", "type", "string", "pattern", "^0x[0-9a-f]{1,16}$");
	const struct calls_struct *s;
	char name[64];

	for (size_t i = 0; (s = calls_structs(i)); i++) {
		snprintf(name, sizeof(name), "in.%s", s->name);
		json_object_set_new(defs, name, object(members(s, CALLS_in, true)));
		snprintf(name, sizeof(name), "out.%s", s->name);
		json_object_set_new(defs, name, object(members(s, CALLS_inout, false)));
	}
	return defs;
}

/* ---- methods ---- */

/* One alternative: the method's name, its params, its result. */
static void add(json_t *methods, const char *name, const char *doc, json_t *params, json_t *result)
{
	json_object_set_new(methods, name,
			    json_pack("{s:s, s:o, s:o}", "description", doc, "params",
				      object(params), "result", object(result)));
}

static void set(json_t *properties, const char *name, const char *type, const char *doc)
{
	json_object_set_new(properties, name, described(json_pack("{s:s}", "type", type), doc));
}

static json_t *list_result(void)
{
	json_t *vm = json_object(), *result = json_object();

	set(vm, "name", "string", "name of the VM");
#define F(name, member, doc) set(vm, #name, "integer", doc);
	SERVE_LIST(F)
#undef F
	json_object_set_new(result, "vms",
			    json_pack("{s:s, s:o}", "type", "array", "items", object(vm)));
	return result;
}

static json_t *stats_result(void)
{
	json_t *result = json_object(), *class = json_object(), *classes = json_object();

#define F(name, member, doc) set(result, #name, "integer", doc);
	SERVE_STATS(F)
#undef F
#define F(name, member, doc) set(class, #name, "integer", doc);
	SERVE_STATS_CLASS(F)
#undef F
	class = object(class);
	for (unsigned int id = 0; id < VMMT_NCLASS; id++)
		json_object_set(classes, vmmt_class_info(id)->name, class);
	json_decref(class);
	json_object_set_new(result, "classes", described(object(classes), "those that there were"));
	return result;
}

static json_t *result_of(const char *method)
{
	const struct calls_call *call = calls_by_word(!strcmp(method, "open") ? "limit" : method);

	if (!strcmp(method, "list"))
		return list_result();
	if (!strcmp(method, "stats"))
		return stats_result();
	return members(call->arg(), CALLS_out, false);
}

static json_t *params_of(const char *method)
{
	json_t *params = json_object();

	if (!strcmp(method, "stats")) {
		set(params, "vm", "integer", "id of the VM");
		set(params, "vcpu", "integer", "the vCPU [0]");
	} else if (!strcmp(method, "term")) {
		set(params, "vtp_vm_id", "integer", "id of the VM");
	}
	return params;
}

static json_t *methods(void)
{
	json_t *all = json_object(), *params, *result;

#define M(name, doc) add(all, #name, doc, params_of(#name), result_of(#name));
	SERVE_METHODS(M)
#undef M
	for (size_t i = 0; i < calls_count; i++) {
		const struct calls_call *call = &calls_list[i];

		if (json_object_get(all, call->word))
			continue;
		params = members(call->arg(), CALLS_in, true);
		result = members(call->arg(), CALLS_out, false);
		if (!strcmp(call->word, "run"))
			set(result, "exit", "string", "class of the exit, if there was one");
		json_object_del(params, "file");
		add(all, call->word, call->doc, params, result);
	}
	return all;
}

static json_t *request(const char *method, json_t *schema)
{
	char at[64];

	snprintf(at, sizeof(at), "#/methods/%s/params", method);
	return json_pack("{s:O, s:s, s:{s:{s:s}, s:{s:[s, s, s]}, s:{s:s}, s:{s:s}}, s:[s, s],"
			 " s:b}",
			 "description", json_object_get(schema, "description"), "type", "object",
			 "properties", "jsonrpc", "const", "2.0", "id", "type", "string", "number",
			 "null", "method", "const", method, "params", "$ref", at,
			 "required", "jsonrpc", "method", "additionalProperties", 0);
}

static json_t *errors(void)
{
	json_t *codes = json_array();

#define E(name, code, doc) \
	json_array_append_new(codes, json_pack("{s:i, s:s}", "const", code, "description", doc));
	RPC_ERRORS(E)
#undef E
	return json_pack("{s:s, s:{s:{s:o}, s:{s:s}, s:{s:s, s:{s:{s:s}}}}, s:[s, s]}", "type",
			 "object", "properties", "code", "oneOf", codes, "message", "type",
			 "string", "data", "type", "object", "properties", "errno", "type",
			 "string", "required", "code", "message");
}

void rpc_schema(void)
{
	json_t *all = methods(), *requests = json_array(), *schema, *method;
	const char *name;

	json_object_foreach(all, name, method)
		json_array_append_new(requests, request(name, method));
	schema = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
			   "$schema", "https://json-schema.org/draft/2020-12/schema",
			   "title", "a request to vmmtrace serve", "oneOf", requests,
			   "methods", all, "error", errors(), "$defs", structs());
	json_dumpf(schema, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	printf("\n");
	json_decref(schema);
}
