/* SPDX-License-Identifier: GPL-2.0-only */
/* Timelines of KVM's guests: names of QEMU's, and that what KVM does not tell is
 * left out, which verify accepts there and nowhere else. */
#include <config.h>

#include "collector_test.h"

#include "analysis/verify.h"
#include "src/collector/kvm_list.h"

#define T0 1000000

static void qemu_names(void **state)
{
	static const struct {
		const char *args;
		size_t size;
		const char *name;	/* NULL: none */
	} table[] = {
#define ARGS(text) text, sizeof(text)
		{ ARGS("qemu\0-name\0fred"), "fred" },
		{ ARGS("qemu\0-m\0" "1G\0-name\0guest=fred,debug-threads=on\0-S"), "fred" },
		{ ARGS("qemu\0--name\0fred,process=x"), "fred" },
		{ ARGS("qemu\0-name\0a,,b,process=x"), "a,b" },
		{ ARGS("qemu\0-name"), NULL },
		{ ARGS("qemu\0-name\0"), NULL },
		{ ARGS("qemu\0-names\0fred"), NULL },
		{ ARGS("qemu"), NULL },
		{ "", 0, NULL },
		{ "qemu\0-name\0fr", 13, "fr" },	/* cut off, without its NUL */
#undef ARGS
	};
	char name[KVM_NAME], args[256] = "qemu\0-name\0";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool found = kvm_qemu_name(table[i].args, table[i].size, name);

		assert_int_equal(found, table[i].name != NULL);
		if (found)
			assert_string_equal(name, table[i].name);
	}
	memset(args + 11, 'x', 100);
	assert_true(kvm_qemu_name(args, sizeof(args), name));
	assert_int_equal(strlen(name), KVM_NAME - 1);
}

#define KVM_EXIT(seq_, nr, class_, prev, traced, run, enter, left, handled, out, ...) \
	(struct vmmt_exit){ HEAD(exit, 1, 0, seq_, T0 + ((out) ? (out) : (handled)), nr), \
		.t_prev = T0 + (prev), .t_traced = T0 + (traced), .t_run = (run) ? T0 + (run) : 0, \
		.t_enter = T0 + (enter), .t_exit = T0 + (left), .t_handled = T0 + (handled), \
		.t_out = (out) ? T0 + (out) : 0, .class = VMMT_CLASS_##class_, \
		.mode = VMMT_MODE_none, .cpl = VMMT_CPL_NONE, .nth = 1, \
		.end = (out) ? VMMT_END_userland : VMMT_END_resumed, ##__VA_ARGS__ }

/* A CPUID that KVM handles, an OUT that userland does, a HLT that KVM sleeps in, and an
 * exit after each. */
static void write_timeline(const char *source, const char *path)
{
	struct collector_options options = { .generator = "t", .source = source, .khz = 1000000 };
	struct collector *c = collector_new(&options);

	assert_int_equal(collector_add_source(c), 0);
	assert_int_equal(collector_add_output(c, path), 0);
	PUSH(c, 0, (struct vmmt_clock){ HEAD(clock, 0, VMMT_VCPU_VM, 1, T0, 0), .mono = T0,
					.khz = 1000000 });
	PUSH(c, 0, KVM_EXIT(1, 1, cpuid, 100, 100, 100, 100, 200, 300, 0, .key = 1));
	PUSH(c, 0, (struct vmmt_ept_fault){ HEAD(ept_fault, 1, 0, 2, T0 + 500, 2), .gpa = 0x1000,
					    .access = VMMT_ACCESS_r });
	PUSH(c, 0, KVM_EXIT(3, 2, ept, 300, 320, 0, 320, 400, 500, 0, .key = 0x1000));
	PUSH(c, 0, KVM_EXIT(4, 3, io_out, 500, 530, 0, 530, 600, 700, 700, .key = 0x80));
	PUSH(c, 0, KVM_EXIT(5, 4, hlt, 700, 730, 800, 850, 900, 950, 0));
	PUSH(c, 0, KVM_EXIT(6, 5, intr, 950, 950, 1950, 2000, 2100, 2200, 0));
	collector_end_source(c, 0);
	assert_int_equal(collector_finish(c, NULL), 0);
	collector_free(c);
}

static void absent(void **state)
{
	static const char *const lines[] = {
		"\"exit\":1,\"cpu\":0,\"isa\":\"svm\",\"guest\":100,\"kernel\":100,\"trace\":0,\"user\":0,\"nth\":1,",
		"\"access\":\"r\",\"flags\"",
		"\"exit\":2,\"cpu\":0,\"isa\":\"svm\",\"guest\":80,\"kernel\":100,\"trace\":20,\"nth\":1,",
		"\"exit\":3,\"cpu\":0,\"isa\":\"svm\",\"guest\":70,\"kernel\":100,\"trace\":30,\"nth\":1,",
		"\"exit\":4,\"cpu\":0,\"isa\":\"svm\",\"guest\":50,\"kernel\":50,\"trace\":30,\"user\":70,\"reentry\":50,\"nth\":1,",
		"\"exit\":5,\"cpu\":0,\"isa\":\"svm\",\"guest\":100,\"kernel\":100,\"trace\":0,\"halted\":1000,\"reentry\":50,\"nth\":1,",
	};
	size_t len;
	char *text;

	write_timeline("kvm", test_path("kvm.ndjson"));
	text = strchr(test_read(test_path("kvm.ndjson"), &len), '\n');
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no %s in %s", lines[i], text);
	assert_null(strstr(text, "\"cpl\""));
	assert_null(strstr(text, "\"mode\""));
	assert_null(strstr(text, "\"resolve\""));
	assert_null(strstr(text, "\"outcome\""));
}

/* Within KVM a HLT sleeps too: that is a slice in the exit's. */
static void slices(void **state)
{
	size_t len;
	char *text;

	write_timeline("kvm", test_path("kvm.json"));
	text = test_read(test_path("kvm.json"), &len);
	assert_non_null(strstr(text, "\"source\":\"kvm\""));
	assert_non_null(strstr(text, "{\"ph\":\"X\",\"name\":\"halted\",\"cat\":\"halted\",\"pid\":1000,"
			       "\"tid\":1001,\"ts\":0.950,\"dur\":1.000}"));
	free(text);
}

static int verify(const char *path, char *said, size_t size)
{
	FILE *to = fmemopen(said, size, "w");
	int ret;

	assert_non_null(to);
	ret = verify_file(path, to);
	fclose(to);
	return ret;
}

static void accepted(void **state)
{
	static const char *const names[] = { "kvm.json", "kvm.ndjson" };
	char said[4096];

	for (int i = 0; i < 2; i++) {
		write_timeline("kvm", test_path(names[i]));
		if (verify(test_path(names[i]), said, sizeof(said)))
			fail_msg("%s", said);
	}
	write_timeline(NULL, test_path("vmm.ndjson"));
	assert_int_equal(verify(test_path("vmm.ndjson"), said, sizeof(said)), 1);
	assert_non_null(strstr(said, "\"return\" is missing"));
	assert_non_null(strstr(said, "halted, but the previous exit was no HLT"));
	write_timeline("xen", test_path("xen.ndjson"));
	assert_int_equal(verify(test_path("xen.ndjson"), said, sizeof(said)), 1);
	assert_non_null(strstr(said, "\"source\" is not \"kvm\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_names),
		cmocka_unit_test(absent),
		cmocka_unit_test(slices),
		cmocka_unit_test(accepted),
	};

	return RUN_TESTS(tests);
}
