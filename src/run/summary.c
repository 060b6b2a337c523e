// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the time of a run went, from the module's own statistics: they are
 * complete whether records were kept or not.
 */
#include "run.h"

#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/collector/names.h"

struct row {
	unsigned int class;
	const struct vmm_stats_class *st;
};

static double ms(const struct run *r, uint64_t ticks)
{
	return r->version.vv_tsc_khz ? (double)ticks / (double)r->version.vv_tsc_khz : 0;
}

/* Value below which a share of the class's exits lie: the middle of the bucket
 * it falls into, off by 6.25 % at most. */
static uint64_t percentile(const struct vmm_stats_class *st, double share)
{
	uint64_t sum = 0, n = 0, want;
	unsigned int i;

	for (i = 0; i < VMM_HIST_BUCKETS; i++)
		n += st->vsc_hist[i];
	want = (uint64_t)((double)n * share);
	for (i = 0; i < VMM_HIST_BUCKETS; i++) {
		sum += st->vsc_hist[i];
		if (sum > want) {
			uint64_t low = vmm_hist_floor(i);
			uint64_t high = i + 1 < VMM_HIST_BUCKETS ? vmm_hist_floor(i + 1) : low;

			return low + (high - low) / 2 < st->vsc_max ? low + (high - low) / 2 :
								      st->vsc_max;
		}
	}
	return 0;
}

static int by_ticks(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->st->vsc_ticks != y->st->vsc_ticks)
		return x->st->vsc_ticks < y->st->vsc_ticks ? 1 : -1;
	return x->class < y->class ? -1 : 1;
}

/* Classes that occurred, the costliest first. */
static unsigned int rows_of(const struct run *r, struct row rows[VMMT_NCLASS])
{
	unsigned int i, n = 0;

	for (i = 0; i < VMMT_NCLASS; i++)
		if (r->stats->vs_class[i].vsc_counted)
			rows[n++] = (struct row){ i, &r->stats->vs_class[i] };
	qsort(rows, n, sizeof(*rows), by_ticks);
	return n;
}

static uint64_t total_ticks(const struct vmm_stats *st)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < VMM_NSPAN; i++)
		sum += st->vs_spans[i];
	return sum;
}

/* One digit grouping for all counts: 28,950. */
static const char *grouped(uint64_t n, char buf[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), i, k = 0;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[k++] = ',';
		buf[k++] = digits[i];
	}
	buf[k] = 0;
	return buf;
}

/* An emulated host (vmmtrace lab) says so on its kernel's command line. */
static void print_host(void)
{
	char line[4096] = "", name[16];
	const char *found;
	FILE *f = fopen("/proc/cmdline", "re");

	if (!f)
		return;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	found = strstr(line, "vmmtrace.lab=");
	if (!found || sscanf(found, "vmmtrace.lab=%15s", name) != 1)
		return;
	fprintf(stderr, "emulated host (%s): %scompare counts and ratios only\n", name,
		strcmp(name, "icount") ? "" : "1 ns is 1 instruction; ");
}

static void print_spans(const struct run *r)
{
	static const char *const names[] = {
#define S(name, doc) #name,
		VMMT_SPANS(S)
#undef S
	};
	const struct vmm_stats *st = r->stats;
	double all = ms(r, total_ticks(st));
	unsigned int i;

	fprintf(stderr, "\n%-10s %12s %6s\n", "TIME", "SECONDS", "%");
	for (i = 0; i < VMM_NSPAN; i++)
		fprintf(stderr, "%-10s %12.6f %6.1f\n", names[i], ms(r, st->vs_spans[i]) / 1000,
			all ? 100 * ms(r, st->vs_spans[i]) / all : 0);
	fprintf(stderr, "%-10s %12.6f %6.1f   within the above\n", "off cpu", ms(r, st->vs_off) / 1000,
		all ? 100 * ms(r, st->vs_off) / all : 0);
}

static void print_exits(const struct run *r)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(r, rows), i;
	uint64_t busy = 0;
	char buf[32];

	for (i = 0; i < n; i++)
		busy += rows[i].st->vsc_ticks;
	fprintf(stderr, "\n%-18s %11s %6s %10s %6s %9s %9s %9s %10s\n", "EXIT", "COUNT", "%",
		"TOTAL ms", "BUSY%", "us avg", "p50", "p99", "max");
	for (i = 0; i < n; i++) {
		const struct vmm_stats_class *st = rows[i].st;

		fprintf(stderr, "%-18s %11s %6.1f %10.3f %6.1f %9.2f %9.2f %9.2f %10.2f\n",
			vmmt_class_info(rows[i].class)->label, grouped(st->vsc_counted, buf),
			100.0 * (double)st->vsc_counted / (double)r->stats->vs_exits,
			ms(r, st->vsc_ticks), busy ? 100.0 * (double)st->vsc_ticks / (double)busy : 0,
			1000 * ms(r, st->vsc_ticks) / (double)st->vsc_counted,
			1000 * ms(r, percentile(st, 0.50)), 1000 * ms(r, percentile(st, 0.99)),
			1000 * ms(r, st->vsc_max));
	}
}

