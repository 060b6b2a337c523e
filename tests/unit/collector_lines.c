/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines of .json and .ndjson, for one guest whose every stamp was made up.
 * The expected lines are worked out by hand from what the formats promise: 1
 * tick is 1 ns and time 0 is tick 1000000.
 */
#include <config.h>

#include "collector_scene.h"

static void push_start(struct collector *c)
{
	PUSH(c, 0, CLOCK);
	PUSH(c, 0, (struct vmmt_life){ HEAD(life, VM, VMMT_VCPU_VM, 1, T0 + 1000, 0),
				       .memory = 1 << 20, .vcpus = 1, .pid = 42,
				       .what = VMMT_LIFE_vm_made, .name = "tiny" });
}

/* An OUT that userland serves and which makes it raise IRQ 4. */
static void push_out(struct collector *c)
{
	PUSH(c, 0, EXIT(1, 1, 1, io_out, 2000, 2000, 2000, 2500, 3500, 3700, 4000,
			.key = 0x3f8, .value = 0x41, .rip = 0xfff0, .reason = 0x7b, .width = 1,
			.ilen = 2, .info1 = 0x3f80110));
	PUSH(c, 2, (struct vmmt_dev){ USER_HEAD(dev, VM, VMMT_VCPU_USER, 1, T0 + 4600, 1),
				      .begin = T0 + 4200, .addr = 0x3f8, .value = 0x41,
				      .device = VMMT_DEVICE_serial0, .devop = VMMT_DEVOP_write,
				      .width = 1, .count = 1 });
	PUSH(c, 2, (struct vmmt_intr){ USER_HEAD(intr, VM, VMMT_VCPU_USER, 2, T0 + 4650, 1),
				       .irq_id = 9, .irq = 4,
				       .stage = VMMT_STAGE_raised });
}

/* IRQ 4 is injected at the entry that ends in a nested fault. */
static void push_fault(struct collector *c)
{
	PUSH(c, 1, (struct vmmt_intr){ HEAD(intr, VM, 0, 2, T0 + 5150, 1), .irq_id = 9,
				       .irq = 255, .vector = 0x24,
				       .stage = VMMT_STAGE_injected });
	PUSH(c, 1, (struct vmmt_ept_fault){ HEAD(ept_fault, VM, 0, 3, T0 + 8280, 2),
					    .gpa = 0x7ffe1000, .rip = 0x1000, .resolve = 60,
					    .page = 4096, .access = VMMT_ACCESS_w,
					    .outcome = VMMT_OUTCOME_mapped, .flags = 6 });
	PUSH(c, 1, EXIT(4, 2, 1, ept, 4000, 4100, 4800, 5200, 8200, 8300, 0, .key = 0x7ffe1000,
			.rip = 0x1000, .reason = 0x400, .info1 = 6, .injected = 0x80000024));
}

/* A halt of 10 us, then CPUID; the record of that waited 300 ns for room. */
static void push_halt(struct collector *c)
{
	PUSH(c, 1, EXIT(5, 3, 1, hlt, 8300, 8400, 0, 8500, 10500, 10600, 10700, .rip = 0x1005,
			.reason = 0x78));
	PUSH(c, 0, EXIT(6, 4, 1, cpuid, 10700, 10800, 20800, 21000, 22000, 22100, 0, .key = 1,
			.rip = 0x1010, .reason = 0x72));
	PUSH(c, 0, EXIT(7, 5, 1, rdmsr, 22100, 22600, 0, 22700, 23000, 23100, 0, .key = 0x1b,
			.value = 0xfee00900, .rip = 0x1020, .reason = 0x7c, .wait = 300,
			.mode = VMMT_MODE_long64, .cpl = 3));
}

/* Two records are missing: exits 6 and 7. Then an exit without a class, and a
 * mark. */
static void push_end(struct collector *c)
{
	PUSH(c, 0, EXIT(10, 8, 1, other, 30000, 30100, 0, 30300, 31000, 31200, 0,
			.rip = 0x1030, .reason = 0x73, .info2 = 0xffffffff80000000));
	PUSH(c, 0, (struct vmmt_mark){ HEAD(mark, VM, 0, 11, T0 + 32050, 9), .value = 5,
				       .rip = 0x1040 });
	PUSH(c, 0, EXIT(12, 9, 2, io_out, 31200, 31300, 0, 31400, 32000, 32100, 0, .key = 0xee0,
			.value = 5, .rip = 0x1040, .reason = 0x7b, .width = 4));
}

