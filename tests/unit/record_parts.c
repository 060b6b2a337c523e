/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of vmmtrace record on made-up VMs: snapshots while a vCPU counts, what lies between two of them
 * when records are lost at any place, conditions, names of files. The calls of /dev/vmm are this file's.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/record/before.h"
#include "src/record/files.h"
#include "src/record/held.h"
#include "src/record/trigger.h"
#include "src/record/vms.h"

/* ---- the module ---- */

static struct vmm_stats stats;
static bool listed;

int vmm_map_stats(int fd, uint32_t vm, uint32_t vcpu, const struct vmm_stats **ret)
{
	if (vm != stats.vs_vm || !listed)
		return -ENOENT;
	*ret = &stats;
	return 0;
}

void vmm_unmap_stats(const struct vmm_stats *st)
{
}

int vmm_info(int fd, struct vm_info_params *vip)
{
	size_t size = listed ? sizeof(struct vm_info_result) : 0;

	vip->vip_info_ct = 0;
	if (vip->vip_size >= size && size) {
		*vip->vip_info = (struct vm_info_result){ .vir_id = stats.vs_vm, .vir_ncpus = 1,
							  .vir_name = "made up" };
		vip->vip_info_ct = 1;
	}
	vip->vip_size = size;
	return 0;
}

static void no_refusals(void *arg, uint32_t vm, uint32_t vcpu, struct vmmt_refused *ret)
{
	*ret = (struct vmmt_refused){};
}

static void idle(void *arg)
{
}

static const struct snapshot_ops ops = { no_refusals, idle, NULL };

static void change(void)
{
	__atomic_store_n(&stats.vs_changes, stats.vs_changes + 1, __ATOMIC_RELEASE);
}

/* An exit, as kernel/exit.c counts it. */
static void count_exit(unsigned int class)
{
	change();
	stats.vs_exits++;
	stats.vs_class[class].vsc_counted++;
	stats.vs_seq++;
	change();
}

static int setup(void **state)
{
	memset(&stats, 0, sizeof(stats));
	stats.vs_vm = 5;
	listed = true;
	srand(1);
	return 0;
}

/* ---- snapshots ---- */

static atomic_bool done;

static void *storm(void *arg)
{
	unsigned int i = 0;

	while (!atomic_load(&done))
		count_exit(i++ % 7);
	return NULL;
}

