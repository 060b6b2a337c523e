// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the time of a run went, from the module's own statistics: they are
 * complete whether records were kept or not. Keys are known only where records
 * were. For people it is made for terminals of 80 columns.
 */
#include "run.h"

#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/collector/names.h"

#define COLUMNS 80

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

static int by_device_ticks(const void *a, const void *b)
{
	const struct run_device *x = *(const struct run_device *const *)a;
	const struct run_device *y = *(const struct run_device *const *)b;

	if (x->ticks != y->ticks)
		return x->ticks < y->ticks ? 1 : -1;
	return x < y ? -1 : 1;
}

/* Devices that were used, the costliest first. */
static unsigned int devices_of(const struct run *r, const struct run_device *used[VMMT_NDEVICE])
{
	unsigned int i, n = 0;

	for (i = 0; i < VMMT_NDEVICE; i++)
		if (r->devices[i].accesses)
			used[n++] = &r->devices[i];
	qsort(used, n, sizeof(*used), by_device_ticks);
	return n;
}

static const char *device_name(const struct run *r, const struct run_device *device)
{
	unsigned int id = (unsigned int)(device - r->devices);

	return id == VMMT_DEVICE_none ? "no device" : vmmt_value_name(VMMT_KIND_device, id).text;
}

/* What of the time in userland went to which device, in seconds: as many as
 * fit in a line that is `used` long, and the rest. */
