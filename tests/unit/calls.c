// SPDX-License-Identifier: GPL-2.0-only
/* The calls as data: the tables miss nothing, JSON loses nothing, and bad input is told. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/calls/calls.h"
#include "trace/record.h"

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Each member begins where the one before it ends; only what the compiler aligns lies between. */
static void test_no_member_is_missing(void **state)
{
	const struct calls_struct *s;
	size_t i, k, end;

	for (i = 0; (s = calls_structs(i)); i++) {
		for (k = 0, end = 0; k < s->n; k++) {
			const struct calls_member *m = &s->members[k];

			if (!strcmp(m->name, "vee")) {
				assert_int_equal(m->offset, 0);
				end = 24;
				continue;
			}
			if (m->offset != align_up(end, m->align))
				fail_msg("struct %s: something is missing before %s", s->name,
					 m->name);
			end = m->offset + m->size * m->n;
		}
		if (align_up(end, 8) != align_up(s->size, 8))
			fail_msg("struct %s: something is missing at its end", s->name);
	}
	assert_true(i >= 18);
}

static void test_every_call_is_there(void **state)
{
	for (size_t i = 0; i < calls_count; i++) {
		const struct calls_call *call = &calls_list[i];

		assert_ptr_equal(calls_by_word(call->word), call);
		if (call->cmd)
			assert_int_equal(call->cmd >> 16 & 0x3fff, call->arg()->size);
	}
	for (unsigned int id = 1; id < VMMT_NCALL; id++) {
		size_t i = 0;

		while (i < calls_count && calls_list[i].id != id)
			i++;
		assert_true(i < calls_count);
	}
	assert_null(calls_by_word("no such"));
}

/* Something in every member. */
static void fill(const struct calls_struct *s, char *to)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct calls_member *m = &s->members[i];
		char *at = to + m->offset;

		for (size_t k = 0; k < m->n; k++, at += m->size) {
			if (m->kind == CALLS_KIND_struct) {
				fill(m->of(), at);
			} else if (m->kind == CALLS_KIND_text) {
				memset(at, 'a' + rand() % 26, m->size / 2);
			} else if (m->kind == CALLS_KIND_flag) {
				*at = (char)(rand() & 1);
			} else if (m->kind != CALLS_KIND_pointer) {
				for (size_t b = 0; b < m->size; b++)
					at[b] = (char)rand();
			}
		}
	}
	/* The arrays that are counted are full. */
	for (size_t i = 0; i < s->n; i++) {
		const struct calls_member *m = &s->members[i];

		if (m->array && m->count) {
			memset(to + calls_member(s, m->count)->offset, 0, 8);
			memcpy(to + calls_member(s, m->count)->offset, &m->n, 8);
		}
	}
}

static void test_json_and_back(void **state)
{
	const struct calls_struct *s;
	char msg[CALLS_MSG];
	size_t i;

	for (i = 0; (s = calls_structs(i)); i++) {
		char *from = calloc(1, s->size), *to = calloc(1, s->size);
		json_t *json;

		fill(s, from);
		if (!strcmp(s->name, "vm_exit"))	/* vei and vee share their place */
			memset(from, 0, offsetof(struct vm_exit, vrs));
		json = calls_write(s, from, CALLS_inout);
		for (size_t k = 0; k < s->n; k++)
			if (s->members[k].kind == CALLS_KIND_pointer)
				json_object_del(json, s->members[k].name);
		if (calls_read(s, to, json, msg))
			fail_msg("struct %s: %s", s->name, msg);
		assert_memory_equal(from, to, s->size);
		json_decref(json);
		free(from);
		free(to);
	}
}

static const struct calls_struct *by_name(const char *name)
{
	const struct calls_struct *s;
	size_t i;

	for (i = 0; (s = calls_structs(i)) && strcmp(s->name, name); i++)
		;
	assert_non_null(s);
	return s;
}

/* Returns the message, "" if it was taken. */
static const char *take(const char *structure, void *to, const char *text)
{
	static char msg[CALLS_MSG];
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	msg[0] = '\0';
	if (calls_read(by_name(structure), to, json, msg))
		assert_true(msg[0]);
	else
		assert_string_equal(msg, "");
	json_decref(json);
	return msg;
}

