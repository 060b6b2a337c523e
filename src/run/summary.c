// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the time of a run went, from the module's own statistics: they are
 * complete whether records were kept or not. Keys are known only where records
 * were. For people it is made for terminals of 80 columns.
 */
#include "run.h"

#include <config.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/names.h"
#include "src/record/tables.h"

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
static void print_devices(void *arg, int used)
{
	const struct run *r = arg;
	static const char other[] = "other 0.000";
	const struct run_device *devices[VMMT_NDEVICE];
	unsigned int n = devices_of(r, devices), i;
	struct tables t = { .khz = r->version.vv_tsc_khz };
	double rest = tables_ms(&t, r->stats->vs_spans[VMM_SPAN_user]) / 1000, s;
	char text[64];
	int len;

	for (i = 0; i < n; i++) {
		s = tables_ms(&t, devices[i]->ticks) / 1000;
		len = snprintf(text, sizeof(text), "%s%s %.3f, ", i ? "" : "   ",
			       device_name(r, devices[i]), s);
		if (s < 0.0005 || used + len + (int)sizeof(other) > TABLES_COLUMNS)
			break;
		fputs(text, stderr);
		used += len;
		rest -= s;
	}
	if (i)
		fprintf(stderr, "other %.3f", rest > 0 ? rest : 0);
}

static void print_outputs(const struct run *r)
{
	struct tables_losses losses = {
		.lost = record_lost(r), .full = r->stats->vs_records_full, .missed = record_missed(r),
		.lossless = r->opt->lossless,
	};
	unsigned int i;

	if (!r->record)
		return;
	tables_print_counts(record_counts(r), &losses);
	for (i = 0; i < r->opt->noutputs; i++)
		tables_print_file(r->opt->outputs[i]);
}

static struct tables tables_of(const struct run *r)
{
	return (struct tables){
		.stats = r->stats, .khz = r->version.vv_tsc_khz,
		.user = print_devices, .arg = (void *)r, .waits = r->opt->lossless,
	};
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
	struct tables t = tables_of(r);

	fprintf(stderr, "\nvm %u \"%s\": 1 vCPU, %" PRIu64 " MiB, %s, ran %.3f s, %s",
		r->stats->vs_vm, r->opt->name, r->opt->memory >> 20, isa_text(r),
		tables_ms(&t, tables_ticks(r->stats)) / 1000, end_text(end));
	if (end == MACHINE_END_debug_exit)
		fprintf(stderr, " with %u", status);
	fputc('\n', stderr);
	tables_print_host();
	tables_print(&t);
	print_outputs(r);
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
	struct tables t = tables_of(r);
	struct collector_count sum;
	json_t *root;

	tables_sum(record_counts(r), &sum);
	root = json_pack("{s:i s:s s:s s:i s:I s:I s:I s:I s:o s:o s:o s:{s:I s:I s:I s:I s:I}}",
			 "vm", (int)r->stats->vs_vm, "name", r->opt->name,
			 "end", end == MACHINE_END_none ? "stopped" : ends[end], "status", (int)status,
			 "tsc_khz", (json_int_t)r->version.vv_tsc_khz,
			 "exits", (json_int_t)r->stats->vs_exits,
			 "off_ticks", (json_int_t)r->stats->vs_off,
			 "wait_ticks", (json_int_t)r->stats->vs_wait,
			 "span_ticks", tables_spans_json(&t), "devices", devices_json(r),
			 "classes", tables_exits_json(&t),
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

	json_t *manifest = json_pack("{s:s s:s s:I s:s s:I s:I s:s}", "name", opt->name, "image",
		images[opt->image], "memory", (json_int_t)opt->memory, "append",
		opt->append ? opt->append : "", "ring_size", (json_int_t)opt->ring_size,
		"rtc_base", (json_int_t)opt->rtc_base, "isa", isa_text(r));

	if (opt->lossless)
		json_object_set_new(manifest, "lossless", json_true());
	return manifest;
}
