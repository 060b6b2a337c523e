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

struct row {
	unsigned int class;
	const struct vmm_stats_class *st;
};

double tables_ms(const struct tables *t, uint64_t ticks)
{
	return t->khz ? (double)ticks / (double)t->khz : 0;
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

const char *tables_grouped(uint64_t n, char buf[32])
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
}

/* Microseconds in five columns, whatever they are. */
static const char *five(double us, char buf[16])
{
	if (us < 99.95)
		snprintf(buf, 16, us < 9.995 ? "%.2f" : "%.1f", us);
	else if (us < 99999.5)
		snprintf(buf, 16, "%.0f", us);
	else if (us < 999500)
		snprintf(buf, 16, "%.0fms", us / 1000);
	else
		snprintf(buf, 16, us < 99.95e6 ? "%.1fs" : "%.0fs", us / 1e6);
	return buf;
}

/* Milliseconds in seven columns, up to a thousand seconds. */
static const char *seven(double value, char buf[32])
{
	snprintf(buf, 32, value < 999.9995 ? "%.3f" : value < 99999.95 ? "%.1f" : "%.0f", value);
	return buf;
}

/* A key and its name, in as many columns as there are: both, or one, or the
 * beginning of a long number. */
static void name_key(unsigned int class, uint64_t key, int room, char *text, size_t size)
{
	enum vmmt_key kind = vmmt_class_info(class)->key;
	char name[40] = "";

	if (kind != VMMT_KEY_gpa)
		vmmt_key_text(name, sizeof(name), kind, key);
	snprintf(text, size, "0x%" PRIx64, key);
	if (kind == VMMT_KEY_port && vmmt_port_device(key))
		snprintf(text, size, "0x%" PRIx64 " %s", key, name);
	else if (name[0])
		snprintf(text, size, "%s", name);
	if ((int)strlen(text) <= room)
		return;
	snprintf(text, size, "0x%" PRIx64, key);
	if ((int)strlen(text) > room)
		snprintf(text + (room > 2 ? room - 2 : 0), 3, "..");
}

/* The hottest key of a class and its share, in at most room columns; - where
 * none is known. ~: it came at least that often. */
static void top_key(const struct tables *t, const struct row *row, int room, char *text,
		    size_t size)
{
	struct key_count top;
	char share[16];
	bool sure;
	double percent;

	snprintf(text, size, "-");
	if (!t->keys || !keys_top(t->keys, row->class, &top, &sure))
		return;
	percent = 100.0 * (double)top.count / (double)row->st->vsc_counted;
	if (!sure && percent < 1)
		return;
	sure &= row->st->vsc_delivered == row->st->vsc_counted;
	snprintf(share, sizeof(share), " %s%.0f%%", sure ? "" : "~", percent);
	name_key(row->class, top.key, room - (int)strlen(share), text, size - sizeof(share));
	strcat(text, share);
}

static void print_exit(const struct tables *t, const struct row *row, uint64_t busy, int label,
		       int count)
{
	const struct vmm_stats_class *st = row->st;
	char buf[32], total[32], avg[16], p50[16], p99[16], max[16], key[64];
	int len;

	len = fprintf(stderr, "%-*s %*s %7s %5.1f %6s %5s %5s %5s  ", label,
		      vmmt_class_info(row->class)->label, count,
		      tables_grouped(st->vsc_counted, buf),
		      seven(tables_ms(t, st->vsc_ticks), total),
		      busy ? 100.0 * (double)st->vsc_ticks / (double)busy : 0,
		      five(1000 * tables_ms(t, st->vsc_ticks) / (double)st->vsc_counted, avg),
		      five(1000 * tables_ms(t, percentile(st, 0.50)), p50),
		      five(1000 * tables_ms(t, percentile(st, 0.99)), p99),
		      five(1000 * tables_ms(t, st->vsc_max), max));
	top_key(t, row, TABLES_COLUMNS - len, key, sizeof(key));
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
		len = (int)strlen(tables_grouped(rows[i].st->vsc_counted, buf));
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

static json_t *key_json(const struct tables *t, unsigned int class)
{
	struct key_count top;
	char key[24], name[48];
	bool sure;

	if (!t->keys || !keys_top(t->keys, class, &top, &sure))
		return NULL;
	snprintf(key, sizeof(key), "0x%" PRIx64, top.key);
	name_key(class, top.key, sizeof(name), name, sizeof(name));
	return json_pack("{s:s s:s s:I s:b}", "key", key, "name", name,
			 "count", (json_int_t)top.count, "exact", (int)sure);
}

json_t *tables_exits_json(const struct tables *t)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(t, rows), i;
	json_t *list = json_array(), *row, *key;

	for (i = 0; i < n; i++) {
		const struct vmm_stats_class *st = rows[i].st;

		row = json_pack("{s:s s:I s:I s:I s:I s:I}",
			"class", vmmt_class_info(rows[i].class)->name,
			"count", (json_int_t)st->vsc_counted, "ticks", (json_int_t)st->vsc_ticks,
			"p50", (json_int_t)percentile(st, 0.50),
			"p99", (json_int_t)percentile(st, 0.99), "max", (json_int_t)st->vsc_max);
		key = key_json(t, rows[i].class);
		if (key)
			json_object_set_new(row, "top_key", key);
		json_array_append_new(list, row);
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
	struct stat st;
	bool large;

	if (stat(path, &st))
		return;
	large = st.st_size >= 1 << 20;
	fprintf(stderr, "wrote %s (%.1f %s)\n", path,
		(double)st.st_size / (large ? 1 << 20 : 1 << 10), large ? "MiB" : "KiB");
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
		tables_grouped(sum.counted, a), tables_grouped(sum.recorded, b),
		tables_grouped(sum.filtered, c), tables_grouped(sum.lost, d));
	if (!l->lost)
		return;		/* what other recorders lost is theirs */
	fprintf(stderr, "%s records of all kinds were lost\n", tables_grouped(l->lost, a));
	if (l->full)
		fprintf(stderr, "  %s of the vCPU%s found no room in a ring: raise --ring-size\n",
			tables_grouped(l->full, a), l->many ? "s" : "");
	if (l->missed)
		fprintf(stderr, "  %s came while the recorder was busy on their CPU\n",
			tables_grouped(l->missed, a));
}
