// SPDX-License-Identifier: GPL-2.0-only
/* The summary of a recording: which VMs, where their time went, what was recorded. */
#include <config.h>

#include "src/record/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "src/record/tables.h"
#include "src/stats/text.h"

#define SHOWN 20		/* VMs, each with a line */

/* What the file has is the truth; the statistics are some exits ahead where a VM runs on. */
static void agree(struct session *s)
{
	struct vmm_stats *st = &s->vms.sum;
	unsigned int i;

	st->vs_exits = 0;
	for (i = 0; i < VMMT_NCLASS; i++) {
		st->vs_class[i].vsc_counted = s->counts[i].counted;
		st->vs_class[i].vsc_delivered = s->counts[i].recorded;
		st->vs_exits += s->counts[i].counted;
	}
}

static const char *end_text(const struct vms_info *vm)
{
	return vm->ended ? "ended" : "runs on";
}

static void print_vm(const struct vms_info *vm)
{
	char exits[32];

	fprintf(stderr, "vm %u \"%s\": %u vCPU%s, %" PRIu64 " MiB, pid %d, %s exits %s, %s%s\n",
		vm->id, vm->name, vm->nvcpus, vm->nvcpus == 1 ? "" : "s", vm->memory >> 20,
		(int)vm->pid, stats_text_grouped(vm->exits, exits),
		vm->whole ? "from the first on" : "since then", end_text(vm),
		vm->blind ? " before its statistics could be read" : "");
}

static void print_vms(const struct session *s)
{
	size_t i, n = s->vms.ninfos;

	if (!n)
		fprintf(stderr, "no VM was recorded\n");
	for (i = 0; i < n && i < SHOWN; i++)
		print_vm(&s->vms.infos[i]);
	if (n > SHOWN)
		fprintf(stderr, "and %zu more\n", n - SHOWN);
}

static void print_files(const struct session *s)
{
	unsigned int i, n = s->files.number;

	if (n > 1)
		fprintf(stderr, "%u files of each output%s; the last:\n", n,
			s->opt->keep && s->opt->keep < n ? ", of which the newest are kept" : "");
	for (i = 0; i < s->files.noutputs; i++)
		tables_print_file(s->files.paths[i]);
}

static struct tables tables_of(const struct session *s)
{
	return (struct tables){
		.stats = &s->vms.sum, .khz = s->version.vv_tsc_khz, .keys = s->keys,
	};
}

static void print_people(const struct session *s, enum session_end end)
{
	struct tables t = tables_of(s);
	struct tables_losses losses = {
		.lost = s->stats.lost, .full = s->vms.sum.vs_records_full, .missed = s->missed,
		.many = true,
	};

	fputc('\n', stderr);
	if (end == SESSION_STOPPED)
		fprintf(stderr, "stopped; what was recorded is kept\n");
	if (s->back_ns)
		fprintf(stderr, "--before: %u MiB of records reach back %.3f s only\n",
			BEFORE_BYTES >> 20, (double)s->back_ns / 1e9);
	print_vms(s);
	tables_print_host();
	if (s->vms.sum.vs_exits)
		tables_print(&t);
	tables_print_counts(s->counts, &losses);
	print_files(s);
}

static json_t *vms_json(const struct session *s)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < s->vms.ninfos; i++) {
		const struct vms_info *vm = &s->vms.infos[i];

		json_array_append_new(list, json_pack("{s:I s:s s:I s:I s:I s:I s:b s:b}",
			"vm", (json_int_t)vm->id, "name", vm->name, "pid", (json_int_t)vm->pid,
			"vcpus", (json_int_t)vm->nvcpus, "memory", (json_int_t)vm->memory,
			"exits", (json_int_t)vm->exits, "whole", vm->whole, "ended", vm->ended));
	}
	return list;
}

static void print_json(const struct session *s, enum session_end end)
{
	static const char *const ends[] = {
		[SESSION_ENDED] = "ended", [SESSION_TIME] = "time",
		[SESSION_STOPPED] = "stopped", [SESSION_MET] = "met", [SESSION_FAILED] = "failed",
	};
	struct tables t = tables_of(s);
	struct collector_count sum;
	json_t *root;

	tables_sum(s->counts, &sum);
	root = json_pack("{s:s s:o s:I s:I s:I s:o s:o s:i s:{s:I s:I s:I s:I s:I}}",
			 "end", ends[end], "vms", vms_json(s),
			 "tsc_khz", (json_int_t)s->version.vv_tsc_khz,
			 "exits", (json_int_t)s->vms.sum.vs_exits,
			 "off_ticks", (json_int_t)s->vms.sum.vs_off,
			 "span_ticks", tables_spans_json(&t), "classes", tables_exits_json(&t),
			 "files", (int)s->files.number, "records",
			 "counted", (json_int_t)sum.counted, "recorded", (json_int_t)sum.recorded,
			 "filtered", (json_int_t)sum.filtered, "lost", (json_int_t)sum.lost,
			 "missed", (json_int_t)s->missed);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	fflush(stdout);
	json_decref(root);
}

void record_report(struct session *s, enum session_end end)
{
	agree(s);
	if (s->opt->json)
		print_json(s, end);
	else if (!s->opt->quiet)
		print_people(s, end);
}