/* All of it; step: how many parts go in before the sources advance. */
static void run(const char *output, int step)
{
	static void (*const parts[])(struct collector *) = {
		push_start, push_out, push_fault, push_halt, push_end,
	};
	static const uint64_t upto[] = { 1500, 4700, 8350, 25000, 40000 };
	struct collector_options options = { .generator = "test 1" };
	struct collector_totals totals = { 0 };
	struct collector *c = collector_new(&options);

	assert_non_null(c);
	for (int i = 0; i < 3; i++)
		assert_int_equal(collector_add_source(c), i);
	assert_int_equal(collector_add_output(c, output), 0);
	for (int i = 0; i < 5; i++) {
		parts[i](c);
		if (i % step == step - 1) {
			collector_advance_all(c, T0 + upto[i]);
			collector_flush(c);
		}
	}
	totals.class[VMMT_CLASS_io_out] = (struct collector_count){ .counted = 2 };
	totals.class[VMMT_CLASS_ept] = (struct collector_count){ .counted = 1 };
	totals.class[VMMT_CLASS_hlt] = (struct collector_count){ .counted = 2, .lost = 1 };
	totals.class[VMMT_CLASS_cpuid] = (struct collector_count){ .counted = 2, .lost = 1 };
	totals.class[VMMT_CLASS_rdmsr] = (struct collector_count){ .counted = 1 };
	totals.class[VMMT_CLASS_other] = (struct collector_count){ .counted = 1 };
	assert_int_equal(collector_finish(c, &totals), 0);
	assert_false(collector_failed(c));
	collector_free(c);
}

static void json_vcpu(void **state)
{
	const char *path = test_path("vcpu.json");

	run(path, 1);
	EXPECT_LINES(path, "\"tid\":7001,",
"{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":7000,\"tid\":7001,\"args\":{\"name\":\"vcpu 00\"}},",
"{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":7000,\"tid\":7001,\"args\":{\"sort_index\":1}},",
	/* From the exit at 3500 to the next entry at 5200; serial0 from 4200 to
	 * 4600; what was injected at that entry ends its arrow here. */
"{\"ph\":\"X\",\"name\":\"OUT serial0\",\"cat\":\"io_out\",\"pid\":7000,\"tid\":7001,\"ts\":3.500,\"dur\":1.700,\"args\":{\"n\":1,\"rip\":\"0xfff0\",\"val\":\"0x41\",\"inj\":\"0x80000024\"}},",
"{\"ph\":\"X\",\"name\":\"serial0\",\"cat\":\"device\",\"pid\":7000,\"tid\":7001,\"ts\":4.200,\"dur\":0.400},",
"{\"ph\":\"f\",\"bp\":\"e\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x1\",\"pid\":7000,\"tid\":7001,\"ts\":5.150},",
"{\"ph\":\"X\",\"name\":\"EPT write\",\"cat\":\"ept\",\"pid\":7000,\"tid\":7001,\"ts\":8.200,\"dur\":0.300,\"args\":{\"n\":2,\"rip\":\"0x1000\",\"gpa\":\"0x7ffe1000\",\"page\":4096}},",
	/* Halted from 10800, when the record was out, to the RUN at 20800. */
"{\"ph\":\"X\",\"name\":\"HLT\",\"cat\":\"hlt\",\"pid\":7000,\"tid\":7001,\"ts\":10.500,\"dur\":10.500,\"args\":{\"n\":3,\"rip\":\"0x1005\"}},",
"{\"ph\":\"X\",\"name\":\"halted\",\"cat\":\"halted\",\"pid\":7000,\"tid\":7001,\"ts\":10.800,\"dur\":10.000},",
"{\"ph\":\"X\",\"name\":\"CPUID 0x1\",\"cat\":\"cpuid\",\"pid\":7000,\"tid\":7001,\"ts\":22.000,\"dur\":0.700,\"args\":{\"n\":4,\"rip\":\"0x1010\"}},",
"{\"ph\":\"X\",\"name\":\"ring wait\",\"cat\":\"wait\",\"pid\":7000,\"tid\":7001,\"ts\":22.300,\"dur\":0.300},",
	/* What came next is missing: the slice ends with its last stamp. */
"{\"ph\":\"X\",\"name\":\"RDMSR APIC_BASE\",\"cat\":\"rdmsr\",\"pid\":7000,\"tid\":7001,\"ts\":23.000,\"dur\":0.100,\"args\":{\"n\":5,\"rip\":\"0x1020\",\"val\":\"0xfee00900\"}},",
"{\"ph\":\"X\",\"name\":\"LOST 2\",\"cat\":\"lost\",\"pid\":7000,\"tid\":7001,\"ts\":23.100,\"dur\":7.200,\"args\":{\"count\":2}},",
"{\"ph\":\"X\",\"name\":\"other\",\"cat\":\"other\",\"pid\":7000,\"tid\":7001,\"ts\":31.000,\"dur\":0.400,\"args\":{\"n\":8,\"rip\":\"0x1030\",\"reason\":\"0x73\",\"info1\":\"0x0\",\"info2\":\"0xffffffff80000000\"}},",
"{\"ph\":\"X\",\"name\":\"OUT mark\",\"cat\":\"io_out\",\"pid\":7000,\"tid\":7001,\"ts\":32.000,\"dur\":0.100,\"args\":{\"n\":9,\"rip\":\"0x1040\",\"val\":\"0x5\"}},");
}

