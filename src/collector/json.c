/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The .json writer: Trace Event Format as a bare array, one event a line, so
 * that a file cut anywhere opens as it is. Events are sorted per thread,
 * parents first.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/collector/json.h"

/* tail closes the event and what comes after. */
static void put_meta(struct json_sink *js, const char *what, uint32_t pid, uint32_t tid,
		     const json_t *args, const char *tail)
{
	char *text = json_dumps(args, JSON_COMPACT | JSON_PRESERVE_ORDER), *line = NULL;
	struct out *o = &js->sink.out;

	if (text && asprintf(&line, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%u,\"tid\":%u,"
			     "\"args\":%s%s", what, pid, tid, text, tail) >= 0)
		out_text(o, line, strlen(line));
	else if (!o->error)
		o->error = ENOMEM;
	free(line);
	free(text);
}

static void put_meta_new(struct json_sink *js, const char *what, uint32_t pid, uint32_t tid,
			 json_t *args)
{
	put_meta(js, what, pid, tid, args, "},\n");
	json_decref(args);
}

static void thread_name(char *text, size_t size, unsigned int tid)
{
	if (tid >= TID_VM)
		snprintf(text, size, "vm");
	else if (tid >= TID_MARK)
		snprintf(text, size, "marks %02u", tid - TID_MARK);
	else if (tid >= TID_IRQ)
		snprintf(text, size, "irq %02u", tid - TID_IRQ);
	else if (tid >= TID_DEVICE)
		snprintf(text, size, "%s",
			 vmmt_value_name(VMMT_KIND_device, tid - TID_DEVICE).text);
	else
		snprintf(text, size, "vcpu %02u", tid - TID_VCPU);
}

void json_thread(struct json_sink *js, struct json_vm *vm, unsigned int tid)
{
	char name[64];

	if (vm->named[tid / 8] & 1 << tid % 8)
		return;
	vm->named[tid / 8] |= (uint8_t)(1 << tid % 8);
	thread_name(name, sizeof(name), tid);
	put_meta_new(js, "thread_name", vm->pid, vm->pid + tid, json_pack("{s:s}", "name", name));
	put_meta_new(js, "thread_sort_index", vm->pid, vm->pid + tid,
		     json_pack("{s:i}", "sort_index", (int)tid));
}

static void name_process(struct json_sink *js, const struct json_vm *vm,
			 const union vmmt_record *rec)
{
	char text[128], *p = text;

	p += snprintf(text, sizeof(text), vm->id ? "vm %u" : "host", vm->id);
	if (rec->head.event == VMMT_EVENT_life && rec->life.name[0])
		snprintf(p, (size_t)(text + sizeof(text) - p), " \"%.*s\"",
			 (int)sizeof(rec->life.name), rec->life.name);
	put_meta_new(js, "process_name", vm->pid, vm->pid,
		     json_pack("{s:o}", "name", json_text(text)));
	put_meta_new(js, "process_sort_index", vm->pid, vm->pid,
		     json_pack("{s:i}", "sort_index", (int)vm->id));
}

static struct json_vm *vm_new(struct json_sink *js, const union vmmt_record *rec)
{
	struct json_vm *vm = calloc(1, sizeof(*vm)), **vms;

	if (!vm)
		return NULL;
	if (js->nvms == js->vms_room) {
		vms = realloc(js->vms, (js->nvms + 16) * sizeof(*vms));
		if (!vms) {
			free(vm);
			return NULL;
		}
		js->vms = vms;
		js->vms_room += 16;
	}
	vm->id = rec->head.vm;
	vm->pid = vm->id ? vm->id % (UINT32_MAX / 1000) * 1000 : PID_HOST;
	js->vms[js->nvms++] = vm;
	name_process(js, vm, rec);
	return vm;
}

static struct json_vm *vm_get(struct json_sink *js, const union vmmt_record *rec)
{
	if (js->recent < js->nvms && js->vms[js->recent]->id == rec->head.vm)
		return js->vms[js->recent];
	for (size_t i = 0; i < js->nvms; i++) {
		if (js->vms[i]->id == rec->head.vm) {
			js->recent = i;
			return js->vms[i];
		}
	}
	js->recent = js->nvms;
	return vm_new(js, rec);
}

