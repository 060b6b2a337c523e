/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's thread in .json: one slice per exit, from the exit to the next
 * entry, so that the gaps are the guest. The end of a slice is known when the
 * next exit arrives, so one exit is held back.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "src/collector/json.h"

static struct json_vcpu *vcpu_get(struct json_vm *vm, uint32_t vcpu)
{
	if (vcpu >= JSON_VCPUS)
		return NULL;
	if (!vm->vcpus[vcpu]) {
		vm->vcpus[vcpu] = calloc(1, sizeof(*vm->vcpus[vcpu]));
		vm->nvcpus += !!vm->vcpus[vcpu];
	}
	return vm->vcpus[vcpu];
}

/* The beginning of the event of an exit's slice, name and category. */
static const struct json_name *slice_name(struct json_sink *js, const struct json_vcpu *v)
{
	unsigned int class = v->exit.class;
	const struct vmmt_class_info *info = vmmt_class_info(class);
	uint64_t key = v->exit.key;
	struct json_name *name;
	char text[40];

	if (info->key == VMMT_KEY_gpa)
		key = v->fault_access;
	else if (info->key == VMMT_KEY_none)
		key = 0;
	name = &js->names[(class * 37 + key + (key >> 8) * 13) % JSON_NAMES];
	if (name->len && name->class == class && name->key == key)
		return name;
	vmmt_key_text(text, sizeof(text), info->key, key);
	name->class = (uint16_t)class;
	name->key = key;
	name->len = (uint16_t)snprintf(name->text, sizeof(name->text),
				       "{\"ph\":\"X\",\"name\":\"%s%s%s\",\"cat\":\"%s\"",
				       info->label, text[0] ? " " : "", text, info->name);
	return name;
}

static char *put_args(char *p, const struct json_vcpu *v, const struct vmmt_exit *next)
{
	const struct vmmt_exit *x = &v->exit;
	const struct vmmt_class_info *info = vmmt_class_info(x->class);

	p = fmt_u64(FMT_LIT(p, ",\"args\":{\"n\":"), x->exit);
	p = fmt_hex(FMT_LIT(p, ",\"rip\":"), x->rip);
	if (vmmt_class_has_value(x->class))
		p = fmt_hex(FMT_LIT(p, ",\"val\":"), x->value);
	if (info->key == VMMT_KEY_gpa)
		p = fmt_hex(FMT_LIT(p, ",\"gpa\":"), x->key);
	if (v->fault_page)
		p = fmt_u64(FMT_LIT(p, ",\"page\":"), v->fault_page);
	if (x->vectoring)
		p = fmt_hex(FMT_LIT(p, ",\"cut\":"), x->vectoring);
	if (next && next->injected)
		p = fmt_hex(FMT_LIT(p, ",\"inj\":"), next->injected);
	if (x->end == VMMT_END_killed)
		p = FMT_LIT(p, ",\"end\":\"killed\"");
	if (x->class == VMMT_CLASS_other || x->end == VMMT_END_killed) {
		p = fmt_hex(FMT_LIT(p, ",\"reason\":"), x->reason);
		p = fmt_hex(FMT_LIT(p, ",\"info1\":"), x->info1);
		p = fmt_hex(FMT_LIT(p, ",\"info2\":"), x->info2);
	}
	return FMT_LIT(p, "}},\n");
}

struct child {
	const char *name, *cat;
	int64_t from, to;
};

static bool longer(struct child a, struct child b)
{
	return a.to - a.from > b.to - b.from;
}

/* The one thing inside a slice that is worth a slice of its own: that which
 * took longest. */
static struct child find_child(const struct json_sink *js, const struct json_vcpu *v,
			       const struct vmmt_exit *next)
{
	const struct vmmt_exit *x = &v->exit;
	struct child child = { NULL, NULL, 0, 0 }, wait;
	int64_t traced;

	if (v->device_seen)
		child = (struct child){
			v->device ? vmmt_value_name(VMMT_KIND_device, v->device).text : "no device",
			"device", v->device_first, v->device_last };
	if (!next)
		return child;
	traced = json_ns(js, next->t_traced);
	if (x->class == VMMT_CLASS_hlt && next->t_run && !v->device_seen)
		child = (struct child){ "halted", "halted", traced, json_ns(js, next->t_run) };
	wait = (struct child){ "ring wait", "wait",
			       traced - (int64_t)clock_duration(js->clock, next->wait), traced };
	return longer(wait, child) ? wait : child;
}