static void json_other_threads(void **state)
{
	const char *path = test_path("threads.json");

	run(path, 1);
	EXPECT_LINES(path, "\"tid\":7604,",
"{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":7000,\"tid\":7604,\"args\":{\"name\":\"irq 04\"}},",
"{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":7000,\"tid\":7604,\"args\":{\"sort_index\":604}},",
"{\"ph\":\"X\",\"name\":\"raise irq4\",\"cat\":\"irq\",\"pid\":7000,\"tid\":7604,\"ts\":4.650,\"dur\":0.001},",
"{\"ph\":\"s\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x1\",\"pid\":7000,\"tid\":7604,\"ts\":4.650},");
	EXPECT_LINES(path, "\"ph\":\"i\"",
"{\"ph\":\"i\",\"s\":\"t\",\"name\":\"vm_made\",\"cat\":\"life\",\"pid\":7000,\"tid\":7998,\"ts\":1.000,\"args\":{\"vcpu\":0,\"vcpus\":1,\"memory\":1048576,\"info\":\"0x0\"}},",
"{\"ph\":\"i\",\"s\":\"t\",\"name\":\"mark\",\"cat\":\"mark\",\"pid\":7000,\"tid\":7900,\"ts\":32.050,\"args\":{\"value\":\"0x5\"}},");
	EXPECT_LINES(path, "\"name\":\"process_",
"{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":7000,\"tid\":7000,\"args\":{\"name\":\"vm 7 \\\"tiny\\\"\"}},",
"{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":7000,\"tid\":7000,\"args\":{\"sort_index\":7}},");
	/* 8.6 us of the first 10 ms were in the guest, and 7 exits. */
	EXPECT_LINES(path, "\"ph\":\"C\"",
"{\"ph\":\"C\",\"name\":\"guest\",\"pid\":7000,\"tid\":7997,\"ts\":0.000,\"args\":{\"%\":0.1}},",
"{\"ph\":\"C\",\"name\":\"exits\",\"pid\":7000,\"tid\":7997,\"ts\":0.000,\"args\":{\"per ms\":0.7}},",
"{\"ph\":\"C\",\"name\":\"RAM touched\",\"pid\":7000,\"tid\":7997,\"ts\":0.000,\"args\":{\"bytes\":4096}},");
}

/* A bare array: manifest first, totals last, one event a line. Records are the
 * 14 that came in and the lost record that stands for two. */
static void json_frame(void **state)
{
	const char *path = test_path("frame.json");
	char *text, *end;
	size_t len;

	run(path, 1);
	text = test_read(path, &len);
	assert_memory_equal(text, "[\n{\"ph\":\"M\",\"name\":\"vmmtrace\",\"pid\":1,\"tid\":1,\"args\":"
			    "{\"schema\":1,\"generator\":\"test 1\"}},\n", 88);
	end = strstr(text, "{\"ph\":\"M\",\"name\":\"end\"");
	assert_non_null(end);
	assert_string_equal(end,
"{\"ph\":\"M\",\"name\":\"end\",\"pid\":1,\"tid\":1,\"args\":{\"records\":15,\"exits\":7,\"lost\":2,\"classes\":{"
"\"other\":{\"counted\":1,\"recorded\":1,\"filtered\":0,\"lost\":0},"
"\"io_out\":{\"counted\":2,\"recorded\":2,\"filtered\":0,\"lost\":0},"
"\"cpuid\":{\"counted\":2,\"recorded\":1,\"filtered\":0,\"lost\":1},"
"\"rdmsr\":{\"counted\":1,\"recorded\":1,\"filtered\":0,\"lost\":0},"
"\"hlt\":{\"counted\":2,\"recorded\":1,\"filtered\":0,\"lost\":1},"
"\"ept\":{\"counted\":1,\"recorded\":1,\"filtered\":0,\"lost\":0}}}}\n]\n");
	free(text);
}