static void vm_free(struct json_vm *vm)
{
	for (unsigned int i = 0; i < JSON_VCPUS; i++)
		free(vm->vcpus[i]);
	free(vm);
}

/* What the VM still holds is written; then it is forgotten, so that memory
 * does not grow with the VMs that come and go. */
static void vm_end(struct json_sink *js, struct json_vm *vm)
{
	for (uint32_t i = 0; i < JSON_VCPUS; i++)
		json_vcpu_end(js, vm, i);
	json_count_end(js, vm);
	for (size_t i = 0; i < js->nvms; i++)
		if (js->vms[i] == vm)
			js->vms[i] = js->vms[--js->nvms];
	vm_free(vm);
}

/* The time of an event on a thread; never before the one written last. */
static int64_t thread_time(struct json_vm *vm, unsigned int tid, int64_t ns)
{
	if (ns < vm->last[tid])
		ns = vm->last[tid];
	vm->last[tid] = ns;
	return ns;
}

static void put_slice(struct json_sink *js, struct json_vm *vm, unsigned int tid,
		      const char *name, const char *cat, int64_t from, int64_t to)
{
	char *p;

	json_thread(js, vm, tid);
	from = thread_time(vm, tid, from);
	to = thread_time(vm, tid, to > from ? to : from + 1);
	p = out_reserve(&js->sink.out);
	p = fmt_str(FMT_LIT(p, "{\"ph\":\"X\",\"name\":\""), name);
	p = fmt_str(FMT_LIT(p, "\",\"cat\":\""), cat);
	p = json_where(FMT_LIT(p, "\""), vm, tid, from);
	p = fmt_us(FMT_LIT(p, ",\"dur\":"), (uint64_t)(to - from));
	out_commit(&js->sink.out, FMT_LIT(p, "},\n"));
}

static void put_instant(struct json_sink *js, struct json_vm *vm, unsigned int tid,
			const char *name, const char *cat, uint64_t tsc, json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT | JSON_PRESERVE_ORDER), *p;

	json_thread(js, vm, tid);
	p = out_reserve(&js->sink.out);
	p = fmt_str(FMT_LIT(p, "{\"ph\":\"i\",\"s\":\"t\",\"name\":\""), name);
	p = fmt_str(FMT_LIT(p, "\",\"cat\":\""), cat);
	p = json_where(FMT_LIT(p, "\""), vm, tid, thread_time(vm, tid, json_ns(js, tsc)));
	p = fmt_str(FMT_LIT(p, ",\"args\":"), text ? text : "{}");
	out_commit(&js->sink.out, FMT_LIT(p, "},\n"));
	free(text);
	json_decref(args);
}

static char *put_async_head(char *p, const char *ph, const char *name, const char *cat,
			    uint64_t id)
{
	p = fmt_str(FMT_LIT(p, "{\"ph\":\""), ph);
	p = fmt_str(FMT_LIT(p, "\",\"name\":\""), name);
	p = fmt_str(FMT_LIT(p, "\",\"cat\":\""), cat);
	return fmt_hex(FMT_LIT(p, "\",\"id\":"), id);
}

/* A pair of events for what may overlap others of its kind. Each goes to the
 * first lane (a thread that only keeps the file sorted) that is free; with
 * all taken, to the one that is free first, and begins then. */
static void put_async(struct json_sink *js, struct json_vm *vm, unsigned int lanes,
		      unsigned int nlanes, const char *name, const char *cat,
		      uint64_t begin, uint64_t end, json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT | JSON_PRESERVE_ORDER), *p;
	int64_t from = json_ns(js, begin), to = json_ns(js, end);
	unsigned int tid = lanes;
	uint64_t id = ++js->next_async;

	for (unsigned int i = lanes; i < lanes + nlanes && vm->last[tid] > from; i++)
		if (vm->last[i] < vm->last[tid])
			tid = i;
	p = put_async_head(out_reserve(&js->sink.out), "b", name, cat, id);
	p = json_where(p, vm, tid, thread_time(vm, tid, from));
	p = fmt_str(FMT_LIT(p, ",\"args\":"), text ? text : "{}");
	p = put_async_head(FMT_LIT(p, "},\n"), "e", name, cat, id);
	p = json_where(p, vm, tid, thread_time(vm, tid, to));
	out_commit(&js->sink.out, FMT_LIT(p, "},\n"));
	free(text);
	json_decref(args);
}