static void print_devices(const struct run *r, int used)
{
	static const char other[] = "other 0.000";
	const struct run_device *devices[VMMT_NDEVICE];
	unsigned int n = devices_of(r, devices), i;
	double rest = ms(r, r->stats->vs_spans[VMM_SPAN_user]) / 1000, s;
	char text[64];
	int len;

	for (i = 0; i < n; i++) {
		s = ms(r, devices[i]->ticks) / 1000;
		len = snprintf(text, sizeof(text), "%s%s %.3f, ", i ? "" : "   ",
			       device_name(r, devices[i]), s);
		if (s < 0.0005 || used + len + (int)sizeof(other) > COLUMNS)
			break;
		fputs(text, stderr);
		used += len;
		rest -= s;
	}
	if (i)
		fprintf(stderr, "other %.3f", rest > 0 ? rest : 0);
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
	int len;

	fprintf(stderr, "\n%-7s %12s %6s\n", "TIME", "SECONDS", "%");
	for (i = 0; i < VMM_NSPAN; i++) {
		len = fprintf(stderr, "%-7s %12.6f %6.1f", names[i],
			      ms(r, st->vs_spans[i]) / 1000,
			      all ? 100 * ms(r, st->vs_spans[i]) / all : 0);
		if (i == VMM_SPAN_user)
			print_devices(r, len);
		fputc('\n', stderr);
	}
	fprintf(stderr, "%-7s %12.6f %6.1f   within the above\n", "off cpu",
		ms(r, st->vs_off) / 1000, all ? 100 * ms(r, st->vs_off) / all : 0);
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
static void top_key(const struct run *r, const struct row *row, int room, char *text, size_t size)
{
	const struct keys *keys = record_keys(r);
	struct key_count top;
	char share[16];
	bool sure;
	double percent;

	snprintf(text, size, "-");
	if (!keys || !keys_top(keys, row->class, &top, &sure))
		return;
	percent = 100.0 * (double)top.count / (double)row->st->vsc_counted;
	if (!sure && percent < 1)
		return;
	sure &= row->st->vsc_delivered == row->st->vsc_counted;
	snprintf(share, sizeof(share), " %s%.0f%%", sure ? "" : "~", percent);
	name_key(row->class, top.key, room - (int)strlen(share), text, size - sizeof(share));
	strcat(text, share);
}

static void print_exit(const struct run *r, const struct row *row, uint64_t busy, int label,
		       int count)
{
	const struct vmm_stats_class *st = row->st;
	char buf[32], total[32], avg[16], p50[16], p99[16], max[16], key[64];
	int len;

	len = fprintf(stderr, "%-*s %*s %7s %5.1f %6s %5s %5s %5s  ", label,
		      vmmt_class_info(row->class)->label, count, grouped(st->vsc_counted, buf),
		      seven(ms(r, st->vsc_ticks), total),
		      busy ? 100.0 * (double)st->vsc_ticks / (double)busy : 0,
		      five(1000 * ms(r, st->vsc_ticks) / (double)st->vsc_counted, avg),
		      five(1000 * ms(r, percentile(st, 0.50)), p50),
		      five(1000 * ms(r, percentile(st, 0.99)), p99),
		      five(1000 * ms(r, st->vsc_max), max));
	top_key(r, row, COLUMNS - len, key, sizeof(key));
	fprintf(stderr, "%s\n", key);
}

static void print_exits(const struct run *r)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(r, rows), i;
	int label = 4, count = 5, len;
	uint64_t busy = 0;
	char buf[32];

	for (i = 0; i < n; i++) {
		busy += rows[i].st->vsc_ticks;
		len = (int)strlen(vmmt_class_info(rows[i].class)->label);
		label = len > label ? len : label;
		len = (int)strlen(grouped(rows[i].st->vsc_counted, buf));
		count = len > count ? len : count;
	}
	fprintf(stderr, "\n%-*s %*s %7s %5s %6s %5s %5s %5s  %s\n", label, "EXIT", count, "COUNT",
		"TIME ms", "BUSY%", "us avg", "p50", "p99", "max", "TOP KEY");
	for (i = 0; i < n; i++)
		print_exit(r, &rows[i], busy, label, count);
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

/* Why records are missing, and what to do. */
static void print_losses(const struct run *r)
{
	uint64_t lost = record_lost(r), missed = record_missed(r);
	uint64_t full = r->stats->vs_records_full;
	char buf[32];

	if (lost)
		fprintf(stderr, "%s records of all kinds were lost\n", grouped(lost, buf));
	if (full)
		fprintf(stderr, "  %s of the vCPU found no room in a ring: raise --ring-size\n",
			grouped(full, buf));
	if (missed)
		fprintf(stderr, "  %s came while the recorder was busy on their CPU\n",
			grouped(missed, buf));
}

static void print_outputs(const struct run *r)
{
	struct collector_count sum;
	char a[32], b[32], c[32], d[32];
	struct stat st;
	unsigned int i;
	bool large;

	if (!r->record)
		return;
	sum_counts(r, &sum);
	fprintf(stderr, "\n%s exits counted = %s recorded + %s filtered + %s lost\n",
		grouped(sum.counted, a), grouped(sum.recorded, b), grouped(sum.filtered, c),
		grouped(sum.lost, d));
	print_losses(r);
	for (i = 0; i < r->opt->noutputs; i++) {
		if (stat(r->opt->outputs[i], &st))
			continue;
		large = st.st_size >= 1 << 20;
		fprintf(stderr, "wrote %s (%.1f %s)\n", r->opt->outputs[i],
			(double)st.st_size / (large ? 1 << 20 : 1 << 10), large ? "MiB" : "KiB");
	}
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

static json_t *key_json(const struct run *r, unsigned int class)
{
	const struct keys *keys = record_keys(r);
	struct key_count top;
	char key[24], name[48];
	bool sure;

	if (!keys || !keys_top(keys, class, &top, &sure))
		return NULL;
	snprintf(key, sizeof(key), "0x%" PRIx64, top.key);
	name_key(class, top.key, sizeof(name), name, sizeof(name));
	return json_pack("{s:s s:s s:I s:b}", "key", key, "name", name,
			 "count", (json_int_t)top.count, "exact", (int)sure);
}

static json_t *exits_json(const struct run *r)
{
	struct row rows[VMMT_NCLASS];
	unsigned int n = rows_of(r, rows), i;
	json_t *list = json_array(), *row, *key;

	for (i = 0; i < n; i++) {
		const struct vmm_stats_class *st = rows[i].st;

		row = json_pack("{s:s s:I s:I s:I s:I s:I}",
			"class", vmmt_class_info(rows[i].class)->name,
			"count", (json_int_t)st->vsc_counted, "ticks", (json_int_t)st->vsc_ticks,
			"p50", (json_int_t)percentile(st, 0.50),
			"p99", (json_int_t)percentile(st, 0.99), "max", (json_int_t)st->vsc_max);
		key = key_json(r, rows[i].class);
		if (key)
			json_object_set_new(row, "top_key", key);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *devices_json(const struct run *r)
{
	const struct run_device *devices[VMMT_NDEVICE];
	unsigned int n = devices_of(r, devices), i;
	json_t *list = json_array();

	for (i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s s:I s:I}",
			"device", vmmt_value_name(VMMT_KIND_device,
						  (unsigned int)(devices[i] - r->devices)).text,
			"accesses", (json_int_t)devices[i]->accesses,
			"ticks", (json_int_t)devices[i]->ticks));
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
	root = json_pack("{s:i s:s s:s s:i s:I s:I s:I s:o s:o s:o s:{s:I s:I s:I s:I s:I}}",
			 "vm", (int)r->stats->vs_vm, "name", r->opt->name,
			 "end", end == MACHINE_END_none ? "stopped" : ends[end], "status", (int)status,
			 "tsc_khz", (json_int_t)r->version.vv_tsc_khz,
			 "exits", (json_int_t)r->stats->vs_exits,
			 "off_ticks", (json_int_t)r->stats->vs_off,
			 "span_ticks", spans, "devices", devices_json(r), "classes", exits_json(r),
			 "records", "counted", (json_int_t)sum.counted,
			 "recorded", (json_int_t)sum.recorded, "filtered", (json_int_t)sum.filtered,
			 "lost", (json_int_t)sum.lost, "missed", (json_int_t)record_missed(r));
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