static void ndjson(void **state)
{
	const char *path = test_path("all.ndjson");

	run(path, 1);
	EXPECT_LINES(path, "\"vm\":",
"{\"ev\":\"clock\",\"vm\":0,\"vcpu\":65535,\"seq\":1,\"t\":0,\"cpu\":0,\"isa\":\"svm\",\"tsc\":\"0xf4240\",\"mono\":0,\"khz\":1000000}",
"{\"ev\":\"life\",\"vm\":7,\"vcpu\":65535,\"seq\":1,\"t\":1000,\"cpu\":0,\"isa\":\"svm\",\"memory\":1048576,\"pid\":42,\"vcpus\":1,\"what\":\"vm_made\",\"of\":0,\"name\":\"tiny\"}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":1,\"t\":4000,\"exit\":1,\"cpu\":0,\"isa\":\"svm\",\"guest\":1000,\"kernel\":200,\"return\":300,\"trace\":0,\"user\":0,\"reentry\":500,\"nth\":1,\"key\":\"0x3f8\",\"value\":\"0x41\",\"info1\":\"0x3f80110\",\"rip\":\"0xfff0\",\"reason\":\"0x7b\",\"class\":\"io_out\",\"end\":\"userland\",\"cpl\":0,\"mode\":\"real\",\"ilen\":2,\"width\":1}",
"{\"ev\":\"dev\",\"vm\":7,\"vcpu\":65024,\"seq\":1,\"t\":4600,\"exit\":1,\"cpu\":0,\"begin\":4200,\"addr\":\"0x3f8\",\"value\":\"0x41\",\"device\":\"serial0\",\"devop\":\"write\",\"width\":1,\"count\":1}",
"{\"ev\":\"intr\",\"vm\":7,\"vcpu\":65024,\"seq\":2,\"t\":4650,\"exit\":1,\"cpu\":0,\"irq_id\":9,\"stage\":\"raised\",\"itype\":\"intr\",\"irq\":4}",
"{\"ev\":\"intr\",\"vm\":7,\"vcpu\":0,\"seq\":2,\"t\":5150,\"exit\":1,\"cpu\":0,\"isa\":\"svm\",\"irq_id\":9,\"stage\":\"injected\",\"vector\":36,\"itype\":\"intr\",\"irq\":255}",
"{\"ev\":\"ept_fault\",\"vm\":7,\"vcpu\":0,\"seq\":3,\"t\":8280,\"exit\":2,\"cpu\":0,\"isa\":\"svm\",\"gpa\":\"0x7ffe1000\",\"rip\":\"0x1000\",\"resolve\":60,\"page\":4096,\"access\":\"w\",\"outcome\":\"mapped\",\"flags\":\"0x6\"}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":4,\"t\":8300,\"exit\":2,\"cpu\":0,\"isa\":\"svm\",\"guest\":3000,\"kernel\":100,\"trace\":100,\"user\":700,\"reentry\":400,\"nth\":1,\"key\":\"0x7ffe1000\",\"info1\":\"0x6\",\"rip\":\"0x1000\",\"reason\":\"0x400\",\"injected\":\"0x80000024\",\"class\":\"ept\",\"end\":\"resumed\",\"cpl\":0,\"mode\":\"real\"}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":5,\"t\":10700,\"exit\":3,\"cpu\":0,\"isa\":\"svm\",\"guest\":2000,\"kernel\":100,\"return\":100,\"trace\":100,\"reentry\":100,\"nth\":1,\"rip\":\"0x1005\",\"reason\":\"0x78\",\"class\":\"hlt\",\"end\":\"userland\",\"cpl\":0,\"mode\":\"real\"}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":6,\"t\":22100,\"exit\":4,\"cpu\":0,\"isa\":\"svm\",\"guest\":1000,\"kernel\":100,\"trace\":100,\"halted\":10000,\"reentry\":200,\"nth\":1,\"key\":\"0x1\",\"rip\":\"0x1010\",\"reason\":\"0x72\",\"class\":\"cpuid\",\"end\":\"resumed\",\"cpl\":0,\"mode\":\"real\"}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":7,\"t\":23100,\"exit\":5,\"cpu\":0,\"isa\":\"svm\",\"guest\":300,\"kernel\":100,\"trace\":500,\"reentry\":100,\"nth\":1,\"key\":\"0x1b\",\"value\":\"0xfee00900\",\"rip\":\"0x1020\",\"wait\":300,\"reason\":\"0x7c\",\"class\":\"rdmsr\",\"end\":\"resumed\",\"cpl\":3,\"mode\":\"long64\"}",
"{\"ev\":\"lost\",\"vm\":7,\"vcpu\":0,\"seq\":8,\"t\":30000,\"exit\":5,\"cpu\":0,\"from\":8,\"count\":2,\"since\":23100}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":10,\"t\":31200,\"exit\":8,\"cpu\":0,\"isa\":\"svm\",\"guest\":700,\"kernel\":200,\"trace\":100,\"reentry\":200,\"nth\":1,\"info2\":\"0xffffffff80000000\",\"rip\":\"0x1030\",\"reason\":\"0x73\",\"class\":\"other\",\"end\":\"resumed\",\"cpl\":0,\"mode\":\"real\"}",
"{\"ev\":\"mark\",\"vm\":7,\"vcpu\":0,\"seq\":11,\"t\":32050,\"exit\":9,\"cpu\":0,\"isa\":\"svm\",\"value\":\"0x5\",\"rip\":\"0x1040\"}",
"{\"ev\":\"exit\",\"vm\":7,\"vcpu\":0,\"seq\":12,\"t\":32100,\"exit\":9,\"cpu\":0,\"isa\":\"svm\",\"guest\":600,\"kernel\":100,\"trace\":100,\"reentry\":100,\"nth\":2,\"key\":\"0xee0\",\"value\":\"0x5\",\"rip\":\"0x1040\",\"reason\":\"0x7b\",\"class\":\"io_out\",\"end\":\"resumed\",\"cpl\":0,\"mode\":\"real\",\"width\":4}");
}

