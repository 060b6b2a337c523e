/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What it costs to write an exit: CPU ns per exit of the .json and .ndjson
 * writers, alone and behind the collector's merge, beside Jansson and fprintf
 * writing the same line of .ndjson. Output goes to /dev/null.
 *
 * writer [EXITS]
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/collector/names.h"
#include "src/collector/sink.h"

#define TICKS 8000		/* from one exit to the next */

static struct vmmt_exit *exits;
static size_t count = 1000000;
static struct clock_map map;

/* CPU time: others may be using this machine too. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* A guest that prints, reads ports, asks CPUID, touches memory and halts. */
static void make_exits(void)
{
	static const struct {
		uint8_t class, end;
		uint32_t reason;
		uint64_t key, value;
	} kinds[] = {
		{ VMMT_CLASS_io_out, VMMT_END_userland, 0x7b, 0x3f8, 0x41 },
		{ VMMT_CLASS_io_in, VMMT_END_userland, 0x7b, 0x3fd, 0 },
		{ VMMT_CLASS_cpuid, VMMT_END_resumed, 0x72, 0x80000001, 0 },
		{ VMMT_CLASS_ept, VMMT_END_resumed, 0x400, 0x7ffe1000, 0 },
		{ VMMT_CLASS_wrmsr, VMMT_END_resumed, 0x7c, 0xc0000080, 0xd01 },
		{ VMMT_CLASS_hlt, VMMT_END_userland, 0x78, 0, 0 },
	};
	uint64_t nth[VMMT_NCLASS] = { 0 }, tsc = 1000000;

	for (size_t i = 0; i < count; i++, tsc += TICKS) {
		struct vmmt_exit *x = &exits[i];
		size_t k = i * 7 % 6;

		*x = (struct vmmt_exit){
			.event = VMMT_EVENT_exit, .size = sizeof(*x), .isa = VMMT_ISA_svm,
			.verdict = VMMT_VERDICT_delivered, .vm = 1, .vcpu = 0,
			.seq = i + 1, .exit = i + 1, .t_prev = tsc, .t_traced = tsc + 190,
			.t_run = tsc + 3000, .t_enter = tsc + 3700, .t_exit = tsc + 7000,
			.t_handled = tsc + 7300, .t_out = tsc + 8000, .time = tsc + 8000,
			.rip = 0xffffffff81c0f3a1 + i % 4096, .class = kinds[k].class,
			.end = kinds[k].end, .reason = kinds[k].reason, .key = kinds[k].key,
			.value = kinds[k].value, .nth = ++nth[kinds[k].class],
			.mode = VMMT_MODE_long64, .ilen = 2, .info1 = 0x3f80111, .off = 77,
		};
	}
}

static void write_sink(const struct sink_ops *ops)
{
	struct sink *s = calloc(1, ops->size);
	json_t *manifest = json_object();
	double start = now();

	s->ops = ops;
	if (out_open(&s->out, "/dev/null", 0) || ops->begin(s, manifest))
		exit(1);
	for (size_t i = 0; i < count; i++) {
		struct delivery d = { (const union vmmt_record *)&exits[i], &map, i > 0, false };

		ops->record(s, &d);
	}
	ops->end(s, &map, manifest);
	out_finish(&s->out);
	printf("%-30s %8.0f\n", ops->suffix, (now() - start) / (double)count);
	out_close(&s->out);
	if (ops->free)
		ops->free(s);
	free(s);
	json_decref(manifest);
}

/* Two rings that the vCPU goes back and forth between. */
static void collect(const char *name, const char *path)
{
	struct collector_options options = { .khz = 2000000 };
	struct vmmt_clock clock = { .event = VMMT_EVENT_clock, .size = sizeof(clock), .seq = 1,
				    .vcpu = VMMT_VCPU_VM, .time = 1, .mono = 1, .khz = 2000000 };
	struct collector *c = collector_new(&options);
	double start = now();

	collector_add_source(c);
	collector_add_source(c);
	if (path && collector_add_output(c, path))
		exit(1);
	collector_push(c, 0, &clock, sizeof(clock));
	for (size_t i = 0; i < count; i++) {
		collector_push(c, i / 100 % 2, &exits[i], sizeof(exits[i]));
		if (i % 4096 == 4095)
			collector_advance_all(c, exits[i].time);
	}
	collector_finish(c, NULL);
	printf("%-30s %8.0f\n", name, (now() - start) / (double)count);
	collector_free(c);
}

