// SPDX-License-Identifier: GPL-2.0-only
/* What came, for programs: an object a line, with every vCPU by itself. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "src/stats/stats.h"
#include "top.h"

static json_t *class_json(const struct top_host *host, const struct top_vcpu *vcpu,
			  unsigned int class, struct stats_sum *sum)
{
	const struct vmm_stats_class *now = &vcpu->now->vs_class[class];
	json_t *object;

	stats_clear(sum);
	stats_sum_add(sum, now, &vcpu->before->vs_class[class], true);
	object = stats_json(class, sum);
	json_object_set_new(object, "total", json_integer((json_int_t)now->vsc_counted));
	if (!host->interval || !host->tsc_khz)
		return object;
	json_object_set_new(object, "rate", json_real((double)sum->counted / host->interval));
	json_object_set_new(object, "time", json_real((double)sum->ticks / 1000 /
						      (double)host->tsc_khz / host->interval));
	return object;
}

static json_t *vcpu_json(const struct top_host *host, const struct top_vcpu *vcpu, unsigned int id)
{
	static struct stats_sum sum;
	json_t *classes = json_array(), *spans = json_object();
	const struct vmm_stats *now = vcpu->now, *before = vcpu->before;
	unsigned int class;
	uint64_t all = 0;

	for (class = 0; class < VMMT_NCLASS; class++) {
		all += now->vs_class[class].vsc_counted - before->vs_class[class].vsc_counted;
		if (now->vs_class[class].vsc_counted)
			json_array_append_new(classes, class_json(host, vcpu, class, &sum));
	}
#define S(name, doc) json_object_set_new(spans, #name, json_integer((json_int_t) \
		(now->vs_spans[VMM_SPAN_##name] - before->vs_spans[VMM_SPAN_##name])));
	VMMT_SPANS(S)
#undef S
	return json_pack("{s:i s:I s:I s:o s:o}", "vcpu", (int)id, "exits", (json_int_t)all,
			 "off_ticks", (json_int_t)(now->vs_off - before->vs_off),
			 "span_ticks", spans, "classes", classes);
}

static json_t *vm_json(const struct top_host *host, const struct top_vm *vm)
{
	json_t *vcpus = json_array();
	unsigned int i;

	for (i = 0; i < vm->ncpus; i++)
		json_array_append_new(vcpus, vcpu_json(host, &vm->vcpus[i], i));
	return json_pack("{s:I s:s s:b s:o}", "vm", (json_int_t)vm->id, "name", vm->name,
			 "ended", (int)vm->ended, "vcpus", vcpus);
}

int top_json_print(const struct top_host *host)
{
	json_t *vms = json_array(), *all;
	struct timespec ts;
	size_t i;
	int err;

	clock_gettime(CLOCK_REALTIME, &ts);
	for (i = 0; i < host->nvms; i++)
		json_array_append_new(vms, vm_json(host, &host->vms[i]));
	all = json_pack("{s:f s:f s:I s:o}", "time", (double)ts.tv_sec + (double)ts.tv_nsec / 1e9,
			"interval", host->interval, "tsc_khz", (json_int_t)host->tsc_khz, "vms", vms);
	if (!all)
		return -ENOMEM;
	err = json_dumpf(all, stdout, JSON_COMPACT);
	json_decref(all);
	if (!err)
		putchar('\n');
	return 0;	/* a failed output is seen when it is flushed */
}