/* The same bytes whenever rings are read and outputs flushed; compressed or not. */
static void same_bytes(void **state)
{
	static const char *const names[][4] = {
		{ "a.json", "b.json", "a.json.gz", "b.json.gz" },
		{ "a.ndjson", "b.ndjson", "a.ndjson.gz", "b.ndjson.gz" },
	};

	for (int i = 0; i < 2; i++) {
		char *text[4], *raw[2];
		size_t len[4], raw_len[2];

		for (int j = 0; j < 4; j++) {
			const char *path = test_path(names[i][j]);

			run(path, j % 2 ? 5 : 1);
			text[j] = test_read(path, &len[j]);
			if (j >= 2)
				raw[j - 2] = test_read_raw(path, &raw_len[j - 2]);
		}
		for (int j = 1; j < 4; j++) {
			assert_int_equal(len[j], len[0]);
			assert_memory_equal(text[j], text[0], len[0]);
		}
		assert_int_equal(raw_len[0], raw_len[1]);
		assert_memory_equal(raw[0], raw[1], raw_len[0]);
		/* RFC 1952: no name (FLG 0), no date (MTIME 0). */
		assert_memory_equal(raw[0], "\x1f\x8b\x08\0\0\0\0\0", 8);
		for (int j = 0; j < 4; j++)
			free(text[j]);
		free(raw[0]);
		free(raw[1]);
	}
}

/* Where it was made goes beside the file, and only there. */
static void environment(void **state)
{
	const char *path = test_path("env.json"), *beside = test_path("env.json.env.json");
	char host[256], *text;
	json_t *env;

	run(path, 1);
	env = json_load_file(beside, 0, NULL);
	assert_non_null(env);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(json_string_value(json_object_get(env, "host")), host);
	/* CLOCK_REALTIME of the first clock record, which is a public date. */
	assert_string_equal(json_string_value(json_object_get(env, "date")),
			    "2023-11-14T22:13:20Z");
	assert_non_null(json_object_get(env, "command"));
	assert_non_null(json_object_get(env, "kernel"));
	json_decref(env);
	text = test_read(path, NULL);
	assert_null(strstr(text, test_dir));
	assert_null(strstr(text, "17000000000"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_vcpu),
		cmocka_unit_test(json_other_threads),
		cmocka_unit_test(json_frame),
		cmocka_unit_test(ndjson),
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(environment),
	};

	return RUN_TESTS(tests);
}
