/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The summary of vmmtrace run, from made-up statistics: what it tells, and that
 * nobody needs more than 80 columns for it. What is recorded is given by the
 * test, in place of src/run/record.c.
 */
#include <config.h>

#include "collector_test.h"

#include <fcntl.h>

#include "src/collector/names.h"
#include "src/run/run.h"
#include "stats_made_up.h"

#define MEBI (1ull << 20)

static struct collector_count counts[VMMT_NCLASS];
static uint64_t lost, missed;
static bool recorded;

const struct collector_count *record_counts(const struct run *r)
{
	return recorded ? counts : NULL;
}

uint64_t record_lost(const struct run *r)
{
	return lost;
}

uint64_t record_missed(const struct run *r)
{
	return missed;
}

static struct vmm_stats stats;
static struct run_options options = { .name = "test", .memory = 256 * MEBI };
static struct run run = { .opt = &options, .stats = &stats };

static int setup(void **state)
{
	static int record;

	memset(counts, 0, sizeof(counts));
	memset(&stats, 0, sizeof(stats));
	memset(run.devices, 0, sizeof(run.devices));
	lost = missed = 0;
	recorded = true;
	run.record = (struct record *)&record;
	run.version = (struct vmm_version){ .vv_tsc_khz = 1000000, .vv_isa = VMMT_ISA_svm };
	options.json = options.lossless = false;
	stats.vs_vm = 1;
	return 0;
}

/* n exits of a class that took so many ns each; all were recorded. */
static void took(unsigned int class, uint64_t n, uint64_t ns)
{
	struct vmm_stats_class *st = &stats.vs_class[class];

	made_up_exits(st, n, ns);
	st->vsc_delivered = n;
	stats.vs_exits += n;
	stats.vs_spans[VMM_SPAN_guest] += n * ns;
	counts[class] = (struct collector_count){ .counted = n, .recorded = n };
}

static void keyed(unsigned int class, uint64_t key, unsigned int times)
{
	while (times--)
		vmm_key_count(&stats.vs_class[class], key);
}

/* What it writes to a file descriptor, each line within columns; the caller frees. */
static char *summary(int fd, size_t columns)
{
	const char *path = test_path("summary");
	int to = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600), old = dup(fd);
	char *text, *line, *end;
	size_t len;

	fflush(stdout);
	dup2(to, fd);
	run_summary(&run, MACHINE_END_power_off, 0);
	fflush(stdout);
	dup2(old, fd);
	close(to);
	close(old);
	text = test_read(path, &len);
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		if ((size_t)(end - line) > columns)
			fail_msg("%zu columns: %.*s", end - line, (int)(end - line), line);
		if (end > line && end[-1] == ' ')
			fail_msg("blanks at its end: %.*s", (int)(end - line), line);
	}
	return text;
}

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void tells_keys(void **state)
{
	char *text;

	took(VMMT_CLASS_io_in, 100, 3460);
	keyed(VMMT_CLASS_io_in, 0x3fd, 94);
	keyed(VMMT_CLASS_io_in, 0x61, 6);
	took(VMMT_CLASS_rdmsr, 10, 800);
	keyed(VMMT_CLASS_rdmsr, 0x1b, 10);
	took(VMMT_CLASS_hlt, 5, 700);
	text = summary(2, 80);
	has(text, "IN      100   0.346  96.8   3.46  3.46  3.46  3.46  0x3fd serial0 94%\n");
	has(text, "APIC_BASE 100%\n");
	has(text, "\nHLT ");
	has(text, "0.70  -\n");
	has(text, "115 exits counted = 115 recorded + 0 filtered + 0 lost\n");
	free(text);
}

/* Where not every key was counted the share is a least one. What was recorded
 * makes no difference to it. */
static void tells_what_it_does_not_know(void **state)
{
	char *text;

	took(VMMT_CLASS_io_in, 100, 3460);
	keyed(VMMT_CLASS_io_in, 0x3fd, 60);
	keyed(VMMT_CLASS_io_in, 0x60, 40);
	stats.vs_class[VMMT_CLASS_io_in].vsc_delivered = 60;
	stats.vs_class[VMMT_CLASS_io_in].vsc_filtered = 40;
	took(VMMT_CLASS_ept, 1000, 70000);
	for (uint64_t i = 0; i < 1000; i++)
		keyed(VMMT_CLASS_ept, i << 12, 1);
	took(VMMT_CLASS_cpuid, 1200, 100);
	for (uint64_t i = 0; i < 200; i++) {
		keyed(VMMT_CLASS_cpuid, 1, 5);
		keyed(VMMT_CLASS_cpuid, 100 + i, 1);
	}
	text = summary(2, 80);
	has(text, "  0x3fd serial0 60%\n");
	has(text, "  0x1 83%\n");
	assert_null(strstr(text, "0x0"));
	free(text);
	recorded = false;
	run.record = NULL;
	text = summary(2, 80);
	has(text, "  0x3fd serial0 60%\n");
	assert_null(strstr(text, "counted"));
	free(text);
}