static void test_numbers(void **state)
{
	struct vm_mem_range vmr = {};
	struct vm_rwregs_params regs = {};
	struct vm_create_params vcp = {};

	assert_string_equal(take("vm_mem_range", &vmr, "{\"vmr_gpa\":\"0xfffff000\",\"vmr_size\":\"64K\","
				 "\"vmr_type\":\"mmio\"}"), "");
	assert_int_equal(vmr.vmr_gpa, 0xfffff000);
	assert_int_equal(vmr.vmr_size, 65536);
	assert_int_equal(vmr.vmr_type, VM_MEM_MMIO);
	take("vm_mem_range", &vmr, "{\"vmr_size\":\"+4096\",\"vmr_type\":-1}");
	assert_int_equal(vmr.vmr_size, 65536 + 4096);
	assert_int_equal(vmr.vmr_type, -1);
	take("vm_rwregs_params", &regs, "{\"vrwp_regs\":{\"vrs_gprs\":{\"r15\":\"0xffffffffffffffff\"},"
	     "\"vrs_sregs\":{\"cs\":{\"vsi_sel\":8}}}}");
	assert_int_equal(regs.vrwp_regs.vrs_gprs[VCPU_REGS_R15], UINT64_MAX);
	assert_int_equal(regs.vrwp_regs.vrs_sregs[VCPU_REGS_CS].vsi_sel, 8);
	take("vm_create_params", &vcp, "{\"vcp_memranges\":[{\"vmr_size\":4096},{\"vmr_gpa\":4096}]}");
	assert_int_equal(vcp.vcp_nmemranges, 2);
	take("vm_create_params", &vcp, "{\"vcp_nmemranges\":7,\"vcp_memranges\":[{}]}");
	assert_int_equal(vcp.vcp_nmemranges, 7);
}

static void test_bad_input_is_told(void **state)
{
	static const struct { const char *structure, *text, *tell; } bad[] = {
		{ "vm_mem_range", "[]", "object" },
		{ "vm_mem_range", "{\"vmr_foo\":1}", "vmr_foo" },
		{ "vm_mem_range", "{\"vmr_gpa\":\"lots\"}", "lots" },
		{ "vm_mem_range", "{\"vmr_gpa\":\"1x\"}", "1x" },
		{ "vm_mem_range", "{\"vmr_gpa\":null}", "vmr_gpa" },
		{ "vm_mem_range", "{\"vmr_gpa\":\"99999999999999999999\"}", "vmr_gpa" },
		{ "vm_mem_range", "{\"vmr_type\":4294967296}", "32 bits" },
		{ "vm_intr_params", "{\"vip_intr\":65536}", "16 bits" },
		{ "vm_create_params", "{\"vcp_name\":5}", "string" },
		{ "vm_create_params", "{\"vcp_name\":\"0123456789012345678901234567890123456789012345678901"
		  "2345678901234567890\"}", "63" },
		{ "vm_create_params", "{\"vcp_memranges\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},"
		  "{}]}", "16" },
		{ "vm_create_params", "{\"vcp_memranges\":[{\"vmr_size\":\"?\"}]}",
		  "vcp_memranges.vmr_size" },
		{ "vm_resetcpu_params", "{\"vrp_init_state\":{\"vrs_gprs\":{\"eax\":1}}}",
		  "vrp_init_state.vrs_gprs.eax" },
		{ "vm_resetcpu_params", "{\"vrp_init_state\":{\"vrs_gprs\":[1]}}", "object" },
		{ "vm_info_params", "{\"vip_info\":{}}", "vip_info" },
		{ "vm_exit", "{\"vee\":{\"vee_insn_bytes\":\"zz\"}}", "hex" },
	};
	char to[8192];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *msg;

		memset(to, 0, sizeof(to));
		msg = take(bad[i].structure, to, bad[i].text);
		if (!strstr(msg, bad[i].tell))
			fail_msg("%s: '%s' does not tell '%s'", bad[i].text, msg, bad[i].tell);
	}
}

static void test_errors_have_names_and_advice(void **state)
{
	const struct calls_call *run = calls_by_word("run");

	assert_string_equal(calls_errno_name(EINVAL), "EINVAL");
	assert_string_equal(calls_errno_name(12345), "12345");
	assert_non_null(strstr(calls_advice(run, EIO), "HLT"));
	assert_non_null(strstr(calls_advice(calls_by_word("create"), EIO), "modprobe -r"));
	assert_non_null(strstr(calls_advice(calls_by_word("term"), ENOENT), "info"));
	assert_string_equal(calls_advice(run, ENOSPC), "");
}

/* Wherever a message is cut, it is text that JSON can hold. */
static void test_messages_are_text(void **state)
{
	struct calls_session *session = calls_session_new(-1);
	char name[400], msg[CALLS_MSG];
	json_t *in, *out;

	for (size_t begin = 0; begin < 2; begin++) {
		memset(name, 'x', begin);
		for (size_t i = begin; i + 2 < sizeof(name); i += 2)
			memcpy(name + i, "\303\244", 3);
		in = json_pack("{s:i}", name, 1);
		assert_int_equal(calls_execute(session, "run", in, &out, msg), 1);
		out = json_string(msg);
		assert_non_null(out);
		json_decref(out);
		json_decref(in);
	}
	calls_session_free(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_member_is_missing),
		cmocka_unit_test(test_every_call_is_there),
		cmocka_unit_test(test_json_and_back),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bad_input_is_told),
		cmocka_unit_test(test_errors_have_names_and_advice),
		cmocka_unit_test(test_messages_are_text),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