static int64_t span(uint64_t from, uint64_t to)
{
	return clock_ns(&map, to) - clock_ns(&map, from);
}

static json_t *hex(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return json_string(text);
}

static void write_jansson(void)
{
	FILE *f = fopen("/dev/null", "w");
	double start = now();

	for (size_t i = 0; f && i < count; i++) {
		const struct vmmt_exit *x = &exits[i];
		json_t *o = json_pack("{ss si si sI sI sI si ss sI sI sI sI sI sI sI so so so so ss ss si ss}",
			"ev", "exit", "vm", x->vm, "vcpu", x->vcpu, "seq", (json_int_t)x->seq,
			"t", (json_int_t)clock_ns(&map, x->time), "exit", (json_int_t)x->exit,
			"cpu", x->cpu, "isa", "svm",
			"guest", (json_int_t)span(x->t_enter, x->t_exit),
			"kernel", (json_int_t)span(x->t_exit, x->t_handled),
			"return", (json_int_t)span(x->t_handled, x->t_out),
			"trace", (json_int_t)span(x->t_prev, x->t_traced),
			"user", (json_int_t)span(x->t_traced, x->t_run),
			"reentry", (json_int_t)span(x->t_run, x->t_enter),
			"nth", (json_int_t)x->nth, "key", hex(x->key), "value", hex(x->value),
			"info1", hex(x->info1), "rip", hex(x->rip),
			"class", vmmt_class_info(x->class)->name,
			"end", vmmt_value_name(VMMT_KIND_end, x->end).text,
			"ilen", x->ilen, "mode", vmmt_value_name(VMMT_KIND_mode, x->mode).text);

		json_dumpf(o, f, JSON_COMPACT);
		putc('\n', f);
		json_decref(o);
	}
	printf("%-30s %8.0f\n", "Jansson, json_dumpf", (now() - start) / (double)count);
	if (f)
		fclose(f);
}

static void write_fprintf(void)
{
	FILE *f = fopen("/dev/null", "w");
	double start = now();

	for (size_t i = 0; f && i < count; i++) {
		const struct vmmt_exit *x = &exits[i];

		fprintf(f, "{\"ev\":\"exit\",\"vm\":%u,\"vcpu\":%u,\"seq\":%" PRIu64 ",\"t\":%" PRId64
			",\"exit\":%" PRIu64 ",\"cpu\":%u,\"isa\":\"svm\",\"guest\":%" PRId64
			",\"kernel\":%" PRId64 ",\"return\":%" PRId64 ",\"trace\":%" PRId64
			",\"user\":%" PRId64 ",\"reentry\":%" PRId64 ",\"nth\":%" PRIu64
			",\"key\":\"0x%" PRIx64 "\",\"value\":\"0x%" PRIx64 "\",\"info1\":\"0x%" PRIx64
			"\",\"rip\":\"0x%" PRIx64 "\",\"class\":\"%s\",\"end\":\"%s\",\"ilen\":%u,"
			"\"mode\":\"%s\"}\n",
			x->vm, x->vcpu, (uint64_t)x->seq, clock_ns(&map, x->time),
			(uint64_t)x->exit, x->cpu, span(x->t_enter, x->t_exit),
			span(x->t_exit, x->t_handled), span(x->t_handled, x->t_out),
			span(x->t_prev, x->t_traced), span(x->t_traced, x->t_run),
			span(x->t_run, x->t_enter), (uint64_t)x->nth, (uint64_t)x->key,
			(uint64_t)x->value, (uint64_t)x->info1, (uint64_t)x->rip,
			vmmt_class_info(x->class)->name, vmmt_value_name(VMMT_KIND_end, x->end).text,
			x->ilen, vmmt_value_name(VMMT_KIND_mode, x->mode).text);
	}
	printf("%-30s %8.0f\n", "fprintf", (now() - start) / (double)count);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct vmmt_clock clock = { .time = 1, .mono = 1, .khz = 2000000 };

	if (argc > 1)
		count = strtoul(argv[1], NULL, 0);
	exits = calloc(count ? count : 1, sizeof(*exits));
	if (!exits || !count || clock_add(&map, &clock)) {
		fprintf(stderr, "writer: no memory, or no exits asked for\n");
		return 1;
	}
	make_exits();
	printf("%-30s %8s\n", "WRITER", "NS/EXIT");
	write_sink(&json_sink_ops);
	write_sink(&ndjson_sink_ops);
	collect("merge alone", NULL);
	write_jansson();
	write_fprintf();
	free(exits);
	clock_free(&map);
	return 0;
}
