/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of vmmtrace top from made-up statistics: what they tell, in which
 * order, how wide. VMs come and go in tests/lab/top.sh.
 */
#include <config.h>

#include "collector_test.h"

#include "src/top/rows.h"
#include "stats_made_up.h"

#define VMS 2
#define CPUS 2

static struct vmm_stats now[VMS][CPUS], before[VMS][CPUS];
static struct top_vcpu vcpus[VMS][CPUS];
static struct top_vm vms[VMS] = { { .id = 3, .name = "web" }, { .id = 12, .name = "db" } };
static struct top_host host = { .tsc_khz = 1000000, .vms = vms, .nvms = VMS, .interval = 2 };
static struct top_view view;
static struct top_rows rows;

static int setup(void **state)
{
	memset(now, 0, sizeof(now));
	memset(before, 0, sizeof(before));
	view = (struct top_view){};
	for (int v = 0; v < VMS; v++) {
		vms[v].ncpus = CPUS;
		vms[v].vcpus = vcpus[v];
		for (int i = 0; i < CPUS; i++)
			vcpus[v][i] = (struct top_vcpu){ NULL, &now[v][i], &before[v][i] };
	}
	return 0;
}

static void did(int vm, int vcpu, unsigned int class, uint64_t key, uint64_t n, uint64_t ticks)
{
	made_up_keyed(&now[vm][vcpu].vs_class[class], key, n, ticks);
}

static void scene(void)
{
	did(0, 0, VMMT_CLASS_io_out, 0x3f8, 500, 900);
	memcpy(before, now, sizeof(now));
	did(0, 0, VMMT_CLASS_io_out, 0x3f8, 100, 2000000);	/* 10 % of 2 s */
	did(0, 1, VMMT_CLASS_io_out, 0x3f8, 100, 2000000);
	did(0, 1, VMMT_CLASS_cpuid, 1, 1000, 1000);
	did(1, 0, VMMT_CLASS_cpuid, 7, 4000, 1000);
	did(1, 1, VMMT_CLASS_hlt, 0, 2, 5000);
}

/* Lines as they are on a terminal of 80 columns; the caller frees. */
static char *table(void)
{
	char *text = calloc(100, TOP_LINE), line[TOP_LINE];

	assert_int_equal(top_rows_make(&rows, &host, &view, top_key_room(&view, 80)), 0);
	top_line_head(text, &view);
	for (size_t i = 0; i < rows.n; i++) {
		top_line_row(line, &view, &rows.row[i]);
		assert_in_range(strlen(line), 1, 80);
		strcat(strcat(text, "\n"), line);
	}
	return text;
}

#define SAYS(want) do { \
	char *text = table(); \
	assert_string_equal(text, want); \
	free(text); \
} while (0)

static void by_class(void **state)
{
	scene();
	SAYS("  VM NAME      EXIT        COUNT  RATE/s  TIME% p50us p99us  TOP KEY\n"
	     "   3 web       OUT           700     100   20.0  2000  2000  0x3f8 serial0 100%\n"
	     "  12 db        CPUID       4,000   2,000    0.2  0.99  0.99  0x7 100%\n"
	     "   3 web       CPUID       1,000     500    0.1  0.99  0.99  0x1 100%\n"
	     "  12 db        HLT             2       1    0.0  4.86  4.86  -");
	assert_int_equal((int)rows.rate, 2601);
	assert_int_equal(rows.vcpus, 4);
}

static void by_vcpu(void **state)
{
	scene();
	view.split = true;
	view.sort = TOP_SORT_name;
	SAYS("  VM NAME      CPU EXIT        COUNT  RATE/s  TIME% p50us p99us  TOP KEY\n"
	     "  12 db          0 CPUID       4,000   2,000    0.2  0.99  0.99  0x7 100%\n"
	     "  12 db          1 HLT             2       1    0.0  4.86  4.86  -\n"
	     "   3 web         0 OUT           600      50   10.0  2000  2000  0x3f8 100%\n"
	     "   3 web         1 OUT           100      50   10.0  2000  2000  0x3f8 100%\n"
	     "   3 web         1 CPUID       1,000     500    0.1  0.99  0.99  0x1 100%");
}

static void folded(void **state)
{
	scene();
	view.fold = true;
	view.sort = TOP_SORT_rate;
	SAYS("  VM NAME      EXITS       COUNT  RATE/s  TIME% p50us p99us  TOP EXIT\n"
	     "  12 db        all         4,002   2,001    0.2  0.99  0.99  CPUID 100%\n"
	     "   3 web       all         1,700     600   20.1  0.99  2000  CPUID 83%");
}

static void sorted(void **state)
{
	static const struct {
		enum top_sort sort;
		unsigned int vm, class;
	} firsts[] = {
		{ TOP_SORT_time, 3, VMMT_CLASS_io_out }, { TOP_SORT_rate, 12, VMMT_CLASS_cpuid },
		{ TOP_SORT_count, 12, VMMT_CLASS_cpuid }, { TOP_SORT_p99, 3, VMMT_CLASS_io_out },
		{ TOP_SORT_name, 12, VMMT_CLASS_cpuid },
	};

	scene();
	for (size_t i = 0; i < TOP_NSORT; i++) {
		view.sort = firsts[i].sort;
		free(table());
		assert_int_equal(rows.n, 4);
		assert_int_equal(rows.row[0].vm->id, firsts[i].vm);
		assert_int_equal(rows.row[0].class, firsts[i].class);
	}
}

/* What did nothing lately stays, and says so. */
static void idle(void **state)
{
	char line[TOP_LINE];

	did(0, 0, VMMT_CLASS_rdmsr, 0x1b, 5, 100);
	did(0, 0, VMMT_CLASS_wrmsr, 0x1b, 6, 100);
	memcpy(before, now, sizeof(now));
	did(0, 0, VMMT_CLASS_rdmsr, 0x1b, 5, 100);
	SAYS("  VM NAME      EXIT        COUNT  RATE/s  TIME% p50us p99us  TOP KEY\n"
	     "   3 web       RDMSR          10       3    0.0  0.10  0.10  APIC_BASE 100%\n"
	     "   3 web       WRMSR           6       0    0.0     -     -  -");
	host.nvms = 0;
	top_line_sum(line, &host, &rows);
	assert_string_equal(line, "no VM that you may see; waiting");
	host.nvms = VMS;
}

/* Every class, from nanoseconds to hours, with the longest names and keys. */
static void is_narrow(void **state)
{
	for (uint64_t ns = 1; ns < 4000000000000; ns = ns * 7 + 3) {
		setup(NULL);
		view.split = ns & 1;
		for (unsigned int class = 0; class < VMMT_NCLASS; class++) {
			did(1, 1, class, 0x8000000012345678, 2, ns);
			did(0, 0, class, 0xf4, 3, ns);
			now[1][1].vs_class[class].vsc_counted += 1234567890123;
		}
		snprintf(vms[1].name, sizeof(vms[1].name), "a-name-that-is-far-too-long");
		free(table());
		view.fold = true;
		free(table());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(by_class, setup),
		cmocka_unit_test_setup(by_vcpu, setup),
		cmocka_unit_test_setup(folded, setup),
		cmocka_unit_test_setup(sorted, setup),
		cmocka_unit_test_setup(idle, setup),
		cmocka_unit_test_setup(is_narrow, setup),
	};

	return RUN_TESTS(tests);
}