static json_t *hex_json(uint64_t v)
{
	char text[FMT_NUMBER_MAX];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
	return json_string(text);
}

/* The line of an interrupt: a slice of 1 ns with the start of an arrow. */
static void put_raise(struct json_sink *js, struct json_vm *vm, const struct vmmt_intr *r)
{
	unsigned int tid = TID_IRQ + r->irq;
	uint64_t flow = ++js->next_flow;
	int64_t ns = json_ns(js, r->time);
	char name[32], *p;

	snprintf(name, sizeof(name), "raise irq%u", r->irq);
	put_slice(js, vm, tid, name, "irq", ns, ns + 1);
	if (!r->irq_id)
		return;
	p = FMT_LIT(out_reserve(&js->sink.out),
		    "{\"ph\":\"s\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":");
	p = json_where(fmt_hex(p, flow), vm, tid, vm->last[tid] - 1);
	out_commit(&js->sink.out, FMT_LIT(p, "},\n"));
	vm->open_irq[r->irq] = r->irq_id;
	vm->open_flow[r->irq] = flow;
}

static void put_intr(struct json_sink *js, struct json_vm *vm, const struct vmmt_intr *r)
{
	char name[32];

	switch (r->stage) {
	case VMMT_STAGE_raised:
		put_raise(js, vm, r);
		break;
	case VMMT_STAGE_injected:
		json_vcpu_injected(js, vm, r);
		break;
	case VMMT_STAGE_dropped:	/* merged with one that waits; or not asked for any more */
		snprintf(name, sizeof(name), "%s irq%u", r->count ? "dropped" : "withdrawn",
			 r->irq);
		put_instant(js, vm, TID_IRQ + r->irq, name, "irq", r->time,
			    json_pack("{s:I}", "count", (json_int_t)r->count));
		break;
	default:
		break;
	}
}

static void put_dev(struct json_sink *js, struct json_vm *vm, const struct vmmt_dev *r)
{
	struct vmmt_name name = vmmt_value_name(VMMT_KIND_device, r->device);
	struct vmmt_name op = vmmt_value_name(VMMT_KIND_devop, r->devop);

	if (json_vcpu_dev(js, vm, r) || !name.text)
		return;
	put_slice(js, vm, TID_DEVICE + r->device, op.text ? op.text : "access", "device",
		  json_ns(js, r->begin), json_ns(js, r->time));
}

static void put_req(struct json_sink *js, struct json_vm *vm, const struct vmmt_req *r)
{
	struct vmmt_name device = vmmt_value_name(VMMT_KIND_device, r->device);
	struct vmmt_name op = vmmt_value_name(VMMT_KIND_devop, r->devop);
	char name[64];

	snprintf(name, sizeof(name), "%s %s", device.text ? device.text : "device",
		 op.text ? op.text : "request");
	put_async(js, vm, TID_REQUEST, REQUEST_LANES, name, "req", r->begin, r->time,
		  json_pack("{s:o, s:I, s:I}", "request", hex_json(r->id),
			    "bytes", (json_int_t)r->bytes, "status", (json_int_t)r->status));
}

static void put_call(struct json_sink *js, struct json_vm *vm, const struct vmmt_call *r)
{
	struct vmmt_name name = vmmt_value_name(VMMT_KIND_call, r->call);

	put_async(js, vm, TID_CALL, CALL_LANES, name.text ? name.text : "other", "call",
		  r->begin, r->time,
		  json_pack("{s:I}", "errno", (json_int_t)r->err));
}

static void put_life(struct json_sink *js, struct json_vm *vm, const struct vmmt_life *r)
{
	struct vmmt_name name = vmmt_value_name(VMMT_KIND_life, r->what);

	put_instant(js, vm, TID_VM, name.text ? name.text : "life", "life", r->time,
		    json_pack("{s:I, s:I, s:I, s:o}", "vcpu", (json_int_t)r->of,
			      "vcpus", (json_int_t)r->vcpus, "memory", (json_int_t)r->memory,
			      "info", hex_json(r->info)));
	if (r->what == VMMT_LIFE_vcpu_ended)
		json_vcpu_end(js, vm, r->of);
	if (r->what == VMMT_LIFE_vm_ended)
		vm_end(js, vm);
}

static void put_lost(struct json_sink *js, struct json_vm *vm, const struct vmmt_lost *r)
{
	char name[32];

	if (vm->id && r->vcpu < JSON_VCPUS) {
		json_vcpu_lost(vm, r);
		return;
	}
	snprintf(name, sizeof(name), "LOST %llu", (unsigned long long)r->count);
	put_instant(js, vm, TID_VM, name, "lost", r->time,
		    json_pack("{s:I, s:I}", "count", (json_int_t)r->count,
			      "vcpu", (json_int_t)r->vcpu));
}

static void put_clock(struct json_sink *js, const struct vmmt_clock *r)
{
	if (js->clock_shown)
		return;
	js->clock_shown = true;
	put_meta_new(js, "clock", PID_HOST, PID_HOST,
		     json_pack("{s:o, s:I}", "tsc", hex_json(r->time),
			       "khz", (json_int_t)r->khz));
}

static void json_record(struct sink *s, const struct delivery *d)
{
	struct json_sink *js = (struct json_sink *)s;
	const union vmmt_record *rec = d->rec;
	struct json_vm *vm;

	js->clock = d->clock;
	if (rec->head.event == VMMT_EVENT_clock) {
		put_clock(js, &rec->clock);
		return;
	}
	vm = vm_get(js, rec);
	if (!vm)
		return;
	switch (rec->head.event) {
	case VMMT_EVENT_exit:
		json_vcpu_exit(js, vm, d);
		break;
	case VMMT_EVENT_ept_fault:
		json_vcpu_fault(js, vm, &rec->ept_fault);
		break;
	case VMMT_EVENT_intr:
		put_intr(js, vm, &rec->intr);
		break;
	case VMMT_EVENT_call:
		put_call(js, vm, &rec->call);
		break;
	case VMMT_EVENT_life:
		put_life(js, vm, &rec->life);
		break;
	case VMMT_EVENT_mark:
		put_instant(js, vm, TID_MARK + rec->mark.vcpu % JSON_VCPUS, "mark", "mark",
			    rec->mark.time, json_pack("{s:o}", "value",
						      hex_json(rec->mark.value)));
		break;
	case VMMT_EVENT_dev:
		put_dev(js, vm, &rec->dev);
		break;
	case VMMT_EVENT_req:
		put_req(js, vm, &rec->req);
		break;
	case VMMT_EVENT_lost:
		put_lost(js, vm, &rec->lost);
		break;
	default:
		break;
	}
}

static int json_begin(struct sink *s, const json_t *manifest)
{
	struct json_sink *js = (struct json_sink *)s;

	out_text(&s->out, "[\n", 2);
	put_meta(js, "vmmtrace", PID_HOST, PID_HOST, manifest, "},\n");
	return 0;
}

static void json_end(struct sink *s, const struct clock_map *clock, const json_t *totals)
{
	struct json_sink *js = (struct json_sink *)s;

	js->clock = clock;
	while (js->nvms)
		vm_end(js, js->vms[0]);
	put_meta(js, "end", PID_HOST, PID_HOST, totals, "}\n]\n");
}

static void json_free(struct sink *s)
{
	struct json_sink *js = (struct json_sink *)s;

	for (size_t i = 0; i < js->nvms; i++)
		vm_free(js->vms[i]);
	free(js->vms);
}

const struct sink_ops json_sink_ops = {
	.suffix = ".json",
	.size = sizeof(struct json_sink),
	.begin = json_begin,
	.record = json_record,
	.end = json_end,
	.free = json_free,
};
