// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/tables.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/collector/names.h"
#include "src/stats/text.h"

struct row {
	unsigned int class;
	const struct vmm_stats_class *st;
};

double tables_ms(const struct tables *t, uint64_t ticks)
{
	return t->khz ? (double)ticks / (double)t->khz : 0;
}

static int by_ticks(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->st->vsc_ticks != y->st->vsc_ticks)
		return x->st->vsc_ticks < y->st->vsc_ticks ? 1 : -1;
	return x->class < y->class ? -1 : 1;
}

/* Classes that occurred, the costliest first. */
static unsigned int rows_of(const struct tables *t, struct row rows[VMMT_NCLASS])
{
	unsigned int i, n = 0;

	for (i = 0; i < VMMT_NCLASS; i++)
		if (t->stats->vs_class[i].vsc_counted)
			rows[n++] = (struct row){ i, &t->stats->vs_class[i] };
	qsort(rows, n, sizeof(*rows), by_ticks);
	return n;
}

uint64_t tables_ticks(const struct vmm_stats *st)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < VMM_NSPAN; i++)
		sum += st->vs_spans[i];
	return sum;
}

void tables_print_host(void)
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

static void print_spans(const struct tables *t)
{
	static const char *const names[] = {
#define S(name, doc) #name,
		VMMT_SPANS(S)
#undef S
	};
	const struct vmm_stats *st = t->stats;
	double all = tables_ms(t, tables_ticks(st));
	unsigned int i;
	int len;

	fprintf(stderr, "\n%-7s %12s %6s\n", "TIME", "SECONDS", "%");
	for (i = 0; i < VMM_NSPAN; i++) {
		len = fprintf(stderr, "%-7s %12.6f %6.1f", names[i],
			      tables_ms(t, st->vs_spans[i]) / 1000,
			      all ? 100 * tables_ms(t, st->vs_spans[i]) / all : 0);
		if (i == VMM_SPAN_user && t->user)
			t->user(t->arg, len);
		fputc('\n', stderr);
	}
	fprintf(stderr, "%-7s %12.6f %6.1f   within the above\n", "off cpu",
		tables_ms(t, st->vs_off) / 1000, all ? 100 * tables_ms(t, st->vs_off) / all : 0);
	if (t->waits)
		fprintf(stderr, "ring wait %10.6f %6.1f   within trace\n",
			tables_ms(t, st->vs_wait) / 1000,
			all ? 100 * tables_ms(t, st->vs_wait) / all : 0);
}

/* Milliseconds in seven columns, up to a thousand seconds. */
static const char *seven(double value, char buf[STATS_TEXT])
{
	snprintf(buf, STATS_TEXT, value < 999.9995 ? "%.3f" : value < 99999.95 ? "%.1f" : "%.0f", value);
	return buf;
}

/* All that came of a class. Keys of what others count, or of several vCPUs together, are
 * those that were recorded. */
static void sum_up(const struct tables *t, const struct row *row, struct stats_sum *sum)
{
	struct key_count top;
	bool sure;

	stats_clear(sum);
	stats_sum_add(sum, row->st, NULL, !t->keys);
	if (!t->keys || !keys_top(t->keys, row->class, &top, &sure))
		return;
	sum->nkeys = 1;
	sum->keys[0] = (struct stats_key){ .key = top.key, .count = top.count };
	sum->partial = !sure || row->st->vsc_delivered != row->st->vsc_counted;
}