/* Strictly inside, so that a viewer which rounds keeps it inside. Returns the
 * end of the child, or from if there is none. */
static int64_t put_child(struct json_sink *js, const struct json_vm *vm, unsigned int tid,
			 struct child child, int64_t from, int64_t to)
{
	char *p;

	if (child.from <= from)
		child.from = from + 1;
	if (child.to >= to)
		child.to = to - 1;
	if (!child.name || child.to <= child.from)
		return from;
	p = out_reserve(&js->sink.out);
	p = fmt_str(FMT_LIT(p, "{\"ph\":\"X\",\"name\":\""), child.name);
	p = fmt_str(FMT_LIT(p, "\",\"cat\":\""), child.cat);
	p = json_where(FMT_LIT(p, "\""), vm, tid, child.from);
	p = fmt_us(FMT_LIT(p, ",\"dur\":"), (uint64_t)(child.to - child.from));
	out_commit(&js->sink.out, FMT_LIT(p, "},\n"));
	return child.to;
}

/* The arrow of an interrupt ends on the slice after which it was injected. */
static void put_flows(struct json_sink *js, const struct json_vm *vm, unsigned int tid,
		      const struct json_vcpu *v, int64_t from, int64_t to)
{
	for (unsigned int i = 0; i < v->ninjections; i++) {
		int64_t ns = v->injections[i].ns;
		char *p = out_reserve(&js->sink.out);

		if (ns >= to)
			ns = to - 1;
		if (ns < from)
			ns = from;
		from = ns;
		p = FMT_LIT(p, "{\"ph\":\"f\",\"bp\":\"e\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":");
		p = json_where(fmt_hex(p, v->injections[i].flow), vm, tid, ns);
		out_commit(&js->sink.out, FMT_LIT(p, "},\n"));
	}
}

/* Writes the held exit. next is the exit that directly followed, NULL if it
 * is not known: the slice then ends with what is known of it. */
static void put_held(struct json_sink *js, struct json_vm *vm, uint32_t vcpu,
		     struct json_vcpu *v, const struct vmmt_exit *next)
{
	const struct json_name *name = slice_name(js, v);
	unsigned int tid = TID_VCPU + vcpu;
	int64_t from = json_ns(js, v->exit.t_exit);
	int64_t to = json_ns(js, next ? next->t_enter : v->exit.time), inner;
	char *p;

	if (from < v->done)
		from = v->done;
	if (!next && v->device_seen && to <= v->device_last)
		to = v->device_last + 1;
	if (to < from)
		to = from;
	json_thread(js, vm, tid);
	p = out_reserve(&js->sink.out);
	p = json_where(fmt_bytes(p, name->text, name->len), vm, tid, from);
	p = fmt_us(FMT_LIT(p, ",\"dur\":"), (uint64_t)(to - from));
	out_commit(&js->sink.out, put_args(p, v, next));
	inner = put_child(js, vm, tid, find_child(js, v, next), from, to);
	put_flows(js, vm, tid, v, inner, to);
	v->done = to;
	v->held = false;
	v->device_seen = false;
	v->ninjections = 0;
}

static void put_lost(struct json_sink *js, struct json_vm *vm, uint32_t vcpu,
		     struct json_vcpu *v, int64_t from, int64_t to)
{
	unsigned int tid = TID_VCPU + vcpu;
	char *p;

	if (from < v->done)
		from = v->done;
	if (to < from)
		to = from;
	json_thread(js, vm, tid);
	p = out_reserve(&js->sink.out);
	p = fmt_u64(FMT_LIT(p, "{\"ph\":\"X\",\"name\":\"LOST "), v->lost);
	p = json_where(FMT_LIT(p, "\",\"cat\":\"lost\""), vm, tid, from);
	p = fmt_us(FMT_LIT(p, ",\"dur\":"), (uint64_t)(to - from));
	p = fmt_u64(FMT_LIT(p, ",\"args\":{\"count\":"), v->lost);
	out_commit(&js->sink.out, FMT_LIT(p, "}},\n"));
	v->done = to;
	v->lost = 0;
}

void json_vcpu_exit(struct json_sink *js, struct json_vm *vm, const struct delivery *d)
{
	const struct vmmt_exit *x = &d->rec->exit;
	struct json_vcpu *v = vcpu_get(vm, x->vcpu);
	bool adjacent = v && v->held && d->adjacent;
	int64_t enter, left;

	if (!v)
		return;
	enter = json_ns(js, x->t_enter);
	left = json_ns(js, x->t_exit);
	if (v->held)
		put_held(js, vm, x->vcpu, v, adjacent ? x : NULL);
	/* What is missing is either within the stay in the guest that led to
	 * this exit, or other exits up to the entry of that stay. */
	if (v->lost && adjacent)
		put_lost(js, vm, x->vcpu, v, enter, left);
	else if (v->lost)
		put_lost(js, vm, x->vcpu, v, json_ns(js, v->lost_since), enter);
	v->held = true;
	v->exit = *x;
	v->fault_page = 0;
	v->fault_access = VMMT_ACCESS_none;
	if (v->fault.exit == x->exit) {
		v->fault_page = v->fault.page;
		v->fault_access = v->fault.access;
	}
	json_count_exit(js, vm, v, enter, left);
}

void json_vcpu_fault(const struct json_sink *js, struct json_vm *vm, const struct vmmt_ept_fault *r)
{
	struct json_vcpu *v = vcpu_get(vm, r->vcpu);

	if (!v)
		return;
	v->fault = *r;
	json_count_touched(vm, json_ns(js, r->time), r->page);
}

void json_vcpu_injected(const struct json_sink *js, struct json_vm *vm, const struct vmmt_intr *r)
{
	struct json_vcpu *v = vcpu_get(vm, r->vcpu);

	if (!v || !v->held || v->exit.exit != r->exit || !r->irq_id ||
	    v->ninjections == INJECTIONS)
		return;
	for (unsigned int irq = 0; irq < 256; irq++) {
		if (vm->open_irq[irq] != r->irq_id)
			continue;
		v->injections[v->ninjections++] = (struct json_injection){
			vm->open_flow[irq], json_ns(js, r->time) };
		vm->open_irq[irq] = 0;
		return;
	}
}

void json_vcpu_lost(struct json_vm *vm, const struct vmmt_lost *r)
{
	struct json_vcpu *v = vcpu_get(vm, r->vcpu);

	if (!v)
		return;
	if (!v->lost)
		v->lost_since = r->since ? r->since : r->time;
	v->lost += r->count;
}

bool json_vcpu_dev(const struct json_sink *js, struct json_vm *vm, const struct vmmt_dev *r)
{
	uint32_t vcpu = r->vcpu - VMMT_VCPU_USER;
	struct json_vcpu *v = vcpu < JSON_VCPUS ? vm->vcpus[vcpu] : NULL;
	int64_t from, to;

	if (!v || !v->held || !v->exit.t_out || r->begin < v->exit.t_out)
		return false;
	from = json_ns(js, r->begin);
	to = json_ns(js, r->time);
	if (!v->device_seen || to - from > v->device_longest) {
		v->device = r->device;
		v->device_longest = to - from;
	}
	if (!v->device_seen)
		v->device_first = from;
	v->device_last = to;
	v->device_seen = true;
	return true;
}

void json_vcpu_end(struct json_sink *js, struct json_vm *vm, uint32_t vcpu)
{
	struct json_vcpu *v = vcpu < JSON_VCPUS ? vm->vcpus[vcpu] : NULL;

	if (!v)
		return;
	if (v->held)
		put_held(js, vm, vcpu, v, NULL);
	if (v->lost)
		put_lost(js, vm, vcpu, v, json_ns(js, v->lost_since),
			 json_ns(js, v->lost_since) + 1);
}