static void sum_counts(const struct run *r, struct collector_count *sum)
{
	const struct collector_count *counts = record_counts(r);
	unsigned int i;

	*sum = (struct collector_count){};
	for (i = 0; counts && i < VMMT_NCLASS; i++) {
		sum->counted += counts[i].counted;
		sum->recorded += counts[i].recorded;
		sum->filtered += counts[i].filtered;
		sum->lost += counts[i].lost;
	}
}

static void print_outputs(const struct run *r)
{
	struct collector_count sum;
	char a[32], b[32], c[32], d[32];
	struct stat st;
	unsigned int i;

	if (!r->record)
		return;
	sum_counts(r, &sum);
	fprintf(stderr, "\n%s exits counted = %s recorded + %s filtered + %s lost\n",
		grouped(sum.counted, a), grouped(sum.recorded, b), grouped(sum.filtered, c),
		grouped(sum.lost, d));
	for (i = 0; i < r->opt->noutputs; i++)
		if (!stat(r->opt->outputs[i], &st))
			fprintf(stderr, "wrote %s (%.1f KiB)\n", r->opt->outputs[i],
				(double)st.st_size / 1024);
}

static const char *end_text(enum machine_end end)
{
	return end == MACHINE_END_none ? "stopped" : machine_end_text(end);
}

static const char *isa_text(const struct run *r)
{
	return r->version.vv_isa == VMMT_ISA_svm ? "AMD SVM" : "Intel VMX";
}

static void print_people(const struct run *r, enum machine_end end, uint32_t status)
{
	fprintf(stderr, "\nvm %u \"%s\": 1 vCPU, %" PRIu64 " MiB, %s, ran %.3f s, %s",
		r->stats->vs_vm, r->opt->name, r->opt->memory >> 20, isa_text(r),
		ms(r, total_ticks(r->stats)) / 1000, end_text(end));
	if (end == MACHINE_END_debug_exit)
		fprintf(stderr, " with %u", status);
	fputc('\n', stderr);
	print_host();
	print_spans(r);
	print_exits(r);
	print_outputs(r);
}

static json_t *exits_json(const struct run *r)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(r, rows), i;
	json_t *list = json_array();

	for (i = 0; i < n; i++) {
		const struct vmm_stats_class *st = rows[i].st;

		json_array_append_new(list, json_pack("{s:s s:I s:I s:I s:I s:I}",
			"class", vmmt_class_info(rows[i].class)->name,
			"count", (json_int_t)st->vsc_counted, "ticks", (json_int_t)st->vsc_ticks,
			"p50", (json_int_t)percentile(st, 0.50),
			"p99", (json_int_t)percentile(st, 0.99), "max", (json_int_t)st->vsc_max));
	}
	return list;
}

static void print_json(const struct run *r, enum machine_end end, uint32_t status)
{
	static const char *const ends[] = {
#define E(name, text) #name,
		MACHINE_ENDS(E)
#undef E
	};
	json_t *spans = json_object(), *root;
	struct collector_count sum;

#define S(name, doc) json_object_set_new(spans, #name, \
		json_integer((json_int_t)r->stats->vs_spans[VMM_SPAN_##name]));
	VMMT_SPANS(S)
#undef S
	sum_counts(r, &sum);
	root = json_pack("{s:i s:s s:s s:i s:I s:I s:I s:o s:o s:{s:I s:I s:I s:I}}",
			 "vm", (int)r->stats->vs_vm, "name", r->opt->name,
			 "end", end == MACHINE_END_none ? "stopped" : ends[end], "status", (int)status,
			 "tsc_khz", (json_int_t)r->version.vv_tsc_khz,
			 "exits", (json_int_t)r->stats->vs_exits,
			 "off_ticks", (json_int_t)r->stats->vs_off,
			 "span_ticks", spans, "classes", exits_json(r),
			 "records", "counted", (json_int_t)sum.counted,
			 "recorded", (json_int_t)sum.recorded, "filtered", (json_int_t)sum.filtered,
			 "lost", (json_int_t)sum.lost);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	fflush(stdout);
	json_decref(root);
}

void run_summary(const struct run *r, enum machine_end end, uint32_t status)
{
	if (r->opt->json)
		print_json(r, end, status);
	if (!r->opt->quiet && !r->opt->json)
		print_people(r, end, status);
}

/* What the result depends on. Where and when it was made is FILE.env.json's. */
json_t *run_manifest(const struct run *r)
{
	const struct run_options *opt = r->opt;
	static const char *const images[] = { "none", "linux", "multiboot", "flat" };

	return json_pack("{s:s s:s s:I s:s s:I s:I s:s}", "name", opt->name, "image",
			 images[opt->image], "memory", (json_int_t)opt->memory, "append",
			 opt->append ? opt->append : "", "ring_size", (json_int_t)opt->ring_size,
			 "rtc_base", (json_int_t)opt->rtc_base, "isa", isa_text(r));
}