static void print_exit(const struct tables *t, const struct row *row, uint64_t busy, int label,
		       int count)
{
	const struct vmm_stats_class *st = row->st;
	char buf[STATS_TEXT], total[STATS_TEXT], avg[STATS_TEXT], p50[STATS_TEXT];
	char p99[STATS_TEXT], max[STATS_TEXT], key[64];
	static struct stats_sum sum;
	int len;

	sum_up(t, row, &sum);

	len = fprintf(stderr, "%-*s %*s %7s %5.1f %6s %5s %5s %5s  ", label,
		      vmmt_class_info(row->class)->label, count,
		      stats_text_grouped(st->vsc_counted, buf),
		      seven(tables_ms(t, st->vsc_ticks), total),
		      busy ? 100.0 * (double)st->vsc_ticks / (double)busy : 0,
		      stats_text_us(1000 * tables_ms(t, st->vsc_ticks) / (double)st->vsc_counted, avg),
		      stats_text_us(1000 * tables_ms(t, stats_percentile(&sum, 0.50)), p50),
		      stats_text_us(1000 * tables_ms(t, stats_percentile(&sum, 0.99)), p99),
		      stats_text_us(1000 * tables_ms(t, st->vsc_max), max));
	stats_text_top(row->class, &sum, TABLES_COLUMNS - len, key, sizeof(key));
	fprintf(stderr, "%s\n", key);
}

static void print_exits(const struct tables *t)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(t, rows), i;
	int label = 4, count = 5, len;
	uint64_t busy = 0;
	char buf[32];

	for (i = 0; i < n; i++) {
		busy += rows[i].st->vsc_ticks;
		len = (int)strlen(vmmt_class_info(rows[i].class)->label);
		label = len > label ? len : label;
		len = (int)strlen(stats_text_grouped(rows[i].st->vsc_counted, buf));
		count = len > count ? len : count;
	}
	fprintf(stderr, "\n%-*s %*s %7s %5s %6s %5s %5s %5s  %s\n", label, "EXIT", count, "COUNT",
		"TIME ms", "BUSY%", "us avg", "p50", "p99", "max", "TOP KEY");
	for (i = 0; i < n; i++)
		print_exit(t, &rows[i], busy, label, count);
}

json_t *tables_spans_json(const struct tables *t)
{
	json_t *spans = json_object();

#define S(name, doc) json_object_set_new(spans, #name, \
		json_integer((json_int_t)t->stats->vs_spans[VMM_SPAN_##name]));
	VMMT_SPANS(S)
#undef S
	return spans;
}

json_t *tables_exits_json(const struct tables *t)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(t, rows), i;
	static struct stats_sum sum;
	json_t *list = json_array();

	for (i = 0; i < n; i++) {
		sum_up(t, &rows[i], &sum);
		json_array_append_new(list, stats_json(rows[i].class, &sum));
	}
	return list;
}

void tables_print(const struct tables *t)
{
	print_spans(t);
	print_exits(t);
}

void tables_print_file(const char *path)
{
	int64_t size = collector_output_size(path);
	bool large = size >= 1 << 20;

	if (size < 0)
		return;
	fprintf(stderr, "wrote %s (%.1f %s)\n", path,
		(double)size / (large ? 1 << 20 : 1 << 10), large ? "MiB" : "KiB");
}

void tables_sum(const struct collector_count *counts, struct collector_count *ret)
{
	unsigned int i;

	*ret = (struct collector_count){};
	for (i = 0; counts && i < VMMT_NCLASS; i++) {
		ret->counted += counts[i].counted;
		ret->recorded += counts[i].recorded;
		ret->filtered += counts[i].filtered;
		ret->lost += counts[i].lost;
	}
}

void tables_print_counts(const struct collector_count *counts, const struct tables_losses *l)
{
	char a[32], b[32], c[32], d[32];
	struct collector_count sum;

	tables_sum(counts, &sum);
	fprintf(stderr, "\n%s exits counted = %s recorded + %s filtered + %s lost\n",
		stats_text_grouped(sum.counted, a), stats_text_grouped(sum.recorded, b),
		stats_text_grouped(sum.filtered, c), stats_text_grouped(sum.lost, d));
	if (!l->lost)
		return;		/* what other recorders lost is theirs */
	fprintf(stderr, "%s records of all kinds were lost\n", stats_text_grouped(l->lost, a));
	if (l->full)
		fprintf(stderr, "  %s of the vCPU%s found no room in a ring%s\n",
			stats_text_grouped(l->full, a), l->many ? "s" : "",
			l->lossless ? "" : ": raise --ring-size");
	if (l->missed)
		fprintf(stderr, "  %s came while the recorder was busy on their CPU\n",
			stats_text_grouped(l->missed, a));
}