static void agrees_with_itself(void **state)
{
	struct snapshot s, last = {};
	pthread_t thread;
	unsigned int i, k;
	uint64_t sum;

	atomic_store(&done, false);
	assert_int_equal(pthread_create(&thread, NULL, storm, NULL), 0);
	for (i = 0; i < 1000000; i++) {
		snapshot_take(&stats, &s, &ops);
		for (k = 0, sum = 0; k < VMMT_NCLASS; k++)
			sum += s.counted[k];
		assert_int_equal(sum, s.exits);
		assert_int_equal(s.seq, s.exits);
		assert_true(s.exits >= last.exits);
		/* Classes take turns. */
		assert_int_equal(s.counted[0], (s.exits + 6) / 7);
		last = s;
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

/* ---- parts ---- */

struct scene {
	struct vms vms;
	struct select select;
	struct collector *collector;
	struct held later;
	uint64_t told_lost;		/* by lost records, of all parts */
	struct collector_count sum;
};

static bool wanted(void *arg, int source, const union vmmt_record *rec)
{
	struct scene *s = arg;
	enum vms_route route = vms_route(&s->vms, rec, s->collector);

	if (route == VMS_LATER || route == VMS_BOTH)
		assert_int_equal(held_add(&s->later, source, rec), 0);
	return route == VMS_NOW || route == VMS_BOTH;
}

static void push(void *arg, int source, const union vmmt_record *rec)
{
	struct scene *s = arg;

	collector_push(s->collector, source, rec, rec->head.size);
}

static void push_clock(struct scene *s, uint64_t time)
{
	static uint64_t seq;
	union vmmt_record rec = { .clock = {
		.event = VMMT_EVENT_clock, .size = sizeof(rec.clock), .vcpu = VMMT_VCPU_VM,
		.seq = ++seq, .time = time, .mono = time, .khz = 1000000,
	} };

	push(s, 0, &rec);
}

static union vmmt_record make_exit(void)
{
	unsigned int class = (unsigned int)(rand() % 5 + 1);

	count_exit(class);
	return (union vmmt_record){ .exit = {
		.event = VMMT_EVENT_exit, .size = sizeof(struct vmmt_exit), .vm = stats.vs_vm,
		.seq = stats.vs_seq, .time = 1000 * stats.vs_exits, .exit = stats.vs_exits,
		.nth = stats.vs_class[class].vsc_counted, .class = (uint8_t)class,
		.t_enter = 1000 * stats.vs_exits - 500, .t_exit = 1000 * stats.vs_exits - 400,
	} };
}

/* The vCPU takes an exit, whose record arrives or does not. */
static void take_exit(struct scene *s, bool arrives)
{
	union vmmt_record rec = make_exit();

	if (arrives)
		push(s, 0, &rec);
}

static void end_part(struct scene *s)
{
	struct collector_stream_end *streams;
	struct collector_totals totals;
	struct collector_count *sum = &s->sum;
	unsigned int i;

	assert_int_equal(vms_totals(&s->vms, &totals, &streams), 0);
	assert_int_equal(collector_finish(s->collector, &totals), 0);
	free(streams);
	for (i = 0; i < VMMT_NCLASS; i++) {
		const struct collector_count *c = &collector_counts(s->collector)[i];

		assert_int_equal(c->counted, c->recorded + c->filtered + c->lost);
		sum->counted += c->counted;
		sum->recorded += c->recorded;
		sum->lost += c->lost;
	}
	s->told_lost += collector_stats(s->collector).lost;
}

/* Exits go on between the snapshot and the reading of what lies before it. */
static void next_part(struct scene *s, unsigned int meanwhile, unsigned int lose)
{
	struct held later;

	vms_cut(&s->vms);
	while (meanwhile--)
		take_exit(s, (unsigned int)rand() % 100 >= lose);
	end_part(s);
	collector_restart(s->collector);
	vms_next(&s->vms);
	assert_int_equal(vms_begin(&s->vms, s->collector), 0);
	later = s->later;
	s->later = (struct held){};
	push_clock(s, 1000 * stats.vs_exits);
	held_each(&later, push, s);
	held_free(&later);
}

static void open_scene(struct scene *s)
{
	struct collector_options options = { .attached = true, .wanted = wanted, .arg = s,
					     .khz = 1000000 };

	*s = (struct scene){ .select = { .all = true } };
	s->vms.select = &s->select;
	s->vms.ops = ops;
	s->collector = collector_new(&options);
	assert_non_null(s->collector);
	assert_int_equal(collector_add_source(s->collector), 0);
	push_clock(s, 1000 * stats.vs_exits);
}

static void close_scene(struct scene *s)
{
	vms_free(&s->vms);
	held_free(&s->later);
	collector_free(s->collector);
}

/* Whatever is lost wherever, no exit is in no part or in two, and each loss is told. */
static void has_no_gap(void **state)
{
	union vmmt_record in_ring[20];
	unsigned int round, part, i, lose;
	uint64_t from, all;
	struct scene s;

	for (round = 0; round < 200; round++) {
		lose = (unsigned int)rand() % 4 * 30;
		for (i = 0; i < 20; i++)
			in_ring[i] = make_exit();
		open_scene(&s);
		assert_int_equal(vms_look(&s.vms, s.collector), 0);
		for (i = 10; i < 20; i++)
			push(&s, 0, &in_ring[i]);
		assert_int_equal(s.vms.nvms, 1);
		from = stats.vs_exits;
		for (part = 0; part < 4; part++) {
			for (i = (unsigned int)rand() % 20; i; i--)
				take_exit(&s, (unsigned int)rand() % 100 >= lose);
			next_part(&s, (unsigned int)rand() % 5, lose);
		}
		vms_cut(&s.vms);
		all = stats.vs_exits - from;
		take_exit(&s, true);
		end_part(&s);
		assert_int_equal(s.sum.counted, all);
		assert_int_equal(s.sum.recorded + s.sum.lost, all);
		assert_int_equal(s.told_lost, s.sum.lost);
		vms_next(&s.vms);
		vms_close_all(&s.vms);
		assert_int_equal(s.vms.ninfos, 1);
		assert_int_equal(s.vms.infos[0].exits, all);
		close_scene(&s);
	}
}

static void push_life(struct scene *s, uint8_t what, uint64_t seq)
{
	union vmmt_record rec = { .life = {
		.event = VMMT_EVENT_life, .size = sizeof(rec.life), .vm = stats.vs_vm,
		.vcpu = VMMT_VCPU_VM, .seq = seq, .time = 1000 * stats.vs_exits + 1, .vcpus = 1,
		.what = what, .exit = stats.vs_exits,
	} };

	push(s, 0, &rec);
}

/* A VM that ended before its statistics could be mapped is counted from its records. */
static void counts_without_statistics(void **state)
{
	struct scene s;
	unsigned int i;

	open_scene(&s);
	listed = false;
	push_life(&s, VMMT_LIFE_vm_made, 1);
	for (i = 0; i < 100; i++)
		take_exit(&s, i != 50);
	push_life(&s, VMMT_LIFE_vcpu_ended, 2);
	push_life(&s, VMMT_LIFE_vm_ended, 3);
	assert_int_equal(vms_running(&s.vms), 0);
	vms_cut(&s.vms);
	end_part(&s);
	assert_int_equal(s.sum.counted, 100);
	assert_int_equal(s.sum.recorded, 99);
	assert_int_equal(s.told_lost, 1);
	close_scene(&s);
}

/* Those that ended count in the totals of their part, and are forgotten. */
static void forgets_what_ended(void **state)
{
	struct scene s;
	unsigned int i;

	open_scene(&s);
	push_life(&s, VMMT_LIFE_vm_made, 1);
	for (i = 0; i < 10; i++)
		take_exit(&s, i != 9);
	listed = false;
	for (i = 0; i < 9 && s.vms.nvms; i++)
		vms_check(&s.vms, true);
	assert_int_equal(s.vms.nvms, 0);
	assert_true(i > 1);
	next_part(&s, 0, 0);
	assert_int_equal(s.sum.counted, 10);
	assert_int_equal(s.told_lost, 1);
	end_part(&s);
	assert_int_equal(s.sum.counted, 10);
	close_scene(&s);
}

/* ---- what came before ---- */

static void goes_back(void **state)
{
	struct before before = { .ns = 100000000 };
	uint64_t now = 1000000000, exits[5];
	struct scene s;
	unsigned int i, k;

	open_scene(&s);
	s.vms.waiting = true;
	assert_int_equal(before_begin(&before, &s.vms, now), 0);
	assert_int_equal(vms_look(&s.vms, s.collector), 0);
	for (i = 0; i < 5; i++) {
		vms_cut(&s.vms);
		vms_next(&s.vms);
		exits[i] = stats.vs_exits;
		assert_int_equal(before_begin(&before, &s.vms, now), 0);
		for (k = 0; k < 10; k++)
			count_exit(2);
		now += 50000000;
	}
	/* Pieces began 250, 200, 150, 100 and 50 ms ago; the newest of the last call reached 100. */
	before_rewind(&before, &s.vms);
	assert_false(s.vms.waiting);
	assert_int_equal(s.vms.vms[0]->vcpus[0].begin.exits, exits[2]);
	assert_int_equal(s.vms.vms[0]->vcpus[0].begin.counted[2], exits[2]);
	assert_false(before.cut_short);
	before_free(&before);
	close_scene(&s);
}

/* ---- conditions ---- */

static union vmmt_record mark(uint64_t value)
{
	return (union vmmt_record){ .mark = { .event = VMMT_EVENT_mark, .vm = 1,
					      .size = sizeof(struct vmmt_mark), .value = value } };
}

static union vmmt_record cpuid(void)
{
	return (union vmmt_record){ .exit = { .event = VMMT_EVENT_exit, .vm = 1,
					      .size = sizeof(struct vmmt_exit), .t_enter = 1000,
					      .t_exit = 3000, .class = VMMT_CLASS_cpuid } };
}

static void is_met(void **state)
{
	union vmmt_record one = mark(0x1234), other = mark(0x1235), exit = cpuid();
	struct trigger t = {};
	char msg[FILTER_MSG];
	unsigned int i;

	assert_false(trigger_met(&t, &one));
	assert_int_equal(trigger_parse("mark=0x1234", &t, msg), 0);
	trigger_compile(&t, 1000000);
	assert_false(trigger_met(&t, &other));
	assert_false(trigger_met(&t, &exit));
	assert_true(trigger_met(&t, &one));
	assert_false(trigger_met(&t, &one));	/* it was the first */
	assert_int_equal(trigger_parse("class=cpuid#1000", &t, msg), 0);
	trigger_compile(&t, 1000000);
	assert_false(trigger_met(&t, &one));
	for (i = 1; i < 1000; i++)
		assert_false(trigger_met(&t, &exit));
	assert_true(trigger_met(&t, &exit));
	assert_int_equal(trigger_parse("guest>2us", &t, msg), 0);
	trigger_compile(&t, 1000000);
	assert_false(trigger_met(&t, &exit));
	assert_int_equal(trigger_parse("guest>=2us", &t, msg), 0);
	trigger_compile(&t, 1000000);
	assert_true(trigger_met(&t, &exit));
	assert_int_equal(trigger_parse("class=cpuid#", &t, msg), -EINVAL);
	assert_int_equal(trigger_parse("class=cpuid#-1", &t, msg), -EINVAL);
	assert_int_equal(trigger_parse("mark=", &t, msg), -EINVAL);
}

/* ---- files ---- */

static void numbers_names(void **state)
{
	const char *const outputs[] = { "dir.d/boot.ndjson.gz", "boot.json" };
	struct files f;

	assert_int_equal(files_init(&f, outputs, 2, true, 0), 0);
	assert_int_equal(files_next(&f), 0);
	assert_string_equal(f.paths[0], "dir.d/boot.0001.ndjson.gz");
	assert_string_equal(f.paths[1], "boot.0001.json");
	assert_int_equal(files_next(&f), 0);
	assert_string_equal(f.paths[1], "boot.0002.json");
	files_free(&f);
	assert_int_equal(files_init(&f, outputs, 2, false, 0), 0);
	assert_int_equal(files_next(&f), 0);
	assert_string_equal(f.paths[0], outputs[0]);
	files_free(&f);
}

static void names_vms(void **state)
{
	struct select s = { .vms = { "7", "debian" }, .nvms = 2, .pids = { 12 }, .npids = 1 };

	assert_true(select_has(&s, 7, "x", 1, true));
	assert_true(select_has(&s, 8, "debian", 1, true));
	assert_false(select_has(&s, 8, "7", 1, true));
	assert_false(select_has(&s, 7, "debian", 1, false));	/* made later: another one */
	assert_true(select_has(&s, 9, "x", 12, false));
	assert_false(select_has(&s, 9, "x", 13, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(agrees_with_itself, setup),
		cmocka_unit_test_setup(has_no_gap, setup),
		cmocka_unit_test_setup(counts_without_statistics, setup),
		cmocka_unit_test_setup(forgets_what_ended, setup),
		cmocka_unit_test_setup(goes_back, setup),
		cmocka_unit_test(is_met),
		cmocka_unit_test(numbers_names),
		cmocka_unit_test(names_vms),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