static void tells_devices(void **state)
{
	char *text;

	took(VMMT_CLASS_io_out, 10, 100);
	stats.vs_spans[VMM_SPAN_user] = 500000000;
	run.devices[VMMT_DEVICE_serial0] = (struct run_device){ 3, 400000000 };
	run.devices[VMMT_DEVICE_pit] = (struct run_device){ 2, 50000000 };
	run.devices[VMMT_DEVICE_rtc] = (struct run_device){ 2, 1000000 };
	run.devices[VMMT_DEVICE_none] = (struct run_device){ 1, 10 };
	text = summary(2, 80);
	has(text, "   serial0 0.400, pit 0.050, rtc 0.001, other 0.049\n");
	free(text);
	for (unsigned int i = 0; i < VMMT_NDEVICE; i++)
		run.devices[i] = (struct run_device){ 1, 1000000000000 };
	stats.vs_spans[VMM_SPAN_user] = 100000000000000;
	text = summary(2, 80);
	has(text, "other ");
	free(text);
}

static void tells_losses(void **state)
{
	char *text;

	took(VMMT_CLASS_io_out, 10, 100);
	text = summary(2, 80);
	assert_null(strstr(text, "were lost"));
	free(text);
	counts[VMMT_CLASS_io_out].recorded = 5;
	counts[VMMT_CLASS_io_out].lost = 5;
	lost = 1007;
	missed = 7;
	stats.vs_records_full = 1000;
	text = summary(2, 80);
	has(text, "10 exits counted = 5 recorded + 0 filtered + 5 lost\n");
	has(text, "1,007 records of all kinds were lost\n");
	has(text, "  1,000 of the vCPU found no room in a ring: raise --ring-size\n");
	has(text, "  7 came while the recorder was busy on their CPU\n");
	free(text);
}

/* Lossless mode: how long records waited; what was lost all the same. */
static void tells_waits(void **state)
{
	char *text;

	took(VMMT_CLASS_io_out, 10, 100);
	text = summary(2, 80);
	assert_null(strstr(text, "ring wait"));
	free(text);
	options.lossless = true;
	stats.vs_spans[VMM_SPAN_guest] = 3000000000;
	stats.vs_spans[VMM_SPAN_trace] = 1000000000;
	stats.vs_wait = 500000000;
	lost = stats.vs_records_full = 3;
	text = summary(2, 80);
	has(text, "\nring wait   0.500000   12.5   within trace\n");
	has(text, "  3 of the vCPU found no room in a ring\n");
	free(text);
}

/* Every class, from nanoseconds to hours, up to a hundred million times. */
static void is_narrow(void **state)
{
	static const uint64_t times[] = { 1, 999, 12345, 1234567, 99999999 };

	for (uint64_t ns = 1; ns < 4000000000000; ns = ns * 7 + 3) {
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			setup(NULL);
			if (ns * times[i] > 500000000000000)
				continue;	/* six days */
			for (unsigned int class = 0; class < VMMT_NCLASS; class++) {
				took(class, times[i], ns);
				keyed(class, 0x8000000012345678, 1);
			}
			keyed(VMMT_CLASS_rdmsr, 0x4b564d00, 2);
			keyed(VMMT_CLASS_io_in, 0xf4, 2);
			free(summary(2, 80));
		}
	}
}

static void tells_programs(void **state)
{
	json_t *all, *class;
	char *text;

	took(VMMT_CLASS_io_in, 100, 3460);
	keyed(VMMT_CLASS_io_in, 0x3fd, 94);
	run.devices[VMMT_DEVICE_serial0] = (struct run_device){ 94, 5000 };
	missed = 3;
	stats.vs_wait = 700;
	options.json = true;
	text = summary(1, 1000);
	all = json_loads(text, 0, NULL);
	assert_non_null(all);
	class = json_array_get(json_object_get(all, "classes"), 0);
	class = json_object_get(class, "top_key");
	assert_string_equal(json_string_value(json_object_get(class, "key")), "0x3fd");
	assert_int_equal(json_integer_value(json_object_get(class, "count")), 94);
	assert_true(json_is_true(json_object_get(class, "exact")));
	assert_int_equal(json_integer_value(json_object_get(all, "wait_ticks")), 700);
	class = json_array_get(json_object_get(all, "devices"), 0);
	assert_string_equal(json_string_value(json_object_get(class, "device")), "serial0");
	assert_int_equal(json_integer_value(json_object_get(class, "ticks")), 5000);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(all, "records"),
							    "missed")), 3);
	json_decref(all);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tells_keys, setup),
		cmocka_unit_test_setup(tells_what_it_does_not_know, setup),
		cmocka_unit_test_setup(tells_devices, setup),
		cmocka_unit_test_setup(tells_losses, setup),
		cmocka_unit_test_setup(tells_waits, setup),
		cmocka_unit_test_setup(is_narrow, setup),
		cmocka_unit_test_setup(tells_programs, setup),
	};

	return RUN_TESTS(tests);
}
